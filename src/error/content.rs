//! Why the content of a file cannot be used, and what to do about the operating system's refusals.

use std::path::Path;

use super::{Error, shown};
use crate::keys::{AgeError, KeyError, Pkcs12Error, ReadKeyError, SigningError};
use crate::message::MessageError;
use crate::network::agent::AgentFileError;
use crate::network::{EditError, NetworkFileError};
use crate::pki::bundle::BundleError;
use crate::pki::certificate::{CertificateError, IssuerError};
use crate::pki::crl::MalformedListError;
use crate::pki::document::DocumentError;
use crate::pki::element::ElementError;
use crate::pki::pem::PemError;
use crate::pki::serial::SerialNumber;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not a certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No certificates, or one that is damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A certificate that nothing can be issued under.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// PEM with a malformed block.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// An object that cannot be parsed.
    #[error("{}{source}", at_line(*line))]
    Content {
        /// The line of the PEM block's BEGIN.
        line: Option<usize>,
        /// What is wrong with it.
        source: ContentError,
    },
    /// A private key that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A private key that cannot be parsed.
    #[error(transparent)]
    ReadKey(#[from] ReadKeyError),
    /// Encrypted with a passphrase, and cannot be opened.
    #[error(transparent)]
    Encrypted(#[from] AgeError),
    /// Messages cannot be signed, sealed or checked with it.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A network's YAML that cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkFileError),
    /// An agent's YAML that cannot be used.
    #[error(transparent)]
    Agent(#[from] AgentFileError),
    /// A network's YAML that a `tls:` block cannot be added to.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A certificate and a key that a TLS server cannot present.
    #[error("a TLS server cannot present it: {0}")]
    ServerPair(#[from] rustls::Error),
    /// What the ACME client remembers.
    #[error("not what was written there: {0}")]
    AcmeState(#[from] serde_json::Error),
}

impl FileError {
    /// The error's stable name, for programs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            FileError::Certificate(_) | FileError::Bundle(_) => "certificate",
            FileError::Issuer(_) => "issuer",
            FileError::Pem(_) => "pem",
            FileError::Content { .. } => "content",
            FileError::Key(_) => "key",
            FileError::ReadKey(_) => "private-key",
            FileError::Encrypted(_) => "encrypted",
            FileError::Message(_) => "message",
            FileError::Network(_) | FileError::Agent(_) | FileError::Edit(_) => "network",
            FileError::ServerPair(_) => "server-pair",
            FileError::AcmeState(_) => "acme-state",
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self, path: &Path) -> Option<String> {
        let hint = match self {
            FileError::Certificate(_)
            | FileError::Bundle(_)
            | FileError::Issuer(_)
            | FileError::Pem(_) => inspect(path),
            FileError::Content { source, .. } => return source.hint(),
            FileError::Key(KeyError::EmptyPassword) => {
                "give a passphrase of at least one character".into()
            }
            FileError::Key(_) => "restore the key from a backup; it cannot be recreated".into(),
            FileError::ReadKey(error) => return error.hint(),
            FileError::Encrypted(AgeError::WrongPassphrase) => {
                "give the passphrase that the backup was written with".into()
            }
            FileError::Encrypted(_) => "use another copy of the backup".into(),
            FileError::Message(error) => return error.hint(),
            FileError::Network(error) => error.hint(),
            FileError::Agent(error) => error.hint(),
            FileError::Edit(error) => error.hint(),
            FileError::ServerPair(_) => {
                "give a matching certificate and key with `--tls-cert` and `--tls-key`, or neither of them".into()
            }
            FileError::AcmeState(_) => format!(
                "restore {} from a backup, or remove it and order the certificate again",
                shown(path)
            ),
        };
        Some(hint)
    }
}

/// The command that shows what a file contains.
pub(super) fn inspect(path: &Path) -> String {
    format!(
        "see what it contains with `openagents-certs inspect {}`",
        shown(path)
    )
}

/// Says which file an error is about.
pub trait InFile<T, E> {
    /// The error of the file as a whole.
    ///
    /// # Errors
    /// Where this is one.
    fn in_file(self, path: impl AsRef<Path>) -> Result<T, Error>
    where
        E: Into<FileError>;

    /// The error of one object in the file; `line` is that of its PEM block.
    ///
    /// # Errors
    /// Where this is one.
    fn in_content(self, path: impl AsRef<Path>, line: Option<usize>) -> Result<T, Error>
    where
        E: Into<ContentError>;
}

impl<T, E> InFile<T, E> for Result<T, E> {
    fn in_file(self, path: impl AsRef<Path>) -> Result<T, Error>
    where
        E: Into<FileError>,
    {
        self.map_err(|error| Error::File {
            path: path.as_ref().to_owned(),
            source: error.into(),
        })
    }

    fn in_content(self, path: impl AsRef<Path>, line: Option<usize>) -> Result<T, Error>
    where
        E: Into<ContentError>,
    {
        let content = |error: E| FileError::Content {
            line,
            source: error.into(),
        };
        self.map_err(content).in_file(path)
    }
}

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
fn at_line(line: Option<usize>) -> String {
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
