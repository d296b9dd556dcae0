//! The names of what will be signed: which are granted, and what the subject becomes.

use super::{CommonName, Key, Request};
use crate::error::{Error, shown};
use crate::ops::refused::Refused;
use crate::path;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Issuer;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::san::{NameNote, SubjectAltName, TypedName};
use crate::pki::usage::Purpose;

/// The names with the SPIFFE ID in front, which is then the only URI (X.509-SVID §2).
pub(super) fn with_spiffe_id(
    mut names: Vec<TypedName>,
    request: &Request,
) -> Result<Vec<TypedName>, Error> {
    let uris = names
        .iter()
        .filter(|typed| matches!(typed.name, SubjectAltName::Uri(_)));
    let spiffe_ids = uris
        .clone()
        .filter(|typed| typed.name.value().starts_with("spiffe://"))
        .count();
    let own = usize::from(request.spiffe.is_some());
    if (own > 0 && uris.count() > 0) || spiffe_ids + own > 1 {
        return Err(Error::usage(
            "an X.509-SVID has exactly one URI, its SPIFFE ID",
            "give one SPIFFE ID, and no other URI",
        ));
    }
    if let Some(id) = &request.spiffe {
        names.insert(
            0,
            TypedName {
                name: SubjectAltName::Uri(id.as_str().to_owned()),
                notes: Vec::new(),
            },
        );
    }
    Ok(names)
}

/// Each name once, in the order given.
pub(super) fn distinct(names: &[TypedName]) -> Vec<SubjectAltName> {
    let mut seen = std::collections::HashSet::new();
    names
        .iter()
        .map(|typed| typed.name.clone())
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// The profile's attributes, and the common name where a name can be one: a host, an address, or a client's e-mail
/// address, of at most 64 characters. A CA keeps the subject of its request, byte for byte.
pub(super) fn subject(
    request: &Request,
    names: &[SubjectAltName],
) -> Result<DistinguishedName, Error> {
    if let (None, Key::Requested(path, csr)) = (request.profile.purpose.end_entity(), &request.key)
    {
        if csr.subject().is_empty() {
            return Err(Error::usage(
                format!("{}: a CA's request needs a subject", shown(path)),
                "create one with `openagents-certs csr create --ca --common-name NAME`",
            ));
        }
        return Ok(csr.subject().clone());
    }
    let is_host = |name: &&SubjectAltName| matches!(name, SubjectAltName::Dns(_));
    let named = match request.common_name {
        CommonName::First => names.first(),
        CommonName::FirstHost => names.iter().find(is_host),
    };
    let common_name = match (named, request.profile.purpose.end_entity()) {
        (Some(name @ (SubjectAltName::Dns(_) | SubjectAltName::Ip(_))), _) => Some(name.value()),
        (Some(name @ SubjectAltName::Email(_)), Some(Purpose::Client | Purpose::Message)) => {
            Some(name.value())
        }
        (Some(SubjectAltName::Uri(_) | SubjectAltName::Email(_)) | None, _) => None,
    };
    let mut attributes = request.profile.subject.attributes();
    if let Some(name) = common_name.as_deref()
        && name.chars().count() <= AttributeType::CommonName.upper_bound()
    {
        attributes.push((AttributeType::CommonName, name));
    }
    Ok(DistinguishedName::build(&attributes)?)
}

/// Notes and warnings about the names and the key.
pub(super) fn remarks(names: &[TypedName], new_key: Option<KeyType>) -> (Vec<String>, Vec<String>) {
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    for note in names.iter().flat_map(|typed| &typed.notes) {
        let list = if NameNote::is_warning(note) {
            &mut warnings
        } else {
            &mut notes
        };
        list.push(note.to_string());
    }
    if new_key == Some(KeyType::Ed25519) {
        let warning = "grpc-core (Python, C++, Ruby, PHP) cannot use Ed25519 keys: it fails with `Socket closed`";
        warnings.push(warning.into());
    }
    (notes, warnings)
}

/// The first name that the issuer's name constraints forbid.
pub(super) fn outside(names: &[SubjectAltName], issuer: &Issuer) -> Option<Refused> {
    let name = names
        .iter()
        .find(|name| !path::is_permitted(&GeneralName::from(*name), &issuer.name_constraints))?;
    Some(Refused::new(
        "name-constraints",
        format!(
            "{name} is outside the name constraints of {}",
            issuer.subject
        ),
        format!(
            "the CA may issue for: {}",
            issuer.name_constraints.clauses().join(", ")
        ),
    ))
}

pub(super) fn no_name() -> Error {
    Error::usage(
        "a certificate needs at least one name",
        "give a host name, IP address, URI or e-mail address, such as agent.example.org",
    )
}
