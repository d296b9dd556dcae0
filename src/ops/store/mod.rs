//! The inventory as a whole: copying it from one store into another, checking it, and removing what is long over.

mod check;
mod prune;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Report;
use crate::authority::{self, INVENTORY, StorePlace};
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::pki::certificate::Certificate;
use crate::store::{self, Contents, Inventory, Opening, StoreError};

pub use check::{Checked, Problem, check};
pub use prune::{Pruned, prune};

/// What to copy, and where to.
#[derive(Debug)]
pub struct CopyRequest {
    /// A database's URL, a directory or a file.
    pub from: OsString,
    /// The same; a directory or a file is one in which an inventory is made if there is none.
    pub to: OsString,
}

/// What was copied.
#[derive(Debug, Serialize)]
pub struct Copied {
    /// The inventory that was read.
    pub from: String,
    /// The inventory that was written.
    pub to: String,
    /// How many certificates it holds.
    pub certificates: u64,
    /// How many of them were there before.
    pub already_there: u64,
    /// How many revocations of certificates without an entry.
    pub carried_over: u64,
    /// How many tokens, accounts, orders and the like.
    pub documents: u64,
    /// How many records of the audit trail.
    pub audit_records: u64,
    /// The number of the last CRL.
    pub crl_number: u64,
    /// A digest of everything, which both have.
    pub digest: String,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "copied {}", self.from)?;
        writeln!(f, "  to           {}", self.to)?;
        write!(f, "  certificates {}", self.certificates)?;
        match self.already_there {
            0 => writeln!(f)?,
            there => writeln!(f, ", {there} of them there already")?,
        }
        writeln!(f, "  documents    {}", self.documents)?;
        writeln!(f, "  audit        {} records", self.audit_records)?;
        writeln!(f, "  CRL number   {}", self.crl_number)?;
        writeln!(f, "  digest       {}, of both", self.digest)
    }
}

impl Report for Copied {}

/// What is being done, to be shown while it lasts.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// How many certificates are done, in this step and those before.
    pub done: u64,
    /// How many there are in all steps: copying, and reading both.
    pub total: u64,
}

/// Copies an inventory into another store, and compares both. What is there already stays, so that an interrupted copy
/// is continued by the same command.
///
/// # Errors
/// When one cannot be read or the other written; when the other is of another authority; when they differ afterwards,
/// because one of them changed.
pub fn copy(
    request: &CopyRequest,
    now: OffsetDateTime,
    observer: &mut dyn FnMut(Progress),
) -> Result<Copied, Error> {
    let from_place = source(place(&request.from)?)?;
    let to_place = place(&request.to)?;
    if from_place == to_place {
        return Err(Error::usage(
            "--from and --to are the same inventory",
            "give the store that holds the certificates with --from, and the new one with --to",
        ));
    }
    let from = open(&from_place, Opening::MustExist)?;
    let mut to = open(&to_place, Opening::Create)?;
    refuse_other(&*from, &*to, &to_place)?;
    let (each, already_there) = (count(&*from, now)?, count(&*to, now)?);
    if already_there > each {
        return Err(different(format!(
            "{} has {already_there} certificates, and {} only {each}",
            name(&to_place)?,
            name(&from_place)?
        )));
    }
    let mut report = |step: u64, done: u64| {
        observer(Progress {
            done: step * each + done,
            total: 3 * each,
        });
    };
    store::copy(&*from, &mut *to, &mut |done| report(0, done))?;
    let source = store::contents(&*from, now, &mut |done| report(1, done))?;
    let copied = store::contents(&*to, now, &mut |done| report(2, done))?;
    if source != copied {
        return Err(different(format!(
            "{} has {}, and {} has {}",
            name(&from_place)?,
            summary(&source),
            name(&to_place)?,
            summary(&copied)
        )));
    }
    Ok(Copied {
        from: name(&from_place)?,
        to: name(&to_place)?,
        certificates: copied.entries,
        already_there,
        carried_over: copied.carried_over,
        documents: copied.documents,
        audit_records: copied.audit_records,
        crl_number: copied.crl_number,
        digest: copied.digest.to_string(),
    })
}

fn different(message: String) -> Error {
    Error::usage(
        message,
        "stop what changes them (`serve`, CI jobs) and run the same command again; an inventory that was used on its own takes no other",
    )
}

/// How many certificates an inventory holds.
fn count(inventory: &dyn Inventory, now: OffsetDateTime) -> Result<u64, StoreError> {
    let counts = inventory.counts(now)?;
    let all = [
        counts.valid,
        counts.revoked,
        counts.expired,
        counts.not_yet_valid,
        counts.on_hold,
        counts.superseded,
        counts.retired,
    ];
    Ok(all.iter().sum())
}

fn summary(contents: &Contents) -> String {
    format!(
        "{} certificates, {} documents, {} audit records, CRL number {} (digest {})",
        contents.entries,
        contents.documents,
        contents.audit_records,
        contents.crl_number,
        contents.digest
    )
}

/// Refuses to mix two authorities.
fn refuse_other(from: &dyn Inventory, to: &dyn Inventory, place: &StorePlace) -> Result<(), Error> {
    let own = from.authorities()?;
    let there = to.authorities()?;
    let strange = there.iter().find(|there| {
        let mut own = own.iter();
        there.complete && !own.any(|own| own.certificate == there.certificate)
    });
    let Some(strange) = strange else {
        return Ok(());
    };
    let subject = Certificate::from_der(strange.certificate.clone()).map_or_else(
        |_| "another CA".into(),
        |ca| format!("the CA {}", ca.subject()),
    );
    Err(Error::usage(
        format!("{}: holds the inventory of {subject}", name(place)?),
        "copy into an empty directory, or into a schema of its own (`?options=-csearch_path%3DNAME`)",
    ))
}

/// What to read from: the database that `certs.toml` names when there is no file.
fn source(place: StorePlace) -> Result<StorePlace, Error> {
    if let StorePlace::File(file) = &place
        && files::kind(file)? == Kind::Absent
        && let Some(directory) = file.parent()
        && let Some(url) = authority::read_config(directory)?.store_url()
    {
        return Ok(StorePlace::Server(url.to_owned()));
    }
    Ok(place)
}

/// The inventory that an argument names: a URL, a directory or a file.
fn place(argument: &OsStr) -> Result<StorePlace, Error> {
    if let Some(url) = argument.to_str().filter(|text| text.contains("://")) {
        return Ok(StorePlace::Server(url.to_owned()));
    }
    let path = Path::new(argument);
    if files::kind(path)? == Kind::File || path.extension().is_some_and(|end| end == "db") {
        return Ok(StorePlace::File(path.to_owned()));
    }
    Ok(StorePlace::File(path.join(INVENTORY)))
}

fn open(place: &StorePlace, opening: Opening) -> Result<Box<dyn Inventory>, Error> {
    match place {
        StorePlace::Server(url) => authority::open_inventory_on(url, opening),
        StorePlace::File(path) => {
            if opening == Opening::Create
                && let Some(directory) = path.parent().filter(|path| !path.as_os_str().is_empty())
            {
                files::create_directory(directory)?;
            }
            authority::open_inventory_file(path, opening)
        }
    }
}

fn name(place: &StorePlace) -> Result<String, Error> {
    Ok(match place {
        StorePlace::Server(url) => store::server_name(url)?,
        StorePlace::File(path) => shown(absolute(path)).to_string(),
    })
}

fn absolute(path: &Path) -> PathBuf {
    files::absolute(path).unwrap_or_else(|_| path.to_owned())
}
