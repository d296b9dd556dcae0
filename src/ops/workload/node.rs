//! What the agent of a node and its server tell each other, as JSON over mutual TLS. The client certificate says which
//! node it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authority;
use crate::config::{PublicUrl, WorkloadEntry};
use crate::error::{Error, WorkloadError};
use crate::files;
use crate::keys::PrivateKey;
use crate::net::Identity;
use crate::net::https::{Https, HttpsError, Limits, Method, Trust};
use crate::net::workload::NodeError;
use crate::ops::enroll::Enrollment;
use crate::ops::enrollment;
use crate::ops::issue::file_names;
use crate::ops::refused::{Outcome, Refused};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::plan::{BasicConstraints, CsrPlan};
use crate::pki::spiffe::{SpiffeId, TrustDomain};
use crate::store::Inventory;

/// What a node may serve.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct NodeState {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// The entries of the node.
    pub entries: Vec<WorkloadEntry>,
    /// Trust anchors by the SPIFFE ID of the trust domain: DER one after the other, in base64.
    pub x509_bundles: BTreeMap<String, String>,
    /// JWK Sets by the SPIFFE ID of the trust domain.
    pub jwt_bundles: BTreeMap<String, String>,
    /// What changes when another CA issues.
    pub issuer: String,
}

/// Asks for an X.509-SVID.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SvidRequest {
    /// The entry.
    pub entry: WorkloadEntry,
    /// A PKCS #10 request whose key is certified, in base64. Names in it do not count.
    pub csr: String,
}

/// An X.509-SVID.
#[derive(Debug, Deserialize, Serialize)]
pub struct SvidReply {
    /// The certificate, then its chain: DER in base64.
    pub certificates: Vec<String>,
}

/// Asks for a JWT-SVID.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JwtRequest {
    /// The entry.
    pub entry: WorkloadEntry,
    /// Whom it is for.
    pub audience: Vec<String>,
}

/// A JWT-SVID.
#[derive(Debug, Deserialize, Serialize)]
pub struct JwtReply {
    /// The token.
    pub svid: String,
}

