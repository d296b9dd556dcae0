//! What is wrong with something that was read all the same.

use std::fmt;

use serde::Serialize;

/// A rule that a certificate, request or revocation list breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The rule's short name.
    pub id: &'static str,
    /// What is wrong, as a lower-case clause, safe to show.
    pub message: String,
    /// Where the rule stands.
    pub reference: &'static str,
    /// Whether its form is broken, so that a verifier has to refuse it, and not just unusual.
    pub malformed: bool,
}

impl Problem {
    /// A broken form.
    pub(crate) fn malformed(
        id: &'static str,
        reference: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        Problem {
            id,
            message: message.to_string(),
            reference,
            malformed: true,
        }
    }

    /// Something that most programs take all the same.
    pub(crate) fn unusual(
        id: &'static str,
        reference: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        Problem {
            malformed: false,
            ..Self::malformed(id, reference, message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.id, self.reference)
    }
}
