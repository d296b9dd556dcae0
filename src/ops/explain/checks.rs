//! Checks of the files an error may be about.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use super::catalogue::{Cause, Topic, effects, topic};
use super::report::{Page, commands};
use super::{Log, Seen};
use crate::error::Error;
use crate::ops::verify_chain::{self, FileFinding, Files, FilesReport};
use crate::ops::{self, ErrorReport};
use crate::path::ReferenceName;
use crate::path::finding::{Rule, Severities, Severity};
use crate::path::stacks::Stack;
use crate::pki::escape::Escaped;

/// The result of checking the files.
#[derive(Debug, Serialize)]
pub struct Checks {
    /// The files, and how each stack handles them.
    #[serde(flatten)]
    pub files: Option<FilesReport>,
    /// The findings, the worst first.
    pub findings: Vec<FileFinding>,
    /// Why the files could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
}

/// What the files say about the cause.
#[derive(Clone, Debug, Serialize)]
pub struct Conclusion {
    /// Whether it is a cause of the error in the text; otherwise it is another fault.
    pub explains: bool,
    /// The finding; `None` where a file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<&'static str>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong with it.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// The pairs of client and server that print the same error with these files.
    pub reproduced_by: Vec<StackPair>,
}

/// A client and a server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StackPair {
    /// What the client runs on.
    pub client: Stack,
    /// What the server runs on.
    pub server: Stack,
}

/// Checks the whole setup, as far as its files exist.
pub(super) fn run(
    files: &Files,
    host: Option<&ReferenceName>,
    now: OffsetDateTime,
) -> Option<Checks> {
    if files.is_empty() {
        return None;
    }
    let host = match host {
        Some(ReferenceName::Dns(name)) => Some(name.clone()),
        Some(ReferenceName::Ip(address)) => Some(address.to_string()),
        Some(ReferenceName::Email(_) | ReferenceName::Uri(_)) | None => None,
    };
    let request = verify_chain::Request {
        host,
        ..verify_chain::Request::of_files(files.clone().completed(None))
    };
    Some(match verify_chain::run(&request, now) {
        Ok(report) => Checks {
            files: report.files,
            findings: report.findings,
            error: None,
        },
        Err(error) => Checks {
            files: None,
            findings: Vec::new(),
            error: Some(ErrorReport::of(&error)),
        },
    })
}

/// The first cause of a recognised error that the files show, or else their worst finding.
pub(super) fn conclude(seen: &[Seen], checks: Option<&Checks>) -> Option<Conclusion> {
    let checks = checks?;
    if let Some(error) = &checks.error {
        return Some(Conclusion {
            explains: !seen.is_empty(),
            finding: None,
            path: None,
            message: error.message.clone(),
            hint: error.hint.clone(),
            reproduced_by: Vec::new(),
        });
    }
    let pairs = reproducing(seen, checks);
    let causes = seen.iter().flat_map(|seen| &seen.topic.causes);
    let counts = |found: &&FileFinding| found.finding.severity != Severity::Note;
    for id in causes.filter_map(|cause| cause.finding.as_deref()) {
        let named = |found: &&FileFinding| found.finding.id == id && counts(found);
        if let Some(found) = checks.findings.iter().find(named) {
            return Some(because(found, true, pairs));
        }
    }
    // Which errors the programs would print follows from what they refuse.
    let refused = |found: &&FileFinding| !found.affects.is_empty() && counts(found);
    if !pairs.is_empty()
        && let Some(found) = checks.findings.iter().find(refused)
    {
        return Some(because(found, true, pairs));
    }
    let mut errors = checks.findings.iter();
    let worst = errors.find(|found| found.finding.severity == Severity::Error);
    worst.map(|found| because(found, false, pairs))
}

