//! JWT-SVIDs ([JWT-SVID](https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md)): the keys that sign them,
//! signing, and validation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::authority::INVENTORY;
use crate::error::{Error, WorkloadError};
use crate::keys::{Jwk, PrivateKey};
use crate::message::jws::{self, Jws};
use crate::message::{Algorithm, SigningKey};
use crate::pki::algorithm::KeyType;
use crate::pki::public_key::PublicKey;
use crate::pki::spiffe::SpiffeId;
use crate::pki::validity::Lifetime;
use crate::store::{Document, DocumentKind, Inventory, StoreError};

/// A key that signs JWT-SVIDs, as the inventory keeps it.
pub struct JwtKey {
    /// Its name in tokens and bundles: its thumbprint.
    pub kid: String,
    /// Its public half as a JWK.
    pub jwk: Map<String, Value>,
    signing: SigningKey,
    signs_from: OffsetDateTime,
    signs_until: OffsetDateTime,
    published_until: OffsetDateTime,
}

impl JwtKey {
    /// Whether the bundle has it: before it signs, and as long as a token that it signed is valid.
    pub fn is_published(&self, now: OffsetDateTime) -> bool {
        now < self.published_until
    }

    fn signs(&self, now: OffsetDateTime) -> bool {
        self.signs_from <= now && now < self.signs_until
    }

    fn of(document: &Document) -> Result<Self, Error> {
        let damaged = |what: String| {
            Error::Store(StoreError::Damaged {
                path: INVENTORY.into(),
                what: format!("the JWT key {}: {what}", document.key),
            })
        };
        let content: Content =
            serde_json::from_str(&document.content).map_err(|error| damaged(error.to_string()))?;
        let pkcs8 = jws::decode_base64url(&content.pkcs8).map(Zeroizing::new);
        let public = jws::decode_base64url(&content.public_key);
        let (Some(pkcs8), Some(public)) = (pkcs8, public) else {
            return Err(damaged("it is not base64url".into()));
        };
        let key = PublicKey::from_der(&public).map_err(|error| damaged(error.to_string()))?;
        let signing = SigningKey::new(&pkcs8, &key).map_err(|error| damaged(error.to_string()))?;
        let jwk = Jwk::public(&public).map_err(|error| damaged(error.to_string()))?;
        let members = jwk.map(|jwk| jwk.members).unwrap_or_default();
        let members = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value.to_string())));
        let jwk: Map<String, Value> = members.collect();
        let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
        Ok(JwtKey {
            kid: kid.to_owned(),
            jwk,
            signing,
            signs_from: content.signs_from,
            signs_until: content.signs_until,
            published_until: content.published_until,
        })
    }
}

/// Every key that is published, the oldest first.
///
/// # Errors
/// When the inventory cannot be read.
pub fn keys(inventory: &dyn Inventory, now: OffsetDateTime) -> Result<Vec<JwtKey>, Error> {
    let documents = inventory.documents(DocumentKind::JwtKey, None, None, MAX_KEYS)?;
    let keys: Result<Vec<_>, Error> = documents.iter().map(JwtKey::of).collect();
    let mut keys = keys?;
    keys.retain(|key| key.is_published(now));
    Ok(keys)
}

/// Whether [`rotate`] has something to do.
pub fn is_rotation_due(keys: &[JwtKey], now: OffsetDateTime) -> bool {
    let last = keys.iter().map(|key| key.signs_until).max();
    last.is_none_or(|last| last <= now.saturating_add(PUBLISHED_BEFORE))
}

/// Adds a key when none signs now, or the last one signs not much longer. A key is published before it signs, so that
/// those who fetch the bundle know it in time.
///
/// # Errors
/// When no key can be generated, or the inventory cannot be written.
pub fn rotate(
    inventory: &mut dyn Inventory,
    longest: Lifetime,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let documents = inventory.documents(DocumentKind::JwtKey, None, None, MAX_KEYS)?;
    let keys: Result<Vec<_>, Error> = documents.iter().map(JwtKey::of).collect();
    let keys = keys?;
    if !is_rotation_due(&keys, now) {
        return Ok(());
    }
    let last = documents
        .last()
        .and_then(|last| last.key.parse::<u64>().ok());
    let number = last.map_or(1, |last| last.saturating_add(1));
    let signs_until = keys.iter().map(|key| key.signs_until).max();
    let signs_from = signs_until.filter(|until| *until > now).unwrap_or(now);
    let signs_until = signs_from.saturating_add(SIGNS_FOR);
    let published_until = signs_until
        .saturating_add(longest.duration())
        .saturating_add(PUBLISHED_BEFORE);
    let key = PrivateKey::generate(KeyType::P256)?;
    let content = Content {
        pkcs8: jws::encode_base64url(key.pkcs8()),
        public_key: jws::encode_base64url(key.public_key_info()),
        signs_from,
        signs_until,
        published_until,
    };
    // Another server that was faster has added the same number.
    inventory.put_document(&Document {
        kind: DocumentKind::JwtKey,
        key: format!("{number:010}"),
        version: 0,
        owner: String::new(),
        expires_at: Some(published_until),
        content: match serde_json::to_string(&content) {
            Ok(content) => content,
            Err(error) => unreachable!("it has only text and times: {error}"),
        },
    })?;
    Ok(())
}

