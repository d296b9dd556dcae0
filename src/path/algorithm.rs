//! Which algorithms and keys a path may rest on
//! ([RFC 3279](https://www.rfc-editor.org/rfc/rfc3279), CA/Browser Forum BR §6.1.5, §6.1.6 and §7.1.3).

use rustls_pki_types::alg_id;
use time::OffsetDateTime;
use time::macros::datetime;

use super::candidate::Candidate;
use super::finding::{Evidence, Role, Severity};
use super::public_key::{Curve, Kind, PublicKey, bit_length};
use super::rule::{Drafts, Rule, Severities};
use crate::pki::algorithm_identifier::AlgorithmIdentifier;
use crate::pki::certificate::Certificate;

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ecdsa(Hash),
    Ed25519,
    /// One we cannot check, or none.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// MD2, MD4, MD5: collisions are for everyone to make.
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

    /// Whether a signature of this scheme can be by a key of this kind at all.
    pub(super) fn fits(self, kind: Kind<'_>) -> bool {
        match kind {
            Kind::Rsa { .. } => match self {
                Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Other => true,
                Scheme::Ecdsa(_) | Scheme::Ed25519 => false,
            },
            Kind::Ec(_) | Kind::OtherCurve(_) | Kind::ExplicitCurve => match self {
                Scheme::Ecdsa(_) | Scheme::Other => true,
                Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Ed25519 => false,
            },
            Kind::Ed25519 => match self {
                Scheme::Ed25519 => true,
                Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Ecdsa(_) | Scheme::Other => false,
            },
            Kind::Dsa | Kind::Other(_) | Kind::Malformed => self == Scheme::Other,
        }
    }

    /// Whether the hash that is signed can be forged, or nearly.
    pub(super) fn is_weak(self) -> bool {
        match self.hash() {
            Some(Hash::Weak | Hash::Sha1) => true,
            Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) | None => false,
        }
    }

    fn hash(self) -> Option<Hash> {
        match self {
            Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) | Scheme::Ecdsa(hash) => Some(hash),
            Scheme::Ed25519 | Scheme::Other => None,
        }
    }
}

