//! What a certificate may be used for.

use std::fmt;

use const_oid::ObjectIdentifier;
use serde::Serialize;

use super::oid::known_oid;

/// What an end entity's certificate is for: its extended key usage
/// ([RFC 5280 §4.2.1.12](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// serverAuth.
    Server,
    /// clientAuth.
    Client,
    /// serverAuth and clientAuth: an agent that both dials and is dialled.
    Peer,
    /// Encryption of messages: no extended key usage, but keyAgreement or keyEncipherment.
    Message,
}

impl Purpose {
    /// The extended key usages it stands for.
    pub fn extended_key_usages(self) -> &'static [ObjectIdentifier] {
        match self {
            Purpose::Server => &[SERVER_AUTH],
            Purpose::Client => &[CLIENT_AUTH],
            Purpose::Peer => &[SERVER_AUTH, CLIENT_AUTH],
            Purpose::Message => &[],
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Server => "server",
            Purpose::Client => "client",
            Purpose::Peer => "peer",
            Purpose::Message => "message",
        })
    }
}

/// id-kp-serverAuth (RFC 5280 §4.2.1.12).
pub const SERVER_AUTH: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.3.1");
/// id-kp-clientAuth (RFC 5280 §4.2.1.12).
pub const CLIENT_AUTH: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.3.2");
/// id-kp-OCSPSigning (RFC 6960 §4.2.2.2).
pub const OCSP_SIGNING: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.3.9");
/// anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
pub const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = known_oid("2.5.29.37.0");
