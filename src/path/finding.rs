//! What is wrong, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::rule::Rule;
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
    /// A finding of the rule with this id, as severe as under [`Profile::Tls`](super::profile::Profile::Tls), a note where it does not count there.
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
