//! A directory for secrets that live only as long as a process.

use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, openat};
use tempfile::TempDir;

use super::{Lock, io_error};
use crate::error::Error;

/// A directory that nobody else may enter, in memory where the system has a place for that; it
/// is wiped and removed when it is dropped.
///
/// The directory itself is locked while it is in use. What a killed process left is not locked, and the
/// next process that creates one wipes and removes it.
#[derive(Debug)]
pub struct PrivateDirectory {
    directory: TempDir,
    lock: Lock,
}

impl PrivateDirectory {
    /// Creates one below the first of these directories that is writable, or else in the directory for
    /// temporary files.
    ///
    /// # Errors
    /// When it cannot be created anywhere.
    pub fn new(below: &[PathBuf]) -> Result<Self, Error> {
        super::size_limit_is_an_error();
        let temporary = std::env::temp_dir();
        let mut failure = None;
        for place in below.iter().chain([&temporary]) {
            remove_abandoned(place);
            match create(place) {
                Ok(private) => return Ok(private),
                Err(source) => failure = Some((place, source)),
            }
        }
        let (place, source) =
            failure.unwrap_or_else(|| unreachable!("one place at least was tried"));
        Err(io_error("create a private directory in", place, source))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Its lock, held as long as it exists.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        wipe(self.lock.directory());
    }
}

/// Creates a directory and locks it before it is used. Until then another process may take it for
/// abandoned and remove it; then another one is created.
fn create(place: &Path) -> std::io::Result<PrivateDirectory> {
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        builder.permissions(fs::Permissions::from_mode(0o700));
        let directory = builder.tempdir_in(place)?;
        if let Some(locked) = lock(directory.path()) {
            let lock = Lock::private(locked, directory.path().to_owned());
            return Ok(PrivateDirectory { directory, lock });
        }
    }
}

/// The lock of one of our own directories; `None` if another process has it, or has removed the directory.
fn lock(path: &Path) -> Option<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = File::from(openat(CWD, path, flags, Mode::empty()).ok()?);
    directory.try_lock().ok()?;
    let (found, named) = (directory.metadata().ok()?, fs::symlink_metadata(path).ok()?);
    let is_named = (found.dev(), found.ino()) == (named.dev(), named.ino());
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    (is_named && is_ours).then_some(directory)
}

/// Overwrites every file of a directory.
fn wipe(directory: impl AsFd) {
    let Ok(entries) = Dir::read_from(directory.as_fd()) else {
        return;
    };
    for entry in entries.flatten() {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // What cannot be overwritten is removed all the same.
        if entry.file_type() == FileType::RegularFile
            && let Ok(file) = openat(&directory, entry.file_name(), flags, Mode::empty())
        {
            let _ = overwrite(file.into());
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

/// Wipes and removes our own directories that no process uses any more. Each stays locked until it is gone.
fn remove_abandoned(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for entry in entries.flatten().take(MAX_ENTRIES) {
        let is_named_so = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_named_so && let Some(directory) = lock(&entry.path()) {
            wipe(&directory);
            // Whatever cannot be removed now is removed by the next process.
            let _ = fs::remove_dir_all(entry.path());
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

    #[test]
    fn directories_created_at_once_are_never_taken_for_abandoned() {
        let place = tempfile::tempdir().unwrap();
        let below = [place.path().to_owned()];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let private = PrivateDirectory::new(&below).unwrap();
                        let mode = fs::metadata(private.path()).unwrap().permissions().mode();
                        assert_eq!(mode & 0o777, 0o700);
                        fs::write(private.path().join("a.key"), "secret").unwrap();
                        std::thread::yield_now();
                        assert!(private.path().join("a.key").exists());
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
