//! The result of `verify-chain`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::networks;
use super::setup::{Contents, FileContent};
use crate::error::shown;
use crate::ops::live::LiveReport;
use crate::ops::{self, Expiry, Span, Verdict, paths};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::{Affected, Cause, File as FileRole, Outcome, Side, Stack};
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;
use crate::pki::validity::rfc3339;

/// Everything that was checked, and the verdict.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Yes if every required stack connects and no finding is an error.
    pub verdict: Verdict,
    /// The changes to networks' files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<networks::EditReport>,
    /// The networks, the agents, and which reach which.
    #[serde(flatten)]
    pub networks: Option<networks::NetworksReport>,
    /// The files, and what each stack does with them.
    #[serde(flatten)]
    pub files: Option<FilesReport>,
    /// The live ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub live: Vec<LiveReport>,
    /// The findings, most severe first.
    pub findings: Vec<FileFinding>,
    #[serde(skip)]
    require: Vec<Stack>,
}

/// The files of a setup and their consequences.
#[derive(Debug, Serialize)]
pub struct FilesReport {
    /// The dialled name; `None` if none was given and the certificate has none.
    pub host: Option<String>,
    /// Whether it was taken from the certificate.
    pub is_host_assumed: bool,
    /// The files.
    pub files: Vec<FileReport>,
    /// When the setup expires.
    pub effective_expiry: Option<EffectiveExpiry>,
    /// The outcome of each client with each server.
    pub stacks: Vec<Outcome>,
}

/// One file of a setup.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// What it is for.
    pub role: FileRole,
    /// Where it is.
    #[serde(serialize_with = "paths::as_text")]
    pub path: PathBuf,
    /// The subject of its first certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<DistinguishedName>,
    /// When it expires.
    #[serde(flatten)]
    pub expiry: Option<Expiry>,
    /// How many certificates it contains.
    pub certificates: usize,
}

/// A finding, its file and the stacks it affects.
#[derive(Debug, Serialize)]
pub struct FileFinding {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The file or port it is about.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "absolute")]
    pub path: Option<String>,
    /// The stacks that fail because of it; empty if that does not depend on the stack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<Affected>,
    /// Whether the text has it under its network or agent.
    #[serde(skip)]
    pub(super) is_nested: bool,
}

impl Report {
    pub(super) fn new(require: Vec<Stack>) -> Self {
        Report {
            verdict: Verdict::Yes,
            written: Vec::new(),
            networks: None,
            files: None,
            live: Vec::new(),
            findings: Vec::new(),
            require,
        }
    }

    pub(super) fn add_networks(&mut self, networks: networks::NetworksReport) {
        let findings = networks.findings().map(|(file, finding)| FileFinding {
            is_nested: true,
            ..FileFinding::new(finding.clone(), Some(shown(file)))
        });
        self.findings.extend(findings);
        self.networks = Some(networks);
    }

    pub(super) fn add_live(&mut self, live: Vec<LiveReport>) {
        for port in &live {
            let target = Escaped(&port.target).to_string();
            let findings = port.findings.iter().cloned();
            let findings = findings.map(|one| FileFinding::new(one, Some(target.clone())));
            self.findings.extend(findings);
        }
        self.live = live;
    }

    /// Sorts the findings and decides the verdict.
    pub(super) fn concluded(mut self) -> Self {
        self.findings = merged(self.findings);
        self.findings
            .sort_by_key(|finding| Reverse(finding.finding.severity));
        if self.refusal().is_some() {
            self.verdict = Verdict::No;
        } else if self.undetermined().is_some() {
            self.verdict = Verdict::Undetermined;
        }
        self
    }

    /// Why the answer is no: the most severe error, an agent that reaches no network, a required pair
    /// that does not connect.
    fn refusal(&self) -> Option<String> {
        let worst = self.findings.first();
        if let Some(worst) = worst.filter(|worst| worst.finding.severity == Severity::Error) {
            return Some(worst.summary());
        }
        let networks = self.networks.as_ref();
        if let Some(reason) = networks.and_then(networks::NetworksReport::reason) {
            return Some(reason);
        }
        let fails =
            |pair: &&Outcome| pair.connects == Some(false) || pair.server_starts == Some(false);
        let pair = self.required().find(fails)?;
        let (client, server) = (pair.client, pair.server);
        Some(format!(
            "a {client} client does not connect to a {server} server"
        ))
    }

