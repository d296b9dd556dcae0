//! Name constraints ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).

use std::mem::discriminant;

use super::candidate::Candidate;
use super::distinguished_name::canonical;
use super::extension::value;
use super::finding::{Evidence, Role};
use super::names::{is_host, is_mailbox};
use super::rule::{Drafts, Rule, Severities};
use crate::pki::extension::NameConstraints;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{AttributeType, DistinguishedName};

/// What is wrong with the name constraints a certificate holds, and whether it may hold any.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let Some(extension) = &candidate.extensions().name_constraints else {
        return;
    };
    if role == Role::EndEntity && !candidate.extensions().is_ca() {
        drafts.add(&NOT_A_CA);
    }
    if !extension.critical {
        drafts.add(&NOT_CRITICAL);
    }
    let Ok(constraints) = &extension.value else {
        return;
    };
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        drafts.add(&EMPTY);
    }
    let mut reported = 0;
    for base in constraints.permitted.iter().chain(&constraints.excluded) {
        if let Some(rule) = fault(base) {
            drafts.with(rule, || Evidence::found(base));
            reported += 1;
            if reported == MAX_REPORTED {
                break;
            }
        }
    }
}

/// Whether every name of a path lies where the certificates above it say. Those of self-issued
/// intermediates may lie anywhere.
pub(super) fn examine_path(path: &[&Candidate<'_>], drafts: &mut Drafts) {
    let mut comparisons = 0;
    for (place, issuer) in path.iter().enumerate().skip(1) {
        let Some(constraints) = value(&issuer.extensions().name_constraints) else {
            continue;
        };
        for (below, candidate) in path[..place].iter().enumerate() {
            if below > 0 && candidate.is_self_issued() {
                continue;
            }
            let names = Names::of(candidate, constraints);
            let subtrees = constraints.permitted.len() + constraints.excluded.len();
            comparisons += names.count() * subtrees;
            if comparisons > MAX_COMPARISONS {
                drafts.about(place).with(&TOO_MANY, || {
                    Evidence::instead(
                        format_args!("{} names and {subtrees} subtrees", names.count()),
                        format_args!("at most {MAX_COMPARISONS} comparisons"),
                    )
                });
                return;
            }
            compare(&names, constraints, drafts.about(below));
        }
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &NOT_A_CA,
    &NOT_CRITICAL,
    &EMPTY,
    &FORM,
    &LEADING_DOT,
    &EXCLUDED,
    &NOT_PERMITTED,
    &UNDECIDABLE,
    &TOO_MANY,
];

/// The names of a certificate that constraints apply to.
struct Names<'a> {
    alternative: &'a [GeneralName],
    /// The subject, and its e-mail addresses where the alternative names have none.
    of_subject: Vec<GeneralName>,
}

impl<'a> Names<'a> {
    fn of(candidate: &'a Candidate<'_>, constraints: &NameConstraints) -> Self {
        let constrained = |kind: &GeneralName| {
            let mut bases = constraints.permitted.iter().chain(&constraints.excluded);
            bases.any(|base| discriminant(base) == discriminant(kind))
        };
        let alternative = candidate.extensions().names();
        let subject = candidate.certificate.subject();
        let mut of_subject = Vec::new();
        let directory = GeneralName::Directory(subject.clone());
        if !subject.is_empty() && constrained(&directory) {
            of_subject.push(directory);
        }
        let email = |name: &GeneralName| matches!(name, GeneralName::Email(_));
        if constrained(&GeneralName::Email(String::new())) && !alternative.iter().any(email) {
            let addresses = subject.values(AttributeType::EmailAddress);
            of_subject.extend(addresses.into_iter().map(GeneralName::Email));
        }
        Names {
            alternative,
            of_subject,
        }
    }

    fn count(&self) -> usize {
        self.alternative.len() + self.of_subject.len()
    }
}

fn compare(names: &Names<'_>, constraints: &NameConstraints, drafts: &mut Drafts) {
    let mut reported = 0;
    for name in names.alternative.iter().chain(&names.of_subject) {
        let Some((rule, base)) = verdict(name, constraints) else {
            continue;
        };
        drafts.with(rule, || match base {
            Some(base) => Evidence::instead(name, format_args!("nothing in {base}")),
            None => Evidence::instead(name, permitted(name, constraints)),
        });
        reported += 1;
        if reported == MAX_REPORTED {
            return;
        }
    }
}

/// Whether a CA with these constraints may issue for a name
/// ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)); no where it cannot be told.
pub fn is_permitted(name: &GeneralName, constraints: &NameConstraints) -> bool {
    verdict(name, constraints).is_none()
}

/// The rule that a name breaks, and the excluded subtree it lies in.
fn verdict<'c>(
    name: &GeneralName,
    constraints: &'c NameConstraints,
) -> Option<(&'static Rule, Option<&'c GeneralName>)> {
    for base in &constraints.excluded {
        match lies_in(name, base, Subtrees::Excluded) {
            Lies::Inside => return Some((&EXCLUDED, Some(base))),
            Lies::Unknown => return Some((&UNDECIDABLE, Some(base))),
            Lies::Outside | Lies::Elsewhere => {}
        }
    }
    let mut is_constrained = false;
    for base in &constraints.permitted {
        match lies_in(name, base, Subtrees::Permitted) {
            Lies::Inside => return None,
            Lies::Unknown => return Some((&UNDECIDABLE, None)),
            Lies::Outside => is_constrained = true,
            Lies::Elsewhere => {}
        }
    }
    is_constrained.then_some((&NOT_PERMITTED, None))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subtrees {
    Permitted,
    Excluded,
}

/// Where a name lies, seen from a subtree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lies {
    Inside,
    Outside,
    /// The subtree says nothing about names of this form.
    Elsewhere,
    /// One of the two cannot be understood, so that it must be refused.
    Unknown,
}

