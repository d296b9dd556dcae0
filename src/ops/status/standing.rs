//! What stands above a certificate: where the anchors are known, a path that was judged, else what its file has.

use std::borrow::Cow;
use std::collections::HashMap;

use time::OffsetDateTime;

use super::certificate::{Limit, LimitKind, Role, Standard};
use super::reading::Chain;
use super::revocation::RevocationLists;
use crate::path::finding::Severity;
use crate::path::profile::Requirements;
use crate::path::{Candidates, Judgement, Origin, judge};
use crate::pki::certificate::Certificate;
use crate::pki::name::DistinguishedName;

/// The trust anchors of a file.
#[derive(Debug)]
pub(super) struct AnchorFile {
    pub(super) path: String,
    pub(super) anchors: Vec<Certificate>,
    /// By subject, where there are many.
    by_subject: HashMap<DistinguishedName, Vec<usize>>,
}

impl AnchorFile {
    pub(super) fn new(path: String, anchors: Vec<Certificate>) -> Self {
        let mut by_subject: HashMap<DistinguishedName, Vec<usize>> = HashMap::new();
        if anchors.len() > FEW_ANCHORS {
            for (i, anchor) in anchors.iter().enumerate() {
                let namesakes = by_subject.entry(anchor.subject().clone()).or_default();
                namesakes.push(i);
            }
        }
        AnchorFile {
            path,
            anchors,
            by_subject,
        }
    }

    /// Those that may be above a chain: all, or of many those that are called as its issuers are.
    pub(super) fn of_interest(&self, chain: &Chain) -> Cow<'_, [Certificate]> {
        if self.by_subject.is_empty() {
            return Cow::Borrowed(&self.anchors);
        }
        let whole = std::iter::once(&chain.certificate).chain(&chain.above);
        let mut chosen: Vec<usize> = whole
            .filter_map(|certificate| self.by_subject.get(certificate.issuer()))
            .flat_map(|namesakes| namesakes.iter().take(FEW_ANCHORS).copied())
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        Cow::Owned(
            chosen
                .into_iter()
                .map(|i| self.anchors[i].clone())
                .collect(),
        )
    }
}

/// Trust anchors, and how sure it is that they are the ones.
#[derive(Clone, Copy)]
pub(super) struct Trusted<'a> {
    pub(super) file: &'a AnchorFile,
    /// Whether they were named, and are not just those beside the file.
    pub(super) is_named: bool,
}

/// What stands above a certificate, nearest first.
pub(super) struct Above<'a> {
    certificates: Vec<(LimitKind, &'a Certificate)>,
}

impl<'a> Above<'a> {
    /// The path that was found, or what its file has.
    pub(super) fn of(
        chain: &'a Chain,
        judged: Option<&Judgement>,
        anchors: &'a [Certificate],
    ) -> Self {
        let found = judged.filter(|judgement| judgement.reaches_anchor);
        let certificates = match found {
            Some(judgement) => {
                let members = judgement.path.iter().map(|member| member.origin);
                members
                    .filter_map(|origin| match origin {
                        Origin::EndEntity => None,
                        Origin::Intermediate(i) => Some((LimitKind::Intermediate, &chain.above[i])),
                        Origin::Anchor(i) => Some((LimitKind::Anchor, &anchors[i])),
                    })
                    .collect()
            }
            None => {
                let kind = |certificate: &Certificate| match certificate.is_self_issued() {
                    true => LimitKind::Anchor,
                    false => LimitKind::Intermediate,
                };
                let above = chain.above.iter();
                above.map(|above| (kind(above), above)).collect()
            }
        };
        Above { certificates }
    }

    pub(super) fn issuer(&self) -> Option<&'a Certificate> {
        self.certificates
            .first()
            .map(|(_, certificate)| *certificate)
    }

    pub(super) fn limits(&self, standard: &Standard<'_>) -> impl Iterator<Item = Limit> {
        self.certificates
            .iter()
            .map(|(kind, certificate)| Limit::of_certificate(*kind, certificate, standard))
    }

    /// Since when the certificate, or one above it, is revoked.
    pub(super) fn revoked(
        &self,
        certificate: &Certificate,
        lists: &RevocationLists,
    ) -> Option<OffsetDateTime> {
        let above = self
            .certificates
            .iter()
            .map(|(_, certificate)| *certificate);
        let whole: Vec<&Certificate> = std::iter::once(certificate).chain(above).collect();
        whole
            .iter()
            .enumerate()
            .filter(|(_, certificate)| !certificate.is_self_issued())
            .find_map(|(i, certificate)| lists.revoked(certificate, whole.get(i + 1).copied()))
    }
}

/// A chain judged under these anchors.
pub(super) fn judged(chain: &Chain, anchors: &[Certificate], now: OffsetDateTime) -> Judgement {
    let candidates = Candidates {
        end_entity: &chain.certificate,
        intermediates: &chain.above,
        anchors,
        revocation_lists: &[],
    };
    judge(candidates, &Requirements::at(now))
}

/// What is wrong with an end entity whose path reaches an anchor, dates aside: they are told as time left.
pub(super) fn fault(role: Role, judgement: &Judgement) -> Option<String> {
    if role != Role::EndEntity || !judgement.reaches_anchor {
        return None;
    }
    let errors = judgement.findings.iter();
    errors
        .filter(|finding| finding.severity == Severity::Error && !DATES.contains(&finding.id))
        .map(|finding| finding.summary())
        .next()
}

/// The rules that speak of time left.
const DATES: [&str; 2] = ["expired", "not-yet-valid"];

/// So many anchors are tried without looking at their names.
const FEW_ANCHORS: usize = 16;
