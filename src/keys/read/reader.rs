//! Reading the private keys of a file, which may cost only so much together.

use super::{ReadKey, ReadKeyError, legacy, read_der};
use crate::keys::encryption::{Effort, Encryption};
use crate::keys::password::Password;
use crate::pki::element::{Element, OCTET_STRING, SEQUENCE};
use crate::pki::pem::Block;

/// Reads the private keys of one file with one password. All of them together may take about a
/// second, however many there are and whatever they ask for.
#[derive(Debug)]
pub struct KeyReader<'a> {
    password: Option<&'a Password>,
    effort: Effort,
    keys_left: usize,
}

impl<'a> KeyReader<'a> {
    /// A reader for a file whose encrypted keys have this password.
    pub fn new(password: Option<&'a Password>) -> Self {
        KeyReader {
            password,
            effort: Effort::for_one_file(),
            keys_left: MAX_KEYS,
        }
    }

    /// Reads an unencrypted private key from DER: PKCS #8 of either version, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// If it is malformed, its parts do not belong together, or something follows it.
    pub fn plain(&mut self, der: &[u8]) -> Result<ReadKey, ReadKeyError> {
        self.keys_left = self.keys_left.checked_sub(1).ok_or(ReadKeyError::TooMany)?;
        let key = read_der(der);
        crate::keys::scrub_stack();
        key
    }

    /// Reads an EncryptedPrivateKeyInfo ([RFC 5958 §3](https://www.rfc-editor.org/rfc/rfc5958#section-3)).
    ///
    /// # Errors
    /// If it is malformed, costs too much to decrypt, or the password is missing or wrong; else as
    /// [`KeyReader::plain`].
    pub fn encrypted(&mut self, der: &[u8]) -> Result<ReadKey, ReadKeyError> {
        let mut parts = Element::only(der, SEQUENCE, "the encrypted key")?.children();
        let encryption = Encryption::read(parts.next(SEQUENCE, "the encryption")?)?;
        let content = parts.next(OCTET_STRING, "the encrypted data")?;
        parts.end("the encrypted data")?;
        let Some(password) = self.password else {
            return Err(ReadKeyError::PasswordNeeded {
                encryption: encryption.to_string(),
            });
        };
        let decrypted = encryption.decrypt(content.content, password, &mut self.effort)?;
        let key = self.plain(&decrypted).map_err(|error| match error {
            ReadKeyError::Malformed(source) => ReadKeyError::DecryptedToNoKey { source },
            other => other,
        })?;
        Ok(ReadKey {
            encryption: Some(encryption.to_string()),
            ..key
        })
    }

    /// Reads the private key in a PEM block, encrypted or not.
    ///
    /// # Errors
    /// As [`KeyReader::plain`] and [`KeyReader::encrypted`].
    pub fn pem(&mut self, block: &Block) -> Result<ReadKey, ReadKeyError> {
        match block.label.as_str() {
            "ENCRYPTED PRIVATE KEY" => self.encrypted(&block.contents),
            _ if block.is_encrypted() => self.legacy(block),
            _ => self.plain(&block.contents),
        }
    }

    /// Reads a key encrypted as RFC 1421 has it. A wrong password may give bytes that are no key.
    fn legacy(&mut self, block: &Block) -> Result<ReadKey, ReadKeyError> {
        let Some(password) = self.password else {
            return Err(ReadKeyError::PasswordNeeded {
                encryption: format!("RFC 1421, {}", legacy::cipher(block)),
            });
        };
        let decrypted = legacy::decrypt(block, password)?;
        let key = self.plain(&decrypted).map_err(|error| match error {
            ReadKeyError::Malformed(_) => ReadKeyError::LegacyPassword,
            other => other,
        })?;
        Ok(ReadKey {
            encryption: Some(format!("RFC 1421, {}", legacy::cipher(block))),
            ..key
        })
    }

    /// The password, where one was given.
    pub fn password(&self) -> Option<&'a Password> {
        self.password
    }

    /// What work is left for the file.
    pub(in crate::keys) fn effort(&mut self) -> &mut Effort {
        &mut self.effort
    }
}

/// As [`KeyReader::plain`], for a file of one key.
///
/// # Errors
/// As [`KeyReader::plain`].
pub fn read_key(der: &[u8]) -> Result<ReadKey, ReadKeyError> {
    KeyReader::new(None).plain(der)
}

/// As [`KeyReader::encrypted`], for a file of one key.
///
/// # Errors
/// As [`KeyReader::encrypted`].
pub fn read_encrypted_key(
    der: &[u8],
    password: Option<&Password>,
) -> Result<ReadKey, ReadKeyError> {
    KeyReader::new(password).encrypted(der)
}

/// As [`KeyReader::pem`], for a file of one key.
///
/// # Errors
/// As [`KeyReader::pem`].
pub fn read_pem_key(block: &Block, password: Option<&Password>) -> Result<ReadKey, ReadKeyError> {
    KeyReader::new(password).pem(block)
}

/// The most private keys that are read from one file: checking the largest takes milliseconds.
const MAX_KEYS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PrivateKey;
    use crate::pki::algorithm::KeyType;

    #[test]
    fn no_file_has_more_than_a_hundred_keys() {
        let key = PrivateKey::generate(KeyType::Ed25519).unwrap();
        let mut reader = KeyReader::new(None);
        for _ in 0..MAX_KEYS {
            reader.plain(key.pkcs8()).unwrap();
        }
        assert!(matches!(
            reader.plain(key.pkcs8()),
            Err(ReadKeyError::TooMany)
        ));
    }

    #[test]
    fn the_work_for_a_file_runs_out_however_it_is_spread() {
        let mut reader = KeyReader::new(None);
        let rounds = std::iter::repeat_with(|| reader.effort().take(600_000));
        assert_eq!(rounds.take(20).take_while(Result::is_ok).count(), 10);
    }
}
