//! The reports on networks and agents.

use std::cmp::Reverse;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::{Matrix, Trust};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Lock, NewFile};
use crate::network::{
    EditError, FileName, Kind, NetworkFile, Offers, Startup, Tls, TlsFiles, unified_diff, with_tls,
};
use crate::ops::paths;
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::Outcome;

/// Networks, agents, and which of them reach each other.
#[derive(Debug, Serialize)]
pub struct NetworksReport {
    /// Each network.
    pub networks: Vec<NetworkReport>,
    /// Each agent.
    pub agents: Vec<AgentReport>,
    /// Which agents reach which networks, on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
}

impl NetworksReport {
    /// The findings, each with its file or agent.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &Finding)> {
        let networks = self.networks.iter();
        let networks = networks.map(|network| (network.file.as_str(), &network.findings));
        let agents = self.agents.iter();
        let agents = agents.map(|agent| (agent.name.as_str(), &agent.findings));
        let all = networks.chain(agents);
        all.flat_map(|(file, findings)| findings.iter().map(move |finding| (file, finding)))
    }

    /// Why the answer is no: the first error, or an agent that reaches no network.
    pub fn reason(&self) -> Option<String> {
        let is_error = |(_, finding): &(&str, &Finding)| finding.severity == Severity::Error;
        match self.findings().find(is_error) {
            Some((file, finding)) => Some(format!("{}: {}", shown(file), finding.summary())),
            None => self.matrix.as_ref()?.first_without_network(),
        }
    }
}

impl fmt::Display for NetworksReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for network in &self.networks {
            write!(f, "{network}")?;
        }
        match &self.matrix {
            // A thousand agents would hide the matrix.
            Some(matrix) => matrix.fmt(f),
            None => self.agents.iter().try_for_each(|agent| agent.fmt(f)),
        }
    }
}

/// What a network will serve.
#[derive(Debug, Serialize)]
pub struct NetworkReport {
    /// Its file.
    #[serde(rename = "path", serialize_with = "absolute")]
    pub file: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its first gRPC port.
    pub grpc: GrpcReport,
    /// The outcome of each stack's clients; empty if the port does not use TLS or the CA is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Outcome>,
    /// Its HTTP port, if it has one.
    pub http_port: Option<u16>,
    /// Whether its process keeps running after the start.
    pub stays_up: bool,
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
}

/// A gRPC port.
#[derive(Debug, Serialize)]
pub struct GrpcReport {
    /// The host it listens on, as in the file; empty without a gRPC transport.
    pub host: String,
    /// The port, if there is one.
    pub port: Option<u16>,
    /// What a correct client gets.
    pub serves: Serves,
    /// The line of its transport.
    pub line: Option<usize>,
    /// The server's certificate file, as in the file.
    pub cert_file: Option<String>,
    /// The private key file.
    pub key_file: Option<String>,
    /// The CA file for clients.
    pub ca_file: Option<String>,
    /// The CA the certificate was verified with.
    pub checked_against: Option<String>,
    /// Which side trusts what, and when each part ends.
    pub trust: Vec<Trust>,
}

/// What a correct client gets from a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serves {
    /// gRPC without TLS.
    Plaintext,
    /// TLS, also without a client certificate.
    Tls,
    /// TLS, only with a client certificate.
    Mtls,
    /// Nothing: the port does not exist, or its certificate is rejected.
    None,
}

impl fmt::Display for Serves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Serves::Plaintext => "plaintext",
            Serves::Tls => "TLS",
            Serves::Mtls => "mutual TLS",
            Serves::None => "nothing a client can use",
        })
    }
}

impl GrpcReport {
    /// Whether it serves TLS that no CA was found to verify.
    pub fn is_unchecked(&self) -> bool {
        let is_tls = match self.serves {
            Serves::Tls | Serves::Mtls => true,
            Serves::Plaintext | Serves::None => false,
        };
        is_tls && self.checked_against.is_none()
    }
}

impl NetworkReport {
    pub(super) fn new(
        path: &Path,
        file: &NetworkFile,
        startup: &Startup,
        findings: Vec<Finding>,
    ) -> Self {
        let grpc = startup.grpc.as_ref();
        let (serves, tls): (Serves, Option<&Tls>) = match grpc.map(|grpc| &grpc.offers) {
            Some(Offers::Tls {
                tls,
                requires_client,
            }) => match requires_client {
                true => (Serves::Mtls, Some(tls)),
                false => (Serves::Tls, Some(tls)),
            },
            Some(Offers::Plaintext) => (Serves::Plaintext, None),
            Some(Offers::Nothing) | None => (Serves::None, None),
        };
        let path_of = |name: &Option<FileName>| name.as_ref().and_then(|name| name.path.clone());
        let mut listeners = startup.listeners.iter();
        let http = listeners.find(|listener| listener.kind == Kind::Http);
        NetworkReport {
            file: path.to_string_lossy().into_owned(),
            name: file.name().map(str::to_owned),
            grpc: GrpcReport {
                host: grpc.map(|grpc| grpc.host.clone()).unwrap_or_default(),
                port: grpc.and_then(|grpc| grpc.port),
                serves,
                line: grpc.map(|grpc| grpc.line),
                cert_file: tls.and_then(|tls| path_of(&tls.cert_file)),
                key_file: tls.and_then(|tls| path_of(&tls.key_file)),
                ca_file: tls.and_then(|tls| path_of(&tls.ca_file)),
                checked_against: None,
                trust: Vec::new(),
            },
            clients: Vec::new(),
            http_port: http.map(|http| http.port),
            stays_up: startup.stays_up,
            findings: startup.findings.iter().cloned().chain(findings).collect(),
        }
    }

