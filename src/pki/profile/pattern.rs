//! Patterns of names a profile permits or refuses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::pki::san::{NameError, SubjectAltName};

/// Not a pattern of names.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Its wildcards or bounds are not what they can be.
    #[error("not a pattern: '{}': {what}", text.escape_debug())]
    Shape {
        /// The text as given.
        text: String,
        /// The fault.
        what: &'static str,
    },
    /// What is left without the wildcards is no name.
    #[error("not a pattern: {0}")]
    Name(#[from] NameError),
}

impl PatternError {
    fn shape(text: &str, what: &'static str) -> Self {
        let text = text.to_owned();
        PatternError::Shape { text, what }
    }
}

/// Has serde go through the text of a type.
macro_rules! as_text {
    ($($pattern:ty),*) => {
        $(impl TryFrom<String> for $pattern {
            type Error = PatternError;

            fn try_from(text: String) -> Result<Self, PatternError> {
                text.parse()
            }
        }

        impl From<$pattern> for String {
            fn from(pattern: $pattern) -> String {
                pattern.to_string()
            }
        })*
    };
}

as_text!(DnsPattern, IpRange, UriPattern, EmailPattern, NamePattern);

/// A pattern of DNS names.
///
/// `a.example.org` is that name alone; `*.example.org` every name with one label more;
/// `**.example.org`, or `.example.org`, every name with one or more labels more. `*` is every name of
/// one label, `**` every name. A wildcard name stands for all it covers: it is permitted where all of
/// them are, and refused where one of them is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsPattern {
    depth: Depth,
    /// Lower-case A-labels; empty for `*` and `**`.
    base: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The name itself.
    Itself,
    /// One label below it.
    One,
    /// Any number of labels below it.
    Any,
}

impl DnsPattern {
    /// Whether every host a name stands for is of this pattern.
    pub fn covers(&self, name: &str) -> bool {
        let (first, rest) = split(name);
        match self.depth {
            Depth::Itself => first != "*" && name == self.base,
            Depth::One => rest == self.base,
            Depth::Any => self.is_base_or_above(rest),
        }
    }

    /// Whether some host a name stands for is of this pattern.
    pub fn meets(&self, name: &str) -> bool {
        let (first, rest) = split(name);
        match self.depth {
            Depth::Itself if first == "*" => split(&self.base).1 == rest,
            Depth::Itself | Depth::One | Depth::Any => self.covers(name),
        }
    }

    /// Whether `name` is the base or lies below it.
    fn is_base_or_above(&self, name: &str) -> bool {
        let below = name
            .strip_suffix(&self.base)
            .is_some_and(|labels| labels.ends_with('.'));
        self.base.is_empty() || name == self.base || below
    }
}

impl FromStr for DnsPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (depth, base) = match text {
            "*" => (Depth::One, ""),
            "**" => (Depth::Any, ""),
            text => match text.split_once('.') {
                Some(("*", base)) => (Depth::One, base),
                Some(("**" | "", base)) => (Depth::Any, base),
                Some(_) | None => (Depth::Itself, text),
            },
        };
        if base.is_empty() && text.trim_matches('*').is_empty() && !text.is_empty() {
            let base = String::new();
            return Ok(DnsPattern { depth, base });
        }
        if base.contains('*') {
            let what = "'*' stands for the whole first label, '**' for one or more";
            return Err(PatternError::shape(text, what));
        }
        match format!("dns:{base}").parse()? {
            SubjectAltName::Dns(base) => Ok(DnsPattern { depth, base }),
            SubjectAltName::Ip(_) | SubjectAltName::Uri(_) | SubjectAltName::Email(_) => {
                Err(PatternError::shape(text, "it is not a host name"))
            }
        }
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stars = match self.depth {
            Depth::Itself => return f.write_str(&self.base),
            Depth::One => "*",
            Depth::Any => "**",
        };
        let dot = if self.base.is_empty() { "" } else { "." };
        write!(f, "{stars}{dot}{}", self.base)
    }
}

/// The first label, and the rest; nothing for the rest of a name of one label.
fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

