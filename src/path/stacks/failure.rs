//! What a stack refuses, and how refusals of one cause are brought together.

use std::collections::HashMap;

use super::{Affected, Cause, File, Side, Stack, rule};
use crate::path::finding::{CertificateReference, Evidence, Finding, Severity};

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

    pub(super) fn about(mut self, certificate: CertificateReference) -> Self {
        self.certificate = Some(Box::new(certificate));
        self
    }
}

/// What was refused, each cause once.
#[derive(Default)]
pub(super) struct Causes {
    all: Vec<Cause>,
    places: HashMap<(&'static str, File, String), usize>,
}

impl Causes {
    pub(super) fn add(&mut self, failure: &Failure, stack: Stack, role: Side) {
        let subject = failure.certificate.as_ref().map(|c| c.subject.clone());
        let place = (failure.rule, failure.file, subject.unwrap_or_default());
        let index = *self.places.entry(place).or_insert_with(|| {
            let rule = rule::by_id(failure.rule);
            let evidence = failure.evidence.as_deref().cloned();
            let certificate = failure.certificate.as_deref().cloned();
            self.all.push(Cause {
                finding: Finding::new(rule, Severity::Error, certificate, evidence),
                file: failure.file,
                affects: Vec::new(),
            });
            self.all.len() - 1
        });
        let affected = Affected { stack, role };
        let affects = &mut self.all[index].affects;
        if !affects.contains(&affected) {
            affects.push(affected);
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
