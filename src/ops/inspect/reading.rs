//! The parts of a file, each read by its kind.

use time::OffsetDateTime;

use super::RequestFields;
use super::certificate::CertificateFields;
use super::object::{
    Entry, KeyFields, LockedKeyFields, Object, PrivateKeyFields, RevocationListFields,
};
use crate::error::ContentError;
use crate::keys::{KeyReader, Pkcs12, ReadKeyError};
use crate::pki::bundle::SignedData;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::document::{Kind, Part};
use crate::pki::element::Element;
use crate::pki::public_key::{PublicKey, rsa_public_key_info};

/// Reads a part of a file; a PKCS #7 or PKCS #12 has several objects.
///
/// # Errors
/// When it is not what its label says, is damaged, or cannot be opened.
pub(super) fn read(
    part: &Part,
    keys: &mut KeyReader<'_>,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, ContentError> {
    read_as_labelled(part, keys, now).map_err(|error| {
        let found = Kind::of_der(part.contents());
        match found {
            Some(found) if found.title() != part.kind().title() => ContentError::Label {
                labelled: part.kind().title(),
                found: found.title(),
            },
            Some(_) | None => error,
        }
    })
}

fn read_as_labelled(
    part: &Part,
    keys: &mut KeyReader<'_>,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, ContentError> {
    let line = part.line();
    let der = part.contents();
    let one = |object| Ok(vec![Entry::new(object, line, None)]);
    match part.kind() {
        Kind::Certificate => one(certificate(der, now)?),
        Kind::TrustedCertificate => {
            let (element, _) = Element::first(der, "the certificate")?;
            one(certificate(element.whole, now)?)
        }
        Kind::SigningRequest => {
            let request = CertificateSigningRequest::from_der(der.to_vec())?;
            let fields = Box::new(RequestFields::of(&request));
            one(Object::SigningRequest {
                fields,
                der: der.to_vec(),
            })
        }
        Kind::RevocationList => one(revocation_list(der, now)?),
        Kind::PublicKey => {
            PublicKey::from_der(der)?;
            one(Object::PublicKey {
                fields: KeyFields::of(der),
                der: der.to_vec(),
            })
        }
        Kind::RsaPublicKey => {
            let der = rsa_public_key_info(der)?;
            one(Object::PublicKey {
                fields: KeyFields::of(&der),
                der,
            })
        }
        Kind::PrivateKey | Kind::EncryptedPrivateKey => one(private_key(part, keys)?),
        Kind::OpenSshPrivateKey => Err(ReadKeyError::OpenSsh.into()),
        Kind::Pkcs7 => pkcs7(der, line, now),
        Kind::Pkcs12 => pkcs12(der, line, keys, now),
        Kind::Other => match part {
            Part::Pem(block) => one(Object::Other {
                label: block.label.clone(),
                size_bytes: der.len(),
            }),
            Part::Der { .. } => one(Object::Other {
                label: String::new(),
                size_bytes: der.len(),
            }),
        },
    }
}

/// A private key, or how it is encrypted when no password was given.
fn private_key(part: &Part, keys: &mut KeyReader<'_>) -> Result<Object, ContentError> {
    let key = match part {
        Part::Pem(block) => keys.pem(block),
        Part::Der { kind, contents } if *kind == Kind::EncryptedPrivateKey => {
            keys.encrypted(contents)
        }
        Part::Der { contents, .. } => keys.plain(contents),
    };
    match key {
        Ok(key) => Ok(Object::PrivateKey(PrivateKeyFields::of(&key))),
        Err(ReadKeyError::PasswordNeeded { encryption }) => {
            Ok(Object::EncryptedPrivateKey(LockedKeyFields { encryption }))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a certificate that came without a file.
///
/// # Errors
/// When it is none.
pub(super) fn read_certificate(der: &[u8], now: OffsetDateTime) -> Result<Entry, ContentError> {
    Ok(Entry::new(certificate(der, now)?, None, None))
}

fn certificate(der: &[u8], now: OffsetDateTime) -> Result<Object, ContentError> {
    let certificate = Certificate::from_der(der.to_vec())?;
    let fields = Box::new(CertificateFields::of(&certificate, now));
    Ok(Object::Certificate {
        fields,
        certificate: Box::new(certificate),
    })
}

fn revocation_list(der: &[u8], now: OffsetDateTime) -> Result<Object, ContentError> {
    let list = RevocationList::from_der(der.to_vec())?;
    let fields = Box::new(RevocationListFields::of(list, now));
    Ok(Object::RevocationList { fields })
}

fn pkcs7(der: &[u8], line: Option<usize>, now: OffsetDateTime) -> Result<Vec<Entry>, ContentError> {
    let content = SignedData::from_der(der)?;
    let certificates = content.certificates.iter().map(|der| certificate(der, now));
    let lists = content
        .revocation_lists
        .iter()
        .map(|der| revocation_list(der, now));
    certificates
        .chain(lists)
        .map(|object| Ok(Entry::new(object?, line, None)))
        .collect()
}

fn pkcs12(
    der: &[u8],
    line: Option<usize>,
    keys: &KeyReader<'_>,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, ContentError> {
    let content = Pkcs12::read(der, keys.password())?;
    let mut entries = Vec::new();
    for bag in content.private_keys {
        let object = Object::PrivateKey(PrivateKeyFields::of(&bag.content));
        entries.push(Entry::new(object, line, bag.friendly_name));
    }
    for bag in content.certificates {
        entries.push(Entry::new(
            certificate(&bag.content, now)?,
            line,
            bag.friendly_name,
        ));
    }
    for bag in content.revocation_lists {
        entries.push(Entry::new(
            revocation_list(&bag.content, now)?,
            line,
            bag.friendly_name,
        ));
    }
    Ok(entries)
}
