//! The commands that lead from one stage to the next.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::certificates::{self, Request};
use super::dependents::{Dependents, dependents};
use super::{Gate, Passage, Root, Rotating, StageOutcome, StageReport, refuse_subordinate, report};
use crate::authority::rotation::{self, CROSS, NEXT, PREVIOUS, RETIRED, Rotation, Stage};
use crate::authority::{self, AuthorityAt, CERTIFICATE, Issuance, KEY, Signing};
use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::keys::{self, PrivateKey};
use crate::pki::certificate::{Certificate, Issuer};
use crate::store::{Inventory, Opening};

/// Creates the new root, cross-certifies both roots, and puts both into `ca.crt`. Continues where it was interrupted.
///
/// # Errors
/// When the authority is not a root, its constraints do not allow another one beside it, a rotation is at a later
/// stage, or something cannot be written.
pub fn prepare(
    request: &Request,
    from: &AuthorityAt<'_>,
    requested_by: &str,
    dry_run: bool,
    now: OffsetDateTime,
) -> Result<StageReport, Error> {
    refuse_subordinate(from.directory)?;
    let ask = authority::once(from.passphrase);
    let from = asking(from, &ask);
    if dry_run {
        return prepare_dry_run(request, &from, now);
    }
    let rotating = Rotating::start(&from, now)?;
    let mut rotation = Rotation::read(from.directory)?;
    refuse_stage(StageCommand::Prepare, rotation.stage, from.directory)?;
    let mut authority = from.open_all(now)?;
    let old = authority.certificate().clone();
    let new = match rotation::certificate(from.directory, NEXT)? {
        // Created before, and perhaps interrupted before both were in ca.crt.
        Some(new) if is_certified(&new, &old, from.directory)? => new,
        stale => {
            if stale.is_some() {
                keep(&rotating.below()?, NEXT, now)?;
            }
            create(request, &mut authority, &rotating, requested_by)?
        }
    };
    let anchors = rotating.anchors(&[&old, &new], None)?;
    if rotation.stage == Stage::None {
        rotating.write_anchors(&anchors)?;
    }
    rotation = Rotation {
        stage: Stage::Prepared,
        current: old,
        other: Some(new),
    };
    drop(authority);
    let inventory = authority::open_inventory(from.directory, Opening::MustExist)?;
    rotating.finish(
        StageOutcome::Prepare {},
        &rotation,
        &anchors,
        inventory.as_ref(),
    )
}

