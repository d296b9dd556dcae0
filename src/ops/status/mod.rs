//! When the certificates of an authority, or in any files and on any ports, expire.

mod certificate;
mod gathering;
mod page;
mod prometheus;
mod report;
mod revocation;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub use certificate::{CertificateStatus, Limit, LimitKind, Role, Source};
pub use page::page;
pub use prometheus::Metrics;
pub use prometheus::Plugin;
pub use report::{AuthorityStatus, Report, Summary};
pub use report::{Level, Threshold, ThresholdError, Thresholds};
pub use revocation::RevocationListStatus;
pub use text::Screen;
pub use timeline::Timeline;

use certificate::{Inventories, Standard};
use gathering::{Chain, Content, FileAt, Gathered};
use revocation::RevocationLists;

use super::anchors::{AnchorSource, Anchors};
use super::{ca, renew};
use crate::authority;
use crate::error::Error;
use crate::files::{self, Kind};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::fingerprint::Fingerprint;
use crate::store::LabelFilter;

/// What to check.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files, directories, patterns, network.yaml files and ports; none for the PKI directory.
    pub targets: Vec<PathBuf>,
    /// The PKI directory.
    pub directory: PathBuf,
    /// The trust anchors; otherwise the `ca.crt` beside each file, or the PKI directory's.
    pub ca: Option<PathBuf>,
    /// CRLs besides those that are found.
    pub revocation_lists: Vec<PathBuf>,
    /// How much remaining time is too little.
    pub thresholds: Thresholds,
    /// The maximum directory depth.
    pub depth: usize,
    /// Keep only certificates whose entry in the inventory has all of these labels; none for every certificate.
    pub labels: Vec<LabelFilter>,
}

/// Checks everything that can be read; the rest is returned as errors.
///
/// # Errors
/// When there is nothing to check, or the anchors that were named cannot be read.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<(Report, Vec<Error>), Error> {
    let named = request.ca.clone().map(AnchorSource::Given);
    let named = named.map(Anchors::read).transpose()?;
    let mut gathered = Gathered::default();
    let (authorities, inventories) = gather(request, &mut gathered, now)?;
    let (mut found, lists) = Found::read(&mut gathered);
    found.add_live(&mut gathered);
    let surroundings = Surroundings::of(&found, request, &mut gathered.errors);
    let mut known: Vec<&Certificate> = surroundings.anchors().collect();
    known.extend(named.iter().flat_map(|anchors| &anchors.certificates));
    known.extend(found.authorities());
    let lists = RevocationLists::new(lists, &known, &request.thresholds, now);
    let standard = Standard {
        thresholds: request.thresholds,
        lists: &lists,
        now,
    };
    let mut certificates = gathering::each(&found.chains, |at| {
        let trusted = named.as_ref().or_else(|| surroundings.trusted(at));
        let place = (at.source, at.path.to_string_lossy().into_owned());
        let mut status = CertificateStatus::of(&at.chain, place, trusted, &standard);
        status.also_at.clone_from(&at.also_at);
        status
    });
    for status in &mut certificates {
        inventories.complete(status, now)?;
    }
    certificates.retain(|status| {
        let mut labels = request.labels.iter();
        labels.all(|label| label.matches(&status.labels))
    });
    certificates.sort_by(|one, other| one.order().cmp(&other.order()));
    let report = Report::new(
        request.thresholds,
        (authorities, certificates, lists.lists),
        &gathered.errors,
        now,
    );
    Ok((report, gathered.errors))
}

/// Finds files, the authorities among the directories, and what these issued.
fn gather(
    request: &Request,
    gathered: &mut Gathered,
    now: OffsetDateTime,
) -> Result<(Vec<AuthorityStatus>, Inventories), Error> {
    let directory = vec![request.directory.clone()];
    let targets = if request.targets.is_empty() {
        if files::kind(&request.directory)? == Kind::Absent {
            return Err(Error::NoAuthority {
                path: request.directory.clone(),
            });
        }
        &directory
    } else {
        &request.targets
    };
    let mut authorities = Vec::new();
    let mut inventories = Inventories::default();
    for target in targets {
        gathered.take(target, request.depth);
        if is_authority(target) {
            match ca::facts(target, now) {
                Ok(shown) => {
                    authorities.push(AuthorityStatus::of(target, shown, &request.thresholds));
                }
                // The inventory is of certificates that other CAs issued.
                Err(Error::NoAuthority { .. } | Error::Missing { .. })
                    if renew::has_only_remote(target)? => {}
                Err(error) => gathered.fail(error),
            }
            match inventories.open(target) {
                Ok(files) => files.into_iter().for_each(|file| gathered.add_if_new(file)),
                Err(error) => gathered.fail(error),
            }
        }
    }
    for path in &request.revocation_lists {
        gathered.take(path, request.depth);
    }
    gathered.add_beside(authority::CRL);
    Ok((authorities, inventories))
}

fn is_authority(directory: &Path) -> bool {
    authority::has_inventory(directory).unwrap_or(false)
}

/// A certificate, and where it was found.
struct ChainAt {
    chain: Chain,
    source: Source,
    /// The file, or the URL.
    path: PathBuf,
    also_at: Vec<String>,
}

/// The certificates that were found.
struct Found {
    chains: Vec<ChainAt>,
}

