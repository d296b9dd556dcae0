//! `verify`.

use std::net::IpAddr;
use std::path::PathBuf;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::Dialling;
use super::context::Context;

use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::verify::{self, Request};
use crate::path::stacks::Stack;
use crate::path::{Profile, ReferenceName};
use crate::pki::san::{SubjectAltName, host_of_url};
use crate::pki::usage::Purpose;
use crate::pki::validity::Lifetime;

/// Check whether certificates are valid
///
/// The first certificate of each file is judged; the others in the file may be its intermediates.
/// Trust anchors come from `--ca`; without it, from the ca.crt beside the file, the one in the PKI
/// directory, or the system's trust store: the first that ends the chain is used. Without `--crl`,
/// the crl.pem beside the anchors is consulted.
///
/// Exit code 0: valid; 1: not valid; 2: undetermined, for instance because no trust anchor was found.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  openagents-certs verify certs/server.crt --host localhost\n  openagents-certs verify client.crt --ca ca.crt --purpose client --expires-in 30d\n  openagents-certs verify grpcs://localhost:8600 --ca certs/ca.crt"
)]
pub(super) struct Args {
    /// Files with certificates (PEM or DER), - for standard input, or live ports (grpcs://host:port, host:port)
    #[arg(required = true, value_name = "FILE|URL")]
    files: Vec<PathBuf>,

    /// Trust only the anchors in this file [default: see above]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Do not try the system's trust store
    #[arg(long)]
    no_system_roots: bool,

    /// Use these intermediates too; may be repeated
    #[arg(long, value_name = "FILE")]
    untrusted: Vec<PathBuf>,

    /// Require that the certificate is valid for this host name or address [default for live ports: the one dialled]
    #[arg(long, value_name = "NAME", value_parser = host)]
    host: Option<ReferenceName>,

    /// Require that the certificate is valid for this purpose [default: server with --host, else any]
    #[arg(long, value_enum, value_name = "PURPOSE")]
    purpose: Option<Purpose>,

    /// Select how strictly rules are applied
    #[arg(long, value_enum, default_value_t, value_name = "PROFILE")]
    profile: Profile,

    /// Judge as this TLS stack does
    #[arg(long = "as", value_enum, value_name = "STACK")]
    stack: Option<Stack>,

    /// Require that these CRLs cover the whole path and list none of it; may be repeated [default: the crl.pem beside the anchors]
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Require that this private key matches the certificate
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Read the private key's password from the first line of this file
    #[arg(long, value_name = "FILE", alias = "passphrase-file", requires = "key")]
    password_file: Option<PathBuf>,

    /// Judge as of this time instead of now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<OffsetDateTime>,

    /// Fail if less than this time remains, such as 30d or 12h
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Lifetime>,

    /// Limit the number of intermediates, not counting self-issued ones
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,

    /// Show every candidate path as a tree
    #[arg(long)]
    all_paths: bool,

    #[command(flatten)]
    dialling: Dialling,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = Request {
            files: self.files,
            ca: self.ca,
            system_roots: !self.no_system_roots,
            directory: context.directory().to_owned(),
            dialling: self.dialling.options(None),
            untrusted: self.untrusted,
            revocation_lists: self.crl,
            key: self.key,
            password_file: self.password_file,
            host: self.host,
            purpose: self.purpose,
            profile: self.profile,
            at: self.at,
            expires_in: self.expires_in,
            max_depth: self.max_depth,
            all_paths: self.all_paths,
            stack: self.stack,
        };
        let (report, errors) = verify::run(&request, context.now)?;
        let verdict = if report.certificates.is_empty() {
            Verdict::Yes
        } else {
            context.finish(&report)?
        };
        context.conclude(verdict, errors)
    }
}

/// A host name or address, with or without brackets, or a URL or host:port that contains one.
pub(super) fn host(text: &str) -> Result<ReferenceName, Error> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(ReferenceName::Ip(address));
    }
    match host_of_url(text)?.parse()? {
        SubjectAltName::Ip(address) => Ok(ReferenceName::Ip(address)),
        SubjectAltName::Dns(name) if !name.contains('*') => Ok(ReferenceName::Dns(name)),
        SubjectAltName::Dns(_) | SubjectAltName::Uri(_) | SubjectAltName::Email(_) => {
            Err(Error::usage(
                format!("'{}' is not a host name or address", text.escape_debug()),
                "give a host name or an IP address",
            ))
        }
    }
}

pub(super) fn moment(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}
