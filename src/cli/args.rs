//! Arguments that several commands share.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::render::{Color, Format, Renderer};

/// What every command takes.
#[derive(Args, Debug)]
pub(super) struct Global {
    /// The PKI directory
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        env = "OPENAGENTS_CERTS_DIR",
        default_value = "./certs",
        hide_env_values = true
    )]
    dir: PathBuf,

    /// Write text for people or JSON for programs
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    format: Format,

    /// The same as --format json
    #[arg(long, global = true)]
    json: bool,

    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,

    /// Use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

impl Global {
    /// The PKI directory.
    pub(super) fn directory(&self) -> &Path {
        &self.dir
    }

    /// How results are written.
    pub(super) fn renderer(&self) -> Renderer {
        let format = if self.json { Format::Json } else { self.format };
        Renderer {
            format,
            color: self.color,
            quiet: self.quiet,
        }
    }
}
