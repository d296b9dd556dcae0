//! Renewing the certificates of one directory, under its lock.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Request;
use super::follow::{Contents, Replaced};
use super::report::Outcome;
use super::standing::{self, Standing};
use crate::authority::Authority;
use crate::error::Error;
use crate::files::{self, Kind, Lock, Replacement};
use crate::keys;
use crate::ops::issue::{self, Planned, Signed, file_names};
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused;
use crate::store::{Entry, Output};

/// A certificate that is to be renewed, and what was decided of it.
pub(super) struct Wanted<'a> {
    /// Its index among the report's certificates.
    pub(super) index: usize,
    pub(super) of: &'a ManagedCertificate,
    pub(super) renewal: issue::Renewal<'a>,
    /// Whether it was named, and is renewed even where that does not make it last longer.
    pub(super) is_named: bool,
}

/// What became of a certificate.
pub(super) enum Made {
    /// It was replaced; what its reader should know.
    Replaced(Box<Replaced>, Vec<String>),
    /// It was not, for a reason that is no error.
    Not(Outcome, String),
    /// It could not be.
    Failed(Error),
}

/// Renews certificates of one directory: what is recorded is recorded at once, and what is written waits for the
/// disk once.
///
/// # Errors
/// When the directory cannot be locked, or the inventory not be written: then nothing is changed.
pub(super) fn replace_all(
    directory: &Path,
    wanted: &[Wanted<'_>],
    authority: &mut Authority,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Vec<(usize, Made)>, Error> {
    let lock = Lock::acquire(directory)?;
    let mut made = Vec::with_capacity(wanted.len());
    let mut signed = Vec::new();
    for one in wanted {
        match sign(one, authority, request, now) {
            Ok(Ready::Signed(fresh)) => signed.push(*fresh),
            Ok(Ready::Not(outcome, message)) => made.push((one.index, Made::Not(outcome, message))),
            Err(error) => made.push((one.index, Made::Failed(error))),
        }
    }
    let entries: Vec<Entry> = signed
        .iter_mut()
        .filter_map(|fresh| fresh.entry.take())
        .collect();
    if !entries.is_empty() {
        authority.record(&entries)?;
    }
    let all: Vec<&Fresh> = signed.iter().collect();
    match write(&lock, &all) {
        Err(error) if all.len() == 1 => made.push((all[0].replaced.index, Made::Failed(error))),
        // One that cannot be written must not keep the others.
        Err(_) => made.extend(signed.into_iter().map(|fresh| {
            let written = if fresh.is_there() {
                Ok(())
            } else {
                write(&lock, &[&fresh])
            };
            fresh.made(written)
        })),
        Ok(()) => made.extend(signed.into_iter().map(|fresh| fresh.made(Ok(())))),
    }
    Ok(made)
}

/// What became of one that was to be signed.
enum Ready {
    Signed(Box<Fresh>),
    Not(Outcome, String),
}

/// A new certificate, and everything that is to be written of it.
struct Fresh {
    replaced: Replaced,
    notes: Vec<String>,
    /// Gone once it is taken to be recorded.
    entry: Option<Entry>,
    names: Names,
    new_key: Option<Zeroizing<String>>,
    new_combined: Option<Zeroizing<Vec<u8>>>,
}

/// The names of a pair's files.
struct Names {
    certificate: OsString,
    key: OsString,
    combined: OsString,
}

fn sign(
    one: &Wanted<'_>,
    authority: &Authority,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Ready, Error> {
    let Some(standing) = Standing::read(one, request)? else {
        let message = "another process has renewed it".to_owned();
        return Ok(Ready::Not(Outcome::RenewedElsewhere, message));
    };
    let planned = match issue::renewal(&one.renewal, authority.issuer(), now)? {
        refused::Outcome::Done(planned) => planned,
        refused::Outcome::Refused(refused) => {
            return Ok(Ready::Not(Outcome::Refused, refused.message));
        }
    };
    let (old_end, end) = (
        one.of.entry.validity.not_after(),
        planned.plan.validity.not_after(),
    );
    if end <= old_end && !one.is_named {
        let message = "a new one would end no later, for its CA ends then: make a new CA first";
        return Ok(Ready::Not(Outcome::Refused, message.to_owned()));
    }
    let signed = issue::sign_only(&planned, authority.signing())?;
    let entry = entry(one, &planned, &signed, authority, now)?;
    let due_at = [&entry, &one.of.entry].map(|entry| request.timing.due_at(entry));
    let certificate = authority.signing().served(&signed.certificate)?;
    let mut fresh = fresh(one, signed, certificate, standing)?;
    fresh.replaced.validity = planned.plan.validity;
    fresh.replaced.due_at = due_at;
    fresh.notes = planned.notes;
    fresh.entry = Some(entry);
    Ok(Ready::Signed(Box::new(fresh)))
}

/// What is to be written of a certificate that was signed.
fn fresh(
    one: &Wanted<'_>,
    signed: Signed,
    certificate: String,
    standing: Standing,
) -> Result<Fresh, Error> {
    let new_key = match &signed.key {
        Some(key) => Some(keys::to_pem(key.pkcs8(), None)?),
        None => None,
    };
    let key = new_key.as_ref().map(|key| key.as_bytes());
    let key = key.or(standing.key.as_ref().map(|key| key.as_slice()));
    let new_combined = match (&standing.combined, key) {
        (Some(_), Some(key)) => Some(standing::both(certificate.as_bytes(), key)),
        (Some(_), None) | (None, _) => None,
    };
    let mut place = one.of.place.clone();
    place.has_combined |= new_combined.is_some();
    let (certificate_name, key_name) = file_names(&place.base);
    Ok(Fresh {
        names: Names {
            certificate: certificate_name,
            key: key_name,
            combined: place.combined_name(),
        },
        replaced: Replaced {
            index: one.index,
            place,
            old_serial: one.of.entry.serial.clone(),
            serial: signed.serial,
            old_validity: one.of.entry.validity,
            validity: one.of.entry.validity,
            certificate,
            due_at: [OffsetDateTime::UNIX_EPOCH; 2],
            is_rekeyed: new_key.is_some(),
            old: Contents {
                certificate: standing.certificate,
                key: standing.key.filter(|_| new_key.is_some()),
                combined: standing.combined.filter(|_| new_combined.is_some()),
            },
        },
        notes: Vec::new(),
        entry: None,
        new_key,
        new_combined,
    })
}

fn entry(
    one: &Wanted<'_>,
    planned: &Planned,
    signed: &Signed,
    authority: &Authority,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    let output = Output {
        directory: files::absolute(&one.of.place.directory)?,
        base: one.of.place.base.to_string_lossy().into_owned(),
    };
    let issuer = authority.signing().fingerprint.clone();
    Ok(Entry {
        replaces: Some(one.of.entry.serial.clone()),
        ..issue::entry(planned, signed, issuer, Some(output), None, now)
    })
}

/// Writes what is new: a certificate alone by one rename, more than that all at once.
fn write(lock: &Lock, fresh: &[&Fresh]) -> Result<(), Error> {
    let (alone, together): (Vec<&Fresh>, Vec<&Fresh>) = fresh
        .iter()
        .partition(|fresh| fresh.new_key.is_none() && fresh.new_combined.is_none());
    let alone: Vec<_> = alone.iter().map(|fresh| fresh.certificate()).collect();
    files::replace_each(lock, &alone)?;
    let mut files = Vec::new();
    for fresh in together {
        let names = &fresh.names;
        files.push(fresh.certificate());
        if let Some(key) = &fresh.new_key {
            files.push(Replacement {
                name: &names.key,
                content: key.as_bytes(),
                like: &names.key,
            });
        }
        if let Some(combined) = &fresh.new_combined {
            let is_there = lock.path().join(&names.combined);
            let like = match files::kind(&is_there)? {
                Kind::Absent => &names.key,
                Kind::File | Kind::SymbolicLink | Kind::Other => &names.combined,
            };
            files.push(Replacement {
                name: &names.combined,
                content: combined,
                like,
            });
        }
    }
    files::replace_together(lock, &files)
}

impl Fresh {
    fn certificate(&self) -> Replacement<'_> {
        Replacement {
            name: &self.names.certificate,
            content: self.replaced.certificate.as_bytes(),
            like: &self.names.certificate,
        }
    }

    /// Whether the new certificate stands in its file.
    fn is_there(&self) -> bool {
        let standing = files::read(&self.replaced.place.certificate());
        standing.is_ok_and(|standing| standing.as_slice() == self.replaced.certificate.as_bytes())
    }

    fn made(self, written: Result<(), Error>) -> (usize, Made) {
        let index = self.replaced.index;
        let made = match written {
            Ok(()) => Made::Replaced(Box::new(self.replaced), self.notes),
            Err(error) => Made::Failed(error),
        };
        (index, made)
    }
}
