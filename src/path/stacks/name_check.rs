//! NAME_CONSTRAINTS_check: names compared with constraints in the order and with the blind spots that
//! OpenSSL and BoringSSL share.

use std::mem::discriminant;

use super::fault::Fault;
use super::quirks::Quirks;
use crate::path::extension::value;
use crate::path::name_constraints::{Position, Subtrees, position};
use crate::path::names::is_host;
use crate::path::pool::Candidate;
use crate::pki::extension::NameConstraints;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;

/// The fault of a certificate's names under a CA's constraints. `compared` counts the comparisons so far
/// along the path.
pub(super) fn check(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    is_end_entity: bool,
    quirks: &Quirks,
    compared: &mut usize,
) -> Option<Fault> {
    let constraints = value(&issuer.extensions().name_constraints)?;
    let subject = candidate.certificate.subject();
    let names = candidate.extensions().names();
    let bases = constraints.permitted.len() + constraints.excluded.len();
    *compared = compared.saturating_add((names.len() + 1).saturating_mul(bases));
    if *compared > MAX_COMPARISONS {
        return Some(Fault::Unspecified);
    }
    let mut all = Vec::new();
    if !subject.is_empty() {
        all.push(GeneralName::Directory(subject.clone()));
        let addresses = subject.values(AttributeType::EmailAddress);
        all.extend(addresses.into_iter().map(GeneralName::Email));
    }
    let compared = |name| compare(name, constraints, quirks);
    if let Some(fault) = all.iter().chain(names).find_map(compared) {
        return Some(fault);
    }
    let has_dns = names.iter().any(|name| matches!(name, GeneralName::Dns(_)));
    if !is_end_entity || has_dns || !quirks.constrains_addresses {
        return None;
    }
    let common_names = subject.values(AttributeType::CommonName);
    let like_hosts = common_names
        .into_iter()
        .filter(|name| looks_like_host(name, 2));
    like_hosts
        .map(GeneralName::Dns)
        .find_map(|name| compare(&name, constraints, quirks))
}

/// Whether a common name would count as a host name without a SubjectAltName.
pub(super) fn has_host_for_common_name(candidate: &Candidate<'_>) -> bool {
    let names = candidate
        .certificate
        .subject()
        .values(AttributeType::CommonName);
    names.iter().any(|name| looks_like_host(name, 1))
}

fn compare(name: &GeneralName, constraints: &NameConstraints, quirks: &Quirks) -> Option<Fault> {
    let same = |base: &&GeneralName| discriminant(*base) == discriminant(name);
    let mut is_constrained = false;
    let mut is_permitted = false;
    for base in constraints.permitted.iter().filter(same) {
        is_constrained = true;
        if !is_permitted {
            match is_inside(name, base, Subtrees::Permitted, quirks) {
                Ok(inside) => is_permitted = inside,
                Err(fault) => return Some(fault),
            }
        }
    }
    if is_constrained && !is_permitted {
        return Some(Fault::Permitted);
    }
    for base in constraints.excluded.iter().filter(same) {
        match is_inside(name, base, Subtrees::Excluded, quirks) {
            Ok(true) => return Some(Fault::Excluded),
            Ok(false) => {}
            Err(fault) => return Some(fault),
        }
    }
    None
}

fn is_inside(
    name: &GeneralName,
    base: &GeneralName,
    subtrees: Subtrees,
    quirks: &Quirks,
) -> Result<bool, Fault> {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => Ok(dns(name, base, subtrees, quirks)),
        (GeneralName::Ip(_), GeneralName::Ip(_)) if !quirks.constrains_addresses => {
            Err(Fault::ConstraintType)
        }
        (GeneralName::Ip(_), GeneralName::Ip(_)) => {
            if name.address().is_none() || base.network().is_none() {
                return Err(Fault::NameSyntax);
            }
            Ok(position(name, base, subtrees) == Position::Inside)
        }
        (GeneralName::Uri(name), GeneralName::Uri(base)) => {
            let host = if quirks.constrains_addresses {
                openssl_host(name)
            } else {
                boring_ssl_host(name).filter(|_| !base.is_empty())
            };
            Ok(is_below(host.ok_or(Fault::NameSyntax)?, base))
        }
        (
            GeneralName::Dns(_)
            | GeneralName::Ip(_)
            | GeneralName::Email(_)
            | GeneralName::Uri(_)
            | GeneralName::Directory(_),
            base,
        ) => match position(name, base, subtrees) {
            Position::Inside => Ok(true),
            Position::Outside | Position::Elsewhere => Ok(false),
            Position::Unknown => Err(Fault::NameSyntax),
        },
        (
            GeneralName::Other(..)
            | GeneralName::X400(_)
            | GeneralName::EdiParty(_)
            | GeneralName::RegisteredId(_),
            _,
        ) => Err(Fault::ConstraintType),
    }
}

