//! What will be signed for a request, or to renew a certificate.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use super::names::{distinct, no_name, outside, remarks, subject, with_spiffe_id};
use super::request::{Requested, asked_names, examined, granted};
use super::{End, Key, Request, base_for, check_base};
use crate::error::{Error, shown};
use crate::ops::ca::below;
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused::{Outcome, Refused};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::extension::KeyUsage as Usage;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::profile::{Location, PolicyId, Profile, ProfilePurpose};
use crate::pki::public_key::{KeyKind, PublicKey};
use crate::pki::san::{SubjectAltName, TypedName};
use crate::pki::usage::Purpose;
use crate::pki::validity::{BACKDATE, Lifetime, Validity, ValidityError, rfc3339};
use crate::store::Labels;

/// What will be signed and written.
#[derive(Debug)]
pub struct Planned {
    /// What will be signed.
    pub plan: IssuancePlan,
    /// Remarks: names that were changed, a lifetime that was limited.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
    /// The purpose; `None` for a CA.
    pub(super) purpose: Option<Purpose>,
    /// The name of the profile.
    pub(super) profile: String,
    /// The key it certifies.
    pub(super) key: PlannedKey,
    /// The decision about a certificate signing request.
    pub(super) requested: Option<Requested>,
    /// The name of its files, without extension.
    pub(super) base: OsString,
    /// Who requests it.
    pub(super) requested_by: String,
    /// A note for the inventory.
    pub(super) note: Option<String>,
    /// Labels for the inventory.
    pub(super) labels: Labels,
}

impl Planned {
    /// The name of its files, without extension.
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
    let wanted = validity(request, now)?;
    let refused =
        outside(&names, issuer).or_else(|| against_policy(profile, &names, wanted, &key, now));
    if let Some(refused) = refused {
        return Ok(Outcome::Refused(refused));
    }
    let (mut notes, mut warnings) = remarks(&typed, key.new_type());
    let validity = limited(wanted, issuer, &mut notes)?;
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

/// A certificate to renew.
#[derive(Debug)]
pub struct Renewal<'a> {
    /// The certificate and its entry.
    pub of: &'a ManagedCertificate,
    /// Its profile, as it is now.
    pub profile: Arc<Profile>,
    /// The type of its new key; `None` to keep the key.
    pub new_key: Option<KeyType>,
    /// When the CA that issued it expires, if known.
    pub old_issuer_end: Option<OffsetDateTime>,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
}

/// What will be signed to renew a certificate, or the rule that refuses it: the same subject, names, extended
/// key usages and lifetime. URLs come from the profile as it is now.
///
/// # Errors
/// When the new certificate would lie outside its issuer's validity period.
pub fn renewal(
    renewal: &Renewal<'_>,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Planned>, Error> {
    let entry = &renewal.of.entry;
    let key = match renewal.new_key {
        Some(key_type) => PlannedKey::New(key_type),
        None => PlannedKey::Requested(
            renewal.of.certificate.public_key_info().to_vec(),
            entry.key_type.clone(),
        ),
    };
    renewed(renewal, key, issuer, now)
}

