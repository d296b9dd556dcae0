//! Whether certificates are good: their dates, their names, their purpose, and the path to a trust anchor.

mod inputs;
mod report;
mod stack;
mod tree;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use inputs::{Anchors, Inputs};
pub(super) use inputs::{read_bundle, read_private_key};
pub use report::{CertificateReport, Report};

use super::expiry::Span;
use crate::error::Error;
use crate::keys::ReadKey;
use crate::net::probe;
use crate::ops::live::{self, Dialling};
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::profile::{Profile, ReferenceName, Requirements};
use crate::path::rule::{Rule, Severities};
use crate::path::stacks::Stack;
use crate::path::{Candidates, judge, judge_alone};
use crate::pki::bundle::{Bundle, relations};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::document::Encoding;
use crate::pki::usage::Purpose;
use crate::pki::validity::Lifetime;

/// What is to be verified, and for what.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The files or live ports; the first certificate of each is judged, the others may be its intermediates.
    pub files: Vec<PathBuf>,
    /// The trust anchors; otherwise the `ca.crt` beside each file, or in the PKI directory.
    pub ca: Option<PathBuf>,
    /// The PKI directory, for what live ports serve.
    pub directory: PathBuf,
    /// How ports are dialled.
    pub dialling: Dialling,
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
    /// The TLS stack whose verdict counts; the rules otherwise.
    pub stack: Option<Stack>,
}

impl Request {
    /// Whether a file's certificate is good under the `ca.crt` beside it.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Request {
            files: vec![file.into()],
            ..Request::default()
        }
    }
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
        match Subject::of(file, request).and_then(|subject| verify(&subject, &inputs, request, now))
        {
            Ok(certificate) => report.certificates.push(certificate),
            Err(error) => errors.push(error),
        }
    }
    Ok((report, errors))
}

fn verify(
    subject: &Subject,
    inputs: &Inputs,
    request: &Request,
    now: OffsetDateTime,
) -> Result<CertificateReport, Error> {
    let bundle = &subject.bundle;
    let beside = match inputs.anchors {
        Some(_) => None,
        None => Anchors::beside(&subject.anchors_beside)?,
    };
    let anchors = inputs.anchors.as_ref().or(beside.as_ref());
    let (certificate, others) = bundle
        .certificates
        .split_first()
        .unwrap_or_else(|| unreachable!("a bundle that was read has a certificate"));
    let at = request.at.unwrap_or(now);
    let host = request.host.clone().or(subject.dialled.clone());
    let requirements = Requirements {
        profile: request.profile,
        host: host.clone(),
        // Who is dialled is a server.
        purpose: request.purpose.or(host.as_ref().map(|_| Purpose::Server)),
        max_depth: request.max_depth,
        all_paths: request.all_paths,
        ..Requirements::at(at)
    };
    let intermediates = [others, &inputs.untrusted].concat();
    let mut report = CertificateReport::new(&subject.path, certificate, at);
    if let Some(anchors) = anchors {
        // Those that were named take the place of those that happen to be there.
        let is_named = !request.revocation_lists.is_empty();
        let found = anchors.beside.as_deref().unwrap_or_default();
        let candidates = Candidates {
            end_entity: certificate,
            intermediates: &intermediates,
            anchors: &anchors.certificates,
            revocation_lists: if is_named {
                &inputs.revocation_lists
            } else {
                found
            },
        };
        report.judged(judge(candidates, &requirements), &anchors.path);
        if !is_named {
            report.findings = of_lists_beside(report.findings, certificate, &anchors.beside);
        }
    } else {
        report.findings = judge_alone(certificate, &requirements);
    }
    if let Some(stack) = request.stack {
        let question = stack::Question {
            stack,
            purpose: requirements.purpose,
            host: host.as_ref(),
            at,
        };
        stack::judge(&mut report, subject, anchors, &question)?;
    }
    report.add(of_certificate(
        certificate,
        inputs.key.as_ref(),
        request,
        at,
    ));
    report.add(of_file(bundle, certificate, subject.encoding));
    Ok(report)
}

/// What is judged: what a file holds or a port serves.
struct Subject {
    path: PathBuf,
    bundle: Bundle,
    encoding: Encoding,
    /// The name that was dialled.
    dialled: Option<ReferenceName>,
    /// Beside this, `ca.crt` holds the trust anchors.
    anchors_beside: PathBuf,
}

