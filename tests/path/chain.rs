//! Certificates made field by field, so that a test can break any one of them.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

/// A key that certificates are made for and signed with: P-256.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
}

impl Key {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("randomness");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random);
        Key {
            pair: pair.expect("a key that was just made"),
        }
    }

    fn public_key_info(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let algorithm = sequence(&[oid(&EC_PUBLIC_KEY), oid(&SECP256R1)].concat());
        sequence(&[algorithm, element(0x03, &[&[0], point].concat())].concat())
    }

    fn identifier(&self) -> Vec<u8> {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.pair.public_key().as_ref());
        digest.as_ref()[..20].to_vec()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature.expect("a signature").as_ref().to_vec()
    }
}

/// A certificate before it is signed; every field can be changed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) version: u8,
    pub(crate) serial: Vec<u8>,
    pub(crate) inner_algorithm: Vec<u8>,
    pub(crate) outer_algorithm: Vec<u8>,
    pub(crate) issuer: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) subject: String,
    /// Another SubjectPublicKeyInfo than that of the key.
    pub(crate) public_key_info: Option<Vec<u8>>,
    pub(crate) extensions: Vec<Extension>,
}

#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) oid: Vec<u8>,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

impl Draft {
    /// A CA that conforms.
    pub(crate) fn ca(subject: &str, issuer: &str, key: &Key, issuers_key: &Key) -> Self {
        let mut draft = Draft::plain(subject, issuer, key, issuers_key);
        draft.put(BASIC_CONSTRAINTS, true, sequence(&element(0x01, &[0xff])));
        draft.put(KEY_USAGE, true, element(0x03, &[1, 0b0000_0110]));
        draft
    }

    /// A server's certificate that conforms.
    pub(crate) fn server(host: &str, issuer: &str, key: &Key, issuers_key: &Key) -> Self {
        let mut draft = Draft::plain(host, issuer, key, issuers_key);
        draft.put(KEY_USAGE, true, element(0x03, &[7, 0b1000_0000]));
        draft.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&SERVER_AUTH)));
        draft.put(
            SUBJECT_ALT_NAME,
            false,
            sequence(&element(0x82, host.as_bytes())),
        );
        draft
    }

    fn plain(subject: &str, issuer: &str, key: &Key, issuers_key: &Key) -> Self {
        let mut draft = Draft {
            version: 2,
            serial: vec![0x11; 16],
            inner_algorithm: ECDSA_SHA256.to_vec(),
            outer_algorithm: ECDSA_SHA256.to_vec(),
            issuer: issuer.into(),
            not_before: "260101000000Z".into(),
            not_after: "281231235959Z".into(),
            subject: subject.into(),
            public_key_info: None,
            extensions: Vec::new(),
        };
        let own = element(0x04, &key.identifier());
        draft.put(SUBJECT_KEY_IDENTIFIER, false, own);
        let authority = sequence(&element(0x80, &issuers_key.identifier()));
        draft.put(AUTHORITY_KEY_IDENTIFIER, false, authority);
        draft
    }

    /// Adds an extension of the arc 2.5.29.
    pub(crate) fn put(&mut self, arc: u8, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension {
            oid: vec![0x55, 0x1d, arc],
            critical,
            value,
        });
    }

    pub(crate) fn remove(&mut self, arc: u8) {
        self.extensions
            .retain(|extension| extension.oid != [0x55, 0x1d, arc]);
    }

    /// The DER, for this key, signed with that one.
    pub(crate) fn sign(&self, key: &Key, issuers_key: &Key) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(Extension::der).collect();
        let validity = [time(&self.not_before), time(&self.not_after)].concat();
        let mut fields = Vec::new();
        if self.version > 0 {
            fields.push(element(0xa0, &element(0x02, &[self.version])));
        }
        fields.extend([
            element(0x02, &self.serial),
            self.inner_algorithm.clone(),
            name(&self.issuer),
            sequence(&validity),
            name(&self.subject),
            self.public_key_info
                .clone()
                .unwrap_or_else(|| key.public_key_info()),
        ]);
        if !extensions.is_empty() {
            fields.push(element(0xa3, &sequence(&extensions.concat())));
        }
        let to_be_signed = sequence(&fields.concat());
        let signature = [&[0][..], &issuers_key.sign(&to_be_signed)].concat();
        let parts = [
            to_be_signed,
            self.outer_algorithm.clone(),
            element(0x03, &signature),
        ];
        sequence(&parts.concat())
    }
}

impl Extension {
    fn der(&self) -> Vec<u8> {
        let critical = if self.critical {
            element(0x01, &[0xff])
        } else {
            Vec::new()
        };
        let parts = [oid(&self.oid), critical, element(0x04, &self.value)];
        sequence(&parts.concat())
    }
}

/// A revocation list before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) issuer: String,
    pub(crate) this_update: String,
    pub(crate) next_update: Option<String>,
    pub(crate) number: Option<u16>,
    /// The number of the list that a delta list adds to.
    pub(crate) base: Option<u8>,
    /// Serial numbers, and the code of the reason where there is one.
    pub(crate) revoked: Vec<(Vec<u8>, Option<u8>)>,
    pub(crate) unknown_critical: bool,
    /// The value of issuingDistributionPoint.
    pub(crate) scope: Option<Vec<u8>>,
}

