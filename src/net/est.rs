//! A client of EST ([RFC 7030](https://www.rfc-editor.org/rfc/rfc7030)).

use base64ct::{Base64, Encoding as _};
use hyper::Method;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::https::{Answer, Https, HttpsError, Limits, Trust};
use super::recorder::Identity;
use crate::pki::bundle::SignedData;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::est;

/// An EST server.
#[derive(Debug)]
pub struct Server {
    https: Https,
    url: String,
}

impl Server {
    /// The server at `https://HOST[:PORT]`; nothing is sent yet.
    ///
    /// # Errors
    /// When the client cannot be set up.
    pub fn new(url: &str, trust: &Trust, identity: Option<&Identity>) -> Result<Self, EstError> {
        let https = Https::with_identity(trust, identity, Limits::default())?;
        let url = format!("{}/.well-known/est", url.trim_end_matches('/'));
        Ok(Server { https, url })
    }

    /// Its trust anchors, and the certificates between them and what it issues.
    ///
    /// # Errors
    /// When there is no answer, or it is a refusal or malformed.
    pub fn ca_certificates(&self, now: OffsetDateTime) -> Result<Vec<Certificate>, EstError> {
        let url = format!("{}/cacerts", self.url);
        let answer = self.https.send(&Method::GET, &url, &[], Vec::new())?;
        certificates(&url, &answer, now)
    }

    /// A certificate for a request, by the id and secret of a token.
    ///
    /// # Errors
    /// As [`Server::ca_certificates`].
    pub fn enroll(
        &self,
        csr: &[u8],
        (id, secret): (&str, &str),
        now: OffsetDateTime,
    ) -> Result<Certificate, EstError> {
        let credentials = Zeroizing::new(format!("{id}:{secret}"));
        let credentials = Zeroizing::new(Base64::encode_string(credentials.as_bytes()));
        let credentials = Zeroizing::new(format!("Basic {}", *credentials));
        self.request("simpleenroll", csr, &[("authorization", &credentials)], now)
    }

    /// A certificate for a request, by the certificate that the client presents.
    ///
    /// # Errors
    /// As [`Server::ca_certificates`].
    pub fn reenroll(&self, csr: &[u8], now: OffsetDateTime) -> Result<Certificate, EstError> {
        self.request("simplereenroll", csr, &[], now)
    }

    fn request(
        &self,
        operation: &str,
        csr: &[u8],
        headers: &[(&str, &str)],
        now: OffsetDateTime,
    ) -> Result<Certificate, EstError> {
        let url = format!("{}/{operation}", self.url);
        let kind = [
            ("content-type", "application/pkcs10"),
            ("content-transfer-encoding", "base64"),
        ];
        let headers = [headers, &kind].concat();
        let body = est::encode(csr).into_bytes();
        let answer = self.https.send(&Method::POST, &url, &headers, body)?;
        let mut certificates = certificates(&url, &answer, now)?.into_iter();
        match (certificates.next(), certificates.next()) {
            (Some(certificate), None) => Ok(certificate),
            (Some(_), Some(_)) | (None, _) => Err(EstError::Malformed {
                url,
                what: "it does not contain exactly one certificate".into(),
            }),
        }
    }
}

/// The certificates in an answer.
fn certificates(
    url: &str,
    answer: &Answer,
    now: OffsetDateTime,
) -> Result<Vec<Certificate>, EstError> {
    if answer.status != 200 {
        let text = String::from_utf8_lossy(&answer.body);
        let line = text.lines().next().unwrap_or_default();
        return Err(EstError::Refused {
            url: url.to_owned(),
            status: answer.status,
            message: line.chars().take(MAX_MESSAGE).collect(),
            retry_at: answer.retry_after(now),
        });
    }
    let malformed = |what: String| EstError::Malformed {
        url: url.to_owned(),
        what,
    };
    let der = est::decode(&answer.body).map_err(|error| malformed(error.to_string()))?;
    let bag = SignedData::from_der(&der).map_err(|error| malformed(error.to_string()))?;
    bag.certificates
        .into_iter()
        .map(|der| Certificate::from_der(der).map_err(|error| malformed(error.to_string())))
        .collect()
}

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum EstError {
    /// There is no answer.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// The server refuses, or cannot answer now.
    #[error("{}: {} (status {status})", Escaped(url), Escaped(message))]
    Refused {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
        /// Its first line.
        message: String,
        /// When it wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// The answer is not what EST says.
    #[error("{}: the answer is malformed: {}", Escaped(url), Escaped(what))]
    Malformed {
        /// The URL.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

impl EstError {
    /// The server's reason, when it said no and will say so again.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            EstError::Refused {
                status, message, ..
            } => is_final(*status).then_some(message),
            EstError::Https(_) | EstError::Malformed { .. } => None,
        }
    }

    /// When the server wants to be asked again, if it said so.
    pub fn retry_at(&self) -> Option<OffsetDateTime> {
        match self {
            EstError::Refused { retry_at, .. } => *retry_at,
            EstError::Https(_) | EstError::Malformed { .. } => None,
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            EstError::Https(HttpsError::Untrusted { .. }) => {
                "check that the URL is that of your server; if its CA was replaced, enroll again with a new token"
                    .into()
            }
            EstError::Https(error) => error.hint(),
            EstError::Refused { status, .. } if is_final(*status) => "enroll again with a new token: `openagents-certs token create` on the server".into(),
            EstError::Refused { .. } => "run the same command again later; it continues".into(),
            EstError::Malformed { .. } => "check that the URL is that of an EST server".into(),
        }
    }
}

/// Whether a status means no, and not later.
fn is_final(status: u16) -> bool {
    const TOO_MANY_REQUESTS: u16 = 429;
    (400..500).contains(&status) && status != TOO_MANY_REQUESTS
}

const MAX_MESSAGE: usize = 300;
