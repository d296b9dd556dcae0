//! NAME_CONSTRAINTS_check: names compared with constraints in the order and with the blind spots that
//! OpenSSL and BoringSSL share.

use std::mem::discriminant;
use std::net::IpAddr;

use super::chain::Fault;
use super::quirks::{Quirks, loose_names};
use crate::path::name_constraints::{Position, Subtrees, position};
use crate::path::names::is_host;
use crate::path::pool::{Candidate, value};
use crate::pki::certificate::Certificate;
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

/// Which of grpc-core's two checks a name fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrpcCoreRefusal {
    /// The verifier's, during the handshake.
    Handshake,
    /// That of the call's host, afterwards.
    Call,
}

/// grpc-core: the host-name verifier, then the check of the call's host.
///
/// The second one is skipped if `grpc.ssl_target_name_override` gives the name, and strict for a name that is
/// dialled as it is. A name that cannot be local counts as overridden.
pub(super) fn grpc_core(certificate: &Certificate, host: &str) -> Result<(), GrpcCoreRefusal> {
    let names = certificate
        .subject_alt_names()
        .ok()
        .flatten()
        .unwrap_or_default();
    let common_name = certificate.subject().values(AttributeType::CommonName);
    let common_name = common_name.first().map(String::as_str);
    if !verifies(&names, common_name, host) {
        return Err(GrpcCoreRefusal::Handshake);
    }
    if is_local(host) && !matches_call(&names, common_name, host) {
        return Err(GrpcCoreRefusal::Call);
    }
    Ok(())
}

fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Node's tls.checkServerIdentity: why the name does not fit.
pub(super) fn grpc_js(certificate: &Certificate, host: &str) -> Result<(), String> {
    let names = loose_names(certificate).unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    let dns: Vec<&str> = names.iter().filter_map(GeneralName::dns).collect();
    if let Ok(address) = host.parse::<IpAddr>() {
        let listed: Vec<IpAddr> = names.iter().filter_map(GeneralName::address).collect();
        if listed.contains(&address) {
            return Ok(());
        }
        let listed: Vec<String> = listed.iter().map(IpAddr::to_string).collect();
        return Err(format!(
            "IP: {host} is not in the cert's list: {}",
            listed.join(", ")
        ));
    }
    if !dns.is_empty() {
        if dns.iter().any(|pattern| node_covers(pattern, host)) {
            return Ok(());
        }
        let listed: Vec<String> = names.iter().map(node_text).collect();
        return Err(format!(
            "Host: {host}. is not in the cert's altnames: {}",
            listed.join(", ")
        ));
    }
    let common_names = certificate.subject().values(AttributeType::CommonName);
    if common_names.iter().any(|name| node_covers(name, host)) {
        Ok(())
    } else if common_names.is_empty() {
        Err("Cert does not contain a DNS name".to_owned())
    } else {
        Err(format!(
            "Host: {host}. is not cert's CN: {}",
            common_names.join(",")
        ))
    }
}

/// The first names of a certificate, and how many more there are.
pub(super) fn summary(certificate: &Certificate) -> String {
    let names = loose_names(certificate).unwrap_or_default();
    let texts: Vec<String> = names
        .iter()
        .take(MAX_SHOWN)
        .map(GeneralName::to_string)
        .collect();
    match (texts.as_slice(), names.len() - texts.len()) {
        ([], _) => "no subjectAltName".to_owned(),
        (_, 0) => texts.join(", "),
        (_, more) => format!("{} and {more} more", texts.join(", ")),
    }
}

/// HostNameCertificateVerifier::Verify.
fn verifies(names: &[GeneralName], common_name: Option<&str>, host: &str) -> bool {
    let host = host.split_once('%').map_or(host, |(address, _)| address);
    let mut dns = names.iter().filter_map(GeneralName::dns).peekable();
    let has_dns = dns.peek().is_some();
    let mut addresses = names.iter().filter_map(GeneralName::address);
    if dns.any(|pattern| verifier_covers(pattern, host))
        || addresses.any(|address| address.to_string() == host)
    {
        return true;
    }
    !has_dns && common_name.is_some_and(|name| verifier_covers(name, host))
}

/// VerifySubjectAlternativeName.
fn verifier_covers(pattern: &str, host: &str) -> bool {
    // It is passed as a C string, which ends at the first NUL.
    let pattern = pattern.split('\0').next().unwrap_or(pattern);
    let is_bad = |name: &str| name.is_empty() || name.starts_with('.');
    if is_bad(pattern) || is_bad(host) {
        return false;
    }
    let absolute = |name: &str| {
        let name = name.to_ascii_lowercase();
        if name.ends_with('.') {
            name
        } else {
            name + "."
        }
    };
    let (pattern, host) = (absolute(pattern), absolute(host));
    if !pattern.contains('*') {
        return pattern == host;
    }
    let Some(suffix) = pattern.strip_prefix('*') else {
        return false;
    };
    if !suffix.starts_with('.') || suffix == "." || suffix.contains('*') {
        return false;
    }
    host.strip_suffix(suffix)
        .is_some_and(|label| !label.contains('.'))
}

