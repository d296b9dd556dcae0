//! http-01: a file on a web server ([RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::dial::Dialer;
use super::tls_alpn01::{client_config, server_name};
use crate::config::Acme;
use crate::server::acme::identifier::{Identifier, RequestedIdentifier};
use crate::server::acme::problem::{Problem, ProblemType};

/// Fetches the key authorization, and compares it.
///
/// # Errors
/// When it is not there, or something else is.
pub(super) async fn validate(
    dialer: &Dialer,
    settings: &Acme,
    identifier: &Identifier,
    token: &str,
    expected: &str,
) -> Result<(), Problem> {
    let mut at = Location {
        is_https: false,
        host: identifier.clone(),
        port: settings.http01_port,
        path: format!("/.well-known/acme-challenge/{token}"),
    };
    for _ in 0..=MAX_REDIRECTS {
        let answer = timeout(FETCH_TIME, fetch(dialer, &at)).await;
        let answer = answer.unwrap_or_else(|_| Err(connection(&at, "no answer in time")))?;
        match answer {
            WebAnswer::Content(200, content) if content.trim_ascii_end() == expected.as_bytes() => {
                return Ok(());
            }
            WebAnswer::Content(status, content) => {
                let content = String::from_utf8_lossy(&content);
                let content: String = content.chars().take(MOST_SHOWN).collect();
                let what = match status {
                    200 => "the content is not the key authorization".to_owned(),
                    status => format!("status {status}"),
                };
                return Err(incorrect(&at, &format!("{what}: '{content}'")));
            }
            WebAnswer::Redirect(to) => at = redirected(&at, &to, settings)?,
        }
    }
    Err(incorrect(&at, "too many redirects"))
}

/// Where a file is.
struct Location {
    is_https: bool,
    host: Identifier,
    port: u16,
    /// With the query.
    path: String,
}

impl Location {
    /// The host, and the port unless it is the usual one.
    fn authority(&self) -> String {
        let host = match &self.host {
            Identifier::Ip(IpAddr::V6(address)) => format!("[{address}]"),
            host => host.to_string(),
        };
        match (self.is_https, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// What a web server answers.
enum WebAnswer {
    /// Its status, and the start of its content.
    Content(u16, Vec<u8>),
    /// Where else to look.
    Redirect(String),
}

async fn fetch(dialer: &Dialer, at: &Location) -> Result<WebAnswer, Problem> {
    let (stream, _) = dialer.connect(&at.host, at.port).await?;
    if !at.is_https {
        return exchange(stream, at).await;
    }
    let connector = TlsConnector::from(Arc::new(client_config(&[b"http/1.1"])));
    let name = server_name(&at.host).ok_or_else(|| incorrect(at, "not a name of TLS"))?;
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| {
        let detail = format!("{at}: TLS: {error}");
        Problem::new(ProblemType::Tls, detail)
    })?;
    exchange(stream, at).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    at: &Location,
) -> Result<WebAnswer, Problem> {
    let failed = |error: hyper::Error| connection(at, &error.to_string());
    let handshake = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream));
    let (mut sender, driver) = handshake.await.map_err(failed)?;
    let driver = tokio::spawn(driver);
    let request = Request::get(&at.path)
        .header(HOST, at.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| incorrect(at, &error.to_string()))?;
    let answer = match sender.send_request(request).await {
        Ok(response) => answer(response).await.map_err(failed),
        Err(error) => Err(failed(error)),
    };
    driver.abort();
    answer
}

async fn answer(response: Response<Incoming>) -> Result<WebAnswer, hyper::Error> {
    let status = response.status().as_u16();
    if let (301 | 302 | 303 | 307 | 308, Some(location)) =
        (status, response.headers().get(LOCATION))
    {
        let location = String::from_utf8_lossy(location.as_bytes());
        return Ok(WebAnswer::Redirect(location.into_owned()));
    }
    let mut body = response.into_body();
    let mut content = Vec::new();
    while content.len() < MAX_CONTENT_BYTES {
        match body.frame().await {
            Some(frame) => content.extend(frame?.into_data().unwrap_or_default()),
            None => break,
        }
    }
    content.truncate(MAX_CONTENT_BYTES);
    Ok(WebAnswer::Content(status, content))
}