    /// Why the answer is not yes although nothing is wrong.
    fn undetermined(&self) -> Option<String> {
        if let Some(port) = self.live.iter().find(|port| port.reached.is_none()) {
            let target = Escaped(&port.target);
            let unchecked = port.findings.iter().find(|one| one.id == KEY_UNCHECKED);
            return Some(match unchecked {
                Some(finding) => format!("{target}: {}", finding.message),
                None => format!("{target}: no CA to verify its certificates with; give --ca"),
            });
        }
        let mut networks = self.networks.iter().flat_map(|networks| &networks.networks);
        if let Some(network) = networks.find(|network| network.grpc.is_unchecked()) {
            let file = shown(&network.file);
            return Some(format!(
                "{file}: no CA to verify its certificate with; give --ca"
            ));
        }
        let mut findings = self.findings.iter();
        if let Some(finding) = findings.find(|one| one.finding.id == super::UNKNOWN) {
            return Some(finding.summary());
        }
        self.required().find(|pair| pair.connects.is_none())?;
        let files = self.files.iter().flat_map(|files| &files.files);
        let lacks = |role| !files.clone().any(|file| file.role == role);
        Some(if lacks(FileRole::ServerCertificate) {
            "no server certificate to connect to; give --cert".into()
        } else if lacks(FileRole::ClientRoots) {
            "no CA to verify the server's certificate with; give --ca".into()
        } else {
            "whether a client connects cannot be determined".into()
        })
    }

    /// The pairs of required stacks.
    fn required(&self) -> impl Iterator<Item = &Outcome> {
        let outcomes = self.files.iter().flat_map(|files| &files.stacks);
        let is_required = |stack: &Stack| self.require.contains(stack);
        outcomes.filter(move |pair| is_required(&pair.client) && is_required(&pair.server))
    }
}

impl FileReport {
    pub(super) fn of(file: &FileContent, at: OffsetDateTime) -> Self {
        let first = file.certificates.first();
        FileReport {
            role: file.role,
            path: file.path.clone(),
            subject: first.map(|leaf| leaf.subject().clone()),
            expiry: first.map(|leaf| Expiry::between(leaf.not_before(), leaf.not_after(), at)),
            certificates: file.certificates.len(),
        }
    }
}

impl FileFinding {
    pub(super) fn new(finding: Finding, path: Option<String>) -> Self {
        FileFinding {
            finding,
            path,
            affects: Vec::new(),
            is_nested: false,
        }
    }

    pub(super) fn in_file(finding: Finding, path: &Path) -> Self {
        FileFinding::new(finding, Some(shown(path)))
    }

    pub(super) fn of_cause(cause: Cause, path: Option<&Path>) -> Self {
        FileFinding {
            affects: cause.affects,
            ..FileFinding::new(cause.finding, path.map(shown))
        }
    }

    /// The finding in one line, with its file.
    pub(super) fn summary(&self) -> String {
        match &self.path {
            Some(path) => format!("{path}: {}", self.finding.summary()),
            None => self.finding.summary(),
        }
    }

    /// Which programs fail, the rule and the hint, as names and values.
    pub(super) fn details(&self) -> Vec<(&'static str, String)> {
        let finding = &self.finding;
        let affected = self.affects.iter().map(|affected| match affected.role {
            Side::Client => format!("{} client", affected.stack),
            Side::Server => format!("{} server", affected.stack),
        });
        let affected: Vec<String> = affected.collect();
        let mut details = Vec::new();
        if !affected.is_empty() {
            details.push(("fails", affected.join(", ")));
        }
        details.push(("rule", format!("{}, {}", finding.id, finding.reference)));
        details.push(("hint", finding.hint.clone()));
        details
    }
}

