//! The new root begins to issue.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use super::{
    Chained, Gate, Passage, Root, Staged, asking, chains, file, files_of, publish_again,
    refuse_subordinate,
};
use crate::authority::rotation::{self, CROSS, NEXT, PREVIOUS, Rotation, Stage};
use crate::authority::{self, AuthorityAt};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock};
use crate::ops::{Report, Verdict};
use crate::pki::certificate::Certificate;
use crate::store::Opening;

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Activated {
    /// Whether the new root issues now.
    pub activated: bool,
    /// What was seen of those who have to trust it.
    pub gate: Vec<Passage>,
    /// How far the roll-over is.
    #[serde(flatten)]
    pub staged: Staged,
}

impl fmt::Display for Activated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.gate.is_empty() {
            writeln!(f, "Who trusts the new root:")?;
            self.gate.iter().try_for_each(|passage| passage.fmt(f))?;
        }
        self.staged.fmt(f)
    }
}

impl Report for Activated {
    fn verdict(&self) -> Verdict {
        if self.activated || self.staged.dry_run && self.gate.iter().all(|passage| passage.passed) {
            Verdict::Yes
        } else {
            Verdict::No
        }
    }

    fn reason(&self) -> Option<String> {
        let mut waiting = self.gate.iter().filter(|passage| !passage.passed);
        let first = waiting.next().filter(|_| self.verdict() == Verdict::No)?;
        let others = waiting.count();
        let more = if others > 0 {
            format!("; and {others} more")
        } else {
            String::new()
        };
        Some(format!(
            "not activated: {}: {}{more}",
            first.target, first.message
        ))
    }

    fn warnings(&self) -> Vec<String> {
        self.staged.warnings()
    }
}

