//! Policies: which callers may ask for what.

use serde::Deserialize;
use time::Duration;

use super::{Capability, Claims, Denial, Reason};
use crate::pki::validity::Lifetime;

/// Rules for callers; whoever matches none may do nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The longest that a message may be valid.
    max_lifetime: Option<Lifetime>,
    #[serde(default)]
    allow: Vec<Rule>,
}

/// What callers may ask for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// A caller, or the beginning of callers' names with `*` at its end.
    subject: String,
    tenants: Option<Vec<String>>,
    capabilities: Vec<Capability>,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    approval: Vec<Capability>,
    /// Whose signed approvals count.
    #[serde(default)]
    approvers: Vec<String>,
}

impl Policy {
    /// Reads TOML.
    ///
    /// # Errors
    /// When it is not TOML, or has a key or value that is not known.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|source| PolicyError { source })
    }

    /// The longest that a message may be valid.
    pub(super) fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime.map(Lifetime::duration)
    }

    /// Whether the policy permits a message. `approved` says whether it was approved by one of the given approvers.
    ///
    /// # Errors
    /// What the first rule for the caller does not permit.
    pub(super) fn check(
        &self,
        claims: &Claims,
        approved: impl FnOnce(&dyn Fn(&str) -> bool) -> bool,
    ) -> Result<(), Denial> {
        let denied = |detail: String| Err(Denial::new(Reason::CapabilityNotAllowed, detail));
        let Some(rule) = self
            .allow
            .iter()
            .find(|rule| matches(&rule.subject, &claims.subject))
        else {
            return denied(format!("no rule of the policy is for {}", claims.subject));
        };
        if rule
            .tenants
            .as_ref()
            .is_some_and(|tenants| !tenants.contains(&claims.tenant_id))
        {
            let detail = format!("the policy does not permit tenant '{}'", claims.tenant_id);
            return Err(Denial::new(Reason::WrongTenant, detail));
        }
        if !rule.capabilities.contains(&claims.capability) {
            return denied(format!("the policy does not permit {}", claims.capability));
        }
        let beyond = |scopes: &Vec<String>| {
            claims
                .scopes
                .iter()
                .find(|scope| !scopes.contains(scope))
                .cloned()
        };
        if let Some(scope) = rule.scopes.as_ref().and_then(beyond) {
            return denied(format!("the policy does not permit scope '{scope}'"));
        }
        let is_approver = |name: &str| {
            name != claims.subject
                && rule
                    .approvers
                    .iter()
                    .any(|approver| matches(approver, name))
        };
        if rule.approval.contains(&claims.capability) && !approved(&is_approver) {
            let detail = format!(
                "{} needs an approval of message {}",
                claims.capability, claims.message_id
            );
            return Err(Denial::new(Reason::ApprovalRequired, detail));
        }
        Ok(())
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a policy")]
pub struct PolicyError {
    /// What is wrong with it, and where.
    source: toml::de::Error,
}

/// Whether a pattern is this name, or with `*` at its end its beginning.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_its_beginning() {
        assert!(matches("spiffe://a/*", "spiffe://a/b"));
        assert!(!matches("spiffe://a/*", "spiffe://ab"));
        assert!(matches("a", "a") && !matches("a", "ab"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        for text in [
            "x = 1",
            "[[allow]]\nsubject = \"a\"",
            "[[allow]]\nsubject = \"a\"\ncapabilities = [\"fly\"]",
        ] {
            assert!(Policy::from_toml(text).is_err(), "{text}");
        }
    }
}
