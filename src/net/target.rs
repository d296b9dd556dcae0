//! The ports that are dialled.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use rustls_pki_types::{DnsName, ServerName};

use crate::pki::escape::is_unsafe_to_show;
use crate::pki::san::{NameError, SubjectAltName};

/// A port to dial, from text such as `grpcs://agent.example.org:8600`, `https://[::1]` or `10.0.0.7:8600`.
///
/// The host is an address or a name in lower-case A-labels; the port is never 0. A path, query or
/// fragment is ignored. `Display` includes the port, and the scheme if there was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: Option<Scheme>,
    host: Host,
    port: u16,
    server_name: Option<Host>,
}

impl Target {
    /// The scheme; `None` for `host:port`.
    pub fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// The host that is dialled.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port that is dialled.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server name (SNI), which the certificate must be valid for: the host, unless another
    /// was given.
    pub fn server_name(&self) -> &Host {
        self.server_name.as_ref().unwrap_or(&self.host)
    }

    /// The same port with another server name.
    ///
    /// # Errors
    /// When the name is neither a host name nor an address.
    pub fn with_server_name(self, name: &str) -> Result<Self, TargetError> {
        Ok(Target {
            server_name: Some(host(name, name)?),
            ..self
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{}://", scheme.name())?;
        }
        match &self.host {
            Host::Dns(name) => f.write_str(name)?,
            Host::Ip(IpAddr::V4(address)) => address.fmt(f)?,
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        write!(f, ":{}", self.port)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let fault = |fault| TargetError::new(text, fault);
        if text
            .chars()
            .any(|c| c.is_whitespace() || is_unsafe_to_show(c))
        {
            return Err(fault(Fault::Character));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => (Some(Scheme::named(name).ok_or(fault(Fault::Scheme))?), rest),
            None => (None, text),
        };
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(fault(Fault::UserInformation));
        }
        let (host_text, port) = split(authority).map_err(fault)?;
        let port = match port {
            Some(digits) => port_number(digits).ok_or(fault(Fault::Port))?,
            None => scheme.map_or(GRPC_PORT, Scheme::default_port),
        };
        Ok(Target {
            scheme,
            host: host(host_text, text)?,
            port,
            server_name: None,
        })
    }
}

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// gRPC over TLS; the default port is 8600.
    Grpcs,
    /// gRPC in plaintext.
    Grpc,
    /// HTTP over TLS.
    Https,
    /// HTTP in plaintext.
    Http,
}

impl Scheme {
    /// Whether the scheme uses TLS.
    pub fn is_tls(self) -> bool {
        match self {
            Scheme::Grpcs | Scheme::Https => true,
            Scheme::Grpc | Scheme::Http => false,
        }
    }

    /// Whether the scheme is gRPC's.
    pub fn is_grpc(self) -> bool {
        match self {
            Scheme::Grpcs | Scheme::Grpc => true,
            Scheme::Https | Scheme::Http => false,
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Scheme::Grpcs, Scheme::Grpc, Scheme::Https, Scheme::Http]
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Scheme::Grpcs => "grpcs",
            Scheme::Grpc => "grpc",
            Scheme::Https => "https",
            Scheme::Http => "http",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Grpcs | Scheme::Grpc => GRPC_PORT,
            Scheme::Https => 443,
            Scheme::Http => 80,
        }
    }
}

/// A host name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower-case A-labels, without a final dot.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl Host {
    /// For rustls, which does not send an address as a server name.
    pub(super) fn to_server_name(&self) -> Option<ServerName<'static>> {
        match self {
            Host::Dns(name) => DnsName::try_from(name.clone())
                .ok()
                .map(ServerName::DnsName),
            Host::Ip(address) => Some(ServerName::from(*address)),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Dns(name) => f.write_str(name),
            Host::Ip(address) => address.fmt(f),
        }
    }
}

/// Why a text is not a target.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a host and port: {fault}", text.escape_debug())]
pub struct TargetError {
    text: String,
    #[source]
    fault: Fault,
}

