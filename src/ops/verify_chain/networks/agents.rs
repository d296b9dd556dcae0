//! Agents from URLs, YAML files, directories of them, and lists.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Serialize;

use super::pool::{ContentId, Material, Pair, Pool};
use super::report::AgentReport;
use super::{Network, Request};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind};
use crate::network::agent::{Agent, AgentFileError, Endpoint};
use crate::network::reach::{Approach, Why};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::File;

/// An agent, and what it dials with.
pub(super) struct Dialer {
    pub(super) report: AgentReport,
    pub(super) endpoint: Option<Endpoint>,
    /// The CA it trusts, if not the network's own.
    pub(super) roots: Option<ContentId>,
    /// Its certificate, and its key unless that is assumed to match.
    pub(super) identity: Option<Pair>,
    /// Whether one of its files cannot be used.
    pub(super) is_broken: bool,
}

/// Reads every agent that the command line names.
///
/// # Errors
/// When a file cannot be read or does not describe an agent, or a list is malformed.
pub(super) fn read(request: &Request, pool: &mut Pool) -> Result<Vec<Dialer>, Error> {
    // Paths of the command line are relative to this program's directory.
    let absolute = |path: &Option<PathBuf>| path.as_deref().map(files::absolute).transpose();
    let paths = Paths {
        ca: absolute(&request.ca)?,
        certificate: absolute(&request.client_certificate)?,
        key: match (&request.client_key, &request.client_certificate) {
            _ if request.source.assumes_keys() => None,
            (Some(key), _) => Some(files::absolute(key)?),
            (None, Some(certificate)) => key_beside(certificate)?,
            (None, None) => None,
        },
    };
    let given = [&paths.ca, &paths.certificate, &paths.key];
    for path in given.into_iter().flatten() {
        pool.read_named(path)?;
    }
    let mut reader = Reader {
        pool,
        dialers: Vec::new(),
    };
    for argument in &request.agents {
        reader.take(argument, &paths)?;
    }
    Ok(reader.dialers)
}

impl Dialer {
    /// Adds why it reaches none of the networks.
    pub(super) fn judge(&mut self, networks: &[Network], pool: &mut Pool) {
        let why = reaches_none(self, networks, pool);
        let findings = &mut self.report.findings;
        if let Some(why) = why.filter(|_| self.endpoint.is_some()) {
            let is_yaml = why == Why::PlaintextToTls && self.report.file.is_some();
            findings.push(if is_yaml {
                let finding = Finding::of("agent-yaml-without-tls").found(why);
                finding.with_severity(Severity::Error)
            } else {
                Finding::of("agent-reaches-no-network").found(why)
            });
        }
        if let Some((certificate, _)) = self.identity
            && let Some(material) = networks.iter().find_map(|one| one.material.as_ref())
        {
            let svids = pool.svids(material.certificate, Some(certificate));
            let own = svids
                .into_iter()
                .filter(|(file, _)| *file == File::ClientCertificate);
            findings.extend(own.map(|(_, finding)| finding));
        }
        findings.sort_by_key(|finding| Reverse(finding.severity));
    }
}

/// Where the files of an agent are.
struct Paths {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

struct Reader<'a> {
    pool: &'a mut Pool,
    dialers: Vec<Dialer>,
}

