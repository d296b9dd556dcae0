//! SPIFFE IDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::general_name::GeneralName;

/// A SPIFFE ID that names a workload: `spiffe://trust-domain/path`
/// ([SPIFFE-ID §2](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md)).
///
/// At most 2048 bytes; the trust domain is of `a-z 0-9 . - _`; the path has at least one segment,
/// each of `A-Z a-z 0-9 . - _`, none empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpiffeId(String);

impl SpiffeId {
    /// The ID of a certificate, if that is its only URI
    /// ([X509-SVID §2](https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md)).
    pub fn of_certificate(certificate: &Certificate) -> Option<Self> {
        let names = certificate.subject_alt_names().ok().flatten()?;
        let mut uris = names.iter().filter_map(GeneralName::uri);
        let id = uris.next()?.parse().ok();
        id.filter(|_| uris.next().is_none())
    }

    /// The ID as its URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its trust domain.
    pub fn trust_domain(&self) -> &str {
        let rest = self.0.strip_prefix(SCHEME).unwrap_or_default();
        rest.split_once('/').map_or(rest, |(domain, _)| domain)
    }

    /// Its path, with the slash that it begins with.
    pub fn path(&self) -> &str {
        &self.0[SCHEME.len() + self.trust_domain().len()..]
    }
}

impl TryFrom<String> for SpiffeId {
    type Error = SpiffeIdError;

    fn try_from(text: String) -> Result<Self, SpiffeIdError> {
        text.parse()
    }
}

impl From<SpiffeId> for String {
    fn from(id: SpiffeId) -> String {
        id.0
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
            .strip_prefix(SCHEME)
            .ok_or_else(|| wrong("it does not start with spiffe://"))?;
        if text.len() > MAX_BYTES {
            return Err(wrong("it is longer than 2048 bytes"));
        }
        let (trust_domain, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("it has no path"))?;
        check_trust_domain(trust_domain).map_err(wrong)?;
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

/// A trust domain, written `example.org` or `spiffe://example.org`
/// ([SPIFFE-ID §2.1](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Its name, without a scheme.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Its own SPIFFE ID, which has no path.
    pub fn id(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }

    /// Whether an ID is one of its workloads.
    pub fn contains(&self, id: &SpiffeId) -> bool {
        id.trust_domain() == self.0
    }
}

impl FromStr for TrustDomain {
    type Err = TrustDomainError;

    fn from_str(text: &str) -> Result<Self, TrustDomainError> {
        let name = text.strip_prefix(SCHEME).unwrap_or(text);
        match check_trust_domain(name) {
            Ok(()) => Ok(TrustDomain(name.to_owned())),
            Err(what) => Err(TrustDomainError {
                text: text.to_owned(),
                what,
            }),
        }
    }
}

impl TryFrom<String> for TrustDomain {
    type Error = TrustDomainError;

    fn try_from(text: String) -> Result<Self, TrustDomainError> {
        text.parse()
    }
}

impl From<TrustDomain> for String {
    fn from(domain: TrustDomain) -> String {
        domain.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_trust_domain(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_TRUST_DOMAIN_BYTES {
        return Err("its trust domain is empty or longer than 255 bytes");
    }
    let is_permitted = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    match name.bytes().all(is_permitted) {
        true => Ok(()),
        false => Err("its trust domain may contain only a-z, 0-9, '.', '-' and '_'"),
    }
}

/// Why text is not a trust domain.
#[derive(Debug, thiserror::Error)]
#[error("not a trust domain, such as example.org: '{}': {what}", text.escape_debug())]
pub struct TrustDomainError {
    text: String,
    what: &'static str,
}

/// Why text is not a SPIFFE ID of a workload.
#[derive(Debug, thiserror::Error)]
#[error("not a SPIFFE ID: '{}': {what}", text.escape_debug())]
pub struct SpiffeIdError {
    text: String,
    what: &'static str,
}

const SCHEME: &str = "spiffe://";
const MAX_BYTES: usize = 2048; // SPIFFE-ID §2.3
const MAX_TRUST_DOMAIN_BYTES: usize = 255; // SPIFFE-ID §2.3

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

    #[test]
    fn an_id_is_of_one_trust_domain() {
        let id: SpiffeId = "spiffe://example.org/agent/7".parse().unwrap();
        assert_eq!((id.trust_domain(), id.path()), ("example.org", "/agent/7"));
        for text in ["example.org", "spiffe://example.org"] {
            let domain: TrustDomain = text.parse().unwrap();
            assert!(domain.contains(&id));
            assert_eq!(domain.id(), "spiffe://example.org");
        }
        assert!(!"example.orgx".parse::<TrustDomain>().unwrap().contains(&id));
        for bad in [
            "",
            "Example.org",
            "example.org/",
            "https://example.org",
            "a:1",
        ] {
            assert!(bad.parse::<TrustDomain>().is_err(), "{bad}");
        }
    }
}
