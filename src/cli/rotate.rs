//! `ca rotate`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::args::{Dialling, requested_by};
use super::ca::Subject;
use super::context::Context;
use super::passphrase::PassphraseSource;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::ca::rotate::{self, Gate, Request};
use crate::pki::algorithm::KeyType;
use crate::pki::validity::Lifetime;

/// Replace the root CA in stages, without downtime
///
/// `prepare` creates the new root and puts both into ca.crt, which you distribute. `activate` issues from the new
/// root. After the certificates of the old root are renewed, `retire` removes it from ca.crt.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs ca rotate prepare
  openagents-certs ca rotate status"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: RotateCommand,
}

#[derive(Debug, Subcommand)]
enum RotateCommand {
    Prepare(Prepare),
    Activate(Activate),
    Retire(Retire),
    Status(Status),
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        match self.command {
            RotateCommand::Prepare(prepare) => prepare.run(context),
            RotateCommand::Activate(activate) => activate.run(context),
            RotateCommand::Retire(retire) => retire.run(context),
            RotateCommand::Status(Status {}) => {
                context.finish(&rotate::status(context.directory(), context.now)?)
            }
        }
    }
}

/// Create the new root, cross-sign both roots, and put both into ca.crt
///
/// The old root continues to issue. Its certificates are served with the cross-certificate, so that clients which
/// trust only the new root accept them, too. Safe to rerun after an interruption.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate prepare
  openagents-certs ca rotate prepare -C pki --common-name 'Acme Root 2027' --ttl 10y")]
struct Prepare {
    #[command(flatten)]
    subject: Subject,

    /// Validity period of the new root [default: that of the old root]
    #[arg(long, value_name = "LIFETIME")]
    ttl: Option<Lifetime>,

    /// Key type
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what would be created, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Prepare {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = Request {
            subject: self.subject.attributes(),
            lifetime: self.ttl,
            key_type: self.key_type,
        };
        let ask = |path: &Path| self.passphrase.ask(path);
        let from = context.authority(&ask);
        let report = rotate::prepare(&request, &from, &requested_by(), self.dry_run, context.now)?;
        context.finish(&report)
    }
}

/// Issue from the new root, if everyone named trusts it
///
/// The old root's key is kept in rotation/. Exit code 1: someone named does not trust the new root yet, and nothing
/// was changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate activate --endpoint grpcs://agents.example.org:8600
  openagents-certs ca rotate activate --network network.yaml --trust /etc/agents/ca.crt")]
struct Activate {
    /// Port that must accept a client certificate of the new root; can be repeated
    #[arg(long, value_name = "URL")]
    endpoint: Vec<String>,

    /// network.yaml whose ca_file must contain the new root; can be repeated
    #[arg(long, value_name = "FILE")]
    network: Vec<PathBuf>,

    /// File of trust anchors that must contain the new root; can be repeated
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,

    /// Require that every enrolled machine has fetched the new root, which they do when they renew
    #[arg(long)]
    enrolled: bool,

    /// Switch even if not everyone trusts the new root
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dialling: Dialling,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Check everyone, and change nothing; the certificate presented to ports is recorded even so
    #[arg(long)]
    dry_run: bool,
}

impl Activate {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let gate = Gate {
            endpoints: self.endpoint,
            networks: self.network,
            trust: self.trust,
            enrolled: self.enrolled,
            dialling: self.dialling.options(None),
        };
        let ask = |path: &Path| self.passphrase.ask(path);
        let from = context.authority(&ask);
        let how = (self.force, self.dry_run);
        context.finish(&rotate::activate(
            &gate,
            &from,
            how,
            &requested_by(),
            context.now,
        )?)
    }
}

/// Remove the old root from ca.crt, if no valid certificate depends on it
///
/// Certificates that the new root renewed or reissued into the same files count as replaced. The old root's key is
/// kept as rotation/retired-DATE.key. Exit code 1: valid certificates depend on it, and nothing was changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate retire
  openagents-certs ca rotate retire -C pki --dry-run")]
struct Retire {
    /// Retire it even if valid certificates depend on it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what depends on it, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Retire {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let ask = |path: &Path| self.passphrase.ask(path);
        let from = context.authority(&ask);
        context.finish(&rotate::retire(
            &from,
            (self.force, self.dry_run),
            context.now,
        )?)
    }
}

/// Show the stage of the rotation, and what depends on the old root
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate status
  openagents-certs ca rotate status -C pki --json")]
struct Status {}
