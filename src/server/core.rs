//! What every part of the server uses: the inventory, the authority, the settings, the clock.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use super::acting;
use super::authority::Authority;
use super::failure::Failure;
use super::log::{Event, Level, Log};
use super::metrics::{Counted, Metrics};
use super::settings::Settings;
use super::store::Store;
use crate::authority;
use crate::config::Config;
use crate::error::Error;
use crate::keys;
use crate::ops::issue::{self, Issued, Planned, Unrecorded};
use crate::ops::refused::Outcome;
use crate::pki::fingerprint::Hex;
use crate::store::{Entry, Inventory};

/// The state of the server; axum's state is an `Arc` of it.
pub(in crate::server) struct Core {
    directory: PathBuf,
    clock: fn() -> OffsetDateTime,
    store: Store,
    config: RwLock<(Arc<Config>, Arc<Settings>)>,
    authority: RwLock<Arc<Authority>>,
    /// Whether the files of the authority can be used as they are now.
    is_authority_usable: AtomicBool,
    /// When the server's own certificate and the CRL expire, in Unix seconds; 0 while that is not known.
    ends: [AtomicI64; 2],
    /// The start of every request id, random for each process, and the number of the last request.
    request_ids: (String, AtomicU64),
    metrics: Arc<Metrics>,
    log: Log,
}

impl Core {
    pub(super) fn new(
        directory: &Path,
        clock: fn() -> OffsetDateTime,
        (config, settings): (Config, Settings),
        authority: Authority,
        log: Log,
    ) -> Result<Self, Error> {
        let metrics = Arc::new(Metrics::default());
        let store = Store::start(directory, clock, Arc::clone(&metrics), log.clone())?;
        Ok(Core {
            directory: directory.to_owned(),
            clock,
            store,
            config: RwLock::new((Arc::new(config), Arc::new(settings))),
            authority: RwLock::new(Arc::new(authority)),
            is_authority_usable: AtomicBool::new(true),
            ends: Default::default(),
            request_ids: (start_of_request_ids()?, AtomicU64::new(0)),
            metrics,
            log,
        })
    }

