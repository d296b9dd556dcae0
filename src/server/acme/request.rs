//! Signed requests ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).

use std::sync::Arc;

use serde::Deserialize;
use time::OffsetDateTime;

use super::account::Account;
use super::document::Stored;
use super::nonce::{Nonce, Nonces, bad};
use super::problem::{Problem, ProblemType, Refusal};
use super::urls::Urls;
use crate::keys::{Jwk, JwkError, jwk_thumbprint};
use crate::message::jws::{Header, Jws, SIGNATURES, decode_base64url, read_json};
use crate::pki::public_key::{Curve, KeyKind, PublicKey};
use crate::store::Inventory;

/// A public key that signs requests.
#[derive(Debug)]
pub(super) struct AccountKey {
    info: Vec<u8>,
    key: PublicKey,
    thumbprint: String,
}

impl AccountKey {
    /// The key in a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When it is malformed, weak, or of a kind that is not supported.
    pub(super) fn new(info: Vec<u8>) -> Result<Self, Problem> {
        let refused = |what: String| Problem::new(ProblemType::BadPublicKey, what);
        let key = PublicKey::from_der(&info).map_err(|error| refused(error.to_string()))?;
        if let Some(weakness) = key.weakness() {
            return Err(refused(format!("the key cannot be used: {weakness}")));
        }
        if key.bits.is_some_and(|bits| bits > MAX_KEY_BITS) {
            return Err(refused(format!(
                "the key has more than {MAX_KEY_BITS} bits"
            )));
        }
        let thumbprint = jwk_thumbprint(&info).map_err(|error| refused(error.to_string()))?;
        let thumbprint =
            thumbprint.ok_or_else(|| refused("the key type is not supported".into()))?;
        Ok(AccountKey {
            info,
            key,
            thumbprint,
        })
    }

    /// The key in a JWK.
    ///
    /// # Errors
    /// As [`AccountKey::new`].
    pub(super) fn of_jwk(json: &str) -> Result<Self, Problem> {
        let refused = |error: JwkError| Problem::new(ProblemType::BadPublicKey, error.to_string());
        AccountKey::new(Jwk::read_public(json).map_err(refused)?)
    }

    /// The key of an account.
    ///
    /// # Errors
    /// Never for one that was stored here.
    pub(super) fn of_account(account: &Account) -> Result<Self, Problem> {
        AccountKey::new(decode_base64url(&account.public_key).unwrap_or_default())
    }

    /// Its SubjectPublicKeyInfo.
    pub(super) fn info(&self) -> &[u8] {
        &self.info
    }

    /// Its thumbprint ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Whether it signed the request.
    ///
    /// # Errors
    /// When it did not.
    pub(super) fn verify(&self, jws: &Jws) -> Result<(), Problem> {
        if !fits(&jws.header.alg, self.key.kind) {
            return Err(Problem::algorithm(&jws.header.alg));
        }
        if jws.is_signed_by(&self.key) {
            Ok(())
        } else {
            let detail = "the signature is not by the key of the request";
            Err(Problem::unauthorized(detail).with_status(401))
        }
    }
}

/// A request whose form and URL are right, with a nonce of ours. Its signature is not verified yet.
#[derive(Debug)]
pub(super) struct Unverified {
    jws: Jws,
    nonce: Nonce,
    /// How it names its key.
    pub(super) signer: Signer,
}

/// How a request names its key.
#[derive(Debug)]
pub(super) enum Signer {
    /// By the account's id.
    Account(String),
    /// In itself.
    Key(Arc<AccountKey>),
}

/// Who is to have signed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// An account.
    Account,
    /// A key in the request.
    Key,
    /// Either.
    Either,
}

impl Unverified {
    /// Reads the body of a request to a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(
        body: &[u8],
        path: &str,
        expected: Expected,
        urls: &Urls,
        nonces: &Nonces,
        now: OffsetDateTime,
    ) -> Result<Self, Problem> {
        let jws = Jws::read(body).map_err(|error| Problem::malformed(error.to_string()))?;
        check_algorithm(&jws.header)?;
        check_url(&jws.header, path, urls)?;
        let signer = signer(&jws.header, expected, urls)?;
        let nonce = jws.header.nonce.as_deref();
        let nonce = nonce.ok_or_else(|| bad("the request has no nonce"))?;
        let nonce = nonces.read(nonce, now)?;
        Ok(Unverified { jws, nonce, signer })
    }

    /// Whether it is signed with this key.
    pub(super) fn is_signed_by(&self, key: &AccountKey) -> bool {
        key.verify(&self.jws).is_ok()
    }

    /// The request, if it is signed with this key.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn verify(self, key: Arc<AccountKey>) -> Result<SignedRequest, Problem> {
        key.verify(&self.jws)?;
        Ok(self.verified(key))
    }

    /// The request, whose signature was verified with this key.
    pub(super) fn verified(self, key: Arc<AccountKey>) -> SignedRequest {
        let account = match self.signer {
            Signer::Account(id) => Some(id),
            Signer::Key(_) => None,
        };
        SignedRequest {
            payload: self.jws.payload,
            key,
            account,
            nonce: self.nonce,
        }
    }
}

