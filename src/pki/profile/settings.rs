//! Profiles as they are written: parts of one, laid over another.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::{Policy, Profile, ProfilePurpose};
use crate::pki::algorithm::KeyType;
use crate::pki::name::{AttributeError, AttributeType, DistinguishedName};
use crate::pki::oid::known_oid;
use crate::pki::san::SubjectAltName;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};
use crate::pki::validity::Lifetime;

/// The settings of a profile; what is not set is left to the profile below.
///
/// A list that is set replaces the one below as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileSettings {
    /// The profile below; the built-in one of the same name when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// What the certificates are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<ProfilePurpose>,
    /// How long they are valid when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_lifetime: Option<Lifetime>,
    /// The longest they may be asked to be valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Lifetime>,
    /// The kinds of key they may have, the usual one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_types: Option<Vec<KeyType>>,
    /// How many CAs may follow below an intermediate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u8>,
    /// Extended key usages beside those of the purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_key_usages: Option<Vec<KeyPurposeId>>,
    /// Where the revocation list is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_distribution_points: Option<Vec<Location>>,
    /// Where the issuer's certificate is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_issuers: Option<Vec<Location>>,
    /// Where the status can be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<Vec<Location>>,
    /// The policies they are issued under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_policies: Option<Vec<PolicyId>>,
    /// What every subject says beside the common name.
    #[serde(skip_serializing_if = "is_default")]
    pub subject: SubjectSettings,
    /// Which names are permitted.
    #[serde(skip_serializing_if = "is_default")]
    pub policy: Policy,
}

impl ProfileSettings {
    /// These settings where they say something, and `below` where they do not.
    pub fn over(self, below: ProfileSettings) -> ProfileSettings {
        ProfileSettings {
            extends: below.extends,
            purpose: self.purpose.or(below.purpose),
            // A shorter greatest lifetime shortens the usual one with it.
            default_lifetime: self.default_lifetime.or_else(|| {
                let below = below.default_lifetime?;
                Some(self.max_lifetime.map_or(below, |most| most.min(below)))
            }),
            max_lifetime: self.max_lifetime.or(below.max_lifetime),
            key_types: self.key_types.or(below.key_types),
            path_length: self.path_length.or(below.path_length),
            subject: self.subject.over(below.subject),
            extended_key_usages: self.extended_key_usages.or(below.extended_key_usages),
            crl_distribution_points: self
                .crl_distribution_points
                .or(below.crl_distribution_points),
            ca_issuers: self.ca_issuers.or(below.ca_issuers),
            ocsp: self.ocsp.or(below.ocsp),
            certificate_policies: self.certificate_policies.or(below.certificate_policies),
            policy: self.policy.over(below.policy),
        }
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// If it has no purpose, its usual lifetime is longer than its greatest, it has no kind of key
    /// or more purposes than a CA's may, or its subject cannot stand in a certificate.
    pub fn profile(self, name: &str) -> Result<Profile, ProfileError> {
        let purpose = self.purpose.ok_or(ProfileError::NoPurpose)?;
        let max_lifetime = self.max_lifetime;
        let default_lifetime = self
            .default_lifetime
            .or(max_lifetime)
            .ok_or(ProfileError::NoLifetime)?;
        if let Some(most) = max_lifetime.filter(|most| default_lifetime > *most) {
            return Err(ProfileError::Lifetimes {
                usual: default_lifetime,
                most,
            });
        }
        let key_types = self.key_types.unwrap_or_else(|| KeyType::SIGNING.to_vec());
        if key_types.is_empty() {
            return Err(ProfileError::NoKeyType);
        }
        let extended_key_usages = self.extended_key_usages.unwrap_or_default();
        let is_ca = purpose.end_entity().is_none();
        if is_ca && !extended_key_usages.is_empty() {
            return Err(ProfileError::ExtendedKeyUsageOfCa);
        }
        if !is_ca && self.path_length.is_some() {
            return Err(ProfileError::PathLengthOfEndEntity);
        }
        DistinguishedName::build(&self.subject.attributes())?;
        Ok(Profile {
            name: name.to_owned(),
            purpose,
            default_lifetime,
            max_lifetime,
            key_types,
            path_length: self.path_length,
            subject: self.subject,
            extended_key_usages,
            crl_distribution_points: self.crl_distribution_points.unwrap_or_default(),
            ca_issuers: self.ca_issuers.unwrap_or_default(),
            ocsp: self.ocsp.unwrap_or_default(),
            certificate_policies: self.certificate_policies.unwrap_or_default(),
            policy: self.policy,
        })
    }
}

impl From<&Profile> for ProfileSettings {
    fn from(profile: &Profile) -> Self {
        fn listed<T: Clone>(list: &[T]) -> Option<Vec<T>> {
            (!list.is_empty()).then(|| list.to_vec())
        }
        ProfileSettings {
            extends: None,
            purpose: Some(profile.purpose),
            default_lifetime: Some(profile.default_lifetime),
            max_lifetime: profile.max_lifetime,
            key_types: Some(profile.key_types.clone()),
            path_length: profile.path_length,
            extended_key_usages: listed(&profile.extended_key_usages),
            crl_distribution_points: listed(&profile.crl_distribution_points),
            ca_issuers: listed(&profile.ca_issuers),
            ocsp: listed(&profile.ocsp),
            certificate_policies: listed(&profile.certificate_policies),
            subject: profile.subject.clone(),
            policy: profile.policy.clone(),
        }
    }
}

/// What every subject says beside the common name (RFC 5280 appendix A.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubjectSettings {
    /// Two capital letters (ISO 3166).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Locality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// Organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Organizational unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
}

