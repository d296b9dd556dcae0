//! What the revocation lists say of a setup's certificates. No gRPC stack reads a list by itself, so that they connect
//! all the same; who was given a list, though, means that what is on it is not to be used.

use time::OffsetDateTime;

use super::report::Found;
use super::setup::{Contents, FileRole};
use crate::path::finding::Severity;
use crate::path::profile::Requirements;
use crate::path::{Candidates, judge};

/// Looks up each side's certificate: revoked is an error, what is wrong with a list a warning.
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
            } else if finding.id != REVOKED {
                continue;
            }
            all.push(Found::of_file(finding, &file.path));
        }
    }
    all
}

/// The rule of a certificate that is on a list.
const REVOKED: &str = "revoked";
/// How the rules about lists begin.
const LIST_RULES: &str = "crl-";
