//! The report as a page.

use time::OffsetDateTime;

use super::networks::{AgentReport, Matrix, NetworkReport, Serves};
use super::report::{FilesReport, Found, Report, role};
use crate::ops::Verdict;
use crate::ops::live::LiveReport;
use crate::ops::view::{Cell, Content, Item, Section, TableKind, Tone, View};
use crate::path::finding::Severity;
use crate::path::stacks::{Outcome, Side, Stack};

/// The report as a page; `at` is the moment it speaks of.
pub fn page(report: &Report, at: OffsetDateTime) -> View {
    let count = |severity| {
        let same = |found: &&Found| found.finding.severity == severity;
        report.findings.iter().filter(same).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let (tone, answer) = match report.verdict {
        Verdict::Yes if warnings > 0 => {
            (Tone::Warning, "It works, and something is to be looked at")
        }
        Verdict::Yes => (Tone::Good, "It works"),
        Verdict::No => (Tone::Bad, "It does not work"),
        Verdict::Undetermined => (Tone::Warning, "It could not be determined"),
    };
    View {
        title: "Will this network work?".into(),
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
        sections.push(section("What was found", Content::Items(items)));
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
    let finding = &found.finding;
    let affects: Vec<String> = found
        .affects
        .iter()
        .map(|affected| match affected.role {
            Side::Client => format!("{} client", affected.stack),
            Side::Server => format!("{} server", affected.stack),
        })
        .collect();
    let mut details = Vec::new();
    let mut detail = |name: &str, value: String| details.push((name.to_owned(), value));
    if let Some(file) = &found.file {
        detail("Where", file.clone());
    }
    if !affects.is_empty() {
        detail("Fails", affects.join(", "));
    }
    detail("Mend it", finding.hint.clone());
    detail("Rule", format!("{}, {}", finding.id, finding.reference));
    Item {
        tone: match finding.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Warning,
            Severity::Note => Tone::Plain,
        },
        label: finding.severity.to_string(),
        title: finding.summary(),
        details,
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
        "Clients that get through",
    ];
    section("Networks", table(&heads, rows.collect(), false))
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
    section("Agents", table(&heads, rows.collect(), false))
}

/// An agent a row, with the networks it reaches and why it does not reach the first of the others.
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
    let heads = ["Agent", "Networks it reaches", "Not reached"];
    section("Who reaches whom", table(&heads, rows.collect(), false))
}

fn of_files(files: &FilesReport) -> Vec<Section> {
    let mut facts: Vec<(String, String)> = files
        .files
        .iter()
        .map(|file| {
            let subject = file.subject.as_ref();
            let subject = subject.map_or_else(String::new, |subject| format!("  {subject}"));
            (
                role(file.role).to_owned(),
                format!("{}{subject}", file.file),
            )
        })
        .collect();
    if let Some(host) = &files.host {
        facts.push(("dialled as".into(), host.clone()));
    }
    if let Some(expiry) = &files.effective_expiry {
        facts.push(("good until".into(), expiry.to_string()));
    }
    let mut sections = vec![section("The setup", Content::Facts(facts))];
    if !files.stacks.is_empty() {
        sections.push(stacks(&files.stacks));
        sections.extend(printed(&files.stacks));
    }
    sections
}

/// A row for each client, a column for each server.
fn stacks(outcomes: &[Outcome]) -> Section {
    let sorted = |of: fn(&Outcome) -> Stack| {
        let mut all: Vec<Stack> = outcomes.iter().map(of).collect();
        all.sort();
        all.dedup();
        all
    };
    let servers = sorted(|pair| pair.server);
    let rows = sorted(|pair| pair.client).into_iter().map(|client| {
        let pair = |server: &Stack| {
            let mut same = outcomes
                .iter()
                .filter(|pair| pair.client == client && pair.server == *server);
            same.next().map_or(Cell::Text(String::new()), |outcome| {
                let (tone, word) = word(outcome);
                Cell::Badge(tone, word.into())
            })
        };
        std::iter::once(Cell::Text(format!("{client} client")))
            .chain(servers.iter().map(pair))
            .collect()
    });
    let heads: Vec<String> = servers
        .iter()
        .map(|server| format!("{server} server"))
        .collect();
    let heads: Vec<&str> = std::iter::once("")
        .chain(heads.iter().map(String::as_str))
        .collect();
    section("Stack by stack", table(&heads, rows.collect(), true))
}

/// What users of the stacks see, each text once.
fn printed(outcomes: &[Outcome]) -> Option<Section> {
    let mut facts: Vec<(String, String)> = Vec::new();
    for outcome in outcomes {
        let server = outcome.server_error.as_ref();
        let client = outcome.client_error.as_ref();
        let said = [
            server.map(|text| (format!("{} server", outcome.server), text.clone())),
            client.map(|text| (format!("{} client", outcome.client), text.clone())),
        ];
        for text in said.into_iter().flatten() {
            if !facts.contains(&text) {
                facts.push(text);
            }
        }
    }
    (!facts.is_empty()).then(|| section("What they print", Content::Facts(facts)))
}

fn live(port: &LiveReport) -> Section {
    section(&port.target, Content::Facts(port.facts()))
}

fn word(outcome: &Outcome) -> (Tone, &'static str) {
    match (outcome.server_starts, outcome.connects) {
        (Some(false), _) => (Tone::Bad, "no start"),
        (_, Some(true)) => (Tone::Good, "yes"),
        (_, Some(false)) => (Tone::Bad, "no"),
        (Some(true), None) => (Tone::Good, "starts"),
        (None, None) => (Tone::Plain, "?"),
    }
}

fn section(title: &str, content: Content) -> Section {
    Section {
        title: title.to_owned(),
        content,
    }
}

fn table(heads: &[&str], rows: Vec<Vec<Cell>>, is_grid: bool) -> Content {
    Content::Table {
        heads: heads.iter().map(|head| (*head).to_owned()).collect(),
        rows,
        kind: if is_grid {
            TableKind::Grid
        } else {
            TableKind::List
        },
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::ops::generate;
    use crate::ops::verify_chain::{Files, Request, run};

    #[test]
    fn a_setup_that_works_and_one_that_does_not_are_told_apart() {
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
        assert!(good.contains("Stack by stack") && !good.contains("What was found"));
        assert!(bad.contains("What they print") && bad.contains("host-mismatch"));
        assert!(!bad.contains("<b>"));
    }
}
