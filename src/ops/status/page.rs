//! The report as a page of HTML.

use time::{Date, Duration};

use super::certificate::{CertificateStatus, Role};
use super::report::{AuthorityStatus, Level, Report};
use super::revocation::RevocationListStatus;
use super::text::{Row, signed_left};
use super::timeline::{DAYS, Days, worst};
use crate::error::shown;
use crate::ops::expiry::Left;
use crate::ops::view::{Cell, Content, Item, Section, TableKind, Tone, View};
use crate::pki::validity::rfc3339;

/// The report as a view, for a page.
pub fn page(report: &Report) -> View {
    let summary = &report.summary;
    let (tone, answer) = match (report.level, summary.unreadable) {
        (Level::Critical, _) => (Tone::Bad, "Action needed now"),
        (Level::Warning, _) => (Tone::Warning, "Action needed soon"),
        (Level::Ok, 1..) => (Tone::Warning, "Some files could not be read"),
        (Level::Ok, 0) => (Tone::Good, "All certificates are valid"),
    };
    let mut lead = format!(
        "{} critical, {} warning, {} ok, {} unreadable",
        summary.critical, summary.warning, summary.ok, summary.unreadable
    );
    if let Some(soonest) = summary.soonest_in_seconds.filter(|soonest| *soonest >= 0) {
        lead.push_str(&format!(
            "; the next certificate expires in {}",
            Left(soonest)
        ));
    }
    View {
        title: "Certificate status".into(),
        answer: answer.into(),
        tone,
        lead,
        sections: sections(report),
        at: report.checked_at,
    }
}

fn sections(report: &Report) -> Vec<Section> {
    let mut sections: Vec<Section> = report.authorities.iter().map(authority).collect();
    if !report.unreadable.is_empty() {
        sections.push(unreadable(report));
    }
    let (anchors, others): (Vec<_>, Vec<_>) = report
        .certificates
        .iter()
        .partition(|certificate| certificate.role == Role::Anchor);
    if !others.is_empty() {
        sections.push(certificates("Certificates", &others));
        sections.push(calendar(report));
    }
    if !anchors.is_empty() {
        sections.push(certificates("Anchors", &anchors));
    }
    if !report.revocation_lists.is_empty() {
        sections.push(revocation_lists(&report.revocation_lists));
    }
    sections
}

fn authority(authority: &AuthorityStatus) -> Section {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let left = match authority.expires_in_seconds {
        seconds @ 0.. => format!("in {}", Left(seconds)),
        seconds => signed_left(seconds),
    };
    let key = match authority.private_key_encrypted {
        true => "encrypted",
        false => "not encrypted",
    };
    let expires = format!("{} ({left})", rfc3339(authority.not_after));
    let facts = vec![
        fact("Subject", authority.subject.to_string()),
        fact("Expires", expires),
        fact("Issued", authority.issued.to_string()),
        fact("Private key", key.into()),
    ];
    let title = format!("Authority in {}", shown(&authority.directory));
    Section::new(&title, Content::Facts(facts))
}

fn unreadable(report: &Report) -> Section {
    let items = report.unreadable.iter().map(|error| Item {
        tone: Tone::Warning,
        label: error.code.into(),
        title: error.message.clone(),
        details: (error.hint.iter())
            .map(|hint| ("Hint".to_owned(), hint.clone()))
            .collect(),
    });
    Section::new("Unreadable", Content::Items(items.collect()))
}

fn certificates(title: &str, certificates: &[&CertificateStatus]) -> Section {
    let rows = certificates.iter().map(|certificate| row(certificate));
    Section::table(title, CERTIFICATE_HEADS, rows.collect(), TableKind::List)
}

fn row(certificate: &CertificateStatus) -> Vec<Cell> {
    let row = Row::of(certificate);
    let [badge, bar, ends, location] = row.cells();
    vec![
        badge,
        Cell::Name(with_note(row.name, row.note)),
        bar,
        ends,
        Cell::Text(certificate.facts.issuer.to_string()),
        location,
        Cell::Number(certificate.facts.serial.to_string()),
    ]
}

fn revocation_lists(lists: &[RevocationListStatus]) -> Section {
    let row = |list: &RevocationListStatus| {
        let row = Row::of_list(list);
        let [badge, bar, ends, location] = row.cells();
        vec![
            badge,
            bar,
            ends,
            Cell::Text(with_note(list.issuer.to_string(), row.note)),
            Cell::Text(list.number.clone().unwrap_or_default()),
            Cell::Text(list.revoked_count.to_string()),
            location,
        ]
    };
    let rows = lists.iter().map(row).collect();
    Section::table("CRLs", LIST_HEADS, rows, TableKind::List)
}

impl Row {
    /// The state, the time left, the end, and the place.
    fn cells(&self) -> [Cell; 4] {
        let tone = self.level.tone();
        [
            Cell::Badge(tone, self.state.into()),
            Cell::Bar {
                part: self.remaining,
                tone,
                text: self.left.clone(),
            },
            Cell::Whole(format!("{} {}", self.ends, self.limit).trim_end().into()),
            Cell::Code(self.location.clone()),
        ]
    }
}

fn with_note(text: String, note: Option<String>) -> String {
    match note {
        Some(note) => format!("{text}: {note}"),
        None => text,
    }
}

/// How many certificates expire each day.
fn calendar(report: &Report) -> Section {
    let days = Days::of(report);
    let day = |date: Date| match days.ending(date) {
        [] if days.contains(date) => Cell::Text("·".into()),
        [] => Cell::Text(String::new()),
        ending => Cell::Badge(worst(ending).tone(), ending.len().to_string()),
    };
    let rows = days.mondays().into_iter().map(|monday| {
        let week = (0..7).map(|offset| monday.saturating_add(Duration::days(offset)));
        let first = std::iter::once(Cell::Text(monday.to_string()));
        first.chain(week.map(day)).collect()
    });
    let title = format!("Expiring in the next {DAYS} days");
    Section::table(&title, CALENDAR_HEADS, rows.collect(), TableKind::Grid)
}

const CERTIFICATE_HEADS: &[&str] = &[
    "State",
    "Name",
    "Time left",
    "Expires",
    "Issuer",
    "Path",
    "Serial number",
];
const LIST_HEADS: &[&str] = &[
    "State",
    "Time left",
    "Next update",
    "Issuer",
    "Number",
    "Revoked",
    "Path",
];
const CALENDAR_HEADS: &[&str] = &["Week of", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
