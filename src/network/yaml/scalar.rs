//! What a scalar is to PyYAML's `SafeLoader`: YAML 1.1, where `yes` and `on` are true, `010` is eight and
//! `1:30` is ninety.

use super::NodeId;
use super::error::{YamlError, excerpt};
use super::timestamp::is_timestamp;

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
    /// A date, a time or octets: nothing that a configuration asks for.
    Other(String),
    /// The key `<<`.
    Merge,
    /// A list.
    Sequence(Vec<NodeId>),
    /// A dictionary: keys and values as they stand.
    Mapping(Vec<(NodeId, NodeId)>),
}

impl Value {
    /// Whether Python's `if` takes it.
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

    /// The string, where it is one.
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

    /// What Python's `str` makes of a scalar; `None` for a collection.
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
    let wrong = |wanted| YamlError::Scalar {
        line,
        text: excerpt(text),
        wanted,
    };
    let other = || Value::Other(text.to_owned());
    match tag.as_deref() {
        None if !is_plain => Ok(Value::Text(text.to_owned())),
        None | Some("!") => implicit(text, line),
        Some("str") => Ok(Value::Text(text.to_owned())),
        Some("null") => Ok(Value::Null),
        Some("bool") => boolean(&text.to_lowercase())
            .map(Value::Bool)
            .ok_or_else(|| wrong("truth value")),
        Some("int") => integer(text)
            .map(Value::Int)
            .ok_or_else(|| wrong("whole number")),
        Some("float") => float(text).map(Value::Float).ok_or_else(|| wrong("number")),
        Some("timestamp") if is_timestamp(text) => Ok(other()),
        Some("timestamp") => Err(wrong("date")),
        Some("binary") => Ok(other()),
        Some(tag) => Err(YamlError::Tag {
            line,
            tag: excerpt(tag),
        }),
    }
}

/// A plain scalar without a tag: the first of the forms that it has.
fn implicit(text: &str, line: usize) -> Result<Value, YamlError> {
    let wrong = |wanted| YamlError::Scalar {
        line,
        text: excerpt(text),
        wanted,
    };
    if let "" | "~" | "null" | "Null" | "NULL" = text {
        return Ok(Value::Null);
    }
    if let Some(value) = boolean(text).filter(|_| is_one_case(text)) {
        return Ok(Value::Bool(value));
    }
    match text {
        "<<" => return Ok(Value::Merge),
        // It is a string as a key, and cannot be read as a value; no configuration has it.
        "=" => return Err(wrong("supported value")),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Ok(Value::Text(text.to_owned()));
    }
    if is_float(text) {
        return float(text).map(Value::Float).ok_or_else(|| wrong("number"));
    }
    if is_integer(text) {
        return integer(text)
            .map(Value::Int)
            .ok_or_else(|| wrong("whole number"));
    }
    if is_timestamp(text) {
        return Ok(Value::Other(text.to_owned()));
    }
    Ok(Value::Text(text.to_owned()))
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// `true`, `True` and `TRUE`, but not `tRue`.
fn is_one_case(text: &str) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase());
    let upper = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase());
    lower(rest) || (upper(text) && upper(rest))
}

/// `[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(:[0-5]?[0-9])+)`
fn is_integer(text: &str) -> bool {
    let digits = unsigned(text);
    let all = |rest: &str, allowed: fn(u8) -> bool| {
        !rest.is_empty() && rest.bytes().all(|b| b == b'_' || allowed(b))
    };
    if let Some(rest) = digits.strip_prefix("0b") {
        return all(rest, |b| matches!(b, b'0' | b'1'));
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return all(rest, |b| b.is_ascii_hexdigit());
    }
    if let Some(rest) = digits.strip_prefix('0') {
        return rest.is_empty() || all(rest, |b| matches!(b, b'0'..=b'7'));
    }
    digits.starts_with(|c: char| c.is_ascii_digit()) && is_sexagesimal_or_decimal(digits)
}

/// `[0-9][0-9_]*(:[0-5]?[0-9])*`
fn is_sexagesimal_or_decimal(digits: &str) -> bool {
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or_default();
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b == b'_' || b.is_ascii_digit())
        && parts.all(|part| match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [tens, ones] => matches!(tens, b'0'..=b'5') && ones.is_ascii_digit(),
            _ => false,
        })
}

/// PyYAML's three forms of a float, infinity and not-a-number.
fn is_float(text: &str) -> bool {
    if let ".nan" | ".NaN" | ".NAN" = text {
        return true;
    }
    let digits = unsigned(text);
    if let ".inf" | ".Inf" | ".INF" = digits {
        return true;
    }
    let Some((whole, rest)) = digits.split_once('.') else {
        return false;
    };
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let is_exponent = exponent.is_none_or(|exponent| {
        exponent
            .strip_prefix(['+', '-'])
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    });
    let is_fraction = fraction.bytes().all(|b| b == b'_' || b.is_ascii_digit());
    if !is_fraction || !is_exponent {
        return false;
    }
    if whole.is_empty() {
        return digits.len() == text.len() && fraction.starts_with(|c: char| c.is_ascii_digit());
    }
    is_sexagesimal_or_decimal(whole) && (exponent.is_none() || !whole.contains(':'))
}

/// The number that Python's constructor makes; `None` where it raises.
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
}