/// A pattern of e-mail addresses: `joe@example.org`, `*@example.org`, or `*@` and any pattern of
/// [`DnsPattern`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailPattern {
    /// `None` for any.
    mailbox: Option<String>,
    host: DnsPattern,
}

impl EmailPattern {
    /// Whether an address is of this pattern.
    pub fn covers(&self, address: &str) -> bool {
        let Some((mailbox, host)) = address.rsplit_once('@') else {
            return false;
        };
        self.mailbox.as_ref().is_none_or(|wanted| wanted == mailbox) && self.host.covers(host)
    }
}

impl FromStr for EmailPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let Some((mailbox, host)) = text.rsplit_once('@') else {
            return Err(PatternError::shape(
                text,
                "it has no '@', as in *@example.org",
            ));
        };
        let mailbox = match mailbox {
            "*" => None,
            mailbox if mailbox.contains('*') => {
                return Err(PatternError::shape(text, "'*' stands for a whole mailbox"));
            }
            mailbox => {
                format!("email:{mailbox}@example.org").parse::<SubjectAltName>()?;
                Some(mailbox.to_owned())
            }
        };
        let host = host.parse()?;
        Ok(EmailPattern { mailbox, host })
    }
}

impl fmt::Display for EmailPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mailbox = self.mailbox.as_deref().unwrap_or("*");
        write!(f, "{mailbox}@{}", self.host)
    }
}

/// A range of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
///
/// An IPv4 address written as an IPv6 one (`::ffff:10.0.0.7`) is the IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpRange {
    address: IpAddr,
    prefix: u8,
}

impl IpRange {
    /// The address, when the range is only one.
    pub fn only(&self) -> Option<IpAddr> {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        (self.prefix == bits).then_some(self.address)
    }

