//! The audit trail: who changed what.

use std::ops::ControlFlow;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::mpsc::Sender;

use super::certificates::{Chunk, attachment, streamed};
use super::page::{Moment, with_query};
use super::{Access, Answer, Frame, Refusal, Tab, html};
use crate::ops::audit::{CSV_COLUMNS, csv_fields};
use crate::ops::list::csv_line;
use crate::pki::validity::{Lifetime, moment};
use crate::server::core::Core;
use crate::store::{Action, AuditFilter, AuditRecord};

/// The routes.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/audit", get(page))
        .route("/audit.csv", get(csv))
        .route("/audit.jsonl", get(json_lines))
}

/// The fields of the form above the records, and the place among them. An empty field asks nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AuditQuery {
    action: String,
    by: String,
    subject: String,
    /// A time, or a lifetime until now.
    since: String,
    /// Behind this record: its time in seconds, a dot, and its position.
    after: String,
}

impl AuditQuery {
    fn filter(&self, now: OffsetDateTime) -> Result<AuditFilter, Refusal> {
        let text = |text: &str| {
            let text: String = text.trim().chars().take(MAX_TEXT).collect();
            Some(text).filter(|text| !text.is_empty())
        };
        let action = match self.action.as_str() {
            "" => None,
            name => {
                let action = Action::named(name);
                Some(action.ok_or_else(|| Refusal::unreadable("There is no such action."))?)
            }
        };
        let since = text(&self.since).map(|since| match since.parse::<Lifetime>() {
            Ok(lifetime) => Ok(now.saturating_sub(lifetime.duration())),
            Err(_) => moment(&since).map_err(|_| {
                Refusal::Request(
                    "The time cannot be read.".into(),
                    "Write a time such as 2026-11-01T00:00:00Z, or a lifetime such as 7d.".into(),
                )
            }),
        });
        let after = match self.after.as_str() {
            "" => None,
            place => Some(place_of(place).ok_or_else(|| Refusal::unreadable("This is no place."))?),
        };
        Ok(AuditFilter {
            since: since.transpose()?,
            action,
            by: text(&self.by),
            subject: text(&self.subject),
            after,
            ..AuditFilter::default()
        })
    }

    fn address(&self, path: &str, after: &str) -> String {
        let fields = [
            ("action", self.action.as_str()),
            ("by", &self.by),
            ("subject", &self.subject),
            ("since", &self.since),
            ("after", after),
        ];
        with_query(path, &fields)
    }
}

fn place_of(text: &str) -> Option<(OffsetDateTime, u64)> {
    let (at, position) = text.split_once('.')?;
    let at = OffsetDateTime::from_unix_timestamp(at.parse().ok()?).ok()?;
    Some((at, position.parse().ok()?))
}

/// The page.
async fn page(
    State(core): State<Arc<Core>>,
    access: Access,
    Query(query): Query<AuditQuery>,
) -> Answer {
    let now = core.now();
    let filter = query.filter(now)?;
    let (found, next) = matching(&core, filter).await?;
    let next = next.map(|(at, position)| format!("{}.{position}", at.unix_timestamp()));
    html(&AuditPage {
        frame: Frame::new(&core, access, Tab::Audit, "Audit"),
        next: next.map_or(String::new(), |place| query.address("/audit", &place)),
        first: match query.after.is_empty() {
            true => String::new(),
            false => query.address("/audit", ""),
        },
        csv: query.address("/audit.csv", ""),
        json_lines: query.address("/audit.jsonl", ""),
        rows: found.iter().map(|record| Record::of(record, now)).collect(),
        query,
    })
}

/// The next records that match, and the place to go on from if there may be more. No index finds a text in them: so only
/// some are looked at, and the one who asks goes on.
async fn matching(
    core: &Core,
    filter: AuditFilter,
) -> Result<(Vec<AuditRecord>, Option<(OffsetDateTime, u64)>), Refusal> {
    let all = AuditFilter {
        by: None,
        subject: None,
        ..filter.clone()
    };
    let found = core.read(move |inventory, _| {
        let (mut found, mut last, mut examined) = (Vec::new(), None, 0);
        let mut is_stopped = false;
        inventory.audit(&all, &mut |record| {
            if found.len() == ROWS || examined == MAX_EXAMINED {
                is_stopped = true;
                return ControlFlow::Break(());
            }
            examined += 1;
            last = Some((record.at, record.position));
            found.extend(Some(record).filter(|record| filter.matches(record)));
            ControlFlow::Continue(())
        })?;
        Ok((found, last.filter(|_| is_stopped)))
    });
    Ok(found.await?)
}

