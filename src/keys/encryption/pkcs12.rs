//! PKCS #12's own encryption ([RFC 7292 §B and §C](https://www.rfc-editor.org/rfc/rfc7292#appendix-B)).

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyInit,
    KeyIvInit as _,
};
use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use ring::digest::{self, Algorithm};
use zeroize::Zeroizing;

use super::EncryptionError;
use crate::pki::oid::known_oid;

/// A block cipher in CBC mode (RFC 7292 §C).
#[derive(Clone, Copy)]
pub(super) enum Cipher {
    TripleDes,
    Rc2Of128,
    Rc2Of40,
}

/// Decrypts in place and gives the length of what comes out (RFC 7292 §C).
pub(super) fn decrypt(
    cipher: Cipher,
    salt: &[u8],
    rounds: u64,
    password: &[u8],
    buffer: &mut [u8],
) -> Result<usize, EncryptionError> {
    let derived = |purpose, bytes| {
        derive(
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            purpose,
            password,
            salt,
            rounds,
            bytes,
        )
    };
    let iv = derived(Purpose::InitialVector, 8);
    let key = |bytes| derived(Purpose::Key, bytes);
    match cipher {
        Cipher::TripleDes => cbc_decrypt::<des::TdesEde3>(&key(24), &iv, buffer),
        Cipher::Rc2Of128 => cbc_decrypt::<rc2::Rc2>(&key(16), &iv, buffer),
        Cipher::Rc2Of40 => cbc_decrypt::<rc2::Rc2>(&key(5), &iv, buffer),
    }
}

fn cbc_decrypt<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    buffer: &mut [u8],
) -> Result<usize, EncryptionError> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).or(Err(EncryptionError::Padding))?;
    let content = cipher
        .decrypt_padded::<Pkcs7>(buffer)
        .or(Err(EncryptionError::Padding))?;
    Ok(content.len())
}

/// Encrypts with AES-256 in CBC mode, under a key of 32 bytes and an IV of 16.
pub(in crate::keys) fn encrypt_aes_256(key: &[u8], iv: &[u8], plain: &[u8]) -> Zeroizing<Vec<u8>> {
    cbc_encrypt::<aes::Aes256>(key, iv, plain)
}

/// Encrypts with triple DES, under a key and an IV derived from the salt, the rounds and the password.
pub(in crate::keys) fn encrypt_triple_des(
    salt: &[u8],
    rounds: u64,
    password: &[u8],
    plain: &[u8],
) -> Zeroizing<Vec<u8>> {
    let (key, iv) = derived(salt, rounds, password, 24);
    cbc_encrypt::<des::TdesEde3>(&key, &iv, plain)
}

/// Encrypts with RC2 of 40 bits, as [`encrypt_triple_des`].
pub(in crate::keys) fn encrypt_rc2_of_40(
    salt: &[u8],
    rounds: u64,
    password: &[u8],
    plain: &[u8],
) -> Zeroizing<Vec<u8>> {
    let (key, iv) = derived(salt, rounds, password, 5);
    cbc_encrypt::<rc2::Rc2>(&key, &iv, plain)
}

/// A key of so many bytes, and an IV.
fn derived(
    salt: &[u8],
    rounds: u64,
    password: &[u8],
    bytes: usize,
) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
    let hash = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let derived = |purpose, bytes| derive(hash, purpose, password, salt, rounds, bytes);
    (
        derived(Purpose::Key, bytes),
        derived(Purpose::InitialVector, 8),
    )
}

fn cbc_encrypt<C: BlockCipherEncrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    plain: &[u8],
) -> Zeroizing<Vec<u8>> {
    let cipher = cbc::Encryptor::<C>::new_from_slices(key, iv)
        .unwrap_or_else(|_| unreachable!("key and IV have the lengths of the cipher"));
    let mut buffer = Zeroizing::new(vec![0; plain.len() + LONGEST_PADDING]);
    buffer[..plain.len()].copy_from_slice(plain);
    let length = cipher
        .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
        .unwrap_or_else(|_| unreachable!("there is room for the padding"))
        .len();
    buffer.truncate(length);
    buffer
}

const LONGEST_PADDING: usize = 16;

/// What a derived key is for: the ID byte of RFC 7292 §B.3.
#[derive(Clone, Copy)]
pub(in crate::keys) enum Purpose {
    Key = 1,
    InitialVector = 2,
    Mac = 3,
}

/// PKCS #12's own key derivation (RFC 7292 §B.2).
pub(in crate::keys) fn derive(
    hash: &'static Algorithm,
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    bytes: usize,
) -> Zeroizing<Vec<u8>> {
    let block = hash.block_len();
    let filled = |bytes: &[u8]| {
        let length = bytes.len().div_ceil(block) * block;
        Zeroizing::new(
            bytes
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect::<Vec<u8>>(),
        )
    };
    let mut input = Zeroizing::new([&filled(salt)[..], &filled(password)[..]].concat());
    let mut derived = Zeroizing::new(Vec::with_capacity(bytes + hash.output_len()));
    while derived.len() < bytes {
        let mut context = digest::Context::new(hash);
        context.update(&vec![purpose as u8; block]);
        context.update(&input);
        let mut result = context.finish();
        for _ in 1..rounds {
            result = digest::digest(hash, result.as_ref());
        }
        derived.extend_from_slice(result.as_ref());
        let addend: Vec<u8> = result
            .as_ref()
            .iter()
            .copied()
            .cycle()
            .take(block)
            .collect();
        for part in input.chunks_mut(block) {
            let mut carry = 1;
            for (byte, addend) in part.iter_mut().zip(&addend).rev() {
                carry += u16::from(*byte) + u16::from(*addend);
                *byte = carry as u8;
                carry >>= 8;
            }
        }
    }
    derived.truncate(bytes);
    derived
}

/// Two rows of rounds for a key of 24 bytes, one for the IV.
pub(super) const DERIVATIONS: u64 = 3;

/// The ciphers by what names them.
pub(super) const CIPHERS: [(KnownObjectIdentifier, Cipher, &str); 3] = [
    (
        known_oid("1.2.840.113549.1.12.1.3"),
        Cipher::TripleDes,
        "PBE with SHA-1 and 3-key triple DES",
    ),
    (
        known_oid("1.2.840.113549.1.12.1.5"),
        Cipher::Rc2Of128,
        "PBE with SHA-1 and RC2 of 128 bits",
    ),
    (
        known_oid("1.2.840.113549.1.12.1.6"),
        Cipher::Rc2Of40,
        "PBE with SHA-1 and RC2 of 40 bits",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Password;

    #[test]
    fn derives_what_others_derive() {
        // From the test vectors of Bouncy Castle and OpenSSL for SHA-1, "smeg", one round.
        let password = Password::new(Zeroizing::new(b"smeg".to_vec()));
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let hash = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        let key = derive(hash, Purpose::Key, &password.utf_16(), &salt, 1, 24);
        let expected = "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3";
        let shown: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, expected);
    }
}
