//! Running continuously: checks when the next certificate is due, on request, and at an interval.
//!
//! The wall clock decides. It is read every few seconds, so that a machine that slept, or whose clock was set,
//! checks as soon as it is awake. Nothing is kept on disk; another watch may run at the same time, and finds
//! what was due already renewed.

mod event;
mod metrics;
mod signals;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::renew::{self, Failure, Outcome, Pending, Renewal, Renewed, State};
use super::{crl, notify};
use crate::authority::{self, AuthorityAt, Recording};
use crate::error::{Error, shown};
use crate::files::{self, Kind as FileKind, Lock, NewFile, Replacement};
use crate::keys;
use crate::pki::validity::rfc3339;

pub use crate::net::{Exporter, ServiceManager};
pub use event::{Event, Kind};
pub use signals::Signals;

use metrics::Metrics;

/// What to watch, and where to report.
#[derive(Debug)]
pub struct Watching {
    /// How due certificates are renewed.
    pub request: renew::Request,
    /// The longest time between two checks, while awake.
    pub interval: Duration,
    /// Serves the metrics.
    pub exporter: Option<Exporter>,
    /// The file the metrics are written to.
    pub metrics_file: Option<PathBuf>,
    /// The service manager.
    pub service: ServiceManager,
    /// The interval of the service manager's watchdog.
    pub alive_every: Option<Duration>,
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The time was over.
    Time,
    /// A check was requested.
    Look,
    /// The end was requested.
    End,
}

/// The clock and the sleep of a watch.
pub struct Awaiting<'a> {
    /// The current time.
    pub clock: &'a dyn Fn() -> OffsetDateTime,
    /// Sleeps for this long, or until something happens.
    pub sleep: &'a mut dyn FnMut(std::time::Duration) -> Wake,
}

/// Watches until the end is requested.
///
/// # Errors
/// When the authority cannot be used, or the metrics cannot be written, at the start. Later failures are
/// reported and retried.
pub fn run(
    watching: &Watching,
    from: &AuthorityAt<'_>,
    awaiting: Awaiting<'_>,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), Error> {
    let Awaiting { clock, sleep } = awaiting;
    // Report now what would prevent every renewal, and ask for a passphrase.
    if !renew::has_only_remote(from.directory)? {
        drop(from.open(clock())?);
    }
    let mut watch = Watch::new(watching, from);
    watch.publish()?;
    watching.service.ready();
    let address = watching
        .exporter
        .as_ref()
        .map_or(String::new(), |exporter| {
            format!(", metrics on http://{}/metrics", exporter.address())
        });
    let message = format!("watching {}{address}", shown(from.directory));
    observer(&Event::new(Kind::Started, message, clock()));
    loop {
        let now = clock();
        watch.look(now, observer);
        let mut awake = Duration::ZERO;
        while clock() < watch.next && awake < watch.patience {
            let left = (watch.next - clock())
                .min(watch.patience - awake)
                .max(SHORTEST_SLEEP);
            let time = left
                .min(LONGEST_SLEEP)
                .min(watching.alive_every.unwrap_or(LONGEST_SLEEP));
            awake += time;
            match sleep(time.unsigned_abs()) {
                Wake::Time => watching.service.alive(),
                Wake::Look => {
                    observer(&Event::new(Kind::Asked, "checking now", clock()));
                    break;
                }
                Wake::End => {
                    watching.service.stopping();
                    observer(&Event::new(Kind::Stopped, "stopping", clock()));
                    return Ok(());
                }
            }
        }
    }
}

/// The longest time between two readings of the clock.
const LONGEST_SLEEP: Duration = Duration::seconds(10);
const SHORTEST_SLEEP: Duration = Duration::milliseconds(100);
/// The delay after a failure: doubled each time up to a maximum, varied by a fifth.
const FIRST_BACKOFF: Duration = Duration::seconds(5);
const LONGEST_BACKOFF: Duration = Duration::minutes(15);

/// A watch between two checks.
struct Watch<'a> {
    watching: &'a Watching,
    from: &'a AuthorityAt<'a>,
    metrics: Metrics,
    /// Steps that failed after a renewal.
    pending: Vec<Pending>,
    /// The last message about each file, so that it is not repeated at every check.
    reported: HashMap<PathBuf, String>,
    waiting: String,
    /// How many checks failed in a row.
    failed: u32,
    /// When the next check is.
    next: OffsetDateTime,
    /// The longest time awake until then.
    patience: Duration,
}

