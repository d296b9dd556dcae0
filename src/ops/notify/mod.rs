//! Telling people in time that something expires, was revoked or failed, and when that is over.
//!
//! What was told is remembered in the inventory, so that each condition is told of once, whichever process finds
//! it, and again only when it has become more urgent. A message that did not arrive is sent again by the next check.

mod channel;
mod condition;
mod message;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::renew::Renewal;
use super::status::{self, Threshold, Thresholds};
use super::{Report, list};
use crate::authority;
use crate::config::{EventKind, Notify};
use crate::error::{Error, shown};
use crate::store::{Document, DocumentKind, Inventory};

pub use condition::{Condition, Subject};
pub use message::{Message, Severity};

use channel::Channel;

/// What was sent.
#[derive(Debug, Default, Serialize)]
pub struct Delivery {
    /// The messages.
    pub messages: Vec<Message>,
    /// The ways they took.
    pub channels: Vec<&'static str>,
    #[serde(skip)]
    failures: Vec<Error>,
}

impl Delivery {
    /// Why messages did not arrive.
    pub fn take_failures(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.failures)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.messages {
            writeln!(f, "{:10}  {}", message.event, message.text)?;
        }
        writeln!(f, "sent by {}", self.channels.join(", "))
    }
}

impl Report for Delivery {}

/// The settings of a directory, if anybody is to be told.
///
/// # Errors
/// When `certs.toml` cannot be used.
pub fn settings(directory: &Path) -> Result<Option<Notify>, Error> {
    let config = authority::read_config(directory)?;
    Ok(Some(config.notify().clone()).filter(Notify::is_configured))
}

/// Sends a sample by every way.
///
/// # Errors
/// When nobody is to be told.
pub fn test(directory: &Path, now: OffsetDateTime) -> Result<Delivery, Error> {
    let settings = settings(directory)?.ok_or_else(|| nobody(directory))?;
    let message = Message::sample(directory, now);
    let mut delivery = Delivery::default();
    for channel in Channel::all(&settings) {
        match channel.send(&message, &settings, directory) {
            Ok(()) => delivery.channels.push(channel.name()),
            Err(error) => delivery.failures.push(error),
        }
    }
    delivery.messages.push(message);
    Ok(delivery)
}

/// Looks at everything in a directory and tells what is new. `renewal` is the result of a check for certificates to
/// renew; without it, failed renewals are not judged. Does nothing where nobody is to be told.
///
/// # Errors
/// When the directory or the inventory cannot be read. Messages that did not arrive are in
/// [`Delivery::take_failures`].
pub fn check(
    directory: &Path,
    renewal: Option<&Renewal>,
    now: OffsetDateTime,
) -> Result<Delivery, Error> {
    let Some(settings) = settings(directory)? else {
        return Ok(Delivery::default());
    };
    let (report, _) = status::run(&request(directory), now)?;
    deliver(directory, &settings, &report, renewal, now)
}

/// Tells what is new in the status of a directory; `report` is of the whole directory.
///
/// # Errors
/// As [`check`].
pub fn deliver(
    directory: &Path,
    settings: &Notify,
    report: &status::Report,
    renewal: Option<&Renewal>,
    now: OffsetDateTime,
) -> Result<Delivery, Error> {
    let mut conditions = condition::of_status(report, settings, now);
    conditions.extend(condition::of_renewals(directory, renewal)?);
    conditions.retain(|condition| settings.includes(condition.event));
    let mut inventory = list::inventory(directory)?;
    let memory = Memory::read(&*inventory)?;
    let judged = |event: EventKind| {
        settings.includes(event) && (event != EventKind::RenewalFailed || renewal.is_some())
    };
    let mut due = memory.due(conditions, judged, settings, now)?;
    claim(&mut due, &mut *inventory)?;
    let mut delivery = Delivery::default();
    for channel in Channel::all(settings) {
        send(channel, &mut due, settings, directory, &mut delivery, now);
    }
    settle(&due, &mut *inventory)?;
    Ok(delivery)
}

