//! Passphrases, and keys encrypted with them.

use std::fmt;

use der::Decode as _;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{KeyError, PrivateKey};
use crate::pki::pem;

/// What a private key is encrypted with: octets, taken as they are. Never empty; wiped on drop.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// These octets, less one final line end, as a file or a pipe has it.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn from_line(mut line: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        if line.is_empty() {
            Err(KeyError::EmptyPassphrase)
        } else {
            Ok(Passphrase(line))
        }
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl PrivateKey {
    /// The key as encrypted PKCS #8 PEM: PBES2 with scrypt (N = 2^14, r = 8, p = 1) and AES-256-CBC, which is what
    /// OpenSSL 3 reads without being asked
    /// ([RFC 8018 §6.2](https://www.rfc-editor.org/rfc/rfc8018#section-6.2), [RFC 7914](https://www.rfc-editor.org/rfc/rfc7914)).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
        let encoding = |source| KeyError::Encoding { source };
        let info = PrivateKeyInfoRef::from_der(&self.pkcs8).map_err(encoding)?;
        let encrypted = info
            .encrypt(passphrase.as_bytes())
            .map_err(|e| KeyError::Refused(e.to_string()))?;
        pem::encode("ENCRYPTED PRIVATE KEY", encrypted.as_bytes()).map_err(encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_line_end_is_stripped() {
        for (line, passphrase) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a b", "a b"),
            (" ", " "),
        ] {
            let read = Passphrase::from_line(Zeroizing::new(line.as_bytes().to_vec())).unwrap();
            assert_eq!(read.as_bytes(), passphrase.as_bytes());
        }
        assert!(Passphrase::from_line(Zeroizing::new(b"\n".to_vec())).is_err());
    }
}
