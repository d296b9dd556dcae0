//! Which algorithms and keys a path may use
//! ([RFC 3279](https://www.rfc-editor.org/rfc/rfc3279), CA/Browser Forum BR §6.1.5, §6.1.6 and §7.1.3).

use ring::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, UnparsedPublicKey,
};
use rustls_pki_types::alg_id;
use time::OffsetDateTime;
use time::macros::datetime;

use super::Requirements;
use super::finding::{Drafts, Evidence, Role};
use super::pool::Candidate;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::lint::Weakness;
use crate::pki::public_key::{Curve, KeyKind, KeyParts, PublicKey, bit_length};
use crate::pki::signature::PssParameters;
use crate::pki::usage::Purpose;

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ecdsa(Hash),
    Ed25519,
    /// Unsupported or unknown.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// MD2, MD4, MD5: anyone can create collisions.
    Weak,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Scheme {
    /// The scheme a signatureAlgorithm names; its DER is needed for the parameters of RSASSA-PSS.
    pub(super) fn read(algorithm: &AlgorithmIdentifier, der: &[u8]) -> Self {
        match algorithm.oid.as_bytes() {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, arc] => match arc {
                2..=4 => Scheme::RsaPkcs1(Hash::Weak),
                5 => Scheme::RsaPkcs1(Hash::Sha1),
                10 => PSS
                    .iter()
                    .find(|(identifier, _)| der.ends_with(identifier.as_ref()))
                    .map_or(Scheme::Other, |(_, hash)| Scheme::RsaPss(*hash)),
                11 => Scheme::RsaPkcs1(Hash::Sha256),
                12 => Scheme::RsaPkcs1(Hash::Sha384),
                13 => Scheme::RsaPkcs1(Hash::Sha512),
                _ => Scheme::Other,
            },
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => Scheme::Ecdsa(Hash::Sha1),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, arc] => match arc {
                2 => Scheme::Ecdsa(Hash::Sha256),
                3 => Scheme::Ecdsa(Hash::Sha384),
                4 => Scheme::Ecdsa(Hash::Sha512),
                _ => Scheme::Other,
            },
            [0x2b, 0x65, 0x70] => Scheme::Ed25519,
            _ => Scheme::Other,
        }
    }

    /// The scheme a certificate is signed with.
    pub(super) fn of(certificate: &Certificate) -> Self {
        let der = certificate.signature_algorithm_der();
        Scheme::read(certificate.signature_algorithm(), der)
    }

    /// Whether a key of this kind can make a signature of this scheme.
    pub(super) fn fits(self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::Rsa => matches!(
                self,
                Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Other
            ),
            KeyKind::Ec(_) | KeyKind::EcOther | KeyKind::EcExplicit => {
                matches!(self, Scheme::Ecdsa(_) | Scheme::Other)
            }
            KeyKind::Ed25519 => self == Scheme::Ed25519,
            KeyKind::RsaPss
            | KeyKind::Ed448
            | KeyKind::X25519
            | KeyKind::X448
            | KeyKind::Dsa
            | KeyKind::Other => self == Scheme::Other,
        }
    }

    /// Whether the hash that is signed can be forged, or nearly.
    pub(super) fn is_weak(self) -> bool {
        match self.hash() {
            Some(Hash::Weak | Hash::Sha1) => true,
            Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) | None => false,
        }
    }

    pub(super) fn hash(self) -> Option<Hash> {
        match self {
            Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) | Scheme::Ecdsa(hash) => Some(hash),
            Scheme::Ed25519 | Scheme::Other => None,
        }
    }
}