impl Found {
    fn read(gathered: &mut Gathered) -> (Self, Vec<(String, RevocationList)>) {
        let gathered_files = std::mem::take(&mut gathered.files);
        let contents = gathering::each(&gathered_files, |file: &FileAt| {
            Content::read(&file.path, file.is_named)
        });
        let mut found = Found { chains: Vec::new() };
        let mut lists: Vec<(String, RevocationList)> = Vec::new();
        let mut known: HashMap<Fingerprint, usize> = HashMap::new();
        for (file, content) in gathered_files.into_iter().zip(contents) {
            match content {
                Ok(content) => {
                    let location = file.path.to_string_lossy().into_owned();
                    for list in content.revocation_lists {
                        // PEM and DER of one CRL count once, and PEM is what programs are configured with.
                        let index = *known
                            .entry(Fingerprint::sha256(list.as_der()))
                            .or_insert(lists.len());
                        if index == lists.len() {
                            lists.push((location.clone(), list));
                        } else if lists[index].0.ends_with(".der") {
                            lists[index].0.clone_from(&location);
                        }
                    }
                    found.take(&file, content.chains);
                }
                Err(error) => gathered.errors.push(error),
            }
        }
        found.merge_anchors();
        (found, lists)
    }

    fn take(&mut self, file: &FileAt, chains: Vec<Chain>) {
        let lossy = |path: &PathBuf| path.to_string_lossy().into_owned();
        let also_at: Vec<String> = file.also_at.iter().map(lossy).collect();
        self.chains.extend(chains.into_iter().map(|chain| ChainAt {
            chain,
            source: Source::File,
            path: file.path.clone(),
            also_at: also_at.clone(),
        }));
    }

    /// Connects to every port, all at once.
    fn add_live(&mut self, gathered: &mut Gathered) {
        let urls = std::mem::take(&mut gathered.urls);
        let shown = gathering::each_waiting(&urls, |url| Chain::served(url));
        for (url, shown) in urls.into_iter().zip(shown) {
            match shown {
                Ok(chain) => self.chains.push(ChainAt {
                    chain,
                    source: Source::Server,
                    path: url.into(),
                    also_at: Vec::new(),
                }),
                Err(error) => gathered.errors.push(error),
            }
        }
    }

    /// The directories of the files.
    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.chains.iter().filter(|at| at.source == Source::File);
        files.filter_map(|at| at.path.parent().map(Path::to_owned))
    }

    /// Merges the copies of a root in different files.
    fn merge_anchors(&mut self) {
        let mut first: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut merged: Vec<ChainAt> = Vec::with_capacity(self.chains.len());
        for at in std::mem::take(&mut self.chains) {
            let certificate = &at.chain.certificate;
            if !certificate.is_self_issued() || !certificate.is_ca().unwrap_or(false) {
                merged.push(at);
                continue;
            }
            match first.get(certificate.as_der()) {
                Some(index) if merged[*index].also_at.len() < MAX_COPIES => {
                    let location = at.path.to_string_lossy().into_owned();
                    merged[*index].also_at.push(location);
                }
                Some(_) => {}
                None => {
                    first.insert(certificate.as_der().to_vec(), merged.len());
                    merged.push(at);
                }
            }
        }
        self.chains = merged;
    }

    /// Every CA certificate among them.
    fn authorities(&self) -> impl Iterator<Item = &Certificate> {
        let all = self
            .chains
            .iter()
            .flat_map(|at| std::iter::once(&at.chain.certificate).chain(&at.chain.above));
        all.filter(|certificate| certificate.is_ca().unwrap_or(false))
    }
}

/// The trust anchors beside the files.
struct Surroundings {
    by_directory: BTreeMap<PathBuf, Anchors>,
    /// The PKI directory, whose anchors count where there are none beside a file.
    fallback: PathBuf,
}

impl Surroundings {
    fn of(found: &Found, request: &Request, errors: &mut Vec<Error>) -> Self {
        let fallback = request.directory.clone();
        let mut directories: BTreeSet<PathBuf> = found.directories().collect();
        directories.insert(fallback.clone());
        if request.ca.is_some() {
            directories.clear();
        }
        let directories: Vec<PathBuf> = directories.into_iter().collect();
        let read = gathering::each(&directories, |directory| {
            Anchors::in_directory(directory, |path| match *directory == fallback {
                true => AnchorSource::Directory(path),
                false => AnchorSource::Beside(path),
            })
        });
        let mut by_directory = BTreeMap::new();
        let mut known: HashSet<String> = errors.iter().map(ToString::to_string).collect();
        for (directory, anchors) in directories.into_iter().zip(read) {
            match anchors {
                Ok(Some(anchors)) => {
                    by_directory.insert(directory, anchors);
                }
                // A file that is checked itself has been reported already.
                Err(error) if known.insert(error.to_string()) => errors.push(error),
                Ok(None) | Err(_) => {}
            }
        }
        Surroundings {
            by_directory,
            fallback,
        }
    }

    fn anchors(&self) -> impl Iterator<Item = &Certificate> {
        let all = self.by_directory.values();
        all.flat_map(|anchors| &anchors.certificates)
    }

    fn trusted(&self, at: &ChainAt) -> Option<&Anchors> {
        let directory = match at.source {
            Source::File => at.path.parent(),
            Source::Server => None,
        };
        let beside = directory.and_then(|directory| self.by_directory.get(directory));
        beside.or_else(|| self.by_directory.get(&self.fallback))
    }
}

/// How many copies of a root are reported.
const MAX_COPIES: usize = 100;
