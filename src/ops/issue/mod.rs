//! One certificate, for a new key or for the key of a certificate signing request.

mod existing;
mod names;
mod online;
mod plan;
mod report;
mod request;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::DryRun;
use super::refused::{Outcome, Refused};
use crate::authority::{self, AuthorityAt, Issuance, Signing};
use crate::error::Error;
use crate::files::{self, Lock};
use crate::keys::{self, PrivateKey};
use crate::path::IssuerChain;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Issuer;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;
use crate::pki::san::TypedName;
use crate::pki::serial::SerialNumber;
use crate::pki::spiffe::SpiffeId;
use crate::pki::validity::Lifetime;
use crate::store::{BatchRow, Entry, Inventory, Output};
pub use crate::store::{Label, Labels};

pub use online::{Issued, Unrecorded, sign_online, sign_planned};
use plan::PlannedKey;
pub use plan::{Planned, Renewal, plan, reenrollment, renewal};
pub use report::{IssuedCertificate, Streamed, base_for, base_of, check_base, file_names};
pub use request::{NameDecision, Requested, asked_names, read_request};

/// The certificate to issue.
#[derive(Debug)]
pub struct Request {
    /// Its profile, which also says what may be requested.
    pub profile: Arc<Profile>,
    /// Its names; the first becomes the common name where it can be one.
    pub names: Vec<TypedName>,
    /// The SPIFFE ID of an X.509-SVID.
    pub spiffe: Option<SpiffeId>,
    /// What its common name is.
    pub common_name: CommonName,
    /// When it becomes valid; `None` for now.
    pub start: Option<OffsetDateTime>,
    /// When it expires; `None` for the profile's default lifetime.
    pub end: Option<End>,
    /// The key to certify.
    pub key: Key,
    /// The name of its files, without extension; `None` for one made of its first name.
    pub base: Option<OsString>,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
    /// A note for the inventory.
    pub note: Option<String>,
    /// Labels for the inventory.
    pub labels: Labels,
}

impl Request {
    /// A certificate for these names with a new key and defaults for the rest.
    pub fn new(profile: Arc<Profile>, names: impl IntoIterator<Item = TypedName>) -> Self {
        Request {
            profile,
            names: names.into_iter().collect(),
            spiffe: None,
            common_name: CommonName::First,
            start: None,
            end: None,
            key: Key::New(None),
            base: None,
            requested_by: String::new(),
            note: None,
            labels: Labels::default(),
        }
    }
}

/// What the common name of a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonName {
    /// The first name, where it can be one.
    First,
    /// The first host name and never an address, which some ACME clients cannot read.
    FirstHost,
}

/// The key to certify.
#[derive(Debug)]
pub enum Key {
    /// A new one; `None` for the profile's default type.
    New(Option<KeyType>),
    /// The key of a certificate signing request, read from this file.
    Requested(PathBuf, Box<CertificateSigningRequest>),
}

/// When a certificate is to expire.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// This long from its start.
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

/// What to do with files that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse to replace them.
    Refuse,
    /// Replace them.
    Replace,
    /// Keep them if they satisfy the request and are not due for renewal, otherwise replace them.
    KeepIfSatisfied,
}

/// Issues one certificate into a directory.
///
/// # Errors
/// When the authority, the request or the files cannot be used.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    out: &Path,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Outcome<IssuedCertificate>, Error> {
    let mut authority = from.open(now)?;
    permitted(request, &authority, now)?
        .and_then(|planned| apply(&planned, &mut authority, &Lock::acquire(out)?, replace, now))
}

/// Issues one certificate into a directory, replacing files there, unless they satisfy the request and are not
/// due for renewal. Asks for no passphrase when nothing has to be signed.
///
/// # Errors
/// As [`run`].
pub fn run_if_needed(
    request: &Request,
    from: &AuthorityAt<'_>,
    out: &Path,
    now: OffsetDateTime,
) -> Result<Outcome<IssuedCertificate>, Error> {
    if let Some((_, issuer, inventory)) = from.open_without_key(now)?
        && let Outcome::Done(planned) = plan(request, &issuer, now)?
        && let Some(kept) = satisfied(&planned, request, &issuer, &*inventory, out, now)?
    {
        return Ok(Outcome::Done(kept));
    }
    run(request, from, out, true, now)
}

