//! Certificate signing requests (PKCS #10): what they ask for, and what is granted.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Request;
use crate::error::{Error, InFile as _, shown};
use crate::ops::refused::{Outcome, Refused};
use crate::path::finding::{Finding, Severity};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Issuer;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::document::{Document, Kind};
use crate::pki::extension::extension_name;
use crate::pki::general_name::GeneralName;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};
use crate::pki::san::TypedName;
use crate::{files, path};

/// What a certificate signing request asked for, and what was granted.
#[derive(Clone, Debug, Serialize)]
pub struct Requested {
    /// The request's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Every name that was requested or granted.
    pub names: Vec<NameDecision>,
    /// The extensions that it requested and that were ignored.
    pub dropped: Vec<String>,
}

/// The decision about a name.
#[derive(Clone, Debug, Serialize)]
pub struct NameDecision {
    /// The name, with its type.
    pub name: String,
    /// Whether it was requested.
    pub requested: bool,
    /// Whether it was granted.
    pub granted: bool,
}

/// What is granted of a request.
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
    let document = Document::read(&files::read_input(path)?).in_content(path, None)?;
    let Some(part) = document
        .parts
        .iter()
        .find(|part| part.kind() == Kind::SigningRequest)
    else {
        return Err(Error::NoRequest {
            path: path.to_owned(),
        });
    };
    CertificateSigningRequest::from_der(part.contents().to_vec()).in_content(path, part.line())
}

/// Grants the names that were given with the command; without any, those that the request asks for except
/// URIs, which it cannot prove. Requested extensions are ignored.
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
    let key_type = match examined(path, csr, issuer) {
        Outcome::Done(key_type) => key_type,
        Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
    };
    if request.profile.purpose.end_entity().is_none()
        && path::is_same_name(csr.subject(), &issuer.subject)
    {
        let message = "a CA below cannot have the name of its issuer".into();
        return refuse(
            "request-subject",
            message,
            "create a request with another name: `openagents-certs csr create --ca --common-name NAME`",
        );
    }
    let asked = asked_names(path, csr)?;
    let takes_names = request.names.is_empty() && request.spiffe.is_none();
    if let Some(name) = asked.iter().find(|name| takes_names && !is_ascii(name)) {
        return refuse(
            "request-form",
            format!("the request asks for the name {name}, which is not ASCII"),
            "create a new request with the name in its ASCII form (`xn--…`)",
        );
    }
    let names = if takes_names {
        asked.iter().filter_map(typed).collect()
    } else {
        request.names.clone()
    };
    let requested = Requested {
        path: path.to_owned(),
        names: decisions(&asked, &names, request),
        dropped: dropped(csr),
    };
    Ok(Outcome::Done(Granted {
        names,
        requested,
        key_type,
    }))
}

/// The type of the key in a request that is well-formed and signed by it, strongly enough.
pub(super) fn examined(
    path: &Path,
    csr: &CertificateSigningRequest,
    issuer: &Issuer,
) -> Outcome<String> {
    let refuse = |rule: &str, message: String, hint: &str| {
        let message = format!("{}: {message}", shown(path));
        Outcome::Refused(Refused::new(rule, message, hint))
    };
    let is_malformed = |problem: &Finding| problem.severity == Severity::Error;
    if let Some(problem) = path::request_problems(csr).into_iter().find(is_malformed) {
        let message = format!("the request is malformed: {}", problem.summary());
        return refuse(
            "request-form",
            message,
            "create a new request with `openagents-certs csr create`",
        );
    }
    if !path::is_signed_by_its_key(csr) {
        let message = "the request is not signed by the key in it".into();
        return refuse(
            "request-signature",
            message,
            "create a new request: this one was changed, or its sender does not have the key",
        );
    }
    if path::is_weakly_signed(csr) {
        let algorithm = csr.signature_algorithm();
        let message = format!("the request is signed with {algorithm}, which can be forged");
        return refuse(
            "request-signature",
            message,
            "create a new request, signed with SHA-256 (`openssl req -sha256 …`)",
        );
    }
    if csr.public_key_info() == issuer.public_key_info {
        let message = "the request is for the CA's own key".into();
        return refuse(
            "request-key",
            message,
            "create a request with a new key: `openagents-certs csr create`",
        );
    }
    match strength(csr) {
        Ok(key_type) => Outcome::Done(key_type),
        Err(what) => refuse(
            "request-key",
            what,
            "create a request with a P-256 key: `openagents-certs csr create`",
        ),
    }
}

const MAX_MODULUS_BITS: usize = 8192; // what ring verifies

const NAMES_EXTENSION: &str = "subjectAltName";

/// The type of the request's key, or why it is refused.
fn strength(csr: &CertificateSigningRequest) -> Result<String, String> {
    let key = PublicKey::from_der(csr.public_key_info())
        .map_err(|error| format!("its public key is malformed: {error}"))?;
    if let Some(weakness) = key.weakness() {
        return Err(format!("its public key cannot be trusted: {weakness}"));
    }
    match key.kind {
        KeyKind::Ec(Curve::P256) => Ok(KeyType::P256.to_string()),
        KeyKind::Ec(Curve::P384) => Ok(KeyType::P384.to_string()),
        KeyKind::Ed25519 => Ok(KeyType::Ed25519.to_string()),
        KeyKind::Rsa => match key.bits.unwrap_or(0) {
            bits if bits > MAX_MODULUS_BITS => Err(format!(
                "its RSA key has {bits} bits, more than {MAX_MODULUS_BITS}"
            )),
            bits => Ok(format!("rsa-{bits}")),
        },
        KeyKind::Ec(_)
        | KeyKind::RsaPss
        | KeyKind::EcOther
        | KeyKind::EcExplicit
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => Err(format!("its key type is not supported: {}", key.kind)),
    }
}

/// The names that a request asks for.
///
/// # Errors
/// When they are malformed.
pub fn asked_names(
    path: &Path,
    csr: &CertificateSigningRequest,
) -> Result<Vec<GeneralName>, Error> {
    let names = csr.subject_alt_names().in_content(path, None)?;
    Ok(names.unwrap_or_default())
}

/// A requested name that can be granted; `None` for URIs and types that are not issued.
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

/// Whether text is the ASCII that RFC 5280 §4.2.1.6 asks for. Nobody can say what other bytes mean.
fn is_ascii(name: &GeneralName) -> bool {
    match name {
        GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text) => {
            text.is_ascii()
        }
        GeneralName::Ip(_)
        | GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => true,
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

/// The requested extensions other than names, which the CA decides about.
fn dropped(csr: &CertificateSigningRequest) -> Vec<String> {
    let names = csr.extensions().iter().map(|extension| {
        extension_name(&extension.oid).map_or_else(|| extension.oid.to_string(), str::to_owned)
    });
    names.filter(|name| name != NAMES_EXTENSION).collect()
}