    /// Runs a job on the one thread that writes. Jobs that wait are done in one durable transaction, each in a
    /// savepoint of its own: a job that fails undoes only itself. Answers after the commit.
    pub(in crate::server) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Inventory, OffsetDateTime) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store.write(job).await
    }

    /// Runs a job that only reads on a small pool of threads, each with its own open inventory.
    pub(in crate::server) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Inventory, OffsetDateTime) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store.read(job).await
    }

    /// Runs work that computes for long, such as signing, beside the threads that serve.
    pub(in crate::server) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let actor = acting::current();
        let work = move || match actor {
            Some(actor) => authority::acting_for(actor, work),
            None => work(),
        };
        match spawn_blocking(work).await {
            Ok(done) => done.map_err(|error| self.log.failure(error, self.now())),
            Err(_) => Err(Failure::Internal),
        }
    }

    /// Signs a certificate and records it. When this returns, it is durable and may be released.
    pub(in crate::server) async fn issue(
        &self,
        request: issue::Request,
        protocol: &'static str,
    ) -> Result<Outcome<Issued>, Failure> {
        let nothing = |_: &mut dyn Inventory, _: &mut Entry, _| Ok(Outcome::Done(()));
        let issued = self.issue_with(request, protocol, nothing).await?;
        Ok(issued.map(|(issued, ())| issued))
    }

    /// As [`Core::issue`], with something that is recorded in the same savepoint, before the certificate: a token's
    /// use, an order's state. It may change the entry (what it replaces), and refuse; after an error nothing remains
    /// of either.
    pub(in crate::server) async fn issue_with<T: Send + 'static>(
        &self,
        request: issue::Request,
        protocol: &'static str,
        beside: impl FnOnce(&mut dyn Inventory, &mut Entry, OffsetDateTime) -> Result<Outcome<T>, Error>
        + Send
        + 'static,
    ) -> Result<Outcome<(Issued, T)>, Failure> {
        let (authority, now) = (self.authority(), self.now());
        let sign = move || issue::sign_online(&request, &authority.signing, now);
        self.record(self.compute(sign).await?, protocol, beside)
            .await
    }

    /// As [`Core::issue_with`], for a certificate that was planned.
    pub(in crate::server) async fn issue_planned<T: Send + 'static>(
        &self,
        planned: Planned,
        protocol: &'static str,
        beside: impl FnOnce(&mut dyn Inventory, &mut Entry, OffsetDateTime) -> Result<Outcome<T>, Error>
        + Send
        + 'static,
    ) -> Result<Outcome<(Issued, T)>, Failure> {
        let (authority, now) = (self.authority(), self.now());
        let sign = move || issue::sign_planned(planned, &authority.signing, now);
        self.record(self.compute(sign).await?, protocol, beside)
            .await
    }

    async fn record<T: Send + 'static>(
        &self,
        signed: Outcome<Unrecorded>,
        protocol: &'static str,
        beside: impl FnOnce(&mut dyn Inventory, &mut Entry, OffsetDateTime) -> Result<Outcome<T>, Error>
        + Send
        + 'static,
    ) -> Result<Outcome<(Issued, T)>, Failure> {
        let mut unrecorded = match signed {
            Outcome::Done(unrecorded) => unrecorded,
            Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
        };
        let recorded = self.write(move |inventory, now| {
            let done = beside(inventory, &mut unrecorded.entry, now)?;
            done.and_then(|done| Ok(unrecorded.record(inventory)?.map(|issued| (issued, done))))
        });
        let recorded = recorded.await?;
        if let Outcome::Done(_) = &recorded {
            self.metrics.count(Counted::Issued, protocol);
        }
        Ok(recorded)
    }

    /// What certs.toml says.
    pub(in crate::server) fn config(&self) -> Arc<Config> {
        let both = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&both.0)
    }

    /// The settings of the server: `[serve]`, and the command line over it.
    pub(in crate::server) fn settings(&self) -> Arc<Settings> {
        let both = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&both.1)
    }

    /// The authority as its files are now; a rotation reaches it within seconds.
    pub(in crate::server) fn authority(&self) -> Arc<Authority> {
        Arc::clone(
            &self
                .authority
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The PKI directory.
    pub(in crate::server) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Counters and histograms.
    pub(in crate::server) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The current time. Read it once per request.
    pub(in crate::server) fn now(&self) -> OffsetDateTime {
        (self.clock)()
    }

    /// Whether events of this level are logged.
    pub(super) fn logs(&self, level: Level) -> bool {
        self.log.wants(level)
    }

    /// Writes an event to the log. No token, key or secret belongs in it.
    pub(in crate::server) fn log(&self, event: Event) {
        self.log.event(event);
    }

    /// Writes an error of ours to the log, and gives what the one who asked is told.
    pub(in crate::server) fn failure(&self, error: Error) -> Failure {
        self.log.failure(error, self.now())
    }

    /// An id for the next request.
    pub(super) fn next_request_id(&self) -> String {
        let (start, last) = &self.request_ids;
        format!("{start}-{}", last.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes when the CRL that is served has to be replaced, for the metrics.
    pub(in crate::server) fn note_crl_next_update(&self, next_update: OffsetDateTime) {
        self.ends[1].store(next_update.unix_timestamp(), Ordering::Relaxed);
    }

    /// Notes when the server's own certificate expires.
    pub(super) fn note_own_expiry(&self, not_after: OffsetDateTime) {
        self.ends[0].store(not_after.unix_timestamp(), Ordering::Relaxed);
    }

    /// What expires when: the CA, the server's certificate, the CRL.
    pub(super) fn ends(&self) -> Vec<(&'static str, i64)> {
        let authority = self.authority();
        let mut ends = vec![("ca", authority.certificate.not_after().unix_timestamp())];
        for (what, end) in ["server", "crl"].into_iter().zip(&self.ends) {
            let end = end.load(Ordering::Relaxed);
            ends.extend((end != 0).then_some((what, end)));
        }
        ends
    }

    /// How many events the log lost, because what reads it is too slow.
    pub(super) fn lost_events(&self) -> u64 {
        self.log.lost()
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn replace_config(&self, config: Config, settings: Settings) {
        let mut both = self.config.write().unwrap_or_else(PoisonError::into_inner);
        *both = (Arc::new(config), Arc::new(settings));
    }

    /// Takes the authority that its files give now, or the error that they give none; then the old one stays.
    pub(super) fn replace_authority(&self, authority: Result<Authority, Error>, report: bool) {
        self.is_authority_usable
            .store(authority.is_ok(), Ordering::Relaxed);
        match authority {
            Ok(new) => {
                let mut current = self
                    .authority
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(new);
            }
            Err(error) if report => self.log(Event::of_error("authority", &error, self.now())),
            Err(_) => {}
        }
    }

    /// Whether the CA can issue now: its files can be used, and it is valid.
    pub(super) fn is_authority_usable(&self) -> bool {
        let (authority, now) = (self.authority(), self.now());
        let validity = authority.signing.issuer.validity;
        let is_valid = validity.not_before() <= now && now <= validity.not_after();
        is_valid && self.is_authority_usable.load(Ordering::Relaxed)
    }
}

fn start_of_request_ids() -> Result<String, Error> {
    let random = keys::random_bytes::<4>()?;
    Ok(Hex(&random).to_string())
}
