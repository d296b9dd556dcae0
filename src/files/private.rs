//! A directory for secrets that only live as long as a process.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Lock;
use crate::error::Error;

/// A directory that nobody else may enter, in memory where the system has a place for that, and
/// that is wiped and removed when it is dropped.
///
/// What a killed process left is wiped by the next that makes one: the directory is locked as long
/// as somebody needs it.
#[derive(Debug)]
pub struct PrivateDirectory {
    directory: TempDir,
    lock: Lock,
}

impl PrivateDirectory {
    /// Makes one below the first of these directories that can be written, or else where temporary
    /// files go.
    ///
    /// # Errors
    /// When it can be made nowhere.
    pub fn new(below: &[PathBuf]) -> Result<Self, Error> {
        let elsewhere = std::env::temp_dir();
        let mut failure = None;
        for place in below.iter().chain([&elsewhere]) {
            remove_abandoned(place);
            let mut builder = tempfile::Builder::new();
            builder
                .prefix(PREFIX)
                .permissions(fs::Permissions::from_mode(0o700));
            match builder.tempdir_in(place) {
                Ok(directory) => {
                    let lock = Lock::acquire(directory.path())?;
                    return Ok(PrivateDirectory { directory, lock });
                }
                Err(source) => failure = Some((place.clone(), source)),
            }
        }
        let (path, source) =
            failure.unwrap_or_else(|| unreachable!("one place at least was tried"));
        Err(Error::Io {
            action: "make a private directory in",
            path,
            source,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Its lock, held as long as it is there.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        wipe(self.directory.path());
    }
}

/// Overwrites every file of a directory.
fn wipe(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        // What cannot be overwritten is removed all the same.
        if is_file && let Ok(file) = OpenOptions::new().write(true).open(entry.path()) {
            let _ = overwrite(file);
        }
    }
}

fn overwrite(mut file: File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    file.rewind()?;
    std::io::copy(
        &mut std::io::Read::take(std::io::repeat(0), length),
        &mut file,
    )?;
    file.flush()?;
    file.sync_all()
}

/// Wipes and removes our own directories that no process holds any more.
fn remove_abandoned(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    let me = rustix::process::getuid().as_raw();
    for entry in entries.flatten().take(MAX_ENTRIES) {
        let path = entry.path();
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() && found.uid() == me);
        let is_free = || File::open(&path).is_ok_and(|directory| directory.try_lock().is_ok());
        if is_ours && is_free() {
            wipe(&path);
            // Another may be removing it too.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

const PREFIX: &str = "openagents-certs-private-";
const MAX_ENTRIES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_closed_to_others_and_gone_with_its_owner() {
        let place = tempfile::tempdir().unwrap();
        let private = PrivateDirectory::new(&[place.path().to_owned()]).unwrap();
        let path = private.path().to_owned();
        assert!(path.starts_with(place.path()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(path.join("a.key"), "secret").unwrap();
        drop(private);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join(format!("{PREFIX}left"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("a.key"), "secret").unwrap();
        let below = [place.path().to_owned()];
        let first = PrivateDirectory::new(&below).unwrap();
        let second = PrivateDirectory::new(&below).unwrap();
        assert!(!left.exists());
        assert!(first.path().exists() && second.path().exists());
    }
}
