//! What happens when a network starts: each transport in its order, with what it does to the others.

use super::NetworkFile;
use super::host::{Address, overlap};
use super::settings;
use super::tls::Tls;
use super::transport::{Kind, Transport};
use super::yaml::Value;
use crate::path::finding::{Finding, Severity};

/// A network after its start, as far as can be said before it.
#[derive(Debug)]
pub struct Startup {
    /// Whether the process is still there: some transport came up, and none ended it.
    pub stays_up: bool,
    /// The first gRPC transport: `None` where there is none.
    pub grpc: Option<Grpc>,
    /// Everything that listens.
    pub listeners: Vec<Listener>,
    /// What keeps it from doing what it says.
    pub findings: Vec<Finding>,
}

/// The first gRPC port.
#[derive(Debug)]
pub struct Grpc {
    /// The line of its transport.
    pub line: usize,
    /// The host as it is given.
    pub host: String,
    /// The port, where it is one.
    pub port: Option<u16>,
    /// What is on it.
    pub offers: Offers,
}

/// What a port offers to who dials it.
#[derive(Clone, Debug)]
pub enum Offers {
    /// Nothing listens.
    Nothing,
    /// gRPC without TLS.
    Plaintext,
    /// TLS, and whether clients must have a certificate.
    Tls {
        /// Its settings.
        tls: Box<Tls>,
        /// Whether a client without a certificate is turned away.
        requires_client: bool,
    },
}

/// Something that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What it speaks.
    pub kind: Kind,
    /// Where.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The line of its transport.
    pub line: usize,
}

/// What a gRPC server makes of its files.
#[derive(Debug)]
pub enum Credentials {
    /// It does not start, and why.
    Refused(Vec<Finding>),
    /// It starts, and takes anyone.
    ServerOnly(Vec<Finding>),
    /// It starts, and turns clients without a certificate away.
    Mutual(Vec<Finding>),
}

/// Starts a network in thought; `credentials` says what a server makes of the files.
pub fn start(file: &NetworkFile, credentials: &mut dyn FnMut(&Tls) -> Credentials) -> Startup {
    let mut run = Run {
        file,
        credentials,
        started: Vec::new(),
        listeners: Vec::new(),
        first: None,
        served: Vec::new(),
        findings: settings::refused(file),
    };
    let is_loaded = run.findings.is_empty();
    let stays_up = if is_loaded {
        run.all()
    } else {
        run.nothing();
        false
    };
    run.finish(stays_up)
}

struct Run<'a> {
    file: &'a NetworkFile,
    credentials: &'a mut dyn FnMut(&Tls) -> Credentials,
    started: Vec<Kind>,
    listeners: Vec<Listener>,
    /// The first gRPC transport.
    first: Option<Grpc>,
    /// What each gRPC port that came up offers.
    served: Vec<(u16, Offers)>,
    findings: Vec<Finding>,
}

