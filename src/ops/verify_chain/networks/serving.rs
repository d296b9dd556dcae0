//! What a gRPC port really serves: its files read as the network reads them, and its certificate looked at as a
//! client does.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Request;
use super::certificates::{Certificates, Refusal, Served};
use super::contents::{ContentId, Contents};
use super::report::{NetworkReport, Serves};
use crate::error::{Error, shown};
use crate::network::{Credentials, FileName, NetworkFile, Offers, Startup, Tls, start as startup};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::{Outcome, Stack};

/// What a TLS port serves with.
#[derive(Clone, Debug)]
pub(super) struct Material {
    pub(super) certificate: ContentId,
    pub(super) certificate_path: PathBuf,
    /// The CAs of the clients, where every client must have a certificate.
    pub(super) client_roots: Option<ContentId>,
    /// What the network's own clients trust, where it was found.
    pub(super) roots: Option<ContentId>,
}

/// Starts a network in thought, with its files.
pub(super) fn start(
    file: &NetworkFile,
    path: &Path,
    contents: &mut Contents,
    certificates: &mut Certificates,
) -> (Startup, Option<Material>) {
    let mut material = None;
    let started = startup(file, &mut |tls| {
        let loaded = load(tls, path, contents, certificates);
        match loaded {
            Err(findings) => Credentials::Refused(findings),
            Ok((loaded, findings)) => {
                let is_mutual = loaded.client_roots.is_some();
                material = Some(loaded);
                if is_mutual {
                    Credentials::Mutual(findings)
                } else {
                    Credentials::ServerOnly(findings)
                }
            }
        }
    });
    (started, material)
}

/// What a client gets from a TLS port, put into the report.
///
/// # Errors
/// When the CA or client pair that was named cannot be read.
pub(super) fn judge(
    report: &mut NetworkReport,
    material: &mut Material,
    startup: &Startup,
    path: &Path,
    request: &Request,
    contents: &mut Contents,
    certificates: &mut Certificates,
) -> Result<(), Error> {
    let line = match startup.grpc.as_ref().map(|grpc| &grpc.offers) {
        Some(Offers::Tls { tls, .. }) => tls.line,
        Some(Offers::Nothing | Offers::Plaintext) | None => return Ok(()),
    };
    let (roots, ca_file) = roots(material, path, request, contents)?;
    report.grpc.checked_against = ca_file;
    material.roots = roots;
    if roots.is_none() {
        report
            .findings
            .push(Finding::of("tls-ca-unknown").at_line(line));
    }
    let hosts = hosts(request, &report.grpc.host);
    let client = client(material, request, contents)?;
    of_each_stack(
        report,
        material,
        &hosts,
        client.as_ref(),
        contents,
        certificates,
    );
    let mut verdicts = hosts.iter().map(|host| {
        certificates.client_takes(contents, material.certificate, roots, host.as_deref())
    });
    let refusal = match verdicts.find(|verdict| verdict.is_ok()) {
        Some(_) => None,
        None => hosts.first().and_then(|host| {
            let verdict =
                certificates.client_takes(contents, material.certificate, roots, host.as_deref());
            verdict.as_ref().as_ref().err().cloned()
        }),
    };
    if let Some(refusal) = refusal {
        report.grpc.serves = Serves::None;
        let file = shown(&material.certificate_path);
        report
            .findings
            .push(refused("tls-certificate-refused", line, &refusal, &file));
        return Ok(());
    }
    let Some(client_roots) = material.client_roots else {
        return Ok(());
    };
    let Some(client) = client else {
        return Ok(());
    };
    let identity = (client.certificate, client.key);
    let verdict = certificates.server_takes(contents, material.certificate, client_roots, identity);
    if let Err(refusal) = verdict.as_ref() {
        report.grpc.serves = Serves::None;
        report.findings.push(refused(
            "mtls-client-refused",
            line,
            refusal,
            &shown(&client.path),
        ));
    }
    Ok(())
}

