//! A side before it connects: its files as its stack loads them, and the limits of its handshake.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::danger::ClientCertVerifier;
use time::OffsetDateTime;

use super::load::{self, Chain};
use super::quirks::Quirks;
use super::verdict::Failure;
use super::{ClientFiles, File, Identity, ServerFiles, Side, Stack, openssl, text, tonic};
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
        let Some(octets) = self.roots else {
            return Ok(Endpoint {
                chain,
                roots: Roots::Unasked,
                no_anchors: None,
            });
        };
        let anchors = load::anchors(quirks, octets);
        let mut no_anchors = None;
        if anchors.is_empty() {
            let (rule, found) = load::no_anchors(Some(quirks.dialect), octets);
            // grpc-core treats an empty file as no file.
            let is_blank = octets.first().is_none_or(|first| *first == 0);
            if stack == Stack::GrpcCore && !is_blank {
                return Err(Failure::of(rule, self.roots_place(), found, text::NO_ROOTS));
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
        if let Some(octets) = self.roots {
            let store = tonic::anchors(octets, place)?;
            if store.is_empty() {
                no_anchors = Some(load::no_anchors(None, octets));
            }
            roots = match self.side {
                Side::Client => Roots::Rustls(store),
                Side::Server => {
                    let verifier = tonic::client_verifier(store.clone(), octets, place)?;
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
    let octets: usize = sent.iter().map(Vec::len).sum();
    let message = MESSAGE_OCTETS + octets + sent.len() * ENTRY_OCTETS;
    match (stack, side) {
        (Stack::GrpcCore, Side::Server) => octets <= MAX_TICKET_OCTETS,
        (Stack::GrpcCore, Side::Client) | (Stack::GrpcJs, Side::Client | Side::Server) => {
            message <= MAX_CERTIFICATES_OCTETS
        }
        (Stack::Tonic, Side::Client | Side::Server) => message <= MAX_RUSTLS_OCTETS,
    }
}

/// Whether the names of all these CAs fit into a CertificateRequest.
fn names_fit(names: impl Iterator<Item = usize>) -> bool {
    names.map(|octets| octets + NAME_OCTETS).sum::<usize>() <= usize::from(u16::MAX)
}

/// Whether Node's HTTP/2 accepts the name as an authority: the characters that nghttp2 allows there.
pub(super) fn is_authority(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%".contains(&b))
}

const MESSAGE_OCTETS: usize = 8;
const ENTRY_OCTETS: usize = 5;
const NAME_OCTETS: usize = 2;
const MAX_TICKET_OCTETS: usize = 8_448; // measured: half of 17 KiB, less what else a ticket holds
const MAX_CERTIFICATES_OCTETS: usize = 102_400; // SSL_MAX_CERT_LIST_DEFAULT
const MAX_RUSTLS_OCTETS: usize = 0xffff; // MAX_HANDSHAKE_SIZE

/// The rules that a path without an anchor breaks.
const NO_PATH: [&str; 2] = ["issuer-missing", "self-signed"];
