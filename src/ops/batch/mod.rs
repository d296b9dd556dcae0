//! Many certificates from a manifest.
//!
//! ```text
//! manifest ─► rows ─► chunks ─► workers: plan, key, signature ─► in order: record ─► files or JSON lines
//! ```
//! The chunks in flight are bounded, so that memory does not grow with the manifest.

mod chunk;
pub mod manifest;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use time::OffsetDateTime;

use super::{Report, Verdict};
use crate::authority::{self, AuthorityAt, Signing};
use crate::error::{Error, shown};
use crate::files::{Lock, Spooled};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;
use crate::store::{Inventory, Labels};

use chunk::{Chunk, Finished, Made};
use manifest::Syntax;

/// The manifest, and what is to become of its rows.
#[derive(Debug)]
pub struct Request {
    /// The manifest, on disk.
    pub manifest: Spooled,
    /// What it is called in messages.
    pub name: PathBuf,
    /// How it is written.
    pub syntax: Syntax,
    /// Where the certificates go.
    pub destination: Destination,
    /// Look at every row, and issue nothing.
    pub dry_run: bool,
    /// Issue nothing when any row is bad.
    pub strict: bool,
    /// Skip the rows that an earlier run of the same manifest released.
    pub resume: bool,
    /// Labels for every certificate; a row's own come on top.
    pub labels: Labels,
    /// Who asks for it, as `user@host`.
    pub requested_by: String,
}

/// Where certificates and keys go.
#[derive(Debug)]
pub enum Destination {
    /// Files in this directory.
    Directory(PathBuf),
    /// JSON lines.
    Stream,
}

/// What happens while a batch runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many rows are done.
    Progress(u64),
    /// A row was not issued.
    Bad {
        /// The line it begins on.
        line: u64,
        /// Why.
        message: &'a str,
    },
    /// JSON lines to write to standard output, durable in the inventory.
    Output(&'a [u8]),
}

/// Told what happens; an error stops the batch.
pub type Observer<'a> = &'a mut dyn FnMut(Event<'_>) -> Result<(), Error>;

/// The manifest in a file, or for `-` on standard input.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Spooled, Error> {
    Spooled::read(path)
}

/// Issues the rows of a manifest.
///
/// # Errors
/// When the authority, the manifest or the inventory cannot be used, or the output fails. A bad row is told and
/// counted, and the rest goes on.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
    observer: Observer<'_>,
) -> Result<Summary, Error> {
    let config = authority::read_config(from.directory)?;
    let profiles = config
        .names()
        .into_iter()
        .map(|name| Ok((name.to_owned(), Arc::new(config.profile(name)?))));
    let profiles = profiles.collect::<Result<HashMap<String, Arc<Profile>>, Error>>()?;
    let mut authority = from.open(now)?;
    let (signing, mut inventory) = authority.split();
    let manifest = request.manifest.digest().clone();
    let released = match &inventory {
        Some(inventory) if request.resume => inventory.rows_released(&manifest)?,
        Some(_) | None => 0,
    };
    let mut summary = Summary::new(&request.name);
    let batch = Batch {
        request,
        profiles: &profiles,
        signing,
        manifest: &manifest,
        released,
        now,
    };
    if request.strict || request.dry_run {
        batch.check(&mut summary, observer)?;
        if request.dry_run || summary.refused + summary.malformed > 0 {
            summary.good = std::mem::take(&mut summary.issued);
            return Ok(summary);
        }
        summary = Summary::new(&request.name);
    }
    let out = match &request.destination {
        Destination::Directory(path) => Some(Lock::acquire(path)?),
        Destination::Stream => None,
    };
    batch.issue(&mut summary, out.as_ref(), &mut inventory, observer)?;
    Ok(summary)
}

/// What became of the rows of a manifest.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The manifest.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub manifest: PathBuf,
    /// Rows that were issued.
    pub issued: u64,
    /// Rows that could be issued, and were not: it was only looked, or another row is bad.
    pub good: u64,
    /// Rows that an earlier run had released.
    pub skipped: u64,
    /// Rows that a policy refused, or whose files are there already.
    pub refused: u64,
    /// Rows that could not be read or issued.
    pub malformed: u64,
}

impl Summary {
    fn new(manifest: &Path) -> Self {
        Summary {
            manifest: manifest.to_owned(),
            issued: 0,
            good: 0,
            skipped: 0,
            refused: 0,
            malformed: 0,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            manifest,
            issued,
            good,
            skipped,
            refused,
            malformed,
        } = self;
        write!(f, "{}: {issued} issued", shown(manifest))?;
        for (count, what) in [
            (good, "good and not issued"),
            (skipped, "skipped"),
            (refused, "refused"),
            (malformed, "malformed"),
        ] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        writeln!(f)
    }
}

