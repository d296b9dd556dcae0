//! Installing and removing the CA in trust stores, and whether they trust it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::place::Place;
use super::step::{Step, StepReport};
pub use super::system::Platform;
use super::{Anchors, nickname};
use crate::authority::pem_of;
use crate::error::Error;
use crate::files::{self, NewFile, PrivateDirectory};
use crate::ops::{Report, Verdict};

/// A kind of trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The operating system's.
    System,
    /// NSS databases: Chromium's and Firefox's.
    Nss,
    /// Java's.
    Java,
}

/// What to do with the CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Add it to the stores.
    Install,
    /// Remove it.
    Uninstall,
}

/// Which stores.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    /// The kinds; none for all that exist.
    pub kinds: Vec<Store>,
    /// The platform; `None` for this machine's. The steps of another one can only be shown.
    pub platform: Option<Platform>,
    /// NSS databases; none for the user's.
    pub nss_databases: Vec<PathBuf>,
    /// The Java installation.
    pub java_home: Option<PathBuf>,
    /// A keystore instead of Java's own.
    pub java_keystore: Option<PathBuf>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
}

/// Installs or removes the anchors; with `dry_run` only shows how.
///
/// # Errors
/// When a named store does not exist, cannot be changed, or needs another user.
pub fn change(
    anchors: &Anchors,
    stores: &Stores,
    action: Action,
    dry_run: bool,
) -> Result<ChangeReport, Error> {
    let places = Place::all(stores)?;
    let separate = Separate::of(anchors, dry_run)?;
    let mut report = ChangeReport {
        dry_run,
        action,
        anchors: anchors.certificates.iter().map(nickname).collect(),
        stores: Vec::new(),
    };
    for place in places {
        if !dry_run {
            place.permitted(stores)?;
        }
        let mut steps = Vec::new();
        let mut has_changed = false;
        for step in place.steps(anchors, &separate.files, action)? {
            let is_update = matches!(place, Place::System(_)) && matches!(step, Step::Run(_));
            // An unchanged store needs no update.
            let is_needless = is_update && !has_changed && !dry_run;
            let is_skipped = dry_run || (is_needless && place.is_done(anchors, action)?);
            let done = !is_skipped && step.take()?;
            has_changed |= done;
            steps.push(StepReport {
                step: step.to_string(),
                done,
            });
        }
        report.stores.push(StoreChange {
            store: place.kind(),
            place: place.to_string(),
            steps,
        });
    }
    Ok(report)
}

/// Which stores trust the anchors.
///
/// # Errors
/// When a named store does not exist, or cannot be read.
pub fn status(anchors: &Anchors, stores: &Stores) -> Result<StatusReport, Error> {
    let mut found = Vec::new();
    for place in Place::all(stores)? {
        found.push(StoreStatus {
            store: place.kind(),
            place: place.to_string(),
            trusted: place.is_done(anchors, Action::Install)?,
        });
    }
    let verdict = match found.as_slice() {
        [] => Verdict::Undetermined,
        stores if stores.iter().all(|store| store.trusted) => Verdict::Yes,
        _ => Verdict::No,
    };
    Ok(StatusReport {
        verdict,
        anchors: anchors.certificates.iter().map(nickname).collect(),
        stores: found,
    })
}

/// One file per anchor, for programs that read only the first certificate of a file.
struct Separate {
    files: Vec<PathBuf>,
    /// Keeps the files while they are needed.
    _directory: Option<PrivateDirectory>,
}

impl Separate {
    fn of(anchors: &Anchors, dry_run: bool) -> Result<Self, Error> {
        let path = files::absolute(&anchors.path)?;
        if dry_run || anchors.certificates.len() == 1 {
            return Ok(Separate {
                files: vec![path; anchors.certificates.len()],
                _directory: None,
            });
        }
        let directory = PrivateDirectory::new(&[])?;
        let mut files = Vec::new();
        for (i, anchor) in anchors.certificates.iter().enumerate() {
            let name = format!("{i}.crt");
            let pem = pem_of([&anchor])?;
            let file = NewFile {
                name: Path::new(&name).as_os_str(),
                content: pem.as_bytes(),
                secret: false,
            };
            files::write_together(directory.lock(), &[file], false)?;
            files.push(directory.path().join(name));
        }
        Ok(Separate {
            files,
            _directory: Some(directory),
        })
    }
}

/// What changed.
#[derive(Debug, Serialize)]
pub struct ChangeReport {
    /// Whether nothing was changed, only shown.
    pub dry_run: bool,
    /// Whether the anchors were installed or removed.
    pub action: Action,
    /// The anchors, by name and fingerprint.
    pub anchors: Vec<String>,
    /// The stores, each with its steps.
    pub stores: Vec<StoreChange>,
}

/// A store and what was done to it.
#[derive(Debug, Serialize)]
pub struct StoreChange {
    /// Its kind.
    pub store: Store,
    /// Which one it is.
    pub place: String,
    /// The steps, in order.
    pub steps: Vec<StepReport>,
}

impl fmt::Display for ChangeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Dry run, nothing changed. The steps:")?;
        }
        for store in &self.stores {
            writeln!(f, "{}", store.place)?;
            if store.steps.is_empty() {
                writeln!(f, "  unchanged")?;
            }
            for step in &store.steps {
                let is_unchanged = !step.done && !self.dry_run;
                let note = if is_unchanged { " (unchanged)" } else { "" };
                writeln!(f, "  {}{note}", step.step)?;
            }
        }
        if self.stores.is_empty() {
            writeln!(f, "{NO_STORE}")?;
        }
        Ok(())
    }
}

impl Report for ChangeReport {}

/// Which stores trust the anchors.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// Yes, where every store trusts all of them.
    pub verdict: Verdict,
    /// The anchors, by name and fingerprint.
    pub anchors: Vec<String>,
    /// The stores.
    pub stores: Vec<StoreStatus>,
}

/// Whether a store trusts the anchors.
#[derive(Debug, Serialize)]
pub struct StoreStatus {
    /// Its kind.
    pub store: Store,
    /// Which one it is.
    pub place: String,
    /// Whether it trusts all of them.
    pub trusted: bool,
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for store in &self.stores {
            let word = if store.trusted {
                "trusted"
            } else {
                "not trusted"
            };
            writeln!(f, "{word:11}  {}", store.place)?;
        }
        if self.stores.is_empty() {
            writeln!(f, "{NO_STORE}")?;
        }
        Ok(())
    }
}

impl Report for StatusReport {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        let without = self.stores.iter().find(|store| !store.trusted);
        match without {
            Some(store) => Some(format!("{} does not trust the CA", store.place)),
            None if self.stores.is_empty() => Some(NO_STORE.into()),
            None => None,
        }
    }
}

const NO_STORE: &str = "no trust store found";
