//! Names a certificate can be issued for, typed by their shape.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::Serialize;

use super::escape::is_unsafe_to_show;
pub use super::name_error::NameError;
use super::spiffe::SpiffeId;

/// One name of a SubjectAltName extension that we issue
/// ([RFC 5280 §4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).
///
/// DNS names are lower-case A-labels of letters, digits, hyphens and underscores, perhaps with `*`
/// as the whole first label, at most 253 bytes, without a final dot. `FromStr` types a name by its
/// shape or by a prefix (`dns:`, `ip:`, `uri:`, `email:`); `Display` gives it with its prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectAltName {
    /// dNSName.
    Dns(String),
    /// iPAddress.
    Ip(IpAddr),
    /// uniformResourceIdentifier.
    Uri(String),
    /// rfc822Name.
    Email(String),
}

impl SubjectAltName {
    /// The name without its type, as a person would write it.
    pub fn value(&self) -> Cow<'_, str> {
        match self {
            SubjectAltName::Dns(text) | SubjectAltName::Uri(text) | SubjectAltName::Email(text) => {
                Cow::Borrowed(text)
            }
            SubjectAltName::Ip(address) => Cow::Owned(address.to_string()),
        }
    }

    /// The values of names, in one line; empty without names.
    pub fn list(names: &[SubjectAltName]) -> String {
        let values: Vec<_> = names.iter().map(SubjectAltName::value).collect();
        values.join(", ")
    }
}

impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self {
            SubjectAltName::Dns(_) => "dns",
            SubjectAltName::Ip(_) => "ip",
            SubjectAltName::Uri(_) => "uri",
            SubjectAltName::Email(_) => "email",
        };
        write!(f, "{prefix}:{}", self.value())
    }
}

impl FromStr for SubjectAltName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse::<TypedName>().map(|typed| typed.name)
    }
}

impl Serialize for SubjectAltName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A name as it was given, with what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedName {
    /// The name.
    pub name: SubjectAltName,
    /// What its reader should know of it.
    pub notes: Vec<NameNote>,
}

impl FromStr for TypedName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut notes = Vec::new();
        let name = typed(text, &mut notes)?;
        Ok(TypedName { name, notes })
    }
}

/// Something worth knowing of a name that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameNote {
    /// An internationalised name became A-labels.
    ALabels {
        /// The name as given.
        from: String,
        /// The name as issued.
        to: String,
    },
    /// A final dot was stripped.
    FinalDot {
        /// The name as given.
        from: String,
    },
    /// No host name has an underscore (RFC 1123 §2.1), but some are dialled all the same.
    Underscore {
        /// The name.
        name: String,
    },
    /// The unspecified address is listened on, never dialled.
    Unspecified {
        /// The address.
        address: IpAddr,
    },
}

impl NameNote {
    /// Whether it is a warning and not just news.
    pub fn is_warning(&self) -> bool {
        match self {
            NameNote::Underscore { .. } | NameNote::Unspecified { .. } => true,
            NameNote::ALabels { .. } | NameNote::FinalDot { .. } => false,
        }
    }
}

impl fmt::Display for NameNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameNote::ALabels { from, to } => write!(f, "'{from}' is issued as '{to}'"),
            NameNote::FinalDot { from } => write!(f, "the final dot of '{from}' was removed"),
            NameNote::Underscore { name } => {
                write!(
                    f,
                    "'{name}' has an underscore, which host names may not contain: some clients reject it"
                )
            }
            NameNote::Unspecified { address } => {
                write!(
                    f,
                    "{address} is an address to listen on, not one to connect to"
                )
            }
        }
    }
}

/// The host of a URL such as `grpcs://host:8600/path`, or of `host:8600`, without brackets.
///
/// # Errors
/// If there is no host in it.
pub fn host_of_url(url: &str) -> Result<&str, NameError> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match host_and_port
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, _)) => address,
        None if host_and_port.parse::<Ipv6Addr>().is_ok() => host_and_port,
        None => host_and_port
            .split_once(':')
            .map_or(host_and_port, |(host, _)| host),
    };
    if host.is_empty() {
        Err(NameError::Url {
            text: url.to_owned(),
            host: String::new(),
        })
    } else {
        Ok(host)
    }
}

