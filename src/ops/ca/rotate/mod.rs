//! One root replacing another in stages, without downtime.
//!
//! | command  | requires                                            | leads to                                             |
//! |----------|-----------------------------------------------------|------------------------------------------------------|
//! | prepare  | one root                                            | both roots certify each other and are in `ca.crt`    |
//! | activate | a prepared root that everyone named trusts          | the new root issues                                  |
//! | retire   | an active root; nothing valid depends on the old one | the old root is no longer in `ca.crt`               |
//!
//! Each command can be run again after it was interrupted, and then completes its stage.

mod certificates;
mod chains;
mod dependents;
mod enrolled;
mod gate;
mod stages;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

pub use certificates::Request;
pub use chains::{ChainUpdates, StaleChain};
pub use dependents::{Blocking, RotationStatus, status};
pub use enrolled::{EnrolledMachines, WaitingMachine};
pub use gate::{Gate, Passage};
pub use stages::{activate, prepare, retire};

use crate::authority::rotation::{self, CROSS, DIRECTORY, Rotation, Stage};
use crate::authority::{self, AuthorityAt, CERTIFICATE, KEY};
use crate::error::{Error, shown};
use crate::files::{self, Lock, Replacement};
use crate::ops::crl::{self, PublishedList};
use crate::ops::{Expiry, Report, Verdict};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Validity;
use crate::store::Inventory;

/// What a command of a rotation did, or would do.
#[derive(Debug, Serialize)]
pub struct StageReport {
    /// What only this command has to report.
    #[serde(flatten)]
    pub outcome: StageOutcome,
    /// Whether nothing was written, and this is what would be.
    pub dry_run: bool,
    /// The stage.
    pub stage: Stage,
    /// The root that issues.
    pub current: Root,
    /// The root beside it; `None` when there is only one.
    pub other: Option<Root>,
    /// Files that were written, or would be.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// The certificates whose files got another chain.
    #[serde(flatten)]
    pub chains: ChainUpdates,
    /// The new CRLs, if there were any before.
    pub lists: Vec<PublishedList>,
    /// What to do next.
    pub next: Vec<String>,
    #[serde(skip)]
    warnings: Vec<String>,
}

/// What one of the commands has to report.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum StageOutcome {
    /// Of `prepare`.
    Prepare {},
    /// Of `activate`.
    Activate {
        /// Whether the new root issues now.
        activated: bool,
        /// Who was checked for trust in the new root.
        gate: Vec<Passage>,
    },
    /// Of `retire`.
    Retire {
        /// Whether the old root is no longer trusted.
        retired: bool,
        /// Valid certificates of the old root.
        blocking: Vec<Blocking>,
        /// Where the old root's key is kept.
        #[serde(serialize_with = "crate::ops::paths::as_text")]
        kept: Option<PathBuf>,
    },
}

/// A root of a rotation.
#[derive(Debug, Serialize)]
pub struct Root {
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its serial number; `None` before it is created.
    pub serial: Option<SerialNumber>,
    /// When it expires.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// SHA-256 over its certificate; `None` before it is created.
    pub fingerprint_sha256: Option<Fingerprint>,
}

impl Root {
    fn of(certificate: &Certificate, now: OffsetDateTime) -> Result<Self, Error> {
        let validity = Validity::between(certificate.not_before(), certificate.not_after())?;
        Ok(Root {
            subject: certificate.subject().clone(),
            serial: Some(certificate.serial().clone()),
            expiry: Expiry::of(validity, now),
            fingerprint_sha256: Some(Fingerprint::sha256(certificate.as_der())),
        })
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, expires {}", self.subject, self.expiry)
    }
}

