//! Revocation lists ([RFC 5280 §5](https://www.rfc-editor.org/rfc/rfc5280#section-5) and
//! [§6.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.3)).
//!
//! Any list that the issuer signed can revoke a certificate. Only a list that covers the certificate in full can say
//! that it is not revoked.

use time::OffsetDateTime;

use super::Requirements;
use super::algorithm::{Scheme, SignatureCheck};
use super::finding::{Draft, Drafts, Evidence, Severity};
use super::form::{list_problems, text};
use super::identifiers::is_same;
use super::pool::{Candidate, Pool, value};
use crate::pki::crl::{RevocationList, RevocationReason, RevokedCertificate};
use crate::pki::element::ElementError;
use crate::pki::extension::{
    AUTHORITY_KEY_IDENTIFIER, CERTIFICATE_ISSUER, CRL_DISTRIBUTION_POINTS, CRL_NUMBER,
    DELTA_CRL_INDICATOR, Extension, FRESHEST_CRL, INVALIDITY_DATE, ISSUING_DISTRIBUTION_POINT,
    IssuingDistributionPoint, KeyUsage, REASON_CODE,
};
use crate::pki::extension_value::ExtensionValue;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;

/// Whether a certificate is revoked, according to all current lists of its issuer.
///
/// Both certificates are given by their places in the pool; `signature` checks a list under an issuer's key.
pub(super) fn examine_issue(
    pool: &Pool<'_>,
    (candidate, issuer): (usize, usize),
    requirements: &Requirements,
    drafts: &mut Drafts,
    mut signature: impl FnMut(usize, usize) -> SignatureCheck,
) {
    let candidate = &pool.candidates[candidate];
    let named: Vec<_> = (0..pool.lists.len())
        .filter(|list| pool.list_issuers[*list] == candidate.issuer)
        .take(MAX_LISTS)
        .collect();
    let signed: Vec<_> = named
        .iter()
        .filter(|list| signature(**list, issuer) == SignatureCheck::Valid)
        .map(|list| &pool.lists[*list])
        .collect();
    if signed.is_empty() && !named.is_empty() {
        drafts.add("crl-signature");
        return;
    }
    let is_current = |list: &&RevocationList| !signed.iter().any(|other| supersedes(other, list));
    let mut covering: Vec<Vec<Draft>> = Vec::new();
    let mut gap = None;
    for list in signed.iter().copied().filter(is_current) {
        let mut own = Drafts::new(requirements.profile);
        examine(list, &pool.candidates[issuer], requirements, &mut own);
        look_up(list, candidate, drafts, &mut own);
        match gap_for(list, candidate) {
            None => covering.push(own.all),
            Some(reason) => gap = Some(reason),
        }
    }
    // One list without fault is enough; what is wrong with others then decides nothing.
    covering.sort_by_key(|drafts| drafts.iter().filter(|draft| draft.is_error()).count());
    match covering.into_iter().next() {
        Some(best) => drafts.all.extend(best),
        None => drafts.with("revocation-unknown", || {
            let reason = gap.unwrap_or("no CRL of its issuer");
            Evidence::instead(
                reason,
                format_args!("a CRL of {}", candidate.certificate.issuer()),
            )
        }),
    }
}

/// What is wrong with a list that the issuer signed.
fn examine(
    list: &RevocationList,
    issuer: &Candidate<'_>,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    if let Some(usage) = value(&issuer.extensions().key_usage)
        && !usage.has(KeyUsage::CRL_SIGN)
    {
        drafts.with("crl-issuer", || Evidence::instead(usage, "cRLSign"));
    }
    examine_dates(list, requirements.at, drafts);
    if Scheme::read(list.signature_algorithm(), list.signature_algorithm_der()).is_weak() {
        drafts.with("crl-signature-weak", || {
            Evidence::found(list.signature_algorithm())
        });
    }
    if list.version() < 2 {
        drafts.add("crl-version");
    }
    match extension(list, CRL_NUMBER) {
        None => drafts.add("crl-number-missing"),
        Some(extension) if extension.critical => drafts.add("crl-number-critical"),
        Some(_) => {}
    }
    if extension(list, AUTHORITY_KEY_IDENTIFIER).is_none() {
        drafts.add("crl-authority-key-identifier-missing");
    }
    for extension in list.extensions() {
        unknown(extension, &LIST_EXTENSIONS, drafts);
        if let Err(fault) = ExtensionValue::read(extension) {
            drafts.with("crl-malformed", || Evidence::found(fault));
        }
    }
    for problem in list_problems(list) {
        if problem.severity == Severity::Error {
            drafts.with("crl-malformed", || Evidence::found(problem.summary()));
        }
    }
}

