//! Profiles: what a kind of certificate is like, and what may be asked for under its name.

mod pattern;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::algorithm::KeyType;
use super::san::SubjectAltName;
use super::spiffe::SpiffeId;
use super::usage::Purpose;
use super::validity::Lifetime;

pub use pattern::{DnsPattern, EmailPattern, IpRange, NamePattern, PatternError, UriPattern};

pub use settings::{IdentifierError, KeyPurposeId, Location, PolicyId};
pub use settings::{ProfileError, ProfileSettings, SubjectSettings};

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

/// A profile that is compiled in, as the text of its file under `templates/profiles`.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its file: TOML, the first line a comment that says what it is for.
    pub text: &'static str,
}

macro_rules! built_in {
    ($name:literal) => {
        BuiltIn {
            name: $name,
            text: include_str!(concat!("../../../templates/profiles/", $name, ".toml")),
        }
    };
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [BuiltIn; 6] = [
        built_in!("server"),
        built_in!("client"),
        built_in!("peer"),
        built_in!("svid"),
        built_in!("message"),
        built_in!("intermediate"),
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<BuiltIn> {
        Self::ALL.into_iter().find(|built_in| built_in.name == name)
    }

    /// What it is for, in a few words.
    pub fn description(self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches("# ")
    }

    /// Its settings.
    pub fn settings(self) -> ProfileSettings {
        match toml::from_str(self.text) {
            Ok(settings) => settings,
            Err(error) => unreachable!("a test reads templates/profiles: {error}"),
        }
    }

    /// The profile.
    pub fn profile(self) -> Profile {
        match self.settings().profile(self.name) {
            Ok(profile) => profile,
            Err(error) => unreachable!("a test reads templates/profiles: {error}"),
        }
    }
}

/// Which names a profile permits.
///
/// For each type of name: what is refused is refused; of the rest, everything is permitted when
/// nothing is said, and else what is of a permitted pattern. So `permitted_ip = []` permits none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The DNS names that are permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permitted_dns: Option<Vec<DnsPattern>>,
    /// The DNS names that are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_dns: Option<Vec<DnsPattern>>,
    /// The IP addresses that are permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permitted_ip: Option<Vec<IpRange>>,
    /// The IP addresses that are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_ip: Option<Vec<IpRange>>,
    /// The URIs that are permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permitted_uri: Option<Vec<UriPattern>>,
    /// The URIs that are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_uri: Option<Vec<UriPattern>>,
    /// The e-mail addresses that are permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permitted_email: Option<Vec<EmailPattern>>,
    /// The e-mail addresses that are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_email: Option<Vec<EmailPattern>>,
    /// Whether a DNS name may start with a wildcard; it may when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wildcards: Option<bool>,
    /// The most names a certificate may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_names: Option<usize>,
}

impl Policy {
    /// The rule that refuses a name, and what it says; `None` if none does.
    fn refusal(&self, name: &SubjectAltName) -> Option<(&'static str, String)> {
        match name {
            SubjectAltName::Dns(host) => {
                if host.starts_with('*') && self.wildcards == Some(false) {
                    return Some(("policy.wildcards", "is false".into()));
                }
                let refused = matching(&self.refused_dns, |pattern| pattern.meets(host));
                let permitted = lacking(&self.permitted_dns, |pattern| pattern.covers(host));
                rule(
                    ("policy.refused_dns", refused),
                    ("policy.permitted_dns", permitted),
                )
            }
            SubjectAltName::Ip(address) => {
                let refused = matching(&self.refused_ip, |range| range.covers(*address));
                let permitted = lacking(&self.permitted_ip, |range| range.covers(*address));
                rule(
                    ("policy.refused_ip", refused),
                    ("policy.permitted_ip", permitted),
                )
            }
            SubjectAltName::Uri(uri) => {
                let refused = matching(&self.refused_uri, |pattern| pattern.meets(uri));
                let permitted = lacking(&self.permitted_uri, |pattern| pattern.covers(uri));
                rule(
                    ("policy.refused_uri", refused),
                    ("policy.permitted_uri", permitted),
                )
            }
            SubjectAltName::Email(address) => {
                let refused = matching(&self.refused_email, |pattern| pattern.covers(address));
                let permitted = lacking(&self.permitted_email, |pattern| pattern.covers(address));
                rule(
                    ("policy.refused_email", refused),
                    ("policy.permitted_email", permitted),
                )
            }
        }
    }

    /// This policy where it says something, and `below` where it does not.
    fn over(self, below: Policy) -> Policy {
        Policy {
            permitted_dns: self.permitted_dns.or(below.permitted_dns),
            refused_dns: self.refused_dns.or(below.refused_dns),
            permitted_ip: self.permitted_ip.or(below.permitted_ip),
            refused_ip: self.refused_ip.or(below.refused_ip),
            permitted_uri: self.permitted_uri.or(below.permitted_uri),
            refused_uri: self.refused_uri.or(below.refused_uri),
            permitted_email: self.permitted_email.or(below.permitted_email),
            refused_email: self.refused_email.or(below.refused_email),
            wildcards: self.wildcards.or(below.wildcards),
            max_names: self.max_names.or(below.max_names),
        }
    }
}

/// Why a profile does not permit what was asked for. An answer, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRefusal {
    /// The profile's name.
    pub profile: String,
    /// What is refused: a name, a lifetime, a kind of key.
    pub value: String,
    /// The rule, as it is spelled in the profile: `policy.refused_dns`.
    pub rule: &'static str,
    /// What the rule says.
    pub says: String,
}

impl fmt::Display for PolicyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyRefusal {
            profile,
            value,
            rule,
            says,
        } = self;
        write!(f, "profile '{profile}' refuses {value}: its {rule} {says}")
    }
}

/// What a list that must hold something says, in a few words.
fn holds_only<T: fmt::Display>(list: &[T]) -> String {
    if list.is_empty() {
        return "permits none".into();
    }
    let mut text = String::from("permits only ");
    for (i, item) in list.iter().take(MAX_SHOWN).enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(&item.to_string());
    }
    if list.len() > MAX_SHOWN {
        text.push_str(&format!(" and {} more", list.len() - MAX_SHOWN));
    }
    text
}

const MAX_SHOWN: usize = 5;

/// The first rule of two that says no.
fn rule(
    refused: (&'static str, Option<String>),
    permitted: (&'static str, Option<String>),
) -> Option<(&'static str, String)> {
    [refused, permitted]
        .into_iter()
        .find_map(|(rule, says)| Some((rule, says?)))
}

/// What a list of refused patterns says of a name that is of one.
fn matching<T: fmt::Display>(list: &Option<Vec<T>>, is_of: impl Fn(&T) -> bool) -> Option<String> {
    let pattern = list.as_ref()?.iter().find(|pattern| is_of(pattern))?;
    Some(format!("holds {pattern}"))
}

/// What a list of permitted patterns says of a name that is of none.
fn lacking<T: fmt::Display>(list: &Option<Vec<T>>, is_of: impl Fn(&T) -> bool) -> Option<String> {
    let list = list.as_ref()?;
    (!list.iter().any(is_of)).then(|| holds_only(list))
}

#[cfg(test)]
mod built_in_tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_one_and_says_what_it_is_for() {
        for built_in in BuiltIn::ALL {
            assert_eq!(built_in.profile().name, built_in.name);
            assert!(built_in.text.starts_with("# "), "{}", built_in.name);
            assert!(built_in.profile().permits_names(&[]).is_ok() || built_in.name == "svid");
        }
    }
}