    /// Sorts the findings, most severe first, and names this file in their hints.
    pub(super) fn finish(mut self) -> Self {
        let command = format!("--network {}", shown(&self.file));
        for finding in &mut self.findings {
            finding.hint = finding.hint.replace("--network FILE", &command);
        }
        self.findings
            .sort_by_key(|finding| Reverse(finding.severity));
        self
    }
}

impl fmt::Display for NetworkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, grpc) = (shown(&self.file), &self.grpc);
        match (grpc.line, grpc.port) {
            (None, _) => writeln!(f, "{file}: no gRPC port")?,
            (Some(_), None) => writeln!(f, "{file}: no gRPC port that can be dialled")?,
            (Some(_), Some(port)) => {
                let (host, serves) = (shown(&grpc.host), grpc.serves);
                writeln!(f, "{file}: gRPC port {port} on {host} serves {serves}")?;
            }
        }
        if !self.stays_up {
            writeln!(f, "  the network does not keep running")?;
        }
        if let Some(ca) = &grpc.checked_against {
            writeln!(f, "  verified with {}", shown(ca))?;
        }
        // With one CA for both sides, it has been named.
        let is_mixed = grpc
            .trust
            .windows(2)
            .any(|two| two[0].anchor != two[1].anchor);
        for part in grpc.trust.iter().filter(|_| is_mixed) {
            writeln!(f, "  {part}")?;
        }
        if !self.clients.is_empty() {
            let clients = self.clients.iter().map(|outcome| {
                let connects = outcome.connects == Some(true);
                format!("{} {}", outcome.client, if connects { "yes" } else { "no" })
            });
            let clients: Vec<String> = clients.collect();
            writeln!(f, "  clients that connect: {}", clients.join(", "))?;
        }
        write_findings(f, &self.findings)
    }
}

/// An agent.
#[derive(Debug, Serialize)]
pub struct AgentReport {
    /// Its id, or its URL.
    pub name: String,
    /// Its file, if it has one.
    #[serde(
        rename = "path",
        serialize_with = "absolute_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub file: Option<String>,
    /// The URL it dials: grpcs://…, grpc://…, http://…; `None` if it cannot.
    pub dials: Option<String>,
    /// Whether it uses TLS for a gRPC port.
    pub speaks_tls: bool,
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
}

impl fmt::Display for AgentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dials = self.dials.as_deref().map_or("nothing".into(), shown);
        let name = shown(&self.name);
        match &self.file {
            Some(file) => writeln!(f, "{}: agent {name} dials {dials}", shown(file))?,
            None => writeln!(f, "agent {name} dials {dials}")?,
        }
        write_findings(f, &self.findings)
    }
}

fn write_findings(f: &mut fmt::Formatter<'_>, findings: &[Finding]) -> fmt::Result {
    for finding in findings.iter().take(MAX_FINDINGS_SHOWN) {
        for line in finding.to_string().lines() {
            writeln!(f, "  {line}")?;
        }
    }
    if findings.len() > MAX_FINDINGS_SHOWN {
        let more = findings.len() - MAX_FINDINGS_SHOWN;
        writeln!(f, "  … and {more} more; see all with --format json")?;
    }
    Ok(())
}

/// A path in JSON.
pub(super) fn absolute<S: Serializer>(path: &str, serializer: S) -> Result<S::Ok, S::Error> {
    paths::as_text(&PathBuf::from(path), serializer)
}

fn absolute_if_any<S: Serializer>(path: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    paths::as_text(&path.as_ref().map(PathBuf::from), to)
}

const MAX_FINDINGS_SHOWN: usize = 30;

/// Which file to change, and the certificates for it.
#[derive(Clone, Debug)]
pub struct EditRequest {
    /// The network's file.
    pub network: PathBuf,
    /// The server's certificate file; by default `server.crt` in the PKI directory.
    pub certificate: Option<PathBuf>,
    /// Its private key; by default the `.key` file beside the certificate.
    pub key: Option<PathBuf>,
    /// The CA of the clients; with it every client needs a certificate. By default `ca.crt` in the PKI
    /// directory, if there is a `client.crt` beside it and no certificate was named.
    pub client_ca: Option<PathBuf>,
    /// The PKI directory.
    pub directory: PathBuf,
    /// The directory that the network is started in; by default the current one.
    pub cwd: Option<PathBuf>,
    /// Whether to write nothing.
    pub dry_run: bool,
}