/// The pairs that would print an error with the same meaning.
fn reproducing(seen: &[Seen], checks: &Checks) -> Vec<StackPair> {
    let outcomes = checks.files.iter().flat_map(|files| &files.stacks);
    let same = outcomes.filter(|outcome| {
        let texts = [&outcome.client_error, &outcome.server_error];
        let mut log = Log::default();
        for (number, text) in (1..).zip(texts.into_iter().flatten()) {
            log.take(number, 0, text.as_bytes());
        }
        let expected = log.finish();
        let is_same = |one: &Seen| seen.iter().any(|other| one.topic.id == other.topic.id);
        expected.iter().any(is_same)
    });
    same.map(|outcome| StackPair {
        client: outcome.client,
        server: outcome.server,
    })
    .collect()
}

fn because(found: &FileFinding, explains: bool, reproduced_by: Vec<StackPair>) -> Conclusion {
    Conclusion {
        explains,
        finding: Some(found.finding.id),
        path: found.path.clone(),
        message: found.finding.summary(),
        hint: Some(found.finding.hint.clone()),
        reproduced_by,
    }
}

/// Every rule that some command checks, sorted by name.
pub fn rules() -> Vec<&'static Rule> {
    Rule::all().collect()
}

/// The documentation of every finding, sorted by name.
pub fn all_findings() -> Vec<Explained> {
    rules().into_iter().map(Explained::rule).collect()
}

/// The documentation of findings.
#[derive(Clone, Debug, Serialize)]
pub struct FindingReport {
    /// In the order they were named.
    pub findings: Vec<Explained>,
    /// The width of the terminal; `None` where the text goes elsewhere.
    #[serde(skip)]
    pub columns: Option<usize>,
}

/// The documentation of a finding, or of a topic that error texts lead to.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Its stable name.
    pub id: &'static str,
    /// What is wrong.
    pub message: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How much it counts under each profile; none for a topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severities>,
    /// What single programs do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackEffect>,
    /// What may have caused it, for a topic.
    #[serde(skip_serializing_if = "<[Cause]>::is_empty")]
    pub causes: &'static [Cause],
    /// How to fix it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub hint: &'static str,
    /// Where the rule is written.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reference: &'static str,
    /// Commands that find or fix the cause, for a topic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// What a program does about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StackEffect {
    /// The program.
    pub stack: &'static str,
    /// What it does.
    pub effect: &'static str,
}

impl Explained {
    fn rule(rule: &'static Rule) -> Self {
        Explained {
            id: rule.id,
            message: rule.message,
            why: rule.why,
            severity: Some(rule.severities),
            stacks: effects(rule.id)
                .map(|(stack, effect)| StackEffect { stack, effect })
                .collect(),
            causes: &[],
            hint: rule.hint,
            reference: rule.reference,
            next: Vec::new(),
        }
    }

    fn topic(topic: &'static Topic) -> Self {
        Explained {
            id: &topic.id,
            message: &topic.title,
            why: &topic.meaning,
            severity: None,
            stacks: Vec::new(),
            causes: &topic.causes,
            hint: "",
            reference: "",
            next: commands(&topic.next, &Files::default(), None, None),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, page: Page) -> fmt::Result {
        writeln!(f, "{}: {}", self.id, self.message)?;
        page.write(f, "why", self.why)?;
        for (i, one) in self.stacks.iter().enumerate() {
            let label = if i == 0 { "stacks" } else { "" };
            page.write(f, label, &format!("{}: {}", one.stack, one.effect))?;
        }
        if let Some(severity) = &self.severity {
            let name =
                |one: Option<Severity>| one.map_or("not checked".into(), |one| one.to_string());
            let (tls, rfc5280) = (name(severity.tls), name(severity.rfc5280));
            let webpki = name(severity.webpki);
            let text = format!("{tls} (tls), {rfc5280} (rfc5280), {webpki} (webpki)");
            page.write(f, "level", &text)?;
        }
        page.write_causes(f, self.causes)?;
        page.write_next(f, &self.next)?;
        if !self.hint.is_empty() {
            page.write(f, "hint", self.hint)?;
            page.write(f, "see", self.reference)?;
        }
        Ok(())
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
            finding.write(f, Page::new(self.columns))?;
        }
        Ok(())
    }
}

