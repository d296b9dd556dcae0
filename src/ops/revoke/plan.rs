//! What a compromised certificate, key or CA puts at risk, and in which order to replace it.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::{Error, shown};
use crate::ops::expiry::CertificateFacts;
use crate::ops::issue::file_names;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};
use crate::store::{Entry, Status};

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
    pub(super) rank: u8,
    #[serde(skip)]
    pub(super) public_key_info: Vec<u8>,
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
    pub(super) fn new(directory: &Path, error: &Error) -> Self {
        Unseen {
            authority: shown(directory),
            message: error.to_string(),
        }
    }

    pub(super) fn nowhere(subject: String) -> Self {
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
