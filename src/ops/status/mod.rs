//! How the certificates of an authority, or of any files and servers, stand: what ends when.

mod certificate;
mod gathering;
mod inventory;
mod live;
mod networks;
mod page;
mod parallel;
mod plugin;
mod prometheus;
mod reading;
mod report;
mod revocation;
mod standing;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod threshold;
mod timeline;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub use certificate::{CertificateStatus, Limit, LimitKind, Role, Source};
pub use page::page;
pub use plugin::Plugin;
pub use prometheus::Metrics;
pub use report::{AuthorityStatus, Report, Summary, Unreadable};
pub use revocation::RevocationListStatus;
pub use text::Screen;
pub use threshold::{Level, Threshold, ThresholdError, Thresholds};
pub use timeline::Timeline;

use certificate::Standard;
use gathering::{FileAt, Gathered};
use inventory::Inventories;
use reading::{Chain, Content};
use revocation::RevocationLists;
use standing::{AnchorFile, Trusted};

use super::ca;
use crate::authority::{self, CERTIFICATE, INVENTORY};
use crate::error::Error;
use crate::files::{self, Kind};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::fingerprint::Fingerprint;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files, directories, patterns, network.yaml files and URLs; none for the PKI directory.
    pub targets: Vec<PathBuf>,
    /// The PKI directory.
    pub directory: PathBuf,
    /// The trust anchors; otherwise the `ca.crt` beside each file.
    pub ca: Option<PathBuf>,
    /// Revocation lists beside those that are found.
    pub revocation_lists: Vec<PathBuf>,
    /// When little time is left.
    pub thresholds: Thresholds,
    /// How many levels of directories are looked into.
    pub depth: usize,
}

/// Looks at everything; what cannot be read comes back as errors, one each, and the rest goes on.
///
/// # Errors
/// When there is nothing to look at, or the anchors that were named cannot be read.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<(Report, Vec<Error>), Error> {
    let named = named_anchors(request)?;
    let mut gathered = Gathered::default();
    let (authorities, inventories) = gather(request, &mut gathered, now)?;
    let (mut found, lists) = Found::read(&mut gathered);
    found.add_live(&mut gathered);
    let surroundings = Surroundings::of(&found, request, &mut gathered.errors);
    let mut known: Vec<&Certificate> = surroundings.anchors().collect();
    known.extend(named.iter().flat_map(|file| &file.anchors));
    known.extend(found.authorities());
    let lists = RevocationLists::new(lists, &known, &request.thresholds, now);
    let standard = Standard {
        thresholds: request.thresholds,
        lists: &lists,
        now,
    };
    let mut certificates = parallel::each(&found.chains, |at| {
        let trusted = match &named {
            Some(file) => Some(Trusted {
                file,
                is_named: true,
            }),
            None => surroundings.trusted(at),
        };
        let place = (at.source, at.path.to_string_lossy().into_owned());
        let mut status = CertificateStatus::of(&at.chain, place, trusted, &standard);
        status.also_at.clone_from(&at.also_at);
        status
    });
    for status in &mut certificates {
        inventories.tell(status, now)?;
    }
    certificates.sort_by(|one, other| one.place_in_order().cmp(&other.place_in_order()));
    let report = Report::new(
        request.thresholds,
        (authorities, certificates, lists.lists),
        &gathered.errors,
        now,
    );
    Ok((report, gathered.errors))
}

/// The anchors that were named, and their file.
fn named_anchors(request: &Request) -> Result<Option<AnchorFile>, Error> {
    let Some(path) = &request.ca else {
        return Ok(None);
    };
    let anchors = authority::read_certificates(path)?;
    let path = path.to_string_lossy().into_owned();
    Ok(Some(AnchorFile::new(path, anchors)))
}

