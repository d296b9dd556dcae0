//! The messages of each stack, by cause, without ports, addresses and pointers: `messages.tsv`.
//!
//! The name of a row is the cause, with the stack that prints it and the stack of the other side where the
//! message depends on them.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::chain::Fault;
use super::pem::{Dialect, PemFault};
use super::{Side, Stack};
use crate::pki::public_key::KeyKind;

/// For a client whose server does not start.
pub(super) const NOT_STARTED: &str = "server does not start";

/// What a grpc-core client prints when it aborts: without a key, and without a certificate.
pub(super) const ABORTS: [&str; 2] = [
    "Check failed: private_key != nullptr",
    "Check failed: cert_chain != nullptr",
];

/// The message of a row.
pub(super) fn of(name: &str) -> &'static str {
    MESSAGES.get(name).copied().unwrap_or_default()
}

/// The message of a stack.
pub(super) fn by_stack(cause: &str, stack: Stack) -> &'static str {
    of(&format!("{cause}.{stack}"))
}

/// OpenSSL's error for PEM that it cannot read.
pub(super) fn openssl_pem(fault: PemFault) -> &'static str {
    match fault {
        PemFault::EndLine => of("pem-end-line"),
        PemFault::Base64 => of("pem-base64"),
        PemFault::Empty | PemFault::Header => of("no-start-line"),
    }
}

/// OpenSSL's error for a private key, by the broken rule.
pub(super) fn openssl_key(rule: &str) -> &'static str {
    let own = MESSAGES.get(&*format!("openssl-key.{rule}"));
    own.copied().unwrap_or(of("openssl-key"))
}

/// A client's message for a path that X509_verify_cert refuses.
pub(super) fn path_refused(client: Stack, fault: Fault, detail: &str) -> String {
    match client {
        Stack::GrpcCore => {
            grpc_core_handshake(&format!("{detail}: {}", fault.text(Dialect::BoringSsl)))
        }
        Stack::GrpcJs => grpc_js_error(fault.text(Dialect::OpenSsl)),
        Stack::Tonic => tonic_error(fault.text(Dialect::OpenSsl)),
    }
}

/// A grpc-core server's message for a client's path.
pub(super) fn client_path_refused(fault: Fault, detail: &str) -> String {
    let text = fault.text(Dialect::BoringSsl);
    format!("Handshake failed with error SSL_ERROR_SSL: error:{detail}: {text}")
}

/// BoringSSL's error for a wrong signature by a key of this kind.
pub(super) fn bad_signature(kind: KeyKind) -> &'static str {
    match kind == KeyKind::Rsa {
        true => of("bad-signature.rsa"),
        false => of("bad-signature.ecdsa"),
    }
}

/// A grpc-core client's message for a failed handshake.
pub(super) fn grpc_core_handshake(error: &str) -> String {
    format!(
        "UNKNOWN: Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:{error}: OK"
    )
}

/// A grpc-js client's message for any failure.
pub(super) fn grpc_js_error(error: &str) -> String {
    format!("{NO_CONNECTION}Error: {error}")
}

/// A tonic client's message for any failure.
pub(super) fn tonic_error(error: &str) -> String {
    format!("transport error: {error}")
}

/// A client's message when the server cannot make a signature that it accepts.
pub(super) fn no_common_signature(client: Stack, server: Stack) -> &'static str {
    by_stack(&format!("no-common-signature.{client}"), server)
}

/// A client's message when the server refuses its certificate: the handshake of TLS 1.3 is complete by then,
/// so it mostly sees a closed connection. `alert` is the number of the alert that a rustls server sends.
pub(super) fn client_refused(client: Stack, server: Stack, alert: u8) -> String {
    let sees_alert = server == Stack::Tonic || alert == CERTIFICATE_REQUIRED;
    if client == Stack::GrpcJs && server != Stack::GrpcCore && sees_alert {
        return format!("{NO_CONNECTION}{}", openssl_alert(alert));
    }
    by_stack(&format!("client-refused.{client}"), server).to_owned()
}

/// The alert of a server that requires a certificate and gets none (RFC 8446 §6.2).
pub(super) const CERTIFICATE_REQUIRED: u8 = 116;

/// OpenSSL's error for an alert that it receives.
fn openssl_alert(number: u8) -> String {
    let name = match of(&format!("alert.{number}")) {
        "" => "sslv3 alert certificate unknown",
        name => name,
    };
    let code = ALERT_OFFSET + u32::from(number);
    format!("error:0A{code:06X}:SSL routines:ssl3_read_bytes:{name}:SSL alert number {number}")
}

const ALERT_OFFSET: u32 = 1000; // SSL_AD_REASON_OFFSET
const NO_CONNECTION: &str = "14 UNAVAILABLE: No connection established. Last error: ";

/// The message of a program whose own files are refused.
pub(super) fn of_load(stack: Stack, side: Side, error: &str) -> String {
    match (stack, side) {
        (Stack::Tonic, Side::Client | Side::Server) => tonic_error(error),
        (Stack::GrpcCore, Side::Client) if !ABORTS.contains(&error) => of("no-handshaker").into(),
        (Stack::GrpcCore | Stack::GrpcJs, Side::Client | Side::Server) => error.to_owned(),
    }
}

/// Node's message for a name that does not match.
pub(super) fn node_name(reason: &str) -> String {
    format!(
        "{NO_CONNECTION}Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: {reason}"
    )
}

static MESSAGES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let rows = include_str!("messages.tsv").lines().skip(1);
    rows.filter_map(|row| row.split_once('\t')).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_is_asked_for_is_in_the_table() {
        let sources = [
            include_str!("load.rs"),
            include_str!("openssl.rs"),
            include_str!("side.rs"),
            include_str!("verdict.rs"),
        ]
        .concat();
        let named = sources.split("text::of(\"").skip(1);
        let names: Vec<_> = named.filter_map(|rest| rest.split_once('"')).collect();
        assert!(names.len() > 20);
        for (name, _) in names {
            assert!(!of(name).is_empty(), "{name}");
        }
        let causes = ["illegal-name", "too-large", "no-client-certificate"];
        for (cause, stack) in causes.iter().flat_map(|c| Stack::ALL.map(|s| (c, s))) {
            assert!(!by_stack(cause, stack).is_empty(), "{cause}.{stack}");
        }
        for (client, server) in Stack::ALL.iter().flat_map(|c| Stack::ALL.map(|s| (*c, s))) {
            assert!(!no_common_signature(client, server).is_empty());
            assert!(!client_refused(client, server, 42).is_empty());
        }
    }
}