impl List {
    /// A list that conforms and revokes nothing.
    pub(crate) fn new(issuer: &str, number: u16) -> Self {
        List {
            issuer: issuer.into(),
            this_update: "261101000000Z".into(),
            next_update: Some("270101000000Z".into()),
            base: None,
            number: Some(number),
            revoked: Vec::new(),
            unknown_critical: false,
            scope: None,
        }
    }

    pub(crate) fn revoking(self, serial: [u8; 16]) -> Self {
        self.entry(&serial, None)
    }

    pub(crate) fn entry(mut self, serial: &[u8], reason: Option<u8>) -> Self {
        self.revoked.push((serial.to_vec(), reason));
        self
    }

    /// The DER, signed with this key, as one of the CA with that one.
    pub(crate) fn sign(&self, key: &Key, issuers_key: &Key) -> Vec<u8> {
        let mut fields = vec![
            element(0x02, &[1]),
            ECDSA_SHA256.to_vec(),
            name(&self.issuer),
            time(&self.this_update),
        ];
        fields.extend(self.next_update.as_deref().map(time));
        let entry = |(serial, reason): &(Vec<u8>, Option<u8>)| {
            let mut parts = vec![element(0x02, serial), time("261001000000Z")];
            parts.extend(reason.map(|code| {
                let reason = Extension {
                    oid: vec![0x55, 0x1d, REASON_CODE],
                    critical: false,
                    value: element(0x0a, &[code]),
                };
                sequence(&reason.der())
            }));
            sequence(&parts.concat())
        };
        let entries: Vec<_> = self.revoked.iter().map(entry).collect();
        if !entries.is_empty() {
            fields.push(sequence(&entries.concat()));
        }
        fields.push(element(
            0xa0,
            &sequence(&self.extensions(issuers_key).concat()),
        ));
        let to_be_signed = sequence(&fields.concat());
        let signature = [&[0][..], &key.sign(&to_be_signed)].concat();
        let parts = [
            to_be_signed,
            ECDSA_SHA256.to_vec(),
            element(0x03, &signature),
        ];
        sequence(&parts.concat())
    }

    fn extensions(&self, issuers_key: &Key) -> Vec<Vec<u8>> {
        let extension = |arc, critical, value| {
            Extension {
                oid: vec![0x55, 0x1d, arc],
                critical,
                value,
            }
            .der()
        };
        let authority = sequence(&element(0x80, &issuers_key.identifier()));
        let mut all = vec![extension(AUTHORITY_KEY_IDENTIFIER, false, authority)];
        if let Some(number) = self.number {
            let [high, low] = number.to_be_bytes();
            let content = match (high, low) {
                (0, 0..0x80) => vec![low],
                (0, _) => vec![0, low],
                _ => vec![high, low],
            };
            all.push(extension(CRL_NUMBER, false, element(0x02, &content)));
        }
        if let Some(scope) = &self.scope {
            all.push(extension(ISSUING_DISTRIBUTION_POINT, true, scope.clone()));
        }
        if let Some(base) = self.base {
            all.push(extension(DELTA_CRL_INDICATOR, true, element(0x02, &[base])));
        }
        if self.unknown_critical {
            all.push(extension(UNKNOWN, true, sequence(&[])));
        }
        all
    }
}

/// An element with its length in the shortest form.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let header = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header, content.to_vec()].concat()
}

pub(crate) fn sequence(content: &[u8]) -> Vec<u8> {
    element(0x30, content)
}

pub(crate) fn oid(content: &[u8]) -> Vec<u8> {
    element(0x06, content)
}

/// A Name of one common name; none where it is empty.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let value = element(0x0c, common_name.as_bytes());
    let attribute = sequence(&[oid(&[0x55, 0x04, 0x03]), value].concat());
    sequence(&element(0x31, &attribute))
}

fn time(text: &str) -> Vec<u8> {
    let tag = if text.len() == 13 { 0x17 } else { 0x18 };
    element(tag, text.as_bytes())
}

const CRL_NUMBER: u8 = 20;
const REASON_CODE: u8 = 21;
const DELTA_CRL_INDICATOR: u8 = 27;
const ISSUING_DISTRIBUTION_POINT: u8 = 28;
/// An arc that no extension has.
pub(crate) const UNKNOWN: u8 = 127;
pub(crate) const SUBJECT_KEY_IDENTIFIER: u8 = 14;
pub(crate) const KEY_USAGE: u8 = 15;
pub(crate) const SUBJECT_ALT_NAME: u8 = 17;
pub(crate) const BASIC_CONSTRAINTS: u8 = 19;
pub(crate) const AUTHORITY_KEY_IDENTIFIER: u8 = 35;
pub(crate) const EXTENDED_KEY_USAGE: u8 = 37;

pub(crate) const SERVER_AUTH: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
pub(crate) const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(crate) const SECP256R1: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_SHA256: [u8; 12] = [
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];
