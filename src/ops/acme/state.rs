//! What the ACME client remembers between two runs, below the PKI directory; only its owner can read it.
//!
//! ```text
//! acme/accounts/HOST-HASH/      account.key, state.json: the account's URL, the server's rate limit
//! acme/certificates/BASE-HASH/  state.json: how it was ordered, the order under way, when to renew
//! ```

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::error::{Error, InFile as _};
use crate::files::{self, Kind, Lock, NewFile};
use crate::pki::fingerprint::{Fingerprint, Hex};

/// How a certificate is ordered, so that its renewal is ordered in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The URL of the server's directory.
    pub server: String,
    /// The CA of the server's own certificate; the system's by default.
    pub ca_bundle: Option<PathBuf>,
    /// The server's profile.
    pub profile: Option<String>,
    /// The common name of the root that the chain should lead to.
    pub preferred_chain: Option<String>,
    /// How control of the names is proven.
    pub challenge: Challenge,
    /// The type of a new key.
    pub key_type: String,
    /// How long to wait in seconds after a DNS record is published.
    pub dns_wait: u64,
    /// The resolver that checks are made with; the system's by default.
    pub resolver: Option<SocketAddr>,
    /// Whether to look for what would make the CA refuse.
    pub checks: bool,
}

/// How control of names is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Challenge {
    /// A listener on port 80.
    Http01 {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// A directory that a web server publishes.
    Http01Webroot {
        /// The directory.
        directory: PathBuf,
    },
    /// A listener on port 443.
    TlsAlpn01 {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// A program that changes the DNS.
    Dns01Hook {
        /// The program.
        command: String,
    },
    /// A DNS server that takes updates ([RFC 2136](https://www.rfc-editor.org/rfc/rfc2136)).
    Dns01Update {
        /// The server.
        server: SocketAddr,
        /// The file of the TSIG key.
        key: PathBuf,
    },
}

impl Challenge {
    /// Its type, as servers name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Challenge::Http01 { .. } | Challenge::Http01Webroot { .. } => "http-01",
            Challenge::TlsAlpn01 { .. } => "tls-alpn-01",
            Challenge::Dns01Hook { .. } | Challenge::Dns01Update { .. } => "dns-01",
        }
    }
}

/// What is known of an account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AccountState {
    /// The URL of the server's directory.
    pub server: String,
    /// The CA of the server's own certificate.
    pub ca_bundle: Option<PathBuf>,
    /// The account's URL, once there is one.
    pub url: Option<String>,
    /// How the server can reach its owner.
    pub contact: Vec<String>,
    /// The external account it is bound to.
    pub external_account: Option<String>,
    /// The rate limit that was exceeded last.
    pub limit: Option<Limit>,
}

/// A rate limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// What the server said.
    pub detail: String,
}

/// What is known of a certificate.
#[derive(Debug, Serialize, Deserialize)]
pub struct CertificateState {
    /// The directory of its files, absolute.
    pub directory: PathBuf,
    /// Their name up to `.crt` and `.key`.
    pub base: String,
    /// Its names, with their types.
    pub names: Vec<String>,
    /// How it is ordered.
    pub settings: Settings,
    /// The serial number of the certificate in the file.
    pub serial: Option<String>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339::option")]
    pub issued_at: Option<OffsetDateTime>,
    /// The order under way.
    pub order: Option<PendingOrder>,
    /// When the server wants it to be renewed.
    pub suggestion: Option<Suggestion>,
    /// The last failure.
    pub failure: Option<Failure>,
}

/// An order under way.
#[derive(Debug, Serialize, Deserialize)]
pub struct PendingOrder {
    /// Its URL; `None` until the server has given it one.
    pub url: Option<String>,
    /// The new key as PEM; `None` when the certificate's key is kept.
    pub key: Option<Zeroizing<String>>,
}

/// When a server wants a certificate to be renewed (RFC 9773).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suggestion {
    /// The certificate it is about.
    pub serial: String,
    /// When to renew; `None` when the server does not say.
    #[serde(with = "time::serde::rfc3339::option")]
    pub renew_at: Option<OffsetDateTime>,
    /// When to ask again.
    #[serde(with = "time::serde::rfc3339")]
    pub ask_at: OffsetDateTime,
    /// Why, as a URL.
    pub explanation: Option<String>,
}

/// A failed renewal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// How many failed in a row.
    pub count: u32,
    /// The last error.
    pub message: String,
    /// When to try again.
    #[serde(with = "time::serde::rfc3339")]
    pub retry_at: OffsetDateTime,
}

