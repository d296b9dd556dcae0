//! The readers of what strangers send, for fuzz targets: none of them panics.

use time::OffsetDateTime;

use super::account::AccountRequest;
use super::binding::Binding;
use super::nonce::Nonces;
use super::request::{AccountKey, Expected, Unverified};
use super::urls::Urls;
use crate::message::jws::{Jws, read_json};

/// Reads a request, and what may be in it.
pub fn request(body: &[u8]) {
    let (nonces, urls) = (
        Nonces::new(b"secret"),
        Urls::new("https://ca.example", None),
    );
    let now = OffsetDateTime::UNIX_EPOCH;
    let _ = Unverified::read(
        body,
        "/acme/new-account",
        Expected::Either,
        &urls,
        &nonces,
        now,
    );
    let Ok(jws) = Jws::read(body) else {
        return;
    };
    let key = jws
        .header
        .jwk
        .as_ref()
        .map(|jwk| AccountKey::of_jwk(jwk.get()));
    let Some(Ok(key)) = key else {
        return;
    };
    let _ = key.verify(&jws);
    let _ = read_json::<AccountRequest<'_>>(&jws.payload).map(|asked| asked.contacts());
    if let Ok(text) = std::str::from_utf8(&jws.payload) {
        let _ = Binding::read(text, &key, "/acme/new-account", &urls);
    }
}
