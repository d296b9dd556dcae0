//! Refusals: answers, not errors.

use std::fmt;

use serde::Serialize;

use super::{Report, Verdict};
use crate::error::Error;

/// A request that was refused.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// Always true.
    pub refused: bool,
    /// The rule that refuses it.
    pub rule: String,
    /// What is wrong, as a lower-case clause.
    pub message: String,
    /// What to request instead.
    pub hint: String,
}

impl Refused {
    /// A refusal by this rule.
    pub fn new(
        rule: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Refused {
            refused: true,
            rule: rule.into(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Refused by {}: {}", self.rule, self.message)?;
        writeln!(f, "  {}", self.hint)
    }
}

/// The answer to a request.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome<T> {
    /// Granted.
    Done(T),
    /// Refused.
    Refused(Refused),
}

impl<T> Outcome<T> {
    /// What was granted, changed by a function.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(granted) => Outcome::Done(change(granted)),
            Outcome::Refused(refused) => Outcome::Refused(refused),
        }
    }

    /// The next step on what was granted; a refusal stays one.
    ///
    /// # Errors
    /// As `next`.
    pub fn and_then<U>(
        self,
        next: impl FnOnce(T) -> Result<Outcome<U>, Error>,
    ) -> Result<Outcome<U>, Error> {
        match self {
            Outcome::Done(granted) => next(granted),
            Outcome::Refused(refused) => Ok(Outcome::Refused(refused)),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Outcome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done(report) => report.fmt(f),
            Outcome::Refused(refused) => refused.fmt(f),
        }
    }
}

impl<T: Report> Report for Outcome<T> {
    fn is_content(&self) -> bool {
        match self {
            Outcome::Done(done) => done.is_content(),
            Outcome::Refused(_) => false,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Outcome::Done(report) => report.verdict(),
            Outcome::Refused(_) => Verdict::No,
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Outcome::Done(report) => report.reason(),
            Outcome::Refused(refused) => Some(refused.message.clone()),
        }
    }

    fn warnings(&self) -> Vec<String> {
        match self {
            Outcome::Done(report) => report.warnings(),
            Outcome::Refused(_) => Vec::new(),
        }
    }
}
