//! `notify`.

use clap::Subcommand;

use super::context::Context;
use crate::error::Error;
use crate::ops::{Verdict, notify};

/// Test the notifications of expiry, revocation and failures
///
/// `watch`, `serve` and `status --notify` send them as `[notify]` in certs.toml says: by webhook, command or mail, each
/// once per certificate and threshold, followed by `resolved` when it is over.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs notify test
  openagents-certs notify test -C pki --json"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    /// Send a sample by every channel in certs.toml
    #[command(after_help = "Examples:
  openagents-certs notify test
  openagents-certs notify test -C pki --json")]
    Test,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        match self.command {
            NotifyCommand::Test => {
                let mut delivery = notify::test(context.directory(), context.now)?;
                let failures = delivery.take_failures();
                let verdict = context.finish(&delivery)?;
                context.conclude(verdict, failures)
            }
        }
    }
}
