//! The objects of a file, each read by its kind.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use super::Detail;
use super::certificate::CertificateFields;
use super::key::{KeyFields, LockedKeyFields, PrivateKeyFields};
use super::request::RequestFields;
use super::revocation::RevocationListFields;
use super::sheet::Sheet;
use crate::error::ContentError;
use crate::keys::{self, Password, Pkcs12, ReadKeyError};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::document::{Kind, Part};
use crate::pki::element::{Element, SEQUENCE};
use crate::pki::escape::Escaped;
use crate::pki::pem;
use crate::pki::pkcs7::SignedData;

/// An object and where it was found.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub(super) object: Object,
    line: Option<usize>,
    friendly_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pem: Option<String>,
}

/// What an object says.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Object {
    Certificate {
        #[serde(flatten)]
        fields: Box<CertificateFields>,
        #[serde(skip)]
        certificate: Box<Certificate>,
    },
    SigningRequest {
        #[serde(flatten)]
        fields: Box<RequestFields>,
        #[serde(skip)]
        der: Vec<u8>,
    },
    RevocationList {
        #[serde(flatten)]
        fields: Box<RevocationListFields>,
        #[serde(skip)]
        der: Vec<u8>,
    },
    PublicKey {
        #[serde(flatten)]
        fields: KeyFields,
        #[serde(skip)]
        der: Vec<u8>,
    },
    PrivateKey(PrivateKeyFields),
    EncryptedPrivateKey(LockedKeyFields),
    Other {
        label: String,
        octets: usize,
    },
}

/// Reads a part of a file; a PKCS #7 or PKCS #12 has several objects.
pub(super) fn read(
    part: &Part,
    password: Option<&Password>,
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
            Element::only(der, SEQUENCE, "the public key")?;
            crate::pki::public_key::PublicKey::from_der(der)?;
            one(Object::PublicKey {
                fields: KeyFields::of(der),
                der: der.to_vec(),
            })
        }
        Kind::RsaPublicKey => {
            let der = crate::pki::public_key::rsa_public_key_info(der)?;
            one(Object::PublicKey {
                fields: KeyFields::of(&der),
                der,
            })
        }
        Kind::PrivateKey => match part {
            Part::Pem(block) if block.is_encrypted() => Err(ReadKeyError::LegacyEncryption.into()),
            Part::Pem(_) | Part::Der { .. } => one(Object::PrivateKey(PrivateKeyFields::of(
                &keys::read_key(der)?,
            ))),
        },
        Kind::EncryptedPrivateKey => match keys::read_encrypted_key(der, password) {
            Ok(key) => one(Object::PrivateKey(PrivateKeyFields::of(&key))),
            Err(ReadKeyError::PasswordNeeded { encryption }) => {
                one(Object::EncryptedPrivateKey(LockedKeyFields { encryption }))
            }
            Err(error) => Err(error.into()),
        },
        Kind::OpenSshPrivateKey => Err(ReadKeyError::OpenSsh.into()),
        Kind::Pkcs7 => pkcs7(der, line, now),
        Kind::Pkcs12 => pkcs12(der, line, password, now),
        Kind::Other => match part {
            Part::Pem(block) => one(Object::Other {
                label: block.label.clone(),
                octets: der.len(),
            }),
            Part::Der { .. } => one(Object::Other {
                label: String::new(),
                octets: der.len(),
            }),
        },
    }
}

impl Entry {
    fn new(object: Object, line: Option<usize>, friendly_name: Option<String>) -> Self {
        Entry {
            object,
            line,
            friendly_name,
            pem: None,
        }
    }

    /// Adds the object as clean PEM, unless it is a private key or unknown.
    pub(super) fn add_pem(&mut self) {
        let (label, der): (_, &[u8]) = match &self.object {
            Object::Certificate { certificate, .. } => ("CERTIFICATE", certificate.as_der()),
            Object::SigningRequest { der, .. } => ("CERTIFICATE REQUEST", der),
            Object::RevocationList { der, .. } => ("X509 CRL", der),
            Object::PublicKey { der, .. } => ("PUBLIC KEY", der),
            Object::PrivateKey(_) | Object::EncryptedPrivateKey(_) | Object::Other { .. } => return,
        };
        // These labels are all good, so that encoding fails for none of them.
        self.pem = pem::encode(label, der).ok().map(|text| text.to_string());
    }

