//! `token`: tokens for enrollment.

use clap::Subcommand;

use super::args::requested_by;
use super::completing;
use super::context::Context;
use crate::config::PublicUrl;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::token::{self, Request};
use crate::pki::profile::NamePattern;
use crate::pki::validity::Lifetime;

/// Create, list and revoke tokens that let machines enroll
///
/// A token permits names of a profile, for some time, to a number of keys. It works with `enroll`, with
/// EST clients (HTTP Basic), and with ACME clients (external account binding). It may be created before
/// `serve` runs, or while it does.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs token create agent-7.example.org --profile peer
  openagents-certs token list"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Create a token, and print it
    Create(Create),
    /// List tokens, the newest first
    List(List),
    /// Revoke a token
    Revoke(Revoke),
}

/// Create a token, and print it
///
/// The token is one line. It contains the server's URL, a pin of the CA, and a secret, of which only a hash
/// is stored: it cannot be shown again. Whoever has it can use it, so pass it on as you would a password.
///
/// With `--json`, prints what ACME and EST clients need as well. A key that has used the token may use it
/// again until it expires, so that a lost answer can be repeated.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs token create agent-7.example.org
  openagents-certs token create '*.agents.example.org' --profile peer --uses 100 --ttl 8h --json")]
struct Create {
    /// Names that certificates may have: host names, addresses, URIs, e-mail addresses, or patterns such as
    /// *.example.org, **.example.org, 10.0.0.0/8, spiffe://example.org/agent/*
    #[arg(value_name = "NAME", required = true)]
    names: Vec<NamePattern>,

    /// Profile of the certificates
    #[arg(long, value_name = "NAME", default_value = "client", add = completing::profiles())]
    profile: String,

    /// How long the token can be used
    #[arg(long, value_name = "LIFETIME", default_value = "1h")]
    ttl: Lifetime,

    /// How many keys, or ACME accounts, can use it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MAX_USES))]
    uses: u64,

    /// Validity period of the certificates [default: that of the profile]
    #[arg(long, value_name = "LIFETIME")]
    cert_ttl: Option<Lifetime>,

    /// URL of the server [default: `public_url` of [serve] in certs.toml, or that of the server that started last]
    #[arg(long, value_name = "URL")]
    url: Option<PublicUrl>,
}

/// List tokens, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs token list
  openagents-certs token list --json")]
struct List {}

/// Revoke a token
///
/// It can no longer be used. Certificates that it was used for stay valid until they expire or are revoked.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs token revoke 3f2a8b0c91d4e657
  openagents-certs token revoke 3f2a8b0c91d4e657 -C /etc/certs")]
struct Revoke {
    /// The token's id, as `token list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        match self.command {
            TokenCommand::Create(args) => args.run(context),
            TokenCommand::List(List {}) => {
                context.finish(&token::list(context.directory(), context.now)?)
            }
            TokenCommand::Revoke(Revoke { id }) => {
                context.finish(&token::revoke(context.directory(), &id, context.now)?)
            }
        }
    }
}

impl Create {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = Request {
            directory: context.directory().to_owned(),
            names: self.names,
            profile: self.profile,
            lifetime: self.ttl,
            uses: self.uses,
            certificate_lifetime: self.cert_ttl,
            url: self.url,
            requested_by: requested_by(),
        };
        context.finish(&token::create(&request, context.now)?)
    }
}

const MAX_USES: u64 = 1_000_000_000;
