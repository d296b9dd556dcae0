//! Whether a grpcs setup works and is secure, and how to fix it: from its files, network.yaml, a
//! live port, or any mix.
//!
//! ```text
//! files ─► path::stacks ─► what each stack does ┐
//!      └─► checks, effective expiry             ├─► Report
//! network.yaml, agents ─► network ─► networks   │
//! grpcs://host:port ─► net ─► live              ┘
//! ```

mod checks;
mod effective;
mod key_file;
mod live;
pub mod networks;
mod page;
mod report;
mod revocation;
mod setup;

use time::OffsetDateTime;

pub use effective::{EffectiveExpiry, Ends};
pub use key_file::key_file;
pub use page::page;
pub use report::{FileReport, FilesReport, Found, Report};
pub use setup::{FileRole, Files};

use super::live::Dialling;
use crate::error::{Error, shown};
use crate::path::finding::Severity;
use crate::path::stacks::{
    self, Cause, ClientFiles, Identity, KeyFile, Outcome, ServerFiles, Setup, Side, Stack,
};
use crate::pki::general_name::GeneralName;
use setup::Contents;

/// What to check.
#[derive(Clone, Debug)]
pub struct Request {
    /// The files of the setup, if any.
    pub files: Option<Files>,
    /// The dialled host name or address; by default the first valid name of the certificate.
    pub host: Option<String>,
    /// The stacks to simulate.
    pub stacks: Vec<Stack>,
    /// The stacks that decide the verdict.
    pub require: Vec<Stack>,
    /// The moment to check, instead of now.
    pub at: Option<OffsetDateTime>,
    /// The live ports.
    pub connect: Connect,
    /// The networks and agents.
    pub networks: networks::Request,
    /// The networks to add a `tls:` block to first.
    pub write: Vec<networks::WriteRequest>,
}

/// Live ports, and the files to check them with.
#[derive(Clone, Debug, Default)]
pub struct Connect {
    /// The ports, such as `grpcs://localhost:8600`.
    pub targets: Vec<String>,
    /// How to dial them.
    pub dialling: Dialling,
    /// The client's files, and the certificate the port should serve.
    pub files: Files,
}

/// Checks everything that was given.
///
/// # Errors
/// When a named file cannot be read. Its content may be anything.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Report, Error> {
    let at = request.at.unwrap_or(now);
    let mut report = Report::new(request.require.clone());
    let written = request.write.iter().map(networks::write);
    report.written = written.collect::<Result<Vec<_>, _>>()?;
    if !request.networks.is_empty() {
        report.add_networks(networks::examine(&request.networks, at)?);
    }
    if let Some(files) = &request.files {
        let contents = Contents::read(files)?;
        report.add(of_files(&contents, request, at)?);
    }
    report.add_live(live::run(request, now)?);
    Ok(report.concluded())
}

/// What every stack makes of the files, and the findings.
fn of_files(
    contents: &Contents,
    request: &Request,
    at: OffsetDateTime,
) -> Result<(FilesReport, Vec<Found>), Error> {
    let host = request.host.clone().or_else(|| own_name(contents));
    let key = |role| contents.of(role).map(|file| key_file(&file.octets));
    let (server_key, client_key) = (key(FileRole::ServerKey), key(FileRole::ClientKey));
    let setup = setup_of(
        contents,
        host.as_deref(),
        server_key.as_ref(),
        client_key.as_ref(),
    );
    let verdicts = stacks::judge(&setup, at);
    let is_shown = |stack: &Stack| request.stacks.contains(stack);
    let outcomes = verdicts
        .outcomes
        .into_iter()
        .filter(|outcome| is_shown(&outcome.client) && is_shown(&outcome.server))
        .collect::<Vec<_>>();
    let mut findings = Vec::new();
    for mut cause in verdicts.causes {
        cause.affects.retain(|affected| is_shown(&affected.stack));
        if cause.affects.is_empty() {
            continue;
        }
        if !is_decisive(&cause, &outcomes, &request.require) {
            cause.finding.severity = cause.finding.severity.min(Severity::Warning);
        }
        let file = contents.of(cause.file.into());
        findings.push(Found::of_cause(cause, file.map(|file| &*file.path)));
    }
    findings.extend(of_single_files(contents, &findings));
    findings.extend(revocation::examine(contents, at));
    findings.extend(checks::examine(contents, at)?.into_iter().map(Found::from));
    let report = FilesReport {
        host,
        is_host_assumed: request.host.is_none(),
        files: contents
            .iter()
            .map(|file| FileReport::of(file, at))
            .collect(),
        effective_expiry: EffectiveExpiry::of(contents, at),
        stacks: outcomes,
    };
    Ok((report, findings))
}

