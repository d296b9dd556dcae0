//! What happens when a network starts: each transport in its order, and its effect on the others.

use super::transport::{Address, Kind, Tls, Transport, overlap};
use super::yaml::Value;
use super::{NetworkFile, settings};
use crate::path::finding::{Finding, Severity};

/// A network after its start, as far as can be predicted.
#[derive(Debug)]
pub struct Startup {
    /// Whether the process keeps running: some transport started, and none ended it.
    pub stays_up: bool,
    /// The first gRPC transport, if any.
    pub grpc: Option<Grpc>,
    /// Everything that listens.
    pub listeners: Vec<Listener>,
    /// Why it does not do what the file says.
    pub findings: Vec<Finding>,
}

/// The first gRPC port.
#[derive(Debug)]
pub struct Grpc {
    /// The line of its transport.
    pub line: usize,
    /// The host as in the file.
    pub host: String,
    /// The port, if it is valid.
    pub port: Option<u16>,
    /// What it offers.
    pub offers: Offers,
}

/// What a port offers.
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
        /// Whether it rejects clients without a certificate.
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

/// What a gRPC server does with its files.
#[derive(Debug)]
pub enum Credentials {
    /// It does not start, and why.
    Refused(Vec<Finding>),
    /// It starts, and accepts anyone.
    ServerOnly(Vec<Finding>),
    /// It starts, and rejects clients without a certificate.
    Mutual(Vec<Finding>),
}