/// What is wrong with a certificate's key and with how it is signed.
///
/// An anchor is trusted as such, so only the CA/Browser Forum looks at its own signature.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let certificate = candidate.certificate;
    let scheme = Scheme::of(certificate);
    if !certificate.signature_algorithms_agree() {
        drafts.add("signature-algorithms-disagree");
    }
    if !parameters_fit(scheme, certificate.signature_algorithm()) {
        drafts.with("signature-parameters", || {
            Evidence::found(certificate.signature_algorithm())
        });
    }
    let weak = |rule| {
        move |drafts: &mut Drafts| {
            drafts.with(rule, || Evidence::found(certificate.signature_algorithm()));
        }
    };
    let is_anchor = role == Role::Anchor;
    match scheme.hash() {
        Some(Hash::Weak) if is_anchor => weak("anchor-signature-weak")(drafts),
        Some(Hash::Sha1) if is_anchor && is_of_sha1_years(certificate.not_before()) => {}
        Some(Hash::Sha1) if is_anchor => weak("anchor-signature-weak")(drafts),
        Some(Hash::Weak) => weak("signature-broken-hash")(drafts),
        Some(Hash::Sha1) => weak("signature-sha1")(drafts),
        Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => {}
        None if scheme == Scheme::Other && is_anchor => weak("anchor-signature-algorithm")(drafts),
        None => {}
    }
    let Some(key) = candidate.public_key() else {
        drafts.add("key-malformed");
        return;
    };
    // X25519 cannot sign, but messages are encrypted to it.
    if !(requirements.purpose == Some(Purpose::Message) && key.kind == KeyKind::X25519) {
        examine_key(&key, role, drafts);
    }
    examine_weakness(certificate, &key, role, drafts);
}

fn examine_key(key: &KeyParts<'_>, role: Role, drafts: &mut Drafts) {
    match key.kind {
        KeyKind::EcExplicit => drafts.add("key-explicit-curve"),
        KeyKind::Ec(Curve::P256 | Curve::P384) => {}
        KeyKind::Ec(Curve::P521) => {
            if role == Role::EndEntity {
                drafts.with("key-type-rare", || Evidence::found(key));
            }
        }
        KeyKind::Ec(_)
        | KeyKind::EcOther
        | KeyKind::RsaPss
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => {
            drafts.with("key-type", || Evidence::instead(key, "RSA, P-256 or P-384"));
        }
        KeyKind::Ed25519 => {
            drafts.with("key-type-webpki", || {
                Evidence::instead(key, "RSA, P-256, P-384 or P-521")
            });
            if role == Role::EndEntity {
                drafts.with("key-type-rare", || Evidence::found(key));
            }
        }
        KeyKind::Rsa => {
            let (modulus, exponent) = key.rsa_numbers().unwrap_or_default();
            let bits = bit_length(modulus);
            if bits < MIN_RSA_BITS {
                drafts.with("key-short", || {
                    Evidence::instead(format_args!("{bits} bits"), "at least 2048")
                });
            } else if !bits.is_multiple_of(8) {
                drafts.with("key-bits", || Evidence::found(format_args!("{bits} bits")));
            }
            let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
            if !odd(modulus) || !odd(exponent) || exponent == [1] {
                drafts.add("key-exponent");
            }
        }
    }
}

/// Looks for keys that anyone can break. Points that have signed something are known to be on their curve.
fn examine_weakness(
    certificate: &Certificate,
    key: &KeyParts<'_>,
    role: Role,
    drafts: &mut Drafts,
) {
    let is_usual = matches!(
        key.kind,
        KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521) | KeyKind::Ed25519
    );
    let is_long = key.kind == KeyKind::Rsa && key.bits().is_some_and(|bits| bits >= MIN_RSA_BITS);
    let is_rare = matches!(key.kind, KeyKind::Ec(_)) && !is_usual;
    if !(is_long || is_rare || is_usual && role == Role::EndEntity) {
        return;
    }
    let key = PublicKey::from_der(certificate.public_key_info());
    let Some(weakness) = key.ok().and_then(|key| key.weakness()) else {
        return;
    };
    let id = match weakness {
        Weakness::OffCurve { .. } => "key-off-curve",
        Weakness::SmallOrder => "key-small-order",
        Weakness::SmallFactor { .. } => "key-factored",
        Weakness::Roca => "key-roca",
        Weakness::Exponent { exponent } if exponent % 2 == 1 && exponent > 1 => {
            "key-exponent-small"
        }
        // Found above.
        Weakness::SmallModulus { .. } | Weakness::Exponent { .. } => return,
    };
    drafts.with(id, || Evidence::found(weakness));
}

/// Roots from the years of SHA-1 are still in use; a date before SHA-1 existed is not plausible.
fn is_of_sha1_years(not_before: OffsetDateTime) -> bool {
    (SHA1_PUBLISHED..SHA1_ENDED).contains(&not_before)
}