impl Subject {
    fn of(path: &Path, request: &Request) -> Result<Self, Error> {
        if live::is_port(path)? {
            return Subject::served(path, request);
        }
        let (bundle, encoding) = inputs::read_with_encoding(path)?;
        Ok(Subject {
            path: path.to_owned(),
            bundle,
            encoding,
            dialled: None,
            anchors_beside: path.to_owned(),
        })
    }

    fn served(path: &Path, request: &Request) -> Result<Self, Error> {
        let target = request.dialling.target(&path.to_string_lossy())?;
        let path = PathBuf::from(target.to_string());
        let served = probe::served(&target, None, request.dialling.timeout)?;
        let mut certificates = Vec::new();
        for certificate in served.certificates {
            certificates.push(
                certificate
                    .certificate
                    .map_err(|source| Error::Certificate {
                        path: path.clone(),
                        source,
                    })?,
            );
        }
        Ok(Subject {
            path,
            bundle: Bundle {
                certificates,
                private_keys: 0,
                others: Vec::new(),
                byte_order_mark: false,
            },
            encoding: Encoding::Pem,
            dialled: Some(live::reference_name(&target)),
            anchors_beside: request.directory.join(SERVED),
        })
    }
}

/// What the lists that happen to be there come to: what they revoke is revoked, but what is wrong
/// with them, or is not in them, decides nothing.
fn of_lists_beside(
    findings: Vec<Finding>,
    certificate: &Certificate,
    beside: &Result<Vec<RevocationList>, String>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.id != UNKNOWN_REVOCATION)
        .map(|mut finding| {
            if finding.id.starts_with(LIST_RULES) {
                finding.severity = finding.severity.min(Severity::Warning);
            }
            finding
        })
        .collect();
    if let Err(message) = beside {
        let evidence = Some(Evidence::found(message));
        findings.push(about(certificate, &UNREADABLE_LIST, evidence));
    }
    findings
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
    &UNREADABLE_LIST,
];

/// What the rules of [`crate::path`] about revocation lists are named by.
const LIST_RULES: &str = "crl-";
const UNKNOWN_REVOCATION: &str = "revocation-unknown";

static EXPIRES_SOON: Rule = Rule {
    id: "expires-soon",
    message: "it expires sooner than was asked for",
    hint: "renew it",
    reference: "`--expires-in`",
    why: "",
    severities: Severities::DECISIVE,
};
static KEY: Rule = Rule {
    id: "key-mismatch",
    message: "the private key does not belong to it",
    hint: "put the key that belongs to it back, or issue a new pair",
    reference: "`--key`",
    why: "",
    severities: Severities::DECISIVE,
};
static WRONG_ORDER: Rule = Rule {
    id: "wrong-order",
    message: "it stands before a certificate that it issued: a TLS server sends the first one as its own",
    hint: "put the end entity first in the file, and each issuer behind what it issued",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: Severities::DECISIVE,
};
static PRIVATE_KEY: Rule = Rule {
    id: "private-key-beside",
    message: "a private key stands in the same file",
    hint: "keep the key in a file of its own, mode 0600",
    reference: "RFC 7468 §5.3",
    why: "",
    severities: Severities::ADVICE,
};
static BYTE_ORDER_MARK: Rule = Rule {
    id: "byte-order-mark",
    message: "the file begins with a byte order mark, with which a grpcio server does not start",
    hint: "save the file as ASCII; `inspect --pem` writes it anew",
    reference: "RFC 7468 §2",
    why: "",
    severities: Severities::ADVICE,
};
static UNREADABLE_LIST: Rule = Rule {
    id: "crl-unreadable",
    message: "the crl.pem beside the trust anchors cannot be read, so that nothing is known of what was revoked",
    hint: "make a new one with `openagents-certs crl`",
    reference: "RFC 5280 §6.3",
    why: "",
    severities: Severities::ADVICE,
};
static NOT_PEM: Rule = Rule {
    id: "not-pem",
    message: "the file is DER, and programs that speak gRPC read PEM",
    hint: "write it as PEM with `inspect --pem`",
    reference: "RFC 7468 §5",
    why: "",
    severities: Severities::ADVICE,
};

/// What a port serves is looked at as if it stood in the PKI directory.
const SERVED: &str = "served.crt";
