//! Certificates that exist where one is to be written.

use std::collections::HashSet;
use std::path::Path;

use time::OffsetDateTime;

use super::{End, Key, Planned, Request, file_names};
use crate::authority::{self, Issuance};
use crate::error::Error;
use crate::files::{self, Kind};
use crate::ops::renew::Timing;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Lifetime;
use crate::store::{Entry, Inventory, Status};

/// The entry of the certificate in the files that a plan would write, if it satisfies the request: same profile,
/// names, subject, key type and issuer, the requested lifetime, valid, not due for renewal, and with its key.
///
/// # Errors
/// When the inventory or one of the files cannot be read.
pub(super) fn satisfying(
    planned: &Planned,
    request: &Request,
    issuer: &Issuer,
    inventory: &dyn Inventory,
    directory: &Path,
    now: OffsetDateTime,
) -> Result<Option<Entry>, Error> {
    let (certificate_name, key_name) = file_names(&planned.base);
    let Some((certificate, entry)) = recorded(&directory.join(certificate_name), inventory)? else {
        return Ok(None);
    };
    let names = |names: &[_]| names.iter().cloned().collect::<HashSet<_>>();
    let is_key_type = match (&request.key, entry.key_type.parse()) {
        (Key::New(None), Ok(key_type)) => request.profile.key_types.contains(&key_type),
        (Key::New(None), Err(_)) => false,
        (Key::New(Some(key_type)), _) => entry.key_type == key_type.to_string(),
        (Key::Requested(_, csr), _) => csr.public_key_info() == certificate.public_key_info(),
    };
    let is_same = entry.status(now) == Status::Valid
        && entry.profile == planned.profile
        && entry.subject == planned.plan.subject
        && names(&entry.names) == names(&planned.plan.subject_alt_names)
        && is_key_type
        && is_of(&certificate, issuer)
        && is_lifetime(request.end, &entry, issuer)
        && request.labels.with(&entry.labels) == entry.labels.with(&request.labels)
        && Timing::default().due_at(&entry) > now;
    let has_key = match request.key {
        Key::New(_) => is_pair(&directory.join(key_name), &certificate)?,
        Key::Requested(..) => true,
    };
    Ok((is_same && has_key).then_some(entry))
}

/// The serial number of the certificate in a file that is about to be replaced, if it is recorded here.
///
/// # Errors
/// When the inventory cannot be read.
pub(super) fn replaced(path: &Path, authority: &Issuance) -> Result<Option<SerialNumber>, Error> {
    let Some(inventory) = authority.inventory() else {
        return Ok(None);
    };
    // What cannot be read is replaced all the same.
    let found = match recorded(path, inventory) {
        Err(Error::Store(error)) => return Err(error.into()),
        found => found.ok().flatten(),
    };
    Ok(found.map(|(_, entry)| entry.serial))
}

/// The first certificate in a file, and its entry.
fn recorded(path: &Path, inventory: &dyn Inventory) -> Result<Option<(Certificate, Entry)>, Error> {
    if files::kind(path)? != Kind::File {
        return Ok(None);
    }
    let certificate = authority::read_certificates(path)?.swap_remove(0);
    let entry = inventory.find(certificate.serial())?;
    let entry =
        entry.filter(|entry| entry.fingerprint == Fingerprint::sha256(certificate.as_der()));
    Ok(entry.map(|entry| (certificate, entry)))
}

/// Whether the current CA issued a certificate.
fn is_of(certificate: &Certificate, issuer: &Issuer) -> bool {
    let identifier = certificate.authority_key_identifier().ok().flatten();
    let identifier = identifier.and_then(|identifier| identifier.key_identifier);
    *certificate.issuer() == issuer.subject
        && identifier.is_none_or(|identifier| identifier == issuer.key_identifier)
}

/// Whether a certificate was issued with the requested lifetime, or with what the CA's expiry left of it.
fn is_lifetime(end: Option<End>, entry: &Entry, issuer: &Issuer) -> bool {
    let not_after = entry.validity.not_after();
    let is_limited = not_after == issuer.validity.not_after();
    match end {
        None => true,
        Some(End::At(moment)) => moment == not_after || (is_limited && moment > not_after),
        Some(End::After(lifetime)) => {
            let issued = Lifetime::between(entry.issued_at, not_after);
            issued == Some(lifetime)
                || (is_limited && issued.is_none_or(|issued| issued < lifetime))
        }
    }
}

/// Whether a file holds the key of a certificate. An encrypted key cannot be checked and does not count.
fn is_pair(path: &Path, certificate: &Certificate) -> Result<bool, Error> {
    if files::kind(path)? != Kind::File {
        return Ok(false);
    }
    let key = authority::read_key(path, &authority::no_passphrase);
    Ok(key.is_ok_and(|(key, _)| key.public_key_info() == Some(certificate.public_key_info())))
}