impl fmt::Display for StageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            StageOutcome::Activate { gate, .. } if !gate.is_empty() => {
                writeln!(f, "Trust in the new root:")?;
                gate.iter().try_for_each(|passage| passage.fmt(f))?;
            }
            StageOutcome::Retire { blocking, .. } => dependents::write_blocking(f, blocking, "")?,
            StageOutcome::Prepare {} | StageOutcome::Activate { .. } => {}
        }
        if self.dry_run {
            writeln!(f, "Nothing was written. This would be the result:")?;
        }
        let (current, other) = self.stage.labels();
        writeln!(f, "{current}: {}", self.current)?;
        if let Some(root) = &self.other {
            writeln!(f, "{other}: {root}")?;
        }
        for path in &self.files {
            writeln!(f, "  file  {}", shown(path))?;
        }
        self.chains.fmt(f)?;
        self.lists.iter().try_for_each(|list| list.fmt(f))?;
        for (at, step) in self.next.iter().enumerate() {
            let label = if at == 0 { "Next:" } else { "     " };
            writeln!(f, "{label} {step}")?;
        }
        match &self.outcome {
            StageOutcome::Retire {
                kept: Some(path), ..
            } => writeln!(f, "The old root's key is kept in {}", shown(path)),
            StageOutcome::Prepare {}
            | StageOutcome::Activate { .. }
            | StageOutcome::Retire { .. } => Ok(()),
        }
    }
}

impl Report for StageReport {
    fn verdict(&self) -> Verdict {
        let (is_done, is_allowed) = match &self.outcome {
            StageOutcome::Prepare {} => (true, true),
            StageOutcome::Activate { activated, gate } => {
                (*activated, gate.iter().all(|passage| passage.passed))
            }
            StageOutcome::Retire {
                retired, blocking, ..
            } => (*retired, blocking.is_empty()),
        };
        if is_done || self.dry_run && is_allowed {
            Verdict::Yes
        } else {
            Verdict::No
        }
    }

    fn reason(&self) -> Option<String> {
        let (first, others) = match &self.outcome {
            _ if self.verdict() == Verdict::Yes => return None,
            StageOutcome::Prepare {} => return None,
            StageOutcome::Activate { gate, .. } => {
                let mut waiting = gate.iter().filter(|passage| !passage.passed);
                let Passage {
                    target, message, ..
                } = waiting.next()?;
                (
                    format!("not activated: {target}: {message}"),
                    waiting.count(),
                )
            }
            StageOutcome::Retire { blocking, .. } => {
                let Blocking { name, serial, .. } = blocking.first()?;
                let first = format!(
                    "not retired: renew or revoke {name} ({serial}), which the old root issued"
                );
                (first, blocking.len() - 1)
            }
        };
        Some(match others {
            0 => first,
            others => format!("{first}; and {others} more"),
        })
    }

    fn warnings(&self) -> Vec<String> {
        let lists = self.lists.iter().flat_map(|list| list.warnings.clone());
        self.warnings.iter().cloned().chain(lists).collect()
    }
}

impl Stage {
    /// What the root that issues and the one beside it are called.
    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Stage::None => ("root", ""),
            Stage::Prepared => ("old root (issuing)", "new root"),
            Stage::Activated => ("new root (issuing)", "old root"),
        }
    }

    /// What to do at this stage.
    fn next(self, directory: &Path) -> Vec<String> {
        let place = shown(directory);
        let anchors = shown(directory.join(CERTIFICATE));
        match self {
            Stage::None => vec![format!(
                "distribute {anchors} to every agent and network; until then they trust the old root, too"
            )],
            Stage::Prepared => vec![
                format!("distribute {anchors} to every agent and network, and restart them"),
                format!(
                    "openagents-certs ca rotate activate -C {place} --endpoint grpcs://HOST:PORT"
                ),
            ],
            Stage::Activated => vec![
                format!(
                    "renew the certificates of the old root: openagents-certs renew --all --force -C {place}"
                ),
                format!("openagents-certs ca rotate retire -C {place}"),
            ],
        }
    }

    /// The files that the command leading to this stage writes.
    fn files(self, directory: &Path) -> Vec<PathBuf> {
        let (own, staged): (&[&str], &[&str]) = match self {
            Stage::None => (&[CERTIFICATE], &[]),
            Stage::Prepared => (&[CERTIFICATE], &["next.crt", "next.key", CROSS]),
            Stage::Activated => (
                &[CERTIFICATE, KEY],
                &["previous.crt", "previous.key", CROSS],
            ),
        };
        let place = rotation::place(directory);
        let own = own.iter().map(|name| directory.join(name));
        own.chain(staged.iter().map(|name| place.join(name)))
            .collect()
    }
}

