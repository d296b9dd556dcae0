//! The result of a check, as the page shows it.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::ops::Verdict;
use crate::ops::verify_chain::networks::{
    AgentReport, Matrix, MatrixRow, NetworkReport, NetworksReport, Serves,
};
use crate::ops::verify_chain::{self, Report};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::Outcome;

/// The result of a check.
pub(super) struct ResultView {
    pub(super) tone: &'static str,
    pub(super) answer: &'static str,
    pub(super) networks: Vec<NetworkView>,
    pub(super) agents: Vec<AgentView>,
    /// How many agents there are in all.
    pub(super) agent_count: usize,
    pub(super) matrix: Option<MatrixView>,
    /// The ports that clients dial, to be probed.
    pub(super) ports: Vec<String>,
    /// What live ports said: sections of the report, as HTML.
    pub(super) live: String,
}

/// A network.
pub(super) struct NetworkView {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) place: String,
    pub(super) tone: &'static str,
    pub(super) serves: String,
    pub(super) stays_up: bool,
    pub(super) checked_against: String,
    pub(super) clients: Vec<ClientView>,
    pub(super) findings: Vec<FindingView>,
}

/// A stack's clients at a network.
pub(super) struct ClientView {
    pub(super) stack: String,
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    /// What its program prints; empty if it connects.
    pub(super) prints: String,
}

/// An agent.
pub(super) struct AgentView {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) dials: String,
    pub(super) speaks_tls: bool,
    pub(super) findings: Vec<FindingView>,
}

/// What is wrong, and how to fix it.
pub(super) struct FindingView {
    pub(super) tone: &'static str,
    pub(super) severity: String,
    pub(super) summary: String,
    pub(super) hint: String,
    pub(super) reference: &'static str,
}

/// Which agents reach which networks.
pub(super) struct MatrixView {
    pub(super) networks: Vec<String>,
    pub(super) rows: Vec<RowView>,
    pub(super) reached: usize,
    pub(super) pairs: usize,
    pub(super) agents: usize,
    /// Why pairs do not reach each other, and how many do not, the most frequent reason first.
    pub(super) reasons: Vec<(String, usize)>,
}

