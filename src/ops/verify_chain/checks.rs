//! What is wrong with the files themselves, whatever stack reads them: who may read the keys, what has ended behind
//! the first certificate.

use time::OffsetDateTime;

use super::setup::{Contents, FileContent};
use crate::error::{Error, shown};
use crate::files;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::rule::{Rule, Severities};
use crate::pki::validity::rfc3339;

/// Looks at every file.
///
/// # Errors
/// When the system does not tell a file's mode.
pub(super) fn examine(contents: &Contents, at: OffsetDateTime) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for file in contents.iter() {
        findings.extend(dates(file, at));
        if file.role.is_key() {
            findings.extend(permissions(file)?);
        }
    }
    Ok(findings)
}

/// Every rule of this file.
pub static RULES: &[&Rule] = &[
    &KEY_OPEN_TO_ALL,
    &KEY_OPEN_TO_GROUP,
    &KEY_OWNER,
    &OUT_OF_DATE_BEHIND,
];

/// Certificates behind the first one that are not in their dates; what becomes of the first is for the stacks to say.
fn dates(file: &FileContent, at: OffsetDateTime) -> impl Iterator<Item = Finding> {
    let behind = file.certificates.iter().enumerate().skip(1);
    behind.filter_map(move |(i, certificate)| {
        let evidence = if certificate.not_after() < at {
            Evidence::found(format_args!("ended {}", rfc3339(certificate.not_after())))
        } else if certificate.not_before() > at {
            Evidence::found(format_args!("begins {}", rfc3339(certificate.not_before())))
        } else {
            return None;
        };
        let role = if file.role.is_anchors() {
            Role::Anchor
        } else {
            Role::Intermediate
        };
        let reference = CertificateReference::new(role, i, certificate.subject());
        Some(finding(&OUT_OF_DATE_BEHIND, Some(reference), evidence))
    })
}

fn permissions(file: &FileContent) -> Result<Vec<Finding>, Error> {
    let permissions = files::permissions(&file.path)?;
    let path = shown(&file.path);
    let mode = Evidence::instead(
        format_args!("{path} with mode {:04o}", permissions.mode),
        "0600",
    );
    let mut findings = Vec::new();
    if permissions.mode & OTHERS != 0 {
        findings.push(about_file(&KEY_OPEN_TO_ALL, mode));
    } else if permissions.mode & GROUP != 0 {
        findings.push(about_file(&KEY_OPEN_TO_GROUP, mode));
    }
    if !permissions.is_owner_trusted {
        let evidence = Evidence::found(format_args!("{path} of user {}", permissions.owner));
        findings.push(about_file(&KEY_OWNER, evidence));
    }
    Ok(findings)
}

fn about_file(rule: &Rule, evidence: Evidence) -> Finding {
    finding(rule, None, evidence)
}

/// These rules count as much under every profile.
fn finding(rule: &Rule, about: Option<CertificateReference>, evidence: Evidence) -> Finding {
    let severity = rule.severities.tls.unwrap_or(Severity::Note);
    Finding::new(rule, severity, about, Some(evidence))
}

const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;

static KEY_OPEN_TO_ALL: Rule = Rule {
    id: "key-open-to-all",
    message: "every user of the machine may read or write the private key",
    hint: "take their rights away with `chmod 600`; if others can have read it, issue a new pair with `issue server NAME --force`",
    reference: "RFC 7468 §13",
    why: "",
    severities: Severities::ADVICE,
};
static KEY_OPEN_TO_GROUP: Rule = Rule {
    id: "key-open-to-group",
    message: "a whole group may read or write the private key",
    hint: "take its rights away with `chmod 600`, or see that only the program that needs the key is in the group",
    reference: "RFC 7468 §13",
    why: "",
    severities: Severities {
        tls: Some(Severity::Note),
        rfc5280: Some(Severity::Note),
        webpki: Some(Severity::Note),
    },
};
static OUT_OF_DATE_BEHIND: Rule = Rule {
    id: "out-of-date-behind",
    message: "a certificate that stands behind the first one of its file is not in its dates",
    hint: "take it out if nothing rests on it any more, or renew it before what it issued",
    reference: "RFC 5280 §4.1.2.5",
    why: "",
    severities: Severities::ADVICE,
};
static KEY_OWNER: Rule = Rule {
    id: "key-owner",
    message: "the private key belongs to another user, who can read and change it",
    hint: "give it to the user the network runs as with `chown`",
    reference: "RFC 7468 §13",
    why: "",
    severities: Severities::ADVICE,
};
