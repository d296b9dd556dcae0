//! Configuration for networks and agents that use the generated files.

use std::fmt::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use super::{Request, dialled};
use crate::authority;
use crate::ops::issue::IssuedCertificate;
use crate::pki::usage::Purpose;

/// Configuration to copy, with paths as given on the command line.
#[derive(Debug, Serialize)]
pub struct Snippets {
    /// The `transports` of a network.yaml.
    pub network_yaml: String,
    /// The Python call that connects an agent.
    pub agent_python: String,
}

impl Snippets {
    pub(super) fn new(request: &Request, issued: &[IssuedCertificate]) -> Self {
        let ca = request.directory.join(authority::CERTIFICATE);
        let server = issued
            .iter()
            .find(|issued| issued.purpose == Some(Purpose::Server));
        let client = issued
            .iter()
            .find(|issued| issued.purpose == Some(Purpose::Client));
        let host = server.map_or_else(
            || "localhost".into(),
            |server| dialled(&server.subject_alt_names),
        );
        let (mut network_yaml, mut agent_python) = (String::new(), String::new());
        if let Some(server) = server {
            network_yaml = yaml(request.port, &ca, server, client.is_some());
        }
        let url = format!("grpcs://{host}:{}", request.port);
        // Writing to a String does not fail.
        let _ = write!(
            agent_python,
            "await agent.async_start(\n    url={},\n    ssl_ca_cert={},\n",
            quoted(&url),
            path(&ca)
        );
        if let Some(client) = client {
            let (certificate, key) = (path(&client.certificate), key_path(client));
            let _ = write!(
                agent_python,
                "    ssl_client_cert={certificate},\n    ssl_client_key={key},\n"
            );
        }
        agent_python.push_str(")\n");
        Snippets {
            network_yaml,
            agent_python,
        }
    }
}

impl fmt::Display for Snippets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "In network.yaml (paths are relative to the directory the network starts in):\n"
        )?;
        writeln!(f, "{}", indented(&self.network_yaml))?;
        writeln!(f, "In an agent:\n")?;
        write!(f, "{}", indented(&self.agent_python))
    }
}

fn yaml(port: u16, ca: &Path, server: &IssuedCertificate, mtls: bool) -> String {
    let mut text = format!(
        "network:\n  transports:\n    - type: grpc\n      config:\n        host: \"0.0.0.0\"\n        port: {port}\n        tls:\n          \
         enabled: true\n          cert_file: {}\n          key_file: {}\n",
        path(&server.certificate),
        key_path(server),
    );
    if mtls {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "          ca_file: {}\n          require_client_cert: true\n",
            path(ca)
        );
    }
    text
}

/// A string in the syntax that YAML and Python share.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// The path of a new key, as all keys here are.
fn key_path(issued: &IssuedCertificate) -> String {
    issued.private_key.as_deref().map_or_else(String::new, path)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_control_characters_are_escaped_as_both_languages_read_them() {
        assert_eq!(quoted("a \"b\"\\\n"), "\"a \\\"b\\\"\\\\\\x0a\"");
    }
}
