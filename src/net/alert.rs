//! TLS alerts by their names.

use std::fmt;

use rustls::AlertDescription;

/// A TLS alert that was received ([RFC 8446 §6](https://www.rfc-editor.org/rfc/rfc8446#section-6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(u8);

impl Alert {
    /// The alert's code.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Whether it says that there was no client certificate, or that the one there was is refused.
    pub fn is_about_certificate(self) -> bool {
        matches!(self.0, 41..=46 | 48 | 49 | 116)
    }

    /// Whether it says that no offered application protocol is spoken.
    pub fn is_no_application_protocol(self) -> bool {
        self.0 == 120
    }
}

impl From<AlertDescription> for Alert {
    fn from(description: AlertDescription) -> Self {
        Alert(description.into())
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(code, _)| *code == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

impl serde::Serialize for Alert {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// [The registry of TLS alerts](https://www.iana.org/assignments/tls-parameters#tls-parameters-6).
const NAMES: &[(u8, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (22, "record_overflow"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (112, "unrecognized_name"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
];
