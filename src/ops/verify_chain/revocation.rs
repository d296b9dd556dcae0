//! Whether the setup's certificates are revoked. No gRPC stack reads a CRL unless it is configured to, so
//! they connect all the same; the verdict is no nevertheless.

use time::OffsetDateTime;

use super::report::Found;
use super::setup::{Contents, FileRole};
use crate::path::finding::Severity;
use crate::path::profile::Requirements;
use crate::path::{Candidates, judge};

/// Looks up each side's certificate: revoked is an error, a fault in a CRL is a warning.
pub(super) fn examine(contents: &Contents, at: OffsetDateTime) -> Vec<Found> {
    if contents.revocation_lists.is_empty() {
        return Vec::new();
    }
    let sides = [
        (FileRole::ServerCertificate, FileRole::Ca),
        (FileRole::ClientCertificate, FileRole::ClientCa),
    ];
    let mut all = Vec::new();
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
            all.push(Found::of_file(finding, &file.path));
        }
    }
    all
}

/// No named CRL covers the certificate.
pub(super) const UNKNOWN: &str = "revocation-unknown";
const REVOKED: &str = "revoked";
/// The prefix of the rules about CRLs.
const LIST_RULES: &str = "crl-";