impl From<bool> for Lies {
    fn from(inside: bool) -> Self {
        if inside { Lies::Inside } else { Lies::Outside }
    }
}

fn lies_in(name: &GeneralName, base: &GeneralName, subtrees: Subtrees) -> Lies {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns(name, base, subtrees),
        (GeneralName::Email(name), GeneralName::Email(base)) => email(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => uri(name, base),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => ip(name, base),
        (GeneralName::Directory(name), GeneralName::Directory(base)) => directory(name, base),
        (GeneralName::Other(kind, _), GeneralName::Other(base, _)) if kind != base => {
            Lies::Elsewhere
        }
        (
            GeneralName::Dns(_)
            | GeneralName::Email(_)
            | GeneralName::Uri(_)
            | GeneralName::Ip(_)
            | GeneralName::Directory(_)
            | GeneralName::Other(..)
            | GeneralName::X400(_)
            | GeneralName::EdiParty(_)
            | GeneralName::RegisteredId(_),
            base,
        ) => {
            if discriminant(name) == discriminant(base) {
                Lies::Unknown
            } else {
                Lies::Elsewhere
            }
        }
    }
}

/// The base and every name with more labels before it. A wildcard lies in an excluded subtree as
/// soon as one of the names it stands for does (CVE-2025-61727).
fn dns(name: &str, base: &str, subtrees: Subtrees) -> Lies {
    let wildcard = name.strip_prefix("*.");
    if !is_host(wildcard.unwrap_or(name)) {
        return Lies::Unknown;
    }
    if base.is_empty() {
        return Lies::Inside;
    }
    let (base, only_below) = match base.strip_prefix('.') {
        Some(base) => (base, true),
        None => (base, false),
    };
    if !is_host(base) {
        return Lies::Unknown;
    }
    let reaches = match wildcard {
        Some(domain) if subtrees == Subtrees::Excluded => base
            .split_once('.')
            .is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(domain)),
        Some(_) | None => false,
    };
    let is_base = name.eq_ignore_ascii_case(base) && !only_below;
    Lies::from(is_base || is_below(name, base) || reaches)
}

