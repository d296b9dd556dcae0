//! Patterns of names a profile permits or refuses.

mod dns;
mod email;
mod ip;
mod name;
mod uri;

pub use dns::DnsPattern;
pub use email::EmailPattern;
pub use ip::IpRange;
pub use name::NamePattern;
pub use uri::UriPattern;

use crate::pki::san::NameError;

/// Not a pattern of names.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Its wildcards or bounds are not what they can be.
    #[error("not a pattern: '{}': {what}", text.escape_debug())]
    Shape {
        /// The text as given.
        text: String,
        /// The fault.
        what: &'static str,
    },
    /// What is left without the wildcards is no name.
    #[error("not a pattern: {0}")]
    Name(#[from] NameError),
}

impl PatternError {
    fn shape(text: &str, what: &'static str) -> Self {
        let text = text.to_owned();
        PatternError::Shape { text, what }
    }
}

/// Has serde go through the text of a type.
macro_rules! as_text {
    ($($pattern:ty),*) => {
        $(impl TryFrom<String> for $pattern {
            type Error = PatternError;

            fn try_from(text: String) -> Result<Self, PatternError> {
                text.parse()
            }
        }

        impl From<$pattern> for String {
            fn from(pattern: $pattern) -> String {
                pattern.to_string()
            }
        })*
    };
}

as_text!(DnsPattern, IpRange, UriPattern, EmailPattern, NamePattern);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_parses_reads_back_from_what_it_shows(text in "[*a-z0-9.:/@-]{0,24}") {
            if let Ok(pattern) = text.parse::<DnsPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<DnsPattern>().unwrap(), pattern);
            }
            if let Ok(range) = text.parse::<IpRange>() {
                prop_assert_eq!(range.to_string().parse::<IpRange>().unwrap(), range);
            }
            if let Ok(pattern) = text.parse::<UriPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<UriPattern>().unwrap(), pattern);
            }
            if let Ok(pattern) = text.parse::<EmailPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<EmailPattern>().unwrap(), pattern);
            }
        }

        #[test]
        fn what_is_covered_is_met(pattern in "(\\*\\*?\\.)?[ab](\\.[ab]){0,2}", name in "(\\*\\.)?[ab](\\.[ab]){1,3}") {
            let pattern: DnsPattern = pattern.parse().unwrap();
            prop_assert!(!pattern.covers(&name) || pattern.meets(&name));
        }
    }
}