/// A JWT-SVID of an ID for an audience.
///
/// # Errors
/// When no key signs now, or signing fails.
pub fn sign(
    keys: &[JwtKey],
    id: &SpiffeId,
    audience: &[String],
    lifetime: Lifetime,
    now: OffsetDateTime,
) -> Result<String, Error> {
    let Some(key) = keys.iter().find(|key| key.signs(now)) else {
        return Err(WorkloadError::NoJwtKey.into());
    };
    let issued_at = now.unix_timestamp();
    let end = now.saturating_add(lifetime.duration());
    let end = end.min(key.published_until).unix_timestamp();
    let header = json!({"alg": "ES256", "kid": key.kid, "typ": "JWT"});
    let claims = json!({"sub": id.as_str(), "aud": audience, "exp": end, "iat": issued_at});
    let part = |value: &Value| jws::encode_base64url(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = key.signing.sign(Algorithm::Es256, signed.as_bytes())?;
    Ok(format!("{signed}.{}", jws::encode_base64url(&signature)))
}

/// The SPIFFE ID and the claims of a token that is valid for an audience. `bundles` are JWK Sets by the SPIFFE ID of
/// their trust domain.
///
/// # Errors
/// The first rule that it breaks.
pub fn validate(
    token: &str,
    audience: &str,
    bundles: &BTreeMap<String, Vec<u8>>,
    now: OffsetDateTime,
) -> Result<(SpiffeId, Map<String, Value>), InvalidToken> {
    let jws = read(token)?;
    let claims: Map<String, Value> =
        jws::read_json(&jws.payload).map_err(|error| InvalidToken::Claims(error.to_string()))?;
    let subject = claims.get("sub").and_then(Value::as_str);
    let id: SpiffeId = subject.unwrap_or_default().parse()?;
    let kid = jws.header.kid.as_deref().filter(|kid| !kid.is_empty());
    let kid = kid.ok_or(InvalidToken::NoKeyId)?;
    let domain = format!("spiffe://{}", id.trust_domain());
    let bundle = bundles.get(&domain);
    let bundle = bundle.ok_or_else(|| InvalidToken::TrustDomain(id.trust_domain().to_owned()))?;
    let key = find(bundle, kid).ok_or_else(|| InvalidToken::Key(kid.to_owned()))?;
    if !jws.is_signed_by(&key) {
        return Err(InvalidToken::Signature);
    }
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let seconds = as_seconds(now);
    let end = time("exp").ok_or(InvalidToken::NoExpiry)?;
    if end <= seconds {
        return Err(InvalidToken::Expired);
    }
    let starts = [time("nbf"), time("iat")].into_iter().flatten();
    if starts.fold(f64::MIN, f64::max) > seconds + LEEWAY_SECONDS {
        return Err(InvalidToken::NotYetValid);
    }
    let is_for = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(audience)),
        Some(_) | None => false,
    };
    match is_for {
        true => Ok((id, claims)),
        false => Err(InvalidToken::Audience),
    }
}

