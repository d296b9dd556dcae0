//! The messages of each stack, by cause, without ports, addresses and pointers.

use super::chain::Fault;
use super::pem::{Dialect, PemFault};
use super::reading::NamesFault;
use super::{Side, Stack};
use crate::pki::public_key::KeyKind;

/// For a client whose server does not start.
pub(super) const NOT_STARTED: &str = "server does not start";

pub(super) const INVALID_CHAIN: &str = "Invalid cert chain file. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const INVALID_KEY: &str = "Invalid private key. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const INVALID_LABEL: &str = "Invalid certificate ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
/// grpc-core's error for a server certificate whose names it cannot read.
pub(super) fn invalid_names(fault: NamesFault) -> &'static str {
    match fault {
        NamesFault::Address => INVALID_NAMES,
        NamesFault::CommonName => INVALID_COMMON_NAME,
    }
}

/// grpc-core's error for a peer whose names it cannot read.
pub(super) fn unreadable_peer(fault: NamesFault) -> &'static str {
    match fault {
        NamesFault::Address => "UNKNOWN: Peer extraction failed (TSI_INTERNAL_ERROR)",
        NamesFault::CommonName => "UNKNOWN: Peer extraction failed (TSI_OUT_OF_RESOURCES)",
    }
}

const INVALID_NAMES: &str = "SAN IP Address contained invalid IP ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INTERNAL_ERROR add_port.cc:56] Unable to create secure server with credentials of type";
const INVALID_COMMON_NAME: &str = "Could not extract utf8 from asn1 string. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_OUT_OF_RESOURCES add_port.cc:56] Unable to create secure server with credentials of type";
pub(super) const NO_ROOTS: &str = "Could not load any root certificate. Invalid verification certs. ssl_security_connector.cc:276] Handshaker factory creation failed with TSI_INVALID_ARGUMENT add_port.cc:56] Unable to create secure server with credentials of type";
/// The last message of a grpc-core client whose key or certificate file is empty: its process aborts.
pub(super) const ABORTS: [&str; 2] = [
    "Check failed: private_key != nullptr",
    "Check failed: cert_chain != nullptr",
];
/// A grpc-core client's message for any other fault in its own files.
pub(super) const NO_HANDSHAKER: &str = "UNKNOWN: Failed to create security handshaker.";

pub(super) const NO_START_LINE: &str = "error:0480006C:PEM routines::no start line";
pub(super) const WRONG_TAG: &str = "error:068000A8:asn1 encoding routines::wrong tag";
pub(super) const KEY_DECODE_ERROR: &str = "error:03000072:digital envelope routines::decode error";
pub(super) const UNKNOWN_TYPE: &str = "error:0A0000F7:SSL routines::unknown certificate type";
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
        "key-encrypted" => "error:1C800064:Provider routines::bad decrypt",
        _ => "error:1E08010C:DECODER routines::unsupported",
    }
}

/// A client's message for a server's path that is not valid.
pub(super) fn path_refused(client: Stack, fault: Fault, detail: &str) -> String {
    match client {
        Stack::GrpcCore => {
            grpc_core_handshake(&format!("{detail}: {}", fault.text(Dialect::BoringSsl)))
        }
        Stack::GrpcJs => grpc_js_error(fault.text(Dialect::OpenSsl)),
        Stack::Tonic => tonic_error(fault.text(Dialect::OpenSsl)),
    }
}

/// A grpc-core server's message for a client's path that is not valid.
pub(super) fn client_path_refused(fault: Fault, detail: &str) -> String {
    let text = fault.text(Dialect::BoringSsl);
    format!("Handshake failed with error SSL_ERROR_SSL: error:{detail}: {text}")
}

/// BoringSSL's first error for an invalid signature.
pub(super) fn bad_signature(kind: KeyKind) -> &'static str {
    if kind == KeyKind::Rsa {
        "0400006e:RSA routines:OPENSSL_internal:BAD_SIGNATURE"
    } else {
        "1a000064:ECDSA routines:OPENSSL_internal:BAD_SIGNATURE"
    }
}

/// BoringSSL's first error for all other faults of a path.
pub(super) const VERIFY_FAILED: &str =
    "1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED";
pub(super) const ALGORITHM_MISMATCH: &str =
    "0b000089:X.509 certificate routines:OPENSSL_internal:SIGNATURE_ALGORITHM_MISMATCH";
pub(super) const DIGEST_UNSUPPORTED: &str =
    "0c00006f:ASN.1 encoding routines:OPENSSL_internal:DIGEST_AND_KEY_TYPE_NOT_SUPPORTED";
pub(super) const EXTENSION_UNDECODABLE: &str =
    "0c00006d:ASN.1 encoding routines:OPENSSL_internal:DECODE_ERROR";
pub(super) const KEY_UNDECODABLE: &str =
    "0b00007d:X.509 certificate routines:OPENSSL_internal:PUBLIC_KEY_DECODE_ERROR";
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

/// A client's message when it cannot use its own files.
pub(super) fn own_files(stack: Stack, error: &str) -> String {
    match stack {
        Stack::GrpcCore if ABORTS.contains(&error) => error.to_owned(),
        Stack::GrpcCore => NO_HANDSHAKER.to_owned(),
        Stack::GrpcJs => error.to_owned(),
        Stack::Tonic => tonic_error(error),
    }
}

/// A client's message when the server cannot make a signature that it accepts.
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
        (Stack::GrpcJs, Stack::GrpcJs | Stack::Tonic) => {
            grpc_js_error(&openssl_alert(HANDSHAKE_FAILURE))
        }
        (Stack::Tonic, Stack::GrpcCore) => tonic_error("tls handshake eof"),
        (Stack::Tonic, Stack::GrpcJs | Stack::Tonic) => {
            tonic_error("received fatal alert: HandshakeFailure")
        }
    }
}

