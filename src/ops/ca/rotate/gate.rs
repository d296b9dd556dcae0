//! Checks whether agents and networks trust a new root.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority::{self, Signing};
use crate::error::{Error, shown};
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
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::san::SubjectAltName;
use crate::pki::subtree::NameConstraints;
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

impl Gate {
    /// Whether there is nobody to check.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.networks.is_empty() && self.trust.is_empty()
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
            passages.push(accepted(&probe, target.to_string()));
        }
        Ok(passages)
    }
}

/// Whether a file of trust anchors contains the new root.
fn trust(path: &Path, named_as: &Path, new: &Certificate) -> Passage {
    let passage = |passed, message: String| Passage {
        target: shown(named_as),
        passed,
        message,
    };
    let anchors = files::read(path).and_then(|content| {
        Bundle::read(&content).map_err(|source| Error::Bundle {
            path: path.to_owned(),
            source,
        })
    });
    match anchors {
        Err(error) => passage(false, error.to_string()),
        Ok(bundle) if bundle.certificates.contains(new) => {
            passage(true, format!("the new root is in {}", shown(path)))
        }
        Ok(_) => passage(false, format!("the new root is not in {}", shown(path))),
    }
}

/// Whether the `ca_file` of a network contains the new root.
fn network(path: &Path, new: &Certificate) -> Passage {
    let passage = |passed, message: String| Passage {
        target: shown(path),
        passed,
        message,
    };
    let octets = match files::read(path) {
        Ok(octets) => octets,
        Err(error) => return passage(false, error.to_string()),
    };
    let file = match NetworkFile::read(&octets) {
        Ok(file) => file,
        Err(error) => return passage(false, Escaped(&error.to_string()).to_string()),
    };
    // The content of the files is checked below; whether they exist does not matter yet.
    let startup = start(&file, &mut |tls: &Tls| {
        if tls.require_client_cert && tls.ca_file.is_some() {
            Credentials::Mutual(Vec::new())
        } else {
            Credentials::ServerOnly(Vec::new())
        }
    });
    let offers = startup.grpc.map_or(Offers::Nothing, |grpc| grpc.offers);
    let ca_file = match offers {
        Offers::Nothing => return passage(true, "it serves no gRPC, and needs no root".into()),
        Offers::Plaintext => {
            return passage(true, "it serves plaintext, and needs no root".into());
        }
        Offers::Tls {
            requires_client: false,
            ..
        } => {
            let message = "it requests no client certificate, and need not trust the new root";
            return passage(true, message.into());
        }
        Offers::Tls { tls, .. } => tls.ca_file.and_then(|file| file.path),
    };
    match ca_file {
        None => passage(false, "its ca_file is not a path".into()),
        Some(ca_file) => trust(&place_of(Path::new(&ca_file), path), path, new),
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
fn accepted(probe: &Probe, target: String) -> Passage {
    let passage = |passed, message: &str| Passage {
        target: target.clone(),
        passed,
        message: message.to_owned(),
    };
    if let Some(cause) = &probe.unresolved {
        return passage(
            false,
            &format!("cannot resolve its name: {}", Escaped(cause)),
        );
    }
    let as_given: Vec<_> = probe.as_given().collect();
    if as_given.is_empty() {
        return passage(false, "it cannot be reached, or does not speak TLS");
    }
    let is_unproven =
        |session: &&Session| session.outcome == Outcome::Finished && !session.is_key_proven();
    if as_given.iter().any(is_unproven) {
        return passage(
            false,
            "the server did not prove that it holds the private key of its certificate",
        );
    }
    if as_given.iter().all(|session| session.request.is_none()) {
        let is_finished = as_given
            .iter()
            .any(|session| session.outcome == Outcome::Finished);
        return if is_finished {
            passage(
                true,
                "it requests no client certificate, and need not trust the new root",
            )
        } else {
            passage(false, "the TLS handshake does not complete")
        };
    }
    // Several processes may share a port: each must accept it.
    let is_taken =
        |session: &&Session| session.answer.as_ref().and_then(Answer::is_accepted) == Some(true);
    if as_given.iter().all(is_taken) {
        passage(true, "it accepted a client certificate of the new root")
    } else {
        passage(
            false,
            "it refused a client certificate of the new root: give it the new ca.crt and restart it",
        )
    }
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
    let names = vec![SubjectAltName::Dns(NAME.into())];
    let plan = IssuancePlan {
        subject: DistinguishedName::build(&[(AttributeType::CommonName, NAME)])?,
        issuer: signing.issuer.subject.clone(),
        validity,
        subject_alt_names: names.clone(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::EndEntity,
        extended_key_usages: vec![CLIENT_AUTH],
        authority_key_identifier: Some(signing.issuer.key_identifier.clone()),
        name_constraints: NameConstraints::default(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
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

/// In a reserved domain, so that it belongs to nobody (RFC 2606).
const NAME: &str = "rotation.invalid";
const LIFETIME: Lifetime = match Lifetime::from_days(1) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};