fn examine_dates(list: &RevocationList, at: OffsetDateTime, drafts: &mut Drafts) {
    if list.this_update() > at {
        drafts.with("crl-not-yet-valid", || {
            Evidence::found(text(list.this_update()))
        });
    }
    match list.next_update() {
        None => drafts.add("crl-next-update-missing"),
        Some(next) if next < at => drafts.with("crl-overdue", || {
            Evidence::instead(
                format_args!("next update was due {}", text(next)),
                format_args!("no earlier than {}", text(at)),
            )
        }),
        Some(_) => {}
    }
}

/// Looks the certificate up in the list; `own` collects what is wrong with the list's entries.
fn look_up(
    list: &RevocationList,
    candidate: &Candidate<'_>,
    drafts: &mut Drafts,
    own: &mut Drafts,
) {
    let is_delta = extension(list, DELTA_CRL_INDICATOR).is_some();
    let is_indirect = scope(list).is_some_and(|scope| scope.is_ok_and(|scope| scope.indirect));
    let mut issuer = list.issuer().clone();
    for entry in list.revoked() {
        if is_indirect && let Some(other) = certificate_issuer(&entry) {
            issuer = other;
        }
        for extension in &entry.extensions {
            unknown(extension, &ENTRY_EXTENSIONS, own);
        }
        if !is_same_number(&entry.serial, candidate.certificate.serial())
            || !is_same(&issuer, candidate.certificate.issuer())
        {
            continue;
        }
        if entry.reason != Some(RevocationReason::RemoveFromCrl) {
            drafts.with("revoked", || revoked(&entry));
            return;
        }
        if !is_delta {
            own.with("crl-malformed", || {
                Evidence::found("removeFromCRL in a complete CRL")
            });
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

/// Which issuer an entry of an indirect list, and those after it, belong to (§5.3.3).
fn certificate_issuer(entry: &RevokedCertificate) -> Option<DistinguishedName> {
    let mut extensions = entry.extensions.iter();
    let extension = extensions.find(|e| e.oid == CERTIFICATE_ISSUER)?;
    let names = match ExtensionValue::read(extension) {
        Ok(ExtensionValue::Names(names)) => names,
        Ok(_) | Err(_) => return None,
    };
    names.iter().find_map(|name| name.directory().cloned())
}

/// Why a list does not cover a certificate in full (§6.3.3 (b)); `None` where it does.
fn gap_for(list: &RevocationList, candidate: &Candidate<'_>) -> Option<&'static str> {
    if extension(list, DELTA_CRL_INDICATOR).is_some() {
        return Some("a delta CRL only");
    }
    let scope = match scope(list)? {
        Ok(scope) => scope,
        // The fault is found where the list is examined.
        Err(_) => return None,
    };
    let is_ca = candidate.extensions().is_ca();
    if scope.only_attribute_certificates
        || scope.only_ca_certificates && !is_ca
        || scope.only_user_certificates && is_ca
    {
        return Some("a CRL for other certificates");
    }
    if !scope.only_some_reasons.is_empty() {
        return Some("a CRL for some reasons only");
    }
    // A list with a name of its own covers the certificates that point to it.
    let is_partition = !scope.names.is_empty()
        && !distribution_points(candidate)
            .iter()
            .any(|name| scope.names.contains(name));
    is_partition.then_some("a CRL of another distribution point")
}

/// The scope of a list; `None` if it covers everything.
fn scope(list: &RevocationList) -> Option<Result<IssuingDistributionPoint, ElementError>> {
    extension(list, ISSUING_DISTRIBUTION_POINT)
        .map(|extension| IssuingDistributionPoint::read(&extension.value))
}

/// The names of the lists that a certificate points to.
fn distribution_points(candidate: &Candidate<'_>) -> Vec<GeneralName> {
    let extension = candidate.certificate.extension(CRL_DISTRIBUTION_POINTS);
    match extension.map(ExtensionValue::read) {
        Some(Ok(ExtensionValue::DistributionPoints(points))) => {
            points.into_iter().flat_map(|point| point.names).collect()
        }
        Some(Ok(_) | Err(_)) | None => Vec::new(),
    }
}

/// Whether one list replaces the other: same scope, and newer beyond doubt.
///
/// A list without a number cannot be ordered with one that has a number, nor can a higher number with an earlier
/// date: then both count.
fn supersedes(newer: &RevocationList, older: &RevocationList) -> bool {
    let scopes = [ISSUING_DISTRIBUTION_POINT, DELTA_CRL_INDICATOR];
    let value = |list, oid| extension(list, oid).map(|extension| extension.value.as_slice());
    let has_same_scope = scopes
        .iter()
        .all(|oid| value(newer, *oid) == value(older, *oid));
    let is_newer = match (number(newer), number(older)) {
        (Some(newer_number), Some(older_number)) => {
            newer_number > older_number && newer.this_update() >= older.this_update()
        }
        (None, None) => newer.this_update() > older.this_update(),
        (Some(_), None) | (None, Some(_)) => false,
    };
    has_same_scope && is_newer
}

/// The list's number, in an order in which a larger one comes later.
fn number(list: &RevocationList) -> Option<(usize, Vec<u8>)> {
    match ExtensionValue::read(extension(list, CRL_NUMBER)?) {
        Ok(ExtensionValue::Number(number)) => {
            let magnitude = magnitude(number.as_bytes());
            Some((magnitude.len(), magnitude.to_vec()))
        }
        Ok(_) | Err(_) => None,
    }
}

/// Whether two serial numbers are the same number, even if one is not in its shortest form.
fn is_same_number(serial: &SerialNumber, other: &SerialNumber) -> bool {
    serial == other
        || (serial.is_negative() == other.is_negative()
            && magnitude(serial.as_bytes()) == magnitude(other.as_bytes()))
}

/// The bytes of a number without those that only repeat its sign.
fn magnitude(bytes: &[u8]) -> &[u8] {
    let sign = match bytes.first() {
        Some(first) if first & 0x80 != 0 => 0xff,
        Some(_) | None => 0,
    };
    let start = bytes.iter().position(|byte| *byte != sign);
    &bytes[start.unwrap_or(bytes.len())..]
}

fn unknown(extension: &Extension, known: &[const_oid::ObjectIdentifier], drafts: &mut Drafts) {
    if extension.critical && !known.iter().any(|oid| extension.oid == *oid) {
        drafts.with("crl-unknown-critical-extension", || {
            Evidence::found(extension.title())
        });
    }
}

fn extension(list: &RevocationList, oid: const_oid::ObjectIdentifier) -> Option<&Extension> {
    list.extensions().iter().find(|e| e.oid == oid)
}

const LIST_EXTENSIONS: [const_oid::ObjectIdentifier; 5] = [
    CRL_NUMBER,
    AUTHORITY_KEY_IDENTIFIER,
    ISSUING_DISTRIBUTION_POINT,
    DELTA_CRL_INDICATOR,
    FRESHEST_CRL,
];
const ENTRY_EXTENSIONS: [const_oid::ObjectIdentifier; 3] =
    [REASON_CODE, CERTIFICATE_ISSUER, INVALIDITY_DATE];
/// More lists than any issuer has.
const MAX_LISTS: usize = 32;
