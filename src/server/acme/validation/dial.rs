//! Names resolved, and connections that stay within what validation may reach.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::is_dialable;
use crate::config::Acme;
use crate::server::acme::identifier::Identifier;
use crate::server::acme::problem::{Problem, ProblemType};

/// What resolves names and dials.
pub(super) struct Dialer {
    resolver: TokioResolver,
    with_loopback: bool,
}

impl Dialer {
    /// One that uses the DNS server of the settings, or the system's.
    ///
    /// # Errors
    /// When the system's cannot be determined.
    pub(super) fn new(settings: &Acme) -> Result<Self, Problem> {
        let builder = match settings.resolver {
            Some(address) => {
                let server = name_server(address.0);
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                Ok(TokioResolver::builder_with_config(
                    config,
                    TokioRuntimeProvider::default(),
                ))
            }
            None => TokioResolver::builder_tokio(),
        };
        let built = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.cache_size = 0;
            options.attempts = 1;
            options.timeout = DNS_ATTEMPT_TIME;
            options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
            builder.build()
        });
        let resolver =
            built.map_err(|error| dns(&format!("no DNS server can be asked: {error}")))?;
        Ok(Dialer {
            resolver,
            with_loopback: settings.validate_loopback,
        })
    }

    /// A connection to a port of a host, and the address it goes to.
    ///
    /// # Errors
    /// When the host has no address that may be dialled, or none answers.
    pub(super) async fn connect(
        &self,
        host: &Identifier,
        port: u16,
    ) -> Result<(TcpStream, SocketAddr), Problem> {
        let addresses = match host {
            Identifier::Ip(address) => vec![*address],
            Identifier::Dns(name) => self.addresses(name).await?,
        };
        let dialable = |address: &&IpAddr| is_dialable(**address, self.with_loopback);
        let permitted: Vec<IpAddr> = addresses.iter().filter(dialable).copied().collect();
        if permitted.is_empty() {
            let list: Vec<String> = addresses
                .iter()
                .take(MAX_ADDRESSES)
                .map(ToString::to_string)
                .collect();
            let detail = format!("{host}: validation does not dial {}", list.join(", "));
            return Err(Problem::new(ProblemType::Connection, detail));
        }
        let mut failures = Vec::new();
        for address in permitted.into_iter().take(MAX_ADDRESSES) {
            let address = SocketAddr::new(address, port);
            match timeout(CONNECT_TIME, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(error)) => failures.push(format!("{address}: {error}")),
                Err(_) => failures.push(format!(
                    "{address}: no answer within {} s",
                    CONNECT_TIME.as_secs()
                )),
            }
        }
        let detail = format!("{host}: no connection: {}", failures.join("; "));
        Err(Problem::new(ProblemType::Connection, detail))
    }

    /// The texts of the TXT records of a name.
    ///
    /// # Errors
    /// When there is none, or DNS does not answer.
    pub(super) async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Problem> {
        let lookup = self.resolver.lookup(format!("{name}."), RecordType::TXT);
        let found = in_time(name, "TXT", lookup).await?;
        let texts = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => Some(text.txt_data.concat()),
                _ => None,
            });
        Ok(texts.take(MAX_TEXTS).collect())
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Problem> {
        let lookup = self.resolver.lookup_ip(format!("{name}."));
        let found = in_time(name, "A or AAAA", lookup).await?;
        Ok(found.iter().collect())
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections = server.connections.into_iter().map(on_port).collect();
    server
}

async fn in_time<T>(
    name: &str,
    what: &str,
    lookup: impl Future<Output = Result<T, NetError>>,
) -> Result<T, Problem> {
    match timeout(DNS_TIME, lookup).await {
        Ok(found) => found.map_err(|error| of_lookup(name, what, &error)),
        Err(_) => Err(dns(&format!(
            "{name}: looking up {what}: no answer in time"
        ))),
    }
}

fn of_lookup(name: &str, what: &str, error: &NetError) -> Problem {
    if error.is_nx_domain() {
        dns(&format!("{name}: does not exist (NXDOMAIN)"))
    } else if error.is_no_records_found() {
        dns(&format!("{name}: has no {what} record"))
    } else {
        dns(&format!("{name}: looking up {what}: {error}"))
    }
}

fn dns(detail: &str) -> Problem {
    Problem::new(ProblemType::Dns, detail)
}

const CONNECT_TIME: Duration = Duration::from_secs(5);
const DNS_ATTEMPT_TIME: Duration = Duration::from_secs(2);
const DNS_TIME: Duration = Duration::from_secs(5);
const MAX_ADDRESSES: usize = 4;
const MAX_TEXTS: usize = 100;
