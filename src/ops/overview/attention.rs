//! What needs attention.

use time::OffsetDateTime;

use super::{Ending, MAX_OF_A_KIND};
use crate::error::{Error, shown};
use crate::ops::notify;
use crate::ops::quoting;
use crate::ops::status::{Level, Thresholds};
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Validity;
use crate::store::{Entry, Inventory};

/// Something that needs attention.
#[derive(Clone, Debug)]
pub struct Attention {
    /// How urgent it is.
    pub level: Level,
    /// What it is.
    pub problem: Problem,
    /// What has the problem: a name, from a certificate.
    pub subject: String,
    /// The serial number, if it is a recorded certificate.
    pub serial: Option<SerialNumber>,
    /// When it breaks, or broke.
    pub at: Option<OffsetDateTime>,
    /// What to do, as sentences; commands are between backticks.
    pub advice: String,
}

/// What is wrong. The first is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// The CA cannot issue.
    AuthorityUnusable,
    /// The CA ends, or has ended.
    AuthorityEnd,
    /// The CRL is past its next update.
    StaleRevocationList,
    /// A certificate in use has expired.
    Expired,
    /// A renewal failed.
    RenewalFailed,
    /// Not everybody in a network can connect.
    NetworkFails,
    /// A certificate was due for renewal, and expires.
    NotRenewed,
}

impl Problem {
    /// The problem in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Problem::AuthorityUnusable => "cannot issue",
            Problem::AuthorityEnd => "CA ends",
            Problem::StaleRevocationList => "stale CRL",
            Problem::Expired => "expired",
            Problem::RenewalFailed => "renewal failed",
            Problem::NetworkFails => "cannot connect",
            Problem::NotRenewed => "not renewed",
        }
    }
}

impl Attention {
    /// What the end of a CA means; `None` when it is far away.
    pub fn of_authority(name: String, validity: Validity, now: OffsetDateTime) -> Option<Self> {
        let end = validity.not_after();
        let level = Thresholds::default().level(end - now, end - validity.not_before());
        (level > Level::Ok).then(|| Attention {
            level,
            problem: Problem::AuthorityEnd,
            subject: name,
            serial: None,
            at: Some(end),
            advice: "Replace it while everything keeps running: `openagents-certs ca rotate`"
                .into(),
        })
    }

    /// What is shown first: the most urgent, of these the worst problem, of these what breaks first.
    pub fn sort(all: &mut [Attention]) {
        all.sort_by(|a, b| {
            let key = |one: &Attention| (std::cmp::Reverse(one.level), one.problem, one.at);
            key(a).cmp(&key(b))
        });
    }
}

/// Of what ends next, of what expired lately, the soonest first each, and of renewals that failed.
pub(super) fn of(
    next: &[Ending],
    expired: Vec<Entry>,
    inventory: &dyn Inventory,
    now: OffsetDateTime,
) -> Result<Vec<Attention>, Error> {
    let expired = expired.iter().rev().take(MAX_OF_A_KIND);
    let expired = expired.map(|entry| Attention {
        level: Level::Critical,
        problem: Problem::Expired,
        subject: entry.name(),
        serial: Some(entry.serial.clone()),
        at: Some(entry.validity.not_after()),
        advice: advice(entry),
    });
    let overdue = next.iter().filter_map(|ending| {
        let level = ending.level(now);
        (level > Level::Ok).then(|| Attention {
            level,
            problem: Problem::NotRenewed,
            subject: ending.entry.name(),
            serial: Some(ending.entry.serial.clone()),
            at: Some(ending.entry.validity.not_after()),
            advice: advice(&ending.entry),
        })
    });
    let failed = notify::failed_renewals(inventory)?.into_iter();
    let failed = failed.map(|subject| Attention {
        level: Level::Critical,
        problem: Problem::RenewalFailed,
        subject: subject.subject,
        serial: None,
        at: subject.not_after,
        advice: format!(
            "In {}: {}",
            shown(&subject.path),
            subject.reason.unwrap_or_else(|| "its log says why".into())
        ),
    });
    let mut all: Vec<Attention> = expired
        .chain(overdue.take(MAX_OF_A_KIND))
        .chain(failed.take(MAX_OF_A_KIND))
        .collect();
    Attention::sort(&mut all);
    Ok(all)
}

/// How a certificate is renewed.
fn advice(entry: &Entry) -> String {
    match &entry.output {
        Some(output) => {
            let path = output.directory.join(format!("{}.crt", output.base));
            let word = quoting::posix(path.to_string_lossy().as_bytes());
            let word = String::from_utf8_lossy(&word).into_owned();
            format!("Renew it: `openagents-certs renew {word}`")
        }
        None => format!(
            "Its client renews it; {} requested it last. Look at its log there.",
            match entry.requested_by.is_empty() {
                true => "an unknown client",
                false => &entry.requested_by,
            }
        ),
    }
}
