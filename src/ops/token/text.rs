//! A token as it is handed over: one string.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

use crate::config::PublicUrl;
use crate::error::Error;
use crate::files;
use crate::keys::hmac_sha256;
use crate::pki::fingerprint::Fingerprint;

/// Everything a machine needs to enroll: `oact1.ID.URL.PIN.SECRET`, each part but the id in base64url.
///
/// Whoever has it can use it, so it has no `Clone`, and `Debug` leaves the secret out.
pub struct TokenText {
    /// The token's id, which is no secret.
    pub id: String,
    /// The URL of the server.
    pub url: PublicUrl,
    /// SHA-256 of the SubjectPublicKeyInfo of the root that the server's chain ends in.
    pub pin: Fingerprint,
    secret: Zeroizing<String>,
}

impl TokenText {
    /// A token from its parts.
    pub(super) fn new(
        id: String,
        url: PublicUrl,
        pin: Fingerprint,
        secret: &[u8; SECRET_BYTES],
    ) -> Self {
        let secret = Zeroizing::new(Base64UrlUnpadded::encode_string(secret));
        TokenText {
            id,
            url,
            pin,
            secret,
        }
    }

    /// The secret: the password of EST.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The whole string.
    pub fn encode(&self) -> Zeroizing<String> {
        let url = Base64UrlUnpadded::encode_string(self.url.to_string().as_bytes());
        let pin = Base64UrlUnpadded::encode_string(self.pin.as_bytes());
        let text = format!("{PREFIX}{}.{url}.{pin}.{}", self.id, *self.secret);
        Zeroizing::new(text)
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({}, {})", self.id, self.url)
    }
}

impl FromStr for TokenText {
    type Err = TokenTextError;

    fn from_str(text: &str) -> Result<Self, TokenTextError> {
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return Err(TokenTextError::Prefix);
        };
        let [id, url, pin, secret] = rest.split('.').collect::<Vec<_>>()[..] else {
            return Err(TokenTextError::Incomplete);
        };
        let decoded = |part: &str| Base64UrlUnpadded::decode_vec(part).ok().map(Zeroizing::new);
        let pin = decoded(pin).filter(|pin| pin.len() == PIN_BYTES);
        let is_whole = decoded(secret).is_some_and(|secret| secret.len() == SECRET_BYTES);
        let url = decoded(url).and_then(|url| String::from_utf8(url.to_vec()).ok());
        let (Some(pin), Some(url), true, true) = (pin, url, is_whole, is_id(id)) else {
            return Err(TokenTextError::Incomplete);
        };
        let Ok(url) = url.parse() else {
            return Err(TokenTextError::Url);
        };
        Ok(TokenText {
            id: id.to_owned(),
            url,
            pin: Fingerprint::from_bytes(&pin),
            secret: Zeroizing::new(secret.to_owned()),
        })
    }
}

/// What standard input contains, which may be a token.
///
/// # Errors
/// When it cannot be read.
pub fn read_stdin() -> Result<Zeroizing<String>, Error> {
    let content = files::read_stdin()?;
    Ok(Zeroizing::new(
        String::from_utf8_lossy(&content).into_owned(),
    ))
}

/// Why a string is not a token. It says nothing of what the string is: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenTextError {
    /// It does not begin as tokens do.
    #[error("not a token: it does not start with `{PREFIX}`")]
    Prefix,
    /// A part is missing or damaged.
    #[error("not a whole token: a part of it is missing or was changed")]
    Incomplete,
    /// It names no server.
    #[error("not a token: it contains no https URL")]
    Url,
}

impl From<TokenTextError> for Error {
    fn from(error: TokenTextError) -> Self {
        Error::TokenText {
            what: error.to_string(),
        }
    }
}

/// What the inventory keeps of a secret: the secret cannot be found from it.
pub(super) fn secret_hash(secret: &str) -> Fingerprint {
    Fingerprint::from_bytes(&hmac_sha256(SECRET_PURPOSE, secret.as_bytes()))
}

/// The key of the token's external account binding, which both sides can derive: the server from what it
/// keeps, and the machine from the secret. The secret cannot be found from it.
pub(super) fn eab_key(secret_hash: &Fingerprint) -> [u8; 32] {
    hmac_sha256(secret_hash.as_bytes(), EAB_PURPOSE)
}

fn is_id(text: &str) -> bool {
    text.len() == 2 * ID_BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

const PREFIX: &str = "oact1.";
const PIN_BYTES: usize = 32;
/// How many random bytes an id and a secret have.
pub(super) const ID_BYTES: usize = 8;
pub(super) const SECRET_BYTES: usize = 32;
const SECRET_PURPOSE: &[u8] = b"openagents-certs token 1 secret";
const EAB_PURPOSE: &[u8] = b"openagents-certs token 1 external account binding";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_reads_back_and_a_shortened_or_lengthened_one_does_not() {
        let whole = token().encode();
        let parsed: TokenText = whole.parse().unwrap();
        assert_eq!(parsed.encode(), whole);
        assert_eq!(
            (parsed.url.to_string().as_str(), parsed.secret()),
            (URL, token().secret())
        );
        for end in 0..whole.len() {
            assert!(whole[..end].parse::<TokenText>().is_err(), "{end}");
        }
        assert!(format!("{}A", *whole).parse::<TokenText>().is_err());
        assert!(!format!("{parsed:?}").contains(parsed.secret()));
    }

    #[test]
    fn the_keys_of_a_token_are_different_and_one_way() {
        let hash = secret_hash(token().secret());
        assert_ne!(hash.as_bytes(), eab_key(&hash));
        assert_ne!(secret_hash("other"), hash);
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_not(text in "(oact1\\.)?[0-9a-f]{16}(\\.[A-Za-z0-9_-]{0,50}){0,4}|\\PC*") {
            if let Ok(token) = text.parse::<TokenText>() {
                let encoded = token.encode();
                prop_assert_eq!(encoded.as_str(), text);
            }
        }
    }

    const URL: &str = "https://ca.example.org:8443";

    fn token() -> TokenText {
        let pin = Fingerprint::sha256(b"key");
        TokenText::new(
            "0123456789abcdef".into(),
            URL.parse().unwrap(),
            pin,
            &[7; SECRET_BYTES],
        )
    }
}
