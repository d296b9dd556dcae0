//! The new root beside the old one.

use std::path::Path;

use time::OffsetDateTime;

use super::plan::{self, Request};
use super::{
    Chained, Root, Staged, asking, chains, file, files_of, open_root, publish_again,
    refuse_subordinate, retired_name, write_anchors,
};
use crate::authority::rotation::{self, CROSS, NEXT, Rotation, Stage};
use crate::authority::{self, Authority, AuthorityAt, Signing};
use crate::error::{Error, shown};
use crate::files::{self, Lock};
use crate::keys::{self, Password, PrivateKey};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::issuer::Issuer;
use crate::pki::plan::IssuancePlan;
use crate::pki::validity::Validity;
use crate::store::Entry;

/// Makes the new root, has both roots certify each other, and puts both into `ca.crt`. Where it was
/// killed before, it goes on.
///
/// # Errors
/// When the authority is no root, its constraints do not allow it, a roll-over is further on already, or
/// something cannot be written.
pub fn prepare(
    request: &Request,
    from: &AuthorityAt<'_>,
    requested_by: &str,
    dry_run: bool,
    now: OffsetDateTime,
) -> Result<Staged, Error> {
    refuse_subordinate(from.directory)?;
    let ask = authority::once(from.passphrase);
    let from = asking(from.directory, &ask);
    if dry_run {
        return unmade(request, &from, now);
    }
    let lock = Lock::acquire(from.directory)?;
    let standing = refuse_activated(from.directory)?;
    let mut authority = open_root(&from, now)?;
    let old = authority.certificate().clone();
    let new = match rotation::certificate(from.directory, NEXT)? {
        // Made before, and perhaps killed before both were in ca.crt.
        Some(new) if is_certified(&new, &old, from.directory)? => new,
        stale => {
            if stale.is_some() {
                keep_aside(&lock, now)?;
            }
            make(request, &mut authority, (&from, &lock), requested_by, now)?
        }
    };
    let anchors = super::anchors(from.directory, &[&old, &new], None)?;
    if standing.stage == Stage::None {
        write_anchors(&lock, &anchors)?;
    }
    let crosses = rotation::cross_certificates(from.directory)?;
    let (_, inventory) = authority.split();
    let chained = match inventory {
        Some(inventory) => chains::refresh(&lock, inventory.as_ref(), &crosses, &anchors, now)?,
        None => Chained::default(),
    };
    let lists = publish_again(&from, &lock, now)?;
    report(&from, (&old, Root::of(&new, now)?), chained, lists, now)
}

/// Refuses when the new root issues already.
fn refuse_activated(directory: &Path) -> Result<Rotation, Error> {
    let standing = Rotation::read(directory)?;
    match standing.stage {
        Stage::None | Stage::Prepared => Ok(standing),
        Stage::Activated => Err(Error::Usage {
            message: format!(
                "{}: a new root issues already, and the old one is not retired yet",
                shown(directory)
            ),
            hint: "see what it waits for with `openagents-certs ca rotate status`".into(),
        }),
    }
}

/// Whether one root has certified another.
fn is_certified(new: &Certificate, old: &Certificate, directory: &Path) -> Result<bool, Error> {
    let crosses = rotation::cross_certificates(directory)?;
    Ok(crosses.iter().any(|cross| {
        cross.issuer() == old.subject() && cross.public_key_info() == new.public_key_info()
    }))
}

/// Gives the files of a root that is no longer the next one another name.
fn keep_aside(lock: &Lock, now: OffsetDateTime) -> Result<(), Error> {
    let lock = lock.below(rotation::DIRECTORY)?;
    for ending in ["key", "crt"] {
        let aside = retired_name(ending, now);
        files::move_aside(&lock, &format!("{NEXT}.{ending}"), &aside)?;
    }
    Ok(())
}

