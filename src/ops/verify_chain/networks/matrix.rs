//! Which agents reach which networks, and why not.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use super::agents::{Agents, Dialling};
use super::certificates::Certificates;
use super::contents::Contents;
use super::serving::Material;
use super::{Network, shown};
use crate::network::reach::{Approach, Why};

/// Every agent against every network.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Matrix {
    rows: Vec<Row>,
}

/// An agent and a network.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The agent's id, or its URL.
    #[serde(serialize_with = "text")]
    pub agent: Rc<str>,
    /// The network's file.
    #[serde(serialize_with = "text")]
    pub network: Rc<str>,
    /// Whether the agent reaches it.
    pub reaches: bool,
    /// Why not, or how.
    pub why: String,
    /// The same as a stable name.
    pub code: &'static str,
}

impl Matrix {
    /// The rows, agent after agent.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether every agent reaches one network at least.
    pub fn everyone_reaches_one(&self) -> bool {
        self.first_without_network().is_none()
    }

    /// The first agent that reaches no network, in words.
    pub fn first_without_network(&self) -> Option<String> {
        let by_agent = self.by_agent();
        let mut alone = by_agent
            .iter()
            .filter(|rows| rows.iter().all(|row| !row.reaches));
        let rows = alone.next()?;
        let first = rows.first()?;
        Some(format!(
            "agent {}: reaches no network: {}",
            shown(&first.agent),
            first.why
        ))
    }

    /// The rows of each agent: every agent has one for each network.
    pub(in super::super) fn by_agent(&self) -> Vec<&[Row]> {
        let first = self.rows.first();
        let networks = first.map_or(1, |first| {
            let same = self
                .rows
                .iter()
                .take_while(|row| Rc::ptr_eq(&row.agent, &first.agent));
            same.count()
        });
        self.rows.chunks(networks.max(1)).collect()
    }
}

/// Holds every agent against every network.
pub(super) fn build(
    networks: &[Network],
    agents: &Agents,
    contents: &Contents,
    certificates: &mut Certificates,
) -> Matrix {
    let files: Vec<Rc<str>> = networks
        .iter()
        .map(|network| network.report.file.as_str().into())
        .collect();
    let mut rows = Vec::with_capacity(networks.len() * agents.dialling.len());
    for (report, dialling) in agents.reports.iter().zip(&agents.dialling) {
        let agent: Rc<str> = report.name.as_str().into();
        for (network, file) in networks.iter().zip(&files) {
            let reach = reach(dialling, network, contents, certificates);
            let (reaches, why, code) = match reach {
                Ok(how) => (true, how.to_owned(), how),
                Err(why) => (false, why.to_string(), why.code()),
            };
            rows.push(Row {
                agent: agent.clone(),
                network: file.clone(),
                reaches,
                why,
                code,
            });
        }
    }
    Matrix { rows }
}

/// Why an agent reaches none of the networks; `None` where it reaches one or there are none.
pub(super) fn reaches_none(
    dialling: &Dialling,
    networks: &[Network],
    contents: &Contents,
    certificates: &mut Certificates,
) -> Option<Why> {
    let mut worst: Option<(u8, Why)> = None;
    for network in networks {
        match reach(dialling, network, contents, certificates) {
            Ok(_) => return None,
            Err(why) => {
                let weight = telling(&why);
                if worst.as_ref().is_none_or(|(known, _)| weight > *known) {
                    worst = Some((weight, why));
                }
            }
        }
    }
    worst.map(|(_, why)| why)
}

/// How an agent reaches a network, or why it does not.
fn reach(
    dialling: &Dialling,
    network: &Network,
    contents: &Contents,
    certificates: &mut Certificates,
) -> Result<&'static str, Why> {
    let endpoint = dialling.endpoint.as_ref().ok_or(Why::NoAddress)?;
    match network.door.approach(endpoint) {
        Approach::Stopped(why) => Err(why),
        Approach::Through { .. } => Ok("plaintext"),
        Approach::Handshake { host } => {
            let material = network.material.as_ref().ok_or(Why::NotThere)?;
            handshake(dialling, material, &host, contents, certificates)
        }
    }
}

