//! Input that is longer than memory: logs line by line, and manifests that are read more than once.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek as _, Write as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;

use super::read::{PIPE_PATIENCE, open, stdin};
use super::{io_error, unreadable};
use crate::error::{Error, shown};
use crate::pki::fingerprint::{Digest, Fingerprint};

/// The most bytes of a line that are passed on at once; a longer line comes in pieces.
pub const MAX_PIECE_BYTES: usize = 16 * 1024;

/// A line, or a piece of a very long one.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The line's number, from 1.
    pub line: u64,
    /// How many of the bytes were in the piece before as well, so that no word is cut in two.
    pub overlap: usize,
    /// The bytes, without the line's end.
    pub bytes: &'a [u8],
}

/// Passes on every line of a file as it comes, or of standard input if there is no path. Takes
/// little memory, however much there is to read.
///
/// # Errors
/// When it cannot be opened or read, or is a directory, a device or a socket.
pub fn each_line(path: Option<&Path>, visit: &mut dyn FnMut(Piece<'_>)) -> Result<(), Error> {
    let name = path.unwrap_or(Path::new("-"));
    let failed = |source: std::io::Error| io_error("read", name, source);
    let Some(path) = path else {
        return split(&mut std::io::stdin().lock(), visit).map_err(failed);
    };
    // Opening a named pipe may wait for a writer, as any reader does; a device is refused before it is opened.
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if !kind.is_file() && !kind.is_fifo() {
        return Err(unreadable(path, "is a directory or a device, not a file"));
    }
    let mut file = open(path, OFlags::empty()).map_err(failed)?;
    split(&mut file, visit).map_err(failed)
}

/// A file, or the content of a pipe in a file without a name, with its digest.
#[derive(Debug)]
pub struct Spooled {
    file: Arc<File>,
    digest: Fingerprint,
    lines: u64,
}

impl Spooled {
    /// The content of a file, of a pipe, or for `-` of standard input, read to its end.
    ///
    /// # Errors
    /// When it cannot be read, is a directory, or is a named pipe that nobody writes to; when a line from a pipe
    /// is longer than any row, or there is no room for a copy.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source: std::io::Error| io_error("read", path, source);
        let mut source = Spooling::open(path)?;
        let mut copy = match source.is_file {
            true => None,
            false => Some(tempfile::tempfile().map_err(failed)?),
        };
        let (mut digest, mut lines, mut line) = (Digest::sha256(), 0, 0);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let length = match source.read(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(unreadable(path, "is a pipe that nobody writes to"));
                }
                Err(error) => return Err(failed(error)),
            };
            if length == 0 {
                break;
            }
            let read = &buffer[..length];
            digest.update(read);
            lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
            if let Some(copy) = &mut copy {
                line = match read.iter().rposition(|byte| *byte == b'\n') {
                    Some(end) => length - end - 1,
                    None => line + length,
                };
                if line > MAX_LINE_BYTES {
                    return Err(endless(path));
                }
                copy.write_all(read).map_err(failed)?;
            }
        }
        let mut file = copy.unwrap_or(source.file);
        file.rewind().map_err(failed)?;
        Ok(Spooled {
            file: Arc::new(file),
            digest: digest.finish(),
            lines,
        })
    }

    /// SHA-256 over the content.
    pub fn digest(&self) -> &Fingerprint {
        &self.digest
    }

    /// The number of line ends.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The content from its beginning; any number of readers work independently.
    pub fn reader(&self) -> BufReader<impl Read + Send + use<>> {
        let file = Arc::clone(&self.file);
        BufReader::with_capacity(BUFFER_BYTES, At { file, offset: 0 })
    }
}