/// Merges equal findings: a fault in a file that both sides read affects both.
fn merged(findings: Vec<FileFinding>) -> Vec<FileFinding> {
    let mut places: HashMap<(Option<String>, String), usize> = HashMap::new();
    let mut all: Vec<FileFinding> = Vec::new();
    for finding in findings {
        match places.entry((finding.path.clone(), finding.finding.summary())) {
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(finding);
            }
            Entry::Occupied(place) => {
                let first = &mut all[*place.get()];
                first.finding.severity = first.finding.severity.max(finding.finding.severity);
                first.affects.extend(finding.affects);
                first.affects.sort();
                first.affects.dedup();
            }
        }
    }
    all
}

impl ops::Report for Report {
    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        match self.verdict {
            Verdict::Yes => None,
            Verdict::No => self.refusal(),
            Verdict::Undetermined => self.undetermined(),
        }
    }
}

/// A file as an absolute path; a port as it is.
fn absolute<S: Serializer>(path: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) if !path.contains("://") => paths::as_text(&PathBuf::from(path), serializer),
        other => other.serialize(serializer),
    }
}

const KEY_UNCHECKED: &str = "live-key-unchecked";

/// The earliest expiry of everything a setup depends on: certificates, anchors and CRLs.
#[derive(Clone, Debug, Serialize)]
pub struct EffectiveExpiry {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative if it has passed.
    pub expires_in_seconds: i64,
    /// What expires then.
    pub first: Ends,
    /// Its file.
    #[serde(serialize_with = "paths::as_text")]
    pub path: PathBuf,
    /// The subject of the certificate, or the issuer of the CRL.
    pub subject: String,
}

/// What can expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The server's or client's certificate.
    Leaf,
    /// An intermediate.
    Chain,
    /// A trust anchor.
    Anchor,
    /// A CRL, at its nextUpdate.
    RevocationList,
}

impl EffectiveExpiry {
    /// The earliest expiry, if any. Of several anchors in a file the last expiry counts, because one
    /// valid anchor is enough.
    pub(super) fn of(contents: &Contents, now: OffsetDateTime) -> Option<Self> {
        let mut ends: Vec<(OffsetDateTime, Ends, &PathBuf, String)> = Vec::new();
        for file in &contents.files {
            let all = file
                .certificates
                .iter()
                .enumerate()
                .map(|(i, certificate)| {
                    let (end, subject) = (certificate.not_after(), certificate.subject());
                    let what = if i == 0 { Ends::Leaf } else { Ends::Chain };
                    (end, what, &file.path, subject.to_string())
                });
            match file.role {
                FileRole::ServerCertificate | FileRole::ClientCertificate => ends.extend(all),
                FileRole::ClientRoots | FileRole::ServerRoots => {
                    let last = all.max_by_key(|(end, ..)| *end);
                    ends.extend(
                        last.map(|(end, _, path, subject)| (end, Ends::Anchor, path, subject)),
                    );
                }
                FileRole::ServerKey | FileRole::ClientKey => {}
            }
        }
        // No gRPC stack reads a CRL by itself, so only the named ones count.
        let lists = contents.list_paths.iter().zip(&contents.revocation_lists);
        for (path, list) in lists.take(contents.named_lists) {
            let end = list.next_update();
            let issuer = list.issuer().to_string();
            ends.extend(end.map(|end| (end, Ends::RevocationList, path, issuer)));
        }
        let (not_after, first, path, subject) = ends.into_iter().min_by_key(|(end, ..)| *end)?;
        Some(EffectiveExpiry {
            not_after,
            expires_in_seconds: (not_after - now).whole_seconds(),
            first,
            path: path.clone(),
            subject,
        })
    }
}

impl fmt::Display for EffectiveExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = time::Duration::seconds(self.expires_in_seconds);
        let direction = if left.is_negative() { "ago" } else { "left" };
        let what = match self.first {
            Ends::Leaf => "certificate",
            Ends::Chain => "intermediate",
            Ends::Anchor => "trust anchor",
            Ends::RevocationList => "CRL",
        };
        let (end, left) = (rfc3339(self.not_after), Span(left.abs()));
        write!(
            f,
            "{end} ({left} {direction}): {what} in {}",
            shown(&self.path)
        )
    }
}
