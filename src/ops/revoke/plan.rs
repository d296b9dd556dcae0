//! What a compromised certificate, key or CA puts at risk, and in which order to replace it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::target::{Matches, Search};
use crate::authority;
use crate::error::{Error, shown};
use crate::files;
use crate::ops::facts::CertificateFacts;
use crate::ops::issue::file_names;
use crate::ops::list;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};
use crate::store::{Entry, Filter, Inventory, Opening, Status};

/// What depends on certificates, or on the CA when `targets` is empty: everything live under the same keys,
/// and everything issued below those that are CAs. Changes nothing and needs no key.
///
/// # Errors
/// When a target selects nothing that was issued, or the inventory cannot be read.
pub fn plan(
    directory: &Path,
    targets: &[OsString],
    now: OffsetDateTime,
) -> Result<BlastRadius, Error> {
    let inventory = list::inventory(directory)?;
    let certificate = authority::certificate_in(directory, &*inventory)?;
    let mut survey = Survey {
        now,
        exposed: Vec::new(),
        unseen: Vec::new(),
        seen: HashSet::new(),
        visited: BTreeSet::new(),
    };
    let scope = if targets.is_empty() {
        survey.below(directory, &certificate, &*inventory, 0);
        Scope::Authority
    } else {
        let search = Search {
            inventory: &*inventory,
            path: directory.join(authority::INVENTORY),
            authority: &certificate,
            now,
        };
        for target in targets {
            let entries = match search.matches(target)? {
                Matches::One(entry) => vec![*entry],
                Matches::Many(entries) => entries,
            };
            survey.targets(entries, &search, directory)?;
        }
        Scope::Certificate
    };
    let mut exposed = survey.exposed;
    find_files(directory, &mut exposed);
    exposed.sort_by_key(|exposed| (exposed.depth, exposed.rank));
    Ok(BlastRadius::new(
        scope,
        directory,
        &certificate,
        exposed,
        survey.unseen,
    ))
}

/// What depends on a certificate, a key or a CA, and how to replace it.
#[derive(Debug, Serialize)]
pub struct BlastRadius {
    /// What is compromised.
    pub scope: Scope,
    /// The CA.
    pub authority: DistinguishedName,
    /// Every certificate that is at risk: CAs first, then servers, then clients.
    pub exposed: Vec<Exposed>,
    /// What could not be read.
    pub unseen: Vec<Unseen>,
    /// What to do, in this order.
    pub order: Vec<Step>,
}

/// What is compromised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Certificates and their keys.
    Certificate,
    /// The CA and its key.
    Authority,
}

/// A certificate that is at risk.
#[derive(Debug, Serialize)]
pub struct Exposed {
    /// The certificate.
    #[serde(flatten)]
    pub facts: CertificateFacts,
    /// Why it is at risk.
    pub reason: Reason,
    /// Its status.
    pub status: Status,
    /// The profile it was issued with.
    pub profile: String,
    /// The file it was written to.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: Option<PathBuf>,
    /// The files that contain it or its key.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// The number of CAs of this report above it.
    pub depth: usize,
    /// The directory of the CA that issued it.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub directory: PathBuf,
    /// Its order among those of one depth: CAs, servers, clients.
    #[serde(skip)]
    rank: u8,
    #[serde(skip)]
    public_key_info: Vec<u8>,
}

/// Why a certificate is at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was named.
    Itself,
    /// It has the same key.
    SameKey,
    /// It was issued by the compromised CA, or by one below.
    IssuedBelow,
}

/// A CA whose inventory could not be read.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// Its directory, or its subject.
    pub authority: String,
    /// Why not.
    pub message: String,
}

/// A step of the plan.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Its number, from 1.
    pub step: usize,
    /// What to do.
    pub action: String,
    /// The command for it, if there is one.
    pub command: Option<String>,
}

