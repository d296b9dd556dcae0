//! What is wrong with the files themselves, whatever stack reads them: who may read the keys, what
//! does not belong in them, anchors that can be taken for each other.

use std::collections::HashMap;

use super::setup::{Contents, FileContent};
use crate::error::{Error, shown};
use crate::files;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::rule::{Rule, Severities};
use crate::pki::certificate::Certificate;

/// Looks at every file.
///
/// # Errors
/// When the system does not tell a file's mode.
pub(super) fn examine(contents: &Contents) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for file in contents.iter() {
        if file.role.is_key() {
            findings.extend(permissions(file)?);
        } else if file.private_keys > 0 {
            let evidence = Evidence::found(shown(&file.path));
            findings.push(about_file(&KEY_BESIDE_CERTIFICATE, evidence));
        }
    }
    for (i, file) in contents.iter().enumerate() {
        let is_seen = contents.iter().take(i).any(|other| other.path == file.path);
        if file.role.is_anchors() && !is_seen {
            findings.extend(ambiguous_anchors(file));
        }
    }
    Ok(findings)
}

/// Every rule of this file.
pub static RULES: &[&Rule] = &[
    &KEY_OPEN_TO_ALL,
    &KEY_OPEN_TO_GROUP,
    &KEY_OWNER,
    &KEY_BESIDE_CERTIFICATE,
    &AMBIGUOUS_ANCHORS,
];

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

/// Anchors of one subject with different keys.
fn ambiguous_anchors(file: &FileContent) -> Option<Finding> {
    let mut keys: HashMap<&[u8], &Certificate> = HashMap::new();
    file.certificates.iter().find_map(|certificate| {
        let first = keys
            .entry(certificate.subject().as_der())
            .or_insert(certificate);
        (first.public_key_info() != certificate.public_key_info()).then(|| {
            let subject = certificate.subject();
            let reference = CertificateReference::new(Role::Anchor, 0, subject);
            let evidence = Evidence::found(format_args!("two keys in {}", shown(&file.path)));
            finding(&AMBIGUOUS_ANCHORS, Some(reference), evidence)
        })
    })
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
    sentence: "every user of the machine may read or write the private key",
    hint: "take their rights away with `chmod 600`; if others can have read it, issue a new pair with `issue server NAME --force`",
    reference: "RFC 7468 §13",
    severities: Severities::ADVICE,
};
static KEY_OPEN_TO_GROUP: Rule = Rule {
    id: "key-open-to-group",
    sentence: "a whole group may read or write the private key",
    hint: "take its rights away with `chmod 600`, or see that only the program that needs the key is in the group",
    reference: "RFC 7468 §13",
    severities: Severities {
        tls: Some(Severity::Note),
        rfc5280: Some(Severity::Note),
        webpki: Some(Severity::Note),
    },
};
static KEY_OWNER: Rule = Rule {
    id: "key-owner",
    sentence: "the private key belongs to another user, who can read and change it",
    hint: "give it to the user the network runs as with `chown`",
    reference: "RFC 7468 §13",
    severities: Severities::ADVICE,
};
static KEY_BESIDE_CERTIFICATE: Rule = Rule {
    id: "key-in-certificate-file",
    sentence: "a private key stands in a file of certificates, which is handed out freely",
    hint: "take the key out, keep it in a file of its own with mode 0600, and issue a new pair if the file was given to anyone",
    reference: "RFC 7468 §13",
    severities: Severities::ADVICE,
};
static AMBIGUOUS_ANCHORS: Rule = Rule {
    id: "ambiguous-anchors",
    sentence: "two trust anchors have one subject but different keys, and not every stack tries both",
    hint: "take out the one that is no longer used; `ca rotate` makes the new CA with a subject of its own",
    reference: "RFC 5280 §4.1.2.6",
    severities: Severities::ADVICE,
};
