//! Object identifiers and URLs as settings spell them.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use crate::pki::san::SubjectAltName;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};

/// A KeyPurposeId of an extended key usage
/// ([RFC 5280 §4.2.1.12](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12)): `code-signing`, or an
/// object identifier in dots. anyExtendedKeyUsage is none: it takes the meaning out of all others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPurposeId(ObjectIdentifier);

impl KeyPurposeId {
    /// The object identifier.
    pub fn oid(&self) -> ObjectIdentifier {
        self.0
    }
}

impl FromStr for KeyPurposeId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let plain = text.replace('-', "").to_ascii_lowercase();
        let named = KEY_PURPOSES
            .iter()
            .find(|(name, _)| name.replace('-', "") == plain);
        match named {
            Some((_, oid)) => Ok(KeyPurposeId(*oid)),
            None => match oid(text) {
                Some(crate::pki::usage::ANY_EXTENDED_KEY_USAGE) | None => {
                    Err(IdentifierError::KeyPurpose {
                        text: text.to_owned(),
                    })
                }
                Some(oid) => Ok(KeyPurposeId(oid)),
            },
        }
    }
}

impl fmt::Display for KeyPurposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KEY_PURPOSES.iter().find(|(_, oid)| *oid == self.0) {
            Some((name, _)) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

/// The object identifier of a certificate policy, in dots
/// ([RFC 5280 §4.2.1.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.4)).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyId(ObjectIdentifier);

impl PolicyId {
    /// The object identifier.
    pub fn oid(&self) -> ObjectIdentifier {
        self.0
    }
}

impl FromStr for PolicyId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        oid(text)
            .map(PolicyId)
            .ok_or_else(|| IdentifierError::Policy {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a revocation list, an issuer's certificate or a responder is found: an `http`, `https` or
/// `ldap` URL of ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location(String);

impl Location {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Location {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let is_fetched = ["http://", "https://", "ldap://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        match format!("uri:{text}").parse::<SubjectAltName>() {
            Ok(_) if is_fetched => Ok(Location(text.to_owned())),
            Ok(_) | Err(_) => Err(IdentifierError::Location {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Has serde go through the text of a type.
macro_rules! as_text {
    ($($identifier:ty),*) => {
        $(impl TryFrom<String> for $identifier {
            type Error = IdentifierError;

            fn try_from(text: String) -> Result<Self, IdentifierError> {
                text.parse()
            }
        }

        impl From<$identifier> for String {
            fn from(identifier: $identifier) -> String {
                identifier.to_string()
            }
        })*
    };
}

as_text!(KeyPurposeId, PolicyId, Location);

/// Not an identifier of the kind that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum IdentifierError {
    /// Not a key purpose.
    #[error("not an extended key usage: '{}' (server-auth, client-auth, code-signing, email-protection, time-stamping, ocsp-signing, or an object identifier such as 1.3.6.1.4.1.311.20.2.2)", text.escape_debug())]
    KeyPurpose {
        /// The text as given.
        text: String,
    },
    /// Not a policy.
    #[error("not a certificate policy: '{}' (an object identifier such as 1.3.6.1.4.1.99999.1)", text.escape_debug())]
    Policy {
        /// The text as given.
        text: String,
    },
    /// Not a place to fetch something from.
    #[error("not a URL to fetch from: '{}' (http, https or ldap)", text.escape_debug())]
    Location {
        /// The text as given.
        text: String,
    },
}

/// RFC 5280 §4.2.1.12.
const KEY_PURPOSES: [(&str, ObjectIdentifier); 6] = [
    ("server-auth", SERVER_AUTH),
    ("client-auth", CLIENT_AUTH),
    (
        "code-signing",
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
    ),
    (
        "email-protection",
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ),
    (
        "time-stamping",
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
    ),
    (
        "ocsp-signing",
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
    ),
];

fn oid(text: &str) -> Option<ObjectIdentifier> {
    ObjectIdentifier::new(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_purposes_have_names_in_two_spellings_or_numbers() {
        for (text, shown) in [
            ("code-signing", "code-signing"),
            ("codeSigning", "code-signing"),
            ("OCSPSigning", "ocsp-signing"),
            ("1.3.6.1.5.5.7.3.1", "server-auth"),
            ("1.3.6.1.4.1.311.20.2.2", "1.3.6.1.4.1.311.20.2.2"),
        ] {
            assert_eq!(text.parse::<KeyPurposeId>().unwrap().to_string(), shown);
        }
        for text in ["", "anything", "2.5.29.37.0", "1", "1.2.x"] {
            assert!(text.parse::<KeyPurposeId>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_can_be_fetched_is_a_location() {
        assert!("http://pki.example.org/ca.crl".parse::<Location>().is_ok());
        for text in [
            "",
            "pki.example.org/ca.crl",
            "http://",
            "file:///ca.crl",
            "http://a b/",
            "http://b\u{fc}cher.example/",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
