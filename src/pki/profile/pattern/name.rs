//! Patterns of names of any type.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DnsPattern, EmailPattern, IpRange, PatternError, UriPattern};
use crate::pki::san::SubjectAltName;

/// A pattern of names, typed by its shape or by a prefix (`dns:`, `ip:`, `uri:`, `email:`), as in
/// [`SubjectAltName`]: `*.agents.example.org`, `10.0.0.0/8`, `spiffe://example.org/agent/*`, `*@example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum NamePattern {
    /// Of DNS names.
    Dns(DnsPattern),
    /// Of IP addresses.
    Ip(IpRange),
    /// Of URIs.
    Uri(UriPattern),
    /// Of e-mail addresses.
    Email(EmailPattern),
}

impl NamePattern {
    /// Whether a name is of this pattern.
    pub fn covers(&self, name: &SubjectAltName) -> bool {
        match (self, name) {
            (NamePattern::Dns(pattern), SubjectAltName::Dns(name)) => pattern.covers(name),
            (NamePattern::Ip(range), SubjectAltName::Ip(address)) => range.covers(*address),
            (NamePattern::Uri(pattern), SubjectAltName::Uri(uri)) => pattern.covers(uri),
            (NamePattern::Email(pattern), SubjectAltName::Email(name)) => pattern.covers(name),
            (
                NamePattern::Dns(_)
                | NamePattern::Ip(_)
                | NamePattern::Uri(_)
                | NamePattern::Email(_),
                _,
            ) => false,
        }
    }

    /// The one name that it covers; `None` when it covers several.
    pub fn literal(&self) -> Option<SubjectAltName> {
        let text = self.to_string();
        if text.contains('*') {
            return None;
        }
        let name: SubjectAltName = text.parse().ok()?;
        self.covers(&name).then_some(name)
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if let Some((prefix, rest)) = text.split_once(':') {
            match prefix {
                "dns" => return rest.parse().map(NamePattern::Dns),
                "ip" => return rest.parse().map(NamePattern::Ip),
                "uri" => return rest.parse().map(NamePattern::Uri),
                "email" => return rest.parse().map(NamePattern::Email),
                _ => {}
            }
        }
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        if address.parse::<IpAddr>().is_ok() {
            text.parse().map(NamePattern::Ip)
        } else if text.contains("://") || text.starts_with("urn:") {
            text.parse().map(NamePattern::Uri)
        } else if text.contains('@') {
            text.parse().map(NamePattern::Email)
        } else {
            text.parse().map(NamePattern::Dns)
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamePattern::Dns(pattern) => pattern.fmt(f),
            NamePattern::Ip(range) => range.fmt(f),
            NamePattern::Uri(pattern) => pattern.fmt(f),
            NamePattern::Email(pattern) => pattern.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_typed_by_its_shape_and_reads_back() {
        for (text, covered, not) in [
            ("a.example", "dns:a.example", "dns:b.a.example"),
            ("*.a.example", "dns:b.a.example", "dns:a.example"),
            ("10.0.0.0/8", "ip:10.1.2.3", "ip:11.0.0.1"),
            ("::1", "ip:::1", "ip:::2"),
            ("spiffe://t/a/*", "uri:spiffe://t/a/b", "uri:spiffe://t/b"),
            ("*@a.example", "email:joe@a.example", "dns:a.example"),
        ] {
            let pattern: NamePattern = text.parse().unwrap();
            assert_eq!(pattern.to_string().parse::<NamePattern>().unwrap(), pattern);
            assert!(pattern.covers(&covered.parse().unwrap()), "{text}");
            assert!(!pattern.covers(&not.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_pattern_of_one_name_gives_it() {
        let literal = |text: &str| text.parse::<NamePattern>().unwrap().literal();
        assert_eq!(literal("a.example"), Some("dns:a.example".parse().unwrap()));
        assert_eq!(literal("10.0.0.7"), Some("ip:10.0.0.7".parse().unwrap()));
        assert_eq!(literal("10.0.0.0/8"), None);
        assert_eq!(literal("*.example"), None);
    }
}
