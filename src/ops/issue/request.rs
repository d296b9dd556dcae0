//! What a PKCS #10 request asks for, and what of it is granted.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Request;
use crate::error::{Error, shown};
use crate::files;
use crate::ops::refused::{Outcome, Refused};
use crate::path;
use crate::pki::algorithm::KeyType;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::document::{Document, Kind};
use crate::pki::extension::extension_name;
use crate::pki::general_name::GeneralName;
use crate::pki::issuer::Issuer;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};
use crate::pki::san::TypedName;

/// What a request asked for, and what of it was granted.
#[derive(Clone, Debug, Serialize)]
pub struct Requested {
    /// The request's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub file: PathBuf,
    /// Every name that it asked for or that was granted.
    pub names: Vec<NameDecision>,
    /// What else it asked for, and did not get: the names of extensions.
    pub dropped: Vec<String>,
}

/// What became of a name.
#[derive(Clone, Debug, Serialize)]
pub struct NameDecision {
    /// The name, with its type.
    pub name: String,
    /// Whether the request asked for it.
    pub requested: bool,
    /// Whether the certificate has it.
    pub granted: bool,
}

/// What of a request is granted.
pub(super) struct Granted {
    pub(super) names: Vec<TypedName>,
    pub(super) requested: Requested,
    pub(super) key_type: String,
}

/// The request in a file, PEM or DER.
///
/// # Errors
/// When there is none in it, or it is malformed.
pub fn read_request(path: &Path) -> Result<CertificateSigningRequest, Error> {
    let content = |line, source| Error::Content {
        path: path.to_owned(),
        line,
        source,
    };
    let document =
        Document::read(&files::read(path)?).map_err(|source| content(None, source.into()))?;
    let Some(part) = document
        .parts
        .iter()
        .find(|part| part.kind() == Kind::SigningRequest)
    else {
        return Err(Error::NoRequest {
            path: path.to_owned(),
        });
    };
    CertificateSigningRequest::from_der(part.contents().to_vec())
        .map_err(|source| content(part.line(), source.into()))
}

/// Grants the names that were given for it; where none were, those it asks for but for URIs, which a request does
/// not prove. Extensions are never taken over.
pub(super) fn granted(
    path: &Path,
    csr: &CertificateSigningRequest,
    request: &Request,
    issuer: &Issuer,
) -> Result<Outcome<Granted>, Error> {
    let refuse = |rule: &str, message: String, hint: &str| {
        let message = format!("{}: {message}", shown(path));
        Ok(Outcome::Refused(Refused::new(rule, message, hint)))
    };
    if let Some(problem) = csr.problems().into_iter().find(|problem| problem.malformed) {
        let message = format!("the request is malformed: {}", problem.message);
        return refuse(
            "request-form",
            message,
            "make a new request with `openagents-certs csr create`",
        );
    }
    if !path::is_signed_by_its_key(csr) {
        let message = "the request is not signed by the key in it".into();
        return refuse(
            "request-signature",
            message,
            "make a new request: this one was changed, or the key is not its sender's",
        );
    }
    if csr.public_key_info() == issuer.public_key_info {
        let message = "the request's key is the CA's own".into();
        return refuse(
            "request-key",
            message,
            "make a key of its own with `openagents-certs csr create`",
        );
    }
    let key_type = match strength(csr) {
        Ok(key_type) => key_type,
        Err(what) => {
            return refuse(
                "request-key",
                what,
                "take a P-256 key (`openagents-certs csr create`)",
            );
        }
    };
    let asked = asked(path, csr)?;
    let names = if request.names.is_empty() && request.spiffe.is_none() {
        asked.iter().filter_map(typed).collect()
    } else {
        request.names.clone()
    };
    let requested = Requested {
        file: path.to_owned(),
        names: decisions(&asked, &names, request),
        dropped: dropped(csr),
    };
    Ok(Outcome::Done(Granted {
        names,
        requested,
        key_type,
    }))
}

