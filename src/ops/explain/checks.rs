//! What is wrong with the files an error may be about.

use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Files;
use super::log::Seen;
use crate::error::{Error, shown};
use crate::ops::verify;
use crate::path::finding::{Finding, Severity};
use crate::path::profile::{Profile, ReferenceName};
use crate::pki::usage::Purpose;

/// A file that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The file.
    pub file: String,
    /// What it was checked as.
    pub role: &'static str,
    /// What is wrong with it, the worst first.
    pub findings: Vec<Finding>,
    /// Why it could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Unchecked>,
}

/// Why a file could not be checked.
#[derive(Clone, Debug, Serialize)]
pub struct Unchecked {
    /// The error's stable name.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What the files say about the cause.
#[derive(Clone, Debug, Serialize)]
pub struct Conclusion {
    /// Whether it is a cause of what the text says; otherwise it is wrong beside that.
    pub explains: bool,
    /// The finding; `None` where a file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<&'static str>,
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub message: String,
    /// What mends it.
    pub hint: Option<String>,
}

/// Checks every certificate that is there for what it is used for.
pub(super) fn run(files: &Files, host: Option<&ReferenceName>, now: OffsetDateTime) -> Vec<Check> {
    let mut checks = Vec::new();
    let client_ca = files.client_ca.as_ref().or(files.ca.as_ref());
    if let Some(file) = &files.cert {
        let mut request = request(file, files.ca.as_ref(), files.key.as_ref());
        request.purpose = Some(Purpose::Server);
        request.host = host.cloned();
        checks.push(check("server", &request, now));
    }
    if let Some(file) = &files.client_cert {
        let mut request = request(file, client_ca, files.client_key.as_ref());
        request.purpose = Some(Purpose::Client);
        checks.push(check("client", &request, now));
    }
    for file in [&files.ca, &files.client_ca].into_iter().flatten() {
        checks.push(check("ca", &request(file, Some(file), None), now));
    }
    checks
}

/// The first cause of what was recognised that the files have, or else the worst thing they have.
pub(super) fn conclude(seen: &[Seen], checks: &[Check], files: &Files) -> Option<Conclusion> {
    if files.is_empty() {
        return None;
    }
    let wanted = seen.iter().flat_map(|seen| seen.topic.causes);
    for id in wanted.filter_map(|cause| cause.finding) {
        for check in checks {
            let mut findings = check.findings.iter();
            let found = findings.find(|finding| finding.id == id && counts(finding));
            if let Some(finding) = found {
                return Some(because(check, finding, true));
            }
        }
    }
    let unreadable = checks.iter().find_map(|check| {
        let error = check.error.as_ref()?;
        Some(Conclusion {
            explains: !seen.is_empty(),
            finding: None,
            file: check.file.clone(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        })
    });
    unreadable.or_else(|| {
        let all = checks
            .iter()
            .flat_map(|check| check.findings.iter().map(move |one| (check, one)));
        let mut errors = all.filter(|(_, finding)| finding.severity == Severity::Error);
        errors
            .next()
            .map(|(check, finding)| because(check, finding, false))
    })
}

fn because(check: &Check, finding: &Finding, explains: bool) -> Conclusion {
    Conclusion {
        explains,
        finding: Some(finding.id),
        file: check.file.clone(),
        message: finding.summary(),
        hint: Some(finding.hint.clone()),
    }
}

/// Whether a finding makes some program refuse.
fn counts(finding: &Finding) -> bool {
    match finding.severity {
        Severity::Error | Severity::Warning => true,
        Severity::Note => false,
    }
}

fn check(role: &'static str, request: &verify::Request, now: OffsetDateTime) -> Check {
    let file = request
        .files
        .first()
        .map(PathBuf::as_path)
        .unwrap_or(Path::new(""));
    let mut check = Check {
        file: shown(file),
        role,
        findings: Vec::new(),
        error: None,
    };
    match verify::run(request, now) {
        Ok((report, errors)) => {
            let certificates = report.certificates.into_iter();
            check.findings = certificates
                .flat_map(|certificate| certificate.findings)
                .collect();
            check.error = errors.first().map(unchecked);
        }
        Err(error) => check.error = Some(unchecked(&error)),
    }
    check
}

fn unchecked(error: &Error) -> Unchecked {
    Unchecked {
        code: error.code(),
        message: error.to_string(),
        hint: error.hint().map(|hint| {
            if hint.contains("--password-file") {
                UNENCRYPTED.to_owned()
            } else {
                hint
            }
        }),
    }
}

/// What programs that speak gRPC need.
const UNENCRYPTED: &str = "gRPC programs take no encrypted key: write it anew with `openssl pkey -in FILE -out NEW`, mode 0600";

fn request(file: &Path, ca: Option<&PathBuf>, key: Option<&PathBuf>) -> verify::Request {
    verify::Request {
        files: vec![file.to_owned()],
        ca: ca.cloned(),
        untrusted: Vec::new(),
        revocation_lists: Vec::new(),
        key: key.cloned(),
        password_file: None,
        host: None,
        purpose: None,
        profile: Profile::Tls,
        at: None,
        expires_in: None,
        max_depth: None,
        all_paths: false,
    }
}
