//! What is wrong with a plan, before it is signed.

use std::fmt;

use super::name::AttributeType;
use super::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use super::san::SubjectAltName;
use super::usage::{OCSP_SIGNING, SERVER_AUTH};

/// A rule of RFC 5280 or of common practice that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The rule's short name.
    pub id: &'static str,
    /// What is wrong, as a lower-case clause.
    pub message: String,
    /// Where the rule stands.
    pub reference: &'static str,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.id, self.reference)
    }
}

/// Everything that is wrong with a plan; empty if it may be signed.
///
/// Does not look at the key or the issuer's certificate beyond what the plan says of them.
pub fn lint(plan: &IssuancePlan) -> Vec<Lint> {
    RULES
        .iter()
        .filter_map(|(id, reference, rule)| {
            rule(plan).map(|message| Lint {
                id,
                message,
                reference,
            })
        })
        .collect()
}

type Rule = fn(&IssuancePlan) -> Option<String>;

const RULES: [(&str, &str, Rule); 9] = [
    ("validity-order", "RFC 5280 §4.1.2.5", |plan| {
        (plan.validity.not_before() >= plan.validity.not_after())
            .then(|| "its validity ends before it starts".into())
    }),
    ("issuer-empty", "RFC 5280 §4.1.2.4", |plan| {
        plan.issuer.is_empty().then(|| "its issuer is empty".into())
    }),
    ("ca-subject-empty", "RFC 5280 §4.1.2.6", |plan| {
        (is_ca(plan) && plan.subject.is_empty()).then(|| "the subject of a CA is empty".into())
    }),
    ("no-name", "RFC 5280 §4.1.2.6", |plan| {
        // A responder is named by its key (RFC 6960 §4.2.2.3).
        let is_responder = plan.extended_key_usages[..] == [OCSP_SIGNING];
        (!is_ca(plan) && !is_responder && plan.subject_alt_names.is_empty())
            .then(|| "it has no subject alternative name".into())
    }),
    ("key-usage-role", "RFC 5280 §4.2.1.3", |plan| {
        ((plan.key_usage == KeyUsage::Ca) != is_ca(plan))
            .then(|| "its keyUsage does not match its role".into())
    }),
    ("extended-key-usage-missing", "RFC 5280 §4.2.1.12", |plan| {
        (plan.key_usage == KeyUsage::EndEntity && plan.extended_key_usages.is_empty())
            .then(|| "it has no extended key usage".into())
    }),
    ("name-constraints-role", "RFC 5280 §4.2.1.10", |plan| {
        (!is_ca(plan) && !plan.name_constraints.is_empty())
            .then(|| "an end entity has name constraints".into())
    }),
    ("common-name-not-in-names", "CABF BR §7.1.4.3", |plan| {
        let server = plan.extended_key_usages.contains(&SERVER_AUTH);
        let names: Vec<_> = plan
            .subject_alt_names
            .iter()
            .map(SubjectAltName::value)
            .collect();
        let missing = plan
            .subject
            .values(AttributeType::CommonName)
            .into_iter()
            .find(|cn| !names.contains(&cn.as_str().into()));
        missing.filter(|_| server).map(|cn| {
            format!(
                "its common name '{}' is not among its names",
                cn.escape_debug()
            )
        })
    }),
    ("name-twice", "RFC 5280 §4.2.1.6", |plan| {
        let mut names: Vec<_> = plan.subject_alt_names.iter().collect();
        names.sort();
        names
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| format!("the name {} appears twice", pair[0]))
    }),
];

fn is_ca(plan: &IssuancePlan) -> bool {
    match plan.basic_constraints {
        BasicConstraints::Ca { .. } => true,
        BasicConstraints::EndEntity => false,
    }
}
