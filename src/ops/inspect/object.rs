//! The objects of a file.

use std::fmt;

use serde::Serialize;

use super::Detail;
use super::certificate::{CertificateFields, Relation};
use super::key::{KeyFields, LockedKeyFields, PrivateKeyFields};
use super::request::RequestFields;
use super::revocation::RevocationListFields;
use crate::ops::sheet::Sheet;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::pem;

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

/// An object by its kind.
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
        size_bytes: usize,
    },
}

impl Entry {
    pub(super) fn new(object: Object, line: Option<usize>, friendly_name: Option<String>) -> Self {
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
            Object::RevocationList { fields } => ("X509 CRL", fields.as_der()),
            Object::PublicKey { der, .. } => ("PUBLIC KEY", der),
            Object::PrivateKey(_) | Object::EncryptedPrivateKey(_) | Object::Other { .. } => return,
        };
        // All these labels are valid, so encoding cannot fail.
        self.pem = pem::encode(label, der).ok().map(|text| text.to_string());
    }

    /// Records the relation of a certificate to the others of its file.
    pub(super) fn relate(&mut self, relation: Relation) {
        if let Object::Certificate { fields, .. } = &mut self.object {
            fields.relate(relation);
        }
    }

    /// Writes the object; `position` is its number when there are several.
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
            Object::RevocationList { fields } => fields.add_short_to(sheet),
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
            Object::RevocationList { fields } => fields.add_to(sheet),
            Object::PublicKey { fields, .. } => fields.add_to(sheet),
            Object::PrivateKey(fields) => fields.add_to(sheet),
            Object::EncryptedPrivateKey(fields) => fields.add_to(sheet),
            Object::Other { label, size_bytes } => {
                sheet.row("label", Escaped(label));
                sheet.row("size", format!("{size_bytes} bytes"));
            }
        }
    }
}
