//! Issuing without files, in two steps: any thread signs, the one that writes records.

use time::OffsetDateTime;

use super::{Planned, Request, answered, entry, plan, refuse_compromised, sign_only};
use crate::authority::Signing;
use crate::error::Error;
use crate::keys::PrivateKey;
use crate::ops::refused::Outcome;
use crate::store::{Entry, Inventory};

/// A certificate that was signed and is not recorded yet: it must not be released.
pub struct Unrecorded {
    /// What is to be recorded.
    pub entry: Entry,
    pem: String,
    key: Option<PrivateKey>,
    warnings: Vec<String>,
}

/// A certificate that was issued and recorded.
pub struct Issued {
    /// Its entry, which has its DER.
    pub entry: Entry,
    /// What a server presents, as PEM: the certificate, then the chain without the trust anchor.
    pub pem: String,
    /// Its key, if a new one was requested.
    pub key: Option<PrivateKey>,
    /// What may not work.
    pub warnings: Vec<String>,
}

/// Signs a certificate. Nothing is recorded.
///
/// # Errors
/// When the request contradicts itself, or it cannot be signed.
pub fn sign_online(
    request: &Request,
    signing: &Signing,
    now: OffsetDateTime,
) -> Result<Outcome<Unrecorded>, Error> {
    plan(request, &signing.issuer, now)?.and_then(|planned| sign_planned(planned, signing, now))
}

/// Signs a certificate that was planned. Nothing is recorded.
///
/// # Errors
/// When it cannot be signed.
pub fn sign_planned(
    planned: Planned,
    signing: &Signing,
    now: OffsetDateTime,
) -> Result<Outcome<Unrecorded>, Error> {
    answered(sign_only(&planned, signing, &signing.issuer_chain(now)))?.and_then(|signed| {
        let issuer = signing.fingerprint.clone();
        let pem = signing.served(&signed.certificate)?;
        let entry = entry(&planned, &signed, issuer, None, None, now);
        Ok(Outcome::Done(Unrecorded {
            entry,
            pem,
            key: signed.key,
            warnings: planned.warnings,
        }))
    })
}

impl Unrecorded {
    /// Records it, unless its key was revoked as compromised.
    ///
    /// # Errors
    /// When the inventory cannot be read or written.
    pub fn record(self, inventory: &mut dyn Inventory) -> Result<Outcome<Issued>, Error> {
        if self.key.is_none()
            && let Some(refused) = refuse_compromised(&self.entry.public_key, inventory)?
        {
            return Ok(Outcome::Refused(refused));
        }
        inventory.record(std::slice::from_ref(&self.entry))?;
        Ok(Outcome::Done(Issued {
            entry: self.entry,
            pem: self.pem,
            key: self.key,
            warnings: self.warnings,
        }))
    }
}
