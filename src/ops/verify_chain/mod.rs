//! Whether a grpcs setup works and is secure, and how to fix it: from its files, network.yaml, a
//! live port, or any mix.
//!
//! ```text
//! files ─► path::stacks ─► what each stack does ┐
//!      └─► checks, effective expiry             ├─► Report ─► text, page
//! network.yaml, agents ─► network ─► networks   │
//! grpcs://host:port ─► net ─► live              ┘
//! ```

pub mod networks;
mod report;
mod setup;
mod view;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::crl::read_lists;
use super::live::{Basis, Dialling, LiveReport, look};
use super::verify::{read_bundle, read_private_key};
use crate::error::{Error, shown};
use crate::files;
use crate::keys::ReadKey;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::stacks::{
    self, Cause, ClientFiles, Identity, KeyFile, Outcome, ServerFiles, Setup, Side, Stack,
    examine_file, examine_svids,
};
use crate::path::{Candidates, Requirements, judge};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::general_name::GeneralName;
use crate::pki::validity::rfc3339;
use setup::{Contents, FileContent};

pub use crate::path::stacks::File as FileRole;
pub use report::{EffectiveExpiry, Ends};
pub use report::{FileFinding, FileReport, FilesReport, Report};
pub use setup::Files;
pub use setup::key_file;
pub use view::page;

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
    pub write: Vec<networks::EditRequest>,
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

/// Checks everything that the request names.
///
/// # Errors
/// When a named file cannot be read. Its content may be anything.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Report, Error> {
    let at = request.at.unwrap_or(now);
    let mut report = Report::new(request.require.clone());
    for edit in &request.write {
        report.written.push(networks::edit(edit)?);
    }
    if !request.networks.is_empty() {
        report.add_networks(networks::examine(&request.networks, at)?);
    }
    if let Some(files) = &request.files {
        let (files, findings) = of_files(&Contents::read(files)?, request, at)?;
        report.files = Some(files);
        report.findings.extend(findings);
    }
    report.add_live(ports(request, now)?);
    Ok(report.concluded())
}

/// What every stack does with the files, and the findings.
fn of_files(
    contents: &Contents,
    request: &Request,
    at: OffsetDateTime,
) -> Result<(FilesReport, Vec<FileFinding>), Error> {
    let host = request.host.clone().or_else(|| own_name(contents));
    let key = |role| contents.of(role).map(|file| key_file(&file.bytes));
    let (server_key, client_key) = (key(FileRole::ServerKey), key(FileRole::ClientKey));
    let mut setup = setup_of(contents, server_key.as_ref(), client_key.as_ref());
    setup.host = host.as_deref();
    let verdicts = stacks::judge(&setup, at);
    let is_shown = |stack: &Stack| request.stacks.contains(stack);
    let mut outcomes = verdicts.outcomes;
    outcomes.retain(|outcome| is_shown(&outcome.client) && is_shown(&outcome.server));
    let mut findings = Vec::new();
    for mut cause in verdicts.causes {
        cause.affects.retain(|affected| is_shown(&affected.stack));
        if cause.affects.is_empty() {
            continue;
        }
        if !is_decisive(&cause, &outcomes, &request.require) {
            cause.finding.severity = cause.finding.severity.min(Severity::Warning);
        }
        let file = contents.of(cause.file);
        findings.push(FileFinding::of_cause(cause, file.map(|file| &*file.path)));
    }
    findings.extend(own_findings(contents, &findings, at)?);
    let files = contents.files.iter().map(|file| FileReport::of(file, at));
    let report = FilesReport {
        is_host_assumed: request.host.is_none(),
        files: files.collect(),
        effective_expiry: EffectiveExpiry::of(contents, at),
        stacks: outcomes,
        host,
    };
    Ok((report, findings))
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
    server_key: Option<&'a KeyFile>,
    client_key: Option<&'a KeyFile>,
) -> Setup<'a> {
    let bytes = |role| contents.of(role).map(|file| file.bytes.as_slice());
    let identity = bytes(FileRole::ClientCertificate).map(|certificate| Identity {
        certificate,
        key: client_key,
    });
    let roots = bytes(FileRole::ClientRoots);
    Setup {
        server: bytes(FileRole::ServerCertificate).map(|certificate| ServerFiles {
            certificate,
            key: server_key,
            client_roots: bytes(FileRole::ServerRoots),
        }),
        client: (roots.is_some() || identity.is_some()).then_some(ClientFiles { roots, identity }),
        host: None,
    }
}

