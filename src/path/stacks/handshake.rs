//! Whose keys can sign for whom: the signature algorithms of TLS 1.3 that each stack offers.

use super::Stack;
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
