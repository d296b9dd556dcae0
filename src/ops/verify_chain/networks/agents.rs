//! Agents from URLs, YAML files, directories of them, and lists.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::pool::{ContentId, Pool};
use super::report::AgentReport;
use super::{Network, Request, matrix};
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::network::agent::{Agent, AgentFileError, Endpoint};
use crate::network::reach::Why;
use crate::path::finding::{Finding, Severity};

/// An agent, and what it dials with.
pub(super) struct Dialer {
    pub(super) report: AgentReport,
    pub(super) endpoint: Option<Endpoint>,
    /// The CA it trusts, if not the network's own.
    pub(super) roots: Option<ContentId>,
    /// Its certificate and key.
    pub(super) identity: Option<(ContentId, ContentId)>,
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
        let why = matrix::reaches_none(self, networks, pool);
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
        if let Some(files) = files::matching(path)? {
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
        match Agent::from_yaml(&files::read(path)?) {
            Ok(agent) => self.add(agent, Some(path), paths),
            Err(AgentFileError::NoId { .. }) if is_one_of_many => {}
            Err(source) => {
                return Err(Error::Network {
                    path: path.to_owned(),
                    source: source.into(),
                });
            }
        }
        Ok(())
    }

    /// A list with the columns `url,name,ca,client_cert,client_key`, with or without a header. Only
    /// the URL is required.
    fn take_list(&mut self, path: &Path, paths: &Paths) -> Result<(), Error> {
        let bytes = files::read(path)?;
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
            let own = Paths {
                ca: own("ca", &paths.ca),
                certificate: own("client_cert", &paths.certificate),
                key: own("client_key", &paths.key),
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
        if certificate.is_some() != key.is_some() {
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
            identity: certificate.zip(key),
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
    Error::Usage {
        message: format!("{}: row {row}: no agent's URL", shown(path)),
        hint: "give rows of url,name,ca,client_cert,client_key, such as grpcs://localhost:8600, or an agent's YAML".into(),
    }
}

const COLUMNS: [&str; 5] = ["url", "name", "ca", "client_cert", "client_key"];
