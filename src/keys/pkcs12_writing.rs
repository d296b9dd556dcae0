//! PKCS #12 files written ([RFC 7292](https://www.rfc-editor.org/rfc/rfc7292)).

use std::num::NonZeroU32;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use ring::hmac;
use zeroize::Zeroizing;

use super::encryption::{
    AES_256_CBC, HMAC_SHA256, PBES2, PBKDF2, Purpose, derive, encrypt_aes_256, encrypt_rc2_of_40,
    encrypt_triple_des,
};
use super::pkcs12::{
    CERTIFICATE_BAG, ENCRYPTED_DATA, FRIENDLY_NAME, SHROUDED_KEY_BAG, X509_CERTIFICATE,
};
use super::read::{encode, oid};
use super::{KeyError, Password, fill};
use crate::pki::algorithm::{ID_SHA1, ID_SHA256};
use crate::pki::bundle::DATA;
use crate::pki::element::{
    INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, context, context_constructed,
};
use crate::pki::oid::known_oid;
use crate::pki::usage::ANY_EXTENDED_KEY_USAGE;

/// What a PKCS #12 file is to hold.
#[derive(Clone, Copy, Debug)]
pub struct Pkcs12Contents<'a> {
    /// The name of the key and its certificate.
    pub name: &'a str,
    /// The private key, as PKCS #8.
    pub private_key: Option<&'a [u8]>,
    /// The DER of the certificates: that of the key, then those above it.
    pub certificates: &'a [&'a [u8]],
    /// The DER of the trust anchors, each with a name.
    pub anchors: &'a [(String, &'a [u8])],
    /// Whether Java is to take the anchors for trusted by themselves, and not for parts of a chain.
    pub anchors_are_trusted: bool,
}

/// How a PKCS #12 file is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, and a MAC with SHA-256: OpenSSL 1.1, Java 8u301, Windows
    /// 10 1709, macOS 14 and later read it.
    Modern,
    /// Triple DES, RC2 of 40 bits and a MAC with SHA-1, for what is older. Protects little.
    Legacy,
}

/// A PKCS #12 file as DER; wiped on drop, for a weak password is soon guessed.
///
/// # Errors
/// If the password is empty, or the system gives no randomness.
pub fn write_pkcs12(
    contents: &Pkcs12Contents<'_>,
    password: &Password,
    protection: Protection,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let rounds = match protection {
        Protection::Modern => MODERN_ROUNDS,
        Protection::Legacy => LEGACY_ROUNDS,
    };
    write(contents, password, protection, rounds)
}

fn write(
    contents: &Pkcs12Contents<'_>,
    password: &Password,
    protection: Protection,
    rounds: NonZeroU32,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if password.bytes().is_empty() {
        return Err(KeyError::EmptyPassword);
    }
    let sealing = Sealing {
        password,
        protection,
        rounds,
    };
    let mut safes = sealing
        .encrypted_safe(&certificate_bags(contents))?
        .to_vec();
    if let Some(key) = contents.private_key {
        let sealed = sealing.key(key)?;
        let attributes = attributes(contents.name, contents.certificates.first().copied(), false);
        let bag = bag(SHROUDED_KEY_BAG, &sealed, &attributes);
        let bags = encode(SEQUENCE, &[&bag]);
        safes.extend_from_slice(&content_info(DATA, &encode(OCTET_STRING, &[&bags])));
    }
    let safe = encode(SEQUENCE, &[&safes]);
    Ok(encode(
        SEQUENCE,
        &[
            &[INTEGER, 1, VERSION],
            &content_info(DATA, &encode(OCTET_STRING, &[&safe])),
            &sealing.mac(&safe)?,
        ],
    ))
}

/// How what is in the file is sealed.
struct Sealing<'a> {
    password: &'a Password,
    protection: Protection,
    rounds: NonZeroU32,
}

