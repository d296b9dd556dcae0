//! Renewing the certificates of an enrolled machine, by the one it has.

use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::chain::Chain;
use super::state::{EnrolledPair, Enrollment};
use super::{Key, csr, names_of, record};
use crate::authority;
use crate::error::Error;
use crate::files::{self, Lock, Replacement};
use crate::keys::{self, PrivateKey, Signer};
use crate::net::Identity;
use crate::net::est::{EstError, Server};
use crate::net::https::Trust;
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused::{Outcome, Refused};
use crate::ops::renew::Timing;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::store::Entry;

/// When a certificate is due: by its lifetime; after a failure, not before the pause is over.
pub fn due_at(pair: &EnrolledPair, entry: &Entry, timing: &Timing) -> OffsetDateTime {
    let due_at = timing.due_at(entry);
    pair.retry_at.map_or(due_at, |pause| due_at.max(pause))
}

/// A new certificate, recorded, and not yet in its file.
#[derive(Debug)]
pub struct NewPair {
    /// The certificate and its intermediates as PEM.
    pub pem: String,
    /// The new key as PEM, if it has one.
    pub new_key: Option<Zeroizing<String>>,
    /// What the inventory says of it.
    pub entry: Entry,
    base: String,
    anchors: String,
}

/// Requests a certificate in place of one, with the same key or a new one. A failure is remembered, and delays the
/// next attempt, at least as long as the server wants.
///
/// # Errors
/// When the server cannot be reached or its answer is malformed, or a file cannot be read. A refusal is no error.
pub fn renew(
    enrollment: &Enrollment,
    of: &ManagedCertificate,
    new_key: Option<KeyType>,
    now: OffsetDateTime,
) -> Result<Outcome<NewPair>, Error> {
    let failed = match obtain(enrollment, of, new_key, now) {
        Ok(pair) => return Ok(Outcome::Done(pair)),
        Err(error) => error,
    };
    let base = of.place.base.to_string_lossy();
    let asked = match &failed {
        Error::Est(error) => error.retry_at(),
        _ => None,
    };
    let lock = Lock::acquire(&of.place.directory)?;
    Enrollment::change(&lock, &base, |pair| {
        pair.failures = pair.failures.saturating_add(1);
        let pause = back_off(pair.failures, &of.certificate);
        pair.retry_at = Some((now + pause).max(asked.unwrap_or(now)));
    })?;
    let Error::Est(error) = &failed else {
        return Err(failed);
    };
    match error.refusal() {
        Some(reason) => {
            let message = format!("{} refuses: {reason}", enrollment.server);
            Ok(Outcome::Refused(Refused::new(
                "enrollment",
                message,
                error.hint(),
            )))
        }
        None => Err(failed),
    }
}

fn obtain(
    enrollment: &Enrollment,
    of: &ManagedCertificate,
    new_key: Option<KeyType>,
    now: OffsetDateTime,
) -> Result<NewPair, Error> {
    let directory = &of.place.directory;
    let anchors = authority::anchors(directory)?;
    let trust = Trust::Only(
        anchors
            .iter()
            .map(|anchor| anchor.as_der().to_vec())
            .collect(),
    );
    let path = of.place.private_key().ok_or_else(|| Error::NoKey {
        path: of.place.certificate(),
    })?;
    let old = Key::read(&path)?;
    let own = std::iter::once(&of.certificate).chain(&of.chain);
    let identity = Identity::new(&own.cloned().collect::<Vec<_>>(), &old.pkcs8)?;
    let new = new_key.map(PrivateKey::generate).transpose()?;
    let (signer, public_key_info) = match &new {
        Some(key) => (key.signer()?, key.public_key_info().to_vec()),
        None => (Signer::from_pkcs8(&old.pkcs8)?, old.public_key_info.clone()),
    };
    let csr = csr(&signer, &names_of(&of.entry), "")?;
    let server = Server::new(&enrollment.server, &trust, Some(&identity))?;
    let certificates = server.ca_certificates(now)?;
    let certificate = server.reenroll(&csr, now)?;
    let chain = Chain::new(certificate, certificates, &public_key_info, now)?;
    let entry = Entry {
        profile: of.entry.profile.clone(),
        output: of.entry.output.clone(),
        requested_by: of.entry.requested_by.clone(),
        note: of.entry.note.clone(),
        labels: of.entry.labels.clone(),
        replaces: Some(of.entry.serial.clone()),
        ..Entry::of(&chain.certificate, chain.issuer_fingerprint(), now)?
    };
    if entry.names != of.entry.names {
        let (url, what) = (
            enrollment.server.clone(),
            "the certificate has other names".into(),
        );
        return Err(EstError::Malformed { url, what }.into());
    }
    record(directory, &entry)?;
    let new_key = new.map(|key| keys::to_pem(key.pkcs8(), None)).transpose()?;
    Ok(NewPair {
        pem: chain.pem()?,
        new_key,
        entry,
        base: of.place.base.to_string_lossy().into_owned(),
        anchors: authority::pem_of(chain.anchors.iter().map(Certificate::as_der))?,
    })
}

impl NewPair {
    /// Replaces `ca.crt`, if the server has other trust anchors now, and forgets earlier failures. Before the
    /// certificate is put in its file, so that it is never there without its anchors.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_anchors(&self, lock: &Lock) -> Result<Option<PathBuf>, Error> {
        Enrollment::change(lock, &self.base, |pair| {
            pair.failures = 0;
            pair.retry_at = None;
        })?;
        let path: &Path = lock.path();
        let path = path.join(authority::CERTIFICATE);
        if *files::read(&path)? == *self.anchors.as_bytes() {
            return Ok(None);
        }
        let anchors = Replacement::of(authority::CERTIFICATE, self.anchors.as_bytes());
        files::replace_each(lock, &[anchors])?;
        Ok(Some(path))
    }
}

/// The pause after this many failures: doubled each time up to a maximum, and different for each machine.
fn back_off(failures: u32, certificate: &Certificate) -> Duration {
    let doubled = FIRST_PAUSE * 2_i32.saturating_pow(failures.saturating_sub(1).min(12));
    let byte = certificate.signature().last().copied().unwrap_or_default();
    doubled.min(LONGEST_PAUSE) * (0.75 + 0.5 * f64::from(byte) / f64::from(u8::MAX))
}

const FIRST_PAUSE: Duration = Duration::seconds(10);
const LONGEST_PAUSE: Duration = Duration::minutes(30);
