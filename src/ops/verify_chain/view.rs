//! The report as text and as a page.

use std::fmt;

use time::OffsetDateTime;

use super::networks::{AgentReport, Matrix, NetworkReport, NetworksReport, Serves};
use super::report::{FileFinding, FilesReport, Report};
use crate::error::shown;
use crate::ops::Verdict;
use crate::ops::view::{Cell, Content, Item, Section, TableKind, Tone, Toned, View};
use crate::path::finding::Severity;
use crate::path::stacks::{File as FileRole, Outcome, Stack};
use crate::pki::escape::Escaped;

/// The report as a page about the moment `at`.
pub fn page(report: &Report, at: OffsetDateTime) -> View {
    let severities = report.findings.iter().map(|one| one.finding.severity);
    let count = |severity| severities.clone().filter(|one| *one == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let notes = count(Severity::Note);
    let (tone, answer) = match report.verdict {
        Verdict::Yes if warnings > 0 => (Tone::Warning, "It works, with warnings"),
        Verdict::Yes => (Tone::Good, "It works"),
        Verdict::No => (Tone::Bad, "It does not work"),
        Verdict::Undetermined => (Tone::Warning, "Undetermined"),
    };
    View {
        title: "Connection check".into(),
        answer: answer.into(),
        tone,
        lead: format!("errors: {errors}, warnings: {warnings}, notes: {notes}"),
        sections: sections(report),
        at,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for edit in &self.written {
            write!(f, "{edit}")?;
        }
        if let Some(networks) = &self.networks {
            write!(f, "{networks}")?;
        }
        if let Some(files) = &self.files {
            let gap = if self.networks.is_some() { "\n" } else { "" };
            write!(f, "{gap}{files}")?;
        }
        for (i, port) in self.live.iter().enumerate() {
            let gap = match i > 0 || self.files.is_some() {
                true => "\n",
                false => "",
            };
            write!(f, "{gap}{port}")?;
        }
        let findings = self.findings.iter().filter(|finding| !finding.is_nested);
        let hidden = findings.clone().skip(MAX_FINDINGS_SHOWN).count();
        for finding in findings.take(MAX_FINDINGS_SHOWN) {
            write!(f, "\n{finding}")?;
        }
        if hidden > 0 {
            writeln!(f, "\n… and {hidden} more; see all with --format json")?;
        }
        Ok(())
    }
}

impl fmt::Display for FilesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.facts() {
            writeln!(f, "{name:<15}{value}")?;
        }
        let Some(grid) = Grid::of(&self.stacks) else {
            return Ok(());
        };
        write!(f, "\n{grid}")?;
        for (i, (side, text)) in printed(&self.stacks).iter().enumerate() {
            let gap = if i == 0 { "\n" } else { "" };
            writeln!(f, "{gap}a {side} prints: {}", Escaped(text))?;
        }
        Ok(())
    }
}

