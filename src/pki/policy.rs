//! Certificate policies.

use std::fmt;

use serde::Serialize;

use super::element::{Element, ElementError, SEQUENCE, context, small_integer};
use super::escape::Escaped;
use super::extension_value::{Named, latin_1};
use super::general_name::object_identifier;

/// A policy a certificate was issued under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Which.
    pub policy: Named,
    /// What is said of it: the URL of a practice statement, a notice, or the name of something else.
    pub qualifiers: Vec<String>,
}

impl Policy {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ElementError> {
        let mut parts = element.children();
        let policy = object_identifier(&mut parts, "a policy")?.into();
        let qualifiers = match parts.optional(SEQUENCE, "policyQualifiers")? {
            Some(list) => list
                .children()
                .each_tagged(SEQUENCE, "a policy qualifier", qualifier)?,
            None => Vec::new(),
        };
        parts.end("a policy")?;
        Ok(Policy { policy, qualifiers })
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)?;
        for qualifier in &self.qualifiers {
            write!(f, "; {}", Escaped(qualifier))?;
        }
        Ok(())
    }
}

/// Two policies that count as the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyMapping {
    /// The issuer's policy.
    pub issuer_domain_policy: Named,
    /// The subject's policy.
    pub subject_domain_policy: Named,
}

impl fmt::Display for PolicyMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} counts as {}",
            self.issuer_domain_policy, self.subject_domain_policy
        )
    }
}

/// policyConstraints: how many certificates further down it begins to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyConstraints {
    /// requireExplicitPolicy.
    pub require_explicit_policy: Option<u64>,
    /// inhibitPolicyMapping.
    pub inhibit_policy_mapping: Option<u64>,
}

impl fmt::Display for PolicyConstraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explicit = self
            .require_explicit_policy
            .map(|n| format!("requireExplicitPolicy {n}"));
        let mapping = self
            .inhibit_policy_mapping
            .map(|n| format!("inhibitPolicyMapping {n}"));
        let parts: Vec<_> = explicit.into_iter().chain(mapping).collect();
        f.write_str(if parts.is_empty() { "(empty)" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// A policy qualifier's text: the URL of a practice statement or the text of a notice.
fn qualifier(element: Element<'_>) -> Result<String, ElementError> {
    let mut parts = element.children();
    let kind: Named = object_identifier(&mut parts, "a policy qualifier")?.into();
    let value = parts.any("a policy qualifier")?;
    parts.end("a policy qualifier")?;
    if value.tag != SEQUENCE {
        return Ok(format!("{kind}: {}", latin_1(value.content)));
    }
    let mut notice = value.children();
    let reference = notice.optional(SEQUENCE, "noticeRef")?;
    if notice.is_empty() {
        return Ok(format!(
            "{kind}{}",
            if reference.is_some() {
                ": by reference"
            } else {
                ""
            }
        ));
    }
    let text = notice.any("explicitText")?;
    let shown = match text.tag {
        UTF8_STRING => String::from_utf8_lossy(text.content).into_owned(),
        BMP_STRING => {
            let (units, _) = text.content.as_chunks();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            String::from_utf16_lossy(&units)
        }
        _ => latin_1(text.content),
    };
    Ok(format!("{kind}: {shown}"))
}

/// Reads one of policyMappings.
pub(crate) fn policy_mapping(element: Element<'_>) -> Result<PolicyMapping, ElementError> {
    let mut parts = element.children();
    let issuer_domain_policy = object_identifier(&mut parts, "issuerDomainPolicy")?.into();
    let subject_domain_policy = object_identifier(&mut parts, "subjectDomainPolicy")?.into();
    parts.end("subjectDomainPolicy")?;
    Ok(PolicyMapping {
        issuer_domain_policy,
        subject_domain_policy,
    })
}

/// Reads the value of policyConstraints.
pub(crate) fn policy_constraints(value: &[u8]) -> Result<PolicyConstraints, ElementError> {
    let mut parts = Element::only(value, SEQUENCE, "policyConstraints")?.children();
    let mut count = |number, what| {
        let element = parts.optional(context(number), what)?;
        element
            .map(|element| small_integer(element, what))
            .transpose()
    };
    let constraints = PolicyConstraints {
        require_explicit_policy: count(0, "requireExplicitPolicy")?,
        inhibit_policy_mapping: count(1, "inhibitPolicyMapping")?,
    };
    parts.end("policyConstraints")?;
    Ok(constraints)
}

const UTF8_STRING: u8 = 0x0c;
const BMP_STRING: u8 = 0x1e;