/// Every finding, one per line.
#[derive(Clone, Debug, Serialize)]
pub struct RuleList {
    /// Sorted by name.
    pub findings: Vec<ListedRule>,
}

/// A finding in a list.
#[derive(Clone, Debug, Serialize)]
pub struct ListedRule {
    /// Its stable name.
    pub id: &'static str,
    /// How much it counts by default; `None` where only another profile checks it.
    pub severity: Option<Severity>,
    /// What is wrong.
    pub message: &'static str,
}

impl RuleList {
    /// All findings.
    pub fn all() -> Self {
        let listed = rules().into_iter().map(|rule| ListedRule {
            id: rule.id,
            severity: rule.severities.tls,
            message: rule.message,
        });
        RuleList {
            findings: listed.collect(),
        }
    }
}

impl ops::Report for RuleList {
    fn is_content(&self) -> bool {
        true
    }
}

impl fmt::Display for RuleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|one| one.id.len()).max();
        let width = width.unwrap_or_default();
        for one in &self.findings {
            let severity = one.severity.map_or("-".into(), |one| one.to_string());
            writeln!(f, "{:width$}  {severity:7}  {}", one.id, one.message)?;
        }
        Ok(())
    }
}

/// The documentation of the findings and topics with these names; `None` where a word is not one.
pub fn documented(words: &[String]) -> Option<FindingReport> {
    let rules = rules();
    let explained = |word: &String| {
        let name = word.trim().to_ascii_lowercase().replace('_', "-");
        let rule = rules.iter().find(|rule| rule.id == name);
        let rule = rule.map(|rule| Explained::rule(rule));
        rule.or_else(|| topic(&name).map(Explained::topic))
    };
    let findings: Option<Vec<_>> = words.iter().map(explained).collect();
    Some(FindingReport {
        findings: findings.filter(|findings| !findings.is_empty())?,
        columns: None,
    })
}

/// An error that names similar findings; `None` where the word does not look like a name.
pub fn unknown_name(word: &str) -> Option<Error> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let looks_like_one = word.len() <= MAX_NAME_BYTES
        && word.chars().all(is_of_name)
        && word.starts_with(|c: char| c.is_ascii_lowercase());
    if !looks_like_one {
        return None;
    }
    let rules = rules();
    let mut names: Vec<_> = rules
        .iter()
        .map(|rule| (strsim::levenshtein(word, rule.id), rule.id))
        .filter(|(distance, id)| {
            *distance <= word.len() / 3 + 1 || id.contains(word) || word.contains(id)
        })
        .collect();
    names.sort_unstable();
    let near = names.iter().take(3).map(|(_, id)| format!("`{id}`"));
    let near: Vec<_> = near.collect();
    let hint = match near.as_slice() {
        [] => "run `openagents-certs explain --list` for all findings".to_owned(),
        near => format!(
            "did you mean {}? `openagents-certs explain --list` lists all",
            near.join(" or ")
        ),
    };
    Some(Error::usage(
        format!("no finding is named '{}'", Escaped(word)),
        hint,
    ))
}

const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod finding_tests {
    use super::*;

    #[test]
    fn every_rule_is_documented_under_a_kebab_case_name() {
        let is_word = |word: &str| {
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            !word.is_empty() && word.bytes().all(is_plain)
        };
        for rule in rules() {
            let id = rule.id;
            assert!(id.split('-').all(is_word), "{id}");
            assert!(!rule.hint.is_empty() && !rule.message.is_empty(), "{id}");
            assert!(!rule.reference.is_empty(), "{id}");
            assert!(documented(&[id.to_owned()]).is_some(), "{id}");
        }
    }

    #[test]
    fn every_rule_says_why_it_matters() {
        for rule in Rule::all() {
            assert!(!rule.why.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn a_misspelled_name_is_answered_with_similar_ones() {
        let hint = |word: &str| unknown_name(word).unwrap().hint().unwrap();
        assert!(hint("expird").starts_with("did you mean `expired`"));
        assert!(hint("zzzzzzzzzz").contains("--list"));
        assert!(unknown_name("Some text").is_none());
    }
}
