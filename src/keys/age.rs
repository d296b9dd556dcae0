//! Files encrypted with a passphrase, in the format of age ([age-encryption.org/v1](https://age-encryption.org/v1)),
//! so that `age -d` opens them.
//!
//! The format is written here, on the primitives of ring and scrypt: the `age` crate is a hundred crates
//! (translations, templates, macros), and of it only this one recipient type would be used.

use base64ct::{Base64Unpadded, Encoding as _};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use super::{KeyError, Password, fill};

/// Encrypts content with a passphrase.
///
/// # Errors
/// If the passphrase is empty, or the system gives no randomness.
pub fn encrypt(content: &[u8], password: &Password) -> Result<Vec<u8>, KeyError> {
    if password.bytes().is_empty() {
        return Err(KeyError::EmptyPassword);
    }
    let mut file_key = Zeroizing::new([0; FILE_KEY_BYTES]);
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
    fill(&mut *file_key)?;
    fill(&mut salt)?;
    fill(&mut nonce)?;
    let mut wrapped = file_key.to_vec();
    let key = wrapping_key(password, &salt, LOG_N).ok_or(KeyError::Randomness)?;
    seal(&key, [0; 12], &mut wrapped)?;
    let mut file = format!(
        "{VERSION}\n-> scrypt {} {LOG_N}\n{}\n---",
        Base64Unpadded::encode_string(&salt),
        Base64Unpadded::encode_string(&wrapped)
    );
    let mac = hmac::sign(&mac_key(&*file_key), file.as_bytes());
    file.push_str(&format!(
        " {}\n",
        Base64Unpadded::encode_string(mac.as_ref())
    ));
    let mut file = file.into_bytes();
    file.reserve(
        content.len() + content.len() / CHUNK_BYTES * TAG_BYTES + 2 * TAG_BYTES + NONCE_BYTES,
    );
    file.extend(nonce);
    let key = payload_key(&*file_key, &nonce)?;
    let mut chunks = content.chunks(CHUNK_BYTES).peekable();
    let mut counter = 0;
    loop {
        let mut chunk = chunks.next().unwrap_or_default().to_vec();
        let is_last = chunks.peek().is_none();
        seal(&key, chunk_nonce(counter, is_last), &mut chunk)?;
        file.extend_from_slice(&chunk);
        counter += 1;
        if is_last {
            return Ok(file);
        }
    }
}

/// Decrypts what [`encrypt`] or `age -p` wrote.
///
/// # Errors
/// If it is not such a file, the passphrase is wrong, or the content was changed or cut off.
pub fn decrypt(file: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, AgeError> {
    let (header, mac, payload) = split(file).ok_or(AgeError::Malformed)?;
    let (salt, log_n, wrapped) = stanza(header).ok_or(AgeError::NoPassphrase)?;
    if log_n > MAX_LOG_N {
        return Err(AgeError::TooExpensive { log_n });
    }
    let key = wrapping_key(password, &salt, log_n).ok_or(AgeError::Malformed)?;
    let mut wrapped = Zeroizing::new(wrapped);
    let file_key = open(&key, [0; 12], &mut wrapped).ok_or(AgeError::WrongPassphrase)?;
    hmac::verify(&mac_key(file_key), header, &mac).map_err(|_| AgeError::Damaged)?;
    let (nonce, sealed) = payload
        .split_at_checked(NONCE_BYTES)
        .ok_or(AgeError::Damaged)?;
    let key = payload_key(file_key, nonce).map_err(|_| AgeError::Damaged)?;
    let mut content = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut chunks = sealed.chunks(CHUNK_BYTES + TAG_BYTES).peekable();
    let mut counter = 0;
    while let Some(chunk) = chunks.next() {
        let nonce = chunk_nonce(counter, chunks.peek().is_none());
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let opened = open(&key, nonce, &mut chunk).ok_or(AgeError::Damaged)?;
        // Only content that is empty altogether has an empty chunk.
        if opened.is_empty() && counter > 0 {
            return Err(AgeError::Damaged);
        }
        content.extend_from_slice(opened);
        counter += 1;
    }
    if counter == 0 {
        return Err(AgeError::Damaged);
    }
    Ok(content)
}

/// Why an encrypted file cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// It does not have the format.
    #[error("is not a file that age or `ca backup` encrypted")]
    Malformed,
    /// It is encrypted to a public key.
    #[error("is not encrypted with a passphrase")]
    NoPassphrase,
    /// The passphrase would take too long to try.
    #[error("needs more work to open (2^{log_n}) than is reasonable")]
    TooExpensive {
        /// The binary logarithm of the work.
        log_n: u8,
    },
    /// The passphrase does not open it.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// It is not what was encrypted.
    #[error("is damaged or incomplete")]
    Damaged,
}