/// A reader with a position of its own.
struct At {
    file: Arc<File>,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read_at(buffer, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// What is to be spooled.
struct Spooling {
    file: File,
    is_file: bool,
    /// Until when a named pipe may have no writer; once it has one, that may take its time.
    patience: Option<Instant>,
}

impl Spooling {
    fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source: std::io::Error| io_error("read", path, source);
        let file = if path == Path::new("-") {
            stdin()
        } else {
            open(path, OFlags::NONBLOCK)
        };
        let file = file.map_err(failed)?;
        let kind = file.metadata().map_err(failed)?.file_type();
        if kind.is_dir() {
            return Err(unreadable(path, "is a directory, not a file"));
        }
        let is_named_pipe = kind.is_fifo() && path != Path::new("-");
        Ok(Spooling {
            is_file: kind.is_file(),
            patience: is_named_pipe.then(|| Instant::now() + PIPE_PATIENCE),
            file,
        })
    }
}

impl Read for Spooling {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match (self.file.read(buffer), self.patience) {
                (Ok(0), Some(deadline)) if Instant::now() < deadline => {
                    std::thread::sleep(PAUSE);
                }
                (Ok(0), Some(_)) => return Err(ErrorKind::TimedOut.into()),
                (Err(error), _) if error.kind() == ErrorKind::WouldBlock => {
                    self.patience = None;
                    let mut ready = [PollFd::new(&self.file, PollFlags::IN)];
                    poll(&mut ready, None)?;
                }
                (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
                (read, _) => {
                    self.patience = None;
                    return read;
                }
            }
        }
    }
}

fn endless(path: &Path) -> Error {
    Error::usage(
        format!("{}: has a line longer than 1 MiB", shown(path)),
        "a manifest has one row per line: see `openagents-certs issue batch --help`",
    )
}

fn split(input: &mut dyn Read, visit: &mut dyn FnMut(Piece<'_>)) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut pending: Vec<u8> = Vec::with_capacity(MAX_PIECE_BYTES);
    let (mut line, mut overlap) = (1, 0);
    loop {
        let length = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let room = MAX_PIECE_BYTES - pending.len();
            let window = &rest[..rest.len().min(room)];
            let end = window.iter().position(|&byte| byte == b'\n');
            pending.extend_from_slice(&window[..end.unwrap_or(window.len())]);
            rest = &rest[end.map_or(window.len(), |end| end + 1)..];
            if end.is_none() && pending.len() < MAX_PIECE_BYTES {
                continue;
            }
            visit(Piece {
                line,
                overlap,
                bytes: &pending,
            });
            if end.is_some() {
                pending.clear();
                (line, overlap) = (line + 1, 0);
            } else {
                pending.drain(..MAX_PIECE_BYTES - OVERLAP_BYTES);
                overlap = OVERLAP_BYTES;
            }
        }
    }
    if pending.len() > overlap {
        visit(Piece {
            line,
            overlap,
            bytes: &pending,
        });
    }
    Ok(())
}

/// The longest line taken from a pipe, lest endless input fills the disk; no row is longer.
const MAX_LINE_BYTES: usize = 1 << 20;
const BUFFER_BYTES: usize = 64 * 1024;
const PAUSE: Duration = Duration::from_millis(20);
const OVERLAP_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_the_last_needs_no_end() {
        assert_eq!(
            lines(b"one\n\ntwo\r\nthree"),
            [(1, 0, 3), (2, 0, 0), (3, 0, 4), (4, 0, 5)]
        );
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [(1, 0, 0)]);
    }

    #[test]
    fn a_line_that_is_very_long_comes_in_pieces_that_overlap() {
        let long = vec![b'a'; MAX_PIECE_BYTES * 2];
        let pieces = lines(&long);
        assert_eq!(pieces[0], (1, 0, MAX_PIECE_BYTES));
        assert_eq!(pieces[1], (1, OVERLAP_BYTES, MAX_PIECE_BYTES));
        assert_eq!(pieces[2], (1, OVERLAP_BYTES, 2 * OVERLAP_BYTES));
    }

    fn lines(input: &[u8]) -> Vec<(u64, usize, usize)> {
        let mut found = Vec::new();
        split(&mut &input[..], &mut |piece| {
            found.push((piece.line, piece.overlap, piece.bytes.len()));
        })
        .unwrap();
        found
    }

    #[test]
    fn a_named_pipe_that_nobody_writes_to_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(matches!(
            Spooled::read(&pipe),
            Err(Error::Unreadable { .. })
        ));
        std::thread::scope(|scope| {
            scope.spawn(|| std::fs::write(&pipe, "a\nb\n").unwrap());
            assert_eq!(Spooled::read(&pipe).unwrap().lines(), 2);
        });
    }
}
