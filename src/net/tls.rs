//! One TLS connection, from ClientHello to the end.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};
use rustls_pki_types::ServerName;

use super::recorder::{Recorder, Seen};
use super::wire::Wire;

/// How a connection is begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hello<'a> {
    pub(super) protocols: &'a [&'a [u8]],
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
}

impl Hello<'static> {
    /// As gRPC begins.
    pub(super) const GRPC: Self = Hello {
        protocols: &[b"h2"],
        versions: &[&TLS13, &TLS12],
    };
    /// As a browser or any client of HTTP begins.
    pub(super) const HTTP: Self = Hello {
        protocols: &[b"h2", b"http/1.1"],
        ..Self::GRPC
    };
    /// Without a word of what will be spoken.
    pub(super) const WITHOUT_PROTOCOL: Self = Hello {
        protocols: &[],
        ..Self::GRPC
    };
    /// As a program that knows no HTTP/2.
    pub(super) const HTTP_1: Self = Hello {
        protocols: &[b"http/1.1"],
        ..Self::GRPC
    };

    /// The same in TLS 1.2 alone.
    pub(super) fn in_tls_1_2(self) -> Self {
        Hello {
            versions: ONLY_TLS_1_2,
            ..self
        }
    }
}

/// A TLS connection over a wire. `Read` and `Write` carry what is inside of it; an error of TLS
/// comes as an `io::Error` that holds the `rustls::Error`.
pub(super) struct Tls {
    connection: ClientConnection,
    wire: Wire,
    recorder: Arc<Recorder>,
}

impl Tls {
    /// A connection about to begin.
    pub(super) fn new(
        wire: Wire,
        hello: Hello<'_>,
        server_name: ServerName<'static>,
        recorder: Arc<Recorder>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(default_provider());
        let verifier = Arc::clone(&recorder);
        let resolver = Arc::clone(&recorder);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(hello.versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(resolver);
        config.resumption = Resumption::disabled();
        config.alpn_protocols = hello.protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Tls {
            connection: ClientConnection::new(Arc::new(config), server_name)?,
            wire,
            recorder,
        })
    }

    /// Shakes hands to the end, or as far as it goes.
    pub(super) fn shake_hands(&mut self) -> io::Result<()> {
        while self.connection.is_handshaking() {
            self.write_pending()?;
            if self.connection.is_handshaking() {
                self.read_more()?;
            }
        }
        self.write_pending()
    }

    pub(super) fn seen(&self) -> Seen {
        self.recorder.seen()
    }

    pub(super) fn connection(&self) -> &ClientConnection {
        &self.connection
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// What follows has to be over by then.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.wire.set_deadline(deadline);
    }

    /// Says goodbye, as far as the other side still listens.
    pub(super) fn close(&mut self) {
        self.connection.send_close_notify();
        let _ = self.write_pending();
    }

    /// Reads once and takes in what came.
    fn read_more(&mut self) -> io::Result<()> {
        let count = self.connection.read_tls(&mut self.wire)?;
        if let Err(error) = self.connection.process_new_packets() {
            // An alert may wait to be sent.
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
    /// 0 only when the other side said goodbye as TLS has it; a connection that just ends is an
    /// `UnexpectedEof`.
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
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(octets)?;
        self.write_pending()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_pending()
    }
}

const ONLY_TLS_1_2: &[&SupportedProtocolVersion] = &[&TLS12];
