//! `explain`.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::Global;
use super::{completing, finish, verify};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::explain::{self, Input, Request, RuleList};
use crate::ops::verify_chain::Files;
use crate::path::profile::ReferenceName;
use crate::render::Renderer;

/// Say what a TLS error means, what leads to it and what to do next
///
/// Give the text of an error from gRPC (Python, Node, Rust, Go, Java), OpenSSL, Python, Node, Java or
/// curl, or a whole log on standard input: each error that is recognised is explained once, the most
/// telling first. With files, or a directory given by -C, they are checked and the cause is named.
/// Give the name of a finding of this program instead, and it is documented. Exit code 0: explained,
/// 1: nothing recognised, 2: no text, or no such finding.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs explain 'CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate'
  openagents-certs explain 'Failed to bind to address 0.0.0.0:8600' --cert certs/server.crt --key certs/server.key
  openagents-certs explain host-mismatch
  journalctl -u my-network | openagents-certs explain")]
pub(super) struct Args {
    /// The text, or names of findings; nothing or - for standard input
    #[arg(value_name = "TEXT|FINDING", add = completing::findings())]
    text: Vec<OsString>,

    /// Read the text from this file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    log: Option<PathBuf>,

    /// List every finding there is
    #[arg(long, conflicts_with_all = ["text", "log"])]
    list: bool,

    /// The server's certificate to look for the cause in
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The server's private key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The CA the client trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The host name or address that is dialled
    #[arg(long, value_name = "NAME", value_parser = verify::host)]
    host: Option<ReferenceName>,

    /// The client's certificate
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// The client's private key
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// The CA the server trusts [default: the same]
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        if self.list {
            return finish(renderer, &RuleList::all());
        }
        let names: Vec<String> = self
            .text
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        if let Some(report) = explain::documented(&names) {
            return finish(renderer, &report);
        }
        let found = match global.given_directory() {
            Some(directory) => Files::of_directory(directory)?,
            None => Files::default(),
        };
        let files = Files {
            certificate: self.cert.or(found.certificate),
            key: self.key.or(found.key),
            ca: self.ca.or(found.ca),
            client_certificate: self.client_cert.or(found.client_certificate),
            client_key: self.client_key.or(found.client_key),
            client_ca: self.client_ca.or(found.client_ca),
            revocation_lists: found.revocation_lists,
        };
        let name = match names.as_slice() {
            [word] => Some(word.clone()),
            [] | [_, _, ..] => None,
        };
        let text = match (self.log, self.text.as_slice()) {
            (Some(path), _) => Input::File(path),
            (None, []) => Input::Stdin,
            (None, [word]) if word == "-" => Input::Stdin,
            (None, words) => Input::Given(explain::words(words)),
        };
        if matches!(text, Input::Stdin) && std::io::stdin().is_terminal() {
            return Err(no_text());
        }
        let request = Request {
            text,
            files,
            host: self.host,
        };
        let report = explain::run(&request, now)?;
        let unknown = name.filter(|_| report.matches.is_empty());
        if let Some(error) = unknown.and_then(|name| explain::unknown_name(&name)) {
            return Err(error);
        }
        finish(renderer, &report)
    }
}

fn no_text() -> Error {
    Error::Usage {
        message: "there is no text to explain".into(),
        hint: "give the error in quotes, a log on standard input, or `--list` to see every finding"
            .into(),
    }
}
