//! PKCS #12 files ([RFC 7292](https://www.rfc-editor.org/rfc/rfc7292)).

use std::fmt;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use ring::digest::{self, Algorithm};
use ring::hmac;
use zeroize::Zeroizing;

use super::Password;
use super::encryption::{Encryption, EncryptionError, Purpose, derive, positive};
use super::read::{KeyReader, ReadKey, ReadKeyError};
use crate::pki::algorithm::{AlgorithmIdentifier, ID_SHA1, ID_SHA256, ID_SHA384, ID_SHA512};
use crate::pki::bundle::DATA;
use crate::pki::element::{
    Element, ElementError, Elements, INTEGER, OCTET_STRING, SEQUENCE, SET, context,
    context_constructed, small_integer,
};
use crate::pki::general_name::object_identifier;
use crate::pki::oid::{ObjectIdentifier, known_oid};
use crate::pki::pem::MAX_BLOCKS;

/// What is in a PKCS #12 file.
#[derive(Debug, Default)]
pub struct Pkcs12 {
    /// The DER of the certificates, with the names the file gives them.
    pub certificates: Vec<Bag<Vec<u8>>>,
    /// The private keys.
    pub private_keys: Vec<Bag<ReadKey>>,
    /// The DER of the revocation lists.
    pub revocation_lists: Vec<Bag<Vec<u8>>>,
    /// How many bags of other kinds there are.
    pub others: usize,
    /// What protects the whole; `None` if nothing does.
    pub integrity: Option<String>,
}

/// Something in a PKCS #12 file.
#[derive(Debug)]
pub struct Bag<T> {
    /// What it is.
    pub content: T,
    /// The name the file gives it.
    pub friendly_name: Option<String>,
}

impl Pkcs12 {
    /// Reads DER; without a password as if it were the empty one.
    ///
    /// # Errors
    /// If it is malformed, costs too much to open, the password is wrong, or a key in it is damaged.
    pub fn read(der: &[u8], password: Option<&Password>) -> Result<Self, Pkcs12Error> {
        let empty = Password::new(Zeroizing::default());
        let is_guess = password.is_none();
        let password = password.unwrap_or(&empty);
        let mut parts = Element::only(der, SEQUENCE, "the PKCS #12")?.children();
        if small_integer(parts.next(INTEGER, "the version")?, "the version")? != 3 {
            return Err(ElementError::Content {
                what: "the version",
            }
            .into());
        }
        let safe = parts.next(SEQUENCE, "authSafe")?;
        let mac = parts.optional(SEQUENCE, "macData")?;
        parts.end("macData")?;
        let content = content_of(safe, DATA)?;
        let content = Element::only(content.content, OCTET_STRING, "authSafe")?.content;
        let mut reader = Reader {
            password,
            keys: KeyReader::new(Some(password)),
            bags_left: MAX_BLOCKS,
            found: Pkcs12::default(),
        };
        if let Some(mac) = mac {
            reader.verify(mac, content, is_guess)?;
        }
        let mut safes = Element::only(content, SEQUENCE, "the authenticated safe")?.children();
        while !safes.is_empty() {
            reader.safe(safes.next(SEQUENCE, "a safe")?)?;
        }
        Ok(reader.found)
    }
}

/// Why a PKCS #12 file is not opened.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs12Error {
    /// Not the structure of one.
    #[error("not a PKCS #12 file: {0}")]
    Malformed(#[from] ElementError),
    /// It needs a password.
    #[error("the PKCS #12 file has a password and none was given")]
    PasswordNeeded,
    /// Its integrity check fails.
    #[error("wrong password, or a damaged file")]
    Password,
    /// Protected by something we do not know.
    #[error("the PKCS #12 file is protected by {algorithm}, which is not supported")]
    Integrity {
        /// By what.
        algorithm: String,
    },
    /// It is not decrypted.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// A key in it is none.
    #[error(transparent)]
    Key(#[from] ReadKeyError),
}

impl Pkcs12Error {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Pkcs12Error::PasswordNeeded => {
                Some("give the password's file with `--password-file FILE`".into())
            }
            Pkcs12Error::Password
            | Pkcs12Error::Encryption(
                EncryptionError::Padding | EncryptionError::Password { .. },
            ) => Some(
                "the password is the first line of the file given with `--password-file`".into(),
            ),
            Pkcs12Error::Integrity { .. }
            | Pkcs12Error::Encryption(EncryptionError::Unsupported { .. }) => Some(
                "take it apart with `openssl pkcs12 -in FILE -nodes` and look at what comes out"
                    .into(),
            ),
            Pkcs12Error::Key(error) => error.hint(),
            Pkcs12Error::Malformed(_) | Pkcs12Error::Encryption(_) => {
                Some("copy the file again: it is damaged, or not what its name says".into())
            }
        }
    }
}

