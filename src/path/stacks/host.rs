//! Names as grpc-core and Node compare them; rustls-webpki compares its own.

use std::net::IpAddr;

use super::quirks::loose_names;
use crate::pki::certificate::Certificate;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;

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
    for octet in name.bytes() {
        match octet {
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