impl Reader<'_> {
    fn take(&mut self, argument: &str, paths: &Paths) -> Result<(), Error> {
        if argument.contains("://") {
            self.add(Agent::from_url(argument), None, paths);
            return Ok(());
        }
        let path = Path::new(argument);
        if let Some(files) = self.pool.source().matching(path)? {
            let mut files = files.iter().filter(|file| is_yaml(file));
            files.try_for_each(|file| self.take_yaml(file, true, paths))
        } else if is_yaml(path) {
            self.take_yaml(path, false, paths)
        } else {
            self.take_list(path, paths)
        }
    }

    /// The YAML file of an agent; among several files, those of networks are skipped.
    fn take_yaml(&mut self, path: &Path, is_one_of_many: bool, paths: &Paths) -> Result<(), Error> {
        match Agent::from_yaml(&self.pool.source().read_description(path)?) {
            Ok(agent) => self.add(agent, Some(path), paths),
            Err(AgentFileError::NoId { .. }) if is_one_of_many => {}
            Err(source) => {
                return Err(source).in_file(path);
            }
        }
        Ok(())
    }

    /// A list with the columns `url,name,ca,client_cert,client_key`, with or without a header. Only
    /// the URL is required.
    fn take_list(&mut self, path: &Path, paths: &Paths) -> Result<(), Error> {
        let bytes = self.pool.source().read_description(path)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(bytes.as_slice());
        let mut columns = COLUMNS.map(str::to_owned).to_vec();
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(|_| not_a_list(path, i + 1))?;
            if i == 0 && !record.iter().any(|field| field.contains("://")) {
                columns = record.iter().map(str::to_ascii_lowercase).collect();
                continue;
            }
            let field = |name: &str| {
                let at = columns.iter().position(|column| column == name)?;
                record.get(at).filter(|field| !field.is_empty())
            };
            let url = field("url").ok_or_else(|| not_a_list(path, i + 1))?;
            let mut agent = Agent::from_url(url);
            if let Some(name) = field("name") {
                agent.name = name.to_owned();
            }
            let own = |name: &str, default: &Option<PathBuf>| {
                field(name).map(PathBuf::from).or_else(|| default.clone())
            };
            let is_key_needed = !self.pool.source().assumes_keys();
            let own = Paths {
                ca: own("ca", &paths.ca),
                certificate: own("client_cert", &paths.certificate),
                key: own("client_key", &paths.key).filter(|_| is_key_needed),
            };
            self.add(agent, None, &own);
        }
        Ok(())
    }

    fn add(&mut self, agent: Agent, file: Option<&Path>, paths: &Paths) {
        let mut findings = agent.findings;
        let mut is_broken = false;
        let speaks_tls = agent.endpoint.as_ref().is_some_and(Endpoint::speaks_tls);
        let mut read = |path: &Option<PathBuf>| {
            let path = path.as_deref().filter(|_| speaks_tls)?;
            let read = self.pool.read(&self.pool.resolved(path));
            let refused = |error| {
                is_broken = true;
                let found = format!("{}; {error}", shown(path));
                findings.push(Finding::of("agent-file").found(found));
            };
            read.map_err(refused).ok()
        };
        let (roots, certificate, key) =
            (read(&paths.ca), read(&paths.certificate), read(&paths.key));
        let is_assumed = key.is_none() && self.pool.source().assumes_keys();
        if certificate.is_some() != key.is_some() && !is_assumed {
            findings.push(Finding::of("agent-half-pair"));
            is_broken = true;
        }
        self.dialers.push(Dialer {
            report: AgentReport {
                name: agent.name,
                file: file.map(|file| file.to_string_lossy().into_owned()),
                dials: agent.endpoint.as_ref().map(ToString::to_string),
                speaks_tls,
                findings,
            },
            endpoint: agent.endpoint,
            roots,
            identity: certificate.map(|certificate| (certificate, key)),
            is_broken,
        });
    }
}

/// The key beside a certificate that the command line names alone.
fn key_beside(certificate: &Path) -> Result<Option<PathBuf>, Error> {
    let key = certificate.with_extension("key");
    Ok(match files::kind(&key)? {
        Kind::Absent => None,
        Kind::File | Kind::SymbolicLink | Kind::Other => Some(files::absolute(&key)?),
    })
}

fn is_yaml(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
}

fn not_a_list(path: &Path, row: usize) -> Error {
    Error::usage(
        format!("{}: row {row}: no agent's URL", shown(path)),
        "give rows of url,name,ca,client_cert,client_key, such as grpcs://localhost:8600, or an agent's YAML",
    )
}

