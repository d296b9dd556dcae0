//! Signed HTTP requests ([RFC 9421](https://www.rfc-editor.org/rfc/rfc9421)) with the digest of their body
//! ([RFC 9530](https://www.rfc-editor.org/rfc/rfc9530)).

use ring::digest::{SHA256, SHA512, digest};
use ring::hmac;
use serde::Serialize;
use sfv::{BareItem, DictSerializer, Dictionary, InnerList, Item, Key, List, ListEntry, Parser};
use time::{Duration, OffsetDateTime};

pub use super::request_signer::{RequestDraft, RequestSigner};

use super::receiver::{EventKind, MAX_SKEW, MIN_IDEMPOTENCY, Trail};
use super::request::Request;
use super::shared::SharedKey;
use super::trust::{Trust, thumbprint};
use super::{Algorithm, Denial, Event, Reason};
use crate::pki::certificate::Certificate;
use crate::store::{Replay, ReplayId, StoreError};

/// What a verifier requires of every request.
#[derive(Debug)]
pub struct RequestVerifier {
    /// What signatures are verified with.
    pub key: VerificationKey,
    /// What must be covered.
    pub components: Vec<String>,
    /// How long ago a request may have been signed.
    pub max_age: Duration,
    /// The longest that a signature may be valid.
    pub max_lifetime: Duration,
    /// The name of the signature; `None` for the only one.
    pub label: Option<String>,
    /// The scheme of the target.
    pub scheme: String,
    /// The largest request, in bytes.
    pub max_size: usize,
}

/// What signatures of requests are verified with.
#[derive(Debug)]
pub enum VerificationKey {
    /// The certificate in the request, under these anchors.
    Trust(Trust),
    /// This certificate, with its intermediates, under these anchors.
    Pinned(Trust, Vec<Certificate>),
    /// A key that both sides have, and its name.
    Shared(SharedKey, String),
}

/// A request whose signature is valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedRequest {
    /// The name of the key.
    pub keyid: String,
    /// The first name of the certificate; `None` for a shared key.
    pub subject: Option<String>,
    /// The algorithm.
    pub alg: String,
    /// When it was signed, in seconds since 1970.
    pub created: i64,
    /// When it expires, likewise.
    pub expires: Option<i64>,
    /// The nonce.
    pub nonce: Option<String>,
    /// What is covered.
    pub components: Vec<String>,
    /// The name of the signature.
    pub label: String,
}