/// Makes the new root's key and certificate and the cross-certificates, and writes them together.
fn make(
    request: &Request,
    authority: &mut Authority,
    (from, lock): (&AuthorityAt<'_>, &Lock),
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<Certificate, Error> {
    let old = authority.certificate().clone();
    let serial = keys::random_serial()?;
    let plan = plan::root(request, &old, authority.issuer(), &serial, now)?;
    let key = PrivateKey::generate(request.key_type)?;
    let signer = key.signer()?;
    let der = authority::sign(&signer, &plan, key.public_key_info(), &serial)?;
    let new = authority::read_back(der)?;
    let place = rotation::place(from.directory);
    let signing = Signing::of_root(&place.join(NEXT), &new, signer)?;
    let old_signing = authority.signing();
    let crosses = [
        cross(&signing.issuer, old_signing, now)?,
        cross(&old_signing.issuer, &signing, now)?,
    ];
    let entries = crosses
        .iter()
        .map(|(_, cross, issuer)| entry(cross, issuer, requested_by, now))
        .collect::<Result<Vec<Entry>, Error>>()?;
    let (_, inventory) = authority.split();
    if let Some(inventory) = inventory {
        inventory.record_authority(new.as_der(), now)?;
        inventory.record(&entries)?;
    }
    let (_, password) = authority::read_key(&from.directory.join(authority::KEY), from.passphrase)?;
    write(lock, &key, password.as_ref(), &new, &crosses)?;
    Ok(new)
}

type Cross = (IssuancePlan, Certificate, Fingerprint);

/// The key of one CA certified by another.
fn cross(subject: &Issuer, issuer: &Signing, now: OffsetDateTime) -> Result<Cross, Error> {
    let plan = plan::cross(subject, &issuer.issuer, now)?;
    let serial = keys::random_serial()?;
    let certificate = authority::read_back(issuer.cross_sign(&plan, subject, &serial)?)?;
    Ok((plan, certificate, issuer.fingerprint.clone()))
}

fn write(
    lock: &Lock,
    key: &PrivateKey,
    password: Option<&Password>,
    new: &Certificate,
    crosses: &[Cross],
) -> Result<(), Error> {
    let lock = lock.below(rotation::DIRECTORY)?;
    let key = keys::to_pem(key.pkcs8(), password)?;
    let certificate = authority::pem_of([new.as_der()])?;
    let crosses = authority::pem_of(crosses.iter().map(|(_, cross, _)| cross.as_der()))?;
    let (certificate_name, key_name) = (format!("{NEXT}.crt"), format!("{NEXT}.key"));
    let files = [
        file(&key_name, key.as_bytes(), true),
        file(&certificate_name, certificate.as_bytes(), false),
        file(CROSS, crosses.as_bytes(), false),
    ];
    files::write_together(&lock, &files, true)
}

/// What the inventory holds of a cross-certificate.
fn entry(
    certificate: &Certificate,
    issuer_fingerprint: &Fingerprint,
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    Ok(Entry {
        profile: PROFILE.into(),
        requested_by: requested_by.to_owned(),
        note: Some(NOTE.into()),
        ..Entry::of(certificate, issuer_fingerprint.clone(), now)?
    })
}

fn report(
    from: &AuthorityAt<'_>,
    (old, new): (&Certificate, Root),
    chained: Chained,
    lists: Vec<crate::ops::crl::PublishedList>,
    now: OffsetDateTime,
) -> Result<Staged, Error> {
    let directory = shown(from.directory);
    Ok(Staged {
        dry_run: false,
        stage: Stage::Prepared,
        current: Root::of(old, now)?,
        other: Some(new),
        files: files_of(
            from.directory,
            &[authority::CERTIFICATE],
            &["next.crt", "next.key", CROSS],
        ),
        warnings: lists
            .iter()
            .flat_map(|list| list.warnings.clone())
            .collect(),
        chained,
        lists,
        next: vec![
            format!(
                "hand {} to every agent and network, and restart them",
                shown(&from.directory.join(authority::CERTIFICATE))
            ),
            format!(
                "openagents-certs ca rotate activate -C {directory} --endpoint grpcs://HOST:PORT"
            ),
        ],
    })
}

fn unmade(request: &Request, from: &AuthorityAt<'_>, now: OffsetDateTime) -> Result<Staged, Error> {
    refuse_activated(from.directory)?;
    let authority = open_root(from, now)?;
    let old = authority.certificate();
    let new = match rotation::certificate(from.directory, NEXT)? {
        Some(new) => Root::of(&new, now)?,
        None => {
            let serial = keys::random_serial()?;
            let plan = plan::root(request, old, authority.issuer(), &serial, now)?;
            plan::cross(&Issuer::planned(&plan), authority.issuer(), now)?;
            Root {
                expiry: crate::ops::Expiry::of(
                    Validity::between(plan.validity.not_before(), plan.validity.not_after())?,
                    now,
                ),
                subject: plan.subject,
                serial: None,
                fingerprint_sha256: None,
            }
        }
    };
    let report = report(from, (old, new), Chained::default(), Vec::new(), now)?;
    Ok(Staged {
        dry_run: true,
        ..report
    })
}

/// As a subordinate CA's, which it is like.
const PROFILE: &str = "intermediate";
/// What the inventory says of a cross-certificate.
pub(super) const NOTE: &str = "cross-certificate of a roll-over";