/// The change to a network's file.
#[derive(Debug, Serialize)]
pub struct EditReport {
    /// The network's file.
    #[serde(rename = "path", serialize_with = "super::report::absolute")]
    pub file: String,
    /// Whether it needed a change.
    pub changed: bool,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// The change as a unified diff; empty if there is none.
    pub diff: String,
}

/// Adds the block, unless it is already there.
///
/// # Errors
/// When a file is missing or cannot be read or written, or TLS is already on with other files.
pub(in crate::ops::verify_chain) fn edit(request: &EditRequest) -> Result<EditReport, Error> {
    let path = &request.network;
    let bytes = files::read(path)?;
    let tls = tls_files(request)?;
    let edited = match with_tls(&bytes, &tls) {
        // The client CA is a default: without it, the block may be as it should be.
        Err(EditError::Effective { .. }) if request.client_ca.is_none() => {
            let ca_file = None;
            with_tls(&bytes, &TlsFiles { ca_file, ..tls })
        }
        edited => edited,
    };
    let edited = edited.in_file(path)?;
    let before = String::from_utf8_lossy(&bytes);
    let diff = unified_diff(&before, &edited.text);
    if edited.changed && !request.dry_run {
        replace(path, &bytes, edited.text.as_bytes())?;
    }
    Ok(EditReport {
        file: path.to_string_lossy().into_owned(),
        changed: edited.changed,
        dry_run: request.dry_run,
        diff,
    })
}

impl fmt::Display for EditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = shown(&self.file);
        match (self.changed, self.dry_run) {
            (false, _) => writeln!(
                f,
                "{file}: already has this `tls:` block; nothing was written"
            ),
            (true, true) => write!(f, "{file}: would be changed:\n{}", self.diff),
            (true, false) => write!(f, "{file}: added a `tls:` block\n{}", self.diff),
        }
    }
}

/// The files as the network will read them.
///
/// # Errors
/// When one does not exist.
fn tls_files(request: &EditRequest) -> Result<TlsFiles, Error> {
    let certificate = request.certificate.clone();
    let certificate = certificate.unwrap_or_else(|| request.directory.join("server.crt"));
    let key = request.key.clone();
    let key = key.unwrap_or_else(|| certificate.with_extension("key"));
    let path = |path: &Path| -> Result<String, Error> {
        match files::kind(path)? {
            files::Kind::Absent => Err(Error::usage(
                format!("{}: no such file", shown(path)),
                "create the files with `openagents-certs generate`, or name them with `--cert`, `--key` and `--client-ca`",
            )),
            files::Kind::Other => Err(Error::Unreadable {
                path: path.to_owned(),
                what: "is a directory or a device, not a file",
            }),
            files::Kind::File | files::Kind::SymbolicLink => from_cwd(path, request.cwd.as_deref()),
        }
    };
    Ok(TlsFiles {
        cert_file: path(&certificate)?,
        key_file: path(&key)?,
        ca_file: client_ca(request)?.as_deref().map(path).transpose()?,
    })
}

/// The CA of the clients, if clients need certificates.
fn client_ca(request: &EditRequest) -> Result<Option<PathBuf>, Error> {
    if request.client_ca.is_some() || request.certificate.is_some() {
        return Ok(request.client_ca.clone());
    }
    let client = request.directory.join("client.crt");
    let ca = request.directory.join("ca.crt");
    let exist =
        files::kind(&client)? != files::Kind::Absent && files::kind(&ca)? != files::Kind::Absent;
    Ok(exist.then_some(ca))
}

/// A path for a network that is started in this directory: relative if the file is below it.
fn from_cwd(path: &Path, cwd: Option<&Path>) -> Result<String, Error> {
    let mut path = path.to_owned();
    if let Some(cwd) = cwd {
        path = files::absolute(&path)?;
        if let Ok(below) = path.strip_prefix(files::absolute(cwd)?) {
            path = below.to_owned();
        }
    }
    match path.to_str() {
        Some(text) => Ok(text.strip_prefix("./").unwrap_or(text).to_owned()),
        None => Err(Error::usage(
            format!(
                "{}: a path that is not UTF-8 cannot be written to YAML",
                shown(&path)
            ),
            "rename the file",
        )),
    }
}

/// Replaces the file with one rename, unless it has changed since it was read.
fn replace(path: &Path, before: &[u8], after: &[u8]) -> Result<(), Error> {
    let absolute = files::absolute(path)?;
    let (Some(directory), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "is a directory, not a file",
        });
    };
    let secret = files::is_private(&absolute)?;
    let lock = Lock::acquire(directory)?;
    if files::read(path)?.as_slice() != before {
        return Err(Error::ChangedMeanwhile {
            path: path.to_owned(),
            what: "changed by another process",
            hint: "run the command again",
        });
    }
    let file = NewFile {
        name,
        content: after,
        secret,
    };
    files::write_together(&lock, &[file], true)
}
