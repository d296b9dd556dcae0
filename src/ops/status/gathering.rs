//! Which files and ports are checked.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, shown};
use crate::files::{self, Identity, Target};
use crate::network::{Credentials, NetworkFile, start};
use crate::ops::live;

/// The files that were named, found in directories or matched by patterns, each once.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) files: Vec<FileAt>,
    pub(super) errors: Vec<Error>,
    /// The ports that were named.
    pub(super) urls: Vec<String>,
    known: HashMap<Identity, usize>,
    /// How many files and errors there were, including files seen before.
    taken: usize,
}

/// A file to check.
#[derive(Debug)]
pub(super) struct FileAt {
    /// Where it was found first.
    pub(super) path: PathBuf,
    /// Links to it.
    pub(super) also_at: Vec<PathBuf>,
    /// Whether it was named itself, and so must contain something.
    pub(super) is_named: bool,
}

impl Gathered {
    /// Adds what was named: a file, a directory with everything below it, a pattern, the files that a
    /// network.yaml names, or a port.
    pub(super) fn take(&mut self, path: &Path, depth: usize) {
        let text = path.to_string_lossy();
        match live::is_port(path) {
            Ok(false) => {}
            Ok(true) => {
                if !self.urls.iter().any(|url| *url == text) {
                    self.urls.push(text.into_owned());
                }
                return;
            }
            Err(error) => return self.fail(error),
        }
        match files::target(path) {
            Ok(Target::Directory(_)) => self.take_directory(path, depth),
            Ok(Target::File(_)) if is_network(path) => match network_files(path) {
                Ok(files) => files.iter().for_each(|file| self.take(file, depth)),
                Err(error) => self.fail(error),
            },
            Ok(Target::File(identity)) => self.add(path.to_owned(), Some(identity), true),
            Ok(Target::Special) => self.add(path.to_owned(), None, true),
            Err(_) if files::is_pattern(path.as_os_str()) => self.take_pattern(path, depth),
            Err(error) => self.fail(error),
        }
    }

    fn take_directory(&mut self, directory: &Path, depth: usize) {
        let before = self.taken;
        for found in files::walk(directory, depth) {
            match found {
                Ok(path) if has_certificate_name(&path) => self.add_found(path),
                Ok(_) => {}
                Err(error) => self.fail(error),
            }
        }
        if before == self.taken {
            self.errors.push(Error::Usage {
                message: format!("{}: no certificates in this directory", shown(directory)),
                hint: format!(
                    "certificate files are named *.{}; name other files explicitly, or search deeper with `--recursive`",
                    EXTENSIONS.join(", *.")
                ),
            });
        }
    }

    fn take_pattern(&mut self, pattern: &Path, depth: usize) {
        let matched = match pattern.to_str() {
            Some(text) => files::paths_matching(text),
            None => Err(Error::Usage {
                message: format!("{}: a pattern must be UTF-8", shown(pattern)),
                hint: "let the shell expand it by leaving out the quotes".into(),
            }),
        };
        let matched = match matched {
            Ok(matched) => matched,
            Err(error) => return self.fail(error),
        };
        if matched.is_empty() {
            return self.errors.push(Error::Usage {
                message: format!("{}: matches no file", shown(pattern)),
                hint: "`*` matches within one name, `**` any number of directories".into(),
            });
        }
        for found in matched {
            match found {
                Ok(path) if is_directory(&path) => self.take_directory(&path, depth),
                Ok(path) if is_network(&path) => self.take(&path, depth),
                Ok(path) => self.add_found(path),
                Err(error) => self.fail(error),
            }
        }
    }

    /// Adds a file that was found, which may contain nothing.
    fn add_found(&mut self, path: PathBuf) {
        let identity = match files::target(&path) {
            Ok(Target::File(identity)) => Some(identity),
            // Reading it reports what is wrong.
            Ok(Target::Directory(_) | Target::Special) | Err(_) => None,
        };
        self.add(path, identity, false);
    }

    /// Adds a file unless it is there already under any name.
    pub(super) fn add_if_new(&mut self, path: PathBuf) {
        match files::target(&path) {
            Ok(Target::File(identity)) if !self.known.contains_key(&identity) => {
                self.add(path, Some(identity), false);
            }
            Ok(Target::File(_) | Target::Directory(_) | Target::Special) | Err(_) => {}
        }
    }

    /// Adds the file with this name beside each file, where there is one.
    pub(super) fn add_beside(&mut self, name: &str) {
        let parents = self.files.iter().filter_map(|file| file.path.parent());
        let directories: BTreeSet<PathBuf> = parents.map(Path::to_owned).collect();
        for directory in directories {
            self.add_if_new(directory.join(name));
        }
    }

    fn add(&mut self, path: PathBuf, identity: Option<Identity>, is_named: bool) {
        self.taken += 1;
        if let Some(identity) = identity {
            if let Some(index) = self.known.get(&identity) {
                let known = &mut self.files[*index];
                known.is_named |= is_named;
                let absolute = |path: &Path| files::absolute(path).ok();
                let is_new = absolute(&known.path) != absolute(&path)
                    && !known
                        .also_at
                        .iter()
                        .any(|at| absolute(at) == absolute(&path));
                if is_new && known.also_at.len() < MAX_LINKS {
                    known.also_at.push(path);
                }
                return;
            }
            self.known.insert(identity, self.files.len());
        }
        self.files.push(FileAt {
            path,
            also_at: Vec::new(),
            is_named,
        });
    }

    /// Adds an error.
    pub(super) fn fail(&mut self, error: Error) {
        self.taken += 1;
        self.errors.push(error);
    }
}

fn is_directory(path: &Path) -> bool {
    matches!(files::target(path), Ok(Target::Directory(_)))
}

/// Whether a file has the extension of certificates or CRLs.
fn has_certificate_name(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// File extensions of certificates and CRLs.
const EXTENSIONS: [&str; 7] = ["crt", "cer", "cert", "pem", "der", "p7b", "crl"];
/// How many links to one file are reported.
const MAX_LINKS: usize = 100;

/// Whether a file is named like a network.yaml.
fn is_network(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
}

/// The certificate files that the TLS settings of a network name.
///
/// A relative path is relative to the working directory, as for OpenAgents; where there is no such file, to
/// the directory of the network.yaml.
fn network_files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |message: String, hint: String| Error::Usage {
        message: format!("{}: {message}", shown(path)),
        hint,
    };
    let network = NetworkFile::read(&files::read(path)?)
        .map_err(|error| failed(error.to_string(), error.hint()))?;
    let mut named = Vec::new();
    start(&network, &mut |tls| {
        let files = [&tls.cert_file, &tls.ca_file].into_iter().flatten();
        named.extend(files.filter_map(|file| file.path.clone()));
        Credentials::ServerOnly(Vec::new())
    });
    if named.is_empty() {
        return Err(failed(
            "TLS is not enabled in it, so it names no certificate".into(),
            format!(
                "check it with `openagents-certs verify-chain --network {}`",
                shown(path)
            ),
        ));
    }
    let beside = path.parent().unwrap_or(Path::new(""));
    let resolved = named.into_iter().map(|name| {
        let from_beside = beside.join(&name);
        let exists = |path: &Path| matches!(files::target(path), Ok(Target::File(_)));
        match exists(Path::new(&name)) || !exists(&from_beside) {
            true => name.into(),
            false => from_beside,
        }
    });
    Ok(resolved.collect())
}
