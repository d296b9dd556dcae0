//! Rows that share one transaction.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::manifest::{Numbered, Row};
use super::{Batch, Destination};
use crate::config::ConfigError;
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys;
use crate::ops::issue::{self, End, Key, Planned, file_names};
use crate::ops::refused;
use crate::pki::serial::SerialNumber;
use crate::store::{BatchRow, Entry, Output};

/// Rows as they were read, with their numbers from 0.
pub(super) struct Chunk {
    number: u64,
    rows: Vec<(usize, Numbered)>,
}

/// A chunk whose rows are decided.
pub(super) struct Finished {
    number: u64,
    rows: Vec<Decision>,
    last_row: u64,
}

/// The decision about a row.
pub(super) struct Decision {
    /// The line it begins on.
    pub(super) line: u64,
    /// Its name: of its files, or the first of its names.
    pub(super) name: Option<String>,
    /// What happens with it.
    pub(super) outcome: RowOutcome,
}

/// What happens with a row.
pub(super) enum RowOutcome {
    /// It is signed, and not yet released.
    Signed(Box<Signed>),
    /// It could be issued.
    Issuable,
    /// An earlier run released it.
    Skipped,
    /// It may not be issued.
    Refused(String),
    /// It cannot be issued.
    Malformed(String),
}

/// A signed certificate, and what is written of it.
pub(super) struct Signed {
    /// Its serial number.
    pub(super) serial: SerialNumber,
    /// `None` once it is taken to be recorded.
    entry: Option<Entry>,
    base: OsString,
    certificate: String,
    key: Zeroizing<String>,
    line: Zeroizing<Vec<u8>>,
}

impl Signed {
    /// The certificate's file in a directory.
    pub(super) fn path(&self, directory: &Path) -> PathBuf {
        directory.join(file_names(&self.base).0)
    }
}

impl Chunk {
    pub(super) fn new(number: u64, rows: Vec<(usize, Numbered)>) -> Self {
        Chunk { number, rows }
    }

    /// Signs every row that can be issued.
    pub(super) fn signed(self, batch: &Batch<'_>) -> Finished {
        self.map(batch, |row, number| decided(signed(row, number, batch)))
    }

    /// Decides about every row without issuing.
    pub(super) fn checked(self, batch: &Batch<'_>) -> Finished {
        self.map(batch, |row, _| decided(checked(row, batch)))
    }

