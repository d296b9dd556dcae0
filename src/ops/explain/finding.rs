//! What each finding means: every rule there is, in one place.

use std::fmt;

use serde::Serialize;

use super::reasons;
use super::report::{next, write_causes, write_next, write_wrapped};
use super::texts::texts;
use super::topic::{Cause, Topic};
use crate::error::Error;
use crate::network;
use crate::ops::verify_chain::{self, Files};
use crate::ops::{self, live, verify};
use crate::path::finding::Severity;
use crate::path::rule::Rule;
use crate::pki::escape::Escaped;

/// Every rule whose breach some command reports, in the order of the rooms that hold them.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let of_operations = [verify::RULES, verify_chain::checks::RULES, live::RULES];
    let all = Rule::all()
        .chain(network::rule::rules())
        .chain(of_operations.into_iter().flatten().copied());
    all.filter(unseen())
}

/// Lets each name through once: a rule that several rooms hold counts as one.
fn unseen() -> impl FnMut(&&'static Rule) -> bool {
    let mut seen = std::collections::HashSet::new();
    move |rule| seen.insert(rule.id)
}

/// The documentation of every finding, sorted by name.
pub fn all_findings() -> Vec<Explained> {
    let mut all: Vec<_> = rules().map(Explained::rule).collect();
    all.sort_by_key(|one| one.id);
    all
}

/// The documentation of findings.
#[derive(Clone, Debug, Serialize)]
pub struct FindingReport {
    /// Each that was asked for.
    pub findings: Vec<Explained>,
}

/// The documentation of a finding.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Its stable name.
    pub id: &'static str,
    /// What is wrong where it is found.
    pub message: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How much it counts under each profile; none where it is an error text's kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<PerProfile>,
    /// What the programs do that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackEffect>,
    /// What may lead to it, for an error text's kind.
    #[serde(skip_serializing_if = "<[Cause]>::is_empty")]
    pub causes: &'static [Cause],
    /// What mends it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub hint: &'static str,
    /// Where it is written.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reference: &'static str,
    /// Commands that tell more, for an error text's kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// How much a finding counts under each profile; `None` where it is not looked for.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PerProfile {
    /// What TLS programs in the field hold to.
    pub tls: Option<Severity>,
    /// RFC 5280.
    pub rfc5280: Option<Severity>,
    /// The CA/Browser Forum's rules for public CAs.
    pub webpki: Option<Severity>,
}

/// What a program makes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StackEffect {
    /// The program.
    pub stack: &'static str,
    /// What it does.
    pub effect: &'static str,
}

impl Explained {
    fn rule(rule: &'static Rule) -> Self {
        let (why, stacks) = reasons::of(rule);
        Explained {
            id: rule.id,
            message: rule.message,
            why,
            severity: Some(PerProfile {
                tls: rule.severities.tls,
                rfc5280: rule.severities.rfc5280,
                webpki: rule.severities.webpki,
            }),
            stacks,
            causes: &[],
            hint: rule.hint,
            reference: rule.reference,
            next: Vec::new(),
        }
    }

    fn topic(topic: &'static Topic) -> Self {
        Explained {
            id: topic.id,
            message: "an error that programs print",
            why: topic.meaning,
            severity: None,
            stacks: Vec::new(),
            causes: topic.causes,
            hint: "",
            reference: "",
            next: next(topic.next, &Files::default(), None, None),
        }
    }
}

impl ops::Report for FindingReport {
    fn is_content(&self) -> bool {
        true
    }
}

impl fmt::Display for FindingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.findings.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.id, self.message)?;
        write_wrapped(f, "why", self.why)?;
        for (i, one) in self.stacks.iter().enumerate() {
            let label = if i == 0 { "stacks" } else { "" };
            write_wrapped(f, label, &format!("{}: {}", one.stack, one.effect))?;
        }
        if let Some(severity) = &self.severity {
            let name =
                |one: Option<Severity>| one.map_or("not looked for".into(), |one| one.to_string());
            let text = format!(
                "{} (tls), {} (rfc5280), {} (webpki)",
                name(severity.tls),
                name(severity.rfc5280),
                name(severity.webpki)
            );
            write_wrapped(f, "counts", &text)?;
        }
        write_causes(f, self.causes)?;
        write_next(f, &self.next)?;
        if !self.hint.is_empty() {
            write_wrapped(f, "hint", self.hint)?;
            write_wrapped(f, "see", self.reference)?;
        }
        Ok(())
    }
}