/// Finds the files, the authorities among the directories, and what these issued.
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
            match ca::show::run(target, now) {
                Ok(shown) => {
                    authorities.push(AuthorityStatus::of(target, shown, &request.thresholds))
                }
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
    matches!(files::kind(&directory.join(INVENTORY)), Ok(Kind::File))
}

/// A certificate, and where it was found.
struct ChainAt {
    chain: Chain,
    source: Source,
    /// The file, or the URL.
    path: PathBuf,
    also_at: Vec<String>,
}

/// What the files hold.
struct Found {
    chains: Vec<ChainAt>,
}

impl Found {
    fn read(gathered: &mut Gathered) -> (Self, Vec<(String, RevocationList)>) {
        let gathered_files = std::mem::take(&mut gathered.files);
        let contents = parallel::each(&gathered_files, |file: &FileAt| {
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
                        // As PEM and as DER it is the same, and PEM is what is configured.
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
        found.unite_anchors();
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

    /// Asks every server, all at once.
    fn add_live(&mut self, gathered: &mut Gathered) {
        let urls = std::mem::take(&mut gathered.urls);
        let shown = parallel::each_waiting(&urls, |url| live::read(url));
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

    /// Makes one of the copies of a root that stand in many files.
    fn unite_anchors(&mut self) {
        let mut first: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut united: Vec<ChainAt> = Vec::with_capacity(self.chains.len());
        for at in std::mem::take(&mut self.chains) {
            let certificate = &at.chain.certificate;
            if !certificate.is_self_issued() || !certificate.is_ca().unwrap_or(false) {
                united.push(at);
                continue;
            }
            match first.get(certificate.as_der()) {
                Some(index) if united[*index].also_at.len() < MAX_COPIES => {
                    let location = at.path.to_string_lossy().into_owned();
                    united[*index].also_at.push(location);
                }
                Some(_) => {}
                None => {
                    first.insert(certificate.as_der().to_vec(), united.len());
                    united.push(at);
                }
            }
        }
        self.chains = united;
    }

    /// Every CA's certificate among them.
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
    by_directory: BTreeMap<PathBuf, AnchorFile>,
    /// The PKI directory's, for what has none beside it.
    fallback: Option<PathBuf>,
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
        let read = parallel::each(&directories, |directory| {
            let path = directory.join(CERTIFICATE);
            match files::target(&path) {
                Ok(files::Target::File(_)) => {
                    let lossy = path.to_string_lossy().into_owned();
                    let anchors = authority::read_certificates(&path);
                    Some(anchors.map(|anchors| AnchorFile::new(lossy, anchors)))
                }
                Ok(files::Target::Directory(_) | files::Target::Special) | Err(_) => None,
            }
        });
        let mut by_directory = BTreeMap::new();
        let mut told: HashSet<String> = errors.iter().map(ToString::to_string).collect();
        for (directory, anchors) in directories.into_iter().zip(read) {
            match anchors {
                Some(Ok(anchors)) => {
                    by_directory.insert(directory, anchors);
                }
                // One among the files that are looked at is an error already.
                Some(Err(error)) if told.insert(error.to_string()) => errors.push(error),
                Some(Err(_)) | None => {}
            }
        }
        let fallback = by_directory.contains_key(&fallback).then_some(fallback);
        Surroundings {
            by_directory,
            fallback,
        }
    }

    fn anchors(&self) -> impl Iterator<Item = &Certificate> {
        self.by_directory.values().flat_map(|file| &file.anchors)
    }

    fn trusted(&self, at: &ChainAt) -> Option<Trusted<'_>> {
        let directory = match at.source {
            Source::File => at.path.parent(),
            Source::Server => None,
        };
        let beside = directory.and_then(|directory| self.by_directory.get(directory));
        let fallback = || self.by_directory.get(self.fallback.as_ref()?);
        Some(Trusted {
            file: beside.or_else(fallback)?,
            is_named: false,
        })
    }
}

/// How many copies of a root are told.
const MAX_COPIES: usize = 100;
