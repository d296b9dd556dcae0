//! Patterns of URIs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PatternError;
use crate::pki::san::SubjectAltName;

/// A pattern of URIs: `spiffe://example.org/agent/*`.
///
/// It is compared a segment at a time, as they stand between the slashes: `*` is any one segment, a
/// final `**` one or more. Neither is a segment that a reader would drop (`.` and `..`, percent-encoded
/// or not).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct UriPattern(String);

impl UriPattern {
    /// Whether a URI is of this pattern.
    pub fn covers(&self, uri: &str) -> bool {
        self.matches(uri, is_plain)
    }

    /// Whether some reader may take a URI for one of this pattern: with or without its query and fragment, and
    /// whatever its segments contain.
    pub fn meets(&self, uri: &str) -> bool {
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        self.matches(uri, |_| true) || self.matches(path, |_| true)
    }

    fn matches(&self, uri: &str, may_stand_for: impl Fn(&str) -> bool) -> bool {
        let mut segments = uri.split('/');
        for (i, wanted) in self.0.split('/').enumerate() {
            let matches = match (wanted, segments.next()) {
                ("*", Some(segment)) => may_stand_for(segment),
                ("**", Some(segment)) => {
                    return may_stand_for(segment) && segments.all(may_stand_for);
                }
                // Scheme and authority, the parts before the path, know no case (RFC 3986 §6.2.2.1).
                (wanted, Some(segment)) if i < 3 => wanted.eq_ignore_ascii_case(segment),
                (wanted, Some(segment)) => wanted == segment,
                (_, None) => false,
            };
            if !matches {
                return false;
            }
        }
        segments.next().is_none()
    }
}

impl FromStr for UriPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let segments: Vec<&str> = text.split('/').collect();
        let misplaced = segments.iter().enumerate().any(|(i, segment)| {
            let last = i + 1 == segments.len();
            segment.contains('*') && *segment != "*" && !(*segment == "**" && last)
        });
        if misplaced {
            let what = "'*' stands for a whole segment between slashes, '**' for all that are left";
            return Err(PatternError::shape(text, what));
        }
        if segments[0].contains('*') {
            return Err(PatternError::shape(text, "its scheme is a wildcard"));
        }
        format!("uri:{}", text.replace('*', "x")).parse::<SubjectAltName>()?;
        Ok(UriPattern(text.to_owned()))
    }
}

impl fmt::Display for UriPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether every reader takes this for one segment of a path, and no reader drops it: it has no query or fragment,
/// no dot segment and no encoded slash.
fn is_plain(segment: &str) -> bool {
    let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
    !matches!(decoded.as_str(), "" | "." | "..")
        && !decoded.contains("%2f")
        && !decoded.contains(['?', '#', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_patterns_go_segment_by_segment() {
        for (pattern, covered, not) in [
            (
                "spiffe://td/agent/*",
                &["spiffe://td/agent/a"][..],
                &[
                    "spiffe://td/agent",
                    "spiffe://td/agent/a/b",
                    "spiffe://td/agents/a",
                    "spiffe://td/agent/",
                    "SPIFFE://td/agent/b?x#y",
                    "spiffe://td/agent/b#y",
                ][..],
            ),
            (
                "spiffe://td/**",
                &["spiffe://td/a", "spiffe://td/a/b"],
                &["spiffe://td", "spiffe://other/a"],
            ),
            (
                "spiffe://*/agent",
                &["spiffe://td/agent"],
                &["spiffe://td/x/agent"],
            ),
            (
                "https://a/b/**",
                &["https://a/b/c"],
                &[
                    "https://a/b/../c",
                    "https://a/b/%2E%2e/c",
                    "https://a/b/x%2fy",
                ],
            ),
            ("https://a/b", &["HTTPS://A/b"], &["https://a/B"]),
            ("urn:agent:7", &["urn:agent:7"], &["urn:agent:77"]),
        ] {
            let parsed: UriPattern = pattern.parse().unwrap();
            covered
                .iter()
                .for_each(|uri| assert!(parsed.covers(uri), "{pattern} {uri}"));
            not.iter()
                .for_each(|uri| assert!(!parsed.covers(uri), "{pattern} {uri}"));
        }
    }

    #[test]
    fn a_refused_uri_is_refused_with_any_query_or_fragment() {
        let pattern: UriPattern = "https://a/b/*".parse().unwrap();
        for uri in [
            "https://a/b/c",
            "HTTPS://A/b/c?x",
            "https://a/b/c#y",
            "https://a/b/%2F",
        ] {
            assert!(pattern.meets(uri), "{uri}");
        }
        assert!(!pattern.meets("https://a/c/d"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "a",
            "spiffe://td/a*",
            "spiffe://td/**/a",
            "*://td/a",
            "spiffe://td /a",
        ] {
            assert!(text.parse::<UriPattern>().is_err(), "{text}");
        }
    }
}
