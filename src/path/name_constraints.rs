//! Name constraints ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).

use std::mem::discriminant;

use super::candidate::Candidate;
use super::extension::value;
use super::finding::{Evidence, Role};
use super::rule::{Drafts, Rule, Severities};
use super::subtree::{BaseFault, Lies, Subtrees, base_fault, lies_in};
use crate::pki::extension::NameConstraints;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;

/// What is wrong with the name constraints a certificate holds, and whether it may hold any.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let Some(extension) = &candidate.extensions().name_constraints else {
        return;
    };
    if role == Role::EndEntity && !candidate.extensions().is_ca() {
        drafts.add(&NOT_A_CA);
    }
    if !extension.critical {
        drafts.add(&NOT_CRITICAL);
    }
    let Ok(constraints) = &extension.value else {
        return;
    };
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        drafts.add(&EMPTY);
    }
    let mut reported = 0;
    for base in constraints.permitted.iter().chain(&constraints.excluded) {
        if let Some(fault) = base_fault(base) {
            let rule = match fault {
                BaseFault::Malformed => &FORM,
                BaseFault::LeadingDot => &LEADING_DOT,
            };
            drafts.with(rule, || Evidence::found(base));
            reported += 1;
            if reported == MAX_REPORTED {
                break;
            }
        }
    }
}

/// Whether every name of a certificate lies where a CA above it says. `comparisons` counts what was
/// compared so far, in this path and others.
pub(super) fn examine_below(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    comparisons: &mut usize,
    drafts: &mut Drafts,
) {
    let Some(constraints) = value(&issuer.extensions().name_constraints) else {
        return;
    };
    let names = Names::of(candidate, constraints);
    let is_ip = |name: &&GeneralName| matches!(name, GeneralName::Ip(_));
    let mut bases = constraints.permitted.iter().chain(&constraints.excluded);
    if bases.any(|base| is_ip(&base))
        && let Some(name) = names.alternative.iter().find(is_ip)
    {
        drafts.with(&IP, || Evidence::found(name));
    }
    *comparisons = comparisons.saturating_add(names.comparisons(constraints));
    if *comparisons > MAX_COMPARISONS {
        drafts.with(&TOO_MANY, || {
            Evidence::instead(
                format_args!("{comparisons} comparisons"),
                format_args!("at most {MAX_COMPARISONS}"),
            )
        });
    } else {
        compare(&names, constraints, drafts);
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &NOT_A_CA,
    &NOT_CRITICAL,
    &EMPTY,
    &FORM,
    &LEADING_DOT,
    &EXCLUDED,
    &NOT_PERMITTED,
    &UNDECIDABLE,
    &IP,
    &TOO_MANY,
];

/// The names of a certificate that constraints apply to.
struct Names<'a> {
    alternative: &'a [GeneralName],
    /// The subject, and its e-mail addresses where the alternative names have none.
    of_subject: Vec<GeneralName>,
}

impl<'a> Names<'a> {
    fn of(candidate: &'a Candidate<'_>, constraints: &NameConstraints) -> Self {
        let constrained = |kind: &GeneralName| {
            let mut bases = constraints.permitted.iter().chain(&constraints.excluded);
            bases.any(|base| discriminant(base) == discriminant(kind))
        };
        let alternative = candidate.extensions().names();
        let subject = candidate.certificate.subject();
        let mut of_subject = Vec::new();
        let directory = GeneralName::Directory(subject.clone());
        if !subject.is_empty() && constrained(&directory) {
            of_subject.push(directory);
        }
        let email = |name: &GeneralName| matches!(name, GeneralName::Email(_));
        if constrained(&GeneralName::Email(String::new())) && !alternative.iter().any(email) {
            let addresses = subject.values(AttributeType::EmailAddress);
            of_subject.extend(addresses.into_iter().map(GeneralName::Email));
        }
        Names {
            alternative,
            of_subject,
        }
    }

    /// How much there is to compare: each name with each subtree, distinguished names at a higher price.
    fn comparisons(&self, constraints: &NameConstraints) -> usize {
        fn directories<'n>(names: impl Iterator<Item = &'n GeneralName>) -> usize {
            names
                .filter(|name| matches!(name, GeneralName::Directory(_)))
                .count()
        }
        let names = || self.alternative.iter().chain(&self.of_subject);
        let bases = || constraints.permitted.iter().chain(&constraints.excluded);
        let all = names().count() * bases().count();
        all + DIRECTORY_PRICE * directories(names()) * directories(bases())
    }
}

fn compare(names: &Names<'_>, constraints: &NameConstraints, drafts: &mut Drafts) {
    let mut reported = 0;
    for name in names.alternative.iter().chain(&names.of_subject) {
        let Some((rule, base)) = verdict(name, constraints) else {
            continue;
        };
        drafts.with(rule, || match base {
            Some(base) => Evidence::instead(name, format_args!("nothing in {base}")),
            None => Evidence::instead(name, permitted(name, constraints)),
        });
        reported += 1;
        if reported == MAX_REPORTED {
            return;
        }
    }
}

