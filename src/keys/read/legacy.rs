//! Keys encrypted as OpenSSL did before PKCS #8: RFC 1421 headers and one round of MD5.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::ReadKeyError;
use crate::keys::password::Password;
use crate::pki::pem::Block;

/// What a block with a `DEK-Info` header says when it is decrypted. A wrong password mostly shows as bad
/// padding, but it may give bytes that are no key.
pub(super) fn decrypt(
    block: &Block,
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, ReadKeyError> {
    let (name, vector) = block
        .header("DEK-Info")
        .and_then(|info| info.split_once(','))
        .ok_or(ReadKeyError::DekInfo)?;
    let vector = octets(vector.trim()).ok_or(ReadKeyError::DekInfo)?;
    let (decrypt, key_octets, block_octets): (Decrypt, usize, usize) = match name.trim() {
        "AES-128-CBC" => (cbc_decrypt::<aes::Aes128>, 16, 16),
        "AES-192-CBC" => (cbc_decrypt::<aes::Aes192>, 24, 16),
        "AES-256-CBC" => (cbc_decrypt::<aes::Aes256>, 32, 16),
        "DES-EDE3-CBC" => (cbc_decrypt::<des::TdesEde3>, 24, 8),
        _ => return Err(ReadKeyError::LegacyEncryption),
    };
    if vector.len() != block_octets {
        return Err(ReadKeyError::DekInfo);
    }
    let key = derive(password.octets(), &vector[..SALT_OCTETS], key_octets);
    let mut buffer = Zeroizing::new(block.contents.to_vec());
    let length = decrypt(&key, &vector, &mut buffer).ok_or(ReadKeyError::LegacyPassword)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The name of the cipher in the `DEK-Info` header, safe to show.
pub(super) fn cipher(block: &Block) -> String {
    let name = block
        .header("DEK-Info")
        .and_then(|info| info.split_once(','));
    let is_name =
        |name: &&str| name.len() <= MAX_NAME_OCTETS && name.bytes().all(|b| b.is_ascii_graphic());
    let name = name.map(|(name, _)| name.trim()).filter(is_name);
    name.unwrap_or("an unknown cipher").to_owned()
}

const MAX_NAME_OCTETS: usize = 32;
const SALT_OCTETS: usize = 8; // the first octets of the vector, as PEM_do_header of OpenSSL has it

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
fn derive(password: &[u8], salt: &[u8], key_octets: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(key_octets + 16));
    let mut previous = Zeroizing::new(Vec::new());
    while key.len() < key_octets {
        let digest = Md5::new()
            .chain_update(&*previous)
            .chain_update(password)
            .chain_update(salt)
            .finalize();
        previous = Zeroizing::new(digest.to_vec());
        key.extend_from_slice(&previous);
    }
    key.truncate(key_octets);
    key
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
        .collect()
}
