//! An HTTPS client for short exchanges: one request, one answer, each with limits on time and size.
//!
//! Its runtime has one thread and ends with the client; a command that makes no request starts none.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
pub use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, USER_AGENT};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::runtime::Runtime;

use super::recorder::{Identity, Recorder};
use super::spiffe::SpiffeVerifier;
use crate::pki::escape::Escaped;
use crate::pki::spiffe::SpiffeId;

/// Whom the client trusts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The certificates that the system trusts.
    System,
    /// These certificates alone, as DER.
    Only(Vec<Vec<u8>>),
    /// These certificates, as DER, for a server with the X.509-SVID of this ID.
    Spiffe {
        /// The trust anchors.
        anchors: Vec<Vec<u8>>,
        /// The ID.
        id: SpiffeId,
    },
    /// Whoever answers: for what is public, and checked by other means. Nothing secret may be sent.
    Anyone,
}

/// An HTTPS client.
pub struct Https {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

/// How long an exchange may take, and how much may be sent back.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the connection is open.
    pub connect: Duration,
    /// Until the whole answer has arrived.
    pub answer: Duration,
    /// The size of the answer's body in bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            body_bytes: 1024 * 1024,
        }
    }
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Https {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the runtime cannot be started, or the trusted certificates cannot be read.
    pub fn new(trust: &Trust, limits: Limits) -> Result<Self, HttpsError> {
        Https::with_identity(trust, None, limits)
    }

    /// A client that presents a certificate to servers that ask for one.
    ///
    /// # Errors
    /// As [`Https::new`].
    pub fn with_identity(
        trust: &Trust,
        identity: Option<&Identity>,
        limits: Limits,
    ) -> Result<Self, HttpsError> {
        let setup = |reason: String| HttpsError::Setup { reason };
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(error.to_string()))?;
        let config = match trust {
            Trust::Anyone => config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Recorder::new(None))),
            Trust::Spiffe { id, .. } => {
                let verifier = SpiffeVerifier::new(roots(trust)?, id.clone());
                config
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            }
            Trust::System | Trust::Only(_) => config.with_root_certificates(roots(trust)?),
        };
        let config = match identity {
            Some(identity) => {
                config.with_client_cert_resolver(Arc::new(Recorder::new(Some(identity))))
            }
            None => config.with_no_client_auth(),
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.connect));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(tcp);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| setup(error.to_string()))?;
        Ok(Https {
            runtime,
            client: Client::builder(TokioExecutor::new()).build(connector),
            limits,
        })
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// When there is no complete answer within the limits. An answer of any status is no error.
    pub fn send(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, HttpsError> {
        let uri = https_uri(url)?;
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(USER_AGENT, AGENT);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| HttpsError::url(url, error.to_string()))?;
        let limits = self.limits;
        self.runtime.block_on(async {
            let exchange = async {
                let answer = self.client.request(request).await;
                let (parts, body) = answer
                    .map_err(|error| HttpsError::of(url, &error))?
                    .into_parts();
                let body = Limited::new(body, limits.body_bytes).collect().await;
                let body = body.map_err(|error| HttpsError::Broken {
                    url: url.to_owned(),
                    reason: error.to_string(),
                })?;
                Ok(Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    body: body.to_bytes().to_vec(),
                })
            };
            match tokio::time::timeout(limits.answer, exchange).await {
                Ok(answer) => answer,
                Err(_) => Err(HttpsError::Silent {
                    url: url.to_owned(),
                    waited: limits.answer,
                }),
            }
        })
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every value of a header that is text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).iter();
        values.filter_map(|value| value.to_str().ok())
    }

    /// When the server wants to be asked again
    /// ([RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)), at most a year from now.
    pub fn retry_after(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let text = self.header("retry-after")?.trim();
        let latest = now + time::Duration::days(365);
        let at = match text.parse::<u32>() {
            Ok(seconds) => now.checked_add(time::Duration::seconds(seconds.into()))?,
            Err(_) => OffsetDateTime::parse(text, &Rfc2822).ok()?,
        };
        Some(at.min(latest))
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// The client cannot be set up.
    #[error("cannot set up an HTTPS client: {reason}")]
    Setup {
        /// Why.
        reason: String,
    },
    /// Not a URL that can be requested.
    #[error("'{}': {reason}", Escaped(url))]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be reached.
    #[error("{}: cannot connect: {}", Escaped(url), Escaped(reason))]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server's certificate is not trusted.
    #[error(
        "{}: the server's certificate is not trusted: {}",
        Escaped(url),
        Escaped(reason)
    )]
    Untrusted {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("{}: no answer within {} s", Escaped(url), waited.as_secs())]
    Silent {
        /// The URL.
        url: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The answer broke off, is too large, or is not HTTP.
    #[error("{}: the answer is incomplete: {}", Escaped(url), Escaped(reason))]
    Broken {
        /// The URL.
        url: String,
        /// Why.
        reason: String,
    },
}

