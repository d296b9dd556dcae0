//! What is wrong, for people and for programs.

use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

use super::Profile;
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;

/// A broken rule: which certificate, which rule, what was found, and how to fix it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The rule's stable name.
    pub id: &'static str,
    /// How much it counts.
    pub severity: Severity,
    /// The certificate; `None` for the path or file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateReference>,
    /// What is wrong, as a lower-case clause.
    pub message: String,
    /// The values that disagree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// How to fix it.
    pub hint: String,
    /// Where the rule is written.
    pub reference: &'static str,
}

impl Finding {
    /// A finding of the rule with this id, as severe as under [`Profile::Tls`], a note where it does not count there.
    pub fn of(id: &str) -> Self {
        let rule = Rule::named(id);
        let severity = rule.severities.tls.unwrap_or(Severity::Note);
        Finding::new(rule, severity, None, None)
    }

    /// The same, about this certificate.
    #[must_use]
    pub fn about(mut self, certificate: CertificateReference) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The same, about this line of a file.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.message = format!("line {line}: {}", self.message);
        self
    }

    /// The same, with this evidence.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }

    /// The same, with what was found.
    #[must_use]
    pub fn found(self, found: impl fmt::Display) -> Self {
        self.with_evidence(Evidence::found(found))
    }

    /// The same, with what was found and what was expected.
    #[must_use]
    pub fn instead(self, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        self.with_evidence(Evidence::instead(found, expected))
    }

    /// The same, with a hint that fits this case better.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same, with this severity.
    #[must_use]
    pub fn with_severity(self, severity: Severity) -> Self {
        Finding { severity, ..self }
    }

    /// A finding about this certificate, or about the whole.
    pub fn new(
        rule: &Rule,
        severity: Severity,
        certificate: Option<CertificateReference>,
        evidence: Option<Evidence>,
    ) -> Self {
        Finding {
            id: rule.id,
            severity,
            certificate,
            message: rule.message.to_owned(),
            evidence,
            hint: rule.hint.to_owned(),
            reference: rule.reference,
        }
    }

    /// The finding in one line, without hint and reference.
    pub fn summary(&self) -> String {
        let mut line = String::new();
        if let Some(certificate) = &self.certificate {
            line.push_str(&format!("{certificate}: "));
        }
        line.push_str(&self.message);
        if let Some(evidence) = &self.evidence {
            line.push_str(&format!(" ({evidence})"));
        }
        line
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.severity, self.summary())?;
        writeln!(f, "  rule: {}, {}", self.id, self.reference)?;
        write!(f, "  hint: {}", self.hint)
    }
}

/// Sorts the worst first, then from the end entity upwards.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        let place = finding.certificate.as_ref().map(|c| c.place);
        (std::cmp::Reverse(finding.severity), place)
    });
}

/// How much a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to fix, but worth knowing.
    Note,
    /// Some programs reject it; a better certificate avoids it.
    Warning,
    /// It makes the verdict no.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// Which certificate of a path: by its place and by its subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateReference {
    /// Its role in the path.
    pub role: Role,
    /// Its place in the path; the end entity's is 0.
    pub place: usize,
    /// Its subject as text, truncated if it is very long.
    pub subject: String,
}

impl CertificateReference {
    /// The certificate at this place with this subject.
    pub fn new(role: Role, place: usize, subject: &DistinguishedName) -> Self {
        CertificateReference {
            role,
            place,
            subject: beginning(&subject.to_string()),
        }
    }
}

impl fmt::Display for CertificateReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Role::EndEntity => f.write_str("end entity")?,
            Role::Intermediate => write!(f, "intermediate {}", self.place)?,
            Role::Anchor => f.write_str("anchor")?,
        }
        if self.subject.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.subject)
        }
    }
}

/// A certificate's role in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The certificate that is judged.
    EndEntity,
    /// A CA between it and the anchor.
    Intermediate,
    /// The trust anchor.
    Anchor,
}

/// The two values that disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The actual value.
    pub found: String,
    /// The expected value, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

impl Evidence {
    /// What was found.
    pub fn found(found: impl fmt::Display) -> Self {
        Evidence {
            found: beginning(&found.to_string()),
            expected: None,
        }
    }

