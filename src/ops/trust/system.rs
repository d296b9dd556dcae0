//! The trust store of the operating system.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Call, Step, short_fingerprint};
use crate::authority::{self, pem_of};
use crate::error::Error;
use crate::files::{self, Target};
use crate::pki::certificate::Certificate;

/// A platform's way of storing trust anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Debian, Ubuntu and Alpine: update-ca-certificates.
    Debian,
    /// Fedora, RHEL and their relatives: update-ca-trust.
    Fedora,
    /// Arch: trust extract-compat.
    Arch,
    /// openSUSE: update-ca-certificates, with its own directory.
    Suse,
    /// macOS: the System keychain.
    Macos,
    /// Windows: the Root store.
    Windows,
}

impl Platform {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Debian => "debian",
            Platform::Fedora => "fedora",
            Platform::Arch => "arch",
            Platform::Suse => "suse",
            Platform::Macos => "macos",
            Platform::Windows => "windows",
        }
    }

    /// This machine's, detected from its files.
    pub fn here() -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Platform::Macos);
        }
        if cfg!(target_os = "windows") {
            return Some(Platform::Windows);
        }
        let known = [
            Platform::Debian,
            Platform::Fedora,
            Platform::Arch,
            Platform::Suse,
        ];
        known.into_iter().find(|platform| {
            let directory = platform.directory().map(PathBuf::from);
            directory.is_some_and(|path| is_directory(&path)) && platform.has_updater()
        })
    }

    /// The directory for anchors; `None` where a program imports them.
    fn directory(self) -> Option<&'static str> {
        match self {
            Platform::Debian => Some("/usr/local/share/ca-certificates"),
            Platform::Fedora => Some("/etc/pki/ca-trust/source/anchors"),
            Platform::Arch => Some("/etc/ca-certificates/trust-source/anchors"),
            Platform::Suse => Some("/usr/share/pki/trust/anchors"),
            Platform::Macos | Platform::Windows => None,
        }
    }

    /// The file with every anchor of the machine, which programs read.
    fn bundle(self) -> Option<&'static str> {
        match self {
            Platform::Debian | Platform::Arch => Some("/etc/ssl/certs/ca-certificates.crt"),
            Platform::Fedora => Some("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),
            Platform::Suse => Some("/var/lib/ca-certificates/ca-bundle.pem"),
            Platform::Macos | Platform::Windows => None,
        }
    }

    /// The program that updates the bundle; after a removal it rebuilds it.
    fn updater(self, is_removal: bool) -> Option<Call> {
        match (self, is_removal) {
            (Platform::Debian, true) => Some(Call::new("update-ca-certificates", ["--fresh"])),
            (Platform::Debian | Platform::Suse, _) => {
                Some(Call::new("update-ca-certificates", [""; 0]))
            }
            (Platform::Fedora, _) => Some(Call::new("update-ca-trust", ["extract"])),
            (Platform::Arch, _) => Some(Call::new("trust", ["extract-compat"])),
            (Platform::Macos | Platform::Windows, _) => None,
        }
    }

    fn has_updater(self) -> bool {
        let Some(updater) = self.updater(false) else {
            return false;
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
        std::env::split_paths(&path)
            .chain(usual)
            .any(|directory| is_file(&directory.join(&updater.program)))
    }

    /// The steps that install these anchors, which are in a file.
    pub(super) fn install(self, file: &Path, anchors: &[Certificate]) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        for anchor in anchors {
            match (self, self.place(anchor)) {
                (_, Some(path)) => {
                    let content = pem_of([&anchor])?;
                    steps.push(Step::Write { path, content });
                }
                (Platform::Windows, None) => {
                    let call = Call::new("certutil", ["-addstore", "-f", "ROOT"]);
                    steps.push(Step::Run(call.with(file)));
                }
                (_, None) => {
                    let options = ["add-trusted-cert", "-d", "-r", "trustRoot", "-k", KEYCHAIN];
                    steps.push(Step::Run(Call::new("security", options).with(file)));
                }
            }
        }
        steps.extend(self.updater(false).map(Step::Run));
        Ok(steps)
    }

    /// The steps that remove them.
    pub(super) fn uninstall(self, file: &Path, anchors: &[Certificate]) -> Vec<Step> {
        let mut steps = Vec::new();
        for anchor in anchors {
            match (self, self.place(anchor)) {
                (_, Some(path)) => steps.push(Step::Remove { path }),
                (Platform::Windows, None) => {
                    let serial = anchor.serial().to_string().replace(':', "");
                    let call = Call::new("certutil", ["-delstore", "ROOT", &serial]);
                    steps.push(Step::Run(call));
                }
                (_, None) => {
                    let call = Call::new("security", ["remove-trusted-cert", "-d"]);
                    steps.push(Step::Run(call.with(file)));
                }
            }
        }
        steps.extend(self.updater(true).map(Step::Run));
        steps
    }

    /// Whether an anchor is among those that the machine's programs read.
    pub(super) fn holds(self, anchor: &Certificate) -> Result<bool, Error> {
        if let Some(bundle) = self.bundle() {
            let path = Path::new(bundle);
            if !is_file(path) {
                return Ok(false);
            }
            return Ok(authority::read_certificates(path)?.contains(anchor));
        }
        let fingerprint = crate::pki::fingerprint::Fingerprint::sha1(anchor.as_der());
        let hex = fingerprint.to_string().replace(':', "");
        let call = match self {
            Platform::Windows => Call::new("certutil", ["-verifystore", "ROOT", &hex]),
            Platform::Macos
            | Platform::Debian
            | Platform::Fedora
            | Platform::Arch
            | Platform::Suse => Call::new("security", ["find-certificate", "-a", "-Z", KEYCHAIN]),
        };
        let answer = call.ask()?;
        Ok(answer.code == Some(0) && answer.text.to_ascii_lowercase().contains(&hex))
    }

    /// The file of an anchor; each has its own, because some programs read only the first certificate of a file.
    fn place(self, anchor: &Certificate) -> Option<PathBuf> {
        let name = format!("openagents-certs-{}.crt", short_fingerprint(anchor));
        self.directory()
            .map(|directory| Path::new(directory).join(name))
    }
}

fn is_directory(path: &Path) -> bool {
    matches!(files::target(path), Ok(Target::Directory(_)))
}

fn is_file(path: &Path) -> bool {
    matches!(files::target(path), Ok(Target::File(_)))
}
const KEYCHAIN: &str = "/Library/Keychains/System.keychain";
