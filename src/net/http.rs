//! The first exchange of HTTP/2 or HTTP/1.1, as much of it as shows which of them a port speaks.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::connection::{Alert, Deadline, TooMuch, Wire, tls_error};

/// What a server answered: to an HTTP/2 preface
/// ([RFC 9113 §3.4](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)), or to an HTTP/1.1 request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the server's SETTINGS arrived, the first sign that it speaks HTTP/2 and accepts the
    /// connection.
    pub settings: bool,
    /// How the exchange ended.
    pub end: End,
    /// From our PING to its acknowledgement.
    pub round_trip: Option<Duration>,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server acknowledged our PING.
    Answered,
    /// Nothing more arrived in time.
    Silent,
    /// The server closed the connection.
    Closed,
    /// The server reset the connection.
    Reset,
    /// The server ended TLS with an alert.
    Alert(Alert),
    /// The server sent GOAWAY.
    GoAway {
        /// The error code (RFC 9113 §7).
        code: u32,
        /// The debug data, as text.
        debug: String,
    },
    /// The server answered in HTTP/1.
    Http1,
    /// The answer is in neither; these are its first bytes.
    Other(Vec<u8>),
    /// The server sends more than the limit.
    TooMuch,
    /// Another I/O error.
    System(String),
}

impl Answer {
    /// Whether the server accepts the connection; `None` if that cannot be determined.
    pub fn is_accepted(&self) -> Option<bool> {
        match &self.end {
            End::Answered | End::Http1 => Some(true),
            End::Silent | End::TooMuch if self.settings => Some(true),
            End::Closed | End::Reset | End::Alert(_) | End::GoAway { .. } => Some(false),
            End::Silent | End::TooMuch | End::Other(_) | End::System(_) => None,
        }
    }
}

/// Sends an HTTP/2 preface and a PING, and reads until the PING is acknowledged or the exchange
/// ends otherwise.
pub(super) fn http2(stream: &mut (impl Read + Write + Deadline)) -> Answer {
    let mut exchange = Exchange {
        received: Vec::new(),
        has_begun: false,
        settings: false,
        frames: 0,
    };
    let sent = Instant::now();
    let written = write(stream, &[PREFACE, EMPTY_SETTINGS, PING_FRAME].concat());
    let end = end_of(exchange.read(stream), written);
    if end == End::Answered {
        let _ = write(stream, GOAWAY_FRAME);
    }
    Answer {
        settings: exchange.settings,
        round_trip: (end == End::Answered).then(|| sent.elapsed()),
        end,
    }
}

/// Sends a HEAD request. Returns the answer and its `Date`
/// ([RFC 9110 §6.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1)).
pub(super) fn http1(stream: &mut (impl Read + Write), host: &str) -> (Answer, Option<String>) {
    let request = format!(
        "HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: openagents-certs\r\nConnection: close\r\n\r\n"
    );
    let written = write(stream, request.as_bytes());
    let mut date = None;
    let end = end_of(read_head(stream, &mut date), written);
    let answer = Answer {
        settings: false,
        end,
        round_trip: None,
    };
    (answer, date)
}

/// What a port speaks without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// HTTP/2, most likely gRPC.
    Http2,
    /// HTTP/1.
    Http1,
    /// SSH.
    Ssh,
    /// Another protocol; these are the first bytes.
    Other(Vec<u8>),
    /// Nothing: it closes the connection or stays silent.
    Nothing,
}

impl Plaintext {
    /// Recognizes a protocol by the first bytes a server sends.
    pub(super) fn recognize(first: &[u8]) -> Self {
        match first {
            [] => Plaintext::Nothing,
            // SETTINGS on stream 0 (RFC 9113 §6.5).
            [0, _, length, SETTINGS, 0, 0, 0, 0, 0, ..] if length % 6 == 0 => Plaintext::Http2,
            _ if first.starts_with(b"HTTP/") => Plaintext::Http1,
            _ if first.starts_with(b"SSH-") => Plaintext::Ssh,
            _ => Plaintext::Other(first.to_vec()),
        }
    }

    /// Sends an HTTP/2 preface without TLS and recognizes the answer.
    pub(super) fn ask(stream: TcpStream, deadline: Instant) -> Self {
        let answer = http2(&mut Wire::new(stream, deadline));
        if answer.settings {
            return Plaintext::Http2;
        }
        match answer.end {
            End::Other(first) => Plaintext::recognize(&first),
            End::Http1 => Plaintext::Http1,
            End::GoAway { .. } | End::Answered => Plaintext::Http2,
            End::Silent
            | End::Closed
            | End::Reset
            | End::Alert(_)
            | End::TooMuch
            | End::System(_) => Plaintext::Nothing,
        }
    }

