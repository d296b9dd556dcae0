//! `template`.

use clap::Subcommand;

use super::args::Global;
use super::finish;
use crate::error::Error;
use crate::ops::{Verdict, template};
use crate::render::Renderer;

/// Show the profiles certificates are issued by, and the settings to change them
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs template list
  openagents-certs template show server"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the profiles, built-in and one's own, and the files to start from
    #[command(after_help = "Examples:
  openagents-certs template list
  openagents-certs template list -C pki --json")]
    List,
    /// Show what a profile comes to, or the file certs.toml with every setting explained
    #[command(after_help = "Examples:
  openagents-certs template show server
  openagents-certs template show certs.toml")]
    Show {
        /// The profile's name, or certs.toml
        name: String,
    },
    /// Write a certs.toml with every setting explained and commented out
    ///
    /// Never replaces one that is there.
    #[command(after_help = "Examples:
  openagents-certs template init
  openagents-certs template init -C pki")]
    Init {
        /// Show what would be written, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
}

impl Args {
    pub(super) fn run(self, global: &Global, renderer: &Renderer) -> Result<Verdict, Error> {
        let directory = global.directory();
        match self.command {
            Command::List => finish(renderer, &template::list(directory)?),
            Command::Show { name } => finish(renderer, &template::show(directory, &name)?),
            Command::Init { dry_run } => finish(renderer, &template::init(directory, dry_run)?),
        }
    }
}
