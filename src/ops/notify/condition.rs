//! What somebody should hear of.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::authority::SERVE;
use crate::config::{EventKind, Notify};
use crate::error::Error;
use crate::files;
use crate::ops::acme::state;
use crate::ops::renew::{Outcome, Renewal, State};
use crate::ops::status::{CertificateStatus, Report, Role};
use crate::store::Status;

/// Something that somebody should hear of, for as long as it lasts.
#[derive(Clone, Debug)]
pub struct Condition {
    /// What it is.
    pub event: EventKind,
    /// What it is about: a fingerprint or a path.
    pub id: String,
    /// The smallest number of seconds before expiry that was reached; 0 where there are no thresholds.
    pub threshold: i64,
    /// What people are told.
    pub subject: Subject,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The name of the certificate, CA or CRL.
    pub subject: String,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its file.
    pub path: String,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// Why, as a clause, where that is not plain from the event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// What the status of a directory's files gives.
pub(super) fn of_status(report: &Report, settings: &Notify, now: OffsetDateTime) -> Vec<Condition> {
    let certificates = report.certificates.iter();
    let mut conditions: Vec<Condition> = certificates
        .filter_map(|one| of_certificate(one, settings, now))
        .collect();
    let is_stale = |next: Option<OffsetDateTime>| next.is_some_and(|next| next < now);
    let lists = report.revocation_lists.iter();
    let stale = lists.filter(|list| !list.superseded && is_stale(list.next_update));
    conditions.extend(stale.map(|list| Condition {
        event: EventKind::CrlStale,
        id: list.path.clone(),
        threshold: 0,
        subject: Subject {
            subject: format!("CRL of {}", list.issuer),
            serial: list.number.clone(),
            path: list.path.clone(),
            not_after: list.next_update,
            reason: None,
        },
    }));
    conditions
}

fn of_certificate(
    one: &CertificateStatus,
    settings: &Notify,
    now: OffsetDateTime,
) -> Option<Condition> {
    let (event, threshold) = match one.status {
        Status::Revoked | Status::OnHold => (EventKind::Revoked, 0),
        Status::Superseded | Status::Retired => return None,
        Status::Valid | Status::NotYetValid | Status::Expired => {
            let event = match one.role {
                Role::EndEntity => EventKind::Expiry,
                Role::Anchor | Role::Intermediate => EventKind::CaExpiry,
            };
            let expiry = &one.facts.expiry;
            let lifetime = expiry.not_after - expiry.not_before;
            let is_renewed = Path::new(&one.path).ends_with(SERVE);
            // A server that renews its own in time is no news.
            let longest = if is_renewed {
                lifetime / 6
            } else {
                Duration::MAX
            };
            let left = one.effective_not_after - now;
            (event, threshold(left, lifetime, longest, settings)?)
        }
    };
    Some(Condition {
        event,
        id: one.facts.fingerprint_sha256.to_string(),
        threshold,
        subject: Subject {
            subject: one.facts.name(),
            serial: Some(one.facts.serial.to_string()),
            path: one.path.clone(),
            not_after: Some(one.effective_not_after),
            reason: None,
        },
    })
}

/// The smallest threshold in seconds that was reached, each at most the longest; 0 for what has expired.
///
/// The usual thresholds are at most a third of the lifetime, so that a short-lived certificate is not told of
/// from its first moment; those of the settings hold as they are.
fn threshold(
    left: Duration,
    lifetime: Duration,
    longest: Duration,
    settings: &Notify,
) -> Option<i64> {
    if left <= Duration::ZERO {
        return Some(0);
    }
    let seconds = |before: Duration| before.whole_seconds().max(1);
    let reached = |before: &Duration| left <= *before;
    match &settings.before {
        Some(before) => {
            let before = before.iter().map(|before| before.duration().min(longest));
            before.filter(reached).min().map(seconds)
        }
        None => {
            let usual = USUAL_DAYS.map(|days| Duration::days(days).min(lifetime / 3));
            let before = usual.map(|before| before.min(longest));
            before.into_iter().filter(reached).min().map(seconds)
        }
    }
}

/// The certificates that could not be renewed: in this check, or before as far as that is remembered.
///
/// # Errors
/// When what the ACME client remembers cannot be read.
pub(super) fn of_renewals(
    directory: &Path,
    renewal: Option<&Renewal>,
) -> Result<Vec<Condition>, Error> {
    let failed = |id: String, subject: Subject| Condition {
        event: EventKind::RenewalFailed,
        id,
        threshold: 0,
        subject,
    };
    let mut conditions: Vec<Condition> = Vec::new();
    for one in renewal.iter().flat_map(|renewal| &renewal.certificates) {
        let is_failed = matches!(one.outcome, Outcome::Failed | Outcome::Refused)
            || one.state == State::RolledBack;
        if is_failed {
            let path = files::absolute(&one.certificate)?
                .to_string_lossy()
                .into_owned();
            conditions.push(failed(
                path.clone(),
                Subject {
                    subject: one.name.clone(),
                    serial: Some(one.serial.to_string()),
                    path,
                    not_after: Some(one.expiry.not_after),
                    reason: one.message.clone(),
                },
            ));
        }
    }
    for one in state::certificates(directory)? {
        let path = one.certificate().to_string_lossy().into_owned();
        let is_known = conditions.iter().any(|condition| condition.id == path);
        if let (Some(failure), false) = (one.failure, is_known) {
            conditions.push(failed(
                path.clone(),
                Subject {
                    subject: one.base,
                    serial: one.serial,
                    path,
                    not_after: None,
                    reason: Some(failure.message),
                },
            ));
        }
    }
    Ok(conditions)
}

const USUAL_DAYS: [i64; 3] = [30, 7, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_threshold_that_was_reached_counts() {
        let usual = Notify::default();
        let explicit = Notify {
            before: Some(vec!["30d".parse().unwrap(), "7d".parse().unwrap()]),
            ..Notify::default()
        };
        let (day, year) = (Duration::DAY, Duration::days(365));
        for (left, lifetime, settings, expected) in [
            (Duration::days(31), year, &usual, None),
            (Duration::days(29), year, &usual, Some(30 * 86400)),
            (Duration::days(6), year, &usual, Some(7 * 86400)),
            (Duration::hours(3), year, &usual, Some(86400)),
            (-Duration::SECOND, year, &usual, Some(0)),
            (Duration::hours(9), day, &usual, None),
            (Duration::hours(7), day, &usual, Some(8 * 3600)),
            (Duration::hours(9), day, &explicit, Some(7 * 86400)),
        ] {
            let found = threshold(left, lifetime, Duration::MAX, settings);
            assert_eq!(found, expected, "{left}");
        }
        let month = Duration::days(30);
        let of_server = |days| threshold(Duration::days(days), month, month / 6, &explicit);
        assert_eq!(of_server(6), None);
        assert_eq!(of_server(4), Some(5 * 86400));
    }
}