/// Whether a CA with these constraints may issue for a name
/// ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)); no where it cannot be told.
pub fn is_permitted(name: &GeneralName, constraints: &NameConstraints) -> bool {
    verdict(name, constraints).is_none()
}

/// The rule that a name breaks, and the excluded subtree it lies in.
fn verdict<'c>(
    name: &GeneralName,
    constraints: &'c NameConstraints,
) -> Option<(&'static Rule, Option<&'c GeneralName>)> {
    for base in &constraints.excluded {
        match lies_in(name, base, Subtrees::Excluded) {
            Lies::Inside => return Some((&EXCLUDED, Some(base))),
            Lies::Unknown => return Some((&UNDECIDABLE, Some(base))),
            Lies::Outside | Lies::Elsewhere => {}
        }
    }
    let mut is_constrained = false;
    for base in &constraints.permitted {
        match lies_in(name, base, Subtrees::Permitted) {
            Lies::Inside => return None,
            Lies::Unknown => return Some((&UNDECIDABLE, None)),
            Lies::Outside => is_constrained = true,
            Lies::Elsewhere => {}
        }
    }
    is_constrained.then_some((&NOT_PERMITTED, None))
}

/// The subtrees a name would have to lie in.
fn permitted(name: &GeneralName, constraints: &NameConstraints) -> String {
    let same = constraints
        .permitted
        .iter()
        .filter(|base| discriminant(*base) == discriminant(name));
    let bases: Vec<_> = same
        .take(MAX_REPORTED)
        .map(|base| base.to_string())
        .collect();
    format!("something in {}", bases.join(", "))
}

/// As rustls-webpki and Go have it: more is no honest certificate but an attempt to take time.
const MAX_COMPARISONS: usize = 250_000;
const DIRECTORY_PRICE: usize = 40;
const MAX_REPORTED: usize = 8;

static NOT_A_CA: Rule = Rule {
    id: "name-constraints-without-ca",
    sentence: "it constrains names, though it is no CA",
    hint: "have it issued anew without nameConstraints",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::CONFORMANCE,
};
static NOT_CRITICAL: Rule = Rule {
    id: "name-constraints-not-critical",
    sentence: "its nameConstraints are not critical, so that old programs overlook them",
    hint: "make the CA anew with critical nameConstraints",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::RFC_ONLY,
};
static EMPTY: Rule = Rule {
    id: "name-constraints-empty",
    sentence: "its nameConstraints constrain nothing",
    hint: "make the CA anew without nameConstraints, or with a subtree",
    reference: "RFC 5280 §4.2.1.10, CABF BR §7.1.2.5.2",
    severities: Severities::CONFORMANCE,
};
static FORM: Rule = Rule {
    id: "name-constraint-malformed",
    sentence: "one of its name constraints has no meaning",
    hint: "make the CA anew with host names, networks with a mask, mailboxes or hosts",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::DECISIVE,
};
static LEADING_DOT: Rule = Rule {
    id: "name-constraint-leading-dot",
    sentence: "a DNS constraint begins with a dot, which programs read in two ways",
    hint: "make the CA anew with the constraint without its dot",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::RFC_ONLY,
};
static EXCLUDED: Rule = Rule {
    id: "name-excluded",
    sentence: "one of its names lies where a CA above it may not issue",
    hint: "issue it for another name, or from another CA",
    reference: "RFC 5280 §6.1.3 (c)",
    severities: Severities::DECISIVE,
};
static NOT_PERMITTED: Rule = Rule {
    id: "name-not-permitted",
    sentence: "one of its names lies outside of what a CA above it may issue for",
    hint: "issue it for a name within the constraints, or from another CA",
    reference: "RFC 5280 §6.1.3 (b)",
    severities: Severities::DECISIVE,
};
static UNDECIDABLE: Rule = Rule {
    id: "name-constraint-undecidable",
    sentence: "a CA above it constrains names of this form, and it cannot be told whether this one fits",
    hint: "issue it for a well-formed name with a host in it",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::DECISIVE,
};
static IP: Rule = Rule {
    id: "name-constraint-ip",
    sentence: "a CA above it constrains addresses and it has one: grpcio refuses that, whatever the address",
    hint: "dial it by its DNS name and leave the address out, or constrain DNS names alone",
    reference: "RFC 5280 §4.2.1.10",
    severities: Severities::TLS_ADVICE,
};
static TOO_MANY: Rule = Rule {
    id: "name-constraints-too-many",
    sentence: "its names and the constraints of the CAs above it are too many to compare",
    hint: "issue for fewer names; no program takes so many",
    reference: "RFC 5280 §8",
    severities: Severities::DECISIVE,
};
