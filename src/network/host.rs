//! Hosts and ports as the transports take them.

use std::net::Ipv4Addr;

use super::yaml::Value;

/// Where a transport is to listen, as it is put together: `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: String,
}

impl Address {
    pub(super) fn new(host: Option<&Value>, port: Option<&Value>, default_port: u16) -> Self {
        let text = |value: &Value| value.python_text().unwrap_or_else(|| "[…]".into());
        Address {
            host: host.map_or_else(|| ANY.into(), text),
            port: port.map_or_else(|| default_port.to_string(), text),
        }
    }

    /// What keeps it from being split into host and port again.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.host.contains(':') {
            return Some("an IPv6 address is split at its colons");
        }
        if self.port.contains(':') {
            return Some("a port with a colon is split at it");
        }
        None
    }

    /// What keeps the host from being listened on, as far as can be told here.
    pub(super) fn host_fault(&self) -> Option<&'static str> {
        let host = self.host.as_str();
        if host.is_empty() {
            return Some("the host is empty");
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return (address.is_documentation()
                || address.is_multicast()
                || address.is_broadcast())
            .then_some("not an address of a machine");
        }
        if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Some("not an IPv4 address");
        }
        if !host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        {
            return Some("not a host name");
        }
        if host == "None" || host == "True" || host == "False" {
            return Some("not a name, but a YAML value converted to text");
        }
        if host.eq_ignore_ascii_case("localhost.") {
            return Some("with a final dot, the name is not found in the hosts file");
        }
        let is_nowhere = host.to_ascii_lowercase().ends_with(".invalid");
        is_nowhere.then_some("names below .invalid never resolve")
    }

    /// Whether the host is a name that only a resolver can tell of.
    pub(super) fn is_unresolved_name(&self) -> bool {
        self.host.parse::<Ipv4Addr>().is_err() && !self.host.eq_ignore_ascii_case("localhost")
    }

    /// The port as `int` reads it from text: `None` where it raises. Any number otherwise.
    pub(super) fn port_number(&self) -> Option<i128> {
        let text = self.port.trim();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let groups: Vec<&str> = digits.split('_').collect();
        let is_number = groups
            .iter()
            .all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
        if !is_number {
            return None;
        }
        let number = groups.concat().parse().unwrap_or(i128::MAX);
        Some(if text.starts_with('-') {
            -number
        } else {
            number
        })
    }

    /// The port as a resolver takes it: digits, and blanks before them.
    pub(super) fn service_port(&self) -> Option<u16> {
        let port = self.port.trim_start();
        let is_number = port.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| port.parse().ok()).flatten()
    }
}

/// Whether two hosts stand for a common address.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let canonical = |host: &str| match host.to_ascii_lowercase().as_str() {
        "localhost" => "127.0.0.1".to_owned(),
        other => other.to_owned(),
    };
    let (one, other) = (canonical(one), canonical(other));
    one == ANY || other == ANY || one == other
}

/// Whether only this machine reaches it.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Every address of the machine.
pub(super) const ANY: &str = "0.0.0.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_python_reads_them() {
        let number = |port: &str| {
            let (host, port) = (ANY.to_owned(), port.to_owned());
            Address { host, port }.port_number()
        };
        for (text, wanted) in [
            ("8600", Some(8600)),
            (" 8600 ", Some(8600)),
            ("8_600", Some(8600)),
            ("-1", Some(-1)),
        ] {
            assert_eq!(number(text), wanted, "{text:?}");
        }
        for text in ["8600.0", "abc", "True", "", "_1", "1_", "0x10", "8600 # x"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }
}
