//! Streams of records: read one line at a time, and appended one line at a time.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::io_error;
use crate::error::Error;

/// A file that only grows, by whole lines, and that only its owner may read.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens it, or creates it 0600; a symbolic link is not followed.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NOCTTY).bits().cast_signed())
            .open(path)
            .map_err(|source| io_error("open", path, source))?;
        let path = path.to_owned();
        Ok(Log { file, path })
    }

    /// Appends a line in one write, so that lines of several processes do not mix.
    ///
    /// # Errors
    /// When it cannot be written, or only in part.
    pub fn append(&mut self, line: &str) -> Result<(), Error> {
        let line = [line, "\n"].concat();
        let failed = |source| io_error("write", &self.path, source);
        let written = (&self.file).write(line.as_bytes()).map_err(failed)?;
        if written < line.len() {
            return Err(failed(std::io::ErrorKind::WriteZero.into()));
        }
        Ok(())
    }
}

/// A line without its end; `None` for one that is too long.
pub type Record = Option<Vec<u8>>;

/// Passes on the lines of a file, or of standard input if there is no path, as many at once as are there, so that
/// nothing waits for lines that come later.
///
/// # Errors
/// When it cannot be opened or read, and when the visitor fails.
pub fn each_batch(
    path: Option<&Path>,
    limit: usize,
    visit: &mut dyn FnMut(&[Record]) -> Result<(), Error>,
) -> Result<(), Error> {
    let name = path.unwrap_or(Path::new("-"));
    let failed = |source: std::io::Error| io_error("read", name, source);
    let input = match path {
        Some(path) => File::open(path).map_err(failed)?,
        None => File::from(
            std::io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map_err(failed)?,
        ),
    };
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    loop {
        let mut batch = Vec::new();
        let mut is_over = false;
        while batch.is_empty() || batch.len() < MAX_BATCH && input.buffer().contains(&b'\n') {
            let mut line = Vec::new();
            let end = read_line(&mut input, limit, &mut line).map_err(failed)?;
            is_over = end == End::Input;
            if is_over && line.is_empty() {
                break;
            }
            if line.ends_with(b"\r") {
                line.pop();
            }
            batch.push((end != End::TooLong).then_some(line));
            if is_over {
                break;
            }
        }
        if !batch.is_empty() {
            visit(&batch)?;
        }
        if is_over {
            return Ok(());
        }
    }
}

const BUFFER_BYTES: usize = 256 << 10;
const MAX_BATCH: usize = 256;

/// How a line ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Line,
    Input,
    /// What was beyond the limit was skipped.
    TooLong,
}

fn read_line(input: &mut dyn BufRead, limit: usize, line: &mut Vec<u8>) -> std::io::Result<End> {
    let mut length = 0;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok(if length > limit {
                End::TooLong
            } else {
                End::Input
            });
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        length += part.len();
        if length <= limit {
            line.extend_from_slice(part);
        } else {
            line.clear();
        }
        let consumed = part.len() + usize::from(end.is_some());
        input.consume(consumed);
        if end.is_some() {
            return Ok(if length > limit {
                End::TooLong
            } else {
                End::Line
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        std::fs::write(&path, "one\r\n\nmuch too long\nlast").unwrap();
        let mut found = Vec::new();
        each_batch(Some(&path), 5, &mut |lines| {
            found.extend_from_slice(lines);
            Ok(())
        })
        .unwrap();
        let expected = [Some(&b"one"[..]), Some(b""), None, Some(b"last")];
        assert_eq!(found, expected.map(|line| line.map(<[u8]>::to_vec)));
    }
}