    /// Whether an address lies in the range.
    pub fn covers(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                leading(u128::from(range.to_bits()) << 96, self.prefix)
                    == leading(u128::from(address.to_bits()) << 96, self.prefix)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                leading(range.to_bits(), self.prefix) == leading(address.to_bits(), self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for IpRange {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = |what| PatternError::shape(text, what);
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| wrong("it is neither an IP address nor a range such as 10.0.0.0/8"))?;
        let (bits, most) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let prefix = match prefix {
            None => most,
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => prefix
                .parse()
                .ok()
                .filter(|&prefix| prefix <= most)
                .ok_or_else(|| wrong("its prefix is longer than the address"))?,
            Some(_) => return Err(wrong("its prefix is no number of bits")),
        };
        if leading(bits, prefix) != bits {
            return Err(wrong("its address has bits beyond the prefix"));
        }
        if address != address.to_canonical() {
            return Err(wrong("write the IPv4 address itself"));
        }
        Ok(IpRange { address, prefix })
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The first bits, the others cleared.
fn leading(bits: u128, prefix: u8) -> u128 {
    bits & !u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// A pattern of URIs: `spiffe://example.org/agent/*`.
///
/// It is compared a segment at a time, as they stand between the slashes: `*` is any one segment, a
/// final `**` one or more. Neither is a segment that a reader would drop (`.` and `..`, percent-encoded
/// or not).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct UriPattern(String);

impl UriPattern {
    /// Whether a URI is of this pattern.
    pub fn covers(&self, uri: &str) -> bool {
        self.matches(uri, is_plain)
    }

    /// Whether some reader may take a URI for one of this pattern: with or without its query and fragment, and
    /// whatever its segments contain.
    pub fn meets(&self, uri: &str) -> bool {
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        self.matches(uri, |_| true) || self.matches(path, |_| true)
    }

    fn matches(&self, uri: &str, may_stand_for: impl Fn(&str) -> bool) -> bool {
        let mut segments = uri.split('/');
        for (i, wanted) in self.0.split('/').enumerate() {
            let matches = match (wanted, segments.next()) {
                ("*", Some(segment)) => may_stand_for(segment),
                ("**", Some(segment)) => {
                    return may_stand_for(segment) && segments.all(may_stand_for);
                }
                // Scheme and authority, the parts before the path, know no case (RFC 3986 §6.2.2.1).
                (wanted, Some(segment)) if i < 3 => wanted.eq_ignore_ascii_case(segment),
                (wanted, Some(segment)) => wanted == segment,
                (_, None) => false,
            };
            if !matches {
                return false;
            }
        }
        segments.next().is_none()
    }
}

impl FromStr for UriPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let segments: Vec<&str> = text.split('/').collect();
        let misplaced = segments.iter().enumerate().any(|(i, segment)| {
            let last = i + 1 == segments.len();
            segment.contains('*') && *segment != "*" && !(*segment == "**" && last)
        });
        if misplaced {
            let what = "'*' stands for a whole segment between slashes, '**' for all that are left";
            return Err(PatternError::shape(text, what));
        }
        if segments[0].contains('*') {
            return Err(PatternError::shape(text, "its scheme is a wildcard"));
        }
        format!("uri:{}", text.replace('*', "x")).parse::<SubjectAltName>()?;
        Ok(UriPattern(text.to_owned()))
    }
}

impl fmt::Display for UriPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether every reader takes this for one segment of a path, and no reader drops it: it has no query or fragment,
/// no dot segment and no encoded slash.
fn is_plain(segment: &str) -> bool {
    let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
    !matches!(decoded.as_str(), "" | "." | "..")
        && !decoded.contains("%2f")
        && !decoded.contains(['?', '#', '\\'])
}

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
            NamePattern::Ip(range) => match range.only() {
                Some(address) => address.fmt(f),
                None => range.fmt(f),
            },
            NamePattern::Uri(pattern) => pattern.fmt(f),
            NamePattern::Email(pattern) => pattern.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_parses_reads_back_from_what_it_shows(text in "[*a-z0-9.:/@-]{0,24}") {
            if let Ok(pattern) = text.parse::<DnsPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<DnsPattern>().unwrap(), pattern);
            }
            if let Ok(range) = text.parse::<IpRange>() {
                prop_assert_eq!(range.to_string().parse::<IpRange>().unwrap(), range);
            }
            if let Ok(pattern) = text.parse::<UriPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<UriPattern>().unwrap(), pattern);
            }
            if let Ok(pattern) = text.parse::<EmailPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<EmailPattern>().unwrap(), pattern);
            }
        }

        #[test]
        fn what_is_covered_is_met(pattern in "(\\*\\*?\\.)?[ab](\\.[ab]){0,2}", name in "(\\*\\.)?[ab](\\.[ab]){1,3}") {
            let pattern: DnsPattern = pattern.parse().unwrap();
            prop_assert!(!pattern.covers(&name) || pattern.meets(&name));
        }
    }
}

#[cfg(test)]
mod dns_tests {
    use super::*;

    #[test]
    fn dns_patterns_cover_a_name_one_label_or_any_depth() {
        for (pattern, covered, not) in [
            (
                "a.example",
                &["a.example"][..],
                &["b.a.example", "*.example", "xa.example"][..],
            ),
            (
                "*.example",
                &["a.example", "*.example"],
                &["example", "b.a.example", "*.a.example"],
            ),
            (
                "**.example",
                &["a.example", "b.a.example", "*.example", "*.a.example"],
                &["example", "aexample"],
            ),
            (".example", &["b.a.example"], &["example"]),
            ("*", &["localhost"], &["a.example"]),
            ("**", &["localhost", "a.example", "*.a.example"], &[]),
            (
                "B\u{fc}cher.example",
                &["xn--bcher-kva.example"],
                &["bucher.example"],
            ),
        ] {
            let parsed: DnsPattern = pattern.parse().unwrap();
            assert_eq!(parsed.to_string().parse::<DnsPattern>().unwrap(), parsed);
            covered
                .iter()
                .for_each(|name| assert!(parsed.covers(name), "{pattern} {name}"));
            not.iter()
                .for_each(|name| assert!(!parsed.covers(name), "{pattern} {name}"));
        }
    }