struct Reader<'a> {
    password: &'a Password,
    keys: KeyReader<'a>,
    bags_left: usize,
    found: Pkcs12,
}

impl Reader<'_> {
    /// Checks the MAC over the authenticated safe (RFC 7292 §4).
    fn verify(
        &mut self,
        mac: Element<'_>,
        content: &[u8],
        is_guess: bool,
    ) -> Result<(), Pkcs12Error> {
        let mut parts = mac.children();
        let mut info = parts.next(SEQUENCE, "the MAC")?.children();
        let algorithm = AlgorithmIdentifier::read(info.next(SEQUENCE, "the MAC's algorithm")?)?;
        let expected = info.next(OCTET_STRING, "the MAC")?.content;
        info.end("the MAC")?;
        let salt = parts.next(OCTET_STRING, "the MAC's salt")?.content;
        let rounds = match parts.optional(INTEGER, "the MAC's rounds")? {
            Some(element) => positive(element, "rounds")?,
            None => 1,
        };
        parts.end("the MAC's rounds")?;
        let known = MACS.iter().find(|(oid, ..)| algorithm.oid == *oid);
        let &(_, name, hash, hmac_algorithm) = known.ok_or_else(|| Pkcs12Error::Integrity {
            algorithm: algorithm.to_string(),
        })?;
        let derive_and_verify = |password: &[u8]| {
            let bytes = hash.output_len();
            let key = derive(hash, Purpose::Mac, password, salt, rounds, bytes);
            hmac::verify(&hmac::Key::new(hmac_algorithm, &key), content, expected).is_ok()
        };
        let attempts = if self.password.bytes().is_empty() {
            2
        } else {
            1
        };
        self.keys.effort().take(rounds.saturating_mul(attempts))?;
        // Some programs take no password for no bytes at all, not even the final zero.
        let is_good = derive_and_verify(&self.password.utf_16())
            || (self.password.bytes().is_empty() && derive_and_verify(&[]));
        self.found.integrity = Some(format!("HMAC with {name}, {rounds} rounds"));
        match (is_good, is_guess) {
            (true, _) => Ok(()),
            (false, true) => Err(Pkcs12Error::PasswordNeeded),
            (false, false) => Err(Pkcs12Error::Password),
        }
    }

    /// Reads one ContentInfo of the authenticated safe.
    fn safe(&mut self, info: Element<'_>) -> Result<(), Pkcs12Error> {
        let mut kind = info.children();
        if object_identifier(&mut kind, "a safe's type")? == DATA {
            let content = content_of(info, DATA)?;
            let bags = Element::only(content.content, OCTET_STRING, "a safe")?.content;
            return self.bags(bags);
        }
        let content = content_of(info, ENCRYPTED_DATA)?;
        let mut parts = Element::only(content.content, SEQUENCE, "an encrypted safe")?.children();
        parts.next(INTEGER, "an encrypted safe's version")?;
        let mut encrypted = parts.next(SEQUENCE, "an encrypted safe")?.children();
        object_identifier(&mut encrypted, "an encrypted safe's type")?;
        let encryption = Encryption::read(encrypted.next(SEQUENCE, "the encryption")?)?;
        let bytes = encrypted.next(context(0), "the encrypted content")?.content;
        encrypted.end("the encrypted content")?;
        let decrypted = encryption.decrypt(bytes, self.password, self.keys.effort())?;
        self.bags(&decrypted)
    }

    /// Reads SafeContents.
    fn bags(&mut self, contents: &[u8]) -> Result<(), Pkcs12Error> {
        let mut bags = Element::only(contents, SEQUENCE, "a safe")?.children();
        while !bags.is_empty() {
            let mut parts = bags.next(SEQUENCE, "a bag")?.children();
            let kind = object_identifier(&mut parts, "a bag's type")?;
            let value = parts.next(context_constructed(0), "a bag")?;
            let attributes = parts.optional(SET, "a bag's attributes")?;
            parts.end("a bag's attributes")?;
            let friendly_name = attributes.and_then(|set| friendly_name(set.children()));
            self.bag(&kind, value.content, friendly_name)?;
        }
        Ok(())
    }

    fn bag(
        &mut self,
        kind: &ObjectIdentifier,
        value: &[u8],
        friendly_name: Option<String>,
    ) -> Result<(), Pkcs12Error> {
        self.bags_left = self
            .bags_left
            .checked_sub(1)
            .ok_or(ElementError::TooMany { what: "bags" })?;
        if *kind == KEY_BAG {
            let content = self.keys.plain(value)?;
            self.found.private_keys.push(Bag {
                content,
                friendly_name,
            });
        } else if *kind == SHROUDED_KEY_BAG {
            let content = self.keys.encrypted(value)?;
            self.found.private_keys.push(Bag {
                content,
                friendly_name,
            });
        } else if *kind == CERTIFICATE_BAG {
            let content = inner(value, X509_CERTIFICATE)?;
            self.found.certificates.push(Bag {
                content,
                friendly_name,
            });
        } else if *kind == CRL_BAG {
            let content = inner(value, X509_CRL)?;
            self.found.revocation_lists.push(Bag {
                content,
                friendly_name,
            });
        } else {
            self.found.others += 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader(..)")
    }
}

