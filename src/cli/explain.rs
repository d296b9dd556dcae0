//! `explain`.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::context::Context;
use super::{completing, verify};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::explain::{self, Input, Request, RuleList};
use crate::ops::verify_chain::Files;
use crate::path::ReferenceName;

/// Explain a TLS error, a log or a finding
///
/// Give the text of an error from any TLS program, or a whole log on standard input: each error is explained once,
/// the most specific first, with its likely causes and the commands to run next. A text that is not known is guessed
/// from its words, and marked as a guess. With files, or a directory given by -C, the files are checked and the cause is
/// named. Give the name of a finding instead to read its documentation.
///
/// Exit code 0: explained, 1: not recognized, 2: no text, or no such finding.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs explain 'CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate'
  journalctl -u my-network | openagents-certs explain -C certs")]
pub(super) struct Args {
    /// Error text, or names of findings; standard input without one or with -
    #[arg(value_name = "TEXT|FINDING", add = completing::findings())]
    text: Vec<OsString>,

    /// Read the text from a file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    log: Option<PathBuf>,

    /// List all findings
    #[arg(long, conflicts_with_all = ["text", "log"])]
    list: bool,

    /// Check this server certificate for the cause
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// Check this private key of the server
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Check this CA, which the client trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Check for this dialled host name or address
    #[arg(long, value_name = "NAME", value_parser = verify::host)]
    host: Option<ReferenceName>,

    /// Check this client certificate
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// Check this private key of the client
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// Check this CA, which the server trusts [default: the same]
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        if self.list {
            return context.finish(&RuleList::all());
        }
        let names: Vec<String> = self
            .text
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        if let Some(mut report) = explain::documented(&names) {
            report.columns = context.renderer.columns();
            return context.finish(&report);
        }
        let found = match context.global.given_directory() {
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
            lists_beside: Vec::new(),
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
        let mut report = explain::run(&request, context.now)?;
        report.columns = context.renderer.columns();
        let unknown = name.filter(|_| report.matches.is_empty());
        if let Some(error) = unknown.and_then(|name| explain::unknown_name(&name)) {
            return Err(error);
        }
        context.finish(&report)
    }
}

fn no_text() -> Error {
    Error::usage(
        "no text to explain",
        "give the error in quotes, a log on standard input, or `--list` for all findings",
    )
}
