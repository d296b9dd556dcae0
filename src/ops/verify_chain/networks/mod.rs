//! Networks and agents from their YAML files: what each gRPC port really serves, what is wrong with the
//! files, and which agents reach which networks.
//!
//! ```text
//! files ─► Pool ─► simulated start ─► judge ─► NetworkReport ┐
//!          agents ─► Dialer ─► judge, matrix ─► AgentReport  ├─► NetworksReport
//! ```

mod agents;
mod pool;
mod report;
mod serving;
mod trust;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use pool::Pool;

pub use agents::{Matrix, MatrixRow};
pub(super) use report::edit;
pub use report::{AgentReport, GrpcReport, NetworkReport, NetworksReport, Serves};
pub use report::{EditReport, EditRequest};
pub use trust::{Side, Trust};

use crate::error::{Error, shown};
use crate::files;
use crate::network::reach::{Door, hosts_overlap};
use crate::network::{Kind, NetworkFile, Offers, Startup};
use crate::path::finding::{Finding, Severity};

/// Which networks and agents, and the files of their clients.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The networks' files.
    pub networks: Vec<PathBuf>,
    /// The agents: URLs, YAML files, directories and patterns of them, lists of agents.
    pub agents: Vec<String>,
    /// The CA that clients trust; by default the `ca.crt` beside each server's certificate.
    pub ca: Option<PathBuf>,
    /// The certificate of agents that name none of their own.
    pub client_certificate: Option<PathBuf>,
    /// Its private key.
    pub client_key: Option<PathBuf>,
    /// The directory that networks and agents are started in; by default the current one.
    pub cwd: Option<PathBuf>,
    /// The host that clients dial, without port and brackets.
    pub host: Option<String>,
    /// The PKI directory, the last place to look for a CA.
    pub directory: PathBuf,
    /// Whether to check every agent with every network.
    pub matrix: bool,
}

impl Request {
    /// Whether it names neither networks nor agents.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.agents.is_empty()
    }
}

/// Reads every file, simulates the start of each network, and dials them as each agent.
///
/// # Errors
/// When the file of a network or agent cannot be read, or a named CA or client pair cannot.
pub(super) fn examine(request: &Request, now: OffsetDateTime) -> Result<NetworksReport, Error> {
    let mut pool = Pool::new(request.cwd.clone().unwrap_or_default(), now);
    let mut networks = Vec::new();
    for path in &request.networks {
        networks.push(Network::read(path, request, &mut pool)?);
    }
    shared_ports(&mut networks, request.matrix);
    let mut agents = agents::read(request, &mut pool)?;
    let matrix = request.matrix;
    let matrix = matrix.then(|| Matrix::new(&networks, &agents, &mut pool));
    for agent in &mut agents {
        agent.judge(&networks, &mut pool);
    }
    let networks = networks.into_iter().map(|network| network.report.finish());
    Ok(NetworksReport {
        networks: networks.collect(),
        agents: agents.into_iter().map(|agent| agent.report).collect(),
        matrix,
    })
}

/// A network, and what matters to agents that dial it.
struct Network {
    report: NetworkReport,
    startup: Startup,
    door: Door,
    material: Option<pool::Material>,
}

impl Network {
    fn read(path: &Path, request: &Request, pool: &mut Pool) -> Result<Self, Error> {
        // OpenAgents starts a directory by the network.yaml in it.
        let inside = path.join("network.yaml");
        let is_directory =
            files::kind(path)? == files::Kind::Other && files::matching(path)?.is_some();
        let path = if is_directory { &inside } else { path };
        let file = NetworkFile::read(&files::read(path)?).map_err(|source| Error::Network {
            path: path.to_owned(),
            source: source.into(),
        })?;
        let (startup, material) = serving::start(&file, path, pool);
        let findings = crate::network::examine(&file, &startup);
        let mut report = NetworkReport::new(path, &file, &startup, findings);
        let mut material = material.filter(|_| report.grpc.serves != Serves::Plaintext);
        let offers = startup.grpc.as_ref().map(|grpc| &grpc.offers);
        if let (Some(material), Some(Offers::Tls { tls, .. })) = (&mut material, offers) {
            serving::judge(&mut report, material, tls.line, path, request, pool)?;
        }
        Ok(Network {
            door: Door::new(&file, &startup),
            report,
            startup,
            material,
        })
    }
}

/// Finds networks that listen on the same port of one machine; those of a matrix probably run on several.
fn shared_ports(networks: &mut [Network], is_matrix: bool) {
    let severity = match is_matrix {
        true => Severity::Warning,
        false => Severity::Error,
    };
    let mut seen: HashMap<(u16, Kind), (String, String)> = HashMap::new();
    for network in networks {
        for listener in &network.startup.listeners {
            let rule = match listener.kind {
                Kind::Grpc => "networks-share-port",
                Kind::Http => "networks-share-http-port",
                Kind::WebSocket | Kind::LibP2p | Kind::WebRtc | Kind::Mcp | Kind::A2a => continue,
            };
            let port = listener.port;
            let place = (network.report.file.clone(), listener.host.clone());
            let Some((file, host)) = seen.get(&(port, listener.kind)) else {
                seen.insert((port, listener.kind), place);
                continue;
            };
            if hosts_overlap(host, &listener.host) {
                let finding = Finding::of(rule).at_line(listener.line);
                let finding = finding.found(format!("port {port}, as {}", shown(file)));
                let findings = &mut network.report.findings;
                findings.push(finding.with_severity(severity));
            }
        }
    }
}
