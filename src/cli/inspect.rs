//! `inspect`.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::Global;
use super::dialling::Dialling;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::inspect::{Detail, Request, run};
use crate::render::{Format, Renderer};

/// Show what is in certificates, keys, requests and revocation lists
///
/// A live port (grpcs://host:port, https://host, host:port) is shown by the certificates it serves and
/// what else is seen of the connection. Reads PEM with any text around it, bundles, DER, PKCS #7 and PKCS #12. Of a private key only the
/// public half is shown. Says nothing about whether a certificate is to be trusted: `verify` does.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  openagents-certs inspect certs/server.crt\n  openagents-certs inspect bundle.p12 --password-file password.txt --format json\n  openagents-certs inspect grpcs://localhost:8600"
)]
pub(super) struct Args {
    /// What to show: files, live ports, or - for standard input
    #[arg(required = true, value_name = "FILE|URL")]
    files: Vec<PathBuf>,

    /// Show five lines of each object
    #[arg(long)]
    short: bool,

    /// Write each object as clean PEM, private keys left out
    #[arg(long, conflicts_with = "short")]
    pem: bool,

    /// Open what is encrypted with the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    #[command(flatten)]
    dialling: Dialling,
}

impl Args {
    pub(super) fn run(
        self,
        _: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
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
        let report = run(&request, now)?;
        let verdict = if report.is_empty() && renderer.format == Format::Text {
            Verdict::Yes
        } else {
            super::finish(renderer, &report)?
        };
        let mut errors = report.into_errors();
        let Some(last) = errors.pop() else {
            return Ok(verdict);
        };
        for error in &errors {
            renderer.error(error);
        }
        Err(last)
    }
}

/// As many as the questions that are asked of a port need; two processes on one port are
/// `verify-chain`'s to find.
const CONNECTIONS: usize = 4;
