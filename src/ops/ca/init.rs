//! A new root.

use std::ffi::OsStr;

use time::OffsetDateTime;

use super::{AuthorityReport, Origin, Request, plan};
use crate::authority::{self, Issuance, Signing};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock};
use crate::keys::{self, PrivateKey};
use crate::ops::DryRun;
use crate::ops::passphrase::Password;
use crate::pki::algorithm::KeyType;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::issuer::Issuer;
use crate::pki::name::DistinguishedName;
use crate::pki::subtree::NameConstraints;
use crate::store::{Entry, Opening};

/// Creates a root.
///
/// # Errors
/// As [`apply`].
pub fn run(
    request: &Request,
    passphrase: Option<&Password>,
    now: OffsetDateTime,
) -> Result<AuthorityReport, Error> {
    let lock = Lock::acquire(&request.directory)?;
    let authority = apply(request, passphrase, &lock, false, now)?;
    AuthorityReport::new(
        &request.directory,
        authority.certificate(),
        Origin::Created,
        now,
    )
}

/// The authority in a directory, when it is what is asked for: the subject, path length and name constraints as far as
/// they are given, the key type if one is given, and not expired. `None` when there is no authority.
///
/// # Errors
/// When the authority there is another one, has expired, or cannot be read.
pub fn existing(
    request: &Request,
    key_type: Option<KeyType>,
    now: OffsetDateTime,
) -> Result<Option<AuthorityReport>, Error> {
    let directory = &request.directory;
    if !authority::exists(directory)? {
        return Ok(None);
    }
    let inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let certificate = authority::certificate_in(directory, inventory.as_ref())?;
    let path = directory.join(authority::CERTIFICATE);
    let issuer = authority::valid_issuer(&path, &certificate, now)?;
    let mut differences = Vec::new();
    let mut compare = |what: &str, existing: String, requested: String| {
        if existing != requested {
            differences.push(format!("its {what} is {existing}, not {requested}"));
        }
    };
    if !request.subject.is_empty() {
        let attributes = request.subject.iter();
        let attributes: Vec<_> = attributes
            .map(|(kind, value)| (*kind, value.as_str()))
            .collect();
        let subject = DistinguishedName::build(&attributes)?;
        compare(
            "subject",
            certificate.subject().to_string(),
            subject.to_string(),
        );
    }
    if let Some(key_type) = key_type {
        let fingerprint = Fingerprint::sha256(certificate.as_der());
        let existing = Entry::of(&certificate, fingerprint, now)?.key_type;
        compare("key type", existing, key_type.to_string());
    }
    if let Some(length) = request.path_length {
        let existing = issuer
            .path_length
            .map_or("unlimited".into(), |length| length.to_string());
        compare("path length", existing, length.to_string());
    }
    if request.name_constraints != NameConstraints::default() {
        let planned = Issuer::planned(&plan(request, None, certificate.serial(), now)?);
        let clauses = |issuer: &Issuer| issuer.name_constraints.clauses().join(", ");
        compare(
            "list of name constraints",
            clauses(&issuer),
            clauses(&planned),
        );
    }
    if differences.is_empty() {
        return AuthorityReport::new(directory, &certificate, Origin::Unchanged, now).map(Some);
    }
    Err(Error::ExistingDiffers {
        path,
        what: differences.join("; "),
    })
}

/// What would be created; nothing is written.
///
/// # Errors
/// As [`plan`].
pub fn dry_run(request: &Request, now: OffsetDateTime) -> Result<DryRun, Error> {
    let authority = plan(request, None, &keys::random_serial()?, now)?;
    let files = [authority::CERTIFICATE, authority::KEY].map(|name| request.directory.join(name));
    Ok(DryRun {
        dry_run: true,
        files: files.into(),
        authority: Some(authority),
        certificates: Vec::new(),
    })
}

/// Creates the key, signs the certificate and writes both, under the directory's lock. With `replace`, an
/// existing authority is kept under a dated name.
///
/// # Errors
/// When an authority already exists, or the key or the files cannot be created.
pub fn apply(
    request: &Request,
    passphrase: Option<&Password>,
    lock: &Lock,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Issuance, Error> {
    let there = authority::exists(&request.directory)?;
    if there && replace && files::kind(&request.directory.join(authority::ISSUER))? != Kind::Absent
    {
        let message = format!(
            "{}: a root cannot replace a subordinate CA",
            shown(&request.directory)
        );
        return Err(Error::Usage {
            message,
            hint: "create the root in another directory (`-C DIR`)".into(),
        });
    }
    if there && !replace {
        let hint = "issue from it (`openagents-certs issue server NAME`), or create the new CA in another directory (`-C DIR`); `--if-needed` accepts an existing CA";
        return Err(Error::Exists {
            path: request.directory.join(authority::KEY),
            hint: hint.into(),
        });
    }
    let serial = keys::random_serial()?;
    let plan = plan(request, None, &serial, now)?;
    let key = PrivateKey::generate(request.key_type)?;
    let signer = key.signer()?;
    let certificate = authority::sign_root(&signer, &plan, &serial)?;
    let mut inventory = authority::open_inventory(&request.directory, Opening::Create)?;
    inventory.record_authority(certificate.as_der(), now)?;
    if there {
        files::keep(lock, &[authority::KEY, authority::CERTIFICATE], now)?;
    }
    let text = authority::pem_of([certificate.as_der()])?;
    let key = (OsStr::new(authority::KEY), key.pkcs8(), passphrase);
    authority::write(
        lock,
        key,
        &[(OsStr::new(authority::CERTIFICATE), &text)],
        there,
    )?;
    inventory.complete_authority(certificate.as_der())?;
    let signing = Signing::of_root(&certificate, signer)?;
    let anchors = vec![certificate.clone()];
    Ok(Issuance::new(
        certificate,
        signing,
        anchors,
        Some(inventory),
    ))
}