impl Run<'_> {
    /// Whether the network is still there afterwards.
    fn all(&mut self) -> bool {
        for transport in self.file.transports() {
            if self.started.contains(&transport.kind) {
                if transport.kind == Kind::Grpc {
                    self.second_grpc(&transport);
                }
                continue;
            }
            let came_up = match transport.kind {
                Kind::Grpc => self.grpc(&transport),
                Kind::Http => match self.http(&transport) {
                    Some(came_up) => came_up,
                    None => return false,
                },
                Kind::WebSocket | Kind::Mcp | Kind::A2a => self.other(&transport),
                Kind::LibP2p | Kind::WebRtc => false,
            };
            if came_up {
                self.started.push(transport.kind);
            }
        }
        if self.started.is_empty() {
            self.findings.push(Finding::of("network-nothing-listens"));
        }
        !self.started.is_empty()
    }

    /// A gRPC transport behind one that came up; it weighs more when it is the one with TLS.
    fn second_grpc(&mut self, transport: &Transport) {
        let has_tls = Tls::effective(&self.file.document, transport).is_some();
        let is_plaintext = self
            .served
            .iter()
            .all(|(_, offers)| matches!(offers, Offers::Plaintext));
        let finding = Finding::of("network-second-grpc-ignored").at_line(transport.line);
        self.findings.push(if has_tls && is_plaintext {
            finding
                .found("this one has TLS, but the first one serves plaintext")
                .with_severity(Severity::Error)
        } else {
            finding
        });
    }

    /// The first gRPC transport of a network that OpenAgents does not load.
    fn nothing(&mut self) {
        let transports = self.file.transports();
        let first = transports
            .iter()
            .find(|transport| transport.kind == Kind::Grpc);
        self.first = first.map(|transport| {
            let address = self.address(transport);
            Grpc {
                line: transport.line,
                port: address
                    .port_number()
                    .and_then(|number| u16::try_from(number).ok()),
                host: address.host,
                offers: Offers::Nothing,
            }
        });
    }

    fn grpc(&mut self, transport: &Transport) -> bool {
        let address = self.address(transport);
        let number = address.port_number();
        let port = number
            .and_then(|number| u16::try_from(number).ok())
            .filter(|port| *port > 0);
        let is_first = self.first.is_none();
        if is_first {
            self.first = Some(Grpc {
                line: transport.line,
                host: address.host.clone(),
                port,
                offers: Offers::Nothing,
            });
        }
        if self.has_no_port(transport) {
            self.findings
                .push(Finding::of("grpc-port-none").at_line(self.line_of(transport, "port")));
            return true;
        }
        let mut came_up = self.grpc_address(transport, &address);
        let tls = Tls::effective(&self.file.document, transport);
        let offers = match tls {
            None => Offers::Plaintext,
            Some(tls) => {
                let (offers, findings) = match (self.credentials)(&tls) {
                    Credentials::Refused(findings) => (Offers::Nothing, findings),
                    Credentials::ServerOnly(findings) => (offers(tls, false), findings),
                    Credentials::Mutual(findings) => (offers(tls, true), findings),
                };
                self.findings.extend(findings);
                offers
            }
        };
        came_up &= !matches!(offers, Offers::Nothing);
        if came_up && !is_first {
            self.findings.push(
                Finding::of("network-falls-back")
                    .at_line(transport.line)
                    .found(match offers {
                        Offers::Plaintext => "the second one serves plaintext",
                        Offers::Tls { .. } | Offers::Nothing => "the second one serves TLS",
                    }),
            );
        }
        if let Some(port) = port.filter(|_| came_up) {
            self.listen(transport, &address, port);
            self.served.push((port, offers));
        }
        came_up
    }

    /// Whether a gRPC transport can be bound there, or at least takes it without a word.
    fn grpc_address(&mut self, transport: &Transport, address: &Address) -> bool {
        let (host_line, port_line) = (
            self.line_of(transport, "host"),
            self.line_of(transport, "port"),
        );
        let host = format!("host: {}", address.host);
        let port = format!("port: {}", address.port);
        if let Some(fault) = address.fault().or_else(|| address.host_fault()) {
            let (line, found) = if address.fault().is_some() && !address.host.contains(':') {
                (port_line, port)
            } else {
                (host_line, host)
            };
            self.findings.push(
                Finding::of("grpc-address")
                    .at_line(line)
                    .found(format!("{found}; {fault}")),
            );
            return false;
        }
        if address.is_unresolved_name() {
            self.findings
                .push(Finding::of("grpc-host-name").at_line(host_line).found(host));
        }
        let Some(number) = address.port_number() else {
            self.findings.push(
                Finding::of("grpc-address")
                    .at_line(port_line)
                    .instead(port, "a whole number"),
            );
            return false;
        };
        if number == 0 {
            self.findings
                .push(Finding::of("grpc-port-any").at_line(port_line));
            return true;
        }
        let Ok(number) = u16::try_from(number) else {
            // grpcio says that it listens there, and nothing does.
            self.findings.push(
                Finding::of("grpc-address")
                    .at_line(port_line)
                    .instead(port, "1 to 65535"),
            );
            return true;
        };
        match self.taken(address, number) {
            Some(by) => {
                self.findings
                    .push(
                        Finding::of("network-port-taken")
                            .at_line(port_line)
                            .found(format!(
                                "port {number}, as {} on line {}",
                                by.kind.name(),
                                by.line
                            )),
                    );
                false
            }
            None => true,
        }
    }

    /// `None` when it ends the network.
    fn http(&mut self, transport: &Transport) -> Option<bool> {
        if self.has_no_port(transport) {
            return Some(true);
        }
        let address = self.address(transport);
        let port = address.service_port();
        // An empty host is every address to it.
        let host_fault = address.host_fault().filter(|_| !address.host.is_empty());
        let line = |key: &str| self.line_of(transport, key);
        let stop = if let Some(fault) = address.fault().or(host_fault) {
            Some(
                Finding::of("network-stops")
                    .at_line(line("host"))
                    .found(format!("host: {}; {fault}", address.host)),
            )
        } else if port.is_none() {
            Some(
                Finding::of("network-stops")
                    .at_line(line("port"))
                    .found(format!("port: {}", address.port)),
            )
        } else {
            let by = port.and_then(|port| self.taken(&address, port));
            by.map(|by| {
                let found = format!(
                    "port {}, as {} on line {}",
                    address.port,
                    by.kind.name(),
                    by.line
                );
                Finding::of("network-stops")
                    .at_line(line("port"))
                    .found(found)
            })
        };
        match (stop, port) {
            (Some(finding), _) => {
                self.findings.push(finding);
                None
            }
            (None, Some(port)) => {
                self.listen(transport, &address, port);
                Some(true)
            }
            (None, None) => Some(true),
        }
    }

    /// A transport whose failure is its own affair.
    fn other(&mut self, transport: &Transport) -> bool {
        let address = self.address(transport);
        if self.has_no_port(transport) {
            return true;
        }
        let port = address.service_port().filter(|port| *port > 0);
        let is_bound = address.fault().is_none()
            && address.host_fault().is_none()
            && port.is_some_and(|port| self.taken(&address, port).is_none());
        if let Some(port) = port.filter(|_| is_bound) {
            self.listen(transport, &address, port);
        }
        is_bound
    }

    fn finish(mut self, stays_up: bool) -> Startup {
        if !stays_up {
            self.listeners.clear();
            self.served.clear();
        }
        if let Some(grpc) = &mut self.first {
            let served = self
                .served
                .iter()
                .find(|(port, _)| Some(*port) == grpc.port);
            grpc.offers = served.map_or(Offers::Nothing, |(_, offers)| offers.clone());
            let is_up = self.started.contains(&Kind::Grpc);
            if stays_up && !is_up {
                self.findings
                    .push(Finding::of("network-online-without-grpc").at_line(grpc.line));
            }
        } else if self
            .findings
            .iter()
            .all(|finding| finding.severity != Severity::Error)
        {
            self.findings.push(Finding::of("network-without-grpc"));
        }
        Startup {
            stays_up,
            grpc: self.first,
            listeners: self.listeners,
            findings: self.findings,
        }
    }

    fn address(&self, transport: &Transport) -> Address {
        let get = |key| transport.config.get(&self.file.document, key);
        let (host, port) = (get("host"), get("port"));
        Address::new(
            host.map(|host| &host.value.value),
            port.map(|port| &port.value.value),
            transport.kind.default_port(),
        )
    }

    fn has_no_port(&self, transport: &Transport) -> bool {
        let port = transport.config.get(&self.file.document, "port");
        port.is_some_and(|port| port.value.value == Value::Null)
    }

    fn line_of(&self, transport: &Transport, key: &str) -> usize {
        let entry = transport.config.get(&self.file.document, key);
        entry.map_or(transport.line, |entry| entry.key.line)
    }

    fn taken(&self, address: &Address, port: u16) -> Option<&Listener> {
        self.listeners
            .iter()
            .find(|other| other.port == port && overlap(&other.host, &address.host))
    }

    fn listen(&mut self, transport: &Transport, address: &Address, port: u16) {
        self.listeners.push(Listener {
            kind: transport.kind,
            host: address.host.clone(),
            port,
            line: transport.line,
        });
    }
}

fn offers(tls: Tls, requires_client: bool) -> Offers {
    Offers::Tls {
        tls: Box::new(tls),
        requires_client,
    }
}