/// A mailbox, all of a host, or all below a domain that begins with a dot. The local part counts
/// as it is written.
fn email(name: &str, base: &str) -> Lies {
    let Some((local, host)) = name.rsplit_once('@') else {
        return Lies::Unknown;
    };
    if !is_mailbox(name) || fault(&GeneralName::Email(base.to_owned())).is_some() {
        return Lies::Unknown;
    }
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => {
            Lies::from(local == base_local && host.eq_ignore_ascii_case(base_host))
        }
        None => Lies::from(is_within_host(host, base)),
    }
}

/// The host, or all below a domain that begins with a dot. A URI without a host name must be refused.
fn uri(name: &str, base: &str) -> Lies {
    match host_of(name) {
        Some(host) if is_host_or_domain(base) => Lies::from(is_within_host(host, base)),
        Some(_) | None => Lies::Unknown,
    }
}

fn ip(name: &[u8], base: &[u8]) -> Lies {
    if (name.len() != 4 && name.len() != 16) || !is_network(base) {
        return Lies::Unknown;
    }
    let (address, mask) = base.split_at(base.len() / 2);
    if address.len() != name.len() {
        return Lies::Outside;
    }
    let same = |((name, base), mask): ((&u8, &u8), &u8)| name & mask == base & mask;
    Lies::from(name.iter().zip(address).zip(mask).all(same))
}

fn directory(name: &DistinguishedName, base: &DistinguishedName) -> Lies {
    match (canonical(name.as_der()), canonical(base.as_der())) {
        (Ok(name), Ok(base)) => Lies::from(name.starts_with(&base)),
        (Ok(_), Err(_)) | (Err(_), Ok(_) | Err(_)) => Lies::Unknown,
    }
}

/// What is wrong with the way a subtree's base is written.
fn fault(base: &GeneralName) -> Option<&'static Rule> {
    let is_well_formed = match base {
        GeneralName::Dns(text) => match text.strip_prefix('.') {
            Some(rest) if is_host(rest) => return Some(&LEADING_DOT),
            Some(_) => false,
            None => text.is_empty() || is_host(text),
        },
        GeneralName::Email(text) => is_mailbox(text) || is_host_or_domain(text),
        GeneralName::Uri(text) => is_host_or_domain(text),
        GeneralName::Ip(octets) => is_network(octets),
        GeneralName::Directory(name) => name.fault().is_none(),
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => true,
    };
    (!is_well_formed).then_some(&FORM)
}

/// The subtrees a name would have to lie in.
fn permitted(name: &GeneralName, constraints: &NameConstraints) -> String {
    let same = constraints
        .permitted
        .iter()
        .filter(|base| discriminant(*base) == discriminant(name));
    let bases: Vec<_> = same
        .take(MAX_REPORTED)
        .map(|base| base.to_string())
        .collect();
    format!("something in {}", bases.join(", "))
}

fn is_below(name: &str, domain: &str) -> bool {
    let Some(split) = name.len().checked_sub(domain.len() + 1) else {
        return false;
    };
    name.as_bytes()[split] == b'.'
        && name.as_bytes()[split + 1..].eq_ignore_ascii_case(domain.as_bytes())
}

fn is_within_host(host: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(domain) => is_below(host, domain),
        None => base.is_empty() || host.eq_ignore_ascii_case(base),
    }
}

fn is_host_or_domain(text: &str) -> bool {
    text.is_empty() || is_host(text.strip_prefix('.').unwrap_or(text))
}

/// An address and a mask that is ones and then zeros.
fn is_network(octets: &[u8]) -> bool {
    if octets.len() != 8 && octets.len() != 32 {
        return false;
    }
    let mut bits = octets[octets.len() / 2..]
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    bits.by_ref().find(|bit| *bit == 0);
    bits.all(|bit| bit == 0)
}

/// The host name of a URI with an authority; `None` where it has none, or an address for it.
fn host_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    (is_host(host) && !is_address).then_some(host)
}

