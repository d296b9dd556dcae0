//! A side before it connects: its files as its stack loads them, and the limits of its handshake.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::danger::ClientCertVerifier;
use time::OffsetDateTime;

use super::chain::{Fault, Signatures};
use super::load::{self, Chain};
use super::openssl::{self, PathRefusal};
use super::quirks::Quirks;
use super::reading::{self, KeyReading};
use super::verdict::Failure;
use super::{ClientFiles, File, Identity, ServerFiles, Side, Stack, name_check, text, tonic};
use crate::path::finding::{Evidence, Role};
use crate::pki::certificate::Certificate;
use crate::pki::public_key::{Curve, KeyKind};

/// A side that has loaded its files.
pub(super) struct Endpoint {
    /// The chain that it sends; `None` for a client without a certificate.
    pub(super) chain: Option<Chain>,
    pub(super) roots: Roots,
    /// Why it has no anchors, if its file holds none.
    no_anchors: Option<(&'static str, String)>,
}

impl Endpoint {
    /// Attributes a path without an anchor to the file that holds none.
    pub(super) fn explain(&self, failure: Failure, file: File) -> Failure {
        match &self.no_anchors {
            Some((rule, found)) if NO_PATH.contains(&failure.rule) => {
                Failure::of(rule, file, found, failure.text).with_alert(failure.alert)
            }
            Some(_) | None => failure,
        }
    }

    /// Whether it can list its CAs to clients.
    pub(super) fn can_name_roots(&self) -> bool {
        match &self.roots {
            Roots::Unasked => true,
            Roots::Certificates(anchors) => {
                names_fit(anchors.iter().map(|a| a.subject().as_der().len()))
            }
            Roots::Rustls(store) | Roots::Verifier(_, store) => {
                names_fit(store.subjects().iter().map(|name| name.as_ref().len()))
            }
        }
    }
}

/// Whom a side trusts.
pub(super) enum Roots {
    /// It asks for no certificate, or it is not known.
    Unasked,
    Certificates(Vec<Certificate>),
    Rustls(Arc<RootCertStore>),
    Verifier(Arc<dyn ClientCertVerifier>, Arc<RootCertStore>),
}

/// The files of a side: its certificate and key, and the anchors for its peer.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) side: Side,
    pub(super) identity: Option<Identity<'a>>,
    pub(super) roots: Option<&'a [u8]>,
}

impl<'a> Files<'a> {
    pub(super) fn of_server(files: ServerFiles<'a>) -> Self {
        Files {
            side: Side::Server,
            identity: Some(Identity {
                certificate: files.certificate,
                key: files.key,
            }),
            roots: files.client_roots,
        }
    }

    pub(super) fn of_client(files: ClientFiles<'a>) -> Self {
        Files {
            side: Side::Client,
            identity: files.identity,
            roots: files.roots,
        }
    }

    /// Loads the files; `host` is the name that a client dials.
    pub(super) fn load(
        self,
        stack: Stack,
        host: Option<&str>,
        at: OffsetDateTime,
    ) -> Result<Endpoint, Failure> {
        let Some(quirks) = Quirks::of(stack) else {
            return self.load_rustls(host);
        };
        if stack == Stack::GrpcCore
            && self.side == Side::Client
            && let Some(identity) = self.identity
        {
            refuse_empty(identity)?;
        }
        let chain = self
            .identity
            .map(|own| load::chain(quirks, own.certificate, own.key, self.places()));
        let mut chain = chain.transpose()?;
        let Some(bytes) = self.roots else {
            return Ok(Endpoint {
                chain,
                roots: Roots::Unasked,
                no_anchors: None,
            });
        };
        let anchors = load::anchors(quirks, bytes);
        let mut no_anchors = None;
        if anchors.is_empty() {
            let (rule, found) = load::no_anchors(Some(quirks.dialect), bytes);
            // grpc-core treats an empty file as no file.
            let is_blank = bytes.first().is_none_or(|first| *first == 0);
            if stack == Stack::GrpcCore && !is_blank {
                return Err(Failure::of(
                    rule,
                    self.roots_place(),
                    found,
                    text::of("no-roots"),
                ));
            }
            no_anchors = Some((rule, found));
        }
        if quirks.completes_chains
            && let Some(chain) = &mut chain
            && let [leaf] = chain.sent.as_slice()
            && let Ok(leaf) = Certificate::from_der(leaf.clone())
        {
            chain.sent = openssl::complete(&leaf, &anchors, at, quirks);
        }
        Ok(Endpoint {
            chain,
            roots: Roots::Certificates(anchors),
            no_anchors,
        })
    }