    /// What was found and what should be there.
    pub fn instead(found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Evidence {
            found: beginning(&found.to_string()),
            expected: Some(beginning(&expected.to_string())),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {}", SingleLine(&self.found))?;
        match &self.expected {
            Some(expected) => write!(f, ", expected {}", SingleLine(expected)),
            None => Ok(()),
        }
    }
}

/// Text without characters that could forge a line or hide. Names are already escaped, so their
/// backslashes stay.
struct SingleLine<'a>(&'a str);

impl fmt::Display for SingleLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\"),
            c => write!(f, "{}", Escaped(c.encode_utf8(&mut [0; 4]))),
        })
    }
}

/// Limits how much text from a certificate is shown.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

const MAX_TEXT_CHARACTERS: usize = 240;

/// A row of the rule table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable name.
    pub id: &'static str,
    /// How much a breach counts under each profile.
    pub severities: Severities,
    /// What is wrong: a lower-case clause.
    pub message: &'static str,
    /// What to do next.
    pub hint: &'static str,
    /// Where the rule is written.
    pub reference: &'static str,
    /// Why the rule exists: one or two sentences.
    pub why: &'static str,
}

impl Rule {
    /// The rule with this id, which is a row of the table.
    ///
    /// # Panics
    /// When there is no such row; ids that come from outside go through [`Rule::find`].
    pub fn named(id: &str) -> &'static Rule {
        Rule::find(id).unwrap_or_else(|| panic!("rules.tsv has no rule '{id}'"))
    }

    /// The rule with this id, if there is one.
    pub fn find(id: &str) -> Option<&'static Rule> {
        let place = TABLE.binary_search_by(|rule| rule.id.cmp(id)).ok()?;
        TABLE.get(place)
    }

    /// All rules, sorted by id.
    pub fn all() -> impl Iterator<Item = &'static Rule> {
        TABLE.iter()
    }

    /// Reads one row: six columns, separated by tabs.
    fn read(row: &'static str) -> Option<Rule> {
        let mut columns = row.split('\t');
        Some(Rule {
            id: columns.next()?,
            severities: Severities::read(columns.next()?),
            message: columns.next()?,
            hint: columns.next()?,
            reference: columns.next()?,
            why: columns.next()?,
        })
    }
}

/// How much a rule counts under each profile; `None` where it does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Severities {
    /// Under [`Profile::Tls`].
    pub tls: Option<Severity>,
    /// Under [`Profile::Rfc5280`].
    pub rfc5280: Option<Severity>,
    /// Under [`Profile::Webpki`].
    pub webpki: Option<Severity>,
}

impl Severities {
    /// An error under every profile.
    pub const DECISIVE: Severities = Severities::everywhere(Severity::Error);
    /// A warning under every profile.
    pub const ADVICE: Severities = Severities::everywhere(Severity::Warning);

    /// How much the rule counts under this profile.
    pub fn under(&self, profile: Profile) -> Option<Severity> {
        match profile {
            Profile::Tls => self.tls,
            Profile::Rfc5280 => self.rfc5280,
            Profile::Webpki => self.webpki,
        }
    }

    const fn everywhere(severity: Severity) -> Severities {
        Severities {
            tls: Some(severity),
            rfc5280: Some(severity),
            webpki: Some(severity),
        }
    }

    fn read(column: &str) -> Severities {
        let mut each = column.split('/').map(|word| match word {
            "error" => Some(Severity::Error),
            "warning" => Some(Severity::Warning),
            "note" => Some(Severity::Note),
            _ => None,
        });
        let tls = each.next().flatten();
        Severities {
            tls,
            rfc5280: each.next().unwrap_or(tls),
            webpki: each.next().unwrap_or(tls),
        }
    }
}

/// A finding whose certificate is known by its place in the path only.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) rule: &'static Rule,
    pub(super) severity: Severity,
    /// The certificate's place in the path, 0 for the end entity; `None` for the path as a whole.
    pub(super) place: Option<usize>,
    pub(super) evidence: Option<Evidence>,
}

impl Draft {
    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The finding, now that the certificate is known.
    pub(super) fn finding(&self, certificate: Option<CertificateReference>) -> Finding {
        Finding::new(self.rule, self.severity, certificate, self.evidence.clone())
    }
}

/// Collects drafts, without those that do not count under the profile.
#[derive(Clone, Debug)]
pub(super) struct Drafts {
    profile: Profile,
    place: Option<usize>,
    pub(super) all: Vec<Draft>,
}

