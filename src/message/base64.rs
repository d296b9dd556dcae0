//! Base64 in its one canonical spelling, so that a message cannot be changed without its content changing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// base64url without padding ([RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2)).
pub(super) fn encode_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends base64url without padding.
pub(super) fn append_url(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// How many characters base64url without padding has for so many bytes.
pub(super) fn url_length(bytes: usize) -> usize {
    base64::encoded_len(bytes, false).unwrap_or(bytes)
}

/// The bytes of canonical base64url without padding.
pub(super) fn decode_url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Exactly `N` bytes of canonical base64url without padding.
pub(super) fn decode_url_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode_url(text)?.try_into().ok()
}

/// Padded base64 ([RFC 4648 §4](https://www.rfc-editor.org/rfc/rfc4648#section-4)).
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Appends padded base64.
pub(super) fn append(text: &mut String, bytes: &[u8]) {
    STANDARD.encode_string(bytes, text);
}

/// The bytes of canonical padded base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_read() {
        assert_eq!(decode_url("_-8"), Some(vec![0xff, 0xef]));
        for text in ["_-9", "_-8=", "/+8", "_-8\n", "_", " _-8"] {
            assert_eq!(decode_url(text), None, "{text}");
        }
        assert_eq!(decode("/+8="), Some(vec![0xff, 0xef]));
        for text in ["/+9=", "/+8", "_-8=", "/+8=\n"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