/// Why a token is not a valid JWT-SVID.
#[derive(Debug, thiserror::Error)]
pub enum InvalidToken {
    /// Not a JWS in compact form.
    #[error("not a JWS in compact form: {0}")]
    Form(String),
    /// An algorithm that JWT-SVIDs may not have, or that is not supported.
    #[error("the algorithm '{}' is not one of ES256, ES384, ES512, RS256 and PS256", .0.escape_debug())]
    Algorithm(String),
    /// A type that JWT-SVIDs may not have.
    #[error("the type '{}' is neither JWT nor JOSE", .0.escape_debug())]
    Type(String),
    /// Claims that are not a JSON object.
    #[error("malformed claims: {0}")]
    Claims(String),
    /// The subject is not a SPIFFE ID.
    #[error("the subject is {0}")]
    Subject(#[from] crate::pki::spiffe::SpiffeIdError),
    /// No `kid`.
    #[error("no 'kid' in the header")]
    NoKeyId,
    /// A trust domain without a bundle.
    #[error("no bundle of the trust domain {}", .0.escape_debug())]
    TrustDomain(String),
    /// A key that is not in the bundle.
    #[error("no key '{}' in the bundle", .0.escape_debug())]
    Key(String),
    /// A signature of another key, or over something else.
    #[error("the signature is not valid")]
    Signature,
    /// No `exp`.
    #[error("no 'exp' claim")]
    NoExpiry,
    /// Expired.
    #[error("the token has expired")]
    Expired,
    /// Not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Not for this audience.
    #[error("the audience is not in the token")]
    Audience,
}

fn read(token: &str) -> Result<Jws, InvalidToken> {
    let form = |what: &str| InvalidToken::Form(what.to_owned());
    let parts: Vec<&str> = token.split('.').collect();
    let [protected, payload, signature] = parts[..] else {
        return Err(form("it does not have three parts"));
    };
    let is_base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|b| is_base64url(b) || b == b'.') {
        return Err(form("it is too long, or not base64url"));
    }
    let json =
        format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#);
    let jws = Jws::read(json.as_bytes()).map_err(|error| InvalidToken::Form(error.to_string()))?;
    if !ALGORITHMS.contains(&jws.header.alg.as_str()) {
        return Err(InvalidToken::Algorithm(jws.header.alg));
    }
    let header = jws::decode_base64url(protected).unwrap_or_default();
    let header: Map<String, Value> =
        serde_json::from_slice(&header).map_err(|error| InvalidToken::Form(error.to_string()))?;
    match header.get("typ") {
        None => Ok(jws),
        Some(Value::String(kind)) if kind == "JWT" || kind == "JOSE" => Ok(jws),
        Some(kind) => Err(InvalidToken::Type(kind.to_string())),
    }
}

/// The key of this name in a JWK Set.
fn find(bundle: &[u8], kid: &str) -> Option<PublicKey> {
    let set: Value = serde_json::from_slice(bundle).ok()?;
    let keys = set.get("keys")?.as_array()?;
    let is_named = |key: &&Value| key.get("kid").and_then(Value::as_str) == Some(kid);
    let key = keys.iter().find(is_named)?;
    let info = Jwk::read_public(&key.to_string()).ok()?;
    PublicKey::from_der(&info).ok()
}

#[expect(clippy::cast_precision_loss, reason = "seconds of any year are exact")]
fn as_seconds(time: OffsetDateTime) -> f64 {
    time.unix_timestamp() as f64
}

/// What the inventory has of a key.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    pkcs8: String,
    public_key: String,
    #[serde(with = "time::serde::rfc3339")]
    signs_from: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    signs_until: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    published_until: OffsetDateTime,
}

