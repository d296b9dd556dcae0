//! `[serve]` of `certs.toml`: where the server listens, what it offers, and its limits.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Duration;

use crate::pki::profile::{Location, NamePattern, PatternError, ProfileSettings};
use crate::pki::san::SubjectAltName;
use crate::pki::validity::Lifetime;

/// The settings of the server. Command-line flags take precedence over them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Serve {
    /// Where https is served.
    pub listen: Option<ListenAddress>,
    /// Where plain HTTP is served: CRL, OCSP and CA certificates.
    pub http_listen: Option<HttpListen>,
    /// The URL that clients use.
    pub public_url: Option<PublicUrl>,
    /// The URL of the plain HTTP port, as certificates name it in CDP and AIA.
    pub http_url: Option<Location>,
    /// How long after its expiry a certificate can be re-enrolled with proof of its key.
    pub renew_expired_for: Option<Lifetime>,
    /// The ACME server.
    pub acme: Acme,
    /// Limits.
    pub limits: Limits,
    /// The Unix socket that the SPIFFE Workload API is served on.
    pub workload_socket: Option<PathBuf>,
    /// The role of each operator of the dashboard, by a name in its client certificate.
    pub operators: Operators,
    /// Directories with networks and agents that the dashboard may read, beside the PKI directory. A relative path
    /// starts in the PKI directory.
    pub networks: Vec<PathBuf>,
}

impl Serve {
    /// Where https is served.
    pub fn listen(&self) -> SocketAddr {
        self.listen.map_or(LISTEN, |address| address.0)
    }

    /// Where plain HTTP is served; `None` if it is switched off.
    pub fn http_listen(&self) -> Option<SocketAddr> {
        match self.http_listen {
            Some(HttpListen::None) => None,
            Some(HttpListen::At(address)) => Some(address.0),
            None => Some(HTTP_LISTEN),
        }
    }

    /// Where certificates say that their revocation list, their status and their issuer's certificate are found.
    pub(super) fn locations(&self) -> ProfileSettings {
        let at = |path: &str| {
            let url = format!(
                "{}/{path}",
                self.http_url.as_ref()?.as_str().trim_end_matches('/')
            );
            Some(vec![url.parse::<Location>().ok()?])
        };
        ProfileSettings {
            crl_distribution_points: at("crl.der"),
            ocsp: at("ocsp"),
            ca_issuers: at("ca.der"),
            ..ProfileSettings::default()
        }
    }
}

/// The settings of the ACME server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acme {
    /// Whether it is served.
    pub enabled: bool,
    /// The profiles that can be ordered; the first is the default.
    pub profiles: Vec<String>,
    /// The challenges that are offered.
    pub challenges: Vec<ChallengeType>,
    /// Whether a new account needs a token (external account binding).
    pub external_account_required: bool,
    /// Whether an account bound to a token gets the token's names without a challenge.
    pub challenge_free_for_tokens: bool,
    /// The port that http-01 is validated on.
    pub http01_port: u16,
    /// The port that tls-alpn-01 is validated on.
    pub tls_alpn01_port: u16,
    /// The DNS server that validation asks; `None` for the system's.
    pub resolver: Option<ResolverAddress>,
    /// Whether validation may dial loopback addresses.
    pub validate_loopback: bool,
}

impl Default for Acme {
    fn default() -> Self {
        Acme {
            enabled: true,
            profiles: vec!["server".into()],
            challenges: vec![
                ChallengeType::Http01,
                ChallengeType::Dns01,
                ChallengeType::TlsAlpn01,
            ],
            external_account_required: false,
            challenge_free_for_tokens: false,
            http01_port: 80,
            tls_alpn01_port: 443,
            resolver: None,
            validate_loopback: false,
        }
    }
}