/// The result of a check.
struct Check {
    succeeded: bool,
    /// When the next certificate is due.
    next: Option<OffsetDateTime>,
}

impl<'a> Watch<'a> {
    fn new(watching: &'a Watching, from: &'a AuthorityAt<'a>) -> Self {
        Watch {
            watching,
            from,
            metrics: Metrics::default(),
            pending: Vec::new(),
            reported: HashMap::new(),
            waiting: String::new(),
            failed: 0,
            next: OffsetDateTime::UNIX_EPOCH,
            patience: watching.interval,
        }
    }

    /// Checks every certificate, renews what is due, and decides when to check next.
    fn look(&mut self, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) {
        self.metrics.checks += 1;
        self.metrics.last_check = Some(now);
        let repeated = self.repeat(now, observer);
        let check = match renew::run(&self.watching.request, self.from, now) {
            Ok(report) => {
                self.notify(&report, now, observer);
                self.take(report, now, observer)
            }
            Err(error) => {
                self.metrics.failures += 1;
                self.report_error(Path::new(""), &error, now, observer);
                Check {
                    succeeded: false,
                    next: None,
                }
            }
        };
        let listed = self.keep_list(now, observer);
        let succeeded = repeated && check.succeeded && listed;
        self.failed = if succeeded {
            0
        } else {
            self.failed.saturating_add(1)
        };
        let wait = if succeeded {
            self.watching.interval
        } else {
            backoff(self.failed)
        };
        self.patience = wait;
        let due = check.next.filter(|due| *due > now);
        let latest = now.saturating_add(wait);
        self.next = due.map_or(latest, |due| due.min(latest));
        if let Err(error) = self.publish() {
            self.metrics.failures += 1;
            self.report_error(Path::new("metrics"), &error, now, observer);
        }
        self.watching.service.alive();
    }

    /// Tells what is new to those whom certs.toml names.
    fn notify(&mut self, report: &Renewal, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) {
        let failures = match notify::check(self.from.directory, Some(report), now) {
            Ok(mut delivery) => {
                for message in &delivery.messages {
                    let message = format!("{}: {}", message.event, message.text);
                    observer(&Event::new(Kind::Notified, message, now));
                }
                delivery.take_failures()
            }
            Err(error) => vec![error],
        };
        let place = Path::new("notify");
        if failures.is_empty() {
            self.reported.remove(place);
        }
        for error in failures {
            self.report_error(place, &error, now, observer);
        }
    }

    /// Repeats the steps that failed after a renewal; whether none is left.
    fn repeat(&mut self, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) -> bool {
        if self.pending.is_empty() {
            return true;
        }
        let pending = std::mem::take(&mut self.pending);
        let mut report =
            renew::follow_again(&self.watching.request, self.from.directory, pending, now);
        for one in &report.certificates {
            let failure = report.follow_failure(one);
            self.metrics.follow_failures += u64::from(failure.is_some());
            if let Some(event) = Event::of(one, failure.clone(), now) {
                let event = if failure.is_none() {
                    Event {
                        event: Kind::Followed,
                        ..event
                    }
                } else {
                    event
                };
                observer(&event);
            }
        }
        self.pending = report.take_pending();
        self.pending.is_empty()
    }

    /// Refreshes a published CRL before it expires.
    fn keep_list(&mut self, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) -> bool {
        if self.from.recording == Recording::Nowhere {
            return true;
        }
        let place = self.from.directory.join(authority::CRL);
        match crl::refresh(&crl::Request::default(), self.from, now) {
            Ok(refresh) => {
                self.reported.remove(&place);
                for list in refresh.report.lists {
                    let message = format!(
                        "{}: CRL number {}, next update {}",
                        shown(&place),
                        list.number,
                        rfc3339(list.next_update)
                    );
                    observer(&Event::new(Kind::ListRenewed, message, now));
                }
                true
            }
            Err(error) => {
                self.metrics.failures += 1;
                self.report_error(&place, &error, now, observer);
                false
            }
        }
    }

