//! A certificate and when it really expires: with it, or with a certificate above it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::gathering::Chain;
use super::report::{Level, Thresholds};
use super::revocation::RevocationLists;
use crate::error::Error;
use crate::files;
use crate::ops::anchors::{AnchorSource, Anchors};
use crate::ops::expiry::{CertificateFacts, Left};
use crate::ops::list;
use crate::ops::managed::Managed;
use crate::path::finding::Severity;
use crate::path::{Candidates, Judgement, Origin, Requirements, judge};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::validity::rfc3339;
use crate::store::{Inventory, Labels, Status};

/// A certificate and when it expires.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateStatus {
    /// Where it was found.
    pub source: Source,
    /// The file, or the port as it was dialled.
    #[serde(serialize_with = "crate::ops::paths::file_or_port")]
    pub path: String,
    /// Links to the same file, or for an anchor other files with the same certificate.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::ops::paths::files_or_ports"
    )]
    pub also_at: Vec<String>,
    /// What it is for.
    pub role: Role,
    /// Whether the inventory has it.
    pub managed: bool,
    /// The labels it has in the inventory.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The certificate.
    #[serde(flatten)]
    pub facts: CertificateFacts,
    /// Its status.
    pub status: Status,
    /// When it stops being usable: the earliest end of what it depends on, or when it was revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub effective_not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub effective_expires_in_seconds: i64,
    /// What ends then.
    pub limited_by: LimitKind,
    /// The fraction of the lifetime that remains, from 0 to 1, of what ends first.
    pub remaining: f64,
    /// How urgent it is.
    pub level: Level,
    /// What is wrong, in one line.
    pub problem: Option<String>,
    /// The trust anchors it was checked against.
    pub anchors: Option<AnchorSource>,
    /// Whether a path with valid signatures leads to one of them; `None` without anchors.
    pub reaches_anchor: Option<bool>,
    /// Everything it depends on, earliest end first.
    pub limits: Vec<Limit>,
}

/// Where a certificate was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In a file.
    File,
    /// On a port.
    Server,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A self-issued CA.
    Anchor,
    /// A CA that another CA issued.
    Intermediate,
    /// Not a CA.
    EndEntity,
}

/// Something that a certificate depends on and that expires.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// What it is.
    pub kind: LimitKind,
    /// Its subject.
    pub name: DistinguishedName,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: i64,
    /// How urgent it is.
    pub level: Level,
    #[serde(skip)]
    remaining: f64,
}

/// What ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// The certificate itself.
    Certificate,
    /// A CA between it and the anchor.
    Intermediate,
    /// The trust anchor.
    Anchor,
    /// It is revoked.
    Revocation,
}

/// What certificates are judged by.
pub(super) struct Standard<'a> {
    pub(super) thresholds: Thresholds,
    pub(super) lists: &'a RevocationLists,
    pub(super) now: OffsetDateTime,
}

impl CertificateStatus {
    /// The status of a certificate found at `path`, under these anchors.
    pub(super) fn of(
        chain: &Chain,
        (source, path): (Source, String),
        anchors: Option<&Anchors>,
        standard: &Standard<'_>,
    ) -> Self {
        let certificate = &chain.certificate;
        let role = Role::of(certificate);
        let whole = std::iter::once(certificate).chain(&chain.above);
        let trusted = anchors.map_or(Cow::Borrowed(&[][..]), |a| a.of_interest(whole));
        let judged = match role {
            Role::Anchor => None,
            Role::Intermediate | Role::EndEntity => {
                anchors.map(|_| judged(chain, &trusted, standard.now))
            }
        };
        let above = Above::of(chain, judged.as_ref(), &trusted);
        let own = Limit::new(LimitKind::Certificate, certificate, standard);
        let mut limits = vec![own];
        limits.extend(above.limits(standard));
        limits.sort_by_key(|limit| limit.not_after);
        let reaches_anchor = judged.as_ref().map(|judgement| judgement.reaches_anchor);
        let first = limits[0].clone();
        let mut status = CertificateStatus {
            source,
            path,
            also_at: Vec::new(),
            labels: Labels::default(),
            role,
            managed: false,
            facts: CertificateFacts::of(certificate, standard.now),
            status: status(certificate, standard.now),
            effective_not_after: first.not_after,
            effective_expires_in_seconds: first.expires_in_seconds,
            limited_by: first.kind,
            remaining: first.remaining,
            level: Level::Ok,
            problem: None,
            anchors: reaches_anchor.and(anchors).map(|a| a.source.clone()),
            reaches_anchor,
            limits,
        };
        status.conclude(standard.now);
        let untrusted = anchors.filter(|a| a.source.is_given() && reaches_anchor == Some(false));
        if let Some(anchors) = untrusted {
            status.set_critical(format!("no path to an anchor in {}", anchors.source));
        } else if let Some(fault) = judged.and_then(|judgement| fault(role, &judgement)) {
            status.set_critical(fault);
        }
        if let Some(since) = above.revoked(certificate, standard.lists) {
            status.set_revoked(Status::Revoked, since, standard.now);
        }
        status
    }

