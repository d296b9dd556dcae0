//! Why a certificate cannot be issued for a name.

use super::spiffe::SpiffeIdError;

/// Why a certificate cannot be issued for a name.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// The name is empty.
    #[error("a name is empty")]
    Empty,
    /// White space, a control character, or one that cannot be seen.
    #[error("name '{}' contains the character U+{:04X}", text.escape_debug(), u32::from(*character))]
    Character {
        /// The name.
        text: String,
        /// The first character that is wrong.
        character: char,
    },
    /// A URL in place of a name.
    #[error("'{}' is a URL, not a name", text.escape_debug())]
    Url {
        /// The text as given.
        text: String,
        /// The host in it.
        host: String,
    },
    /// The name has a port.
    #[error("'{}' has a port, and certificates name hosts", text.escape_debug())]
    Port {
        /// The text as given.
        text: String,
        /// The host in it.
        host: String,
    },
    /// An IPv6 zone is only known to one machine.
    #[error("'{}' has a zone, which certificates cannot contain", text.escape_debug())]
    Zone {
        /// The text as given.
        text: String,
    },
    /// Looks like an IP address but is not one.
    #[error("'{}' is neither an IP address nor a host name", text.escape_debug())]
    Address {
        /// The text as given.
        text: String,
    },
    /// Not a host name.
    #[error("'{}' is not a host name: {what}", text.escape_debug())]
    Dns {
        /// The text as given.
        text: String,
        /// The fault.
        what: &'static str,
    },
    /// A wildcard in a place where it is not allowed.
    #[error("'{}': a wildcard must be the whole first label, with at least two labels after it, as in *.example.org", text.escape_debug())]
    Wildcard {
        /// The text as given.
        text: String,
    },
    /// Not an e-mail address.
    #[error("'{}' is not an e-mail address", text.escape_debug())]
    Email {
        /// The text as given.
        text: String,
    },
    /// Not a URI.
    #[error("'{}' is not a URI to issue for: {what}", text.escape_debug())]
    Uri {
        /// The text as given.
        text: String,
        /// The fault.
        what: &'static str,
    },
    /// Not a SPIFFE ID.
    #[error(transparent)]
    Spiffe(#[from] SpiffeIdError),
}

impl NameError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            NameError::Url { text, host } if host.is_empty() => format!("did '{}' lose its host?", text.escape_debug()),
            NameError::Url { text, host } => format!(
                "give the host alone ('{}'), or `--for {}`, which takes the host from a URL",
                host.escape_debug(),
                text.escape_debug()
            ),
            NameError::Port { host, .. } => format!("give the host alone: '{}'", host.escape_debug()),
            NameError::Zone { text } => {
                format!("leave the zone out: '{}'", text.split('%').next().unwrap_or_default().escape_debug())
            }
            NameError::Spiffe(_) => "a SPIFFE ID is spiffe://trust-domain/path, without port, user or query".into(),
            NameError::Email { .. } => "an e-mail address is local@domain; write a host name without '@'".into(),
            NameError::Empty
            | NameError::Character { .. }
            | NameError::Address { .. }
            | NameError::Dns { .. }
            | NameError::Wildcard { .. }
            | NameError::Uri { .. } => {
                "names are host names, IP addresses, URIs or e-mail addresses, such as agent.example.org, 10.0.0.7 or spiffe://example.org/agent".into()
            }
        }
    }
}
