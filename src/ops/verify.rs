//! Whether certificates are good: their dates, their names, their purpose, and the path to a trust anchor.

mod report;
mod tree;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub use report::{CertificateReport, Report};

use crate::error::Error;
use crate::files;
use crate::keys::{Password, ReadKey, ReadKeyError, read_encrypted_key, read_key};
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::profile::{Profile, ReferenceName, Requirements};
use crate::path::rule::{Rule, Severities};
use crate::path::{Candidates, judge, judge_alone};
use crate::pki::bundle::{Bundle, relations};
use crate::pki::certificate::Certificate;
use crate::pki::crl::{RevocationList, revocation_lists};
use crate::pki::pem;
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

/// What every file is verified with.
struct Inputs {
    anchors: Option<Anchors>,
    untrusted: Vec<Certificate>,
    revocation_lists: Vec<RevocationList>,
    key: Option<ReadKey>,
}

impl Inputs {
    fn read(request: &Request) -> Result<Self, Error> {
        let mut untrusted = Vec::new();
        for path in &request.untrusted {
            untrusted.extend(read(path)?.certificates);
        }
        let mut lists = Vec::new();
        for path in &request.revocation_lists {
            let read = revocation_lists(&files::read(path)?);
            lists.extend(read.map_err(|source| Error::RevocationList {
                path: path.clone(),
                source,
            })?);
        }
        let key = match &request.key {
            Some(path) => Some(read_private_key(path, request.password_file.as_deref())?),
            None => None,
        };
        Ok(Inputs {
            anchors: request.ca.as_deref().map(Anchors::read).transpose()?,
            untrusted,
            revocation_lists: lists,
            key,
        })
    }
}

/// The first private key of a file.
fn read_private_key(path: &Path, password_file: Option<&Path>) -> Result<ReadKey, Error> {
    let password = match password_file {
        Some(path) => Some(Password::from_file(&files::read(path)?)),
        None => None,
    };
    let octets = files::read(path)?;
    let failed = |source| Error::ReadKey {
        path: path.to_owned(),
        source,
    };
    if octets.first() == Some(&DER_SEQUENCE) {
        let key = read_key(&octets);
        return key
            .or_else(|cause| read_encrypted_key(&octets, password.as_ref()).map_err(|_| cause))
            .map_err(failed);
    }
    let blocks = pem::blocks(&octets).map_err(|source| Error::Pem {
        path: path.to_owned(),
        source,
    })?;
    let block = blocks.iter().find(|block| block.is_private_key());
    match block {
        None => Err(Error::Unreadable {
            path: path.to_owned(),
            what: "has no private key in it",
        }),
        Some(block) if block.label == "ENCRYPTED PRIVATE KEY" => {
            read_encrypted_key(&block.contents, password.as_ref()).map_err(failed)
        }
        Some(block) if block.is_encrypted() => Err(failed(ReadKeyError::LegacyEncryption)),
        Some(block) if block.label == "OPENSSH PRIVATE KEY" => Err(failed(ReadKeyError::OpenSsh)),
        Some(block) => read_key(&block.contents).map_err(failed),
    }
}

/// Trust anchors and where they were read.
struct Anchors {
    path: PathBuf,
    certificates: Vec<Certificate>,
}

impl Anchors {
    fn read(path: &Path) -> Result<Self, Error> {
        Ok(Anchors {
            path: path.to_owned(),
            certificates: read(path)?.certificates,
        })
    }

    /// The `ca.crt` beside a file, if there is one.
    fn beside(file: &Path) -> Result<Option<Self>, Error> {
        let path = file.with_file_name("ca.crt");
        match files::kind(&path)? {
            files::Kind::Absent => Ok(None),
            files::Kind::File | files::Kind::SymbolicLink | files::Kind::Other => {
                Anchors::read(&path).map(Some)
            }
        }
    }
}

fn read(path: &Path) -> Result<Bundle, Error> {
    let octets = files::read(path)?;
    Bundle::read(&octets).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })
}

fn verify(
    file: &Path,
    inputs: &Inputs,
    request: &Request,
    now: OffsetDateTime,
) -> Result<CertificateReport, Error> {
    let bundle = read(file)?;
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
    report.add(of_file(
        &bundle,
        certificate,
        inputs.key.as_ref(),
        request,
        at,
    ));
    Ok(report)
}

/// What is wrong that does not concern the path.
fn of_file(
    bundle: &Bundle,
    certificate: &Certificate,
    key: Option<&ReadKey>,
    request: &Request,
    at: OffsetDateTime,
) -> Vec<Finding> {
    let about = |rule: &Rule, severity, evidence| {
        let reference = CertificateReference::new(Role::EndEntity, 0, certificate.subject());
        Finding::new(rule, severity, Some(reference), evidence)
    };
    let mut findings = Vec::new();
    if let Some(lifetime) = request.expires_in {
        let left = certificate.not_after() - at;
        if left < lifetime.duration() && left.is_positive() {
            let left = format_args!("{} h left", left.whole_hours());
            let evidence = Evidence::instead(left, format_args!("at least {lifetime}"));
            findings.push(about(&EXPIRES_SOON, Severity::Error, Some(evidence)));
        }
    }
    if let Some(key) = key
        && key.public_key_info() != Some(certificate.public_key_info())
    {
        findings.push(about(
            &KEY,
            Severity::Error,
            Some(Evidence::found(key.kind())),
        ));
    }
    if relations(&bundle.certificates).misplaced == Some(0) {
        findings.push(about(&WRONG_ORDER, Severity::Error, None));
    }
    if bundle.private_keys > 0 {
        findings.push(about(&PRIVATE_KEY, Severity::Warning, None));
    }
    if bundle.byte_order_mark {
        findings.push(about(&BYTE_ORDER_MARK, Severity::Warning, None));
    }
    findings
}

const DER_SEQUENCE: u8 = 0x30;

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
