//! Where BoringSSL under grpc-core and OpenSSL 3.0 under grpc-js differ from RFC 5280 and from each
//! other: one row of named quirks per library, and how they read a certificate's extensions.
//! tonic has no row, since rustls-webpki itself is asked.

use std::collections::HashSet;

use const_oid::ObjectIdentifier;

use super::Stack;
use super::pem::Dialect;
use crate::path::pool::{Candidate, Known, value};
use crate::pki::certificate::Certificate;
use crate::pki::element::{BIT_STRING, Element};
use crate::pki::extension::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CERTIFICATE_POLICIES, CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE, INHIBIT_ANY_POLICY, KEY_USAGE, NAME_CONSTRAINTS, NETSCAPE_CERTIFICATE_TYPE,
    POLICY_CONSTRAINTS, POLICY_MAPPINGS, SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER, alt_names,
};
use crate::pki::general_name::GeneralName;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};

/// How one library verifies paths.
#[derive(Debug)]
pub(super) struct Quirks {
    /// The library, for its PEM and its messages.
    pub(super) dialect: Dialect,
    /// Any trusted certificate ends a path, not only a self-signed one.
    pub(super) partial_chain: bool,
    /// cA, purpose, path length and critical extensions count in the anchor too.
    pub(super) checks_anchor: bool,
    /// Of several issuers of one name, one that is in date comes first.
    pub(super) prefers_valid_issuer: bool,
    /// A certificate that may not sign certificates is not an issuer, so another one is tried.
    pub(super) issuer_must_sign: bool,
    /// A certificate is only an issuer if its key fits the signature algorithm.
    pub(super) compares_algorithms: bool,
    /// A CA without basicConstraints counts as one if its keyUsage allows it.
    pub(super) key_usage_makes_anchor: bool,
    /// pathLenConstraint without cA makes a certificate invalid.
    pub(super) path_length_needs_ca: bool,
    /// The server gated cryptography of old browsers counts as serverAuth.
    pub(super) takes_gated_cryptography: bool,
    /// A lone leaf is sent together with the chain that its owner's own anchors give.
    pub(super) completes_chains: bool,
    /// The minimum security of a key and a hash in bits; 0 for any.
    pub(super) security_bits: u32,
    /// iPAddress constraints are understood.
    pub(super) constrains_addresses: bool,
    /// Policies are checked.
    pub(super) has_policies: bool,
    /// Empty extended key usages and data after a SubjectAltName are ignored, an empty keyUsage is not.
    pub(super) reads_loosely: bool,
    /// Netscape's certificate type is checked.
    pub(super) knows_netscape_type: bool,
    /// The first fault ends the check; otherwise the last one is reported.
    pub(super) reports_first: bool,
    /// The critical extensions it understands beyond [`UNDERSTOOD`].
    understands: &'static [ObjectIdentifier],
}

impl Quirks {
    /// This stack's row.
    pub(super) fn of(stack: Stack) -> Option<&'static Quirks> {
        match stack {
            Stack::GrpcCore => Some(&GRPC_CORE),
            Stack::GrpcJs => Some(&GRPC_JS),
            Stack::Tonic => None,
        }
    }
}

/// BoringSSL with X509_V_FLAG_PARTIAL_CHAIN, as grpc's ssl_transport_security.cc sets it.
pub(super) static GRPC_CORE: Quirks = Quirks {
    dialect: Dialect::BoringSsl,
    partial_chain: true,
    checks_anchor: false,
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
    reports_first: true,
    understands: &[],
};

/// OpenSSL 3.0 at security level 1, with Node's callback that ignores every fault and reports the last.
pub(super) static GRPC_JS: Quirks = Quirks {
    dialect: Dialect::OpenSsl,
    partial_chain: false,
    checks_anchor: true,
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
    reports_first: false,
    understands: OPENSSL_EXTENSIONS,
};

/// EXFLAG_INVALID: an extension that is parsed is malformed or duplicate, so the whole certificate
/// is invalid.
pub(super) fn is_invalid(candidate: &Candidate<'_>, quirks: &Quirks) -> bool {
    let extensions = candidate.extensions();
    let constraints = value(&extensions.basic_constraints);
    let path_length = constraints.is_some_and(|c| c.path_length.is_some() && !c.ca);
    let empty_usage = value(&extensions.key_usage).is_some_and(|usage| usage.names().is_empty());
    let loose = quirks.reads_loosely && loose_names(candidate.certificate).is_some();
    let is_malformed = if loose {
        has_malformed_but_names(candidate)
    } else {
        has_malformed(candidate)
    };
    is_malformed
        || has_duplicate(candidate)
        || quirks.path_length_needs_ca && path_length
        || quirks.reads_loosely && empty_usage
}

/// Whether an extension that is parsed is malformed.
pub(super) fn has_malformed(candidate: &Candidate<'_>) -> bool {
    has_malformed_but_names(candidate)
        || is_malformed(&candidate.extensions().subject_alt_name) && !has_empty_names(candidate)
}

fn has_malformed_but_names(candidate: &Candidate<'_>) -> bool {
    let extensions = candidate.extensions();
    is_malformed(&extensions.basic_constraints)
        || is_malformed(&extensions.key_usage)
        || is_malformed(&extensions.extended_key_usage) && !has_empty_usages(candidate)
        || is_malformed(&extensions.subject_key_identifier)
        || is_malformed(&extensions.authority_key_identifier)
        || is_malformed(&extensions.name_constraints)
        || extensions
            .informative
            .iter()
            .any(|read| read.is_for(CRL_DISTRIBUTION_POINTS) && read.fault.is_some())
}

