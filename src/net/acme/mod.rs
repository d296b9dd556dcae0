//! An ACME client ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555)): one method for each request, in the
//! order in which they are made.
//!
//! It keeps no state but nonces. A request whose answer is lost is repeated only where that cannot do anything
//! twice; the caller asks the server how far the rest is.

mod error;
mod signing;
mod wire;

use std::time::{Duration, Instant};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::https::{Answer, Https, HttpsError, host_of};

pub use error::AcmeError;
pub(crate) use signing::authorization_digest;
pub use signing::{AccountKey, ExternalAccount, txt_value};
pub use wire::{
    Account, Authorization, Challenge, Directory, Identifier, Meta, Order, Problem, RenewalInfo,
    Status,
};

/// A client of one server, with one account.
pub struct Client {
    https: Https,
    server: String,
    directory: Directory,
    key: AccountKey,
    account: Option<String>,
    nonce: Option<String>,
    opened: (OffsetDateTime, Instant),
}

/// A certificate as a server gives it.
#[derive(Debug)]
pub struct IssuedChain {
    /// The certificate and its intermediates, as PEM.
    pub pem: Vec<u8>,
    /// URLs of the same certificate with other chains.
    pub alternates: Vec<String>,
}

impl Client {
    /// Reads a server's directory.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn open(
        https: Https,
        url: &str,
        key: AccountKey,
        now: OffsetDateTime,
    ) -> Result<Self, AcmeError> {
        let opened = (now, Instant::now());
        let directory = directory(&https, url, opened)?;
        Ok(Client {
            server: host_of(url).unwrap_or_else(|| url.to_owned()),
            https,
            directory,
            key,
            account: None,
            nonce: None,
            opened,
        })
    }

    /// What the server offers.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The current time: that of the start and what has passed since.
    pub fn now(&self) -> OffsetDateTime {
        self.opened.0 + self.opened.1.elapsed()
    }

    /// The account's key.
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Signs with this key from now on.
    pub fn set_key(&mut self, key: AccountKey) {
        self.key = key;
    }

    /// The name of the server for people: its host.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Uses the account at this URL.
    pub fn set_account(&mut self, url: &str) {
        self.account = Some(url.to_owned());
    }

    /// Creates an account for the key, or finds the one that the server has for it. Gives its URL.
    ///
    /// # Errors
    /// When the server refuses, or there is no answer.
    pub fn create_account(
        &mut self,
        contact: &[String],
        external: Option<&ExternalAccount>,
    ) -> Result<(String, Account), AcmeError> {
        let url = self.directory.new_account.clone();
        let mut payload = json!({"termsOfServiceAgreed": true});
        if !contact.is_empty() {
            payload["contact"] = json!(contact);
        }
        if let Some(external) = external {
            payload["externalAccountBinding"] = external.binding(&self.key, &url);
        }
        self.account = None;
        let answer = self.again(|client| client.post(&url, Some(&payload)))?;
        let location = location(&answer, &url)?;
        self.account = Some(location.clone());
        Ok((location, read(&answer, &url)?))
    }

    /// The account as the server has it.
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn account(&mut self) -> Result<Account, AcmeError> {
        let url = self.account_url()?;
        self.get(&url)
    }

    /// Changes the account: `contact`, or `status`.
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn change_account(&mut self, change: &Value) -> Result<Account, AcmeError> {
        let url = self.account_url()?;
        let answer = self.again(|client| client.post(&url, Some(change)))?;
        read(&answer, &url)
    }

    /// Gives the account another key ([RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn roll_over(&mut self, new: AccountKey) -> Result<(), AcmeError> {
        let url = self.directory.key_change.clone();
        let url = url.ok_or_else(|| self.malformed("it offers no key change"))?;
        let account = self.account_url()?;
        let payload = json!({"account": account, "oldKey": self.key.jwk()});
        let inner = new.inner(&url, &payload);
        self.post(&url, Some(&inner))?;
        self.key = new;
        Ok(())
    }

    /// The orders that the server lists for the account; empty when it lists none.
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn orders(&mut self) -> Result<Vec<String>, AcmeError> {
        #[derive(serde::Deserialize)]
        struct Orders {
            orders: Vec<String>,
        }
        match self.account()?.orders {
            Some(url) => Ok(self.get::<Orders>(&url)?.orders),
            None => Ok(Vec::new()),
        }
    }

    /// Orders a certificate. Gives the order's URL.
    ///
    /// # Errors
    /// As [`Client::create_account`]. After a lost answer the order may exist.
    pub fn new_order(
        &mut self,
        identifiers: &[Identifier],
        profile: Option<&str>,
        replaces: Option<&str>,
    ) -> Result<(String, Order), AcmeError> {
        let url = self.directory.new_order.clone();
        let mut payload = json!({"identifiers": identifiers});
        if let Some(profile) = profile {
            payload["profile"] = json!(profile);
        }
        if let Some(replaces) = replaces {
            payload["replaces"] = json!(replaces);
        }
        let answer = self.post(&url, Some(&payload))?;
        Ok((location(&answer, &url)?, read(&answer, &url)?))
    }

    /// An order, and when the server wants to be asked again.
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn order(&mut self, url: &str) -> Result<(Order, Option<OffsetDateTime>), AcmeError> {
        let answer = self.again(|client| client.post(url, None))?;
        Ok((read(&answer, url)?, answer.retry_after(self.now())))
    }

    /// An authorization.
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn authorization(&mut self, url: &str) -> Result<Authorization, AcmeError> {
        self.get(url)
    }

    /// Says that a challenge can be validated. Only the authorization says how far it is.
    ///
    /// # Errors
    /// When the server refuses, and when it is unknown whether it has heard.
    pub fn challenge_is_ready(&mut self, url: &str) -> Result<(), AcmeError> {
        self.post(url, Some(&json!({}))).map(drop)
    }

    /// Sends the certificate signing request of an order. Gives the order.
    ///
    /// # Errors
    /// As [`Client::challenge_is_ready`].
    pub fn finalize(&mut self, url: &str, csr: &[u8]) -> Result<Order, AcmeError> {
        let payload = json!({"csr": Base64UrlUnpadded::encode_string(csr)});
        read(&self.post(url, Some(&payload))?, url)
    }

    /// A certificate.
    ///
    /// # Errors
    /// As [`Client::create_account`].
    pub fn certificate(&mut self, url: &str) -> Result<IssuedChain, AcmeError> {
        let answer = self.again(|client| client.post(url, None))?;
        let links = answer.headers("link").flat_map(|value| value.split(','));
        let alternates = links.filter_map(alternate).map(str::to_owned).collect();
        Ok(IssuedChain {
            alternates,
            pem: answer.body,
        })
    }

    /// When the server wants a certificate to be renewed, and when it wants to be asked again.
    ///
    /// # Errors
    /// As [`renewal_info`].
    pub fn renewal_info(
        &self,
        url: &str,
        id: &str,
    ) -> Result<(RenewalInfo, Option<OffsetDateTime>), AcmeError> {
        renewal_info(&self.https, url, id, self.now())
    }

    fn account_url(&self) -> Result<String, AcmeError> {
        let url = self.account.clone();
        url.ok_or_else(|| self.malformed("it gave the account no URL"))
    }

    fn malformed(&self, reason: &str) -> AcmeError {
        AcmeError::Malformed {
            url: self.server.clone(),
            reason: reason.to_owned(),
        }
    }

    fn get<T: DeserializeOwned>(&mut self, url: &str) -> Result<T, AcmeError> {
        let answer = self.again(|client| client.post(url, None))?;
        read(&answer, url)
    }

    /// Repeats a request that changes nothing when its answer is lost or the server fails.
    fn again(
        &mut self,
        mut request: impl FnMut(&mut Self) -> Result<Answer, AcmeError>,
    ) -> Result<Answer, AcmeError> {
        let opened = self.opened;
        again(opened, &mut || request(self))
    }

    /// A signed request, with another nonce as often as the server rejects one.
    fn post(&mut self, url: &str, payload: Option<&Value>) -> Result<Answer, AcmeError> {
        for rejected in 0..MAX_NONCES {
            let nonce = match self.nonce.take() {
                Some(nonce) => nonce,
                None => self.new_nonce()?,
            };
            let body = self
                .key
                .outer(self.account.as_deref(), &nonce, url, payload);
            let body = serde_json::to_vec(&body).unwrap_or_default();
            let headers = [("content-type", "application/jose+json")];
            let answer = self.https.send(&Method::POST, url, &headers, body)?;
            self.nonce = answer.header("replay-nonce").map(str::to_owned);
            if answer.is_success() {
                return Ok(answer);
            }
            let error = self.explain(url, &answer);
            if error.problem_code() != Some("badNonce") {
                return Err(error);
            }
            if rejected >= FEW_NONCES {
                std::thread::sleep(NONCE_PAUSE);
            }
        }
        Err(AcmeError::Nonces {
            server: self.server.clone(),
            times: MAX_NONCES,
        })
    }

    fn new_nonce(&mut self) -> Result<String, AcmeError> {
        let url = self.directory.new_nonce.clone();
        let answer = self.again(|client| {
            let answer = client.https.send(&Method::HEAD, &url, &[], Vec::new())?;
            if answer.is_success() {
                Ok(answer)
            } else {
                Err(client.explain(&url, &answer))
            }
        })?;
        let nonce = answer.header("replay-nonce").map(str::to_owned);
        nonce.ok_or_else(|| AcmeError::Malformed {
            url,
            reason: "it contains no nonce".into(),
        })
    }

    fn explain(&self, url: &str, answer: &Answer) -> AcmeError {
        explain(&self.server, url, answer, self.now())
    }
}

