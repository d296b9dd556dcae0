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
mod source;
mod trust;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error::{Error, InFile as _, shown};
use crate::network::reach::{Door, hosts_overlap};
use crate::network::{Credentials, FileName, Kind, NetworkFile, Offers, Startup, Tls, start};
use crate::ops::workload::fetch;
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::{Outcome, Stack};
use pool::{ContentId, Material, Pair, Pool, Refusal};

pub use agents::{Matrix, MatrixRow};
pub(super) use report::edit;
pub use report::{AgentReport, GrpcReport, NetworkReport, NetworksReport, Serves};
pub use report::{EditReport, EditRequest};
pub use source::{GivenFiles, MAX_DESCRIPTIONS, Source};
pub use trust::{Side, Trust};

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
    /// Where the files are read from.
    pub source: Source,
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
    let cwd = request.cwd.clone().unwrap_or_default();
    let mut pool = Pool::new(cwd, request.source.clone(), now);
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
        let path = match request.source.is_directory(path)? {
            true => &inside,
            false => path,
        };
        let content = request.source.read_description(path)?;
        let file = NetworkFile::read(&content).in_file(path)?;
        let (startup, material) = simulate(&file, path, pool);
        let findings = crate::network::examine(&file, &startup);
        let mut report = NetworkReport::new(path, &file, &startup, findings);
        let mut material = material.filter(|_| report.grpc.serves != Serves::Plaintext);
        let offers = startup.grpc.as_ref().map(|grpc| &grpc.offers);
        if let (Some(material), Some(Offers::Tls { tls, .. })) = (&mut material, offers) {
            judge(&mut report, material, tls.line, path, request, pool)?;
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

/// Simulates the start of a network with its files.
fn simulate(file: &NetworkFile, path: &Path, pool: &mut Pool) -> (Startup, Option<Material>) {
    let mut material = None;
    let started = start(file, &mut |tls| match load(tls, path, pool) {
        Err(findings) => Credentials::Refused(findings),
        Ok((loaded, findings)) => {
            let is_mutual = loaded.client_roots.is_some();
            material = Some(loaded);
            match is_mutual {
                true => Credentials::Mutual(findings),
                false => Credentials::ServerOnly(findings),
            }
        }
    });
    (started, material)
}

/// Adds to the report what a client gets from a TLS port; `line` is that of its `tls:`.
///
/// # Errors
/// When the named CA or client pair cannot be read.
fn judge(
    report: &mut NetworkReport,
    material: &mut Material,
    line: usize,
    path: &Path,
    request: &Request,
    pool: &mut Pool,
) -> Result<(), Error> {
    (material.roots, report.grpc.checked_against) = roots(material, path, request, pool)?;
    if request.ca.is_none()
        && let Some(public) = public_roots(material, pool)
    {
        material.roots = Some(public);
        report.grpc.checked_against = Some(SYSTEM.to_owned());
    }
    let (certificate, roots) = (material.certificate, material.roots);
    if roots.is_none() {
        let finding = Finding::of("tls-ca-unknown").at_line(line);
        report.findings.push(finding);
    }
    let hosts = hosts(request, &report.grpc.host);
    let verdicts = hosts
        .iter()
        .map(|host| pool.client_accepts(certificate, roots, host.as_deref()));
    let verdicts: Vec<_> = verdicts.collect();
    let accepted = verdicts.iter().position(|verdict| verdict.is_ok());
    let client = client(material, request, pool)?;
    report.grpc.trust = trust::of(
        material,
        report.grpc.checked_against.as_deref(),
        report.grpc.ca_file.as_deref(),
        client.as_ref().map(|client| (client.pair.0, &*client.path)),
        pool,
    );
    let svids = pool.svids(certificate, client.as_ref().map(|client| client.pair.0));
    let findings = svids.into_iter().map(|(_, finding)| finding.at_line(line));
    report.findings.extend(findings);
    let host = hosts.get(accepted.unwrap_or(0)).cloned().flatten();
    of_each_stack(report, material, host.as_deref(), client.as_ref(), pool);
    let mut refuse = |rule, refusal: &Refusal, file: &Path| {
        report.grpc.serves = Serves::None;
        let finding = Finding::of(rule).at_line(line);
        let finding = finding.found(format!("{}: {}", shown(file), refusal.why));
        report
            .findings
            .push(finding.with_hint(refusal.hint.as_str()));
    };
    if accepted.is_none() {
        let first = verdicts.first().map(|verdict| verdict.as_ref());
        if let Some(Err(refusal)) = first {
            let path = &material.certificate_path;
            refuse("tls-certificate-refused", refusal, path);
        }
    } else if let (Some(client_roots), Some(client)) = (material.client_roots, client) {
        let verdict = pool.server_accepts(certificate, client_roots, client.pair);
        if let Err(refusal) = verdict.as_ref() {
            refuse("mtls-client-refused", refusal, &client.path);
        }
    }
    Ok(())
}

/// What clients of each stack do with the port. A stack that OpenAgents does not use itself, and that
/// does not connect, is no more than a warning.
fn of_each_stack(
    report: &mut NetworkReport,
    material: &Material,
    host: Option<&str>,
    client: Option<&Client>,
    pool: &mut Pool,
) {
    // An agent without a certificate is reported as an agent.
    let lacks_client = material.client_roots.is_some() && client.is_none();
    if material.roots.is_none() || lacks_client {
        return;
    }
    let all = pool.clients(material, host, client.map(|client| client.pair));
    let connects = |outcome: &Outcome| outcome.connects == Some(true);
    let own = |outcome: &&Outcome| outcome.client == Stack::GrpcCore;
    let mut outcomes = all.iter().flat_map(|verdicts| &verdicts.outcomes);
    let own_connects = outcomes.find(own).is_some_and(connects);
    for verdicts in all {
        for outcome in verdicts.outcomes {
            if own_connects && !connects(&outcome) {
                report.findings.extend(verdicts.causes.iter().map(|cause| {
                    let mut finding = cause.finding.clone();
                    finding.severity = finding.severity.min(Severity::Warning);
                    finding.message = format!("{} clients: {}", outcome.client, finding.message);
                    finding
                }));
            }
            report.clients.push(outcome);
        }
    }
}

/// Reads the files of a `tls:` block, in the order in which the network opens them.
fn load(
    tls: &Tls,
    network: &Path,
    pool: &mut Pool,
) -> Result<(Material, Vec<Finding>), Vec<Finding>> {
    let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) else {
        let missing = match (&tls.cert_file, &tls.key_file) {
            (None, None) => "neither cert_file nor key_file",
            (None, Some(_)) => "no cert_file",
            (Some(_), None | Some(_)) => "no key_file",
        };
        let finding = Finding::of("tls-file-unnamed").at_line(tls.line);
        return Err(vec![finding.found(missing)]);
    };
    let mut findings = Vec::new();
    let assumes_keys = pool.source().assumes_keys();
    let mut open = |file: &FileName| {
        let opened = open(file, network, pool);
        opened.map_err(|finding| findings.push(*finding)).ok()
    };
    let certificate = open(cert_file);
    let key = match assumes_keys {
        true => Some(None),
        false => open(key_file).map(|(key, _)| Some(key)),
    };
    let ca = tls.ca_file.as_ref().map(open);
    let (Some((certificate, certificate_path)), Some(key), None | Some(Some(_))) =
        (certificate, key, &ca)
    else {
        return Err(findings);
    };
    let ca = ca.flatten().map(|(ca, _)| ca);
    let is_empty = ca.is_some_and(|ca| pool.bytes(ca).is_empty());
    if tls.require_client_cert && is_empty {
        let finding = Finding::of("mtls-without-ca").at_line(tls.require_line);
        let hint = "put the CA's certificate into the file that `ca_file` names";
        findings.push(finding.found("the ca_file is empty").with_hint(hint));
    }
    let client_roots = ca.filter(|_| tls.require_client_cert && !is_empty);
    match pool.server_starts(certificate, key, client_roots).as_ref() {
        Ok(()) => {
            let material = Material {
                certificate,
                certificate_path,
                client_roots,
                roots: None,
            };
            Ok((material, findings))
        }
        Err(refusal) => {
            let finding = Finding::of("tls-credentials-refused").at_line(tls.line);
            let hint = refusal.hint.as_str();
            findings.push(finding.found(&refusal.why).with_hint(hint));
            Err(findings)
        }
    }
}

