//! The audit trail: who changed what, when, from where, and by which credential.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use crate::error::Error;
use crate::ops::columns::Cut;
use crate::ops::list::{self, cell};
use crate::pki::escape::Escaped;
use crate::pki::validity::rfc3339;

pub use crate::store::{Action, AuditFilter, AuditRecord};

/// Passes each record that matches to the visitor, the newest first, until the visitor breaks.
///
/// # Errors
/// When there is no authority, the inventory cannot be read, or the visitor fails.
pub fn run(
    directory: &Path,
    filter: &AuditFilter,
    visitor: &mut dyn FnMut(AuditRecord) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let inventory = list::inventory(directory)?;
    let mut failed = None;
    inventory.audit(filter, &mut |record| {
        visitor(record).unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        })
    })?;
    failed.map_or(Ok(()), Err)
}

/// The names of the fields that [`csv_fields`] gives.
pub const CSV_COLUMNS: [&str; 10] = [
    "position",
    "at",
    "action",
    "subject",
    "serial",
    "count",
    "details",
    "actor",
    "credential",
    "origin",
];

/// The fields of [`CSV_COLUMNS`], in their order; no spreadsheet takes one for a formula.
pub fn csv_fields(record: &AuditRecord) -> [String; 10] {
    let AuditRecord {
        position,
        at,
        event,
        by,
    } = record;
    let escaped = |text: &str| cell(Escaped(text).to_string());
    [
        position.to_string(),
        rfc3339(*at),
        event.action.to_string(),
        escaped(&event.subject),
        serial(record),
        event.count.to_string(),
        escaped(&event.details),
        escaped(&by.actor),
        escaped(&by.credential),
        escaped(&by.origin),
    ]
}

/// A line of the table.
pub struct Line<'a> {
    /// The record; `None` for the header.
    pub record: Option<&'a AuditRecord>,
    /// The width of the terminal, if it is written to one: longer lines are cut.
    pub columns: Option<usize>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match self.record {
            None => ["TIME", "ACTION", "BY", "FROM", "SUBJECT"].map(str::to_owned),
            Some(record) => [
                rfc3339(record.at),
                record.event.action.to_string(),
                Escaped(&record.by.actor).to_string(),
                Escaped(&record.by.origin).to_string(),
                subject(record),
            ],
        };
        let [time, action, by, from, subject] = fields;
        let line = format!("{time:20}  {action:16}  {by:20}  {from:16}  {subject}");
        writeln!(f, "{}", Cut(line.trim_end(), self.columns))
    }
}

/// What it was done to, and the details.
fn subject(record: &AuditRecord) -> String {
    let event = &record.event;
    let many = match event.count {
        1 => String::new(),
        count => count.to_string(),
    };
    let details = match event.details.is_empty() {
        true => String::new(),
        false => format!("({})", Escaped(&event.details)),
    };
    let parts = [
        many,
        Escaped(&event.subject).to_string(),
        serial(record),
        details,
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn serial(record: &AuditRecord) -> String {
    let serial = record.event.serial.as_ref();
    serial.map(ToString::to_string).unwrap_or_default()
}