/// The status of everything in a directory.
pub fn request(directory: &Path) -> status::Request {
    status::Request {
        targets: Vec::new(),
        directory: directory.to_owned(),
        ca: None,
        revocation_lists: Vec::new(),
        thresholds: Thresholds {
            warning: Threshold::Part(1.0 / 3.0),
            critical: Threshold::Part(0.1),
        },
        depth: DEPTH,
        labels: Vec::new(),
    }
}

/// The error where nobody is to be told.
pub fn nobody(directory: &Path) -> Error {
    Error::usage(
        format!(
            "{}: nobody is to be notified",
            shown(directory.join(authority::CONFIG))
        ),
        "add `[notify]` with webhook, command or smtp; see `openagents-certs template show certs.toml`",
    )
}

/// What was told of one condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    event: String,
    threshold: i64,
    /// The ways by which it arrived.
    channels: BTreeSet<String>,
    /// Whether it is over, and that is being told.
    is_over: bool,
    /// When a process took it upon itself.
    #[serde(with = "time::serde::rfc3339")]
    claimed_at: OffsetDateTime,
    subject: Subject,
}

impl Record {
    /// Whether a process is telling it.
    fn is_taken(&self, now: OffsetDateTime) -> bool {
        self.claimed_at + CLAIM > now
    }
}

/// A record that is to be told, and where it is kept.
struct Due {
    document: Document,
    record: Record,
    event: EventKind,
    is_claimed: bool,
    /// Whether it had been told of before it was over.
    was_told: bool,
}

/// The certificates whose last renewal failed, as far as somebody was told of it.
///
/// # Errors
/// When the inventory cannot be read.
pub fn failed_renewals(inventory: &dyn Inventory) -> Result<Vec<Subject>, Error> {
    let records = Memory::read(inventory)?.0.into_values();
    let failed = records
        .filter(|(_, record)| record.event == EventKind::RenewalFailed.name() && !record.is_over);
    Ok(failed.map(|(_, record)| record.subject).collect())
}

/// What was told so far.
struct Memory(HashMap<String, (Document, Record)>);

impl Memory {
    fn read(inventory: &dyn Inventory) -> Result<Self, Error> {
        let mut records = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let kind = DocumentKind::Notification;
            let page = inventory.documents(kind, None, after.as_deref(), PAGE)?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|document| document.key.clone());
            for document in page {
                // A record that cannot be read is as good as none.
                if let Ok(record) = serde_json::from_str::<Record>(&document.content) {
                    records.insert(document.key.clone(), (document, record));
                }
            }
            if is_last {
                return Ok(Memory(records));
            }
        }
    }

    /// What is to be told now: new or more urgent conditions, those that did not arrive, and those that are over.
    fn due(
        mut self,
        conditions: Vec<Condition>,
        judged: impl Fn(EventKind) -> bool,
        settings: &Notify,
        now: OffsetDateTime,
    ) -> Result<Vec<Due>, Error> {
        let ways: Vec<&str> = Channel::all(settings)
            .into_iter()
            .map(Channel::name)
            .collect();
        let is_complete = |record: &Record| ways.iter().all(|way| record.channels.contains(*way));
        let mut due = Vec::new();
        for condition in conditions {
            let key = format!("{}:{}", condition.event.name(), condition.id);
            let known = self.0.remove(&key);
            let fresh = Record {
                event: condition.event.name().to_owned(),
                threshold: condition.threshold,
                channels: BTreeSet::new(),
                is_over: false,
                claimed_at: now,
                subject: condition.subject,
            };
            let (document, record) = match known {
                None => (document(key), fresh),
                Some((document, record)) => {
                    let is_urgent = condition.threshold < record.threshold || record.is_over;
                    if !is_urgent && (is_complete(&record) || record.is_taken(now)) {
                        continue;
                    }
                    let channels = if is_urgent {
                        BTreeSet::new()
                    } else {
                        record.channels
                    };
                    (document, Record { channels, ..fresh })
                }
            };
            due.push(Due {
                document,
                record,
                event: condition.event,
                is_claimed: false,
                was_told: true,
            });
        }
        due.extend(self.over(judged, now));
        Ok(due)
    }

    /// What was told of and no longer holds.
    fn over(self, judged: impl Fn(EventKind) -> bool, now: OffsetDateTime) -> Vec<Due> {
        let mut due = Vec::new();
        for (document, mut record) in self.0.into_values() {
            let event = EventKind::ALL
                .into_iter()
                .find(|one| one.name() == record.event);
            let Some(event) = event.filter(|event| judged(*event)) else {
                continue;
            };
            if record.is_over && record.is_taken(now) {
                continue;
            }
            let was_told = record.is_over || !record.channels.is_empty();
            if !record.is_over {
                record.channels.clear();
            }
            record.is_over = true;
            record.claimed_at = now;
            due.push(Due {
                document,
                record,
                event,
                is_claimed: false,
                was_told,
            });
        }
        due
    }
}