impl RequestVerifier {
    /// Verifies a request and records its nonce. Each step is reported to `log` before anything is returned.
    ///
    /// # Errors
    /// When the replay database or the log cannot be written. That the request is refused is the inner error.
    pub fn receive<E: From<StoreError>>(
        &self,
        request: &[u8],
        replay: Option<&mut Replay>,
        log: &mut dyn FnMut(&Event<'_>) -> Result<(), E>,
        now: OffsetDateTime,
    ) -> Result<Result<VerifiedRequest, Denial>, E> {
        let mut trail = Trail::new(log, now);
        let verified = match self.verify(request, replay.is_some(), &mut trail) {
            Ok(verified) => verified,
            Err(denial) => return trail.deny(denial),
        };
        let seconds = |time: i64| OffsetDateTime::from_unix_timestamp(time).unwrap_or(now);
        let end = seconds(verified.created).saturating_add(self.max_age);
        let end = verified
            .expires
            .map_or(end, |expires| end.max(seconds(expires)));
        let id = ReplayId {
            kind: "nonce",
            owner: &verified.keyid,
            id: verified.nonce.as_deref().unwrap_or_default(),
            until: end
                .saturating_add(MAX_SKEW)
                .max(now.saturating_add(MIN_IDEMPOTENCY)),
        };
        let recording = match replay.map(|replay| replay.record(&[id], now)).transpose()? {
            Some(None) => {
                return trail.deny(Denial::new(Reason::Replayed, "its nonce was seen before"));
            }
            recording => recording.flatten(),
        };
        trail.report(EventKind::Received, None)?;
        trail.report(EventKind::Authorization, Some(Ok(())))?;
        if let Some(recording) = recording {
            recording.commit()?;
        }
        Ok(Ok(verified))
    }

    fn verify<E>(
        &self,
        request: &[u8],
        is_recorded: bool,
        trail: &mut Trail<'_, E>,
    ) -> Result<VerifiedRequest, Denial> {
        if request.len() > self.max_size {
            let detail = format!("the request is larger than {} bytes", self.max_size);
            return Err(Denial::new(Reason::TooLarge, detail));
        }
        let request = Request::read(request, &self.scheme).map_err(Denial::malformed)?;
        let (label, list, signature) = self.signature(&request)?;
        let verified = read_parameters(label, &list)?;
        self.check_coverage(&request, &verified, is_recorded)?;
        let parameters = serialized(&list).map_err(Denial::malformed)?;
        let base = base(&request, &list, &parameters).map_err(Denial::malformed)?;
        let now = trail.now;
        let verified = self.authenticate(&request, verified, base.as_bytes(), &signature, now)?;
        check_digest(&request)?;
        trail.is_authentic = true;
        trail.request = (verified.nonce.clone(), verified.subject.clone());
        self.check_times(&verified, now)?;
        Ok(verified)
    }

    /// The signature that is meant: its name, what it covers, and its bytes.
    fn signature(&self, request: &Request) -> Result<(String, InnerList, Vec<u8>), Denial> {
        let dictionary = |name: &str| {
            let value = request
                .field(name)
                .ok_or_else(|| Denial::malformed(format_args!("it has no {name}")))?;
            Parser::new(&value)
                .parse::<Dictionary>()
                .map_err(Denial::malformed)
        };
        let mut inputs = dictionary(INPUT)?;
        let mut signatures = dictionary(SIGNATURE)?;
        let label = match (&self.label, inputs.len()) {
            (Some(label), _) => label.clone(),
            (None, 1) => inputs
                .keys()
                .next()
                .map(ToString::to_string)
                .unwrap_or_default(),
            (None, _) => {
                return Err(Denial::malformed(
                    "it has several signatures; choose one with `--label`",
                ));
            }
        };
        match (inputs.swap_remove(&*label), signatures.swap_remove(&*label)) {
            (Some(ListEntry::InnerList(list)), Some(ListEntry::Item(item))) => match item.bare_item
            {
                BareItem::ByteSequence(signature) => Ok((label, list, signature)),
                _ => Err(Denial::malformed("its signature is not a byte sequence")),
            },
            _ => Err(Denial::malformed(format_args!(
                "it has no signature '{}'",
                label.escape_debug()
            ))),
        }
    }

    fn check_coverage(
        &self,
        request: &Request,
        verified: &VerifiedRequest,
        is_recorded: bool,
    ) -> Result<(), Denial> {
        let mut required: Vec<&str> = self.components.iter().map(String::as_str).collect();
        if request.has_body() {
            required.push(DIGEST);
        }
        if let VerificationKey::Trust(_) = self.key {
            required.push(CERTIFICATE);
        }
        let is_missing =
            |name: &&&str| !verified.components.iter().any(|covered| covered == **name);
        if let Some(name) = required.iter().find(is_missing) {
            return Err(Denial::malformed(format_args!(
                "the signature does not cover {name}"
            )));
        }
        if is_recorded && verified.nonce.is_none() {
            return Err(Denial::malformed("the signature has no nonce"));
        }
        if verified
            .expires
            .is_some_and(|expires| expires <= verified.created)
        {
            return Err(Denial::malformed(
                "the signature expires before it was created",
            ));
        }
        Ok(())
    }

    /// Checks the signer and the signature, and says who it is.
    fn authenticate(
        &self,
        request: &Request,
        verified: VerifiedRequest,
        base: &[u8],
        signature: &[u8],
        now: OffsetDateTime,
    ) -> Result<VerifiedRequest, Denial> {
        let wrong = |detail: &str| Err(Denial::new(Reason::BadSignature, detail));
        let signer = match &self.key {
            VerificationKey::Shared(key, keyid) => {
                let is_ours = verified.keyid == *keyid && ["", HMAC].contains(&&*verified.alg);
                if !is_ours || hmac::verify(&mac_key(key), base, signature).is_err() {
                    return wrong("the signature is not one of the shared key");
                }
                return Ok(VerifiedRequest {
                    alg: HMAC.into(),
                    ..verified
                });
            }
            VerificationKey::Pinned(trust, chain) => trust.judge(chain, now)?,
            VerificationKey::Trust(trust) => {
                let chain = carried_chain(request)?;
                let first = chain.first().map(thumbprint);
                if first.as_ref() != Some(&verified.keyid) {
                    return Err(Denial::malformed(
                        "keyid is not the thumbprint of its Agent-Certificate",
                    ));
                }
                trust.judge(&chain, now)?
            }
        };
        let Some(algorithm) = Algorithm::of_request(signer.key.kind) else {
            return wrong("the certificate's key cannot sign requests");
        };
        let name = algorithm.http_name().unwrap_or_default();
        if !["", name].contains(&&*verified.alg)
            || !algorithm.verifies(&signer.key, base, signature)
        {
            return wrong("the signature is not one of the certificate's key");
        }
        let (alg, subject) = (name.to_owned(), signer.identities.into_iter().next());
        Ok(VerifiedRequest {
            alg,
            subject,
            ..verified
        })
    }

    fn check_times(&self, verified: &VerifiedRequest, now: OffsetDateTime) -> Result<(), Denial> {
        let now = now.unix_timestamp();
        let age = now.saturating_sub(verified.created);
        let denied = |reason, detail| Err(Denial::new(reason, detail));
        if age > self.max_age.whole_seconds()
            || verified.expires.is_some_and(|expires| expires <= now)
        {
            return denied(Reason::ExpiredMessage, "the signature has expired");
        }
        if -age > MAX_SKEW.whole_seconds() {
            return denied(Reason::NotYetValid, "the signature is from the future");
        }
        let lifetime = verified
            .expires
            .map(|expires| expires.saturating_sub(verified.created));
        if lifetime.is_some_and(|lifetime| lifetime > self.max_lifetime.whole_seconds()) {
            return denied(Reason::LifetimeTooLong, "the signature is valid too long");
        }
        Ok(())
    }
}

/// The components and parameters of a signature; `alg` is empty where there is none.
fn read_parameters(label: String, list: &InnerList) -> Result<VerifiedRequest, Denial> {
    let mut components: Vec<String> = Vec::new();
    for item in &list.items {
        let name = item
            .bare_item
            .as_string()
            .filter(|_| item.params.is_empty());
        let name = name
            .ok_or_else(|| Denial::malformed("a component has parameters, or is not a string"))?;
        if components.iter().any(|covered| covered == name.as_str()) {
            return Err(Denial::malformed("a component is covered twice"));
        }
        components.push(name.as_str().to_owned());
    }
    let wrong = |name: &str| {
        Denial::malformed(format_args!(
            "parameter {name} is missing or of another type"
        ))
    };
    let integer = |name: &str| match list.params.get(name) {
        Some(value) => value
            .as_integer()
            .map(|one| Some(i64::from(one)))
            .ok_or_else(|| wrong(name)),
        None => Ok(None),
    };
    let string = |name: &str| match list.params.get(name) {
        Some(value) => value
            .as_string()
            .map(|one| Some(one.as_str().to_owned()))
            .ok_or_else(|| wrong(name)),
        None => Ok(None),
    };
    let alg = string("alg")?.unwrap_or_default();
    if !alg.is_empty() && !ALGORITHMS.contains(&&*alg) {
        return Err(Denial::malformed(format_args!(
            "alg '{alg}' is not supported"
        )));
    }
    Ok(VerifiedRequest {
        keyid: string("keyid")?.ok_or_else(|| wrong("keyid"))?,
        subject: None,
        alg,
        created: integer("created")?.ok_or_else(|| wrong("created"))?,
        expires: integer("expires")?,
        nonce: string("nonce")?,
        components,
        label,
    })
}

/// The certificates in a request.
fn carried_chain(request: &Request) -> Result<Vec<Certificate>, Denial> {
    let value = request.field(CERTIFICATE).unwrap_or_default();
    let list: List = Parser::new(&value).parse().map_err(Denial::malformed)?;
    list.into_iter()
        .map(|entry| match entry {
            ListEntry::Item(Item {
                bare_item: BareItem::ByteSequence(der),
                ..
            }) => Certificate::from_der(der).map_err(Denial::malformed),
            _ => Err(Denial::malformed(
                "Agent-Certificate is not a list of byte sequences",
            )),
        })
        .collect()
}

/// Whether every digest that we know is the body's; a body needs one.
pub(super) fn check_digest(request: &Request) -> Result<(), Denial> {
    let Some(value) = request.field(DIGEST) else {
        return Ok(());
    };
    let digests: Dictionary = Parser::new(&value).parse().map_err(Denial::malformed)?;
    let mut known = 0;
    for (name, algorithm) in [("sha-256", &SHA256), ("sha-512", &SHA512)] {
        let Some(entry) = digests.get(name) else {
            continue;
        };
        let ListEntry::Item(item) = entry else {
            return Err(Denial::malformed("Content-Digest is not a byte sequence"));
        };
        if item.bare_item.as_byte_sequence() != Some(digest(algorithm, request.body()).as_ref()) {
            return Err(Denial::new(
                Reason::BadSignature,
                "Content-Digest is not the body's",
            ));
        }
        known += 1;
    }
    if known == 0 {
        return Err(Denial::malformed(
            "Content-Digest has neither sha-256 nor sha-512",
        ));
    }
    Ok(())
}

/// What is signed (RFC 9421 §2.5).
pub(super) fn base(
    request: &Request,
    list: &InnerList,
    parameters: &str,
) -> Result<String, String> {
    let mut base = String::new();
    for item in &list.items {
        let name = item.bare_item.as_string().map_or("", |name| name.as_str());
        let value = request
            .component(name)
            .ok_or_else(|| format!("it has no {}", name.escape_debug()))?;
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    Ok(base)
}

/// An inner list as a structured field has it.
pub(super) fn serialized(list: &InnerList) -> Result<String, String> {
    let mut serializer = DictSerializer::new();
    let name = Key::from_string("x".into()).map_err(|(error, _)| error.to_string())?;
    serializer.members([(&name, &ListEntry::InnerList(list.clone()))]);
    let text = serializer.finish().unwrap_or_default();
    Ok(text.strip_prefix("x=").unwrap_or_default().to_owned())
}

pub(super) fn mac_key(key: &SharedKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.bytes())
}

/// What signatures cover when nothing is said.
pub const DEFAULT_COMPONENTS: [&str; 3] = ["@method", "@target-uri", "@authority"];
/// The name of a shared key when nothing is said.
pub const SHARED_KEY_ID: &str = "shared";
pub(super) const HMAC: &str = "hmac-sha256";
const ALGORITHMS: [&str; 5] = [
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "ed25519",
    "rsa-pss-sha512",
    HMAC,
];
pub(super) const DIGEST: &str = "content-digest";
pub(super) const CERTIFICATE: &str = "agent-certificate";
pub(super) const INPUT: &str = "signature-input";
const SIGNATURE: &str = "signature";

#[cfg(test)]
mod tests {
    use super::super::base64;
    use super::*;
    use crate::pki::public_key::PublicKey;

