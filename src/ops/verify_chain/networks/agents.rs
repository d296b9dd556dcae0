//! Agents from URLs, YAML files, directories of them, and lists.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::certificates::Certificates;
use super::contents::{ContentId, Contents};
use super::report::AgentReport;
use super::serving::named;
use super::{Network, Request, matrix};
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::network::agent::{Agent, AgentFileError, Endpoint};
use crate::network::reach::Why;
use crate::path::finding::{Finding, Severity};

/// Every agent that was named, and what each of them has.
pub(super) struct Agents {
    pub(super) reports: Vec<AgentReport>,
    pub(super) dialling: Vec<Dialling>,
}

/// How an agent dials, and with what.
pub(super) struct Dialling {
    pub(super) endpoint: Option<Endpoint>,
    /// The CA it trusts; the network's own where none was named.
    pub(super) roots: Option<ContentId>,
    /// Its certificate and key.
    pub(super) identity: Option<(ContentId, ContentId)>,
    /// Whether one of its files cannot be used.
    pub(super) is_broken: bool,
}

/// The files of one agent, as it names them.
#[derive(Clone, Debug, Default)]
struct Names {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Agents {
    /// Reads what was named.
    ///
    /// # Errors
    /// When a file cannot be read or is no agent's, or a list is none.
    pub(super) fn read(request: &Request, contents: &mut Contents) -> Result<Self, Error> {
        let mut agents = Agents {
            reports: Vec::new(),
            dialling: Vec::new(),
        };
        // What the command line names is found from where this program was started.
        let given = |path: &Option<PathBuf>| path.as_deref().map(files::absolute).transpose();
        let names = Names {
            ca: given(&request.ca)?,
            certificate: given(&request.client_certificate)?,
            key: match (given(&request.client_key)?, &request.client_certificate) {
                (Some(key), _) => Some(key),
                (None, Some(certificate)) => beside(certificate)?,
                (None, None) => None,
            },
        };
        for path in [&names.ca, &names.certificate, &names.key]
            .into_iter()
            .flatten()
        {
            named(path, contents)?;
        }
        for argument in &request.agents {
            agents.take(argument, &names, contents)?;
        }
        Ok(agents)
    }

    /// Adds what is wrong with agents that reach none of the networks.
    pub(super) fn judge(
        &mut self,
        networks: &[Network],
        contents: &Contents,
        certificates: &mut Certificates,
    ) {
        for (report, dialling) in self.reports.iter_mut().zip(&self.dialling) {
            let why = matrix::reaches_none(dialling, networks, contents, certificates);
            if let Some(why) = why.filter(|_| dialling.endpoint.is_some()) {
                let cannot = why == Why::PlaintextToTls && report.file.is_some();
                report.findings.push(if cannot {
                    Finding::of("agent-yaml-without-tls")
                        .found(why)
                        .with_severity(Severity::Error)
                } else {
                    Finding::of("agent-reaches-no-network").found(why)
                });
            }
            report
                .findings
                .sort_by_key(|finding| Reverse(finding.severity));
        }
    }

    fn take(
        &mut self,
        argument: &str,
        names: &Names,
        contents: &mut Contents,
    ) -> Result<(), Error> {
        if argument.contains("://") {
            self.add(Agent::from_url(argument), None, names, contents);
            return Ok(());
        }
        let path = Path::new(argument);
        if let Some(files) = files::matching(path)? {
            for file in files.iter().filter(|file| is_yaml(file)) {
                self.take_yaml(file, true, names, contents)?;
            }
            return Ok(());
        }
        if is_yaml(path) {
            self.take_yaml(path, false, names, contents)
        } else {
            self.take_list(path, names, contents)
        }
    }

    /// An agent's YAML; one among others that is a network's is passed over.
    fn take_yaml(
        &mut self,
        path: &Path,
        is_one_of_many: bool,
        names: &Names,
        contents: &mut Contents,
    ) -> Result<(), Error> {
        match Agent::from_yaml(&files::read(path)?) {
            Ok(agent) => self.add(agent, Some(path), names, contents),
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

    /// A list: `url,name,ca,client_cert,client_key`, the first alone needed, with or without a line of these names.
    fn take_list(
        &mut self,
        path: &Path,
        names: &Names,
        contents: &mut Contents,
    ) -> Result<(), Error> {
        let octets = files::read(path)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(octets.as_slice());
        let mut columns: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(|_| not_a_list(path, i + 1))?;
            let is_header = i == 0 && !record.iter().any(|field| field.contains("://"));
            if is_header {
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
            let own = |name: &str, other: &Option<PathBuf>| {
                field(name).map(PathBuf::from).or_else(|| other.clone())
            };
            let names = Names {
                ca: own("ca", &names.ca),
                certificate: own("client_cert", &names.certificate),
                key: own("client_key", &names.key),
            };
            self.add(agent, None, &names, contents);
        }
        Ok(())
    }

    fn add(&mut self, agent: Agent, file: Option<&Path>, names: &Names, contents: &mut Contents) {
        let mut findings = agent.findings;
        let mut is_broken = false;
        let speaks_tls = agent.endpoint.as_ref().is_some_and(Endpoint::speaks_tls);
        let mut read = |path: &Option<PathBuf>| {
            let path = path.as_deref().filter(|_| speaks_tls)?;
            let resolved = contents.resolved(&path.to_string_lossy());
            match contents.read(&resolved) {
                Ok(id) => Some(id),
                Err(error) => {
                    findings
                        .push(Finding::of("agent-file").found(format!("{}; {error}", shown(path))));
                    is_broken = true;
                    None
                }
            }
        };
        let roots = read(&names.ca);
        let pair = (read(&names.certificate), read(&names.key));
        let identity = match pair {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                findings.push(Finding::of("agent-half-pair"));
                is_broken = true;
                None
            }
        };
        self.reports.push(AgentReport {
            name: agent.name,
            file: file.map(|file| file.to_string_lossy().into_owned()),
            dials: agent.endpoint.as_ref().map(ToString::to_string),
            speaks_tls,
            findings,
        });
        self.dialling.push(Dialling {
            endpoint: agent.endpoint,
            roots,
            identity,
            is_broken,
        });
    }
}

/// The key beside a certificate that the command line names alone.
fn beside(certificate: &Path) -> Result<Option<PathBuf>, Error> {
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

const COLUMNS: &[&str] = &["url", "name", "ca", "client_cert", "client_key"];
