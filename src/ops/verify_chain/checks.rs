//! Findings about the files themselves, whichever stack reads them: who can read the keys, what has
//! expired behind the first certificate, what is revoked.

use time::OffsetDateTime;

use super::report::FileFinding;
use super::setup::{Contents, FileContent};
use crate::error::{Error, shown};
use crate::files;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::stacks::{File as FileRole, examine_file};
use crate::path::{Candidates, Requirements, judge};
use crate::pki::validity::rfc3339;

/// Checks every file; `known` are the findings because of which stacks fail.
///
/// # Errors
/// When the mode of a file cannot be determined.
pub(super) fn examine(
    contents: &Contents,
    known: &[FileFinding],
    at: OffsetDateTime,
) -> Result<Vec<FileFinding>, Error> {
    let mut all = single_files(contents, known);
    all.extend(revocation(contents, at));
    for file in &contents.files {
        all.extend(dates(file, at).map(|finding| FileFinding::new(finding, None)));
        if file.role.is_key() {
            let findings = permissions(file)?.into_iter();
            all.extend(findings.map(|finding| FileFinding::new(finding, None)));
        }
    }
    Ok(all)
}

/// Findings about single files that make no stack fail.
fn single_files(contents: &Contents, known: &[FileFinding]) -> Vec<FileFinding> {
    let mut all = Vec::new();
    for file in &contents.files {
        for mut finding in examine_file(file.role, &file.bytes) {
            finding.severity = finding.severity.min(Severity::Warning);
            let finding = FileFinding::in_file(finding, &file.path);
            let is_same = |other: &FileFinding| {
                other.path == finding.path && other.finding.id == finding.finding.id
            };
            if !known.iter().any(is_same) {
                all.push(finding);
            }
        }
    }
    all
}

/// Looks up each side's certificate in the CRLs: revoked is an error, a fault in a CRL is a warning.
///
/// No gRPC stack reads a CRL unless it is configured to, so they connect all the same.
fn revocation(contents: &Contents, at: OffsetDateTime) -> Vec<FileFinding> {
    let mut all = Vec::new();
    if contents.revocation_lists.is_empty() {
        return all;
    }
    let sides = [
        (FileRole::ServerCertificate, FileRole::ClientRoots),
        (FileRole::ClientCertificate, FileRole::ServerRoots),
    ];
    for (certificate, anchors) in sides {
        let (Some(file), Some(anchors)) = (contents.of(certificate), contents.of(anchors)) else {
            continue;
        };
        let Some((end_entity, intermediates)) = file.certificates.split_first() else {
            continue;
        };
        let candidates = Candidates {
            end_entity,
            intermediates,
            anchors: &anchors.certificates,
            revocation_lists: &contents.revocation_lists,
        };
        for mut finding in judge(candidates, &Requirements::at(at)).findings {
            if finding.id.starts_with(LIST_RULES) {
                finding.severity = finding.severity.min(Severity::Warning);
            } else if finding.id == UNKNOWN && contents.named_lists > 0 {
                finding.severity = Severity::Warning;
            } else if finding.id != REVOKED {
                continue;
            }
            all.push(FileFinding::in_file(finding, &file.path));
        }
    }
    all
}

/// Expired and not yet valid certificates behind the first; the stacks judge the first.
fn dates(file: &FileContent, at: OffsetDateTime) -> impl Iterator<Item = Finding> {
    let behind = file.certificates.iter().enumerate().skip(1);
    behind.filter_map(move |(i, certificate)| {
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let evidence = if end < at {
            Evidence::found(format_args!("ended {}", rfc3339(end)))
        } else if begin > at {
            Evidence::found(format_args!("begins {}", rfc3339(begin)))
        } else {
            return None;
        };
        let role = match file.role.is_anchors() {
            true => Role::Anchor,
            false => Role::Intermediate,
        };
        let reference = CertificateReference::new(role, i, certificate.subject());
        let finding = Finding::of("out-of-date-behind").about(reference);
        Some(finding.with_evidence(evidence))
    })
}

fn permissions(file: &FileContent) -> Result<Vec<Finding>, Error> {
    let permissions = files::permissions(&file.path)?;
    let (path, mode) = (shown(&file.path), permissions.mode);
    let open_to = |rule| {
        let found = format_args!("{path} with mode {mode:04o}");
        Finding::of(rule).instead(found, "0600")
    };
    let mut findings = Vec::new();
    if mode & OTHERS != 0 {
        findings.push(open_to("key-open-to-all"));
    } else if mode & GROUP != 0 {
        findings.push(open_to("key-open-to-group"));
    }
    if !permissions.is_owner_trusted {
        let found = format_args!("{path} of user {}", permissions.owner);
        findings.push(Finding::of("key-owner").found(found));
    }
    Ok(findings)
}

const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;
/// No named CRL covers the certificate.
pub(super) const UNKNOWN: &str = "revocation-unknown";
const REVOKED: &str = "revoked";
/// The prefix of the rules about CRLs.
const LIST_RULES: &str = "crl-";