/// Issues from the new root from now on, when everyone who was named trusts it, or with `force`. The old
/// root's key is kept in `rotation/`.
///
/// # Errors
/// When nothing was prepared, or something cannot be read or written.
pub fn activate(
    gate: &Gate,
    from: &AuthorityAt<'_>,
    (force, dry_run): (bool, bool),
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<Activated, Error> {
    refuse_subordinate(from.directory)?;
    let ask = authority::once(from.passphrase);
    let from = asking(from.directory, &ask);
    let lock = Lock::acquire(from.directory)?;
    let standing = Rotation::read(from.directory)?;
    let (old, new) = match (standing.stage, standing.other) {
        (Stage::Prepared, Some(other)) => (standing.current, other),
        (Stage::Activated, Some(other)) => {
            return finish(&from, &lock, (&other, &standing.current), Vec::new(), now);
        }
        (Stage::Prepared | Stage::Activated, None) | (Stage::None, _) => {
            return Err(unprepared(&from));
        }
    };
    let base = rotation::place(from.directory).join(NEXT);
    let warnings = if gate.is_empty() {
        vec![UNSEEN.to_owned()]
    } else {
        Vec::new()
    };
    let signing = rotation::signing(&base, &new, from.passphrase)?;
    authority::valid_issuer(&base.with_extension("crt"), &new, now)?;
    let mut inventory = authority::open_inventory(from.directory, Opening::MustExist)?;
    let passages = gate.passages(&new, &signing, &mut *inventory, requested_by, now)?;
    if dry_run || !force && passages.iter().any(|passage| !passage.passed) {
        return Ok(Activated {
            activated: false,
            gate: passages,
            staged: staged(&from, (&old, &new), dry_run, now)?,
        });
    }
    exchange(&from, &lock, (&old, &new))?;
    let mut activated = finish(&from, &lock, (&old, &new), passages, now)?;
    activated.staged.warnings.extend(warnings);
    Ok(activated)
}

/// What is said when nobody was named.
const UNSEEN: &str = "nobody was named, and whether anyone trusts the new root was not looked at; what it issues is served with the cross-certificate, so that those who trust the old root alone take it too";

/// Keeps the old root in `rotation/`, and puts the new root's key and both anchors in place together.
fn exchange(
    from: &AuthorityAt<'_>,
    lock: &Lock,
    (old, new): (&Certificate, &Certificate),
) -> Result<(), Error> {
    let place = rotation::place(from.directory);
    let old_key = files::read(&from.directory.join(authority::KEY))?;
    let old_pem = authority::pem_of([old.as_der()])?;
    let (certificate, key) = (format!("{PREVIOUS}.crt"), format!("{PREVIOUS}.key"));
    let kept = [
        file(&key, &old_key, true),
        file(&certificate, old_pem.as_bytes(), false),
    ];
    files::write_together(&lock.below(rotation::DIRECTORY)?, &kept, true)?;
    let new_key = files::read(&place.join(NEXT).with_extension("key"))?;
    let anchors = super::anchors(from.directory, &[new, old], None)?;
    let anchors = authority::pem_of(anchors.iter().map(Certificate::as_der))?;
    let exchanged = [
        file(authority::KEY, &new_key, true),
        file(authority::CERTIFICATE, anchors.as_bytes(), false),
    ];
    files::write_together(lock, &exchanged, true)
}

/// What is left to do once the new root issues; where it was killed before, it is done now.
fn finish(
    from: &AuthorityAt<'_>,
    lock: &Lock,
    (old, new): (&Certificate, &Certificate),
    gate: Vec<Passage>,
    now: OffsetDateTime,
) -> Result<Activated, Error> {
    let mut inventory = authority::open_inventory(from.directory, Opening::MustExist)?;
    inventory.complete_authority(new.as_der())?;
    forget_next(lock)?;
    let crosses = rotation::cross_certificates(from.directory)?;
    let anchors = super::anchors(from.directory, &[new, old], None)?;
    let chained = chains::refresh(lock, &*inventory, &crosses, &anchors, now)?;
    let lists = publish_again(from, lock, now)?;
    let staged = staged(from, (old, new), false, now)?;
    Ok(Activated {
        activated: true,
        gate,
        staged: Staged {
            stage: Stage::Activated,
            current: Root::of(new, now)?,
            other: Some(Root::of(old, now)?),
            files: files_of(
                from.directory,
                &[authority::CERTIFICATE, authority::KEY],
                &["previous.crt", "previous.key", CROSS],
            ),
            warnings: lists
                .iter()
                .flat_map(|list| list.warnings.clone())
                .collect(),
            chained,
            lists,
            next: vec![
                format!(
                    "renew what the old root issued: `openagents-certs list -C {}` shows it",
                    shown(from.directory)
                ),
                format!(
                    "openagents-certs ca rotate retire -C {}",
                    shown(from.directory)
                ),
            ],
            ..staged
        },
    })
}

/// Removes the second copy of the new root's files.
fn forget_next(lock: &Lock) -> Result<(), Error> {
    let place = lock.below(rotation::DIRECTORY)?;
    let (certificate, key) = (format!("{NEXT}.crt"), format!("{NEXT}.key"));
    files::remove(&place, &[&key, &certificate])
}

/// The stage before, unchanged.
fn staged(
    from: &AuthorityAt<'_>,
    (old, new): (&Certificate, &Certificate),
    dry_run: bool,
    now: OffsetDateTime,
) -> Result<Staged, Error> {
    let files = if dry_run {
        let own = [authority::CERTIFICATE, authority::KEY];
        files_of(from.directory, &own, &["previous.crt", "previous.key"])
    } else {
        Vec::new()
    };
    Ok(Staged {
        dry_run,
        stage: Stage::Prepared,
        current: Root::of(old, now)?,
        other: Some(Root::of(new, now)?),
        files,
        chained: Chained::default(),
        lists: Vec::new(),
        next: vec![
            "hand the new ca.crt to those who wait, restart them, and try again; or give `--force`"
                .into(),
        ],
        warnings: Vec::new(),
    })
}

fn unprepared(from: &AuthorityAt<'_>) -> Error {
    let is_there = |name: &str| {
        let path = rotation::place(from.directory).join(name);
        files::kind(&path).is_ok_and(|kind| kind != Kind::Absent)
    };
    let message = if is_there("next.crt") {
        "the new root was made, but is not in ca.crt yet"
    } else {
        "no new root was made"
    };
    Error::Usage {
        message: format!("{}: {message}", shown(from.directory)),
        hint: format!(
            "openagents-certs ca rotate prepare -C {}",
            shown(from.directory)
        ),
    }
}
