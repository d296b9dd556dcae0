//! Which certificates a serial number, a file or a name selects.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error::{Error, FileError, SelectionError};
use crate::files::{self, Kind};
use crate::pki::bundle::BundleError;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::AttributeType;
use crate::pki::serial::{SerialNumber, SerialPrefix};
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Filter, Inventory};
use crate::{authority, path};

/// Where certificates are searched for.
pub(crate) struct Search<'a> {
    /// The inventory.
    pub(crate) inventory: &'a dyn Inventory,
    /// The inventory's file, for messages.
    pub(crate) path: PathBuf,
    /// The CA.
    pub(crate) authority: &'a Certificate,
    /// The current time.
    pub(crate) now: OffsetDateTime,
}

/// What a target selects.
#[derive(Debug)]
pub(crate) enum Matches {
    /// Exactly one certificate.
    One(Box<Entry>),
    /// Every certificate with this name or key, including expired and revoked ones; at least one.
    Many(Vec<Entry>),
}

impl Search<'_> {
    /// What a serial number (hex with or without colons, its first digits, or decimal), a file with a
    /// certificate or a private key, or a name selects.
    ///
    /// # Errors
    /// [`SelectionError`] when it selects nothing that this CA can revoke; and when the file or the
    /// inventory cannot be read.
    pub(crate) fn matches(&self, target: &OsStr) -> Result<Matches, Error> {
        let text = target.to_string_lossy();
        if is_file(target)? {
            return self.in_file(Path::new(target));
        }
        let unknown = || SelectionError::Unknown {
            inventory: self.path.clone(),
            text: text.clone().into_owned(),
        };
        let by_serial = self.with_serial(&text)?;
        if let Some(SerialMatch::Whole(entry)) = by_serial {
            return Ok(Matches::One(entry));
        }
        let named = self.inventory.find_by_name(&text, self.now)?;
        match (by_serial, named.is_empty()) {
            (Some(SerialMatch::Start(entry) | SerialMatch::Whole(entry)), true) => {
                Ok(Matches::One(entry))
            }
            (Some(SerialMatch::Start(entry) | SerialMatch::Whole(entry)), false) => {
                Err(SelectionError::Ambiguous {
                    text: text.into_owned(),
                    serial: entry.serial,
                }
                .into())
            }
            (None, false) => Ok(Matches::Many(named)),
            (None, true) if self.is_authority(&text) => Err(self.authority_itself().into()),
            (None, true) => Err(unknown().into()),
        }
    }

    /// The error for a target that selects several certificates.
    pub(crate) fn several(&self, target: &OsStr, entries: &[Entry]) -> SelectionError {
        let line = |entry: &Entry| {
            let names: Vec<_> = entry
                .names
                .iter()
                .take(1)
                .map(|name| Escaped(&name.value()).to_string())
                .collect();
            format!(
                "{} until {} ({}{}{})",
                entry.serial,
                rfc3339(entry.validity.not_after()),
                Escaped(&entry.profile),
                if names.is_empty() { "" } else { ", " },
                names.concat()
            )
        };
        SelectionError::Several {
            text: target.to_string_lossy().into_owned(),
            count: entries.len(),
            certificates: entries.iter().take(MAX_NAMED).map(line).collect(),
        }
    }

    /// Every entry with this public key, a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub(crate) fn with_key(&self, public_key_info: &[u8]) -> Result<Vec<Entry>, Error> {
        let key = Fingerprint::sha256(public_key_info);
        Ok(self.inventory.find_by_public_key(&key)?)
    }

    fn all(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.inventory.visit(filter, self.now, &mut |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    }

    fn in_file(&self, path: &Path) -> Result<Matches, Error> {
        let mut certificates = match authority::read_certificates(path) {
            Err(Error::File {
                source: FileError::Bundle(BundleError::Other { label }),
                ..
            }) if label.ends_with("PRIVATE KEY") => return self.of_key_in(path),
            read => read?,
        };
        let certificate = certificates.swap_remove(0);
        let own = self.authority;
        if certificate.subject() == own.subject()
            && certificate.public_key_info() == own.public_key_info()
        {
            return Err(self.authority_itself().into());
        }
        let path = path.to_owned();
        let serial = certificate.serial().clone();
        if let Some(entry) = self.inventory.find(&serial)?
            && entry.certificate == certificate.as_der()
        {
            return Ok(Matches::One(Box::new(entry)));
        }
        let issuer = certificate.issuer().clone();
        let error = if issuer != *own.subject() {
            SelectionError::Foreign {
                path,
                issuer,
                authority: own.subject().clone(),
            }
        } else if !path::is_signed_by(&certificate, own) {
            SelectionError::Forged { path, issuer }
        } else {
            SelectionError::NotRecorded {
                path,
                inventory: self.path.clone(),
                serial,
            }
        };
        Err(error.into())
    }

    fn of_key_in(&self, path: &Path) -> Result<Matches, Error> {
        let (key, _) = authority::read_key(path, &authority::no_passphrase)?;
        let public_key_info = key.public_key_info().unwrap_or_default();
        if public_key_info == self.authority.public_key_info() {
            return Err(self.authority_itself().into());
        }
        let entries = self.with_key(public_key_info)?;
        if entries.is_empty() {
            return Err(SelectionError::Unknown {
                inventory: self.path.clone(),
                text: path.to_string_lossy().into_owned(),
            }
            .into());
        }
        Ok(Matches::Many(entries))
    }

    fn with_serial(&self, text: &str) -> Result<Option<SerialMatch>, Error> {
        if let Ok(prefix) = text.parse::<SerialPrefix>() {
            let digits = hex_digits(&prefix.to_string());
            let filter = Filter {
                serial: Some(prefix),
                limit: Some(MAX_NAMED + 1),
                ..Filter::default()
            };
            let mut entries = self.all(&filter)?;
            let whole = |entry: &Entry| hex_digits(&entry.serial.to_string()) == digits;
            if let Some(at) = entries.iter().position(whole) {
                return Ok(Some(SerialMatch::Whole(Box::new(entries.swap_remove(at)))));
            }
            if digits.len() >= MIN_PREFIX_DIGITS {
                match entries.len() {
                    0 => {}
                    1 => return Ok(Some(SerialMatch::Start(Box::new(entries.swap_remove(0))))),
                    _ => return Err(self.several(OsStr::new(text), &entries).into()),
                }
            }
        }
        let Some(serial) = SerialNumber::from_decimal(text) else {
            return Ok(None);
        };
        let found = self.inventory.find(&serial)?;
        Ok(found.map(|entry| SerialMatch::Whole(Box::new(entry))))
    }

    fn is_authority(&self, text: &str) -> bool {
        let own = self.authority;
        let is_serial = || {
            let serial = own.serial();
            text.parse::<SerialPrefix>().is_ok_and(|prefix| {
                hex_digits(&prefix.to_string()) == hex_digits(&serial.to_string())
            }) || SerialNumber::from_decimal(text).as_ref() == Some(serial)
        };
        let common_names = own.subject().values(AttributeType::CommonName);
        common_names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(text))
            || is_serial()
    }

    fn authority_itself(&self) -> SelectionError {
        SelectionError::Authority {
            subject: self.authority.subject().clone(),
            subordinate: !self.authority.is_self_issued(),
        }
    }
}

