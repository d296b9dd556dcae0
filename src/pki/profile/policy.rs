//! What a profile refuses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::pattern::{DnsPattern, EmailPattern, IpRange, UriPattern};
use crate::pki::san::SubjectAltName;

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
    pub(super) fn refusal(&self, name: &SubjectAltName) -> Option<(&'static str, String)> {
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
    pub(super) fn over(self, below: Policy) -> Policy {
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
pub(super) fn holds_only<T: fmt::Display>(list: &[T]) -> String {
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
