//! Renewing the certificates of one directory, under its lock.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Request;
use super::follow::{Contents, Replaced};
use super::report::Outcome;
use crate::authority::Authority;
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, Replacement};
use crate::keys;
use crate::ops::issue::{self, Planned, Signed, file_names};
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused;
use crate::pki::bundle;
use crate::pki::pem;
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

/// What stands in the files of a pair.
struct Standing {
    certificate: Zeroizing<Vec<u8>>,
    /// Nothing where there is no key, or nobody lets us read it.
    key: Option<Zeroizing<Vec<u8>>>,
    /// What is in the file with both, or would be; nothing when none is kept.
    combined: Option<Zeroizing<Vec<u8>>>,
}

fn sign(
    one: &Wanted<'_>,
    authority: &Authority,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Ready, Error> {
    let Some(standing) = standing(one, request)? else {
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
    let certificate = authority.signing().served(&signed.certificate)?;
    let new_key = match &signed.key {
        Some(key) => Some(keys::to_pem(key.pkcs8(), None)?),
        None => None,
    };
    let key = new_key.as_ref().map(|key| key.as_bytes());
    let key = key.or(standing.key.as_ref().map(|key| key.as_slice()));
    let new_combined = match (&standing.combined, key) {
        (Some(_), Some(key)) => Some(both(certificate.as_bytes(), key)),
        (Some(_), None) | (None, _) => None,
    };
    let entry = entry(one, &planned, &signed, authority, now)?;
    let mut place = one.of.place.clone();
    place.has_combined |= new_combined.is_some();
    let (certificate_name, key_name) = file_names(&place.base);
    Ok(Ready::Signed(Box::new(Fresh {
        names: Names {
            certificate: certificate_name,
            key: key_name,
            combined: place.combined_name(),
        },
        notes: planned.notes.clone(),
        replaced: Replaced {
            index: one.index,
            place,
            old_serial: one.of.entry.serial.clone(),
            serial: signed.serial,
            old_validity: one.of.entry.validity,
            validity: planned.plan.validity,
            certificate,
            due_at: [
                request.timing.due_at(&entry),
                request.timing.due_at(&one.of.entry),
            ],
            is_rekeyed: new_key.is_some(),
            old: Contents {
                certificate: standing.certificate,
                key: standing.key.filter(|_| new_key.is_some()),
                combined: standing.combined.filter(|_| new_combined.is_some()),
            },
        },
        entry: Some(entry),
        new_key,
        new_combined,
    })))
}

/// What is in the files now; nothing when it is no longer the certificate that was to be renewed.
fn standing(one: &Wanted<'_>, request: &Request) -> Result<Option<Standing>, Error> {
    let place = &one.of.place;
    let path = place.certificate();
    let certificate = files::read(&path)?;
    let certificates = bundle::certificates(&certificate);
    let certificates = certificates.map_err(|source| Error::Bundle {
        path: path.clone(),
        source,
    })?;
    if certificates[0].as_der() != one.of.certificate.as_der() {
        return Ok(None);
    }
    let key = place.private_key().and_then(|path| files::read(&path).ok());
    if one.renewal.new_key.is_none() {
        check_pair(one.of, key.as_ref().map(|key| key.as_slice()))?;
    } else if !place.has_key {
        return Err(Error::Usage {
            message: format!("{}: there is no key beside it to replace", shown(&path)),
            hint: "sign a new request where its key is kept, with `openagents-certs csr sign`"
                .into(),
        });
    }
    let combined = combined(
        one.of,
        request,
        &certificate,
        key.as_ref().map(|key| key.as_slice()),
    )?;
    Ok(Some(Standing {
        certificate,
        key,
        combined,
    }))
}

/// Says whether a key that can be read is the certificate's.
fn check_pair(of: &ManagedCertificate, key: Option<&[u8]>) -> Result<(), Error> {
    let path = || of.place.private_key().unwrap_or_default();
    let Some(octets) = key else { return Ok(()) };
    let blocks = pem::blocks(octets).map_err(|source| Error::Pem {
        path: path(),
        source,
    })?;
    let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
        return Err(Error::NoKey { path: path() });
    };
    if block.label == ENCRYPTED || block.is_encrypted() {
        return Ok(());
    }
    let key = keys::read_pem_key(block, None);
    let key = key.map_err(|source| Error::ReadKey {
        path: path(),
        source,
    })?;
    if key
        .public_key_info()
        .is_some_and(|info| info != of.certificate.public_key_info())
    {
        return Err(Error::KeyMismatch {
            path: path(),
            certificate: of.place.certificate(),
        });
    }
    Ok(())
}

/// What is in the file with certificate and key, or would be; nothing when none is kept.
fn combined(
    of: &ManagedCertificate,
    request: &Request,
    certificate: &[u8],
    key: Option<&[u8]>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let Some(path) = of.place.combined() else {
        return match (request.combined, key) {
            (false, _) => Ok(None),
            (true, Some(key)) => Ok(Some(both(certificate, key))),
            (true, None) => Err(Error::Usage {
                message: format!(
                    "{}: there is no key beside it to combine it with",
                    shown(&of.place.certificate())
                ),
                hint: "leave out `--combined`".into(),
            }),
        };
    };
    let content = files::read(&path)?;
    let is_ours = pem::blocks(&content).is_ok_and(|blocks| {
        blocks.iter().any(|block| block.is_private_key())
            && blocks
                .iter()
                .any(|block| block.contents[..] == *of.certificate.as_der())
    });
    match (is_ours, request.combined, key) {
        (true, _, Some(_)) => Ok(Some(content)),
        (true, _, None) => Err(Error::NoKey { path }),
        (false, false, _) => Ok(None),
        (false, true, _) => Err(Error::Exists {
            path,
            hint: "it does not hold this certificate and its key: move it away, or leave out `--combined`".into(),
        }),
    }
}

fn both(certificate: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + key.len()));
    both.extend_from_slice(certificate);
    both.extend_from_slice(key);
    both
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

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
