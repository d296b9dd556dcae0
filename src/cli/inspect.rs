//! `inspect`.

use std::path::PathBuf;

use super::args::Dialling;
use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::inspect::{Detail, Request, run};
use crate::render::Format;

/// Show certificates, keys, requests and CRLs
///
/// Reads PEM with any text around it, bundles, DER, PKCS #7 and PKCS #12. For a live port
/// (grpcs://host:port, https://host, host:port), shows the certificates it serves and the connection.
/// Only the public half of a private key is shown. To find out whether a certificate is valid, use
/// `verify`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  openagents-certs inspect certs/server.crt\n  openagents-certs inspect bundle.p12 --password-file password.txt --format json\n  openagents-certs inspect grpcs://localhost:8600"
)]
pub(super) struct Args {
    /// Files, live ports, or - for standard input
    #[arg(required = true, value_name = "FILE|URL")]
    files: Vec<PathBuf>,

    /// Show five lines per object
    #[arg(long)]
    short: bool,

    /// Write each object as clean PEM, without private keys
    #[arg(long, conflicts_with = "short")]
    pem: bool,

    /// Decrypt with the password in the first line of this file
    #[arg(long, value_name = "FILE", alias = "passphrase-file")]
    password_file: Option<PathBuf>,

    #[command(flatten)]
    dialling: Dialling,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let detail = match (self.short, self.pem) {
            (true, _) => Detail::Short,
            (false, true) => Detail::Pem,
            (false, false) => Detail::Full,
        };
        let request = Request {
            files: self.files,
            dialling: self.dialling.options(Some(CONNECTIONS)),
            password_file: self.password_file,
            detail,
        };
        let report = run(&request, context.now)?;
        let verdict = if report.is_empty() && context.renderer.format == Format::Text {
            Verdict::Yes
        } else {
            context.finish(&report)?
        };
        context.conclude(verdict, report.into_errors())
    }
}

/// Enough for what `inspect` asks of a port; `verify-chain` looks for two processes on one port.
const CONNECTIONS: usize = 4;