/// When a server wants a certificate to be renewed, and when it wants to be asked again. Needs no account.
///
/// # Errors
/// When there is no answer, or it is none.
pub fn renewal_info(
    https: &Https,
    url: &str,
    id: &str,
    now: OffsetDateTime,
) -> Result<(RenewalInfo, Option<OffsetDateTime>), AcmeError> {
    let url = format!("{}/{id}", url.trim_end_matches('/'));
    let answer = https.send(&Method::GET, &url, &[], Vec::new())?;
    if !answer.is_success() {
        let server = host_of(&url).unwrap_or_default();
        return Err(explain(&server, &url, &answer, now));
    }
    Ok((read(&answer, &url)?, answer.retry_after(now)))
}

/// Reads a server's directory; tries again when it fails.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn directory(
    https: &Https,
    url: &str,
    opened: (OffsetDateTime, Instant),
) -> Result<Directory, AcmeError> {
    let not_a_directory = |reason| AcmeError::NotADirectory {
        url: url.to_owned(),
        reason,
    };
    let answer = again(opened, &mut || {
        let answer = https.send(&Method::GET, url, &[], Vec::new())?;
        if answer.is_success() {
            return Ok(answer);
        }
        let server = host_of(url).unwrap_or_default();
        let error = explain(&server, url, &answer, opened.0 + opened.1.elapsed());
        match error {
            AcmeError::Refused { .. } | AcmeError::Malformed { .. } => {
                Err(not_a_directory(format!("status {}", answer.status)))
            }
            other => Err(other),
        }
    })?;
    serde_json::from_slice(&answer.body).map_err(|error| not_a_directory(error.to_string()))
}