/// A request that its key signed. Its nonce is used when it is admitted.
#[derive(Debug)]
pub(super) struct SignedRequest {
    /// What it asks.
    pub(super) payload: Vec<u8>,
    /// The key.
    pub(super) key: Arc<AccountKey>,
    account: Option<String>,
    nonce: Nonce,
}

impl SignedRequest {
    /// Uses its nonce, and gives its account as it is now.
    ///
    /// # Errors
    /// When the nonce was used, the account is not valid or has another key now, or the request names none.
    pub(super) fn admit(&self, inventory: &mut dyn Inventory) -> Result<Stored<Account>, Refusal> {
        self.nonce.consume(inventory)?;
        let id = self.account.as_deref().unwrap_or_default();
        let account = Stored::<Account>::load(inventory, id)?.ok_or_else(no_account)?;
        account.value.check()?;
        let own = decode_base64url(&account.value.public_key);
        if own.as_deref() != Some(self.key.info()) {
            let detail = "the account has another key now";
            return Err(Problem::unauthorized(detail).with_status(401).into());
        }
        Ok(account)
    }

    /// Uses its nonce, of a request that a key of its own signs.
    ///
    /// # Errors
    /// When it was used.
    pub(super) fn admit_key(&self, inventory: &mut dyn Inventory) -> Result<(), Refusal> {
        self.nonce.consume(inventory)
    }

    /// Whether an account signed it.
    pub(super) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The payload as JSON.
    ///
    /// # Errors
    /// When it is not of this form.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        let malformed = |error| Problem::malformed(format!("the payload is malformed: {error}"));
        read_json(&self.payload).map_err(malformed)
    }

    /// Refuses a payload: the request only reads (RFC 8555 §6.3).
    ///
    /// # Errors
    /// When there is one.
    pub(super) fn check_is_get(&self) -> Result<(), Problem> {
        if self.payload.is_empty() {
            Ok(())
        } else {
            Err(Problem::malformed(
                "a request that only reads has an empty payload",
            ))
        }
    }
}

/// An account that is not known.
pub(super) fn no_account() -> Problem {
    Problem::new(ProblemType::AccountDoesNotExist, "there is no such account")
}

fn check_algorithm(header: &Header) -> Result<(), Problem> {
    if SIGNATURES.contains(&header.alg.as_str()) {
        Ok(())
    } else {
        Err(Problem::algorithm(&header.alg))
    }
}

/// Whether the request was sent where it says (RFC 8555 §6.4).
fn check_url(header: &Header, path: &str, urls: &Urls) -> Result<(), Problem> {
    let url = header.url.as_deref();
    let url =
        url.ok_or_else(|| Problem::malformed("the request has no 'url' in its protected header"))?;
    if urls.path(url) == Some(path) {
        Ok(())
    } else {
        let detail = format!("the request is signed for another URL: '{url}'");
        Err(Problem::unauthorized(detail).with_status(401))
    }
}

fn signer(header: &Header, expected: Expected, urls: &Urls) -> Result<Signer, Problem> {
    match (&header.jwk, &header.kid) {
        (Some(_), Some(_)) => Err(Problem::malformed("the request has both 'jwk' and 'kid'")),
        (None, None) => Err(Problem::malformed(
            "the request has neither 'jwk' nor 'kid'",
        )),
        (Some(_), None) if expected == Expected::Account => Err(Problem::malformed(
            "the request is to be signed by an account, named by 'kid'",
        )),
        (None, Some(_)) if expected == Expected::Key => Err(Problem::malformed(
            "the request is to be signed by the key in its 'jwk'",
        )),
        (Some(jwk), None) => Ok(Signer::Key(Arc::new(AccountKey::of_jwk(jwk.get())?))),
        (None, Some(kid)) => {
            let id = urls.account_id(kid).ok_or_else(no_account)?;
            Ok(Signer::Account(id.to_owned()))
        }
    }
}

/// Whether a key of this kind signs with this algorithm.
fn fits(alg: &str, kind: KeyKind) -> bool {
    match kind {
        KeyKind::Ec(Curve::P256) => alg == "ES256",
        KeyKind::Ec(Curve::P384) => alg == "ES384",
        KeyKind::Ec(Curve::P521) => alg == "ES512",
        KeyKind::Ed25519 => matches!(alg, "EdDSA" | "Ed25519"),
        KeyKind::Rsa => matches!(alg, "RS256" | "PS256"),
        KeyKind::Ec(_)
        | KeyKind::RsaPss
        | KeyKind::EcOther
        | KeyKind::EcExplicit
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => false,
    }
}

const MAX_KEY_BITS: usize = 8_192;
