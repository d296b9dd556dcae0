//! The result of `verify-chain`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::effective::EffectiveExpiry;
use super::networks;
use super::setup::{FileContent, FileRole};
use crate::error::shown;
use crate::ops::live::LiveReport;
use crate::ops::view::{Tone, Toned};
use crate::ops::{self, Expiry, Verdict, paths};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::{Affected, Cause, Outcome, Side, Stack};
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;

/// Everything that was checked, and the verdict.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Yes if every required stack connects and no finding is an error.
    pub verdict: Verdict,
    /// The changes to networks' files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<networks::Written>,
    /// The networks, the agents, and which reach which.
    #[serde(flatten)]
    pub networks: Option<networks::Examined>,
    /// The files, and what each stack makes of them.
    #[serde(flatten)]
    pub files: Option<FilesReport>,
    /// The live ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub live: Vec<LiveReport>,
    /// The findings, most severe first.
    pub findings: Vec<Found>,
    #[serde(skip)]
    require: Vec<Stack>,
    #[serde(skip)]
    columns: Option<usize>,
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
pub struct Found {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The file or port it is about.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "absolute")]
    pub path: Option<String>,
    /// The stacks that fail because of it; empty if that does not depend on the stack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<Affected>,
    /// Whether the text shows it with its network or agent.
    #[serde(skip)]
    is_shown: bool,
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
            columns: None,
        }
    }

    pub(super) fn add(&mut self, (files, findings): (FilesReport, Vec<Found>)) {
        self.files = Some(files);
        self.findings.extend(findings);
    }

    pub(super) fn add_networks(&mut self, networks: networks::Examined) {
        let found = networks.findings().map(|(file, finding)| Found {
            finding: finding.clone(),
            path: Some(networks::shown(file)),
            affects: Vec::new(),
            is_shown: true,
        });
        self.findings.extend(found);
        self.networks = Some(networks);
    }

    pub(super) fn add_live(&mut self, live: Vec<LiveReport>) {
        for port in &live {
            let about = |finding: &Finding| Found {
                finding: finding.clone(),
                path: Some(Escaped(&port.target).to_string()),
                affects: Vec::new(),
                is_shown: false,
            };
            self.findings.extend(port.findings.iter().map(about));
        }
        self.live = live;
    }

    /// Sorts the findings and decides the verdict.
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
        let is_uncovered = |found: &&Found| found.finding.id == super::revocation::UNKNOWN;
        if let Some(uncovered) = self.findings.iter().find(is_uncovered) {
            return Some(uncovered.summary());
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
            path: file.path.clone(),
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
            path: path.map(shown),
            affects: cause.affects,
            is_shown: false,
        }
    }

    pub(super) fn of_file(finding: Finding, path: &Path) -> Self {
        Found {
            path: Some(shown(path)),
            ..Found::from(finding)
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

/// Each finding once: a fault in a file that both sides read is found for both.
fn merged(findings: Vec<Found>) -> Vec<Found> {
    let mut places: HashMap<(Option<String>, String), usize> = HashMap::new();
    let mut all: Vec<Found> = Vec::new();
    for found in findings {
        match places.entry((found.path.clone(), found.finding.summary())) {
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
            path: None,
            affects: Vec::new(),
            is_shown: false,
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
                "a {} client does not connect to a {} server",
                outcome.client, outcome.server
            )
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text)?;
        match self.columns {
            Some(columns) => f.write_str(&wrapped(&text, columns)),
            None => f.write_str(&text),
        }
    }
}

impl Report {
    /// Wraps the text to a terminal of this width.
    pub fn wrap_to(&mut self, columns: Option<usize>) {
        self.columns = columns;
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        for written in &self.written {
            write!(text, "{written}")?;
        }
        if let Some(networks) = &self.networks {
            write!(text, "{networks}")?;
        }
        if let Some(files) = &self.files {
            if self.networks.is_some() {
                writeln!(text)?;
            }
            write!(text, "{files}")?;
        }
        for (i, port) in self.live.iter().enumerate() {
            if i > 0 || self.files.is_some() {
                writeln!(text)?;
            }
            write!(text, "{port}")?;
        }
        let remaining = self.findings.iter().filter(|found| !found.is_shown);
        for found in remaining.clone().take(MAX_FINDINGS_SHOWN) {
            write!(text, "\n{found}")?;
        }
        let count = remaining.count();
        if count > MAX_FINDINGS_SHOWN {
            let more = count - MAX_FINDINGS_SHOWN;
            writeln!(text, "\n… and {more} more; see all with --format json")?;
        }
        Ok(())
    }
}

/// Breaks long lines between words; what follows is indented two columns more.
fn wrapped(text: &str, columns: usize) -> String {
    let mut all = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let mut width = 0;
        for (i, word) in line.split(' ').enumerate() {
            let length = anstream::adapter::strip_str(word)
                .to_string()
                .chars()
                .count();
            let is_first = i == 0 || width <= indent + 2;
            if !is_first && width + 1 + length > columns.max(MIN_COLUMNS) {
                all.push('\n');
                all.push_str(&" ".repeat(indent + 2));
                width = indent + 2;
            } else if i > 0 {
                all.push(' ');
                width += 1;
            }
            all.push_str(word);
            width += length;
        }
        all.push('\n');
    }
    all
}

