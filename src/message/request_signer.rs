//! Signing HTTP requests.

use ring::digest::{SHA256, digest};
use ring::hmac;
use sfv::{BareItem, Dictionary, InnerList, Integer, Item, Key, Parameters, Parser};
use time::{Duration, OffsetDateTime};

use super::http::{
    CERTIFICATE, DEFAULT_COMPONENTS, DIGEST, HMAC, INPUT, SHARED_KEY_ID, base, check_digest,
    mac_key, serialized,
};
use super::request::Request;
use super::sender::leaf_and_chain;
use super::shared::SharedKey;
use super::trust::thumbprint;
use super::{MessageError, SigningKey, base64};
use crate::keys::random_bytes;
use crate::pki::certificate::Certificate;

/// How a request is to be signed.
#[derive(Clone, Debug)]
pub struct RequestDraft {
    /// What the signature covers; `None` for method, target, authority, and content-digest and content-type if there.
    pub components: Option<Vec<String>>,
    /// How long the signature is valid.
    pub ttl: Duration,
    /// The name of the signature.
    pub label: String,
    /// What the signature is for.
    pub tag: Option<String>,
    /// The scheme of the target, for it is not in the request.
    pub scheme: String,
    /// The name of the key; `None` for the certificate's thumbprint, or `shared`.
    pub keyid: Option<String>,
}

/// What a request is signed with.
#[derive(Debug)]
pub enum RequestSigner {
    /// A certificate, the intermediates behind it, and its key.
    Certificate(Vec<Certificate>, Box<SigningKey>),
    /// A key that both sides have.
    Shared(SharedKey),
}

impl RequestSigner {
    /// Adds Content-Digest (where there is a body), Agent-Certificate, Signature-Input and Signature to a request.
    ///
    /// # Errors
    /// When it is not a request, has not what the signature is to cover, or a value cannot be in a signature.
    pub fn sign(
        &self,
        request: &[u8],
        draft: &RequestDraft,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, MessageError> {
        let failed = |what: String| MessageError::Request { what };
        let mut request = Request::read(request, &draft.scheme).map_err(failed)?;
        if request.has_body() && request.field(DIGEST).is_none() {
            let value = format!(
                "sha-256=:{}:",
                base64::encode(digest(&SHA256, request.body()).as_ref())
            );
            request.add("Content-Digest", &value);
        }
        check_digest(&request).map_err(|denial| failed(denial.detail))?;
        let (alg, keyid) = match self {
            RequestSigner::Shared(_) => (HMAC, SHARED_KEY_ID.to_owned()),
            RequestSigner::Certificate(chain, key) => {
                if request.field(CERTIFICATE).is_some() {
                    return Err(failed("it already has an Agent-Certificate".into()));
                }
                let (leaf, carried) = leaf_and_chain(chain)?;
                let carried = carried
                    .iter()
                    .map(|one| format!(":{}:", base64::encode(one.as_der())));
                request.add("Agent-Certificate", &carried.collect::<Vec<_>>().join(", "));
                let algorithm = key.request_algorithm()?;
                (algorithm.http_name().unwrap_or_default(), thumbprint(leaf))
            }
        };
        let keyid = draft.keyid.clone().unwrap_or(keyid);
        let list = self.covered(&request, draft, alg, &keyid, now)?;
        let label = Key::from_string(draft.label.clone())
            .map_err(|_| failed(format!("'{}' cannot be a label", draft.label)))?;
        let is_taken = request.field(INPUT).is_some_and(|value| {
            let inputs: Result<Dictionary, _> = Parser::new(&value).parse();
            inputs.map_or(true, |inputs| inputs.contains_key(&label))
        });
        if is_taken {
            return Err(failed(format!("it already has a signature '{label}'")));
        }
        let parameters = serialized(&list).map_err(failed)?;
        let base = base(&request, &list, &parameters).map_err(failed)?;
        let signature = match self {
            RequestSigner::Certificate(_, key) => {
                key.sign(key.request_algorithm()?, base.as_bytes())?
            }
            RequestSigner::Shared(key) => {
                hmac::sign(&mac_key(key), base.as_bytes()).as_ref().to_vec()
            }
        };
        request.add("Signature-Input", &format!("{label}={parameters}"));
        request.add(
            "Signature",
            &format!("{label}=:{}:", base64::encode(&signature)),
        );
        Ok(request.into_bytes())
    }

    /// What is covered, and the parameters of the signature.
    fn covered(
        &self,
        request: &Request,
        draft: &RequestDraft,
        alg: &str,
        keyid: &str,
        now: OffsetDateTime,
    ) -> Result<InnerList, MessageError> {
        let failed = |what: String| MessageError::Request { what };
        let defaults = || {
            let present = [DIGEST, "content-type"]
                .into_iter()
                .filter(|name| request.field(name).is_some());
            DEFAULT_COMPONENTS
                .into_iter()
                .chain(present)
                .map(str::to_owned)
                .collect()
        };
        let mut names: Vec<String> = draft.components.clone().unwrap_or_else(defaults);
        let mut require = |name: &str| {
            if !names.iter().any(|one| one == name) {
                names.push(name.to_owned());
            }
        };
        if request.has_body() {
            require(DIGEST);
        }
        if let RequestSigner::Certificate(..) = self {
            require(CERTIFICATE);
        }
        let string = |text: &str| {
            sfv::String::from_string(text.to_owned())
                .map_err(|_| failed(format!("'{}' is not ASCII", text.escape_debug())))
        };
        let integer = |seconds: i64| {
            Integer::try_from(seconds).map_err(|_| failed("its time is out of range".into()))
        };
        let created = now.unix_timestamp();
        let nonce = base64::encode_url(&random_bytes::<16>()?);
        let mut parameters: Vec<(&str, BareItem)> = vec![
            ("created", integer(created)?.into()),
            (
                "expires",
                integer(created.saturating_add(draft.ttl.whole_seconds()))?.into(),
            ),
            ("nonce", string(&nonce)?.into()),
            ("alg", string(alg)?.into()),
            ("keyid", string(keyid)?.into()),
        ];
        if let Some(tag) = &draft.tag {
            parameters.push(("tag", string(tag)?.into()));
        }
        let items = names.iter().map(|name| string(name).map(Item::new));
        let items = items.collect::<Result<_, _>>()?;
        Ok(InnerList::with_params(items, keyed(parameters)))
    }
}

fn keyed(parameters: Vec<(&str, BareItem)>) -> Parameters {
    let keyed = |(name, value): (&str, BareItem)| {
        Key::from_string(name.into()).ok().map(|key| (key, value))
    };
    parameters.into_iter().filter_map(keyed).collect()
}
