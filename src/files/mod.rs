//! The only reader and writer of the disk.

mod attributes;
mod lines;
mod private;
mod read;
mod spool;
mod stage;
mod together;
mod walk;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;
use time::macros::format_description;

pub use lines::{MAX_LINE_OCTETS, Piece, each_line};
pub use private::PrivateDirectory;
pub use read::{MAX_FILE_OCTETS, read, read_stdin};
pub use spool::Spooled;
pub use together::{
    NewFile, Replacement, absent, replace, replace_each, replace_together, write_many,
    write_together,
};
pub use walk::{Identity, Target, is_pattern, paths_matching, target, walk};

use crate::error::Error;

/// An exclusive lock on a directory, held until dropped; the kernel lets go of it whatever
/// becomes of the process.
///
/// It is the directory itself that is locked, so there is no lock file to leave behind.
#[derive(Debug)]
pub struct Lock {
    directory: File,
    path: PathBuf,
    /// Whether another process held it first.
    pub waited: bool,
}

impl Lock {
    /// Makes the directory if it is not there, and waits until no other process holds its lock.
    ///
    /// # Errors
    /// When it cannot be made, opened or locked.
    pub fn acquire(path: &Path) -> Result<Self, Error> {
        size_limit_is_an_error();
        create_directory(path)?;
        let failed = |source| Error::Io {
            action: "lock",
            path: path.to_owned(),
            source,
        };
        let directory = File::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        let waited = match directory.try_lock() {
            Ok(()) => false,
            Err(std::fs::TryLockError::WouldBlock) => {
                directory.lock().map_err(failed)?;
                true
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        };
        let lock = Lock {
            directory,
            path: path.to_owned(),
            waited,
        };
        stage::recover(&lock)?;
        Ok(lock)
    }

    /// The locked directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes everything durable that was written to the directory's file system.
    fn sync_file_system(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.directory).map_err(|source| {
            let (action, path) = ("sync the file system of", self.path.clone());
            Error::Io {
                action,
                path,
                source: source.into(),
            }
        })
    }

    /// Makes what was renamed in the directory durable.
    fn sync(&self) -> Result<(), Error> {
        self.directory.sync_all().map_err(|source| Error::Io {
            action: "sync",
            path: self.path.clone(),
            source,
        })
    }
}

/// Has a write past the file size limit fail with an error instead of killing the process with SIGXFSZ.
pub fn size_limit_is_an_error() {
    const SIGXFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Where it cannot be caught it kills, which leaves nothing half written either.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    });
}

/// Makes a directory and those above it, 0755 less the umask; nothing where it is there.
///
/// # Errors
/// When the system refuses, or something else has its name.
pub fn create_directory(path: &Path) -> Result<(), Error> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(|source| Error::Io {
            action: "create directory",
            path: path.to_owned(),
            source,
        })
}

/// Keeps files of a locked directory under a second, dated name, such as `ca-20261120T080500Z.key`.
///
/// # Errors
/// When that name is taken, or the system refuses.
pub fn keep(lock: &Lock, names: &[&str], now: OffsetDateTime) -> Result<(), Error> {
    let stamp = format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = now
        .format(stamp)
        .unwrap_or_else(|_| now.unix_timestamp().to_string());
    for name in names {
        let dated = match name.rsplit_once('.') {
            Some((base, extension)) => format!("{base}-{date}.{extension}"),
            None => format!("{name}-{date}"),
        };
        let path = lock.path().join(dated);
        std::fs::hard_link(lock.path().join(name), &path).map_err(|source| Error::Io {
            action: "keep the old file as",
            path,
            source,
        })?;
    }
    lock.sync()
}

/// A path from the root of the file system, links left as they are.
///
/// # Errors
/// When it is empty, or the working directory is gone.
pub fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Io {
        action: "resolve",
        path: path.to_owned(),
        source,
    })
}

/// Gives a file of a locked directory another name there, which nothing may have; nothing when it is gone already.
///
/// # Errors
/// When the name is taken, or the system refuses.
pub fn move_aside(lock: &Lock, name: &str, aside: &str) -> Result<(), Error> {
    let (from, to) = (lock.path().join(name), lock.path().join(aside));
    if kind(&from)? == Kind::Absent {
        return Ok(());
    }
    let failed = |source| Error::Io {
        action: "move aside to",
        path: to.clone(),
        source,
    };
    match std::fs::hard_link(&from, &to) {
        // Killed between the two names.
        Err(source) if source.kind() == ErrorKind::AlreadyExists && is_same(&from, &to) => {}
        linked => linked.map_err(failed)?,
    }
    std::fs::remove_file(&from).map_err(failed)?;
    lock.sync()
}