    /// Takes over the result of a check.
    fn take(
        &mut self,
        mut report: Renewal,
        now: OffsetDateTime,
        observer: &mut dyn FnMut(&Event),
    ) -> Check {
        self.metrics.look(&report, now);
        let mut failed = false;
        for one in &report.certificates {
            let failure = report.follow_failure(one);
            self.metrics.renewals +=
                u64::from(one.outcome == Outcome::Renewed && one.state == State::New);
            self.metrics.rollbacks += u64::from(one.state == State::RolledBack);
            self.metrics.failures += u64::from(one.outcome == Outcome::Failed);
            self.metrics.follow_failures += u64::from(failure.is_some());
            failed |= failure.is_some()
                || one.outcome == Outcome::Failed
                || one.state == State::RolledBack;
            let Some(event) = Event::of(one, failure, now) else {
                self.reported.remove(&one.certificate);
                continue;
            };
            let is_new = self
                .reported
                .insert(one.certificate.clone(), event.message.clone())
                .as_ref()
                != Some(&event.message);
            if is_new || event.event != Kind::NotRenewed {
                observer(&event);
            }
        }
        for error in report.take_failures() {
            if !matches!(error, Error::RolledBack { .. }) {
                self.report_error(&PathBuf::from(error.to_string()), &error, now, observer);
            }
        }
        let renewed = |place: &Path| {
            report
                .certificates
                .iter()
                .any(|one| one.certificate == place && one.old_serial.is_some())
        };
        self.pending
            .retain(|pending| !renewed(pending.certificate()));
        let is_elsewhere = |one: &Renewed| one.outcome == Outcome::RenewedElsewhere;
        let next = if report.certificates.iter().any(is_elsewhere) {
            // The next check shows when the other process's certificate is due.
            Some(now.saturating_add(Duration::SECOND))
        } else {
            self.report_waiting(&report, now, observer);
            report.next_due
        };
        self.pending.extend(report.take_pending());
        Check {
            succeeded: !failed && self.pending.is_empty(),
            next,
        }
    }

    fn report_waiting(
        &mut self,
        report: &Renewal,
        now: OffsetDateTime,
        observer: &mut dyn FnMut(&Event),
    ) {
        let next = report.next_due.map_or("none is due".to_owned(), |next| {
            format!("next due on {}", rfc3339(next))
        });
        let message = format!("{} managed; {next}", report.managed);
        self.watching.service.status(&message);
        if message != self.waiting {
            observer(&Event::new(Kind::Waiting, message.clone(), now));
            self.waiting = message;
        }
    }

    /// Reports an error unless it is the same as last time.
    fn report_error(
        &mut self,
        about: &Path,
        error: &Error,
        now: OffsetDateTime,
        observer: &mut dyn FnMut(&Event),
    ) {
        let message = error.to_string();
        let is_new = self
            .reported
            .insert(about.to_owned(), message.clone())
            .as_ref()
            != Some(&message);
        if is_new || about.as_os_str().is_empty() {
            let error = Some(Failure::of(error));
            observer(&Event {
                error,
                ..Event::new(Kind::Failed, message, now)
            });
        }
    }

    /// Publishes the metrics.
    fn publish(&self) -> Result<(), Error> {
        if self.watching.exporter.is_none() && self.watching.metrics_file.is_none() {
            return Ok(());
        }
        let text = self.metrics.to_string();
        if let Some(path) = &self.watching.metrics_file {
            write_file(path, text.as_bytes())?;
        }
        if let Some(exporter) = &self.watching.exporter {
            exporter.publish(text);
        }
        Ok(())
    }
}

/// The delay after this many failures.
fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_BACKOFF * 2_i32.saturating_pow(failures.saturating_sub(1).min(16));
    // Without randomness, all instances wait equally long.
    let random =
        keys::random_serial().map_or(0, |serial| serial.as_bytes().last().copied().unwrap_or(0));
    doubled.min(LONGEST_BACKOFF) * (0.8 + 0.4 * f64::from(random) / f64::from(u8::MAX))
}

/// Writes a file whole, readable by everyone.
fn write_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    };
    let name: &OsStr = path.file_name().ok_or_else(|| Error::Unreadable {
        path: path.to_owned(),
        what: "cannot be written: it has no file name",
    })?;
    let lock = Lock::acquire(directory)?;
    match files::kind(path)? {
        FileKind::File => files::replace_each(
            &lock,
            &[Replacement {
                name,
                content,
                like: name,
            }],
        ),
        FileKind::Absent | FileKind::SymbolicLink | FileKind::Other => files::write_together(
            &lock,
            &[NewFile {
                name,
                content,
                secret: false,
            }],
            true,
        ),
    }
}
