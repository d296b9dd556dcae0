//! Installing and removing the CA in trust stores, and whether they trust it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::{Anchors, Call, STORE_PASSWORD, Step, StepReport, nickname, short_fingerprint};
use crate::authority::pem_of;
use crate::error::{Error, shown};
use crate::files::{self, NewFile, PrivateDirectory, Target};
use crate::ops::{Report, Verdict};
use crate::pki::certificate::Certificate;
use crate::process;

pub use super::system::Platform;

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

/// One store of this machine.
pub(super) enum Place {
    System(Platform),
    /// A directory with an NSS database.
    Nss(PathBuf),
    /// The keytool, and a keystore; without one, `lib/security/cacerts` of that Java.
    Java(OsString, Option<PathBuf>),
}

impl Place {
    /// The stores that were named, else all that exist.
    pub(super) fn all(stores: &Stores) -> Result<Vec<Place>, Error> {
        let is_named = |kind: Store| stores.kinds.contains(&kind);
        let is_selected = |kind: Store| stores.kinds.is_empty() || is_named(kind);
        let mut places = Vec::new();
        if is_selected(Store::System) {
            match stores.platform.or_else(Platform::here) {
                Some(platform) => places.push(Place::System(platform)),
                None if is_named(Store::System) => {
                    return Err(missing("no known system trust store"));
                }
                None => {}
            }
        }
        if is_selected(Store::Nss) || !stores.nss_databases.is_empty() {
            let mut databases = stores.nss_databases.clone();
            if databases.is_empty() {
                databases = nss_databases(stores.home.as_deref());
            }
            if databases.is_empty() && is_named(Store::Nss) {
                return Err(missing(
                    "no NSS database in the home directory; name one with `--nss-db DIR`",
                ));
            }
            places.extend(databases.into_iter().map(Place::Nss));
        }
        if is_selected(Store::Java) || stores.java_keystore.is_some() {
            let home = stores.java_home.as_deref();
            let keytool = home.map_or_else(|| "keytool".into(), |home| home.join("bin/keytool"));
            let keytool = keytool.into_os_string();
            match process::ask(&keytool, &["-help".into()], &[], &[], TIMEOUT)? {
                Some(_) => places.push(Place::Java(keytool, stores.java_keystore.clone())),
                None if is_named(Store::Java) => return Err(missing("no Java keytool")),
                None => {}
            }
        }
        Ok(places)
    }

    pub(super) fn kind(&self) -> Store {
        match self {
            Place::System(_) => Store::System,
            Place::Nss(_) => Store::Nss,
            Place::Java(..) => Store::Java,
        }
    }

    /// The steps that install or remove the anchors, without those that are not needed; `files` has a file for each
    /// anchor.
    pub(super) fn steps(
        &self,
        anchors: &Anchors,
        files: &[PathBuf],
        action: Action,
    ) -> Result<Vec<Step>, Error> {
        let certificates = &anchors.certificates;
        if let Place::System(platform) = self {
            return match action {
                Action::Install => platform.install(&anchors.path, certificates),
                Action::Uninstall => Ok(platform.uninstall(&anchors.path, certificates)),
            };
        }
        let mut steps = Vec::new();
        for (anchor, file) in certificates.iter().zip(files) {
            let call = match (self.holds(anchor)?, action) {
                (false, Action::Install) => self.install(anchor, file),
                (true, Action::Uninstall) => self.call(self.words()[1], anchor),
                (true, Action::Install) | (false, Action::Uninstall) => continue,
            };
            steps.push(Step::Run(call));
        }
        Ok(steps)
    }

    /// Whether it trusts an anchor.
    pub(super) fn holds(&self, anchor: &Certificate) -> Result<bool, Error> {
        if let Place::System(platform) = self {
            return platform.holds(anchor);
        }
        let answer = self.call(self.words()[0], anchor).ask()?;
        let is_trusted = matches!(self, Place::Java(..)) || answer.text.contains("Trusted CA");
        Ok(answer.code == Some(0) && is_trusted)
    }

