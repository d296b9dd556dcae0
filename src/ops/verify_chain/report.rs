//! What `verify-chain` has to say.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use time::OffsetDateTime;

use super::effective::EffectiveExpiry;
use super::networks;
use super::setup::{FileContent, FileRole};
use crate::error::shown;
use crate::ops::live::LiveReport;
use crate::ops::{self, Expiry, Verdict};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::{Affected, Cause, Outcome, Side, Stack};
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;

/// Everything that was looked at, and the verdict.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every required stack connects and nothing is wrong that decides it.
    pub verdict: Verdict,
    /// What was put into networks' files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<networks::Written>,
    /// Networks, agents and which of them reach which.
    #[serde(flatten)]
    pub networks: Option<networks::Examined>,
    /// The files, and what each stack does with them.
    #[serde(flatten)]
    pub files: Option<FilesReport>,
    /// The live ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub live: Vec<LiveReport>,
    /// Everything that is wrong, the worst first.
    pub findings: Vec<Found>,
    #[serde(skip)]
    require: Vec<Stack>,
}

/// The files of a setup and what comes of them.
#[derive(Debug, Serialize)]
pub struct FilesReport {
    /// The name that is dialled; `None` where none was given and none is in the certificate.
    pub host: Option<String>,
    /// Whether it was taken from the certificate.
    pub is_host_assumed: bool,
    /// The files.
    pub files: Vec<FileReport>,
    /// When the setup ends.
    pub effective_expiry: Option<EffectiveExpiry>,
    /// What each client does with each server.
    pub stacks: Vec<Outcome>,
}

/// One file of a setup.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// What it is for.
    pub role: FileRole,
    /// Where it is.
    pub file: String,
    /// The subject of its first certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<DistinguishedName>,
    /// When that one ends.
    #[serde(flatten)]
    pub expiry: Option<Expiry>,
    /// How many certificates stand in it.
    pub certificates: usize,
}

/// A finding, and whom it concerns.
#[derive(Debug, Serialize)]
pub struct Found {
    /// What is wrong.
    #[serde(flatten)]
    pub finding: Finding,
    /// The file it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The stacks that fail of it; empty where it does not depend on the stack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<Affected>,
    /// Whether the text has it already, where it speaks of the file.
    #[serde(skip)]
    is_told: bool,
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

    pub(super) fn add(&mut self, (files, findings): (FilesReport, Vec<Found>)) {
        self.files = Some(files);
        self.findings.extend(findings);
    }

    pub(super) fn add_networks(&mut self, networks: networks::Examined) {
        let found = networks.findings().map(|(file, finding)| Found {
            finding: finding.clone(),
            file: Some(networks::shown(file)),
            affects: Vec::new(),
            is_told: true,
        });
        self.findings.extend(found);
        self.networks = Some(networks);
    }

    pub(super) fn add_live(&mut self, live: Vec<LiveReport>) {
        for port in &live {
            let about = |finding: &Finding| Found {
                finding: finding.clone(),
                file: Some(Escaped(&port.target).to_string()),
                affects: Vec::new(),
                is_told: false,
            };
            self.findings.extend(port.findings.iter().map(about));
        }
        self.live = live;
    }

    /// Sorts the findings and draws the conclusion.
    pub(super) fn concluded(mut self) -> Self {
        self.findings = merged(self.findings);
        self.findings
            .sort_by_key(|found| std::cmp::Reverse(found.finding.severity));
        let is_error = |found: &Found| found.finding.severity == Severity::Error;
        let is_bad = |networks: &networks::Examined| !networks.is_good();
        if self.findings.iter().any(is_error)
            || self.refused().next().is_some()
            || self.networks.as_ref().is_some_and(is_bad)
        {
            self.verdict = Verdict::No;
        } else if self.undetermined().is_some() {
            self.verdict = Verdict::Undetermined;
        }
        self
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
        let unchecked = self.networks.iter().flat_map(|networks| &networks.networks);
        if let Some(network) = unchecked
            .clone()
            .find(|network| network.grpc.is_unchecked())
        {
            let file = networks::shown(&network.file);
            return Some(format!(
                "{file}: no CA to verify its certificate with; give --ca"
            ));
        }
        let files = self.files.as_ref()?;
        let is_required = |pair: &&Outcome| {
            self.require.contains(&pair.client) && self.require.contains(&pair.server)
        };
        let mut required = files.stacks.iter().filter(is_required);
        required.find(|pair| pair.connects.is_none())?;
        let has = |role: FileRole| files.files.iter().any(|file| file.role == role);
        Some(if !has(FileRole::ServerCertificate) {
            "no server certificate to connect to; give --cert".into()
        } else if !has(FileRole::Ca) {
            "no CA to verify the server's certificate with; give --ca".into()
        } else {
            "whether a client connects cannot be determined".into()
        })
    }