/// Where a redirect leads.
fn redirected(from: &Location, to: &str, settings: &Acme) -> Result<Location, Problem> {
    let wrong = |what: &str| incorrect(from, &format!("redirects to '{to}': {what}"));
    let absolute = match to {
        to if to.starts_with("//") => {
            format!("{}:{to}", if from.is_https { "https" } else { "http" })
        }
        to if to.contains("://") => to.to_owned(),
        to => return relative(from, to).ok_or_else(|| wrong("not a URL")),
    };
    let uri: Uri = absolute.parse().map_err(|_| wrong("not a URL"))?;
    let is_https = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(_) | None => return Err(wrong("neither http nor https")),
    };
    let authority = uri.authority().ok_or_else(|| wrong("no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it has a user name"));
    }
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") if is_https => 443,
        Some("") => 80,
        Some(port) => {
            let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
            port.ok_or_else(|| wrong("not a port"))?
        }
        None => return Err(wrong("not a host")),
    };
    if ![80, 443, settings.http01_port, settings.tls_alpn01_port].contains(&port) {
        return Err(wrong("not a port that validation dials"));
    }
    let host = host(authority.host()).ok_or_else(|| wrong("not a host name or address"))?;
    Ok(Location {
        is_https,
        host,
        port,
        path: uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
    })
}

fn relative(from: &Location, to: &str) -> Option<Location> {
    let path = match to.strip_prefix('/') {
        Some(_) => to.to_owned(),
        None => {
            let (path, _) = from.path.split_once('?').unwrap_or((&from.path, ""));
            let (directory, _) = path.rsplit_once('/')?;
            format!("{directory}/{to}")
        }
    };
    let uri: Uri = path.parse().ok()?;
    Some(Location {
        is_https: from.is_https,
        host: from.host.clone(),
        port: from.port,
        path: uri.path_and_query()?.as_str().to_owned(),
    })
}

fn host(text: &str) -> Option<Identifier> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse() {
        return Some(Identifier::Ip(address));
    }
    let host = RequestedIdentifier::dns(text).read().ok()?;
    (!host.is_wildcard()).then_some(host)
}

fn incorrect(at: &Location, what: &str) -> Problem {
    Problem::new(ProblemType::IncorrectResponse, format!("{at}: {what}"))
}

fn connection(at: &Location, what: &str) -> Problem {
    Problem::new(ProblemType::Connection, format!("{at}: {what}"))
}

const AGENT: &str = concat!(
    "openagents-certs/",
    env!("CARGO_PKG_VERSION"),
    " (ACME validation)"
);
const MAX_REDIRECTS: usize = 10;
const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_CONTENT_BYTES: usize = 4 * 1024;
/// Characters of an answer that its owner is shown.
const MOST_SHOWN: usize = 200;
/// For one request, connecting included.
const FETCH_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(to: &str) -> Option<String> {
        let from = Location {
            is_https: false,
            host: Identifier::Dns("a.example".into()),
            port: 80,
            path: "/.well-known/acme-challenge/x?q".into(),
        };
        let to = redirected(&from, to, &Acme::default());
        to.ok().map(|to| to.to_string())
    }

    #[test]
    fn a_redirect_leads_to_the_usual_ports_only() {
        for (to, expected) in [
            ("http://b.example/x", "http://b.example/x"),
            ("https://b.example/x?y=z#f", "https://b.example/x?y=z"),
            ("HTTPS://b.example", "https://b.example/"),
            ("http://b.example:443/", "http://b.example:443/"),
            ("//b.example/x", "http://b.example/x"),
            ("/x", "http://a.example/x"),
            ("y", "http://a.example/.well-known/acme-challenge/y"),
            ("http://192.0.2.1/", "http://192.0.2.1/"),
            ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
        ] {
            assert_eq!(redirect(to).as_deref(), Some(expected), "{to}");
        }
        for to in [
            "http://b.example:8080/",
            "http://b.example:22/",
            "http://b.example:0/",
            "http://b.example:/",
            "http://b.example:99999/",
            "ftp://b.example/",
            "file:///etc/passwd",
            "gopher://b.example/",
            "http://user@b.example/",
            "http://b.example\u{0}/",
            "http:///x",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://a..b/",
            "//",
            "\u{1b}[31m",
        ] {
            assert_eq!(redirect(to), None, "{to}");
        }
    }
}
