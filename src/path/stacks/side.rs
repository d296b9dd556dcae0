//! A side before it meets another: its files as its stack loads them.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::danger::ClientCertVerifier;
use time::OffsetDateTime;

use super::Side;
use super::deviation::{self, Deviations};
use super::failure::Failure;
use super::load::{self, Chain};
use super::{ClientFiles, File, Identity, ServerFiles, Stack, openssl, text, tonic};
use crate::pki::certificate::Certificate;
use crate::pki::public_key::{Curve, KeyKind};

/// A side that has loaded its files.
pub(super) struct Loaded {
    /// What it sends of its own; `None` for a client without a certificate.
    pub(super) chain: Option<Chain>,
    pub(super) roots: Roots,
    /// Why it trusts nobody, where its file of anchors holds none.
    trusts_nobody: Option<(&'static str, String)>,
}

impl Loaded {
    /// A path that reaches no anchor, seen in the light of there being none.
    pub(super) fn explain(&self, failure: Failure, file: File) -> Failure {
        match &self.trusts_nobody {
            Some((rule, found)) if NO_PATH.contains(&failure.rule) => {
                Failure::of(rule, file, found, failure.text).alerting(failure.alert)
            }
            Some(_) | None => failure,
        }
    }

    /// Whether it can tell clients whose certificates it takes.
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

/// Loads a server's files.
pub(super) fn server(
    stack: Stack,
    files: ServerFiles<'_>,
    at: OffsetDateTime,
) -> Result<Loaded, Failure> {
    let places = (File::ServerCertificate, File::ServerKey);
    let Some(deviations) = deviation::of(stack) else {
        let roots = match files.client_roots {
            None => Roots::Unasked,
            Some(octets) => {
                let store = tonic::anchors(octets, File::ServerRoots)?;
                let verifier = tonic::client_verifier(store.clone(), octets, File::ServerRoots)?;
                Roots::Verifier(verifier, store)
            }
        };
        let chain = tonic::chain(files.certificate, files.key, places)?;
        return Ok(Loaded {
            chain: Some(chain),
            roots,
            trusts_nobody: None,
        });
    };
    let mut chain = load::chain(deviations, files.certificate, files.key, places)?;
    let mut trusts_nobody = None;
    let roots = match files.client_roots {
        None => Roots::Unasked,
        Some(octets) => {
            let anchors = load::anchors(deviations, octets);
            if stack == Stack::GrpcCore && anchors.is_empty() && !is_blank(octets) {
                let (rule, found) = load::no_anchors(Some(deviations.dialect), octets);
                let text = text::NO_ROOTS.to_owned();
                return Err(Failure::of(rule, File::ServerRoots, found, text));
            }
            trusts_nobody = nobody(&anchors, deviations, octets);
            complete(&mut chain, &anchors, deviations, at);
            Roots::Certificates(anchors)
        }
    };
    Ok(Loaded {
        chain: Some(chain),
        roots,
        trusts_nobody,
    })
}

/// Loads a client's files; `host` is the name it will dial.
pub(super) fn client(
    stack: Stack,
    files: ClientFiles<'_>,
    host: Option<&str>,
    at: OffsetDateTime,
) -> Result<Loaded, Failure> {
    let places = (File::ClientCertificate, File::ClientKey);
    let Some(deviations) = deviation::of(stack) else {
        let roots = match files.roots {
            None => Roots::Unasked,
            Some(octets) => Roots::Rustls(tonic::anchors(octets, File::ClientRoots)?),
        };
        let chain = match files.identity {
            None => None,
            Some(own) => Some(tonic::chain(own.certificate, own.key, places)?),
        };
        if let Some(host) = host {
            tonic::server_name(host)?;
        }
        let is_empty = matches!(&roots, Roots::Rustls(store) if store.is_empty());
        let octets = files.roots.filter(|_| is_empty);
        return Ok(Loaded {
            chain,
            roots,
            trusts_nobody: octets.map(|octets| load::no_anchors(None, octets)),
        });
    };
    if let Some(own) = files.identity.filter(|_| stack == Stack::GrpcCore) {
        survives(own)?;
    }
    let mut chain = match files.identity {
        None => None,
        Some(own) => Some(load::chain(deviations, own.certificate, own.key, places)?),
    };
    let mut trusts_nobody = None;
    let roots = match files.roots {
        None => Roots::Unasked,
        Some(octets) => {
            let anchors = load::anchors(deviations, octets);
            if stack == Stack::GrpcCore && anchors.is_empty() && !is_blank(octets) {
                let (rule, found) = load::no_anchors(Some(deviations.dialect), octets);
                return Err(Failure::of(rule, File::ClientRoots, found, String::new()));
            }
            trusts_nobody = nobody(&anchors, deviations, octets);
            if let Some(chain) = &mut chain {
                complete(chain, &anchors, deviations, at);
            }
            Roots::Certificates(anchors)
        }
    };
    Ok(Loaded {
        chain,
        roots,
        trusts_nobody,
    })
}

/// Why there are no anchors, where there are none.
fn nobody(
    anchors: &[Certificate],
    deviations: &Deviations,
    octets: &[u8],
) -> Option<(&'static str, String)> {
    anchors
        .is_empty()
        .then(|| load::no_anchors(Some(deviations.dialect), octets))
}

/// grpc-core aborts over an empty file of a client's pair.
fn survives(own: Identity<'_>) -> Result<(), Failure> {
    let [without_key, without_certificate] = text::ABORTS;
    let (file, last_words) = if own.key.is_some_and(|key| key.is_empty) {
        (File::ClientKey, without_key)
    } else if own.certificate.is_empty() {
        (File::ClientCertificate, without_certificate)
    } else {
        return Ok(());
    };
    let found = "empty file, which makes the client abort";
    Err(Failure::of(
        "file-empty",
        file,
        found,
        last_words.to_owned(),
    ))
}

/// A lone leaf is sent with what its owner's own anchors lead to.
fn complete(
    chain: &mut Chain,
    anchors: &[Certificate],
    deviations: &'static Deviations,
    at: OffsetDateTime,
) {
    if deviations.completes_chains
        && let [leaf] = chain.sent.as_slice()
        && let Ok(leaf) = Certificate::from_der(leaf.clone())
    {
        chain.sent = openssl::completed(&leaf, anchors, at, deviations);
    }
}

/// grpc-core takes an empty file for no file.
fn is_blank(octets: &[u8]) -> bool {
    octets.first().is_none_or(|first| *first == 0)
}

/// Whether a stack takes signatures of such a key from its peer.
pub(super) fn takes(stack: Stack, kind: KeyKind) -> bool {
    match kind {
        KeyKind::Rsa | KeyKind::Ec(Curve::P256 | Curve::P384) => true,
        KeyKind::Ed25519 => stack != Stack::GrpcCore,
        KeyKind::Ec(Curve::P521) | KeyKind::Ed448 | KeyKind::RsaPss => stack == Stack::GrpcJs,
        KeyKind::Ec(
            Curve::P224
            | Curve::Secp256k1
            | Curve::BrainpoolP256r1
            | Curve::BrainpoolP384r1
            | Curve::BrainpoolP512r1,
        )
        | KeyKind::EcExplicit
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => false,
    }
}

/// Whether a stack in this role can take a Certificate message with these certificates.
///
/// grpc-core as a server is a matter of its own: what it makes of the client's certificates, two
/// session tickets, must fit into the 17 KiB of its buffer.
pub(super) fn takes_size(stack: Stack, side: Side, sent: &[Vec<u8>]) -> bool {
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

/// Whether a server that asks for certificates of these CAs can name them all.
pub(super) fn names_fit(names: impl Iterator<Item = usize>) -> bool {
    names.map(|octets| octets + NAME_OCTETS).sum::<usize>() <= usize::from(u16::MAX)
}

/// Whether Node's HTTP/2 takes the name for an authority: the characters nghttp2 allows there.
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

/// The rules that a path breaks which reaches no anchor.
const NO_PATH: [&str; 2] = ["issuer-missing", "self-signed"];
