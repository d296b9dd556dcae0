//! One certificate: for a new key or for a request's, as files or on standard output.

mod base;
mod plan;
mod renewal;
mod report;
mod request;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::DryRun;
use super::refused::Outcome;
use crate::authority::{self, Authority, AuthorityAt, Signing};
use crate::error::Error;
use crate::files::{self, Lock};
use crate::keys::{self, PrivateKey};
use crate::pki::algorithm::KeyType;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;
use crate::pki::san::TypedName;
use crate::pki::serial::SerialNumber;
use crate::pki::spiffe::SpiffeId;
use crate::pki::validity::Lifetime;
use crate::store::{BatchRow, Entry, Labels, Output};

pub use base::{base_for, base_of, check_base, file_names};
use plan::PlannedKey;
pub use plan::{Planned, plan};
pub use renewal::{Renewal, renewal};
pub use report::{Issued, Streamed};
pub use request::{NameDecision, Requested, read_request};

/// The certificate that is wanted.
#[derive(Debug)]
pub struct Request {
    /// What it is like, and what may be asked for.
    pub profile: Arc<Profile>,
    /// Its names; the first becomes the common name where it can be one.
    pub names: Vec<TypedName>,
    /// The SPIFFE ID of an X.509-SVID.
    pub spiffe: Option<SpiffeId>,
    /// When it ends; as the profile says when nothing is said.
    pub end: Option<End>,
    /// The key it is for.
    pub key: Key,
    /// The name of its files, without ending; made of its first name when there is none.
    pub base: Option<OsString>,
    /// Who asks for it, as `user@host`.
    pub requested_by: String,
    /// A note for the inventory.
    pub note: Option<String>,
    /// Labels for the inventory.
    pub labels: Labels,
}

impl Request {
    /// A certificate by this profile for these names: with a new key, for as long and in files of the
    /// name that are usual.
    pub fn new(profile: Arc<Profile>, names: impl IntoIterator<Item = TypedName>) -> Self {
        Request {
            profile,
            names: names.into_iter().collect(),
            spiffe: None,
            end: None,
            key: Key::New(None),
            base: None,
            requested_by: String::new(),
            note: None,
            labels: Labels::default(),
        }
    }
}

/// The key a certificate is for.
#[derive(Debug)]
pub enum Key {
    /// A new one; of the profile's usual kind when nothing is said.
    New(Option<KeyType>),
    /// A request's, and the file it was read from.
    Requested(PathBuf, Box<CertificateSigningRequest>),
}

/// When a certificate ends, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// So long from now.
    After(Lifetime),
    /// At this moment.
    At(OffsetDateTime),
}

/// The profile of this name in a directory's `certs.toml`, or the built-in one.
///
/// # Errors
/// When there is none, or the file is malformed.
pub fn profile(directory: &Path, name: &str) -> Result<Arc<Profile>, Error> {
    Ok(Arc::new(authority::read_config(directory)?.profile(name)?))
}

/// Issues one certificate into a directory.
///
/// # Errors
/// When the authority, the request or the files are not as they must be.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    out: &Path,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Outcome<Issued>, Error> {
    let mut authority = from.open(now)?;
    plan(request, authority.issuer(), now)?.and_then(|planned| {
        apply(&planned, &mut authority, &Lock::acquire(out)?, replace, now).map(Outcome::Done)
    })
}