impl fmt::Display for FileFinding {
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

fn sections(report: &Report) -> Vec<Section> {
    let mut sections = Vec::new();
    if !report.findings.is_empty() {
        let items = report.findings.iter().map(item).collect();
        sections.push(Section::new("Findings", Content::Items(items)));
    }
    if let Some(networks) = &report.networks {
        sections.extend(of_networks(networks));
    }
    if let Some(files) = &report.files {
        sections.push(Section::new("Setup", Content::Facts(files.facts())));
        sections.extend(Grid::of(&files.stacks).map(|grid| grid.section()));
        let printed = printed(&files.stacks);
        if !printed.is_empty() {
            sections.push(Section::new("Messages", Content::Facts(printed)));
        }
    }
    let live = report.live.iter();
    sections.extend(live.map(|port| Section::new(&port.target, Content::Facts(port.facts()))));
    sections
}

fn item(finding: &FileFinding) -> Item {
    let severity = finding.finding.severity;
    let details = finding.details().into_iter();
    let details = details.map(|(name, value)| (name.to_owned(), value));
    Item {
        tone: Tone::of_severity(severity),
        label: severity.to_string(),
        title: finding.summary(),
        details: details.collect(),
    }
}

fn of_networks(report: &NetworksReport) -> Vec<Section> {
    let networks = report.networks.iter().map(network).collect();
    let agents = report.agents.iter().map(agent).collect();
    let matrix = report.matrix.as_ref().map(reachability);
    [
        list("Networks", NETWORK_HEADS, networks),
        list("Agents", &["Agent", "File", "Dials", "Speaks"], agents),
        matrix.and_then(|rows| list("Reachability", &["Agent", "Networks", "Not reached"], rows)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn network(network: &NetworkReport) -> Vec<Cell> {
    let grpc = &network.grpc;
    let tone = match grpc.serves {
        Serves::Mtls | Serves::Tls if network.stays_up => Tone::Good,
        Serves::Mtls | Serves::Tls | Serves::None => Tone::Bad,
        Serves::Plaintext => Tone::Warning,
    };
    let port = grpc.port.map(|port| port.to_string());
    let clients = network.clients.iter();
    let clients = clients.map(|outcome| format!("{} {}", outcome.client, word(outcome).1));
    vec![
        Cell::Code(network.file.clone()),
        Cell::Text(grpc.host.clone()),
        Cell::Text(port.unwrap_or_else(|| "-".into())),
        Cell::Badge(tone, grpc.serves.to_string()),
        Cell::Text(clients.collect::<Vec<_>>().join(", ")),
    ]
}

fn agent(agent: &AgentReport) -> Vec<Cell> {
    let (tone, word) = match agent.speaks_tls {
        true => (Tone::Good, "TLS"),
        false => (Tone::Warning, "plaintext"),
    };
    let dials = agent.dials.clone();
    vec![
        Cell::Text(agent.name.clone()),
        Cell::Code(agent.file.clone().unwrap_or_default()),
        Cell::Code(dials.unwrap_or_else(|| "nothing".into())),
        Cell::Badge(tone, word.into()),
    ]
}

/// A row for each agent: how many networks it reaches, and why it does not reach another.
fn reachability(matrix: &Matrix) -> Vec<Vec<Cell>> {
    let row = |rows: &[super::networks::MatrixRow]| {
        let agent = rows.first().map(|row| row.agent.to_string());
        let reached = rows.iter().filter(|row| row.reaches).count();
        let tone = if reached == 0 { Tone::Bad } else { Tone::Good };
        let missed = rows.iter().find(|row| !row.reaches);
        let why = missed.map(|row| format!("{}: {}", row.network, row.why));
        vec![
            Cell::Text(agent.unwrap_or_default()),
            Cell::Badge(tone, format!("{reached} of {}", rows.len())),
            Cell::Text(why.unwrap_or_default()),
        ]
    };
    matrix.by_agent().map(row).collect()
}

impl FilesReport {
    /// The files, the dialled name and the expiry, as names and values.
    fn facts(&self) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = Vec::new();
        for file in &self.files {
            let subject = file.subject.as_ref();
            let subject = subject.map_or_else(String::new, |subject| format!("  {subject}"));
            let value = format!("{}{subject}", shown(&file.path));
            facts.push((label(file.role).to_owned(), value));
        }
        if let Some(host) = &self.host {
            let source = match self.is_host_assumed {
                true => " (from the certificate; override with --host)",
                false => "",
            };
            facts.push(("dialled as".into(), format!("{}{source}", Escaped(host))));
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
        FileRole::ClientRoots => "client trusts",
        FileRole::ClientCertificate => "client",
        FileRole::ClientKey => "client key",
        FileRole::ServerRoots => "server trusts",
    }
}

/// The outcomes of stacks: a row for each client, a column for each server.
struct Grid<'a> {
    outcomes: &'a [Outcome],
    clients: Vec<Stack>,
    servers: Vec<Stack>,
}

impl<'a> Grid<'a> {
    fn of(outcomes: &'a [Outcome]) -> Option<Self> {
        let stacks = |of: fn(&Outcome) -> Stack| {
            let mut all: Vec<Stack> = outcomes.iter().map(of).collect();
            all.sort();
            all.dedup();
            all
        };
        (!outcomes.is_empty()).then(|| Grid {
            outcomes,
            clients: stacks(|pair| pair.client),
            servers: stacks(|pair| pair.server),
        })
    }

    /// The words of a row.
    fn row(&self, client: Stack) -> impl Iterator<Item = (Tone, &'static str)> {
        let outcome = move |server: &Stack| {
            let is_pair = |pair: &&Outcome| pair.client == client && pair.server == *server;
            self.outcomes.iter().find(is_pair)
        };
        self.servers.iter().filter_map(outcome).map(word)
    }

    fn section(&self) -> Section {
        let servers = self.servers.iter().map(|server| format!("{server} server"));
        let rows = self.clients.iter().map(|client| {
            let cells = self.row(*client);
            let cells = cells.map(|(tone, word)| Cell::Badge(tone, word.into()));
            let name = Cell::Name(format!("{client} client"));
            std::iter::once(name).chain(cells).collect()
        });
        let heads: Vec<String> = std::iter::once(String::new()).chain(servers).collect();
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        Section::table("Stacks", &heads, rows.collect(), TableKind::Grid)
    }
}

impl fmt::Display for Grid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, cells: &mut dyn Iterator<Item = (Tone, String)>| {
            write!(f, "{name}")?;
            let mut gap = FIRST_WIDTH - name.len();
            for (tone, word) in cells {
                let style = tone.style();
                write!(f, "{:gap$}{style}{word}{style:#}", "")?;
                gap = WIDTH - word.len();
            }
            writeln!(f)
        };
        let servers = self.servers.iter();
        let mut heads = servers.map(|server| (Tone::Plain, server.to_string()));
        line("client  /  server", &mut heads)?;
        for client in &self.clients {
            let words = self.row(*client);
            let mut words = words.map(|(tone, word)| (tone, word.to_owned()));
            line(&client.to_string(), &mut words)?;
        }
        Ok(())
    }
}

/// A word for the outcome of a pair, and its tone.
fn word(outcome: &Outcome) -> (Tone, &'static str) {
    match (outcome.server_starts, outcome.connects) {
        (Some(false), _) => (Tone::Bad, "no start"),
        (_, Some(true)) => (Tone::Good, "yes"),
        (_, Some(false)) => (Tone::Bad, "no"),
        (Some(true), None) => (Tone::Good, "starts"),
        (None, None) => (Tone::Warning, "?"),
    }
}

/// What the failing programs print, each text once.
fn printed(outcomes: &[Outcome]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for outcome in outcomes {
        let sides = [
            (outcome.server, "server", &outcome.server_error),
            (outcome.client, "client", &outcome.client_error),
        ];
        for (stack, side, error) in sides {
            let text = error.clone().map(|text| (format!("{stack} {side}"), text));
            all.extend(text.filter(|text| !all.contains(text)));
        }
    }
    all
}

/// A section with a table, if it has rows.
fn list(title: &str, heads: &[&str], rows: Vec<Vec<Cell>>) -> Option<Section> {
    (!rows.is_empty()).then(|| Section::table(title, heads, rows, TableKind::List))
}

const NETWORK_HEADS: &[&str] = &[
    "File",
    "Host",
    "gRPC port",
    "Serves",
    "Clients that connect",
];
/// The columns of the grid: the clients, then each server.
const FIRST_WIDTH: usize = 19;
const WIDTH: usize = 12;
const MAX_FINDINGS_SHOWN: usize = 30;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::ops::generate;
    use crate::ops::verify_chain::{Files, Request, run};

    #[test]
    fn a_working_setup_and_a_broken_one_look_different() {
        let directory = tempfile::tempdir().unwrap();
        let now = datetime!(2026-11-20 08:05 UTC);
        let request = generate::Request::new(directory.path(), "localhost".parse().unwrap());
        generate::run(&request, &|_| unreachable!(), now).unwrap();

        let files = Files::of_directory(directory.path()).unwrap();
        let mut request = Request::of_files(files);
        let good = page(&run(&request, now).unwrap(), now);
        request.host = Some("<b>.example.org".into());
        let bad = page(&run(&request, now).unwrap(), now);

        assert_eq!((good.tone, bad.tone), (Tone::Good, Tone::Bad));
        let (good, bad) = (good.to_html(), bad.to_html());
        assert!(good.contains("Stacks") && !good.contains("Findings"));
        assert!(bad.contains("Messages") && bad.contains("host-mismatch"));
        assert!(!bad.contains("<b>"));
    }
}