/// What will be signed to replace a certificate for the key of a request, or the rule that refuses it. Everything
/// else stays as [`renewal`] leaves it; a request that asks for other names is refused.
///
/// # Errors
/// As [`renewal`], and when the names of the request cannot be read.
pub fn reenrollment(
    renewal: &Renewal<'_>,
    path: &Path,
    csr: &CertificateSigningRequest,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Planned>, Error> {
    examined(path, csr, issuer).and_then(|key_type| {
        let kept: Vec<GeneralName> = renewal
            .of
            .entry
            .names
            .iter()
            .map(GeneralName::from)
            .collect();
        let is_kept = |name: &GeneralName| {
            let text = name.to_string();
            kept.iter()
                .any(|kept| kept.to_string().eq_ignore_ascii_case(&text))
        };
        if let Some(other) = asked_names(path, csr)?.iter().find(|name| !is_kept(name)) {
            let message = format!(
                "{}: {other} is not in the certificate that it renews",
                shown(path)
            );
            let hint = "names stay when a certificate is renewed; enroll again for others";
            return Ok(Outcome::Refused(Refused::new(
                "request-names",
                message,
                hint,
            )));
        }
        let key = PlannedKey::Requested(csr.public_key_info().to_vec(), key_type);
        renewed(renewal, key, issuer, now)
    })
}

fn renewed(
    renewal: &Renewal<'_>,
    key: PlannedKey,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Planned>, Error> {
    let (entry, profile) = (&renewal.of.entry, &renewal.profile);
    let mut notes = Vec::new();
    let mut lifetime = renewed_lifetime(renewal);
    if let Some(most) = profile.max_lifetime.filter(|most| lifetime > *most) {
        notes.push(format!(
            "valid for {most}, the maximum of its profile, instead of {lifetime}"
        ));
        lifetime = most;
    }
    let wanted = Validity::starting(now, lifetime)?;
    let refused = outside(&entry.names, issuer)
        .or_else(|| against_policy(profile, &entry.names, wanted, &key, now));
    if let Some(refused) = refused {
        return Ok(Outcome::Refused(refused));
    }
    let validity = limited(wanted, issuer, &mut notes)?;
    Ok(Outcome::Done(Planned {
        plan: renewal_plan(renewal, issuer, validity),
        notes,
        warnings: Vec::new(),
        purpose: profile.purpose.end_entity(),
        profile: profile.name.clone(),
        key,
        requested: None,
        base: renewal.of.place.base.clone(),
        requested_by: renewal.requested_by.clone(),
        note: entry.note.clone(),
        labels: entry.labels.clone(),
    }))
}

/// The validity period that is asked for. One that starts now is backdated.
fn validity(request: &Request, now: OffsetDateTime) -> Result<Validity, ValidityError> {
    let end = request.end;
    let end = end.unwrap_or(End::After(request.profile.default_lifetime));
    let Some(start) = request.start.filter(|start| *start > now - BACKDATE) else {
        return match end {
            End::After(lifetime) => Validity::starting(now, lifetime),
            End::At(moment) => Validity::until(moment, now),
        };
    };
    let end = match end {
        End::After(lifetime) => Validity::starting(start, lifetime)?.not_after(),
        End::At(moment) => Validity::until(moment, start.max(now))?.not_after(),
    };
    Validity::between(start, end)
}

/// The key that a certificate will certify.
#[derive(Clone, Debug)]
pub(super) enum PlannedKey {
    /// A new key, generated when it is signed.
    New(KeyType),
    /// An existing key: the DER of its SubjectPublicKeyInfo, and its type.
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

/// The default name of an intermediate's files.
const INTERMEDIATE_BASE: &str = "intermediate";

/// Names and key of the certificate.
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
    let mut plan = IssuancePlan {
        extended_key_usages: profile.extended_key_usages(),
        ..of_profile(profile, subject(request, &names)?, issuer, validity)
    };
    plan.subject_alt_names = names;
    if profile.purpose.end_entity().is_none() {
        plan.basic_constraints = BasicConstraints::Ca {
            path_length: Some(below(issuer, profile.path_length)?),
        };
        plan.key_usage = KeyUsage::Ca;
    }
    Ok(plan)
}

/// The plan of an end entity with the URLs and policies of its profile.
fn of_profile(
    profile: &Profile,
    subject: DistinguishedName,
    issuer: &Issuer,
    validity: Validity,
) -> IssuancePlan {
    let urls = |locations: &[Location]| locations.iter().map(ToString::to_string).collect();
    let policies = profile.certificate_policies.iter().map(PolicyId::oid);
    IssuancePlan {
        crl_distribution_points: urls(&profile.crl_distribution_points),
        ca_issuers: urls(&profile.ca_issuers),
        ocsp: urls(&profile.ocsp),
        certificate_policies: policies.collect(),
        ..IssuancePlan::end_entity(subject, issuer, validity)
    }
}

/// The lifetime counted from the moment of issue; the profile's where the CA's expiry limited it.
fn renewed_lifetime(renewal: &Renewal<'_>) -> Lifetime {
    let validity = renewal.of.entry.validity;
    if renewal.old_issuer_end == Some(validity.not_after()) {
        return renewal.profile.default_lifetime;
    }
    let issued_at = renewal.of.entry.issued_at;
    Lifetime::between(issued_at, validity.not_after())
        .filter(|_| issued_at >= validity.not_before())
        .or_else(|| Lifetime::between(validity.not_before() + BACKDATE, validity.not_after()))
        .unwrap_or(renewal.profile.default_lifetime)
}

fn renewal_plan(renewal: &Renewal<'_>, issuer: &Issuer, validity: Validity) -> IssuancePlan {
    let (profile, certificate) = (&renewal.profile, &renewal.of.certificate);
    let usages = certificate.extended_key_usages().ok().flatten();
    let usages = usages.and_then(|usages| {
        let known = usages
            .iter()
            .map(|usage| const_oid::ObjectIdentifier::from_bytes(usage.as_bytes()).ok());
        known.collect::<Option<Vec<_>>>()
    });
    IssuancePlan {
        subject_alt_names: renewal.of.entry.names.clone(),
        extended_key_usages: usages.unwrap_or_else(|| profile.extended_key_usages()),
        key_usage: key_usage(certificate),
        ..of_profile(profile, certificate.subject().clone(), issuer, validity)
    }
}

/// The keyUsage of a certificate: to sign, or to have messages encrypted to it.
fn key_usage(certificate: &Certificate) -> KeyUsage {
    match certificate.key_usage() {
        Ok(Some(usage)) if usage.has(Usage::DIGITAL_SIGNATURE) => KeyUsage::EndEntity,
        Ok(Some(usage)) if usage.has(Usage::KEY_AGREEMENT) => KeyUsage::Agreement,
        Ok(Some(usage)) if usage.has(Usage::KEY_ENCIPHERMENT) => KeyUsage::Encipherment,
        Ok(_) | Err(_) => KeyUsage::EndEntity,
    }
}

/// The first rule of the profile that refuses the request.
fn against_policy(
    profile: &Profile,
    names: &[SubjectAltName],
    wanted: Validity,
    key: &PlannedKey,
    now: OffsetDateTime,
) -> Option<Refused> {
    // A certificate that ends before now has the shortest lifetime; its validity was refused before.
    let start = wanted.not_before().max(now);
    let lifetime = Lifetime::between(start, wanted.not_after()).unwrap_or(Lifetime::SECOND);
    let refusal = profile.permits(names, lifetime, &key.to_string()).err()?;
    Some(Refused::new(
        refusal.rule,
        refusal.to_string(),
        format!(
            "see the profile with `openagents-certs template show {}`",
            refusal.profile
        ),
    ))
}

/// The validity period, limited to the issuer's.
fn limited(wanted: Validity, issuer: &Issuer, notes: &mut Vec<String>) -> Result<Validity, Error> {
    let validity = wanted.within(issuer.validity)?;
    if validity.not_after() < wanted.not_after() {
        let (end, asked) = (rfc3339(validity.not_after()), rfc3339(wanted.not_after()));
        notes.push(format!("expires with its CA on {end} instead of {asked}"));
    }
    Ok(validity)
}
