//! A certificate and when it really ends: it, a certificate above it, or the list that says it is not revoked.

use std::borrow::Cow;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::reading::Chain;
use super::revocation::RevocationLists;
use super::standing::{Above, Trusted, fault, judged};
use super::threshold::{Level, Thresholds};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::Status;

/// A certificate and when it ends.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateStatus {
    /// What it was found in.
    pub source: Source,
    /// The file or URL it was found in.
    pub location: String,
    /// The same file, or for an anchor the same certificate, elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_at: Vec<String>,
    /// What it is for.
    pub role: Role,
    /// Whether the inventory has it as issued to this place.
    pub managed: bool,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its issuer.
    pub issuer: DistinguishedName,
    /// Its serial number.
    pub serial: SerialNumber,
    /// The names it is for.
    pub subject_alt_names: Vec<GeneralName>,
    /// SHA-256 over it.
    pub fingerprint_sha256: Fingerprint,
    /// The first moment of its validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last moment of its validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// What it is now.
    pub status: Status,
    /// When it ceases to be of use: the earliest end of what it depends on, or since when it is revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub effective_not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub effective_expires_in_seconds: i64,
    /// What ends then.
    pub limited_by: LimitKind,
    /// What part of the time is left of what ends first, from 0 to 1.
    pub remaining: f64,
    /// How it is.
    pub level: Level,
    /// Why it is not well, in one line.
    pub problem: Option<String>,
    /// The file of the trust anchors it was checked against.
    pub checked_against: Option<String>,
    /// Whether a path with good signatures leads to one of them; `None` where there were none.
    pub reaches_anchor: Option<bool>,
    /// Everything it depends on, what ends first first.
    pub limits: Vec<Limit>,
}

/// What a certificate was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A file.
    File,
    /// A server, which showed it in a handshake.
    Server,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A CA's that issued itself.
    Anchor,
    /// A CA's that another issued.
    Intermediate,
    /// Neither.
    EndEntity,
}

impl Role {
    fn of(certificate: &Certificate) -> Self {
        // Version 1 knows no basicConstraints; a root of that age issued itself all the same.
        let is_authority = certificate.is_ca().unwrap_or(false);
        match (is_authority, certificate.is_self_issued()) {
            (true, true) => Role::Anchor,
            (true, false) => Role::Intermediate,
            (false, _) => Role::EndEntity,
        }
    }
}

/// Something that a certificate depends on, with an end.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// What it is.
    pub kind: LimitKind,
    /// Whose it is: a subject, or a revocation list's issuer.
    pub name: DistinguishedName,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: i64,
    /// How it is.
    pub level: Level,
    #[serde(skip)]
    remaining: f64,
}

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// The certificate itself.
    Certificate,
    /// A CA's certificate between it and the anchor.
    Intermediate,
    /// The trust anchor.
    Anchor,
    /// The revocation list of its issuer.
    Crl,
    /// It is revoked.
    Revocation,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LimitKind::Certificate => "certificate",
            LimitKind::Intermediate => "intermediate",
            LimitKind::Anchor => "anchor",
            LimitKind::Crl => "crl",
            LimitKind::Revocation => "revocation",
        })
    }
}

/// What a certificate is judged by.
pub(super) struct Standard<'a> {
    pub(super) thresholds: Thresholds,
    pub(super) lists: &'a RevocationLists,
    pub(super) now: OffsetDateTime,
}

impl CertificateStatus {
    /// A certificate seen from now.
    pub(super) fn of(
        chain: &Chain,
        (source, location): (Source, String),
        trusted: Option<Trusted<'_>>,
        standard: &Standard<'_>,
    ) -> Self {
        let certificate = &chain.certificate;
        let role = Role::of(certificate);
        let anchors = trusted.map_or(Cow::Borrowed(&[][..]), |t| t.file.of_interest(chain));
        let judged = match role {
            Role::Anchor => None,
            Role::Intermediate | Role::EndEntity => {
                trusted.map(|_| judged(chain, &anchors, standard.now))
            }
        };
        let above = Above::of(chain, judged.as_ref(), &anchors);
        let mut limits: Vec<Limit> = above.limits(standard).collect();
        limits.insert(
            0,
            Limit::of_certificate(LimitKind::Certificate, certificate, standard),
        );
        limits.extend(Limit::of_list(certificate, above.issuer(), standard));
        limits.sort_by_key(|limit| limit.not_after);
        let reaches_anchor = judged.as_ref().map(|judgement| judgement.reaches_anchor);
        let names = certificate.subject_alt_names().ok().flatten();
        let first = limits[0].clone();
        let mut status = CertificateStatus {
            source,
            location,
            also_at: Vec::new(),
            role,
            managed: false,
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            serial: certificate.serial().clone(),
            subject_alt_names: names.unwrap_or_default(),
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            status: status(certificate, standard.now),
            effective_not_after: first.not_after,
            effective_expires_in_seconds: first.expires_in_seconds,
            limited_by: first.kind,
            remaining: first.remaining,
            level: Level::Ok,
            problem: None,
            checked_against: reaches_anchor.and(trusted).map(|t| t.file.path.clone()),
            reaches_anchor,
            limits,
        };
        status.conclude(standard.now);
        let untrusted = trusted.filter(|t| t.is_named && reaches_anchor == Some(false));
        if let Some(trusted) = untrusted {
            status.is_critical(format!(
                "no path leads to an anchor in {}",
                trusted.file.path
            ));
        } else if let Some(fault) = judged.and_then(|judgement| fault(role, &judgement)) {
            status.is_critical(fault);
        }
        if let Some(since) = above.revoked(certificate, standard.lists) {
            status.is_revoked(since, standard.now);
        }
        status
    }

