//! Rows that are worked on together.

use std::ffi::OsString;

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::manifest::{Numbered, Row};
use super::{Batch, Destination};
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys;
use crate::ops::issue::{self, End, Key, Planned, file_names};
use crate::ops::refused::Outcome;
use crate::pki::validity::rfc3339;
use crate::store::{BatchRow, Entry, Output};

/// Rows as they were read, with their numbers from 0.
pub(super) struct Chunk {
    number: u64,
    rows: Vec<(usize, Numbered)>,
}

/// What became of a chunk's rows.
pub(super) struct Finished {
    number: u64,
    rows: Vec<(u64, Made)>,
    last_row: u64,
}

/// What became of a row.
pub(super) enum Made {
    /// It is signed, and not yet released.
    Issued(Box<Issued>),
    /// It could be issued.
    Good,
    /// An earlier run released it.
    Skipped,
    /// It may not be issued.
    Refused(String),
    /// It cannot be issued.
    Malformed(String),
}

/// A certificate that is signed, and what is written of it.
pub(super) struct Issued {
    /// Gone once it is taken to be recorded.
    entry: Option<Entry>,
    base: OsString,
    certificate: String,
    key: Zeroizing<String>,
    line: Zeroizing<Vec<u8>>,
}

impl Chunk {
    pub(super) fn new(number: u64, rows: Vec<(usize, Numbered)>) -> Self {
        Chunk { number, rows }
    }

    /// Signs what can be.
    pub(super) fn issued(self, batch: &Batch<'_>) -> Finished {
        self.map(batch, |row, number| made(row, number, batch))
    }

    /// Looks at what can be signed.
    pub(super) fn checked(self, batch: &Batch<'_>) -> Finished {
        self.map(batch, |row, _| match planned(row, batch) {
            Ok(Outcome::Done(_)) => Made::Good,
            Ok(Outcome::Refused(refused)) => Made::Refused(refused.message),
            Err(error) => Made::Malformed(error.to_string()),
        })
    }

    fn map(self, batch: &Batch<'_>, make: impl Fn(Row, u64) -> Made) -> Finished {
        let last_row = self.rows.last().map_or(0, |(number, _)| *number as u64 + 1);
        let rows = self.rows.into_iter().map(|(number, (line, row))| {
            let number = number as u64 + 1;
            let made = match row {
                _ if number <= batch.released => Made::Skipped,
                Ok(row) => make(row, number),
                Err(message) => Made::Malformed(message),
            };
            (line, made)
        });
        Finished {
            number: self.number,
            rows: rows.collect(),
            last_row,
        }
    }
}

impl Finished {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The number of its last row, from 1.
    pub(super) fn last_row(&self) -> u64 {
        self.last_row
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The line of each row, and what became of it.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &Made)> {
        self.rows.iter().map(|(line, made)| (*line, made))
    }

    /// Turns rows whose files are there already, or are another row's, into refusals.
    pub(super) fn refuse_what_is_there(&mut self, lock: &Lock) -> Result<(), Error> {
        let mut names = std::collections::HashSet::new();
        for (_, made) in &mut self.rows {
            let Made::Issued(issued) = made else { continue };
            let (certificate, key) = file_names(&issued.base);
            let taken = !names.insert(certificate.clone())
                || files::kind(&lock.path().join(&certificate))? != Kind::Absent
                || files::kind(&lock.path().join(&key))? != Kind::Absent;
            if taken {
                let name = certificate.to_string_lossy();
                *made = Made::Refused(format!("{} exists already", name.escape_debug()));
            }
        }
        Ok(())
    }

    /// What the inventory is to hold.
    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        let entries = self.rows.iter_mut().map(|(_, made)| match made {
            Made::Issued(issued) => issued.entry.take(),
            Made::Good | Made::Skipped | Made::Refused(_) | Made::Malformed(_) => None,
        });
        entries.flatten().collect()
    }

    /// Writes the pairs into a locked directory.
    pub(super) fn write(&self, lock: &Lock) -> Result<(), Error> {
        let names: Vec<_> = self
            .issued()
            .map(|issued| file_names(&issued.base))
            .collect();
        let mut all = Vec::with_capacity(names.len() * 2);
        for (issued, (certificate, key)) in self.issued().zip(&names) {
            all.push(NewFile {
                name: key,
                content: issued.key.as_bytes(),
                secret: true,
            });
            all.push(NewFile {
                name: certificate,
                content: issued.certificate.as_bytes(),
                secret: false,
            });
        }
        files::write_many(lock, &all)
    }

    /// The JSON lines.
    pub(super) fn lines(&self) -> Zeroizing<Vec<u8>> {
        let length = self.issued().map(|issued| issued.line.len()).sum();
        let mut lines = Zeroizing::new(Vec::with_capacity(length));
        self.issued()
            .for_each(|issued| lines.extend_from_slice(&issued.line));
        lines
    }

    fn issued(&self) -> impl Iterator<Item = &Issued> {
        self.rows.iter().filter_map(|(_, made)| match made {
            Made::Issued(issued) => Some(&**issued),
            Made::Good | Made::Skipped | Made::Refused(_) | Made::Malformed(_) => None,
        })
    }
}