    /// The name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Plaintext::Http2 => "http2",
            Plaintext::Http1 => "http1",
            Plaintext::Ssh => "ssh",
            Plaintext::Other(_) => "other",
            Plaintext::Nothing => "nothing",
        }
    }
}

struct Exchange {
    received: Vec<u8>,
    has_begun: bool,
    settings: bool,
    frames: usize,
}

impl Exchange {
    fn read(&mut self, stream: &mut (impl Read + Write + Deadline)) -> End {
        let mut buffer = [0; 4096];
        loop {
            match self.take_frames(stream) {
                Ok(()) => {}
                Err(end) => return end,
            }
            let end = match stream.read(&mut buffer) {
                Ok(0) => End::Closed,
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    continue;
                }
                Err(error) => end_by(&error),
            };
            // A few bytes may already show that it is not HTTP/2.
            return if self.has_begun || self.received.is_empty() {
                end
            } else {
                other(&self.received)
            };
        }
    }

    /// Takes every complete frame; an end comes as an error.
    fn take_frames(&mut self, stream: &mut (impl Write + Deadline)) -> Result<(), End> {
        while let Some(frame) = self.next_frame()? {
            self.frames += 1;
            if self.frames > MAX_FRAMES {
                return Err(End::TooMuch);
            }
            match frame.kind {
                SETTINGS if !frame.is_acknowledgement => {
                    if !self.settings {
                        // A server that accepts us answers at once.
                        stream.hasten(Instant::now() + MAX_WAIT_FOR_PING);
                    }
                    self.settings = true;
                    // If this fails, reading says why.
                    let _ = write(stream, SETTINGS_ACKNOWLEDGED);
                }
                PING if frame.is_acknowledgement => return Err(End::Answered),
                GOAWAY => return Err(go_away(&frame.content)),
                _ => {}
            }
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, End> {
        let Some((header, rest)) = self.received.split_at_checked(FRAME_HEADER_BYTES) else {
            return Ok(None);
        };
        let length =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let kind = header[3];
        let is_acknowledgement = header[4] & ACKNOWLEDGEMENT != 0;
        // SETTINGS come first, on stream 0 (RFC 9113 §3.4, §6.5).
        let is_first = kind == SETTINGS
            && !is_acknowledgement
            && length.is_multiple_of(SETTING_BYTES)
            && header[5..] == [0; 4];
        if length > MAX_FRAME_BYTES || !(self.has_begun || is_first) {
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
        self.has_begun = true;
        self.received.drain(..FRAME_HEADER_BYTES + length);
        Ok(Some(frame))
    }
}

struct Frame {
    kind: u8,
    is_acknowledgement: bool,
    content: Vec<u8>,
}

fn go_away(content: &[u8]) -> End {
    let code = content.get(4..8).and_then(|code| code.try_into().ok());
    let debug = content.get(8..).unwrap_or_default();
    let debug = &debug[..debug.len().min(MAX_DEBUG_BYTES)];
    End::GoAway {
        code: code.map_or(0, u32::from_be_bytes),
        debug: String::from_utf8_lossy(debug).into_owned(),
    }
}

/// Reads the head of an HTTP/1 response.
fn read_head(stream: &mut impl Read, date: &mut Option<String>) -> End {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while head.len() < MAX_HEAD_BYTES {
        let end = match stream.read(&mut buffer) {
            Ok(0) => End::Closed,
            Ok(count) => {
                head.extend_from_slice(&buffer[..count]);
                let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
                let mut response = httparse::Response::new(&mut headers);
                match response.parse(&head) {
                    Ok(httparse::Status::Partial) => continue,
                    Ok(httparse::Status::Complete(_)) => {
                        *date = date_of(response.headers);
                        return End::Http1;
                    }
                    Err(_) => return other(&head),
                }
            }
            Err(error) => end_by(&error),
        };
        return if head.is_empty() { end } else { other(&head) };
    }
    End::Http1
}

fn date_of(headers: &[httparse::Header<'_>]) -> Option<String> {
    let is_date = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("date");
    let date = headers.iter().find(is_date)?.value;
    Some(String::from_utf8_lossy(&date[..date.len().min(MAX_DATE_BYTES)]).into_owned())
}

fn write(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).and_then(|()| stream.flush())
}

/// What the server said before it stopped listening says more than that we could not write.
fn end_of(read: End, written: io::Result<()>) -> End {
    match (read, written) {
        (End::Closed, Err(error)) => end_by(&error),
        (end, _) => end,
    }
}

fn end_by(error: &io::Error) -> End {
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

/// An answer that is not HTTP/2.
fn other(bytes: &[u8]) -> End {
    if bytes.starts_with(b"HTTP/1.") {
        End::Http1
    } else {
        End::Other(bytes[..bytes.len().min(MAX_SHOWN_BYTES)].to_vec())
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; // RFC 9113 §3.4
const FRAME_HEADER_BYTES: usize = 9; // RFC 9113 §4.1
const MAX_FRAME_BYTES: usize = 16_384; // RFC 9113 §6.5.2: the default, which we do not raise
const SETTING_BYTES: usize = 6; // RFC 9113 §6.5.1
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACKNOWLEDGEMENT: u8 = 1;
const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
const SETTINGS_ACKNOWLEDGED: &[u8] = &[0, 0, 0, SETTINGS, ACKNOWLEDGEMENT, 0, 0, 0, 0];
const PING_FRAME: &[u8] = b"\0\0\x08\x06\0\0\0\0\0openagnt";
/// Last stream 0, NO_ERROR.
const GOAWAY_FRAME: &[u8] = &[0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const MAX_FRAMES: usize = 1000;
const MAX_WAIT_FOR_PING: Duration = Duration::from_millis(500);
const MAX_DEBUG_BYTES: usize = 200;
const MAX_SHOWN_BYTES: usize = 64;
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_DATE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_and_an_acknowledged_ping_are_an_accepted_connection() {
        let answered = [EMPTY_SETTINGS, b"\0\0\x08\x06\x01\0\0\0\0openagnt"].concat();
        let answer = answer_of(&answered);
        assert!(answer.settings);
        assert_eq!(answer.end, End::Answered);
        assert_eq!(answer.is_accepted(), Some(true));
        // A server may send SETTINGS before it looks at a client's certificate.
        let answer = answer_of(EMPTY_SETTINGS);
        assert!(answer.settings);
        assert_eq!(answer.is_accepted(), Some(false));
    }

    #[test]
    fn what_is_not_http2_is_recognized_by_its_first_bytes() {
        assert_eq!(answer_of(b"HTTP/1.1 400 Bad\r\n").end, End::Http1);
        assert_eq!(answer_of(b"SSH-").end, End::Other(b"SSH-".to_vec()));
        assert_eq!(answer_of(b"").end, End::Closed);
        let go_away = b"\0\0\x0a\x07\0\0\0\0\0\0\0\0\0\0\0\0\x02hi";
        let end = End::GoAway {
            code: 2,
            debug: "hi".into(),
        };
        assert_eq!(answer_of(&[EMPTY_SETTINGS, go_away].concat()).end, end);
    }

    #[test]
    fn the_date_is_read_from_the_head_only() {
        let date = "Fri, 20 Nov 2026 08:05:00 GMT";
        let found = |head: String| http1(&mut Server(Cursor::new(head.into_bytes())), "host").1;
        let head = format!("HTTP/1.1 200 OK\r\nServer: a\r\ndate: {date}\r\n\r\n");
        assert_eq!(found(head).as_deref(), Some(date));
        assert_eq!(
            found(format!("HTTP/1.0 404 No\r\n\r\nDate: {date}\r\n\r\n")),
            None
        );
        assert_eq!(found(format!("SSH-2.0\r\nDate: {date}\r\n\r\n")), None);
        assert_eq!(found(String::new()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_the_exchange(bytes: Vec<u8>, begun: bool) {
            let settings = if begun { EMPTY_SETTINGS } else { &[] };
            let answer = answer_of(&[settings, &bytes].concat());
            prop_assert!(!begun || answer.settings);
            http1(&mut Server(Cursor::new(bytes)), "host");
        }
    }

    /// The answer of a server that sends these bytes and closes the connection.
    fn answer_of(bytes: &[u8]) -> Answer {
        http2(&mut Server(Cursor::new(bytes.to_vec())))
    }

    struct Server(Cursor<Vec<u8>>);

    impl Read for Server {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Deadline for Server {
        fn hasten(&mut self, _: Instant) {}
    }
}