impl Report for Summary {
    fn verdict(&self) -> Verdict {
        if self.refused + self.malformed > 0 {
            Verdict::No
        } else {
            Verdict::Yes
        }
    }

    fn reason(&self) -> Option<String> {
        let bad = self.refused + self.malformed;
        (bad > 0).then(|| format!("{}: {bad} rows were not issued", shown(&self.manifest)))
    }
}

/// Rows that are worked on together: one transaction, one wait for the disk.
const CHUNK_ROWS: usize = 256;
/// Chunks that wait for a worker, or for their turn.
const CHUNKS_WAITING: usize = 4;

/// What every worker needs.
struct Batch<'a> {
    request: &'a Request,
    profiles: &'a HashMap<String, Arc<Profile>>,
    signing: &'a Signing,
    manifest: &'a Fingerprint,
    released: u64,
    now: OffsetDateTime,
}

impl Batch<'_> {
    /// Looks at every row, and issues none.
    fn check(&self, summary: &mut Summary, observer: Observer<'_>) -> Result<(), Error> {
        for chunk in self.chunks() {
            let finished = chunk.checked(self);
            self.tell(&finished, summary, observer)?;
        }
        Ok(())
    }

    fn issue(
        &self,
        summary: &mut Summary,
        out: Option<&Lock>,
        inventory: &mut Option<&mut Box<dyn Inventory>>,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (to_workers, chunks) = sync_channel(CHUNKS_WAITING);
        let (to_writer, finished) = sync_channel(CHUNKS_WAITING);
        let chunks = Mutex::new(chunks);
        let source = self.chunks();
        std::thread::scope(|scope| {
            scope.spawn(move || feed(source, &to_workers));
            for _ in 0..workers {
                let (chunks, to_writer) = (&chunks, to_writer.clone());
                scope.spawn(move || self.work(chunks, &to_writer));
            }
            drop(to_writer);
            let written = self.write(&finished, summary, out, inventory, observer);
            // Lets the others end when this one stopped early.
            drop(finished);
            written
        })
    }

    fn chunks(&self) -> impl Iterator<Item = Chunk> + Send + use<> {
        let reader = self.request.manifest.reader();
        let mut rows = manifest::rows(self.request.syntax, reader).enumerate();
        let mut number = 0;
        std::iter::from_fn(move || {
            let rows: Vec<_> = rows.by_ref().take(CHUNK_ROWS).collect();
            number += 1;
            (!rows.is_empty()).then(|| Chunk::new(number - 1, rows))
        })
    }

    /// Takes chunks until there are no more, or nobody wants them.
    fn work(&self, chunks: &Mutex<Receiver<Chunk>>, to_writer: &SyncSender<Finished>) {
        loop {
            let next = chunks.lock().map(|chunks| chunks.recv());
            let Ok(Ok(chunk)) = next else { return };
            if to_writer.send(chunk.issued(self)).is_err() {
                return;
            }
        }
    }

    /// Records and releases the chunks in the manifest's order.
    fn write(
        &self,
        finished: &Receiver<Finished>,
        summary: &mut Summary,
        out: Option<&Lock>,
        inventory: &mut Option<&mut Box<dyn Inventory>>,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        let mut done = 0;
        for chunk in finished {
            waiting.insert(chunk.number(), chunk);
            while let Some(mut chunk) = waiting.remove(&next) {
                next += 1;
                if let Some(lock) = out {
                    chunk.refuse_what_is_there(lock)?;
                }
                self.tell(&chunk, summary, observer)?;
                if let Some(inventory) = inventory {
                    inventory.record(&chunk.take_entries())?;
                }
                match out {
                    Some(lock) => chunk.write(lock)?,
                    None => observer(Event::Output(&chunk.lines()))?,
                }
                if let Some(inventory) = inventory {
                    inventory.note_rows_released(self.manifest, chunk.last_row())?;
                }
                done += chunk.len();
                observer(Event::Progress(done))?;
            }
        }
        Ok(())
    }

    /// Counts what became of a chunk's rows, and tells of the bad ones.
    fn tell(
        &self,
        chunk: &Finished,
        summary: &mut Summary,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        for (line, made) in chunk.rows() {
            match made {
                Made::Issued(_) | Made::Good => summary.issued += 1,
                Made::Skipped => summary.skipped += 1,
                Made::Refused(message) => {
                    summary.refused += 1;
                    observer(Event::Bad { line, message })?;
                }
                Made::Malformed(message) => {
                    summary.malformed += 1;
                    observer(Event::Bad { line, message })?;
                }
            }
        }
        Ok(())
    }
}

fn feed(chunks: impl Iterator<Item = Chunk>, to_workers: &SyncSender<Chunk>) {
    for chunk in chunks {
        if to_workers.send(chunk).is_err() {
            return;
        }
    }
}
