//! Whose keys can sign for whom, and how much each stack takes: the signature algorithms of TLS 1.3
//! that each offers, and the bounds of its messages.

use super::{Side, Stack};
use crate::pki::public_key::{Curve, KeyKind};

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
