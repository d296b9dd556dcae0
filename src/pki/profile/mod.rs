//! Profiles: what a kind of certificate is like, and what may be asked for under its name.

mod built_in;
mod pattern;
mod policy;
mod settings;

#[cfg(test)]
mod tests;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

pub use built_in::BuiltIn;
pub use pattern::{DnsPattern, EmailPattern, IpRange, NamePattern, PatternError, UriPattern};
pub use policy::{Policy, PolicyRefusal};
pub use settings::{IdentifierError, KeyPurposeId, Location, PolicyId};
pub use settings::{ProfileError, ProfileSettings, SubjectSettings};

use super::algorithm::KeyType;
use super::san::SubjectAltName;
use super::spiffe::SpiffeId;
use super::usage::Purpose;
use super::validity::Lifetime;
use policy::holds_only;

/// What certificates issued under a name are like, and what is refused to them.
///
/// Made from [`ProfileSettings`], which are what is written in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Its name, which the inventory keeps with each certificate.
    pub name: String,
    /// What the certificates are for.
    pub purpose: ProfilePurpose,
    /// How long they are valid when nothing is said; at most `max_lifetime`.
    pub default_lifetime: Lifetime,
    /// The longest they may be asked to be valid; `None` for as long as their issuer.
    pub max_lifetime: Option<Lifetime>,
    /// The kinds of key they may have, the usual one first; at least one.
    pub key_types: Vec<KeyType>,
    /// How many CAs may follow below an intermediate; `None` for any number.
    pub path_length: Option<u8>,
    /// What every subject says beside the common name.
    pub subject: SubjectSettings,
    /// Extended key usages beside those of the purpose.
    pub extended_key_usages: Vec<KeyPurposeId>,
    /// Where the revocation list is found.
    pub crl_distribution_points: Vec<Location>,
    /// Where the issuer's certificate is found.
    pub ca_issuers: Vec<Location>,
    /// Where the status can be asked.
    pub ocsp: Vec<Location>,
    /// The policies they are issued under.
    pub certificate_policies: Vec<PolicyId>,
    /// Which names are permitted.
    pub policy: Policy,
}

impl Profile {
    /// Whether a certificate for these names, this lifetime and a key of this type may be issued. A key type
    /// that is not one of [`KeyType`], such as `rsa-2056`, is permitted only by a profile that permits all.
    ///
    /// # Errors
    /// The first rule that refuses it.
    pub fn permits(
        &self,
        names: &[SubjectAltName],
        lifetime: Lifetime,
        key_type: &str,
    ) -> Result<(), PolicyRefusal> {
        self.permits_names(names)?;
        if let Some(most) = self.max_lifetime.filter(|most| lifetime > *most) {
            let value = format!("a lifetime of {lifetime}");
            return Err(self.refusal(value, "max_lifetime", format!("is {most}")));
        }
        let is_permitted = match key_type.parse() {
            Ok(key_type) => self.key_types.contains(&key_type),
            Err(_) => KeyType::SIGNING
                .iter()
                .all(|any| self.key_types.contains(any)),
        };
        if !is_permitted {
            let value = format!("a key of type {key_type}");
            return Err(self.refusal(value, "key_types", holds_only(&self.key_types)));
        }
        Ok(())
    }

    /// Whether a certificate for these names may be issued.
    ///
    /// # Errors
    /// The first rule that says no.
    pub fn permits_names(&self, names: &[SubjectAltName]) -> Result<(), PolicyRefusal> {
        if let Some(most) = self.policy.max_names.filter(|most| names.len() > *most) {
            let value = format!("{} names", names.len());
            return Err(self.refusal(value, "policy.max_names", format!("is {most}")));
        }
        for name in names {
            if let Some((rule, says)) = self.policy.refusal(name) {
                return Err(self.refusal(name.to_string(), rule, says));
            }
        }
        match self.purpose {
            ProfilePurpose::Svid => self.permits_svid(names),
            ProfilePurpose::Server
            | ProfilePurpose::Client
            | ProfilePurpose::Peer
            | ProfilePurpose::Message
            | ProfilePurpose::Intermediate => Ok(()),
        }
    }

    /// The kind of key a certificate has when nothing is said.
    pub fn default_key_type(&self) -> KeyType {
        self.key_types.first().copied().unwrap_or_default()
    }

    /// Every extended key usage, each once: those of the purpose, then the others. None for a CA.
    pub fn extended_key_usages(&self) -> Vec<ObjectIdentifier> {
        let mut all = match self.purpose.end_entity() {
            Some(purpose) => purpose.extended_key_usages().to_vec(),
            None => Vec::new(),
        };
        for usage in &self.extended_key_usages {
            if !all.contains(&usage.oid()) {
                all.push(usage.oid());
            }
        }
        all
    }

    /// The whole profile as settings, in TOML.
    pub fn to_toml(&self) -> String {
        match toml::to_string(&ProfileSettings::from(self)) {
            Ok(text) => text,
            Err(error) => unreachable!("settings have only keys and values TOML has: {error}"),
        }
    }

    /// Exactly one URI, a SPIFFE ID
    /// ([X509-SVID §2](https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#2-spiffe-id)).
    fn permits_svid(&self, names: &[SubjectAltName]) -> Result<(), PolicyRefusal> {
        let uris: Vec<&str> = names
            .iter()
            .filter_map(|name| match name {
                SubjectAltName::Uri(uri) => Some(uri.as_str()),
                SubjectAltName::Dns(_) | SubjectAltName::Ip(_) | SubjectAltName::Email(_) => None,
            })
            .collect();
        match uris[..] {
            [uri] if uri.parse::<SpiffeId>().is_ok() => Ok(()),
            [uri] => Err(self.refusal(format!("uri:{uri}"), "purpose", SVID_RULE.into())),
            _ => Err(self.refusal(format!("{} URIs", uris.len()), "purpose", SVID_RULE.into())),
        }
    }

    fn refusal(&self, value: String, rule: &'static str, says: String) -> PolicyRefusal {
        PolicyRefusal {
            profile: self.name.clone(),
            value,
            rule,
            says,
        }
    }
}

/// What the certificates of a profile are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfilePurpose {
    /// serverAuth.
    Server,
    /// clientAuth.
    Client,
    /// serverAuth and clientAuth.
    Peer,
    /// An X.509-SVID: both, with exactly one URI, a SPIFFE ID.
    Svid,
    /// Encryption of messages: no extended key usage.
    Message,
    /// A subordinate CA.
    Intermediate,
}

impl ProfilePurpose {
    /// What an end entity's certificate is for; `None` for a CA's.
    pub fn end_entity(self) -> Option<Purpose> {
        match self {
            ProfilePurpose::Server => Some(Purpose::Server),
            ProfilePurpose::Client => Some(Purpose::Client),
            ProfilePurpose::Peer | ProfilePurpose::Svid => Some(Purpose::Peer),
            ProfilePurpose::Message => Some(Purpose::Message),
            ProfilePurpose::Intermediate => None,
        }
    }
}

const SVID_RULE: &str = "is svid, which takes exactly one URI, a SPIFFE ID";