    /// The required pairs that do not connect, or whose server does not start.
    fn refused(&self) -> impl Iterator<Item = &Outcome> {
        let outcomes = self.files.iter().flat_map(|files| &files.stacks);
        let is_required = |stack: &Stack| self.require.contains(stack);
        outcomes.filter(move |outcome| {
            is_required(&outcome.client)
                && is_required(&outcome.server)
                && (outcome.connects == Some(false) || outcome.server_starts == Some(false))
        })
    }
}

impl FileReport {
    pub(super) fn of(file: &FileContent, at: OffsetDateTime) -> Self {
        let first = file.certificates.first();
        FileReport {
            role: file.role,
            file: shown(&file.path),
            subject: first.map(|leaf| leaf.subject().clone()),
            expiry: first.map(|leaf| Expiry::between(leaf.not_before(), leaf.not_after(), at)),
            certificates: file.certificates.len(),
        }
    }
}

impl Found {
    pub(super) fn of_cause(cause: Cause, path: Option<&Path>) -> Self {
        Found {
            finding: cause.finding,
            file: path.map(shown),
            affects: cause.affects,
            is_told: false,
        }
    }

    pub(super) fn of_file(finding: Finding, path: &Path) -> Self {
        Found {
            file: Some(shown(path)),
            ..Found::from(finding)
        }
    }

    /// The finding in one line, with its file.
    fn summary(&self) -> String {
        match &self.file {
            Some(file) => format!("{file}: {}", self.finding.summary()),
            None => self.finding.summary(),
        }
    }
}

/// Each finding once: a file that two sides read is wrong for both in the same way.
fn merged(findings: Vec<Found>) -> Vec<Found> {
    let mut places: HashMap<(Option<String>, String), usize> = HashMap::new();
    let mut all: Vec<Found> = Vec::new();
    for found in findings {
        match places.entry((found.file.clone(), found.finding.summary())) {
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(found);
            }
            Entry::Occupied(place) => {
                let first = &mut all[*place.get()];
                first.finding.severity = first.finding.severity.max(found.finding.severity);
                first.affects.extend(found.affects);
                first.affects.sort();
                first.affects.dedup();
            }
        }
    }
    all
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Found {
            finding,
            file: None,
            affects: Vec::new(),
            is_told: false,
        }
    }
}

impl ops::Report for Report {
    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        match self.verdict {
            Verdict::Yes => return None,
            Verdict::Undetermined => return self.undetermined(),
            Verdict::No => {}
        }
        if let Some(worst) = self.findings.first()
            && worst.finding.severity == Severity::Error
        {
            return Some(worst.summary());
        }
        if let Some(reason) = self.networks.as_ref().and_then(networks::Examined::reason) {
            return Some(reason);
        }
        self.refused().next().map(|outcome| {
            format!(
                "a {} client does not reach a {} server",
                outcome.client, outcome.server
            )
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.iter().try_for_each(|written| written.fmt(f))?;
        if let Some(networks) = &self.networks {
            networks.fmt(f)?;
        }
        if let Some(files) = &self.files {
            if self.networks.is_some() {
                writeln!(f)?;
            }
            files.fmt(f)?;
        }
        for (i, port) in self.live.iter().enumerate() {
            if i > 0 || self.files.is_some() {
                writeln!(f)?;
            }
            port.fmt(f)?;
        }
        let untold: Vec<_> = self
            .findings
            .iter()
            .filter(|found| !found.is_told)
            .collect();
        for found in untold.iter().take(MAX_FINDINGS_SHOWN) {
            writeln!(f)?;
            found.fmt(f)?;
        }
        if untold.len() > MAX_FINDINGS_SHOWN {
            let more = untold.len() - MAX_FINDINGS_SHOWN;
            writeln!(f, "\n… and {more} more; `--format json` has them all")?;
        }
        Ok(())
    }
}

impl fmt::Display for FilesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            write!(f, "{:<15}{}", role(file.role), file.file)?;
            if let Some(subject) = &file.subject {
                write!(f, "  {subject}")?;
            }
            writeln!(f)?;
        }
        if let Some(host) = &self.host {
            let host = Escaped(host);
            let assumed = if self.is_host_assumed {
                " (its own name; `--host` says another)"
            } else {
                ""
            };
            writeln!(f, "{:<15}{host}{assumed}", "dialled as")?;
        }
        if let Some(expiry) = &self.effective_expiry {
            writeln!(f, "{:<15}{expiry}", "good until")?;
        }
        matrix(f, &self.stacks)
    }
}