/// Opens a file as Python does.
fn open(
    file: &FileName,
    network: &Path,
    pool: &mut Pool,
) -> Result<(ContentId, PathBuf), Box<Finding>> {
    let finding = |rule| Finding::of(rule).at_line(file.line);
    let Some(name) = &file.path else {
        let found = format!("{}:", file.key);
        return Err(Box::new(finding("tls-file-no-name").found(found)));
    };
    let path = pool.resolved(name);
    let error = match pool.read(&path) {
        Ok(id) => return Ok((id, path)),
        Err(error) => error,
    };
    let found = format!("{}: {name}", file.key);
    let (is_missing, cause) = match &*error {
        Error::Io { source, .. } => (source.kind() == ErrorKind::NotFound, source.to_string()),
        error => (false, error.to_string()),
    };
    let beside = network.with_file_name(name);
    Err(Box::new(
        if is_missing && (name.starts_with('~') || name.contains('$')) {
            finding("tls-file-unexpanded").found(found)
        } else if is_missing && beside != path && pool.read(&beside).is_ok() {
            finding("tls-file-beside-yaml").instead(found, shown(&beside))
        } else {
            finding("tls-file-missing").found(format!("{found}; {cause}"))
        },
    ))
}

/// The CA that clients of the network trust, and its file.
fn roots(
    material: &Material,
    network: &Path,
    request: &Request,
    pool: &mut Pool,
) -> Result<(Option<ContentId>, Option<String>), Error> {
    let text = |path: &Path| Some(path.to_string_lossy().into_owned());
    if let Some(ca) = &request.ca {
        return Ok((Some(pool.read_named(ca)?), text(ca)));
    }
    let places = [
        material.certificate_path.with_file_name("ca.crt"),
        material.certificate_path.with_file_name(fetch::BUNDLE),
        pool.resolved("certs/ca.crt"),
        network.with_file_name("certs").join("ca.crt"),
        request.directory.join("ca.crt"),
    ];
    let mut known = places
        .iter()
        .filter_map(|place| Some((Some(pool.read(place).ok()?), text(place))));
    Ok(known.next().unwrap_or_default())
}

