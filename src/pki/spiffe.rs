//! SPIFFE IDs.

use std::fmt;
use std::str::FromStr;

/// A SPIFFE ID that names a workload: `spiffe://trust-domain/path`
/// ([SPIFFE-ID §2](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md)).
///
/// At most 2048 bytes; the trust domain is of `a-z 0-9 . - _`; the path has at least one segment,
/// each of `A-Z a-z 0-9 . - _`, none empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId(String);

impl SpiffeId {
    /// The ID as its URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let wrong = |what| SpiffeIdError {
            text: text.to_owned(),
            what,
        };
        let rest = text
            .strip_prefix("spiffe://")
            .ok_or_else(|| wrong("it does not start with spiffe://"))?;
        if text.len() > MAX_OCTETS {
            return Err(wrong("it is longer than 2048 bytes"));
        }
        let (trust_domain, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("it has no path"))?;
        if trust_domain.is_empty() || trust_domain.len() > MAX_TRUST_DOMAIN_OCTETS {
            return Err(wrong("its trust domain is empty or longer than 255 bytes"));
        }
        if !trust_domain
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
        {
            return Err(wrong(
                "its trust domain may contain only a-z, 0-9, '.', '-' and '_'",
            ));
        }
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err(wrong("its path has a segment that is empty, '.' or '..'"));
            }
            if !segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            {
                return Err(wrong(
                    "its path may contain only letters, digits, '.', '-' and '_'",
                ));
            }
        }
        Ok(SpiffeId(text.to_owned()))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why text is not a SPIFFE ID of a workload.
#[derive(Debug, thiserror::Error)]
#[error("not a SPIFFE ID: '{}': {what}", text.escape_debug())]
pub struct SpiffeIdError {
    text: String,
    what: &'static str,
}

const MAX_OCTETS: usize = 2048; // SPIFFE-ID §2.3
const MAX_TRUST_DOMAIN_OCTETS: usize = 255; // SPIFFE-ID §2.3

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_standard_allows_is_one() {
        for good in ["spiffe://example.org/agent", "spiffe://a/b/c_d-e.F"] {
            assert_eq!(good.parse::<SpiffeId>().unwrap().as_str(), good);
        }
        for bad in [
            "spiffe://td",
            "spiffe://td/",
            "spiffe://TD/a",
            "spiffe://td:1/a",
            "spiffe://u@td/a",
            "spiffe://td/a//b",
            "spiffe://td/../a",
            "spiffe://td/a?q",
            "spiffe://td/%41",
            "https://td/a",
            "spiffe:///a",
        ] {
            assert!(bad.parse::<SpiffeId>().is_err(), "{bad}");
        }
    }
}