impl BlastRadius {
    fn new(
        scope: Scope,
        directory: &Path,
        authority: &Certificate,
        exposed: Vec<Exposed>,
        unseen: Vec<Unseen>,
    ) -> Self {
        let order = match scope {
            Scope::Certificate => order_of_certificates(directory, &exposed),
            Scope::Authority => order_of_authority(directory, authority, &exposed),
        };
        BlastRadius {
            scope,
            authority: authority.subject().clone(),
            exposed,
            unseen,
            order: order
                .into_iter()
                .enumerate()
                .map(|(at, (action, command))| Step {
                    step: at + 1,
                    action,
                    command,
                })
                .collect(),
        }
    }
}

impl Exposed {
    fn of(
        entry: Entry,
        certificate: &Certificate,
        reason: Reason,
        (directory, depth): (&Path, usize),
        now: OffsetDateTime,
    ) -> Self {
        let output = entry.output.as_ref();
        let usages = certificate
            .extended_key_usages()
            .ok()
            .flatten()
            .unwrap_or_default();
        let is_for = |purpose| usages.iter().any(|usage| *usage == purpose);
        let rank = match (
            certificate.is_ca().unwrap_or(false),
            is_for(SERVER_AUTH),
            is_for(CLIENT_AUTH),
        ) {
            (true, _, _) => 0,
            (false, true, false) => 1,
            (false, true, true) => 2,
            (false, false, true) => 3,
            (false, false, false) => 4,
        };
        Exposed {
            reason,
            status: entry.status(now),
            certificate: output
                .map(|output| output.directory.join(file_names(output.base.as_ref()).0)),
            facts: CertificateFacts::of_entry(&entry, now),
            profile: entry.profile,
            files: Vec::new(),
            depth,
            directory: directory.to_owned(),
            rank,
            public_key_info: certificate.public_key_info().to_vec(),
        }
    }

    fn is_authority(&self) -> bool {
        self.rank == 0
    }

    /// How to replace it with one that has a new key.
    fn reissue(&self) -> (String, Option<String>) {
        let directory = shown(&self.directory);
        let name = self.facts.name();
        if self.is_authority() {
            let command =
                format!("openagents-certs ca intermediate --parent {directory} -C NEW-DIR");
            return (
                format!("create a CA that replaces {name}, and issue from it"),
                Some(command),
            );
        }
        let command = match &self.certificate {
            Some(path) => format!(
                "openagents-certs renew -C {directory} --rekey --force {}",
                shown(path)
            ),
            None => format!(
                "openagents-certs issue -C {directory} {} {name}",
                Escaped(&self.profile)
            ),
        };
        (
            format!("reissue {name} with a new key, and restart what uses it"),
            Some(command),
        )
    }
}

impl Unseen {
    fn new(directory: &Path, error: &Error) -> Self {
        Unseen {
            authority: shown(directory),
            message: error.to_string(),
        }
    }

    fn nowhere(subject: String) -> Self {
        Unseen {
            authority: subject,
            message: "the directory of its inventory is not known".into(),
        }
    }
}

/// Replacement first, so that nothing stops working, then revocation.
fn order_of_certificates(directory: &Path, exposed: &[Exposed]) -> Vec<(String, Option<String>)> {
    let live = exposed
        .iter()
        .filter(|exposed| exposed.status != Status::Expired);
    let mut steps = reissues(live);
    let is_revocable = |exposed: &&Exposed| {
        exposed.reason != Reason::IssuedBelow && exposed.status != Status::Revoked
    };
    let serials: Vec<_> = exposed
        .iter()
        .filter(is_revocable)
        .map(|exposed| exposed.facts.serial.to_string())
        .collect();
    if !serials.is_empty() {
        let reason = if exposed.iter().any(Exposed::is_authority) {
            "ca-compromise"
        } else {
            "key-compromise"
        };
        steps.push((
            "revoke the replaced certificates".into(),
            Some(format!(
                "openagents-certs revoke -C {} {} --reason {reason}",
                shown(directory),
                serials.join(" ")
            )),
        ));
    }
    steps.push((
        "distribute the new crl.pem to everything that reads one; OpenAgents, and gRPC by default, do not, and accept a revoked certificate until it expires or its CA is replaced".into(),
        None,
    ));
    steps
}