/// Every finding, a line each.
#[derive(Clone, Debug, Serialize)]
pub struct RuleList {
    /// Sorted by name.
    pub findings: Vec<Listed>,
}

/// A finding in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its stable name.
    pub id: &'static str,
    /// How much it counts by default; `None` where it is looked for only under another profile.
    pub severity: Option<Severity>,
    /// What is wrong where it is found.
    pub message: &'static str,
}

impl RuleList {
    /// All there are.
    pub fn all() -> Self {
        let mut findings: Vec<_> = rules()
            .map(|rule| Listed {
                id: rule.id,
                severity: rule.severities.tls,
                message: rule.message,
            })
            .collect();
        findings.sort_by_key(|listed| listed.id);
        RuleList { findings }
    }
}

impl ops::Report for RuleList {
    fn is_content(&self) -> bool {
        true
    }
}

impl fmt::Display for RuleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .findings
            .iter()
            .map(|one| one.id.len())
            .max()
            .unwrap_or(0);
        for one in &self.findings {
            let severity = one
                .severity
                .map_or("-".to_owned(), |severity| severity.to_string());
            writeln!(f, "{:width$}  {severity:7}  {}", one.id, one.message)?;
        }
        Ok(())
    }
}

/// The documentation of what these words name, if each of them is a name.
pub(super) fn documented(words: &[String]) -> Option<FindingReport> {
    let topics = texts();
    let explained = |word: &String| {
        let name = word.trim().to_ascii_lowercase().replace('_', "-");
        let rule = rules().find(|rule| rule.id == name).map(Explained::rule);
        rule.or_else(|| {
            let text = topics.iter().find(|text| text.topic.id == name)?;
            Some(Explained::topic(text.topic))
        })
    };
    let findings: Option<Vec<_>> = words.iter().map(explained).collect();
    let findings = findings.filter(|findings| !findings.is_empty())?;
    Some(FindingReport { findings })
}

/// Why a name is none, with those that are like it; `None` where it does not look like a name at all.
pub(super) fn unknown(word: &str) -> Option<Error> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let looks_like_one = word.len() <= MAX_NAME_OCTETS
        && word.chars().all(is_of_name)
        && word.starts_with(|c: char| c.is_ascii_lowercase());
    if !looks_like_one {
        return None;
    }
    let mut names: Vec<_> = rules()
        .map(|rule| (distance(word, rule.id), rule.id))
        .collect();
    names.sort_unstable();
    names.dedup();
    let near: Vec<_> = names
        .iter()
        .filter(|(distance, id)| {
            *distance <= word.len() / 3 + 1 || id.contains(word) || word.contains(id)
        })
        .take(3)
        .map(|(_, id)| format!("`{id}`"))
        .collect();
    let hint = if near.is_empty() {
        "`openagents-certs explain --list` lists every finding".to_owned()
    } else {
        format!(
            "did you mean {}? `openagents-certs explain --list` lists all",
            near.join(" or ")
        )
    };
    Some(Error::Usage {
        message: format!("there is no finding '{}'", Escaped(word)),
        hint,
    })
}

/// How many letters have to be added, taken out or replaced to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

const MAX_NAME_OCTETS: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own_in_kebab_case_and_a_hint() {
        let mut ids = HashSet::new();
        for rule in rules() {
            let id = rule.id;
            assert!(ids.insert(id), "{id} twice");
            let is_kebab = id.split('-').all(|word| {
                !word.is_empty()
                    && word
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
            assert!(is_kebab, "{id}");
            assert!(!rule.hint.is_empty() && !rule.message.is_empty(), "{id}");
            assert!(!rule.reference.is_empty(), "{id}");
        }
    }

    #[test]
    fn every_rule_says_why_it_matters() {
        for rule in rules() {
            assert!(!reasons::of(rule).0.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn every_reason_is_that_of_a_rule() {
        for id in reasons::names() {
            assert!(rules().any(|rule| rule.id == id), "{id}");
        }
    }

    #[test]
    fn every_cause_is_a_rule() {
        for text in texts() {
            for cause in text.topic.causes {
                if let Some(id) = cause.finding {
                    assert!(rules().any(|rule| rule.id == id), "{}: {id}", text.topic.id);
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_nearly_one_is_answered_with_those_like_it() {
        let hint = unknown("expird").unwrap().hint().unwrap();
        assert!(hint.starts_with("did you mean `expired`"), "{hint}");
        assert!(
            unknown("zzzzzzzzzz")
                .unwrap()
                .hint()
                .unwrap()
                .contains("--list")
        );
        assert!(unknown("Some text").is_none());
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
