//! What will be signed for a request.

use std::ffi::{OsStr, OsString};
use std::fmt;

use time::OffsetDateTime;

use super::request::{Requested, granted};
use super::{End, Key, Request, base_for, check_base};
use crate::error::{Error, shown};
use crate::ops::ca::below;
use crate::ops::refused::{Outcome, Refused};
use crate::path;
use crate::pki::algorithm::KeyType;
use crate::pki::general_name::GeneralName;
use crate::pki::issuer::Issuer;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::profile::{Location, PolicyId, Profile, ProfilePurpose};
use crate::pki::public_key::{KeyKind, PublicKey};
use crate::pki::san::{NameNote, SubjectAltName, TypedName};
use crate::pki::subtree::NameConstraints;
use crate::pki::usage::Purpose;
use crate::pki::validity::{Lifetime, Validity, rfc3339};
use crate::store::Labels;

/// A request that can be signed, and what its reader should know of it.
#[derive(Debug)]
pub struct Planned {
    /// What will be signed.
    pub plan: IssuancePlan,
    /// News: names that were changed, a lifetime that was capped.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
    /// What it is for; `None` for a CA's.
    pub(super) purpose: Option<Purpose>,
    /// The profile's name.
    pub(super) profile: String,
    /// The key it will be for.
    pub(super) key: PlannedKey,
    /// What the request asked for.
    pub(super) requested: Option<Requested>,
    /// The name of its files, without ending.
    pub(super) base: OsString,
    /// Who asks for it.
    pub(super) requested_by: String,
    /// A note for the inventory.
    pub(super) note: Option<String>,
    /// Labels for the inventory.
    pub(super) labels: Labels,
}

impl Planned {
    /// The name of its files, without ending.
    pub fn base(&self) -> &OsStr {
        &self.base
    }
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
    let Subject {
        names,
        requested,
        key,
    } = match subject_of(request, issuer)? {
        Outcome::Done(subject) => subject,
        Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
    };
    let profile = &request.profile;
    let is_ca = profile.purpose.end_entity().is_none();
    let typed = if is_ca {
        Vec::new()
    } else {
        with_spiffe_id(names, request)?
    };
    let names = distinct(&typed);
    let base = match (&request.base, names.first()) {
        (Some(base), _) => base.clone(),
        (None, Some(first)) => base_for(first, profile.purpose),
        (None, None) if is_ca => INTERMEDIATE_BASE.into(),
        (None, None) => return Err(no_name()),
    };
    check_base(&base)?;
    if names.is_empty() && !is_ca {
        return Err(no_name());
    }
    let wanted = match request.end.unwrap_or(End::After(profile.default_lifetime)) {
        End::After(lifetime) => Validity::starting(now, lifetime)?,
        End::At(moment) => Validity::until(moment, now)?,
    };
    let refused =
        outside(&names, issuer).or_else(|| against_policy(profile, &names, wanted, &key, now));
    if let Some(refused) = refused {
        return Ok(Outcome::Refused(refused));
    }
    let validity = wanted.within(issuer.validity)?;
    let (mut notes, mut warnings) = told(&typed, key.new_type());
    if validity.not_after() < wanted.not_after() {
        let (end, asked) = (rfc3339(validity.not_after()), rfc3339(wanted.not_after()));
        notes.push(format!("ends on {end}, with its CA, and not on {asked}"));
    }
    warnings.dedup();
    let mut plan = issuance_plan(request, issuer, names, validity)?;
    if profile.purpose == ProfilePurpose::Message {
        plan.key_usage = key.encryption_usage();
    }
    Ok(Outcome::Done(Planned {
        plan,
        notes,
        warnings,
        purpose: profile.purpose.end_entity(),
        profile: profile.name.clone(),
        key,
        requested,
        base,
        requested_by: request.requested_by.clone(),
        note: request.note.clone(),
        labels: request.labels.clone(),
    }))
}

/// The key a certificate will be for.
#[derive(Clone, Debug)]
pub(super) enum PlannedKey {
    /// One that is made when it is signed.
    New(KeyType),
    /// A request's: the DER of its SubjectPublicKeyInfo, and its kind as text.
    Requested(Vec<u8>, String),
}

impl PlannedKey {
    pub(super) fn new_type(&self) -> Option<KeyType> {
        match self {
            PlannedKey::New(key_type) => Some(*key_type),
            PlannedKey::Requested(..) => None,
        }
    }

    /// The keyUsage that lets messages be encrypted to it.
    fn encryption_usage(&self) -> KeyUsage {
        let is_rsa = match self {
            PlannedKey::New(key_type) => key_type.modulus_bits().is_some(),
            PlannedKey::Requested(info, _) => {
                PublicKey::from_der(info).is_ok_and(|key| key.kind == KeyKind::Rsa)
            }
        };
        if is_rsa {
            KeyUsage::Encipherment
        } else {
            KeyUsage::Agreement
        }
    }
}

impl fmt::Display for PlannedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlannedKey::New(key_type) => key_type.fmt(f),
            PlannedKey::Requested(_, key_type) => f.write_str(key_type),
        }
    }
}