/// Whether two names are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path| std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// Removes files of a locked directory; nothing where they are gone already.
///
/// # Errors
/// When the system refuses.
pub fn remove(lock: &Lock, names: &[&str]) -> Result<(), Error> {
    for name in names {
        let path = lock.path().join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Io {
                    action: "remove",
                    path,
                    source,
                });
            }
            Ok(()) | Err(_) => {}
        }
    }
    lock.sync()
}

/// The paths of everything that stands in a directory, in their order.
///
/// # Errors
/// When it is no directory, or the system does not tell.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Io {
        action: "list",
        path: directory.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// What stands at a path, links not followed.
///
/// # Errors
/// When the system does not tell.
pub fn kind(path: &Path) -> Result<Kind, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Ok(Kind::SymbolicLink),
        Ok(metadata) if metadata.is_file() => Ok(Kind::File),
        Ok(_) => Ok(Kind::Other),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(Kind::Absent),
        Err(source) => Err(Error::Io {
            action: "look at",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Whether a directory is there and its file system keeps everything in memory.
pub fn is_in_memory(directory: &Path) -> bool {
    const TMPFS_MAGIC: u64 = 0x0102_1994; // statfs(2)
    rustix::fs::statfs(directory).is_ok_and(|found| found.f_type as u64 == TMPFS_MAGIC)
}

/// The directory and the name of a file that is to be written.
///
/// # Errors
/// When the path names a directory.
pub fn place(path: &Path) -> Result<(&Path, &OsStr), Error> {
    let Some(name) = path.file_name() else {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "is a directory, not a file",
        });
    };
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Ok((parent, name)),
        Some(_) | None => Ok((Path::new("."), name)),
    }
}

/// Who may do what with a file, links followed.
///
/// # Errors
/// When the system does not tell.
pub fn permissions(path: &Path) -> Result<Permissions, Error> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).map_err(|source| Error::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
    Ok(Permissions {
        mode: metadata.mode() & 0o7777,
        owner: metadata.uid(),
        is_owner_trusted: [0, rustix::process::getuid().as_raw()].contains(&metadata.uid()),
    })
}

/// Who may do what with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The twelve bits of its mode.
    pub mode: u32,
    /// The user it belongs to.
    pub owner: u32,
    /// Whether that is the user of this process, or root.
    pub is_owner_trusted: bool,
}

/// The names of a directory's entries, sorted; at most `limit` of them.
///
/// # Errors
/// When it cannot be listed.
pub fn names(directory: &Path, limit: usize) -> Result<Vec<OsString>, Error> {
    let failed = |source| Error::Io {
        action: "list",
        path: directory.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)?.take(limit) {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Whether nobody but its owner may read or write a file.
///
/// # Errors
/// When the system does not tell.
pub fn is_private(path: &Path) -> Result<bool, Error> {
    let metadata = std::fs::metadata(path).map_err(|source| Error::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
    Ok(metadata.permissions().mode() & 0o077 == 0)
}

/// The files of a directory, or those whose names fit a pattern with `*` in its last part, by name; `None`
/// where the path is neither.
///
/// # Errors
/// When the directory cannot be read, or holds more than a hundred thousand.
pub fn matching(path: &Path) -> Result<Option<Vec<PathBuf>>, Error> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let pattern = name.filter(|name| name.contains('*') && !path.exists());
    let directory = match &pattern {
        Some(_) => path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty()),
        None if path.is_dir() => Some(path),
        None => return Ok(None),
    };
    let directory = directory.unwrap_or(Path::new("."));
    let failed = |source| Error::Io {
        action: "list",
        path: directory.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if pattern.as_ref().is_none_or(|pattern| fits(pattern, &name)) {
            found.push(directory.join(entry.file_name()));
        }
        if found.len() > MAX_FILES {
            return Err(Error::Unreadable {
                path: directory.to_owned(),
                what: "holds more files than are read",
            });
        }
    }
    found.retain(|path| path.is_file());
    found.sort();
    Ok(Some(found))
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = name.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

const MAX_FILES: usize = 100_000;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Absent,
    /// A regular file.
    File,
    /// A symbolic link, whatever it leads to.
    SymbolicLink,
    /// A directory, a device, a pipe or a socket.
    Other,
}
