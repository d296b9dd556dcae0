//! Revoking certificates, and releasing them from hold.

use std::ffi::OsString;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};

use super::short;
use crate::ops::revoke;
use crate::pki::crl::RevocationReason;
use crate::pki::serial::SerialNumber;
use crate::server::core::Core;
use crate::server::dashboard::page::Confirmation;
use crate::server::dashboard::{Answer, Change, Refusal, Tab, confirm};
use crate::server::metrics::Counted;
use crate::store::Entry;

/// Revokes the certificates of a form, once that is confirmed. The server publishes the next CRL by itself.
pub(super) async fn revoke(State(core): State<Arc<Core>>, change: Change) -> Answer {
    let entries = chosen(&core, &change).await?;
    let code = change.fields.one("reason").unwrap_or("0").parse().ok();
    let reason = code.and_then(RevocationReason::from_code);
    let reason = reason.filter(|reason| RevocationReason::REQUESTABLE.contains(reason));
    let reason = reason.ok_or_else(|| Refusal::unreadable("There is no such reason."))?;
    let serials: Vec<SerialNumber> = entries.iter().map(|entry| entry.serial.clone()).collect();
    let texts: Vec<String> = serials.iter().map(ToString::to_string).collect();
    let name = format!("revoke {reason} {}", texts.join(" "));
    if !change.is_confirmed(&name) {
        let mut consequences = vec![format!(
            "Reason: {reason}. Relying parties that ask OCSP or read the CRL refuse {} within seconds; gRPC asks neither.",
            if entries.len() == 1 { "it" } else { "them" }
        )];
        if reason == RevocationReason::KeyCompromise {
            consequences.push("Every certificate with the same key is revoked, too.".into());
        }
        if reason != RevocationReason::CertificateHold {
            consequences.push("This cannot be undone.".into());
        }
        consequences.extend(entries.iter().map(line));
        if let [one] = texts.as_slice() {
            consequences.extend(plan(&core, one).await?);
        }
        let question = match entries.as_slice() {
            [one] => format!("Revoke {}?", short(&one.name())),
            several => format!("Revoke {} certificates?", several.len()),
        };
        let confirmation = Confirmation {
            question,
            consequences,
            action: "/certificates/revoke".into(),
            button: "Revoke",
            back: back(&texts),
            change: &name,
        };
        return confirm(&core, Tab::Certificates, &change, confirmation);
    }
    let revoked = core.write(move |inventory, now| {
        let changes = revoke::run_in(inventory, &serials, reason, now)?;
        Ok(changes.len())
    });
    for _ in 0..revoked.await? {
        core.metrics().count(Counted::Revoked, "dashboard");
    }
    Ok(Redirect::to(&back(&texts)).into_response())
}

/// Releases a certificate from hold, once that is confirmed.
pub(super) async fn release(State(core): State<Arc<Core>>, change: Change) -> Answer {
    let entries = chosen(&core, &change).await?;
    let [entry] = entries.as_slice() else {
        return Err(Refusal::NotFound("certificate"));
    };
    let serial = entry.serial.clone();
    let name = format!("release {serial}");
    let back = back(&[serial.to_string()]);
    if !change.is_confirmed(&name) {
        let confirmation = Confirmation {
            question: format!("Release {} from hold?", short(&entry.name())),
            consequences: vec!["Relying parties accept it again.".into()],
            action: "/certificates/release".into(),
            button: "Release",
            back,
            change: &name,
        };
        return confirm(&core, Tab::Certificates, &change, confirmation);
    }
    let released = core.write(move |inventory, _| Ok(inventory.unrevoke(&serial)?));
    released.await?;
    Ok(Redirect::to(&back).into_response())
}

/// The certificates of a form's fields `serial`.
async fn chosen(core: &Core, change: &Change) -> Result<Vec<Entry>, Refusal> {
    let serials = change.fields.all("serial").take(MAX_CHOSEN);
    let serials: Vec<String> = serials.map(str::to_owned).collect();
    let mut entries = Vec::new();
    for serial in &serials {
        entries.push(super::detail::find(core, serial).await?);
    }
    match entries.is_empty() {
        true => Err(Refusal::Request(
            "No certificate was selected.".into(),
            "Go back and tick those that you mean.".into(),
        )),
        false => Ok(entries),
    }
}

/// What depends on a certificate, and what to do, as sentences.
async fn plan(core: &Core, serial: &str) -> Result<Vec<String>, Refusal> {
    let (directory, target, now) = (
        core.directory().to_owned(),
        OsString::from(serial),
        core.now(),
    );
    let plan = core
        .compute(move || revoke::plan(&directory, &[target], now))
        .await?;
    let steps = plan.order.into_iter().map(|step| match step.command {
        Some(command) => format!("{}: {command}", step.action),
        None => step.action,
    });
    let steps = steps.map(|step| format!("To replace what depends on it: {step}"));
    Ok(steps.collect())
}

fn line(entry: &Entry) -> String {
    let end = crate::pki::validity::rfc3339(entry.validity.not_after());
    format!(
        "{}, {}, valid until {end}",
        short(&entry.name()),
        entry.serial
    )
}

/// Where one comes from.
fn back(serials: &[String]) -> String {
    match serials {
        [one] => format!("/certificates/{one}"),
        _ => "/certificates".into(),
    }
}

/// As many as a page shows.
const MAX_CHOSEN: usize = super::ROWS;
