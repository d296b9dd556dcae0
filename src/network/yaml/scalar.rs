//! What a scalar is to PyYAML's `SafeLoader`: YAML 1.1, where `yes` and `on` are true, `010` is eight and
//! `1:30` is ninety.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::{NodeId, YamlError, excerpt};

/// A value as Python has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer; one beyond 127 bits as the nearest of them.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string.
    Text(String),
    /// A date, a time or binary data, which no setting is.
    Other(String),
    /// The key `<<`.
    Merge,
    /// A list.
    Sequence(Vec<NodeId>),
    /// A dictionary: its keys and values in their order.
    Mapping(Vec<(NodeId, NodeId)>),
}

impl Value {
    /// Whether Python's `if` accepts it.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Other(_) | Value::Merge => true,
            Value::Sequence(items) => !items.is_empty(),
            Value::Mapping(pairs) => !pairs.is_empty(),
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is this string.
    pub fn is_text(&self, text: &str) -> bool {
        self.as_text() == Some(text)
    }

    /// Whether it is a dictionary.
    pub fn is_mapping(&self) -> bool {
        matches!(self, Value::Mapping(_))
    }

    pub(super) fn is_merge(&self) -> bool {
        matches!(self, Value::Merge)
    }

    /// What Python's `str` returns for a scalar; `None` for a collection.
    pub fn python_text(&self) -> Option<String> {
        match self {
            Value::Null => Some("None".into()),
            Value::Bool(true) => Some("True".into()),
            Value::Bool(false) => Some("False".into()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(format!("{value:?}")),
            Value::Text(text) | Value::Other(text) => Some(text.clone()),
            Value::Merge | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// What it is, in words that a message can use.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Int(_) => "a number",
            Value::Float(_) => "a decimal number",
            Value::Text(_) => "text",
            Value::Other(_) => "a date or binary data",
            Value::Merge => "a merge key",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// The value of a scalar; `tag` is a name within YAML's own tags, or a whole tag.
pub(super) fn resolve(
    text: &str,
    is_plain: bool,
    tag: Option<String>,
    line: usize,
) -> Result<Value, YamlError> {
    let wrong = |expected| YamlError::Scalar {
        line,
        text: excerpt(text),
        expected,
    };
    let value = match tag.as_deref() {
        None if is_plain => return implicit(text, line),
        Some("!") => return implicit(text, line),
        None | Some("str") => Ok(Value::Text(text.to_owned())),
        Some("null") => Ok(Value::Null),
        Some("bool") => match text.to_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(Value::Bool(true)),
            "no" | "false" | "off" => Ok(Value::Bool(false)),
            _ => Err("truth value"),
        },
        Some("int") => integer(text).map(Value::Int).ok_or("whole number"),
        Some("float") => float(text).map(Value::Float).ok_or("number"),
        Some("timestamp") if !matches(&TIMESTAMP, text) => Err("date"),
        Some("timestamp" | "binary") => Ok(Value::Other(text.to_owned())),
        Some(tag) => {
            let tag = excerpt(tag);
            return Err(YamlError::Tag { line, tag });
        }
    };
    value.map_err(wrong)
}

/// A plain scalar without a tag, resolved as PyYAML's `resolver.py` does.
fn implicit(text: &str, line: usize) -> Result<Value, YamlError> {
    let wrong = |expected| YamlError::Scalar {
        line,
        text: excerpt(text),
        expected,
    };
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        "<<" => Value::Merge,
        // A string as a key, and unreadable as a value.
        "=" => return Err(wrong("supported value")),
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
            Value::Text(text.to_owned())
        }
        _ if matches(&FLOAT, text) => Value::Float(float(text).ok_or_else(|| wrong("number"))?),
        _ if matches(&INTEGER, text) => {
            Value::Int(integer(text).ok_or_else(|| wrong("whole number"))?)
        }
        _ if matches(&TIMESTAMP, text) => Value::Other(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    };
    Ok(value)
}

/// The number that Python's constructor returns; `None` if it raises.
fn integer(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let digits = unsigned(&text);
    let radix = |digits: &str, radix| {
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        is_number.then(|| i128::from_str_radix(digits, radix).unwrap_or(i128::MAX))
    };
    let value = if digits == "0" {
        Some(0)
    } else if let Some(digits) = digits.strip_prefix("0b") {
        radix(digits, 2)
    } else if let Some(digits) = digits.strip_prefix("0x") {
        radix(digits, 16)
    } else if digits.starts_with('0') {
        radix(digits, 8)
    } else {
        digits.split(':').try_fold(0_i128, |sum, part| {
            Some(sum.saturating_mul(60).saturating_add(radix(part, 10)?))
        })
    };
    value.map(|value| if text.starts_with('-') { -value } else { value })
}

fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let digits = unsigned(&text);
    let value = match digits {
        ".inf" => Some(f64::INFINITY),
        ".nan" => Some(f64::NAN),
        digits => digits.split(':').try_fold(0.0, |sum, part| {
            part.parse::<f64>().ok().map(|part| sum * 60.0 + part)
        }),
    };
    value.map(|value| if text.starts_with('-') { -value } else { value })
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|regex| regex.is_match(text))
}

