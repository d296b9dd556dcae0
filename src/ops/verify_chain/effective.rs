//! When a setup ends: what of it ends first.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::setup::{Contents, FileRole};
use crate::error::shown;
use crate::ops::Span;
use crate::pki::validity::rfc3339;

/// The first end of all that a setup rests on: a certificate of a chain, an anchor, a revocation list.
#[derive(Clone, Debug, Serialize)]
pub struct EffectiveExpiry {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: i64,
    /// What ends then.
    pub first: Ends,
    /// The file it stands in.
    pub file: String,
    /// Whose it is: the subject of the certificate or the issuer of the list.
    pub subject: String,
}

/// What can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The first certificate of a server's or client's file.
    Leaf,
    /// A certificate behind it.
    Chain,
    /// A trust anchor.
    Anchor,
    /// A revocation list's nextUpdate.
    RevocationList,
}

impl EffectiveExpiry {
    /// The first to end; `None` where nothing was read that ends.
    ///
    /// Of several anchors the last one's end counts, since one that is left is enough.
    pub(super) fn of(contents: &Contents, now: OffsetDateTime) -> Option<Self> {
        let mut ends: Vec<(OffsetDateTime, Ends, &PathBuf, String)> = Vec::new();
        for file in contents.iter() {
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
                FileRole::Ca | FileRole::ClientCa => {
                    let last = all.max_by_key(|(end, ..)| *end);
                    ends.extend(
                        last.map(|(end, _, path, subject)| (end, Ends::Anchor, path, subject)),
                    );
                }
                FileRole::ServerKey | FileRole::ClientKey => {}
            }
        }
        for (path, list) in contents.list_paths.iter().zip(&contents.revocation_lists) {
            let end = list.next_update();
            let issuer = list.issuer().to_string();
            ends.extend(end.map(|end| (end, Ends::RevocationList, path, issuer)));
        }
        let (not_after, first, path, subject) = ends.into_iter().min_by_key(|(end, ..)| *end)?;
        Some(EffectiveExpiry {
            not_after,
            expires_in_seconds: (not_after - now).whole_seconds(),
            first,
            file: shown(path),
            subject,
        })
    }
}

impl fmt::Display for EffectiveExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = time::Duration::seconds(self.expires_in_seconds);
        let direction = if left.is_negative() { "ago" } else { "left" };
        let what = match self.first {
            Ends::Leaf => "the certificate",
            Ends::Chain => "a certificate of the chain",
            Ends::Anchor => "the anchor",
            Ends::RevocationList => "the revocation list",
        };
        let (end, left) = (rfc3339(self.not_after), Span(left.abs()));
        write!(f, "{end} ({left} {direction}): {what} in {}", self.file)
    }
}