fn typed(text: &str, notes: &mut Vec<NameNote>) -> Result<SubjectAltName, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(character) = text
        .chars()
        .find(|&c| c.is_whitespace() || is_unsafe_to_show(c))
    {
        return Err(NameError::Character {
            text: text.to_owned(),
            character,
        });
    }
    if let Some((prefix, rest)) = text.split_once(':') {
        match prefix.to_ascii_lowercase().as_str() {
            "dns" => return dns(rest, notes),
            "ip" => {
                return ip(rest, notes)?.ok_or_else(|| NameError::Address {
                    text: rest.to_owned(),
                });
            }
            "uri" => return uri(rest),
            "email" => return email(rest, notes),
            _ => {}
        }
    }
    if let Some(name) = ip(text, notes)? {
        return Ok(name);
    }
    if let Some((scheme, _)) = text.split_once("://") {
        if DIALLED_SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
            let host = host_of_url(text).unwrap_or_default().to_owned();
            return Err(NameError::Url {
                text: text.to_owned(),
                host,
            });
        }
        return uri(text);
    }
    if text.contains('@') {
        return email(text, notes);
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(NameError::Port {
            text: text.to_owned(),
            host: host.to_owned(),
        });
    }
    dns(text, notes)
}

fn ip(text: &str, notes: &mut Vec<NameNote>) -> Result<Option<SubjectAltName>, NameError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Some((address, _zone)) = bare.split_once('%')
        && address.parse::<Ipv6Addr>().is_ok()
    {
        return Err(NameError::Zone {
            text: text.to_owned(),
        });
    }
    if let Some((address, port)) = text
        .strip_prefix('[')
        .and_then(|rest| rest.rsplit_once("]:"))
        && address.parse::<Ipv6Addr>().is_ok()
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(NameError::Port {
            text: text.to_owned(),
            host: address.to_owned(),
        });
    }
    let Ok(address) = bare.parse::<IpAddr>() else {
        return Ok(None);
    };
    if address.is_unspecified() {
        notes.push(NameNote::Unspecified { address });
    }
    Ok(Some(SubjectAltName::Ip(address)))
}

fn dns(text: &str, notes: &mut Vec<NameNote>) -> Result<SubjectAltName, NameError> {
    let undotted = match text.strip_suffix('.') {
        Some(rest) => {
            notes.push(NameNote::FinalDot {
                from: text.to_owned(),
            });
            rest
        }
        None => text,
    };
    let (wildcard, host) = match undotted.strip_prefix("*.") {
        Some(rest) if rest.contains('.') => ("*.", rest),
        Some(_) => {
            return Err(NameError::Wildcard {
                text: text.to_owned(),
            });
        }
        None => ("", undotted),
    };
    if host.contains('*') {
        return Err(NameError::Wildcard {
            text: text.to_owned(),
        });
    }
    let wrong = |what| NameError::Dns {
        text: text.to_owned(),
        what,
    };
    let ascii = Uts46::new()
        .to_ascii(
            host.as_bytes(),
            AsciiDenyList::EMPTY,
            Hyphens::CheckFirstLast,
            DnsLength::Ignore,
        )
        .map_err(|idna::Errors { .. }| {
            wrong(
                "it is not a valid internationalised name, or a label starts or ends with a hyphen",
            )
        })?;
    if let Some(what) = host_name_fault(&ascii, wildcard.len()) {
        return Err(wrong(what));
    }
    if last_label_is_a_number(&ascii) {
        return Err(NameError::Address {
            text: text.to_owned(),
        });
    }
    if !host.is_ascii() {
        notes.push(NameNote::ALabels {
            from: text.to_owned(),
            to: format!("{wildcard}{ascii}"),
        });
    }
    if ascii.contains('_') {
        notes.push(NameNote::Underscore {
            name: text.to_owned(),
        });
    }
    Ok(SubjectAltName::Dns(format!("{wildcard}{ascii}")))
}