/// tsi_ssl_peer_matches_name: names of every kind count, as text.
fn matches_call(names: &[GeneralName], common_name: Option<&str>, host: &str) -> bool {
    let is_address = looks_like_address(host);
    let fits = |entry: &str| {
        if is_address {
            entry == host
        } else {
            call_covers(entry, host)
        }
    };
    let text = |name: &GeneralName| match name {
        GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text) => text.clone(),
        GeneralName::Ip(_) => name.address().map(|a| a.to_string()).unwrap_or_default(),
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => "other types of SAN".to_owned(),
    };
    if names.iter().any(|name| fits(&text(name))) {
        return true;
    }
    names.is_empty() && !is_address && common_name.is_some_and(|name| call_covers(name, host))
}

/// does_entry_match_name.
fn call_covers(entry: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    if entry.is_empty() || entry.eq_ignore_ascii_case(host) {
        return !entry.is_empty();
    }
    let Some(domain) = entry.strip_prefix("*.").filter(|domain| !domain.is_empty()) else {
        return false;
    };
    host.split_once('.')
        .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain))
}

/// looks_like_ip_address: a rough guess.
fn looks_like_address(name: &str) -> bool {
    let (mut dots, mut digits) = (0, 0);
    for byte in name.bytes() {
        match byte {
            b':' => return true,
            b'0'..=b'9' if digits > 3 => return false,
            b'0'..=b'9' => digits += 1,
            b'.' if dots > 3 || digits == 0 => return false,
            b'.' => {
                dots += 1;
                digits = 0;
            }
            _ => return false,
        }
    }
    dots >= 3 && digits > 0
}

/// Node's check of one pattern: a wildcard may match part of the first label.
fn node_covers(pattern: &str, host: &str) -> bool {
    let pattern = pattern
        .strip_suffix('.')
        .unwrap_or(pattern)
        .to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    let patterns: Vec<&str> = pattern.split('.').collect();
    let hosts: Vec<&str> = host.split('.').collect();
    let is_bad =
        |label: &&str| label.is_empty() || !label.bytes().all(|b| (0x21..0x80).contains(&b));
    if patterns.len() != hosts.len() || patterns.iter().any(is_bad) || patterns[1..] != hosts[1..] {
        return false;
    }
    let (first, label) = (patterns[0], hosts[0]);
    let parts: Vec<&str> = first.split('*').collect();
    match parts.as_slice() {
        [_] => first == label,
        _ if first.contains("xn--") => first == label,
        [prefix, suffix] => {
            patterns.len() > 2
                && prefix.len() + suffix.len() <= label.len()
                && label.starts_with(prefix)
                && label.ends_with(suffix)
        }
        _ => false,
    }
}

/// A name as Node prints it.
fn node_text(name: &GeneralName) -> String {
    match name {
        GeneralName::Dns(text) => format!("DNS:{}", node_quoted(text)),
        GeneralName::Email(text) => format!("email:{}", node_quoted(text)),
        GeneralName::Uri(text) => format!("URI:{}", node_quoted(text)),
        GeneralName::Ip(_) => match name.address() {
            Some(address) => format!("IP Address:{address}"),
            None => "IP Address:<invalid>".to_owned(),
        },
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => name.to_string(),
    }
}

fn node_quoted(text: &str) -> String {
    let is_safe = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | ',' | '\'');
    if text.chars().all(is_safe) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            ' '..='~' => quoted.push(c),
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

const MAX_SHOWN: usize = 8;

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

#[cfg(test)]
mod host_tests {
    use super::*;

    #[test]
    fn each_stack_matches_patterns_in_its_own_way() {
        for (pattern, host, grpc_core, node) in [
            ("localhost", "LOCALHOST", true, true),
            ("svc.example.test.", "svc.example.test", true, true),
            ("*.example.test", "a.example.test", true, true),
            ("*.example.test", "a.b.example.test", false, false),
            ("*.example.test", "example.test", false, false),
            ("f*.example.test", "foo.example.test", false, true),
            ("*.test", "foo.test", true, false),
            ("*", "localhost", false, false),
            ("", "localhost", false, false),
            ("grpcs://localhost", "localhost", false, false),
            ("foo.test\0.evil.test", "foo.test", true, false),
            ("*.0.0.5", "10.0.0.5", true, true),
            ("xn--*.example.test", "xn--a.example.test", false, false),
        ] {
            assert_eq!(
                verifier_covers(pattern, host),
                grpc_core,
                "{pattern} {host}"
            );
            assert_eq!(node_covers(pattern, host), node, "{pattern} {host}");
        }
    }

    #[test]
    fn an_address_is_compared_as_text_in_a_call() {
        let names = [GeneralName::Dns("127.0.0.1".into())];
        assert!(matches_call(&names, None, "127.0.0.1"));
        assert!(!matches_call(&[], Some("127.0.0.1"), "127.0.0.1"));
        assert!(matches_call(&[], Some("localhost"), "localhost"));
        assert!(looks_like_address("::1") && !looks_like_address("1.2.3"));
    }

    #[test]
    fn node_quotes_names_that_could_look_like_two() {
        let name = |text: &str| node_text(&GeneralName::Dns(text.into()));
        assert_eq!(name("a.test"), "DNS:a.test");
        assert_eq!(name("a, DNS:b"), "DNS:\"a, DNS:b\"");
        assert_eq!(name("b\u{c3}"), "DNS:\"b\\u00c3\"");
    }
}
