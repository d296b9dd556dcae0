//! Reading logs, however long they are, a line at a time.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::Error;

/// The most octets of a line that are handed out at once; what is longer comes in pieces.
pub const MAX_LINE_OCTETS: usize = 16 * 1024;

/// A line, or a piece of one that is very long.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The line's number, from 1.
    pub line: u64,
    /// How many of the octets were in the piece before as well, so that no word is cut in two.
    pub overlap: usize,
    /// The octets, without the line's end.
    pub octets: &'a [u8],
}

/// Hands out every line of a file, or of standard input where there is no path, as it comes. Takes
/// little memory, whatever there is to read.
///
/// # Errors
/// When it cannot be opened or read, or is a directory, a device or a socket.
pub fn each_line(path: Option<&Path>, visit: &mut dyn FnMut(Piece<'_>)) -> Result<(), Error> {
    let name = path.unwrap_or(Path::new("-"));
    let failed = |source| Error::Io {
        action: "read",
        path: name.to_owned(),
        source,
    };
    let Some(path) = path else {
        return split(&mut std::io::stdin().lock(), visit).map_err(failed);
    };
    let mut options = OpenOptions::new();
    let flags = rustix::fs::OFlags::NOCTTY;
    options.read(true).custom_flags(flags.bits().cast_signed());
    // A named pipe may be opened for good, as by any reader; a device is refused before it is.
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if !kind.is_file() && !std::os::unix::fs::FileTypeExt::is_fifo(&kind) {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "is a directory or a device, not a file",
        });
    }
    let mut file = options.open(path).map_err(failed)?;
    split(&mut file, visit).map_err(failed)
}

fn split(input: &mut dyn Read, visit: &mut dyn FnMut(Piece<'_>)) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER_OCTETS];
    let mut pending: Vec<u8> = Vec::with_capacity(MAX_LINE_OCTETS);
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
            let room = MAX_LINE_OCTETS - pending.len();
            let window = &rest[..rest.len().min(room)];
            let end = window.iter().position(|&octet| octet == b'\n');
            pending.extend_from_slice(&window[..end.unwrap_or(window.len())]);
            rest = &rest[end.map_or(window.len(), |end| end + 1)..];
            let octets = pending.as_slice();
            if end.is_some() {
                visit(Piece {
                    line,
                    overlap,
                    octets,
                });
                pending.clear();
                (line, overlap) = (line + 1, 0);
            } else if octets.len() == MAX_LINE_OCTETS {
                visit(Piece {
                    line,
                    overlap,
                    octets,
                });
                pending.drain(..MAX_LINE_OCTETS - OVERLAP_OCTETS);
                overlap = OVERLAP_OCTETS;
            }
        }
    }
    if pending.len() > overlap {
        let octets = pending.as_slice();
        visit(Piece {
            line,
            overlap,
            octets,
        });
    }
    Ok(())
}

const BUFFER_OCTETS: usize = 64 * 1024;
const OVERLAP_OCTETS: usize = 1024;

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
        let long = vec![b'a'; MAX_LINE_OCTETS * 2];
        let pieces = lines(&long);
        assert_eq!(pieces[0], (1, 0, MAX_LINE_OCTETS));
        assert_eq!(pieces[1], (1, OVERLAP_OCTETS, MAX_LINE_OCTETS));
        assert_eq!(pieces[2], (1, OVERLAP_OCTETS, 2 * OVERLAP_OCTETS));
    }

    fn lines(input: &[u8]) -> Vec<(u64, usize, usize)> {
        let mut found = Vec::new();
        split(&mut &input[..], &mut |piece| {
            found.push((piece.line, piece.overlap, piece.octets.len()));
        })
        .unwrap();
        found
    }
}
