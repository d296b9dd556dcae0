//! The old root goes.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::status::{Blocking, Dependents, dependents, write_blocking};
use super::{
    Chained, Root, Staged, asking, chains, files_of, publish_again, refuse_subordinate,
    retired_name, write_anchors,
};
use crate::authority::rotation::{self, PREVIOUS, Rotation, Stage};
use crate::authority::{self, AuthorityAt};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock};
use crate::ops::{Report, Verdict};
use crate::store::Opening;

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Retired {
    /// Whether the old root is trusted no more.
    pub retired: bool,
    /// What is valid and was issued by the old root.
    pub blocking: Vec<Blocking>,
    /// Where the old root's key is kept.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub kept: Option<PathBuf>,
    /// How far the roll-over is.
    #[serde(flatten)]
    pub staged: Staged,
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_blocking(f, &self.blocking, "")?;
        self.staged.fmt(f)?;
        if let Some(path) = &self.kept {
            writeln!(f, "The old root's key is kept in {}", shown(path))?;
        }
        Ok(())
    }
}

impl Report for Retired {
    fn verdict(&self) -> Verdict {
        if self.retired || self.staged.dry_run && self.blocking.is_empty() {
            Verdict::Yes
        } else {
            Verdict::No
        }
    }

    fn reason(&self) -> Option<String> {
        let first = self
            .blocking
            .first()
            .filter(|_| self.verdict() == Verdict::No)?;
        let others = self.blocking.len() - 1;
        let more = if others > 0 {
            format!(" and {others} more")
        } else {
            String::new()
        };
        Some(format!(
            "not retired: the old root issued {} ({}){more}: renew or revoke that first",
            first.name, first.serial
        ))
    }

    fn warnings(&self) -> Vec<String> {
        self.staged.warnings()
    }
}

/// Takes the old root out of `ca.crt` when nothing valid was issued by it but what was replaced since, or
/// with `force`; its key is moved aside and kept.
///
/// # Errors
/// When no new root issues, or something cannot be read or written.
pub fn retire(
    from: &AuthorityAt<'_>,
    (force, dry_run): (bool, bool),
    now: OffsetDateTime,
) -> Result<Retired, Error> {
    refuse_subordinate(from.directory)?;
    let ask = authority::once(from.passphrase);
    let from = asking(from.directory, &ask);
    let lock = Lock::acquire(from.directory)?;
    let standing = Rotation::read(from.directory)?;
    let new = &standing.current;
    let old = match (standing.stage, &standing.other) {
        (Stage::Activated, Some(old)) => Some(old),
        // Killed once the old root had left ca.crt, but before it was moved aside.
        (Stage::None, _) if rotation::certificate(from.directory, PREVIOUS)?.is_some() => None,
        (Stage::Activated, None) | (Stage::None | Stage::Prepared, _) => {
            return Err(inactive(&from, standing.stage));
        }
    };
    let mut inventory = authority::open_inventory(from.directory, Opening::MustExist)?;
    let Dependents { blocking, replaced } = match old {
        Some(old) => dependents(old, &*inventory, now)?,
        None => Dependents::default(),
    };
    let may_go = force || blocking.is_empty();
    let mut staged = Staged {
        dry_run,
        stage: standing.stage,
        current: Root::of(new, now)?,
        other: old.map(|old| Root::of(old, now)).transpose()?,
        files: Vec::new(),
        chained: Chained::default(),
        lists: Vec::new(),
        next: Vec::new(),
        warnings: warning(replaced).into_iter().collect(),
    };
    if dry_run || !may_go {
        if may_go {
            staged.files = files_of(from.directory, &[authority::CERTIFICATE], &[]);
        }
        return Ok(Retired {
            retired: false,
            blocking,
            kept: None,
            staged,
        });
    }
    let anchors = super::anchors(from.directory, &[new], old)?;
    write_anchors(&lock, &anchors)?;
    let crosses = rotation::cross_certificates(from.directory)?;
    staged.chained = chains::refresh(&lock, &*inventory, &crosses, &anchors, now)?;
    if let Some(old) = old {
        let serials: Vec<_> = crosses.iter().map(|cross| cross.serial().clone()).collect();
        inventory.retire_authority(old.as_der(), &serials, now)?;
    }
    let kept = move_aside(&lock, now)?;
    staged.lists = publish_again(&from, &lock, now)?;
    staged.stage = Stage::None;
    staged.other = None;
    staged.files = files_of(from.directory, &[authority::CERTIFICATE], &[]);
    staged.next = vec![format!(
        "hand {} to every agent and network: until then they trust the old root too",
        shown(&from.directory.join(authority::CERTIFICATE))
    )];
    Ok(Retired {
        retired: true,
        blocking,
        kept,
        staged,
    })
}

/// Gives the old root's files another name, the certificate's last: until then this is done again.
fn move_aside(lock: &Lock, now: OffsetDateTime) -> Result<Option<PathBuf>, Error> {
    let place = lock.path().join(rotation::DIRECTORY);
    let lock = lock.below(rotation::DIRECTORY)?;
    let mut kept = None;
    for ending in ["key", "crt"] {
        let (name, aside) = (format!("{PREVIOUS}.{ending}"), retired_name(ending, now));
        let is_there = files::kind(&place.join(&name))? != Kind::Absent;
        files::move_aside(&lock, &name, &aside)?;
        if is_there && ending == "key" {
            kept = Some(place.join(aside));
        }
    }
    Ok(kept)
}

fn warning(replaced: usize) -> Option<String> {
    (replaced > 0).then(|| {
        format!("{replaced} certificates of the old root were replaced and are valid still: restart what was not restarted since")
    })
}

fn inactive(from: &AuthorityAt<'_>, stage: Stage) -> Error {
    let place = shown(from.directory);
    let (message, command) = match stage {
        Stage::Prepared => ("the old root still issues", "activate"),
        Stage::None | Stage::Activated => ("there is no old root to retire", "status"),
    };
    Error::Usage {
        message: format!("{place}: {message}"),
        hint: format!("openagents-certs ca rotate {command} -C {place}"),
    }
}