/// A file as an absolute path; a port as it is.
fn absolute<S: Serializer>(path: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) if !path.contains("://") => paths::as_text(&PathBuf::from(path), serializer),
        other => other.serialize(serializer),
    }
}

impl fmt::Display for FilesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.facts() {
            writeln!(f, "{name:<15}{value}")?;
        }
        write_matrix(f, &self.stacks)?;
        let printed = printed(&self.stacks);
        if !printed.is_empty() {
            writeln!(f)?;
        }
        for (side, text) in printed {
            writeln!(f, "a {side} prints: {}", Escaped(&text))?;
        }
        Ok(())
    }
}

impl FilesReport {
    /// The files, the dialled name and the expiry, as names and values.
    pub(super) fn facts(&self) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = Vec::new();
        for file in &self.files {
            let subject = file.subject.as_ref();
            let subject = subject.map_or_else(String::new, |subject| format!("  {subject}"));
            let value = format!("{}{subject}", shown(&file.path));
            facts.push((label(file.role).to_owned(), value));
        }
        if let Some(host) = &self.host {
            let assumed = if self.is_host_assumed {
                " (from the certificate; override with --host)"
            } else {
                ""
            };
            facts.push(("dialled as".into(), format!("{}{assumed}", Escaped(host))));
        }
        if let Some(expiry) = &self.effective_expiry {
            facts.push(("expires".into(), expiry.to_string()));
        }
        facts
    }
}

fn label(role: FileRole) -> &'static str {
    match role {
        FileRole::ServerCertificate => "server",
        FileRole::ServerKey => "server key",
        FileRole::Ca => "client trusts",
        FileRole::ClientCertificate => "client",
        FileRole::ClientKey => "client key",
        FileRole::ClientCa => "server trusts",
    }
}

/// The stacks on one side of the outcomes.
pub(super) fn stacks(outcomes: &[Outcome], of: fn(&Outcome) -> Stack) -> Vec<Stack> {
    let mut all: Vec<Stack> = outcomes.iter().map(of).collect();
    all.sort();
    all.dedup();
    all
}

/// A row for each client, a column for each server.
fn write_matrix(f: &mut fmt::Formatter<'_>, outcomes: &[Outcome]) -> fmt::Result {
    let clients = stacks(outcomes, |pair| pair.client);
    let servers = stacks(outcomes, |pair| pair.server);
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
                let (tone, word) = word(outcome);
                let style = tone.style();
                write!(f, "{:gap$}{style}{word}{style:#}", "")?;
                gap = WIDTH - word.len();
            }
        }
    }
    writeln!(f)
}

/// A word for the outcome of a pair, and its tone.
pub(super) fn word(outcome: &Outcome) -> (Tone, &'static str) {
    match (outcome.server_starts, outcome.connects) {
        (Some(false), _) => (Tone::Bad, "no start"),
        (_, Some(true)) => (Tone::Good, "yes"),
        (_, Some(false)) => (Tone::Bad, "no"),
        (Some(true), None) => (Tone::Good, "starts"),
        (None, None) => (Tone::Warning, "?"),
    }
}

/// What the failing programs print, each text once.
pub(super) fn printed(outcomes: &[Outcome]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for outcome in outcomes {
        let server = outcome.server_error.as_ref();
        let client = outcome.client_error.as_ref();
        let texts = [
            server.map(|text| (format!("{} server", outcome.server), text.clone())),
            client.map(|text| (format!("{} client", outcome.client), text.clone())),
        ];
        for text in texts.into_iter().flatten() {
            if !all.contains(&text) {
                all.push(text);
            }
        }
    }
    all
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.finding.severity;
        let tone = Toned(Tone::of_severity(severity), severity);
        writeln!(f, "{tone}: {}", self.summary())?;
        for (name, value) in self.details() {
            writeln!(f, "  {name}: {value}")?;
        }
        Ok(())
    }
}

/// The columns of the matrix: the clients, then each server.
const FIRST_WIDTH: usize = 19;
const WIDTH: usize = 12;
const MIN_COLUMNS: usize = 40;
const MAX_FINDINGS_SHOWN: usize = 30;
const KEY_UNCHECKED: &str = "live-key-unchecked";
