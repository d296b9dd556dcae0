//! OpenSSL's answer to the same question, from its command line.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use super::mutation::{Chain, HOST};

/// Whether `openssl verify` takes a chain; `None` where there is no openssl.
pub(crate) fn accepts(chain: &Chain) -> Option<bool> {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, der: &[u8]| {
        let path = directory.path().join(name);
        let pem = openagents_certs::pki::pem::encode("CERTIFICATE", der).unwrap();
        std::fs::write(&path, pem.as_bytes()).unwrap();
        path
    };
    let status = Command::new("openssl")
        .args([
            "verify",
            "-partial_chain",
            "-no-CApath",
            "-no-CAstore",
            "-purpose",
            "sslserver",
        ])
        .args(["-attime", "1795161900", "-verify_hostname", HOST])
        .arg("-CAfile")
        .arg(write("root.pem", &chain.root))
        .arg("-untrusted")
        .arg(write("intermediate.pem", &chain.intermediate))
        .arg(write("server.pem", &chain.end_entity))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        result => Some(result.unwrap().success()),
    }
}
