//! The whole PKI of a network: an authority, new or reused, a server pair and client pairs.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;

use super::acme::OrderedPair;
use super::ca::{self, AuthorityReport, Origin, init};
use super::issue::{self, End, Existing, IssuedCertificate, Planned};
use super::passphrase::Ask;
use super::refused::Outcome;
use super::{DryRun, Report};
use crate::authority::{self, AuthorityAt};
use crate::error::Error;
use crate::files::{self, Kind, Lock};
use crate::keys;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::profile::ProfilePurpose;
use crate::pki::san::{SubjectAltName, TypedName};
use crate::pki::usage::Purpose;
use crate::store::Labels;

/// The network to generate for.
#[derive(Debug)]
pub struct Request {
    /// The directory to write to.
    pub directory: PathBuf,
    /// The server's names; the first is its common name.
    pub server_names: Vec<TypedName>,
    /// The server's pair, when another CA issued it: then none is generated.
    pub server: Option<OrderedPair>,
    /// The names of the clients; each gets a pair.
    pub clients: Vec<TypedName>,
    /// Add a pair that messages are encrypted to for each client.
    pub messages: bool,
    /// When the certificates expire; `None` for the default of their profiles.
    pub end: Option<End>,
    /// The type of every key; `None` for the default.
    pub key_type: Option<KeyType>,
    /// The port of the network, for the printed configuration.
    pub port: u16,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
    /// What to do with pairs that exist.
    pub existing: Existing,
    /// Labels for every certificate.
    pub labels: Labels,
    /// The name of a new CA; `None` for a generated one.
    pub ca_subject: Option<DistinguishedName>,
    /// Create a new CA even if one exists.
    pub new_ca: bool,
    /// Encrypt the key of a new CA, with the passphrase that would open one.
    pub encrypt: bool,
}

impl Request {
    /// A CA and a server pair for this name, with defaults for the rest.
    pub fn new(directory: impl Into<PathBuf>, server_name: TypedName) -> Self {
        Request {
            directory: directory.into(),
            server_names: vec![server_name],
            server: None,
            clients: Vec::new(),
            messages: false,
            ca_subject: None,
            end: None,
            key_type: None,
            port: 8600,
            requested_by: String::new(),
            existing: Existing::Refuse,
            labels: Labels::default(),
            new_ca: false,
            encrypt: false,
        }
    }
}

/// Generates everything.
///
/// # Errors
/// When a pair exists and may not be replaced, the existing authority is damaged, or keys or files cannot
/// be written. Nothing is written before everything that can be checked was checked.
pub fn run(
    request: &Request,
    passphrase: Ask<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<Generated>, Error> {
    check(request)?;
    let lock = Lock::acquire(&request.directory)?;
    if let Some(unchanged) = unchanged(request, passphrase, now)? {
        return Ok(Outcome::Done(unchanged));
    }
    let reused = authority::exists(&request.directory)? && !request.new_ca;
    let (mut authority, origin) = if reused {
        let authority = authority::open(&request.directory, passphrase, now)?;
        (authority, Origin::Reused)
    } else {
        let key = request.directory.join(authority::KEY);
        let password = request.encrypt.then(|| passphrase(&key)).transpose()?;
        let (root, replace) = (root(request), request.new_ca);
        let authority = init::apply(&root, password.as_ref(), &lock, replace, now)?;
        (authority, Origin::Created)
    };
    plans(request, authority.issuer(), now)?.and_then(|plans| {
        let replace = request.existing != Existing::Refuse;
        let mut certificates = Vec::new();
        for (wanted, planned) in plans {
            let kept = match (request.existing, authority.inventory()) {
                (Existing::KeepIfSatisfied, Some(inventory)) => {
                    let directory = &request.directory;
                    issue::satisfied(
                        &planned,
                        &wanted,
                        authority.issuer(),
                        inventory,
                        directory,
                        now,
                    )?
                }
                (Existing::KeepIfSatisfied | Existing::Refuse | Existing::Replace, _) => None,
            };
            certificates.push(match kept {
                Some(kept) => kept,
                None => match issue::apply(&planned, &mut authority, &lock, replace, now)? {
                    Outcome::Done(issued) => issued,
                    Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
                },
            });
        }
        generated(request, authority.certificate(), origin, certificates, now).map(Outcome::Done)
    })
}

/// The report when everything that was requested exists; no key is needed to see that.
fn unchanged(
    request: &Request,
    passphrase: Ask<'_>,
    now: OffsetDateTime,
) -> Result<Option<Generated>, Error> {
    if request.existing != Existing::KeepIfSatisfied || request.new_ca {
        return Ok(None);
    }
    let from = AuthorityAt {
        passphrase,
        ..AuthorityAt::directory(&request.directory)
    };
    let Some((certificate, issuer, inventory)) = from.open_without_key(now)? else {
        return Ok(None);
    };
    let Outcome::Done(plans) = plans(request, &issuer, now)? else {
        return Ok(None);
    };
    let kept = plans.iter().map(|(wanted, planned)| {
        issue::satisfied(
            planned,
            wanted,
            &issuer,
            &*inventory,
            &request.directory,
            now,
        )
    });
    let Some(kept) = kept.collect::<Result<Option<Vec<_>>, Error>>()? else {
        return Ok(None);
    };
    generated(request, &certificate, Origin::Reused, kept, now).map(Some)
}

fn generated(
    request: &Request,
    certificate: &Certificate,
    origin: Origin,
    certificates: Vec<IssuedCertificate>,
    now: OffsetDateTime,
) -> Result<Generated, Error> {
    Ok(Generated {
        authority: AuthorityReport::new(&request.directory, certificate, origin, now)?,
        snippets: Snippets::new(request, &certificates),
        certificates,
    })
}

/// What would be generated. Writes nothing.
///
/// # Errors
/// As [`run`], as far as it can be known beforehand.
pub fn dry_run(
    request: &Request,
    passphrase: Ask<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<DryRun>, Error> {
    check(request)?;
    let (authority, issuer) = match authority::exists(&request.directory)? && !request.new_ca {
        true => (
            None,
            authority::open(&request.directory, passphrase, now)?
                .issuer()
                .clone(),
        ),
        false => {
            let plan = ca::plan(&root(request), None, &keys::random_serial()?, now)?;
            let issuer = Issuer::planned(&plan);
            (Some(plan), issuer)
        }
    };
    plans(request, &issuer, now)?.and_then(|plans| {
        let mut files = Vec::new();
        if authority.is_some() {
            files.extend([authority::CERTIFICATE.into(), authority::KEY.into()]);
        }
        files.extend(
            bases(request)
                .iter()
                .flat_map(|base| <[OsString; 2]>::from(issue::file_names(base))),
        );
        Ok(Outcome::Done(DryRun {
            dry_run: true,
            files: files
                .iter()
                .map(|name| request.directory.join(name))
                .collect(),
            authority,
            certificates: plans.into_iter().map(|(_, planned)| planned.plan).collect(),
        }))
    })
}

/// What was generated, and how networks and agents use it.
#[derive(Debug, Serialize)]
pub struct Generated {
    /// The authority.
    pub authority: AuthorityReport,
    /// The server's certificate, then the clients'.
    pub certificates: Vec<IssuedCertificate>,
    /// Configuration to copy.
    #[serde(flatten)]
    pub snippets: Snippets,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.authority)?;
        self.certificates
            .iter()
            .try_for_each(|issued| writeln!(f, "{issued}"))?;
        write!(f, "{}", self.snippets)
    }
}