    /// Notes the positions in the file of a certificate's issuer and of what it is a copy of.
    pub(super) fn relate(
        &mut self,
        issued_by: Option<usize>,
        copy_of: Option<usize>,
        count: usize,
    ) {
        if let Object::Certificate { fields, .. } = &mut self.object {
            fields.relate(issued_by, copy_of, count);
        }
    }

    /// Writes the object; `position` is its number where there are several.
    pub(super) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        detail: Detail,
        position: Option<usize>,
    ) -> fmt::Result {
        let mut sheet = Sheet::indented(if position.is_some() || detail == Detail::Full {
            2
        } else {
            0
        });
        match detail {
            Detail::Pem => return f.write_str(self.pem.as_deref().unwrap_or_default()),
            Detail::Short => self.object.add_short_to(&mut sheet),
            Detail::Full => self.object.add_to(&mut sheet),
        }
        if let (Some(name), Detail::Full) = (&self.friendly_name, detail) {
            sheet.row("friendly name", Escaped(name));
        }
        if detail == Detail::Full || position.is_some() {
            let number = position
                .map(|position| format!("{position}  "))
                .unwrap_or_default();
            let relation = self.object.relation(position);
            writeln!(f, "\n{number}{}{relation}", self.object.title())?;
        }
        write!(f, "{sheet}")
    }
}

impl Object {
    /// Its name.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Object::Certificate { .. } => "certificate",
            Object::SigningRequest { .. } => "certificate signing request",
            Object::RevocationList { .. } => "revocation list",
            Object::PublicKey { .. } => "public key",
            Object::PrivateKey(_) => "private key",
            Object::EncryptedPrivateKey(_) => "encrypted private key",
            Object::Other { .. } => "other block",
        }
    }

    /// The certificate, if it is one.
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        match self {
            Object::Certificate { certificate, .. } => Some(certificate),
            Object::SigningRequest { .. }
            | Object::RevocationList { .. }
            | Object::PublicKey { .. }
            | Object::PrivateKey(_)
            | Object::EncryptedPrivateKey(_)
            | Object::Other { .. } => None,
        }
    }

    /// Whether it is a private key, encrypted or not.
    pub(super) fn is_private_key(&self) -> bool {
        match self {
            Object::PrivateKey(_) | Object::EncryptedPrivateKey(_) => true,
            Object::Certificate { .. }
            | Object::SigningRequest { .. }
            | Object::RevocationList { .. }
            | Object::PublicKey { .. }
            | Object::Other { .. } => false,
        }
    }

    fn relation(&self, position: Option<usize>) -> String {
        match self {
            Object::Certificate { fields, .. } => fields.relation(position),
            Object::SigningRequest { .. }
            | Object::RevocationList { .. }
            | Object::PublicKey { .. }
            | Object::PrivateKey(_)
            | Object::EncryptedPrivateKey(_)
            | Object::Other { .. } => String::new(),
        }
    }

    fn add_short_to(&self, sheet: &mut Sheet) {
        match self {
            Object::Certificate { fields, .. } => fields.add_short_to(sheet),
            Object::SigningRequest { fields, .. } => fields.add_short_to(sheet),
            Object::RevocationList { fields, .. } => fields.add_short_to(sheet),
            Object::PublicKey { .. }
            | Object::PrivateKey(_)
            | Object::EncryptedPrivateKey(_)
            | Object::Other { .. } => self.add_to(sheet),
        }
    }

    fn add_to(&self, sheet: &mut Sheet) {
        match self {
            Object::Certificate { fields, .. } => fields.add_to(sheet),
            Object::SigningRequest { fields, .. } => fields.add_to(sheet),
            Object::RevocationList { fields, .. } => fields.add_to(sheet),
            Object::PublicKey { fields, .. } => fields.add_to(sheet),
            Object::PrivateKey(fields) => fields.add_to(sheet),
            Object::EncryptedPrivateKey(fields) => fields.add_to(sheet),
            Object::Other { label, octets } => {
                sheet.row("label", Escaped(label));
                sheet.row("octets", octets);
            }
        }
    }
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
    let fields = Box::new(RevocationListFields::of(&list, now));
    Ok(Object::RevocationList {
        fields,
        der: der.to_vec(),
    })
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
    password: Option<&Password>,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, ContentError> {
    let content = Pkcs12::read(der, password)?;
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
