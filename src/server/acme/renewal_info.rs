//! When to renew: ACME Renewal Information ([RFC 9773](https://www.rfc-editor.org/rfc/rfc9773)).

use axum::extract::Path;
use axum::http::header;
use axum::response::Response;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::account::Account;
use super::certificate::CertificateOrder;
use super::document::Stored;
use super::exchange::{Answer, Exchange, ok};
use super::identifier::Identifier;
use super::order::{Order, OrderStatus};
use super::problem::{Problem, ProblemType, Refusal};
use super::reply::Reply;
use crate::message::jws::{decode_base64url, encode_base64url};
use crate::ops::renew::{SPREAD, Timing};
use crate::pki::certificate::Certificate;
use crate::pki::serial::SerialNumber;
use crate::server::authority::Authority;
use crate::store::{Entry, Inventory};

/// When a certificate should be renewed.
pub(super) async fn renewal_info(Path(id): Path<String>, exchange: Exchange) -> Response {
    let reply = informed(&exchange, &id).await;
    exchange.respond_unsigned(reply)
}

async fn informed(exchange: &Exchange, id: &str) -> Result<Reply, Answer> {
    let not_found = || Problem::not_found("certificate");
    let serial = serial_of(id).ok_or_else(|| Problem::malformed("not the id of a certificate"))?;
    let id = id.to_owned();
    let read = exchange.read(move |inventory| {
        let entry = inventory.find(&serial)?;
        Ok(entry.filter(|entry| id_of(entry).as_deref() == Some(id.as_str())))
    });
    let entry = read.await?.ok_or_else(not_found)?;
    let authority = exchange.core.authority();
    let (window, reason) = window(&entry, &authority, exchange.now);
    let explanation = reason.map(|reason| {
        exchange
            .urls
            .url(&format!("/acme/renewal-explained/{reason}"))
    });
    let info = Info {
        suggested_window: window,
        explanation_url: explanation,
    };
    let seconds = poll_after(&entry);
    let cache = format!("public, max-age={seconds}");
    Ok(ok(super::json(&info))
        .retry_after(seconds)
        .with(header::CACHE_CONTROL, &cache))
}

/// Why a certificate should be renewed now, as text for people.
pub(super) async fn explained(Path(reason): Path<String>, exchange: Exchange) -> Response {
    let text = EXPLANATIONS.iter().find(|(name, _)| *name == reason);
    let reply = match text {
        Some((_, text)) => Ok(Reply::text(format!("{text}\n"))),
        None => Err(Problem::not_found("explanation").into()),
    };
    exchange.respond_unsigned(reply)
}

/// Marks the certificate that a new order replaces (RFC 9773 §5).
///
/// # Errors
/// When it is not the account's, has none of the names, or another order replaces it.
pub(super) fn replaced(
    inventory: &mut dyn Inventory,
    certificate: &str,
    account: &Stored<Account>,
    identifiers: &[Identifier],
    order: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let unknown = || Problem::malformed("'replaces' names no certificate of this account");
    let serial = serial_of(certificate).ok_or_else(unknown)?;
    let entry = inventory.find(&serial)?;
    let entry = entry.filter(|entry| id_of(entry).as_deref() == Some(certificate));
    let entry = entry.ok_or_else(unknown)?;
    let owned = CertificateOrder::of(inventory, &serial)?;
    let owned = owned.filter(|owned| owned.owner == account.id);
    let mut owned = owned.ok_or_else(unknown)?;
    if !identifiers
        .iter()
        .any(|identifier| entry.names.contains(&identifier.name()))
    {
        let detail = "the certificate in 'replaces' has none of the order's names";
        return Err(Problem::malformed(detail).into());
    }
    if let Some(other) = &owned.value.replaced_by
        && let Some(other) = Stored::<Order>::load(inventory, other)?
        && other.value.status(now) != OrderStatus::Invalid
    {
        let detail = "another order replaces the certificate";
        return Err(Problem::new(ProblemType::AlreadyReplaced, detail).into());
    }
    owned.value.replaced_by = Some(order.to_owned());
    owned.save(inventory)
}

/// The serial number in a certificate's id.
pub(super) fn serial_of(id: &str) -> Option<SerialNumber> {
    let (_, serial) = id.split_once('.')?;
    Some(SerialNumber::from_der_content(&decode_base64url(serial)?))
}

/// The id of a certificate (RFC 9773 §4.1).
fn id_of(entry: &Entry) -> Option<String> {
    let certificate = Certificate::from_der(entry.certificate.clone()).ok()?;
    let key = certificate
        .authority_key_identifier()
        .ok()??
        .key_identifier?;
    let serial = encode_base64url(certificate.serial().as_bytes());
    Some(format!("{}.{serial}", encode_base64url(&key)))
}

/// When to renew, by the rule of `renew`; in the past for at once, with the reason.
fn window(
    entry: &Entry,
    authority: &Authority,
    now: OffsetDateTime,
) -> (Window, Option<&'static str>) {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let at_once = Window {
        start: now - Duration::hours(1),
        end: now - Duration::SECOND,
    };
    if entry.revocation.is_some() {
        return (at_once, Some("revoked"));
    }
    if entry.retired_at.is_some() || authority.signing.fingerprint != entry.issuer_fingerprint {
        return (at_once, Some("rotation"));
    }
    let timing = Timing {
        spread: 0.0,
        ..Timing::default()
    };
    let start = timing.due_at(entry);
    let left = entry.validity.not_after() - start;
    let spread = Duration::seconds((left * SPREAD).whole_seconds().max(1));
    let window = Window {
        start,
        end: start + spread,
    };
    (window, None)
}

/// Seconds until a client should ask again: a hundredth of the lifetime, within limits.
fn poll_after(entry: &Entry) -> u64 {
    let lifetime = entry.validity.not_after() - entry.validity.not_before();
    let seconds = lifetime.whole_seconds().max(0) / 100;
    seconds.clamp(MIN_POLL, MAX_POLL).unsigned_abs()
}

#[derive(Debug, Serialize)]
struct Window {
    #[serde(with = "time::serde::rfc3339")]
    start: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    end: OffsetDateTime,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    suggested_window: Window,
    #[serde(rename = "explanationURL", skip_serializing_if = "Option::is_none")]
    explanation_url: Option<String>,
}

const EXPLANATIONS: [(&str, &str); 2] = [
    (
        "revoked",
        "This certificate was revoked. Renew it now, and use the new one.",
    ),
    (
        "rotation",
        "The CA that issued this certificate is being replaced. Renew it now, before the old CA is retired.",
    ),
];
const MIN_POLL: i64 = 60;
const MAX_POLL: i64 = 6 * 3600;
