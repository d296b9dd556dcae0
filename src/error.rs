//! Why a command could not be carried out.

mod content;
mod hint;
mod selection;
mod workload;

use std::path::PathBuf;

use time::OffsetDateTime;

use crate::config::ConfigError;
use crate::keys::KeyError;
use crate::message::MessageError;
use crate::net::acme::AcmeError;
use crate::net::dns::UpdateError;
use crate::net::est::EstError;
use crate::net::mail::MailError;
use crate::net::webhook::WebhookError;
use crate::net::{IdentityError, ProbeError, TargetError};
use crate::pki::element::ElementError;
use crate::pki::escape::Escaped;
use crate::pki::general_name::SubtreeError;
use crate::pki::lint::Lint;
use crate::pki::name::AttributeError;
use crate::pki::read_back::ReadBackError;
use crate::pki::san::NameError;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{ValidityError, rfc3339};
use crate::store::StoreError;

use content::listed;

pub use content::{ContentError, FileError, InFile};
pub use selection::{SelectionError, TargetListError};
pub use workload::WorkloadError;

/// Why a command could not be carried out. Exit code 2.
///
/// A failed check is not an error but a report whose verdict is no.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not fit together in a way clap cannot express.
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
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Not a readable file: a directory, an endless stream.
    #[error("{}: {what}", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A file whose content is not what it should be.
    #[error("{}: {source}", shown(path))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FileError,
    },
    /// The file already exists.
    #[error("{}: already exists", shown(path))]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// A symbolic link is where a file would be written.
    #[error(
        "{}: is a symbolic link; files are not written through links",
        shown(path)
    )]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// Something exists, but is not what is asked for.
    #[error("{}: already exists, and {what}", shown(path))]
    ExistingDiffers {
        /// The file.
        path: PathBuf,
        /// How it differs, as a clause.
        what: String,
    },
    /// Another process holds the lock of a directory.
    #[error(
        "{}: another command{} has held the lock for {} seconds",
        shown(path),
        holder.map_or_else(String::new, |pid| format!(" (process {pid})")),
        waited.as_secs()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process, as far as it is known.
        holder: Option<u32>,
        /// How long the lock was waited for.
        waited: std::time::Duration,
    },
    /// A directory that another user owns, where one of our own is expected.
    #[error(
        "{}: belongs to user {owner}, not to the user running this command",
        shown(path)
    )]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// No certificate of the CA can be shown to check who trusts it.
    #[error("{}: no certificate for localhost to show", shown(path))]
    NothingToShow {
        /// The directory.
        path: PathBuf,
    },
    /// A directory contains none of the files of a setup.
    #[error("{}: contains no server.crt, client.crt or ca.crt", shown(path))]
    NoSetup {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the authority is missing while others exist.
    #[error("{}: is missing, but {} exists", shown(path), shown(beside))]
    Missing {
        /// The missing file.
        path: PathBuf,
        /// A file that exists.
        beside: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// Not a token. It is not shown: it may contain a secret.
    #[error("{what}")]
    TokenText {
        /// What is wrong with it.
        what: String,
    },
    /// An EST server does not give a certificate.
    #[error(transparent)]
    Est(#[from] EstError),
    /// The file that says where certificates were enrolled is not what it should be.
    #[error("{}: {}", shown(path), Escaped(what))]
    Enrollment {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is no token with this id.
    #[error("there is no token {}", Escaped(id))]
    NoToken {
        /// The id.
        id: String,
    },
    /// There is no session of the dashboard with this id.
    #[error("there is no session {}", Escaped(id))]
    NoSession {
        /// The id.
        id: String,
    },
    /// A program that is needed is missing.
    #[error("{program} is not installed")]
    NotInstalled {
        /// Its name.
        program: String,
        /// What to do about it.
        hint: String,
    },
    /// A program was run, and failed.
    #[error("{call} {why}")]
    ProgramFailed {
        /// How it was called.
        call: String,
        /// How it ended, as a clause.
        why: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Another process changed a file in the meantime.
    #[error("{}: {what}", shown(path))]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
        /// What follows from it, as a clause.
        what: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// A name that a public CA would not validate.
    #[error("{name}: {what}")]
    Unvalidated {
        /// The name.
        name: String,
        /// Why not.
        what: String,
        /// What to change.
        hint: String,
    },
    /// A record that a DNS server did not change.
    #[error("{name}: {source}")]
    DnsUpdate {
        /// The name of the record.
        name: String,
        /// Why not.
        source: UpdateError,
    },
    /// A process gets no identity, or an entry cannot be added.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The root of the authority's chain is not among its trust anchors.
    #[error("{}: does not contain the root of this authority", shown(path))]
    NoRoot {
        /// The trust anchors.
        path: PathBuf,
    },
    /// There is no CA to issue from.
    #[error("{}: no CA in this directory", shown(path))]
    NoAuthority {
        /// The directory.
        path: PathBuf,
    },
    /// A CA certificate that the inventory beside it does not know.
    #[error("{}: is not the CA that {} belongs to", shown(path), shown(inventory))]
    UnknownAuthority {
        /// The certificate's file.
        path: PathBuf,
        /// The inventory.
        inventory: PathBuf,
    },
    /// A certificate that is not a CA certificate.
    #[error("{}: is not a CA certificate", shown(path))]
    NotAnAuthority {
        /// The file.
        path: PathBuf,
    },
    /// A root that is not signed by its own key.
    #[error(
        "{}: names itself as issuer but is not signed by its own key",
        shown(path)
    )]
    NotSelfSigned {
        /// The file.
        path: PathBuf,
    },
    /// An expired CA.
    #[error("{}: the CA expired on {}", shown(path), rfc3339(*not_after))]
    AuthorityExpired {
        /// The file.
        path: PathBuf,
        /// Its notAfter.
        not_after: OffsetDateTime,
    },
    /// A CA that is not yet valid: a clock is wrong.
    #[error("{}: the CA is valid from {}, but this machine's clock says {}", shown(path), rfc3339(*not_before), rfc3339(*now))]
    AuthorityNotYetValid {
        /// The file.
        path: PathBuf,
        /// Its notBefore.
        not_before: OffsetDateTime,
        /// The current time.
        now: OffsetDateTime,
    },
    /// A file without a CRL.
    #[error("{}: contains no CRL", shown(path))]
    NoRevocationList {
        /// The file.
        path: PathBuf,
    },
    /// A private key and a certificate that do not match.
    #[error(
        "{}: private key does not match the certificate in {}",
        shown(path),
        shown(certificate)
    )]
    KeyMismatch {
        /// The key's file.
        path: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// A file without a private key.
    #[error("{}: contains no private key", shown(path))]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A file without a certificate signing request.
    #[error("{}: contains no certificate signing request", shown(path))]
    NoRequest {
        /// The file.
        path: PathBuf,
    },
    /// An encrypted key without a passphrase.
    #[error("{}: is encrypted and no passphrase was given", shown(path))]
    PassphraseNeeded {
        /// The key's file.
        path: PathBuf,
    },
    /// A passphrase is to be added to a key that has one, or changed or removed where there is none.
    #[error("{}: is {}encrypted", shown(path), if *is_encrypted { "already " } else { "not " })]
    KeyProtection {
        /// The key's file.
        path: PathBuf,
        /// Whether it has a passphrase.
        is_encrypted: bool,
    },
    /// A backup that is not complete, or whose parts do not belong together.
    #[error("{}: the backup {what}", shown(path))]
    Backup {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it, as a clause.
        what: String,
    },
    /// A CRL that another CA signed.
    #[error("{}: no CRL in it is signed by this CA", shown(path))]
    ForeignRevocationList {
        /// The file.
        path: PathBuf,
    },
    /// A subtree that name constraints cannot express.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
    /// A key could not be generated.
    #[error(transparent)]
    KeyGeneration(#[from] KeyError),
    /// What was signed is not what was planned; it is neither recorded nor written.
    #[error(transparent)]
    ReadBack(ReadBackError),
    /// The public key to certify is malformed.
    #[error("the public key to certify is malformed: {0}")]
    PublicKey(ElementError),
    /// A name that no certificate can contain.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A subject that no certificate can contain.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A time that no certificate can contain.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// A value that has no DER encoding.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// Our own lint refuses to sign it.
    #[error("not signed: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<Lint>),
    /// A row of a manifest without a profile.
    #[error("the row has no profile")]
    NoRowProfile,
    /// A certificate that would not verify under its issuer's chain.
    #[error("not signed: the certificate would not verify: {message}")]
    Unverifiable {
        /// The rule that it breaks.
        rule: &'static str,
        /// What is wrong with it.
        message: String,
        /// What to change.
        hint: String,
    },
    /// The inventory cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name or the start of a serial number with several certificates.
    #[error(
        "{}: several certificates match '{}': {}",
        shown(inventory),
        Escaped(text),
        listed(serials)
    )]
    AmbiguousEntry {
        /// The inventory.
        inventory: PathBuf,
        /// The name or the digits.
        text: String,
        /// Some of their serial numbers.
        serials: Vec<SerialNumber>,
    },
    /// The selected certificate is ambiguous or cannot be used.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// Standard input names no certificates.
    #[error(transparent)]
    TargetList(#[from] TargetListError),
    /// A message that cannot be signed or sealed.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Not an address that can be dialled.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A port that presents no certificate.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// A renewal that was rolled back.
    #[error("{}: rolled back to the old pair: {why}", shown(path))]
    RolledBack {
        /// The certificate's file.
        path: PathBuf,
        /// What failed after the renewal.
        why: String,
    },
    /// A client key that cannot sign a handshake.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The option that names another one.
        flag: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// A certificate that the server's own CA does not issue to it.
    #[error("the server's own certificate cannot be issued: {message}")]
    ServerNames {
        /// Why not.
        message: String,
    },
    /// An ACME server did not do what it was asked.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// A notification did not arrive.
    #[error("the notification by {to} {reason}")]
    Notification {
        /// The program.
        to: String,
        /// Why, as a clause.
        reason: String,
    },
    /// A notification was not posted.
    #[error("the notification was not posted: {0}")]
    Webhook(#[from] WebhookError),
    /// A notification was not mailed.
    #[error("the notification was not mailed: {0}")]
    Mail(#[from] MailError),
    /// Standard output cannot be written.
    #[error("cannot write the result: {source}")]
    Output {
        /// The system's error.
        source: std::io::Error,
    },
}

impl Error {
    /// Wrong usage: what is wrong, and what to type instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::Usage {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// A path for a message, with every character escaped that could move the cursor or forge a line.
pub fn shown(path: impl AsRef<std::path::Path>) -> String {
    crate::pki::escape::Escaped(&path.as_ref().to_string_lossy()).to_string()
}
