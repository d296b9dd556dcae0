//! The result of `verify`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::shown;
use crate::ops::anchors::AnchorSource;
use crate::ops::expiry::CertificateFacts;
use crate::ops::view::{Tone, Toned};
use crate::ops::{self, Verdict};
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::Stack;
use crate::path::{CandidatePath, Judgement, Member};
use crate::pki::certificate::Certificate;
use crate::pki::validity::rfc3339;

/// The verdict on every file that could be read.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The verdict on all of them: no if one is no, yes if all are yes.
    pub verdict: Verdict,
    /// One for each file or port.
    pub certificates: Vec<CertificateReport>,
}

/// A certificate and the verdict on it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateReport {
    /// Its file, or the live port.
    #[serde(serialize_with = "path_or_port")]
    pub path: PathBuf,
    /// The certificate.
    #[serde(flatten)]
    pub facts: CertificateFacts,
    /// Whether it is valid.
    pub verdict: Verdict,
    /// The TLS stack whose verdict it is; `None` for that of the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// Whether that stack refuses it.
    #[serde(skip)]
    pub(super) refused_by_stack: bool,
    /// The trust anchors that end the chain; `None` when none do.
    pub anchors: Option<AnchorSource>,
    /// The sources of anchors that were tried.
    #[serde(skip)]
    pub(super) tried: Vec<AnchorSource>,
    /// The chosen path, from the certificate upwards.
    pub chain: Vec<Member>,
    /// Whether it reaches a trust anchor.
    pub reaches_anchor: bool,
    /// Everything that is wrong, the most severe first.
    pub findings: Vec<Finding>,
    /// Every path that was considered, when all were requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidate_paths: Vec<CandidatePath>,
}

impl Report {
    pub(super) fn new(certificates: Vec<CertificateReport>) -> Self {
        let verdicts = || certificates.iter().map(|certificate| certificate.verdict);
        let verdict = if verdicts().any(|verdict| verdict == Verdict::No) {
            Verdict::No
        } else if verdicts().all(|verdict| verdict == Verdict::Yes) {
            Verdict::Yes
        } else {
            Verdict::Undetermined
        };
        Report {
            verdict,
            certificates,
        }
    }
}

impl CertificateReport {
    /// A certificate before it is judged.
    pub(super) fn new(path: &Path, certificate: &Certificate, at: OffsetDateTime) -> Self {
        CertificateReport {
            path: path.to_owned(),
            facts: CertificateFacts::of(certificate, at),
            verdict: Verdict::Undetermined,
            stack: None,
            refused_by_stack: false,
            anchors: None,
            tried: Vec::new(),
            chain: Vec::new(),
            reaches_anchor: false,
            findings: Vec::new(),
            candidate_paths: Vec::new(),
        }
    }

    /// Takes over a judgement. That a chain ends in no anchor is an error only under anchors that were given.
    pub(super) fn judged(&mut self, judgement: Judgement, findings: Vec<Finding>, is_given: bool) {
        self.reaches_anchor = judgement.reaches_anchor;
        self.chain = judgement.path;
        self.candidate_paths = judgement.all_paths;
        let demoted = |mut finding: Finding| {
            if is_open(&finding) || !is_given && NO_ANCHOR.contains(&finding.id) {
                finding.severity = finding.severity.min(Severity::Warning);
            }
            finding
        };
        self.findings = findings.into_iter().map(demoted).collect();
    }

    pub(super) fn extend(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// Decides on the verdict.
    pub(super) fn conclude(&mut self, has_proven_key: bool) {
        if !has_proven_key {
            self.findings.push(Finding::of("key-unproven"));
        }
        self.findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        let is_refused = self.refused_by_stack || self.findings.iter().any(is_error);
        self.verdict = if is_refused {
            Verdict::No
        } else if !self.reaches_anchor || self.findings.iter().any(is_open) {
            Verdict::Undetermined
        } else {
            Verdict::Yes
        };
    }

    /// The certificate's file and the finding that decides.
    fn reason(&self) -> String {
        let path = shown(&self.path);
        let is_decisive = |finding: &&Finding| match self.verdict {
            Verdict::Undetermined => is_open(finding) || NO_ANCHOR.contains(&finding.id),
            Verdict::Yes | Verdict::No => true,
        };
        let decisive = self.findings.iter().find(is_decisive);
        match decisive.or(self.findings.first()) {
            Some(finding) if NO_ANCHOR.contains(&finding.id) && self.anchors.is_none() => {
                format!(
                    "{path}: {}; name the trust anchors with `--ca`",
                    finding.summary()
                )
            }
            Some(finding) => format!("{path}: {}", finding.summary()),
            None => path,
        }
    }

    fn write_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chain.as_slice() {
            [_] if self.reaches_anchor => writeln!(f, "  path      trust anchor itself")?,
            chain => {
                for (i, member) in chain.iter().enumerate() {
                    let label = if i == 0 { "path" } else { "" };
                    let indent = "  ".repeat(i.min(MAX_INDENT));
                    writeln!(f, "  {label:<9} {indent}{}", member.reference)?;
                }
            }
        }
        let tried: Vec<_> = self.tried.iter().map(ToString::to_string).collect();
        match (&self.anchors, tried.is_empty()) {
            (Some(anchors), _) => writeln!(f, "  anchors   {anchors}"),
            (None, true) => writeln!(f, "  anchors   none found"),
            (None, false) => writeln!(f, "  anchors   none in {}", tried.join(", ")),
        }
    }

