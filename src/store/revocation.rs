//! Revocations as the inventory records them.

use serde::Serialize;
use time::OffsetDateTime;

use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;

/// When and why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// When it was revoked; whole seconds.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The reason.
    pub reason: RevocationReason,
    /// Since when the certificate is known or suspected to be invalid; whole seconds.
    #[serde(with = "time::serde::rfc3339::option")]
    pub invalidity_date: Option<OffsetDateTime>,
}

impl Revocation {
    /// The effect of this revocation on one that exists: a more severe reason replaces the other, and an
    /// earlier invalidity date does; the moment stays the first.
    pub fn over(self, existing: Option<Revocation>) -> (RevocationChange, Revocation) {
        let Some(existing) = existing else {
            return (RevocationChange::Done, self);
        };
        let is_more_severe = self.reason.weight() > existing.reason.weight();
        let dates = [existing.invalidity_date, self.invalidity_date];
        let amended = Revocation {
            at: existing.at,
            reason: if is_more_severe {
                self.reason
            } else {
                existing.reason
            },
            invalidity_date: dates.into_iter().flatten().min(),
        };
        if amended == existing {
            (RevocationChange::Stands(existing), existing)
        } else {
            (RevocationChange::Amended(existing), amended)
        }
    }
}

/// The effect of revoking a certificate or of removing a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationChange {
    /// Done: it was not revoked before, or is no longer.
    Done,
    /// It was revoked already, as given here, and now has a more severe reason or an earlier invalidity date.
    Amended(Revocation),
    /// Unchanged: it is revoked already, as given here.
    Stands(Revocation),
    /// Unchanged: it is not revoked.
    NotRevoked,
    /// No such certificate.
    Unknown,
}

/// A revoked certificate as a CRL lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// The serial number.
    pub serial: SerialNumber,
    /// When and why.
    pub revocation: Revocation,
    /// Its notAfter; after that a CRL may omit it (RFC 5280 §3.3).
    pub not_after: OffsetDateTime,
    /// SHA-256 of the certificate of the CA that issued it.
    pub issuer_fingerprint: Fingerprint,
}

/// The effect of removing a hold: a revocation for any other reason is final.
pub(super) fn without_hold(existing: Option<Revocation>) -> (RevocationChange, Option<Revocation>) {
    match existing {
        None => (RevocationChange::NotRevoked, None),
        Some(existing) if existing.reason == RevocationReason::CertificateHold => {
            (RevocationChange::Done, None)
        }
        Some(existing) => (RevocationChange::Stands(existing), Some(existing)),
    }
}