/// The content of a ContentInfo of this type.
fn content_of(
    info: Element<'_>,
    expected: KnownObjectIdentifier,
) -> Result<Element<'_>, ElementError> {
    let mut parts = info.children();
    if object_identifier(&mut parts, "the content's type")? != expected {
        return Err(ElementError::Content {
            what: "the content's type",
        });
    }
    let content = parts.next(context_constructed(0), "the content")?;
    parts.end("the content")?;
    Ok(content)
}

/// The bytes in a CertBag or CRLBag of this type (RFC 7292 §4.2.3).
fn inner(value: &[u8], expected: KnownObjectIdentifier) -> Result<Vec<u8>, ElementError> {
    let bag = Element::only(value, SEQUENCE, "a certificate bag")?;
    let wrapper = content_of(bag, expected)?;
    let bytes = Element::only(wrapper.content, OCTET_STRING, "a certificate bag")?;
    Ok(bytes.content.to_vec())
}

/// The friendlyName among a bag's attributes (RFC 2985 §5.5.1).
fn friendly_name(mut attributes: Elements<'_>) -> Option<String> {
    while !attributes.is_empty() {
        let mut parts = attributes.next(SEQUENCE, "an attribute").ok()?.children();
        let kind = object_identifier(&mut parts, "an attribute").ok()?;
        let values = parts.next(SET, "an attribute").ok()?;
        if kind == FRIENDLY_NAME {
            let (units, _) = values
                .children()
                .any("friendlyName")
                .ok()?
                .content
                .as_chunks();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            return Some(String::from_utf16_lossy(&units));
        }
    }
    None
}

type Mac = (
    KnownObjectIdentifier,
    &'static str,
    &'static Algorithm,
    hmac::Algorithm,
);

static MACS: [Mac; 4] = [
    (
        ID_SHA1,
        "SHA-1",
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    ),
    (ID_SHA256, "SHA-256", &digest::SHA256, hmac::HMAC_SHA256),
    (ID_SHA384, "SHA-384", &digest::SHA384, hmac::HMAC_SHA384),
    (ID_SHA512, "SHA-512", &digest::SHA512, hmac::HMAC_SHA512),
];

pub(super) const ENCRYPTED_DATA: KnownObjectIdentifier = known_oid("1.2.840.113549.1.7.6");
const KEY_BAG: KnownObjectIdentifier = known_oid("1.2.840.113549.1.12.10.1.1");
pub(super) const SHROUDED_KEY_BAG: KnownObjectIdentifier = known_oid("1.2.840.113549.1.12.10.1.2");
pub(super) const CERTIFICATE_BAG: KnownObjectIdentifier = known_oid("1.2.840.113549.1.12.10.1.3");
const CRL_BAG: KnownObjectIdentifier = known_oid("1.2.840.113549.1.12.10.1.4");
pub(super) const X509_CERTIFICATE: KnownObjectIdentifier = known_oid("1.2.840.113549.1.9.22.1");
const X509_CRL: KnownObjectIdentifier = known_oid("1.2.840.113549.1.9.23.1");
pub(super) const FRIENDLY_NAME: KnownObjectIdentifier = known_oid("1.2.840.113549.1.9.20");
