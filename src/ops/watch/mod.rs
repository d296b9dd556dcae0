//! Renewing for ever: looking when the next certificate is due, when told to, and every now and then.
//!
//! The wall clock decides: it is asked every few seconds, so that a machine that slept, or whose clock was set,
//! looks as soon as it is awake. Nothing is kept on disk; another watch may run beside this one, and finds
//! that what was due is renewed.

mod event;
mod metrics;
mod signals;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::crl;
use super::renew::{self, Failure, Outcome, Pending, Renewal, Renewed, State};
use crate::authority::{self, AuthorityAt, Recording};
use crate::error::{Error, shown};
use crate::files::{self, Kind as FileKind, Lock, NewFile, Replacement};
use crate::keys;
use crate::pki::validity::rfc3339;

pub use crate::net::{Exporter, ServiceManager};
pub use event::{Event, Kind};
pub use signals::Signals;

use metrics::Metrics;

/// What is watched, and who is told.
#[derive(Debug)]
pub struct Watching {
    /// How what is due is renewed.
    pub request: renew::Request,
    /// The longest time between two looks, in seconds of being awake.
    pub interval: Duration,
    /// Where the metrics are served.
    pub exporter: Option<Exporter>,
    /// The file the metrics are written to.
    pub metrics_file: Option<PathBuf>,
    /// The service manager.
    pub service: ServiceManager,
    /// How often the service manager wants to hear that this process is alive.
    pub alive_every: Option<Duration>,
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It was over.
    Time,
    /// Look now.
    Look,
    /// End.
    End,
}

/// The clock and the sleep of a watch.
pub struct Awaiting<'a> {
    /// What time it is.
    pub clock: &'a dyn Fn() -> OffsetDateTime,
    /// Sleeps so long, or until something happens.
    pub sleep: &'a mut dyn FnMut(std::time::Duration) -> Wake,
}

/// Watches until it is told to end.
///
/// # Errors
/// When the authority cannot be used at the start, or the metrics cannot be written then. Later failures are
/// told, and tried again.
pub fn run(
    watching: &Watching,
    from: &AuthorityAt<'_>,
    awaiting: Awaiting<'_>,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), Error> {
    let Awaiting { clock, sleep } = awaiting;
    // What would keep every renewal from being done is told now, and a passphrase asked for.
    drop(from.open(clock())?);
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
                    observer(&Event::new(Kind::Asked, "looking now", clock()));
                    break;
                }
                Wake::End => {
                    watching.service.stopping();
                    observer(&Event::new(Kind::Stopped, "told to end", clock()));
                    return Ok(());
                }
            }
        }
    }
}

/// Between two questions what time it is, at most.
const LONGEST_SLEEP: Duration = Duration::seconds(10);
const SHORTEST_SLEEP: Duration = Duration::milliseconds(100);
/// Between a failure and the next try: doubled each time, up to the longest, give or take a fifth.
const FIRST_BACKOFF: Duration = Duration::seconds(5);
const LONGEST_BACKOFF: Duration = Duration::minutes(15);

/// A watch between two looks.
struct Watch<'a> {
    watching: &'a Watching,
    from: &'a AuthorityAt<'a>,
    metrics: Metrics,
    /// What follows a renewal and failed.
    pending: Vec<Pending>,
    /// What was said of each file last, so that it is not said at every look.
    told: HashMap<PathBuf, String>,
    waiting: String,
    /// How many looks in a row failed.
    failed: u32,
    /// When the next look is.
    next: OffsetDateTime,
    /// How long to be awake until then at most.
    patience: Duration,
}

