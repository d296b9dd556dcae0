//! The passphrase of an authority's keys: added, changed or removed.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::authority::rotation::{DIRECTORY, NEXT, PREVIOUS};
use crate::authority::{self, KEY};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Lock, Replacement};
use crate::keys::{self, Password};
use crate::ops::Report;
use crate::pki::pem;

/// How the passphrase changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Encrypt keys that are not encrypted.
    Add,
    /// Encrypt keys with another passphrase.
    Change,
    /// Store the keys unencrypted.
    Remove,
}

/// Gives a passphrase that is read or asked for at most once.
pub type Supplier<'a> = &'a dyn Fn() -> Result<Password, Error>;

/// The passphrases of a change.
pub struct Passphrases<'a> {
    /// Gives the one that the keys have.
    pub current: authority::Ask<'a>,
    /// Gives the one that they get; not used by [`Change::Remove`].
    pub new: Supplier<'a>,
}

/// What became of the keys.
#[derive(Debug, Serialize)]
pub struct KeyProtection {
    /// What was asked for.
    pub change: Change,
    /// Each key of the authority; during a rotation there are two.
    pub keys: Vec<ProtectedKey>,
}

/// A key of an authority.
#[derive(Debug, Serialize)]
pub struct ProtectedKey {
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Whether it needs a passphrase now.
    pub encrypted: bool,
    /// Whether its file was rewritten; an interrupted run may have done so already.
    pub changed: bool,
}

/// Encrypts, re-encrypts or decrypts the keys of the authority in a directory. Each file is replaced by one rename,
/// after the new content was read back. A run that was interrupted is completed by the next one.
///
/// # Errors
/// When there is no authority, its keys are not in the state that the change starts from, a passphrase is wrong or
/// empty, or a file cannot be written; the keys are then what they were.
pub fn run(
    directory: &std::path::Path,
    change: Change,
    passphrases: &Passphrases<'_>,
) -> Result<KeyProtection, Error> {
    authority::require(directory)?;
    let lock = Lock::acquire(directory)?;
    let mut files = vec![KeyFile::read(directory.join(KEY))?];
    files::refuse_link(&directory.join(DIRECTORY))?;
    for name in [NEXT, PREVIOUS] {
        let path = directory.join(DIRECTORY).join(name).with_extension("key");
        if files::exists(&path)? {
            files.push(KeyFile::read(path)?);
        }
    }
    let is_started = |file: &KeyFile| match change {
        Change::Add => !file.is_encrypted,
        Change::Change | Change::Remove => file.is_encrypted,
    };
    if !files.iter().any(is_started) {
        return Err(Error::KeyProtection {
            path: directory.join(KEY),
            is_encrypted: change == Change::Add,
        });
    }
    let current = authority::once(passphrases.current);
    // Asked for in this order: the passphrase that unlocks the keys, then the new one.
    let unlocked = files
        .iter()
        .find(|file| file.is_encrypted && change != Change::Add);
    if let Some(file) = unlocked {
        current(&file.path)?;
    }
    let new = match change {
        Change::Add | Change::Change => Some((passphrases.new)()?),
        Change::Remove => None,
    };
    let rewritten = files
        .iter()
        .map(|file| file.rewrite(change, &current, new.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut keys = Vec::new();
    for (file, content) in files.into_iter().zip(rewritten) {
        if let Some(content) = &content {
            file.replace(&lock, content.as_bytes())?;
        }
        keys.push(ProtectedKey {
            path: file.path,
            encrypted: new.is_some(),
            changed: content.is_some(),
        });
    }
    Ok(KeyProtection { change, keys })
}

/// A private key's file as it is.
struct KeyFile {
    path: PathBuf,
    is_encrypted: bool,
}

impl KeyFile {
    fn read(path: PathBuf) -> Result<Self, Error> {
        let is_encrypted = authority::is_key_encrypted(&path)?;
        Ok(KeyFile { path, is_encrypted })
    }

    /// Its new content, read back; `None` if it has the new passphrase, or none, already.
    fn rewrite(
        &self,
        change: Change,
        current: authority::Ask<'_>,
        new: Option<&Password>,
    ) -> Result<Option<zeroize::Zeroizing<String>>, Error> {
        let with_new = || {
            let new = new.map(Password::again);
            let ask = |path: &std::path::Path| {
                let needed = || Error::PassphraseNeeded {
                    path: path.to_owned(),
                };
                new.as_ref().map(Password::again).ok_or_else(needed)
            };
            authority::read_key(&self.path, &ask)
        };
        let key = match (change, self.is_encrypted) {
            (Change::Remove, false) => return Ok(None),
            // An interrupted run has encrypted it; with another passphrase it is not ours to touch.
            (Change::Add, true) => return with_new().map(|_| None),
            (Change::Add | Change::Change, false) => with_new()?.0,
            (Change::Change, true) => match authority::read_key(&self.path, current) {
                Ok((key, _)) => key,
                Err(error) => return with_new().map_err(|_| error).map(|_| None),
            },
            (Change::Remove, true) => authority::read_key(&self.path, current)?.0,
        };
        let text = keys::to_pem(key.pkcs8(), new).in_file(&self.path)?;
        let blocks = pem::blocks(text.as_bytes()).in_file(&self.path)?;
        let read = keys::read_pem_key(&blocks[0], new).in_file(&self.path)?;
        if read.pkcs8() == key.pkcs8() {
            Ok(Some(text))
        } else {
            let what = "the rewritten key differs from the original".into();
            Err(keys::KeyError::Refused(what)).in_file(&self.path)
        }
    }

    fn replace(&self, lock: &Lock, content: &[u8]) -> Result<(), Error> {
        let name = self.path.file_name().unwrap_or(OsStr::new(KEY));
        let replacement = [Replacement::of(name, content)];
        if name == KEY {
            files::replace_each(lock, &replacement)
        } else {
            files::replace_each(&lock.below(DIRECTORY)?, &replacement)
        }
    }
}

impl fmt::Display for KeyProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.change {
            Change::Add => "Passphrase added",
            Change::Change => "Passphrase changed",
            Change::Remove => "Passphrase removed; the key is not encrypted",
        };
        writeln!(f, "{done}")?;
        for key in &self.keys {
            let unchanged = if key.changed { "" } else { " (unchanged)" };
            writeln!(f, "  private key  {}{unchanged}", shown(&key.path))?;
        }
        Ok(())
    }
}

impl Report for KeyProtection {}
