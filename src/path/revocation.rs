//! Revocation lists ([RFC 5280 §5](https://www.rfc-editor.org/rfc/rfc5280#section-5) and
//! [§6.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.3)).

use time::OffsetDateTime;

use super::algorithm::Scheme;
use super::candidate::Candidate;
use super::distinguished_name::canonical;
use super::extension::value;
use super::finding::Evidence;
use super::pool::Pool;
use super::profile::Requirements;
use super::rule::Drafts;
use super::signature::Outcome;
use super::validity::text;
use crate::pki::crl::{RevocationList, RevokedCertificate};
use crate::pki::distribution_point::IssuingDistributionPoint;
use crate::pki::extension::{
    AUTHORITY_KEY_IDENTIFIER, CERTIFICATE_ISSUER, CRL_DISTRIBUTION_POINTS, CRL_NUMBER,
    DELTA_CRL_INDICATOR, Extension, FRESHEST_CRL, INVALIDITY_DATE, ISSUING_DISTRIBUTION_POINT,
    KeyUsage, REASON_CODE,
};
use crate::pki::extension_value::ExtensionValue;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::revocation::RevocationReason;

/// Whether a certificate was revoked, going by the newest list that its issuer signed and that
/// speaks of it. Both are given by their places in the pool; `signature` checks a list under an
/// issuer's key.
pub(super) fn examine_issue(
    pool: &Pool<'_>,
    (candidate, issuer): (usize, usize),
    requirements: &Requirements,
    drafts: &mut Drafts,
    mut signature: impl FnMut(usize, usize) -> Outcome,
) {
    let candidate = &pool.candidates[candidate];
    let speaking: Vec<_> = (0..pool.lists.len())
        .filter(|list| pool.list_issuers[*list] == candidate.issuer)
        .filter(|list| speaks_of(&pool.lists[*list], candidate))
        .take(MAX_LISTS)
        .collect();
    if speaking.is_empty() {
        drafts.add("revocation-unknown");
        return;
    }
    // Lists of different scope complete each other; of those of the same, the newest counts.
    let mut newest: Vec<&RevocationList> = Vec::new();
    for list in speaking {
        if signature(list, issuer) != Outcome::Valid {
            continue;
        }
        let list = &pool.lists[list];
        match newest.iter_mut().find(|other| scope(other) == scope(list)) {
            None => newest.push(list),
            Some(other) if age(other) < age(list) => *other = list,
            Some(_) => {}
        }
    }
    if newest.is_empty() {
        drafts.add("crl-signature");
    }
    for list in newest {
        examine(list, &pool.candidates[issuer], requirements, drafts);
        look_up(list, candidate, drafts);
    }
}

/// What is wrong with a list that its issuer signed.
fn examine(
    list: &RevocationList,
    issuer: &Candidate<'_>,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let at = requirements.at;
    if let Some(usage) = value(&issuer.extensions().key_usage)
        && !usage.has(KeyUsage::CRL_SIGN)
    {
        drafts.with("crl-issuer", || Evidence::instead(usage, "cRLSign"));
    }
    if list.this_update() > at {
        drafts.with("crl-not-yet-valid", || {
            Evidence::found(text(list.this_update()))
        });
    }
    match list.next_update() {
        None => drafts.add("crl-next-update-missing"),
        Some(next) if next < at => drafts.with("crl-overdue", || {
            Evidence::instead(
                format_args!("the next was due {}", text(next)),
                format_args!("no earlier than {}", text(at)),
            )
        }),
        Some(_) => {}
    }
    if Scheme::read(list.signature_algorithm(), list.signature_algorithm_der()).is_weak() {
        drafts.with("crl-signature-weak", || {
            Evidence::found(list.signature_algorithm())
        });
    }
    if list.version() < 2 {
        drafts.add("crl-version");
    }
    let extension = |oid| list.extensions().iter().find(|e| e.oid == oid);
    match extension(CRL_NUMBER) {
        None => drafts.add("crl-number-missing"),
        Some(extension) if extension.critical => drafts.add("crl-number-critical"),
        Some(_) => {}
    }
    if extension(AUTHORITY_KEY_IDENTIFIER).is_none() {
        drafts.add("crl-authority-key-identifier-missing");
    }
    for extension in list.extensions() {
        let known = [
            CRL_NUMBER,
            AUTHORITY_KEY_IDENTIFIER,
            ISSUING_DISTRIBUTION_POINT,
            FRESHEST_CRL,
        ];
        unknown(extension, &known, drafts);
        if let Err(fault) = ExtensionValue::read(extension) {
            drafts.with("crl-malformed", || Evidence::found(fault));
        }
    }
    for problem in list.problems() {
        if problem.malformed {
            drafts.with("crl-malformed", || Evidence::found(&problem.message));
        }
    }
}

