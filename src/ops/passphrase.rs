//! Where passphrases come from. Never from the command line, which every process can read.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

pub use crate::authority::Ask;
use crate::error::Error;
use crate::files;
pub use crate::keys::Password;

/// A place a passphrase can be read from.
#[derive(Debug)]
pub enum Source {
    /// The first line of a file, without its line end.
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
    /// When it cannot be read.
    pub fn read(self) -> Result<Password, Error> {
        match self {
            Source::File(path) => Ok(Password::from_file(&files::read(&path)?)),
            Source::Descriptor(number) => {
                let content = files::read(&PathBuf::from(format!("/dev/fd/{number}")))?;
                close(number);
                Ok(Password::from_file(&content))
            }
            Source::Environment(name) => match std::env::var_os(&name) {
                Some(value) => Ok(Password::new(Zeroizing::new(value.into_vec()))),
                None => Err(Error::Usage {
                    message: format!(
                        "the environment variable {} is not set",
                        name.to_string_lossy().escape_debug()
                    ),
                    hint: "name the variable that holds the passphrase, not the passphrase itself"
                        .into(),
                }),
            },
            Source::Typed(line) => Ok(Password::new(line)),
        }
    }
}

/// Closes an inherited descriptor, so that no program we start can read the passphrase from it. Standard streams
/// stay open.
fn close(number: u32) {
    if let Ok(descriptor) = i32::try_from(number)
        && descriptor > 2
    {
        // It was readable; one that cannot be closed is closed already.
        let _ = nix::unistd::close(descriptor);
    }
}