/// The name of an intermediate's file, when nothing is said.
const INTERMEDIATE_BASE: &str = "intermediate";

/// Whose certificate it will be.
struct Subject {
    names: Vec<TypedName>,
    requested: Option<Requested>,
    key: PlannedKey,
}

fn subject_of(request: &Request, issuer: &Issuer) -> Result<Outcome<Subject>, Error> {
    let (path, csr) = match &request.key {
        Key::New(key_type) => {
            let key = PlannedKey::New(key_type.unwrap_or(request.profile.default_key_type()));
            return Ok(Outcome::Done(Subject {
                names: request.names.clone(),
                requested: None,
                key,
            }));
        }
        Key::Requested(path, csr) => (path, csr),
    };
    Ok(match granted(path, csr, request, issuer)? {
        Outcome::Refused(refused) => Outcome::Refused(refused),
        Outcome::Done(granted) => Outcome::Done(Subject {
            names: granted.names,
            requested: Some(granted.requested),
            key: PlannedKey::Requested(csr.public_key_info().to_vec(), granted.key_type),
        }),
    })
}

fn issuance_plan(
    request: &Request,
    issuer: &Issuer,
    names: Vec<SubjectAltName>,
    validity: Validity,
) -> Result<IssuancePlan, Error> {
    let profile = &request.profile;
    let (basic_constraints, key_usage) = match profile.purpose.end_entity() {
        Some(_) => (BasicConstraints::EndEntity, KeyUsage::EndEntity),
        None => (
            BasicConstraints::Ca {
                path_length: Some(below(issuer, profile.path_length)?),
            },
            KeyUsage::Ca,
        ),
    };
    let urls = |locations: &[Location]| locations.iter().map(ToString::to_string).collect();
    Ok(IssuancePlan {
        subject: subject(request, &names)?,
        issuer: issuer.subject.clone(),
        validity,
        subject_alt_names: names,
        basic_constraints,
        key_usage,
        extended_key_usages: profile.extended_key_usages(),
        authority_key_identifier: Some(issuer.key_identifier.clone()),
        name_constraints: NameConstraints::default(),
        crl_distribution_points: urls(&profile.crl_distribution_points),
        ca_issuers: urls(&profile.ca_issuers),
        ocsp: urls(&profile.ocsp),
        certificate_policies: profile
            .certificate_policies
            .iter()
            .map(PolicyId::oid)
            .collect(),
    })
}

/// The first rule of the profile that says no.
pub(super) fn against_policy(
    profile: &Profile,
    names: &[SubjectAltName],
    wanted: Validity,
    key: &PlannedKey,
    now: OffsetDateTime,
) -> Option<Refused> {
    let lifetime = Lifetime::between(now, wanted.not_after());
    let refusal = match (
        key.new_type().or_else(|| key.to_string().parse().ok()),
        lifetime,
    ) {
        (Some(key_type), Some(lifetime)) => profile.permits(names, lifetime, key_type),
        (None, _) | (_, None) => profile.permits_names(names),
    };
    let refusal = refusal.err()?;
    Some(Refused::new(
        refusal.rule,
        refusal.to_string(),
        format!(
            "look at the profile with `openagents-certs template show {}`",
            refusal.profile
        ),
    ))
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

/// The profile's attributes and the first name as common name, where it can be one: a host, an address, or a
/// client's e-mail address, of at most 64 characters. A CA's is its request's, byte for byte.
fn subject(request: &Request, names: &[SubjectAltName]) -> Result<DistinguishedName, Error> {
    if let (None, Key::Requested(path, csr)) = (request.profile.purpose.end_entity(), &request.key)
    {
        if csr.subject().is_empty() {
            return Err(Error::Usage {
                message: format!("{}: the request for a CA has no subject", shown(path)),
                hint: "make one with `openagents-certs csr create --ca --common-name NAME`".into(),
            });
        }
        return Ok(csr.subject().clone());
    }
    let common_name = match (names.first(), request.profile.purpose.end_entity()) {
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
        let warning = "grpc-core (Python, C++, Ruby, PHP) cannot use Ed25519 keys: it fails with `Socket closed`";
        warnings.push(warning.into());
    }
    (notes, warnings)
}

/// The first name that the issuer's name constraints do not let it issue for.
pub(super) fn outside(names: &[SubjectAltName], issuer: &Issuer) -> Option<Refused> {
    let name = names
        .iter()
        .find(|name| !path::is_permitted(&GeneralName::from(*name), &issuer.name_constraints))?;
    Some(Refused::new(
        "name-constraints",
        format!("{name} lies outside what {} may issue for", issuer.subject),
        format!(
            "it may issue for: {}",
            issuer.name_constraints.clauses().join(", ")
        ),
    ))
}

fn no_name() -> Error {
    Error::Usage {
        message: "a certificate needs at least one name".into(),
        hint: "name a host, an IP address, a URI or an e-mail address, such as agent.example.org"
            .into(),
    }
}
