//! `verify`.

use std::net::IpAddr;
use std::path::PathBuf;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::Global;
use super::dialling::Dialling;
use super::finish;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::verify::{self, Request};
use crate::path::profile::{Profile, ReferenceName};
use crate::path::stacks::Stack;
use crate::pki::san::{SubjectAltName, host_of_url};
use crate::pki::usage::Purpose;
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Check whether certificates are good, and say what is wrong with them
///
/// The first certificate of each file is judged; others in the file may be its intermediates.
/// Without `--ca` the ca.crt beside each file holds the trust anchors; without that, only dates and
/// form are checked. Without `--crl` what the crl.pem beside the anchors revokes is refused. Exit code 0: good, 1: not, 2: could not be told.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  openagents-certs verify certs/server.crt --host localhost\n  openagents-certs verify client.crt --ca ca.crt --purpose client --expires-in 30d\n  openagents-certs verify grpcs://localhost:8600 --ca certs/ca.crt"
)]
pub(super) struct Args {
    /// Files with certificates, PEM or DER, or live ports (grpcs://host:port, https://host, host:port)
    #[arg(required = true, value_name = "FILE|URL")]
    files: Vec<PathBuf>,

    /// The trust anchors [default: the ca.crt beside each file, for live ports the PKI directory's]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Intermediates that are not in the certificate's own file; repeat for more
    #[arg(long, value_name = "FILE")]
    untrusted: Vec<PathBuf>,

    /// The host name or address that is dialled [default for live ports: the one in the URL]
    #[arg(long, value_name = "NAME", value_parser = host)]
    host: Option<ReferenceName>,

    /// What the certificate is used for [default: server with --host, else any of them]
    #[arg(long, value_enum, value_name = "PURPOSE")]
    purpose: Option<Purpose>,

    /// How strictly rules are held to
    #[arg(long, value_enum, default_value_t, value_name = "PROFILE")]
    profile: Profile,

    /// Judge as this TLS stack does, which overlooks some rules and has some of its own
    #[arg(long = "as", value_enum, value_name = "STACK")]
    stack: Option<Stack>,

    /// Revocation lists, PEM or DER [default: the crl.pem beside the anchors]; where any is given, the whole path is looked up; repeat for more
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// The private key that must belong to the certificate
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The file whose first line is the password of the private key
    #[arg(long, value_name = "FILE", requires = "key")]
    password_file: Option<PathBuf>,

    /// Judge as of this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<OffsetDateTime>,

    /// Say no when less than this is left, such as 30d or 12h
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Lifetime>,

    /// Say no when there are more intermediates than this, self-issued ones not counted
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,

    /// Show every candidate path as a tree
    #[arg(long)]
    all_paths: bool,

    #[command(flatten)]
    dialling: Dialling,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = Request {
            files: self.files,
            ca: self.ca,
            directory: global.directory().to_owned(),
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
        let (report, errors) = verify::run(&request, now)?;
        let verdict = if report.certificates.is_empty() {
            Verdict::Yes
        } else {
            finish(renderer, &report)?
        };
        let mut errors = errors.into_iter().rev();
        let Some(last) = errors.next() else {
            return Ok(verdict);
        };
        errors.rev().for_each(|error| renderer.error(&error));
        Err(last)
    }
}

/// A host name, an address with or without brackets, or a URL or host:port that holds one.
pub(super) fn host(text: &str) -> Result<ReferenceName, Error> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(ReferenceName::Ip(address));
    }
    match host_of_url(text)?.parse()? {
        SubjectAltName::Ip(address) => Ok(ReferenceName::Ip(address)),
        SubjectAltName::Dns(name) if !name.contains('*') => Ok(ReferenceName::Dns(name)),
        SubjectAltName::Dns(_) | SubjectAltName::Uri(_) | SubjectAltName::Email(_) => {
            Err(Error::Usage {
                message: format!("'{}' is no host that can be dialled", text.escape_debug()),
                hint: "give a host name or an IP address".into(),
            })
        }
    }
}

pub(super) fn moment(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}