/// The header up to the three hyphens, its MAC, and what follows.
fn split(file: &[u8]) -> Option<(&[u8], Vec<u8>, &[u8])> {
    let limit = &file[..file.len().min(MAX_HEADER_BYTES)];
    let end = limit.windows(5).position(|window| window == b"\n--- ")?;
    let header = &file[..end + 4];
    let rest = &file[end + 5..];
    let line = rest
        .iter()
        .take(MAX_HEADER_BYTES)
        .position(|byte| *byte == b'\n')?;
    let mac = std::str::from_utf8(&rest[..line]).ok()?;
    let mac = Base64Unpadded::decode_vec(mac).ok()?;
    (header.starts_with(VERSION.as_bytes())).then_some((header, mac, &rest[line + 1..]))
}

/// The salt, the work factor and the wrapped key of the only recipient, which is a passphrase.
fn stanza(header: &[u8]) -> Option<(Vec<u8>, u8, Vec<u8>)> {
    let text = std::str::from_utf8(header).ok()?;
    let mut lines = text.lines();
    let (version, arguments) = (lines.next()?, lines.next()?);
    let (body, end) = (lines.next()?, lines.next()?);
    let arguments = arguments.strip_prefix("-> scrypt ")?;
    let (salt, log_n) = arguments.split_once(' ')?;
    let (salt, body) = (
        Base64Unpadded::decode_vec(salt).ok()?,
        Base64Unpadded::decode_vec(body).ok()?,
    );
    let is_whole = version == VERSION && end == "---" && lines.next().is_none();
    let is_whole = is_whole && salt.len() == SALT_BYTES && body.len() == FILE_KEY_BYTES + TAG_BYTES;
    let is_number = !log_n.starts_with('0') && log_n.bytes().all(|byte| byte.is_ascii_digit());
    let log_n = log_n.parse().ok().filter(|_| is_number)?;
    is_whole.then_some((salt, log_n, body))
}

fn wrapping_key(password: &Password, salt: &[u8], log_n: u8) -> Option<LessSafeKey> {
    let mut key = Zeroizing::new([0; 32]);
    let salt = [b"age-encryption.org/v1/scrypt".as_slice(), salt].concat();
    let parameters = scrypt::Params::new(log_n, 8, 1).ok()?;
    scrypt::scrypt(password.bytes(), &salt, &parameters, &mut *key).ok()?;
    Some(LessSafeKey::new(
        UnboundKey::new(&CHACHA20_POLY1305, &*key).ok()?,
    ))
}

fn mac_key(file_key: &[u8]) -> hmac::Key {
    let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(file_key);
    let key = derived.expand(&[b"header"], hmac::HMAC_SHA256);
    key.unwrap_or_else(|_| unreachable!("32 bytes can be derived"))
        .into()
}

fn payload_key(file_key: &[u8], nonce: &[u8]) -> Result<LessSafeKey, KeyError> {
    let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, nonce).extract(file_key);
    let key = derived.expand(&[b"payload"], &CHACHA20_POLY1305);
    let key = key.map(UnboundKey::from).map(LessSafeKey::new);
    key.map_err(|ring::error::Unspecified| KeyError::Randomness)
}

/// An 11-byte counter, and whether it is the last chunk.
fn chunk_nonce(counter: u64, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&counter.to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce
}

fn seal(key: &LessSafeKey, nonce: [u8; 12], content: &mut Vec<u8>) -> Result<(), KeyError> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), content)
        .map_err(|ring::error::Unspecified| KeyError::Randomness)
}

fn open<'a>(key: &LessSafeKey, nonce: [u8; 12], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.open_in_place(nonce, Aad::empty(), sealed)
        .ok()
        .map(|content| &*content)
}

const VERSION: &str = "age-encryption.org/v1";
const FILE_KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
const CHUNK_BYTES: usize = 64 * 1024;
const MAX_HEADER_BYTES: usize = 4096;
/// 64 MiB of memory, a fifth of a second.
const LOG_N: u8 = 16;
/// 1 GiB of memory; `age -p` takes a quarter of that.
const MAX_LOG_N: u8 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_is_decrypted_whatever_its_length() {
        for length in [
            0,
            1,
            CHUNK_BYTES - 1,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
            3 * CHUNK_BYTES,
        ] {
            let content = vec![7; length];
            let file = encrypt(&content, &password("secret")).unwrap();
            assert_eq!(
                *decrypt(&file, &password("secret")).unwrap(),
                content,
                "{length}"
            );
        }
    }

    #[test]
    fn a_wrong_passphrase_a_changed_byte_and_a_cut_are_refused() {
        let file = encrypt(&vec![7; 2 * CHUNK_BYTES], &password("secret")).unwrap();
        let wrong = decrypt(&file, &password("other"));
        assert_eq!(wrong.unwrap_err(), AgeError::WrongPassphrase);
        let cut = file.len() - CHUNK_BYTES - TAG_BYTES;
        for damaged in [
            &file[..file.len() - 1],
            &file[..cut],
            &file[..80],
            b"",
            b"x",
        ] {
            assert!(decrypt(damaged, &password("secret")).is_err());
        }
        let mut changed = file.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(
            decrypt(&changed, &password("secret")).unwrap_err(),
            AgeError::Damaged
        );
        assert_eq!(
            encrypt(b"", &password("")).unwrap_err().to_string(),
            KeyError::EmptyPassword.to_string()
        );
    }

    fn password(text: &str) -> Password {
        Password::from_file(text.as_bytes())
    }
}