/// Issues one certificate, and gives it and its key as one PEM text. Nothing is written to disk but the
/// inventory.
///
/// # Errors
/// As [`run`].
pub fn stream(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<Streamed>, Error> {
    let mut authority = from.open(now)?;
    permitted(request, &authority, now)?
        .and_then(|planned| {
            let signed = sign(&planned, &mut authority, None, None, now)?;
            Ok(signed.map(|signed| (planned, signed)))
        })?
        .and_then(|(planned, signed)| {
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

/// What would be issued. Writes nothing.
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
    permitted(request, &authority, now)?
        .and_then(|planned| {
            let signing = authority.signing();
            let rehearsed = rehearse(&planned, signing, &signing.issuer_chain(now))?;
            Ok(rehearsed.map(|()| planned))
        })?
        .and_then(|planned| {
            let (certificate, key) = file_names(&planned.base);
            let names = [Some(certificate), planned.key.new_type().map(|_| key)];
            let files = names.into_iter().flatten().map(|name| out.join(name));
            Ok(Outcome::Done(DryRun::of(
                files.collect(),
                vec![planned.plan],
            )))
        })
}

/// The report of the existing certificate, if it satisfies the request and is not due for renewal.
///
/// # Errors
/// When the inventory or one of the files cannot be read.
pub fn satisfied(
    planned: &Planned,
    request: &Request,
    issuer: &Issuer,
    inventory: &dyn Inventory,
    directory: &Path,
    now: OffsetDateTime,
) -> Result<Option<IssuedCertificate>, Error> {
    let entry = existing::satisfying(planned, request, issuer, inventory, directory, now)?;
    Ok(entry.map(|entry| IssuedCertificate::existing(planned, entry, directory, now)))
}

/// The plan of a request, unless a rule or a compromised key refuses it.
pub(super) fn permitted(
    request: &Request,
    authority: &Issuance,
    now: OffsetDateTime,
) -> Result<Outcome<Planned>, Error> {
    plan(request, authority.issuer(), now)?.and_then(|planned| {
        let refused = compromised(&planned, authority)?;
        Ok(refused.map_or(Outcome::Done(planned), Outcome::Refused))
    })
}

/// Why a key that exists may not be certified: one of its certificates was revoked because the key is, or may be,
/// in other hands.
///
/// # Errors
/// When the inventory cannot be read.
pub(super) fn compromised(
    planned: &Planned,
    authority: &Issuance,
) -> Result<Option<Refused>, Error> {
    let (PlannedKey::Requested(public_key_info, _), Some(inventory)) =
        (&planned.key, authority.inventory())
    else {
        return Ok(None);
    };
    refuse_compromised(&Fingerprint::sha256(public_key_info), inventory)
}

/// Why this key may not be certified, if one of its certificates was revoked as compromised.
///
/// # Errors
/// When the inventory cannot be read.
fn refuse_compromised(
    public_key: &Fingerprint,
    inventory: &dyn Inventory,
) -> Result<Option<Refused>, Error> {
    Ok(inventory.find_compromised(public_key)?.map(|entry| {
        Refused::new(
            "compromised-key",
            format!(
                "the key was revoked as compromised, with certificate {}",
                entry.serial
            ),
            "generate a new key; this one is never certified again",
        )
    }))
}

/// Signs and records a certificate, and writes it and its new key into the locked directory.
///
/// # Errors
/// When the key cannot be generated, or the inventory or the files cannot be written.
pub fn apply(
    planned: &Planned,
    authority: &mut Issuance,
    out: &Lock,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Outcome<IssuedCertificate>, Error> {
    let (certificate_name, key_name) = file_names(&planned.base);
    let is_new_key = planned.key.new_type().is_some();
    let replaces = if replace {
        existing::replaced(&out.path().join(&certificate_name), authority)?
    } else {
        let names = [certificate_name.as_os_str(), &key_name];
        files::absent(out, &names[..if is_new_key { 2 } else { 1 }])?;
        None
    };
    let output = Output {
        directory: files::absolute(out.path())?,
        base: planned.base.to_string_lossy().into_owned(),
    };
    sign(planned, authority, Some(output), replaces, now)?.and_then(|signed| {
        let served = authority.signing().served(&signed.certificate)?;
        let public = [(certificate_name.as_os_str(), served.as_str())];
        match &signed.key {
            Some(key) => authority::write(out, (&key_name, key.pkcs8(), None), &public, replace)?,
            None => authority::write_public(out, &public, replace)?,
        }
        Ok(Outcome::Done(IssuedCertificate::of(
            planned,
            &signed,
            out.path(),
            now,
        )))
    })
}

/// A signed certificate, and its key if it is new.
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

/// Generates the key if a new one is needed, and signs. Records nothing.
///
/// # Errors
/// [`Error::Unverifiable`] when the certificate would not verify; and when the key cannot be generated.
pub(super) fn sign_only(
    planned: &Planned,
    signing: &Signing,
    chain: &IssuerChain<'_>,
) -> Result<Signed, Error> {
    let key = planned
        .key
        .new_type()
        .map(PrivateKey::generate)
        .transpose()?;
    let public_key_info = match (&key, &planned.key) {
        (Some(key), _) => key.public_key_info(),
        (None, PlannedKey::Requested(public_key_info, _)) => public_key_info,
        (None, PlannedKey::New(_)) => unreachable!("a new key was generated above"),
    };
    let serial = keys::random_serial()?;
    let certificate = signing.sign(&planned.plan, public_key_info, &serial, chain)?;
    Ok(Signed {
        certificate,
        serial,
        public_key: Fingerprint::sha256(public_key_info),
        key,
    })
}

/// Signs without releasing anything, to see whether the certificate would verify. A new key is P-256 here, which
/// is generated fastest.
///
/// # Errors
/// As [`sign_only`].
pub(super) fn rehearse(
    planned: &Planned,
    signing: &Signing,
    chain: &IssuerChain<'_>,
) -> Result<Outcome<()>, Error> {
    let key = match &planned.key {
        PlannedKey::New(_) => PrivateKey::generate(KeyType::P256)?
            .public_key_info()
            .to_vec(),
        PlannedKey::Requested(public_key_info, _) => public_key_info.clone(),
    };
    let serial = keys::random_serial()?;
    answered(
        signing
            .sign(&planned.plan, &key, &serial, chain)
            .map(|_| ()),
    )
}

/// A certificate that would not verify is refused: an answer, not an error.
pub(super) fn answered<T>(signed: Result<T, Error>) -> Result<Outcome<T>, Error> {
    match signed {
        Ok(signed) => Ok(Outcome::Done(signed)),
        Err(Error::Unverifiable {
            rule,
            message,
            hint,
        }) => {
            let message = format!("the certificate would not verify: {message}");
            Ok(Outcome::Refused(Refused::new(rule, message, hint)))
        }
        Err(error) => Err(error),
    }
}

fn sign(
    planned: &Planned,
    authority: &mut Issuance,
    output: Option<Output>,
    replaces: Option<SerialNumber>,
    now: OffsetDateTime,
) -> Result<Outcome<Signed>, Error> {
    let signing = authority.signing();
    let signed = sign_only(planned, signing, &signing.issuer_chain(now));
    answered(signed)?.and_then(|signed| {
        let issuer = authority.signing().fingerprint.clone();
        authority.record(&[Entry {
            replaces,
            ..entry(planned, &signed, issuer, output, None, now)
        }])?;
        Ok(Outcome::Done(signed))
    })
}

/// The inventory's entry of a certificate that was signed by a plan.
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
