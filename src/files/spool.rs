//! Input that is read more than once, and may be larger than memory.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, shown};
use crate::pki::fingerprint::{Digest, Fingerprint};

/// A file, or what came through a pipe in a file without a name, with its digest.
#[derive(Debug)]
pub struct Spooled {
    file: Arc<File>,
    digest: Fingerprint,
    lines: u64,
}

impl Spooled {
    /// The content of a file, of a pipe, or for `-` of standard input, which is read to its end.
    ///
    /// # Errors
    /// When it cannot be read, or is a directory; when what comes through a pipe has a line that no row can be, or
    /// there is no room for a copy of it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        };
        let source = if path == Path::new("-") {
            let standard_input = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned();
            File::from(standard_input.map_err(failed)?)
        } else {
            File::open(path).map_err(failed)?
        };
        let metadata = source.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Error::Unreadable {
                path: path.to_owned(),
                what: "is a directory, not a file",
            });
        }
        let mut copy = if metadata.is_file() {
            None
        } else {
            Some(tempfile::tempfile().map_err(failed)?)
        };
        let (mut digest, mut lines) = (Digest::sha256(), 0);
        let mut reader = &source;
        let mut line = 0;
        let mut buffer = vec![0; BUFFER_OCTETS];
        loop {
            let length = reader.read(&mut buffer).map_err(failed)?;
            if length == 0 {
                break;
            }
            let read = &buffer[..length];
            digest.update(read);
            lines += read.iter().filter(|octet| **octet == b'\n').count() as u64;
            if let Some(copy) = &mut copy {
                line = match read.iter().rposition(|octet| *octet == b'\n') {
                    Some(end) => length - end - 1,
                    None => line + length,
                };
                if line > MAX_LINE_OCTETS {
                    return Err(endless(path));
                }
                copy.write_all(read).map_err(failed)?;
            }
        }
        let mut file = copy.unwrap_or(source);
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

    /// How many line ends it has.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The content from its beginning; any number of readers do not disturb each other.
    pub fn reader(&self) -> BufReader<impl Read + Send + use<>> {
        BufReader::with_capacity(
            BUFFER_OCTETS,
            At {
                file: Arc::clone(&self.file),
                offset: 0,
            },
        )
    }
}

fn endless(path: &Path) -> Error {
    Error::Usage {
        message: format!("{}: has a line longer than 1 MiB", shown(path)),
        hint: "a manifest has a row a line: see `openagents-certs issue batch --help`".into(),
    }
}

const BUFFER_OCTETS: usize = 1 << 16;
/// The longest line that is taken from a pipe, lest what has no end fills the disk; no row is longer.
const MAX_LINE_OCTETS: usize = 1 << 20;

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
