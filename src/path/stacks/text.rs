//! What users of each stack see, by cause. Ports, addresses and pointers are left out.

use super::fault::Fault;
use super::pem::{Dialect, PemFault};
use super::{Side, Stack};
use crate::path::public_key::Kind;

/// Printed beside a server that does not start.
pub(super) const NOT_STARTED: &str = "server does not start";

pub(super) const INVALID_CHAIN: &str = "Invalid cert chain file. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const INVALID_KEY: &str = "Invalid private key. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const INVALID_LABEL: &str = "Invalid certificate ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const INVALID_NAMES: &str = "ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INTERNAL_ERROR add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const NO_ROOTS: &str = "Could not load any root certificate. Invalid verification certs. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
/// What a grpc-core client says of any fault in its own files.
pub(super) const NO_HANDSHAKER: &str = "UNKNOWN: Failed to create security handshaker.";

pub(super) const NO_START_LINE: &str = "error:0480006C:PEM routines::no start line";
pub(super) const WRONG_TAG: &str = "error:068000A8:asn1 encoding routines::wrong tag";
pub(super) const EE_KEY_TOO_SMALL: &str = "error:0A00018F:SSL routines::ee key too small";
pub(super) const CA_KEY_TOO_SMALL: &str = "error:0A00018D:SSL routines::ca key too small";
pub(super) const CA_MD_TOO_WEAK: &str = "error:0A00018E:SSL routines::ca md too weak";

/// OpenSSL's error for a block that cannot be read.
pub(super) fn openssl_pem(fault: PemFault) -> &'static str {
    match fault {
        PemFault::EndLine => "error:04800066:PEM routines::bad end line",
        PemFault::Base64 => "error:04800064:PEM routines::bad base64 decode",
        PemFault::Empty | PemFault::Header => NO_START_LINE,
    }
}

/// OpenSSL's error for a private key, by the rule it breaks.
pub(super) fn openssl_key(rule: &str) -> &'static str {
    match rule {
        "key-mismatch" => "error:05800074:x509 certificate routines::key values mismatch",
        "key-encrypted" => "error:07880109:common libcrypto routines::interrupted or cancelled",
        _ => "error:1E08010C:DECODER routines::unsupported",
    }
}

/// What a client says when a server's certificates do not hold.
pub(super) fn path_refused(client: Stack, fault: Fault, detail: &str) -> String {
    match client {
        Stack::GrpcCore => {
            grpc_core_handshake(&format!("{detail}: {}", fault.text(Dialect::BoringSsl)))
        }
        Stack::GrpcJs => grpc_js_error(fault.text(Dialect::OpenSsl)),
        Stack::Tonic => tonic_error(fault.text(Dialect::OpenSsl)),
    }
}

/// What a grpc-core server prints when a client's certificates do not hold.
pub(super) fn client_path_refused(fault: Fault, detail: &str) -> String {
    let text = fault.text(Dialect::BoringSsl);
    format!("Handshake failed with error SSL_ERROR_SSL: error:{detail}: {text}")
}

