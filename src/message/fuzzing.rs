//! The readers of what strangers send, for fuzz targets: none of them panics.

use time::{Duration, OffsetDateTime};

use super::envelope::Envelope;
use super::http::{DEFAULT_COMPONENTS, RequestVerifier, VerificationKey};
use super::jwe::{Binding, Jwe};
use super::shared::SharedKey;
use crate::store::StoreError;

/// Reads an envelope, and the JWE in it.
pub fn envelope(text: &[u8]) {
    if let Ok(envelope) = Envelope::read(text)
        && let Some(jwe) = envelope.encrypted_payload
    {
        let _ = Jwe::read(jwe, BINDING);
    }
}

/// Reads a JWE as it is in an envelope, and one under a shared key.
pub fn jwe(text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text)
        && super::json::check(text).is_ok()
    {
        let _ = Jwe::read(text, BINDING);
    }
    let _ = key().map(|key| key.open(text, None));
}

/// Verifies a request with a shared key, whose MAC it will hardly have.
pub fn request(request: &[u8]) {
    let Some(key) = key() else {
        return;
    };
    let verifier = RequestVerifier {
        key: VerificationKey::Shared(key, "shared".into()),
        components: DEFAULT_COMPONENTS.map(str::to_owned).to_vec(),
        max_age: Duration::hours(1),
        max_lifetime: Duration::hours(1),
        label: None,
        scheme: "https".into(),
        max_size: 1 << 20,
    };
    let log = &mut |_: &super::Event<'_>| Ok::<_, StoreError>(());
    let _ = verifier.receive(request, None, log, OffsetDateTime::UNIX_EPOCH);
}

const BINDING: Binding<'static> = Binding {
    message_id: "m",
    audience: "a",
    subject: "s",
};

fn key() -> Option<SharedKey> {
    SharedKey::read(&[7; 32]).ok()
}