/// Issues from the new root from now on, if everyone named trusts it, or with `force`. The old
/// root's key is kept in `rotation/`.
///
/// # Errors
/// When no root is prepared, or something cannot be read or written.
pub fn activate(
    gate: &Gate,
    from: &AuthorityAt<'_>,
    (force, dry_run): (bool, bool),
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<StageReport, Error> {
    refuse_subordinate(from.directory)?;
    let ask = authority::once(from.passphrase);
    let from = asking(from, &ask);
    let rotating = Rotating::start(&from, now)?;
    let rotation = Rotation::read(from.directory)?;
    refuse_stage(StageCommand::Activate, rotation.stage, from.directory)?;
    let mut inventory = authority::open_inventory(from.directory, Opening::MustExist)?;
    let (old, new) = match (rotation.stage, &rotation.other) {
        (Stage::Prepared, Some(new)) => (&rotation.current, new),
        (Stage::Activated, _) if dry_run => {
            let outcome = StageOutcome::Activate {
                activated: false,
                gate: Vec::new(),
            };
            let unchanged = report(outcome, &rotation, from.directory, now)?;
            return Ok(StageReport {
                dry_run,
                ..unchanged
            });
        }
        // Interrupted after the roots changed places.
        (Stage::Activated | Stage::None, _) | (Stage::Prepared, None) => {
            return finish_activation(&rotating, rotation, Vec::new(), inventory.as_mut());
        }
    };
    let base = rotation::place(from.directory).join(NEXT);
    let signing = rotation::signing(&base, new, from.passphrase)?;
    authority::valid_issuer(&base.with_extension("crt"), new, now)?;
    let passages = gate.passages(new, &signing, inventory.as_mut(), requested_by, now)?;
    if dry_run || !force && passages.iter().any(|passage| !passage.passed) {
        let outcome = StageOutcome::Activate {
            activated: false,
            gate: passages,
        };
        return Ok(StageReport {
            dry_run,
            files: match dry_run {
                true => Stage::Activated.files(from.directory),
                false => Vec::new(),
            },
            next: vec!["distribute the new ca.crt to those who do not trust the new root, restart them, and try again; or use `--force`".into()],
            ..report(outcome, &rotation, from.directory, now)?
        });
    }
    exchange(&rotating, old, new)?;
    let exchanged = Rotation {
        stage: Stage::Activated,
        current: new.clone(),
        other: Some(old.clone()),
    };
    let mut activated = finish_activation(&rotating, exchanged, passages, inventory.as_mut())?;
    if gate.is_empty() {
        activated.warnings.push(UNCHECKED.to_owned());
    }
    Ok(activated)
}

/// Removes the old root from `ca.crt` if no valid certificate depends on it except those that were replaced, or
/// with `force`; its key is kept under another name.
///
/// # Errors
/// When the new root is not active, or something cannot be read or written.
pub fn retire(
    from: &AuthorityAt<'_>,
    (force, dry_run): (bool, bool),
    now: OffsetDateTime,
) -> Result<StageReport, Error> {
    refuse_subordinate(from.directory)?;
    let ask = authority::once(from.passphrase);
    let from = asking(from, &ask);
    let rotating = Rotating::start(&from, now)?;
    let rotation = Rotation::read(from.directory)?;
    let previous = rotation::certificate(from.directory, PREVIOUS)?;
    // Interrupted after the old root left ca.crt, but before its files were moved.
    let is_interrupted = rotation.stage == Stage::None && previous.is_some();
    if !is_interrupted {
        refuse_stage(StageCommand::Retire, rotation.stage, from.directory)?;
    }
    let mut inventory = authority::open_inventory(from.directory, Opening::MustExist)?;
    let old = rotation.other.as_ref();
    let Dependents { blocking, replaced } = match old {
        Some(old) => dependents(old, inventory.as_ref(), now)?,
        None => Dependents::default(),
    };
    let warning = (replaced > 0).then(|| {
        let subject = match replaced {
            1 => "1 certificate of the old root was replaced but is".into(),
            _ => format!("{replaced} certificates of the old root were replaced but are"),
        };
        format!("{subject} still valid: restart whatever has not been restarted since")
    });
    let is_allowed = force || blocking.is_empty();
    let outcome = |retired, kept| StageOutcome::Retire {
        retired,
        blocking,
        kept,
    };
    if dry_run || !is_allowed {
        let mut unchanged = report(outcome(false, None), &rotation, from.directory, now)?;
        unchanged.dry_run = dry_run;
        unchanged.next.clear();
        unchanged.files = match is_allowed {
            true => Stage::None.files(from.directory),
            false => Vec::new(),
        };
        unchanged.warnings.extend(warning);
        return Ok(unchanged);
    }
    let anchors = rotating.anchors(&[&rotation.current], old)?;
    rotating.write_anchors(&anchors)?;
    if let Some(retired) = old.or(previous.as_ref()) {
        let crosses = rotation::cross_certificates(from.directory)?;
        let serials: Vec<_> = crosses.iter().map(|cross| cross.serial().clone()).collect();
        inventory.retire_authority(retired.as_der(), &serials, now)?;
    }
    let kept = keep(&rotating.below()?, PREVIOUS, now)?;
    let retired = Rotation {
        stage: Stage::None,
        current: rotation.current,
        other: None,
    };
    let outcome = outcome(true, kept);
    let mut report = rotating.finish(outcome, &retired, &anchors, inventory.as_ref())?;
    report.warnings.extend(warning);
    Ok(report)
}

/// A command that changes the stage.
#[derive(Clone, Copy)]
enum StageCommand {
    Prepare,
    Activate,
    Retire,
}

/// Refuses a command at a stage it does not start from, with the command that comes first.
fn refuse_stage(command: StageCommand, stage: Stage, directory: &Path) -> Result<(), Error> {
    let is_created = || files::exists(&rotation::place(directory).join("next.crt"));
    let (message, first) = match (command, stage) {
        (StageCommand::Prepare, Stage::None | Stage::Prepared)
        | (StageCommand::Activate, Stage::Prepared | Stage::Activated)
        | (StageCommand::Retire, Stage::Activated) => return Ok(()),
        (StageCommand::Prepare, Stage::Activated) => (
            "the new root issues, and the old one is not retired yet",
            "status",
        ),
        (StageCommand::Activate, Stage::None) if is_created()? => (
            "the new root was created, but is not in ca.crt yet",
            "prepare",
        ),
        (StageCommand::Activate, Stage::None) => ("no new root is prepared", "prepare"),
        (StageCommand::Retire, Stage::Prepared) => ("the old root still issues", "activate"),
        (StageCommand::Retire, Stage::None) => ("there is no old root to retire", "status"),
    };
    let place = shown(directory);
    Err(Error::usage(
        format!("{place}: {message}"),
        format!("openagents-certs ca rotate {first} -C {place}"),
    ))
}

/// The authority in a directory itself, whose passphrase is asked for in this way.
fn asking<'a>(from: &AuthorityAt<'a>, passphrase: authority::Ask<'a>) -> AuthorityAt<'a> {
    AuthorityAt {
        passphrase,
        ..AuthorityAt::directory(from.directory)
    }
}

/// Whether one root has certified another.
fn is_certified(new: &Certificate, old: &Certificate, directory: &Path) -> Result<bool, Error> {
    let crosses = rotation::cross_certificates(directory)?;
    Ok(crosses.iter().any(|cross| {
        cross.issuer() == old.subject() && cross.public_key_info() == new.public_key_info()
    }))
}

/// Keeps the files of a root under dated names, the certificate's last: until then this is repeated. Returns where
/// the key is.
fn keep(lock: &Lock, name: &str, now: OffsetDateTime) -> Result<Option<PathBuf>, Error> {
    let mut kept = None;
    for ending in ["key", "crt"] {
        let name = format!("{name}.{ending}");
        let aside = format!("{RETIRED}{}.{ending}", files::timestamp(now));
        let exists = files::exists(&lock.path().join(&name))?;
        files::move_aside(lock, &name, &aside)?;
        if exists && ending == "key" {
            kept = Some(lock.path().join(aside));
        }
    }
    Ok(kept)
}

/// Creates the new root's key and certificate and the cross-certificates, and writes them together.
fn create(
    request: &Request,
    authority: &mut Issuance,
    rotating: &Rotating<'_>,
    requested_by: &str,
) -> Result<Certificate, Error> {
    let (from, now) = (rotating.from, rotating.now);
    let old = authority.certificate().clone();
    let serial = keys::random_serial()?;
    let plan = certificates::root(request, &old, authority.issuer(), &serial, now)?;
    let key = PrivateKey::generate(request.key_type)?;
    let signer = key.signer()?;
    let new = authority::sign_root(&signer, &plan, &serial)?;
    let signing = Signing::of_root(&new, signer)?;
    let old_signing = authority.signing();
    let crosses = [
        certificates::cross_sign(&signing.issuer, old_signing, requested_by, now)?,
        certificates::cross_sign(&old_signing.issuer, &signing, requested_by, now)?,
    ];
    let (_, inventory) = authority.split();
    if let Some(inventory) = inventory {
        inventory.record_authority(new.as_der(), now)?;
        inventory.record(&crosses)?;
    }
    let (_, password) = authority::read_key(&from.directory.join(KEY), from.passphrase)?;
    let key = keys::to_pem(key.pkcs8(), password.as_ref())?;
    let certificate = authority::pem_of([&new])?;
    let crosses = authority::pem_of(crosses.iter().map(|cross| cross.certificate.as_slice()))?;
    let names = [format!("{NEXT}.key"), format!("{NEXT}.crt")];
    let files = [
        NewFile::secret(&names[0], key.as_bytes()),
        NewFile::public(&names[1], certificate.as_bytes()),
        NewFile::public(CROSS, crosses.as_bytes()),
    ];
    files::write_together(&rotating.below()?, &files, true)?;
    Ok(new)
}

fn prepare_dry_run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<StageReport, Error> {
    let stage = Rotation::read(from.directory)?.stage;
    refuse_stage(StageCommand::Prepare, stage, from.directory)?;
    let authority = from.open_all(now)?;
    let old = authority.certificate();
    let new = match rotation::certificate(from.directory, NEXT)? {
        Some(new) => Root::of(&new, now)?,
        None => {
            let serial = keys::random_serial()?;
            let plan = certificates::root(request, old, authority.issuer(), &serial, now)?;
            certificates::cross(&Issuer::planned(&plan), authority.issuer(), now)?;
            Root {
                expiry: crate::ops::Expiry::of(plan.validity, now),
                subject: plan.subject,
                serial: None,
                fingerprint_sha256: None,
            }
        }
    };
    let prepared = Rotation {
        stage: Stage::Prepared,
        current: old.clone(),
        other: None,
    };
    let mut report = report(StageOutcome::Prepare {}, &prepared, from.directory, now)?;
    report.other = Some(new);
    report.dry_run = true;
    Ok(report)
}

/// Keeps the old root in `rotation/`, and puts the new root's key and both anchors in place together.
fn exchange(rotating: &Rotating<'_>, old: &Certificate, new: &Certificate) -> Result<(), Error> {
    let directory = rotating.from.directory;
    let old_key = files::read(&directory.join(KEY))?;
    let old_pem = authority::pem_of([&old])?;
    let names = [format!("{PREVIOUS}.key"), format!("{PREVIOUS}.crt")];
    let kept = [
        NewFile::secret(&names[0], &old_key),
        NewFile::public(&names[1], old_pem.as_bytes()),
    ];
    files::write_together(&rotating.below()?, &kept, true)?;
    let new_key = rotation::place(directory).join(NEXT).with_extension("key");
    let new_key = files::read(&new_key)?;
    let anchors = rotating.anchors(&[new, old], None)?;
    let anchors = authority::pem_of(&anchors)?;
    let exchanged = [
        NewFile::secret(KEY, &new_key),
        NewFile::public(CERTIFICATE, anchors.as_bytes()),
    ];
    files::write_together(&rotating.lock, &exchanged, true)
}

/// What remains to be done once the new root issues.
fn finish_activation(
    rotating: &Rotating<'_>,
    rotation: Rotation,
    gate: Vec<Passage>,
    inventory: &mut dyn Inventory,
) -> Result<StageReport, Error> {
    inventory.complete_authority(rotation.current.as_der())?;
    // The second copy of the new root's files.
    let names = [format!("{NEXT}.key"), format!("{NEXT}.crt")];
    files::remove(&rotating.below()?, &[&names[0], &names[1]])?;
    let roots: Vec<_> = std::iter::once(&rotation.current)
        .chain(&rotation.other)
        .collect();
    let anchors = rotating.anchors(&roots, None)?;
    let outcome = StageOutcome::Activate {
        activated: true,
        gate,
    };
    rotating.finish(outcome, &rotation, &anchors, inventory)
}

/// Reported when nobody was named.
const UNCHECKED: &str = "trust in the new root was not checked, because nobody was named; its certificates are served with the cross-certificate, so that clients which trust only the old root accept them, too";