/// What is wrong with a certificate's key and with how it is signed.
///
/// An anchor is trusted for what it is, so its own signature says nothing, save to the CA/Browser Forum.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let certificate = candidate.certificate;
    let scheme = Scheme::of(certificate);
    if !certificate.signature_algorithms_agree() {
        drafts.add(&ALGORITHMS_DISAGREE);
    }
    if !parameters_fit(scheme, certificate.signature_algorithm()) {
        drafts.with(&PARAMETERS, || {
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
        Some(Hash::Weak) if is_anchor => weak(&ANCHOR_WEAKLY_SIGNED)(drafts),
        Some(Hash::Sha1) if is_anchor && was_usual(certificate.not_before()) => {}
        Some(Hash::Sha1) if is_anchor => weak(&ANCHOR_WEAKLY_SIGNED)(drafts),
        Some(Hash::Weak) => weak(&BROKEN_HASH)(drafts),
        Some(Hash::Sha1) => weak(&SHA1)(drafts),
        Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => {}
        None if scheme == Scheme::Other && is_anchor => weak(&ANCHOR_OTHER_ALGORITHM)(drafts),
        None => {}
    }
    examine_key(&candidate.public_key(), role, drafts);
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &ALGORITHMS_DISAGREE,
    &PARAMETERS,
    &BROKEN_HASH,
    &SHA1,
    &ANCHOR_WEAKLY_SIGNED,
    &ANCHOR_OTHER_ALGORITHM,
    &KEY_MALFORMED,
    &KEY_EXPLICIT_CURVE,
    &KEY_SHORT,
    &KEY_BITS,
    &KEY_EXPONENT,
    &KEY_TYPE,
    &KEY_TYPE_WEBPKI,
    &KEY_TYPE_RARE,
];

fn examine_key(key: &PublicKey<'_>, role: Role, drafts: &mut Drafts) {
    match key.kind {
        Kind::Malformed => drafts.add(&KEY_MALFORMED),
        Kind::ExplicitCurve => drafts.add(&KEY_EXPLICIT_CURVE),
        Kind::OtherCurve(_) | Kind::Dsa | Kind::Other(_) => {
            drafts.with(&KEY_TYPE, || Evidence::instead(key, "RSA, P-256 or P-384"));
        }
        Kind::Ec(Curve::P256 | Curve::P384) => {}
        Kind::Ec(Curve::P521) => {
            if role == Role::EndEntity {
                drafts.with(&KEY_TYPE_RARE, || Evidence::found(key));
            }
        }
        Kind::Ed25519 => {
            drafts.with(&KEY_TYPE_WEBPKI, || {
                Evidence::instead(key, "RSA, P-256, P-384 or P-521")
            });
            if role == Role::EndEntity {
                drafts.with(&KEY_TYPE_RARE, || Evidence::found(key));
            }
        }
        Kind::Rsa { modulus, exponent } => {
            let bits = bit_length(modulus);
            if bits < MIN_RSA_BITS {
                drafts.with(&KEY_SHORT, || {
                    Evidence::instead(format_args!("{bits} bits"), "at least 2048")
                });
            } else if !bits.is_multiple_of(8) {
                drafts.with(&KEY_BITS, || Evidence::found(format_args!("{bits} bits")));
            }
            let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
            if !odd(modulus) || !odd(exponent) || exponent == [1] {
                drafts.add(&KEY_EXPONENT);
            }
        }
    }
}

/// SHA-1 roots from before its end are still in use; a date before there was any SHA-1 is no excuse.
fn was_usual(not_before: OffsetDateTime) -> bool {
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

static ALGORITHMS_DISAGREE: Rule = Rule {
    id: "signature-algorithms-disagree",
    sentence: "the signature algorithm inside is not the one outside",
    hint: "have it issued anew; no program takes it",
    reference: "RFC 5280 §4.1.1.2",
    severities: Severities::DECISIVE,
};
static PARAMETERS: Rule = Rule {
    id: "signature-parameters",
    sentence: "the signature algorithm has parameters that it should not have",
    hint: "have it issued anew by a CA that encodes algorithms as their RFCs say",
    reference: "RFC 5758 §3.2",
    severities: Severities::CONFORMANCE,
};
static BROKEN_HASH: Rule = Rule {
    id: "signature-broken-hash",
    sentence: "it is signed over a hash that anyone can forge",
    hint: "have it issued anew with SHA-256",
    reference: "RFC 6151 §2",
    severities: Severities::DECISIVE,
};
static SHA1: Rule = Rule {
    id: "signature-sha1",
    sentence: "it is signed over a SHA-1 hash, which rustls, Go and newer OpenSSL refuse",
    hint: "have it issued anew with SHA-256",
    reference: "RFC 9155, CABF BR §7.1.3.2",
    severities: Severities::DECISIVE,
};
static ANCHOR_WEAKLY_SIGNED: Rule = Rule {
    id: "anchor-signature-weak",
    sentence: "it is signed over a weak hash",
    hint: "make a new root with SHA-256",
    reference: "CABF BR §7.1.3.2",
    severities: Severities::WEBPKI,
};
static ANCHOR_OTHER_ALGORITHM: Rule = Rule {
    id: "anchor-signature-algorithm",
    sentence: "it is signed with an algorithm that public CAs may not use",
    hint: "make a new root with ECDSA or RSA",
    reference: "CABF BR §7.1.3.2",
    severities: Severities::WEBPKI,
};
static KEY_MALFORMED: Rule = Rule {
    id: "key-malformed",
    sentence: "its public key cannot be read",
    hint: "have it issued anew for a key in the usual form",
    reference: "RFC 5280 §4.1.2.7",
    severities: Severities::DECISIVE,
};
static KEY_EXPLICIT_CURVE: Rule = Rule {
    id: "key-explicit-curve",
    sentence: "its key lies on a curve of its own, whose maker may know everyone's signatures (CVE-2020-0601)",
    hint: "make a new key on the named curve P-256",
    reference: "RFC 5480 §2.1.1",
    severities: Severities::DECISIVE,
};
static KEY_SHORT: Rule = Rule {
    id: "key-short",
    sentence: "its RSA key is too short: rustls and OpenSSL refuse it",
    hint: "make a new key: P-256, or RSA with 2048 bits or more",
    reference: "NIST SP 800-131A, CABF BR §6.1.5",
    severities: Severities::DECISIVE,
};
static KEY_BITS: Rule = Rule {
    id: "key-bits",
    sentence: "the length of its RSA modulus is no multiple of 8 bits",
    hint: "make a new key with 2048, 3072 or 4096 bits",
    reference: "CABF BR §6.1.5",
    severities: Severities::WEBPKI_WARNED,
};
static KEY_EXPONENT: Rule = Rule {
    id: "key-exponent",
    sentence: "its RSA modulus or exponent is even, or its exponent is 1: it protects nothing",
    hint: "make a new key with a program that makes RSA keys as they should be",
    reference: "RFC 8017 §3.1",
    severities: Severities::DECISIVE,
};
static KEY_TYPE: Rule = Rule {
    id: "key-type",
    sentence: "its key is of a type that TLS programs do not take",
    hint: "make a new key: P-256 works everywhere",
    reference: "RFC 8446 §4.2.3, CABF BR §6.1.1.3",
    severities: Severities {
        tls: Some(Severity::Error),
        rfc5280: Some(Severity::Warning),
        webpki: Some(Severity::Error),
    },
};
static KEY_TYPE_WEBPKI: Rule = Rule {
    id: "key-type-webpki",
    sentence: "its key is of a type that public CAs may not certify",
    hint: "make a new key: P-256 works everywhere",
    reference: "CABF BR §6.1.1.3",
    severities: Severities::WEBPKI,
};
static KEY_TYPE_RARE: Rule = Rule {
    id: "key-type-rare",
    sentence: "grpc-core cannot use its key: grpcio programs fail with `Socket closed`",
    hint: "make a new key: P-256 works everywhere",
    reference: "RFC 8446 §4.2.3",
    severities: Severities {
        tls: Some(Severity::Warning),
        rfc5280: None,
        webpki: None,
    },
};
