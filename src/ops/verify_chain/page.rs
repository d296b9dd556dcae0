//! The report as a page.

use time::OffsetDateTime;

use super::networks::{AgentReport, Matrix, NetworkReport, Serves};
use super::report::{FilesReport, Found, Report, printed, stacks, word};
use crate::ops::Verdict;
use crate::ops::live::LiveReport;
use crate::ops::view::{Cell, Content, Item, Section, TableKind, Tone, View};
use crate::path::finding::Severity;
use crate::path::stacks::{Outcome, Stack};

/// The report as a page about the moment `at`.
pub fn page(report: &Report, at: OffsetDateTime) -> View {
    let count = |severity| {
        let same = |found: &&Found| found.finding.severity == severity;
        report.findings.iter().filter(same).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
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
        lead: format!(
            "errors: {errors}, warnings: {warnings}, notes: {}",
            count(Severity::Note)
        ),
        sections: sections(report),
        at,
    }
}

fn sections(report: &Report) -> Vec<Section> {
    let mut sections = Vec::new();
    if !report.findings.is_empty() {
        let items = report.findings.iter().map(item).collect();
        sections.push(section("Findings", Content::Items(items)));
    }
    if let Some(networks) = &report.networks {
        if !networks.networks.is_empty() {
            sections.push(networks_table(&networks.networks));
        }
        if !networks.agents.is_empty() {
            sections.push(agents_table(&networks.agents));
        }
        sections.extend(networks.matrix.as_ref().map(matrix));
    }
    if let Some(files) = &report.files {
        sections.extend(of_files(files));
    }
    sections.extend(report.live.iter().map(live));
    sections
}

fn item(found: &Found) -> Item {
    let details = found.details().into_iter();
    Item {
        tone: Tone::of_severity(found.finding.severity),
        label: found.finding.severity.to_string(),
        title: found.summary(),
        details: details
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn networks_table(networks: &[NetworkReport]) -> Section {
    let rows = networks.iter().map(|network| {
        let grpc = &network.grpc;
        let tone = match grpc.serves {
            Serves::Mtls | Serves::Tls if network.stays_up => Tone::Good,
            Serves::Mtls | Serves::Tls | Serves::None => Tone::Bad,
            Serves::Plaintext => Tone::Warning,
        };
        let port = grpc
            .port
            .map_or_else(|| "-".into(), |port| port.to_string());
        let clients = network.clients.iter().map(|outcome| {
            let (_, word) = word(outcome);
            format!("{} {word}", outcome.client)
        });
        vec![
            Cell::Code(network.file.clone()),
            Cell::Text(grpc.host.clone()),
            Cell::Text(port),
            Cell::Badge(tone, grpc.serves.to_string()),
            Cell::Text(clients.collect::<Vec<_>>().join(", ")),
        ]
    });
    let heads = [
        "File",
        "Host",
        "gRPC port",
        "Serves",
        "Clients that connect",
    ];
    section("Networks", table(&heads, rows.collect()))
}

fn agents_table(agents: &[AgentReport]) -> Section {
    let rows = agents.iter().map(|agent| {
        let (tone, word) = if agent.speaks_tls {
            (Tone::Good, "TLS")
        } else {
            (Tone::Warning, "plaintext")
        };
        vec![
            Cell::Text(agent.name.clone()),
            Cell::Code(agent.file.clone().unwrap_or_default()),
            Cell::Code(agent.dials.clone().unwrap_or_else(|| "nothing".into())),
            Cell::Badge(tone, word.into()),
        ]
    });
    let heads = ["Agent", "File", "Dials", "Speaks"];
    section("Agents", table(&heads, rows.collect()))
}

/// A row for each agent: how many networks it reaches, and why it does not reach another.
fn matrix(matrix: &Matrix) -> Section {
    let rows = matrix.by_agent().into_iter().map(|rows| {
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
    });
    let heads = ["Agent", "Networks", "Not reached"];
    section("Reachability", table(&heads, rows.collect()))
}

fn of_files(files: &FilesReport) -> Vec<Section> {
    let mut sections = vec![section("Setup", Content::Facts(files.facts()))];
    if !files.stacks.is_empty() {
        sections.push(stack_grid(&files.stacks));
        let printed = printed(&files.stacks);
        if !printed.is_empty() {
            sections.push(section("Messages", Content::Facts(printed)));
        }
    }
    sections
}

/// A row for each client, a column for each server.
fn stack_grid(outcomes: &[Outcome]) -> Section {
    let servers = stacks(outcomes, |pair| pair.server);
    let clients = stacks(outcomes, |pair| pair.client);
    let rows = clients.into_iter().map(|client| {
        let cell = |server: &Stack| {
            let is_pair = |pair: &&Outcome| pair.client == client && pair.server == *server;
            outcomes
                .iter()
                .find(is_pair)
                .map_or(Cell::Text(String::new()), |outcome| {
                    let (tone, word) = word(outcome);
                    Cell::Badge(tone, word.into())
                })
        };
        std::iter::once(Cell::Name(format!("{client} client")))
            .chain(servers.iter().map(cell))
            .collect()
    });
    let heads = servers.iter().map(|server| format!("{server} server"));
    let content = Content::Table {
        heads: std::iter::once(String::new()).chain(heads).collect(),
        rows: rows.collect(),
        kind: TableKind::Grid,
    };
    section("Stacks", content)
}

fn live(port: &LiveReport) -> Section {
    section(&port.target, Content::Facts(port.facts()))
}

fn section(title: &str, content: Content) -> Section {
    Section {
        title: title.to_owned(),
        content,
    }
}

fn table(heads: &[&str], rows: Vec<Vec<Cell>>) -> Content {
    Content::Table {
        heads: heads.iter().map(|head| (*head).to_owned()).collect(),
        rows,
        kind: TableKind::List,
    }
}

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