    /// Whether every anchor is in the state that the action leads to.
    pub(super) fn is_done(&self, anchors: &Anchors, action: Action) -> Result<bool, Error> {
        for anchor in &anchors.certificates {
            if self.holds(anchor)? != (action == Action::Install) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Refuses what only root may do, before anything is begun.
    pub(super) fn permitted(&self, stores: &Stores) -> Result<(), Error> {
        match self {
            Place::System(platform) if Some(*platform) != Platform::here() => Err(Error::usage(
                format!("this machine is not {}", platform.name()),
                "show the steps with `--dry-run`",
            )),
            Place::System(_) if !rustix::process::geteuid().is_root() => {
                let java = if stores.java_keystore.is_some() {
                    ""
                } else {
                    ", `--store java`"
                };
                Err(Error::usage(
                    "only root can change the system's trust store",
                    format!(
                        "run the command with sudo, or choose other stores: `--store nss`{java}"
                    ),
                ))
            }
            Place::System(_) | Place::Nss(_) | Place::Java(..) => Ok(()),
        }
    }

    /// The options that list and delete an anchor.
    fn words(&self) -> [&'static str; 2] {
        match self {
            Place::Nss(_) => ["-L", "-D"],
            Place::System(_) | Place::Java(..) => ["-list", "-delete"],
        }
    }

    fn install(&self, anchor: &Certificate, file: &Path) -> Call {
        match self {
            // Trusted to issue server certificates, and for nothing else.
            Place::Nss(_) => {
                let call = self.call("-A", anchor);
                call.with("-t").with("C,,").with("-i").with(file)
            }
            Place::System(_) | Place::Java(..) => {
                let call = self.call("-importcert", anchor);
                call.with("-noprompt").with("-file").with(file)
            }
        }
    }

    /// A call of the store's program about one anchor.
    fn call(&self, action: &str, anchor: &Certificate) -> Call {
        if let Place::Nss(database) = self {
            let mut directory = OsString::from("sql:");
            directory.push(database);
            let call = Call::new("certutil", [action]).with("-d").with(directory);
            return call.with("-n").with(nickname(anchor));
        }
        let (keytool, keystore) = match self {
            Place::Java(keytool, keystore) => (keytool.clone(), keystore.as_ref()),
            Place::System(_) | Place::Nss(_) => ("keytool".into(), None),
        };
        let call = Call::new(keytool, [action]);
        let call = match keystore {
            Some(path) => call.with("-keystore").with(path),
            None => call.with("-cacerts"),
        };
        let alias = format!("openagents-certs-{}", short_fingerprint(anchor));
        let call = call.with("-storepass").with(STORE_PASSWORD);
        call.with("-alias").with(alias)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::System(platform) => write!(f, "system ({})", platform.name()),
            Place::Nss(database) => write!(f, "NSS database {}", shown(database)),
            Place::Java(_, None) => f.write_str("Java's cacerts"),
            Place::Java(_, Some(path)) => write!(f, "Java keystore {}", shown(path)),
        }
    }
}

/// The databases of a user: Chromium's, and those of Firefox's profiles.
fn nss_databases(home: Option<&Path>) -> Vec<PathBuf> {
    let Some(home) = home else {
        return Vec::new();
    };
    let mut directories = vec![home.join(".pki/nssdb")];
    for profiles in [
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
    ] {
        directories.extend(files::list(&home.join(profiles)).unwrap_or_default());
    }
    let has_database = |directory: &PathBuf| {
        let database = files::target(&directory.join("cert9.db"));
        matches!(database, Ok(Target::File(_)))
    };
    directories.retain(has_database);
    directories
}

fn missing(what: &str) -> Error {
    Error::usage(
        what.to_owned(),
        "omit `--store` to use every store that exists",
    )
}

const TIMEOUT: Duration = Duration::from_secs(30);
