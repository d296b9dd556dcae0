//! Messages: the files they are signed, sealed and checked with.

mod receiving;
mod streaming;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use receiving::{Reception, ReceptionRequest, RequestReception};
pub use streaming::{Answer, Send, answer_lines, sign_lines};

use super::crl::read_lists;
use super::verify::{read_bundle, read_private_key};
use crate::error::{Error, InFile as _};
use crate::files::{self, Lock, NewFile};
use crate::message::http::RequestSigner;
use crate::message::shared::SharedKey;
use crate::message::{
    Algorithm, JsonWebKey, JsonWebKeySet, MessageError, OpeningKey, Recipient, Sender, SigningKey,
    Trust,
};
use crate::pki::certificate::Certificate;
use crate::pki::public_key::PublicKey;

/// A certificate and its private key, as files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate and its intermediates.
    pub certificate: PathBuf,
    /// The private key.
    pub private_key: PathBuf,
    /// The file whose first line is the passphrase of the key.
    pub passphrase_file: Option<PathBuf>,
}

impl Pair {
    /// The pair, ready to sign messages.
    ///
    /// # Errors
    /// When a file cannot be read, the two are no pair, or the key cannot sign so.
    pub fn sender(&self, algorithm: Option<Algorithm>) -> Result<Sender, Error> {
        let (chain, key) = self.read()?;
        Sender::new(&chain, &key, algorithm).map_err(|source| self.unusable(source))
    }

    /// The pair, ready to open messages.
    ///
    /// # Errors
    /// When a file cannot be read, the two are no pair, or the key cannot decrypt.
    pub fn opening_key(&self) -> Result<OpeningKey, Error> {
        let (chain, key) = self.read()?;
        OpeningKey::new(&chain[0], &key).map_err(|source| self.unusable(source))
    }

    /// The pair, ready to sign requests.
    ///
    /// # Errors
    /// When a file cannot be read, the two are no pair, or the key cannot sign.
    pub fn request_signer(&self) -> Result<RequestSigner, Error> {
        let (chain, key) = self.read()?;
        let malformed = |error: crate::pki::element::ElementError| MessageError::Certificate {
            what: error.to_string(),
        };
        let key = PublicKey::from_der(chain[0].public_key_info())
            .map_err(malformed)
            .and_then(|public| SigningKey::new(&key, &public))
            .map_err(|source| self.unusable(source))?;
        Ok(RequestSigner::Certificate(chain, Box::new(key)))
    }

    fn read(&self) -> Result<(Vec<Certificate>, Zeroizing<Vec<u8>>), Error> {
        let chain = read_bundle(&self.certificate)?.certificates;
        let key = read_private_key(&self.private_key, self.passphrase_file.as_deref())?;
        Ok((chain, Zeroizing::new(key.pkcs8().to_vec())))
    }

    fn unusable(&self, source: MessageError) -> Error {
        match source {
            MessageError::KeyMismatch => Error::KeyMismatch {
                path: self.private_key.clone(),
                certificate: self.certificate.clone(),
            },
            source => Error::File {
                path: self.certificate.clone(),
                source: source.into(),
            },
        }
    }
}

/// The owners of these certificates, as recipients: of each file the first one.
///
/// # Errors
/// When a file cannot be read, or its certificate cannot be encrypted to now.
pub fn recipients(paths: &[PathBuf], now: OffsetDateTime) -> Result<Vec<Recipient>, Error> {
    let recipient = |path: &PathBuf| {
        let bundle = read_bundle(path)?;
        Recipient::new(&bundle.certificates[0], now).in_file(path)
    };
    paths.iter().map(recipient).collect()
}

/// The trust anchors of a file, and revocation lists.
///
/// # Errors
/// When a file cannot be read.
pub fn trust(anchors: &Path, lists: &[PathBuf]) -> Result<Trust, Error> {
    let lists = lists.iter().map(|path| read_lists(path));
    let lists = lists.collect::<Result<Vec<_>, _>>()?.concat();
    Ok(Trust::new(read_bundle(anchors)?.certificates, lists))
}

/// The certificates of a file.
///
/// # Errors
/// When it cannot be read.
pub fn chain(path: &Path) -> Result<Vec<Certificate>, Error> {
    Ok(read_bundle(path)?.certificates)
}

/// The shared key in a file.
///
/// # Errors
/// When it cannot be read, or is not a key of 32 bytes.
pub fn shared_key(path: &Path) -> Result<SharedKey, Error> {
    SharedKey::read(&files::read(path)?).in_file(path)
}

/// The shared key of a MAC in a file.
///
/// # Errors
/// When it cannot be read, or is not a key of 32 to 128 bytes.
pub fn mac_key(path: &Path) -> Result<SharedKey, Error> {
    SharedKey::read_for_mac(&files::read(path)?).in_file(path)
}

/// Writes a new shared key, 0600, and gives its absolute path.
///
/// # Errors
/// When there is no randomness, the file is already there and `replace` is not set, or it cannot be written.
pub fn create_key(path: &Path, replace: bool) -> Result<PathBuf, Error> {
    let key = SharedKey::generate()?;
    let (directory, name) = files::place(path)?;
    let lock = Lock::acquire(directory)?;
    let file = NewFile {
        name,
        content: key.as_bytes(),
        secret: true,
    };
    files::write_together(&lock, &[file], replace)?;
    files::absolute(path)
}

/// Writes a result to a new file, 0600.
///
/// # Errors
/// When it is already there, or cannot be written.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), Error> {
    absent(path)?;
    let (directory, name) = files::place(path)?;
    let lock = Lock::acquire(directory)?;
    let file = NewFile {
        name,
        content,
        secret: true,
    };
    files::write_together(&lock, &[file], false)
}

/// Refuses a file that is already there.
///
/// # Errors
/// When it is.
pub fn absent(path: &Path) -> Result<(), Error> {
    if files::kind(path)? == files::Kind::Absent {
        return Ok(());
    }
    let (path, hint) = (
        path.to_owned(),
        "remove it first, or write to another file".into(),
    );
    Err(Error::Exists { path, hint })
}

/// The certificates of files, and of the `.crt` and `.pem` files of directories, as a JWK Set.
///
/// CAs' certificates, and those that are not valid now or not for messages, are left out.
///
/// # Errors
/// When a file cannot be read; in a directory what is not a certificate is left out.
pub fn key_set(paths: &[PathBuf], now: OffsetDateTime) -> Result<JsonWebKeySet, Error> {
    let mut set = JsonWebKeySet::default();
    for path in paths {
        if path.is_dir() {
            let is_certificate = |path: &PathBuf| {
                path.extension()
                    .is_some_and(|ending| ending == "crt" || ending == "pem")
            };
            for path in files::list(path)?.into_iter().filter(is_certificate) {
                let chain = read_bundle(&path).map(|bundle| bundle.certificates);
                set.keys
                    .extend(chain.ok().and_then(|chain| JsonWebKey::new(&chain, now)));
            }
        } else {
            set.keys.extend(JsonWebKey::new(&chain(path)?, now));
        }
    }
    Ok(set)
}

/// What is read of a message or a payload: a file, or standard input.
///
/// # Errors
/// When it cannot be read. `None` when it is larger than the limit.
pub fn input(path: Option<&Path>, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    match path {
        Some(path) => files::read_up_to(path, limit),
        None => files::read_stdin_up_to(limit),
    }
}

/// The largest payload that is signed when nothing else is asked for.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;
/// The largest message that is read when nothing else is asked for.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;