/// Each step once: a certificate and the one that replaced it have the same files.
fn reissues<'a>(exposed: impl IntoIterator<Item = &'a Exposed>) -> Vec<(String, Option<String>)> {
    let mut seen = HashSet::new();
    let steps = exposed.into_iter().map(Exposed::reissue);
    steps.filter(|step| seen.insert(step.clone())).collect()
}

/// Trust first, then certificates from the top down; the old CA is removed last.
fn order_of_authority(
    directory: &Path,
    authority: &Certificate,
    exposed: &[Exposed],
) -> Vec<(String, Option<String>)> {
    let place = shown(directory);
    let rotate = |stage: &str| Some(format!("openagents-certs ca rotate {stage} -C {place}"));
    let mut steps = Vec::new();
    let is_root = authority.is_self_issued();
    if is_root {
        steps.extend([
            (
                "create a new root beside the old one".into(),
                rotate("prepare"),
            ),
            ("distribute the new ca.crt to everyone".into(), None),
            ("issue from the new root".into(), rotate("activate")),
        ]);
    } else {
        let command = "openagents-certs ca intermediate --parent PARENT -C NEW-DIR".into();
        steps.push((
            format!("create a CA that replaces {}", authority.subject()),
            Some(command),
        ));
    }
    steps.extend(reissues(exposed));
    steps.push(if is_root {
        (
            "remove the old root from every ca.crt".into(),
            rotate("retire"),
        )
    } else {
        (
            "revoke the old CA at the CA that issued it".into(),
            Some(format!(
                "openagents-certs revoke -C PARENT {place}/issuer.crt --reason ca-compromise"
            )),
        )
    });
    steps
}

impl fmt::Display for BlastRadius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.exposed.len() {
            0 => "nothing is at risk".into(),
            1 => "1 certificate is at risk".into(),
            count => format!("{count} certificates are at risk"),
        };
        writeln!(f, "{count} under {}", self.authority)?;
        for exposed in &self.exposed {
            let why = match exposed.reason {
                Reason::Itself => "itself",
                Reason::SameKey => "same key",
                Reason::IssuedBelow => "issued below",
            };
            writeln!(
                f,
                "  {}{}  {} ({why}, {}, {})",
                "  ".repeat(exposed.depth),
                exposed.facts.serial,
                exposed.facts.name(),
                exposed.status,
                exposed.facts.expiry
            )?;
            for path in &exposed.files {
                writeln!(f, "  {}  file {}", "  ".repeat(exposed.depth), shown(path))?;
            }
        }
        for unseen in &self.unseen {
            writeln!(f, "  not read: {}: {}", unseen.authority, unseen.message)?;
        }
        writeln!(f, "Replace in this order:")?;
        for step in &self.order {
            writeln!(f, "  {}. {}", step.step, step.action)?;
            if let Some(command) = &step.command {
                writeln!(f, "     {command}")?;
            }
        }
        Ok(())
    }
}

impl crate::ops::Report for BlastRadius {
    fn is_content(&self) -> bool {
        true
    }
}

/// What was found so far.
struct Survey {
    now: OffsetDateTime,
    exposed: Vec<Exposed>,
    unseen: Vec<Unseen>,
    seen: HashSet<Fingerprint>,
    visited: BTreeSet<PathBuf>,
}

impl Survey {
    /// Adds certificates, those with the same keys, and those issued below.
    fn targets(
        &mut self,
        entries: Vec<Entry>,
        search: &Search<'_>,
        directory: &Path,
    ) -> Result<(), Error> {
        for entry in entries {
            let certificate = authority::read_back(entry.certificate.clone())?;
            self.add(entry, &certificate, Reason::Itself, (directory, 0));
            for other in search.with_key(certificate.public_key_info())? {
                let certificate = authority::read_back(other.certificate.clone())?;
                self.add(other, &certificate, Reason::SameKey, (directory, 0));
            }
        }
        Ok(())
    }