/// NULL for RSA (RFC 4055 §5; no parameters are tolerated), none for ECDSA and Ed25519 (RFC 5758 §3.2, RFC 8410 §3).
fn parameters_fit(scheme: Scheme, algorithm: &AlgorithmIdentifier) -> bool {
    match scheme {
        Scheme::RsaPkcs1(_) => algorithm.has_no_parameters(),
        Scheme::Ecdsa(_) | Scheme::Ed25519 => algorithm.parameters.is_none(),
        Scheme::RsaPss(_) | Scheme::Other => true,
    }
}

const MIN_RSA_BITS: usize = 2048; // NIST SP 800-131A, CABF BR §6.1.5
const SHA1_PUBLISHED: OffsetDateTime = datetime!(1995-04-17 00:00 UTC); // FIPS 180-1
const SHA1_ENDED: OffsetDateTime = datetime!(2016-01-01 00:00 UTC); // CABF BR §7.1.3

const PSS: [(rustls_pki_types::AlgorithmIdentifier, Hash); 3] = [
    (alg_id::RSA_PSS_SHA256, Hash::Sha256),
    (alg_id::RSA_PSS_SHA384, Hash::Sha384),
    (alg_id::RSA_PSS_SHA512, Hash::Sha512),
];

/// The result of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureCheck {
    Valid,
    /// It was not made by this key over these bytes.
    Invalid,
    /// Its algorithm or key is not supported.
    Unsupported,
}

impl From<bool> for SignatureCheck {
    fn from(is_valid: bool) -> Self {
        if is_valid {
            SignatureCheck::Valid
        } else {
            SignatureCheck::Invalid
        }
    }
}

/// Checks a certificate's signature under a key; `None` for a malformed one.
pub(super) fn of_certificate(
    certificate: &Certificate,
    key: Option<&KeyParts<'_>>,
) -> SignatureCheck {
    check(
        Scheme::of(certificate),
        key,
        certificate.to_be_signed(),
        certificate.signature(),
    )
}

/// Checks a revocation list's signature under a key; `None` for a malformed one.
pub(super) fn of_list(list: &RevocationList, key: Option<&KeyParts<'_>>) -> SignatureCheck {
    let scheme = Scheme::read(list.signature_algorithm(), list.signature_algorithm_der());
    check(scheme, key, list.to_be_signed(), list.signature())
}

/// Checks a signature by `key` over `message`.
///
/// Does not try RSA keys of more than 8192 bits: they take too long.
fn check(
    scheme: Scheme,
    key: Option<&KeyParts<'_>>,
    message: &[u8],
    signature: &[u8],
) -> SignatureCheck {
    let Some(key) = key else {
        return match scheme {
            Scheme::Other => SignatureCheck::Unsupported,
            Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Ecdsa(_) | Scheme::Ed25519 => {
                SignatureCheck::Invalid
            }
        };
    };
    match algorithm(scheme, key) {
        Some(algorithm) => {
            let key = UnparsedPublicKey::new(algorithm, key.key);
            key.verify(message, signature).is_ok().into()
        }
        None if !scheme.fits(key.kind) => SignatureCheck::Invalid,
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
    check(scheme, Some(&key), message, signature) == SignatureCheck::Valid
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
    of_certificate(certificate, key.as_ref()) == SignatureCheck::Valid
}

/// Whether a revocation list is signed by the key in `issuer`; no if it cannot be determined.
///
/// Looks at nothing else: neither at names nor at what the issuer may sign.
pub fn is_list_signed_by(list: &RevocationList, issuer: &Certificate) -> bool {
    let key = KeyParts::read_strictly(issuer.public_key_info());
    of_list(list, key.as_ref()) == SignatureCheck::Valid
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

    use super::{Curve, Hash, KeyKind, KeyParts, Scheme, SignatureCheck};

    pub(super) fn check(
        scheme: Scheme,
        key: &KeyParts<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> SignatureCheck {
        let Some(algorithm) = algorithm(scheme, key) else {
            return SignatureCheck::Unsupported;
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
    use super::{KeyParts, Scheme, SignatureCheck};

    pub(super) fn check(_: Scheme, _: &KeyParts<'_>, _: &[u8], _: &[u8]) -> SignatureCheck {
        SignatureCheck::Unsupported
    }
}