    fn load_rustls(self, host: Option<&str>) -> Result<Endpoint, Failure> {
        let place = self.roots_place();
        let (mut roots, mut no_anchors) = (Roots::Unasked, None);
        if let Some(bytes) = self.roots {
            let store = tonic::anchors(bytes, place)?;
            if store.is_empty() {
                no_anchors = Some(load::no_anchors(None, bytes));
            }
            roots = match self.side {
                Side::Client => Roots::Rustls(store),
                Side::Server => {
                    let verifier = tonic::client_verifier(store.clone(), bytes, place)?;
                    Roots::Verifier(verifier, store)
                }
            };
        }
        let chain = self
            .identity
            .map(|own| tonic::chain(own.certificate, own.key, self.places()));
        let chain = chain.transpose()?;
        if let Some(host) = host.filter(|_| self.side == Side::Client) {
            tonic::server_name(host)?;
        }
        Ok(Endpoint {
            chain,
            roots,
            no_anchors,
        })
    }

    fn places(self) -> (File, File) {
        match self.side {
            Side::Client => (File::ClientCertificate, File::ClientKey),
            Side::Server => (File::ServerCertificate, File::ServerKey),
        }
    }

    fn roots_place(self) -> File {
        match self.side {
            Side::Client => File::ClientRoots,
            Side::Server => File::ServerRoots,
        }
    }
}

/// A grpc-core client aborts if its certificate or key file is empty.
fn refuse_empty(own: Identity<'_>) -> Result<(), Failure> {
    let [without_key, without_certificate] = text::ABORTS;
    let (file, last_words) = if own.key.is_some_and(|key| key.is_empty) {
        (File::ClientKey, without_key)
    } else if own.certificate.is_empty() {
        (File::ClientCertificate, without_certificate)
    } else {
        return Ok(());
    };
    let found = "empty file, which makes the client abort";
    Err(Failure::of("file-empty", file, found, last_words))
}

/// Whether a stack accepts signatures of such a key from its peer.
pub(super) fn accepts(stack: Stack, kind: KeyKind) -> bool {
    match stack {
        Stack::GrpcCore => {
            matches!(kind, KeyKind::Rsa | KeyKind::Ec(Curve::P256 | Curve::P384))
        }
        Stack::Tonic => matches!(
            kind,
            KeyKind::Rsa | KeyKind::Ec(Curve::P256 | Curve::P384) | KeyKind::Ed25519
        ),
        Stack::GrpcJs => matches!(
            kind,
            KeyKind::Rsa
                | KeyKind::RsaPss
                | KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521)
                | KeyKind::Ed25519
                | KeyKind::Ed448
        ),
    }
}

/// Whether a stack in this role accepts a Certificate message with these certificates.
///
/// A grpc-core server is different: it puts the client's certificates into two session tickets, which must
/// fit into its buffer of 17 KiB.
pub(super) fn accepts_size(stack: Stack, side: Side, sent: &[Vec<u8>]) -> bool {
    let bytes: usize = sent.iter().map(Vec::len).sum();
    let message = MESSAGE_BYTES + bytes + sent.len() * ENTRY_BYTES;
    match (stack, side) {
        (Stack::GrpcCore, Side::Server) => bytes <= MAX_TICKET_BYTES,
        (Stack::GrpcCore, Side::Client) | (Stack::GrpcJs, Side::Client | Side::Server) => {
            message <= MAX_CERTIFICATES_BYTES
        }
        (Stack::Tonic, Side::Client | Side::Server) => message <= MAX_RUSTLS_BYTES,
    }
}

/// Whether the names of all these CAs fit into a CertificateRequest.
fn names_fit(names: impl Iterator<Item = usize>) -> bool {
    names.map(|bytes| bytes + NAME_BYTES).sum::<usize>() <= usize::from(u16::MAX)
}

/// Whether Node's HTTP/2 accepts the name as an authority: the characters that nghttp2 allows there.
pub(super) fn is_authority(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%".contains(&b))
}