/// The system's trust anchors, where they accept the server's certificate and the CA beside it does not: a public CA
/// issued it.
fn public_roots(material: &Material, pool: &mut Pool) -> Option<ContentId> {
    let certificate = material.certificate;
    let is_own = |own| pool.client_accepts(certificate, Some(own), None).is_ok();
    if material.roots.is_some_and(is_own) {
        return None;
    }
    let public = pool.system_roots(certificate)?;
    let accepted = pool.client_accepts(certificate, Some(public), None);
    accepted.is_ok().then_some(public)
}

/// What the report names the system's trust anchors.
const SYSTEM: &str = "the system's trust store";

/// A client of the network.
struct Client {
    pair: Pair,
    path: PathBuf,
}

/// The client whose files are named, or beside the server's.
fn client(
    material: &Material,
    request: &Request,
    pool: &mut Pool,
) -> Result<Option<Client>, Error> {
    if let Some(path) = &request.client_certificate {
        let key = request.client_key.as_deref();
        let key = key.map(|key| pool.read_named(key)).transpose()?;
        let (pair, path) = ((pool.read_named(path)?, key), path.clone());
        return Ok(Some(Client { pair, path }));
    }
    let path = material.certificate_path.with_file_name("client.crt");
    let key = pool.read(&path.with_extension("key")).ok();
    let certificate = pool.read(&path).ok();
    Ok(certificate.map(|certificate| Client {
        pair: (certificate, key),
        path,
    }))
}

/// The hosts that a client may dial; one that is accepted is enough. `None` accepts any name.
fn hosts(request: &Request, bound: &str) -> Vec<Option<String>> {
    if let Some(host) = &request.host {
        return vec![Some(host.clone())];
    }
    let is_localhost = bound.eq_ignore_ascii_case("localhost");
    let is_loopback = bound.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback());
    let hosts: &[&str] = match bound {
        "127.0.0.1" => &["127.0.0.1", "localhost"],
        _ if is_localhost => &["localhost", "127.0.0.1"],
        _ if is_loopback => &[bound],
        _ => return vec![None],
    };
    hosts.iter().map(|host| Some((*host).to_owned())).collect()
}