    /// Notes that it is revoked or on hold, which outweighs everything else.
    pub(super) fn set_revoked(
        &mut self,
        status: Status,
        since: OffsetDateTime,
        now: OffsetDateTime,
    ) {
        self.status = status;
        self.limited_by = LimitKind::Revocation;
        self.effective_not_after = since.min(self.effective_not_after);
        self.effective_expires_in_seconds = seconds(self.effective_not_after, now);
        self.remaining = 0.0;
        self.level = Level::Critical;
        self.problem = Some(match status {
            Status::OnHold => format!("on hold since {}", rfc3339(since)),
            _ => format!("revoked on {}", rfc3339(since)),
        });
    }

    /// Notes that it was replaced, or its CA rotated out: its expiry no longer matters.
    pub(super) fn set_replaced(&mut self, status: Status) {
        self.status = status;
        self.level = Level::Ok;
        self.problem = None;
    }

    /// Whether its expiry still matters to someone.
    pub fn is_live(&self) -> bool {
        match self.status {
            Status::Valid | Status::NotYetValid => true,
            Status::Revoked
            | Status::OnHold
            | Status::Expired
            | Status::Superseded
            | Status::Retired => false,
        }
    }

    /// Soonest expiry first, then by place.
    pub(super) fn order(&self) -> (OffsetDateTime, &str, &[u8]) {
        let fingerprint = self.facts.fingerprint_sha256.as_bytes();
        (self.effective_not_after, &self.path, fingerprint)
    }

    fn set_critical(&mut self, problem: String) {
        self.level = Level::Critical;
        self.problem = Some(problem);
    }

    /// Derives level and problem from the limits.
    fn conclude(&mut self, now: OffsetDateTime) {
        let worst = self.limits.iter().map(|limit| limit.level).max();
        self.level = worst.unwrap_or(Level::Ok);
        if self.level > Level::Ok {
            let worst = self.limits.iter().find(|limit| limit.level == self.level);
            self.problem = worst.map(Limit::sentence);
        }
        if self.status == Status::NotYetValid {
            let left = Left(seconds(self.facts.expiry.not_before, now));
            self.set_critical(format!("not valid until {left} from now"));
        }
    }

    /// The problem, unless it is only that the certificate itself expires.
    pub(super) fn note(&self) -> Option<&str> {
        let problem = self.problem.as_deref()?;
        let is_own = |limit: &&Limit| limit.kind == LimitKind::Certificate;
        let own = self.limits.iter().find(is_own);
        let is_own_end = own.is_some_and(|limit| limit.sentence() == problem);
        (!is_own_end).then_some(problem)
    }

    /// Its first name; for a CA its common name.
    pub fn title(&self) -> String {
        let common_name = || self.facts.common_name();
        match self.role {
            Role::EndEntity => self.facts.name(),
            Role::Anchor | Role::Intermediate => common_name().unwrap_or_else(|| self.facts.name()),
        }
    }
}

impl Role {
    fn of(certificate: &Certificate) -> Self {
        // A version 1 root has no basicConstraints; it counts as an end entity.
        let is_authority = certificate.is_ca().unwrap_or(false);
        match (is_authority, certificate.is_self_issued()) {
            (true, true) => Role::Anchor,
            (true, false) => Role::Intermediate,
            (false, _) => Role::EndEntity,
        }
    }
}

impl Limit {
    fn new(kind: LimitKind, certificate: &Certificate, standard: &Standard<'_>) -> Self {
        let (start, end) = (certificate.not_before(), certificate.not_after());
        let (left, lifetime) = (end - standard.now, end - start);
        Limit {
            kind,
            name: certificate.subject().clone(),
            not_after: end,
            expires_in_seconds: seconds(end, standard.now),
            level: standard.thresholds.level(left, lifetime),
            remaining: fraction(left, lifetime),
        }
    }