/// What a program reads of a certificate.
#[derive(Serialize)]
struct Line<'a> {
    row: u64,
    name: &'a str,
    profile: &'a str,
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    fingerprint_sha256: String,
    certificate: &'a str,
    private_key: &'a str,
}

fn made(row: Row, number: u64, batch: &Batch<'_>) -> Made {
    let planned = match planned(row, batch) {
        Ok(Outcome::Done(planned)) => planned,
        Ok(Outcome::Refused(refused)) => return Made::Refused(refused.message),
        Err(error) => return Made::Malformed(error.to_string()),
    };
    match issued(&planned, number, batch) {
        Ok(issued) => Made::Issued(Box::new(issued)),
        Err(error) => Made::Malformed(error.to_string()),
    }
}

fn planned(row: Row, batch: &Batch<'_>) -> Result<Outcome<Planned>, Error> {
    let Some(profile) = batch.profiles.get(&row.profile) else {
        let message = format!("there is no profile '{}'", row.profile.escape_debug());
        return Err(Error::Usage {
            message,
            hint: "see them with `openagents-certs template list`".into(),
        });
    };
    let names = row
        .names
        .iter()
        .map(|name| name.parse())
        .collect::<Result<_, _>>()?;
    let spiffe = row
        .spiffe
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(crate::pki::san::NameError::from)?;
    let request = issue::Request {
        profile: profile.clone(),
        names,
        spiffe,
        end: row.ttl.map(End::After),
        key: Key::New(row.key_type),
        base: row.name.map(OsString::from),
        requested_by: batch.request.requested_by.clone(),
        note: row.note,
        labels: batch.request.labels.with(&row.labels),
    };
    issue::plan(&request, &batch.signing.issuer, batch.now)
}

fn issued(planned: &Planned, number: u64, batch: &Batch<'_>) -> Result<Issued, Error> {
    let signed = issue::sign_only(planned, batch.signing)?;
    let output = match &batch.request.destination {
        Destination::Directory(path) => Some(Output {
            directory: files::absolute(path)?,
            base: planned.base().to_string_lossy().into_owned(),
        }),
        Destination::Stream => None,
    };
    let row = BatchRow {
        manifest: batch.manifest.clone(),
        row: number,
    };
    let entry = issue::entry(
        planned,
        &signed,
        batch.signing.fingerprint.clone(),
        output,
        Some(row),
        batch.now,
    );
    let certificate = batch.signing.served(&signed.certificate)?;
    let key = match &signed.key {
        Some(key) => keys::to_pem(key.pkcs8(), None)?,
        None => Zeroizing::new(String::new()),
    };
    let base = planned.base().to_owned();
    let line = match batch.request.destination {
        Destination::Directory(_) => Zeroizing::new(Vec::new()),
        Destination::Stream => line(&entry, number, &base.to_string_lossy(), &certificate, &key),
    };
    Ok(Issued {
        entry: Some(entry),
        base,
        certificate,
        key,
        line,
    })
}

fn line(entry: &Entry, row: u64, name: &str, certificate: &str, key: &str) -> Zeroizing<Vec<u8>> {
    // Room for it all and every line end as an escape, so that nothing of the key is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(
        (certificate.len() + key.len()) * 11 / 10 + 1024,
    ));
    let line = Line {
        row,
        name,
        profile: &entry.profile,
        serial: entry.serial.to_string(),
        not_after: entry.validity.not_after(),
        fingerprint_sha256: entry.fingerprint.to_string(),
        certificate,
        private_key: key,
    };
    if let Err(error) = serde_json::to_writer(&mut *text, &line) {
        unreachable!(
            "a line is of strings and numbers ({}): {error}",
            rfc3339(entry.issued_at)
        );
    }
    text.push(b'\n');
    text
}
