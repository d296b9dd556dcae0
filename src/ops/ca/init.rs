//! A new authority: a root, or a subordinate below a parent.

use std::ffi::OsStr;

use time::OffsetDateTime;

use super::{AuthorityReport, INTERMEDIATE, Origin, Request, plan};
use crate::authority::{self, AuthorityAt, Issuance, Signing};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock};
use crate::keys::{self, PrivateKey};
use crate::ops::DryRun;
use crate::ops::passphrase::Password;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::NameConstraints;
use crate::pki::name::DistinguishedName;
use crate::pki::plan::IssuancePlan;
use crate::store::{Entry, Inventory, Opening, Output};

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
    let names = [authority::CERTIFICATE, authority::KEY];
    Ok(planned(request, authority, &names))
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
        return Err(Error::usage(
            message,
            "create the root in another directory (`-C DIR`)",
        ));
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
    let text = authority::pem_of([&certificate])?;
    let public = [(OsStr::new(authority::CERTIFICATE), text.as_str())];
    let key = Some((key.pkcs8(), passphrase));
    let inventory = establish(lock, &certificate, key, &public, there, now)?;
    let signing = Signing::of_root(&certificate, signer)?;
    let anchors = vec![certificate.clone()];
    Ok(Issuance::new(
        certificate,
        signing,
        anchors,
        Some(inventory),
    ))
}

/// Creates an authority below the parent and records it in the parent's inventory.
///
/// # Errors
/// When an authority already exists, the parent may have none below it, or the key, the inventories or the
/// files cannot be created.
pub fn run_below(
    request: &Request,
    parent: &AuthorityAt<'_>,
    requested_by: &str,
    passphrase: Option<&Password>,
    now: OffsetDateTime,
) -> Result<AuthorityReport, Error> {
    let directory = &request.directory;
    let lock = Lock::acquire(directory)?;
    if authority::exists(directory)? {
        return Err(Error::Exists {
            path: directory.join(authority::KEY),
            hint: "create the subordinate CA in its own directory (`-C DIR`)".into(),
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
    let base = authority::ISSUER.trim_end_matches(".crt").to_owned();
    let entry = Entry {
        profile: INTERMEDIATE.into(),
        output: Some(Output {
            directory: files::absolute(directory)?,
            base,
        }),
        requested_by: requested_by.to_owned(),
        ..Entry::of(&certificate, signing.fingerprint.clone(), now)?
    };
    issuer.record(&[entry])?;
    let chain = issuer.signing().served(certificate.as_der())?;
    let anchors = authority::pem_of(issuer.anchors())?;
    let public = [
        (OsStr::new(authority::ISSUER), chain.as_str()),
        (OsStr::new(authority::CERTIFICATE), &anchors),
    ];
    let key = Some((key.pkcs8(), passphrase));
    establish(&lock, &certificate, key, &public, false, now)?;
    AuthorityReport::new(directory, &certificate, Origin::Created, now)
}

/// What would be created below the parent; nothing is written.
///
/// # Errors
/// As [`run_below`], as far as it can be known beforehand.
pub fn dry_run_below(
    request: &Request,
    parent: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<DryRun, Error> {
    let issuer = parent.open(now)?;
    let plan = plan(request, Some(issuer.issuer()), &keys::random_serial()?, now)?;
    let names = [authority::CERTIFICATE, authority::ISSUER, authority::KEY];
    Ok(planned(request, plan, &names))
}

fn planned(request: &Request, plan: IssuancePlan, names: &[&str]) -> DryRun {
    let files = names.iter().map(|name| request.directory.join(name));
    DryRun {
        authority: Some(plan),
        ..DryRun::of(files.collect(), Vec::new())
    }
}

/// Records an authority in the inventory of its locked directory, and writes its files: the key, unless it is there
/// already, and the public ones. Files that are replaced are kept under dated names.
pub(super) fn establish(
    lock: &Lock,
    certificate: &Certificate,
    key: Option<(&[u8], Option<&Password>)>,
    public: &[(&OsStr, &str)],
    replace: bool,
    now: OffsetDateTime,
) -> Result<Box<dyn Inventory>, Error> {
    let mut inventory = authority::open_inventory(lock.path(), Opening::Create)?;
    inventory.record_authority(certificate.as_der(), now)?;
    if replace {
        files::keep(lock, &[authority::KEY, authority::CERTIFICATE], now)?;
    }
    match key {
        Some((pkcs8, password)) => {
            let key = (OsStr::new(authority::KEY), pkcs8, password);
            authority::write(lock, key, public, replace)?;
        }
        None => authority::write_public(lock, public, replace)?,
    }
    inventory.complete_authority(certificate.as_der())?;
    Ok(inventory)
}
