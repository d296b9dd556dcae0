//! The inventory behind threads: one writes, a few read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::acting;
use super::failure::Failure;
use super::log::Log;
use super::metrics::Metrics;
use crate::authority;
use crate::error::Error;
use crate::store::{Actor, Inventory, Opening, StoreError};

/// The inventory of a directory, opened by each thread that uses it.
pub(super) struct Store {
    writes: SyncSender<Box<dyn WriteJob>>,
    reads: SyncSender<ReadJob>,
    shared: Arc<Shared>,
}

/// What all threads of the store know.
struct Shared {
    directory: PathBuf,
    /// As certs.toml said when the server started; a broken one does not matter later.
    place: authority::StorePlace,
    clock: fn() -> OffsetDateTime,
    /// Counted up when the inventory is to be opened again.
    generation: AtomicU64,
    waiting_writes: AtomicI64,
    waiting_reads: AtomicI64,
    outage: Outage,
    metrics: Arc<Metrics>,
    log: Log,
}

/// Whether the inventory could not be opened. Then one job in a second tries again, and the others are told to come
/// back, so that no queue waits for a store that does not answer.
struct Outage {
    began: Instant,
    /// When the next job may try, in milliseconds since the start; 0 while all is well.
    next_try: AtomicU64,
}

impl Outage {
    fn none() -> Self {
        Outage {
            began: Instant::now(),
            next_try: AtomicU64::new(0),
        }
    }

    /// Whether a job may go on.
    fn admits(&self) -> bool {
        let next = self.next_try.load(Ordering::Relaxed);
        let (now, later) = self.times();
        let try_it = |next| {
            let (old, new) = (Ordering::Relaxed, Ordering::Relaxed);
            self.next_try
                .compare_exchange(next, later, old, new)
                .is_ok()
        };
        next == 0 || (now >= next && try_it(next))
    }

    fn note(&self, is_open: bool) {
        let next = if is_open { 0 } else { self.times().1 };
        self.next_try.store(next, Ordering::Relaxed);
    }

    fn times(&self) -> (u64, u64) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        (now, now.saturating_add(TRY_AGAIN_MILLISECONDS))
    }
}

const TRY_AGAIN_MILLISECONDS: u64 = 1_000;

impl Store {
    /// Starts the threads. None of them opens the inventory before its first job.
    pub(super) fn start(
        directory: &Path,
        clock: fn() -> OffsetDateTime,
        metrics: Arc<Metrics>,
        log: Log,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            place: authority::store_place(directory)?,
            clock,
            generation: AtomicU64::new(0),
            waiting_writes: AtomicI64::new(0),
            waiting_reads: AtomicI64::new(0),
            outage: Outage::none(),
            metrics,
            log,
        });
        let (writes, jobs) = sync_channel(MAX_WAITING);
        let of_writer = Arc::clone(&shared);
        spawn("writer", move || write_all(&jobs, &of_writer))?;
        let (reads, jobs) = sync_channel::<ReadJob>(MAX_WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(&shared));
            spawn("reader", move || read_all(&jobs, &shared))?;
        }
        Ok(Store {
            writes,
            reads,
            shared,
        })
    }

    /// As [`super::Core::write`].
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Inventory, OffsetDateTime) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        if !self.shared.outage.admits() {
            return Err(Failure::Unavailable);
        }
        let (answer, answered) = oneshot::channel();
        let pending = Box::new(Pending {
            actor: acting::current().unwrap_or_else(authority::process_actor),
            job: Some(job),
            result: None,
            answer,
        });
        self.shared.waiting_writes.fetch_add(1, Ordering::Relaxed);
        if self.writes.try_send(pending).is_err() {
            self.shared.waiting_writes.fetch_sub(1, Ordering::Relaxed);
            return Err(Failure::Unavailable);
        }
        answered.await.unwrap_or(Err(Failure::Internal))
    }

    /// As [`super::Core::read`].
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Inventory, OffsetDateTime) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        if !self.shared.outage.admits() {
            return Err(Failure::Unavailable);
        }
        let (answer, answered) = oneshot::channel();
        let log = self.shared.log.clone();
        let run: ReadJob = Box::new(move |inventory, now| {
            let result = match inventory {
                Ok(inventory) => job(inventory, now),
                Err(error) => Err(error),
            };
            let is_broken = matches!(&result, Err(Error::Store(error)) if breaks(error));
            let result = result.map_err(|error| log.failure(error, now));
            // The one who asked may have gone away.
            let _ = answer.send(result);
            is_broken
        });
        self.shared.waiting_reads.fetch_add(1, Ordering::Relaxed);
        if self.reads.try_send(run).is_err() {
            self.shared.waiting_reads.fetch_sub(1, Ordering::Relaxed);
            return Err(Failure::Unavailable);
        }
        answered.await.unwrap_or(Err(Failure::Internal))
    }

    /// Lets every thread open the inventory again before its next job: the file is another one now.
    pub(super) fn reopen(&self) {
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// How many jobs wait: to write, and to read.
    pub(super) fn waiting(&self) -> (i64, i64) {
        (
            self.shared.waiting_writes.load(Ordering::Relaxed),
            self.shared.waiting_reads.load(Ordering::Relaxed),
        )
    }
}

