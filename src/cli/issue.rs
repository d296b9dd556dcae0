//! `issue`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, Issuer, Lasting, Output, requested_by};
use super::finish;
use crate::authority::Recording;
use crate::error::Error;
use crate::ops::issue::Key;
use crate::ops::refused::Outcome;
use crate::ops::{DryRun, Verdict, issue};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;
use crate::pki::spiffe::SpiffeId;
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
    #[arg(value_name = "NAME", required_unless_present_any = ["spiffe", "csr"])]
    names: Vec<String>,

    /// Another name
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    /// The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent
    #[arg(long, value_name = "ID")]
    spiffe: Option<SpiffeId>,

    /// Issue for the key of this PKCS #10 request; only the names given here are granted, or without any
    /// those it asks for
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,

    #[command(flatten)]
    lasting: Lasting,

    /// The kind of its key [default: p256]
    #[arg(long, value_enum, value_name = "TYPE", conflicts_with = "csr")]
    key_type: Option<KeyType>,

    #[command(flatten)]
    output: Output,

    /// What to say of it in the inventory
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    #[command(flatten)]
    issuer: Issuer,

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
        let key = match &wanted.csr {
            Some(path) => Key::Requested(path.clone(), Box::new(issue::read_request(path)?)),
            None => Key::New(wanted.key_type.unwrap_or_default()),
        };
        let request = issue::Request {
            purpose,
            names: names.collect::<Result<Vec<TypedName>, _>>()?,
            spiffe: wanted.spiffe,
            end: wanted.lasting.end(),
            key,
            base: wanted.output.name.clone(),
            requested_by: requested_by(),
            note: wanted.note,
        };
        issue_as(
            &request,
            &wanted.output,
            &wanted.issuer,
            wanted.dry_run,
            &Context {
                global,
                renderer,
                now,
            },
        )
    }
}

/// What every command has at hand.
pub(super) struct Context<'a> {
    pub(super) global: &'a Global,
    pub(super) renderer: &'a Renderer,
    pub(super) now: OffsetDateTime,
}

/// Issues what was asked for, to files or to standard output.
pub(super) fn issue_as(
    request: &issue::Request,
    output: &Output,
    issuer: &Issuer,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<Verdict, Error> {
    let Context {
        global,
        renderer,
        now,
    } = *context;
    let ask = |path: &Path| issuer.passphrase.ask(path);
    let from = issuer.at(global.directory(), &ask);
    if from.recording == Recording::Nowhere {
        renderer.warning("nothing is recorded: what is issued can neither be listed nor revoked");
    }
    let out = output.out.as_deref().unwrap_or(global.directory());
    if dry_run {
        return finish(renderer, &issue::dry_run(request, &from, out, now)?);
    }
    if !output.stdout {
        return finish(
            renderer,
            &issue::run(request, &from, out, output.force, now)?,
        );
    }
    match issue::stream(request, &from, now)? {
        Outcome::Done(streamed) => {
            streamed
                .warnings
                .iter()
                .for_each(|warning| renderer.warning(warning));
            renderer.raw(streamed.pem.as_bytes())?;
            Ok(Verdict::Yes)
        }
        Outcome::Refused(refused) => finish(renderer, &Outcome::<DryRun>::Refused(refused)),
    }
}