/// BoringSSL's first error where a signature does not hold.
pub(super) fn bad_signature(kind: Kind<'_>) -> &'static str {
    match kind {
        Kind::Rsa { .. } => "0400006e:RSA routines:OPENSSL_internal:BAD_SIGNATURE",
        Kind::Ec(_)
        | Kind::OtherCurve(_)
        | Kind::ExplicitCurve
        | Kind::Ed25519
        | Kind::Dsa
        | Kind::Other(_)
        | Kind::Malformed => "1a000064:ECDSA routines:OPENSSL_internal:BAD_SIGNATURE",
    }
}

/// BoringSSL's first error for all other faults of a path.
pub(super) const VERIFY_FAILED: &str =
    "1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED";
pub(super) const ALGORITHM_MISMATCH: &str =
    "0b000089:X.509 certificate routines:OPENSSL_internal:SIGNATURE_ALGORITHM_MISMATCH";
pub(super) const DIGEST_UNSUPPORTED: &str =
    "0c00006f:ASN.1 encoding routines:OPENSSL_internal:DIGEST_AND_KEY_TYPE_NOT_SUPPORTED";
pub(super) const POLICY_INVALID: &str =
    "0b000090:X.509 certificate routines:OPENSSL_internal:INVALID_POLICY_EXTENSION";

pub(super) fn grpc_core_handshake(error: &str) -> String {
    format!(
        "UNKNOWN: Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:{error}: OK"
    )
}

pub(super) fn grpc_js_error(error: &str) -> String {
    format!("14 UNAVAILABLE: No connection established. Last error: Error: {error}")
}

pub(super) fn tonic_error(error: &str) -> String {
    format!("transport error: {error}")
}

/// What a client prints when its own files cannot be used.
pub(super) fn own_files(stack: Stack, error: &str) -> String {
    match stack {
        Stack::GrpcCore => NO_HANDSHAKER.to_owned(),
        Stack::GrpcJs => error.to_owned(),
        Stack::Tonic => tonic_error(error),
    }
}

/// What a client prints when the server has no signature that it takes.
pub(super) fn no_common_signature(client: Stack, server: Stack) -> String {
    match (client, server) {
        (Stack::GrpcCore, Stack::GrpcCore) => {
            "UNAVAILABLE: Handshake read failed (Socket closed)".to_owned()
        }
        (Stack::GrpcCore, Stack::GrpcJs | Stack::Tonic) => grpc_core_handshake(
            "10000410:SSL routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE: Invalid certificate verification context",
        ),
        (Stack::GrpcJs, Stack::GrpcCore) => grpc_js_error(
            "Client network socket disconnected before secure TLS connection was established",
        ),
        (Stack::GrpcJs, Stack::GrpcJs | Stack::Tonic) => grpc_js_error(
            "error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure",
        ),
        (Stack::Tonic, Stack::GrpcCore) => tonic_error("tls handshake eof"),
        (Stack::Tonic, Stack::GrpcJs | Stack::Tonic) => {
            tonic_error("received fatal alert: HandshakeFailure")
        }
    }
}

/// What a client prints when the server refuses its certificate: TLS 1.3 is finished by then, so that
/// it sees a closed connection.
pub(super) fn client_refused(client: Stack, server: Stack) -> String {
    match (client, server) {
        (Stack::GrpcCore, Stack::GrpcCore | Stack::GrpcJs) => {
            "UNAVAILABLE: Socket closed".to_owned()
        }
        (Stack::GrpcCore, Stack::Tonic) => {
            "UNAVAILABLE: Unwrap failed (TSI_DATA_CORRUPTED)".to_owned()
        }
        (Stack::GrpcJs, _) => {
            "14 UNAVAILABLE: No connection established. Last error: Failed to connect".to_owned()
        }
        (Stack::Tonic, _) => {
            "transport error: connection error: stream closed because of a broken pipe".to_owned()
        }
    }
}

/// What a rustls server's refusal of the server name looks like.
pub(super) fn illegal_name(client: Stack) -> String {
    match client {
        Stack::GrpcCore => grpc_core_handshake(
            "10000417:SSL routines:OPENSSL_internal:SSLV3_ALERT_ILLEGAL_PARAMETER: Invalid certificate verification context",
        ),
        Stack::GrpcJs => grpc_js_error(
            "error:0A000417:SSL routines:ssl3_read_bytes:sslv3 alert illegal parameter",
        ),
        Stack::Tonic => tonic_error("received fatal alert: IllegalParameter"),
    }
}

/// The text of a load fault in a role: a server prints it, a grpc-core client hides it.
pub(super) fn of_load(stack: Stack, side: Side, error: &str) -> String {
    match side {
        Side::Client => own_files(stack, error),
        Side::Server if stack == Stack::Tonic => tonic_error(error),
        Side::Server => error.to_owned(),
    }
}

/// The certificate cannot be parsed.
pub(super) const DECODE_ERROR: &str = "0c00006d:ASN.1 encoding routines:OPENSSL_internal:DECODE_ERROR: Invalid certificate verification context";
pub(super) const KEY_USAGE_INCORRECT: &str = "1000012e:SSL routines:OPENSSL_internal:KEY_USAGE_BIT_INCORRECT: Invalid certificate verification context";
pub(super) const HOST_REFUSED: &str = "UNKNOWN: Custom verification check failed with error: UNAUTHENTICATED: Hostname Verification Check failed.";
pub(super) const CALL_REFUSED: &str = "UNAUTHENTICATED: call host does not match SSL server name";

/// Node's words for a name that does not fit.
pub(super) fn node_name(reason: &str) -> String {
    format!(
        "14 UNAVAILABLE: No connection established. Last error: Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: {reason}"
    )
}

/// What a server prints when no client certificate comes.
pub(super) fn no_client_certificate(server: Stack) -> &'static str {
    match server {
        Stack::GrpcCore => {
            "Handshake failed with error SSL_ERROR_SSL: error:100000c0:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE: Invalid certificate verification context"
        }
        Stack::GrpcJs => "error:0A0000C7:SSL routines::peer did not return a certificate",
        Stack::Tonic => "peer sent no certificates",
    }
}
/// grpc-core, when it cannot make names of what the peer's certificate says.
pub(super) const PEER_UNREADABLE: &str = "UNKNOWN: Peer extraction failed (TSI_INTERNAL_ERROR)";
/// grpc-core, when Node's HTTP/2 takes no request for the name.
pub(super) const STREAM_RESET: &str =
    "INTERNAL: Stream removed (RST_STREAM (Received RST_STREAM with error code 1))";

/// What a client prints when a server sends more certificates than it takes.
pub(super) fn too_large(client: Stack) -> String {
    match client {
        Stack::GrpcCore => grpc_core_handshake(
            "10000096:SSL routines:OPENSSL_internal:EXCESSIVE_MESSAGE_SIZE: Invalid certificate verification context",
        ),
        Stack::GrpcJs => {
            grpc_js_error("error:0A000098:SSL routines:read_state_machine:excessive message size")
        }
        Stack::Tonic => tonic_error("received corrupt message of type HandshakePayloadTooLarge"),
    }
}