    /// Says that it is revoked, which outweighs all else.
    pub(super) fn is_revoked(&mut self, since: OffsetDateTime, now: OffsetDateTime) {
        self.status = Status::Revoked;
        self.limited_by = LimitKind::Revocation;
        self.effective_not_after = since.min(self.effective_not_after);
        self.effective_expires_in_seconds = seconds(self.effective_not_after, now);
        self.remaining = 0.0;
        self.level = Level::Critical;
        self.problem = Some(format!("revoked since {}", rfc3339(since)));
    }

    /// The one that ends first first; then by place.
    pub(super) fn place_in_order(&self) -> (OffsetDateTime, &str, &[u8]) {
        let fingerprint = self.fingerprint_sha256.as_bytes();
        (self.effective_not_after, &self.location, fingerprint)
    }

    fn is_critical(&mut self, problem: String) {
        self.level = Level::Critical;
        self.problem = Some(problem);
    }

    /// What its limits come to.
    fn conclude(&mut self, now: OffsetDateTime) {
        let worst = self.limits.iter().map(|limit| limit.level).max();
        self.level = worst.unwrap_or(Level::Ok);
        if self.level > Level::Ok {
            let at_fault = self.limits.iter().find(|limit| limit.level == self.level);
            self.problem = at_fault.map(Limit::sentence);
        }
        if self.status == Status::NotYetValid {
            let left = super::text::Left(seconds(self.not_before, now));
            self.is_critical(format!("not valid yet: it begins in {left}"));
        }
    }

    /// What is wrong with it, where that is more than its own end.
    pub(super) fn note(&self) -> Option<&str> {
        let problem = self.problem.as_deref()?;
        let own = self
            .limits
            .iter()
            .find(|limit| limit.kind == LimitKind::Certificate);
        let is_own_end = own.is_some_and(|limit| limit.sentence() == problem);
        (!is_own_end).then_some(problem)
    }

    /// What it is called: its first name, or its subject when it has none.
    pub fn title(&self) -> String {
        let common_name = || {
            let names = self.subject.values(AttributeType::CommonName);
            names.into_iter().find(|name| !name.is_empty())
        };
        let name = self.subject_alt_names.first().map(|name| {
            let text = name.to_string();
            let bare = text.split_once(':').map(|(_, name)| name.to_owned());
            bare.filter(|bare| !bare.is_empty()).unwrap_or(text)
        });
        let common_name = common_name().map(|name| crate::pki::escape::Escaped(&name).to_string());
        match self.role {
            Role::EndEntity => name.or(common_name),
            Role::Anchor | Role::Intermediate => common_name.or(name),
        }
        .unwrap_or_else(|| match self.subject.is_empty() {
            true => format!("serial {}", self.serial),
            false => self.subject.to_string(),
        })
    }
}

impl Limit {
    pub(super) fn of_certificate(
        kind: LimitKind,
        certificate: &Certificate,
        standard: &Standard<'_>,
    ) -> Self {
        let period = (certificate.not_before(), certificate.not_after());
        Limit::new(kind, certificate.subject(), period, standard)
    }

    /// The end of the newest revocation list that speaks of a certificate.
    fn of_list(
        certificate: &Certificate,
        issuer: Option<&Certificate>,
        standard: &Standard<'_>,
    ) -> Option<Self> {
        let list = standard.lists.speaking_of(certificate, issuer)?;
        let period = (list.this_update, list.next_update?);
        Some(Limit::new(LimitKind::Crl, &list.issuer, period, standard))
    }

    fn new(
        kind: LimitKind,
        name: &DistinguishedName,
        (start, end): (OffsetDateTime, OffsetDateTime),
        standard: &Standard<'_>,
    ) -> Self {
        let (left, lifetime) = (end - standard.now, end - start);
        Limit {
            kind,
            name: name.clone(),
            not_after: end,
            expires_in_seconds: seconds(end, standard.now),
            level: standard.thresholds.level(left, lifetime),
            remaining: part_left(left, lifetime),
        }
    }

    /// What becomes of it, in a clause.
    pub(super) fn sentence(&self) -> String {
        let left = super::text::Left(self.expires_in_seconds.abs());
        let what = match self.kind {
            LimitKind::Certificate => "it".to_owned(),
            LimitKind::Intermediate => format!("the intermediate {}", self.name),
            LimitKind::Anchor => format!("the anchor {}", self.name),
            LimitKind::Crl => format!("the revocation list of {}", self.name),
            LimitKind::Revocation => "the revocation".to_owned(),
        };
        if self.expires_in_seconds < 0 {
            format!("{what} ended {left} ago")
        } else {
            format!("{what} ends in {left}")
        }
    }
}

/// What part of a lifetime is left, from 0 to 1.
pub(super) fn part_left(left: Duration, lifetime: Duration) -> f64 {
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
