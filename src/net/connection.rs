//! One TLS connection over TCP, with a deadline and a limit on what is read from it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConfig, ClientConnection, SupportedProtocolVersion};
use rustls_pki_types::ServerName;

use super::recorder::{Record, Recorder};

/// How a ClientHello differs from client to client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hello {
    pub(super) protocols: &'static [&'static [u8]],
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
}

impl Hello {
    /// A gRPC client.
    pub(super) const GRPC: Self = Hello {
        protocols: &[b"h2"],
        versions: &[&TLS13, &TLS12],
    };
    /// A browser or another HTTP client.
    pub(super) const HTTP: Self = Hello {
        protocols: &[b"h2", b"http/1.1"],
        ..Self::GRPC
    };
    /// A client that knows no ALPN.
    pub(super) const WITHOUT_ALPN: Self = Hello {
        protocols: &[],
        ..Self::GRPC
    };
    /// A client that knows no HTTP/2.
    pub(super) const HTTP_1: Self = Hello {
        protocols: &[b"http/1.1"],
        ..Self::GRPC
    };

    /// The same with TLS 1.2 only.
    pub(super) fn in_tls_1_2(self) -> Self {
        Hello {
            versions: ONLY_TLS_1_2,
            ..self
        }
    }
}

/// A TLS connection. `Read` and `Write` carry the application data; a TLS error comes as an
/// `io::Error` that wraps the `rustls::Error`.
pub(super) struct Tls {
    connection: ClientConnection,
    wire: Wire,
    recorder: Arc<Recorder>,
}

impl Tls {
    pub(super) fn new(
        wire: Wire,
        hello: Hello,
        server_name: ServerName<'static>,
        recorder: Recorder,
    ) -> Result<Self, rustls::Error> {
        let recorder = Arc::new(recorder);
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(hello.versions)?
            .dangerous()
            .with_custom_certificate_verifier(recorder.clone())
            .with_client_cert_resolver(recorder.clone());
        // A resumed session presents no certificate.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = hello.protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Tls {
            connection: ClientConnection::new(Arc::new(config), server_name)?,
            wire,
            recorder,
        })
    }

    /// Performs the handshake, or as much of it as the server lets happen.
    pub(super) fn handshake(&mut self) -> io::Result<()> {
        while self.connection.is_handshaking() {
            self.write_pending()?;
            if self.connection.is_handshaking() {
                self.read_more()?;
            }
        }
        self.write_pending()
    }

    pub(super) fn record(&self) -> Record {
        self.recorder.record()
    }

    pub(super) fn connection(&self) -> &ClientConnection {
        &self.connection
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Sets the deadline of what follows.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.wire.deadline = deadline;
    }

    /// Sends close_notify, if the server still listens.
    pub(super) fn close(&mut self) {
        self.connection.send_close_notify();
        let _ = self.write_pending();
    }

    fn read_more(&mut self) -> io::Result<()> {
        let count = self.connection.read_tls(&mut self.wire)?;
        if let Err(error) = self.connection.process_new_packets() {
            // An alert may be waiting to be sent.
            let _ = self.write_pending();
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.wire)?;
        }
        Ok(())
    }
}

impl Read for Tls {
    /// Returns 0 only after close_notify; a connection that just ends is `UnexpectedEof`.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.write_pending()?;
                    self.read_more()?;
                }
                read => return read,
            }
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(bytes)?;
        self.write_pending()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_pending()
    }
}

/// A TCP connection with a deadline and a limit on what is read. Keeps the first bytes received.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    deadline: Instant,
    bytes_left: usize,
    first: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, deadline: Instant) -> Self {
        // Without it small messages are slower, nothing else.
        let _ = stream.set_nodelay(true);
        Wire {
            stream,
            deadline,
            bytes_left: MAX_BYTES,
            first: Vec::new(),
        }
    }

    /// The first bytes received.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    fn time_left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            // The system rounds to microseconds, and 0 means no timeout.
            Ok(left.max(Duration::from_millis(1)))
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes_left == 0 {
            return Err(io::Error::other(TooMuch));
        }
        self.stream.set_read_timeout(Some(self.time_left()?))?;
        let room = buffer.len().min(self.bytes_left);
        let count = self.stream.read(&mut buffer[..room]).map_err(timed_out)?;
        self.bytes_left -= count;
        let kept = MAX_FIRST_BYTES.saturating_sub(self.first.len()).min(count);
        self.first.extend_from_slice(&buffer[..kept]);
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.time_left()?))?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A connection whose deadline can be brought forward.
pub(super) trait Deadline {
    /// Ends the connection at this moment, unless it ends earlier.
    fn hasten(&mut self, deadline: Instant);
}

impl Deadline for Wire {
    fn hasten(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
    }
}

impl Deadline for Tls {
    fn hasten(&mut self, deadline: Instant) {
        self.wire.hasten(deadline);
    }
}

/// The limit of a connection was reached.
#[derive(Debug, thiserror::Error)]
#[error("it sent more than {MAX_BYTES} bytes")]
pub(super) struct TooMuch;

impl TooMuch {
    /// Whether an operation failed because of it.
    pub(super) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<TooMuch>())
    }
}

/// The TLS error inside an I/O error.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A TLS alert that was received ([RFC 8446 §6](https://www.rfc-editor.org/rfc/rfc8446#section-6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(AlertDescription);

impl Alert {
    /// Whether the server supports none of the offered application protocols.
    pub fn is_no_application_protocol(self) -> bool {
        self.0 == AlertDescription::NoApplicationProtocol
    }
}

impl From<AlertDescription> for Alert {
    fn from(description: AlertDescription) -> Self {
        Alert(description)
    }
}

impl fmt::Display for Alert {
    /// Writes the name in [the registry](https://www.iana.org/assignments/tls-parameters#tls-parameters-6).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = self.0.as_str() else {
            return write!(f, "alert {}", u8::from(self.0));
        };
        let mut registered = String::new();
        let mut after_lower = false;
        for (c, next) in name
            .chars()
            .zip(name.chars().skip(1).map(Some).chain([None]))
        {
            let before_lower = next.is_some_and(|next| next.is_ascii_lowercase());
            if c.is_ascii_uppercase() && !registered.is_empty() && (after_lower || before_lower) {
                registered.push('_');
            }
            after_lower = c.is_ascii_lowercase();
            registered.push(c.to_ascii_lowercase());
        }
        f.write_str(&registered.replace("recognised", "recognized"))
    }
}

/// A socket reports a timeout in two ways.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

const ONLY_TLS_1_2: &[&SupportedProtocolVersion] = &[&TLS12];
const MAX_BYTES: usize = 512 * 1024;
const MAX_FIRST_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_registry() {
        for (code, name) in [
            (40, "handshake_failure"),
            (48, "unknown_ca"),
            (112, "unrecognized_name"),
            (115, "unknown_psk_identity"),
            (116, "certificate_required"),
            (120, "no_application_protocol"),
            (200, "alert 200"),
        ] {
            assert_eq!(Alert(AlertDescription::from(code)).to_string(), name);
        }
    }
}
