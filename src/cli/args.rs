//! Arguments that several commands share.

use std::path::{Path, PathBuf};

use clap::Args;
use time::OffsetDateTime;

use crate::ops::issue::End;
use crate::pki::validity::{self, Lifetime};
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

/// How long a certificate is to be valid.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(super) struct Lasting {
    /// Valid for so many days [default: 365]
    #[arg(short, long, value_name = "N", value_parser = validity::days, allow_hyphen_values = true)]
    days: Option<Lifetime>,

    /// Valid for so long, such as 15m, 24h, 90d or 1y
    #[arg(long, value_name = "LIFETIME")]
    ttl: Option<Lifetime>,

    /// Valid until this moment, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    not_after: Option<OffsetDateTime>,
}

impl Lasting {
    /// When it is to end.
    pub(super) fn end(&self) -> End {
        match (self.not_after, self.ttl.or(self.days)) {
            (Some(moment), _) => End::At(moment),
            (None, Some(lifetime)) => End::After(lifetime),
            (None, None) => End::After(DEFAULT_LIFETIME),
        }
    }
}

const DEFAULT_LIFETIME: Lifetime = match Lifetime::from_days(365) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};