const COLUMNS: [&str; 5] = ["url", "name", "ca", "client_cert", "client_key"];

/// Every agent with every network.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Matrix {
    rows: Vec<MatrixRow>,
    #[serde(skip)]
    networks: usize,
}

/// An agent and a network.
#[derive(Debug, Serialize)]
pub struct MatrixRow {
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
    /// Checks every agent with every network.
    pub(super) fn new(networks: &[Network], agents: &[Dialer], pool: &mut Pool) -> Self {
        let files = networks.iter().map(|network| &*network.report.file);
        let files: Vec<Rc<str>> = files.map(Rc::from).collect();
        let mut rows = Vec::with_capacity(networks.len() * agents.len());
        for dialer in agents {
            let agent: Rc<str> = dialer.report.name.as_str().into();
            for (network, file) in networks.iter().zip(&files) {
                let (reaches, why, code) = match reach(dialer, network, pool) {
                    Ok(how) => (true, how.to_owned(), how),
                    Err(why) => (false, why.to_string(), why.code()),
                };
                rows.push(MatrixRow {
                    agent: agent.clone(),
                    network: file.clone(),
                    reaches,
                    why,
                    code,
                });
            }
        }
        let networks = networks.len();
        Matrix { rows, networks }
    }

    /// The rows, agent after agent.
    pub fn rows(&self) -> &[MatrixRow] {
        &self.rows
    }

    /// Whether every agent reaches at least one network.
    pub fn everyone_reaches_one(&self) -> bool {
        self.first_without_network().is_none()
    }

    /// The first agent that reaches no network, in words.
    pub fn first_without_network(&self) -> Option<String> {
        let mut by_agent = self.by_agent();
        let rows = by_agent.find(|rows| rows.iter().all(|row| !row.reaches))?;
        let first = rows.first()?;
        let (agent, why) = (shown(&*first.agent), &first.why);
        Some(format!("agent {agent}: reaches no network: {why}"))
    }

    /// The rows of each agent: every agent has one for each network.
    pub fn by_agent(&self) -> impl ExactSizeIterator<Item = &[MatrixRow]> {
        self.rows.chunks(self.networks.max(1))
    }

    /// Why pairs do not reach each other, the most frequent reason first.
    fn reasons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: HashMap<&str, (usize, &MatrixRow)> = HashMap::new();
        for row in self.rows.iter().filter(|row| !row.reaches) {
            counts.entry(&row.why).or_insert((0, row)).0 += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|(one, (n, _)), (other, (m, _))| m.cmp(n).then(one.cmp(other)));
        for (why, (count, row)) in counts.iter().take(MAX_REASONS) {
            let (why, agent, network) = (shown(why), shown(&*row.agent), shown(&*row.network));
            writeln!(f, "  {count:>6} × {why}: such as {agent} to {network}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (agents, networks) = (self.by_agent(), self.networks);
        let reached = self.rows.iter().filter(|row| row.reaches).count();
        writeln!(
            f,
            "{}, {}: {reached} of {} reach each other",
            counted(agents.len(), "agent"),
            counted(networks, "network"),
            counted(self.rows.len(), "pair")
        )?;
        if networks > MAX_COLUMNS {
            return self.reasons(f);
        }
        for (i, row) in self.rows.iter().take(networks).enumerate() {
            writeln!(f, "  {:>2}  {}", i + 1, shown(&*row.network))?;
        }
        let heads: Vec<_> = (1..=networks).map(|i| format!("{i:>2}")).collect();
        writeln!(f, "  {}", heads.join(" "))?;
        let hidden = agents.len().saturating_sub(MAX_ROWS);
        for rows in agents.take(MAX_ROWS) {
            let cells = rows.iter().map(|row| if row.reaches { " y" } else { " ." });
            let cells: Vec<_> = cells.collect();
            let agent = rows.first().map(|row| shown(&*row.agent));
            writeln!(f, "  {}  {}", cells.join(" "), agent.unwrap_or_default())?;
        }
        if hidden > 0 {
            writeln!(f, "  … and {hidden} more; see all with --format json")?;
        }
        self.reasons(f)
    }
}

/// Why an agent reaches none of the networks; `None` if it reaches one or there are none.
pub(super) fn reaches_none(dialer: &Dialer, networks: &[Network], pool: &mut Pool) -> Option<Why> {
    let mut best: Option<Why> = None;
    for network in networks {
        let why = reach(dialer, network, pool).err()?;
        let is_better = |known: &Why| usefulness(&why) > usefulness(known);
        if best.as_ref().is_none_or(is_better) {
            best = Some(why);
        }
    }
    best
}

/// How an agent reaches a network, or why it does not.
fn reach(dialer: &Dialer, network: &Network, pool: &mut Pool) -> Result<&'static str, Why> {
    let endpoint = dialer.endpoint.as_ref().ok_or(Why::NoAddress)?;
    match network.door.approach(endpoint) {
        Approach::Stopped(why) => Err(why),
        Approach::Plaintext => Ok("plaintext"),
        Approach::Handshake { host } => {
            let material = network.material.as_ref().ok_or(Why::NotThere)?;
            handshake(dialer, material, &host, pool)
        }
    }
}