/// A type of ACME challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum ChallengeType {
    /// [RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)
    #[serde(rename = "http-01")]
    Http01,
    /// [RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)
    #[serde(rename = "dns-01")]
    Dns01,
    /// [RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// Limits of the server. Of a number, 0 is no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// Connections at once from one address.
    pub connections_per_address: u32,
    /// The bytes of a request's body.
    pub request_size: u32,
    /// How long a request's headers, or a TLS handshake, may take.
    pub header_time: HeaderTime,
    /// How long a request's body may take.
    pub body_time: Lifetime,
    /// How long a connection may be idle.
    pub idle_time: Lifetime,
    /// ACME challenges that are validated at once.
    pub validations: u32,
    /// ACME orders of an account in an hour.
    pub orders_per_account_per_hour: u32,
    /// ACME orders from an address in an hour.
    pub orders_per_address_per_hour: u32,
    /// ACME accounts from an address in an hour.
    pub accounts_per_address_per_hour: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 8_192,
            connections_per_address: 4_096,
            request_size: 64 * 1024,
            header_time: HeaderTime(Lifetime::from_seconds(25)),
            body_time: Lifetime::from_seconds(30),
            idle_time: Lifetime::from_seconds(90),
            validations: 32,
            orders_per_account_per_hour: 10_000,
            orders_per_address_per_hour: 20_000,
            accounts_per_address_per_hour: 500,
        }
    }
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See everything.
    Viewer,
    /// Change things, too.
    Operator,
}

impl Role {
    /// The name, as in certs.toml and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who may use the dashboard with a client certificate: patterns of names, and the role of each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Role>")]
pub struct Operators(Vec<(NamePattern, Role)>);

impl Operators {
    /// The highest role that these names have; `None` for none.
    pub fn role<'a>(&self, names: impl IntoIterator<Item = &'a SubjectAltName>) -> Option<Role> {
        let roles = names.into_iter().flat_map(|name| {
            let of_name = self.0.iter().filter(|(pattern, _)| pattern.covers(name));
            of_name.map(|(_, role)| *role)
        });
        roles.max()
    }
}

impl TryFrom<BTreeMap<String, Role>> for Operators {
    type Error = PatternError;

    fn try_from(named: BTreeMap<String, Role>) -> Result<Self, PatternError> {
        let typed = named
            .into_iter()
            .map(|(name, role)| Ok((name.parse()?, role)));
        typed.collect::<Result<_, _>>().map(Operators)
    }
}

/// A time of at most [`MAX_HEADER_TIME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Lifetime")]
pub struct HeaderTime(Lifetime);

impl HeaderTime {
    /// The time.
    pub fn duration(self) -> Duration {
        self.0.duration()
    }
}

impl TryFrom<Lifetime> for HeaderTime {
    type Error = String;

    fn try_from(time: Lifetime) -> Result<Self, String> {
        if time.duration() > MAX_HEADER_TIME {
            return Err(format!("header_time is at most 30s, and this is {time}"));
        }
        Ok(HeaderTime(time))
    }
}

const MAX_HEADER_TIME: Duration = Duration::seconds(30);

/// An address to listen on: `ADDRESS:PORT`, or a port of 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress(pub SocketAddr);

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = text.strip_prefix("localhost").unwrap_or(text);
        let port = port.strip_prefix(':').unwrap_or(port);
        match (port.parse(), text.parse()) {
            (Ok(port), _) => Ok(ListenAddress((Ipv4Addr::LOCALHOST, port).into())),
            (Err(_), Ok(address)) => Ok(ListenAddress(address)),
            (Err(_), Err(_)) => Err(format!(
                "not an IP address with a port, such as 127.0.0.1:8443: '{text}'"
            )),
        }
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Where plain HTTP is served: an address, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum HttpListen {
    /// On no port.
    None,
    /// On this one.
    At(ListenAddress),
}

impl FromStr for HttpListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(HttpListen::None),
            text => text.parse().map(HttpListen::At),
        }
    }
}

