//! What will be signed to take a certificate's place.

use std::sync::Arc;

use time::OffsetDateTime;

use super::plan::{Planned, PlannedKey, against_policy, outside};
use crate::error::Error;
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused::Outcome;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage as Usage;
use crate::pki::issuer::Issuer;
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::profile::{Location, PolicyId, Profile};
use crate::pki::subtree::NameConstraints;
use crate::pki::validity::{BACKDATE, Lifetime, Validity, rfc3339};

/// A certificate that is to be renewed.
#[derive(Debug)]
pub struct Renewal<'a> {
    /// The certificate, and what the inventory says of it.
    pub of: &'a ManagedCertificate,
    /// The profile it was issued by, as it is now.
    pub profile: Arc<Profile>,
    /// The kind of its new key; `None` to keep the key it has.
    pub new_key: Option<KeyType>,
    /// When the certificate of the CA that issued it ends, where that is known.
    pub old_issuer_end: Option<OffsetDateTime>,
    /// Who asks for it, as `user@host`.
    pub requested_by: String,
}

/// What will be signed in a certificate's place, or the rule that refuses it: the same subject, names and
/// extended key usages, for as long. Where lists and issuers are found is said as the profile says it now.
///
/// # Errors
/// When the new one would lie outside its issuer's time.
pub fn renewal(
    renewal: &Renewal<'_>,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Outcome<Planned>, Error> {
    let (entry, profile) = (&renewal.of.entry, &renewal.profile);
    let key = match renewal.new_key {
        Some(key_type) => PlannedKey::New(key_type),
        None => PlannedKey::Requested(
            renewal.of.certificate.public_key_info().to_vec(),
            entry.key_type.clone(),
        ),
    };
    let mut notes = Vec::new();
    let mut lifetime = lifetime(renewal);
    if let Some(most) = profile.max_lifetime.filter(|most| lifetime > *most) {
        notes.push(format!(
            "valid for {most}, the most its profile allows, and not for {lifetime}"
        ));
        lifetime = most;
    }
    let wanted = Validity::starting(now, lifetime)?;
    let refused = outside(&entry.names, issuer)
        .or_else(|| against_policy(profile, &entry.names, wanted, &key, now));
    if let Some(refused) = refused {
        return Ok(Outcome::Refused(refused));
    }
    let validity = wanted.within(issuer.validity)?;
    if validity.not_after() < wanted.not_after() {
        let (end, asked) = (rfc3339(validity.not_after()), rfc3339(wanted.not_after()));
        notes.push(format!("ends on {end}, with its CA, and not on {asked}"));
    }
    Ok(Outcome::Done(Planned {
        plan: issuance_plan(renewal, issuer, validity),
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

/// How long it was to be valid from the moment it was issued; as its profile has it where it was cut to end with
/// its CA.
fn lifetime(renewal: &Renewal<'_>) -> Lifetime {
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

fn issuance_plan(renewal: &Renewal<'_>, issuer: &Issuer, validity: Validity) -> IssuancePlan {
    let (profile, certificate) = (&renewal.profile, &renewal.of.certificate);
    let urls = |locations: &[Location]| locations.iter().map(ToString::to_string).collect();
    let usages = certificate.extended_key_usages().ok().flatten();
    let usages = usages.and_then(|usages| {
        let known = usages
            .iter()
            .map(|usage| const_oid::ObjectIdentifier::from_bytes(usage.as_bytes()).ok());
        known.collect::<Option<Vec<_>>>()
    });
    IssuancePlan {
        subject: certificate.subject().clone(),
        issuer: issuer.subject.clone(),
        validity,
        subject_alt_names: renewal.of.entry.names.clone(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: key_usage(certificate),
        extended_key_usages: usages.unwrap_or_else(|| profile.extended_key_usages()),
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
