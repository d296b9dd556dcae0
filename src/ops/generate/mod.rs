//! A whole PKI for a network in one go: the authority, made or reused, a server pair, client pairs.

mod snippet;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;

use super::ca::{self, AuthorityReport, Origin, init};
use super::issue::{self, End, Issued, Planned};
use super::passphrase::Ask;
use super::refused::Outcome;
use super::{DryRun, Report};
use crate::authority::{self, Authority};
use crate::error::Error;
use crate::files::{self, Kind, Lock};
use crate::keys;
use crate::pki::algorithm::KeyType;
use crate::pki::issuer::Issuer;
use crate::pki::profile::ProfilePurpose;
use crate::pki::san::{SubjectAltName, TypedName};
use crate::store::Labels;

use snippet::Snippets;

/// The network that is wanted.
#[derive(Debug)]
pub struct Request {
    /// Where everything is put.
    pub directory: PathBuf,
    /// What the server is dialled by; the first is its common name.
    pub server_names: Vec<TypedName>,
    /// One pair for each.
    pub clients: Vec<TypedName>,
    /// Add a pair that messages are encrypted to for each client.
    pub messages: bool,
    /// When the certificates end; as the profiles say when nothing is said.
    pub end: Option<End>,
    /// The kind of every key; the usual one when nothing is said.
    pub key_type: Option<KeyType>,
    /// The port the network listens on, for the configuration that is printed.
    pub port: u16,
    /// Who asks for it, as `user@host`.
    pub requested_by: String,
    /// Replace pairs that are there.
    pub replace: bool,
    /// Make a new CA though one is there.
    pub new_ca: bool,
}

impl Request {
    /// A CA and a server's pair for this name, as is usual.
    pub fn new(directory: impl Into<PathBuf>, server_name: TypedName) -> Self {
        Request {
            directory: directory.into(),
            server_names: vec![server_name],
            clients: Vec::new(),
            messages: false,
            end: None,
            key_type: None,
            port: 8600,
            requested_by: String::new(),
            replace: false,
            new_ca: false,
        }
    }
}

/// Makes it all.
///
/// # Errors
/// When a pair is there already and may not be replaced, the authority there is damaged, or the
/// keys or files cannot be made. Nothing is written before all that can be checked was.
pub fn run(
    request: &Request,
    passphrase: Ask<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<Generated>, Error> {
    check(request)?;
    let lock = Lock::acquire(&request.directory)?;
    let reused = authority::exists(&request.directory)? && !request.new_ca;
    let (mut authority, origin) = if reused {
        (
            Authority::open(&request.directory, passphrase, now)?,
            Origin::Reused,
        )
    } else {
        (
            init::apply(&root(request), None, &lock, request.new_ca, now)?,
            Origin::Created,
        )
    };
    plans(request, authority.issuer(), now)?.and_then(|planned| {
        let mut issued = Vec::new();
        for planned in &planned {
            issued.push(issue::apply(
                planned,
                &mut authority,
                &lock,
                request.replace,
                now,
            )?);
        }
        Ok(Outcome::Done(Generated {
            authority: AuthorityReport::new(
                &request.directory,
                authority.certificate(),
                origin,
                now,
            )?,
            snippets: Snippets::new(request, &issued),
            certificates: issued,
        }))
    })
}

/// What would be made, with nothing written.
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
            Authority::open(&request.directory, passphrase, now)?
                .issuer()
                .clone(),
        ),
        false => {
            let plan = ca::plan(&root(request), None, &keys::random_serial()?, now)?;
            let issuer = Issuer::planned(&plan);
            (Some(plan), issuer)
        }
    };
    plans(request, &issuer, now)?.and_then(|planned| {
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
            certificates: planned.into_iter().map(|planned| planned.plan).collect(),
        }))
    })
}

/// What was made, and how a network and an agent use it.
#[derive(Debug, Serialize)]
pub struct Generated {
    /// The authority.
    pub authority: AuthorityReport,
    /// The server's certificate, then the clients'.
    pub certificates: Vec<Issued>,
    /// What to put where.
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
    ca::Request {
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
    std::iter::once(SERVER.into())
        .chain(of_clients(ProfilePurpose::Client))
        .chain(messages)
        .collect()
}

fn plans(
    request: &Request,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Vec<Planned>>, Error> {
    let config = authority::read_config(&request.directory)?;
    let server = ("server", request.server_names.clone());
    let clients = request.clients.iter();
    let of_clients = |profile| {
        clients
            .clone()
            .map(move |client| (profile, vec![client.clone()]))
    };
    let all = std::iter::once(server)
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
            end: request.end,
            key: issue::Key::New(key_type),
            base: Some(base),
            requested_by: request.requested_by.clone(),
            note: None,
            labels: Labels::default(),
        };
        match issue::plan(&wanted, issuer, now)? {
            Outcome::Done(plan) => planned.push(plan),
            Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
        }
    }
    Ok(Outcome::Done(planned))
}

/// Refuses what would collide or replace something, before anything is made. The authority is looked at only
/// under the lock: another process may be making it.
fn check(request: &Request) -> Result<(), Error> {
    let bases = bases(request);
    for (i, base) in bases.iter().enumerate() {
        issue::check_base(base)?;
        if bases[..i].contains(base) {
            let message = format!(
                "two certificates would be written to {}.crt",
                base.to_string_lossy().escape_debug()
            );
            return Err(Error::Usage {
                message,
                hint: "give each client a name of its own, other than 'server'".into(),
            });
        }
    }
    for name in bases
        .iter()
        .flat_map(|base| <[OsString; 2]>::from(issue::file_names(base)))
    {
        let path = request.directory.join(name);
        if !request.replace && files::kind(&path)? == Kind::File {
            let hint = "replace the pairs that are there with `--force` (the CA stays), or add one with `openagents-certs issue client NAME`";
            return Err(Error::Exists {
                path,
                hint: hint.into(),
            });
        }
    }
    Ok(())
}

/// The host a client dials in the lines that are printed.
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
