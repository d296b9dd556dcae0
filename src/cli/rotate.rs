//! `ca rotate`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, PassphraseSource, requested_by};
use super::ca::Subject;
use super::dialling::Dialling;
use super::finish;
use crate::authority::{AuthorityAt, Recording};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::ca::rotate::{self, Gate, Request};
use crate::pki::algorithm::KeyType;
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Replace the root by another in stages, while agents go on talking
///
/// prepare makes the new root and puts both into ca.crt; hand that out. activate issues from the new
/// root. Once what the old root issued is renewed, retire takes the old root out of ca.crt.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs ca rotate prepare
  openagents-certs ca rotate status"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Prepare(Prepare),
    Activate(Activate),
    Retire(Retire),
    Status(Status),
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        match self.command {
            Command::Prepare(prepare) => prepare.run(global, renderer, now),
            Command::Activate(activate) => activate.run(global, renderer, now),
            Command::Retire(retire) => retire.run(global, renderer, now),
            Command::Status(Status {}) => {
                finish(renderer, &rotate::status(global.directory(), now)?)
            }
        }
    }
}

/// Make the new root beside the old one, cross-sign both, and put both into ca.crt
///
/// The old root goes on issuing. What it issued gets the cross-certificate behind it, so that whoever
/// trusts only the new root takes it too. Killed half-way, it goes on where it was.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate prepare
  openagents-certs ca rotate prepare -C pki --common-name 'Acme Root 2027' --ttl 10y")]
struct Prepare {
    #[command(flatten)]
    subject: Subject,

    /// How long the new root is valid [default: as long as the old one]
    #[arg(long, value_name = "LIFETIME")]
    ttl: Option<Lifetime>,

    /// The kind of its key
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

impl Prepare {
    fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = Request {
            subject: self.subject.attributes(),
            lifetime: self.ttl,
            key_type: self.key_type,
        };
        let ask = |path: &Path| self.passphrase.ask(path);
        let from = at(global, &ask);
        let report = rotate::prepare(&request, &from, &requested_by(), self.dry_run, now)?;
        finish(renderer, &report)
    }
}

/// Issue from the new root, once everyone who is named trusts it
///
/// The old root's key is kept in rotation/. Exit code 1: somebody does not trust the new root yet, and
/// nothing was changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate activate --endpoint grpcs://agents.example.org:8600
  openagents-certs ca rotate activate --network network.yaml --trust /etc/agents/ca.crt")]
struct Activate {
    /// A port that has to take a client certificate of the new root; repeat for more
    #[arg(long, value_name = "URL")]
    endpoint: Vec<String>,

    /// A network.yaml whose ca_file has to hold the new root; repeat for more
    #[arg(long, value_name = "FILE")]
    network: Vec<PathBuf>,

    /// A file of trust anchors that has to hold the new root; repeat for more
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,

    /// Issue from the new root whoever trusts it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dialling: Dialling,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Look at everyone who is named, and change nothing; what is shown to ports is recorded all the same
    #[arg(long)]
    dry_run: bool,
}

impl Activate {
    fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let gate = Gate {
            endpoints: self.endpoint,
            networks: self.network,
            trust: self.trust,
            dialling: self.dialling.options(None),
        };
        let ask = |path: &Path| self.passphrase.ask(path);
        let from = at(global, &ask);
        let how = (self.force, self.dry_run);
        finish(
            renderer,
            &rotate::activate(&gate, &from, how, &requested_by(), now)?,
        )
    }
}

/// Take the old root out of ca.crt, once nothing valid was issued by it
///
/// What was renewed or issued again by the new root, into the same files, counts as replaced. Its key is moved aside, to rotation/retired-DATE.key. Exit code 1: something valid was issued by it,
/// and nothing was changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate retire
  openagents-certs ca rotate retire -C pki --dry-run")]
struct Retire {
    /// Retire it though valid certificates depend on it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what keeps it, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Retire {
    fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let ask = |path: &Path| self.passphrase.ask(path);
        let from = at(global, &ask);
        finish(
            renderer,
            &rotate::retire(&from, (self.force, self.dry_run), now)?,
        )
    }
}

/// Show how far the roll-over is, and what keeps the old root
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca rotate status
  openagents-certs ca rotate status -C pki --json")]
struct Status {}

/// The authority in the PKI directory.
fn at<'a>(global: &'a Global, ask: crate::authority::Ask<'a>) -> AuthorityAt<'a> {
    AuthorityAt {
        directory: global.directory(),
        material: None,
        recording: Recording::Directory,
        passphrase: ask,
    }
}