/// nc_dns: the name ends with the base; its form does not count.
fn dns(name: &str, base: &str, subtrees: Subtrees, quirks: &Quirks) -> bool {
    if base.is_empty() {
        return true;
    }
    let (mut name, mut base) = (name, base);
    if !quirks.constrains_addresses {
        name = name.strip_suffix('.').unwrap_or(name);
        base = base.strip_suffix('.').unwrap_or(base);
        let parent = base.split_once('.').map(|(_, parent)| parent);
        if subtrees == Subtrees::Excluded
            && let Some(domain) = name.strip_prefix("*.")
            && parent.is_some_and(|parent| parent.eq_ignore_ascii_case(domain))
        {
            return true;
        }
    }
    let (name, base) = (name.as_bytes(), base.as_bytes());
    let Some(start) = name.len().checked_sub(base.len()) else {
        return false;
    };
    let is_whole_label = start == 0 || base[0] == b'.' || name[start - 1] == b'.';
    is_whole_label && name[start..].eq_ignore_ascii_case(base)
}

/// nc_uri of OpenSSL 3.0: up to the first colon, else up to the first slash, user information included.
fn openssl_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let host = match rest.split_once(':') {
        Some((host, _)) => host,
        None => rest.split('/').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// nc_uri of BoringSSL, as measured: no user information, no address, and a host of letters, digits and hyphens.
fn boring_ssl_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next()?;
    let is_number = last.bytes().all(|b| b.is_ascii_digit());
    let is_fit = is_scheme
        && port.bytes().all(|b| b.is_ascii_digit())
        && !is_number
        && !host.contains('_')
        && is_host(host);
    is_fit.then_some(host)
}

/// Whether a host is the base, or is below it if the base begins with a dot.
fn is_below(host: &str, base: &str) -> bool {
    if base.starts_with('.') {
        let start = host
            .len()
            .checked_sub(base.len())
            .filter(|start| *start > 0);
        start.is_some_and(|start| host.as_bytes()[start..].eq_ignore_ascii_case(base.as_bytes()))
    } else {
        host.eq_ignore_ascii_case(base)
    }
}

/// Whether it has at least this number of labels of letters, digits, hyphens and underscores.
fn looks_like_host(name: &str, labels: usize) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    rest.split('.').count() >= labels && rest.split('.').all(is_label)
}

/// The limit of both libraries.
const MAX_COMPARISONS: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_uris_are_read_as_each_library_does() {
        for (uri, boring_ssl, openssl) in [
            ("https://a.example/b", Some("a.example"), Some("a.example")),
            ("https://a.example:1/", Some("a.example"), Some("a.example")),
            (
                "https://a.example?q",
                Some("a.example"),
                Some("a.example?q"),
            ),
            ("https://a.example./", Some("a.example"), Some("a.example.")),
            ("https://u@a.example/", None, Some("u@a.example")),
            ("https://u:p@a.example/", None, Some("u")),
            ("https://a.example:8443@b.example/", None, Some("a.example")),
            ("https://10.0.0.1/", None, Some("10.0.0.1")),
            ("https://a_b.example/", None, Some("a_b.example")),
            ("urn:a:b", None, None),
        ] {
            assert_eq!(boring_ssl_host(uri), boring_ssl, "{uri}");
            assert_eq!(openssl_host(uri), openssl, "{uri}");
        }
    }
}
