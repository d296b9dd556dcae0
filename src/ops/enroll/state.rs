//! Where the certificates of a directory came from: a file beside them, without secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};

/// The server that a directory is enrolled with, and its certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Enrollment {
    /// The server's URL.
    pub server: String,
    /// By the name of their files, without extension.
    #[serde(default)]
    pub certificates: BTreeMap<String, EnrolledPair>,
}

/// What is remembered of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolledPair {
    /// The id of the token it was enrolled with.
    pub token: String,
    /// How many renewals failed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When the next one may be tried.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_at: Option<OffsetDateTime>,
}

impl Enrollment {
    /// What the file in a directory says; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(FILE);
        if files::kind(&path)? == Kind::Absent {
            return Ok(None);
        }
        let content = files::read(&path)?;
        let text = String::from_utf8_lossy(&content);
        let state = toml::from_str(&text);
        state.map(Some).map_err(|source| Error::Enrollment {
            path,
            what: source.message().to_owned(),
        })
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        match toml::to_string(self) {
            Ok(text) => format!("{HEADER}{text}"),
            Err(error) => unreachable!("it has only text and numbers: {error}"),
        }
    }

    /// Changes what is remembered of one certificate. Nothing is written where that changes nothing.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(super) fn change(
        lock: &Lock,
        base: &str,
        change: impl FnOnce(&mut EnrolledPair),
    ) -> Result<(), Error> {
        let Some(old) = Enrollment::read(lock.path())? else {
            return Ok(());
        };
        let mut new = old.clone();
        change(new.certificates.entry(base.to_owned()).or_default());
        if new == old {
            return Ok(());
        }
        files::write_together(lock, &[NewFile::public(FILE, new.text().as_bytes())], true)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The directory to use where nobody named one: the usual one, or the current one if that is enrolled and the usual
/// one is not there.
pub fn directory_or_here(usual: PathBuf) -> PathBuf {
    let is_there = !matches!(files::exists(&usual), Ok(false));
    let is_enrolled = matches!(files::exists(Path::new(FILE)), Ok(true));
    if is_enrolled && !is_there {
        ".".into()
    } else {
        usual
    }
}

/// The name of the file.
pub(super) const FILE: &str = "enrollment.toml";
const HEADER: &str = "# Where `openagents-certs renew` gets the certificates of this directory. No secret is in it.\n";
