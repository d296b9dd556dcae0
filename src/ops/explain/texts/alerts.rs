//! Alerts, as each program names them ([IANA](https://www.iana.org/assignments/tls-parameters)).

use super::super::topic::Topic;
use super::super::topics::{alerts, connection, names, revocation};

/// An alert: its number, its name, Go's text for it, GnuTLS's where it has another, and what it means.
pub(super) struct Alert(
    pub(super) u8,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static Topic,
);

impl Alert {
    /// Every way it is written, folded.
    pub(super) fn patterns(&self) -> Vec<String> {
        let Alert(number, name, go, _) = self;
        let words = name.replace('_', " ");
        let together = name.replace('_', "");
        let mut patterns = vec![
            format!("alert {words}"),
            format!("tlsv1 {words}"),
            format!("fatal alert: {words}"),
            format!("fatal alert: {together}"),
            format!("alertreceived({together})"),
            format!("alert number {number}"),
            format!("received alert [{number}]"),
        ];
        if !go.is_empty() {
            patterns.push(format!("remote error: tls: {go}"));
        }
        patterns
    }
}

#[rustfmt::skip]
pub(super) static ALERTS: &[Alert] = &[
    Alert(0, "close_notify", "close notify", &connection::CLOSED),
    Alert(10, "unexpected_message", "unexpected message", &alerts::PROTOCOL_FAULT),
    Alert(20, "bad_record_mac", "bad record mac", &alerts::PROTOCOL_FAULT),
    Alert(21, "decryption_failed", "decryption failed", &alerts::PROTOCOL_FAULT),
    Alert(22, "record_overflow", "record overflow", &alerts::PROTOCOL_FAULT),
    Alert(30, "decompression_failure", "decompression failure", &alerts::PROTOCOL_FAULT),
    Alert(40, "handshake_failure", "handshake failure", &alerts::HANDSHAKE_FAILURE),
    Alert(41, "no_certificate", "", &alerts::CERTIFICATE_REQUIRED),
    Alert(42, "bad_certificate", "bad certificate", &alerts::BAD_CERTIFICATE),
    Alert(43, "unsupported_certificate", "unsupported certificate", &alerts::UNSUPPORTED_CERTIFICATE),
    Alert(44, "certificate_revoked", "revoked certificate", &alerts::CERTIFICATE_REVOKED),
    Alert(45, "certificate_expired", "expired certificate", &alerts::CERTIFICATE_EXPIRED),
    Alert(46, "certificate_unknown", "unknown certificate", &alerts::CERTIFICATE_UNKNOWN),
    Alert(47, "illegal_parameter", "illegal parameter", &alerts::PROTOCOL_FAULT),
    Alert(48, "unknown_ca", "unknown certificate authority", &alerts::UNKNOWN_CA),
    Alert(49, "access_denied", "access denied", &alerts::ACCESS_DENIED),
    Alert(50, "decode_error", "error decoding message", &alerts::PROTOCOL_FAULT),
    Alert(51, "decrypt_error", "error decrypting message", &alerts::DECRYPT_ERROR),
    Alert(60, "export_restriction", "export restriction", &alerts::INSUFFICIENT_SECURITY),
    Alert(70, "protocol_version", "protocol version not supported", &alerts::PROTOCOL_VERSION),
    Alert(71, "insufficient_security", "insufficient security level", &alerts::INSUFFICIENT_SECURITY),
    Alert(80, "internal_error", "internal error", &alerts::INTERNAL_ERROR),
    Alert(86, "inappropriate_fallback", "inappropriate fallback", &alerts::PROTOCOL_VERSION),
    Alert(90, "user_canceled", "user canceled", &connection::CLOSED),
    Alert(90, "user_cancelled", "", &connection::CLOSED),
    Alert(100, "no_renegotiation", "no renegotiation", &alerts::RENEGOTIATION),
    Alert(109, "missing_extension", "missing extension", &alerts::PROTOCOL_FAULT),
    Alert(110, "unsupported_extension", "unsupported extension", &alerts::PROTOCOL_FAULT),
    Alert(111, "certificate_unobtainable", "certificate unobtainable", &alerts::CERTIFICATE_UNKNOWN),
    Alert(112, "unrecognized_name", "unrecognized name", &names::SERVER_NAME),
    Alert(112, "unrecognised_name", "", &names::SERVER_NAME),
    Alert(113, "bad_certificate_status_response", "bad certificate status response", &revocation::OCSP),
    Alert(114, "bad_certificate_hash_value", "bad certificate hash value", &alerts::BAD_CERTIFICATE),
    Alert(115, "unknown_psk_identity", "unknown psk identity", &alerts::HANDSHAKE_FAILURE),
    Alert(116, "certificate_required", "certificate required", &alerts::CERTIFICATE_REQUIRED),
    Alert(120, "no_application_protocol", "no application protocol", &alerts::NO_ALPN),
    Alert(121, "ech_required", "encrypted client hello required", &alerts::HANDSHAKE_FAILURE),
];