/// The node that a client certificate, whose key TLS has proved, is of.
///
/// # Errors
/// When the inventory cannot be read.
pub fn of_certificate(
    inventory: &dyn Inventory,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Result<Outcome<SpiffeId>, Error> {
    let refuse = |what: &str| {
        let hint = "enroll with a token for a SPIFFE ID";
        Ok(Outcome::Refused(Refused::new("node", what, hint)))
    };
    let fingerprint = Fingerprint::sha256(certificate.as_der());
    let entry = inventory.find(certificate.serial())?;
    let Some(entry) = entry.filter(|entry| entry.fingerprint == fingerprint) else {
        return refuse("the client certificate is not of this authority");
    };
    if let Some(refused) = enrollment::refusal(&entry, None, now) {
        return Ok(Outcome::Refused(refused));
    }
    match SpiffeId::of_certificate(certificate) {
        Some(id) => Ok(Outcome::Done(id)),
        None => refuse("the client certificate has no SPIFFE ID"),
    }
}

/// The server of a node, which proves itself with the certificate that it enrolled.
pub struct NodeServer {
    https: Https,
    url: String,
    /// Which node this is.
    pub node: SpiffeId,
    /// The files of its certificate, to see when they are renewed.
    pub files: [PathBuf; 3],
}

impl NodeServer {
    /// The server that a directory was enrolled with, or another one of the same CA.
    ///
    /// # Errors
    /// When the directory has no certificate with a SPIFFE ID, or a file cannot be read.
    pub fn open(directory: &Path, url: Option<&PublicUrl>) -> Result<Self, Error> {
        let enrollment = Enrollment::read(directory)?;
        let no_node = || {
            let path = directory.to_owned();
            Error::Workload(WorkloadError::NoNode { path })
        };
        let enrollment = enrollment.ok_or_else(no_node)?;
        let url = url.map_or(enrollment.server, ToString::to_string);
        for base in enrollment.certificates.keys() {
            let (certificate, key) = file_names(base.as_ref());
            let (certificate, key) = (directory.join(certificate), directory.join(key));
            let chain = authority::read_certificates(&certificate)?;
            let Some(node) = chain.first().and_then(SpiffeId::of_certificate) else {
                continue;
            };
            let needless = |path: &Path| {
                Err(Error::PassphraseNeeded {
                    path: path.to_owned(),
                })
            };
            let (read, _) = authority::read_key(&key, &needless)?;
            let identity = Identity::new(&chain, read.pkcs8())?;
            let anchors = authority::anchors(directory)?;
            let anchors = anchors.iter().map(|anchor| anchor.as_der().to_vec());
            let trust = Trust::Only(anchors.collect());
            let limits = Limits {
                body_bytes: MAX_REPLY_BYTES,
                ..Limits::default()
            };
            let https = Https::with_identity(&trust, Some(&identity), limits);
            return Ok(NodeServer {
                https: https.map_err(failed)?,
                url,
                node,
                files: [certificate, key, directory.join(authority::CERTIFICATE)],
            });
        }
        Err(no_node())
    }

    /// Its files as they are now: after a renewal they are others.
    pub fn stamps(&self) -> Vec<Option<files::Stamp>> {
        self.files.iter().map(|path| files::stamp(path)).collect()
    }

    /// What the node may serve.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub fn state(&self) -> Result<NodeState, Error> {
        self.send(&Method::GET, STATE_PATH, Vec::new())
    }

    /// An X.509-SVID of an entry, for a new key: the certificates, and the key.
    ///
    /// # Errors
    /// As [`NodeServer::state`], and when no key can be generated.
    pub fn svid(&self, entry: &WorkloadEntry) -> Result<(Vec<Certificate>, PrivateKey), Error> {
        let key = PrivateKey::generate(crate::pki::algorithm::KeyType::P256)?;
        let plan = CsrPlan {
            subject: DistinguishedName::build(&[])?,
            subject_alt_names: Vec::new(),
            basic_constraints: BasicConstraints::EndEntity,
        };
        let csr = key.signer()?.request(&plan)?;
        let request = SvidRequest {
            entry: entry.clone(),
            csr: Base64::encode_string(&csr),
        };
        let reply: SvidReply = self.send(&Method::POST, SVID_PATH, json(&request))?;
        let malformed = |what: &str| self.malformed(what.to_owned());
        let mut certificates = Vec::new();
        for certificate in &reply.certificates {
            let der = Base64::decode_vec(certificate);
            let der = der.map_err(|_| malformed("a certificate is not base64"))?;
            let certificate = Certificate::from_der(der);
            certificates.push(certificate.map_err(|_| malformed("not a certificate"))?);
        }
        let leaf = certificates
            .first()
            .ok_or_else(|| malformed("no certificate"))?;
        if leaf.public_key_info() != key.public_key_info()
            || SpiffeId::of_certificate(leaf).as_ref() != Some(&entry.spiffe_id)
        {
            return Err(malformed(
                "the certificate is not the one that was requested",
            ));
        }
        Ok((certificates, key))
    }

    /// A JWT-SVID of an entry.
    ///
    /// # Errors
    /// As [`NodeServer::state`].
    pub fn jwt_svid(&self, entry: &WorkloadEntry, audience: &[String]) -> Result<String, Error> {
        let request = JwtRequest {
            entry: entry.clone(),
            audience: audience.to_vec(),
        };
        let reply: JwtReply = self.send(&Method::POST, JWT_PATH, json(&request))?;
        Ok(reply.svid)
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let url = format!("{}{path}", self.url);
        let headers: &[_] = match body.is_empty() {
            true => &[],
            false => &[("content-type", "application/json")],
        };
        let answer = self.https.send(method, &url, headers, body);
        let answer = answer.map_err(failed)?;
        if !answer.is_success() {
            let text = String::from_utf8_lossy(&answer.body);
            let reason = text.trim().chars().take(MAX_REASON).collect();
            let status = answer.status;
            return Err(Error::Workload(
                NodeError::Refused {
                    url,
                    status,
                    reason,
                }
                .into(),
            ));
        }
        let read = serde_json::from_slice(&answer.body);
        read.map_err(|error| self.malformed(error.to_string()))
    }

    fn malformed(&self, what: String) -> Error {
        let url = self.url.clone();
        Error::Workload(NodeError::Malformed { url, what }.into())
    }
}

fn failed(error: HttpsError) -> Error {
    Error::Workload(NodeError::from(error).into())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    match serde_json::to_vec(value) {
        Ok(json) => json,
        Err(error) => unreachable!("it has only text and numbers: {error}"),
    }
}

/// Where a node finds what it may serve.
pub const STATE_PATH: &str = "/workload/node";
/// Where it gets X.509-SVIDs.
pub const SVID_PATH: &str = "/workload/node/x509-svid";
/// Where it gets JWT-SVIDs.
pub const JWT_PATH: &str = "/workload/node/jwt-svid";
const MAX_REASON: usize = 300;
/// Room for tens of thousands of entries.
const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;
