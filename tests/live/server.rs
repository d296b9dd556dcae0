//! Servers on ports of this machine, which end with the tests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    DigitallySignedStruct, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

use super::pki::{OURS, Pair, Pki};

/// Serves every connection in a thread of its own; the handler is told the connection's number,
/// from 0. Gives the port.
pub(crate) fn serve(handler: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let handler = Arc::new(handler);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let handler = Arc::clone(&handler);
            thread::spawn(move || handler(number, stream.unwrap()));
        }
    });
    port
}

/// A TLS server as it is put together.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: Vec<u8>,
    pub(crate) protocols: &'static [&'static str],
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) clients: Arc<dyn ClientCertVerifier>,
}

impl Tls {
    /// As gRPC serves: both versions, h2, anyone may come.
    pub(crate) fn new(pair: &Pair) -> Self {
        let certificates = pair.certificates.iter();
        Tls {
            chain: certificates.map(|one| one.as_der().to_vec()).collect(),
            key: pair.key.clone(),
            protocols: &["h2"],
            versions: BOTH_VERSIONS,
            clients: Arc::new(NoClientAuth),
        }
    }

    pub(crate) fn ours() -> Self {
        Tls::new(&OURS.server)
    }

    /// Takes only clients of this CA.
    pub(crate) fn requiring(self, pki: &Pki) -> Self {
        let clients = verifier(pki).build().unwrap();
        Tls { clients, ..self }
    }

    /// Asks for clients of this CA, and takes those without a certificate too.
    pub(crate) fn asking(self, pki: &Pki) -> Self {
        let clients = verifier(pki).allow_unauthenticated().build().unwrap();
        Tls { clients, ..self }
    }

    /// Asks, and takes whatever comes.
    pub(crate) fn credulous(self) -> Self {
        Tls {
            clients: Arc::new(Credulous),
            ..self
        }
    }

    /// Serves; once a handshake is over, the handler goes on.
    pub(crate) fn serve(self, handler: impl Fn(Stream) + Send + Sync + 'static) -> u16 {
        let config = self.config();
        serve(move |_, stream| accept(&config, stream, &handler))
    }

    /// Serves HTTP/2 as far as a probe asks for it.
    pub(crate) fn serve_grpc(self) -> u16 {
        self.serve(speak_http2)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.as_slice()));
        let chain = self.chain.iter().cloned().map(CertificateDer::from);
        let certified = CertifiedKey::new(chain.collect(), any_supported_type(&key).unwrap());
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_client_cert_verifier(Arc::clone(&self.clients))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = self.protocols.iter().map(|name| (*name).into()).collect();
        Arc::new(config)
    }
}

pub(crate) const BOTH_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
pub(crate) const TLS_1_2: &[&SupportedProtocolVersion] = &[&TLS12];

/// What is inside of TLS.
pub(crate) type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Shakes hands, and lets the handler go on when that is done.
pub(crate) fn accept(
    config: &Arc<ServerConfig>,
    mut stream: TcpStream,
    handler: &(impl Fn(Stream) + ?Sized),
) {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            return;
        }
    }
    handler(StreamOwned::new(connection, stream));
}

/// Reads the client's preface, SETTINGS and PING, answers them, and stays until the client goes.
pub(crate) fn speak_http2(mut stream: impl Read + Write) {
    let mut begun = [0; PREFACE_OCTETS + SETTINGS_OCTETS + PING_OCTETS];
    if stream.read_exact(&mut begun).is_err() {
        return;
    }
    let ping = &begun[begun.len() - 8..];
    let answer = [SETTINGS, SETTINGS_ACKNOWLEDGED, PING_ACKNOWLEDGED, ping].concat();
    let _ = stream.write_all(&answer).and_then(|()| stream.flush());
    wait(stream);
}

/// Stays until the client goes.
pub(crate) fn wait(mut stream: impl Read) {
    let mut octets = [0; 1024];
    while stream.read(&mut octets).is_ok_and(|count| count > 0) {}
}

pub(crate) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const SETTINGS_ACKNOWLEDGED: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
const PING_ACKNOWLEDGED: &[u8] = &[0, 0, 8, 6, 1, 0, 0, 0, 0];
const PREFACE_OCTETS: usize = 24;
const SETTINGS_OCTETS: usize = 9;
const PING_OCTETS: usize = 17;

fn verifier(pki: &Pki) -> rustls::server::ClientCertVerifierBuilder {
    let mut roots = RootCertStore::empty();
    let ca = pki.ca.first().unwrap().as_der().to_vec();
    roots.add(CertificateDer::from(ca)).unwrap();
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()))
}

/// Takes every client certificate.
#[derive(Debug)]
struct Credulous;

impl ClientCertVerifier for Credulous {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