    #[test]
    fn a_wildcard_name_meets_every_pattern_of_a_name_under_it() {
        let meets = |pattern: &str, name| pattern.parse::<DnsPattern>().unwrap().meets(name);
        assert!(meets("secret.example", "*.example"));
        assert!(meets("*.example", "*.example"));
        assert!(meets("**.example", "*.a.example"));
        assert!(!meets("x.secret.example", "*.example"));
        assert!(!meets("**.secret.example", "*.example"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "a.*.example",
            "*.*.example",
            "a*.example",
            "***",
            "a b",
            "10.0.0.1",
            "*.",
        ] {
            assert!(text.parse::<DnsPattern>().is_err(), "{text}");
        }
    }
}

#[cfg(test)]
mod email_tests {
    use super::*;

    #[test]
    fn email_patterns_name_a_mailbox_or_any() {
        let covers =
            |pattern: &str, address| pattern.parse::<EmailPattern>().unwrap().covers(address);
        assert!(covers("joe@example.org", "joe@example.org"));
        assert!(!covers("joe@example.org", "Joe@example.org"));
        assert!(covers("*@**.example.org", "joe@a.b.example.org"));
        assert!(!covers("*@*.example.org", "joe@example.org"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "example.org",
            "@example.org",
            "a b@example.org",
            "j*@example.org",
            "a@",
        ] {
            assert!(text.parse::<EmailPattern>().is_err(), "{text}");
        }
    }
}

#[cfg(test)]
mod ip_tests {
    use super::*;

    #[test]
    fn ip_ranges_cover_the_addresses_that_share_their_first_bits() {
        for (range, covered, not) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("0.0.0.0/0", "::ffff:1.2.3.4", "::1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("::/0", "::1", "127.0.0.1"),
        ] {
            let parsed: IpRange = range.parse().unwrap();
            assert_eq!(parsed.to_string().parse::<IpRange>().unwrap(), parsed);
            assert!(parsed.covers(covered.parse().unwrap()), "{range} {covered}");
            assert!(!parsed.covers(not.parse().unwrap()), "{range} {not}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "a",
            "::ffff:10.0.0.1",
            "1::/129",
        ] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }
}

#[cfg(test)]
mod uri_tests {
    use super::*;

    #[test]
    fn uri_patterns_go_segment_by_segment() {
        for (pattern, covered, not) in [
            (
                "spiffe://td/agent/*",
                &["spiffe://td/agent/a"][..],
                &[
                    "spiffe://td/agent",
                    "spiffe://td/agent/a/b",
                    "spiffe://td/agents/a",
                    "spiffe://td/agent/",
                    "SPIFFE://td/agent/b?x#y",
                    "spiffe://td/agent/b#y",
                ][..],
            ),
            (
                "spiffe://td/**",
                &["spiffe://td/a", "spiffe://td/a/b"],
                &["spiffe://td", "spiffe://other/a"],
            ),
            (
                "spiffe://*/agent",
                &["spiffe://td/agent"],
                &["spiffe://td/x/agent"],
            ),
            (
                "https://a/b/**",
                &["https://a/b/c"],
                &[
                    "https://a/b/../c",
                    "https://a/b/%2E%2e/c",
                    "https://a/b/x%2fy",
                ],
            ),
            ("https://a/b", &["HTTPS://A/b"], &["https://a/B"]),
            ("urn:agent:7", &["urn:agent:7"], &["urn:agent:77"]),
        ] {
            let parsed: UriPattern = pattern.parse().unwrap();
            covered
                .iter()
                .for_each(|uri| assert!(parsed.covers(uri), "{pattern} {uri}"));
            not.iter()
                .for_each(|uri| assert!(!parsed.covers(uri), "{pattern} {uri}"));
        }
    }

    #[test]
    fn a_refused_uri_is_refused_with_any_query_or_fragment() {
        let pattern: UriPattern = "https://a/b/*".parse().unwrap();
        for uri in [
            "https://a/b/c",
            "HTTPS://A/b/c?x",
            "https://a/b/c#y",
            "https://a/b/%2F",
        ] {
            assert!(pattern.meets(uri), "{uri}");
        }
        assert!(!pattern.meets("https://a/c/d"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "a",
            "spiffe://td/a*",
            "spiffe://td/**/a",
            "*://td/a",
            "spiffe://td /a",
        ] {
            assert!(text.parse::<UriPattern>().is_err(), "{text}");
        }
    }
}

#[cfg(test)]
mod name_tests {
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