impl TryFrom<String> for HttpListen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The address of a DNS server; port 53 if none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ResolverAddress(pub SocketAddr);

impl FromStr for ResolverAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse::<IpAddr>().map(|address| (address, 53).into());
        let address = address.or_else(|_| text.parse());
        address.map(ResolverAddress).map_err(|_| {
            format!("not the IP address of a DNS server, such as 127.0.0.1:53: '{text}'")
        })
    }
}

impl TryFrom<String> for ResolverAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The https URL that clients use: a host, and a port unless it is 443. It has no path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    host: String,
    port: u16,
}

impl PublicUrl {
    /// The URL of a host, or of an address.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        PublicUrl { host, port }
    }

    /// The URL of a server that nobody gave one: on this machine unless it listens at an address of its own.
    pub fn of_listener(listen: SocketAddr) -> Self {
        let address = listen.ip();
        let host = match address.is_loopback() || address.is_unspecified() {
            true => "localhost".to_owned(),
            false => address.to_string(),
        };
        PublicUrl::new(host, listen.port())
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "https://[{}]", self.host)?,
            false => write!(f, "https://{}", self.host)?,
        }
        match self.port {
            HTTPS_PORT => Ok(()),
            port => write!(f, ":{port}"),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        public_url(text).ok_or_else(|| {
            format!(
                "not an https URL without a path, such as https://ca.example.org:8443: '{text}'"
            )
        })
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn public_url(text: &str) -> Option<PublicUrl> {
    let (scheme, rest) = text.split_at_checked("https://".len())?;
    if !scheme.eq_ignore_ascii_case("https://") {
        return None;
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                port.strip_prefix(':').or(port.is_empty().then_some(""))?,
            )
        }
        None => rest.split_once(':').unwrap_or((rest, "")),
    };
    let port = match port {
        "" if !rest.ends_with(':') => HTTPS_PORT,
        port if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok().filter(|p| *p > 0)?,
        _ => return None,
    };
    match host.parse().ok()? {
        name @ (SubjectAltName::Dns(_) | SubjectAltName::Ip(_)) if !host.contains('*') => {
            Some(PublicUrl::new(name.value(), port))
        }
        SubjectAltName::Dns(_)
        | SubjectAltName::Ip(_)
        | SubjectAltName::Uri(_)
        | SubjectAltName::Email(_) => None,
    }
}

const HTTPS_PORT: u16 = 443;

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
const HTTP_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_https_with_a_host_and_no_path() {
        for (text, expected) in [
            ("https://ca.example.org", "https://ca.example.org"),
            (
                "HTTPS://CA.Example.org:8443/",
                "https://ca.example.org:8443",
            ),
            ("https://[FD00::1]:9443", "https://[fd00::1]:9443"),
            ("https://[::1]", "https://[::1]"),
            ("https://10.0.0.1:443", "https://10.0.0.1"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), expected);
        }
        for text in [
            "",
            "http://ca.example.org",
            "https://",
            "https://ca.example.org/path",
            "https://ca.example.org:",
            "https://ca.example.org:0",
            "https://ca.example.org:99999",
            "https://user@ca.example.org",
            "https://[::1]x",
            "https://::1",
            "https://a b",
            "https://*.example.org",
            "\u{fc}ttps://a",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_to_listen_on_has_a_port() {
        for (text, expected) in [
            ("8443", "127.0.0.1:8443"),
            (":0", "127.0.0.1:0"),
            ("localhost:1", "127.0.0.1:1"),
            ("0.0.0.0:8443", "0.0.0.0:8443"),
            ("[::1]:8443", "[::1]:8443"),
        ] {
            assert_eq!(
                text.parse::<ListenAddress>().unwrap().0.to_string(),
                expected
            );
        }
        for text in [
            "",
            "127.0.0.1",
            "::1",
            "example.org:443",
            "70000",
            "localhost",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
        assert_eq!("none".parse(), Ok(HttpListen::None));
    }
}
