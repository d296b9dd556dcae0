//! A new root.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority::{self, Authority};
use crate::error::{Error, shown};
use crate::files::{self, Lock};
use crate::keys::{self, PrivateKey};
use crate::ops::passphrase::Passphrase;
use crate::ops::{DryRun, Expiry, Report};
use crate::pki::algorithm::KeyType;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage, NameConstraints};
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Lifetime, Validity};

/// The root that is wanted.
#[derive(Debug)]
pub struct Request {
    /// Where it will live.
    pub directory: PathBuf,
    /// Its subject's attributes, in order; one is made up when there are none.
    pub subject: Vec<(AttributeType, String)>,
    /// How long it is valid.
    pub lifetime: Lifetime,
    /// Its key.
    pub key_type: KeyType,
    /// How many CAs may follow below it; `None` for any number.
    pub path_length: Option<u8>,
    /// What it may issue for.
    pub name_constraints: NameConstraints,
}

/// What will be signed.
///
/// # Errors
/// When the subject or the lifetime cannot stand in a certificate.
pub fn plan(
    request: &Request,
    serial: &SerialNumber,
    now: OffsetDateTime,
) -> Result<IssuancePlan, Error> {
    let made_up = [(AttributeType::CommonName, default_common_name(serial))];
    let attributes = if request.subject.is_empty() {
        &made_up[..]
    } else {
        &request.subject
    };
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(kind, value)| (*kind, value.as_str()))
        .collect();
    let subject = DistinguishedName::build(&attributes)?;
    Ok(IssuancePlan {
        issuer: subject.clone(),
        subject,
        validity: Validity::starting(now, request.lifetime)?,
        subject_alt_names: Vec::new(),
        basic_constraints: BasicConstraints::Ca {
            path_length: request.path_length,
        },
        key_usage: KeyUsage::Ca,
        extended_key_usages: Vec::new(),
        authority_key_identifier: None,
        name_constraints: request.name_constraints.clone(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
    })
}

/// Makes a root.
///
/// # Errors
/// As [`apply`].
pub fn run(
    request: &Request,
    passphrase: Option<&Passphrase>,
    now: OffsetDateTime,
) -> Result<AuthorityReport, Error> {
    let lock = Lock::acquire(&request.directory)?;
    let authority = apply(request, passphrase, &lock, false, now)?;
    Ok(AuthorityReport::of(&authority, false, now))
}

/// What would be made, with nothing written.
///
/// # Errors
/// As [`plan`].
pub fn dry_run(request: &Request, now: OffsetDateTime) -> Result<DryRun, Error> {
    let authority = plan(request, &keys::random_serial()?, now)?;
    let files = [authority::CERTIFICATE, authority::KEY].map(|name| request.directory.join(name));
    Ok(DryRun {
        dry_run: true,
        files: files.into(),
        authority: Some(authority),
        certificates: Vec::new(),
    })
}

/// Makes the key, signs the certificate and writes both, under the directory's lock. With `replace`, an
/// authority that is there stays under a dated name.
///
/// # Errors
/// When an authority is there already, or the key or the files cannot be made.
pub fn apply(
    request: &Request,
    passphrase: Option<&Passphrase>,
    lock: &Lock,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Authority, Error> {
    let there = authority::exists(&request.directory)?;
    if there && !replace {
        let hint = "issue from it (`openagents-certs issue server NAME`), or make the new CA in another directory (`-C DIR`)";
        return Err(Error::Exists {
            path: request.directory.join(authority::KEY),
            hint: hint.into(),
        });
    }
    let serial = keys::random_serial()?;
    let plan = plan(request, &serial, now)?;
    let key = PrivateKey::generate(request.key_type)?;
    let signer = key.signer()?;
    let certificate = authority::sign(&signer, &plan, key.public_key_info(), &serial)?;
    if there {
        files::keep(lock, &[authority::KEY, authority::CERTIFICATE], now)?;
    }
    let text = authority::pem_of([&certificate])?;
    let key = (OsStr::new(authority::KEY), &key, passphrase);
    authority::write(
        lock,
        key,
        &[(OsStr::new(authority::CERTIFICATE), &text)],
        there,
    )?;
    Authority::root(&request.directory, certificate, signer)
}

/// What there is to say of an authority's certificate.
#[derive(Debug, Serialize)]
pub struct AuthorityReport {
    /// Whether it was there before.
    pub reused: bool,
    /// The subject.
    pub subject: DistinguishedName,
    /// The serial number.
    pub serial: SerialNumber,
    /// When it ends.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// SHA-256 over the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The private key's file.
    pub private_key: PathBuf,
}

impl AuthorityReport {
    /// What there is to say of this authority.
    pub fn of(authority: &Authority, reused: bool, now: OffsetDateTime) -> Self {
        let certificate = authority.certificate();
        AuthorityReport {
            reused,
            subject: certificate.subject().clone(),
            serial: certificate.serial().clone(),
            expiry: Expiry::of(authority.issuer().validity, now),
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
            certificate: authority.directory().join(authority::CERTIFICATE),
            private_key: authority.directory().join(authority::KEY),
        }
    }
}

impl fmt::Display for AuthorityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = if self.reused { "reused" } else { "made" };
        writeln!(f, "CA {made}: {}", self.subject)?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        writeln!(f, "  private key  {}", shown(&self.private_key))?;
        writeln!(f, "  expires      {}", self.expiry)?;
        writeln!(f, "  SHA-256      {}", self.fingerprint_sha256)
    }
}

impl Report for AuthorityReport {}

/// A name no other CA has, since stacks mix up CAs of one name.
fn default_common_name(serial: &SerialNumber) -> String {
    let hex: String = serial
        .as_bytes()
        .iter()
        .rev()
        .take(4)
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("OpenAgents CA {hex}")
}
