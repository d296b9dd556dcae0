//! What certificates are verified with, read from files.

use std::path::{Path, PathBuf};

use super::Request;
use crate::authority::CRL;
use crate::error::{ContentError, Error};
use crate::files;
use crate::keys::{Password, ReadKey, read_encrypted_key, read_key, read_pem_key};
use crate::ops::crl::read_lists;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::document::{Document, Encoding, Kind, Part, is_der};

/// What every file is verified with.
pub(super) struct Inputs {
    pub(super) anchors: Option<Anchors>,
    pub(super) untrusted: Vec<Certificate>,
    pub(super) revocation_lists: Vec<RevocationList>,
    pub(super) key: Option<ReadKey>,
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
        let password = request.password_file.as_deref();
        let key = request.key.as_deref();
        Ok(Inputs {
            anchors: request.ca.as_deref().map(Anchors::read).transpose()?,
            untrusted,
            revocation_lists,
            key: key
                .map(|path| read_private_key(path, password))
                .transpose()?,
        })
    }
}

/// Trust anchors and where they were read.
pub(super) struct Anchors {
    pub(super) path: PathBuf,
    pub(super) certificates: Vec<Certificate>,
    /// The lists of the `crl.pem` beside them, if there is one; or why there are none in it.
    pub(super) beside: Result<Vec<RevocationList>, String>,
}

impl Anchors {
    fn read(path: &Path) -> Result<Self, Error> {
        Ok(Anchors {
            path: path.to_owned(),
            certificates: read_bundle(path)?.certificates,
            beside: lists_beside(path),
        })
    }

    /// The `ca.crt` beside a file, if there is one.
    pub(super) fn beside(file: &Path) -> Result<Option<Self>, Error> {
        let path = file.with_file_name("ca.crt");
        match files::kind(&path)? {
            files::Kind::Absent => Ok(None),
            files::Kind::File | files::Kind::SymbolicLink | files::Kind::Other => {
                Anchors::read(&path).map(Some)
            }
        }
    }
}

/// The certificates of a file.
pub(in crate::ops) fn read_bundle(path: &Path) -> Result<Bundle, Error> {
    read_with_encoding(path).map(|(bundle, _)| bundle)
}

/// The certificates of a file, and how it is written.
pub(super) fn read_with_encoding(path: &Path) -> Result<(Bundle, Encoding), Error> {
    let octets = files::read(path)?;
    let encoding = if is_der(&octets) {
        Encoding::Der
    } else {
        Encoding::Pem
    };
    let bundle = Bundle::read(&octets).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })?;
    Ok((bundle, encoding))
}

/// The lists of the `crl.pem` beside a file of anchors; none where it is not there.
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
    key.map_err(|source| content(path, part.line(), source))
}

fn document(path: &Path) -> Result<Document, Error> {
    Document::read(&files::read(path)?).map_err(|source| content(path, None, source))
}

fn content(path: &Path, line: Option<usize>, source: impl Into<ContentError>) -> Error {
    Error::Content {
        path: path.to_owned(),
        line,
        source: source.into(),
    }
}
