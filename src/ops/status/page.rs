//! The report as a page of HTML.

use time::{Date, Duration};

use super::certificate::{CertificateStatus, LimitKind, Role};
use super::report::{AuthorityStatus, Level, Report};
use super::revocation::RevocationListStatus;
use super::text::{signed_left, state};
use super::timeline::{DAYS, Days};
use crate::error::shown;
use crate::ops::expiry::Left;
use crate::ops::view::{Cell, Content, Item, Section, TableKind, Tone, View};
use crate::pki::validity::rfc3339;
use crate::store::Status;

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
    let issued = &authority.issued;
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let left = match authority.expires_in_seconds {
        seconds @ 0.. => format!("in {}", Left(seconds)),
        seconds => signed_left(seconds),
    };
    let key = if authority.private_key_encrypted {
        "encrypted"
    } else {
        "not encrypted"
    };
    Section {
        title: format!("Authority in {}", shown(&authority.directory)),
        content: Content::Facts(vec![
            fact("Subject", authority.subject.to_string()),
            fact(
                "Expires",
                format!("{} ({left})", rfc3339(authority.not_after)),
            ),
            fact("Issued", issued.to_string()),
            fact("Private key", key.into()),
        ]),
    }
}

fn unreadable(report: &Report) -> Section {
    let items = report.unreadable.iter().map(|error| Item {
        tone: Tone::Warning,
        label: error.code.into(),
        title: error.message.clone(),
        details: error
            .hint
            .iter()
            .map(|hint| ("Hint".to_owned(), hint.clone()))
            .collect(),
    });
    Section {
        title: "Unreadable".into(),
        content: Content::Items(items.collect()),
    }
}

fn certificates(title: &str, certificates: &[&CertificateStatus]) -> Section {
    let heads = [
        "State",
        "Name",
        "Time left",
        "Expires",
        "Issuer",
        "Path",
        "Serial number",
    ];
    Section {
        title: title.into(),
        content: Content::Table {
            heads: heads.map(str::to_owned).to_vec(),
            rows: certificates
                .iter()
                .map(|certificate| row(certificate))
                .collect(),
            kind: TableKind::List,
        },
    }
}

fn row(certificate: &CertificateStatus) -> Vec<Cell> {
    let tone = tone(certificate.level);
    let by = match certificate.limited_by {
        LimitKind::Certificate | LimitKind::Revocation => String::new(),
        kind @ (LimitKind::Intermediate | LimitKind::Anchor) => {
            format!(" by {kind}")
        }
    };
    let more = match certificate.also_at.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let note = certificate
        .note()
        .map_or_else(String::new, |note| format!(": {note}"));
    vec![
        Cell::Badge(tone, state(certificate.status, certificate.level).into()),
        Cell::Name(format!("{}{note}", certificate.title())),
        Cell::Bar {
            part: certificate.remaining,
            tone,
            text: signed_left(certificate.effective_expires_in_seconds),
        },
        Cell::Whole(format!("{}{by}", rfc3339(certificate.effective_not_after))),
        Cell::Text(certificate.facts.issuer.to_string()),
        Cell::Code(format!("{}{more}", shown(&certificate.path))),
        Cell::Number(certificate.facts.serial.to_string()),
    ]
}

fn revocation_lists(lists: &[RevocationListStatus]) -> Section {
    let heads = [
        "State",
        "Time left",
        "Next update",
        "Issuer",
        "Number",
        "Revoked",
        "Path",
    ];
    let rows = lists.iter().map(|list| {
        let note = list.problem.as_deref();
        let note = note.map_or_else(String::new, |note| format!(": {note}"));
        let word = if list.superseded {
            "old"
        } else {
            state(Status::Valid, list.level)
        };
        vec![
            Cell::Badge(tone(list.level), word.into()),
            Cell::Bar {
                part: list.remaining,
                tone: tone(list.level),
                text: list
                    .expires_in_seconds
                    .map_or_else(|| "-".into(), signed_left),
            },
            Cell::Whole(
                list.next_update
                    .map_or_else(|| "not stated".into(), rfc3339),
            ),
            Cell::Text(format!("{}{note}", list.issuer)),
            Cell::Text(list.number.clone().unwrap_or_default()),
            Cell::Text(list.revoked_count.to_string()),
            Cell::Code(shown(&list.path)),
        ]
    });
    Section {
        title: "CRLs".into(),
        content: Content::Table {
            heads: heads.map(str::to_owned).to_vec(),
            rows: rows.collect(),
            kind: TableKind::List,
        },
    }
}

/// The next ninety days, one row per week.
fn calendar(report: &Report) -> Section {
    let days = Days::of(report);
    let heads = ["Week of", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let rows = days.mondays().into_iter().map(|monday| {
        let week = (0..7).map(|offset| monday.saturating_add(Duration::days(offset)));
        std::iter::once(Cell::Text(monday.to_string()))
            .chain(week.map(|date| day(&days, date)))
            .collect()
    });
    Section {
        title: format!("Expiring in the next {DAYS} days"),
        content: Content::Table {
            heads: heads.map(str::to_owned).to_vec(),
            rows: rows.collect(),
            kind: TableKind::Grid,
        },
    }
}

fn day(days: &Days<'_>, date: Date) -> Cell {
    match days.ending(date) {
        [] if days.contains(date) => Cell::Text("·".into()),
        [] => Cell::Text(String::new()),
        ending => {
            let worst = ending.iter().map(|certificate| certificate.level).max();
            Cell::Badge(tone(worst.unwrap_or(Level::Ok)), ending.len().to_string())
        }
    }
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Ok => Tone::Good,
        Level::Warning => Tone::Warning,
        Level::Critical => Tone::Bad,
    }
}
