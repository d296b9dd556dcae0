//! A subordinate authority in its own directory.

use std::ffi::OsStr;
use std::path::Path;

use time::OffsetDateTime;

use super::{AuthorityReport, Origin, Request, plan};
use crate::authority::{self, AuthorityAt, Issuance};
use crate::error::Error;
use crate::files::Lock;
use crate::keys::{self, PrivateKey};
use crate::ops::DryRun;
use crate::ops::passphrase::Password;
use crate::pki::certificate::Certificate;
use crate::store::{Entry, Opening, Output};

/// Creates an authority below the parent and records it in the parent's inventory.
///
/// # Errors
/// When an authority already exists, the parent may have none below it, or the key, the inventories or the
/// files cannot be created.
pub fn run(
    request: &Request,
    parent: &AuthorityAt<'_>,
    requested_by: &str,
    passphrase: Option<&Password>,
    now: OffsetDateTime,
) -> Result<AuthorityReport, Error> {
    let lock = Lock::acquire(&request.directory)?;
    if authority::exists(&request.directory)? {
        let hint = "create the subordinate CA in its own directory (`-C DIR`)".into();
        return Err(Error::Exists {
            path: request.directory.join(authority::KEY),
            hint,
        });
    }
    let mut issuer = parent.open(now)?;
    let serial = keys::random_serial()?;
    let plan = plan(request, Some(issuer.issuer()), &serial, now)?;
    let key = PrivateKey::generate(request.key_type)?;
    let signing = issuer.signing();
    let chain = signing.issuer_chain(now);
    let der = signing.sign(&plan, key.public_key_info(), &serial, &chain)?;
    let certificate = authority::read_back(der)?;
    let entry = entry(request, &issuer, &certificate, requested_by, now)?;
    issuer.record(&[entry])?;
    let mut inventory = authority::open_inventory(&request.directory, Opening::Create)?;
    inventory.record_authority(certificate.as_der(), now)?;
    let (chain, anchors) = (
        issuer.signing().served(certificate.as_der())?,
        authority::pem_of(issuer.anchors().iter().map(Certificate::as_der))?,
    );
    let public = [
        (OsStr::new(authority::ISSUER), chain.as_str()),
        (OsStr::new(authority::CERTIFICATE), &anchors),
    ];
    authority::write(
        &lock,
        (OsStr::new(authority::KEY), key.pkcs8(), passphrase),
        &public,
        false,
    )?;
    inventory.complete_authority(certificate.as_der())?;
    AuthorityReport::new(&request.directory, &certificate, Origin::Created, now)
}

/// What would be created; nothing is written.
///
/// # Errors
/// As [`run`], as far as it can be known beforehand.
pub fn dry_run(
    request: &Request,
    parent: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<DryRun, Error> {
    let issuer = parent.open(now)?;
    let plan = plan(request, Some(issuer.issuer()), &keys::random_serial()?, now)?;
    let names = [authority::CERTIFICATE, authority::ISSUER, authority::KEY];
    let files = names.map(|name| request.directory.join(name)).into();
    Ok(DryRun {
        dry_run: true,
        files,
        authority: Some(plan),
        certificates: Vec::new(),
    })
}

fn entry(
    request: &Request,
    issuer: &Issuance,
    certificate: &Certificate,
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    let base = Path::new(authority::ISSUER)
        .with_extension("")
        .to_string_lossy()
        .into_owned();
    let output = Output {
        directory: crate::files::absolute(&request.directory)?,
        base,
    };
    Ok(Entry {
        profile: PROFILE.into(),
        output: Some(output),
        requested_by: requested_by.to_owned(),
        ..Entry::of(certificate, issuer.signing().fingerprint.clone(), now)?
    })
}

/// The name of the built-in profile of subordinate CAs.
const PROFILE: &str = "intermediate";