fn handshake(
    dialling: &Dialling,
    material: &Material,
    host: &str,
    contents: &Contents,
    certificates: &mut Certificates,
) -> Result<&'static str, Why> {
    if dialling.is_broken {
        return Err(Why::AgentFile);
    }
    let roots = dialling.roots.or(material.roots);
    let refused = |why: &str| Why::Refused(format!("refuses the server's certificate: {why}"));
    let chain = certificates.client_takes(contents, material.certificate, roots, None);
    if let Err(refusal) = chain.as_ref() {
        return Err(refused(&refusal.why));
    }
    let names = certificates.names(contents, material.certificate);
    if !names.is_empty() && !names.iter().any(|name| may_cover(name, host)) {
        return Err(Why::Name {
            dialled: host.to_owned(),
        });
    }
    let named = certificates.client_takes(contents, material.certificate, roots, Some(host));
    if let Err(refusal) = named.as_ref() {
        return Err(refused(&refusal.why));
    }
    let Some(client_roots) = material.client_roots else {
        return Ok("tls");
    };
    let (certificate, key) = dialling.identity.ok_or(Why::NoClientCertificate)?;
    let identity = (certificate, Some(key));
    let taken = certificates.server_takes(contents, material.certificate, client_roots, identity);
    match taken.as_ref() {
        Ok(()) => Ok("mtls"),
        Err(refusal) => Err(Why::Refused(format!(
            "the server refuses its certificate: {}",
            refusal.why
        ))),
    }
}

fn text<S: serde::Serializer>(text: &Rc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Whether a name of a certificate may stand for a host, at first sight.
fn may_cover(name: &str, host: &str) -> bool {
    let name = name
        .split_once(':')
        .map_or(name, |(kind, rest)| match kind {
            "dns" | "ip" | "DNS" | "IP" => rest,
            _ => name,
        });
    name.contains('*') || name.eq_ignore_ascii_case(host.trim_end_matches('.'))
}

/// How much a reason says about what has to be mended.
fn telling(why: &Why) -> u8 {
    match why {
        Why::Refused(_) | Why::NoClientCertificate | Why::Name { .. } | Why::AgentFile => 5,
        Why::TlsToPlaintext | Why::PlaintextToTls | Why::HttpToGrpc { .. } => 4,
        Why::NotThere | Why::NoTransport | Why::NoAddress => 3,
        Why::OtherHost { .. } => 2,
        Why::OtherPort { .. } | Why::Directory => 1,
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_agent = self.by_agent();
        let networks = by_agent.first().map_or(0, |rows| rows.len());
        let reached = self.rows.iter().filter(|row| row.reaches).count();
        writeln!(
            f,
            "{}, {}: {reached} of {} reach each other",
            counted(by_agent.len(), "agent"),
            counted(networks, "network"),
            counted(self.rows.len(), "pair")
        )?;
        if networks > MAX_COLUMNS {
            return reasons(f, &by_agent);
        }
        for (i, row) in by_agent
            .first()
            .into_iter()
            .flat_map(|rows| rows.iter())
            .enumerate()
        {
            writeln!(f, "  {:>2}  {}", i + 1, shown(&row.network))?;
        }
        let header: Vec<_> = (1..=networks).map(|i| format!("{i:>2}")).collect();
        writeln!(f, "  {}", header.join(" "))?;
        for rows in by_agent.iter().take(MAX_ROWS) {
            let cells: Vec<_> = rows
                .iter()
                .map(|row| if row.reaches { " y" } else { " ." })
                .collect();
            let agent = rows
                .first()
                .map(|row| shown(&row.agent))
                .unwrap_or_default();
            writeln!(f, "  {}  {agent}", cells.join(" "))?;
        }
        if by_agent.len() > MAX_ROWS {
            writeln!(
                f,
                "  … and {} more; `--format json` has them all",
                by_agent.len() - MAX_ROWS
            )?;
        }
        reasons(f, &by_agent)
    }
}

/// A number and what it counts.
fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// Why pairs do not reach each other, the most frequent reason first.
fn reasons(f: &mut fmt::Formatter<'_>, by_agent: &[&[Row]]) -> fmt::Result {
    let mut counts: HashMap<&str, (usize, &Row)> = HashMap::new();
    for row in by_agent
        .iter()
        .flat_map(|rows| rows.iter())
        .filter(|row| !row.reaches)
    {
        counts.entry(&row.why).or_insert((0, row)).0 += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(one, (n, _)), (other, (m, _))| m.cmp(n).then(one.cmp(other)));
    for (why, (count, row)) in counts.iter().take(MAX_REASONS) {
        let (agent, network) = (shown(&row.agent), shown(&row.network));
        writeln!(
            f,
            "  {count:>6} × {}: such as {agent} to {network}",
            shown(why)
        )?;
    }
    Ok(())
}

const MAX_COLUMNS: usize = 30;
const MAX_ROWS: usize = 100;
const MAX_REASONS: usize = 12;