/// Issues one certificate, and gives it and its key as one PEM text: nothing is written to disk but the inventory.
///
/// # Errors
/// As [`run`].
pub fn stream(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<Streamed>, Error> {
    let mut authority = from.open(now)?;
    plan(request, authority.issuer(), now)?.and_then(|planned| {
        let signed = sign(&planned, &mut authority, None, now)?;
        let mut pem = Zeroizing::new(authority.signing().served(&signed.certificate)?);
        if let Some(key) = &signed.key {
            let key = keys::to_pem(key.pkcs8(), None)?;
            let both = Zeroizing::new([pem.as_str(), key.as_str()].concat());
            pem = both;
        }
        Ok(Outcome::Done(Streamed {
            pem,
            warnings: planned.warnings,
        }))
    })
}

/// What would be issued, with nothing written.
///
/// # Errors
/// As [`run`].
pub fn dry_run(
    request: &Request,
    from: &AuthorityAt<'_>,
    out: &Path,
    now: OffsetDateTime,
) -> Result<Outcome<DryRun>, Error> {
    let authority = from.open(now)?;
    plan(request, authority.issuer(), now)?.and_then(|planned| {
        let (certificate, key) = file_names(&planned.base);
        let names = [Some(certificate), planned.key.new_type().map(|_| key)];
        let files = names
            .into_iter()
            .flatten()
            .map(|name| out.join(name))
            .collect();
        Ok(Outcome::Done(DryRun {
            dry_run: true,
            files,
            authority: None,
            certificates: vec![planned.plan],
        }))
    })
}

/// Makes the key, signs the certificate, records it, and writes both into the locked directory.
///
/// # Errors
/// When the key cannot be made, or the inventory or the files cannot be written.
pub fn apply(
    planned: &Planned,
    authority: &mut Authority,
    out: &Lock,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Issued, Error> {
    let (certificate_name, key_name) = file_names(&planned.base);
    if !replace {
        let names = [certificate_name.as_os_str(), &key_name];
        files::absent(
            out,
            &names[..if planned.key.new_type().is_some() {
                2
            } else {
                1
            }],
        )?;
    }
    let output = Output {
        directory: files::absolute(out.path())?,
        base: planned.base.to_string_lossy().into_owned(),
    };
    let signed = sign(planned, authority, Some(output), now)?;
    let served = authority.signing().served(&signed.certificate)?;
    let public = [(certificate_name.as_os_str(), served.as_str())];
    match &signed.key {
        Some(key) => authority::write(out, (&key_name, key.pkcs8(), None), &public, replace)?,
        None => authority::write_public(out, &public, replace)?,
    }
    Ok(Issued::of(planned, &signed, out.path(), now))
}

/// A certificate that is signed, and its key when it was made for it.
pub(super) struct Signed {
    /// Its DER.
    pub(super) certificate: Vec<u8>,
    /// Its serial number.
    pub(super) serial: SerialNumber,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub(super) public_key: Fingerprint,
    /// Its key.
    pub(super) key: Option<PrivateKey>,
}

/// Makes the key where there is to be a new one, signs, and records nothing.
pub(super) fn sign_only(planned: &Planned, signing: &Signing) -> Result<Signed, Error> {
    let key = planned
        .key
        .new_type()
        .map(PrivateKey::generate)
        .transpose()?;
    let public_key_info = match (&key, &planned.key) {
        (Some(key), _) => key.public_key_info(),
        (None, PlannedKey::Requested(public_key_info, _)) => public_key_info,
        (None, PlannedKey::New(_)) => unreachable!("a new key was made above"),
    };
    let serial = keys::random_serial()?;
    let certificate = signing.sign(&planned.plan, public_key_info, &serial)?;
    Ok(Signed {
        certificate,
        serial,
        public_key: Fingerprint::sha256(public_key_info),
        key,
    })
}

fn sign(
    planned: &Planned,
    authority: &mut Authority,
    output: Option<Output>,
    now: OffsetDateTime,
) -> Result<Signed, Error> {
    let signed = sign_only(planned, authority.signing())?;
    let issuer = authority.signing().fingerprint.clone();
    authority.record(&[entry(planned, &signed, issuer, output, None, now)])?;
    Ok(signed)
}

/// What the inventory holds of a certificate that was issued by a plan.
pub(super) fn entry(
    planned: &Planned,
    signed: &Signed,
    issuer_fingerprint: Fingerprint,
    output: Option<Output>,
    batch: Option<BatchRow>,
    now: OffsetDateTime,
) -> Entry {
    Entry {
        serial: signed.serial.clone(),
        certificate: signed.certificate.clone(),
        subject: planned.plan.subject.clone(),
        issuer: planned.plan.issuer.clone(),
        issuer_fingerprint,
        names: planned.plan.subject_alt_names.clone(),
        profile: planned.profile.clone(),
        validity: planned.plan.validity,
        fingerprint: Fingerprint::sha256(&signed.certificate),
        public_key: signed.public_key.clone(),
        key_type: planned.key.to_string(),
        output,
        requested_by: planned.requested_by.clone(),
        note: planned.note.clone(),
        labels: planned.labels.clone(),
        issued_at: now,
        revocation: None,
        batch,
        replaces: None,
        superseded_by: None,
        retired_at: None,
    }
}