    /// The signed bytes and the signature of a request from RFC 9421 appendix B.2 with these two fields.
    fn example(input: &str, signature: &str) -> (String, Vec<u8>) {
        let request = Request::read(REQUEST, "https").unwrap();
        let inputs: Dictionary = Parser::new(input).parse().unwrap();
        let Some(ListEntry::InnerList(list)) = inputs.values().next() else {
            panic!("{input}");
        };
        let parameters = serialized(list).unwrap();
        assert!(input.ends_with(&parameters));
        let signature = base64::decode(signature).unwrap();
        (base(&request, list, &parameters).unwrap(), signature)
    }

    #[test]
    fn the_mac_of_rfc_9421_appendix_b_2_5_verifies() {
        let key = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
        let key = SharedKey::read_for_mac(key.as_bytes()).unwrap();
        let (base, signature) = example(
            r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
            "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
        );
        assert!(hmac::verify(&mac_key(&key), base.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn the_signature_of_rfc_9421_appendix_b_2_6_verifies() {
        let key = base64::decode_url("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs").unwrap();
        let info = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        let key = PublicKey::from_der(&[&info[..], &key].concat()).unwrap();
        let (base, signature) = example(
            r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
        );
        assert!(Algorithm::EdDsa.verifies(&key, base.as_bytes(), &signature));
    }

    #[test]
    fn components_are_as_rfc_9421_section_2_2_has_them() {
        let request = Request::read(REQUEST, "https").unwrap();
        for (name, value) in [
            ("@method", "POST"),
            ("@target-uri", "https://example.com/foo?param=Value&Pet=dog"),
            ("@authority", "example.com"),
            ("@scheme", "https"),
            ("@request-target", "/foo?param=Value&Pet=dog"),
            ("@path", "/foo"),
            ("@query", "?param=Value&Pet=dog"),
            ("content-length", "18"),
        ] {
            assert_eq!(request.component(name).as_deref(), Some(value));
        }
        assert!(check_digest(&request).is_ok());
    }

    const REQUEST: &[u8] = b"POST /foo?param=Value&Pet=dog HTTP/1.1\r\nHost: example.com\r\nDate: Tue, 20 Apr 2021 02:07:55 GMT\r\nContent-Type: application/json\r\nContent-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\r\nContent-Length: 18\r\n\r\n{\"hello\": \"world\"}";
}