// The patterns of PyYAML's `resolver.py`.
static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?",
        r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
        r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*",
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    ))
    .ok()
});
static INTEGER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+",
        r"|[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    ))
    .ok()
});
static TIMESTAMP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}",
        r":[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$",
    ))
    .ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_those_of_yaml_1_1() {
        let plain = |text: &str| implicit(text, 1).unwrap();
        for text in ["yes", "Yes", "YES", "on", "true", "TRUE"] {
            assert_eq!(plain(text), Value::Bool(true), "{text}");
        }
        for text in [
            "y", "n", "tRue", "yEs", "OFf", "08", "0o17", "1e3", "0.0.0.0", "::1",
        ] {
            assert_eq!(plain(text), Value::Text(text.into()), "{text}");
        }
        for (text, number) in [
            ("8600", 8600),
            ("020630", 8600),
            ("0x2198", 8600),
            ("8_600", 8600),
            ("1:30", 90),
            ("2:23:20", 8600),
            ("0b101", 5),
            ("-1", -1),
            ("0", 0),
            ("00", 0),
        ] {
            assert_eq!(plain(text), Value::Int(number), "{text}");
        }
        for (text, number) in [
            ("8600.0", 8600.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("1.5e+3", 1500.0),
        ] {
            assert_eq!(plain(text), Value::Float(number), "{text}");
        }
        assert_eq!(plain("2026-11-20"), Value::Other("2026-11-20".into()));
        assert_eq!(plain("NULL"), Value::Null);
        assert!(implicit("0b_", 3).is_err());
    }

    #[test]
    fn truth_is_pythons() {
        assert!(Value::Text("false".into()).is_true());
        assert!(Value::Float(f64::NAN).is_true());
        for value in [
            Value::Null,
            Value::Int(0),
            Value::Float(-0.0),
            Value::Text(String::new()),
            Value::Sequence(Vec::new()),
        ] {
            assert!(!value.is_true(), "{value:?}");
        }
    }

    #[test]
    fn dates_and_times_are_distinguished_from_other_text() {
        for text in [
            "2026-11-20",
            "2026-1-2T3:04:05",
            "2026-11-20 08:05:00.5 +01:00",
            "2026-11-20t08:05:00Z",
        ] {
            assert!(matches(&TIMESTAMP, text), "{text}");
        }
        for text in [
            "2026-1-2",
            "2026-11-20T",
            "20261120",
            "2026-11-20x",
            "127.0.0.1",
        ] {
            assert!(!matches(&TIMESTAMP, text), "{text}");
        }
    }
}
