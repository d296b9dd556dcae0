//! What keeps a command from being done or told.

mod selection;

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::config::ConfigError;
use crate::keys::{KeyError, Pkcs12Error, ReadKeyError};
use crate::net::probe::ProbeError;
use crate::net::{IdentityError, TargetError};
use crate::network::UnusableFile;
use crate::pki::bundle::BundleError;
use crate::pki::certificate::CertificateError;
use crate::pki::crl::MalformedListError;
use crate::pki::document::DocumentError;
use crate::pki::element::ElementError;
use crate::pki::issuer::IssuerError;
use crate::pki::lint::Lint;
use crate::pki::name::AttributeError;
use crate::pki::pem::PemError;
use crate::pki::san::NameError;
use crate::pki::serial::{SerialNumber, SerialPrefix};
use crate::pki::subtree::SubtreeError;
use crate::pki::validity::{ValidityError, rfc3339};
use crate::store::StoreError;

pub use selection::SelectionError;

/// Why a command could not be carried out, or its answer not be told. Exit code 2.
///
/// A check that fails is no error but a report whose verdict is no.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not fit together in a way clap cannot say.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: String,
    },
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", shown(path))]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not something that can be read to its end: a directory, an endless stream.
    #[error("{}: {what}", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// There is a file already.
    #[error("{}: exists already", shown(path))]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// A link stands where a file is to be written.
    #[error(
        "{}: is a symbolic link, and links are not written through",
        shown(path)
    )]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// A directory has none of the files of a setup.
    #[error("{}: holds no server.crt, client.crt or ca.crt", shown(path))]
    NoSetup {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the authority is not there, though the others are.
    #[error("{}: is missing, though {} is there", shown(path), shown(beside))]
    Missing {
        /// The file that is not there.
        path: PathBuf,
        /// The file that is.
        beside: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// No certificate where one is needed.
    #[error("{}: {source}", shown(path))]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// Nothing there to issue from.
    #[error("{}: there is no CA in this directory", shown(path))]
    NoAuthority {
        /// The directory.
        path: PathBuf,
    },
    /// A CA's certificate that the inventory beside it has never seen.
    #[error(
        "{}: is not the CA that {} was made for",
        shown(path),
        shown(inventory)
    )]
    UnknownAuthority {
        /// The certificate's file.
        path: PathBuf,
        /// The inventory.
        inventory: PathBuf,
    },
    /// A certificate that cannot be issued under.
    #[error("{}: {source}", shown(path))]
    Issuer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IssuerError,
    },
    /// A certificate that is no CA's.
    #[error("{}: is not a CA's certificate", shown(path))]
    NotAnAuthority {
        /// The file.
        path: PathBuf,
    },
    /// A root whose signature is not its own.
    #[error(
        "{}: has itself as issuer, but is not signed by its own key",
        shown(path)
    )]
    NotSelfSigned {
        /// The file.
        path: PathBuf,
    },
    /// A CA whose time is over.
    #[error("{}: the CA expired on {}", shown(path), rfc3339(*not_after))]
    AuthorityExpired {
        /// The file.
        path: PathBuf,
        /// Its last moment of validity.
        not_after: OffsetDateTime,
    },
    /// A CA from the future: a clock is wrong.
    #[error("{}: the CA is valid from {}, and this machine's clock says {}", shown(path), rfc3339(*not_before), rfc3339(*now))]
    AuthorityNotYetValid {
        /// The file.
        path: PathBuf,
        /// Its first moment of validity.
        not_before: OffsetDateTime,
        /// What the clock says.
        now: OffsetDateTime,
    },
    /// No certificates in a file of certificates.
    #[error("{}: {source}", shown(path))]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BundleError,
    },
    /// PEM with a broken block.
    #[error("{}: {source}", shown(path))]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// Something in a file that cannot be read.
    #[error("{}: {}{source}", shown(path), at_line(*line))]
    Content {
        /// The file.
        path: PathBuf,
        /// The line of the PEM block's BEGIN.
        line: Option<usize>,
        /// What is wrong with it.
        source: ContentError,
    },
    /// Something else where a revocation list is needed.
    #[error("{}: no revocation list in it", shown(path))]
    NoRevocationList {
        /// The file.
        path: PathBuf,
    },
    /// A private key and a certificate that are no pair.
    #[error(
        "{}: private key does not belong to the certificate in {}",
        shown(path),
        shown(certificate)
    )]
    KeyMismatch {
        /// The key's file.
        path: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// No private key where one is needed.
    #[error("{}: {source}", shown(path))]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A private key that cannot be read.
    #[error("{}: {source}", shown(path))]
    ReadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadKeyError,
    },
    /// Something else where a private key is needed.
    #[error("{}: no private key in it", shown(path))]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Something else where a request is needed.
    #[error("{}: no certificate signing request in it", shown(path))]
    NoRequest {
        /// The file.
        path: PathBuf,
    },
    /// An encrypted key, and nothing to decrypt it with.
    #[error("{}: is encrypted, and no passphrase was given", shown(path))]
    PassphraseNeeded {
        /// The key's file.
        path: PathBuf,
    },
    /// A subtree that name constraints cannot have.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
    /// A key could not be made.
    #[error(transparent)]
    KeyGeneration(#[from] KeyError),
    /// A name that no certificate can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A subject that no certificate can have.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A time that no certificate can have.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// Something that has no DER.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// Our own lint refuses to sign it.
    #[error("not signed: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<Lint>),
    /// The inventory cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No certificate's serial number starts so.
    #[error(
        "{}: no certificate has a serial number that starts with {prefix}",
        shown(inventory)
    )]
    NoEntry {
        /// The inventory.
        inventory: PathBuf,
        /// What was given.
        prefix: SerialPrefix,
    },
    /// More than one certificate's serial number starts so.
    #[error(
        "{}: several serial numbers start with {prefix}: {}",
        shown(inventory),
        listed(serials)
    )]
    AmbiguousEntry {
        /// The inventory.
        inventory: PathBuf,
        /// What was given.
        prefix: SerialPrefix,
        /// Some of them.
        serials: Vec<SerialNumber>,
    },
    /// It is not known which certificate is meant, or it cannot be the one.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing that can be dialled.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A port that does not show its certificates.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// A certificate that was renewed, and then put back.
    #[error("{}: the old pair is back: {why}", shown(path))]
    RolledBack {
        /// The certificate's file.
        path: PathBuf,
        /// What failed after the renewal.
        why: String,
    },
    /// A client key that cannot sign a handshake.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A network's or an agent's YAML that cannot be used.
    #[error("{}: {source}", shown(path))]
    Network {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: UnusableFile,
    },
    /// Standard output takes nothing more.
    #[error("cannot write the result: {source}")]
    Output {
        /// What the system says.
        source: std::io::Error,
    },
}

