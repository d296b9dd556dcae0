//! Where BoringSSL under grpc-core and OpenSSL 3.0 under grpc-js depart from RFC 5280, and from each
//! other: what they look at in a path. tonic has no row, since rustls-webpki itself is asked.

use const_oid::ObjectIdentifier;

use super::Stack;
use super::pem::Dialect;

/// What one library makes of paths.
#[derive(Debug)]
pub(super) struct Deviations {
    /// Whose PEM and whose words.
    pub(super) dialect: Dialect,
    /// Whether any trusted certificate ends a path, and not only one that issued itself.
    pub(super) partial_chain: bool,
    /// Whether cA, purpose, path length and critical extensions count in the anchor too.
    pub(super) looks_at_anchor: bool,
    /// Whether a namesake that is in date is taken before one that is not.
    pub(super) prefers_valid_issuer: bool,
    /// Whether a certificate that may not sign certificates is no issuer at all, so that another is looked for.
    pub(super) issuer_must_sign: bool,
    /// Whether the algorithm of a signature must be the issuer's key's for it to be the issuer.
    pub(super) compares_algorithms: bool,
    /// Whether a CA without basicConstraints is one where its keyUsage says so.
    pub(super) key_usage_makes_anchor: bool,
    /// Whether pathLenConstraint without cA spoils a certificate.
    pub(super) path_length_needs_ca: bool,
    /// Whether the server gated cryptography of old browsers is taken for serverAuth.
    pub(super) takes_gated_cryptography: bool,
    /// Whether a lone leaf is sent together with what its owner's own anchors lead to.
    pub(super) completes_chains: bool,
    /// How many bits of security a key and a hash must have; 0 for any.
    pub(super) security_bits: u32,
    /// Whether iPAddress constraints are understood.
    pub(super) constrains_addresses: bool,
    /// Whether policies are looked at.
    pub(super) has_policies: bool,
    /// Whether empty extended key usages and SubjectAltNames with something behind them are overlooked,
    /// and an empty keyUsage is not.
    pub(super) reads_loosely: bool,
    /// Whether Netscape's certificate type is looked at.
    pub(super) knows_netscape_type: bool,
    /// Whether the first fault ends the check, or the last one is reported.
    pub(super) tells_first: bool,
    /// The critical extensions it understands.
    pub(super) understands: &'static [ObjectIdentifier],
}

/// This stack's row.
pub(super) fn of(stack: Stack) -> Option<&'static Deviations> {
    match stack {
        Stack::GrpcCore => Some(&GRPC_CORE),
        Stack::GrpcJs => Some(&GRPC_JS),
        Stack::Tonic => None,
    }
}

/// BoringSSL with X509_V_FLAG_PARTIAL_CHAIN, as grpc's ssl_transport_security.cc sets it.
pub(super) static GRPC_CORE: Deviations = Deviations {
    dialect: Dialect::BoringSsl,
    partial_chain: true,
    looks_at_anchor: false,
    prefers_valid_issuer: false,
    issuer_must_sign: true,
    compares_algorithms: false,
    key_usage_makes_anchor: false,
    path_length_needs_ca: true,
    takes_gated_cryptography: false,
    completes_chains: false,
    security_bits: 0,
    constrains_addresses: false,
    has_policies: true,
    reads_loosely: false,
    knows_netscape_type: false,
    tells_first: true,
    understands: BORING_SSL_EXTENSIONS,
};

/// OpenSSL 3.0 at security level 1, with Node's callback that lets every fault pass and tells the last.
pub(super) static GRPC_JS: Deviations = Deviations {
    dialect: Dialect::OpenSsl,
    partial_chain: false,
    looks_at_anchor: true,
    prefers_valid_issuer: true,
    issuer_must_sign: false,
    compares_algorithms: true,
    key_usage_makes_anchor: true,
    path_length_needs_ca: false,
    takes_gated_cryptography: true,
    completes_chains: true,
    security_bits: 80,
    constrains_addresses: true,
    has_policies: false,
    reads_loosely: true,
    knows_netscape_type: true,
    tells_first: false,
    understands: OPENSSL_EXTENSIONS,
};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// X509_supported_extension of BoringSSL: keyUsage, subjectAltName, basicConstraints,
/// certificatePolicies, extKeyUsage, policyConstraints, nameConstraints, policyMappings, inhibitAnyPolicy.
const BORING_SSL_EXTENSIONS: &[ObjectIdentifier] = &[
    oid("2.5.29.15"),
    oid("2.5.29.17"),
    oid("2.5.29.19"),
    oid("2.5.29.32"),
    oid("2.5.29.37"),
    oid("2.5.29.36"),
    oid("2.5.29.30"),
    oid("2.5.29.33"),
    oid("2.5.29.54"),
];

/// X509_supported_extension of OpenSSL 3.0: those, and nsCertType, cRLDistributionPoints, the address
/// blocks of RFC 3779, OCSP noCheck and proxyCertInfo.
const OPENSSL_EXTENSIONS: &[ObjectIdentifier] = &[
    oid("2.5.29.15"),
    oid("2.5.29.17"),
    oid("2.5.29.19"),
    oid("2.5.29.32"),
    oid("2.5.29.37"),
    oid("2.5.29.36"),
    oid("2.5.29.30"),
    oid("2.5.29.33"),
    oid("2.5.29.54"),
    oid("2.16.840.1.113730.1.1"),
    oid("2.5.29.31"),
    oid("1.3.6.1.5.5.7.1.7"),
    oid("1.3.6.1.5.5.7.1.8"),
    oid("1.3.6.1.5.5.7.48.1.5"),
    oid("1.3.6.1.5.5.7.1.14"),
];
