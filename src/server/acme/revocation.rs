//! Revocation: by the account that ordered it, by one that could, or by the certificate's key
//! ([RFC 8555 §7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)).

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;

use super::certificate::CertificateOrder;
use super::document::Stored;
use super::exchange::{Answer, Exchange};
use super::identifier::Identifier;
use super::order::Order;
use super::problem::{Problem, ProblemType, Refusal};
use super::reply::Reply;
use super::request::{Expected, SignedRequest};
use crate::message::jws::decode_base64url;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::server::metrics::Counted;
use crate::store::{DocumentKind, Entry, Inventory, Revocation};

/// `revokeCert`.
pub(super) async fn revoke(exchange: Exchange) -> Response {
    let reply = revoked(&exchange).await;
    exchange.respond(reply).await
}

#[derive(Debug, Deserialize)]
struct RevocationRequest {
    certificate: String,
    reason: Option<i64>,
}

async fn revoked(exchange: &Exchange) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Either).await?;
    let asked = asked(&request);
    let is_authorized = match (&asked, request.account()) {
        (Ok((certificate, _)), Some(account)) => {
            let (serial, account) = (certificate.serial().clone(), account.to_owned());
            let now = exchange.now;
            let read =
                exchange.read(move |inventory| could_order(inventory, &serial, &account, now));
            read.await?
        }
        (Ok(_), None) | (Err(_), _) => false,
    };
    let written = exchange.write(move |inventory, now| {
        match request.account() {
            Some(_) => drop(request.admit(inventory)?),
            None => request.admit_key(inventory)?,
        }
        let (certificate, reason) = asked?;
        let entry = inventory.find(certificate.serial())?;
        let entry = entry.filter(|entry| entry.certificate == certificate.as_der());
        let entry = entry.ok_or_else(|| Problem::not_found("certificate"))?;
        if !may_revoke(inventory, &request, &entry, is_authorized)? {
            let detail =
                "neither the certificate's key nor an account with its names signed the request";
            return Err(Problem::unauthorized(detail).into());
        }
        if entry.revocation.is_some() {
            let detail = "the certificate was revoked before";
            return Err(Problem::new(ProblemType::AlreadyRevoked, detail).into());
        }
        apply(inventory, &entry, reason, now)
    });
    let count = written.await?;
    for _ in 0..count {
        exchange.core.metrics().count(Counted::Revoked, "acme");
    }
    Ok(Reply::empty(StatusCode::OK))
}

fn asked(request: &SignedRequest) -> Result<(Certificate, RevocationReason), Problem> {
    let asked: RevocationRequest = request.json()?;
    let der = decode_base64url(&asked.certificate);
    let der = der.ok_or_else(|| Problem::malformed("the certificate is not base64url"))?;
    let certificate = Certificate::from_der(der)
        .map_err(|error| Problem::malformed(format!("the certificate cannot be read: {error}")))?;
    let reason = match asked.reason {
        None | Some(0) => RevocationReason::Unspecified,
        Some(1) => RevocationReason::KeyCompromise,
        Some(3) => RevocationReason::AffiliationChanged,
        Some(4) => RevocationReason::Superseded,
        Some(5) => RevocationReason::CessationOfOperation,
        Some(9) => RevocationReason::PrivilegeWithdrawn,
        Some(other) => {
            let detail = format!("reason {other} cannot be given; 0, 1, 3, 4, 5 and 9 can");
            return Err(Problem::new(ProblemType::BadRevocationReason, detail));
        }
    };
    Ok((certificate, reason))
}

fn may_revoke(
    inventory: &dyn Inventory,
    request: &SignedRequest,
    entry: &Entry,
    is_authorized: bool,
) -> Result<bool, Refusal> {
    let Some(account) = request.account() else {
        return Ok(Fingerprint::sha256(request.key.info()) == entry.public_key);
    };
    let owned = CertificateOrder::of(inventory, &entry.serial)?;
    Ok(is_authorized || owned.is_some_and(|owned| owned.owner == account))
}

/// Whether an account could order a certificate with the names of this one now.
fn could_order(
    inventory: &dyn Inventory,
    serial: &SerialNumber,
    account: &str,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let Some(entry) = inventory.find(serial)? else {
        return Ok(false);
    };
    let identifiers = entry.names.iter().map(|name| match name {
        SubjectAltName::Dns(name) => Some(Identifier::Dns(name.clone())),
        SubjectAltName::Ip(address) => Some(Identifier::Ip(*address)),
        SubjectAltName::Uri(_) | SubjectAltName::Email(_) => None,
    });
    let Some(mut missing) = identifiers.collect::<Option<Vec<_>>>() else {
        return Ok(false);
    };
    let owned = CertificateOrder::of(inventory, serial)?;
    if missing.is_empty() || owned.is_some_and(|owned| owned.owner == account) {
        return Ok(!missing.is_empty());
    }
    let mut after: Option<String> = None;
    while !missing.is_empty() {
        let page =
            inventory.documents(DocumentKind::Order, Some(account), after.as_deref(), PAGE)?;
        let Some(last) = page.last() else {
            return Ok(false);
        };
        after = Some(last.key.clone());
        for document in page {
            let order = Stored::<Order>::read(document)?;
            missing.retain(|identifier| !order.value.authorizes(identifier, now));
        }
    }
    Ok(true)
}

/// Revokes it; after a compromise of its key, every certificate with that key. Gives their number.
fn apply(
    inventory: &mut dyn Inventory,
    entry: &Entry,
    reason: RevocationReason,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let mut serials = vec![entry.serial.clone()];
    if reason == RevocationReason::KeyCompromise {
        let others = inventory.find_by_public_key(&entry.public_key)?;
        let others = others.into_iter().filter(|other| {
            other.serial != entry.serial
                && other.revocation.is_none()
                && other.status(now).is_live()
        });
        serials.extend(others.map(|other| other.serial));
    }
    let at = now.replace_nanosecond(0).unwrap_or(now);
    let revocation = Revocation {
        at,
        reason,
        invalidity_date: None,
    };
    inventory.revoke_all(&serials, revocation)?;
    Ok(serials.len())
}

const PAGE: usize = 200;
