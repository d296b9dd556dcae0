//! Reading the private keys of a file, which may cost only so much together.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::{ReadKey, ReadKeyError, read_der};
use crate::keys::Password;
use crate::keys::encryption::{Effort, Encryption};
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
                encryption: format!("RFC 1421, {}", pem_cipher(block)),
            });
        };
        let decrypted = decrypt_pem(block, password)?;
        let key = self.plain(&decrypted).map_err(|error| match error {
            ReadKeyError::Malformed(_) => ReadKeyError::LegacyPassword,
            other => other,
        })?;
        Ok(ReadKey {
            encryption: Some(format!("RFC 1421, {}", pem_cipher(block))),
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

/// What a block with a `DEK-Info` header says when it is decrypted. A wrong password mostly shows as bad
/// padding, but it may give bytes that are no key.
pub(super) fn decrypt_pem(
    block: &Block,
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, ReadKeyError> {
    let (name, vector) = block
        .header("DEK-Info")
        .and_then(|info| info.split_once(','))
        .ok_or(ReadKeyError::DekInfo)?;
    let vector = bytes(vector.trim()).ok_or(ReadKeyError::DekInfo)?;
    let (decrypt, key_bytes, block_bytes): (Decrypt, usize, usize) = match name.trim() {
        "AES-128-CBC" => (cbc_decrypt::<aes::Aes128>, 16, 16),
        "AES-192-CBC" => (cbc_decrypt::<aes::Aes192>, 24, 16),
        "AES-256-CBC" => (cbc_decrypt::<aes::Aes256>, 32, 16),
        "DES-EDE3-CBC" => (cbc_decrypt::<des::TdesEde3>, 24, 8),
        _ => return Err(ReadKeyError::LegacyEncryption),
    };
    if vector.len() != block_bytes {
        return Err(ReadKeyError::DekInfo);
    }
    let key = pem_key(password.bytes(), &vector[..SALT_BYTES], key_bytes);
    let mut buffer = Zeroizing::new(block.contents.to_vec());
    let length = decrypt(&key, &vector, &mut buffer).ok_or(ReadKeyError::LegacyPassword)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The name of the cipher in the `DEK-Info` header, safe to show.
pub(super) fn pem_cipher(block: &Block) -> String {
    let name = block
        .header("DEK-Info")
        .and_then(|info| info.split_once(','));
    let is_name =
        |name: &&str| name.len() <= MAX_NAME_BYTES && name.bytes().all(|b| b.is_ascii_graphic());
    let name = name.map(|(name, _)| name.trim()).filter(is_name);
    name.unwrap_or("an unknown cipher").to_owned()
}

const MAX_NAME_BYTES: usize = 32;
const SALT_BYTES: usize = 8; // the first bytes of the vector, as PEM_do_header of OpenSSL has it

/// Decrypts in place, with a key and a vector, and gives the length of what comes out.
type Decrypt = fn(&[u8], &[u8], &mut [u8]) -> Option<usize>;

fn cbc_decrypt<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    vector: &[u8],
    buffer: &mut [u8],
) -> Option<usize> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, vector).ok()?;
    cipher.decrypt_padded::<Pkcs7>(buffer).ok().map(<[u8]>::len)
}

/// EVP_BytesToKey of OpenSSL with MD5 and one round.
fn pem_key(password: &[u8], salt: &[u8], key_bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(key_bytes + 16));
    let mut previous = Zeroizing::new(Vec::new());
    while key.len() < key_bytes {
        let digest = Md5::new()
            .chain_update(&*previous)
            .chain_update(password)
            .chain_update(salt)
            .finalize();
        previous = Zeroizing::new(digest.to_vec());
        key.extend_from_slice(&previous);
    }
    key.truncate(key_bytes);
    key
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
        .collect()
}

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
