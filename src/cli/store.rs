//! `store`: the inventory as a whole.

use std::ffi::OsString;

use clap::Subcommand;

use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::store::{self, CopyRequest};
use crate::pki::validity::Lifetime;
use crate::render::Progress;

/// Copy, check and prune the inventory
///
/// The inventory is the file inventory.db, or a schema of a PostgreSQL database that several machines share:
/// `url` of [store] in certs.toml names it, or the variable OPENAGENTS_CERTS_STORE, which counts more. Each
/// machine has ca.crt and ca.key of its own; one schema holds the inventory of one CA.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs store copy --from certs --to postgres://certs@db.example.org/certs
  openagents-certs store prune --expired-before 90d --dry-run"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Copy an inventory from one store to another, and compare them
    Copy(Copy),
    /// Check every certificate in the inventory, and its indexes
    Check(Check),
    /// Remove certificates that expired long ago
    Prune(Prune),
}

/// Copy an inventory from one store to another, and compare them
///
/// Copies certificates, revocations, the CRL number, tokens, accounts and all else. What is there already
/// stays, so run the same command again if it was interrupted. Stop whatever issues certificates meanwhile:
/// afterwards both are read and compared.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs store copy --from certs --to postgres://certs@db.example.org/certs
  openagents-certs store copy --from postgres:///certs?host=/run/postgresql --to backup")]
struct Copy {
    /// Store to read: a URL of PostgreSQL, or a directory with inventory.db
    #[arg(long, value_name = "URL|DIR")]
    from: OsString,

    /// Store to write; a directory is made if there is none
    #[arg(long, value_name = "URL|DIR")]
    to: OsString,
}

/// Check every certificate in the inventory, and its indexes
///
/// Each must parse, be signed by a CA of this inventory, and be what is recorded about it. Exits with 1 when
/// something is wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs store check
  openagents-certs store check --json")]
struct Check {}

/// Remove certificates that expired long ago
///
/// A revoked certificate stays until a CRL that was signed after it expired has listed it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs store prune --expired-before 90d --dry-run
  openagents-certs store prune --expired-before 1y")]
struct Prune {
    /// How long ago they must have expired
    #[arg(long, value_name = "LIFETIME")]
    expired_before: Lifetime,

    /// Say what would be removed, without removing it
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        match self.command {
            StoreCommand::Copy(Copy { from, to }) => {
                let mut progress = Progress::new(context.renderer, 0, "certificates");
                let copied = store::copy(&CopyRequest { from, to }, context.now, &mut |step| {
                    progress.set_of(step.done, step.total);
                });
                progress.finish();
                context.finish(&copied?)
            }
            StoreCommand::Check(Check {}) => {
                let mut progress = Progress::new(context.renderer, 0, "certificates");
                let checked = store::check(context.directory(), &mut |done| progress.set(done));
                progress.finish();
                context.finish(&checked?)
            }
            StoreCommand::Prune(Prune {
                expired_before,
                dry_run,
            }) => context.finish(&store::prune(
                context.directory(),
                expired_before,
                dry_run,
                context.now,
            )?),
        }
    }
}
