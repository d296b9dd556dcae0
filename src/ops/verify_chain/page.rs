//! The report as a page.

use time::OffsetDateTime;

use super::networks::{Examined, NetworkReport, Serves};
use super::report::{FileReport, Found, Report};
use super::setup::FileRole;
use crate::ops::html::{Cell, Content, Item, Page, Section, Tone};
use crate::ops::live::LiveReport;
use crate::ops::{Report as _, Verdict};
use crate::path::finding::Severity;
use crate::path::stacks::Outcome;
use crate::pki::validity::rfc3339;

/// The report as a page, of what was looked at in this moment.
pub fn page(report: &Report, at: OffsetDateTime) -> Page {
    let (tone, answer) = match report.verdict {
        Verdict::Yes => (Tone::Good, "This setup works"),
        Verdict::No => (Tone::Bad, "This setup does not work"),
    };
    Page {
        title: "Setup of a network".into(),
        answer: answer.into(),
        tone,
        lead: report.reason().unwrap_or_default(),
        sections: sections(report),
        at,
    }
}

fn sections(report: &Report) -> Vec<Section> {
    let mut sections = Vec::new();
    let findings: Vec<Item> = report.findings.iter().map(finding).collect();
    if !findings.is_empty() {
        sections.push(Section {
            title: "Findings".into(),
            content: Content::Items(findings),
        });
    }
    if let Some(files) = &report.files {
        let heads = ["File", "Path", "Subject", "Ends"];
        sections.push(table("Files", &heads, files.files.iter().map(file)));
        let heads = ["Client", "Server", "Call", "Why not"];
        sections.push(table("Stacks", &heads, files.stacks.iter().map(outcome)));
    }
    if let Some(examined) = &report.networks {
        sections.extend(networks(examined));
    }
    if !report.live.is_empty() {
        let heads = ["Port", "Address", "TCP", "TLS", "Why not"];
        sections.push(table("Live ports", &heads, report.live.iter().map(live)));
    }
    sections.retain(|section| match &section.content {
        Content::Table { rows, .. } => !rows.is_empty(),
        Content::Facts(_) | Content::Items(_) => true,
    });
    sections
}

fn networks(examined: &Examined) -> Vec<Section> {
    let heads = ["Network", "Name", "Listens on", "Serves", "Stays up"];
    let mut sections = vec![table(
        "Networks",
        &heads,
        examined.networks.iter().map(network),
    )];
    if let Some(matrix) = &examined.matrix {
        let heads = ["Agent", "Network", "Reaches it", "Why"];
        let rows = matrix.rows().iter().map(|row| {
            vec![
                text(&*row.agent),
                code(&*row.network),
                yes_or_no(Some(row.reaches)),
                text(&row.why),
            ]
        });
        sections.push(table("Agents", &heads, rows));
    }
    sections
}

fn finding(found: &Found) -> Item {
    let finding = &found.finding;
    let tone = match finding.severity {
        Severity::Note => Tone::Plain,
        Severity::Warning => Tone::Warning,
        Severity::Error => Tone::Bad,
    };
    let mut details = Vec::new();
    let mut detail = |name: &str, value: Option<String>| {
        details.extend(value.map(|value| (name.to_owned(), value)));
    };
    detail("file", found.file.clone());
    let certificate = finding.certificate.as_ref();
    detail("certificate", certificate.map(ToString::to_string));
    detail("values", finding.evidence.as_ref().map(ToString::to_string));
    detail("mended by", Some(finding.hint.clone()));
    detail(
        "rule",
        Some(format!("{}, {}", finding.id, finding.reference)),
    );
    Item {
        tone,
        label: finding.severity.to_string(),
        title: finding.message.clone(),
        details,
    }
}

fn file(file: &FileReport) -> Vec<Cell> {
    let ends = file.expiry.as_ref().map(|expiry| rfc3339(expiry.not_after));
    let subject = file.subject.as_ref().map(ToString::to_string);
    vec![
        text(role(file.role)),
        code(&file.file),
        text(subject.unwrap_or_default()),
        Cell::Whole(ends.map(|ends| ends.to_string()).unwrap_or_default()),
    ]
}

fn role(role: FileRole) -> &'static str {
    match role {
        FileRole::ServerCertificate => "server certificate",
        FileRole::ServerKey => "server key",
        FileRole::Ca => "CA",
        FileRole::ClientCertificate => "client certificate",
        FileRole::ClientKey => "client key",
        FileRole::ClientCa => "client CA",
    }
}

fn outcome(outcome: &Outcome) -> Vec<Cell> {
    let errors = [&outcome.server_error, &outcome.client_error];
    let errors: Vec<&str> = errors.into_iter().flatten().map(String::as_str).collect();
    vec![
        text(outcome.client.to_string()),
        text(outcome.server.to_string()),
        yes_or_no(outcome.connects),
        text(errors.join("; ")),
    ]
}

fn network(network: &NetworkReport) -> Vec<Cell> {
    let grpc = &network.grpc;
    let tone = match grpc.serves {
        Serves::Tls | Serves::Mtls => Tone::Good,
        Serves::Plaintext => Tone::Warning,
        Serves::None => Tone::Bad,
    };
    let port = grpc.port.map(|port| format!("{} port {port}", grpc.host));
    vec![
        code(&network.file),
        text(network.name.clone().unwrap_or_default()),
        text(port.unwrap_or_default()),
        Cell::Badge(tone, grpc.serves.to_string()),
        yes_or_no(Some(network.stays_up)),
    ]
}

fn live(port: &LiveReport) -> Vec<Cell> {
    let address = port.address.map(|address| address.to_string());
    let version = port.tls_version.map(|version| version.to_string());
    let error = port.tcp_error.as_ref().or(port.handshake_error.as_ref());
    vec![
        text(&port.target),
        text(address.unwrap_or_default()),
        text(port.tcp),
        text(version.unwrap_or_default()),
        text(error.cloned().unwrap_or_default()),
    ]
}

fn table(title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> Section {
    Section {
        title: title.into(),
        content: Content::Table {
            heads: heads.iter().map(ToString::to_string).collect(),
            rows: rows.collect(),
            is_grid: false,
        },
    }
}

fn yes_or_no(answer: Option<bool>) -> Cell {
    match answer {
        Some(true) => Cell::Badge(Tone::Good, "yes".into()),
        Some(false) => Cell::Badge(Tone::Bad, "no".into()),
        None => Cell::Badge(Tone::Plain, "not known".into()),
    }
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn code(text: impl Into<String>) -> Cell {
    Cell::Code(text.into())
}
