//! Renewing the certificates of one directory under its lock.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Request;
use super::follow::{Contents, ReplacedPair};
use super::pair_files::{self, PairFiles};
use super::report::Outcome;
use crate::authority::Issuance;
use crate::error::Error;
use crate::files::{self, Kind, Lock, Replacement};
use crate::keys;
use crate::ops::issue::{self, Planned, Signed, file_names};
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused;
use crate::store::{Entry, Output};

/// A certificate to renew, and how.
pub(super) struct Job<'a> {
    /// Its index among the certificates of the report.
    pub(super) index: usize,
    pub(super) of: &'a ManagedCertificate,
    pub(super) renewal: issue::Renewal<'a>,
    /// Whether it is renewed even if the new certificate expires no later.
    pub(super) is_named: bool,
}

/// The result of a job.
pub(super) enum JobResult {
    /// The pair was replaced; with notes for the reader.
    Replaced(Box<ReplacedPair>, Vec<String>),
    /// Nothing was replaced, for a reason that is not an error.
    Unchanged(Outcome, String),
    /// Nothing could be replaced.
    Failed(Error),
}

/// Renews certificates of one directory, with one transaction and one wait for the disk.
///
/// # Errors
/// When the directory cannot be locked or the inventory cannot be written; then nothing is changed.
pub(super) fn replace_all(
    directory: &Path,
    jobs: &[Job<'_>],
    authority: &mut Issuance,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Vec<(usize, JobResult)>, Error> {
    let lock = Lock::acquire(directory)?;
    let mut results = Vec::with_capacity(jobs.len());
    let mut signed = Vec::new();
    for job in jobs {
        match sign(job, authority, request, now) {
            Ok(Ready::Signed(pair)) => signed.push(*pair),
            Ok(Ready::Unchanged(outcome, message)) => {
                results.push((job.index, JobResult::Unchanged(outcome, message)))
            }
            Err(error) => results.push((job.index, JobResult::Failed(error))),
        }
    }
    let entries: Vec<Entry> = signed
        .iter_mut()
        .filter_map(|pair| pair.entry.take())
        .collect();
    if !entries.is_empty() {
        authority.record(&entries)?;
    }
    let all: Vec<&SignedPair> = signed.iter().collect();
    match write(&lock, &all) {
        Err(error) if all.len() == 1 => {
            results.push((all[0].replaced.index, JobResult::Failed(error)));
        }
        // One that cannot be written must not block the others.
        Err(_) => results.extend(signed.into_iter().map(|pair| {
            let written = if pair.is_in_place() {
                Ok(())
            } else {
                write(&lock, &[&pair])
            };
            pair.result(written)
        })),
        Ok(()) => results.extend(signed.into_iter().map(|pair| pair.result(Ok(())))),
    }
    Ok(results)
}

/// The result of signing.
enum Ready {
    Signed(Box<SignedPair>),
    Unchanged(Outcome, String),
}

/// A new certificate and everything to write with it.
pub(super) struct SignedPair {
    replaced: ReplacedPair,
    notes: Vec<String>,
    /// `None` once it has been recorded.
    entry: Option<Entry>,
    names: Names,
    new_key: Option<Zeroizing<String>>,
    new_combined: Option<Zeroizing<Vec<u8>>>,
}

/// The file names of a pair.
struct Names {
    certificate: OsString,
    key: OsString,
    combined: OsString,
}

fn sign(
    job: &Job<'_>,
    authority: &Issuance,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Ready, Error> {
    let Some(files) = PairFiles::read(job.of, job.renewal.new_key.is_some(), request)? else {
        let message = "another process has renewed it".to_owned();
        return Ok(Ready::Unchanged(Outcome::RenewedElsewhere, message));
    };
    let planned = match issue::renewal(&job.renewal, authority.issuer(), now)? {
        refused::Outcome::Done(planned) => planned,
        refused::Outcome::Refused(refused) => {
            return Ok(Ready::Unchanged(Outcome::Refused, refused.message));
        }
    };
    let (old_end, end) = (
        job.of.entry.validity.not_after(),
        planned.plan.validity.not_after(),
    );
    if end <= old_end && !job.is_named {
        let message = "a new certificate would expire no later, because the CA expires then; rotate the CA first";
        return Ok(Ready::Unchanged(Outcome::Refused, message.to_owned()));
    }
    if let Some(refused) = issue::compromised(&planned, authority)? {
        return Ok(Ready::Unchanged(Outcome::Refused, refused.message));
    }
    let signing = authority.signing();
    let signed = issue::sign_only(&planned, signing, &signing.issuer_chain(now))?;
    let entry = entry(job, &planned, &signed, authority, now)?;
    let due_at = [&entry, &job.of.entry].map(|entry| request.timing.due_at(entry));
    let certificate = authority.signing().served(&signed.certificate)?;
    let new_key = match &signed.key {
        Some(key) => Some(keys::to_pem(key.pkcs8(), None)?),
        None => None,
    };
    let new = NewCertificate {
        certificate,
        new_key,
        entry,
        due_at,
        notes: planned.notes,
    };
    Ok(Ready::Signed(Box::new(new.pair(job.of, job.index, files))))
}

/// A new certificate, before it is put in the place of the old one.
pub(super) struct NewCertificate {
    /// The content of its file.
    pub(super) certificate: String,
    /// Its key as PEM, if that is new.
    pub(super) new_key: Option<Zeroizing<String>>,
    /// What the inventory says of it.
    pub(super) entry: Entry,
    /// When it is due, and when the old one is.
    pub(super) due_at: [OffsetDateTime; 2],
    /// Notes for the reader.
    pub(super) notes: Vec<String>,
}

impl NewCertificate {
    /// It, with everything to write.
    pub(super) fn pair(
        self,
        of: &ManagedCertificate,
        index: usize,
        files: PairFiles,
    ) -> SignedPair {
        let key = self.new_key.as_ref().map(|key| key.as_bytes());
        let key = key.or(files.key.as_ref().map(|key| key.as_slice()));
        let new_combined = match (&files.combined, key) {
            (Some(_), Some(key)) => Some(pair_files::both(self.certificate.as_bytes(), key)),
            (Some(_), None) | (None, _) => None,
        };
        let mut place = of.place.clone();
        place.has_combined |= new_combined.is_some();
        let (certificate_name, key_name) = file_names(&place.base);
        SignedPair {
            names: Names {
                certificate: certificate_name,
                key: key_name,
                combined: place.combined_name(),
            },
            replaced: ReplacedPair {
                index,
                place,
                old_serial: of.entry.serial.clone(),
                serial: self.entry.serial.clone(),
                old_validity: of.entry.validity,
                validity: self.entry.validity,
                certificate: self.certificate,
                due_at: self.due_at,
                is_rekeyed: self.new_key.is_some(),
                old: Contents {
                    certificate: files.certificate,
                    key: files.key.filter(|_| self.new_key.is_some()),
                    combined: files.combined.filter(|_| new_combined.is_some()),
                },
            },
            notes: self.notes,
            entry: Some(self.entry),
            new_key: self.new_key,
            new_combined,
        }
    }
}

fn entry(
    job: &Job<'_>,
    planned: &Planned,
    signed: &Signed,
    authority: &Issuance,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    let output = Output {
        directory: files::absolute(&job.of.place.directory)?,
        base: job.of.place.base.to_string_lossy().into_owned(),
    };
    let issuer = authority.signing().fingerprint.clone();
    Ok(Entry {
        replaces: Some(job.of.entry.serial.clone()),
        ..issue::entry(planned, signed, issuer, Some(output), None, now)
    })
}

/// Writes new files: a certificate alone with one rename, several files of a pair together.
pub(super) fn write(lock: &Lock, pairs: &[&SignedPair]) -> Result<(), Error> {
    let (alone, together): (Vec<&SignedPair>, Vec<&SignedPair>) = pairs
        .iter()
        .partition(|pair| pair.new_key.is_none() && pair.new_combined.is_none());
    let alone: Vec<_> = alone.iter().map(|pair| pair.certificate()).collect();
    files::replace_each(lock, &alone)?;
    let mut files = Vec::new();
    for pair in together {
        let names = &pair.names;
        files.push(pair.certificate());
        if let Some(key) = &pair.new_key {
            files.push(Replacement {
                name: &names.key,
                content: key.as_bytes(),
                like: &names.key,
            });
        }
        if let Some(combined) = &pair.new_combined {
            let existing = lock.path().join(&names.combined);
            let like = match files::kind(&existing)? {
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

impl SignedPair {
    fn certificate(&self) -> Replacement<'_> {
        Replacement {
            name: &self.names.certificate,
            content: self.replaced.certificate.as_bytes(),
            like: &self.names.certificate,
        }
    }

    /// Whether the new certificate is in its file.
    fn is_in_place(&self) -> bool {
        let content = files::read(&self.replaced.place.certificate());
        content.is_ok_and(|content| content.as_slice() == self.replaced.certificate.as_bytes())
    }

    pub(super) fn result(self, written: Result<(), Error>) -> (usize, JobResult) {
        let index = self.replaced.index;
        let result = match written {
            Ok(()) => JobResult::Replaced(Box::new(self.replaced), self.notes),
            Err(error) => JobResult::Failed(error),
        };
        (index, result)
    }
}
