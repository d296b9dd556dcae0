//! Whether the extensions of a certificate have the form OpenSSL's descendants ask for; where one has
//! not, the whole certificate is spoilt for them.

use super::deviation::Deviations;
use crate::path::extension::{Known, value};
use crate::path::pool::Candidate;
use crate::pki::certificate::Certificate;
use crate::pki::element::{BIT_STRING, Element};
use crate::pki::extension::{EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME, alt_names};
use crate::pki::general_name::GeneralName;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};

/// EXFLAG_INVALID: an extension that is looked at cannot be read, or is there twice.
pub(super) fn is_spoilt(candidate: &Candidate<'_>, deviations: &Deviations) -> bool {
    let extensions = candidate.extensions();
    let constraints = value(&extensions.basic_constraints);
    let path_length = constraints.is_some_and(|c| c.path_length.is_some() && !c.ca);
    let empty_usage = value(&extensions.key_usage).is_some_and(|usage| usage.names().is_empty());
    let loose = deviations.reads_loosely && loose_names(candidate.certificate).is_some();
    let is_malformed = if loose {
        has_malformed_but_names(candidate)
    } else {
        has_malformed(candidate)
    };
    is_malformed
        || is_twice(candidate)
        || deviations.path_length_needs_ca && path_length
        || deviations.reads_loosely && empty_usage
}

/// Whether an extension that is looked at cannot be read.
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
            .any(|read| read.name == "cRLDistributionPoints" && read.fault.is_some())
}

/// EXFLAG_CRITICAL: the place of the first critical extension that is not understood.
pub(super) fn not_understood(candidate: &Candidate<'_>, deviations: &Deviations) -> Option<usize> {
    candidate
        .certificate
        .extensions()
        .iter()
        .position(|extension| {
            extension.critical
                && !deviations
                    .understands
                    .iter()
                    .any(|oid| extension.oid == *oid)
        })
}

/// Whether the keyUsage, where there is one, has at least one of these.
pub(super) fn key_usage_allows(candidate: &Candidate<'_>, any_of: &[u32]) -> bool {
    value(&candidate.extensions().key_usage)
        .is_none_or(|usage| any_of.iter().any(|one| usage.has(*one)))
}

/// Whether the extendedKeyUsage, where there is one, names the purpose; anyExtendedKeyUsage does not.
pub(super) fn extended_allows(
    candidate: &Candidate<'_>,
    is_server: bool,
    deviations: &Deviations,
) -> bool {
    let Some(extension) = &candidate.extensions().extended_key_usage else {
        return true;
    };
    let wanted = if is_server { SERVER_AUTH } else { CLIENT_AUTH };
    let takes_gated = is_server && deviations.takes_gated_cryptography;
    extension.value.as_ref().is_ok_and(|usages| {
        usages.iter().any(|usage| {
            *usage == wanted || takes_gated && GATED_CRYPTOGRAPHY.iter().any(|old| *usage == *old)
        })
    })
}

/// Whether Netscape's certificate type, where there is one and it is looked at, names the purpose.
pub(super) fn netscape_allows(
    candidate: &Candidate<'_>,
    is_server: bool,
    deviations: &Deviations,
) -> bool {
    let bit = if is_server {
        NETSCAPE_SERVER
    } else {
        NETSCAPE_CLIENT
    };
    let extension = candidate.certificate.extension(NETSCAPE_TYPE);
    !deviations.knows_netscape_type
        || extension.is_none_or(|extension| match extension.value.as_slice() {
            [BIT_STRING, _, _, first, ..] => first & bit != 0,
            _ => true,
        })
}

/// The names of a SubjectAltName, whatever stands behind them in the extension.
pub(super) fn loose_names(certificate: &Certificate) -> Option<Vec<GeneralName>> {
    let extension = certificate.extension(SUBJECT_ALT_NAME)?;
    let (element, _) = Element::first(&extension.value, "the names").ok()?;
    alt_names(element.whole).ok()
}

fn is_malformed<T>(extension: &Option<Known<T>>) -> bool {
    extension.as_ref().is_some_and(|known| known.value.is_err())
}

/// A SubjectAltName without names is read by both, though RFC 5280 allows none.
fn has_empty_names(candidate: &Candidate<'_>) -> bool {
    candidate
        .certificate
        .extension(SUBJECT_ALT_NAME)
        .is_some_and(|extension| extension.value == [0x30, 0])
}

/// An extendedKeyUsage without usages is read by both, and allows nothing.
fn has_empty_usages(candidate: &Candidate<'_>) -> bool {
    candidate
        .certificate
        .extension(EXTENDED_KEY_USAGE)
        .is_some_and(|extension| extension.value == [0x30, 0])
}

fn is_twice(candidate: &Candidate<'_>) -> bool {
    let extensions = candidate.certificate.extensions();
    let mut seen = std::collections::HashSet::new();
    extensions
        .iter()
        .any(|extension| !seen.insert(extension.oid.as_bytes()) && is_looked_at(&extension.oid))
}

fn is_looked_at(oid: &crate::pki::oid::ObjectIdentifier) -> bool {
    LOOKED_AT.iter().any(|known| *oid == *known)
}

const fn oid(text: &str) -> const_oid::ObjectIdentifier {
    const_oid::ObjectIdentifier::new_unwrap(text)
}

/// basicConstraints, keyUsage, extKeyUsage, both key identifiers, subjectAltName, nameConstraints and
/// cRLDistributionPoints.
const LOOKED_AT: [const_oid::ObjectIdentifier; 8] = [
    oid("2.5.29.19"),
    oid("2.5.29.15"),
    oid("2.5.29.37"),
    oid("2.5.29.14"),
    oid("2.5.29.35"),
    oid("2.5.29.17"),
    oid("2.5.29.30"),
    oid("2.5.29.31"),
];
/// Netscape's and Microsoft's server gated cryptography, which OpenSSL still takes for serverAuth.
const GATED_CRYPTOGRAPHY: [const_oid::ObjectIdentifier; 2] =
    [oid("2.16.840.1.113730.4.1"), oid("1.3.6.1.4.1.311.10.3.3")];
const NETSCAPE_TYPE: const_oid::ObjectIdentifier = oid("2.16.840.1.113730.1.1");
const NETSCAPE_CLIENT: u8 = 0x80;
const NETSCAPE_SERVER: u8 = 0x40;
