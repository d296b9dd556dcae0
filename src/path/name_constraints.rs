//! Name constraints ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).

use std::mem::discriminant;

use super::finding::{Drafts, Evidence, Role};
use super::identifiers::canonical;
use super::names::{is_host, is_mailbox};
use super::pool::{Candidate, value};
use crate::pki::extension::NameConstraints;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{AttributeType, DistinguishedName};

/// What is wrong with the name constraints a certificate holds, and whether it may hold any.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let Some(extension) = &candidate.extensions().name_constraints else {
        return;
    };
    if role == Role::EndEntity && !candidate.extensions().is_ca() {
        drafts.add("name-constraints-without-ca");
    }
    if !extension.critical {
        drafts.add("name-constraints-not-critical");
    }
    let Ok(constraints) = &extension.value else {
        return;
    };
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        drafts.add("name-constraints-empty");
    }
    let mut reported = 0;
    for base in constraints.permitted.iter().chain(&constraints.excluded) {
        if let Some(fault) = base_fault(base) {
            let rule = match fault {
                BaseFault::Malformed => "name-constraint-malformed",
                BaseFault::LeadingDot => "name-constraint-leading-dot",
            };
            drafts.with(rule, || Evidence::found(base));
            reported += 1;
            if reported == MAX_REPORTED {
                break;
            }
        }
    }
}

/// Checks a certificate's names against the constraints of a CA above it. `comparisons` counts the
/// comparisons so far, in this path and others.
pub(super) fn examine_below(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    comparisons: &mut usize,
    drafts: &mut Drafts,
) {
    let Some(constraints) = value(&issuer.extensions().name_constraints) else {
        return;
    };
    let names = Names::of(candidate, constraints);
    let is_ip = |name: &&GeneralName| matches!(name, GeneralName::Ip(_));
    let mut bases = constraints.permitted.iter().chain(&constraints.excluded);
    if bases.any(|base| is_ip(&base))
        && let Some(name) = names.alternative.iter().find(is_ip)
    {
        drafts.with("name-constraint-ip", || Evidence::found(name));
    }
    *comparisons = comparisons.saturating_add(names.comparisons(constraints));
    if *comparisons > MAX_COMPARISONS {
        drafts.with("name-constraints-too-many", || {
            Evidence::instead(
                format_args!("{comparisons} comparisons"),
                format_args!("at most {MAX_COMPARISONS}"),
            )
        });
    } else {
        compare(&names, constraints, drafts);
    }
}

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

    /// How much there is to compare: each name with each subtree, distinguished names at a price by their size.
    fn comparisons(&self, constraints: &NameConstraints) -> usize {
        fn directories<'n>(names: impl Iterator<Item = &'n GeneralName>) -> (usize, usize) {
            names
                .filter_map(GeneralName::directory)
                .fold((0, 0), |(count, bytes), name| {
                    (count + 1, bytes + name.as_der().len())
                })
        }
        let names = || self.alternative.iter().chain(&self.of_subject);
        let bases = || constraints.permitted.iter().chain(&constraints.excluded);
        let (name_count, name_bytes) = directories(names());
        let (base_count, base_bytes) = directories(bases());
        let bytes = name_count * base_bytes + base_count * name_bytes;
        names().count() * bases().count() + bytes / DIRECTORY_BYTES_PER_COMPARISON
    }
}

fn compare(names: &Names<'_>, constraints: &NameConstraints, drafts: &mut Drafts) {
    let mut reported = 0;
    for name in names.alternative.iter().chain(&names.of_subject) {
        let Some((rule, base)) = verdict(name, constraints) else {
            continue;
        };
        drafts.with(rule, || match base {
            Some(base) => Evidence::instead(name, format_args!("no name in {base}")),
            None => Evidence::instead(name, permitted(name, constraints)),
        });
        reported += 1;
        if reported == MAX_REPORTED {
            return;
        }
    }
}

/// Whether a CA with these constraints may issue for a name
/// ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)); no if it cannot be determined.
pub fn is_permitted(name: &GeneralName, constraints: &NameConstraints) -> bool {
    verdict(name, constraints).is_none()
}

/// The rule that a name breaks, and the excluded subtree it lies in.
fn verdict<'c>(
    name: &GeneralName,
    constraints: &'c NameConstraints,
) -> Option<(&'static str, Option<&'c GeneralName>)> {
    for base in &constraints.excluded {
        match position(name, base, Subtrees::Excluded) {
            Position::Inside => return Some(("name-excluded", Some(base))),
            Position::Unknown => return Some(("name-constraint-undecidable", Some(base))),
            Position::Outside | Position::Elsewhere => {}
        }
    }
    let mut is_constrained = false;
    for base in &constraints.permitted {
        match position(name, base, Subtrees::Permitted) {
            Position::Inside => return None,
            Position::Unknown => return Some(("name-constraint-undecidable", None)),
            Position::Outside => is_constrained = true,
            Position::Elsewhere => {}
        }
    }
    is_constrained.then_some(("name-not-permitted", None))
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
    format!("a name in {}", bases.join(", "))
}

/// The two kinds of subtrees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subtrees {
    Permitted,
    Excluded,
}

/// Where a name lies, seen from a subtree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    Inside,
    Outside,
    /// The subtree says nothing about names of this form.
    Elsewhere,
    /// One of the two cannot be understood, so it must be refused.
    Unknown,
}

impl From<bool> for Position {
    fn from(inside: bool) -> Self {
        if inside {
            Position::Inside
        } else {
            Position::Outside
        }
    }
}

