//! The blast radius as data and text.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::{Error, shown};
use crate::ops::issue::file_names;
use crate::ops::{Expiry, Report};
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};
use crate::store::{Entry, Status};

/// What hangs on a certificate, a key or a CA, and how to replace it.
#[derive(Debug, Serialize)]
pub struct BlastRadius {
    /// What was asked about.
    pub scope: Scope,
    /// The CA here.
    pub authority: DistinguishedName,
    /// Every certificate that is at risk: CAs first, then servers, then clients.
    pub exposed: Vec<Exposed>,
    /// What could not be looked into.
    pub unseen: Vec<Unseen>,
    /// What to do, one after the other.
    pub order: Vec<Step>,
}

/// What was asked about.
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
    /// Its serial number.
    pub serial: SerialNumber,
    /// Why it is at risk.
    pub reason: Reason,
    /// What it is now.
    pub status: Status,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The profile it was issued by.
    pub profile: String,
    /// Its issuer.
    pub issuer: DistinguishedName,
    /// When it ends.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// The file it was written to.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: Option<PathBuf>,
    /// The files that were found to hold it or its key.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// How many CAs of this survey stand above it.
    pub depth: usize,
    /// The directory of the CA that issued it.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub directory: PathBuf,
    /// Its place among those of one depth: CAs, servers, clients.
    #[serde(skip)]
    pub(super) rank: u8,
    #[serde(skip)]
    pub(super) public_key_info: Vec<u8>,
}

/// Why a certificate is at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was asked about.
    Itself,
    /// It is for the same key.
    SameKey,
    /// It was issued by the CA that was asked about, or by one below.
    IssuedBelow,
}

/// A CA whose certificates could not be looked into.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// Its directory, or its subject.
    pub authority: String,
    /// Why not.
    pub message: String,
}

/// Something to do.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Its place, from 1.
    pub step: usize,
    /// What to do.
    pub action: String,
    /// The command that does it, where one does.
    pub command: Option<String>,
}

impl BlastRadius {
    pub(super) fn new(
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
    pub(super) fn of(
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
            serial: entry.serial,
            subject: entry.subject,
            subject_alt_names: entry.names,
            profile: entry.profile,
            issuer: entry.issuer,
            expiry: Expiry::of(entry.validity, now),
            files: Vec::new(),
            depth,
            directory: directory.to_owned(),
            rank,
            public_key_info: certificate.public_key_info().to_vec(),
        }
    }

    fn name(&self) -> String {
        match self.subject_alt_names.first() {
            Some(name) => Escaped(&name.value()).to_string(),
            None => self.subject.to_string(),
        }
    }

    fn is_authority(&self) -> bool {
        self.rank == 0
    }

    /// How it is issued anew with another key.
    fn reissue(&self) -> (String, Option<String>) {
        let directory = shown(&self.directory);
        let name = self.name();
        if self.is_authority() {
            let command =
                format!("openagents-certs ca intermediate --parent {directory} -C NEW-DIR");
            return (
                format!("make a new CA in the place of {name}, and issue from it"),
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
            format!("issue {name} anew with another key, and restart what uses it"),
            Some(command),
        )
    }
}

impl Unseen {
    pub(super) fn new(directory: &Path, error: &Error) -> Self {
        Unseen {
            authority: shown(directory),
            message: error.to_string(),
        }
    }

    pub(super) fn nowhere(subject: String) -> Self {
        Unseen {
            authority: subject,
            message: "where it keeps its inventory is not known".into(),
        }
    }
}

/// Replaces first, so that nothing stands still, and revokes then.
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
        .map(|exposed| exposed.serial.to_string())
        .collect();
    if !serials.is_empty() {
        let reason = if exposed.iter().any(Exposed::is_authority) {
            "ca-compromise"
        } else {
            "key-compromise"
        };
        steps.push((
            "revoke what was replaced".into(),
            Some(format!(
                "openagents-certs revoke -C {} {} --reason {reason}",
                shown(directory),
                serials.join(" ")
            )),
        ));
    }
    steps.push((
        "hand the new crl.pem to all that read one; OpenAgents and gRPC by default do not, and accept a revoked certificate until it expires or its CA is replaced".into(),
        None,
    ));
    steps
}

/// Each step once: what was renewed before stands for the same files as what renewed it.
fn reissues<'a>(exposed: impl IntoIterator<Item = &'a Exposed>) -> Vec<(String, Option<String>)> {
    let mut seen = HashSet::new();
    let steps = exposed.into_iter().map(Exposed::reissue);
    steps.filter(|step| seen.insert(step.clone())).collect()
}

/// Trust first, then what is issued, from the top down; the old CA goes last.
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
                "make a new root beside the old one".into(),
                rotate("prepare"),
            ),
            ("hand the new ca.crt to everyone".into(), None),
            ("issue from the new root".into(), rotate("activate")),
        ]);
    } else {
        let command = "openagents-certs ca intermediate --parent PARENT -C NEW-DIR".into();
        steps.push((
            format!("make a new CA in the place of {}", authority.subject()),
            Some(command),
        ));
    }
    steps.extend(reissues(exposed));
    steps.push(if is_root {
        (
            "take the old root out of every ca.crt".into(),
            rotate("retire"),
        )
    } else {
        (
            "revoke the old CA where it was issued".into(),
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
                exposed.serial,
                exposed.name(),
                exposed.status,
                exposed.expiry
            )?;
            for path in &exposed.files {
                writeln!(f, "  {}  file {}", "  ".repeat(exposed.depth), shown(path))?;
            }
        }
        for unseen in &self.unseen {
            writeln!(f, "  not seen: {}: {}", unseen.authority, unseen.message)?;
        }
        writeln!(f, "In this order:")?;
        for step in &self.order {
            writeln!(f, "  {}. {}", step.step, step.action)?;
            if let Some(command) = &step.command {
                writeln!(f, "     {command}")?;
            }
        }
        Ok(())
    }
}

impl Report for BlastRadius {
    fn is_content(&self) -> bool {
        true
    }
}