impl Sealing<'_> {
    /// A key as EncryptedPrivateKeyInfo.
    fn key(&self, pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (algorithm, sealed) = match self.protection {
            Protection::Modern => self.modern(pkcs8)?,
            Protection::Legacy => self.legacy(pkcs8, TRIPLE_DES, encrypt_triple_des)?,
        };
        Ok(encode(
            SEQUENCE,
            &[&algorithm, &encode(OCTET_STRING, &[&sealed])],
        ))
    }

    /// Bags as a ContentInfo of EncryptedData (RFC 5652 §8).
    fn encrypted_safe(&self, bags: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (algorithm, sealed) = match self.protection {
            Protection::Modern => self.modern(bags)?,
            Protection::Legacy => self.legacy(bags, RC2_OF_40, encrypt_rc2_of_40)?,
        };
        let content = encode(
            SEQUENCE,
            &[&oid(DATA), &algorithm, &encode(context(0), &[&sealed])],
        );
        let data = encode(SEQUENCE, &[&[INTEGER, 1, 0], &content]);
        Ok(content_info(ENCRYPTED_DATA, &data))
    }

    /// PBES2 (RFC 8018 §6.2): the AlgorithmIdentifier, and what comes out.
    fn modern(&self, plain: &[u8]) -> Result<Sealed, KeyError> {
        let (salt, iv) = (random::<SALT_BYTES>()?, random::<AES_BLOCK_BYTES>()?);
        let mut key = Zeroizing::new([0; 32]);
        ring::pbkdf2::derive(
            ring::pbkdf2::PBKDF2_HMAC_SHA256,
            self.rounds,
            &salt,
            self.password.bytes(),
            &mut key[..],
        );
        let prf = encode(SEQUENCE, &[&oid(HMAC_SHA256), &[NULL, 0]]);
        let derivation = encode(
            SEQUENCE,
            &[
                &encode(OCTET_STRING, &[&salt]),
                &integer(self.rounds.get()),
                &prf,
            ],
        );
        let derivation = encode(SEQUENCE, &[&oid(PBKDF2), &derivation]);
        let cipher = encode(
            SEQUENCE,
            &[&oid(AES_256_CBC), &encode(OCTET_STRING, &[&iv])],
        );
        let parameters = encode(SEQUENCE, &[&derivation, &cipher]);
        let algorithm = encode(SEQUENCE, &[&oid(PBES2), &parameters]);
        Ok((algorithm, encrypt_aes_256(&key[..], &iv, plain)))
    }

    /// PKCS #12's own encryption (RFC 7292 §C): the AlgorithmIdentifier, and what comes out.
    fn legacy(
        &self,
        plain: &[u8],
        algorithm: KnownObjectIdentifier,
        encrypt: Encrypt,
    ) -> Result<Sealed, KeyError> {
        let salt = random::<SALT_BYTES>()?;
        let parameters = encode(
            SEQUENCE,
            &[&encode(OCTET_STRING, &[&salt]), &integer(self.rounds.get())],
        );
        let rounds = u64::from(self.rounds.get());
        let sealed = encrypt(&salt, rounds, &self.password.utf_16(), plain);
        Ok((encode(SEQUENCE, &[&oid(algorithm), &parameters]), sealed))
    }

    /// The MacData over the authenticated safe.
    fn mac(&self, safe: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (hash, name, algorithm) = match self.protection {
            Protection::Modern => (&SHA256, ID_SHA256, hmac::HMAC_SHA256),
            Protection::Legacy => (
                &SHA1_FOR_LEGACY_USE_ONLY,
                ID_SHA1,
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            ),
        };
        let salt = random::<SALT_BYTES>()?;
        let rounds = u64::from(self.rounds.get());
        let length = hash.output_len();
        let password = self.password.utf_16();
        let key = derive(hash, Purpose::Mac, &password, &salt, rounds, length);
        let tag = hmac::sign(&hmac::Key::new(algorithm, &key), safe);
        let algorithm = encode(SEQUENCE, &[&oid(name), &[NULL, 0]]);
        let info = encode(
            SEQUENCE,
            &[&algorithm, &encode(OCTET_STRING, &[tag.as_ref()])],
        );
        Ok(encode(
            SEQUENCE,
            &[
                &info,
                &encode(OCTET_STRING, &[&salt]),
                &integer(self.rounds.get()),
            ],
        ))
    }
}

/// Encrypts under a key derived from a salt, a number of rounds and a password.
type Encrypt = fn(&[u8], u64, &[u8], &[u8]) -> Zeroizing<Vec<u8>>;

/// An AlgorithmIdentifier, and what was sealed with it.
type Sealed = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

/// The SafeContents of all certificates.
fn certificate_bags(contents: &Pkcs12Contents<'_>) -> Zeroizing<Vec<u8>> {
    let mut bags = Vec::new();
    for (i, certificate) in contents.certificates.iter().enumerate() {
        let is_key_s = i == 0 && contents.private_key.is_some();
        let attributes = match is_key_s {
            true => attributes(contents.name, Some(certificate), false),
            false => Zeroizing::new(Vec::new()),
        };
        bags.extend_from_slice(&certificate_bag(certificate, &attributes));
    }
    for (name, certificate) in contents.anchors {
        let attributes = match contents.anchors_are_trusted {
            true => attributes(name, None, true),
            false => Zeroizing::new(Vec::new()),
        };
        bags.extend_from_slice(&certificate_bag(certificate, &attributes));
    }
    encode(SEQUENCE, &[&bags])
}

fn certificate_bag(certificate: &[u8], attributes: &[u8]) -> Zeroizing<Vec<u8>> {
    let bytes = encode(OCTET_STRING, &[certificate]);
    let value = encode(
        SEQUENCE,
        &[
            &oid(X509_CERTIFICATE),
            &encode(context_constructed(0), &[&bytes]),
        ],
    );
    bag(CERTIFICATE_BAG, &value, attributes)
}

