//! `template`.

use std::path::PathBuf;

use clap::Subcommand;

use super::completing;
use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::template::{self, WriteRequest};

/// Show certificate profiles, and write configuration for networks, agents, services and CI
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
    /// List profiles, built-in and custom, and file templates
    #[command(after_help = "Examples:
  openagents-certs template list
  openagents-certs template list -C pki --json")]
    List,
    /// Show a profile, a file template, or certs.toml with every setting explained
    #[command(after_help = "Examples:
  openagents-certs template show server
  openagents-certs template show network-mtls.yaml --for certs")]
    Show {
        /// Name of the profile or file
        #[arg(add = completing::templates())]
        name: String,

        /// Directory with the certificates to fill in [default: the PKI directory]
        #[arg(long = "for", value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Write a file template, filled in with the paths and names of existing certificates
    #[command(after_help = "Examples:
  openagents-certs template write network-mtls.yaml --out network.yaml
  openagents-certs template write openagents-certs-renew.service --for /etc/certs --out /etc/systemd/system/openagents-certs-renew.service")]
    Write {
        /// Name of the file in `template list`
        #[arg(add = completing::templates())]
        name: String,

        /// Directory with the certificates to fill in [default: the PKI directory]
        #[arg(long = "for", value_name = "DIR")]
        directory: Option<PathBuf>,

        /// Output file [default: its name, in the working directory]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,

        /// Replace an existing file
        #[arg(long)]
        force: bool,

        /// Show what would be written without writing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a certs.toml with every setting explained and commented out
    ///
    /// Never replaces an existing file.
    #[command(after_help = "Examples:
  openagents-certs template init
  openagents-certs template init -C pki")]
    Init {
        /// Show what would be written without writing
        #[arg(long)]
        dry_run: bool,
    },
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let own = context.directory();
        match self.command {
            Command::List => context.finish(&template::list(own)?),
            Command::Show { name, directory } => {
                let directory = directory.as_deref().unwrap_or(own);
                context.finish(&template::show(directory, &name, &program())?)
            }
            Command::Write {
                name,
                directory,
                out,
                force,
                dry_run,
            } => {
                let request = WriteRequest {
                    directory: directory.unwrap_or_else(|| own.to_owned()),
                    name,
                    out,
                    replace: force,
                    dry_run,
                };
                context.finish(&template::write(&request, &program())?)
            }
            Command::Init { dry_run } => context.finish(&template::init(own, dry_run)?),
        }
    }
}

/// The path of this program, for services that start it.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/openagents-certs".into())
}
