//! Where passphrases come from. Never from the command line, which every process can read.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use crate::authority::Ask;
use crate::error::Error;
pub use crate::keys::Password;
use crate::{files, process};

/// A place a passphrase can be read from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The first line of a file, without its line end.
    File(PathBuf),
    /// An environment variable.
    Environment(OsString),
    /// A file descriptor this process inherited.
    Descriptor(u32),
}

impl Source {
    /// A file descriptor this process inherited. From now on, programs that it starts do not inherit it.
    pub fn descriptor(number: u32) -> Self {
        process::withhold_descriptor(number);
        Source::Descriptor(number)
    }

    /// The passphrase there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Password, Error> {
        let file = |path: &Path| files::read(path).map(|content| Password::from_file(&content));
        match self {
            Source::File(path) => file(path),
            Source::Descriptor(number) => file(Path::new(&format!("/dev/fd/{number}"))),
            Source::Environment(name) => match std::env::var_os(name) {
                Some(value) => Ok(Password::new(Zeroizing::new(value.into_vec()))),
                None => Err(Error::usage(
                    format!(
                        "the environment variable {} is not set",
                        name.to_string_lossy().escape_debug()
                    ),
                    "name the variable that holds the passphrase, not the passphrase itself",
                )),
            },
        }
    }
}