/// A job that reads. Gives whether the inventory has to be opened again.
type ReadJob =
    Box<dyn FnOnce(Result<&dyn Inventory, Error>, OffsetDateTime) -> bool + Send + 'static>;

/// A job that writes, of whatever result.
trait WriteJob: Send {
    /// Runs it. An error of its own stays in it and undoes it; one of the store is given.
    fn run(&mut self, inventory: &mut dyn Inventory, now: OffsetDateTime)
    -> Result<(), StoreError>;

    /// Gives the answer, after everything is durable.
    fn answer(self: Box<Self>, log: &Log, now: OffsetDateTime);

    /// Gives the answer that nothing was done.
    fn refuse(self: Box<Self>);
}

struct Pending<T, F> {
    actor: Arc<Actor>,
    job: Option<F>,
    result: Option<Result<T, Error>>,
    answer: oneshot::Sender<Result<T, Failure>>,
}

impl<T, F> WriteJob for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut dyn Inventory, OffsetDateTime) -> Result<T, Error> + Send,
{
    fn run(
        &mut self,
        inventory: &mut dyn Inventory,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let Some(job) = self.job.take() else {
            return Ok(());
        };
        inventory.act_as(Some(Arc::clone(&self.actor)));
        match job(inventory, now) {
            Err(Error::Store(error)) if breaks(&error) => Err(error),
            result => {
                let undo = result.is_err();
                self.result = Some(result);
                if undo {
                    Err(StoreError::Undone)
                } else {
                    Ok(())
                }
            }
        }
    }

    fn answer(self: Box<Self>, log: &Log, now: OffsetDateTime) {
        let result = match self.result {
            Some(result) => result.map_err(|error| log.failure(error, now)),
            None => Err(Failure::Unavailable),
        };
        let _ = self.answer.send(result);
    }

    fn refuse(self: Box<Self>) {
        let _ = self.answer.send(Err(Failure::Unavailable));
    }
}

/// The thread that writes: takes all that wait, does them in one transaction, and answers when it is durable.
fn write_all(jobs: &Receiver<Box<dyn WriteJob>>, shared: &Shared) {
    let mut opened = Opened::default();
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(MAX_BATCH - 1));
        let count = i64::try_from(batch.len()).unwrap_or(0);
        let (now, started) = ((shared.clock)(), Instant::now());
        let written = opened
            .inventory(shared)
            .and_then(|inventory| Ok(run_batch(&mut batch, inventory, now)?));
        shared.metrics.store_write(started.elapsed());
        shared.waiting_writes.fetch_sub(count, Ordering::Relaxed);
        match written {
            Ok(()) => batch
                .into_iter()
                .for_each(|job| job.answer(&shared.log, now)),
            Err(error) => {
                opened.close();
                shared.log.failure(error, now);
                batch.into_iter().for_each(WriteJob::refuse);
            }
        }
    }
}

/// Runs jobs in one transaction, each in a savepoint. A store that breaks undoes all of them.
fn run_batch(
    batch: &mut [Box<dyn WriteJob>],
    inventory: &mut dyn Inventory,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    inventory.together(&mut |inventory| {
        for job in batch.iter_mut() {
            match inventory.together(&mut |inventory| job.run(inventory, now)) {
                Ok(()) | Err(StoreError::Undone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

fn read_all(jobs: &Mutex<Receiver<ReadJob>>, shared: &Shared) {
    let mut opened = Opened::default();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        let (now, started) = ((shared.clock)(), Instant::now());
        let is_broken = job(opened.inventory(shared).map(|inventory| &*inventory), now);
        shared.metrics.store_read(started.elapsed());
        shared.waiting_reads.fetch_sub(1, Ordering::Relaxed);
        if is_broken {
            opened.close();
        }
    }
}

/// A thread's own inventory.
#[derive(Default)]
struct Opened {
    inventory: Option<Box<dyn Inventory>>,
    generation: u64,
}

impl Opened {
    fn inventory(&mut self, shared: &Shared) -> Result<&mut dyn Inventory, Error> {
        let generation = shared.generation.load(Ordering::Relaxed);
        let inventory = match self.inventory.take() {
            Some(inventory) if self.generation == generation => inventory,
            old => {
                drop(old);
                let opened = authority::open_inventory_at(
                    &shared.place,
                    &shared.directory,
                    Opening::MustExist,
                );
                shared.outage.note(opened.is_ok());
                opened?
            }
        };
        self.generation = generation;
        Ok(&mut **self.inventory.insert(inventory))
    }

    fn close(&mut self) {
        self.inventory = None;
    }
}

/// Whether an error means that the inventory has to be opened again.
fn breaks(error: &StoreError) -> bool {
    !matches!(error, StoreError::SerialTaken { .. } | StoreError::Undone)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let spawned = thread::Builder::new()
        .name(name.into())
        .stack_size(STACK_BYTES)
        .spawn(run);
    spawned.map(drop).map_err(|source| Error::Io {
        action: "start a thread for",
        path: authority::INVENTORY.into(),
        source,
    })
}

/// Jobs that may wait; what comes beyond them is told to try again later.
const MAX_WAITING: usize = 4_096;
/// Jobs in one transaction.
const MAX_BATCH: usize = 256;
const READERS: usize = 4;
const STACK_BYTES: usize = 1024 * 1024;