impl Error {
    /// The error's stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Usage { .. } => "usage",
            Error::Io { .. } => "io",
            Error::Unreadable { .. } => "unreadable",
            Error::Exists { .. } => "exists",
            Error::SymbolicLink { .. } => "symbolic-link",
            Error::Missing { .. } => "missing",
            Error::NoSetup { .. } => "no-setup",
            Error::NoAuthority { .. } => "no-authority",
            Error::UnknownAuthority { .. } => "unknown-authority",
            Error::Issuer { .. } => "issuer",
            Error::NotAnAuthority { .. } => "not-an-authority",
            Error::NotSelfSigned { .. } => "not-self-signed",
            Error::AuthorityExpired { .. } => "authority-expired",
            Error::AuthorityNotYetValid { .. } => "authority-not-yet-valid",
            Error::Certificate { .. } | Error::Bundle { .. } => "certificate",
            Error::Pem { .. } => "pem",
            Error::Content { .. } => "content",
            Error::NoRevocationList { .. } => "no-revocation-list",
            Error::KeyMismatch { .. } => "key-mismatch",
            Error::Key { .. } => "key",
            Error::ReadKey { .. } | Error::NoKey { .. } => "private-key",
            Error::NoRequest { .. } => "no-request",
            Error::PassphraseNeeded { .. } => "passphrase-needed",
            Error::Subtree(_) => "name-constraints",
            Error::KeyGeneration(_) => "key-generation",
            Error::Name(_) => "name",
            Error::Attribute(_) => "subject",
            Error::Validity(_) => "validity",
            Error::Encoding(_) => "encoding",
            Error::Lint(_) => "lint",
            Error::Store(error) => error.code(),
            Error::NoEntry { .. } => "no-entry",
            Error::AmbiguousEntry { .. } => "ambiguous-entry",
            Error::Selection(_) => "selection",
            Error::Config(_) => "config",
            Error::Network { .. } => "network",
            Error::Target(_) => "target",
            Error::Probe(_) => "probe",
            Error::RolledBack { .. } => "rolled-back",
            Error::Identity(_) => "client-key",
            Error::Output { .. } => "output",
        }
    }

    /// What to type or change to mend it.
    #[expect(clippy::too_many_lines, reason = "a row a variant")]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Usage { hint, .. }
            | Error::Exists { hint, .. }
            | Error::Missing { hint, .. } => Some(hint.clone()),
            Error::Io { source, path, .. } => io_hint(source, path),
            Error::Unreadable { .. } => Some(
                "give a file that holds certificates, keys, requests or revocation lists".into(),
            ),
            Error::SymbolicLink { path } => Some(format!(
                "remove the link, or write to another directory: {}",
                shown(path)
            )),
            Error::Certificate { path, .. } | Error::Bundle { path, .. } => Some(format!(
                "look at it with `openagents-certs inspect {}`",
                shown(path)
            )),
            Error::NoSetup { .. } => Some("make one with `openagents-certs generate`, or name the files with `--cert`, `--key` and `--ca`".into()),
            Error::NoAuthority { .. } => {
                Some("make one with `openagents-certs ca init`, or name another directory with `-C DIR`".into())
            }
            Error::UnknownAuthority { .. } => {
                Some("restore the file that was changed from a backup, or take the CA in with `openagents-certs ca import` in a new directory".into())
            }
            Error::Pem { path, .. } | Error::Issuer { path, .. } | Error::NotAnAuthority { path } | Error::NotSelfSigned { path } => {
                Some(format!("look at it with `openagents-certs inspect {}`", shown(path)))
            }
            Error::AuthorityExpired { .. } => {
                Some("make a new CA in another directory (`openagents-certs ca init -C DIR`), or with `generate --new-ca`".into())
            }
            Error::AuthorityNotYetValid { .. } => Some("set this machine's clock right".into()),
            Error::Content { source, .. } => source.hint(),
            Error::KeyMismatch { .. } => {
                Some("put the key that belongs to the certificate back, or issue a new pair".into())
            }
            Error::ReadKey { source, .. } => source.hint(),
            Error::NoKey { path } | Error::NoRequest { path } | Error::NoRevocationList { path } => Some(format!("look at it with `openagents-certs inspect {}`", shown(path))),
            Error::PassphraseNeeded { .. } => Some("give `--passphrase-file FILE`, `--passphrase-env NAME` or `--passphrase-fd N`".into()),
            Error::Subtree(_) => Some("domains are like agents.example.org, networks like 10.0.0.0/8".into()),
            Error::Key { source: KeyError::EmptyPassword, .. } => Some("a passphrase has at least one character".into()),
            Error::Key { .. } => {
                Some("restore the key from a backup; it is never made anew".into())
            }
            Error::KeyGeneration(KeyError::NotInThisBuild { .. }) => {
                Some("choose `--key-type p256`, or build with `--features rsa`".into())
            }
            Error::KeyGeneration(_) => Some("choose another `--key-type`".into()),
            Error::Encoding(_) => Some("choose other names, or a shorter lifetime".into()),
            Error::Lint(_) => {
                Some("see what the profile says: `openagents-certs template show NAME`".into())
            }
            Error::Output { .. } => {
                Some("send it elsewhere; what the command changed before it spoke is changed".into())
            }
            Error::Name(error) => Some(error.hint()),
            Error::Store(error) => Some(error.hint()),
            Error::NoEntry { .. } => {
                Some("see what there is with `openagents-certs list`".into())
            }
            Error::RolledBack { .. } => Some(
                "mend what failed, and renew again; the old certificate is in place until then".into(),
            ),
            Error::AmbiguousEntry { .. } => Some("give more digits".into()),
            Error::Selection(error) => Some(error.hint()),
            Error::Config(error) => Some(error.hint()),
            Error::Network { source, .. } => Some(source.hint()),
            Error::Target(error) => Some(error.hint()),
            Error::Probe(error) => Some(error.hint()),
            Error::Identity(_) => Some("issue a client pair with a P-256 key: `openagents-certs issue client NAME`".into()),
            Error::Attribute(_) => {
                Some("choose another value; names of hosts belong to `--san`".into())
            }
            Error::Validity(_) => {
                Some("give `--days 365`, `--ttl 24h` or `--not-after 2027-01-31T00:00:00Z`".into())
            }
        }
    }
}

