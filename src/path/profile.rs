//! What a path is checked for.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use time::OffsetDateTime;

use crate::pki::usage::Purpose;

/// A set of severities: how strictly a path is held to each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What decides a TLS connection is an error, the rest a warning.
    #[default]
    Tls,
    /// Every MUST of RFC 5280 is an error.
    Rfc5280,
    /// RFC 5280 and the CA/Browser Forum's Baseline Requirements.
    Webpki,
}

/// What a path is checked for.
#[derive(Clone, Debug)]
pub struct Requirements {
    /// The time of the check; fractions of a second are ignored.
    pub at: OffsetDateTime,
    /// How strictly.
    pub profile: Profile,
    /// The dialed name, if there is one.
    pub host: Option<ReferenceName>,
    /// Other names that must all be in the certificate.
    pub names: Vec<ReferenceName>,
    /// The purpose of the end entity; `None` if either of server and client is enough.
    pub purpose: Option<Purpose>,
    /// Whether the end entity must be permitted to sign.
    pub digital_signature: bool,
    /// The maximum number of intermediates, not counting self-issued ones; `None` for no limit.
    pub max_depth: Option<usize>,
    /// Whether to return every candidate path, not only the chosen one.
    pub all_paths: bool,
}

impl Requirements {
    /// The defaults: the path has to be valid at this time.
    pub fn at(at: OffsetDateTime) -> Self {
        Requirements {
            at,
            profile: Profile::default(),
            host: None,
            names: Vec::new(),
            purpose: None,
            digital_signature: false,
            max_depth: None,
            all_paths: false,
        }
    }

    /// Whether the check is for a TLS connection, not only for a valid path.
    pub(super) fn is_for_connection(&self) -> bool {
        self.host.is_some() || self.purpose.is_some()
    }
}

/// A name a certificate is checked against ([RFC 9525 §1.3](https://www.rfc-editor.org/rfc/rfc9525)'s reference identifier).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceName {
    /// A host name: A-labels, no trailing dot; compared without case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mailbox.
    Email(String),
    /// A URI such as a SPIFFE ID, compared byte for byte.
    Uri(String),
}

impl fmt::Display for ReferenceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReferenceName::Dns(name) | ReferenceName::Email(name) | ReferenceName::Uri(name) => {
                f.write_str(name)
            }
            ReferenceName::Ip(address) => address.fmt(f),
        }
    }
}