impl Report for Generated {
    fn warnings(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .certificates
            .iter()
            .flat_map(|issued| issued.warnings.clone())
            .collect();
        all.dedup();
        all
    }
}

const SERVER: &str = "server";

fn root(request: &Request) -> ca::Request {
    let subject = request.ca_subject.iter();
    let names = subject.flat_map(|subject| subject.values(AttributeType::CommonName));
    ca::Request {
        subject: names
            .map(|name| (AttributeType::CommonName, name))
            .collect(),
        key_type: request.key_type.unwrap_or_default(),
        ..ca::Request::new(&request.directory)
    }
}

fn bases(request: &Request) -> Vec<OsString> {
    let clients = request.clients.iter();
    let of_clients = |purpose| {
        clients
            .clone()
            .map(move |client| issue::base_for(&client.name, purpose))
    };
    let messages = of_clients(ProfilePurpose::Message).filter(|_| request.messages);
    let server = request.server.is_none().then(|| SERVER.into());
    server
        .into_iter()
        .chain(of_clients(ProfilePurpose::Client))
        .chain(messages)
        .collect()
}

fn plans(
    request: &Request,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Vec<(issue::Request, Planned)>>, Error> {
    let config = authority::read_config(&request.directory)?;
    let server = ("server", request.server_names.clone());
    let server = request.server.is_none().then_some(server);
    let clients = request.clients.iter();
    let of_clients = |profile| {
        clients
            .clone()
            .map(move |client| (profile, vec![client.clone()]))
    };
    let all = server
        .into_iter()
        .chain(of_clients("client"))
        .chain(of_clients("message"));
    let mut planned = Vec::new();
    // There is a base for each certificate, and none for messages that are not wanted.
    for ((profile, names), base) in all.zip(bases(request)) {
        // The curve of Ed25519 encrypts as X25519.
        let key_type = match (profile, request.key_type) {
            ("message", Some(KeyType::Ed25519)) => Some(KeyType::X25519),
            (_, key_type) => key_type,
        };
        let wanted = issue::Request {
            profile: Arc::new(config.profile(profile)?),
            names,
            spiffe: None,
            common_name: issue::CommonName::First,
            start: None,
            end: request.end,
            key: issue::Key::New(key_type),
            base: Some(base),
            requested_by: request.requested_by.clone(),
            note: None,
            labels: request.labels.clone(),
        };
        match issue::plan(&wanted, issuer, now)? {
            Outcome::Done(plan) => planned.push((wanted, plan)),
            Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
        }
    }
    Ok(Outcome::Done(planned))
}

/// Refuses pairs that would collide or replace others, before anything is written. The authority is examined
/// under the lock, because another process may be creating it.
fn check(request: &Request) -> Result<(), Error> {
    let bases = bases(request);
    for (i, base) in bases.iter().enumerate() {
        issue::check_base(base)?;
        if bases[..i].contains(base) {
            let message = format!(
                "two certificates would be written to {}.crt",
                base.to_string_lossy().escape_debug()
            );
            return Err(Error::usage(
                message,
                "give each client a different name, other than 'server'",
            ));
        }
    }
    for name in bases
        .iter()
        .flat_map(|base| <[OsString; 2]>::from(issue::file_names(base)))
    {
        let path = request.directory.join(name);
        if request.existing == Existing::Refuse && files::kind(&path)? == Kind::File {
            let hint = "replace the existing pairs with `--force` (the CA stays), keep them with `--if-needed`, or add one with `openagents-certs issue client NAME`";
            return Err(Error::Exists {
                path,
                hint: hint.into(),
            });
        }
    }
    Ok(())
}

/// The host that a client dials in the printed configuration.
fn dialled(names: &[SubjectAltName]) -> String {
    let host = names
        .iter()
        .find(|name| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_)));
    match host {
        Some(SubjectAltName::Dns(name)) => name.replacen('*', "agent", 1),
        Some(SubjectAltName::Ip(address @ std::net::IpAddr::V6(_))) => format!("[{address}]"),
        Some(name) => name.value().into_owned(),
        None => "localhost".into(),
    }
}

