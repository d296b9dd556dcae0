//! What a port speaks that does not speak TLS.

use std::net::TcpStream;
use std::time::Instant;

use super::http2::{self, Deadline, End};
use super::wire::Wire;

/// What is spoken on a port without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/2, and so most likely gRPC.
    Http2,
    /// HTTP/1.
    Http1,
    /// SSH.
    Ssh,
    /// Something else; this is how it begins.
    Other(Vec<u8>),
    /// Nothing that could be told: it ended the connection or kept quiet.
    Nothing,
}

impl Spoken {
    /// Recognises what came, unasked or as an answer to something it did not understand.
    pub(super) fn recognised(first: &[u8]) -> Self {
        if first.is_empty() {
            Spoken::Nothing
        } else if is_settings(first) {
            Spoken::Http2
        } else if first.starts_with(b"HTTP/") {
            Spoken::Http1
        } else if first.starts_with(b"SSH-") {
            Spoken::Ssh
        } else {
            Spoken::Other(first.to_vec())
        }
    }

    /// Begins HTTP/2 in plaintext and looks at what comes back.
    pub(super) fn asked(stream: TcpStream, deadline: Instant) -> Self {
        let answer = http2::converse(&mut Wire::new(stream, deadline));
        if answer.settings {
            return Spoken::Http2;
        }
        match answer.end {
            End::Other(first) => Spoken::recognised(&first),
            End::Http1 => Spoken::Http1,
            End::GoAway { .. } | End::Answered => Spoken::Http2,
            End::Silent
            | End::Closed
            | End::Reset
            | End::Alert(_)
            | End::TooMuch
            | End::System(_) => Spoken::Nothing,
        }
    }

    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Spoken::Http2 => "http2",
            Spoken::Http1 => "http1",
            Spoken::Ssh => "ssh",
            Spoken::Other(_) => "other",
            Spoken::Nothing => "nothing",
        }
    }
}

/// Whether it begins with a SETTINGS frame of a few settings ([RFC 9113 §6.5](https://www.rfc-editor.org/rfc/rfc9113#section-6.5)).
fn is_settings(first: &[u8]) -> bool {
    match first {
        [0, _, length, 4, 0, 0, 0, 0, 0, ..] => length % 6 == 0,
        _ => false,
    }
}

impl Deadline for Wire {
    fn hasten(&mut self, deadline: Instant) {
        let deadline = deadline.min(self.deadline());
        self.set_deadline(deadline);
    }
}

impl Deadline for super::tls::Tls {
    fn hasten(&mut self, deadline: Instant) {
        let deadline = deadline.min(self.wire().deadline());
        self.set_deadline(deadline);
    }
}
