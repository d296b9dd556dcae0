//! What a path is asked for.

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

/// What a path must be good for.
#[derive(Clone, Debug)]
pub struct Requirements {
    /// The moment it is judged at; fractions of a second do not count.
    pub at: OffsetDateTime,
    /// How strictly.
    pub profile: Profile,
    /// The name that is dialled, if there is one.
    pub host: Option<ReferenceName>,
    /// Other names that must all be in the certificate.
    pub names: Vec<ReferenceName>,
    /// What the end entity must be allowed to do; `None` where any of server and client will do.
    pub purpose: Option<Purpose>,
    /// Whether the end entity's key must be allowed to sign.
    pub digital_signature: bool,
    /// How many intermediates there may be, self-issued ones not counted; `None` for no limit of the caller's.
    pub max_depth: Option<usize>,
    /// Whether every candidate path is wanted and not only the one that is chosen.
    pub all_paths: bool,
}

impl Requirements {
    /// What is asked for when nothing is asked for: that the path holds at this moment.
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

    /// Whether a TLS connection is what it is judged for, and not just whether it holds.
    pub(super) fn is_for_connection(&self) -> bool {
        self.host.is_some() || self.purpose.is_some()
    }
}

/// A name a certificate is asked for ([RFC 9525 §1.3](https://www.rfc-editor.org/rfc/rfc9525)'s reference identifier).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceName {
    /// A host name: A-labels, no final dot. Its case does not count.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mailbox.
    Email(String),
    /// A URI such as a SPIFFE ID, octet for octet.
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
