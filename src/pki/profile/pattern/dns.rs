//! Patterns of DNS names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PatternError;
use crate::pki::san::SubjectAltName;

/// A pattern of DNS names.
///
/// `a.example.org` is that name alone; `*.example.org` every name with one label more;
/// `**.example.org`, or `.example.org`, every name with one or more labels more. `*` is every name of
/// one label, `**` every name. A wildcard name stands for all it covers: it is permitted where all of
/// them are, and refused where one of them is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsPattern {
    depth: Depth,
    /// Lower-case A-labels; empty for `*` and `**`.
    base: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The name itself.
    Itself,
    /// One label below it.
    One,
    /// Any number of labels below it.
    Any,
}

impl DnsPattern {
    /// Whether every host a name stands for is of this pattern.
    pub fn covers(&self, name: &str) -> bool {
        let (first, rest) = split(name);
        match self.depth {
            Depth::Itself => first != "*" && name == self.base,
            Depth::One => rest == self.base,
            Depth::Any => self.is_base_or_above(rest),
        }
    }

    /// Whether some host a name stands for is of this pattern.
    pub fn meets(&self, name: &str) -> bool {
        let (first, rest) = split(name);
        match self.depth {
            Depth::Itself if first == "*" => split(&self.base).1 == rest,
            Depth::Itself | Depth::One | Depth::Any => self.covers(name),
        }
    }

    /// Whether `name` is the base or lies below it.
    fn is_base_or_above(&self, name: &str) -> bool {
        let below = name
            .strip_suffix(&self.base)
            .is_some_and(|labels| labels.ends_with('.'));
        self.base.is_empty() || name == self.base || below
    }
}

impl FromStr for DnsPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (depth, base) = match text {
            "*" => (Depth::One, ""),
            "**" => (Depth::Any, ""),
            text => match text.split_once('.') {
                Some(("*", base)) => (Depth::One, base),
                Some(("**" | "", base)) => (Depth::Any, base),
                Some(_) | None => (Depth::Itself, text),
            },
        };
        if base.is_empty() && text.trim_matches('*').is_empty() && !text.is_empty() {
            let base = String::new();
            return Ok(DnsPattern { depth, base });
        }
        if base.contains('*') {
            let what = "'*' stands for the whole first label, '**' for one or more";
            return Err(PatternError::shape(text, what));
        }
        match format!("dns:{base}").parse()? {
            SubjectAltName::Dns(base) => Ok(DnsPattern { depth, base }),
            SubjectAltName::Ip(_) | SubjectAltName::Uri(_) | SubjectAltName::Email(_) => {
                Err(PatternError::shape(text, "it is not a host name"))
            }
        }
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stars = match self.depth {
            Depth::Itself => return f.write_str(&self.base),
            Depth::One => "*",
            Depth::Any => "**",
        };
        let dot = if self.base.is_empty() { "" } else { "." };
        write!(f, "{stars}{dot}{}", self.base)
    }
}

/// The first label, and the rest; nothing for the rest of a name of one label.
fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_patterns_cover_a_name_one_label_or_any_depth() {
        for (pattern, covered, not) in [
            (
                "a.example",
                &["a.example"][..],
                &["b.a.example", "*.example", "xa.example"][..],
            ),
            (
                "*.example",
                &["a.example", "*.example"],
                &["example", "b.a.example", "*.a.example"],
            ),
            (
                "**.example",
                &["a.example", "b.a.example", "*.example", "*.a.example"],
                &["example", "aexample"],
            ),
            (".example", &["b.a.example"], &["example"]),
            ("*", &["localhost"], &["a.example"]),
            ("**", &["localhost", "a.example", "*.a.example"], &[]),
            (
                "B\u{fc}cher.example",
                &["xn--bcher-kva.example"],
                &["bucher.example"],
            ),
        ] {
            let parsed: DnsPattern = pattern.parse().unwrap();
            assert_eq!(parsed.to_string().parse::<DnsPattern>().unwrap(), parsed);
            covered
                .iter()
                .for_each(|name| assert!(parsed.covers(name), "{pattern} {name}"));
            not.iter()
                .for_each(|name| assert!(!parsed.covers(name), "{pattern} {name}"));
        }
    }

    #[test]
    fn a_wildcard_name_meets_every_pattern_of_a_name_under_it() {
        let meets = |pattern: &str, name| pattern.parse::<DnsPattern>().unwrap().meets(name);
        assert!(meets("secret.example", "*.example"));
        assert!(meets("*.example", "*.example"));
        assert!(meets("**.example", "*.a.example"));
        assert!(!meets("x.secret.example", "*.example"));
        assert!(!meets("**.secret.example", "*.example"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "a.*.example",
            "*.*.example",
            "a*.example",
            "***",
            "a b",
            "10.0.0.1",
            "*.",
        ] {
            assert!(text.parse::<DnsPattern>().is_err(), "{text}");
        }
    }
}