/// Where a name lies, seen from the subtree with this base.
pub(super) fn position(name: &GeneralName, base: &GeneralName, subtrees: Subtrees) -> Position {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns(name, base, subtrees),
        (GeneralName::Email(name), GeneralName::Email(base)) => email(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => uri(name, base),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => ip(name, base),
        (GeneralName::Directory(name), GeneralName::Directory(base)) => directory(name, base),
        (GeneralName::Other(kind, _), GeneralName::Other(base, _)) if kind != base => {
            Position::Elsewhere
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
                Position::Unknown
            } else {
                Position::Elsewhere
            }
        }
    }
}

/// The base and every name with more labels before it. A wildcard lies in an excluded subtree as
/// soon as one of the names it stands for does (CVE-2025-61727).
fn dns(name: &str, base: &str, subtrees: Subtrees) -> Position {
    let wildcard = name.strip_prefix("*.");
    if !is_host(wildcard.unwrap_or(name)) {
        return Position::Unknown;
    }
    if base.is_empty() {
        return Position::Inside;
    }
    let (base, only_below) = match base.strip_prefix('.') {
        Some(base) => (base, true),
        None => (base, false),
    };
    if !is_host(base) {
        return Position::Unknown;
    }
    let reaches = match wildcard {
        Some(domain) if subtrees == Subtrees::Excluded => base
            .split_once('.')
            .is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(domain)),
        Some(_) | None => false,
    };
    let is_base = name.eq_ignore_ascii_case(base) && !only_below;
    Position::from(is_base || is_below(name, base) || reaches)
}

/// A mailbox, all of a host, or all below a domain that begins with a dot. The local part counts
/// exactly.
fn email(name: &str, base: &str) -> Position {
    let Some((local, host)) = name.rsplit_once('@') else {
        return Position::Unknown;
    };
    if !is_mailbox(name) || !is_email_base(base) {
        return Position::Unknown;
    }
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => {
            Position::from(local == base_local && host.eq_ignore_ascii_case(base_host))
        }
        None => Position::from(is_within_host(host, base)),
    }
}

/// The host, or all below a domain that begins with a dot. A URI without a host name must be refused.
fn uri(name: &str, base: &str) -> Position {
    match host_of(name).filter(|_| is_uri(name)) {
        Some(host) if is_host_or_domain(base) => Position::from(is_within_host(host, base)),
        Some(_) | None => Position::Unknown,
    }
}

/// Whether it has only the characters of a URI (RFC 3986 §2): programs read others, a backslash above all, as the end
/// of the host.
pub(super) fn is_uri(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte))
}

fn ip(name: &[u8], base: &[u8]) -> Position {
    if (name.len() != 4 && name.len() != 16) || !is_network(base) {
        return Position::Unknown;
    }
    let (address, mask) = base.split_at(base.len() / 2);
    if address.len() != name.len() {
        return Position::Outside;
    }
    let same = |((name, base), mask): ((&u8, &u8), &u8)| name & mask == base & mask;
    Position::from(name.iter().zip(address).zip(mask).all(same))
}

fn directory(name: &DistinguishedName, base: &DistinguishedName) -> Position {
    match (canonical(name.as_der()), canonical(base.as_der())) {
        (Ok(name), Ok(base)) => Position::from(name.starts_with(&base)),
        (Ok(_), Err(_)) | (Err(_), Ok(_) | Err(_)) => Position::Unknown,
    }
}

/// What is wrong with the form of a subtree's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BaseFault {
    /// It has no meaning.
    Malformed,
    /// A DNS name begins with a dot, which programs read in two ways.
    LeadingDot,
}

/// What is wrong with the form of a subtree's base.
pub(super) fn base_fault(base: &GeneralName) -> Option<BaseFault> {
    let is_well_formed = match base {
        GeneralName::Dns(text) => match text.strip_prefix('.') {
            Some(rest) if is_host(rest) => return Some(BaseFault::LeadingDot),
            Some(_) => false,
            None => text.is_empty() || is_host(text),
        },
        GeneralName::Email(text) => is_email_base(text),
        GeneralName::Uri(text) => is_host_or_domain(text),
        GeneralName::Ip(bytes) => is_network(bytes),
        GeneralName::Directory(name) => name.fault().is_none(),
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => true,
    };
    (!is_well_formed).then_some(BaseFault::Malformed)
}

fn is_email_base(text: &str) -> bool {
    is_mailbox(text) || is_host_or_domain(text)
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
fn is_network(bytes: &[u8]) -> bool {
    if bytes.len() != 8 && bytes.len() != 32 {
        return false;
    }
    let mut bits = bytes[bytes.len() / 2..]
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
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

/// The limit of rustls-webpki and Go: more is an attempt to use up time.
const MAX_COMPARISONS: usize = 250_000;
const DIRECTORY_BYTES_PER_COMPARISON: usize = 2;
const MAX_REPORTED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_lies_in_an_excluded_subtree_that_it_reaches_into() {
        let excluded = |name, base| dns(name, base, Subtrees::Excluded) == Position::Inside;
        assert!(excluded("*.example.com", "bar.example.com"));
        assert!(!excluded("*.example.com", "a.bar.example.com"));
        assert!(!excluded("*.example.com", "bar.example.org"));
        let permitted = |name, base| dns(name, base, Subtrees::Permitted) == Position::Inside;
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
    fn the_host_of_a_uri_is_unknown_unless_it_is_a_name() {
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
