//! Which files and ports are checked.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::error::{ContentError, Error, InFile as _, shown};
use crate::files::{self, Identity, Target};
use crate::net::{self, presented_chain};
use crate::network::{Credentials, NetworkFile, start};
use crate::ops::live;
use crate::pki::bundle::{BundleError, SignedData, relations};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::document::{Document, DocumentError, Kind, Part, unreadable};

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
            self.errors.push(Error::usage(format!("{}: no certificates in this directory", shown(directory)), format!(
                    "certificate files are named *.{}; name other files explicitly, or search deeper with `--recursive`",
                    EXTENSIONS.join(", *.")
                )));
        }
    }

    fn take_pattern(&mut self, pattern: &Path, depth: usize) {
        let matched = match pattern.to_str() {
            Some(text) => files::paths_matching(text),
            None => Err(Error::usage(
                format!("{}: a pattern must be UTF-8", shown(pattern)),
                "let the shell expand it by leaving out the quotes",
            )),
        };
        let matched = match matched {
            Ok(matched) => matched,
            Err(error) => return self.fail(error),
        };
        if matched.is_empty() {
            return self.errors.push(Error::usage(
                format!("{}: matches no file", shown(pattern)),
                "`*` matches within one name, `**` any number of directories",
            ));
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
    let failed =
        |message: String, hint: String| Error::usage(format!("{}: {message}", shown(path)), hint);
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

/// The contents of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The roots and the certificates that issued no other in the file, each with those above it.
    pub(super) chains: Vec<Chain>,
    /// The CRLs.
    pub(super) revocation_lists: Vec<RevocationList>,
}

/// A certificate and those above it in its file, nearest first.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) certificate: Certificate,
    pub(super) above: Vec<Certificate>,
}

impl Chain {
    /// The certificates that a port serves.
    ///
    /// # Errors
    /// When it cannot be reached, speaks no TLS, or does not prove that it has the private key.
    pub(super) fn served(port: &str) -> Result<Self, Error> {
        let target: net::Target = port.parse()?;
        if target.scheme().is_some_and(|scheme| !scheme.is_tls()) {
            return Err(Error::usage(
                format!("{target}: a port without TLS serves no certificate"),
                "give grpcs://HOST:PORT, https://HOST:PORT or HOST:PORT",
            ));
        }
        let mut presented = presented_chain(&target, None, PATIENCE)?.proven(&target)?;
        let certificate = presented.remove(0);
        Ok(Chain {
            certificate,
            above: presented,
        })
    }
}

impl Content {
    /// Reads a file. One that was not named may contain only keys and the like, and is then empty.
    pub(super) fn read(path: &Path, is_named: bool) -> Result<Self, Error> {
        let octets = files::read(path)?;
        let document = match Document::read(&octets) {
            Ok(document) => document,
            Err(DocumentError::Nothing { .. }) => return Err(nothing(path, None, &octets)),
            Err(error) => return Err(error).in_content(path, None),
        };
        let mut certificates = Vec::new();
        let mut content = Content::default();
        for part in &document.parts {
            content
                .take(part, &mut certificates)
                .in_content(path, part.line())?;
        }
        let is_empty = certificates.is_empty() && content.revocation_lists.is_empty();
        if is_empty && is_named {
            return Err(nothing(path, document.parts.first(), &octets));
        }
        content.chains = chains(certificates);
        Ok(content)
    }

    fn take(
        &mut self,
        part: &Part,
        certificates: &mut Vec<Certificate>,
    ) -> Result<(), ContentError> {
        let der = part.contents();
        match part.kind() {
            Kind::Certificate => certificates.push(Certificate::from_der(der.to_vec())?),
            Kind::RevocationList => self
                .revocation_lists
                .push(RevocationList::from_der(der.to_vec())?),
            Kind::Pkcs7 => {
                let data = SignedData::from_der(der)?;
                for der in data.certificates {
                    certificates.push(Certificate::from_der(der)?);
                }
                for der in data.revocation_lists {
                    self.revocation_lists.push(RevocationList::from_der(der)?);
                }
            }
            Kind::TrustedCertificate
            | Kind::SigningRequest
            | Kind::PublicKey
            | Kind::RsaPublicKey
            | Kind::PrivateKey
            | Kind::EncryptedPrivateKey
            | Kind::OpenSshPrivateKey
            | Kind::Pkcs12
            | Kind::Other => {}
        }
        Ok(())
    }
}

/// Each root and each certificate that issued no other, with those above it.
pub(super) fn chains(certificates: Vec<Certificate>) -> Vec<Chain> {
    let relations = relations(&certificates);
    let mut has_issued = vec![false; certificates.len()];
    for (i, issuer) in relations.issuers.iter().enumerate() {
        match issuer {
            Some(issuer) if *issuer != i => has_issued[*issuer] = true,
            Some(_) | None => {}
        }
    }
    let above = |mut i: usize| {
        let mut above = Vec::new();
        while let Some(issuer) = relations.issuers[i]
            && issuer != i
            && above.len() < MAX_ABOVE
        {
            above.push(certificates[issuer].clone());
            i = issuer;
        }
        above
    };
    let heads = (0..certificates.len()).filter(|i| relations.copy_of[*i].is_none());
    let mut chains: Vec<Chain> = heads
        .filter(|i| !has_issued[*i] || certificates[*i].is_self_issued())
        .map(|i| Chain {
            certificate: certificates[i].clone(),
            above: above(i),
        })
        .collect();
    if chains.is_empty() {
        // Certificates that issued each other in a ring.
        chains.extend(certificates.into_iter().map(|certificate| Chain {
            certificate,
            above: Vec::new(),
        }));
    }
    chains
}

/// The error for a file without certificates and CRLs.
fn nothing(path: &Path, first: Option<&Part>, octets: &[u8]) -> Error {
    let source = match first {
        Some(part) => BundleError::Other {
            label: part.kind().title().into(),
        },
        None => BundleError::Nothing {
            what: unreadable(octets),
        },
    };
    Error::File {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// More than any path has.
const MAX_ABOVE: usize = 16;
/// The timeout of each step of a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The results of quick `work` on each item, in the items' order.
pub(super) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    on_threads(processors.min(items.len() / WORTH_A_THREAD), items, work)
}

/// The results of `work` that mostly waits on each item, in the items' order.
pub(super) fn each_waiting<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    on_threads(items.len(), items, work)
}

fn on_threads<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(MAX_THREADS);
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        handles.into_iter().flat_map(joined).collect()
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn joined<R>(handle: ScopedJoinHandle<'_, R>) -> R {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

const WORTH_A_THREAD: usize = 32;
const MAX_THREADS: usize = 16;

#[cfg(test)]
mod parallel_tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
        assert_eq!(each(&items, |item| item * 2), doubled);
        assert_eq!(each_waiting(&items[..3], |item| item * 2), doubled[..3]);
    }
}