/// Repeats a request that changes nothing when its answer is lost or the server fails.
fn again(
    (at, started): (OffsetDateTime, Instant),
    request: &mut dyn FnMut() -> Result<Answer, AcmeError>,
) -> Result<Answer, AcmeError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match request() {
            // A server that is silent twice is silent.
            Err(AcmeError::Https(HttpsError::Silent { .. })) => return request(),
            Err(error) if error.is_outcome_unknown() => {
                let now = at + started.elapsed();
                let wait = error.retry_after().map_or(pause, |until| {
                    (until - now).max(time::Duration::ZERO).unsigned_abs()
                });
                if wait > LONGEST_PAUSE {
                    return Err(error);
                }
                std::thread::sleep(wait);
                pause *= 2;
            }
            done => return done,
        }
    }
    request()
}

/// The error of an answer that is no success.
fn explain(server: &str, url: &str, answer: &Answer, now: OffsetDateTime) -> AcmeError {
    let retry_after = answer.retry_after(now);
    let problem: Option<Problem> = serde_json::from_slice(&answer.body)
        .ok()
        .filter(|problem: &Problem| !problem.kind.is_empty());
    let is_limit = problem.as_ref().map(Problem::code) == Some("rateLimited");
    if is_limit || answer.status == 429 {
        let detail = problem.map_or("no reason given".into(), |problem| problem.detail);
        return AcmeError::RateLimited {
            server: server.to_owned(),
            until: retry_after.unwrap_or(now + DEFAULT_LIMIT),
            detail,
        };
    }
    match problem {
        Some(problem) if answer.status < 500 => AcmeError::Refused {
            server: server.to_owned(),
            problem,
        },
        Some(_) | None if answer.status >= 500 => AcmeError::Failed {
            url: url.to_owned(),
            status: answer.status,
            retry_after,
        },
        Some(_) | None => AcmeError::Malformed {
            url: url.to_owned(),
            reason: format!("status {} without a reason", answer.status),
        },
    }
}

fn read<T: DeserializeOwned>(answer: &Answer, url: &str) -> Result<T, AcmeError> {
    serde_json::from_slice(&answer.body).map_err(|error| AcmeError::Malformed {
        url: url.to_owned(),
        reason: error.to_string(),
    })
}

fn location(answer: &Answer, url: &str) -> Result<String, AcmeError> {
    let location = answer.header("location").map(str::to_owned);
    location.ok_or_else(|| AcmeError::Malformed {
        url: url.to_owned(),
        reason: "it contains no Location".into(),
    })
}

/// The URL of a Link header whose relation is `alternate`.
fn alternate(link: &str) -> Option<&str> {
    let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let mut parameters = parameters.split(';').map(str::trim);
    parameters
        .any(|one| matches!(one, "rel=\"alternate\"" | "rel=alternate"))
        .then_some(url)
}

/// How often a request that changes nothing is sent.
const ATTEMPTS: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A server that wants more time is asked in a later run.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A server may reject a nonce at any time ([RFC 8555 §6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5)).
const MAX_NONCES: usize = 100;
const FEW_NONCES: usize = 10;
const NONCE_PAUSE: Duration = Duration::from_millis(20);
/// How long a limit is remembered whose end the server does not say.
const DEFAULT_LIMIT: time::Duration = time::Duration::hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternate_links_are_recognized() {
        let url = "https://a.test/cert/1/1";
        assert_eq!(
            alternate(" <https://a.test/cert/1/1>;rel=\"alternate\""),
            Some(url)
        );
        assert_eq!(
            alternate("<https://a.test/cert/1/1>; title=x; rel=alternate"),
            Some(url)
        );
        assert_eq!(alternate("<https://a.test/dir>;rel=\"index\""), None);
        assert_eq!(alternate("https://a.test; rel=alternate"), None);
    }
}