/// Configuration to copy, with paths as given on the command line.
#[derive(Debug, Serialize)]
pub struct Snippets {
    /// The `transports` of a network.yaml.
    pub network_yaml: String,
    /// The Python call that connects an agent.
    pub agent_python: String,
}

impl Snippets {
    fn new(request: &Request, issued: &[IssuedCertificate]) -> Self {
        let ca = request.directory.join(authority::CERTIFICATE);
        let of = |purpose| issued.iter().find(move |one| one.purpose == Some(purpose));
        let client = of(Purpose::Client);
        let server = match &request.server {
            Some(ordered) => Some(ordered.clone()),
            None => of(Purpose::Server).map(|server| OrderedPair {
                certificate: server.certificate.clone(),
                private_key: server.private_key.clone().unwrap_or_default(),
                names: server.subject_alt_names.clone(),
            }),
        };
        let host = server
            .as_ref()
            .map_or_else(|| "localhost".into(), |server| dialled(&server.names));
        let network_yaml = server.as_ref().map_or(String::new(), |server| {
            yaml(request.port, &ca, server, client.is_some())
        });
        let url = format!("grpcs://{host}:{}", request.port);
        let mut agent_python = format!("await agent.async_start(\n    url={},\n", quoted(&url));
        // What a public CA issued is trusted by every machine.
        let anchor = request.server.is_none().then(|| path(&ca));
        let client_files = client.map(|client| (path(&client.certificate), key_path(client)));
        let (certificate, key) = client_files.unzip();
        let arguments = [
            ("ssl_ca_cert", anchor),
            ("ssl_client_cert", certificate),
            ("ssl_client_key", key),
        ];
        for (name, value) in arguments {
            if let Some(value) = value {
                // Writing to a String does not fail.
                let _ = writeln!(agent_python, "    {name}={value},");
            }
        }
        agent_python.push_str(")\n");
        Snippets {
            network_yaml,
            agent_python,
        }
    }
}

impl fmt::Display for Snippets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "In network.yaml (paths are relative to the directory the network starts in):\n"
        )?;
        writeln!(f, "{}", indented(&self.network_yaml))?;
        writeln!(f, "In an agent:\n")?;
        write!(f, "{}", indented(&self.agent_python))
    }
}

fn yaml(port: u16, ca: &Path, server: &OrderedPair, mtls: bool) -> String {
    let mut text = format!(
        "network:\n  transports:\n    - type: grpc\n      config:\n        host: \"0.0.0.0\"\n        port: {port}\n        tls:\n          \
         enabled: true\n          cert_file: {}\n          key_file: {}\n",
        path(&server.certificate),
        path(&server.private_key),
    );
    if mtls {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "          ca_file: {}\n          require_client_cert: true\n",
            path(ca)
        );
    }
    text
}

/// A string in the syntax that YAML and Python share.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// The path of a new key, as all keys here are.
fn key_path(issued: &IssuedCertificate) -> String {
    issued.private_key.as_deref().map_or_else(String::new, path)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod snippet_tests {
    use super::*;

    #[test]
    fn quotes_and_control_characters_are_escaped_as_both_languages_read_them() {
        assert_eq!(quoted("a \"b\"\\\n"), "\"a \\\"b\\\"\\\\\\x0a\"");
    }
}