/// A client's message when the server refuses its certificate: the handshake of TLS 1.3 is complete by then,
/// so it mostly sees a closed connection. `alert` is the number of the alert that a rustls server sends.
pub(super) fn client_refused(client: Stack, server: Stack, alert: u8) -> String {
    match (client, server) {
        (Stack::GrpcCore, Stack::GrpcCore | Stack::GrpcJs) => {
            "UNAVAILABLE: Socket closed".to_owned()
        }
        (Stack::GrpcCore, Stack::Tonic) => {
            "UNAVAILABLE: Unwrap failed (TSI_DATA_CORRUPTED)".to_owned()
        }
        (Stack::GrpcJs, server)
            if server == Stack::GrpcCore
                || server == Stack::GrpcJs && alert != CERTIFICATE_REQUIRED =>
        {
            "14 UNAVAILABLE: No connection established. Last error: Failed to connect".to_owned()
        }
        (Stack::GrpcJs, Stack::GrpcCore | Stack::GrpcJs | Stack::Tonic) => format!(
            "14 UNAVAILABLE: No connection established. Last error: {}",
            openssl_alert(alert)
        ),
        (Stack::Tonic, Stack::GrpcCore | Stack::GrpcJs | Stack::Tonic) => BROKEN_PIPE.to_owned(),
    }
}

/// The alert of a server that requires a certificate and gets none (RFC 8446 §6.2).
pub(super) const CERTIFICATE_REQUIRED: u8 = 116;

/// OpenSSL's error for an alert that it receives.
fn openssl_alert(number: u8) -> String {
    let name = OPENSSL_ALERTS
        .iter()
        .find(|(known, _)| *known == number)
        .map_or("sslv3 alert certificate unknown", |(_, name)| name);
    let code = ALERT_OFFSET + u32::from(number);
    format!("error:0A{code:06X}:SSL routines:ssl3_read_bytes:{name}:SSL alert number {number}")
}

const HANDSHAKE_FAILURE: u8 = 40;
const ILLEGAL_PARAMETER: u8 = 47;
const ALERT_OFFSET: u32 = 1000; // SSL_AD_REASON_OFFSET
const OPENSSL_ALERTS: [(u8, &str); 12] = [
    (40, "sslv3 alert handshake failure"),
    (42, "sslv3 alert bad certificate"),
    (43, "sslv3 alert unsupported certificate"),
    (44, "sslv3 alert certificate revoked"),
    (45, "sslv3 alert certificate expired"),
    (46, "sslv3 alert certificate unknown"),
    (47, "sslv3 alert illegal parameter"),
    (48, "tlsv1 alert unknown ca"),
    (50, "tlsv1 alert decode error"),
    (51, "tlsv1 alert decrypt error"),
    (80, "tlsv1 alert internal error"),
    (CERTIFICATE_REQUIRED, "tlsv13 alert certificate required"),
];
const BROKEN_PIPE: &str = r#"code: 'Unknown error', message: "transport error", source: tonic::transport::Error(Transport, hyper::Error(Io, Custom { kind: BrokenPipe, error: "stream closed because of a broken pipe" }))"#;

/// A client's message when a rustls server refuses the server name.
pub(super) fn illegal_name(client: Stack) -> String {
    match client {
        Stack::GrpcCore => grpc_core_handshake(
            "10000417:SSL routines:OPENSSL_internal:SSLV3_ALERT_ILLEGAL_PARAMETER: Invalid certificate verification context",
        ),
        Stack::GrpcJs => grpc_js_error(&openssl_alert(ILLEGAL_PARAMETER)),
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
pub(super) const PEER_KEY_UNDECODABLE: &str = "06000066:public key routines:OPENSSL_internal:DECODE_ERROR: Invalid certificate verification context";
pub(super) const LEAF_UNPARSABLE: &str = "10000110:SSL routines:OPENSSL_internal:CANNOT_PARSE_LEAF_CERT: Invalid certificate verification context";
pub(super) const NO_COMMON_SIGNATURE: &str =
    "100000fd:SSL routines:OPENSSL_internal:NO_COMMON_SIGNATURE_ALGORITHMS";
pub(super) const KEY_USAGE_INCORRECT: &str = "1000012e:SSL routines:OPENSSL_internal:KEY_USAGE_BIT_INCORRECT: Invalid certificate verification context";
pub(super) const HOST_REFUSED: &str = "UNKNOWN: Custom verification check failed with error: UNAUTHENTICATED: Hostname Verification Check failed.";
pub(super) const CALL_REFUSED: &str = "UNAUTHENTICATED: call host does not match SSL server name";

/// Node's message for a name that does not match.
pub(super) fn node_name(reason: &str) -> String {
    format!(
        "14 UNAVAILABLE: No connection established. Last error: Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: {reason}"
    )
}

/// A server's message when it gets no client certificate.
pub(super) fn no_client_certificate(server: Stack) -> &'static str {
    match server {
        Stack::GrpcCore => {
            "Handshake failed with error SSL_ERROR_SSL: error:100000c0:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE: Invalid certificate verification context"
        }
        Stack::GrpcJs => "error:0A0000C7:SSL routines::peer did not return a certificate",
        Stack::Tonic => "peer sent no certificates",
    }
}
/// grpc-core's message when Node's HTTP/2 refuses requests for the name.
pub(super) const STREAM_RESET: &str =
    "INTERNAL: Stream removed (RST_STREAM (Received RST_STREAM with error code 1))";

/// A client's message when a server sends more certificates than it accepts.
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
