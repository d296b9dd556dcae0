//! What would make a CA refuse, found out before it is asked.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::state::{Challenge, Settings};
use crate::error::Error;
use crate::net::acme::Meta;
use crate::net::https::host_of;
use crate::net::resolver::{CaaVerdict, Resolver};
use crate::pki::san::SubjectAltName;

/// Looks whether the names resolve, their ports can be reached from here, and CAA records permit the CA. Gives
/// what may fail as warnings.
///
/// A server in a private network sees another DNS than we do: then nothing is checked, unless a resolver is given.
///
/// # Errors
/// When the CA would refuse.
pub(super) fn run(
    settings: &Settings,
    names: &[SubjectAltName],
    meta: &Meta,
) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    if !settings.checks || (settings.resolver.is_none() && is_private(&settings.server)) {
        return Ok(warnings);
    }
    let resolver = Resolver::new(settings.resolver)
        .map_err(|reason| Error::usage(format!("cannot look names up: {reason}"), SKIP))?;
    for name in names {
        let SubjectAltName::Dns(name) = name else {
            continue;
        };
        let host = name.strip_prefix("*.").unwrap_or(name);
        match resolver.caa(host, name.starts_with("*."), &meta.caa_identities) {
            Ok(CaaVerdict::Permitted) => {}
            Ok(CaaVerdict::Forbidden { at, permitted }) => {
                let own = meta.caa_identities.first().map_or("…", |own| own);
                return Err(Error::Unvalidated {
                    name: name.clone(),
                    what: format!("the CAA record of {at} permits only {permitted}"),
                    hint: format!("add `{at} CAA 0 issue \"{own}\"`, or choose another `--server`"),
                });
            }
            Err(reason) => warnings.push(format!("{name}: its CAA records are unknown: {reason}")),
        }
        let port = match settings.challenge {
            Challenge::Http01 { .. } | Challenge::Http01Webroot { .. } => 80,
            Challenge::TlsAlpn01 { .. } => 443,
            Challenge::Dns01Hook { .. } | Challenge::Dns01Update { .. } => continue,
        };
        let addresses = resolver.addresses(host);
        let addresses = addresses.map_err(|reason| Error::Unvalidated {
            name: name.clone(),
            what: format!("does not resolve: {reason}"),
            hint: format!("add an A or AAAA record that leads to this machine; {SKIP}"),
        })?;
        warnings.extend(unreachable(name, &addresses, port)?);
    }
    Ok(warnings)
}

/// A warning when no address of a name answers on a port; a refused connection is refused to the CA, too.
fn unreachable(name: &str, addresses: &[IpAddr], port: u16) -> Result<Option<String>, Error> {
    let mut failure = None;
    for address in addresses.iter().take(MAX_ADDRESSES) {
        match TcpStream::connect_timeout(&SocketAddr::new(*address, port), PATIENCE) {
            Ok(_) => return Ok(None),
            Err(error) => failure = Some((address, error)),
        }
    }
    match failure {
        Some((address, error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(Error::Unvalidated {
                name: name.to_owned(),
                what: format!("port {port} of {address} refuses connections"),
                hint: format!("lead port {port} to the challenge's listener or web server; {SKIP}"),
            })
        }
        // Behind a router, a machine often does not reach itself by its public address.
        Some((address, error)) => Ok(Some(format!(
            "{name}: port {port} of {address} cannot be reached from here: {error}"
        ))),
        None => Ok(None),
    }
}

/// Whether a server is in a private network, or on this machine.
fn is_private(server: &str) -> bool {
    let Some(host) = host_of(server) else {
        return false;
    };
    let addresses = (host.as_str(), 0).to_socket_addrs();
    addresses.is_ok_and(|mut addresses| {
        addresses.all(|address| match address.ip() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        })
    })
}

const SKIP: &str = "leave this check out with `--no-checks`";
const PATIENCE: Duration = Duration::from_secs(3);
const MAX_ADDRESSES: usize = 4;