/// Findings about single files that no stack fails because of.
fn of_single_files(contents: &Contents, known: &[Found]) -> Vec<Found> {
    let mut all = Vec::new();
    for content in contents.iter() {
        let file = Some(shown(&content.path));
        for mut finding in stacks::examine_file(content.role.into(), &content.octets) {
            let is_same = |found: &Found| found.path == file && found.finding.id == finding.id;
            if !known.iter().any(is_same) {
                finding.severity = finding.severity.min(Severity::Warning);
                all.push(Found::of_file(finding, &content.path));
            }
        }
    }
    all
}

/// Whether it affects a required pair that fails.
fn is_decisive(cause: &Cause, outcomes: &[Outcome], require: &[Stack]) -> bool {
    let fails = |pair: &&Outcome| {
        let is_required = require.contains(&pair.client) && require.contains(&pair.server);
        is_required && (pair.connects == Some(false) || pair.server_starts == Some(false))
    };
    outcomes.iter().filter(fails).any(|pair| {
        cause.affects.iter().any(|affected| match affected.role {
            Side::Client => affected.stack == pair.client,
            Side::Server => affected.stack == pair.server,
        })
    })
}

fn setup_of<'a>(
    contents: &'a Contents,
    host: Option<&'a str>,
    server_key: Option<&'a KeyFile>,
    client_key: Option<&'a KeyFile>,
) -> Setup<'a> {
    let octets = |role| contents.of(role).map(|file| file.octets.as_slice());
    let identity = octets(FileRole::ClientCertificate).map(|certificate| Identity {
        certificate,
        key: client_key,
    });
    let roots = octets(FileRole::Ca);
    Setup {
        server: octets(FileRole::ServerCertificate).map(|certificate| ServerFiles {
            certificate,
            key: server_key,
            client_roots: octets(FileRole::ClientCa),
        }),
        client: (roots.is_some() || identity.is_some()).then_some(ClientFiles { roots, identity }),
        host,
    }
}

/// The name to dial a server by: `localhost` if its certificate has it, else its first name.
fn own_name(contents: &Contents) -> Option<String> {
    let file = contents.of(FileRole::ServerCertificate)?;
    let names = file.certificates.first()?.subject_alt_names().ok()??;
    GeneralName::dialled(&names)
}

impl From<stacks::File> for FileRole {
    fn from(file: stacks::File) -> Self {
        match file {
            stacks::File::ServerCertificate => FileRole::ServerCertificate,
            stacks::File::ServerKey => FileRole::ServerKey,
            stacks::File::ClientRoots => FileRole::Ca,
            stacks::File::ClientCertificate => FileRole::ClientCertificate,
            stacks::File::ClientKey => FileRole::ClientKey,
            stacks::File::ServerRoots => FileRole::ClientCa,
        }
    }
}

impl From<FileRole> for stacks::File {
    fn from(role: FileRole) -> Self {
        match role {
            FileRole::ServerCertificate => stacks::File::ServerCertificate,
            FileRole::ServerKey => stacks::File::ServerKey,
            FileRole::Ca => stacks::File::ClientRoots,
            FileRole::ClientCertificate => stacks::File::ClientCertificate,
            FileRole::ClientKey => stacks::File::ClientKey,
            FileRole::ClientCa => stacks::File::ServerRoots,
        }
    }
}

impl Request {
    /// A check of these files for every stack.
    pub fn of_files(files: Files) -> Self {
        Request {
            files: Some(files),
            host: None,
            stacks: Stack::ALL.to_vec(),
            require: Stack::ALL.to_vec(),
            at: None,
            connect: Connect::default(),
            networks: networks::Request::default(),
            write: Vec::new(),
        }
    }
}
