//! A small ACME client over one connection, in which each byte of a request can be chosen.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

/// An account, or someone who may become one.
pub(crate) struct AcmeClient {
    address: SocketAddr,
    /// The host and port that URLs have.
    pub(crate) authority: String,
    tls: Arc<ClientConfig>,
    stream: Option<StreamOwned<ClientConnection, TcpStream>>,
    /// The account's key.
    pub(crate) key: EcdsaKeyPair,
    /// The account's URL.
    pub(crate) kid: Option<String>,
    nonce: Option<String>,
    /// The directory.
    pub(crate) directory: Value,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as JSON, of an answer with this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        self.json()
    }

    /// The type of a problem, without its prefix; checks the form of the problem.
    pub(crate) fn problem(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        assert!(self.status >= 400, "{} {text}", self.status);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{} {text}",
            self.status
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["detail"].is_string());
        let kind = problem["type"].as_str().unwrap();
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap();
        kind.to_owned()
    }
}

impl AcmeClient {
    /// A client of the server at this address, which URLs call `authority`; it trusts these anchors, PEM.
    pub(crate) fn new(
        address: SocketAddr,
        authority: &str,
        anchors: &[u8],
        directory: &str,
    ) -> AcmeClient {
        let mut roots = RootCertStore::empty();
        for anchor in CertificateDer::pem_slice_iter(anchors) {
            roots.add(anchor.unwrap()).unwrap();
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut client = AcmeClient {
            address,
            authority: authority.to_owned(),
            tls: Arc::new(tls),
            stream: None,
            key: new_key(),
            kid: None,
            nonce: None,
            directory: Value::Null,
        };
        client.directory = client.get(directory).expect(200);
        client
    }

    /// Another client of the same server, with a key of its own.
    pub(crate) fn another(&self) -> AcmeClient {
        AcmeClient {
            address: self.address,
            authority: self.authority.clone(),
            tls: Arc::clone(&self.tls),
            stream: None,
            key: new_key(),
            kid: None,
            nonce: None,
            directory: self.directory.clone(),
        }
    }

    /// A URL of the directory.
    pub(crate) fn url(&self, name: &str) -> String {
        self.directory[name].as_str().unwrap().to_owned()
    }

    /// Creates the account.
    pub(crate) fn register(&mut self, payload: &Value) -> Answer {
        let url = self.url("newAccount");
        let header = json!({"alg": "ES256", "jwk": self.jwk(), "nonce": self.nonce(), "url": url});
        let answer = self.send_signed(&url, &header, payload.to_string().as_bytes());
        if matches!(answer.status, 200 | 201) {
            self.kid = answer.header("location").map(str::to_owned);
        }
        answer
    }

    /// Creates an account that is bound to a token.
    pub(crate) fn register_with(&mut self, kid: &str, mac_key: &str) -> Answer {
        let binding = self.binding(kid, mac_key);
        self.register(&json!({"termsOfServiceAgreed": true, "externalAccountBinding": binding}))
    }

    /// An external account binding.
    pub(crate) fn binding(&self, kid: &str, mac_key: &str) -> Value {
        use ring::hmac;
        let key = Base64UrlUnpadded::decode_vec(mac_key).unwrap();
        let header = json!({"alg": "HS256", "kid": kid, "url": self.url("newAccount")});
        let protected = base64url(header.to_string().as_bytes());
        let payload = base64url(self.jwk().to_string().as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": base64url(mac.as_ref())})
    }

    /// Sends a request of the account; without a payload one that only reads.
    pub(crate) fn post(&mut self, url: &str, payload: Option<&Value>) -> Answer {
        let payload = payload.map(Value::to_string).unwrap_or_default();
        let header = json!({"alg": "ES256", "kid": self.kid, "nonce": self.nonce(), "url": url});
        self.send_signed(url, &header, payload.as_bytes())
    }

    /// Orders a certificate for names.
    pub(crate) fn order(&mut self, names: &[&str]) -> Answer {
        let identifiers: Vec<Value> = names.iter().map(|name| identifier(name)).collect();
        let url = self.url("newOrder");
        self.post(&url, Some(&json!({"identifiers": identifiers})))
    }

    /// Finalizes an order whose authorizations are valid, and downloads the certificate.
    pub(crate) fn issue(&mut self, names: &[&str]) -> (Value, String) {
        let order = self.order(names).expect(201);
        let csr = csr(names);
        let finalize = order["finalize"].as_str().unwrap();
        let order = self.post(finalize, Some(&json!({"csr": csr}))).expect(200);
        assert_eq!(order["status"], "valid", "{order}");
        let answer = self.post(order["certificate"].as_str().unwrap(), None);
        assert_eq!(answer.status, 200);
        (order, String::from_utf8(answer.body).unwrap())
    }

    /// Waits until a resource has this status.
    pub(crate) fn wait_for(&mut self, url: &str, status: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.post(url, None).expect(200);
            if value["status"] == status {
                return value;
            }
            assert!(
                Instant::now() < deadline,
                "{url} is still not {status}: {value}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Signs a header and a payload as they are, and sends them.
    pub(crate) fn send_signed(&mut self, url: &str, header: &Value, payload: &[u8]) -> Answer {
        let body = self.signed(header, payload);
        self.send(
            "POST",
            url,
            "application/jose+json",
            body.to_string().as_bytes(),
        )
    }

    /// A JWS of the account's key.
    pub(crate) fn signed(&self, header: &Value, payload: &[u8]) -> Value {
        let protected = base64url(header.to_string().as_bytes());
        let payload = base64url(payload);
        let signed = format!("{protected}.{payload}");
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        json!({"protected": protected, "payload": payload, "signature": base64url(signature.as_ref())})
    }

    /// The account's key as JWK.
    pub(crate) fn jwk(&self) -> Value {
        jwk(&self.key)
    }

    /// The key authorization of a token.
    pub(crate) fn key_authorization(&self, token: &str) -> String {
        let jwk = self.jwk();
        let text = format!(
            r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
            jwk["x"], jwk["y"]
        );
        format!("{token}.{}", sha256(text.as_bytes()))
    }

    /// A nonce that was not used.
    pub(crate) fn nonce(&mut self) -> String {
        if self.nonce.is_none() {
            let url = self.url("newNonce");
            self.send("HEAD", &url, "", b"");
        }
        self.nonce.take().unwrap()
    }

    /// Sends GET.
    pub(crate) fn get(&mut self, url: &str) -> Answer {
        self.send("GET", url, "", b"")
    }

    /// Sends a request, over the connection there is if the server has not closed it.
    pub(crate) fn send(
        &mut self,
        method: &str,
        url: &str,
        media_type: &str,
        body: &[u8],
    ) -> Answer {
        let path = url
            .split_once("://")
            .map_or(url, |(_, rest)| &rest[rest.find('/').unwrap()..]);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.authority,
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        for _ in 0..2 {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => {
                    let stream = self.connect();
                    self.stream.insert(stream)
                }
            };
            let sent = stream.write_all(&request).and_then(|()| stream.flush());
            if let (Ok(()), Some(answer)) = (sent, answer(stream, method == "HEAD")) {
                if let Some(nonce) = answer.header("replay-nonce") {
                    self.nonce = Some(nonce.to_owned());
                }
                if answer.header("connection") == Some("close") {
                    self.stream = None;
                }
                return answer;
            }
            self.stream = None;
        }
        panic!("no answer to {method} {path}");
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = self
            .authority
            .rsplit_once(':')
            .map_or(&*self.authority, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).unwrap();
        StreamOwned::new(
            ClientConnection::new(Arc::clone(&self.tls), name).unwrap(),
            stream,
        )
    }
}

/// The answer on a stream; `None` when it ends before.
fn answer(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    without_body: bool,
) -> Option<Answer> {
    let mut bytes = Vec::with_capacity(4096);
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut body = bytes.split_off(end + 4);
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: Option<usize> = length.map(|(_, length)| length.parse().unwrap());
    if !without_body && status != 204 {
        match length {
            Some(length) => {
                let start = body.len();
                body.resize(length.max(start), 0);
                stream.read_exact(&mut body[start..]).ok()?;
            }
            None => body = chunks(stream, body)?,
        }
    }
    Some(Answer {
        status,
        headers,
        body,
    })
}

/// A body in chunks, of which some bytes were read.
fn chunks(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    mut bytes: Vec<u8>,
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
            let length = std::str::from_utf8(&bytes[..end]).ok()?;
            let length = usize::from_str_radix(length.trim(), 16).ok()?;
            if bytes.len() < end + 2 + length + 2 {
                break;
            }
            body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
            bytes.drain(..end + 2 + length + 2);
            if length == 0 {
                return Some(body);
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    }
}

/// A new P-256 key.
pub(crate) fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap()
}

/// A key as JWK.
pub(crate) fn jwk(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
}

/// An identifier of its type.
pub(crate) fn identifier(name: &str) -> Value {
    let kind = match name.parse::<std::net::IpAddr>() {
        Ok(_) => "ip",
        Err(_) => "dns",
    };
    json!({"type": kind, "value": name})
}

/// A certificate signing request for names, with a new key, in base64url.
pub(crate) fn csr(names: &[&str]) -> String {
    csr_of(names, &rcgen::KeyPair::generate().unwrap())
}

/// The same with this key.
pub(crate) fn csr_of(names: &[&str], key: &rcgen::KeyPair) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    base64url(params.serialize_request(key).unwrap().der())
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// SHA-256 in base64url.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    base64url(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

const PATIENCE: Duration = Duration::from_secs(60);
