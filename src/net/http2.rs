//! The first words of HTTP/2, as much of them as shows that somebody speaks it.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::alert::Alert;
use super::session::tls_error;
use super::wire::TooMuch;

/// What came behind a handshake: of beginning HTTP/2 ([RFC 9113 §3.4](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)),
/// or of an HTTP/1.1 question where that was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the server's SETTINGS were read: the first thing that shows that it speaks HTTP/2
    /// and has taken the connection.
    pub settings: bool,
    /// How the conversation ended.
    pub end: End,
    /// From our PING to its answer.
    pub round_trip: Option<Duration>,
}

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server answered our PING: it has read what we sent.
    Answered,
    /// Nothing more came in time.
    Silent,
    /// The server ended the connection.
    Closed,
    /// The server broke the connection off.
    Reset,
    /// The server ended TLS and said why.
    Alert(Alert),
    /// The server sent GOAWAY.
    GoAway {
        /// The error code (RFC 9113 §7).
        code: u32,
        /// What it says beside it.
        debug: String,
    },
    /// An answer in HTTP/1 came.
    Http1,
    /// What came is neither; this is how it begins.
    Other(Vec<u8>),
    /// Endless talk.
    TooMuch,
    /// The system says something else.
    System(String),
}

impl Answer {
    /// Whether the server goes on with us: no where it ended the connection, `None` where it
    /// cannot be told.
    pub fn is_taken(&self) -> Option<bool> {
        match &self.end {
            End::Answered | End::Http1 => Some(true),
            End::Silent | End::TooMuch if self.settings => Some(true),
            End::Closed | End::Reset | End::Alert(_) | End::GoAway { .. } => Some(false),
            End::Silent | End::TooMuch | End::Other(_) | End::System(_) => None,
        }
    }
}

/// Begins HTTP/2 and reads until the server has answered, or will not.
pub(super) fn converse(stream: &mut (impl Read + Write + Deadline)) -> Answer {
    let mut conversation = Conversation {
        received: Vec::new(),
        is_begun: false,
        settings: false,
        frames: 0,
        sent: Instant::now(),
    };
    let written = stream
        .write_all(&[PREFACE, EMPTY_SETTINGS, PING_FRAME].concat())
        .and_then(|()| stream.flush());
    // What the server had to say before it stopped listening can still be read.
    let end = match (conversation.read(stream), written) {
        (End::Closed, Err(error)) => ended(&error),
        (end, _) => end,
    };
    if end == End::Answered {
        let _ = stream.write_all(GO_AWAY).and_then(|()| stream.flush());
    }
    Answer {
        settings: conversation.settings,
        round_trip: (end == End::Answered).then(|| conversation.sent.elapsed()),
        end,
    }
}

/// Something whose next steps can be given less time.
pub(super) trait Deadline {
    /// Everything has to be over by then, if not before.
    fn hasten(&mut self, deadline: Instant);
}

struct Conversation {
    received: Vec<u8>,
    is_begun: bool,
    settings: bool,
    frames: usize,
    sent: Instant,
}

impl Conversation {
    fn read(&mut self, stream: &mut (impl Read + Write + Deadline)) -> End {
        let mut buffer = [0; 4096];
        loop {
            while let Some(frame) = match self.next_frame() {
                Ok(frame) => frame,
                Err(end) => return end,
            } {
                if let Some(end) = self.take(frame, stream) {
                    return end;
                }
            }
            match stream.read(&mut buffer) {
                Ok(0) => return self.unfinished(End::Closed),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) => return self.unfinished(ended(&error)),
            }
        }
    }

    /// What it means that no more comes: few octets may still show that they are no HTTP/2.
    fn unfinished(&self, end: End) -> End {
        if self.is_begun || self.received.is_empty() {
            end
        } else {
            other(&self.received)
        }
    }

    /// The next whole frame, if it is there.
    fn next_frame(&mut self) -> Result<Option<Frame>, End> {
        let Some((header, rest)) = self.received.split_at_checked(FRAME_HEADER_OCTETS) else {
            return Ok(None);
        };
        let length =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let kind = header[3];
        let is_acknowledgement = header[4] & ACKNOWLEDGEMENT != 0;
        // SETTINGS come first, on stream 0, six octets each (RFC 9113 §3.4, §6.5).
        let is_first = kind == SETTINGS
            && !is_acknowledgement
            && length.is_multiple_of(SETTING_OCTETS)
            && header[5..] == [0; 4];
        if length > MAX_FRAME_OCTETS || !(self.is_begun || is_first) {
            return Err(other(&self.received));
        }
        let Some(content) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = Frame {
            kind,
            is_acknowledgement,
            content: content.to_vec(),
        };
        self.is_begun = true;
        self.received.drain(..FRAME_HEADER_OCTETS + length);
        Ok(Some(frame))
    }

    /// Takes a frame in; gives the end if it is one.
    fn take(&mut self, frame: Frame, stream: &mut (impl Write + Deadline)) -> Option<End> {
        self.frames += 1;
        if self.frames > MAX_FRAMES {
            return Some(End::TooMuch);
        }
        match frame.kind {
            SETTINGS if !frame.is_acknowledgement => {
                if !self.settings {
                    // A server that takes us answers at once; one that does not may just be quiet.
                    stream.hasten(Instant::now() + PATIENCE_FOR_ANSWER);
                }
                self.settings = true;
                // A server that is gone is heard of by reading.
                let _ = stream.write_all(SETTINGS_ACKNOWLEDGED);
                let _ = stream.flush();
                None
            }
            PING if frame.is_acknowledgement => Some(End::Answered),
            GOAWAY => {
                let code = frame
                    .content
                    .get(4..8)
                    .and_then(|code| code.try_into().ok());
                let debug = frame.content.get(8..).unwrap_or_default();
                let debug = &debug[..debug.len().min(MAX_DEBUG_OCTETS)];
                Some(End::GoAway {
                    code: code.map_or(0, u32::from_be_bytes),
                    debug: String::from_utf8_lossy(debug).into_owned(),
                })
            }
            _ => None,
        }
    }
}

