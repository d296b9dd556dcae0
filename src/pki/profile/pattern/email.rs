//! Patterns of e-mail addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DnsPattern, PatternError};
use crate::pki::san::SubjectAltName;

/// A pattern of e-mail addresses: `joe@example.org`, `*@example.org`, or `*@` and any pattern of
/// [`DnsPattern`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailPattern {
    /// `None` for any.
    mailbox: Option<String>,
    host: DnsPattern,
}

impl EmailPattern {
    /// Whether an address is of this pattern.
    pub fn covers(&self, address: &str) -> bool {
        let Some((mailbox, host)) = address.rsplit_once('@') else {
            return false;
        };
        self.mailbox.as_ref().is_none_or(|wanted| wanted == mailbox) && self.host.covers(host)
    }
}

impl FromStr for EmailPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let Some((mailbox, host)) = text.rsplit_once('@') else {
            return Err(PatternError::shape(
                text,
                "it has no '@', as in *@example.org",
            ));
        };
        let mailbox = match mailbox {
            "*" => None,
            mailbox if mailbox.contains('*') => {
                return Err(PatternError::shape(text, "'*' stands for a whole mailbox"));
            }
            mailbox => {
                format!("email:{mailbox}@example.org").parse::<SubjectAltName>()?;
                Some(mailbox.to_owned())
            }
        };
        let host = host.parse()?;
        Ok(EmailPattern { mailbox, host })
    }
}

impl fmt::Display for EmailPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mailbox = self.mailbox.as_deref().unwrap_or("*");
        write!(f, "{mailbox}@{}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_patterns_name_a_mailbox_or_any() {
        let covers =
            |pattern: &str, address| pattern.parse::<EmailPattern>().unwrap().covers(address);
        assert!(covers("joe@example.org", "joe@example.org"));
        assert!(!covers("joe@example.org", "Joe@example.org"));
        assert!(covers("*@**.example.org", "joe@a.b.example.org"));
        assert!(!covers("*@*.example.org", "joe@example.org"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "example.org",
            "@example.org",
            "a b@example.org",
            "j*@example.org",
            "a@",
        ] {
            assert!(text.parse::<EmailPattern>().is_err(), "{text}");
        }
    }
}
