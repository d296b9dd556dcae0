//! Verification of signatures.

use ring::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, UnparsedPublicKey,
};

use super::algorithm::{Hash, Scheme};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::public_key::{Curve, KeyKind, KeyParts};
use crate::pki::signature::PssParameters;

/// The result of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Valid,
    /// It was not made by this key over these bytes.
    Invalid,
    /// Its algorithm or key is not supported.
    Unsupported,
}

impl From<bool> for Outcome {
    fn from(is_valid: bool) -> Self {
        if is_valid {
            Outcome::Valid
        } else {
            Outcome::Invalid
        }
    }
}

/// Checks a certificate's signature under a key; `None` for a malformed one.
pub(super) fn of_certificate(certificate: &Certificate, key: Option<&KeyParts<'_>>) -> Outcome {
    check(
        Scheme::of(certificate),
        key,
        certificate.to_be_signed(),
        certificate.signature(),
    )
}

/// Checks a revocation list's signature under a key; `None` for a malformed one.
pub(super) fn of_list(list: &RevocationList, key: Option<&KeyParts<'_>>) -> Outcome {
    let scheme = Scheme::read(list.signature_algorithm(), list.signature_algorithm_der());
    check(scheme, key, list.to_be_signed(), list.signature())
}

/// Checks a signature by `key` over `message`.
///
/// Does not try RSA keys of more than 8192 bits: they take too long.
fn check(scheme: Scheme, key: Option<&KeyParts<'_>>, message: &[u8], signature: &[u8]) -> Outcome {
    let Some(key) = key else {
        return match scheme {
            Scheme::Other => Outcome::Unsupported,
            Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Ecdsa(_) | Scheme::Ed25519 => {
                Outcome::Invalid
            }
        };
    };
    match algorithm(scheme, key) {
        Some(algorithm) => {
            let key = UnparsedPublicKey::new(algorithm, key.key);
            key.verify(message, signature).is_ok().into()
        }
        None if !scheme.fits(key.kind) => Outcome::Invalid,
        None => legacy::check(scheme, key, message, signature),
    }
}

/// Whether a request is signed by the key in it, which proves that its sender has that key
/// ([RFC 2986 §3](https://www.rfc-editor.org/rfc/rfc2986#section-3)); no if it cannot be determined.
pub fn is_signed_by_its_key(request: &CertificateSigningRequest) -> bool {
    let Some(key) = KeyParts::read_strictly(request.public_key_info()) else {
        return false;
    };
    let (message, signature) = (request.to_be_signed(), request.signature());
    if let Some(parameters) = PssParameters::read(request.signature_algorithm())
        && key.kind == KeyKind::Rsa
        && let Some(numbers) = key.rsa_numbers()
    {
        return parameters.verify(numbers, message, signature);
    }
    let scheme = Scheme::read(request.signature_algorithm(), &[]);
    check(scheme, Some(&key), message, signature) == Outcome::Valid
}

/// Whether the hash that a request is signed with can be forged: MD5 or SHA-1.
pub fn is_weakly_signed(request: &CertificateSigningRequest) -> bool {
    Scheme::read(request.signature_algorithm(), &[]).is_weak()
}

/// Whether a certificate is signed by the key in it, as a root is; no if it cannot be determined.
pub fn is_self_signed(certificate: &Certificate) -> bool {
    is_signed_by(certificate, certificate)
}

/// Whether a certificate is signed by the key in `issuer`; no if it cannot be determined.
///
/// Looks at nothing else: neither at names nor at what the issuer may sign.
pub fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let key = KeyParts::read_strictly(issuer.public_key_info());
    of_certificate(certificate, key.as_ref()) == Outcome::Valid
}

/// Whether a revocation list is signed by the key in `issuer`; no if it cannot be determined.
///
/// Looks at nothing else: neither at names nor at what the issuer may sign.
pub fn is_list_signed_by(list: &RevocationList, issuer: &Certificate) -> bool {
    let key = KeyParts::read_strictly(issuer.public_key_info());
    of_list(list, key.as_ref()) == Outcome::Valid
}

/// An upper estimate of the time a check takes, in microseconds.
pub(super) fn cost(key: Option<&KeyParts<'_>>) -> u64 {
    let Some(key) = key else { return 1 };
    match key.kind {
        KeyKind::Rsa => match key.bits().unwrap_or(0) as u64 / 1024 + 1 {
            kilobits @ ..=9 => 10 * kilobits * kilobits,
            _ => 1,
        },
        KeyKind::Ec(Curve::P256) | KeyKind::Ed25519 => 100,
        KeyKind::Ec(Curve::P384) => 600,
        KeyKind::Ec(Curve::P521) => 1000,
        KeyKind::Ec(_)
        | KeyKind::EcOther
        | KeyKind::EcExplicit
        | KeyKind::RsaPss
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => 1,
    }
}

