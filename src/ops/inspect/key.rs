//! Keys, without any private bytes.

use serde::Serialize;

use crate::keys::{KeyFormat, ReadKey};
use crate::ops::sheet::Sheet;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::public_key::{KeyKind, PublicKey};

/// A public key, from any object.
#[derive(Debug, Serialize)]
pub(super) struct KeyFields {
    #[serde(rename = "type")]
    kind: KeyKind,
    bits: Option<usize>,
    algorithm: Option<AlgorithmIdentifier>,
    exponent: Option<String>,
    spki_sha256: Fingerprint,
    spki_pin_sha256: String,
}

impl KeyFields {
    /// The fields of a DER SubjectPublicKeyInfo, as far as it reads.
    pub(super) fn of(public_key_info: &[u8]) -> Self {
        let key = PublicKey::from_der(public_key_info).ok();
        let digest = Fingerprint::sha256(public_key_info);
        KeyFields {
            kind: key.as_ref().map_or(KeyKind::Other, |key| key.kind),
            bits: key.as_ref().and_then(|key| key.bits),
            exponent: key.as_ref().and_then(exponent),
            algorithm: key.map(|key| key.algorithm),
            spki_pin_sha256: digest.base64(),
            spki_sha256: digest,
        }
    }

    /// The kind and the size.
    pub(super) fn title(&self) -> String {
        let kind = match (self.kind, &self.algorithm) {
            (KeyKind::Other, Some(algorithm)) => algorithm.to_string(),
            (kind, _) => kind.to_string(),
        };
        let exponent = self
            .exponent
            .iter()
            .filter(|e| *e != "65537")
            .map(|e| format!(", exponent {e}"));
        let exponent: String = exponent.collect();
        match self.bits {
            Some(bits) => format!("{kind} ({bits} bits{exponent})"),
            None => kind,
        }
    }

    /// Adds the rows that every key has.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("key", self.title());
        sheet.row("key sha256", &self.spki_sha256);
        sheet.row("key pin", &self.spki_pin_sha256);
    }
}

/// An RSA key's public exponent in decimal; `None` above 64 bits.
fn exponent(key: &PublicKey) -> Option<String> {
    let (_, exponent) = key.rsa_numbers()?;
    let octets = exponent.len() <= 8;
    let value = exponent
        .iter()
        .take(8)
        .fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
    octets.then(|| value.to_string())
}

/// A private key: everything that is shown of it.
#[derive(Debug, Serialize)]
pub(super) struct PrivateKeyFields {
    #[serde(rename = "type")]
    kind: KeyKind,
    bits: Option<usize>,
    format: KeyFormat,
    encryption: Option<String>,
    halves_checked: bool,
    public_key: Option<KeyFields>,
}

impl PrivateKeyFields {
    /// The fields of a key.
    pub(super) fn of(key: &ReadKey) -> Self {
        PrivateKeyFields {
            kind: key.kind(),
            bits: key.bits(),
            format: key.format(),
            encryption: key.encryption().map(str::to_owned),
            halves_checked: key.is_checked(),
            public_key: key.public_key_info().map(KeyFields::of),
        }
    }

    /// All rows, or the short ones.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        match &self.public_key {
            Some(public) => public.add_to(sheet),
            None => sheet.row("key", self.kind),
        }
        sheet.row("form", self.format);
        sheet.row("encryption", self.encryption.as_deref().unwrap_or("none"));
        if !self.halves_checked {
            sheet.row("not checked", "whether its private and public parts match");
        }
    }
}

/// An encrypted private key that was not decrypted.
#[derive(Debug, Serialize)]
pub(super) struct LockedKeyFields {
    /// How it is encrypted.
    pub(super) encryption: String,
}

impl LockedKeyFields {
    /// All rows.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("encryption", &self.encryption);
        sheet.row("to decrypt", "give its password with --password-file FILE");
    }
}
