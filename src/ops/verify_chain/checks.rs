//! What is wrong with the files themselves, whatever stack reads them: who may read the keys, what has ended behind
//! the first certificate.

use time::OffsetDateTime;

use super::setup::{Contents, FileContent};
use crate::error::{Error, shown};
use crate::files;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role};
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
        Some(
            Finding::of("out-of-date-behind")
                .about(reference)
                .with_evidence(evidence),
        )
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
        findings.push(Finding::of("key-open-to-all").with_evidence(mode));
    } else if permissions.mode & GROUP != 0 {
        findings.push(Finding::of("key-open-to-group").with_evidence(mode));
    }
    if !permissions.is_owner_trusted {
        let evidence = Evidence::found(format_args!("{path} of user {}", permissions.owner));
        findings.push(Finding::of("key-owner").with_evidence(evidence));
    }
    Ok(findings)
}

const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;