/// Simulates the start of a network; `credentials` says what a server does with the files.
pub fn start(file: &NetworkFile, credentials: &mut dyn FnMut(&Tls) -> Credentials) -> Startup {
    let mut run = Run {
        file,
        credentials,
        started: Vec::new(),
        listeners: Vec::new(),
        first: None,
        served: Vec::new(),
        findings: settings::rejected(file),
    };
    let stays_up = match run.findings.is_empty() {
        true => run.all(),
        false => run.nothing(),
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
    /// What each gRPC port that started offers.
    served: Vec<(u16, Offers)>,
    findings: Vec<Finding>,
}

impl Run<'_> {
    /// Starts every transport; whether the network keeps running.
    fn all(&mut self) -> bool {
        for transport in self.file.transports() {
            if self.started.contains(&transport.kind) {
                if transport.kind == Kind::Grpc {
                    self.second_grpc(&transport);
                }
                continue;
            }
            let is_up = match transport.kind {
                Kind::Grpc => self.grpc(&transport),
                Kind::Http => match self.http(&transport) {
                    Ok(()) => true,
                    Err(finding) => {
                        self.findings.push(*finding);
                        return false;
                    }
                },
                Kind::WebSocket | Kind::Mcp | Kind::A2a => self.other(&transport),
                Kind::LibP2p | Kind::WebRtc => false,
            };
            if is_up {
                self.started.push(transport.kind);
            }
        }
        if self.started.is_empty() {
            self.findings.push(Finding::of("network-nothing-listens"));
        }
        !self.started.is_empty()
    }

    /// A network that OpenAgents does not load.
    fn nothing(&mut self) -> bool {
        let mut transports = self.file.transports().into_iter();
        if let Some(transport) = transports.find(|transport| transport.kind == Kind::Grpc) {
            let address = self.address(&transport);
            self.first = Some(Grpc::new(&transport, &address, 0));
        }
        false
    }

    /// A gRPC transport behind one that started; an error if only this one has TLS.
    fn second_grpc(&mut self, transport: &Transport) {
        let has_tls = Tls::effective(&self.file.document, transport).is_some();
        let mut served = self.served.iter();
        let is_plaintext = served.all(|(_, offers)| matches!(offers, Offers::Plaintext));
        let mut finding = Finding::of("network-second-grpc-ignored").at_line(transport.line);
        if has_tls && is_plaintext {
            let found = "this one has TLS, but the first one serves plaintext";
            finding = finding.found(found).with_severity(Severity::Error);
        }
        self.findings.push(finding);
    }

    fn grpc(&mut self, transport: &Transport) -> bool {
        let address = self.address(transport);
        let grpc = Grpc::new(transport, &address, 1);
        let (port, is_first) = (grpc.port, self.first.is_none());
        self.first.get_or_insert(grpc);
        if self.has_no_port(transport) {
            let finding = self.finding("grpc-port-none", transport, "port");
            self.findings.push(finding);
            return true;
        }
        let is_bound = match self.grpc_address(transport, &address) {
            Ok(note) => {
                self.findings.extend(note);
                true
            }
            Err(findings) => {
                self.findings.extend(findings);
                false
            }
        };
        let offers = match Tls::effective(&self.file.document, transport) {
            None => Offers::Plaintext,
            Some(tls) => {
                let (requires_client, findings) = match (self.credentials)(&tls) {
                    Credentials::Refused(findings) => (None, findings),
                    Credentials::ServerOnly(findings) => (Some(false), findings),
                    Credentials::Mutual(findings) => (Some(true), findings),
                };
                self.findings.extend(findings);
                requires_client.map_or(Offers::Nothing, |requires_client| Offers::Tls {
                    tls: Box::new(tls),
                    requires_client,
                })
            }
        };
        if !is_bound || matches!(offers, Offers::Nothing) {
            return false;
        }
        if !is_first {
            let finding = Finding::of("network-falls-back").at_line(transport.line);
            self.findings.push(finding.found(match offers {
                Offers::Plaintext => "the second one serves plaintext",
                Offers::Tls { .. } | Offers::Nothing => "the second one serves TLS",
            }));
        }
        if let Some(port) = port {
            self.listen(transport, &address, port);
            self.served.push((port, offers));
        }
        true
    }

    /// Whether a gRPC transport can bind to its address, or at least accepts it silently; with a
    /// finding all the same, or the findings why not.
    fn grpc_address(
        &self,
        transport: &Transport,
        address: &Address,
    ) -> Result<Vec<Finding>, Vec<Finding>> {
        let finding = |rule, key| self.finding(rule, transport, key);
        let host = format!("host: {}", address.host);
        let port = format!("port: {}", address.port);
        if let Some(fault) = address.fault().or_else(|| address.host_fault()) {
            let is_port = address.fault().is_some() && !address.host.contains(':');
            let (key, found) = if is_port {
                ("port", port)
            } else {
                ("host", host)
            };
            let finding = finding("grpc-address", key);
            return Err(vec![finding.found(format!("{found}; {fault}"))]);
        }
        let mut findings = Vec::new();
        if address.is_unresolved_name() {
            findings.push(finding("grpc-host-name", "host").found(host));
        }
        let Some(number) = address.port_number() else {
            findings.push(finding("grpc-address", "port").instead(port, "a whole number"));
            return Err(findings);
        };
        match u16::try_from(number) {
            Ok(0) => findings.push(finding("grpc-port-any", "port")),
            Ok(number) => {
                if let Some(by) = self.taken(address, number) {
                    let finding = finding("network-port-taken", "port");
                    findings.push(finding.found(format!("port {number}, {by}")));
                    return Err(findings);
                }
            }
            // grpcio says that it listens there, and nothing does.
            Err(_) => findings.push(finding("grpc-address", "port").instead(port, "1 to 65535")),
        }
        Ok(findings)
    }

    /// # Errors
    /// When the transport ends the network.
    fn http(&mut self, transport: &Transport) -> Result<(), Box<Finding>> {
        if self.has_no_port(transport) {
            return Ok(());
        }
        let address = self.address(transport);
        let stops = |key: &str, found: String| {
            let finding = self.finding("network-stops", transport, key);
            Err(Box::new(finding.found(found)))
        };
        // An empty host is every address.
        let host_fault = address.host_fault().filter(|_| !address.host.is_empty());
        if let Some(fault) = address.fault().or(host_fault) {
            return stops("host", format!("host: {}; {fault}", address.host));
        }
        let Some(port) = address.service_port() else {
            return stops("port", format!("port: {}", address.port));
        };
        if let Some(by) = self.taken(&address, port) {
            return stops("port", format!("port {}, {by}", address.port));
        }
        self.listen(transport, &address, port);
        Ok(())
    }

    /// A transport whose failure does not affect the others.
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
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        if let Some(grpc) = &mut self.first {
            let mut served = self.served.into_iter();
            let served = served.find(|(port, _)| Some(*port) == grpc.port);
            grpc.offers = served.map_or(Offers::Nothing, |(_, offers)| offers);
            if stays_up && !self.started.contains(&Kind::Grpc) {
                let finding = Finding::of("network-online-without-grpc");
                self.findings.push(finding.at_line(grpc.line));
            }
        } else if !self.findings.iter().any(is_error) {
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

    /// A finding about a setting of a transport.
    fn finding(&self, rule: &str, transport: &Transport, key: &str) -> Finding {
        let entry = transport.config.get(&self.file.document, key);
        Finding::of(rule).at_line(entry.map_or(transport.line, |entry| entry.line()))
    }

    /// Who listens there already.
    fn taken(&self, address: &Address, port: u16) -> Option<String> {
        let is_same = |other: &&Listener| other.port == port && overlap(&other.host, &address.host);
        let by = self.listeners.iter().find(is_same)?;
        Some(format!("as {} on line {}", by.kind.name(), by.line))
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

impl Grpc {
    /// A port on which nothing listens yet; numbers below `least` are no port.
    fn new(transport: &Transport, address: &Address, least: u16) -> Self {
        let port = address
            .port_number()
            .and_then(|number| u16::try_from(number).ok());
        Grpc {
            line: transport.line,
            host: address.host.clone(),
            port: port.filter(|port| *port >= least),
            offers: Offers::Nothing,
        }
    }
}
