//! The only reader and writer of the disk.

mod lock;
mod log;
mod private;
mod program;
mod read;
mod socket;
mod stage;
mod stream;
mod together;
mod walk;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use lock::{Lock, keep, link_all, move_aside, move_into, remove, report_waits, timestamp};
pub use log::{Log, Record, each_batch};
pub use private::PrivateDirectory;
pub use program::{MAX_PROGRAM_BYTES, Program};
pub use read::{MAX_FILE_BYTES, read, read_input, read_stdin, read_stdin_up_to, read_up_to};
pub use socket::ListeningSocket;
pub use stream::{MAX_PIECE_BYTES, Piece, Spooled, each_line};
pub use together::{
    NewFile, Replacement, absent, replace, replace_each, replace_lazily, replace_together,
    write_many, write_together,
};
pub use walk::{Identity, Target, is_pattern, matching, paths_matching, target, walk};

use crate::error::Error;

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Absent,
    /// A regular file.
    File,
    /// A symbolic link, wherever it leads.
    SymbolicLink,
    /// A directory, a device, a pipe or a socket.
    Other,
}

/// What is at a path, links not followed.
///
/// # Errors
/// When it cannot be accessed.
pub fn kind(path: &Path) -> Result<Kind, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Ok(Kind::SymbolicLink),
        Ok(metadata) if metadata.is_file() => Ok(Kind::File),
        Ok(_) => Ok(Kind::Other),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(Kind::Absent),
        Err(source) => Err(io_error("access", path, source)),
    }
}

/// Whether there is something at a path, links not followed.
///
/// # Errors
/// When it cannot be accessed.
pub fn exists(path: &Path) -> Result<bool, Error> {
    Ok(kind(path)? != Kind::Absent)
}

/// Refuses a symbolic link.
///
/// # Errors
/// When there is one at the path, or it cannot be accessed.
pub fn refuse_link(path: &Path) -> Result<(), Error> {
    match kind(path)? {
        Kind::SymbolicLink => Err(Error::SymbolicLink {
            path: path.to_owned(),
        }),
        Kind::Absent | Kind::File | Kind::Other => Ok(()),
    }
}

/// The path of a file without symbolic links; `None` where there is no file.
pub fn resolved(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

/// What a file was at one moment: one that was written since has another stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// The number of the file, which its copies do not have.
    pub fn inode(&self) -> u64 {
        self.inode
    }
}

/// The stamp of a file, links followed; `None` where there is none.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
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

/// Who may do what with a file, links followed.
///
/// # Errors
/// When it cannot be accessed.
pub fn permissions(path: &Path) -> Result<Permissions, Error> {
    let metadata = std::fs::metadata(path).map_err(|source| io_error("access", path, source))?;
    Ok(Permissions {
        mode: metadata.mode() & 0o7777,
        owner: metadata.uid(),
        is_owner_trusted: [0, rustix::process::getuid().as_raw()].contains(&metadata.uid()),
    })
}

/// Whether only its owner may read or write a file.
///
/// # Errors
/// When it cannot be accessed.
pub fn is_private(path: &Path) -> Result<bool, Error> {
    Ok(permissions(path)?.mode & 0o077 == 0)
}

/// The paths of everything in a directory, in order.
///
/// # Errors
/// When it cannot be listed.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let names = names(directory, usize::MAX)?.into_iter();
    Ok(names.map(|name| directory.join(name)).collect())
}

/// The names in a directory, sorted; at most `limit` of them.
///
/// # Errors
/// When it cannot be listed.
pub fn names(directory: &Path, limit: usize) -> Result<Vec<OsString>, Error> {
    let failed = |source: std::io::Error| io_error("list", directory, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)?.take(limit) {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Creates a directory and those above it, 0755 less the umask; does nothing if it exists.
///
/// # Errors
/// When the system refuses, or something else has its name.
pub fn create_directory(path: &Path) -> Result<(), Error> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(|source| io_error("create directory", path, source))
}

/// An absolute path, links left as they are.
///
/// # Errors
/// When the path is empty, or the working directory is gone.
pub fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| io_error("resolve", path, source))
}

/// The directory and the name of a file to write.
///
/// # Errors
/// When the path is that of a directory.
pub fn place(path: &Path) -> Result<(&Path, &OsStr), Error> {
    let Some(name) = path.file_name() else {
        return Err(unreadable(path, "is a directory, not a file"));
    };
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Ok((parent, name)),
        Some(_) | None => Ok((Path::new("."), name)),
    }
}

/// Whether a directory exists on a file system that keeps everything in memory.
pub fn is_in_memory(directory: &Path) -> bool {
    const TMPFS_MAGIC: u64 = 0x0102_1994; // statfs(2)
    rustix::fs::statfs(directory).is_ok_and(|found| found.f_type as u64 == TMPFS_MAGIC)
}

/// Makes a write past the file size limit fail with an error instead of killing the process with SIGXFSZ.
pub fn size_limit_is_an_error() {
    const SIGXFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Where it cannot be caught it kills, which leaves nothing half written either.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    });
}

/// The error of a path that is not what it should be.
fn unreadable(path: &Path, what: &'static str) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        what,
    }
}

/// The error of a system call on a path.
fn io_error(action: &'static str, path: &Path, source: impl Into<std::io::Error>) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source: source.into(),
    }
}
