//! The rule table: everything a finding can say, as rows of `rules.tsv`.
//!
//! A row has an id, which never changes, and how much a breach counts: one word for all profiles, or
//! `tls/rfc5280/webpki` with `-` where the rule does not apply. The other columns are the message (what
//! is wrong, a lower-case clause), the hint (what to do next), the reference, and why the rule exists.
//! Code names a rule by its id; a test checks that each one has a row and that each row is used.

use std::sync::LazyLock;

use super::finding::{CertificateReference, Evidence, Finding, Severity};
use super::profile::Profile;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