/// What a file is for, in a word or two.
pub(super) fn role(role: FileRole) -> &'static str {
    match role {
        FileRole::ServerCertificate => "server",
        FileRole::ServerKey => "server key",
        FileRole::Ca => "trusts",
        FileRole::ClientCertificate => "client",
        FileRole::ClientKey => "client key",
        FileRole::ClientCa => "server trusts",
    }
}

/// A row for each client, a column for each server; then what the users of those that fail see.
fn matrix(f: &mut fmt::Formatter<'_>, outcomes: &[Outcome]) -> fmt::Result {
    let stacks = |of: fn(&Outcome) -> Stack| {
        let mut all: Vec<Stack> = outcomes.iter().map(of).collect();
        all.sort();
        all.dedup();
        all
    };
    let (clients, servers) = (stacks(|pair| pair.client), stacks(|pair| pair.server));
    if clients.is_empty() {
        return Ok(());
    }
    let head = "client  /  server";
    write!(f, "\n{head}")?;
    let mut gap = FIRST_WIDTH - head.len();
    for server in servers.iter().map(ToString::to_string) {
        write!(f, "{:gap$}{server}", "")?;
        gap = WIDTH - server.len();
    }
    for client in &clients {
        let name = client.to_string();
        write!(f, "\n{name}")?;
        gap = FIRST_WIDTH - name.len();
        for server in &servers {
            let pair = |pair: &&Outcome| pair.client == *client && pair.server == *server;
            if let Some(outcome) = outcomes.iter().find(pair) {
                let (word, color) = word(outcome);
                let style = Style::new().fg_color(Some(color.into()));
                write!(f, "{:gap$}{style}{word}{style:#}", "")?;
                gap = WIDTH - word.len();
            }
        }
    }
    writeln!(f)?;
    texts(f, outcomes)
}

/// One word for what becomes of a pair, and its colour.
fn word(outcome: &Outcome) -> (&'static str, AnsiColor) {
    match (outcome.server_starts, outcome.connects) {
        (Some(false), _) => ("no start", AnsiColor::Red),
        (_, Some(true)) => ("yes", AnsiColor::Green),
        (_, Some(false)) => ("no", AnsiColor::Red),
        (Some(true), None) => ("starts", AnsiColor::Green),
        (None, None) => ("?", AnsiColor::Yellow),
    }
}

/// What is printed where something fails, each text once.
fn texts(f: &mut fmt::Formatter<'_>, outcomes: &[Outcome]) -> fmt::Result {
    let mut seen: Vec<(Stack, &str, &str)> = Vec::new();
    for outcome in outcomes {
        let server = outcome.server_error.as_deref();
        let client = outcome.client_error.as_deref();
        let said = [
            server.map(|text| (outcome.server, "server", text)),
            client.map(|text| (outcome.client, "client", text)),
        ];
        for text in said.into_iter().flatten() {
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
    }
    if !seen.is_empty() {
        writeln!(f)?;
    }
    for (stack, side, text) in seen {
        writeln!(f, "a {stack} {side} prints: {}", Escaped(text))?;
    }
    Ok(())
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = &self.finding;
        let color = match finding.severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Note => AnsiColor::Cyan,
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        writeln!(
            f,
            "{style}{}{style:#}: {}",
            finding.severity,
            self.summary()
        )?;
        if !self.affects.is_empty() {
            let text = |affected: &Affected| match affected.role {
                Side::Client => format!("{} client", affected.stack),
                Side::Server => format!("{} server", affected.stack),
            };
            let all: Vec<String> = self.affects.iter().map(text).collect();
            writeln!(f, "  fails: {}", all.join(", "))?;
        }
        writeln!(f, "  rule: {}, {}", finding.id, finding.reference)?;
        writeln!(f, "  hint: {}", finding.hint)
    }
}

const KEY_UNCHECKED: &str = "live-key-unchecked";
/// The columns of the matrix: the clients, then each server.
const FIRST_WIDTH: usize = 19;
const WIDTH: usize = 12;
const MAX_FINDINGS_SHOWN: usize = 30;
