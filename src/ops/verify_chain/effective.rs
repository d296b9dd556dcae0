//! When a setup expires, and what expires first.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::setup::Contents;
use crate::error::shown;
use crate::ops::{Span, paths};
use crate::path::stacks::File as FileRole;
use crate::pki::validity::rfc3339;

/// The earliest expiry of everything a setup depends on: certificates, anchors and CRLs.
#[derive(Clone, Debug, Serialize)]
pub struct EffectiveExpiry {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative if it has passed.
    pub expires_in_seconds: i64,
    /// What expires then.
    pub first: Ends,
    /// Its file.
    #[serde(serialize_with = "paths::as_text")]
    pub path: PathBuf,
    /// The subject of the certificate, or the issuer of the CRL.
    pub subject: String,
}

/// What can expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The server's or client's certificate.
    Leaf,
    /// An intermediate.
    Chain,
    /// A trust anchor.
    Anchor,
    /// A CRL, at its nextUpdate.
    RevocationList,
}

impl EffectiveExpiry {
    /// The earliest expiry, if any. Of several anchors in a file the last expiry counts, because one
    /// valid anchor is enough.
    pub(super) fn of(contents: &Contents, now: OffsetDateTime) -> Option<Self> {
        let mut ends: Vec<(OffsetDateTime, Ends, &PathBuf, String)> = Vec::new();
        for file in &contents.files {
            let all = file
                .certificates
                .iter()
                .enumerate()
                .map(|(i, certificate)| {
                    let (end, subject) = (certificate.not_after(), certificate.subject());
                    let what = if i == 0 { Ends::Leaf } else { Ends::Chain };
                    (end, what, &file.path, subject.to_string())
                });
            match file.role {
                FileRole::ServerCertificate | FileRole::ClientCertificate => ends.extend(all),
                FileRole::ClientRoots | FileRole::ServerRoots => {
                    let last = all.max_by_key(|(end, ..)| *end);
                    ends.extend(
                        last.map(|(end, _, path, subject)| (end, Ends::Anchor, path, subject)),
                    );
                }
                FileRole::ServerKey | FileRole::ClientKey => {}
            }
        }
        // No gRPC stack reads a CRL by itself, so only the named ones count.
        let lists = contents.list_paths.iter().zip(&contents.revocation_lists);
        for (path, list) in lists.take(contents.named_lists) {
            let end = list.next_update();
            let issuer = list.issuer().to_string();
            ends.extend(end.map(|end| (end, Ends::RevocationList, path, issuer)));
        }
        let (not_after, first, path, subject) = ends.into_iter().min_by_key(|(end, ..)| *end)?;
        Some(EffectiveExpiry {
            not_after,
            expires_in_seconds: (not_after - now).whole_seconds(),
            first,
            path: path.clone(),
            subject,
        })
    }
}

impl fmt::Display for EffectiveExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = time::Duration::seconds(self.expires_in_seconds);
        let direction = if left.is_negative() { "ago" } else { "left" };
        let what = match self.first {
            Ends::Leaf => "certificate",
            Ends::Chain => "intermediate",
            Ends::Anchor => "trust anchor",
            Ends::RevocationList => "CRL",
        };
        let (end, left) = (rfc3339(self.not_after), Span(left.abs()));
        write!(
            f,
            "{end} ({left} {direction}): {what} in {}",
            shown(&self.path)
        )
    }
}
