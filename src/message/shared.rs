//! Messages under a key that both sides have.

use std::fmt;

use zeroize::Zeroizing;

use super::{Denial, MessageError, base64, jwe};
use crate::keys::random_bytes;

/// A key that sender and receiver share. Wiped on drop.
pub struct SharedKey(Zeroizing<Vec<u8>>);

impl SharedKey {
    /// A key of 32 bytes, for [`SharedKey::seal`].
    ///
    /// # Errors
    /// When the content of the file is something else.
    pub fn read(file: &[u8]) -> Result<Self, MessageError> {
        Self::read_between(file, KEY_BYTES, KEY_BYTES)
    }

    /// A key of 32 to 128 bytes, for the MAC of requests.
    ///
    /// # Errors
    /// When the content of the file is something else.
    pub fn read_for_mac(file: &[u8]) -> Result<Self, MessageError> {
        Self::read_between(file, KEY_BYTES, MAX_MAC_KEY_BYTES)
    }

    fn read_between(file: &[u8], least: usize, most: usize) -> Result<Self, MessageError> {
        let fits = |key: &Vec<u8>| (least..=most).contains(&key.len());
        let text = std::str::from_utf8(file)
            .unwrap_or_default()
            .trim_ascii_end();
        let unpadded = text.trim_end_matches('=');
        let spellings = [
            hexadecimal(text),
            base64::decode(text),
            base64::decode_url(unpadded),
        ];
        let key = spellings.into_iter().flatten().find(fits);
        let key = key.or_else(|| Some(file.to_vec()).filter(fits));
        key.map(|key| SharedKey(Zeroizing::new(key)))
            .ok_or(MessageError::SharedKey { least, most })
    }

    /// A new key, as text for a file.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Zeroizing<String>, MessageError> {
        let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random_bytes()?);
        Ok(Zeroizing::new(base64::encode_url(&*key) + "\n"))
    }

    /// Encrypts for whoever has the key: a JWE with `dir` and A256GCM, compact, or with associated data flattened JSON.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(
        &self,
        plaintext: Zeroizing<Vec<u8>>,
        aad: Option<&str>,
    ) -> Result<String, MessageError> {
        jwe::seal_shared(plaintext, &self.content_key()?, aad)
    }

    /// Decrypts a message; one line end may follow it.
    ///
    /// # Errors
    /// When it is malformed, of another key, was changed, or has other associated data.
    pub fn open(&self, message: &[u8], aad: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Denial> {
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        let message = message.strip_suffix(b"\r").unwrap_or(message);
        let key = self.content_key().map_err(Denial::malformed)?;
        jwe::open_shared(message, &key, aad)
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn content_key(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, MessageError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if self.0.len() != KEY_BYTES {
            return Err(MessageError::SharedKey {
                least: KEY_BYTES,
                most: KEY_BYTES,
            });
        }
        key.copy_from_slice(&self.0);
        Ok(key)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(..)")
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let is_hexadecimal =
        text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = (0..text.len()).step_by(2).filter(|_| is_hexadecimal);
    let bytes: Option<Vec<u8>> = pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect();
    bytes.filter(|bytes| !bytes.is_empty())
}

const KEY_BYTES: usize = 32;
const MAX_MAC_KEY_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_raw_in_hexadecimal_or_in_base64() {
        let hexadecimal = "ff".repeat(32) + "\n";
        let padded = base64::encode(&[0xff; 32]);
        let url = base64::encode_url(&[0xff; 32]) + "\r\n";
        for file in [
            &[0xff; 32][..],
            hexadecimal.as_bytes(),
            padded.as_bytes(),
            url.as_bytes(),
        ] {
            assert_eq!(SharedKey::read(file).unwrap().bytes(), [0xff; 32]);
        }
        for file in [
            &b""[..],
            &[0; 31],
            &[0xff; 33],
            b"secret",
            "ff".repeat(31).as_bytes(),
        ] {
            assert!(SharedKey::read(file).is_err());
        }
        assert_eq!(
            SharedKey::read(b"0123456789abcdef0123456789abcdef")
                .unwrap()
                .bytes()
                .len(),
            32
        );
        assert!(SharedKey::read_for_mac(&[1; 128]).is_ok());
    }
}