/// An agent's row.
pub(super) struct RowView {
    pub(super) agent: String,
    /// The tone and the word for each network.
    pub(super) cells: Vec<(&'static str, String)>,
}

impl ResultView {
    pub(super) fn of(report: &Report, now: OffsetDateTime) -> Self {
        let (tone, answer) = match report.verdict {
            Verdict::Yes => ("good", "It works"),
            Verdict::No => ("bad", "It does not work"),
            Verdict::Undetermined => ("warning", "It could not be determined"),
        };
        let empty = || NetworksReport {
            networks: Vec::new(),
            agents: Vec::new(),
            matrix: None,
        };
        let none = empty();
        let all = report.networks.as_ref().unwrap_or(&none);
        let agents = all.agents.iter().take(MAX_AGENTS);
        let mut ports: Vec<String> = all.networks.iter().filter_map(port).collect();
        ports.dedup();
        ports.truncate(super::MAX_PORTS);
        let live = match report.live.is_empty() {
            true => String::new(),
            false => verify_chain::page(report, now).sections_html(),
        };
        ResultView {
            tone,
            answer,
            networks: all.networks.iter().map(NetworkView::of).collect(),
            agents: agents.map(AgentView::of).collect(),
            agent_count: all.agents.len(),
            matrix: all.matrix.as_ref().map(MatrixView::of),
            ports,
            live,
        }
    }
}

impl NetworkView {
    fn of(network: &NetworkReport) -> Self {
        let grpc = &network.grpc;
        let place = match (grpc.line, grpc.port) {
            (None, _) => "no gRPC port".to_owned(),
            (Some(_), None) => "no gRPC port that can be dialled".to_owned(),
            (Some(_), Some(port)) => format!("gRPC port {port} on {}", grpc.host),
        };
        NetworkView {
            file: network.file.clone(),
            name: network.name.as_deref().map(name).unwrap_or_default(),
            place,
            tone: match grpc.serves {
                Serves::Mtls | Serves::Tls if network.stays_up => "good",
                Serves::Mtls | Serves::Tls | Serves::None => "bad",
                Serves::Plaintext => "warning",
            },
            serves: grpc.serves.to_string(),
            stays_up: network.stays_up,
            checked_against: grpc.checked_against.clone().unwrap_or_default(),
            clients: network.clients.iter().map(ClientView::of).collect(),
            findings: findings(&network.findings),
        }
    }
}

impl ClientView {
    fn of(outcome: &Outcome) -> Self {
        let (tone, word) = match (outcome.server_starts, outcome.connects) {
            (Some(false), _) => ("bad", "server does not start"),
            (_, Some(true)) => ("good", "connects"),
            (_, Some(false)) => ("bad", "does not connect"),
            (_, None) => ("warning", "unknown"),
        };
        let prints = outcome
            .client_error
            .clone()
            .or(outcome.server_error.clone());
        ClientView {
            stack: outcome.client.to_string(),
            tone,
            word,
            prints: prints.unwrap_or_default(),
        }
    }
}

impl AgentView {
    fn of(agent: &AgentReport) -> Self {
        AgentView {
            name: name(&agent.name),
            file: agent.file.clone().unwrap_or_default(),
            dials: agent
                .dials
                .clone()
                .map(cut)
                .unwrap_or_else(|| "nothing".into()),
            speaks_tls: agent.speaks_tls,
            findings: findings(&agent.findings),
        }
    }
}

fn findings(all: &[Finding]) -> Vec<FindingView> {
    let view = |finding: &Finding| FindingView {
        tone: match finding.severity {
            Severity::Error => "bad",
            Severity::Warning => "warning",
            Severity::Note => "plain",
        },
        severity: finding.severity.to_string(),
        summary: cut(finding.summary()),
        hint: cut(finding.hint.clone()),
        reference: finding.reference,
    };
    all.iter().take(MAX_FINDINGS).map(view).collect()
}

impl MatrixView {
    fn of(matrix: &Matrix) -> Self {
        let first = matrix.by_agent().next().unwrap_or_default();
        let networks = first.iter().take(MAX_NETWORKS);
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut reached, mut pairs) = (0, 0);
        for row in matrix.by_agent().flatten() {
            pairs += 1;
            match row.reaches {
                true => reached += 1,
                false => *reasons.entry(&row.why).or_default() += 1,
            }
        }
        let mut reasons: Vec<(String, usize)> = reasons
            .into_iter()
            .map(|(why, count)| (cut(why.to_owned()), count))
            .collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons.truncate(MAX_FINDINGS);
        MatrixView {
            networks: short(networks.map(|row| &*row.network).collect()),
            rows: matrix
                .by_agent()
                .take(MAX_AGENTS)
                .map(RowView::of)
                .collect(),
            agents: matrix.by_agent().len(),
            reached,
            pairs,
            reasons,
        }
    }
}

/// Paths without the directory that all of them are in.
fn short(paths: Vec<&str>) -> Vec<String> {
    let parent = |path: &str| path.rfind('/').map_or(0, |at| at + 1);
    let first = paths.first().map_or("", |path| &path[..parent(path)]);
    let is_shared = paths.iter().all(|path| &path[..parent(path)] == first);
    let shorten = |path: &str| match is_shared {
        true => path[first.len()..].to_owned(),
        false => path.to_owned(),
    };
    paths.into_iter().map(shorten).collect()
}

impl RowView {
    fn of(rows: &[MatrixRow]) -> Self {
        let agent = rows.first().map(|row| row.agent.to_string());
        let cells = rows.iter().take(MAX_NETWORKS).map(|row| {
            let word = row.code.replace('-', " ");
            match row.reaches {
                true => (
                    if row.code == "plaintext" {
                        "warning"
                    } else {
                        "good"
                    },
                    word,
                ),
                false => ("bad", word),
            }
        });
        RowView {
            agent: agent.as_deref().map(name).unwrap_or_default(),
            cells: cells.collect(),
        }
    }
}

/// The URL of a network's port, where it is served on this machine or a named one.
fn port(network: &NetworkReport) -> Option<String> {
    let grpc = &network.grpc;
    let host = match grpc.host.as_str() {
        "" | "0.0.0.0" | "::" | "[::]" => "localhost".to_owned(),
        host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
        host => host.to_owned(),
    };
    Some(format!("grpcs://{host}:{}", grpc.port?))
}

/// A name of a reasonable length.
fn name(text: &str) -> String {
    shortened(text, MAX_NAME_CHARACTERS)
}

/// A message of a reasonable length.
fn cut(text: String) -> String {
    shortened(&text, MAX_CHARACTERS)
}

fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

const MAX_AGENTS: usize = 200;
const MAX_NETWORKS: usize = 12;
const MAX_FINDINGS: usize = 30;
const MAX_CHARACTERS: usize = 400;
const MAX_NAME_CHARACTERS: usize = 100;