impl SubjectSettings {
    /// The attributes in the order they stand in a subject, before the common name.
    pub fn attributes(&self) -> Vec<(AttributeType, &str)> {
        [
            (AttributeType::Country, &self.country),
            (AttributeType::StateOrProvince, &self.state),
            (AttributeType::Locality, &self.locality),
            (AttributeType::Organization, &self.organization),
            (AttributeType::OrganizationalUnit, &self.organizational_unit),
        ]
        .into_iter()
        .filter_map(|(kind, value)| Some((kind, value.as_deref()?)))
        .collect()
    }

    fn over(self, below: SubjectSettings) -> SubjectSettings {
        SubjectSettings {
            country: self.country.or(below.country),
            state: self.state.or(below.state),
            locality: self.locality.or(below.locality),
            organization: self.organization.or(below.organization),
            organizational_unit: self.organizational_unit.or(below.organizational_unit),
        }
    }
}

/// Why settings do not define a profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Nothing says what it is for.
    #[error("it has no purpose: set `purpose`, or `extends` to a built-in profile")]
    NoPurpose,
    /// Nothing says how long its certificates are valid.
    #[error("it has no lifetime: set `default_lifetime`")]
    NoLifetime,
    /// The usual lifetime is refused by the greatest.
    #[error("default_lifetime is {usual}, longer than max_lifetime, {most}")]
    Lifetimes {
        /// The usual one.
        usual: Lifetime,
        /// The greatest.
        most: Lifetime,
    },
    /// No key type is permitted.
    #[error("key_types is empty")]
    NoKeyType,
    /// A CA's certificate has no extended key usage.
    #[error("extended_key_usages belong to end entities, and its purpose is intermediate")]
    ExtendedKeyUsageOfCa,
    /// Only CAs have a path length.
    #[error("path_length belongs to CAs, and its purpose is another")]
    PathLengthOfEndEntity,
    /// The subject cannot stand in a certificate.
    #[error("subject: {0}")]
    Subject(#[from] AttributeError),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
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
    ("code-signing", known_oid("1.3.6.1.5.5.7.3.3")),
    ("email-protection", known_oid("1.3.6.1.5.5.7.3.4")),
    ("time-stamping", known_oid("1.3.6.1.5.5.7.3.8")),
    ("ocsp-signing", known_oid("1.3.6.1.5.5.7.3.9")),
];

fn oid(text: &str) -> Option<ObjectIdentifier> {
    ObjectIdentifier::new(text).ok()
}

#[cfg(test)]
mod identifier_tests {
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
