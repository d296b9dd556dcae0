//! Which files are looked at.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{live, networks};
use crate::error::{Error, shown};
use crate::files::{self, Identity, Target};

/// The files that were named, found in directories or matched by patterns, each once.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) files: Vec<FileAt>,
    pub(super) errors: Vec<Error>,
    /// The servers that were named.
    pub(super) urls: Vec<String>,
    known: HashMap<Identity, usize>,
    /// How many files and errors there were, those seen before included.
    taken: usize,
}

/// A file that is looked at.
#[derive(Debug)]
pub(super) struct FileAt {
    /// Where it was found first.
    pub(super) path: PathBuf,
    /// Where else: links to it.
    pub(super) also_at: Vec<PathBuf>,
    /// Whether it was named itself, so that it has to hold something.
    pub(super) is_named: bool,
}

impl Gathered {
    /// Takes what was named: a file, a directory with what is below it, a pattern, a
    /// network.yaml for the files it names, or a URL.
    pub(super) fn take(&mut self, path: &Path, depth: usize) {
        let text = path.to_string_lossy();
        if live::is_url(&text) {
            if !self.urls.iter().any(|url| *url == text) {
                self.urls.push(text.into_owned());
            }
            return;
        }
        match files::target(path) {
            Ok(Target::Directory(_)) => self.take_directory(path, depth),
            Ok(Target::File(_)) if networks::is_network(path) => match networks::files(path) {
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
                    "files with certificates are named *.{}; name others themselves, or look deeper with `--recursive`",
                    EXTENSIONS.join(", *.")
                ),
            });
        }
    }

    fn take_pattern(&mut self, pattern: &Path, depth: usize) {
        let matched = match pattern.to_str() {
            Some(text) => files::paths_matching(text),
            None => Err(Error::Usage {
                message: format!("{}: is no pattern, but not UTF-8", shown(pattern)),
                hint: "have the shell expand it: leave the quotes out".into(),
            }),
        };
        let matched = match matched {
            Ok(matched) => matched,
            Err(error) => return self.fail(error),
        };
        if matched.is_empty() {
            return self.errors.push(Error::Usage {
                message: format!("{}: matches no file", shown(pattern)),
                hint: "`*` matches the characters of one name, `**` any directories".into(),
            });
        }
        for found in matched {
            match found {
                Ok(path) if is_directory(&path) => self.take_directory(&path, depth),
                Ok(path) if networks::is_network(&path) => self.take(&path, depth),
                Ok(path) => self.add_found(path),
                Err(error) => self.fail(error),
            }
        }
    }

    /// Takes a file that was found, which may hold nothing.
    fn add_found(&mut self, path: PathBuf) {
        let identity = match files::target(&path) {
            Ok(Target::File(identity)) => Some(identity),
            // Reading it says what is wrong.
            Ok(Target::Directory(_) | Target::Special) | Err(_) => None,
        };
        self.add(path, identity, false);
    }

    /// Takes a file unless it is there already, under whatever name.
    pub(super) fn add_if_new(&mut self, path: PathBuf) {
        match files::target(&path) {
            Ok(Target::File(identity)) if !self.known.contains_key(&identity) => {
                self.add(path, Some(identity), false);
            }
            Ok(Target::File(_) | Target::Directory(_) | Target::Special) | Err(_) => {}
        }
    }

    /// Takes the file of this name beside each file, where there is one.
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
                let is_new = known.path != path && !known.also_at.contains(&path);
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

    /// Takes what cannot be read.
    pub(super) fn fail(&mut self, error: Error) {
        self.taken += 1;
        self.errors.push(error);
    }
}

fn is_directory(path: &Path) -> bool {
    matches!(files::target(path), Ok(Target::Directory(_)))
}

/// Whether a file in a directory is named as those with certificates or revocation lists are.
fn has_certificate_name(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// How files with certificates and revocation lists are called in a directory.
const EXTENSIONS: [&str; 7] = ["crt", "cer", "cert", "pem", "der", "p7b", "crl"];
/// How many links to one file are told.
const MAX_LINKS: usize = 100;
