//! A live port as text.

use std::fmt;

use super::ClientCertificate;
use super::facts::{LiveCertificate, LiveReport, Serves};
use crate::net::KeyProof;
use crate::ops::columns::Sheet;
use crate::pki::escape::Escaped;
use crate::pki::validity::rfc3339;

impl LiveReport {
    /// Adds the rows of the connection; text from the server is escaped.
    pub(in crate::ops) fn add_to(&self, sheet: &mut Sheet) {
        self.add_address(sheet);
        sheet.row("serves", self.served());
        if self.tcp != "connected" {
            return;
        }
        if let Some(version) = self.tls_version {
            let suite = self.cipher_suite.as_deref().unwrap_or("unknown suite");
            let also: Vec<_> = self
                .tls_versions
                .iter()
                .filter(|other| **other != version)
                .map(|other| format!("; {other} is supported too"))
                .collect();
            sheet.row("TLS", format!("{version}, {suite}{}", also.concat()));
        }
        if self.tls_version.is_some() && self.handshake_error.is_none() {
            let protocol = self.alpn.as_deref().map(|name| Escaped(name).to_string());
            sheet.row("ALPN", protocol.unwrap_or_else(|| "none negotiated".into()));
            sheet.row("HTTP/2", self.http2());
        }
        sheet.optional("private key", self.key_proof.map(key));
        if self.client_certificate != ClientCertificate::Unknown {
            sheet.row("client certificate", self.client());
        }
        if !self.client_ca_names.is_empty() {
            let names = self.client_ca_names.iter().map(ToString::to_string);
            sheet.lines("accepted CAs", names.collect());
        }
        if self.connections > 0 {
            sheet.row("connections", self.counted());
        }
        sheet.optional("clock", self.clock_difference_seconds.map(clock));
        if let Some(handshake) = self.handshake_milliseconds {
            let round_trip = self.round_trip_milliseconds;
            let round_trip = round_trip.map(|took| format!(", round trip {took:.1} ms"));
            sheet.row(
                "timing",
                format!(
                    "handshake {handshake:.1} ms{}",
                    round_trip.unwrap_or_default()
                ),
            );
        }
    }

    fn add_address(&self, sheet: &mut Sheet) {
        let Some(address) = self.address else {
            let error = self.tcp_error.as_deref().unwrap_or_default();
            return sheet.row("address", format!("cannot resolve host: {error}"));
        };
        let others: Vec<_> = self
            .addresses
            .iter()
            .filter(|other| other.address != address)
            .map(|other| format!("; {} {}", other.address, other.tcp.replace('_', " ")))
            .collect();
        sheet.row("address", format!("{address}{}", others.concat()));
    }

    fn served(&self) -> String {
        let spoken = match self.plaintext {
            Some("http2") => " (HTTP/2, most likely gRPC)",
            Some("http1") => " (HTTP/1)",
            Some("ssh") => " (SSH)",
            Some(_) | None => "",
        };
        let serves = match self.serves {
            Serves::Plaintext => "plaintext",
            Serves::Tls => "TLS",
            Serves::Mtls => "mutual TLS",
            Serves::Other => "another protocol",
            Serves::None => "nothing",
        };
        let error = self.handshake_error.as_deref();
        let error = error.or(self.tcp_error.as_deref());
        // A recognized protocol explains the failed handshake.
        let error = error.filter(|_| spoken.is_empty());
        let error = error.map(|error| format!(": {error}"));
        format!("{serves}{spoken}{}", error.unwrap_or_default())
    }

    fn http2(&self) -> String {
        if self.http2_end == Some("http1") {
            return "no SETTINGS, HTTP/1 answer".into();
        }
        let settings = if self.http2_settings {
            "SETTINGS received"
        } else {
            "no SETTINGS"
        };
        let end = match (self.http2_end, &self.http2_detail) {
            (Some("answered") | None, _) => String::new(),
            (Some(end), Some(detail)) => {
                format!(", {} ({detail})", end.replace('_', " "))
            }
            (Some(end), None) => format!(", {}", end.replace('_', " ")),
        };
        let without = match self.without_alpn {
            Some("closed") => "; clients without ALPN are rejected, as by grpc-core",
            Some("taken") => "; clients without ALPN are accepted",
            Some(_) | None => "",
        };
        format!("{settings}{end}{without}")
    }

    fn client(&self) -> String {
        let asked = match self.client_certificate {
            ClientCertificate::NotAsked => "not requested",
            ClientCertificate::Asked => "requested",
            ClientCertificate::Required => "required",
            ClientCertificate::Unknown => "unknown",
        };
        let ours = self.ours_taken.map(|taken| match taken {
            true => "; the given one is accepted",
            false => "; the given one is rejected",
        });
        let none = self.none_refused.map(|refused| match refused {
            true => "; clients without one are rejected",
            false => "; clients without one are accepted",
        });
        let foreign = self.foreign_refused.map(|refused| match refused {
            true => "; a stranger's is rejected",
            false => "; a stranger's is accepted",
        });
        let all = [ours, none, foreign].map(Option::unwrap_or_default);
        format!("{asked}{}", all.concat())
    }

    fn counted(&self) -> String {
        match self.chains.as_slice() {
            [] => format!("{}, none with a certificate", self.connections),
            [one] if one.connections == self.connections => {
                format!("{}, all with the same certificates", self.connections)
            }
            chains => {
                let counts: Vec<_> = chains
                    .iter()
                    .map(|chain| chain.connections.to_string())
                    .collect();
                let different = if chains.len() > 1 { "different " } else { "" };
                format!(
                    "{}, with {different}certificates: {}",
                    self.connections,
                    counts.join(" + ")
                )
            }
        }
    }
}

impl fmt::Display for LiveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.target)?;
        write!(f, "{}", self.sheet())
    }
}

impl LiveReport {
    /// The rows as names and values.
    pub fn facts(&self) -> Vec<(String, String)> {
        self.sheet().facts()
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::indented(2);
        self.add_to(&mut sheet);
        for (i, certificate) in self.certificates.iter().enumerate() {
            let label = if i == 0 { "certificates" } else { "" };
            sheet.row(label, format!("{}  {certificate}", i + 1));
        }
        let reached = self
            .reached
            .map_or("undetermined", |reached| if reached { "yes" } else { "no" });
        sheet.row("a client connects", reached);
        sheet
    }
}

impl fmt::Display for LiveCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LiveCertificate::Parsed(facts) => write!(
                f,
                "{}, serial {}, expires {}",
                facts.subject,
                facts.serial,
                rfc3339(facts.expiry.not_after)
            ),
            LiveCertificate::Malformed { error, .. } => {
                write!(f, "malformed: {}", Escaped(error))
            }
        }
    }
}

fn key(proof: KeyProof) -> &'static str {
    match proof {
        KeyProof::Proven => "proven by the handshake signature",
        KeyProof::Failed => "not proven: the handshake signature does not verify",
        KeyProof::Unchecked => "not proven: the handshake signature cannot be verified here",
    }
}

fn clock(seconds: i64) -> String {
    match seconds {
        -1..=1 => "same as this machine's".into(),
        ahead @ 2.. => format!("{ahead} s ahead of this machine's"),
        behind => format!("{} s behind this machine's", behind.unsigned_abs()),
    }
}