/// What ring supports.
fn algorithm(
    scheme: Scheme,
    key: &KeyParts<'_>,
) -> Option<&'static dyn signature::VerificationAlgorithm> {
    let is_supported = |bits| (2048..=8192).contains(&bits);
    if key.kind == KeyKind::Rsa && !key.bits().is_some_and(is_supported) {
        return None;
    }
    let mut rows = ALGORITHMS.iter();
    let row = rows.find(|(known, kind, _)| *known == scheme && *kind == key.kind);
    row.map(|(_, _, algorithm)| *algorithm)
}

type Row = (
    Scheme,
    KeyKind,
    &'static dyn signature::VerificationAlgorithm,
);

static ALGORITHMS: [Row; 11] = {
    use Hash::{Sha256, Sha384, Sha512};
    use KeyKind::{Ec, Ed25519, Rsa};
    use Scheme::{Ecdsa, RsaPkcs1, RsaPss};
    [
        (Ecdsa(Sha256), Ec(Curve::P256), &ECDSA_P256_SHA256_ASN1),
        (Ecdsa(Sha384), Ec(Curve::P256), &ECDSA_P256_SHA384_ASN1),
        (Ecdsa(Sha256), Ec(Curve::P384), &ECDSA_P384_SHA256_ASN1),
        (Ecdsa(Sha384), Ec(Curve::P384), &ECDSA_P384_SHA384_ASN1),
        (Scheme::Ed25519, Ed25519, &ED25519),
        (RsaPkcs1(Sha256), Rsa, &RSA_PKCS1_2048_8192_SHA256),
        (RsaPkcs1(Sha384), Rsa, &RSA_PKCS1_2048_8192_SHA384),
        (RsaPkcs1(Sha512), Rsa, &RSA_PKCS1_2048_8192_SHA512),
        (RsaPss(Sha256), Rsa, &RSA_PSS_2048_8192_SHA256),
        (RsaPss(Sha384), Rsa, &RSA_PSS_2048_8192_SHA384),
        (RsaPss(Sha512), Rsa, &RSA_PSS_2048_8192_SHA512),
    ]
};

/// What ring does not support: P-521, SHA-1, SHA-512 on the smaller curves, and RSA from 1024 bits.
#[cfg(feature = "rsa")]
mod legacy {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA1_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA1_ASN1,
        ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1,
        RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::{Curve, Hash, KeyKind, KeyParts, Outcome, Scheme};

    pub(super) fn check(
        scheme: Scheme,
        key: &KeyParts<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Outcome {
        let Some(algorithm) = algorithm(scheme, key) else {
            return Outcome::Unsupported;
        };
        let key = UnparsedPublicKey::new(algorithm, key.key);
        key.verify(message, signature).is_ok().into()
    }

    fn algorithm(scheme: Scheme, key: &KeyParts<'_>) -> Option<&'static dyn VerificationAlgorithm> {
        let is_supported = |bits| (1024..=8192).contains(&bits);
        if key.kind == KeyKind::Rsa && !key.bits().is_some_and(is_supported) {
            return None;
        }
        let mut rows = ALGORITHMS.iter();
        let row = rows.find(|(known, kind, _)| *known == scheme && *kind == key.kind);
        row.map(|(_, _, algorithm)| *algorithm)
    }

    type Row = (Scheme, KeyKind, &'static dyn VerificationAlgorithm);

    static ALGORITHMS: [Row; 10] = {
        use Hash::{Sha1, Sha256, Sha384, Sha512};
        use KeyKind::{Ec, Rsa};
        use Scheme::{Ecdsa, RsaPkcs1};
        [
            (Ecdsa(Sha1), Ec(Curve::P256), &ECDSA_P256_SHA1_ASN1),
            (Ecdsa(Sha512), Ec(Curve::P256), &ECDSA_P256_SHA512_ASN1),
            (Ecdsa(Sha512), Ec(Curve::P384), &ECDSA_P384_SHA512_ASN1),
            (Ecdsa(Sha1), Ec(Curve::P521), &ECDSA_P521_SHA1_ASN1),
            (Ecdsa(Sha256), Ec(Curve::P521), &ECDSA_P521_SHA256_ASN1),
            (Ecdsa(Sha384), Ec(Curve::P521), &ECDSA_P521_SHA384_ASN1),
            (Ecdsa(Sha512), Ec(Curve::P521), &ECDSA_P521_SHA512_ASN1),
            (
                RsaPkcs1(Sha1),
                Rsa,
                &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            ),
            (
                RsaPkcs1(Sha256),
                Rsa,
                &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            ),
            (
                RsaPkcs1(Sha512),
                Rsa,
                &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            ),
        ]
    };
}

#[cfg(not(feature = "rsa"))]
mod legacy {
    use super::{KeyParts, Outcome, Scheme};

    pub(super) fn check(_: Scheme, _: &KeyParts<'_>, _: &[u8], _: &[u8]) -> Outcome {
        Outcome::Unsupported
    }
}