/// A SafeBag (RFC 7292 §4.2); `attributes` are the content of its set.
fn bag(kind: KnownObjectIdentifier, value: &[u8], attributes: &[u8]) -> Zeroizing<Vec<u8>> {
    let value = encode(context_constructed(0), &[value]);
    let attributes = match attributes {
        [] => Zeroizing::new(Vec::new()),
        attributes => encode(SET, &[attributes]),
    };
    encode(SEQUENCE, &[&oid(kind), &value, &attributes])
}

/// The attributes of a bag: its name, what ties a key to its certificate, and that Java may trust it.
fn attributes(name: &str, ties_to: Option<&[u8]>, is_trusted: bool) -> Zeroizing<Vec<u8>> {
    let attribute = |kind, value: &[u8]| encode(SEQUENCE, &[&oid(kind), &encode(SET, &[value])]);
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut attributes = attribute(FRIENDLY_NAME, &encode(BMP_STRING, &[&units])).to_vec();
    if let Some(certificate) = ties_to {
        let digest = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
        let value = encode(OCTET_STRING, &[digest.as_ref()]);
        attributes.extend_from_slice(&attribute(LOCAL_KEY_ID, &value));
    }
    if is_trusted {
        attributes.extend_from_slice(&attribute(TRUSTED_KEY_USAGE, &oid(ANY_EXTENDED_KEY_USAGE)));
    }
    Zeroizing::new(attributes)
}

fn content_info(kind: KnownObjectIdentifier, content: &[u8]) -> Zeroizing<Vec<u8>> {
    let content = encode(context_constructed(0), &[content]);
    encode(SEQUENCE, &[&oid(kind), &content])
}

/// A number that is not negative.
fn integer(number: u32) -> Zeroizing<Vec<u8>> {
    let bytes = u64::from(number).to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0);
    let mut start = first.unwrap_or(bytes.len() - 1);
    if bytes[start] & 0x80 != 0 {
        start -= 1;
    }
    encode(INTEGER, &[&bytes[start..]])
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], KeyError> {
    let mut bytes = [0; BYTES];
    fill(&mut bytes)?;
    Ok(bytes)
}

const VERSION: u8 = 3; // RFC 7292 §4
const SALT_BYTES: usize = 16;
const AES_BLOCK_BYTES: usize = 16;
const BMP_STRING: u8 = 0x1e;
/// What OWASP asks of PBKDF2 with HMAC-SHA-256; the MAC is to cost as much to guess at.
const MODERN_ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
/// What OpenSSL took when these algorithms were usual.
const LEGACY_ROUNDS: NonZeroU32 = NonZeroU32::new(2048).expect("not zero");

const TRIPLE_DES: KnownObjectIdentifier = known_oid("1.2.840.113549.1.12.1.3");
const RC2_OF_40: KnownObjectIdentifier = known_oid("1.2.840.113549.1.12.1.6");
/// localKeyID (RFC 2985 §5.5.2).
const LOCAL_KEY_ID: KnownObjectIdentifier = known_oid("1.2.840.113549.1.9.21");
/// Oracle's mark of a trusted certificate, without which Java leaves a certificate that belongs to no key out.
const TRUSTED_KEY_USAGE: KnownObjectIdentifier = known_oid("2.16.840.1.113894.746875.1.1");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Pkcs12, PrivateKey};
    use crate::pki::algorithm::KeyType;

    #[test]
    fn what_is_written_is_read_back() {
        let key = PrivateKey::generate(KeyType::P256).unwrap();
        let password = Password::new(Zeroizing::new("pässword".as_bytes().to_vec()));
        let contents = Pkcs12Contents {
            name: "node ☂",
            private_key: Some(key.pkcs8()),
            certificates: &[b"leaf", b"above"],
            anchors: &[("root".into(), b"root")],
            anchors_are_trusted: true,
        };
        for protection in [Protection::Modern, Protection::Legacy] {
            let rounds = NonZeroU32::new(1000).unwrap();
            let der = write(&contents, &password, protection, rounds).unwrap();
            let read = Pkcs12::read(&der, Some(&password)).unwrap();
            let certificates: Vec<_> = read
                .certificates
                .iter()
                .map(|bag| (&bag.content[..], bag.friendly_name.as_deref()))
                .collect();
            assert_eq!(
                certificates,
                [
                    (&b"leaf"[..], Some("node ☂")),
                    (b"above", None),
                    (b"root", Some("root"))
                ]
            );
            assert_eq!(read.private_keys[0].content.pkcs8(), key.pkcs8());
            assert_eq!(
                read.private_keys[0].friendly_name.as_deref(),
                Some("node ☂")
            );
            let wrong = Password::new(Zeroizing::new(b"password".to_vec()));
            assert!(Pkcs12::read(&der, Some(&wrong)).is_err());
        }
        let empty = Password::new(Zeroizing::default());
        assert!(write_pkcs12(&contents, &empty, Protection::Modern).is_err());
    }
}
