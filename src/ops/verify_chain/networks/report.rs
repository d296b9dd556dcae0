//! What is said of a network and of an agent.

use std::cmp::Reverse;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::shown;
use crate::network::{Kind, NetworkFile, Offers, Startup, Tls};
use crate::path::finding::Finding;
use crate::path::stacks::Outcome;

/// What a network will do.
#[derive(Debug, Serialize)]
pub struct NetworkReport {
    /// Its file.
    pub file: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its first gRPC port.
    pub grpc: GrpcReport,
    /// What clients of each stack make of its gRPC port; empty where it speaks no TLS or the CA is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Outcome>,
    /// Its HTTP port, where it has one.
    pub http_port: Option<u16>,
    /// Whether its process is still there after the start.
    pub stays_up: bool,
    /// Everything that is wrong, the worst first.
    pub findings: Vec<Finding>,
}

/// A gRPC port.
#[derive(Debug, Serialize)]
pub struct GrpcReport {
    /// The host it listens on, as the file has it; empty where there is no gRPC transport.
    pub host: String,
    /// The port; `None` where there is none.
    pub port: Option<u16>,
    /// What a correct client gets from it.
    pub serves: Serves,
    /// The line of its transport.
    pub line: Option<usize>,
    /// The server's certificates, as the file names them.
    pub cert_file: Option<String>,
    /// The private key.
    pub key_file: Option<String>,
    /// The CA of the clients.
    pub ca_file: Option<String>,
    /// The CA that the certificate was checked with.
    pub checked_against: Option<String>,
}

/// What a correct client gets from a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serves {
    /// gRPC without TLS.
    Plaintext,
    /// TLS, also without a client certificate.
    Tls,
    /// TLS, with a client certificate only.
    Mtls,
    /// Nothing: the port is not there, or what it serves cannot be verified.
    None,
}

impl fmt::Display for Serves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Serves::Plaintext => "plaintext",
            Serves::Tls => "TLS",
            Serves::Mtls => "mutual TLS",
            Serves::None => "nothing that a client can use",
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
                requires_client: true,
            }) => (Serves::Mtls, Some(tls)),
            Some(Offers::Tls {
                tls,
                requires_client: false,
            }) => (Serves::Tls, Some(tls)),
            Some(Offers::Plaintext) => (Serves::Plaintext, None),
            Some(Offers::Nothing) | None => (Serves::None, None),
        };
        let path_of =
            |name: Option<&crate::network::FileName>| name.and_then(|name| name.path.clone());
        let http = startup
            .listeners
            .iter()
            .find(|listener| listener.kind == Kind::Http);
        NetworkReport {
            file: path.to_string_lossy().into_owned(),
            name: file.name().map(str::to_owned),
            grpc: GrpcReport {
                host: grpc.map(|grpc| grpc.host.clone()).unwrap_or_default(),
                port: grpc.and_then(|grpc| grpc.port),
                serves,
                line: grpc.map(|grpc| grpc.line),
                cert_file: path_of(tls.and_then(|tls| tls.cert_file.as_ref())),
                key_file: path_of(tls.and_then(|tls| tls.key_file.as_ref())),
                ca_file: path_of(tls.and_then(|tls| tls.ca_file.as_ref())),
                checked_against: None,
            },
            clients: Vec::new(),
            http_port: http.map(|http| http.port),
            stays_up: startup.stays_up,
            findings: startup.findings.iter().cloned().chain(findings).collect(),
        }
    }

    /// The worst finding first; of two that weigh the same the one that was found first. Hints name this file.
    pub(super) fn finish(&mut self) {
        let command = format!("--network {}", shown(&self.file));
        for finding in &mut self.findings {
            finding.hint = finding.hint.replace("--network FILE", &command);
        }
        self.findings
            .sort_by_key(|finding| Reverse(finding.severity));
    }
}

impl fmt::Display for NetworkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = shown(&self.file);
        let grpc = &self.grpc;
        match (grpc.line, grpc.port) {
            (None, _) => writeln!(f, "{file}: no gRPC port, so nothing is served there")?,
            (Some(_), None) => writeln!(
                f,
                "{file}: no gRPC port that can be dialled serves anything"
            )?,
            (Some(_), Some(port)) => {
                writeln!(
                    f,
                    "{file}: gRPC port {port} on {} serves {}",
                    shown(&grpc.host),
                    grpc.serves
                )?;
            }
        }
        if !self.stays_up {
            writeln!(f, "  the network does not stay up")?;
        }
        if let Some(ca) = &grpc.checked_against {
            writeln!(f, "  checked with {}", shown(ca))?;
        }
        if !self.clients.is_empty() {
            let clients = self.clients.iter().map(|outcome| {
                let word = if outcome.connects == Some(true) {
                    "yes"
                } else {
                    "no"
                };
                format!("{} {word}", outcome.client)
            });
            let clients: Vec<String> = clients.collect();
            writeln!(f, "  clients that get through: {}", clients.join(", "))?;
        }
        write_findings(f, &self.findings)
    }
}

/// What an agent is, by itself.
#[derive(Debug, Serialize)]
pub struct AgentReport {
    /// Its id, or its URL.
    pub name: String,
    /// Its file, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How it dials: grpcs://…, grpc://…, http://…; `None` where it cannot.
    pub dials: Option<String>,
    /// Whether it speaks TLS to a gRPC port.
    pub speaks_tls: bool,
    /// Everything that is wrong with it, the worst first.
    pub findings: Vec<Finding>,
}

impl fmt::Display for AgentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dials = self.dials.as_deref().map_or("nothing".into(), shown);
        match &self.file {
            Some(file) => writeln!(
                f,
                "{}: agent {} dials {dials}",
                shown(file),
                shown(&self.name)
            )?,
            None => writeln!(f, "agent {} dials {dials}", shown(&self.name))?,
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
        writeln!(f, "  … and {more} more; `--format json` has them all")?;
    }
    Ok(())
}

const MAX_FINDINGS_SHOWN: usize = 30;