impl TargetError {
    fn new(text: &str, fault: Fault) -> Self {
        TargetError {
            text: text.chars().take(MAX_SHOWN_CHARACTERS).collect(),
            fault,
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match &self.fault {
            Fault::Ipv6 => "write an IPv6 address in brackets, as in grpcs://[::1]:8600".into(),
            Fault::UserInformation => "leave out the part before the @".into(),
            Fault::Port => "give a port from 1 to 65535".into(),
            Fault::Scheme | Fault::Character | Fault::Host(_) | Fault::Wildcard => {
                "give grpcs://HOST:PORT, https://HOST or HOST:PORT".into()
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("its scheme is not grpcs, https, grpc or http")]
    Scheme,
    #[error("it contains white space, or a control or invisible character")]
    Character,
    #[error("it contains a user name or password")]
    UserInformation,
    #[error("its port is not a number from 1 to 65535")]
    Port,
    #[error("it has an IPv6 address without brackets, or more than one port")]
    Ipv6,
    #[error("a wildcard is not one host")]
    Wildcard,
    #[error(transparent)]
    Host(#[from] NameError),
}

/// The host, without brackets, and the port of an authority.
fn split(authority: &str) -> Result<(&str, Option<&str>), Fault> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(Fault::Ipv6)?;
        if address.parse::<Ipv6Addr>().is_err() {
            return Err(Fault::Host(NameError::Address {
                text: address.to_owned(),
            }));
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((address, Some(port))),
            None if rest.is_empty() => Ok((address, None)),
            None => Err(Fault::Port),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(Fault::Ipv6),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn port_number(digits: &str) -> Option<u16> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    are_digits
        .then(|| digits.parse().ok())
        .flatten()
        .filter(|port| *port != 0)
}

fn host(text: &str, whole: &str) -> Result<Host, TargetError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Host::Ip(address));
    }
    let fault = |fault| TargetError::new(whole, fault);
    // Without the prefix, a name such as `uri:a` would be parsed as another type.
    match format!("dns:{text}").parse::<SubjectAltName>() {
        Ok(SubjectAltName::Dns(name)) if !name.contains('*') => Ok(Host::Dns(name)),
        Ok(
            SubjectAltName::Dns(_)
            | SubjectAltName::Ip(_)
            | SubjectAltName::Uri(_)
            | SubjectAltName::Email(_),
        ) => Err(fault(Fault::Wildcard)),
        Err(error) => Err(fault(error.into())),
    }
}

const GRPC_PORT: u16 = 8600; // OpenAgents' default for grpcs:// and its transports
const MAX_SHOWN_CHARACTERS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_shows_its_scheme_host_and_port() {
        for (text, shown) in [
            (
                "grpcs://agent.example.org",
                "grpcs://agent.example.org:8600",
            ),
            (
                "GRPCS://Agent.Example.org.:9000",
                "grpcs://agent.example.org:9000",
            ),
            ("https://example.org/a?b#c", "https://example.org:443"),
            ("grpc://localhost", "grpc://localhost:8600"),
            ("http://localhost", "http://localhost:80"),
            ("localhost:8700", "localhost:8700"),
            ("localhost", "localhost:8600"),
            ("[::1]:8600", "[::1]:8600"),
            ("grpcs://[2001:DB8::1]", "grpcs://[2001:db8::1]:8600"),
            ("10.0.0.7:1", "10.0.0.7:1"),
            (
                "grpcs://bücher.example:65535",
                "grpcs://xn--bcher-kva.example:65535",
            ),
            ("grpcs://my_agent:8600", "grpcs://my_agent:8600"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(shown.parse::<Target>().unwrap(), target);
            assert!(target.host().to_server_name().is_some(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for text in [
            "",
            ":8600",
            "grpcs://",
            "grpcs://:8600",
            "ftp://host",
            "://host",
            "grpcs://user@host",
            "grpcs://user:word@host:8600",
            "host:0",
            "host:65536",
            "host:99999999999999999999",
            "host:",
            "host:+80",
            "host:80a",
            "host: 80",
            "ho st",
            "host\n",
            "host\u{202e}",
            "::1",
            "::1:8600",
            "[::1",
            "[::1]x",
            "[::1]8600",
            "[127.0.0.1]",
            "[fe80::1%eth0]",
            "*.example.org",
            "a..b",
            "-a.example",
            "256.1.1.1",
            "1.2.3",
            &"a".repeat(300),
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert!(!error.hint().is_empty() && !error.to_string().contains('\n'));
        }
    }

    #[test]
    fn another_name_can_be_asked_for() {
        let target: Target = "10.0.0.7".parse().unwrap();
        let target = target.with_server_name("Agent.example.org").unwrap();
        assert_eq!(target.server_name().to_string(), "agent.example.org");
        assert_eq!(target.host().to_string(), "10.0.0.7");
        for name in ["", "uri:a://b", "a:1", "*.a.b", "a b"] {
            assert!(target.clone().with_server_name(name).is_err(), "{name}");
        }
    }
}
