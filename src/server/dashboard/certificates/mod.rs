//! The certificates: searched, sorted, and a page of them at a time.

mod detail;
mod download;
mod query;
mod revoke;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use time::OffsetDateTime;

pub(super) use self::download::{Chunk, attachment, streamed};
use self::query::{ListQuery, SORTS, STATES};
use super::page::Moment;
use super::{Access, Answer, Frame, Tab, html};
use crate::ops::list::Status;
use crate::pki::crl::RevocationReason;
use crate::server::core::Core;
use crate::store::{Entry, Place};

/// The routes below `/certificates`.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/certificates", get(page))
        .route("/certificates.csv", get(download::csv))
        .route("/certificates/revoke", post(revoke::revoke))
        .route("/certificates/release", post(revoke::release))
        .route("/certificates/{serial}", get(detail::page))
        .route("/certificates/{serial}/{file}", get(download::file))
}

/// The page.
async fn page(
    State(core): State<Arc<Core>>,
    access: Access,
    Query(query): Query<ListQuery>,
) -> Answer {
    let mut search = query.search()?;
    search.filter.limit = Some(ROWS + 1);
    let is_before = search.is_before;
    let found = core.read(move |inventory, now| Ok(inventory.page(&search, now)?));
    let mut found = found.await?;
    let has_more = found.len() > ROWS;
    if has_more {
        // The one too many is at the end that the page was read towards.
        let extra = if is_before { 0 } else { ROWS };
        found.remove(extra);
    }
    let (has_previous, has_next) = match is_before {
        true => (has_more, true),
        false => (!query.after.is_empty(), has_more),
    };
    let place = |at: Option<&(Place, Entry)>| at.map(|(place, _)| place.to_string());
    let first = place(found.first()).filter(|_| has_previous);
    let last = place(found.last()).filter(|_| has_next);
    let is_empty = !query.is_filtered() && found.is_empty();
    let now = core.now();
    let config = core.config();
    html(&CertificatesPage {
        frame: Frame::new(&core, access, Tab::Certificates, "Certificates"),
        previous: first.map_or(String::new(), |place| query.before(&place)),
        next: last.map_or(String::new(), |place| query.after(&place)),
        rows: found
            .into_iter()
            .map(|(_, entry)| Row::of(&entry, now))
            .collect(),
        is_empty,
        profiles: config.names().into_iter().map(str::to_owned).collect(),
        query,
    })
}

/// A certificate in the table.
struct Row {
    serial: String,
    name: String,
    others: usize,
    profile: String,
    labels: String,
    status: &'static str,
    tone: &'static str,
    is_revocable: bool,
    expires: Moment,
    issued: Moment,
}

impl Row {
    fn of(entry: &Entry, now: OffsetDateTime) -> Self {
        let status = entry.status(now);
        Row {
            serial: entry.serial.to_string(),
            name: short(&entry.name()),
            others: entry.names.len().saturating_sub(1),
            profile: entry.profile.clone(),
            labels: entry.labels.to_string(),
            status: word(status),
            tone: tone(status),
            is_revocable: is_revocable(status),
            expires: Moment::new(entry.validity.not_after(), now),
            issued: Moment::new(entry.issued_at, now),
        }
    }
}

#[derive(Template)]
#[template(path = "certificates.html")]
struct CertificatesPage {
    frame: Frame,
    query: ListQuery,
    rows: Vec<Row>,
    previous: String,
    next: String,
    /// Whether nothing was ever issued.
    is_empty: bool,
    profiles: Vec<String>,
}

impl CertificatesPage {
    fn states(&self) -> &'static [(&'static str, &'static str)] {
        STATES
    }

    fn sorts(&self) -> &'static [(&'static str, &'static str)] {
        SORTS
    }

    fn reasons(&self) -> Vec<Reason> {
        reasons()
    }
}

/// A reason for a revocation, as a form has it.
struct Reason {
    code: u8,
    text: &'static str,
}

fn reasons() -> Vec<Reason> {
    let all = RevocationReason::REQUESTABLE.into_iter();
    all.map(|reason| Reason {
        code: reason.code(),
        text: match reason {
            RevocationReason::Unspecified => "No reason given",
            RevocationReason::KeyCompromise => "Its key is, or may be, in other hands",
            RevocationReason::CaCompromise => "The key of a CA is, or may be, in other hands",
            RevocationReason::AffiliationChanged => "The subject’s name or affiliation changed",
            RevocationReason::Superseded => "Another certificate replaces it",
            RevocationReason::CessationOfOperation => "It is no longer needed",
            RevocationReason::CertificateHold => "On hold, until it is released",
            RevocationReason::RemoveFromCrl => "Released from hold",
            RevocationReason::PrivilegeWithdrawn => "A privilege it states was withdrawn",
            RevocationReason::AaCompromise => "The key of an attribute authority is in other hands",
        },
    })
    .collect()
}

/// A status in words.
fn word(status: Status) -> &'static str {
    match status {
        Status::Valid => "valid",
        Status::NotYetValid => "not yet valid",
        Status::Expired => "expired",
        Status::Revoked => "revoked",
        Status::OnHold => "on hold",
        Status::Superseded => "superseded",
        Status::Retired => "retired",
    }
}

/// The tone of a status.
fn tone(status: Status) -> &'static str {
    match status {
        Status::Valid => "good",
        Status::NotYetValid | Status::OnHold => "warning",
        Status::Revoked => "bad",
        Status::Expired | Status::Superseded | Status::Retired => "plain",
    }
}

/// Whether revoking it changes anything for anyone.
fn is_revocable(status: Status) -> bool {
    status.is_live() || status == Status::OnHold
}

/// The start of a long name.
fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

const ROWS: usize = 50;
const MAX_NAME: usize = 120;
