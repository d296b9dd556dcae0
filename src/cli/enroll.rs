//! `enroll`.

use std::ffi::OsString;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::args::directory;
use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::enroll::{self, Request};
use crate::ops::token::{self, TokenText};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;

/// Get a certificate from a server with a token
///
/// Generates the key on this machine, checks that the server has the CA that the token pins before it sends
/// the token, and writes BASE.crt (the certificate and its intermediates), BASE.key and ca.crt. `renew` and
/// `watch` in that directory (or with `-C DIR`) then renew the certificate from the server, and keep ca.crt current.
///
/// The key is kept before anything is requested: running the same command again continues, with the same key.
///
/// Exit code 0: the certificate is there; 1: the server refused, or is not that of the token's CA; 2: the server
/// cannot be reached, or the token or an answer is malformed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs enroll oact1.3f2a8b0c91d4e657.aHR0… --out /etc/agent
  OPENAGENTS_CERTS_TOKEN=oact1.3f2a… openagents-certs enroll --out /etc/agent --name agent-7")]
pub(super) struct Args {
    /// Token, or - to read it from standard input [default: $OPENAGENTS_CERTS_TOKEN]
    #[arg(value_name = "TOKEN")]
    token: Option<String>,

    /// Write to this directory [default: the PKI directory]
    #[arg(long, value_name = "DIR", value_parser = directory())]
    out: Option<PathBuf>,

    /// Base name of the files, BASE.crt and BASE.key [default: the first name of the certificate]
    #[arg(long, value_name = "BASE")]
    name: Option<OsString>,

    /// Name to request, if the token permits several; repeat for more [default: what the token says, or the name of this machine]
    #[arg(long, value_name = "NAME")]
    san: Vec<TypedName>,

    /// Key type
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    /// Replace existing files
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = Request {
            token: token(self.token)?,
            out: self.out.unwrap_or_else(|| context.directory().to_owned()),
            base: self.name,
            names: self.san,
            key_type: self.key_type,
            force: self.force,
        };
        context.finish(&enroll::run(&request, context.now)?)
    }
}

/// The token that was given, in whichever way.
fn token(given: Option<String>) -> Result<TokenText, Error> {
    let given = given.map(Zeroizing::new);
    let text = match given {
        Some(text) if *text == "-" => token::read_stdin()?,
        Some(text) => text,
        None => Zeroizing::new(std::env::var(VARIABLE).unwrap_or_default()),
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::usage(
            "there is no token",
            format!("give it as an argument, in ${VARIABLE}, or on standard input with `-`"),
        ));
    }
    Ok(text.parse()?)
}

const VARIABLE: &str = "OPENAGENTS_CERTS_TOKEN";
