//! Passwords of key files.

use std::fmt;

use zeroize::Zeroizing;

/// A password; wiped on drop.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// The first line of a password file, without its line end.
    pub fn from_file(content: &[u8]) -> Self {
        let line = content.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Password(Zeroizing::new(line.to_vec()))
    }

    /// The password with these bytes.
    pub fn new(octets: Zeroizing<Vec<u8>>) -> Self {
        Password(octets)
    }

    /// The same password once more, for repeated use.
    pub fn again(&self) -> Self {
        Password(self.0.clone())
    }

    /// The bytes, UTF-8 in most files.
    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As PKCS #12 wants it: UTF-16, big-endian, with a zero at the end
    /// ([RFC 7292 §B.1](https://www.rfc-editor.org/rfc/rfc7292#appendix-B.1)). What is not UTF-8 is
    /// taken as Latin-1.
    pub(super) fn utf_16(&self) -> Zeroizing<Vec<u8>> {
        // Twice the bytes are always enough, so that nothing is moved in memory.
        let mut units = Zeroizing::new(Vec::with_capacity(self.0.len() * 2 + 2));
        match std::str::from_utf8(&self.0) {
            Ok(text) => units.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Err(_) => units.extend(self.0.iter().flat_map(|octet| [0, *octet])),
        }
        units.extend([0, 0]);
        units
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_is_its_first_line() {
        for content in ["test", "test\n", "test\r\n", "test\nmore\n"] {
            assert_eq!(Password::from_file(content.as_bytes()).octets(), b"test");
        }
        assert_eq!(Password::from_file(b" a \n").octets(), b" a ");
        assert_eq!(
            Password::from_file("é".as_bytes()).utf_16()[..],
            [0, 0xe9, 0, 0]
        );
    }
}
