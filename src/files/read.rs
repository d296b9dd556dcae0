//! Reading files that may be anything: endless, stalled, special, huge.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{io_error, unreadable};
use crate::error::Error;

/// The most bytes of any file that are read: more than a revocation list of 300,000 entries has.
pub const MAX_FILE_BYTES: usize = 32 << 20;

/// The whole content of a file; wiped on drop, for it may hold a key.
///
/// A pipe has to deliver everything within a second and a half, so that `<(command)` works and a stalled
/// writer does not block.
///
/// # Errors
/// When it is a directory, a device or a socket, cannot be read, stalls, or is larger than [`MAX_FILE_BYTES`].
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_up_to(path, MAX_FILE_BYTES)?.ok_or_else(|| Stop::TooLarge.explain(path))
}

/// As [`read`], of at most `limit` bytes; `None` when the file is larger.
///
/// # Errors
/// As [`read`].
pub fn read_up_to(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let failed = |source: std::io::Error| io_error("read", path, source);
    let file = open(path, OFlags::NONBLOCK).map_err(|source| match source.raw_os_error() {
        Some(ENXIO) => unreadable(path, "is a socket or a device, not a file"),
        Some(_) | None => failed(source),
    })?;
    let metadata = file.metadata().map_err(failed)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(unreadable(path, "is a directory, not a file"));
    }
    if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
        return Err(unreadable(path, "is a device or a socket, not a file"));
    }
    if metadata.len() > limit as u64 {
        return Ok(None);
    }
    let patience = kind.is_fifo().then_some(PIPE_PATIENCE);
    within(drain(file, metadata.len() as usize, limit, patience), path)
}

/// As [`read`], where `-` is standard input.
///
/// # Errors
/// As [`read`] and [`read_stdin`].
pub fn read_input(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    if path == Path::new("-") {
        read_stdin()
    } else {
        read(path)
    }
}

/// All of standard input, up to [`MAX_FILE_BYTES`]; waits for its end.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_stdin() -> Result<Zeroizing<Vec<u8>>, Error> {
    read_stdin_up_to(MAX_FILE_BYTES)?.ok_or_else(|| Stop::TooLarge.explain(Path::new("-")))
}

/// As [`read_stdin`], of at most `limit` bytes; `None` when there is more.
///
/// # Errors
/// When it cannot be read.
pub fn read_stdin_up_to(limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let path = Path::new("-");
    let input = stdin().map_err(|source| io_error("read", path, source))?;
    within(drain(input, 0, limit, None), path)
}

/// Standard input as a file.
pub(super) fn stdin() -> std::io::Result<File> {
    let input = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned();
    input.map(File::from)
}

/// Opens a file for reading; a terminal does not become ours.
pub(super) fn open(path: &Path, flags: OFlags) -> std::io::Result<File> {
    let flags = (flags | OFlags::NOCTTY).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

pub(super) const PIPE_PATIENCE: Duration = Duration::from_millis(1500);
const ENXIO: i32 = 6;
const TOO_LARGE: &str = "is larger than 32 MiB";

enum Stop {
    TooLarge,
    Stalled,
    Io(std::io::Error),
}

impl Stop {
    fn explain(self, path: &Path) -> Error {
        let what = match self {
            Stop::Io(source) => return io_error("read", path, source),
            Stop::TooLarge => TOO_LARGE,
            Stop::Stalled => "is a pipe that delivers nothing",
        };
        unreadable(path, what)
    }
}

/// `None` for what is too large.
fn within(
    drained: Result<Zeroizing<Vec<u8>>, Stop>,
    path: &Path,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    match drained {
        Ok(content) => Ok(Some(content)),
        Err(Stop::TooLarge) => Ok(None),
        Err(stop) => Err(stop.explain(path)),
    }
}

/// Reads to the end; grows by copying and wiping, so that no freed memory holds a key.
fn drain(
    mut file: File,
    expected: usize,
    limit: usize,
    patience: Option<Duration>,
) -> Result<Zeroizing<Vec<u8>>, Stop> {
    let deadline = patience.map(|patience| Instant::now() + patience);
    let mut content = Zeroizing::new(vec![0; expected + 1]);
    let mut length = 0;
    loop {
        if length == content.len() {
            if length > limit {
                return Err(Stop::TooLarge);
            }
            let mut larger = Zeroizing::new(vec![0; (length * 2).max(4096).min(limit + 1)]);
            larger[..length].copy_from_slice(&content);
            content = larger;
        }
        if let Some(deadline) = deadline {
            wait(&file, deadline)?;
        }
        match file.read(&mut content[length..]) {
            Ok(0) if length > limit => return Err(Stop::TooLarge),
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => return Err(Stop::Io(error)),
        }
    }
    content.truncate(length);
    Ok(content)
}

/// Waits until there is something to read, or the deadline has passed.
fn wait(file: &File, deadline: Instant) -> Result<(), Stop> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).unwrap_or(Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    });
    let mut ready = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut ready, Some(&timeout)) {
        Ok(0) => Err(Stop::Stalled),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Stop::Io(error.into())),
    }
}