impl HttpsError {
    fn url(url: &str, reason: impl Into<String>) -> Self {
        HttpsError::Url {
            url: url.to_owned(),
            reason: reason.into(),
        }
    }

    fn of(url: &str, error: &hyper_util::client::legacy::Error) -> Self {
        let url = url.to_owned();
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            match tls_error(cause) {
                Some(rustls::Error::InvalidCertificate(fault)) => {
                    let reason = certificate_fault(fault);
                    return HttpsError::Untrusted { url, reason };
                }
                Some(_) | None => reason = cause.to_string(),
            }
            source = cause.source();
        }
        if error.is_connect() {
            HttpsError::Unreachable { url, reason }
        } else {
            HttpsError::Broken { url, reason }
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            HttpsError::Setup { .. } => {
                "check the system's trust store, or name the server's CA with `--ca-bundle FILE`"
            }
            HttpsError::Url { .. } => "give a URL such as https://acme.example.org/directory",
            HttpsError::Unreachable { .. } => {
                "check the URL, and that this machine can reach the server"
            }
            HttpsError::Untrusted { .. } => {
                "give the CA of the server with `--ca-bundle FILE`, or correct this machine's clock"
            }
            HttpsError::Silent { .. } | HttpsError::Broken { .. } => {
                "run the same command again; it continues where it stopped"
            }
        }
        .into()
    }

    /// Whether the request may have been carried out all the same, so that only the server knows.
    pub fn is_answer_lost(&self) -> bool {
        match self {
            HttpsError::Silent { .. } | HttpsError::Broken { .. } => true,
            HttpsError::Setup { .. }
            | HttpsError::Url { .. }
            | HttpsError::Unreachable { .. }
            | HttpsError::Untrusted { .. } => false,
        }
    }
}

/// Checks that a text is an `https` URL with a host, and without a user.
///
/// # Errors
/// When it is not.
pub fn check_url(url: &str) -> Result<(), HttpsError> {
    https_uri(url).map(drop)
}

/// The host of a URL; an IPv6 address without its brackets.
pub fn host_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?;
    let host = host.strip_prefix('[').unwrap_or(host);
    Some(host.strip_suffix(']').unwrap_or(host).to_owned())
}

fn https_uri(url: &str) -> Result<Uri, HttpsError> {
    let uri: Uri = url
        .parse()
        .map_err(|error: hyper::http::uri::InvalidUri| HttpsError::url(url, error.to_string()))?;
    if uri.scheme_str() != Some("https") || uri.host().is_none_or(str::is_empty) {
        return Err(HttpsError::url(url, "not a URL that starts with https://"));
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(HttpsError::url(url, "a user in a URL is not supported"));
    }
    Ok(uri)
}

/// The TLS error in another one, if there is one: an I/O error does not give its content as its cause.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    while let Some(io) = error.downcast_ref::<std::io::Error>() {
        error = io.get_ref()?;
    }
    error.downcast_ref()
}

/// A fault of a certificate in plain words.
fn certificate_fault(fault: &rustls::CertificateError) -> String {
    match fault {
        rustls::CertificateError::UnknownIssuer => "its issuer is unknown".into(),
        rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. } => {
            "it has expired".into()
        }
        rustls::CertificateError::NotValidYet
        | rustls::CertificateError::NotValidYetContext { .. } => "it is not valid yet".into(),
        other => other.to_string(),
    }
}

fn roots(trust: &Trust) -> Result<RootCertStore, HttpsError> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Anyone => {}
        Trust::System => {
            let native = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(native.certs);
            if added == 0 {
                let cause = native.errors.first().map(ToString::to_string);
                return Err(HttpsError::Setup {
                    reason: cause.unwrap_or_else(|| "the system trusts no certificates".to_owned()),
                });
            }
        }
        Trust::Only(certificates)
        | Trust::Spiffe {
            anchors: certificates,
            ..
        } => {
            for der in certificates {
                let certificate = CertificateDer::from(der.as_slice());
                roots.add(certificate).map_err(|error| HttpsError::Setup {
                    reason: format!("a trusted certificate cannot be used: {error}"),
                })?;
            }
        }
    }
    Ok(roots)
}

const AGENT: &str = concat!("openagents-certs/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_urls_with_a_host_are_requested() {
        for url in [
            "http://a/",
            "https://",
            "ftp://a/",
            "a",
            "https://u:p@a/",
            "",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
        assert!(check_url("https://acme.example.org:14000/dir").is_ok());
        assert_eq!(host_of("https://[::1]:14000/dir").as_deref(), Some("::1"));
    }
}
