//! What will be signed for a request.

use std::ffi::OsString;

use time::OffsetDateTime;

use super::request::{Requested, granted};
use super::{End, Key, Request, base_of, check_base};
use crate::error::Error;
use crate::ops::refused::{Outcome, Refused};
use crate::path;
use crate::pki::algorithm::KeyType;
use crate::pki::general_name::GeneralName;
use crate::pki::issuer::Issuer;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage, NameConstraints};
use crate::pki::san::{NameNote, SubjectAltName, TypedName};
use crate::pki::usage::Purpose;
use crate::pki::validity::{Validity, rfc3339};

/// A request that can be signed, and what its reader should know of it.
#[derive(Debug)]
pub struct Planned {
    /// What will be signed.
    pub plan: IssuancePlan,
    /// News: names that were changed, a lifetime that was capped.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
    /// What it is for.
    pub(super) purpose: Purpose,
    /// The key to make; `None` when the request brought one.
    pub(super) new_key: Option<KeyType>,
    /// The request's key; empty when one is to be made.
    pub(super) public_key_info: Vec<u8>,
    /// The kind of key, as text.
    pub(super) key_type: String,
    /// What the request asked for.
    pub(super) requested: Option<Requested>,
    /// The name of its files, without ending.
    pub(super) base: OsString,
    /// Who asks for it.
    pub(super) requested_by: String,
    /// What is to be said of it.
    pub(super) note: Option<String>,
}

/// What will be signed for a request, or the rule that refuses it.
///
/// # Errors
/// When a name, a time or a file name cannot be used.
pub fn plan(
    request: &Request,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Planned>, Error> {
    let (names, requested, new_key, public_key_info, key_type) = match &request.key {
        Key::New(key_type) => (
            request.names.clone(),
            None,
            Some(*key_type),
            Vec::new(),
            key_type.to_string(),
        ),
        Key::Requested(path, csr) => match granted(path, csr, &request.names, issuer)? {
            Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
            Outcome::Done(granted) => (
                granted.names,
                Some(granted.requested),
                None,
                csr.public_key_info().to_vec(),
                granted.key_type,
            ),
        },
    };
    let typed = with_spiffe_id(names, request)?;
    let names = distinct(&typed);
    let Some(first) = names.first() else {
        return Err(no_name());
    };
    let base = request.base.clone().unwrap_or_else(|| base_of(first));
    check_base(&base)?;
    if let Some(refused) = outside(&names, issuer) {
        return Ok(Outcome::Refused(refused));
    }
    let wanted = match request.end {
        End::After(lifetime) => Validity::starting(now, lifetime)?,
        End::At(moment) => Validity::until(moment, now)?,
    };
    let validity = wanted.within(issuer.validity)?;
    let (mut notes, mut warnings) = told(&typed, new_key);
    if validity.not_after() < wanted.not_after() {
        let (end, asked) = (rfc3339(validity.not_after()), rfc3339(wanted.not_after()));
        notes.push(format!("ends on {end}, with its CA, and not on {asked}"));
    }
    warnings.dedup();
    Ok(Outcome::Done(Planned {
        plan: IssuancePlan {
            subject: subject(request, &names)?,
            issuer: issuer.subject.clone(),
            validity,
            subject_alt_names: names,
            basic_constraints: BasicConstraints::EndEntity,
            key_usage: KeyUsage::EndEntity,
            extended_key_usages: request.purpose.extended_key_usages().to_vec(),
            authority_key_identifier: Some(issuer.key_identifier.clone()),
            name_constraints: NameConstraints::default(),
            crl_distribution_points: Vec::new(),
            ca_issuers: Vec::new(),
            ocsp: Vec::new(),
            certificate_policies: Vec::new(),
        },
        notes,
        warnings,
        purpose: request.purpose,
        new_key,
        public_key_info,
        key_type,
        requested,
        base,
        requested_by: request.requested_by.clone(),
        note: request.note.clone(),
    }))
}

/// The names, and the SPIFFE ID in front, which is then the only URI (X.509-SVID §2).
fn with_spiffe_id(mut names: Vec<TypedName>, request: &Request) -> Result<Vec<TypedName>, Error> {
    let uris = names
        .iter()
        .filter(|typed| matches!(typed.name, SubjectAltName::Uri(_)));
    let spiffe_ids = uris
        .clone()
        .filter(|typed| typed.name.value().starts_with("spiffe://"))
        .count();
    let own = usize::from(request.spiffe.is_some());
    if (own > 0 && uris.count() > 0) || spiffe_ids + own > 1 {
        return Err(Error::Usage {
            message: "an X.509-SVID has exactly one URI, its SPIFFE ID".into(),
            hint: "give one SPIFFE ID, and no other URI".into(),
        });
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

/// The names without repetition, in the order given.
fn distinct(names: &[TypedName]) -> Vec<SubjectAltName> {
    let mut seen = std::collections::HashSet::new();
    names
        .iter()
        .map(|typed| typed.name.clone())
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// The first name as common name, where it can be one: a host, an address, or a client's e-mail
/// address, of at most 64 characters. Otherwise no subject at all (RFC 5280 §4.1.2.6).
fn subject(request: &Request, names: &[SubjectAltName]) -> Result<DistinguishedName, Error> {
    let common_name = match (names.first(), request.purpose) {
        (Some(name @ (SubjectAltName::Dns(_) | SubjectAltName::Ip(_))), _) => name.value(),
        (Some(name @ SubjectAltName::Email(_)), Purpose::Client) => name.value(),
        (Some(SubjectAltName::Uri(_) | SubjectAltName::Email(_)) | None, _) => {
            return Ok(DistinguishedName::empty());
        }
    };
    if common_name.chars().count() > AttributeType::CommonName.upper_bound() {
        return Ok(DistinguishedName::empty());
    }
    Ok(DistinguishedName::build(&[(
        AttributeType::CommonName,
        &common_name,
    )])?)
}

/// What its reader should know of the names and the key: news and warnings.
fn told(names: &[TypedName], new_key: Option<KeyType>) -> (Vec<String>, Vec<String>) {
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
        let warning = "grpc-core (Python, C++, Go through it) cannot use Ed25519 keys: it fails with `Socket closed`";
        warnings.push(warning.into());
    }
    (notes, warnings)
}

/// The first name that the issuer's name constraints do not let it issue for.
fn outside(names: &[SubjectAltName], issuer: &Issuer) -> Option<Refused> {
    let name = names
        .iter()
        .find(|name| !path::is_permitted(&GeneralName::from(*name), &issuer.name_constraints))?;
    Some(Refused {
        rule: "name-constraints".into(),
        message: format!("{name} lies outside what {} may issue for", issuer.subject),
        hint: Some(format!(
            "it may issue for: {}",
            issuer.name_constraints.clauses().join(", ")
        )),
    })
}

fn no_name() -> Error {
    Error::Usage {
        message: "a certificate needs at least one name".into(),
        hint: "name a host, an IP address, a URI or an e-mail address, such as agent.example.org"
            .into(),
    }
}
