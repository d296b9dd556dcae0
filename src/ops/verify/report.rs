//! What `verify` has to say.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::tree::Tree;
use crate::error::shown;
use crate::ops::expiry::Span;
use crate::ops::{self, Verdict};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::Stack;
use crate::path::{CandidatePath, Judgement, Member};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// Every certificate that was judged.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// One for each file that could be read.
    pub certificates: Vec<CertificateReport>,
}

/// A certificate and the verdict on it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateReport {
    /// Its file.
    pub file: String,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its issuer.
    pub issuer: DistinguishedName,
    /// Its serial number.
    pub serial: SerialNumber,
    /// The first moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// How long it lasts from the moment that counts; negative when it has expired.
    pub expires_in_seconds: i64,
    /// The names it is for.
    pub names: Vec<GeneralName>,
    /// The SHA-256 fingerprint.
    pub fingerprint_sha256: Fingerprint,
    /// Whether it is good.
    pub verdict: Verdict,
    /// The TLS stack whose verdict it is; `None` for that of the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// Whether that stack refuses it.
    #[serde(skip)]
    pub(super) refused_by_stack: bool,
    /// The file of the trust anchors; `None` where there were none, and only dates and form were checked.
    pub checked_against: Option<String>,
    /// The path that was chosen, from the certificate upwards.
    pub path: Vec<Member>,
    /// Whether the path reaches a trust anchor.
    pub reaches_anchor: bool,
    /// Everything that is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// Every path that was looked at, where all were wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidate_paths: Vec<CandidatePath>,
}

impl CertificateReport {
    /// What can be said before anything is judged.
    pub(super) fn new(file: &Path, certificate: &Certificate, at: OffsetDateTime) -> Self {
        CertificateReport {
            file: file.to_string_lossy().into_owned(),
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            serial: certificate.serial().clone(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            expires_in_seconds: (certificate.not_after() - at).whole_seconds(),
            names: certificate
                .subject_alt_names()
                .ok()
                .flatten()
                .unwrap_or_default(),
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
            verdict: Verdict::Yes,
            stack: None,
            refused_by_stack: false,
            checked_against: None,
            path: Vec::new(),
            reaches_anchor: false,
            findings: Vec::new(),
            candidate_paths: Vec::new(),
        }
    }

    /// What became of it under the anchors of this file.
    pub(super) fn judged(&mut self, judgement: Judgement, anchors: &Path) {
        self.checked_against = Some(anchors.to_string_lossy().into_owned());
        self.reaches_anchor = judgement.reaches_anchor;
        self.path = judgement.path;
        self.findings = judgement.findings;
        self.candidate_paths = judgement.all_paths;
    }

    /// Adds findings and draws the conclusion.
    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        let is_open = |finding: &Finding| finding.id == "revocation-unknown";
        if self.refused_by_stack || self.findings.iter().any(is_error) {
            self.verdict = Verdict::No;
        } else if self.findings.iter().any(is_open) {
            self.verdict = Verdict::Undetermined;
        }
    }

    fn write_path(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(anchors) = &self.checked_against else {
            return writeln!(
                f,
                "  path      not checked: no CA was given and there is no ca.crt beside it; only dates and form were checked"
            );
        };
        match self.path.as_slice() {
            [_] if self.reaches_anchor => writeln!(f, "  path      it is itself a trust anchor")?,
            path => {
                for (i, member) in path.iter().enumerate() {
                    let label = if i == 0 { "path" } else { "" };
                    let indent = "  ".repeat(i.min(MAX_INDENT));
                    writeln!(f, "  {label:<9} {indent}{}", member.reference)?;
                }
            }
        }
        writeln!(f, "  anchors   {}", shown(Path::new(anchors)))
    }

    fn names(&self) -> String {
        let mut names: Vec<_> = self
            .names
            .iter()
            .take(MAX_NAMES_SHOWN)
            .map(|name| name.to_string().chars().take(MAX_NAME_CHARACTERS).collect())
            .collect();
        if self.names.len() > names.len() {
            names.push(format!("{} more", self.names.len() - names.len()));
        }
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    }
}

impl ops::Report for Report {
    fn verdict(&self) -> Verdict {
        let is_no = |certificate: &CertificateReport| certificate.verdict == Verdict::No;
        if self.certificates.iter().any(is_no) {
            Verdict::No
        } else {
            Verdict::Yes
        }
    }

    fn reason(&self) -> Option<String> {
        let mut bad = self
            .certificates
            .iter()
            .filter(|certificate| certificate.verdict == Verdict::No);
        let first = bad.next()?;
        let file = shown(Path::new(&first.file));
        let mut reason = match first.findings.first() {
            Some(finding) => format!("{file}: {}", finding.summary()),
            None => file,
        };
        let others = bad.count();
        if others > 0 {
            reason.push_str(&format!("; and {others} more"));
        }
        Some(reason)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, certificate) in self.certificates.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            certificate.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for CertificateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(Path::new(&self.file)))?;
        writeln!(f, "  subject   {}", Cut(&self.subject))?;
        writeln!(f, "  issuer    {}", Cut(&self.issuer))?;
        writeln!(f, "  serial    {}", Cut(&self.serial))?;
        let left = Duration::seconds(self.expires_in_seconds);
        writeln!(
            f,
            "  valid     {} to {} ({} {})",
            rfc3339(self.not_before),
            rfc3339(self.not_after),
            Span(left.abs()),
            if left.is_negative() { "ago" } else { "left" }
        )?;
        writeln!(f, "  names     {}", self.names())?;
        self.write_path(f)?;
        let verdict = self.verdict;
        match self.stack {
            Some(stack) => writeln!(f, "  verdict   {verdict}, as {stack} sees it")?,
            None => writeln!(f, "  verdict   {verdict}")?,
        }
        findings(f, &self.findings, "  ")?;
        if !self.candidate_paths.is_empty() {
            write!(f, "  candidate paths\n{}", Tree(&self.candidate_paths))?;
        }
        Ok(())
    }
}

fn findings(f: &mut fmt::Formatter<'_>, findings: &[Finding], indent: &str) -> fmt::Result {
    for finding in findings.iter().take(MAX_FINDINGS_SHOWN) {
        for line in finding.to_string().lines() {
            writeln!(f, "{indent}{line}")?;
        }
    }
    if findings.len() > MAX_FINDINGS_SHOWN {
        let more = findings.len() - MAX_FINDINGS_SHOWN;
        writeln!(f, "{indent}… and {more} more; `--format json` has them all")?;
    }
    Ok(())
}

/// Text of which no more is shown than fits a few lines.
struct Cut<T>(T);

impl<T: fmt::Display> fmt::Display for Cut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match text.char_indices().nth(MAX_FIELD_CHARACTERS) {
            Some((end, _)) => write!(f, "{}… ({} octets as text)", &text[..end], text.len()),
            None => f.write_str(&text),
        }
    }
}

const MAX_NAMES_SHOWN: usize = 20;
const MAX_NAME_CHARACTERS: usize = 300;
const MAX_FIELD_CHARACTERS: usize = 400;
const MAX_FINDINGS_SHOWN: usize = 30;
const MAX_INDENT: usize = 12;
