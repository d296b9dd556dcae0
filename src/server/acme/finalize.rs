//! Finalizing an order: its certificate is issued ([RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).
//!
//! What is signed before the transaction is released only when the transaction finds the order ready: of two requests at
//! once, one certificate remains, and the other one was never recorded.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;

use super::account::Account;
use super::binding::token_of;
use super::certificate::{self, CertificateOrder};
use super::document::Stored;
use super::exchange::{Answer, Exchange, ok};
use super::identifier::Identifier;
use super::order::{Order, OrderStatus};
use super::order_handlers::own_order;
use super::plan::{Ordered, of_error};
use super::problem::{Problem, ProblemType, Refusal};
use super::reply::Reply;
use super::request::{AccountKey, Expected, SignedRequest};
use crate::message::jws::decode_base64url;
use crate::ops::issue::{self, Unrecorded};
use crate::ops::refused::{Outcome, Refused};
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;
use crate::pki::public_key::PublicKey;
use crate::pki::validity::Lifetime;
use crate::server::metrics::Counted;
use crate::store::Inventory;

/// `finalize`.
pub(super) async fn finalize(Path(id): Path<String>, exchange: Exchange) -> Response {
    let reply = finalized(&exchange, id).await;
    exchange.respond(reply).await
}

async fn finalized(exchange: &Exchange, id: String) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    let order_id = id.clone();
    let (order, lifetime) = read(exchange, &request, &id).await?;
    let signed = match order {
        Some(order) if order.value.status(exchange.now) == OrderStatus::Ready => {
            sign(exchange, &request, &order, lifetime).await
        }
        Some(_) | None => Ok(None),
    };
    let urls = exchange.urls.clone();
    let written = exchange.write(move |inventory, now| {
        let account = request.admit(inventory)?;
        let mut order = own_order(inventory, &id, &account)?;
        if order.value.status(now) == OrderStatus::Valid {
            // The answer to an earlier request was lost, or both came at once.
            return Ok((order.json(&urls, now), false));
        }
        check_ready(&order.value, now)?;
        token_of(inventory, &account.value, now)?;
        let Some(signed) = signed? else {
            let detail = "the order was not ready when the request was received; try again";
            return Err(Problem::new(ProblemType::OrderNotReady, detail).into());
        };
        record(inventory, &mut order, &account, signed)?;
        Ok((order.json(&urls, now), true))
    });
    let (json, is_new) = written.await?;
    if is_new {
        exchange.core.metrics().count(Counted::Issued, "acme");
        exchange.core.metrics().count(Counted::Orders, "valid");
    }
    Ok(ok(json).at(&exchange.urls.order(&order_id)))
}

/// The order as it is before the transaction, and how long its token says that certificates are valid.
async fn read(
    exchange: &Exchange,
    request: &SignedRequest,
    id: &str,
) -> Result<(Option<Stored<Order>>, Option<Lifetime>), Answer> {
    let (id, account) = (
        id.to_owned(),
        request.account().unwrap_or_default().to_owned(),
    );
    let now = exchange.now;
    let read = exchange.read(move |inventory| {
        let order = Stored::<Order>::load(inventory, &id)?;
        let order = order.filter(|order| order.owner == account);
        let account = Stored::<Account>::load(inventory, &account)?;
        let token = match &account {
            Some(account) => token_of(inventory, &account.value, now)?,
            None => None,
        };
        Ok((order, token.and_then(|token| token.certificate_lifetime())))
    });
    read.await
}

fn check_ready(order: &Order, now: OffsetDateTime) -> Result<(), Problem> {
    let what = match order.status(now) {
        OrderStatus::Ready => return Ok(()),
        OrderStatus::Pending => "the order's authorizations are not valid yet",
        OrderStatus::Invalid => "the order failed or has expired",
        OrderStatus::Valid => "the order was finalized",
    };
    Err(Problem::new(ProblemType::OrderNotReady, what))
}

/// The certificate, signed and not recorded. A problem waits until the request is admitted.
async fn sign(
    exchange: &Exchange,
    request: &SignedRequest,
    order: &Stored<Order>,
    lifetime: Option<Lifetime>,
) -> Result<Option<Unrecorded>, Problem> {
    let csr = csr(request)?;
    let common_name = matching(&csr, &order.value, &request.key)?;
    let mut identifiers: Vec<&Identifier> = order.value.identifiers().collect();
    // The name that the client wants in front stays in front.
    identifiers.sort_by_key(|one| common_name.as_ref() != Some(*one));
    let core = &exchange.core;
    let ordered = Ordered {
        profile: &order.value.profile,
        identifiers,
        not_before: order.value.not_before,
        not_after: order.value.not_after,
        lifetime,
        csr: Some(csr),
        account: &order.owner,
    };
    let issuing = ordered
        .request(core)
        .map_err(|error| of_error(core, error))?;
    let (authority, now) = (core.authority(), exchange.now);
    let sign = move || match issue::sign_online(&issuing, &authority.signing, now) {
        Ok(signed) => Ok(Ok(signed)),
        Err(error) => Ok(Err(error)),
    };
    let signed = core.compute(sign).await;
    let signed = signed.map_err(|failure| super::reply::problem_of(&failure))?;
    match signed.map_err(|error| of_error(core, error))? {
        Outcome::Done(signed) => Ok(Some(signed)),
        Outcome::Refused(refused) => Err(refusal(&refused)),
    }
}