    fn map(self, batch: &Batch<'_>, decide: impl Fn(Row, u64) -> RowOutcome) -> Finished {
        let last_row = self.rows.last().map_or(0, |(number, _)| *number as u64 + 1);
        let rows = self.rows.into_iter().map(|(number, (line, row))| {
            let number = number as u64 + 1;
            let name = row.as_ref().ok().and_then(Row::label).map(str::to_owned);
            let outcome = match row {
                _ if number <= batch.released => RowOutcome::Skipped,
                Ok(row) => decide(row, number),
                Err(message) => RowOutcome::Malformed(message),
            };
            Decision {
                line,
                name,
                outcome,
            }
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

    /// The decisions, in the order of the manifest.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Decision> {
        self.rows.iter()
    }

    /// Refuses rows whose files exist or belong to another row.
    pub(super) fn refuse_existing(&mut self, lock: &Lock) -> Result<(), Error> {
        let mut names = std::collections::HashSet::new();
        for row in &mut self.rows {
            let RowOutcome::Signed(signed) = &row.outcome else {
                continue;
            };
            let (certificate, key) = file_names(&signed.base);
            let taken = !names.insert(certificate.clone())
                || files::kind(&lock.path().join(&certificate))? != Kind::Absent
                || files::kind(&lock.path().join(&key))? != Kind::Absent;
            if taken {
                let name = certificate.to_string_lossy();
                row.outcome =
                    RowOutcome::Refused(format!("{} already exists", name.escape_debug()));
            }
        }
        Ok(())
    }

    /// The entries to record.
    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        let entries = self.rows.iter_mut().map(|row| match &mut row.outcome {
            RowOutcome::Signed(signed) => signed.entry.take(),
            RowOutcome::Issuable
            | RowOutcome::Skipped
            | RowOutcome::Refused(_)
            | RowOutcome::Malformed(_) => None,
        });
        entries.flatten().collect()
    }

    /// Writes the pairs into a locked directory.
    pub(super) fn write(&self, lock: &Lock) -> Result<(), Error> {
        let names: Vec<_> = self
            .all_signed()
            .map(|signed| file_names(&signed.base))
            .collect();
        let mut all = Vec::with_capacity(names.len() * 2);
        for (signed, (certificate, key)) in self.all_signed().zip(&names) {
            all.push(NewFile {
                name: key,
                content: signed.key.as_bytes(),
                secret: true,
            });
            all.push(NewFile {
                name: certificate,
                content: signed.certificate.as_bytes(),
                secret: false,
            });
        }
        files::write_many(lock, &all)
    }

    /// The JSON lines.
    pub(super) fn lines(&self) -> Zeroizing<Vec<u8>> {
        let length = self.all_signed().map(|signed| signed.line.len()).sum();
        let mut lines = Zeroizing::new(Vec::with_capacity(length));
        self.all_signed()
            .for_each(|signed| lines.extend_from_slice(&signed.line));
        lines
    }

    fn all_signed(&self) -> impl Iterator<Item = &Signed> {
        self.rows.iter().filter_map(|row| match &row.outcome {
            RowOutcome::Signed(signed) => Some(&**signed),
            RowOutcome::Issuable
            | RowOutcome::Skipped
            | RowOutcome::Refused(_)
            | RowOutcome::Malformed(_) => None,
        })
    }
}

/// A certificate and its key as a JSON line.
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

/// A refusal and an error concern their row only; the rest of the batch goes on.
fn decided(result: Result<refused::Outcome<RowOutcome>, Error>) -> RowOutcome {
    match result {
        Ok(refused::Outcome::Done(outcome)) => outcome,
        Ok(refused::Outcome::Refused(refused)) => RowOutcome::Refused(refused.message),
        Err(error) => RowOutcome::Malformed(error.to_string()),
    }
}

fn planned(row: Row, batch: &Batch<'_>) -> Result<refused::Outcome<Planned>, Error> {
    let name = row.profile.as_deref().or(batch.request.profile.as_deref());
    let name = name.ok_or(Error::NoRowProfile)?;
    let profile = batch
        .profiles
        .get(name)
        .ok_or_else(|| ConfigError::NoProfile {
            name: name.to_owned(),
            known: batch.profiles.keys().cloned().collect(),
        })?;
    let names = row.names.iter().map(|name| name.parse());
    let spiffe = row.spiffe.as_deref().map(str::parse).transpose();
    let request = issue::Request {
        profile: profile.clone(),
        names: names.collect::<Result<_, _>>()?,
        spiffe: spiffe.map_err(crate::pki::san::NameError::from)?,
        common_name: issue::CommonName::First,
        start: None,
        end: row.ttl.map(End::After),
        key: Key::New(row.key_type),
        base: row.name.map(OsString::from),
        requested_by: batch.request.requested_by.clone(),
        note: row.note,
        labels: batch.request.labels.with(&row.labels),
    };
    issue::plan(&request, &batch.signing.issuer, batch.now)
}

fn checked(row: Row, batch: &Batch<'_>) -> Result<refused::Outcome<RowOutcome>, Error> {
    planned(row, batch)?.and_then(|planned| {
        let rehearsed = issue::rehearse(&planned, batch.signing, &batch.chain)?;
        Ok(rehearsed.map(|()| RowOutcome::Issuable))
    })
}

fn signed(row: Row, number: u64, batch: &Batch<'_>) -> Result<refused::Outcome<RowOutcome>, Error> {
    planned(row, batch)?.and_then(|planned| {
        let signed = issue::sign_only(&planned, batch.signing, &batch.chain);
        issue::answered(signed)?.and_then(|signed| {
            let signed = released(&planned, &signed, number, batch)?;
            Ok(refused::Outcome::Done(RowOutcome::Signed(Box::new(signed))))
        })
    })
}

/// What is recorded and written of a signed certificate.
fn released(
    planned: &Planned,
    signed: &issue::Signed,
    number: u64,
    batch: &Batch<'_>,
) -> Result<Signed, Error> {
    let base = planned.base().to_owned();
    let output = batch.directory.as_ref().map(|directory| Output {
        directory: directory.clone(),
        base: base.to_string_lossy().into_owned(),
    });
    let row = BatchRow {
        manifest: batch.manifest.clone(),
        row: number,
    };
    let issuer = batch.signing.fingerprint.clone();
    let entry = issue::entry(planned, signed, issuer, output, Some(row), batch.now);
    let certificate = batch.signing.served(&signed.certificate)?;
    let key = match &signed.key {
        Some(key) => keys::to_pem(key.pkcs8(), None)?,
        None => Zeroizing::new(String::new()),
    };
    let line = match batch.request.destination {
        Destination::Directory(_) => Zeroizing::new(Vec::new()),
        Destination::Stream => line(&entry, number, &base.to_string_lossy(), &certificate, &key),
    };
    Ok(Signed {
        serial: entry.serial.clone(),
        entry: Some(entry),
        base,
        certificate,
        key,
        line,
    })
}

fn line(entry: &Entry, row: u64, name: &str, certificate: &str, key: &str) -> Zeroizing<Vec<u8>> {
    // Enough room for every line end as an escape: a reallocation would leave a copy of the key in memory.
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
        unreachable!("strings and numbers can be serialised: {error}");
    }
    text.push(b'\n');
    text
}