/// What clients of each stack make of the port. What keeps out one that OpenAgents does not use itself is no more
/// than a warning.
fn of_each_stack(
    report: &mut NetworkReport,
    material: &Material,
    hosts: &[Option<String>],
    client: Option<&Client>,
    contents: &Contents,
    certificates: &mut Certificates,
) {
    let Some(roots) = material.roots else {
        return;
    };
    let is_taken = |host: &&Option<String>| {
        let verdict =
            certificates.client_takes(contents, material.certificate, Some(roots), host.as_deref());
        verdict.is_ok()
    };
    let host = hosts.iter().find(is_taken).or(hosts.first());
    let door = Served {
        chain: material.certificate,
        client_roots: material.client_roots,
        roots,
        host: host.and_then(Option::as_deref),
    };
    let identity = client.map(|client| (client.certificate, client.key));
    // Who has no certificate where one is asked for is told of as an agent.
    if door.client_roots.is_some() && identity.is_none() {
        return;
    }
    let all = certificates.clients(contents, &door, identity);
    let is_good = |outcome: &Outcome| outcome.connects == Some(true);
    let own = |outcome: &&Outcome| outcome.client == Stack::GrpcCore;
    let mut outcomes = all.iter().flat_map(|verdicts| &verdicts.outcomes);
    let is_own_good = outcomes.find(own).is_some_and(is_good);
    for verdicts in all {
        for outcome in verdicts.outcomes {
            if is_own_good && !is_good(&outcome) {
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

/// The files of a `tls:` block, in the order in which the network opens them.
fn load(
    tls: &Tls,
    network: &Path,
    contents: &mut Contents,
    certificates: &mut Certificates,
) -> Result<(Material, Vec<Finding>), Vec<Finding>> {
    let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) else {
        let missing = match (&tls.cert_file, &tls.key_file) {
            (None, None) => "neither cert_file nor key_file",
            (None, Some(_)) => "no cert_file",
            (Some(_), None | Some(_)) => "no key_file",
        };
        return Err(vec![
            Finding::of("tls-file-unnamed")
                .at_line(tls.line)
                .found(missing),
        ]);
    };
    let mut findings = Vec::new();
    let mut open = |file: &FileName| {
        open(file, network, contents)
            .map_err(|finding| findings.push(*finding))
            .ok()
    };
    let (certificate, key) = (open(cert_file), open(key_file));
    let ca = tls.ca_file.as_ref().map(&mut open);
    let (Some((certificate, certificate_path)), Some((key, _)), None | Some(Some(_))) =
        (certificate, key, &ca)
    else {
        return Err(findings);
    };
    let ca = ca.flatten().map(|(ca, _)| ca);
    let is_empty = ca.is_some_and(|ca| contents.octets(ca).is_empty());
    if tls.require_client_cert && is_empty {
        findings.push(
            Finding::of("mtls-without-ca")
                .at_line(tls.require_line)
                .found("the ca_file is empty")
                .with_hint("put the CA's certificate into the file that `ca_file` names"),
        );
    }
    let client_roots = ca.filter(|_| tls.require_client_cert && !is_empty);
    let verdict = certificates.server_starts(contents, certificate, key, client_roots);
    match verdict.as_ref() {
        Ok(()) => Ok((
            Material {
                certificate,
                certificate_path,
                client_roots,
                roots: None,
            },
            findings,
        )),
        Err(refusal) => {
            findings.push(
                Finding::of("tls-credentials-refused")
                    .at_line(tls.line)
                    .found(&refusal.why)
                    .with_hint(refusal.hint.clone()),
            );
            Err(findings)
        }
    }
}

/// A file as Python opens it.
fn open(
    file: &FileName,
    network: &Path,
    contents: &mut Contents,
) -> Result<(ContentId, PathBuf), Box<Finding>> {
    let Some(name) = &file.path else {
        return Err(Box::new(
            Finding::of("tls-file-no-name")
                .at_line(file.line)
                .found(format!("{}:", file.key)),
        ));
    };
    let path = contents.resolved(name);
    let error = match contents.read(&path) {
        Ok(id) => return Ok((id, path)),
        Err(error) => error,
    };
    let found = format!("{}: {name}", file.key);
    let is_missing =
        matches!(&*error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound);
    let beside = network.with_file_name(name);
    let finding = if is_missing && (name.starts_with('~') || name.contains('$')) {
        Finding::of("tls-file-unexpanded")
            .at_line(file.line)
            .found(found)
    } else if is_missing && beside != path && contents.read_if_there(&beside).is_some() {
        Finding::of("tls-file-beside-yaml")
            .at_line(file.line)
            .instead(found, shown(&beside))
    } else {
        let cause = match &*error {
            Error::Io { source, .. } => source.to_string(),
            error => error.to_string(),
        };
        Finding::of("tls-file-missing")
            .at_line(file.line)
            .found(format!("{found}; {cause}"))
    };
    Err(Box::new(finding))
}

/// The CA that clients of the network trust, and the file it is in.
fn roots(
    material: &Material,
    network: &Path,
    request: &Request,
    contents: &mut Contents,
) -> Result<(Option<ContentId>, Option<String>), Error> {
    if let Some(ca) = &request.ca {
        let id = named(ca, contents)?;
        return Ok((Some(id), Some(ca.to_string_lossy().into_owned())));
    }
    let places = [
        material.certificate_path.with_file_name("ca.crt"),
        contents.resolved("certs/ca.crt"),
        network.with_file_name("certs").join("ca.crt"),
        request.directory.join("ca.crt"),
    ];
    let mut found = places.iter().filter_map(|place| {
        let id = contents.read_if_there(place)?;
        Some((Some(id), Some(place.to_string_lossy().into_owned())))
    });
    Ok(found.next().unwrap_or_default())
}

/// A client of the network.
struct Client {
    certificate: ContentId,
    key: Option<ContentId>,
    path: PathBuf,
}

/// The client whose files were named, or lie beside the server's.
fn client(
    material: &Material,
    request: &Request,
    contents: &mut Contents,
) -> Result<Option<Client>, Error> {
    if let Some(path) = &request.client_certificate {
        let key = request
            .client_key
            .as_deref()
            .map(|key| named(key, contents));
        return Ok(Some(Client {
            certificate: named(path, contents)?,
            key: key.transpose()?,
            path: path.clone(),
        }));
    }
    let path = material.certificate_path.with_file_name("client.crt");
    let key = contents.read_if_there(&path.with_extension("key"));
    Ok(contents.read_if_there(&path).map(|certificate| Client {
        certificate,
        key,
        path,
    }))
}

/// A file that was named on the command line, so that it must be there.
pub(super) fn named(path: &Path, contents: &mut Contents) -> Result<ContentId, Error> {
    match contents.read(path) {
        Ok(id) => Ok(id),
        // It is read again for an error of its own.
        Err(_) => {
            crate::files::read(path).and(contents.read(path).map_err(|_| Error::Unreadable {
                path: path.to_owned(),
                what: "could be read only the second time",
            }))
        }
    }
}

/// The hosts that a client may dial; one that is taken is enough. Without one, names are not looked at.
fn hosts(request: &Request, bound: &str) -> Vec<Option<String>> {
    if let Some(host) = &request.host {
        return vec![Some(host.clone())];
    }
    let is_loopback = bound.eq_ignore_ascii_case("localhost")
        || bound
            .parse()
            .is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
    if !is_loopback {
        return vec![None];
    }
    let mut hosts = vec![Some(bound.to_ascii_lowercase())];
    if bound == "127.0.0.1" {
        hosts.push(Some("localhost".into()));
    } else if bound.eq_ignore_ascii_case("localhost") {
        hosts.push(Some("127.0.0.1".into()));
    }
    hosts
}

fn refused(rule: &str, line: usize, refusal: &Refusal, file: &str) -> Finding {
    Finding::of(rule)
        .at_line(line)
        .found(format!("{file}: {}", refusal.why))
        .with_hint(refusal.hint.clone())
}