const MESSAGE_BYTES: usize = 8;
const ENTRY_BYTES: usize = 5;
const NAME_BYTES: usize = 2;
const MAX_TICKET_BYTES: usize = 8_448; // measured: half of 17 KiB, less what else a ticket holds
const MAX_CERTIFICATES_BYTES: usize = 102_400; // SSL_MAX_CERT_LIST_DEFAULT
const MAX_RUSTLS_BYTES: usize = 0xffff; // MAX_HANDSHAKE_SIZE

/// The rules that a path without an anchor breaks.
const NO_PATH: [&str; 2] = ["issuer-missing", "self-signed"];

/// Judges peers at one moment.
pub(super) struct Verifier<'s> {
    /// The name that the client dials, if it is known.
    pub(super) host: Option<&'s str>,
    pub(super) at: OffsetDateTime,
    pub(super) signatures: Signatures,
}

impl Verifier<'_> {
    /// How a client verifies a server's certificates and name.
    pub(super) fn verify_server(
        &self,
        client: Stack,
        chain: &Chain,
        roots: &Roots,
    ) -> Result<(), Failure> {
        match roots {
            Roots::Unasked | Roots::Verifier(..) => Ok(()),
            Roots::Rustls(store) => tonic::verify_server(&chain.sent, store, self.host, self.at)
                .map_err(|failure| Failure {
                    text: text::tonic_error(&failure.text),
                    ..failure
                }),
            Roots::Certificates(anchors) => {
                let file = File::ServerCertificate;
                let sent = receive(client, &chain.sent, file)?;
                self.check_path(client, &sent, anchors, true, file)?;
                match sent.first() {
                    Some(leaf) => self.check_name(client, leaf),
                    None => Ok(()),
                }
            }
        }
    }

    /// BoringSSL gives up itself if the server does not accept signatures of its key.
    pub(super) fn own_signature(
        &self,
        client: Stack,
        chain: Option<&Chain>,
        server: Stack,
    ) -> Result<(), Failure> {
        let kind = chain.and_then(|chain| chain.key);
        match kind.filter(|kind| !accepts(server, *kind)) {
            Some(kind) if client == Stack::GrpcCore => {
                let text = text::grpc_core_handshake(text::of("no-common-signature-of-ours"));
                let file = File::ClientCertificate;
                Err(Failure::of("key-type-not-offered", file, kind, text))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// How a server verifies a client's certificates, or their absence.
    pub(super) fn verify_client(
        &self,
        server: Stack,
        chain: Option<&Chain>,
        roots: &Roots,
    ) -> Result<(), Failure> {
        let file = File::ClientCertificate;
        let Some(chain) = chain else {
            return Err(missing("client-certificate-missing", file, "none", server));
        };
        if !chain.can_sign {
            let file = File::ClientKey;
            return Err(missing("key-mismatch", file, "another kind", server));
        }
        if let Some(kind) = chain.key.filter(|kind| !accepts(server, *kind)) {
            return Err(missing("key-type-not-offered", file, kind, server));
        }
        if !accepts_size(server, Side::Server, &chain.sent) {
            return Err(Failure::of("chain-large", file, "", ""));
        }
        match roots {
            Roots::Unasked | Roots::Rustls(_) => Ok(()),
            Roots::Verifier(verifier, _) => tonic::verify_client(&chain.sent, &**verifier, self.at),
            Roots::Certificates(anchors) => {
                let sent = receive(server, &chain.sent, file)?;
                self.check_path(server, &sent, anchors, false, file)
            }
        }
    }

    fn check_path(
        &self,
        stack: Stack,
        sent: &[Certificate],
        anchors: &[Certificate],
        is_server: bool,
        file: File,
    ) -> Result<(), Failure> {
        let Some(quirks) = Quirks::of(stack) else {
            return Ok(());
        };
        let signatures = &self.signatures;
        openssl::verify(sent, anchors, is_server, self.at, quirks, signatures)
            .map_err(|refusal| failure(stack, *refusal, is_server, file))?;
        match sent.first().and_then(reading::names_fault) {
            Some(fault) if stack == Stack::GrpcCore => {
                let text = text::of(&format!("unreadable-peer.{}", fault.rule()));
                Err(Failure::of(fault.rule(), file, fault.clause(), text))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks the name during the handshake.
    fn check_name(&self, client: Stack, leaf: &Certificate) -> Result<(), Failure> {
        let Some(name) = self.host else {
            return Ok(());
        };
        let fail = |text| Err(host_mismatch(leaf, name, text));
        match client {
            Stack::GrpcCore => match name_check::grpc_core(leaf, name) {
                Err(name_check::GrpcCoreRefusal::Handshake) => {
                    fail(text::of("host-refused").to_owned())
                }
                Err(name_check::GrpcCoreRefusal::Call) | Ok(()) => Ok(()),
            },
            Stack::GrpcJs => match name_check::grpc_js(leaf, name) {
                Err(reason) => fail(text::node_name(&reason)),
                Ok(()) => Ok(()),
            },
            Stack::Tonic => Ok(()),
        }
    }

    /// grpc-core checks the name a second time when the call is made.
    pub(super) fn call_host(&self, chain: &Chain) -> Result<(), Failure> {
        let leaf = chain
            .sent
            .first()
            .cloned()
            .and_then(|der| Certificate::from_der(der).ok());
        match (self.host, leaf) {
            (Some(name), Some(leaf)) if name_check::grpc_core(&leaf, name).is_err() => Err(
                host_mismatch(&leaf, name, text::of("call-refused").to_owned()),
            ),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

/// A refusal as a failure of a file.
fn failure(stack: Stack, refusal: PathRefusal, is_server: bool, file: File) -> Failure {
    let PathRefusal {
        fault,
        rule,
        certificate,
        evidence,
        detail,
    } = refusal;
    let text = if is_server {
        text::path_refused(stack, fault, detail)
    } else if stack == Stack::GrpcCore {
        text::client_path_refused(fault, detail)
    } else {
        String::new()
    };
    let file = match (certificate.role, is_server) {
        (Role::EndEntity | Role::Intermediate, _) => file,
        (Role::Anchor, true) => File::ClientRoots,
        (Role::Anchor, false) => File::ServerRoots,
    };
    let mut failure = Failure::of(rule, file, "", text).about(certificate);
    failure.evidence = evidence.map(Box::new);
    failure
}

/// The certificates as the receiver reads them; BoringSSL checks the leaf's keyUsage first.
fn receive(stack: Stack, sent: &[Vec<u8>], file: File) -> Result<Vec<Certificate>, Failure> {
    let Some(quirks) = Quirks::of(stack) else {
        return Ok(Vec::new());
    };
    let mut certificates = Vec::new();
    for der in sent {
        let certificate = reading::certificate(der, quirks.dialect).map_err(|(what, error)| {
            let text = match stack {
                Stack::GrpcCore => text::grpc_core_handshake(text::of("decode-error")),
                Stack::GrpcJs | Stack::Tonic => text::grpc_js_error(error),
            };
            Failure::of("certificate-unreadable", file, what, text)
        })?;
        if certificate.has_broken_dates && certificates.is_empty() {
            let text = text::path_refused(stack, Fault::NotAfterForm, "");
            return Err(Failure::of("time-malformed", file, "no date", text));
        }
        certificates.push(certificate.certificate);
    }
    if stack == Stack::GrpcCore
        && let Some(leaf) = certificates.first()
    {
        let key = leaf.public_key_info();
        if KeyReading::of(key, quirks.dialect) != KeyReading::Usable {
            let text = text::grpc_core_handshake(text::of("peer-key-undecodable"));
            return Err(Failure::of("key-malformed", file, "", text));
        }
        if let Some(usage) = load::unsigning_usage(leaf) {
            let text = text::grpc_core_handshake(match leaf.key_usage() {
                Ok(_) => text::of("key-usage-incorrect"),
                Err(_) => text::of("leaf-unparsable"),
            });
            let rule = "key-usage-digital-signature";
            return Err(Failure::of(rule, file, usage, text));
        }
    }
    Ok(certificates)
}

/// The certificate is not valid for the dialled name.
fn host_mismatch(leaf: &Certificate, name: &str, text: String) -> Failure {
    let mut failure = Failure::of("host-mismatch", File::ServerCertificate, "", text);
    let evidence = Evidence::instead(name_check::summary(leaf), name);
    failure.evidence = Some(Box::new(evidence));
    failure
}

/// A server that requires a certificate gets none.
fn missing(rule: &'static str, file: File, found: impl ToString, server: Stack) -> Failure {
    let text = text::by_stack("no-client-certificate", server);
    Failure::of(rule, file, found, text).with_alert(text::CERTIFICATE_REQUIRED)
}
