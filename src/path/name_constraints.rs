//! Name constraints ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).

use std::mem::discriminant;

use super::extension::value;
use super::finding::{Evidence, Role};
use super::pool::Candidate;
use super::rule::Drafts;
use super::subtree::{BaseFault, Position, Subtrees, base_fault, position};
use crate::pki::extension::NameConstraints;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;

/// What is wrong with the name constraints a certificate holds, and whether it may hold any.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let Some(extension) = &candidate.extensions().name_constraints else {
        return;
    };
    if role == Role::EndEntity && !candidate.extensions().is_ca() {
        drafts.add("name-constraints-without-ca");
    }
    if !extension.critical {
        drafts.add("name-constraints-not-critical");
    }
    let Ok(constraints) = &extension.value else {
        return;
    };
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        drafts.add("name-constraints-empty");
    }
    let mut reported = 0;
    for base in constraints.permitted.iter().chain(&constraints.excluded) {
        if let Some(fault) = base_fault(base) {
            let rule = match fault {
                BaseFault::Malformed => "name-constraint-malformed",
                BaseFault::LeadingDot => "name-constraint-leading-dot",
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
        drafts.with("name-constraint-ip", || Evidence::found(name));
    }
    *comparisons = comparisons.saturating_add(names.comparisons(constraints));
    if *comparisons > MAX_COMPARISONS {
        drafts.with("name-constraints-too-many", || {
            Evidence::instead(
                format_args!("{comparisons} comparisons"),
                format_args!("at most {MAX_COMPARISONS}"),
            )
        });
    } else {
        compare(&names, constraints, drafts);
    }
}

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

    /// How much there is to compare: each name with each subtree, distinguished names at a price by their size.
    fn comparisons(&self, constraints: &NameConstraints) -> usize {
        fn directories<'n>(names: impl Iterator<Item = &'n GeneralName>) -> (usize, usize) {
            names
                .filter_map(GeneralName::directory)
                .fold((0, 0), |(count, bytes), name| {
                    (count + 1, bytes + name.as_der().len())
                })
        }
        let names = || self.alternative.iter().chain(&self.of_subject);
        let bases = || constraints.permitted.iter().chain(&constraints.excluded);
        let (name_count, name_bytes) = directories(names());
        let (base_count, base_bytes) = directories(bases());
        let bytes = name_count * base_bytes + base_count * name_bytes;
        names().count() * bases().count() + bytes / DIRECTORY_BYTES_PER_COMPARISON
    }
}

fn compare(names: &Names<'_>, constraints: &NameConstraints, drafts: &mut Drafts) {
    let mut reported = 0;
    for name in names.alternative.iter().chain(&names.of_subject) {
        let Some((rule, base)) = verdict(name, constraints) else {
            continue;
        };
        drafts.with(rule, || match base {
            Some(base) => Evidence::instead(name, format_args!("no name in {base}")),
            None => Evidence::instead(name, permitted(name, constraints)),
        });
        reported += 1;
        if reported == MAX_REPORTED {
            return;
        }
    }
}

/// Whether a CA with these constraints may issue for a name
/// ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)); no if it cannot be determined.
pub fn is_permitted(name: &GeneralName, constraints: &NameConstraints) -> bool {
    verdict(name, constraints).is_none()
}

/// The rule that a name breaks, and the excluded subtree it lies in.
fn verdict<'c>(
    name: &GeneralName,
    constraints: &'c NameConstraints,
) -> Option<(&'static str, Option<&'c GeneralName>)> {
    for base in &constraints.excluded {
        match position(name, base, Subtrees::Excluded) {
            Position::Inside => return Some(("name-excluded", Some(base))),
            Position::Unknown => return Some(("name-constraint-undecidable", Some(base))),
            Position::Outside | Position::Elsewhere => {}
        }
    }
    let mut is_constrained = false;
    for base in &constraints.permitted {
        match position(name, base, Subtrees::Permitted) {
            Position::Inside => return None,
            Position::Unknown => return Some(("name-constraint-undecidable", None)),
            Position::Outside => is_constrained = true,
            Position::Elsewhere => {}
        }
    }
    is_constrained.then_some(("name-not-permitted", None))
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
    format!("a name in {}", bases.join(", "))
}

/// As rustls-webpki and Go have it: more is no honest certificate but an attempt to take time.
const MAX_COMPARISONS: usize = 250_000;
const DIRECTORY_BYTES_PER_COMPARISON: usize = 2;
const MAX_REPORTED: usize = 8;
