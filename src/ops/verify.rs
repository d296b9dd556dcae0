//! Whether certificates are good: their dates, their names, their purpose, and the path to a trust anchor.

mod inputs;
mod report;
mod tree;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub(super) use inputs::read_revocation_lists;
use inputs::{Anchors, Inputs};
pub use report::{CertificateReport, Report};

use super::expiry::Span;
use crate::error::Error;
use crate::keys::ReadKey;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::profile::{Profile, ReferenceName, Requirements};
use crate::path::rule::{Rule, Severities};
use crate::path::{Candidates, judge, judge_alone};
use crate::pki::bundle::{Bundle, relations};
use crate::pki::certificate::Certificate;
use crate::pki::document::Encoding;
use crate::pki::usage::Purpose;
use crate::pki::validity::Lifetime;

/// What is to be verified, and for what.
#[derive(Clone, Debug)]
pub struct Request {
    /// The files; the first certificate of each is judged, the others may be its intermediates.
    pub files: Vec<PathBuf>,
    /// The trust anchors; otherwise the `ca.crt` beside each file.
    pub ca: Option<PathBuf>,
    /// Further intermediates.
    pub untrusted: Vec<PathBuf>,
    /// Revocation lists.
    pub revocation_lists: Vec<PathBuf>,
    /// The private key that has to belong to each certificate.
    pub key: Option<PathBuf>,
    /// The password of the private key.
    pub password_file: Option<PathBuf>,
    /// The name that is dialled.
    pub host: Option<ReferenceName>,
    /// What it is used for.
    pub purpose: Option<Purpose>,
    /// How strictly.
    pub profile: Profile,
    /// The moment that counts instead of now.
    pub at: Option<OffsetDateTime>,
    /// How long it has to last at least.
    pub expires_in: Option<Lifetime>,
    /// How many intermediates there may be.
    pub max_depth: Option<usize>,
    /// Whether every candidate path is to be shown.
    pub all_paths: bool,
}

/// Verifies every file that can be read; the others come back as errors, a file each.
///
/// # Errors
/// When the anchors, intermediates, revocation lists or key that were named cannot be read.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<(Report, Vec<Error>), Error> {
    let inputs = Inputs::read(request)?;
    let mut report = Report {
        certificates: Vec::new(),
    };
    let mut errors = Vec::new();
    for file in &request.files {
        match verify(file, &inputs, request, now) {
            Ok(certificate) => report.certificates.push(certificate),
            Err(error) => errors.push(error),
        }
    }
    Ok((report, errors))
}

fn verify(
    file: &Path,
    inputs: &Inputs,
    request: &Request,
    now: OffsetDateTime,
) -> Result<CertificateReport, Error> {
    let (bundle, encoding) = inputs::read_with_encoding(file)?;
    let beside = match inputs.anchors {
        Some(_) => None,
        None => Anchors::beside(file)?,
    };
    let anchors = inputs.anchors.as_ref().or(beside.as_ref());
    let (certificate, others) = bundle
        .certificates
        .split_first()
        .unwrap_or_else(|| unreachable!("a bundle that was read has a certificate"));
    let at = request.at.unwrap_or(now);
    let requirements = Requirements {
        profile: request.profile,
        host: request.host.clone(),
        // Who is dialled is a server.
        purpose: request
            .purpose
            .or(request.host.as_ref().map(|_| Purpose::Server)),
        max_depth: request.max_depth,
        all_paths: request.all_paths,
        ..Requirements::at(at)
    };
    let intermediates = [others, &inputs.untrusted].concat();
    let mut report = CertificateReport::new(file, certificate, at);
    if let Some(anchors) = anchors {
        let candidates = Candidates {
            end_entity: certificate,
            intermediates: &intermediates,
            anchors: &anchors.certificates,
            revocation_lists: &inputs.revocation_lists,
        };
        report.judged(judge(candidates, &requirements), &anchors.path);
    } else {
        report.findings = judge_alone(certificate, &requirements);
    }
    report.add(of_certificate(
        certificate,
        inputs.key.as_ref(),
        request,
        at,
    ));
    report.add(of_file(&bundle, certificate, encoding));
    Ok(report)
}

