//! Identifiers: what certificates are ordered for ([RFC 8555 §9.7.7](https://www.rfc-editor.org/rfc/rfc8555#section-9.7.7),
//! [RFC 8738](https://www.rfc-editor.org/rfc/rfc8738)).

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::problem::{Problem, ProblemType};
use crate::pki::san::{SubjectAltName, TypedName};

/// A name that an account orders a certificate for. A wildcard keeps its `*.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub(super) enum Identifier {
    /// A host name in lower case, in ASCII.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// An identifier as it is requested.
#[derive(Debug, Deserialize)]
pub(super) struct RequestedIdentifier {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

impl RequestedIdentifier {
    /// A host name.
    pub(super) fn dns(name: &str) -> Self {
        RequestedIdentifier {
            kind: "dns".into(),
            value: name.to_owned(),
        }
    }

    /// The identifier, unless no certificate can be for it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn read(&self) -> Result<Identifier, Problem> {
        match self.kind.as_str() {
            "dns" => dns(&self.value).map_err(|what| self.refused(what)),
            "ip" => ip(&self.value).map_err(|what| self.refused(what)),
            other => Err(Problem::new(
                ProblemType::UnsupportedIdentifier,
                format!("identifiers of type '{other}' are not supported, only dns and ip"),
            )),
        }
    }

    fn refused(&self, what: &str) -> Problem {
        let detail = format!("'{}': {what}", self.value);
        Problem::new(ProblemType::RejectedIdentifier, detail)
    }
}

impl Identifier {
    /// The name of a certificate.
    pub(super) fn name(&self) -> SubjectAltName {
        match self {
            Identifier::Dns(name) => SubjectAltName::Dns(name.clone()),
            Identifier::Ip(address) => SubjectAltName::Ip(*address),
        }
    }

    /// The name of a certificate, as one that was asked for.
    pub(super) fn typed(&self) -> TypedName {
        TypedName {
            name: self.name(),
            notes: Vec::new(),
        }
    }

    /// Whether it is a wildcard.
    pub(super) fn is_wildcard(&self) -> bool {
        matches!(self, Identifier::Dns(name) if name.starts_with(WILDCARD))
    }

    /// What is validated: a wildcard's domain without `*.` (RFC 8555 §7.1.4).
    pub(super) fn validated(&self) -> Identifier {
        match self {
            Identifier::Dns(name) => {
                Identifier::Dns(name.strip_prefix(WILDCARD).unwrap_or(name).to_owned())
            }
            Identifier::Ip(address) => Identifier::Ip(*address),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identifier::Dns(name) => f.write_str(name),
            Identifier::Ip(address) => address.fmt(f),
        }
    }
}

fn dns(text: &str) -> Result<Identifier, &'static str> {
    if !text.is_ascii() {
        return Err("an internationalized name is ordered in its ASCII form (xn--…)");
    }
    if text.contains('_') {
        return Err("a host name has no underscore");
    }
    if text.ends_with('.') || text.contains("..") {
        return Err("a label is empty");
    }
    match format!("dns:{text}").parse::<SubjectAltName>() {
        Ok(SubjectAltName::Dns(name)) if name == text.to_ascii_lowercase() => {
            Ok(Identifier::Dns(name))
        }
        Ok(_) => Err("not a host name in its canonical form"),
        Err(_) => Err("not a host name"),
    }
}

fn ip(text: &str) -> Result<Identifier, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "not an IP address")?;
    if address.to_string() != text {
        return Err("not the canonical form of an address (RFC 5952)");
    }
    if address.is_unspecified() || address.is_multicast() {
        return Err("not the address of a host");
    }
    if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return Err("an IPv4 address is ordered as such");
    }
    Ok(Identifier::Ip(address))
}

const WILDCARD: &str = "*.";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, value: &str) -> Result<Identifier, Problem> {
        RequestedIdentifier {
            kind: kind.into(),
            value: value.into(),
        }
        .read()
    }

    #[test]
    fn a_host_name_is_read_in_lower_case() {
        for (text, name) in [
            ("a.example.org", "a.example.org"),
            ("A.Example.ORG", "a.example.org"),
            ("localhost", "localhost"),
            ("*.example.org", "*.example.org"),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ] {
            assert_eq!(read("dns", text).unwrap(), Identifier::Dns(name.into()));
        }
        let wildcard = read("dns", "*.example.org").unwrap();
        assert!(wildcard.is_wildcard());
        assert_eq!(wildcard.validated().to_string(), "example.org");
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a.",
            "a_b.example",
            "-a.example",
            "a-.example",
            "1",
            "127.0.0.1",
            "1.2",
            "0x7f",
            "::1",
            "[::1]",
            "a b",
            "a\n",
            "a:80",
            "https://a",
            "*",
            "*.",
            "*.org",
            "a.*.org",
            "**.a.org",
            "*a.example.org",
            "*.*.example.org",
            "münchen.example",
            "a@b.example",
            "a/b",
            "xn--a",
            "a\u{0}b",
            "\u{202e}",
        ] {
            let problem = read("dns", text).unwrap_err();
            assert_eq!(problem.kind, ProblemType::RejectedIdentifier, "{text}");
        }
        assert!(read("dns", &format!("{}.example", "a".repeat(64))).is_err());
        assert!(read("dns", &"a.".repeat(127)).is_err());
        let problem = read("email", "a@b.example").unwrap_err();
        assert_eq!(problem.kind, ProblemType::UnsupportedIdentifier);
    }

    #[test]
    fn an_address_is_read_in_its_canonical_form() {
        for text in ["192.0.2.1", "2001:db8::1", "127.0.0.1", "::1"] {
            assert_eq!(read("ip", text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "0.0.0.0",
            "::",
            "192.0.2.01",
            "192.0.2",
            "2001:DB8::1",
            "2001:db8:0::1",
            "ff02::1",
            "::ffff:192.0.2.1",
            "fe80::1%eth0",
            "[::1]",
            "a.example",
            "192.0.2.1/24",
        ] {
            assert!(read("ip", text).is_err(), "{text}");
        }
    }
}