const MIN_MODULUS_BITS: usize = 2048; // CABF BR §6.1.5
const MAX_MODULUS_BITS: usize = 8192; // what ring verifies
const MIN_EXPONENT: u64 = 65537; // CABF BR §6.1.6

const NAMES_EXTENSION: &str = "subjectAltName";

/// The kind of the request's key, or why it is not certified.
fn strength(csr: &CertificateSigningRequest) -> Result<String, String> {
    let key = PublicKey::from_der(csr.public_key_info())
        .map_err(|error| format!("its public key is malformed: {error}"))?;
    match key.kind {
        KeyKind::Ec(Curve::P256) => Ok(KeyType::P256.to_string()),
        KeyKind::Ec(Curve::P384) => Ok(KeyType::P384.to_string()),
        KeyKind::Ed25519 => Ok(KeyType::Ed25519.to_string()),
        KeyKind::Rsa => {
            let bits = key.bits.unwrap_or(0);
            if !(MIN_MODULUS_BITS..=MAX_MODULUS_BITS).contains(&bits) {
                return Err(format!(
                    "its RSA key has {bits} bits, not {MIN_MODULUS_BITS} to {MAX_MODULUS_BITS}"
                ));
            }
            let exponent = key
                .rsa_numbers()
                .map(|(_, exponent)| exponent.to_vec())
                .unwrap_or_default();
            let value = exponent.iter().try_fold(0_u64, |value, &octet| {
                value.checked_mul(256)?.checked_add(octet.into())
            });
            match value {
                Some(value) if value >= MIN_EXPONENT && value % 2 == 1 => Ok(format!("rsa-{bits}")),
                Some(value) => Err(format!(
                    "its RSA key has the exponent {value}, not an odd one from {MIN_EXPONENT}"
                )),
                None => Err("its RSA key has an exponent of more than 64 bits".into()),
            }
        }
        KeyKind::Ec(_)
        | KeyKind::RsaPss
        | KeyKind::EcExplicit
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => Err(format!(
            "its key is of a kind that is not certified: {}",
            key.kind
        )),
    }
}

fn asked(path: &Path, csr: &CertificateSigningRequest) -> Result<Vec<GeneralName>, Error> {
    let names = csr.subject_alt_names();
    let names = names.map_err(|source| Error::Content {
        path: path.to_owned(),
        line: None,
        source: source.into(),
    })?;
    Ok(names.unwrap_or_default())
}

/// A name that is taken from a request as it is; `None` for URIs and what we do not issue.
fn typed(name: &GeneralName) -> Option<TypedName> {
    match name {
        GeneralName::Dns(text) => format!("dns:{text}").parse().ok(),
        GeneralName::Email(text) => format!("email:{text}").parse().ok(),
        GeneralName::Ip(_) => name.to_string().parse().ok(),
        GeneralName::Uri(_)
        | GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => None,
    }
}

fn decisions(asked: &[GeneralName], granted: &[TypedName], request: &Request) -> Vec<NameDecision> {
    let mut granted: Vec<String> = granted.iter().map(|typed| typed.name.to_string()).collect();
    granted.extend(request.spiffe.iter().map(|id| format!("uri:{id}")));
    let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
    let of_asked = asked.iter().map(|name| NameDecision {
        name: name.clone(),
        requested: true,
        granted: granted.iter().any(|given| given.eq_ignore_ascii_case(name)),
    });
    let others = granted
        .iter()
        .filter(|name| !asked.iter().any(|other| other.eq_ignore_ascii_case(name)));
    let others = others.map(|name| NameDecision {
        name: name.clone(),
        requested: false,
        granted: true,
    });
    of_asked.chain(others).collect()
}

/// The extensions that were asked for, other than names: what they say is the CA's to decide.
fn dropped(csr: &CertificateSigningRequest) -> Vec<String> {
    let names = csr.extensions().iter().map(|extension| {
        extension_name(&extension.oid).map_or_else(|| extension.oid.to_string(), str::to_owned)
    });
    names.filter(|name| name != NAMES_EXTENSION).collect()
}
