//! The settings the server runs by: `[serve]` of certs.toml, and the command line over it.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Acme, Config, HttpListen, Limits, ListenAddress, PublicUrl, ResolverAddress};
use crate::pki::validity::Lifetime;

/// What the command line sets; it takes precedence over certs.toml, also when that is read again.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Where https is served.
    pub listen: Option<ListenAddress>,
    /// Where plain HTTP is served.
    pub http_listen: Option<HttpListen>,
    /// The URL that clients use.
    pub public_url: Option<PublicUrl>,
    /// The port that http-01 is validated on.
    pub acme_http01_port: Option<u16>,
    /// The port that tls-alpn-01 is validated on.
    pub acme_tls_alpn01_port: Option<u16>,
    /// The DNS server that validation asks.
    pub acme_resolver: Option<ResolverAddress>,
    /// The Unix socket that the SPIFFE Workload API is served on.
    pub workload_socket: Option<PathBuf>,
}

impl Overrides {
    /// Where https and plain HTTP are to be served.
    pub(super) fn addresses(&self, config: &Config) -> (SocketAddr, Option<SocketAddr>) {
        let serve = config.serve();
        let http = match self.http_listen {
            None => serve.http_listen(),
            Some(HttpListen::None) => None,
            Some(HttpListen::At(address)) => Some(address.0),
        };
        (
            self.listen.map_or(serve.listen(), |address| address.0),
            http,
        )
    }
}

/// The settings the server runs by.
#[derive(Debug)]
pub(in crate::server) struct Settings {
    /// The address that it listens on.
    pub(super) https: SocketAddr,
    /// The URL that clients use.
    pub(in crate::server) public_url: PublicUrl,
    /// How long after its expiry a certificate can be re-enrolled; `None` for not at all.
    pub(in crate::server) renew_expired_for: Option<Lifetime>,
    /// The ACME server.
    pub(in crate::server) acme: Acme,
    /// Limits.
    pub(in crate::server) limits: Limits,
}

impl Settings {
    /// The settings of a server that listens at this address.
    pub(super) fn new(config: &Config, overrides: &Overrides, https: SocketAddr) -> Self {
        let serve = config.serve();
        let mut acme = serve.acme.clone();
        acme.http01_port = overrides.acme_http01_port.unwrap_or(acme.http01_port);
        let port = overrides.acme_tls_alpn01_port;
        acme.tls_alpn01_port = port.unwrap_or(acme.tls_alpn01_port);
        acme.resolver = overrides.acme_resolver.or(acme.resolver);
        let url = overrides.public_url.clone();
        let url = url.or_else(|| serve.public_url.clone());
        Settings {
            https,
            public_url: url.unwrap_or_else(|| PublicUrl::of_listener(https)),
            renew_expired_for: serve.renew_expired_for,
            acme,
            limits: serve.limits.clone(),
        }
    }
}
