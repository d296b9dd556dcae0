//! What a stack refuses, and how refusals of one cause are brought together.

use super::{Affected, Cause, File, Side, Stack};
use crate::path::finding::{CertificateReference, Evidence, Finding, Severity};
use crate::path::rule::Rule;

/// Something a stack refuses.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The rule that is broken.
    pub(super) rule: &'static str,
    /// The file it is about.
    pub(super) file: File,
    pub(super) evidence: Option<Box<Evidence>>,
    pub(super) certificate: Option<Box<CertificateReference>>,
    /// What the one that refuses says.
    pub(super) text: String,
    /// The alert it sends, where one can be seen on the other side.
    pub(super) alert: u8,
}

impl Failure {
    pub(super) fn of(
        rule: &'static str,
        file: File,
        found: impl Into<String>,
        text: String,
    ) -> Self {
        let found = found.into();
        Failure {
            rule,
            file,
            evidence: (!found.is_empty()).then(|| Box::new(Evidence::found(found))),
            certificate: None,
            text,
            alert: 0,
        }
    }

    /// With the number of the alert it sends.
    pub(super) fn alerting(self, alert: u8) -> Self {
        Failure { alert, ..self }
    }

    /// The same, seen to be of another rule.
    pub(super) fn being(self, rule: &'static str, found: String) -> Self {
        let evidence = Some(Box::new(Evidence::found(found)));
        Failure {
            rule,
            evidence,
            ..self
        }
    }

    pub(super) fn about(mut self, certificate: CertificateReference) -> Self {
        self.certificate = Some(Box::new(certificate));
        self
    }
}

/// What was refused, each cause once.
#[derive(Default)]
pub(super) struct Causes {
    all: Vec<Cause>,
}

impl Causes {
    pub(super) fn add(&mut self, failure: &Failure, stack: Stack, role: Side) {
        let index = match self.place(failure, stack) {
            Some(index) => index,
            None => {
                self.all.push(Cause {
                    finding: Finding::new(
                        Rule::named(failure.rule),
                        Severity::Error,
                        failure.certificate.as_deref().cloned(),
                        failure.evidence.as_deref().cloned(),
                    ),
                    file: failure.file,
                    affects: Vec::new(),
                });
                self.all.len() - 1
            }
        };
        let affected = Affected { stack, role };
        let affects = &mut self.all[index].affects;
        if !affects.contains(&affected) {
            affects.push(affected);
        }
    }

    /// Where the same cause stands already. rustls does not say which certificate of a path it means,
    /// and has words of its own for some faults, so that what others said of the file is taken for it.
    fn place(&self, failure: &Failure, stack: Stack) -> Option<usize> {
        let subject = failure.certificate.as_ref().map(|c| &c.subject);
        let is_same = |cause: &Cause| {
            let known = cause.finding.certificate.as_ref().map(|c| &c.subject);
            cause.finding.id == failure.rule
                && cause.file == failure.file
                && (known == subject || failure.rule == "host-mismatch")
        };
        let is_like = |cause: &Cause| {
            let alike = |pair: &&(&str, &str)| **pair == (failure.rule, cause.finding.id);
            cause.file == failure.file
                && (cause.finding.id == failure.rule || ALIKE.iter().any(|pair| alike(&pair)))
        };
        let exact = self.all.iter().position(is_same);
        match stack {
            Stack::Tonic => exact.or_else(|| self.all.iter().position(is_like)),
            Stack::GrpcCore | Stack::GrpcJs => exact,
        }
    }

    pub(super) fn sorted(mut self) -> Vec<Cause> {
        for cause in &mut self.all {
            cause.affects.sort_unstable();
        }
        self.all
            .sort_by_key(|cause| std::cmp::Reverse(cause.affects.len()));
        self.all
    }
}

/// Rules that rustls's words come down to, and those that are as well what is meant.
const ALIKE: [(&str, &str); 8] = [
    ("signature-unsupported", "signature-sha1"),
    ("signature-unsupported", "signature-broken-hash"),
    ("purpose", "purpose-any"),
    ("name-not-permitted", "name-excluded"),
    ("issuer-missing", "self-signed"),
    ("extension-malformed", "extension-twice"),
    (
        "critical-extension-unsupported",
        "unknown-critical-extension",
    ),
    ("certificate-unreadable", "time-malformed"),
];