fn document(key: String) -> Document {
    Document {
        kind: DocumentKind::Notification,
        key,
        version: 0,
        owner: String::new(),
        expires_at: None,
        content: String::new(),
    }
}

/// Takes what is due upon this process; what another process was faster with is left to it.
fn claim(due: &mut [Due], inventory: &mut dyn Inventory) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    Ok(inventory.together(&mut |inventory| {
        for one in due.iter_mut() {
            one.document.content = serde_json::to_string(&one.record).unwrap_or_default();
            one.is_claimed = inventory.put_document(&one.document)?;
        }
        Ok(())
    })?)
}

/// Sends what is due by one way: one message for all of which the same is to be said.
fn send(
    channel: Channel<'_>,
    due: &mut [Due],
    settings: &Notify,
    directory: &Path,
    delivery: &mut Delivery,
    now: OffsetDateTime,
) {
    let mut groups: BTreeMap<(bool, EventKind, Severity), Vec<usize>> = BTreeMap::new();
    for (index, one) in due.iter().enumerate() {
        if one.is_claimed && one.was_told && !one.record.channels.contains(channel.name()) {
            let severity = Severity::of(one.event, one.record.threshold);
            let severity = if one.record.is_over {
                Severity::Info
            } else {
                severity
            };
            let group = groups.entry((one.record.is_over, one.event, severity));
            group.or_default().push(index);
        }
    }
    for ((is_over, event, severity), indices) in groups {
        let subjects = indices
            .iter()
            .map(|index| due[*index].record.subject.clone())
            .collect();
        let message = if is_over {
            Message::resolved(event, subjects, now)
        } else {
            Message::of(event, severity, subjects, now)
        };
        match channel.send(&message, settings, directory) {
            Ok(()) => {
                for index in indices {
                    let channels = &mut due[index].record.channels;
                    channels.insert(channel.name().to_owned());
                }
                delivery.messages.push(message);
                if !delivery.channels.contains(&channel.name()) {
                    delivery.channels.push(channel.name());
                }
            }
            Err(error) => {
                // The next check tries again, in any process.
                for index in indices {
                    due[index].record.claimed_at = OffsetDateTime::UNIX_EPOCH;
                }
                delivery.failures.push(error);
            }
        }
    }
}

/// Remembers what arrived, and forgets what is over and was told.
fn settle(due: &[Due], inventory: &mut dyn Inventory) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    Ok(inventory.together(&mut |inventory| {
        for one in due.iter().filter(|one| one.is_claimed) {
            let has_failed = one.record.claimed_at == OffsetDateTime::UNIX_EPOCH;
            if one.record.is_over && !has_failed {
                inventory.remove_document(one.document.kind, &one.document.key)?;
                continue;
            }
            let settled = Document {
                version: one.document.version + 1,
                content: serde_json::to_string(&one.record).unwrap_or_default(),
                ..one.document.clone()
            };
            // Another process that took it over in the meantime knows better.
            inventory.put_document(&settled)?;
        }
        Ok(())
    })?)
}

/// How long a process may take to send, before another one does.
const CLAIM: time::Duration = time::Duration::minutes(5);
const PAGE: usize = 1000;
/// As deep as `status` looks by default.
const DEPTH: usize = 4;
