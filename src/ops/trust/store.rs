//! Installing and removing trust, and whether it is there.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::java::{self, Keystore};
use super::plan::{Step, Told};
pub use super::system::Platform;
use super::{Anchors, nickname, nss};
use crate::authority::pem_of;
use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile, PrivateDirectory};
use crate::ops::{Report, Verdict};
use crate::pki::certificate::Certificate;

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

/// What is to become of the trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// It is given.
    Install,
    /// It is taken back.
    Uninstall,
}

/// Which stores.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    /// The kinds; none for all that are there.
    pub kinds: Vec<Store>,
    /// The platform; none for this machine's. Another one's steps can only be shown.
    pub platform: Option<Platform>,
    /// NSS databases; none for the user's.
    pub nss_databases: Vec<PathBuf>,
    /// The Java whose anchors they are.
    pub java_home: Option<PathBuf>,
    /// A keystore instead of Java's own.
    pub java_keystore: Option<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
}

/// Gives trust or takes it back; with `dry_run` only says how.
///
/// # Errors
/// When a store that was named is not there, cannot be changed, or needs another user.
pub fn change(
    anchors: &Anchors,
    stores: &Stores,
    wanted: Wanted,
    dry_run: bool,
) -> Result<Changed, Error> {
    let places = stores.places()?;
    let separate = Separate::of(anchors, dry_run)?;
    let mut changed = Changed {
        dry_run,
        wanted,
        anchors: anchors.certificates.iter().map(nickname).collect(),
        stores: Vec::new(),
    };
    for place in places {
        if !dry_run {
            place.permitted(stores)?;
        }
        let steps = place.steps(anchors, &separate, wanted)?;
        let mut told = Vec::new();
        let mut has_changed = false;
        for step in &steps {
            let is_update = matches!(place, Place::System(_)) && matches!(step, Step::Run(_));
            let done = match dry_run {
                true => false,
                // What has not changed needs no update.
                false if is_update && !has_changed && place.is_already(anchors, wanted)? => false,
                false => step.take()?,
            };
            has_changed |= done;
            told.push(Told {
                step: step.to_string(),
                done,
            });
        }
        changed.stores.push(ChangedStore {
            store: place.kind(),
            place: place.to_string(),
            steps: told,
        });
    }
    Ok(changed)
}

/// Which stores trust the anchors.
///
/// # Errors
/// When a store that was named is not there, or cannot be asked.
pub fn status(anchors: &Anchors, stores: &Stores) -> Result<Status, Error> {
    let mut found = Vec::new();
    for place in stores.places()? {
        let mut trusted = true;
        for anchor in &anchors.certificates {
            trusted &= place.holds(anchor)?;
        }
        found.push(StoreStatus {
            store: place.kind(),
            place: place.to_string(),
            trusted,
        });
    }
    Ok(Status {
        anchors: anchors.certificates.iter().map(nickname).collect(),
        stores: found,
    })
}

/// One store of this machine.
enum Place {
    System(Platform),
    Nss(PathBuf),
    Java(std::ffi::OsString, Keystore),
}

impl Stores {
    /// The stores that were named, else all that are there.
    fn places(&self) -> Result<Vec<Place>, Error> {
        let is_wanted = |kind: Store| self.kinds.is_empty() || self.kinds.contains(&kind);
        let is_named = |kind: Store| self.kinds.contains(&kind);
        let mut places = Vec::new();
        if is_wanted(Store::System) {
            match self.platform.or_else(Platform::here) {
                Some(platform) => places.push(Place::System(platform)),
                None if is_named(Store::System) => {
                    return Err(missing("a trust store of the system that is known"));
                }
                None => {}
            }
        }
        if is_wanted(Store::Nss) || !self.nss_databases.is_empty() {
            let mut databases = self.nss_databases.clone();
            if databases.is_empty() {
                databases = nss::databases(self.home.as_deref());
            }
            if databases.is_empty() && is_named(Store::Nss) {
                return Err(missing(
                    "an NSS database in the home directory; name one with `--nss-db DIR`",
                ));
            }
            places.extend(databases.into_iter().map(Place::Nss));
        }
        if is_wanted(Store::Java) || self.java_keystore.is_some() {
            let keytool = java::keytool(self.java_home.as_deref());
            let keystore = match &self.java_keystore {
                Some(path) => Keystore::File(path.clone()),
                None => Keystore::OfJava,
            };
            let patience = std::time::Duration::from_secs(30);
            let is_there = crate::process::asked(&keytool, &["-help".into()], &[], patience)?;
            match is_there {
                Some(_) => places.push(Place::Java(keytool, keystore)),
                None if is_named(Store::Java) => return Err(missing("Java's keytool")),
                None => {}
            }
        }
        Ok(places)
    }
}

impl Place {
    fn kind(&self) -> Store {
        match self {
            Place::System(_) => Store::System,
            Place::Nss(_) => Store::Nss,
            Place::Java(..) => Store::Java,
        }
    }