/// EXFLAG_CRITICAL: whether a critical extension is not understood.
pub(super) fn has_unknown_critical(candidate: &Candidate<'_>, quirks: &Quirks) -> bool {
    let mut extensions = candidate.certificate.extensions().iter();
    extensions.any(|extension| {
        let mut understood = UNDERSTOOD.iter().chain(quirks.understands);
        extension.critical && !understood.any(|oid| extension.oid == *oid)
    })
}

/// Whether the keyUsage, if there is one, has at least one of these bits.
pub(super) fn key_usage_allows(candidate: &Candidate<'_>, any_of: &[u32]) -> bool {
    value(&candidate.extensions().key_usage)
        .is_none_or(|usage| any_of.iter().any(|one| usage.has(*one)))
}

/// Whether the extendedKeyUsage, if there is one, names the purpose; anyExtendedKeyUsage does not.
pub(super) fn extended_allows(candidate: &Candidate<'_>, is_server: bool, quirks: &Quirks) -> bool {
    let Some(extension) = &candidate.extensions().extended_key_usage else {
        return true;
    };
    let wanted = if is_server { SERVER_AUTH } else { CLIENT_AUTH };
    let takes_gated = is_server && quirks.takes_gated_cryptography;
    extension.value.as_ref().is_ok_and(|usages| {
        usages.iter().any(|usage| {
            *usage == wanted || takes_gated && GATED_CRYPTOGRAPHY.iter().any(|old| *usage == *old)
        })
    })
}

/// Whether Netscape's certificate type, if there is one and it is checked, names the purpose.
pub(super) fn netscape_allows(candidate: &Candidate<'_>, is_server: bool, quirks: &Quirks) -> bool {
    let bit = if is_server {
        NETSCAPE_SERVER
    } else {
        NETSCAPE_CLIENT
    };
    let extension = candidate.certificate.extension(NETSCAPE_CERTIFICATE_TYPE);
    !quirks.knows_netscape_type
        || extension.is_none_or(|extension| match extension.value.as_slice() {
            [BIT_STRING, _, _, first, ..] => first & bit != 0,
            _ => true,
        })
}

/// The names of a SubjectAltName; ignores data after them.
pub(super) fn loose_names(certificate: &Certificate) -> Option<Vec<GeneralName>> {
    let extension = certificate.extension(SUBJECT_ALT_NAME)?;
    let (element, _) = Element::first(&extension.value, "the names").ok()?;
    alt_names(element.whole).ok()
}

pub(super) fn is_malformed<T>(extension: &Option<Known<T>>) -> bool {
    extension.as_ref().is_some_and(|known| known.value.is_err())
}

/// Both libraries read a SubjectAltName without names, which RFC 5280 forbids.
fn has_empty_names(candidate: &Candidate<'_>) -> bool {
    let extension = candidate.certificate.extension(SUBJECT_ALT_NAME);
    extension.is_some_and(|extension| extension.value == EMPTY_SEQUENCE)
}

/// Both libraries read an extendedKeyUsage without usages, which allows nothing.
fn has_empty_usages(candidate: &Candidate<'_>) -> bool {
    let extension = candidate.certificate.extension(EXTENDED_KEY_USAGE);
    extension.is_some_and(|extension| extension.value == EMPTY_SEQUENCE)
}

fn has_duplicate(candidate: &Candidate<'_>) -> bool {
    let mut seen = HashSet::new();
    let mut extensions = candidate.certificate.extensions().iter();
    extensions.any(|extension| {
        !seen.insert(extension.oid.as_bytes()) && PARSED.iter().any(|oid| extension.oid == *oid)
    })
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// X509_supported_extension of both libraries.
const UNDERSTOOD: [ObjectIdentifier; 9] = [
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    CERTIFICATE_POLICIES,
    EXTENDED_KEY_USAGE,
    POLICY_CONSTRAINTS,
    NAME_CONSTRAINTS,
    POLICY_MAPPINGS,
    INHIBIT_ANY_POLICY,
];
/// What OpenSSL 3.0 adds: the address blocks of RFC 3779, OCSP noCheck and proxyCertInfo after the first two.
const OPENSSL_EXTENSIONS: &[ObjectIdentifier] = &[
    NETSCAPE_CERTIFICATE_TYPE,
    CRL_DISTRIBUTION_POINTS,
    oid("1.3.6.1.5.5.7.1.7"),
    oid("1.3.6.1.5.5.7.1.8"),
    oid("1.3.6.1.5.5.7.48.1.5"),
    oid("1.3.6.1.5.5.7.1.14"),
];
/// The extensions that both libraries parse before they verify anything.
const PARSED: [ObjectIdentifier; 8] = [
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    EXTENDED_KEY_USAGE,
    SUBJECT_KEY_IDENTIFIER,
    AUTHORITY_KEY_IDENTIFIER,
    SUBJECT_ALT_NAME,
    NAME_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
];
/// Netscape's and Microsoft's server gated cryptography.
const GATED_CRYPTOGRAPHY: [ObjectIdentifier; 2] =
    [oid("2.16.840.1.113730.4.1"), oid("1.3.6.1.4.1.311.10.3.3")];
const NETSCAPE_CLIENT: u8 = 0x80;
const NETSCAPE_SERVER: u8 = 0x40;
const EMPTY_SEQUENCE: [u8; 2] = [0x30, 0];