/// What was asked for beside the path.
fn of_certificate(
    certificate: &Certificate,
    key: Option<&ReadKey>,
    request: &Request,
    at: OffsetDateTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(lifetime) = request.expires_in {
        let left = certificate.not_after() - at;
        if left < lifetime.duration() && left.is_positive() {
            let left = Span(left);
            let evidence = Evidence::instead(left, format_args!("at least {lifetime}"));
            findings.push(about(certificate, &EXPIRES_SOON, Some(evidence)));
        }
    }
    if let Some(key) = key
        && key.public_key_info() != Some(certificate.public_key_info())
    {
        let evidence = Evidence::found(format_args!("a key of type {}", key.kind()));
        findings.push(about(certificate, &KEY, Some(evidence)));
    }
    findings
}

/// What is wrong with the file a certificate stands in.
fn of_file(bundle: &Bundle, certificate: &Certificate, encoding: Encoding) -> Vec<Finding> {
    let is_first_issuer = relations(&bundle.certificates).misplaced == Some(0);
    [
        (is_first_issuer, &WRONG_ORDER),
        (bundle.private_keys > 0, &PRIVATE_KEY),
        (bundle.byte_order_mark, &BYTE_ORDER_MARK),
        (encoding == Encoding::Der, &NOT_PEM),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, rule)| about(certificate, rule, None))
    .collect()
}

/// A finding about a certificate; these rules count as much under every profile.
fn about(certificate: &Certificate, rule: &Rule, evidence: Option<Evidence>) -> Finding {
    let severity = rule.severities.tls.unwrap_or(Severity::Note);
    let reference = CertificateReference::new(Role::EndEntity, 0, certificate.subject());
    Finding::new(rule, severity, Some(reference), evidence)
}

/// The rules beside those of [`crate::path::rules`].
pub static RULES: &[&Rule] = &[
    &EXPIRES_SOON,
    &KEY,
    &WRONG_ORDER,
    &PRIVATE_KEY,
    &BYTE_ORDER_MARK,
    &NOT_PEM,
];

static EXPIRES_SOON: Rule = Rule {
    id: "expires-soon",
    sentence: "it expires sooner than was asked for",
    hint: "renew it",
    reference: "`--expires-in`",
    severities: Severities::DECISIVE,
};
static KEY: Rule = Rule {
    id: "key-mismatch",
    sentence: "the private key does not belong to it",
    hint: "put the key that belongs to it back, or issue a new pair",
    reference: "`--key`",
    severities: Severities::DECISIVE,
};
static WRONG_ORDER: Rule = Rule {
    id: "wrong-order",
    sentence: "it stands before a certificate that it issued: a TLS server sends the first one as its own",
    hint: "put the end entity first in the file, and each issuer behind what it issued",
    reference: "RFC 8446 §4.4.2",
    severities: Severities::DECISIVE,
};
static PRIVATE_KEY: Rule = Rule {
    id: "private-key-beside",
    sentence: "a private key stands in the same file",
    hint: "keep the key in a file of its own, mode 0600",
    reference: "RFC 7468 §5.3",
    severities: Severities::ADVICE,
};
static BYTE_ORDER_MARK: Rule = Rule {
    id: "byte-order-mark",
    sentence: "the file begins with a byte order mark, with which a grpcio server does not start",
    hint: "save the file as ASCII; `inspect --pem` writes it anew",
    reference: "RFC 7468 §2",
    severities: Severities::ADVICE,
};
static NOT_PEM: Rule = Rule {
    id: "not-pem",
    sentence: "the file is DER, and programs that speak gRPC read PEM",
    hint: "write it as PEM with `inspect --pem`",
    reference: "RFC 7468 §5",
    severities: Severities::ADVICE,
};