    fn steps(
        &self,
        anchors: &Anchors,
        separate: &Separate,
        wanted: Wanted,
    ) -> Result<Vec<Step>, Error> {
        let certificates = &anchors.certificates;
        match (self, wanted) {
            (Place::System(platform), Wanted::Install) => {
                platform.install(&anchors.path, certificates)
            }
            (Place::System(platform), Wanted::Uninstall) => {
                Ok(platform.uninstall(&anchors.path, certificates))
            }
            (Place::Nss(database), Wanted::Install) => {
                nss::install(database, certificates, &separate.files)
            }
            (Place::Nss(database), Wanted::Uninstall) => nss::uninstall(database, certificates),
            (Place::Java(keytool, keystore), Wanted::Install) => {
                keystore.install(keytool, certificates, &separate.files)
            }
            (Place::Java(keytool, keystore), Wanted::Uninstall) => {
                keystore.uninstall(keytool, certificates)
            }
        }
    }

    fn holds(&self, anchor: &Certificate) -> Result<bool, Error> {
        match self {
            Place::System(platform) => platform.holds(anchor),
            Place::Nss(database) => nss::holds(database, anchor),
            Place::Java(keytool, keystore) => keystore.holds(keytool, anchor),
        }
    }

    /// Whether all is as it is wanted.
    fn is_already(&self, anchors: &Anchors, wanted: Wanted) -> Result<bool, Error> {
        for anchor in &anchors.certificates {
            if self.holds(anchor)? != (wanted == Wanted::Install) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says what only root may do before anything is begun.
    fn permitted(&self, stores: &Stores) -> Result<(), Error> {
        match self {
            Place::System(platform) if Some(*platform) != Platform::here() => Err(Error::Usage {
                message: "this machine is of another platform".into(),
                hint: "show its steps with `--dry-run`".into(),
            }),
            Place::System(_) if !rustix::process::geteuid().is_root() => Err(Error::Usage {
                message: "the trust store of the system is changed by root alone".into(),
                hint: format!(
                    "run the same with sudo, or choose other stores: `--store nss`{}",
                    if stores.java_keystore.is_some() {
                        ""
                    } else {
                        ", `--store java`"
                    }
                ),
            }),
            Place::System(_) | Place::Nss(_) | Place::Java(..) => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::System(platform) => {
                write!(f, "system ({})", platform.name())
            }
            Place::Nss(database) => write!(f, "NSS database {}", shown(database)),
            Place::Java(_, Keystore::OfJava) => f.write_str("Java's cacerts"),
            Place::Java(_, Keystore::File(path)) => write!(f, "Java keystore {}", shown(path)),
        }
    }
}

/// The anchors each in a file of its own, for programs that read only the first of a file.
struct Separate {
    files: Vec<PathBuf>,
    /// Where they are, as long as they are needed.
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
            write(directory.lock(), &name, &pem_of([anchor.as_der()])?)?;
            files.push(directory.path().join(name));
        }
        Ok(Separate {
            files,
            _directory: Some(directory),
        })
    }
}

fn write(lock: &Lock, name: &str, text: &str) -> Result<(), Error> {
    let file = NewFile {
        name: Path::new(name).as_os_str(),
        content: text.as_bytes(),
        secret: false,
    };
    files::write_together(lock, &[file], false)
}

fn missing(what: &str) -> Error {
    Error::Usage {
        message: format!("there is not {what}"),
        hint: "leave `--store` out to take what is there".into(),
    }
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What was to become of the trust.
    pub wanted: Wanted,
    /// The anchors, by name and fingerprint.
    pub anchors: Vec<String>,
    /// The stores, each with its steps.
    pub stores: Vec<ChangedStore>,
}

/// A store and what was done to it.
#[derive(Debug, Serialize)]
pub struct ChangedStore {
    /// Its kind.
    pub store: Store,
    /// Which one it is.
    pub place: String,
    /// The steps, in their order.
    pub steps: Vec<Told>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Nothing was done. This would be:")?;
        }
        for store in &self.stores {
            writeln!(f, "{}", store.place)?;
            if store.steps.is_empty() {
                writeln!(f, "  is so already")?;
            }
            for told in &store.steps {
                let note = if told.done || self.dry_run {
                    ""
                } else {
                    " (was so already)"
                };
                writeln!(f, "  {}{note}", told.step)?;
            }
        }
        if self.stores.is_empty() {
            writeln!(f, "no trust store was found")?;
        }
        Ok(())
    }
}

impl Report for Changed {}

/// Which stores trust the anchors.
#[derive(Debug, Serialize)]
pub struct Status {
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

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for store in &self.stores {
            let word = if store.trusted {
                "trusted    "
            } else {
                "not trusted"
            };
            writeln!(f, "{word}  {}", store.place)?;
        }
        if self.stores.is_empty() {
            writeln!(f, "no trust store was found")?;
        }
        Ok(())
    }
}

impl Report for Status {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        let is_trusted = |store: &StoreStatus| store.trusted;
        match !self.stores.is_empty() && self.stores.iter().all(is_trusted) {
            true => Verdict::Yes,
            false => Verdict::No,
        }
    }

    fn reason(&self) -> Option<String> {
        let without = self.stores.iter().find(|store| !store.trusted);
        match without {
            Some(store) => Some(format!("{} does not trust the CA", store.place)),
            None if self.stores.is_empty() => Some("no trust store was found".into()),
            None => None,
        }
    }
}
