//! What a machine runs to use a token.

use super::CreatedToken;
use crate::ops::quoting::posix;
use crate::pki::profile::NamePattern;
use crate::pki::san::SubjectAltName;

impl CreatedToken {
    /// The command that enrolls with the token, for a POSIX shell. It contains the secret.
    pub fn enroll_command(&self) -> String {
        format!(
            "openagents-certs enroll {} --out agent",
            self.token.reveal()
        )
    }

    /// The commands with which certbot and lego get a certificate over ACME, for a POSIX shell, each with the name of
    /// its program. They contain the key of the external account binding, and expect the trust anchors in `ca.crt`.
    /// A token of patterns alone leaves `NAME` to be replaced.
    pub fn acme_commands(&self) -> [(&'static str, String); 2] {
        let names = self.names.iter().filter_map(NamePattern::literal);
        let names = names.filter_map(|name| match name {
            SubjectAltName::Dns(_) | SubjectAltName::Ip(_) => Some(quoted(&name.value())),
            SubjectAltName::Uri(_) | SubjectAltName::Email(_) => None,
        });
        let mut names: Vec<String> = names.collect();
        if names.is_empty() {
            names.push("NAME".into());
        }
        let each = |option: &str| {
            let options = names.iter().map(|name| format!("{option} {name}"));
            options.collect::<Vec<_>>().join(" ")
        };
        let server = quoted(&format!(
            "{}/acme/directory",
            self.url.trim_end_matches('/')
        ));
        let (kid, hmac) = (&self.eab.kid, self.eab.hmac_key.reveal());
        [
            (
                "certbot",
                format!(
                    "REQUESTS_CA_BUNDLE=ca.crt certbot certonly --standalone --server {server} --eab-kid {kid} \
                     --eab-hmac-key {hmac} {}",
                    each("-d")
                ),
            ),
            (
                "lego",
                format!(
                    "LEGO_CA_CERTIFICATES=ca.crt lego --server {server} --email admin@example.org --accept-tos --eab \
                     --kid {kid} --hmac {hmac} {} --http run",
                    each("--domains")
                ),
            ),
        ]
    }
}

fn quoted(text: &str) -> String {
    String::from_utf8_lossy(&posix(text.as_bytes())).into_owned()
}
