//! What the inventory holds.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::revocation::RevocationReason;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Validity;

/// A certificate that was issued, and all that is known of it.
///
/// The fields repeat what the certificate says so that nothing has to parse it; the inventory does
/// not check that they agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The serial number: positive, and no other entry's.
    pub serial: SerialNumber,
    /// The certificate as DER.
    pub certificate: Vec<u8>,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its issuer.
    pub issuer: DistinguishedName,
    /// SHA-256 over the issuer's certificate.
    pub issuer_fingerprint: Fingerprint,
    /// The names it is for.
    pub names: Vec<SubjectAltName>,
    /// The profile it was issued by.
    pub profile: String,
    /// When it is valid.
    pub validity: Validity,
    /// SHA-256 over the certificate.
    pub fingerprint: Fingerprint,
    /// What kind of key it certifies, such as `p256`.
    pub key_type: String,
    /// Where it was written; `None` when it went to standard output.
    pub output: Option<Output>,
    /// Who asked for it, as `user@host`.
    pub requested_by: String,
    /// What was said of it.
    pub note: Option<String>,
    /// When it was issued; whole seconds.
    pub issued_at: OffsetDateTime,
    /// When and why it was revoked, if it was.
    pub revocation: Option<Revocation>,
    /// The row of a manifest it was issued for.
    pub batch: Option<BatchRow>,
    /// The serial number of the certificate it took the place of, when it is a renewal.
    pub replaces: Option<SerialNumber>,
}

impl Entry {
    /// What it is at this moment. Revoked outlasts expired; both ends of the validity are included.
    pub fn status(&self, now: OffsetDateTime) -> Status {
        let now = now.unix_timestamp();
        if self.revocation.is_some() {
            Status::Revoked
        } else if self.validity.not_after().unix_timestamp() < now {
            Status::Expired
        } else if self.validity.not_before().unix_timestamp() > now {
            Status::NotYetValid
        } else {
            Status::Valid
        }
    }
}

/// The files a certificate and its key were written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Their directory, absolute.
    pub directory: PathBuf,
    /// Their name up to `.crt` and `.key`.
    pub base: String,
}

/// When and why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// The moment; whole seconds.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The reason.
    pub reason: RevocationReason,
    /// Since when its key is known or thought to be in other hands, or it was wrong otherwise; whole seconds.
    #[serde(with = "time::serde::rfc3339::option")]
    pub invalidity_date: Option<OffsetDateTime>,
}

impl Revocation {
    /// What this revocation makes of how a certificate stands: a reason gives way to a weightier one,
    /// and a date of invalidity to an earlier one; the moment stays the first.
    pub fn over(self, standing: Option<Revocation>) -> (RevocationChange, Revocation) {
        let Some(standing) = standing else {
            return (RevocationChange::Done, self);
        };
        let is_weightier = self.reason.weight() > standing.reason.weight();
        let dates = [standing.invalidity_date, self.invalidity_date];
        let amended = Revocation {
            at: standing.at,
            reason: if is_weightier {
                self.reason
            } else {
                standing.reason
            },
            invalidity_date: dates.into_iter().flatten().min(),
        };
        if amended == standing {
            (RevocationChange::Stands(standing), standing)
        } else {
            (RevocationChange::Amended(standing), amended)
        }
    }
}

/// A row of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// SHA-256 over the manifest.
    pub manifest: Fingerprint,
    /// The row's number, from 1; below 2⁶³.
    pub row: u64,
}

/// What a certificate is at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Neither revoked nor outside its validity.
    Valid,
    /// Revoked, whether or not it has expired since.
    Revoked,
    /// Past its notAfter.
    Expired,
    /// Before its notBefore: a clock is wrong, here or where it was issued.
    NotYetValid,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Valid => "valid",
            Status::Revoked => "revoked",
            Status::Expired => "expired",
            Status::NotYetValid => "not-yet-valid",
        })
    }
}

/// How many entries there are of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Valid now.
    pub valid: u64,
    /// Revoked.
    pub revoked: u64,
    /// Expired, and never revoked.
    pub expired: u64,
    /// Not valid yet.
    pub not_yet_valid: u64,
}

/// An authority this inventory has belonged to.
///
/// It is recorded before its files are released and completed after, so that an authority that was
/// never finished can be told from one whose files were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// The CA's certificate as DER.
    pub certificate: Vec<u8>,
    /// When it was recorded; whole seconds.
    pub created_at: OffsetDateTime,
    /// Whether its files were released.
    pub complete: bool,
}

/// What became of a revocation, or of taking one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationChange {
    /// It is done: it was not revoked before, or no longer is.
    Done,
    /// It was revoked already, now for a weightier reason or with a date of invalidity; the moment stays the first.
    Amended(Revocation),
    /// Nothing changed: it is revoked already, and that cannot be taken back.
    Stands(Revocation),
    /// Nothing changed: it is not revoked.
    NotRevoked,
    /// There is no such certificate.
    Unknown,
}

/// A revoked certificate as a CRL lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// The serial number.
    pub serial: SerialNumber,
    /// When and why.
    pub revocation: Revocation,
    /// The last moment of its validity, after which a CRL may leave it out (RFC 5280 §3.3).
    pub not_after: OffsetDateTime,
    /// SHA-256 over the certificate of the authority that issued it.
    pub issuer_fingerprint: Fingerprint,
}

/// What taking a revocation back makes of how it stands: only a hold gives way.
pub(super) fn unrevoked(standing: Option<Revocation>) -> (RevocationChange, Option<Revocation>) {
    match standing {
        None => (RevocationChange::NotRevoked, None),
        Some(standing) if standing.reason == RevocationReason::CertificateHold => {
            (RevocationChange::Done, None)
        }
        Some(standing) => (RevocationChange::Stands(standing), Some(standing)),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::store::contract::entry;

    #[test]
    fn both_ends_of_the_validity_are_included() {
        let entry = entry(1);
        for (now, status) in [
            (datetime!(2026-11-20 07:59:59.9 UTC), Status::NotYetValid),
            (datetime!(2026-11-20 08:00:00 UTC), Status::Valid),
            (datetime!(2026-11-27 08:00:00.9 UTC), Status::Valid),
            (datetime!(2026-11-27 08:00:01 UTC), Status::Expired),
        ] {
            assert_eq!(entry.status(now), status, "{now}");
        }
    }

    #[test]
    fn what_was_revoked_stays_revoked_after_it_expired() {
        let revocation = Some(Revocation {
            at: datetime!(2026-11-21 0:00 UTC),
            reason: RevocationReason::Superseded,
            invalidity_date: None,
        });
        let entry = Entry {
            revocation,
            ..entry(1)
        };
        assert_eq!(
            entry.status(datetime!(2030-01-01 0:00 UTC)),
            Status::Revoked
        );
    }
}
