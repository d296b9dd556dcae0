//! Checks whether agents and networks trust a new root.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::enrolled::EnrolledMachines;
use crate::authority::{self, Signing};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind};
use crate::keys::{self, PrivateKey};
use crate::net::probe::{Options, Probe};
use crate::net::{Answer, Identity, Outcome, Session};
use crate::network::{Credentials, NetworkFile, Offers, Tls, start};
use crate::ops::live::Dialling;
use crate::pki::algorithm::KeyType;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::IssuancePlan;
use crate::pki::san::SubjectAltName;
use crate::pki::usage::CLIENT_AUTH;
use crate::pki::validity::{Lifetime, Validity};
use crate::store::{Entry, Inventory};

/// Who must trust the new root before it issues.
#[derive(Debug, Default)]
pub struct Gate {
    /// Ports that must accept a client certificate of the new root.
    pub endpoints: Vec<String>,
    /// `network.yaml` files whose `ca_file` must contain it.
    pub networks: Vec<PathBuf>,
    /// Files of trust anchors that must contain it.
    pub trust: Vec<PathBuf>,
    /// Whether every enrolled machine must have fetched it.
    pub enrolled: bool,
    /// How ports are dialled.
    pub dialling: Dialling,
}

/// The result for one of them.
#[derive(Debug, Serialize)]
pub struct Passage {
    /// The port or the file.
    pub target: String,
    /// Whether the new root is trusted, or need not be.
    pub passed: bool,
    /// What was found, as a lower-case clause.
    pub message: String,
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.passed { "trusts" } else { "waits " };
        writeln!(f, "  {mark}  {}: {}", self.target, self.message)
    }
}

impl Passage {
    fn new(target: &str, passed: bool, message: impl Into<String>) -> Self {
        Passage {
            target: target.to_owned(),
            passed,
            message: message.into(),
        }
    }
}

impl Gate {
    /// Whether there is nobody to check.
    pub fn is_empty(&self) -> bool {
        !self.enrolled
            && self.endpoints.is_empty()
            && self.networks.is_empty()
            && self.trust.is_empty()
    }