/// As rustls-webpki and Go have it: more is no honest certificate but an attempt to take time.
const MAX_COMPARISONS: usize = 250_000;
const MAX_REPORTED: usize = 8;

static NOT_A_CA: Rule = Rule {
    id: "name-constraints-without-ca",
    sentence: "it constrains names, though it is no CA",
    hint: "have it issued anew without nameConstraints",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::CONFORMANCE,
};
static NOT_CRITICAL: Rule = Rule {
    id: "name-constraints-not-critical",
    sentence: "its nameConstraints are not critical, so that old programs overlook them",
    hint: "make the CA anew with critical nameConstraints",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::RFC_ONLY,
};
static EMPTY: Rule = Rule {
    id: "name-constraints-empty",
    sentence: "its nameConstraints constrain nothing",
    hint: "make the CA anew without nameConstraints, or with a subtree",
    reference: "RFC 5280 §4.2.1.10, CABF BR §7.1.2.5.2",
    severities: Severities::CONFORMANCE,
};
static FORM: Rule = Rule {
    id: "name-constraint-malformed",
    sentence: "one of its name constraints has no meaning",
    hint: "make the CA anew with host names, networks with a mask, mailboxes or hosts",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::DECISIVE,
};
static LEADING_DOT: Rule = Rule {
    id: "name-constraint-leading-dot",
    sentence: "a DNS constraint begins with a dot, which programs read in two ways",
    hint: "make the CA anew with the constraint without its dot",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::RFC_ONLY,
};
static EXCLUDED: Rule = Rule {
    id: "name-excluded",
    sentence: "one of its names lies where a CA above it may not issue",
    hint: "issue it for another name, or from another CA",
    reference: "RFC 5280 §6.1.3 (c)",
    severities: Severities::DECISIVE,
};
static NOT_PERMITTED: Rule = Rule {
    id: "name-not-permitted",
    sentence: "one of its names lies outside of what a CA above it may issue for",
    hint: "issue it for a name within the constraints, or from another CA",
    reference: "RFC 5280 §6.1.3 (b)",
    severities: Severities::DECISIVE,
};
static UNDECIDABLE: Rule = Rule {
    id: "name-constraint-undecidable",
    sentence: "a CA above it constrains names of this form, and it cannot be told whether this one fits",
    hint: "issue it for a well-formed name with a host in it",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::DECISIVE,
};
static TOO_MANY: Rule = Rule {
    id: "name-constraints-too-many",
    sentence: "its constraints and the names below are too many to compare",
    hint: "issue for fewer names; no program takes so many",
    reference: "RFC 5280 §8",
    severities: Severities::DECISIVE,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_lies_in_an_excluded_subtree_that_it_reaches_into() {
        let excluded = |name, base| dns(name, base, Subtrees::Excluded) == Lies::Inside;
        assert!(excluded("*.example.com", "bar.example.com"));
        assert!(!excluded("*.example.com", "a.bar.example.com"));
        assert!(!excluded("*.example.com", "bar.example.org"));
        let permitted = |name, base| dns(name, base, Subtrees::Permitted) == Lies::Inside;
        assert!(!permitted("*.example.com", "bar.example.com"));
        assert!(permitted("*.bar.example.com", "bar.example.com"));
    }

    #[test]
    fn a_mask_has_ones_first() {
        assert!(is_network(&[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(is_network(&[0; 8]));
        assert!(!is_network(&[10, 0, 0, 0, 255, 0, 255, 0]));
        assert!(!is_network(&[10, 0, 0, 0]));
    }

    #[test]
    fn a_uri_without_a_host_name_cannot_be_told() {
        assert_eq!(host_of("https://u@a.example:1/b"), Some("a.example"));
        for uri in [
            "urn:a:b",
            "https://10.0.0.1/",
            "https://[::1]/",
            "mailto:a@b",
        ] {
            assert_eq!(host_of(uri), None);
        }
    }
}
