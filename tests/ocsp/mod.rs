//! OCSP and revocation lists as relying parties get them: from `openssl`, GnuTLS, nginx, and byte by byte.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests"
)]

mod answers;
mod lists;
mod peers;
mod request;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::pem;

use crate::peer::{certs, scratch};
use crate::serve::{Client, Response, Server};

/// A running server and its authority.
struct Scene {
    directory: PathBuf,
    server: Server,
}

impl Scene {
    /// A server with certificates `NAME.test` for these names, and these settings.
    fn new(name: &str, names: &[&str], settings: &str) -> Self {
        let directory = scratch(name);
        certs(&["ca", "init"], &directory);
        std::fs::write(directory.join("certs.toml"), settings).unwrap();
        for name in names {
            issue(&directory, name);
        }
        let server = Server::start(&directory, &[]);
        Scene { directory, server }
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    /// The certificate in a file of the directory.
    fn certificate(&self, name: &str) -> Certificate {
        let text = std::fs::read(self.directory.join(name)).unwrap();
        let block = pem::blocks(&text).unwrap().remove(0);
        Certificate::from_der(block.contents.to_vec()).unwrap()
    }

    /// Sends a request by POST.
    fn post(&self, request: &[u8]) -> Response {
        self.client()
            .post("/ocsp", "application/ocsp-request", request)
    }

    fn client(&self) -> Client {
        Client::plain(self.server.http)
    }

    /// What `openssl ocsp` says about certificates: files of the directory, issued by one of them.
    fn openssl(&self, issuer: &str, certificates: &[&str], options: &[&str]) -> String {
        let mut command = Command::new("openssl");
        command.args(["ocsp", "-issuer", &self.path(issuer)]);
        command.args(options);
        for name in certificates {
            command.args(["-cert", &self.path(name)]);
        }
        let url = format!("http://{}/ocsp", self.server.http);
        command.args(["-CAfile", &self.path(issuer), "-url", &url]);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap()
    }
}

/// Issues `NAME.test` into an authority's directory, as `NAME.crt`.
fn issue(directory: &std::path::Path, name: &str) {
    let host = format!("{name}.test");
    let out = directory.to_str().unwrap();
    certs(
        &["issue", "server", &host, "--name", name, "--out", out],
        directory,
    );
}

/// Asks again and again for as long as an answer may be old, and then once more.
fn after_a_second<T>(mut ask: impl FnMut() -> T) -> T {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        ask();
    }
    ask()
}