impl CertificateState {
    /// The same, but for an order under way.
    pub fn copied(&self) -> Self {
        CertificateState {
            directory: self.directory.clone(),
            base: self.base.clone(),
            names: self.names.clone(),
            settings: self.settings.clone(),
            serial: self.serial.clone(),
            issued_at: self.issued_at,
            order: None,
            suggestion: self.suggestion.clone(),
            failure: self.failure.clone(),
        }
    }

    /// Its certificate's file.
    pub fn certificate(&self) -> PathBuf {
        let names = crate::ops::issue::file_names(OsStr::new(&self.base));
        self.directory.join(names.0)
    }
}

/// A directory of the state, locked.
#[derive(Debug)]
pub struct Kept(Lock);

impl Kept {
    /// That of an account with this server.
    ///
    /// # Errors
    /// When it cannot be created or locked.
    pub fn account(pki: &Path, server: &str) -> Result<Self, Error> {
        let host = crate::net::https::host_of(server).unwrap_or_default();
        Kept::open(pki, ACCOUNTS, &host, server.as_bytes())
    }

    /// That of a certificate with its files in this directory, absolute, under this name.
    ///
    /// # Errors
    /// When it cannot be created or locked.
    pub fn certificate(pki: &Path, directory: &Path, base: &str) -> Result<Self, Error> {
        let place = directory.join(base);
        Kept::open(
            pki,
            CERTIFICATES,
            base,
            place.as_os_str().as_encoded_bytes(),
        )
    }

    fn open(pki: &Path, kind: &str, name: &str, id: &[u8]) -> Result<Self, Error> {
        let readable = |c: char| {
            if c.is_ascii_alphanumeric() || ".-".contains(c) {
                c
            } else {
                '_'
            }
        };
        let name: String = name.chars().take(MAX_NAME).map(readable).collect();
        let digest = Fingerprint::sha256(id);
        let hash = Hex(&digest.as_bytes()[..4]);
        let directory = pki.join(ROOT).join(kind).join(format!("{name}-{hash}"));
        Ok(Kept(Lock::acquire(&directory)?))
    }

    /// What was kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        read(&self.0.path().join(STATE))
    }

    /// Keeps this; durable when it returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, state: &impl Serialize) -> Result<(), Error> {
        files::replace(&self.0, &NewFile::secret(STATE, &self.content(state)?))
    }

    /// Keeps this for the next process, without waiting for the disk: where a power failure costs no more than to ask
    /// the server again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_lazily(&self, state: &impl Serialize) -> Result<(), Error> {
        files::replace_lazily(&self.0, &NewFile::secret(STATE, &self.content(state)?))
    }

    fn content(&self, state: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let content = serde_json::to_vec_pretty(state).map(Zeroizing::new);
        content.in_file(self.0.path().join(STATE))
    }

    /// Keeps a key.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_key(&self, name: &str, pem: &str) -> Result<(), Error> {
        files::replace(&self.0, &NewFile::secret(name, pem.as_bytes()))
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Removes files that may be there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self, names: &[&str]) -> Result<(), Error> {
        files::remove(&self.0, names)
    }
}

/// The directories below the PKI directory that have one for each account, and for each certificate.
pub fn places() -> [String; 2] {
    [ACCOUNTS, CERTIFICATES].map(|kind| format!("{ROOT}/{kind}/"))
}

/// What is known of every certificate.
///
/// # Errors
/// When it cannot be read.
pub fn certificates(pki: &Path) -> Result<Vec<CertificateState>, Error> {
    all(pki, CERTIFICATES)
}

/// What is known of every account.
///
/// # Errors
/// When it cannot be read.
pub fn accounts(pki: &Path) -> Result<Vec<AccountState>, Error> {
    all(pki, ACCOUNTS)
}

fn all<T: DeserializeOwned>(pki: &Path, kind: &str) -> Result<Vec<T>, Error> {
    let directory = pki.join(ROOT).join(kind);
    if files::kind(&directory)? == Kind::Absent {
        return Ok(Vec::new());
    }
    let mut states = Vec::new();
    for one in files::list(&directory)? {
        states.extend(read(&one.join(STATE))?);
    }
    Ok(states)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let content = match files::read(path) {
        Ok(content) => content,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let state = serde_json::from_slice(&content);
    state.map(Some).in_file(path)
}

/// The account's key, and the one that is to replace it.
pub const KEY: &str = "account.key";
/// The key that a rollover under way gives the account.
pub const NEXT_KEY: &str = "next.key";
/// What is known of an account or a certificate.
pub const STATE: &str = "state.json";
/// Where it is kept, in the PKI directory.
pub const ROOT: &str = "acme";
const ACCOUNTS: &str = "accounts";
const CERTIFICATES: &str = "certificates";
const MAX_NAME: usize = 64;