impl Drafts {
    pub(super) fn new(profile: Profile) -> Self {
        Drafts {
            profile,
            place: None,
            all: Vec::new(),
        }
    }

    /// What follows is about the certificate at this place.
    pub(super) fn about(&mut self, place: usize) -> &mut Self {
        self.place = Some(place);
        self
    }

    /// Adds what was found about the certificate at this place.
    pub(super) fn extend(&mut self, place: usize, drafts: &[Draft]) {
        self.all.extend(drafts.iter().map(|draft| Draft {
            place: Some(place),
            ..draft.clone()
        }));
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// The rule with this id is broken.
    pub(super) fn add(&mut self, id: &'static str) {
        self.push(id, || None);
    }

    /// The rule with this id is broken, as the evidence shows; it is only built where the rule counts.
    pub(super) fn with(&mut self, id: &'static str, evidence: impl FnOnce() -> Evidence) {
        self.push(id, || Some(evidence()));
    }

    fn push(&mut self, id: &'static str, evidence: impl FnOnce() -> Option<Evidence>) {
        let rule = Rule::named(id);
        if let Some(severity) = rule.severities.under(self.profile) {
            let evidence = evidence();
            self.all.push(Draft {
                rule,
                severity,
                place: self.place,
                evidence,
            });
        }
    }
}

/// An index over the text of the table, which it borrows; the first row holds the column names.
static TABLE: LazyLock<Vec<Rule>> =
    LazyLock::new(|| TEXT.lines().skip(1).filter_map(Rule::read).collect());

const TEXT: &str = include_str!("rules.tsv");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_certificate_is_bounded_and_escaped() {
        let evidence = Evidence::instead("\u{1b}[31m", "a".repeat(10_000));
        let shown = evidence.to_string();
        assert!(shown.starts_with("found \\u{1b}[31m, expected aaa"));
        assert!(shown.chars().count() < 300);
    }
}

#[cfg(test)]
mod rule_tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_column_of_every_row_is_filled() {
        assert_eq!(
            TEXT.lines().next(),
            Some("id\tseverity\tmessage\thint\treference\twhy")
        );
        assert_eq!(TABLE.len(), TEXT.lines().count() - 1);
        assert!(TABLE.is_sorted_by(|a, b| a.id < b.id));
        for row in TEXT.lines().skip(1) {
            let columns: Vec<_> = row.split('\t').collect();
            assert_eq!(columns.len(), 6, "{row}");
            assert!(
                columns
                    .iter()
                    .all(|one| !one.is_empty() && *one == one.trim()),
                "{row}"
            );
        }
    }

    #[test]
    fn every_severity_is_a_word_that_is_read() {
        for row in TEXT.lines().skip(1) {
            let column = row.split('\t').nth(1).unwrap();
            let words: Vec<_> = column.split('/').collect();
            assert!(words.len() == 1 || words.len() == 3, "{row}");
            let known = |word: &&str| ["error", "warning", "note", "-"].contains(word);
            assert!(words.iter().all(known), "{row}");
            assert!(words.iter().any(|word| *word != "-"), "{row}");
        }
    }

    #[test]
    fn messages_and_hints_are_clauses_and_reasons_are_sentences() {
        for rule in Rule::all() {
            for text in [rule.message, rule.hint] {
                assert!(!text.ends_with('.'), "{}: {text}", rule.id);
            }
            assert!(rule.why.ends_with('.'), "{}: {}", rule.id, rule.why);
        }
    }

    #[test]
    fn every_id_that_the_source_names_has_a_row_and_every_row_is_named() {
        let mut source = String::new();
        read(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
            &mut source,
        );
        let literals: HashSet<_> = source.split('"').collect();
        for rule in Rule::all() {
            assert!(literals.contains(rule.id), "{} is used nowhere", rule.id);
        }
        for call in [
            "Rule::named(",
            "Finding::of(",
            "drafts.add(",
            "drafts.with(",
        ] {
            for after in source.split(call).skip(1) {
                let Some(literal) = after.trim_start().strip_prefix('"') else {
                    continue;
                };
                let id = literal.split('"').next().unwrap();
                assert!(Rule::find(id).is_some(), "{call}\"{id}\" has no row");
            }
        }
    }

    /// Adds every Rust file below this directory, but for its tests.
    fn read(directory: &Path, source: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, source);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                source.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
    }
}