/// What keeps lower-case ASCII text from being a host name, underscores allowed (RFC 1035 §2.3, RFC 1123 §2.1).
fn host_name_fault(name: &str, wildcard_bytes: usize) -> Option<&'static str> {
    if name.len() + wildcard_bytes > MAX_NAME_BYTES {
        return Some("it is longer than 253 bytes");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Some("a label is empty");
        }
        if label.len() > MAX_LABEL_BYTES {
            return Some("a label is longer than 63 bytes");
        }
        if !label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            return Some("it may contain only letters, digits and hyphens");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("a label starts or ends with a hyphen");
        }
    }
    None
}

/// Whether resolvers would take it for an IPv4 address or part of one
/// ([WHATWG URL §3.5](https://url.spec.whatwg.org/#ends-in-a-number-checker)).
fn last_label_is_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last
        .strip_prefix("0x")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || last.bytes().all(|b| b.is_ascii_digit())
}

fn email(text: &str, notes: &mut Vec<NameNote>) -> Result<SubjectAltName, NameError> {
    let wrong = || NameError::Email {
        text: text.to_owned(),
    };
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let local_is_dot_atom = local.len() <= 64
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        });
    if !local_is_dot_atom || domain.starts_with("*.") {
        return Err(wrong());
    }
    match dns(domain, notes)? {
        SubjectAltName::Dns(domain) => Ok(SubjectAltName::Email(format!("{local}@{domain}"))),
        SubjectAltName::Ip(_) | SubjectAltName::Uri(_) | SubjectAltName::Email(_) => Err(wrong()),
    }
}

/// An absolute URI as it is compared: the scheme in lower case (RFC 3986 §6.2.2.1).
///
/// What two readers may take for different URIs is refused: dot segments, percent-encoding of what needs none,
/// backslashes.
fn uri(text: &str) -> Result<SubjectAltName, NameError> {
    let wrong = |what| NameError::Uri {
        text: text.to_owned(),
        what,
    };
    let (scheme, rest) = text
        .split_once(':')
        .ok_or_else(|| wrong("it has no scheme"))?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return Err(wrong(
            "its scheme is not a letter and letters, digits, '+', '-' or '.'",
        ));
    }
    let uri = format!("{}:{rest}", scheme.to_ascii_lowercase());
    if uri.starts_with("spiffe:") {
        return Ok(SubjectAltName::Uri(uri.parse::<SpiffeId>()?.to_string()));
    }
    if uri.len() > MAX_URI_BYTES {
        return Err(wrong("it is longer than 2048 bytes"));
    }
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    if rest.is_empty() || !rest.bytes().all(is_allowed) {
        return Err(wrong(
            "it is empty or has characters that a URI cannot contain",
        ));
    }
    if !is_plainly_encoded(rest) {
        return Err(wrong(
            "it percent-encodes a character that needs no encoding, or encodes badly",
        ));
    }
    if let Some(hierarchy) = rest.strip_prefix("//") {
        let path = hierarchy.split(['?', '#']).next().unwrap_or_default();
        let mut segments = path.split('/');
        if segments.next().is_none_or(str::is_empty) {
            return Err(wrong("it has no host"));
        }
        if segments.any(|segment| matches!(segment, "." | "..")) {
            return Err(wrong("its path has a segment '.' or '..'"));
        }
    }
    Ok(SubjectAltName::Uri(uri))
}

/// Whether each '%' starts two hexadecimal digits in upper case that encode a reserved character, so that no
/// other text is the same URI (RFC 3986 §6.2.2).
fn is_plainly_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.get(..2).filter(|digits| {
            digits
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'))
        });
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        byte.is_some_and(|b| !b.is_ascii_alphanumeric() && !b"-._~".contains(&b))
    })
}

