//! Labels: names and values that group certificates, such as `team=red`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::pki::escape::Escaped;

/// The labels of a certificate, each name once. Serialised as an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Labels(BTreeMap<String, String>);

/// One label, as in `team=red`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    name: String,
    value: String,
}

/// Which label a certificate must have: `team=red` this value, `team` any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    name: String,
    value: Option<String>,
}

impl Labels {
    /// These labels; of two with one name, the later one.
    pub fn new(labels: impl IntoIterator<Item = Label>) -> Self {
        let labels = labels.into_iter();
        Labels(labels.map(|label| (label.name, label.value)).collect())
    }

    /// These labels and others; of two with one name, the other.
    #[must_use]
    pub fn with(&self, others: &Labels) -> Self {
        let all = self.0.iter().chain(&others.0);
        Labels(
            all.map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Each label on a line, with a line break in front, so that a search for a whole line finds it.
    pub(super) fn lines(&self) -> Option<String> {
        let lines = self.iter().map(|(name, value)| format!("{name}={value}\n"));
        (!self.is_empty()).then(|| format!("\n{}", lines.collect::<String>()))
    }

    /// The labels in [`Labels::lines`].
    pub(super) fn from_lines(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Labels(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
    }
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = LabelError;

    fn try_from(labels: BTreeMap<String, String>) -> Result<Self, LabelError> {
        for (name, value) in &labels {
            checked_name(name)?;
            checked_value(value)?;
        }
        Ok(Labels(labels))
    }
}

impl LabelFilter {
    /// Whether one of the labels matches.
    pub fn matches(&self, labels: &Labels) -> bool {
        let found = labels.0.get(&self.name);
        found.is_some_and(|found| self.value.as_ref().is_none_or(|value| value == found))
    }

    /// Text that the labels of an entry contain when one matches, and others may.
    pub(super) fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={value}", self.name),
            None => format!("{}=", self.name),
        }
    }

    /// What [`Labels::lines`] contains exactly when a label matches.
    pub(super) fn pattern(&self) -> String {
        match &self.value {
            Some(value) => format!("\n{}={value}\n", self.name),
            None => format!("\n{}=", self.name),
        }
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (name, value) = text.split_once('=').ok_or(LabelError::NoValue)?;
        Ok(Label {
            name: checked_name(name)?,
            value: checked_value(value)?,
        })
    }
}

impl FromStr for LabelFilter {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(checked_value(value)?)),
            None => (text, None),
        };
        Ok(LabelFilter {
            name: checked_name(name)?,
            value,
        })
    }
}

/// `name=value` pairs, separated by spaces.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { " " };
            write!(f, "{separator}{}={}", Escaped(name), Escaped(value))?;
        }
        Ok(())
    }
}

/// Why a label cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// It has no `=`.
    #[error("a label is NAME=VALUE, such as team=red")]
    NoValue,
    /// Its name is empty, too long, or has characters that need quoting.
    #[error(
        "'{}' is not a label name: use up to {MAX_NAME_BYTES} letters, digits and the characters . _ - /",
        Escaped(.0)
    )]
    Name(String),
    /// Its value is too long, or has control characters.
    #[error(
        "'{}' is not a label value: use up to {MAX_VALUE_BYTES} bytes without control characters",
        Escaped(.0)
    )]
    Value(String),
}

fn checked_name(name: &str) -> Result<String, LabelError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_plain) {
        return Err(LabelError::Name(name.to_owned()));
    }
    Ok(name.to_owned())
}

fn checked_value(value: &str) -> Result<String, LabelError> {
    if value.len() > MAX_VALUE_BYTES || value.chars().any(char::is_control) {
        return Err(LabelError::Value(value.to_owned()));
    }
    Ok(value.to_owned())
}

const MAX_NAME_BYTES: usize = 63; // of a Kubernetes label
const MAX_VALUE_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_matches_a_value_or_any_value() {
        let labels = Labels::new(["team=red", "env=a=b"].map(|label| label.parse().unwrap()));
        let matches = |filter: &str| filter.parse::<LabelFilter>().unwrap().matches(&labels);
        assert!(matches("team=red") && matches("team") && matches("env=a=b"));
        assert!(!matches("team=re") && !matches("tea") && !matches("team="));
        assert_eq!(labels.to_string(), "env=a=b team=red");
        let lines = labels.lines().unwrap();
        assert_eq!(Labels::from_lines(&lines), labels);
        for filter in ["team=red", "team", "team=re", "tea", "ed"] {
            let filter: LabelFilter = filter.parse().unwrap();
            assert_eq!(lines.contains(&filter.pattern()), filter.matches(&labels));
        }
    }

    #[test]
    fn labels_that_would_need_quoting_are_refused() {
        assert_eq!("team".parse::<Label>(), Err(LabelError::NoValue));
        for text in [
            "=red",
            "a b=c",
            "=HYPERLINK()=x",
            &format!("{}=x", "n".repeat(64)),
        ] {
            assert!(
                matches!(text.parse::<Label>(), Err(LabelError::Name(_))),
                "{text}"
            );
        }
        for text in ["a=b\nc=d", "a=\u{1b}[31m"] {
            assert!(
                matches!(text.parse::<Label>(), Err(LabelError::Value(_))),
                "{text}"
            );
        }
    }
}