struct Frame {
    kind: u8,
    is_acknowledgement: bool,
    content: Vec<u8>,
}

/// How it ended, by an error of reading or writing.
pub(super) fn ended(error: &io::Error) -> End {
    if let Some(error) = tls_error(error) {
        return match error {
            rustls::Error::AlertReceived(description) => End::Alert((*description).into()),
            error => End::System(error.to_string()),
        };
    }
    if TooMuch::is_in(error) {
        return End::TooMuch;
    }
    match error.kind() {
        io::ErrorKind::TimedOut => End::Silent,
        io::ErrorKind::UnexpectedEof => End::Closed,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => End::Reset,
        _ => End::System(error.to_string()),
    }
}

/// What came and is no HTTP/2.
pub(super) fn other(octets: &[u8]) -> End {
    if octets.starts_with(b"HTTP/1.") {
        End::Http1
    } else {
        End::Other(octets[..octets.len().min(MAX_SHOWN_OCTETS)].to_vec())
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; // RFC 9113 §3.4
const FRAME_HEADER_OCTETS: usize = 9; // RFC 9113 §4.1
const MAX_FRAME_OCTETS: usize = 16_384; // RFC 9113 §6.5.2: more than we allow
const SETTING_OCTETS: usize = 6; // RFC 9113 §6.5.1
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACKNOWLEDGEMENT: u8 = 1;
const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
const SETTINGS_ACKNOWLEDGED: &[u8] = &[0, 0, 0, SETTINGS, ACKNOWLEDGEMENT, 0, 0, 0, 0];
const PING_FRAME: &[u8] = b"\0\0\x08\x06\0\0\0\0\0openagnt";
/// The last stream is 0, the code NO_ERROR.
const GO_AWAY: &[u8] = &[0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const MAX_FRAMES: usize = 1000;
const PATIENCE_FOR_ANSWER: Duration = Duration::from_millis(500);
const MAX_DEBUG_OCTETS: usize = 200;
const MAX_SHOWN_OCTETS: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_and_the_answer_to_our_ping_are_what_is_wanted() {
        let answered = [EMPTY_SETTINGS, b"\0\0\x08\x06\x01\0\0\0\0openagnt"].concat();
        let answer = heard(&answered);
        assert!(answer.settings);
        assert_eq!(answer.end, End::Answered);
        assert_eq!(answer.is_taken(), Some(true));
        // A server may begin before it has looked at a client's certificate.
        let answer = heard(EMPTY_SETTINGS);
        assert!(answer.settings);
        assert_eq!(answer.is_taken(), Some(false));
    }

    #[test]
    fn what_is_no_http2_is_told_by_its_beginning() {
        assert_eq!(heard(b"HTTP/1.1 400 Bad\r\n").end, End::Http1);
        assert_eq!(heard(b"SSH-").end, End::Other(b"SSH-".to_vec()));
        assert_eq!(heard(b"").end, End::Closed);
        let go_away = b"\0\0\x0a\x07\0\0\0\0\0\0\0\0\0\0\0\0\x02hi";
        let end = End::GoAway {
            code: 2,
            debug: "hi".into(),
        };
        assert_eq!(heard(&[EMPTY_SETTINGS, go_away].concat()).end, end);
    }

    proptest! {
        #[test]
        fn any_octets_end_the_conversation(octets: Vec<u8>, begun: bool) {
            let settings = if begun { EMPTY_SETTINGS } else { &[] };
            let answer = heard(&[settings, &octets].concat());
            prop_assert!(!begun || answer.settings);
        }
    }

    /// What is made of these octets, after which the server ends the connection.
    fn heard(octets: &[u8]) -> Answer {
        converse(&mut Server(Cursor::new(octets.to_vec())))
    }

    struct Server(Cursor<Vec<u8>>);

    impl Read for Server {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Server {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Deadline for Server {
        fn hasten(&mut self, _: Instant) {}
    }
}