fn handshake(
    dialer: &Dialer,
    material: &Material,
    host: &str,
    pool: &mut Pool,
) -> Result<&'static str, Why> {
    if dialer.is_broken {
        return Err(Why::AgentFile);
    }
    let chain = material.certificate;
    let roots = dialer.roots.or(material.roots);
    let accepts = |pool: &mut Pool, host: Option<&str>| match pool
        .client_accepts(chain, roots, host)
        .as_ref()
    {
        Ok(()) => Ok(()),
        Err(refusal) => Err(Why::Refused(format!(
            "refuses the server's certificate: {}",
            refusal.why
        ))),
    };
    accepts(pool, None)?;
    let names = pool.names(chain);
    if !names.is_empty() && !names.iter().any(|name| may_cover(name, host)) {
        let dialled = host.to_owned();
        return Err(Why::Name { dialled });
    }
    accepts(pool, Some(host))?;
    let Some(client_roots) = material.client_roots else {
        return Ok("tls");
    };
    let identity = dialer.identity.ok_or(Why::NoClientCertificate)?;
    let verdict = pool.server_accepts(chain, client_roots, identity);
    match verdict.as_ref() {
        Ok(()) => Ok("mtls"),
        Err(refusal) => Err(Why::Refused(format!(
            "the server refuses its certificate: {}",
            refusal.why
        ))),
    }
}

/// Whether a name of a certificate could match a host, so that it is worth judging.
fn may_cover(name: &str, host: &str) -> bool {
    let value = match name.split_once(':') {
        Some(("dns" | "ip" | "DNS" | "IP", value)) => value,
        Some(_) | None => name,
    };
    value.contains('*') || value.eq_ignore_ascii_case(host.trim_end_matches('.'))
}

/// How much a reason says about what to fix.
fn usefulness(why: &Why) -> u8 {
    match why {
        Why::Refused(_) | Why::NoClientCertificate | Why::Name { .. } | Why::AgentFile => 5,
        Why::TlsToPlaintext | Why::PlaintextToTls | Why::HttpToGrpc { .. } => 4,
        Why::NotThere | Why::NoTransport | Why::NoAddress => 3,
        Why::OtherHost { .. } => 2,
        Why::OtherPort { .. } | Why::Directory => 1,
    }
}

/// A number and what it counts.
fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn text<S: serde::Serializer>(text: &Rc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

const MAX_COLUMNS: usize = 30;
const MAX_ROWS: usize = 100;
const MAX_REASONS: usize = 12;
