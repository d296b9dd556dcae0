//! A TCP connection that ends: by its deadline, or when it brings too much.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A connection with a deadline and a cap on what is read from it. Remembers how what came began.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    deadline: Instant,
    octets_left: usize,
    first: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, deadline: Instant) -> Self {
        // Small messages back and forth; where the system refuses, they are only slower.
        let _ = stream.set_nodelay(true);
        Wire {
            stream,
            deadline,
            octets_left: MAX_OCTETS,
            first: Vec::new(),
        }
    }

    /// What follows has to be over by then.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How everything that came began.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    fn time_left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            // The system counts in microseconds, and 0 would be for ever.
            Ok(left.max(Duration::from_millis(1)))
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.octets_left == 0 {
            return Err(io::Error::other(TooMuch));
        }
        self.stream.set_read_timeout(Some(self.time_left()?))?;
        let room = buffer.len().min(self.octets_left);
        let count = self.stream.read(&mut buffer[..room]).map_err(timed_out)?;
        self.octets_left -= count;
        let wanted = MAX_FIRST_OCTETS.saturating_sub(self.first.len()).min(count);
        self.first.extend_from_slice(&buffer[..wanted]);
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.time_left()?))?;
        self.stream.write(octets).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// More came than anyone has to say who is asked for so little.
#[derive(Debug, thiserror::Error)]
#[error("it sent more than {MAX_OCTETS} octets")]
pub(super) struct TooMuch;

impl TooMuch {
    /// Whether this is why an operation failed.
    pub(super) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<TooMuch>())
    }
}

/// A socket whose time is over says so in two ways.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

const MAX_OCTETS: usize = 512 * 1024;
const MAX_FIRST_OCTETS: usize = 64;
