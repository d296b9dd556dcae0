//! `issue`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, Lasting, PassphraseSource, requested_by};
use super::finish;
use crate::error::Error;
use crate::ops::{Verdict, issue};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;
use crate::pki::usage::Purpose;
use crate::render::Renderer;

/// Issue a certificate for a server, a client, or both
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Issue a server certificate
    #[command(after_help = "Examples:
  openagents-certs issue server agents.example.org 10.0.0.7
  openagents-certs issue server localhost --ttl 24h --out run --name dev")]
    Server(Wanted),
    /// Issue a client certificate
    #[command(after_help = "Examples:
  openagents-certs issue client alice
  openagents-certs issue client alice@example.org --days 30 --key-type p384")]
    Client(Wanted),
    /// Issue a certificate that serves and dials
    #[command(after_help = "Examples:
  openagents-certs issue peer agent-7.example.org
  openagents-certs issue peer agent-7.example.org --san uri:spiffe://example.org/agent-7")]
    Peer(Wanted),
}

#[derive(clap::Args, Debug)]
struct Wanted {
    /// The names it is for: hosts, IP addresses, URIs or e-mail addresses, typed by their shape or by
    /// a prefix (dns:, ip:, uri:, email:); the first is the common name
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Another name
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    #[command(flatten)]
    lasting: Lasting,

    /// The kind of its key
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    /// Write to this directory [default: the PKI directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Name the files BASE.crt and BASE.key [default: the first name]
    #[arg(long, value_name = "BASE")]
    name: Option<OsString>,

    /// What to say of it in the inventory
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Replace a pair that is there
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what would be issued, and issue nothing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let (purpose, wanted) = match self.command {
            Command::Server(wanted) => (Purpose::Server, wanted),
            Command::Client(wanted) => (Purpose::Client, wanted),
            Command::Peer(wanted) => (Purpose::Peer, wanted),
        };
        let names = wanted
            .names
            .iter()
            .chain(&wanted.san)
            .map(|name| name.parse());
        let names: Vec<TypedName> = names.collect::<Result<_, _>>()?;
        let base = wanted.name.unwrap_or_else(|| {
            names
                .first()
                .map(|first| issue::base_of(&first.name))
                .unwrap_or_default()
        });
        let request = issue::Request {
            purpose,
            names,
            end: wanted.lasting.end(),
            key_type: wanted.key_type,
            base,
            requested_by: requested_by(),
            note: wanted.note.clone(),
        };
        let out = wanted.out.unwrap_or_else(|| global.directory().to_owned());
        let ask = |path: &Path| wanted.passphrase.ask(path);
        let from = issue::AuthorityAt {
            directory: global.directory(),
            passphrase: &ask,
        };
        if wanted.dry_run {
            return finish(renderer, &issue::dry_run(&request, &from, &out, now)?);
        }
        finish(
            renderer,
            &issue::run(&request, &from, &out, wanted.force, now)?,
        )
    }
}
