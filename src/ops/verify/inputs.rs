//! What certificates are verified with, read from files.

use std::cell::OnceCell;
use std::path::Path;

use super::Request;
use crate::authority::CRL;
use crate::error::{Error, InFile as _};
use crate::files;
use crate::keys::{Password, ReadKey, read_encrypted_key, read_key, read_pem_key};
use crate::ops::anchors::{AnchorSource, Anchors};
use crate::ops::crl::read_lists;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::document::{Document, Encoding, Kind, Part, is_der};

/// What every file is verified with.
pub(super) struct Inputs {
    given: Option<TrustStore>,
    directory: Option<TrustStore>,
    /// The system's trust store, once it is needed; `None` in it when it is switched off.
    system: OnceCell<Option<TrustStore>>,
    uses_system: bool,
    pub(super) untrusted: Vec<Certificate>,
    pub(super) revocation_lists: Vec<RevocationList>,
    pub(super) key: Option<ReadKey>,
}

/// Trust anchors with the CRLs beside them.
pub(super) struct TrustStore {
    pub(super) anchors: Anchors,
    /// The CRLs of the `crl.pem` beside them, if there is one; or why it cannot be read.
    pub(super) beside: Result<Vec<RevocationList>, String>,
}

impl Inputs {
    pub(super) fn read(request: &Request) -> Result<Self, Error> {
        let mut untrusted = Vec::new();
        for path in &request.untrusted {
            untrusted.extend(read_bundle(path)?.certificates);
        }
        let mut revocation_lists = Vec::new();
        for path in &request.revocation_lists {
            revocation_lists.extend(read_lists(path)?);
        }
        let given = request.ca.clone().map(AnchorSource::Given);
        let given = given.map(Anchors::read).transpose()?;
        let directory = match given {
            Some(_) => None,
            None => Anchors::in_directory(&request.directory, AnchorSource::Directory)?,
        };
        let password = request.password_file.as_deref();
        let key = request.key.as_deref();
        Ok(Inputs {
            given: given.map(TrustStore::new),
            directory: directory.map(TrustStore::new),
            system: OnceCell::new(),
            uses_system: request.system_roots,
            untrusted,
            revocation_lists,
            key: key
                .map(|path| read_private_key(path, password))
                .transpose()?,
        })
    }

    /// The trust store at this place in the order in which they are tried: what was given and nothing else;
    /// or what is beside the file, in the PKI directory, and the system's. `None` where there is none.
    pub(super) fn store<'a>(
        &'a self,
        place: usize,
        beside: Option<&'a TrustStore>,
    ) -> Option<&'a TrustStore> {
        match (&self.given, place) {
            (Some(given), 0) => Some(given),
            (Some(_), _) => None,
            (None, 0) => beside,
            (None, 1) => self.directory.as_ref(),
            (None, _) => {
                let load = || {
                    self.uses_system
                        .then(|| TrustStore::new(Anchors::of_system()))
                };
                self.system.get_or_init(load).as_ref()
            }
        }
    }

    /// What is beside a file, where that is a source.
    pub(super) fn beside(&self, file: Option<&Path>) -> Result<Option<TrustStore>, Error> {
        let Some(file) = file.filter(|_| self.given.is_none()) else {
            return Ok(None);
        };
        let directory = file.parent().unwrap_or(Path::new(""));
        let anchors = Anchors::in_directory(directory, AnchorSource::Beside)?;
        Ok(anchors.map(TrustStore::new))
    }
}

/// How many places [`Inputs::store`] has.
pub(super) const STORES: usize = 3;

impl TrustStore {
    fn new(anchors: Anchors) -> Self {
        let beside = match anchors.source.path() {
            Some(path) => lists_beside(path),
            None => Ok(Vec::new()),
        };
        TrustStore { anchors, beside }
    }
}

/// The certificates of a file.
pub(in crate::ops) fn read_bundle(path: &Path) -> Result<Bundle, Error> {
    read_with_content(path).map(|(_, bundle, _)| bundle)
}

/// A file's content, its certificates, and its encoding; `-` is standard input.
pub(super) fn read_with_content(path: &Path) -> Result<(Vec<u8>, Bundle, Encoding), Error> {
    let content = files::read_input(path)?;
    let encoding = if is_der(&content) {
        Encoding::Der
    } else {
        Encoding::Pem
    };
    let bundle = Bundle::read(&content).in_file(path)?;
    Ok((content.to_vec(), bundle, encoding))
}

/// The CRLs of the `crl.pem` beside a file of anchors; none where there is no such file.
fn lists_beside(anchors: &Path) -> Result<Vec<RevocationList>, String> {
    let path = anchors.with_file_name(CRL);
    let lists = match files::kind(&path) {
        Ok(files::Kind::Absent) => return Ok(Vec::new()),
        Ok(files::Kind::File | files::Kind::SymbolicLink | files::Kind::Other) => read_lists(&path),
        Err(error) => Err(error),
    };
    lists.map_err(|error| error.to_string())
}

/// The first private key of a file.
pub(in crate::ops) fn read_private_key(
    path: &Path,
    password_file: Option<&Path>,
) -> Result<ReadKey, Error> {
    let password = match password_file {
        Some(path) => Some(Password::from_file(&files::read(path)?)),
        None => None,
    };
    let parts = document(path)?.parts;
    let keys = [
        Kind::PrivateKey,
        Kind::EncryptedPrivateKey,
        Kind::OpenSshPrivateKey,
    ];
    let Some(part) = parts.iter().find(|part| keys.contains(&part.kind())) else {
        return Err(Error::NoKey {
            path: path.to_owned(),
        });
    };
    let key = match part {
        Part::Pem(block) => read_pem_key(block, password.as_ref()),
        Part::Der {
            kind: Kind::EncryptedPrivateKey,
            contents,
        } => read_encrypted_key(contents, password.as_ref()),
        Part::Der { contents, .. } => read_key(contents),
    };
    key.in_content(path, part.line())
}

fn document(path: &Path) -> Result<Document, Error> {
    Document::read(&files::read(path)?).in_content(path, None)
}
