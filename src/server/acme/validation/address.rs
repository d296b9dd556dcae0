//! Which addresses validation may dial.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether validation may dial an address: that of a host, public or private, and neither this machine's own nor one
/// that only machines in a cloud or on one link reach.
pub(super) fn is_dialable(address: IpAddr, with_loopback: bool) -> bool {
    match address {
        IpAddr::V4(address) => is_dialable_v4(address, with_loopback),
        IpAddr::V6(address) => is_dialable_v6(address, with_loopback),
    }
}

fn is_dialable_v4(address: Ipv4Addr, with_loopback: bool) -> bool {
    if address.is_loopback() {
        return with_loopback;
    }
    let [first, ..] = address.octets();
    let is_this_network = first == 0; // RFC 791 §3.2
    let is_reserved = first >= 240; // RFC 1112 §4, and the broadcast address
    !(is_this_network
        || is_reserved
        || address.is_link_local()
        || address.is_multicast()
        || METADATA_V4.contains(&address))
}

fn is_dialable_v6(address: Ipv6Addr, with_loopback: bool) -> bool {
    if address.is_loopback() {
        return with_loopback;
    }
    let is_site_local = address.segments()[0] & 0xffc0 == 0xfec0; // RFC 3879
    if address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || is_site_local
        || address == METADATA_V6
    {
        return false;
    }
    // However an IPv4 address is written, and wherever a translator or a tunnel would send it.
    embedded(address).all(|address| is_dialable_v4(address, false))
}

/// The IPv4 addresses in an IPv6 address.
fn embedded(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let bytes = address.octets();
    let v4 = |at: [usize; 4]| Ipv4Addr::from(at.map(|at| bytes[at]));
    let last = v4([12, 13, 14, 15]);
    let inverted = Ipv4Addr::from([12, 13, 14, 15].map(|at: usize| !bytes[at]));
    let addresses = match address.segments() {
        // Mapped, compatible and translated (RFC 4291 §2.5.5, RFC 2765 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => vec![last],
        // NAT64 (RFC 6052 §2.1).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => vec![last],
        // NAT64 of a network's own (RFC 8215), with any length of its prefix (RFC 6052 §2.2).
        [0x64, 0xff9b, 1, ..] => vec![
            last,
            v4([6, 7, 9, 10]),
            v4([7, 9, 10, 11]),
            v4([9, 10, 11, 12]),
        ],
        // 6to4 (RFC 3056 §2).
        [0x2002, ..] => vec![v4([2, 3, 4, 5])],
        // Teredo: the server, and the client inverted (RFC 4380 §4).
        [0x2001, 0, ..] => vec![v4([4, 5, 6, 7]), inverted],
        // ISATAP (RFC 5214 §6.1).
        [.., 0 | 0x200, 0x5efe, _, _] => vec![last],
        _ => Vec::new(),
    };
    addresses.into_iter()
}

/// Where the clouds serve credentials to the machines in them.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

#[cfg(test)]
mod tests {
    use super::*;

    fn dials(text: &str) -> bool {
        is_dialable(text.parse().unwrap(), false)
    }

    #[test]
    fn public_and_private_hosts_are_dialled() {
        for text in [
            "192.0.2.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "2001:db8::1",
            "fd00::1",
            "fc00::254",
            "64:ff9b::10.0.0.1",
            "2002:0a00:0001::1",
        ] {
            assert!(dials(text), "{text}");
        }
    }

    #[test]
    fn what_no_stranger_may_reach_is_not_dialled() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.1.1",
            "100.100.100.200",
            "192.0.0.192",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "::169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::224.0.0.1",
            "64:ff9b:1::169.254.169.254",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:fffe:7f:0:100::",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "2001:0:4136:e378:8000:63bf:80ff:fffe",
            "fd00::200:5efe:169.254.169.254",
        ] {
            assert!(!dials(text), "{text}");
            assert!(!is_dialable(text.parse().unwrap(), true), "{text}");
        }
    }

    #[test]
    fn loopback_is_dialled_only_where_it_is_permitted() {
        for text in ["127.0.0.1", "127.1.2.3", "::1"] {
            assert!(!dials(text), "{text}");
            assert!(is_dialable(text.parse().unwrap(), true), "{text}");
        }
    }
}