/// What came of a look.
struct Looked {
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
            told: HashMap::new(),
            waiting: String::new(),
            failed: 0,
            next: OffsetDateTime::UNIX_EPOCH,
            patience: watching.interval,
        }
    }

    /// Looks at every certificate, renews what is due, and decides when to look next.
    fn look(&mut self, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) {
        self.metrics.checks += 1;
        self.metrics.last_check = Some(now);
        let mended = self.mend(now, observer);
        let looked = match renew::run(&self.watching.request, self.from, now) {
            Ok(report) => self.take(report, now, observer),
            Err(error) => {
                self.metrics.failures += 1;
                self.tell_error(Path::new(""), &error, now, observer);
                Looked {
                    succeeded: false,
                    next: None,
                }
            }
        };
        let listed = self.keep_list(now, observer);
        let succeeded = mended && looked.succeeded && listed;
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
        let due = looked.next.filter(|due| *due > now);
        let latest = now.saturating_add(wait);
        self.next = due.map_or(latest, |due| due.min(latest));
        if let Err(error) = self.publish() {
            self.metrics.failures += 1;
            self.tell_error(Path::new("metrics"), &error, now, observer);
        }
        self.watching.service.alive();
    }

    /// Does again what follows a renewal and failed. Whether nothing is left to do.
    fn mend(&mut self, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) -> bool {
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

    /// Has a new revocation list in good time, where there is one and it is known what was revoked.
    fn keep_list(&mut self, now: OffsetDateTime, observer: &mut dyn FnMut(&Event)) -> bool {
        if self.from.recording == Recording::Nowhere {
            return true;
        }
        let place = self.from.directory.join(authority::CRL);
        match crl::refresh(&crl::Request::default(), self.from, now) {
            Ok(refresh) => {
                self.told.remove(&place);
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
                self.tell_error(&place, &error, now, observer);
                false
            }
        }
    }

    /// Takes in what came of a look.
    fn take(
        &mut self,
        mut report: Renewal,
        now: OffsetDateTime,
        observer: &mut dyn FnMut(&Event),
    ) -> Looked {
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
                self.told.remove(&one.certificate);
                continue;
            };
            let is_new = self
                .told
                .insert(one.certificate.clone(), event.message.clone())
                .as_ref()
                != Some(&event.message);
            if is_new || event.event != Kind::NotRenewed {
                observer(&event);
            }
        }
        for error in report.take_failures() {
            if !matches!(error, Error::RolledBack { .. }) {
                self.tell_error(&PathBuf::from(error.to_string()), &error, now, observer);
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
            // When what the other process made is due is seen with another look.
            Some(now.saturating_add(Duration::SECOND))
        } else {
            self.tell_waiting(&report, now, observer);
            report.next_due
        };
        self.pending.extend(report.take_pending());
        Looked {
            succeeded: !failed && self.pending.is_empty(),
            next,
        }
    }

    fn tell_waiting(
        &mut self,
        report: &Renewal,
        now: OffsetDateTime,
        observer: &mut dyn FnMut(&Event),
    ) {
        let next = report.next_due.map_or("none is due".to_owned(), |next| {
            format!("the next is due from {}", rfc3339(next))
        });
        let message = format!("{} managed; {next}", report.managed);
        self.watching.service.status(&message);
        if message != self.waiting {
            observer(&Event::new(Kind::Waiting, message.clone(), now));
            self.waiting = message;
        }
    }

    /// Tells of an error unless it was told of last time.
    fn tell_error(
        &mut self,
        about: &Path,
        error: &Error,
        now: OffsetDateTime,
        observer: &mut dyn FnMut(&Event),
    ) {
        let message = error.to_string();
        let is_new = self.told.insert(about.to_owned(), message.clone()).as_ref() != Some(&message);
        if is_new || about.as_os_str().is_empty() {
            let error = Some(Failure::of(error));
            observer(&Event {
                error,
                ..Event::new(Kind::Failed, message, now)
            });
        }
    }

    /// Gives the metrics to those who want them.
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

/// How long to wait after so many failures.
fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_BACKOFF * 2_i32.saturating_pow(failures.saturating_sub(1).min(16));
    // Without randomness all wait alike, which is no reason not to.
    let random =
        keys::random_serial().map_or(0, |serial| serial.as_bytes().last().copied().unwrap_or(0));
    doubled.min(LONGEST_BACKOFF) * (0.8 + 0.4 * f64::from(random) / f64::from(u8::MAX))
}

/// Writes a file whole, for everybody to read.
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