/// Why an object in a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file as a whole.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// One thing under the label of another.
    #[error("labelled as a {labelled}, but it looks like a {found}")]
    Label {
        /// What the label says.
        labelled: &'static str,
        /// What it looks like.
        found: &'static str,
    },
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A revocation list.
    #[error(transparent)]
    RevocationList(#[from] MalformedListError),
    /// Something else of DER.
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
    fn hint(&self) -> Option<String> {
        match self {
            ContentError::Key(error) => error.hint(),
            ContentError::Pkcs12(error) => error.hint(),
            ContentError::Document(DocumentError::Nothing { .. }) => Some(
                "give a file that holds certificates, keys, requests or revocation lists".into(),
            ),
            ContentError::Document(DocumentError::Pem(_)) => {
                Some("copy the block again, from its BEGIN to its END line".into())
            }
            ContentError::Label { .. } => {
                Some("put the label right, or the right file in its place".into())
            }
            ContentError::Document(DocumentError::UnknownDer)
            | ContentError::Certificate(_)
            | ContentError::RevocationList(_)
            | ContentError::Element(_) => {
                Some("copy the file again: it is damaged, or not what its name says".into())
            }
        }
    }
}

/// A line's number before a message.
fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: "))
        .unwrap_or_default()
}

/// Serial numbers behind one another.
fn listed(serials: &[SerialNumber]) -> String {
    let texts: Vec<String> = serials.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// A path as a message shows it: escaped where it could move the cursor or forge a line.
pub fn shown(path: &std::path::Path) -> String {
    crate::pki::escape::Escaped(&path.to_string_lossy()).to_string()
}

fn io_hint(source: &std::io::Error, path: &std::path::Path) -> Option<String> {
    use std::io::ErrorKind;
    match source.kind() {
        ErrorKind::NotFound => Some(format!("check the path: {}", shown(path))),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some("check the owner and mode of the file and its directory".into())
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Some("make room on the disk; nothing that was there has changed".into())
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            Some("something that is no directory has this name: name another".into())
        }
        ErrorKind::IsADirectory => Some("name a file in it".into()),
        _ => Some(format!("look what is there: `ls -ld {}`", shown(path))),
    }
}
