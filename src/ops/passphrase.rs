//! Where passphrases come from. Never from the command line, which every process can read.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use crate::authority::Ask;
use crate::error::Error;
use crate::files;
pub use crate::keys::Passphrase;

/// A place a passphrase can be read from.
#[derive(Debug)]
pub enum Source {
    /// A file that holds nothing else; one final line end is not part of it.
    File(PathBuf),
    /// An environment variable.
    Environment(OsString),
    /// A file descriptor this process inherited.
    Descriptor(u32),
    /// What was typed.
    Typed(Zeroizing<Vec<u8>>),
}

impl Source {
    /// The passphrase there.
    ///
    /// # Errors
    /// When there is none, or it is empty.
    pub fn read(self) -> Result<Passphrase, Error> {
        let (line, named) = match self {
            Source::File(path) => (files::read(&path)?, path),
            Source::Descriptor(number) => {
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                (files::read(&path)?, path)
            }
            Source::Environment(name) => {
                let value = std::env::var_os(&name).ok_or_else(|| Error::Usage {
                    message: format!(
                        "the environment variable {} is not set",
                        name.to_string_lossy().escape_debug()
                    ),
                    hint: "name the variable that holds the passphrase, not the passphrase itself"
                        .into(),
                })?;
                (
                    Zeroizing::new(value.into_vec()),
                    Path::new(&name).to_owned(),
                )
            }
            Source::Typed(line) => (line, "the terminal".into()),
        };
        Passphrase::from_line(line).map_err(|source| Error::Key {
            path: named,
            source,
        })
    }
}