/// JWT-SVID §2.1, as far as they are supported.
const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "ES512", "RS256", "PS256"];
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const LEEWAY_SECONDS: f64 = 60.0;
const SIGNS_FOR: Duration = Duration::hours(24);
/// Several refresh intervals of those who fetch the bundle.
const PUBLISHED_BEFORE: Duration = Duration::hours(1);
const MAX_KEYS: usize = 1_000;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::store::{Opening, open};

    #[test]
    fn a_key_is_published_before_it_signs_and_as_long_as_its_tokens_are_valid() {
        let directory = tempfile::tempdir().unwrap();
        let mut inventory = open(&directory.path().join("inventory.db"), Opening::Create).unwrap();
        let mut at = |now| {
            rotate(&mut *inventory, TTL, now).unwrap();
            keys(&*inventory, now).unwrap()
        };
        let first = at(NOW);
        assert_eq!(first.len(), 1);
        assert_eq!(
            at(NOW + Duration::hours(22)).len(),
            1,
            "it still signs for long"
        );
        let both = at(NOW + Duration::hours(23));
        assert_eq!(both.len(), 2);
        let kid = |keys: &[JwtKey], now| {
            let token = sign(keys, &id(), &["a".into()], TTL, now).unwrap();
            read(&token).unwrap().header.kid.unwrap()
        };
        assert_eq!(kid(&both, NOW + Duration::hours(23)), first[0].kid);
        let later = NOW + Duration::hours(24);
        assert_ne!(kid(&at(later), later), first[0].kid);
        assert_eq!(at(later + Duration::minutes(59)).len(), 2);
        assert!(
            !at(NOW + Duration::hours(26))
                .iter()
                .any(|key| key.kid == first[0].kid)
        );
        assert!(matches!(
            sign(&[], &id(), &["a".into()], TTL, NOW),
            Err(Error::Workload(WorkloadError::NoJwtKey))
        ));
    }

    #[test]
    fn a_token_is_valid_for_its_audience_in_its_time() {
        let (keys, bundles) = published();
        let token = sign(&keys, &id(), &["a".into(), "b".into()], TTL, NOW).unwrap();
        let (found, claims) = validate(&token, "b", &bundles, NOW).unwrap();
        assert_eq!((found, &claims["aud"]), (id(), &json!(["a", "b"])));
        let end = NOW + TTL.duration();
        let before = NOW - Duration::minutes(2);
        for (audience, now, expected) in [
            ("c", NOW, "the audience is not in the token"),
            ("a", end, "the token has expired"),
            ("a", before, "the token is not valid yet"),
        ] {
            let error = validate(&token, audience, &bundles, now).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_token_of_another_form_key_or_trust_domain_is_refused() {
        let (keys, bundles) = published();
        let signed = |header: Value, claims: Value| {
            let part = |value: Value| jws::encode_base64url(value.to_string().as_bytes());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = keys[0].signing.sign(Algorithm::Es256, signed.as_bytes());
            format!("{signed}.{}", jws::encode_base64url(&signature.unwrap()))
        };
        let kid = &keys[0].kid;
        let of_type = |alg: &str, kind: &str| {
            let header = json!({"alg": alg, "kid": kid, "typ": kind});
            signed(header, claims("spiffe://example.org/a"))
        };
        let valid = of_type("ES256", "JOSE");
        assert!(validate(&valid, "a", &bundles, NOW).is_ok());
        let of_subject = |subject| signed(json!({"alg": "ES256", "kid": kid}), claims(subject));
        let of_header = |header| signed(header, claims("spiffe://example.org/a"));
        let endless = json!({"sub": "spiffe://example.org/a", "aud": "a"});
        let unsigned = valid.rsplit_once('.').unwrap().0;
        for (token, expected) in [
            (format!("{unsigned}.AAAA"), "the signature is not valid"),
            (unsigned.to_owned(), "not a JWS in compact form"),
            (valid.replace('.', "\".\""), "not a JWS in compact form"),
            (of_type("none", "JWT"), "the algorithm 'none' is not"),
            (of_type("HS256", "JWT"), "the algorithm 'HS256' is not"),
            (of_type("ES384", "JWT"), "the signature is not valid"),
            (of_type("ES256", "at+jwt"), "the type '"),
            (of_subject("alice"), "the subject is not a SPIFFE ID"),
            (
                of_subject("spiffe://b.org/a"),
                "no bundle of the trust domain b.org",
            ),
            (
                signed(json!({"alg": "ES256", "kid": kid}), endless),
                "no 'exp' claim",
            ),
            (of_header(json!({"alg": "ES256"})), "no 'kid' in the header"),
            (
                of_header(json!({"alg": "ES256", "kid": "x"})),
                "no key 'x' in the bundle",
            ),
        ] {
            let reason = validate(&token, "a", &bundles, NOW)
                .unwrap_err()
                .to_string();
            assert!(reason.starts_with(expected), "{reason}, not {expected}");
        }
    }

    fn published() -> (Vec<JwtKey>, BTreeMap<String, Vec<u8>>) {
        let directory = tempfile::tempdir().unwrap();
        let mut inventory = open(&directory.path().join("inventory.db"), Opening::Create).unwrap();
        rotate(&mut *inventory, TTL, NOW).unwrap();
        let keys = keys(&*inventory, NOW).unwrap();
        let set = json!({"keys": [keys[0].jwk]}).to_string().into_bytes();
        (
            keys,
            BTreeMap::from([("spiffe://example.org".to_owned(), set)]),
        )
    }

    fn claims(subject: &str) -> Value {
        let end = NOW + TTL.duration();
        json!({"sub": subject, "aud": "a", "exp": end.unix_timestamp()})
    }

    fn id() -> SpiffeId {
        "spiffe://example.org/agent/7".parse().unwrap()
    }

    const NOW: OffsetDateTime = datetime!(2026-11-01 00:00 UTC);
    const TTL: Lifetime = Lifetime::from_seconds(5 * 60);
}
