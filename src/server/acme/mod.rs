//! The ACME server ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555), [RFC 8737](https://www.rfc-editor.org/rfc/rfc8737),
//! [RFC 8738](https://www.rfc-editor.org/rfc/rfc8738), [RFC 9773](https://www.rfc-editor.org/rfc/rfc9773), and
//! [profiles](https://datatracker.ietf.org/doc/draft-ietf-acme-profiles/)).
//!
//! ```text
//! body ─► Unverified (form, URL, nonce's MAC) ─► SignedRequest (signature) ─► one transaction:
//!         nonce used ─► account as it is now ─► the resource, read or changed ─► Reply
//! ```
//! Accounts and orders are documents in the store; nothing that matters is only in memory.

mod account;
mod account_handlers;
mod binding;
mod certificate;
mod challenge;
mod directory;
mod document;
mod exchange;
mod finalize;
mod identifier;
mod limits;
mod nonce;
mod order;
mod order_handlers;
pub(super) mod overview;
mod plan;
mod problem;
mod renewal_info;
mod reply;
mod request;
mod revocation;
mod urls;
mod validation;

#[cfg(fuzzing)]
pub mod fuzzing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Extension;
use axum::routing::{get, post};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::core::Core;
use super::failure::Failure;
use limits::Limiter;
use nonce::Nonces;
use request::AccountKey;
use validation::Validator;

/// What the ACME server keeps in memory. All of it can be lost.
struct Acme {
    nonces: OnceCell<Arc<Nonces>>,
    /// Keys of accounts, to verify signatures before the store is asked; it is asked afterwards, too.
    keys: Mutex<HashMap<String, Arc<AccountKey>>>,
    limiter: Limiter,
    validator: Validator,
}

/// Where ACME is served. Starts to validate again what a restart interrupted.
pub(super) fn routes(core: &Arc<Core>) -> Router<Arc<Core>> {
    let acme = Arc::new(Acme {
        nonces: OnceCell::new(),
        keys: Mutex::default(),
        limiter: Limiter::default(),
        validator: Validator::new(core.settings().limits.validations),
    });
    validation::resume(core, &acme);
    Router::new()
        .route("/acme/directory", get(directory::directory))
        .route("/acme/new-nonce", get(directory::new_nonce))
        .route("/acme/new-account", post(account_handlers::create))
        .route("/acme/account/{id}", post(account_handlers::update))
        .route("/acme/account/{id}/orders", post(order_handlers::list))
        .route("/acme/key-change", post(account_handlers::change_key))
        .route("/acme/new-order", post(order_handlers::create))
        .route("/acme/order/{id}", post(order_handlers::get))
        .route("/acme/order/{id}/finalize", post(finalize::finalize))
        .route(
            "/acme/authorization/{order}/{index}",
            post(order_handlers::authorization),
        )
        .route(
            "/acme/challenge/{order}/{index}/{kind}",
            post(order_handlers::challenge),
        )
        .route("/acme/certificate/{serial}", post(certificate::download))
        .route(
            "/acme/certificate/{serial}/{alternate}",
            post(certificate::download_alternate),
        )
        .route("/acme/revoke-cert", post(revocation::revoke))
        .route("/acme/renewal-info/{id}", get(renewal_info::renewal_info))
        .route(
            "/acme/renewal-explained/{reason}",
            get(renewal_info::explained),
        )
        .layer(Extension(acme))
}

impl Acme {
    /// What issues nonces; its secret is read from the store once.
    async fn nonces(&self, core: &Core) -> Result<Arc<Nonces>, Failure> {
        let open = || async {
            let opened = core.write(|inventory, _| Nonces::open(inventory)).await?;
            Ok(Arc::new(opened))
        };
        self.nonces.get_or_try_init(open).await.cloned()
    }

    fn known_key(&self, account: &str) -> Option<Arc<AccountKey>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(account).cloned()
    }

    fn remember_key(&self, account: &str, key: &Arc<AccountKey>) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(account.to_owned(), Arc::clone(key));
    }
}

/// JSON of a value that has only keys and values that JSON has.
fn json(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => unreachable!("a struct with text keys is JSON: {error}"),
    }
}

const MAX_KEYS: usize = 10_000;