/// The name to dial a server by: `localhost` if its certificate has it, else its first name.
fn own_name(contents: &Contents) -> Option<String> {
    let file = contents.of(FileRole::ServerCertificate)?;
    let names = file.certificates.first()?.subject_alt_names().ok()??;
    GeneralName::dialled(&names)
}

impl Request {
    /// A check of these networks and agents for every stack.
    pub fn of_networks(networks: networks::Request) -> Self {
        Request {
            files: None,
            networks,
            ..Request::of_files(Files::default())
        }
    }

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

/// Checks each port, one after the other.
///
/// Leaves out files with unusable content if their own check reports them.
///
/// # Errors
/// When a target is malformed, or a file that is not checked itself cannot be read. An unreachable
/// port is an answer, not an error.
fn ports(request: &Request, now: OffsetDateTime) -> Result<Vec<LiveReport>, Error> {
    let Connect {
        targets,
        dialling,
        files,
    } = &request.connect;
    // A client asks for the name it dials.
    let dialling = Dialling {
        server_name: dialling.server_name.clone().or(request.host.clone()),
        ..dialling.clone()
    };
    // All are parsed before the first is dialled.
    let targets = targets
        .iter()
        .map(|text| dialling.target(text))
        .collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let client = PortFiles::read(files, request.files.is_some())?;
    let basis = client.basis(request.at);
    targets
        .iter()
        .map(|target| look(target, &dialling, &basis, now))
        .collect()
}

/// The client's files, and the certificate the port should serve.
struct PortFiles {
    certificates: Vec<Certificate>,
    anchors: Vec<Certificate>,
    revocation_lists: Vec<RevocationList>,
    client: Option<(Vec<Certificate>, ReadKey)>,
}

impl PortFiles {
    /// Reads every part; `lenient` leaves out those that cannot be used.
    fn read(files: &Files, lenient: bool) -> Result<Self, Error> {
        let certificates = |path: &Option<PathBuf>| {
            let bundle = path.as_deref().map_or(Ok(Vec::new()), read_certificates);
            part(bundle, lenient)
        };
        let lists = files.all_lists().map(|path| read_lists(path));
        let lists = part(lists.collect::<Result<Vec<_>, _>>(), lenient)?;
        let client = match (&files.client_certificate, &files.client_key) {
            (Some(certificate), Some(key)) => part(read_pair(certificate, key).map(Some), lenient)?,
            (None, _) | (_, None) => None,
        };
        Ok(PortFiles {
            certificates: certificates(&files.certificate)?,
            anchors: certificates(&files.ca)?,
            revocation_lists: lists.into_iter().flatten().collect(),
            client,
        })
    }

    fn basis(&self, at: Option<OffsetDateTime>) -> Basis<'_> {
        let client = self.client.as_ref();
        Basis {
            certificates: &self.certificates,
            anchors: &self.anchors,
            revocation_lists: &self.revocation_lists,
            client: client.map(|(certificates, key)| (certificates.as_slice(), key.pkcs8())),
            at,
            ..Basis::default()
        }
    }
}

