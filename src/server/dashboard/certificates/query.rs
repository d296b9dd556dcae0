//! What an address asks of the list of certificates.

use serde::Deserialize;

use crate::ops::list::{Filter, Status};
use crate::pki::validity::Lifetime;
use crate::server::dashboard::Refusal;
use crate::server::dashboard::page::with_query;
use crate::store::{Order, Search};

/// The fields of the form above the list, and the place in it. An empty field asks nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListQuery {
    /// Text to look for.
    pub(super) q: String,
    pub(super) state: String,
    pub(super) profile: String,
    pub(super) label: String,
    /// A lifetime within which they expire.
    pub(super) expiring: String,
    pub(super) sort: String,
    /// Where the page begins or ends.
    pub(super) after: String,
    pub(super) before: String,
}

impl ListQuery {
    /// What is searched for.
    ///
    /// # Errors
    /// When a field has a value that no page of ours sends.
    pub(super) fn search(&self) -> Result<Search, Refusal> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let refuse = |what: &str, fix: &str| Refusal::Request(what.into(), fix.into());
        let status = match self.state.as_str() {
            "" => None,
            name => Some(state(name).ok_or_else(|| refuse("There is no such state.", ""))?),
        };
        let label = text(&self.label).map(|label| {
            let read = label.parse();
            read.map_err(|_| {
                refuse(
                    "The label cannot be read.",
                    "Write NAME=VALUE, or NAME for any value.",
                )
            })
        });
        let expiring = text(&self.expiring).map(|lifetime| {
            let read = lifetime.parse::<Lifetime>();
            read.map_err(|_| refuse("The time cannot be read.", "Write a lifetime, such as 7d."))
        });
        let (order, descending) = match self.sort.as_str() {
            "" | "expiry" => (Order::Expiry, false),
            "-expiry" => (Order::Expiry, true),
            "issued" => (Order::Recorded, false),
            "-issued" => (Order::Recorded, true),
            "name" => (Order::Name, false),
            "-name" => (Order::Name, true),
            _ => return Err(refuse("There is no such order.", "")),
        };
        let (place, is_before) = match (self.after.as_str(), self.before.as_str()) {
            ("", "") => (None, false),
            ("", before) => (Some(before), true),
            (after, _) => (Some(after), false),
        };
        let from = place.map(str::parse).transpose();
        Ok(Search {
            filter: Filter {
                status,
                profile: text(&self.profile),
                labels: label.transpose()?.into_iter().collect(),
                expiring_within: expiring.transpose()?,
                ..Filter::default()
            },
            text: text(&self.q).map(|text| text.chars().take(MAX_TEXT).collect()),
            order,
            descending,
            from: from.map_err(|_| Refusal::unreadable("This is no place in the list."))?,
            is_before,
        })
    }

    /// Whether anything is asked for.
    pub(super) fn is_filtered(&self) -> bool {
        let fields = [
            &self.q,
            &self.state,
            &self.profile,
            &self.label,
            &self.expiring,
        ];
        fields.iter().any(|field| !field.is_empty())
    }

    /// The address of the page behind a place.
    pub(super) fn after(&self, place: &str) -> String {
        self.address("/certificates", &self.sort, ("after", place))
    }

    /// The address of the page in front of a place.
    pub(super) fn before(&self, place: &str) -> String {
        self.address("/certificates", &self.sort, ("before", place))
    }

    /// The address of the same certificates as CSV.
    pub(super) fn export(&self) -> String {
        self.address("/certificates.csv", &self.sort, ("", ""))
    }

    /// The address of the same certificates sorted by a column; backwards when they are sorted by it now.
    pub(super) fn sorted_by(&self, column: &str) -> String {
        let sort = match self.direction(column) {
            "ascending" => format!("-{column}"),
            _ => column.to_owned(),
        };
        self.address("/certificates", &sort, ("", ""))
    }

    /// How the list is sorted by a column, as `aria-sort` says it.
    pub(super) fn direction(&self, column: &str) -> &'static str {
        let sort = match self.sort.as_str() {
            "" => "expiry",
            sort => sort,
        };
        match sort.strip_prefix('-') {
            Some(sort) if sort == column => "descending",
            None if sort == column => "ascending",
            Some(_) | None => "none",
        }
    }

    fn address(&self, path: &str, sort: &str, place: (&str, &str)) -> String {
        let fields = [
            ("q", self.q.as_str()),
            ("state", &self.state),
            ("profile", &self.profile),
            ("label", &self.label),
            ("expiring", &self.expiring),
            ("sort", sort),
            place,
        ];
        with_query(path, &fields)
    }
}

fn state(name: &str) -> Option<Status> {
    let all = [
        Status::Valid,
        Status::NotYetValid,
        Status::Expired,
        Status::Revoked,
        Status::OnHold,
        Status::Superseded,
        Status::Retired,
    ];
    all.into_iter().find(|status| status.name() == name)
}

/// The states to choose from, and what they are called.
pub(super) const STATES: &[(&str, &str)] = &[
    ("", "Any state"),
    ("valid", "Valid"),
    ("expired", "Expired"),
    ("revoked", "Revoked"),
    ("on_hold", "On hold"),
    ("superseded", "Superseded"),
    ("retired", "Retired"),
    ("not_yet_valid", "Not yet valid"),
];

/// The orders to choose from.
pub(super) const SORTS: &[(&str, &str)] = &[
    ("expiry", "Expires first"),
    ("-expiry", "Expires last"),
    ("-issued", "Newest"),
    ("issued", "Oldest"),
    ("name", "Name A–Z"),
    ("-name", "Name Z–A"),
];

const MAX_TEXT: usize = 256;