async fn records(core: &Core, filter: AuditFilter) -> Result<Vec<AuditRecord>, Refusal> {
    let found = core.read(move |inventory, _| {
        let mut found = Vec::new();
        inventory.audit(&filter, &mut |record| {
            found.push(record);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    });
    Ok(found.await?)
}

/// The records as CSV.
async fn csv(
    State(core): State<Arc<Core>>,
    _access: Access,
    Query(query): Query<AuditQuery>,
) -> Answer {
    let filter = query.filter(core.now())?;
    let head = csv_line(CSV_COLUMNS);
    let line = |record: &AuditRecord| csv_line(csv_fields(record));
    let body = streamed(move |to| write(core, filter, (head, line), to));
    Ok(attachment("text/csv; charset=utf-8", "audit.csv", body))
}

/// The records as JSON, one on each line.
async fn json_lines(
    State(core): State<Arc<Core>>,
    _access: Access,
    Query(query): Query<AuditQuery>,
) -> Answer {
    let filter = query.filter(core.now())?;
    let line = |record: &AuditRecord| match serde_json::to_string(record) {
        Ok(line) => line + "\n",
        Err(error) => unreachable!("it has only text and numbers: {error}"),
    };
    let body = streamed(move |to| write(core, filter, (String::new(), line), to));
    Ok(attachment("application/jsonl", "audit.jsonl", body))
}

/// Writes pages of records, each read when the client has taken those before it.
async fn write(
    core: Arc<Core>,
    mut filter: AuditFilter,
    (mut text, line): (String, fn(&AuditRecord) -> String),
    to: Sender<Chunk>,
) {
    filter.limit = Some(PAGE);
    loop {
        let chunk = match records(&core, filter.clone()).await {
            Ok(page) => {
                text.extend(page.iter().map(line));
                filter.after = page.last().map(|last| (last.at, last.position));
                Ok(std::mem::take(&mut text).into())
            }
            // A file that is not whole must not look so: the connection breaks.
            Err(_) => Err(std::io::Error::other("the inventory cannot be read")),
        };
        let is_over = chunk.is_err() || filter.after.is_none();
        if to.send(chunk).await.is_err() || is_over {
            return;
        }
    }
}

/// A record as a page shows it.
pub(super) struct Record {
    pub(super) at: Moment,
    pub(super) action: String,
    pub(super) tone: &'static str,
    pub(super) subject: String,
    pub(super) serial: String,
    pub(super) details: String,
    pub(super) by: String,
    pub(super) credential: String,
    pub(super) origin: String,
}

impl Record {
    pub(super) fn of(record: &AuditRecord, now: OffsetDateTime) -> Self {
        let AuditRecord { event, by, .. } = record;
        let serial = event.serial.as_ref();
        let subject = match event.count {
            1 => event.subject.clone(),
            count => format!("{count} {}", event.subject),
        };
        Record {
            at: Moment::new(record.at, now),
            action: event.action.name().replace('_', " "),
            tone: tone(event.action),
            subject,
            serial: serial.map(ToString::to_string).unwrap_or_default(),
            details: event.details.clone(),
            by: by.actor.clone(),
            credential: by.credential.clone(),
            origin: by.origin.clone(),
        }
    }
}

/// The tone of an action: what takes something away is bad, what gives something to the outside is plain.
fn tone(action: Action) -> &'static str {
    match action {
        Action::Revoked | Action::TokenRevoked | Action::AccountDeactivated => "bad",
        Action::Issued | Action::Renewed | Action::Unrevoked => "good",
        Action::Pruned | Action::CaRetired | Action::EntryRemoved => "warning",
        Action::Adopted
        | Action::CaCreated
        | Action::CaActivated
        | Action::CrlSigned
        | Action::TokenCreated
        | Action::TokenUsed
        | Action::AccountCreated
        | Action::AccountChanged
        | Action::EntryAdded
        | Action::LoginCreated
        | Action::SignedIn
        | Action::SignedOut
        | Action::SettingsReloaded => "plain",
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    query: AuditQuery,
    rows: Vec<Record>,
    /// The newest, when they are not shown.
    first: String,
    next: String,
    csv: String,
    json_lines: String,
}

impl AuditPage {
    fn actions(&self) -> Vec<(&'static str, String)> {
        let all = Action::ALL.iter();
        all.map(|action| (action.name(), action.name().replace('_', " ")))
            .collect()
    }
}

const ROWS: usize = 50;
/// How many records are looked at for a page.
const MAX_EXAMINED: usize = 20_000;
const PAGE: usize = 1_000;
const MAX_TEXT: usize = 256;
