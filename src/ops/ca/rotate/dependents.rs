//! The stage of a rotation, and the certificates that depend on the old root.

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::certificates::NOTE;
use super::enrolled::EnrolledMachines;
use super::{Root, refuse_subordinate};
use crate::authority;
use crate::authority::rotation::{Rotation, Stage};
use crate::error::{Error, shown};
use crate::ops::issue::file_names;
use crate::ops::{Report, responder};
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Filter, Inventory, Opening};

/// The stage of a rotation, and what prevents the old root from being retired.
///
/// # Errors
/// When there is no root, or its files cannot be read.
pub fn status(directory: &Path, now: OffsetDateTime) -> Result<RotationStatus, Error> {
    refuse_subordinate(directory)?;
    let rotation = Rotation::read(directory)?;
    let inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let Dependents { blocking, replaced } = match (rotation.stage, &rotation.other) {
        (Stage::Prepared, _) => dependents(&rotation.current, &*inventory, now)?,
        (Stage::Activated, Some(old)) => dependents(old, &*inventory, now)?,
        (Stage::Activated, None) | (Stage::None, _) => Dependents::default(),
    };
    let new = match rotation.stage {
        Stage::Prepared => rotation.other.as_ref(),
        Stage::Activated => Some(&rotation.current),
        Stage::None => None,
    };
    let enrolled = new.map(|new| EnrolledMachines::read(new, &*inventory, now));
    let place = shown(directory);
    let next = match rotation.stage {
        Stage::None => format!("openagents-certs ca rotate prepare -C {place}"),
        Stage::Activated if blocking.is_empty() => {
            format!("openagents-certs ca rotate retire -C {place}")
        }
        Stage::Prepared | Stage::Activated => rotation.stage.next(directory).join("; then "),
    };
    let other = rotation.other.as_ref();
    Ok(RotationStatus {
        stage: rotation.stage,
        current: Root::of(&rotation.current, now)?,
        other: other.map(|other| Root::of(other, now)).transpose()?,
        blocking,
        replaced,
        enrolled: enrolled.transpose()?,
        next,
    })
}

/// The stage of a rotation.
#[derive(Debug, Serialize)]
pub struct RotationStatus {
    /// The stage.
    pub stage: Stage,
    /// The root that issues.
    pub current: Root,
    /// The root beside it: first the new one, then the old one.
    pub other: Option<Root>,
    /// Valid certificates of the old root.
    pub blocking: Vec<Blocking>,
    /// How many more are valid, but were replaced by certificates of another root.
    pub replaced: usize,
    /// The enrolled machines; `None` where no rotation is under way.
    pub enrolled: Option<EnrolledMachines>,
    /// What to do next.
    pub next: String,
}

/// A valid certificate that the old root issued.
#[derive(Debug, Serialize)]
pub struct Blocking {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its first name, or its subject.
    pub name: String,
    /// Its profile.
    pub profile: String,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The file it was written to.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: Option<PathBuf>,
}

impl fmt::Display for RotationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::None => "none: there is one root",
            Stage::Prepared => "prepared: both roots are trusted, the old one issues",
            Stage::Activated => "activated: both roots are trusted, the new one issues",
        };
        writeln!(f, "Stage {stage}")?;
        let (current, other) = self.stage.labels();
        writeln!(f, "  {current:<18}  {}", self.current)?;
        if let Some(root) = &self.other {
            writeln!(f, "  {other:<18}  {root}")?;
        }
        write_blocking(f, &self.blocking, "  ")?;
        if self.replaced > 0 {
            writeln!(f, "  replaced, but still valid: {}", self.replaced)?;
        }
        if let Some(enrolled) = &self.enrolled {
            enrolled.fmt(f)?;
        }
        writeln!(f, "Next: {}", self.next)
    }
}

/// The certificates that prevent the old root from being retired, indented.
pub(super) fn write_blocking(
    f: &mut fmt::Formatter<'_>,
    blocking: &[Blocking],
    indent: &str,
) -> fmt::Result {
    if blocking.is_empty() {
        return Ok(());
    }
    let count = blocking.len();
    writeln!(f, "{indent}valid certificates of the old root: {count}")?;
    for one in blocking.iter().take(MAX_SHOWN) {
        write!(f, "{indent}  {one}")?;
    }
    if count > MAX_SHOWN {
        writeln!(f, "{indent}  and {} more", count - MAX_SHOWN)?;
    }
    Ok(())
}

impl fmt::Display for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}  expires {}  {}  {}",
            self.serial,
            rfc3339(self.not_after),
            Escaped(&self.profile),
            self.name
        )
    }
}

impl Report for RotationStatus {
    fn is_content(&self) -> bool {
        true
    }
}

/// The valid certificates of a root, without cross-certificates.
#[derive(Debug, Default)]
pub(super) struct Dependents {
    /// Those that are in use, as far as is known; soonest expiry first.
    pub(super) blocking: Vec<Blocking>,
    /// How many others there are: their files now contain certificates of another root.
    pub(super) replaced: usize,
}

/// The valid certificates of a root.
pub(super) fn dependents(
    root: &Certificate,
    inventory: &dyn Inventory,
    now: OffsetDateTime,
) -> Result<Dependents, Error> {
    let mut old = Vec::new();
    let (mut serials, mut outputs) = (HashSet::new(), HashSet::new());
    inventory.visit(&Filter::default(), now, &mut |entry| {
        if depends(&entry, root, now) {
            old.push(entry);
        } else if entry.issuer != *root.subject() && entry.status(now).is_live() {
            serials.extend(entry.replaces);
            outputs.extend(entry.output.map(|output| (output.directory, output.base)));
        }
        ControlFlow::Continue(())
    })?;
    let is_replaced = |entry: &Entry| {
        let output = entry.output.clone();
        serials.contains(&entry.serial)
            || output.is_some_and(|output| outputs.contains(&(output.directory, output.base)))
    };
    let (replaced, blocking): (Vec<_>, Vec<_>) = old.into_iter().partition(is_replaced);
    Ok(Dependents {
        blocking: blocking.into_iter().map(Blocking::of).collect(),
        replaced: replaced.len(),
    })
}

impl Blocking {
    fn of(entry: Entry) -> Self {
        let output = entry.output.as_ref();
        let name = match entry.names.first() {
            Some(name) => Escaped(&name.value()).to_string(),
            None => entry.subject.to_string(),
        };
        Blocking {
            name,
            profile: entry.profile,
            not_after: entry.validity.not_after(),
            certificate: output
                .map(|output| output.directory.join(file_names(output.base.as_ref()).0)),
            serial: entry.serial,
        }
    }
}

/// Whether a certificate is valid and was issued by a root, and is neither a cross-certificate nor a responder's.
fn depends(entry: &Entry, root: &Certificate, now: OffsetDateTime) -> bool {
    entry.status(now).is_live()
        && entry.issuer == *root.subject()
        && entry.note.as_deref() != Some(NOTE)
        && entry.profile != responder::PROFILE
}

const MAX_SHOWN: usize = 20;