/// A rotation that a command works on.
struct Rotating<'a> {
    from: &'a AuthorityAt<'a>,
    lock: Lock,
    now: OffsetDateTime,
}

impl<'a> Rotating<'a> {
    fn start(from: &'a AuthorityAt<'a>, now: OffsetDateTime) -> Result<Self, Error> {
        let lock = Lock::acquire(from.directory)?;
        Ok(Rotating { from, lock, now })
    }

    /// Puts the cross-certificates behind what the roots issued, distributes the anchors to the CAs below, and
    /// publishes the CRLs again: what follows every change of the roots.
    fn finish(
        &self,
        outcome: StageOutcome,
        rotation: &Rotation,
        anchors: &[Certificate],
        inventory: &dyn Inventory,
    ) -> Result<StageReport, Error> {
        let crosses = rotation::cross_certificates(self.from.directory)?;
        let chains = chains::refresh(&self.lock, inventory, &crosses, anchors, self.now)?;
        let mut report = report(outcome, rotation, self.from.directory, self.now)?;
        report.chains = chains;
        report.lists = self.publish_again()?;
        Ok(report)
    }

    /// Publishes new CRLs where there are any: each root signs its own.
    fn publish_again(&self) -> Result<Vec<PublishedList>, Error> {
        if !files::exists(&self.lock.path().join(authority::CRL))? {
            return Ok(Vec::new());
        }
        let next_update = crl::next_update(None, self.from.directory)?;
        let mut authority = self.from.open_all(self.now)?;
        Ok(crl::publish(&mut authority, &self.lock, next_update, self.now)?.lists)
    }

    /// What `ca.crt` is to contain: these roots, then all others in it except the one that is removed.
    fn anchors(
        &self,
        roots: &[&Certificate],
        removed: Option<&Certificate>,
    ) -> Result<Vec<Certificate>, Error> {
        let existing = authority::read_certificates(&self.from.directory.join(CERTIFICATE))?;
        let is_other = |anchor: &Certificate| {
            !roots.contains(&anchor) && removed.is_none_or(|removed| removed != anchor)
        };
        let own = roots.iter().map(|root| (*root).clone());
        Ok(own.chain(existing.into_iter().filter(is_other)).collect())
    }

    /// Writes `ca.crt`.
    fn write_anchors(&self, anchors: &[Certificate]) -> Result<(), Error> {
        let text = authority::pem_of(anchors)?;
        files::replace_each(&self.lock, &[Replacement::of(CERTIFICATE, text.as_bytes())])
    }

    /// The directory of the rotation's files, locked.
    fn below(&self) -> Result<Lock, Error> {
        self.lock.below(DIRECTORY)
    }
}

/// The report of a command that led to this stage.
fn report(
    outcome: StageOutcome,
    rotation: &Rotation,
    directory: &Path,
    now: OffsetDateTime,
) -> Result<StageReport, Error> {
    let other = rotation.other.as_ref();
    Ok(StageReport {
        outcome,
        dry_run: false,
        stage: rotation.stage,
        current: Root::of(&rotation.current, now)?,
        other: other.map(|other| Root::of(other, now)).transpose()?,
        files: rotation.stage.files(directory),
        chains: ChainUpdates::default(),
        lists: Vec::new(),
        next: rotation.stage.next(directory),
        warnings: Vec::new(),
    })
}

/// Refuses a directory without an authority, or whose authority is not a root.
fn refuse_subordinate(directory: &Path) -> Result<(), Error> {
    authority::require(directory)?;
    if !files::exists(&directory.join(authority::ISSUER))? {
        return Ok(());
    }
    Err(Error::usage(
        format!(
            "{}: is a subordinate CA; only roots are rotated",
            shown(directory)
        ),
        "rotate the root in its own directory, or create another subordinate CA with `openagents-certs ca intermediate --parent DIR -C NEW-DIR`",
    ))
}
