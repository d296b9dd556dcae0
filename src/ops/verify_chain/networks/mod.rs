//! Networks and agents from their YAML files: what each gRPC port will really serve, what is off in the files,
//! and which agents reach which networks.

mod agents;
mod certificates;
mod contents;
mod matrix;
mod report;
mod serving;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use agents::Agents;
use certificates::Certificates;
use contents::Contents;
pub use matrix::Matrix;
pub use report::{AgentReport, GrpcReport, NetworkReport, Serves};
pub(super) use write::write;
pub use write::{Request as WriteRequest, Written};

use crate::error::Error;
use crate::files;
use crate::network::reach::Door;
use crate::network::{Kind, NetworkFile, Startup};
use crate::path::finding::{Finding, Severity};

/// Which networks and agents, and what their clients have.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The networks' files.
    pub networks: Vec<PathBuf>,
    /// The agents: URLs, YAML files, directories and patterns of them, lists of agents.
    pub agents: Vec<String>,
    /// The CA that clients trust; otherwise the `ca.crt` beside each server's certificate.
    pub ca: Option<PathBuf>,
    /// The certificate of agents that name none of their own.
    pub client_certificate: Option<PathBuf>,
    /// Its private key.
    pub client_key: Option<PathBuf>,
    /// The directory that networks and agents are started in; otherwise the one this program was.
    pub cwd: Option<PathBuf>,
    /// The host that clients dial, without port and brackets.
    pub host: Option<String>,
    /// The PKI directory, where a CA is looked for last.
    pub directory: PathBuf,
    /// Whether every agent is to be held against every network.
    pub matrix: bool,
}

impl Request {
    /// Whether nothing is named that could be looked at.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.agents.is_empty()
    }
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Examined {
    /// Each network.
    pub networks: Vec<NetworkReport>,
    /// Each agent.
    pub agents: Vec<AgentReport>,
    /// Which of them reach which; `None` where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
}

impl fmt::Display for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.networks
            .iter()
            .try_for_each(|network| network.fmt(f))?;
        match &self.matrix {
            // A thousand agents would hide the matrix.
            Some(matrix) => matrix.fmt(f),
            None => self.agents.iter().try_for_each(|agent| agent.fmt(f)),
        }
    }
}

impl Examined {
    /// Everything that is wrong, each with the file or the agent it is about.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &Finding)> {
        let networks = self
            .networks
            .iter()
            .map(|network| (&network.file, &network.findings));
        let agents = self
            .agents
            .iter()
            .map(|agent| (&agent.name, &agent.findings));
        networks
            .chain(agents)
            .flat_map(|(file, all)| all.iter().map(|finding| (file.as_str(), finding)))
    }

    /// Whether something is an error, or an agent reaches none of the networks.
    pub fn is_good(&self) -> bool {
        let is_error = |(_, finding): (&str, &Finding)| finding.severity == Severity::Error;
        !self.findings().any(is_error)
            && self
                .matrix
                .as_ref()
                .is_none_or(Matrix::everyone_reaches_one)
    }

    /// The file with the worst finding, and that finding, in one line.
    pub fn reason(&self) -> Option<String> {
        let mut bad = self
            .findings()
            .filter(|(_, finding)| finding.severity == Severity::Error)
            .map(|(file, finding)| format!("{}: {}", shown(file), finding.summary()));
        bad.next()
            .or_else(|| self.matrix.as_ref().and_then(Matrix::first_without_network))
    }
}

/// Reads every file and says what will be.
///
/// # Errors
/// When a network's or agent's file cannot be read, or a CA or client pair that was named cannot.
pub(super) fn examine(request: &Request, now: OffsetDateTime) -> Result<Examined, Error> {
    let cwd = match &request.cwd {
        Some(cwd) => cwd.clone(),
        None => PathBuf::new(),
    };
    let mut contents = Contents::new(cwd);
    let mut certificates = Certificates::new(now);
    let mut networks = Vec::new();
    for path in &request.networks {
        networks.push(Network::read(
            path,
            request,
            &mut contents,
            &mut certificates,
        )?);
    }
    shared_ports(&mut networks, request.matrix);
    let mut agents = Agents::read(request, &mut contents)?;
    let matrix = request
        .matrix
        .then(|| matrix::build(&networks, &agents, &contents, &mut certificates));
    agents.judge(&networks, &contents, &mut certificates);
    let mut networks: Vec<_> = networks.into_iter().map(|network| network.report).collect();
    for network in &mut networks {
        network.finish();
    }
    Ok(Examined {
        networks,
        agents: agents.reports,
        matrix,
    })
}

/// A network that was read, and what counts to who dials it.
struct Network {
    report: NetworkReport,
    startup: Startup,
    door: Door,
    material: Option<serving::Material>,
}

impl Network {
    fn read(
        path: &Path,
        request: &Request,
        contents: &mut Contents,
        certificates: &mut Certificates,
    ) -> Result<Self, Error> {
        // OpenAgents starts a directory by the network.yaml in it.
        let inside = path.join("network.yaml");
        let is_directory =
            files::kind(path)? == files::Kind::Other && files::matching(path)?.is_some();
        let path = if is_directory { &inside } else { path };
        let octets = files::read(path)?;
        let file = NetworkFile::read(&octets).map_err(|source| Error::Network {
            path: path.to_owned(),
            source: source.into(),
        })?;
        let (startup, material) = serving::start(&file, path, contents, certificates);
        let door = Door::new(&file, &startup);
        let findings = crate::network::examine(&file, &startup);
        let mut report = NetworkReport::new(path, &file, &startup, findings);
        let mut material = material.filter(|_| report.grpc.serves != Serves::Plaintext);
        if let Some(material) = &mut material {
            serving::judge(
                &mut report,
                material,
                &startup,
                path,
                request,
                contents,
                certificates,
            )?;
        }
        Ok(Network {
            report,
            startup,
            door,
            material,
        })
    }
}

/// Networks that get into each other's way where they run on one machine; those of a matrix rather do not.
fn shared_ports(networks: &mut [Network], is_matrix: bool) {
    let severity = if is_matrix {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut seen: std::collections::HashMap<(u16, Kind), (String, String)> =
        std::collections::HashMap::new();
    for network in networks {
        for listener in &network.startup.listeners {
            let rule = match listener.kind {
                Kind::Grpc => "networks-share-port",
                Kind::Http => "networks-share-http-port",
                Kind::WebSocket | Kind::LibP2p | Kind::WebRtc | Kind::Mcp | Kind::A2a => continue,
            };
            let key = (listener.port, listener.kind);
            let Some((file, host)) = seen.get(&key) else {
                let place = (network.report.file.clone(), listener.host.clone());
                seen.insert(key, place);
                continue;
            };
            if crate::network::reach::hosts_overlap(host, &listener.host) {
                let found = format!("port {}, as {}", listener.port, shown(file));
                network.report.findings.push(
                    Finding::of(rule)
                        .at_line(listener.line)
                        .found(found)
                        .with_severity(severity),
                );
            }
        }
    }
}

/// A file's name made safe to show.
pub(super) fn shown(file: &str) -> String {
    crate::error::shown(Path::new(file))
}