/// Schemes one dials: a URL with one of them was meant as an address, not as an identity.
const DIALLED_SCHEMES: [&str; 9] = [
    "http", "https", "grpc", "grpcs", "ws", "wss", "tcp", "tls", "dns",
];
const MAX_NAME_BYTES: usize = 253; // RFC 1035 §2.3.4, as text without the final dot
const MAX_LABEL_BYTES: usize = 63; // RFC 1035 §2.3.4
const MAX_URI_BYTES: usize = 2048; // SPIFFE-ID §2.3; RFC 5280 names no bound

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_typed_by_their_shape() {
        for (text, typed) in [
            ("Node1.Internal", "dns:node1.internal"),
            ("*.example.org", "dns:*.example.org"),
            ("10.0.0.7", "ip:10.0.0.7"),
            ("[::1]", "ip:::1"),
            ("0:0:0:0:0:0:0:1", "ip:::1"),
            ("bücher.example", "dns:xn--bcher-kva.example"),
            ("a--b.com", "dns:a--b.com"),
            ("spiffe://td/agent", "uri:spiffe://td/agent"),
            ("urn://x", "uri:urn://x"),
            ("Joe@Example.org", "email:Joe@example.org"),
            ("uri:https://a.com", "uri:https://a.com"),
            ("URI:HTTPS://a.com/b%2Fc?d", "uri:https://a.com/b%2Fc?d"),
            ("SPIFFE://td/agent", "uri:spiffe://td/agent"),
            ("_a.com", "dns:_a.com"),
            ("host.", "dns:host"),
        ] {
            let name: SubjectAltName = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(name.to_string(), typed);
            assert_eq!(typed.parse::<SubjectAltName>().unwrap(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let label = "a".repeat(64);
        let long = format!("{}.com", ["a"; 130].join("."));
        for text in [
            "",
            " ",
            "a\tb",
            "localhost:8600",
            "https://a.com",
            "a.com/",
            "x..y",
            "..",
            ".a",
            "*",
            "*.com",
            "**.a.com",
            "a.*.com",
            "f*.a.com",
            "xn--*.com",
            "xn--",
            "xn--a",
            "xn--example-.org",
            "0x7f.0.0.1",
            "1.2.3",
            "256.1.1.1",
            "fe80::1%eth0",
            "a\u{202e}b.com",
            "a\u{200b}b.com",
            "-a.com",
            "a-.com",
            "-rf",
            "$(id)",
            "a,b",
            "spiffe://td",
            "SPIFFE://example.org/../a",
            "SPIFFE://td/a?x#y",
            "uri:https://a/../b",
            "uri:https://a/./b",
            "uri:https://a/%2e%2E/b",
            "uri:https://a/%62",
            "uri:https://a/%2f",
            "uri:https://a/%",
            "uri:https://evil.org\\@a/",
            "uri:https:///a",
            "uri:https://?a",
            "uri::a",
            "@a.com",
            "a@",
            "[::1]:8600",
            "10.0.0.1:80",
            &label,
            &long,
        ] {
            assert!(text.parse::<SubjectAltName>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_changed_or_is_doubtful_is_noted() {
        assert_eq!(
            "bücher.example".parse::<TypedName>().unwrap().notes.len(),
            1
        );
        assert!("a_b".parse::<TypedName>().unwrap().notes[0].is_warning());
        assert!(!"host.".parse::<TypedName>().unwrap().notes[0].is_warning());
    }

    #[test]
    fn the_host_of_a_url_stands_between_the_slashes_and_the_port() {
        for (url, host) in [
            ("grpcs://host:8600", "host"),
            ("grpcs://[::1]:8600/x", "::1"),
            ("host:1", "host"),
            ("https://u@h/p?q", "h"),
            ("::1", "::1"),
        ] {
            assert_eq!(host_of_url(url).unwrap(), host);
        }
        assert!(host_of_url("grpcs://:8600").is_err());
    }
}