/// Records the certificate, and that it is the order's.
fn record(
    inventory: &mut dyn Inventory,
    order: &mut Stored<Order>,
    account: &Stored<Account>,
    mut signed: Unrecorded,
) -> Result<(), Refusal> {
    let replaced = order.value.replaces.as_deref();
    if let Some(replaced) = replaced.and_then(super::renewal_info::serial_of)
        && inventory.find(&replaced)?.is_some()
    {
        signed.entry.replaces = Some(replaced);
    }
    let issued = match signed.record(inventory)? {
        Outcome::Done(issued) => issued,
        Outcome::Refused(refused) => return Err(refusal(&refused).into()),
    };
    let (serial, not_after) = (&issued.entry.serial, issued.entry.validity.not_after());
    CertificateOrder::save(inventory, serial, &account.id, &order.id, not_after)?;
    order.value.set_issued(certificate::id_of(serial));
    order.expires_at = Some(not_after.max(order.value.expires));
    order.save(inventory)
}

/// The request for the certificate.
fn csr(request: &SignedRequest) -> Result<CertificateSigningRequest, Problem> {
    #[derive(Deserialize)]
    struct Finalize {
        csr: String,
    }
    let finalize: Finalize = request.json()?;
    let der = decode_base64url(&finalize.csr);
    let der = der.ok_or_else(|| bad("it is not base64url without padding"))?;
    CertificateSigningRequest::from_der(der).map_err(|error| bad(&error.to_string()))
}

/// Checks that a request asks for the order's names, all of them and no others. Gives the one in its common name.
fn matching(
    csr: &CertificateSigningRequest,
    order: &Order,
    account_key: &AccountKey,
) -> Result<Option<Identifier>, Problem> {
    if csr.public_key_info() == account_key.info()
        || is_same_key(csr.public_key_info(), account_key.info())
    {
        return Err(bad("its key is the account's"));
    }
    let names = csr
        .subject_alt_names()
        .map_err(|error| bad(&error.to_string()))?;
    let mut asked = BTreeSet::new();
    for name in names.unwrap_or_default() {
        asked.insert(match &name {
            GeneralName::Dns(text) => text.to_ascii_lowercase(),
            GeneralName::Ip(_) => match name.address() {
                Some(address) => address.to_string(),
                None => return Err(bad("one of its addresses is malformed")),
            },
            other => {
                return Err(bad(&format!(
                    "it asks for {other}, which the order has not"
                )));
            }
        });
    }
    let ordered: BTreeSet<String> = order.identifiers().map(ToString::to_string).collect();
    let common_names = csr.subject().values(AttributeType::CommonName);
    let common_names: Vec<String> = common_names
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let has_common_name = |name: &&String| !name.is_empty();
    if let Some(other) = common_names
        .iter()
        .filter(has_common_name)
        .find(|one| !ordered.contains(*one))
    {
        return Err(bad(&format!(
            "its common name, '{other}', is not a name of the order"
        )));
    }
    // A name may be in the common name alone (RFC 8555 §7.4).
    let mut all = asked.clone();
    all.extend(common_names.iter().filter(has_common_name).cloned());
    if all != ordered {
        let difference = all.symmetric_difference(&ordered).next();
        let difference = difference.map(String::as_str).unwrap_or_default();
        return Err(bad(&format!(
            "its names are not those of the order: '{difference}'"
        )));
    }
    let first = common_names.first();
    Ok(order
        .identifiers()
        .find(|one| first == Some(&one.to_string()))
        .cloned())
}

/// Whether two keys are the same, however their information is written.
fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    match (PublicKey::from_der(one), PublicKey::from_der(other)) {
        (Ok(one), Ok(other)) => one.kind == other.kind && one.key == other.key,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) | (Err(_), Err(_)) => false,
    }
}

fn refusal(refused: &Refused) -> Problem {
    bad(&refused.message)
}

fn bad(what: &str) -> Problem {
    Problem::new(ProblemType::BadCsr, format!("the CSR is refused: {what}"))
}
