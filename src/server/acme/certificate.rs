//! Certificates, as their owners download them ([RFC 8555 §7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)).

use axum::extract::Path;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::account::Account;
use super::document::{Storable, Stored};
use super::exchange::{Answer, Exchange};
use super::problem::{Problem, Refusal};
use super::reply::{Reply, problem_of};
use super::request::Expected;
use crate::authority::pem_of;
use crate::error::Error;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Hex;
use crate::pki::serial::SerialNumber;
use crate::server::authority::Authority;
use crate::store::{DocumentKind, Entry, Inventory};

/// Whose a certificate is; its id is the serial number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CertificateOrder {
    /// The order it was issued for.
    pub(super) order: String,
    /// The order that replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaced_by: Option<String>,
}

impl Storable for CertificateOrder {
    const KIND: DocumentKind = DocumentKind::CertificateOrder;
}

impl CertificateOrder {
    /// Whose a certificate is, if it was issued for an order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn of(
        inventory: &dyn Inventory,
        serial: &SerialNumber,
    ) -> Result<Option<Stored<Self>>, Error> {
        Stored::load(inventory, &id_of(serial))
    }

    /// Stores that an account has a certificate by an order.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn save(
        inventory: &mut dyn Inventory,
        serial: &SerialNumber,
        account: &str,
        order: &str,
        not_after: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let value = CertificateOrder {
            order: order.to_owned(),
            replaced_by: None,
        };
        let mut stored = Stored::new(id_of(serial), account.to_owned(), value);
        stored.expires_at = Some(not_after.saturating_add(KEPT_AFTER_EXPIRY));
        stored.save(inventory)
    }
}

/// A certificate with its chain.
pub(super) async fn download(Path(serial): Path<String>, exchange: Exchange) -> Response {
    let reply = downloaded(&exchange, serial, 0).await;
    exchange.respond(reply).await
}

/// A certificate with another chain.
pub(super) async fn download_alternate(
    Path((serial, alternate)): Path<(String, String)>,
    exchange: Exchange,
) -> Response {
    let reply = match alternate.parse().ok().filter(|number| *number > 0) {
        Some(number) => downloaded(&exchange, serial, number).await,
        None => Err(Problem::not_found("certificate").into()),
    };
    exchange.respond(reply).await
}

async fn downloaded(exchange: &Exchange, serial: String, number: usize) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    let wanted = serial.clone();
    let read = exchange.write(move |inventory, _| {
        let account = request.admit(inventory)?;
        request.check_is_get()?;
        own(inventory, &wanted, &account)
    });
    let entry = read.await?;
    let chains = chains(&entry, &exchange.core.authority());
    let chain = chains
        .get(number)
        .ok_or_else(|| Problem::not_found("certificate"))?;
    let all =
        std::iter::once(entry.certificate.as_slice()).chain(chain.iter().map(Certificate::as_der));
    let pem = pem_of(all).map_err(|error| problem_of(&exchange.core.failure(error)))?;
    let mut reply = Reply::chain(pem);
    let url = exchange.urls.certificate(&serial);
    for other in (0..chains.len()).filter(|other| *other != number) {
        let url = if other == 0 {
            url.clone()
        } else {
            format!("{url}/{other}")
        };
        reply = reply.linked("alternate", &url);
    }
    Ok(reply)
}

/// A certificate of this account.
///
/// # Errors
/// When there is none.
pub(super) fn own(
    inventory: &dyn Inventory,
    serial: &str,
    account: &Stored<Account>,
) -> Result<Entry, Refusal> {
    let not_found = || Problem::not_found("certificate");
    let owned = Stored::<CertificateOrder>::load(inventory, serial)?;
    owned
        .filter(|owned| owned.owner == account.id)
        .ok_or_else(not_found)?;
    let serial = serial_of(serial).ok_or_else(not_found)?;
    Ok(inventory.find(&serial)?.ok_or_else(not_found)?)
}

/// The chains behind a certificate, the usual one first.
///
/// The anchor is in each: some clients, certbot above all, refuse a certificate alone.
fn chains(entry: &Entry, authority: &Authority) -> Vec<Vec<Certificate>> {
    let served = authority.signing.chain();
    let by_current = authority.signing.fingerprint == entry.issuer_fingerprint;
    let anchors = &authority.anchors;
    let issuer_of = |issuer: &crate::pki::name::DistinguishedName| {
        anchors
            .iter()
            .find(|anchor| anchor.subject() == issuer)
            .cloned()
    };
    let mut chains = Vec::new();
    let own: Vec<Certificate> = issuer_of(&entry.issuer).into_iter().collect();
    if by_current && !served.is_empty() {
        chains.push(served.to_vec());
    }
    if !own.is_empty() {
        chains.push(own);
    }
    if chains.is_empty() {
        chains.push(Vec::new());
    }
    chains
}

/// A serial number in URLs and in the store: its DER content in hexadecimal.
pub(super) fn id_of(serial: &SerialNumber) -> String {
    Hex(serial.as_bytes()).to_string()
}

/// The serial number of this id.
pub(super) fn serial_of(id: &str) -> Option<SerialNumber> {
    let is_hexadecimal = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hexadecimal
        || id.is_empty()
        || !id.len().is_multiple_of(2)
        || id.len() > 2 * MAX_SERIAL_BYTES
    {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(id.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..id.len()).step_by(2).map(byte).collect();
    Some(SerialNumber::from_der_content(&bytes?))
}

const MAX_SERIAL_BYTES: usize = 21; // RFC 5280 §4.1.2.2, and a zero for the sign
/// How long it is remembered whose a certificate was.
const KEPT_AFTER_EXPIRY: Duration = Duration::days(30);
