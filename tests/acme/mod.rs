//! The ACME server, with a small client of our own and with those that people use.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::too_many_lines,
    dead_code,
    reason = "it starts servers and looks at files, and tells one story each"
)]

mod abuse;
mod accounts;
pub(crate) mod client;
mod clients;
pub(crate) mod hosts;
mod orders;
mod renewal;
mod tokens;
mod validation;

use std::path::{Path, PathBuf};
use std::process::Command;

use client::AcmeClient;
use hosts::{Dns, Web};
use serde_json::Value;

use crate::serve::Server;

/// A server with hosts that it can validate.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) dns: Dns,
    pub(crate) web: Web,
    pub(crate) directory: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Site {
    /// One with these lines in `[serve.acme]`, and what follows them.
    pub(crate) fn new(settings: &str) -> Self {
        let web = Web::start();
        let port = web.port;
        Site::with(web, settings, (port, 443))
    }

    /// The same, whose hosts listen on these ports for http-01 and tls-alpn-01.
    pub(crate) fn with_ports(settings: &str, http: u16, tls: u16) -> Self {
        Site::with(Web::start(), settings, (http, tls))
    }

    fn with(web: Web, settings: &str, (http, tls): (u16, u16)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let directory = new_authority(&temporary.path().join("certs"));
        let dns = Dns::start();
        let settings = format!(
            "[serve.acme]\nvalidate_loopback = true\nresolver = '{}'\n\
             http01_port = {http}\ntls_alpn01_port = {tls}\n{settings}",
            dns.address
        );
        std::fs::write(directory.join("certs.toml"), settings).unwrap();
        Site {
            server: Server::start(&directory, &[]),
            dns,
            web,
            directory,
            _temporary: temporary,
        }
    }

    /// A client without an account.
    pub(crate) fn client(&self) -> AcmeClient {
        client_of(&self.server)
    }

    /// A client with an account.
    pub(crate) fn account(&self) -> AcmeClient {
        let mut client = self.client();
        let answer = client.register(&serde_json::json!({"termsOfServiceAgreed": true}));
        answer.expect(201);
        client
    }

    /// A token, and a client whose account is bound to it.
    pub(crate) fn bound(&self, names: &[&str], options: &[&str]) -> (Value, AcmeClient) {
        let token = self.token(names, options);
        let mut client = self.client();
        register(&mut client, &token).expect(201);
        (token, client)
    }

    /// A token.
    pub(crate) fn token(&self, names: &[&str], options: &[&str]) -> Value {
        let url = self.server.url.as_str();
        let arguments = [&["token", "create", "--json", "--url", url], names, options].concat();
        serde_json::from_slice(&certs(&self.directory, &arguments)).unwrap()
    }

    /// Answers the http-01 challenges of an order, and waits until it is ready.
    pub(crate) fn prove(&self, client: &mut AcmeClient, url: &str) {
        let order = client.post(url, None).expect(200);
        for authorization in order["authorizations"].as_array().unwrap() {
            let authorization = authorization.as_str().unwrap();
            let challenge = challenge(client, authorization, "http-01");
            let token = challenge["token"].as_str().unwrap();
            self.web.publish(token, &client.key_authorization(token));
            let url = challenge["url"].as_str().unwrap();
            client.post(url, Some(&serde_json::json!({}))).expect(200);
        }
        client.wait_for(url, "ready");
    }
}

/// Binds a new account to a token.
pub(crate) fn register(client: &mut AcmeClient, token: &Value) -> client::Answer {
    let eab = |name: &str| token["eab"][name].as_str().unwrap();
    client.register_with(eab("kid"), eab("hmac_key"))
}

/// A client of a server.
pub(crate) fn client_of(server: &Server) -> AcmeClient {
    let anchors = std::fs::read(server.directory.join("ca.crt")).unwrap();
    let authority = server.url.strip_prefix("https://").unwrap();
    AcmeClient::new(server.https, authority, &anchors, "/acme/directory")
}

/// The challenge of an authorization of this type.
pub(crate) fn challenge(client: &mut AcmeClient, authorization: &str, kind: &str) -> Value {
    let authorization = client.post(authorization, None).expect(200);
    let challenges = authorization["challenges"].as_array().unwrap();
    let challenge = challenges
        .iter()
        .find(|challenge| challenge["type"] == kind);
    challenge
        .unwrap_or_else(|| panic!("no {kind} in {authorization}"))
        .clone()
}

/// A new authority in this directory.
pub(crate) fn new_authority(directory: &Path) -> PathBuf {
    certs(directory, &["ca", "init"]);
    directory.to_owned()
}

/// Runs a command in a PKI directory, and gives its output.
pub(crate) fn certs(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let output = command
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    output.stdout
}