    /// Checks everyone. A certificate that is presented to ports is recorded first.
    ///
    /// # Errors
    /// When the name of a port is malformed, or the certificate cannot be issued or recorded.
    pub(super) fn passages(
        &self,
        new: &Certificate,
        signing: &Signing,
        inventory: &mut dyn Inventory,
        requested_by: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<Passage>, Error> {
        let mut passages: Vec<Passage> = self
            .trust
            .iter()
            .map(|path| trust(path, path, new))
            .collect();
        for path in &self.networks {
            passages.push(network(path, new));
        }
        if self.enrolled {
            passages.extend(machines(&EnrolledMachines::read(new, inventory, now)?));
        }
        if self.endpoints.is_empty() {
            return Ok(passages);
        }
        let identity = client(signing, inventory, requested_by, now)?;
        for text in &self.endpoints {
            let target = self.dialling.target(text)?;
            let options = Options {
                timeout: self.dialling.timeout,
                connections: self.dialling.connections,
                identity: Some(&identity),
                stranger: None,
            };
            let probe = Probe::of(&target, &options);
            passages.push(accepted(&probe, &target.to_string()));
        }
        Ok(passages)
    }
}

/// Whether every enrolled machine has fetched the new root.
fn machines(enrolled: &EnrolledMachines) -> Vec<Passage> {
    let (fetched, machines) = (enrolled.fetched, enrolled.machines);
    let all = format!("{fetched} of {machines} have fetched the new root");
    let waiting = enrolled.waiting.iter();
    let waiting = waiting.map(|one| Passage::new(&one.name, false, one.clause()));
    let summary = Passage::new("enrolled machines", fetched == machines, all);
    std::iter::once(summary).chain(waiting).collect()
}

/// Whether a file of trust anchors contains the new root.
fn trust(path: &Path, named_as: &Path, new: &Certificate) -> Passage {
    let anchors = files::read(path).and_then(|content| Bundle::read(&content).in_file(path));
    let (passed, message) = match anchors {
        Err(error) => (false, error.to_string()),
        Ok(bundle) if bundle.certificates.contains(new) => {
            (true, format!("the new root is in {}", shown(path)))
        }
        Ok(_) => (false, format!("the new root is not in {}", shown(path))),
    };
    Passage::new(&shown(named_as), passed, message)
}

/// Whether the `ca_file` of a network contains the new root.
fn network(path: &Path, new: &Certificate) -> Passage {
    let target = shown(path);
    let content = match files::read(path) {
        Ok(content) => content,
        Err(error) => return Passage::new(&target, false, error.to_string()),
    };
    let file = match NetworkFile::read(&content) {
        Ok(file) => file,
        Err(error) => {
            return Passage::new(&target, false, Escaped(&error.to_string()).to_string());
        }
    };
    // The content of the files is checked below; whether they exist does not matter yet.
    let startup = start(&file, &mut |tls: &Tls| {
        if tls.require_client_cert && tls.ca_file.is_some() {
            Credentials::Mutual(Vec::new())
        } else {
            Credentials::ServerOnly(Vec::new())
        }
    });
    let ca_file = match startup.grpc.map_or(Offers::Nothing, |grpc| grpc.offers) {
        Offers::Nothing => Err("it serves no gRPC, and needs no root"),
        Offers::Plaintext => Err("it serves plaintext, and needs no root"),
        Offers::Tls {
            requires_client: false,
            ..
        } => Err(NO_CLIENTS),
        Offers::Tls { tls, .. } => Ok(tls.ca_file.and_then(|file| file.path)),
    };
    match ca_file {
        Err(needless) => Passage::new(&target, true, needless),
        Ok(None) => Passage::new(&target, false, "its ca_file is not a path"),
        Ok(Some(ca_file)) => trust(&place_of(Path::new(&ca_file), path), path, new),
    }
}

/// Where a network finds a file: relative to the directory it is started in, which is this one or its own.
fn place_of(file: &Path, network: &Path) -> PathBuf {
    let is_here = files::kind(file).is_ok_and(|kind| kind != Kind::Absent);
    if is_here {
        file.to_owned()
    } else {
        network.with_file_name("").join(file)
    }
}

/// Whether a port accepted a client certificate of the new root.
fn accepted(probe: &Probe, target: &str) -> Passage {
    if let Some(cause) = &probe.unresolved {
        let message = format!("cannot resolve its name: {}", Escaped(cause));
        return Passage::new(target, false, message);
    }
    let sessions: Vec<_> = probe.as_given().collect();
    let is_finished = |session: &&Session| session.outcome == Outcome::Finished;
    let is_unproven = |session: &&Session| is_finished(session) && !session.is_key_proven();
    // Several processes may share a port: each must accept it.
    let is_accepted =
        |session: &&Session| session.answer.as_ref().and_then(Answer::is_accepted) == Some(true);
    let (passed, message) = if sessions.is_empty() {
        (false, "it cannot be reached, or does not speak TLS")
    } else if sessions.iter().any(is_unproven) {
        (
            false,
            "the server did not prove that it holds the private key of its certificate",
        )
    } else if sessions.iter().any(|session| session.request.is_some()) {
        if sessions.iter().all(is_accepted) {
            (true, "it accepted a client certificate of the new root")
        } else {
            (
                false,
                "it refused a client certificate of the new root: give it the new ca.crt and restart it",
            )
        }
    } else if sessions.iter().any(is_finished) {
        (true, NO_CLIENTS)
    } else {
        (false, "the TLS handshake does not complete")
    };
    Passage::new(target, passed, message)
}

/// A client certificate of the new root, without the cross-certificate.
fn client(
    signing: &Signing,
    inventory: &mut dyn Inventory,
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<Identity, Error> {
    let key = PrivateKey::generate(KeyType::P256)?;
    let serial = keys::random_serial()?;
    let validity = Validity::starting(now, LIFETIME)?.within(signing.issuer.validity)?;
    let subject = DistinguishedName::build(&[(AttributeType::CommonName, NAME)])?;
    let plan = IssuancePlan {
        subject_alt_names: vec![SubjectAltName::Dns(NAME.into())],
        extended_key_usages: vec![CLIENT_AUTH],
        ..IssuancePlan::end_entity(subject, &signing.issuer, validity)
    };
    let chain = signing.issuer_chain(now);
    let der = signing.sign(&plan, key.public_key_info(), &serial, &chain)?;
    let certificate = authority::read_back(der)?;
    inventory.record(&[Entry {
        profile: "client".into(),
        requested_by: requested_by.to_owned(),
        note: Some("presented to ports to check whether they trust the new root".into()),
        ..Entry::of(&certificate, signing.fingerprint.clone(), now)?
    }])?;
    Ok(Identity::new(&[certificate], key.pkcs8())?)
}

const NO_CLIENTS: &str = "it requests no client certificate, and need not trust the new root";
/// In a reserved domain, so that it belongs to nobody (RFC 2606).
const NAME: &str = "rotation.invalid";
const LIFETIME: Lifetime = match Lifetime::from_days(1) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};