fn part<T: Default>(read: Result<T, Error>, lenient: bool) -> Result<T, Error> {
    match read {
        Err(_) if lenient => Ok(T::default()),
        read => read,
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<(Vec<Certificate>, ReadKey), Error> {
    Ok((
        read_certificates(certificate)?,
        read_private_key(key, None)?,
    ))
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    read_bundle(path).map(|bundle| bundle.certificates)
}

/// Checks every file; `known` are the findings because of which stacks fail.
///
/// # Errors
/// When the mode of a file cannot be determined.
fn own_findings(
    contents: &Contents,
    known: &[FileFinding],
    at: OffsetDateTime,
) -> Result<Vec<FileFinding>, Error> {
    let mut all = single_files(contents, known);
    all.extend(svids(contents, at));
    all.extend(revocation(contents, at));
    for file in &contents.files {
        all.extend(dates(file, at).map(|finding| FileFinding::new(finding, None)));
        if file.role.is_key() {
            let findings = permissions(file)?.into_iter();
            all.extend(findings.map(|finding| FileFinding::new(finding, None)));
        }
    }
    Ok(all)
}

/// Findings about single files that make no stack fail.
fn single_files(contents: &Contents, known: &[FileFinding]) -> Vec<FileFinding> {
    let mut all = Vec::new();
    for file in &contents.files {
        for mut finding in examine_file(file.role, &file.bytes) {
            finding.severity = finding.severity.min(Severity::Warning);
            let finding = FileFinding::in_file(finding, &file.path);
            let is_same = |other: &FileFinding| {
                other.path == finding.path && other.finding.id == finding.finding.id
            };
            if !known.iter().any(is_same) {
                all.push(finding);
            }
        }
    }
    all
}

/// What is wrong with X.509-SVIDs, whether or not a stack refuses them.
fn svids(contents: &Contents, at: OffsetDateTime) -> Vec<FileFinding> {
    let leaf = |role| contents.of(role).and_then(|file| file.certificates.first());
    let (server, client) = (
        leaf(FileRole::ServerCertificate),
        leaf(FileRole::ClientCertificate),
    );
    let findings = examine_svids(server, client, at).into_iter();
    let in_file = findings.filter_map(|(role, finding)| {
        let file = contents.of(role)?;
        Some(FileFinding::in_file(finding, &file.path))
    });
    in_file.collect()
}

/// Looks up each side's certificate in the CRLs: revoked is an error, a fault in a CRL is a warning.
///
/// No gRPC stack reads a CRL unless it is configured to, so they connect all the same.
fn revocation(contents: &Contents, at: OffsetDateTime) -> Vec<FileFinding> {
    let mut all = Vec::new();
    if contents.revocation_lists.is_empty() {
        return all;
    }
    let sides = [
        (FileRole::ServerCertificate, FileRole::ClientRoots),
        (FileRole::ClientCertificate, FileRole::ServerRoots),
    ];
    for (certificate, anchors) in sides {
        let (Some(file), Some(anchors)) = (contents.of(certificate), contents.of(anchors)) else {
            continue;
        };
        let Some((end_entity, intermediates)) = file.certificates.split_first() else {
            continue;
        };
        let candidates = Candidates {
            end_entity,
            intermediates,
            anchors: &anchors.certificates,
            revocation_lists: &contents.revocation_lists,
        };
        for mut finding in judge(candidates, &Requirements::at(at)).findings {
            if finding.id.starts_with(LIST_RULES) {
                finding.severity = finding.severity.min(Severity::Warning);
            } else if finding.id == UNKNOWN && contents.named_lists > 0 {
                finding.severity = Severity::Warning;
            } else if finding.id != REVOKED {
                continue;
            }
            all.push(FileFinding::in_file(finding, &file.path));
        }
    }
    all
}

/// Expired and not yet valid certificates behind the first; the stacks judge the first.
fn dates(file: &FileContent, at: OffsetDateTime) -> impl Iterator<Item = Finding> {
    let behind = file.certificates.iter().enumerate().skip(1);
    behind.filter_map(move |(i, certificate)| {
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let evidence = if end < at {
            Evidence::found(format_args!("ended {}", rfc3339(end)))
        } else if begin > at {
            Evidence::found(format_args!("begins {}", rfc3339(begin)))
        } else {
            return None;
        };
        let role = match file.role.is_anchors() {
            true => Role::Anchor,
            false => Role::Intermediate,
        };
        let reference = CertificateReference::new(role, i, certificate.subject());
        let finding = Finding::of("out-of-date-behind").about(reference);
        Some(finding.with_evidence(evidence))
    })
}

fn permissions(file: &FileContent) -> Result<Vec<Finding>, Error> {
    let permissions = files::permissions(&file.path)?;
    let (path, mode) = (shown(&file.path), permissions.mode);
    let open_to = |rule| {
        let found = format_args!("{path} with mode {mode:04o}");
        Finding::of(rule).instead(found, "0600")
    };
    let mut findings = Vec::new();
    if mode & OTHERS != 0 {
        findings.push(open_to("key-open-to-all"));
    } else if mode & GROUP != 0 {
        findings.push(open_to("key-open-to-group"));
    }
    if !permissions.is_owner_trusted {
        let found = format_args!("{path} of user {}", permissions.owner);
        findings.push(Finding::of("key-owner").found(found));
    }
    Ok(findings)
}

const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;
/// No named CRL covers the certificate.
const UNKNOWN: &str = "revocation-unknown";
const REVOKED: &str = "revoked";
/// The prefix of the rules about CRLs.
const LIST_RULES: &str = "crl-";