    /// When it expires, as a clause.
    fn sentence(&self) -> String {
        let left = Left(self.expires_in_seconds.abs());
        let name = match self.kind {
            LimitKind::Certificate | LimitKind::Revocation => "certificate".to_owned(),
            LimitKind::Intermediate => format!("intermediate {}", self.name),
            LimitKind::Anchor => format!("anchor {}", self.name),
        };
        if self.expires_in_seconds < 0 {
            format!("{name} expired {left} ago")
        } else {
            format!("{name} expires in {left}")
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LimitKind::Certificate => "certificate",
            LimitKind::Intermediate => "issuer",
            LimitKind::Anchor => "anchor",
            LimitKind::Revocation => "revocation",
        })
    }
}

/// The certificates above one, nearest first.
struct Above<'a> {
    certificates: Vec<(LimitKind, &'a Certificate)>,
}

impl<'a> Above<'a> {
    /// Those of the path that was found; without one, those of its file.
    fn of(chain: &'a Chain, judged: Option<&Judgement>, anchors: &'a [Certificate]) -> Self {
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

    fn limits(&self, standard: &Standard<'_>) -> impl Iterator<Item = Limit> {
        self.certificates
            .iter()
            .map(|(kind, certificate)| Limit::new(*kind, certificate, standard))
    }

    /// Since when the certificate, or one above it, is revoked.
    fn revoked(
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
fn judged(chain: &Chain, anchors: &[Certificate], now: OffsetDateTime) -> Judgement {
    let candidates = Candidates {
        end_entity: &chain.certificate,
        intermediates: &chain.above,
        anchors,
        revocation_lists: &[],
    };
    judge(candidates, &Requirements::at(now))
}

/// What is wrong with an end entity whose path reaches an anchor; dates are reported as time left.
fn fault(role: Role, judgement: &Judgement) -> Option<String> {
    if role != Role::EndEntity || !judgement.reaches_anchor {
        return None;
    }
    let errors = judgement.findings.iter();
    errors
        .filter(|finding| finding.severity == Severity::Error && !DATES.contains(&finding.id))
        .map(|finding| finding.summary())
        .next()
}

/// The fraction of a lifetime that remains, from 0 to 1.
pub(super) fn fraction(left: Duration, lifetime: Duration) -> f64 {
    if lifetime.is_positive() {
        (left / lifetime).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Whole seconds until a moment.
pub(super) fn seconds(moment: OffsetDateTime, now: OffsetDateTime) -> i64 {
    moment.unix_timestamp() - now.unix_timestamp()
}

fn status(certificate: &Certificate, now: OffsetDateTime) -> Status {
    if seconds(certificate.not_after(), now) < 0 {
        Status::Expired
    } else if seconds(certificate.not_before(), now) > 0 {
        Status::NotYetValid
    } else {
        Status::Valid
    }
}

/// The rules about dates.
const DATES: [&str; 2] = ["expired", "not-yet-valid"];

/// The inventories of the directories that are checked.
#[derive(Default)]
pub(super) struct Inventories {
    open: Vec<Box<dyn Inventory>>,
    /// The fingerprints of CAs that were rotated out.
    retired: HashSet<Fingerprint>,
}

impl Inventories {
    /// Opens the inventory of a directory and returns the managed files elsewhere.
    pub(super) fn open(&mut self, directory: &Path) -> Result<Vec<PathBuf>, Error> {
        let inventory = list::inventory(directory)?;
        let own = files::absolute(directory)?;
        let is_elsewhere = inventory.directories()?.iter().any(|other| *other != own);
        let mut files = Vec::new();
        if is_elsewhere {
            let managed = Managed::read(directory, &*inventory)?;
            let places = managed.certificates.iter();
            files.extend(places.map(|certificate| certificate.place.certificate()));
        }
        for record in inventory.authorities()? {
            if record.retired_at.is_some() {
                self.retired
                    .insert(Fingerprint::sha256(&record.certificate));
            }
        }
        self.open.push(inventory);
        Ok(files)
    }

    /// Completes the status of a certificate with what they know of it.
    pub(super) fn complete(
        &self,
        status: &mut CertificateStatus,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let is_retired = |fingerprint| self.retired.contains(fingerprint);
        if is_retired(&status.facts.fingerprint_sha256) {
            status.set_replaced(Status::Retired);
        }
        for inventory in &self.open {
            let entry = inventory.find(&status.facts.serial)?;
            let issued = entry.filter(|entry| entry.fingerprint == status.facts.fingerprint_sha256);
            if let Some(entry) = issued {
                status.managed = true;
                status.labels.clone_from(&entry.labels);
                let recorded = entry.status(now);
                match (recorded, entry.revocation) {
                    (Status::Superseded | Status::Retired, _) => status.set_replaced(recorded),
                    (_, Some(revocation)) => status.set_revoked(recorded, revocation.at, now),
                    (_, None) => {}
                }
            }
        }
        Ok(())
    }
}
