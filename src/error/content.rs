//! Why the content of a file cannot be used, and what to do about the operating system's refusals.

use std::path::Path;

use super::{Error, shown};
use crate::keys::{Pkcs12Error, ReadKeyError, SigningError};
use crate::pki::certificate::CertificateError;
use crate::pki::crl::MalformedListError;
use crate::pki::document::DocumentError;
use crate::pki::element::ElementError;
use crate::pki::serial::SerialNumber;

/// Why an object in a file cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file as a whole.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A PEM label that does not match the content.
    #[error("labelled as a {labelled}, but looks like a {found}")]
    Label {
        /// The label.
        labelled: &'static str,
        /// What the content looks like.
        found: &'static str,
    },
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A revocation list.
    #[error(transparent)]
    RevocationList(#[from] MalformedListError),
    /// Malformed DER.
    #[error(transparent)]
    Element(#[from] ElementError),
    /// A private key.
    #[error(transparent)]
    Key(#[from] ReadKeyError),
    /// A PKCS #12 file.
    #[error(transparent)]
    Pkcs12(#[from] Pkcs12Error),
}

impl ContentError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            ContentError::Key(error) => error.hint(),
            ContentError::Pkcs12(error) => error.hint(),
            ContentError::Document(DocumentError::Nothing { .. }) => {
                Some("name a file with certificates, keys, requests or CRLs".into())
            }
            ContentError::Document(DocumentError::Pem(_)) => {
                Some("copy the whole block again, from its BEGIN to its END line".into())
            }
            ContentError::Label { .. } => Some("correct the label, or use the right file".into()),
            ContentError::Document(DocumentError::UnknownDer)
            | ContentError::Certificate(_)
            | ContentError::RevocationList(_)
            | ContentError::Element(_) => {
                Some("copy the file again: it is damaged or not of the expected kind".into())
            }
        }
    }
}

/// What to do when the operating system refuses.
pub(super) fn io_hint(source: &std::io::Error, path: &Path) -> Option<String> {
    use std::io::ErrorKind;
    match source.kind() {
        ErrorKind::NotFound => Some(format!("check the path: {}", shown(path))),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some("check the owner and mode of the file and its directory".into())
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Some("free some disk space; existing files are unchanged".into())
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            Some("a file has this name; use another directory".into())
        }
        ErrorKind::IsADirectory => Some("name a file in this directory".into()),
        _ => Some(format!("see what is there with `ls -ld {}`", shown(path))),
    }
}

/// The line number as the start of a message.
pub(super) fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: "))
        .unwrap_or_default()
}

/// Serial numbers separated by commas.
pub(super) fn listed(serials: &[SerialNumber]) -> String {
    let texts: Vec<String> = serials.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Key(source) => Error::KeyGeneration(source),
            SigningError::PublicKey(source) => Error::PublicKey(source),
            SigningError::ReadBack(source) => Error::ReadBack(source),
        }
    }
}
