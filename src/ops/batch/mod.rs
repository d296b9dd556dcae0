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
use crate::files::{self, Lock, Spooled};
use crate::path::IssuerChain;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;
use crate::pki::serial::SerialNumber;
use crate::store::{Inventory, Labels};

use chunk::{Chunk, Finished, RowOutcome};
use manifest::Syntax;

/// A manifest, and how to issue its rows.
#[derive(Debug)]
pub struct Request {
    /// The manifest, on disk.
    pub manifest: Spooled,
    /// Its name in messages.
    pub name: PathBuf,
    /// Its syntax.
    pub syntax: Syntax,
    /// The profile of rows that name none.
    pub profile: Option<String>,
    /// Where the certificates go.
    pub destination: Destination,
    /// Check every row and issue nothing.
    pub dry_run: bool,
    /// Issue nothing if any row is bad.
    pub strict: bool,
    /// Skip rows that an earlier run of the same manifest released.
    pub resume: bool,
    /// Report every row in [`Summary::rows`], which grows with the manifest.
    pub report_rows: bool,
    /// Labels for every certificate; a row's own labels take precedence.
    pub labels: Labels,
    /// Who requests it, as `user@host`.
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
    /// This many rows are done.
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

/// Receives events; an error stops the batch.
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
/// When the authority, the manifest or the inventory cannot be used, or the output fails. A bad row is reported
/// and counted, and the other rows are issued.
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
    let mut summary = Summary::new(&request.name, request.report_rows);
    let batch = Batch {
        request,
        profiles: &profiles,
        signing,
        chain: signing.issuer_chain(now),
        directory: match &request.destination {
            Destination::Directory(path) => Some(files::absolute(path)?),
            Destination::Stream => None,
        },
        manifest: &manifest,
        released,
        now,
    };
    if request.strict || request.dry_run {
        batch.check(&mut summary, observer)?;
        if request.dry_run || summary.refused + summary.malformed > 0 {
            summary.issuable = std::mem::take(&mut summary.issued);
            return Ok(summary);
        }
        summary = Summary::new(&request.name, request.report_rows);
    }
    let out = match &request.destination {
        Destination::Directory(path) => Some(Lock::acquire(path)?),
        Destination::Stream => None,
    };
    batch.issue(&mut summary, out.as_ref(), &mut inventory, observer)?;
    Ok(summary)
}

/// The outcome of a batch.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The manifest.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub manifest: PathBuf,
    /// The number of rows that were issued.
    pub issued: u64,
    /// The number of rows that could be issued, in a dry run or where another row is bad.
    pub issuable: u64,
    /// The number of rows that an earlier run released.
    pub skipped: u64,
    /// The number of rows that a policy refused, or whose files exist.
    pub refused: u64,
    /// The number of rows that could not be read or issued.
    pub malformed: u64,
    /// Every row, where that was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowReport>>,
}

/// The outcome of one row.
#[derive(Debug, Serialize)]
pub struct RowReport {
    /// The line it begins on.
    pub line: u64,
    /// The name of its files, or the first of its names; null when it cannot be read.
    pub name: Option<String>,
    /// The serial number of its certificate; null when none was issued.
    pub serial: Option<SerialNumber>,
    /// The certificate's file; null when none was written.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: Option<PathBuf>,
    /// Why it was not issued.
    pub error: Option<String>,
}

impl Summary {
    fn new(manifest: &Path, report_rows: bool) -> Self {
        Summary {
            manifest: manifest.to_owned(),
            issued: 0,
            issuable: 0,
            skipped: 0,
            refused: 0,
            malformed: 0,
            rows: report_rows.then(Vec::new),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            manifest,
            issued,
            issuable,
            skipped,
            refused,
            malformed,
            rows: _,
        } = self;
        write!(f, "{}: {issued} issued", shown(manifest))?;
        for (count, what) in [
            (issuable, "not issued, though valid"),
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
        (bad > 0).then(|| {
            format!(
                "{}: {bad} of its rows were not issued",
                shown(&self.manifest)
            )
        })
    }
}

/// The rows of a chunk: one transaction, one wait for the disk.
const CHUNK_ROWS: usize = 256;
/// The number of chunks that may wait for a worker or for their turn.
const CHUNKS_WAITING: usize = 4;

/// What all workers share.
struct Batch<'a> {
    request: &'a Request,
    profiles: &'a HashMap<String, Arc<Profile>>,
    signing: &'a Signing,
    chain: IssuerChain<'a>,
    /// The output directory, absolute.
    directory: Option<PathBuf>,
    manifest: &'a Fingerprint,
    released: u64,
    now: OffsetDateTime,
}

impl Batch<'_> {
    /// Checks every row and issues none.
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
            // Lets the workers end when the writer stopped early.
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

    /// Takes chunks until there are no more, or the writer stopped.
    fn work(&self, chunks: &Mutex<Receiver<Chunk>>, to_writer: &SyncSender<Finished>) {
        loop {
            let next = chunks.lock().map(|chunks| chunks.recv());
            let Ok(Ok(chunk)) = next else { return };
            if to_writer.send(chunk.signed(self)).is_err() {
                return;
            }
        }
    }

    /// Records and releases the chunks in the order of the manifest.
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
                    chunk.refuse_existing(lock)?;
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

    /// Counts the outcomes of a chunk's rows, and reports the bad ones.
    fn tell(
        &self,
        chunk: &Finished,
        summary: &mut Summary,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        for row in chunk.rows() {
            let line = row.line;
            let mut report = RowReport {
                line,
                name: row.name.clone(),
                serial: None,
                path: None,
                error: None,
            };
            let count = match &row.outcome {
                RowOutcome::Signed(signed) => {
                    report.serial = Some(signed.serial.clone());
                    report.path = self
                        .directory
                        .as_ref()
                        .map(|directory| signed.path(directory));
                    &mut summary.issued
                }
                RowOutcome::Issuable => &mut summary.issued,
                RowOutcome::Skipped => &mut summary.skipped,
                RowOutcome::Refused(message) => {
                    observer(Event::Bad { line, message })?;
                    report.error = Some(message.clone());
                    &mut summary.refused
                }
                RowOutcome::Malformed(message) => {
                    observer(Event::Bad { line, message })?;
                    report.error = Some(message.clone());
                    &mut summary.malformed
                }
            };
            *count += 1;
            if let Some(rows) = &mut summary.rows {
                rows.push(report);
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