    fn names(&self) -> String {
        let names = &self.facts.subject_alt_names;
        let mut shown: Vec<String> = names
            .iter()
            .take(MAX_NAMES_SHOWN)
            .map(|name| name.chars().take(MAX_NAME_CHARACTERS).collect())
            .collect();
        if names.len() > shown.len() {
            shown.push(format!("{} more", names.len() - shown.len()));
        }
        if shown.is_empty() {
            "none".into()
        } else {
            shown.join(", ")
        }
    }
}

impl ops::Report for Report {
    fn is_content(&self) -> bool {
        false
    }

    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        if self.verdict == Verdict::Yes {
            return None;
        }
        let is_worst = |one: &&CertificateReport| one.verdict == self.verdict;
        let first = self.certificates.iter().find(is_worst)?;
        let is_bad = |one: &&CertificateReport| one.verdict != Verdict::Yes;
        let others = self.certificates.iter().filter(is_bad).count() - 1;
        let mut reason = first.reason();
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
        let facts = &self.facts;
        writeln!(f, "{}", shown(&self.path))?;
        writeln!(f, "  subject   {}", Cut(&facts.subject))?;
        writeln!(f, "  issuer    {}", Cut(&facts.issuer))?;
        writeln!(f, "  serial    {}", Cut(&facts.serial))?;
        let from = rfc3339(facts.expiry.not_before);
        writeln!(f, "  valid     {from} to {}", facts.expiry)?;
        writeln!(f, "  names     {}", self.names())?;
        self.write_chain(f)?;
        let verdict = Toned(Tone::of(self.verdict), self.verdict);
        match self.stack {
            Some(stack) => writeln!(f, "  verdict   {verdict}, as {stack} sees it")?,
            None => writeln!(f, "  verdict   {verdict}")?,
        }
        for finding in self.findings.iter().take(MAX_FINDINGS_SHOWN) {
            for line in ops::view::finding(finding).lines() {
                writeln!(f, "  {line}")?;
            }
        }
        if self.findings.len() > MAX_FINDINGS_SHOWN {
            let more = self.findings.len() - MAX_FINDINGS_SHOWN;
            writeln!(f, "  … and {more} more; `--json` shows all")?;
        }
        if !self.candidate_paths.is_empty() {
            let paths: Vec<_> = self.candidate_paths.iter().collect();
            writeln!(f, "  candidate paths")?;
            writeln!(f, "    {}", paths[0].path[0].reference)?;
            branches(f, &paths, 1, &mut "    ".to_owned())?;
        }
        Ok(())
    }
}

/// Draws the candidate paths as a tree: what follows the certificate before `depth`, which all of them share.
fn branches(
    f: &mut fmt::Formatter<'_>,
    paths: &[&CandidatePath],
    depth: usize,
    indent: &mut String,
) -> fmt::Result {
    let branch = |is_last| if is_last { "└─ " } else { "├─ " };
    let ends = |path: &&CandidatePath| path.path.len() == depth;
    let (ended, longer): (Vec<_>, Vec<_>) = paths.iter().copied().partition(ends);
    for (i, path) in ended.iter().enumerate() {
        let is_last = longer.is_empty() && i + 1 == ended.len();
        writeln!(f, "{indent}{}{}", branch(is_last), outcome(path))?;
    }
    let mut groups: Vec<Vec<&CandidatePath>> = Vec::new();
    for path in longer {
        let same = |group: &&mut Vec<&CandidatePath>| group[0].path[depth] == path.path[depth];
        match groups.iter_mut().find(same) {
            Some(group) => group.push(path),
            None => groups.push(vec![path]),
        }
    }
    let count = groups.len();
    for (i, group) in groups.iter().enumerate() {
        let is_last = i + 1 == count;
        let reference = &group[0].path[depth].reference;
        writeln!(f, "{indent}{}{reference}", branch(is_last))?;
        let length = indent.len();
        indent.push_str(if is_last { "   " } else { "│  " });
        branches(f, group, depth + 1, indent)?;
        indent.truncate(length);
    }
    Ok(())
}

/// Whether a path is valid, or the rules that it breaks.
fn outcome(path: &CandidatePath) -> String {
    let errors = path.findings.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    let rules: Vec<_> = errors.map(|finding| finding.id).take(MAX_RULES).collect();
    if rules.is_empty() {
        "valid".into()
    } else {
        format!("no: {}", rules.join(", "))
    }
}

/// Whether a finding leaves the question open, whatever was given.
fn is_open(finding: &Finding) -> bool {
    ["revocation-unknown", "budget-exhausted", "key-unproven"].contains(&finding.id)
}

/// The findings that say that the chain ends in no anchor.
const NO_ANCHOR: [&str; 2] = ["issuer-missing", "self-signed"];

/// A file's path as JSON has it; a live port as it was dialled.
fn path_or_port<S: serde::Serializer>(path: &PathBuf, to: S) -> Result<S::Ok, S::Error> {
    let text = path.to_string_lossy();
    if text.contains("://") || text == "-" {
        text.serialize(to)
    } else {
        ops::paths::as_text(path, to)
    }
}

/// Text cut to a few lines.
struct Cut<T>(T);

impl<T: fmt::Display> fmt::Display for Cut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match text.char_indices().nth(MAX_FIELD_CHARACTERS) {
            Some((end, _)) => write!(f, "{}… ({} bytes of text)", &text[..end], text.len()),
            None => f.write_str(&text),
        }
    }
}

const MAX_NAMES_SHOWN: usize = 20;
const MAX_NAME_CHARACTERS: usize = 300;
const MAX_FIELD_CHARACTERS: usize = 400;
const MAX_FINDINGS_SHOWN: usize = 30;
const MAX_RULES: usize = 6;
const MAX_INDENT: usize = 12;