/// How a certificate was found by its serial number.
enum SerialMatch {
    /// By the whole number.
    Whole(Box<Entry>),
    /// By its first digits.
    Start(Box<Entry>),
}

/// Whether a target is a file: one exists, or its extension is one of certificate files.
fn is_file(target: &OsStr) -> Result<bool, Error> {
    let text = target.to_string_lossy();
    let path = Path::new(target);
    if text.contains("://") {
        return Ok(false);
    }
    let extension = path.extension().and_then(OsStr::to_str);
    if extension.is_some_and(|end| FILE_ENDINGS.contains(&end)) {
        return Ok(true);
    }
    match files::kind(path) {
        Ok(Kind::File | Kind::SymbolicLink) => Ok(true),
        // A pipe such as `<(command)`, but not a directory that happens to have the name.
        Ok(Kind::Other) => Ok(text.contains('/')),
        Ok(Kind::Absent) => Ok(false),
        // Not a possible path: perhaps a name.
        Err(_) if !text.contains('/') => Ok(false),
        Err(error) => Err(error),
    }
}

/// The hex digits of a serial number, without colons.
fn hex_digits(shown: &str) -> String {
    shown.chars().filter(|&c| c != ':').collect()
}

/// File extensions that are not top-level domains.
const FILE_ENDINGS: [&str; 5] = ["crt", "pem", "der", "cer", "key"];
/// How many certificates an error lists.
const MAX_NAMED: usize = 10;
/// Fewer digits are a name or a typing error.
const MIN_PREFIX_DIGITS: usize = 4;
