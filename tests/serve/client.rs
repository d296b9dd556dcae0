//! A small HTTP/1.1 client, so that each byte of a request can be chosen.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::server::PATIENCE;

/// A client of one port.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The status line and the headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// A stream that bytes go through, TLS or not.
pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

impl Client {
    /// A client of a plain HTTP port.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Client { address, tls: None }
    }

    /// A client of an https port that trusts these anchors, with a certificate and key if they are given; all PEM.
    pub(crate) fn https(
        address: SocketAddr,
        anchors: &[u8],
        identity: Option<(&[u8], &[u8])>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for anchor in CertificateDer::pem_slice_iter(anchors) {
            roots.add(anchor.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_slice_iter(certificate);
                let key = PrivateKeyDer::from_pem_slice(key).unwrap();
                let chain = chain.map(Result::unwrap).collect();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Client {
            address,
            tls: Some(Arc::new(config)),
        }
    }

    /// The same, but it offers this protocol to TLS.
    pub(crate) fn with_protocol(&self, protocol: &[u8]) -> Self {
        let mut config = ClientConfig::clone(self.tls.as_ref().unwrap());
        config.alpn_protocols = vec![protocol.to_vec()];
        Client {
            address: self.address,
            tls: Some(Arc::new(config)),
        }
    }

    /// Connects; of TLS, shakes hands.
    pub(crate) fn connect(&self) -> Box<dyn Stream> {
        self.try_connect().expect("a connection")
    }

    /// The same; `None` where the server is gone.
    pub(crate) fn try_connect(&self) -> Option<Box<dyn Stream>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let Some(config) = &self.tls else {
            return Some(Box::new(stream));
        };
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).ok()?;
        }
        Some(Box::new(StreamOwned::new(connection, stream)))
    }

    /// The certificate that the server presents now, as DER.
    pub(crate) fn presented(&self) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let config = Arc::clone(self.tls.as_ref().unwrap());
        let mut connection = ClientConnection::new(config, name).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).unwrap();
        }
        connection.peer_certificates().unwrap()[0].to_vec()
    }

    /// Sends GET.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(
            &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            &[],
        )
    }

    /// Sends POST with a body of this media type.
    pub(crate) fn post(&self, path: &str, media_type: &str, body: &[u8]) -> Response {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(&head, body)
    }

    /// Sends a head and a body over a connection of their own, and reads the answer.
    pub(crate) fn send(&self, head: &str, body: &[u8]) -> Response {
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses the request need not read its body.
        let _ = stream.write_all(body).and_then(|()| stream.flush());
        answer(&mut *stream).expect("an answer")
    }
}

/// The next answer on a stream; `None` if that ends before it is whole.
pub(crate) fn answer(stream: &mut dyn Stream) -> Option<Response> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut response = Response {
        status,
        head,
        body: Vec::new(),
    };
    match response.header("content-length") {
        Some(length) => {
            response.body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut response.body).ok()?;
        }
        None if response.header("transfer-encoding").is_some() => {
            response.body = chunks(stream)?;
        }
        None => {}
    }
    Some(response)
}

fn chunks(stream: &mut dyn Stream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let length = std::str::from_utf8(&line).unwrap().trim();
        let length = usize::from_str_radix(length, 16).unwrap();
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..length]);
        if length == 0 {
            return Some(body);
        }
    }
}