    /// Adds what a CA issued, and what the CAs among that issued.
    fn below(
        &mut self,
        directory: &Path,
        authority: &Certificate,
        inventory: &dyn Inventory,
        depth: usize,
    ) {
        let issuer = authority.subject();
        let mut entries = Vec::new();
        let visited = inventory.visit(&Filter::default(), self.now, &mut |entry| {
            if entry.issuer == *issuer {
                entries.push(entry);
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = visited {
            self.unseen.push(Unseen::new(directory, &error.into()));
        }
        for entry in entries {
            if let Ok(certificate) = Certificate::from_der(entry.certificate.clone()) {
                self.add(entry, &certificate, Reason::IssuedBelow, (directory, depth));
            }
        }
    }

    /// Adds a certificate that is live and not added yet, and what is below it when it is a CA's.
    fn add(
        &mut self,
        entry: Entry,
        certificate: &Certificate,
        reason: Reason,
        (directory, depth): (&Path, usize),
    ) {
        let is_live = match entry.status(self.now) {
            Status::Valid | Status::NotYetValid | Status::Superseded | Status::Retired => true,
            Status::Revoked | Status::OnHold | Status::Expired => reason == Reason::Itself,
        };
        if !is_live || !self.seen.insert(entry.fingerprint.clone()) {
            return;
        }
        let is_ca = certificate.is_ca().unwrap_or(false);
        let place = entry.output.as_ref().map(|output| output.directory.clone());
        let place_here = (directory, depth);
        self.exposed.push(Exposed::of(
            entry,
            certificate,
            reason,
            place_here,
            self.now,
        ));
        if is_ca && depth < MAX_DEPTH {
            self.authority_in(place.as_deref(), certificate, depth + 1);
        }
    }

    /// Adds what a CA with a directory of its own issued.
    fn authority_in(&mut self, place: Option<&Path>, certificate: &Certificate, depth: usize) {
        let Some(directory) = place else {
            let subject = certificate.subject().to_string();
            return self.unseen.push(Unseen::nowhere(subject));
        };
        if !self.visited.insert(directory.to_owned()) {
            return;
        }
        match authority::open_inventory(directory, Opening::MustExist) {
            Ok(inventory) => self.below(directory, certificate, &*inventory, depth),
            Err(error) => self.unseen.push(Unseen::new(directory, &error)),
        }
    }
}

/// Finds the files in the directory of each certificate and in the PKI directory that contain it or its key.
fn find_files(directory: &Path, exposed: &mut [Exposed]) {
    let mut directories: BTreeSet<PathBuf> = exposed
        .iter()
        .filter_map(|exposed| exposed.certificate.as_ref()?.parent())
        .map(Path::to_owned)
        .collect();
    directories.extend(files::absolute(directory).ok());
    let listed = directories
        .iter()
        .flat_map(|directory| files::list(directory).unwrap_or_default());
    let mut by_serial: HashMap<SerialNumber, Vec<usize>> = HashMap::new();
    let mut by_key: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (at, exposed) in exposed.iter().enumerate() {
        let serial = exposed.facts.serial.clone();
        by_serial.entry(serial).or_default().push(at);
        let key = exposed.public_key_info.clone();
        by_key.entry(key).or_default().push(at);
    }
    for path in listed.take(MAX_FILES) {
        let extension = path.extension().and_then(OsStr::to_str);
        if !extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            continue;
        }
        let Ok(content) = files::read(&path) else {
            continue;
        };
        let certificates = Bundle::read(&content).map_or_else(|_| Vec::new(), |b| b.certificates);
        let no_passphrase = |path: &Path| {
            Err(Error::PassphraseNeeded {
                path: path.to_owned(),
            })
        };
        let key = authority::read_key(&path, &no_passphrase).ok();
        let key = key.as_ref().and_then(|(key, _)| key.public_key_info());
        let holding: BTreeSet<usize> = certificates
            .iter()
            .filter_map(|certificate| by_serial.get(certificate.serial()))
            .chain(key.and_then(|key| by_key.get(key)))
            .flatten()
            .copied()
            .collect();
        for at in holding {
            exposed[at].files.push(path.clone());
        }
    }
}

/// More levels of CAs than anyone has.
const MAX_DEPTH: usize = 16;
/// More files than a directory of certificates has.
const MAX_FILES: usize = 20_000;
const EXTENSIONS: [&str; 5] = ["crt", "pem", "cer", "der", "key"];
