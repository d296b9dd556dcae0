//! The names of a certificate, and the names it is checked against
//! ([RFC 5280 §4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6),
//! [RFC 9525](https://www.rfc-editor.org/rfc/rfc9525)). The common name never counts.

use std::net::IpAddr;

use super::finding::{Drafts, Evidence, Role};
use super::name_constraints::is_uri;
use super::pool::Candidate;
use super::{Profile, ReferenceName, Requirements};
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;

/// What is wrong with the names of a certificate.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let extensions = candidate.extensions();
    let names = extensions.names();
    let mut reported = 0;
    for name in names {
        if let Some(rule) = fault(name) {
            drafts.with(rule, || Evidence::found(name));
            reported += 1;
            if reported == MAX_REPORTED {
                break;
            }
        }
    }
    if role != Role::EndEntity {
        return;
    }
    if names.is_empty() && candidate.certificate.subject().is_empty() {
        drafts.add("nameless");
    }
    for wanted in requirements.host.iter().chain(&requirements.names) {
        if extensions.subject_alt_name.is_none() {
            drafts.with("no-names", || {
                Evidence::instead("no subjectAltName", wanted)
            });
        } else if !names.iter().any(|name| is_for(name, wanted)) {
            drafts.with("host-mismatch", || {
                Evidence::instead(listing(names), wanted)
            });
        }
    }
}

/// Whether a name in a certificate covers this one.
fn is_for(name: &GeneralName, wanted: &ReferenceName) -> bool {
    match wanted {
        ReferenceName::Dns(host) => name.dns().is_some_and(|pattern| covers(pattern, host)),
        ReferenceName::Ip(address) => name.address() == Some(*address),
        ReferenceName::Uri(wanted) => matches!(name, GeneralName::Uri(uri) if uri == wanted),
        ReferenceName::Email(wanted) => {
            matches!(name, GeneralName::Email(mailbox) if is_same_mailbox(mailbox, wanted))
        }
    }
}

fn is_same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((other_local, other_host))) => {
            local == other_local && host.eq_ignore_ascii_case(other_host)
        }
        (Some(_) | None, Some(_) | None) => false,
    }
}

/// Whether it is a host name, or one with `*` for its whole first label and at least two more labels
/// ([RFC 1123 §2.1](https://www.rfc-editor.org/rfc/rfc1123#section-2.1)). Underscores are accepted.
pub(super) fn is_dns_pattern(text: &str) -> bool {
    match text.strip_prefix("*.") {
        Some(rest) => is_host(rest) && rest.contains('.'),
        None => is_host(text),
    }
}

pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= MAX_NAME_BYTES && text.split('.').all(label)
}

/// Whether it is local@host with a local part that needs no quotes.
pub(super) fn is_mailbox(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && local
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"@()<>[]:;,\\\"".contains(&b))
            && is_host(host)
    })
}

fn covers(pattern: &str, host: &str) -> bool {
    if !is_dns_pattern(pattern) {
        return false;
    }
    match pattern.strip_prefix("*.") {
        None => pattern.eq_ignore_ascii_case(host),
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(label, domain)| !label.is_empty() && rest.eq_ignore_ascii_case(domain)),
    }
}

fn fault(name: &GeneralName) -> Option<&'static str> {
    match name {
        GeneralName::Dns(text) => {
            if !is_dns_pattern(text) {
                Some("dns-name-form")
            } else if text.contains('_') {
                Some("dns-name-underscore")
            } else if text.parse::<IpAddr>().is_ok() {
                Some("dns-name-address")
            } else {
                None
            }
        }
        GeneralName::Ip(bytes) => (bytes.len() != 4 && bytes.len() != 16).then_some("ip-name-form"),
        GeneralName::Email(text) => (!is_mailbox(text)).then_some("email-name-form"),
        GeneralName::Uri(text) => (!is_absolute(text)).then_some("uri-name-form"),
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => None,
    }
}

/// Whether it has a scheme, and after it only characters of a URI.
fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
            && is_uri(rest)
    })
}

fn listing(names: &[GeneralName]) -> String {
    let mut shown: Vec<_> = names
        .iter()
        .take(MAX_REPORTED)
        .map(|name| name.to_string())
        .collect();
    if names.len() > shown.len() {
        shown.push(format!("{} more", names.len() - shown.len()));
    }
    shown.join(", ")
}

/// What is wrong with an end entity's names by the rules of public CAs.
pub(super) fn examine_public(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    if role != Role::EndEntity || drafts.profile() != Profile::Webpki {
        return;
    }
    let names = candidate.extensions().names();
    let common_names = candidate
        .certificate
        .subject()
        .values(AttributeType::CommonName);
    if common_names.len() > 1 {
        drafts.add("common-name-twice");
    }
    for common_name in common_names.iter().take(MAX_REPORTED) {
        let agrees = |name| is_copy(common_name, name) || is_beside(common_name, name);
        if !names.iter().any(agrees) {
            drafts.with("common-name-not-in-san", || Evidence::found(common_name));
        }
    }
    let is_host_name =
        |name: &GeneralName| matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_));
    let of_wrong_form = names.iter().find(|name| !is_host_name(name));
    if let Some(name) = of_wrong_form {
        drafts.with("san-type", || Evidence::found(name));
    }
    for name in names {
        if let Some(domain) = name.dns().and_then(|pattern| pattern.strip_prefix("*."))
            && is_public_suffix(domain)
        {
            drafts.with("wildcard-public-suffix", || Evidence::found(name));
        }
    }
}

/// Whether a common name is a copy of this name: a DNS name byte for byte, or an address in the form of
/// RFC 5952.
fn is_copy(common_name: &str, name: &GeneralName) -> bool {
    let is_address = |address: IpAddr| address.to_string() == common_name;
    name.dns() == Some(common_name) || name.address().is_some_and(is_address)
}

/// Whether a common name is the domain of a wildcard, as many CAs have it.
fn is_beside(common_name: &str, name: &GeneralName) -> bool {
    name.dns().and_then(|pattern| pattern.strip_prefix("*.")) == Some(common_name)
}

/// Whether names below this domain belong to different people: it is an ICANN suffix of the Public Suffix List, or
/// a top-level domain that the list does not know. Suffixes that companies register for their customers do not
/// count: wildcards below them are in use.
fn is_public_suffix(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    psl::suffix(domain.as_bytes())
        .is_some_and(|suffix| suffix == domain.as_str() && suffix.typ() != Some(psl::Type::Private))
}

const MAX_LABEL_BYTES: usize = 63; // RFC 1035 §2.3.4
const MAX_NAME_BYTES: usize = 253; // RFC 1035 §2.3.4, without the root's
const MAX_REPORTED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label_and_needs_two_more() {
        for (pattern, host, expected) in [
            ("*.example.com", "a.example.com", true),
            ("*.EXAMPLE.com", "A.example.COM", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.com", "example.com", false),
            ("*", "localhost", false),
            ("a*.example.com", "ab.example.com", false),
            ("a.*.com", "a.b.com", false),
            ("a.example.com.", "a.example.com", false),
            ("a.example.com\0", "a.example.com", false),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }
}