/// Whether the list has the certificate.
fn look_up(list: &RevocationList, candidate: &Candidate<'_>, drafts: &mut Drafts) {
    let serial = candidate.certificate.serial();
    let mut issuer = list.issuer().clone();
    for entry in list.revoked() {
        if let Some(other) = certificate_issuer(&entry) {
            issuer = other;
        }
        let known = [REASON_CODE, CERTIFICATE_ISSUER, INVALIDITY_DATE];
        let mut critical = entry.extensions.iter().filter(|e| e.critical);
        // An entry that is not understood makes the whole list say nothing for certain (§5.3).
        if let Some(extension) = critical.find(|e| !known.iter().any(|oid| e.oid == *oid)) {
            unknown(extension, &known, drafts);
            return;
        }
        if entry.serial == *serial && is_issuer(&issuer, candidate) {
            if entry.reason != Some(RevocationReason::RemoveFromCrl) {
                drafts.with("revoked", || revoked(&entry));
            }
            return;
        }
    }
}

fn revoked(entry: &RevokedCertificate) -> Evidence {
    let date = text(entry.revocation_date);
    match entry.reason {
        Some(reason) => Evidence::found(format_args!("revoked {date}, {reason}")),
        None => Evidence::found(format_args!("revoked {date}")),
    }
}

/// Whom an entry of an indirect list, and those after it, is about (§5.3.3).
fn certificate_issuer(entry: &RevokedCertificate) -> Option<DistinguishedName> {
    let extension = entry
        .extensions
        .iter()
        .find(|e| e.oid == CERTIFICATE_ISSUER)?;
    let names = match ExtensionValue::read(extension) {
        Ok(ExtensionValue::Names(names)) => names,
        Ok(_) | Err(_) => return None,
    };
    names.into_iter().find_map(|name| match name {
        GeneralName::Directory(name) => Some(name),
        GeneralName::Other(..)
        | GeneralName::Email(_)
        | GeneralName::Dns(_)
        | GeneralName::X400(_)
        | GeneralName::EdiParty(_)
        | GeneralName::Uri(_)
        | GeneralName::Ip(_)
        | GeneralName::RegisteredId(_) => None,
    })
}

fn is_issuer(name: &DistinguishedName, candidate: &Candidate<'_>) -> bool {
    let issuer = candidate.certificate.issuer();
    name == issuer || canonical(name.as_der()) == canonical(issuer.as_der())
}

/// Whether certificates such as this one are what the list is about (§6.3.3 (b)). A delta list says
/// too little by itself.
fn speaks_of(list: &RevocationList, candidate: &Candidate<'_>) -> bool {
    let is_delta = |extension: &Extension| extension.oid == DELTA_CRL_INDICATOR;
    if list.extensions().iter().any(is_delta) {
        return false;
    }
    let Some(Ok(scope)) = scope(list).map(IssuingDistributionPoint::read) else {
        return true;
    };
    let is_ca = candidate.extensions().is_ca();
    let is_elsewhere = !scope.names.is_empty()
        && distribution_points(candidate)
            .is_some_and(|names| !names.iter().any(|name| scope.names.contains(name)));
    !(is_elsewhere
        || scope.only_attribute_certificates
        || scope.only_ca_certificates && !is_ca
        || scope.only_user_certificates && is_ca)
}

/// The value of the extension that says what a list is about.
fn scope(list: &RevocationList) -> Option<&[u8]> {
    let mut extensions = list.extensions().iter();
    let scope = extensions.find(|extension| extension.oid == ISSUING_DISTRIBUTION_POINT)?;
    Some(&scope.value)
}

/// Where a certificate says that its lists are; `None` when it does not.
fn distribution_points(candidate: &Candidate<'_>) -> Option<Vec<GeneralName>> {
    let extension = candidate.certificate.extension(CRL_DISTRIBUTION_POINTS)?;
    match ExtensionValue::read(extension) {
        Ok(ExtensionValue::DistributionPoints(points)) => {
            Some(points.into_iter().flat_map(|point| point.names).collect())
        }
        Ok(_) | Err(_) => None,
    }
}

fn unknown(extension: &Extension, known: &[const_oid::ObjectIdentifier], drafts: &mut Drafts) {
    if extension.critical && !known.iter().any(|oid| extension.oid == *oid) {
        drafts.with("crl-unknown-critical-extension", || {
            Evidence::found(extension.title())
        });
    }
}

/// An order of lists in which the newer one comes later: by number, and where they are equal by date.
fn age(list: &RevocationList) -> (Option<(usize, Vec<u8>)>, OffsetDateTime) {
    (number(list), list.this_update())
}

/// The list's number, in an order in which a larger one comes later.
fn number(list: &RevocationList) -> Option<(usize, Vec<u8>)> {
    let extension = list.extensions().iter().find(|e| e.oid == CRL_NUMBER)?;
    match ExtensionValue::read(extension) {
        Ok(ExtensionValue::Number(number)) => {
            let octets = number.as_bytes();
            let start = octets.iter().position(|octet| *octet != 0);
            let octets = octets[start.unwrap_or(octets.len())..].to_vec();
            Some((octets.len(), octets))
        }
        Ok(_) | Err(_) => None,
    }
}

/// More lists by one issuer than anyone has.
const MAX_LISTS: usize = 32;
