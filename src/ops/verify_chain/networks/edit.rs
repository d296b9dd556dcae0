//! `--write`: adds a `tls:` block to a network.yaml.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::network::{EditError, TlsFiles, unified_diff, with_tls};

/// Which file to change, and the certificates for it.
#[derive(Clone, Debug)]
pub struct EditRequest {
    /// The network's file.
    pub network: PathBuf,
    /// The server's certificate file; by default `server.crt` in the PKI directory.
    pub certificate: Option<PathBuf>,
    /// Its private key; by default the `.key` file beside the certificate.
    pub key: Option<PathBuf>,
    /// The CA of the clients; with it every client needs a certificate. By default `ca.crt` in the PKI
    /// directory, if there is a `client.crt` beside it and no certificate was named.
    pub client_ca: Option<PathBuf>,
    /// The PKI directory.
    pub directory: PathBuf,
    /// The directory that the network is started in; by default the current one.
    pub cwd: Option<PathBuf>,
    /// Whether to write nothing.
    pub dry_run: bool,
}

/// The change to a network's file.
#[derive(Debug, Serialize)]
pub struct EditReport {
    /// The network's file.
    #[serde(rename = "path", serialize_with = "super::report::absolute")]
    pub file: String,
    /// Whether it needed a change.
    pub changed: bool,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// The change as a unified diff; empty if there is none.
    pub diff: String,
}

/// Adds the block, unless it is already there.
///
/// # Errors
/// When a file is missing or cannot be read or written, or TLS is already on with other files.
pub(in crate::ops::verify_chain) fn edit(request: &EditRequest) -> Result<EditReport, Error> {
    let path = &request.network;
    let bytes = files::read(path)?;
    let tls = tls_files(request)?;
    let edited = match with_tls(&bytes, &tls) {
        // The client CA is a default: without it, the block may be as it should be.
        Err(EditError::Effective { .. }) if request.client_ca.is_none() => {
            let ca_file = None;
            with_tls(&bytes, &TlsFiles { ca_file, ..tls })
        }
        edited => edited,
    };
    let edited = edited.map_err(|source| Error::Network {
        path: path.clone(),
        source: source.into(),
    })?;
    let before = String::from_utf8_lossy(&bytes);
    let diff = unified_diff(&before, &edited.text);
    if edited.changed && !request.dry_run {
        replace(path, &bytes, edited.text.as_bytes())?;
    }
    Ok(EditReport {
        file: path.to_string_lossy().into_owned(),
        changed: edited.changed,
        dry_run: request.dry_run,
        diff,
    })
}

impl fmt::Display for EditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = shown(Path::new(&self.file));
        match (self.changed, self.dry_run) {
            (false, _) => writeln!(
                f,
                "{file}: already has this `tls:` block; nothing was written"
            ),
            (true, true) => write!(f, "{file}: would be changed:\n{}", self.diff),
            (true, false) => write!(f, "{file}: added a `tls:` block\n{}", self.diff),
        }
    }
}

/// The files as the network will read them.
///
/// # Errors
/// When one does not exist.
fn tls_files(request: &EditRequest) -> Result<TlsFiles, Error> {
    let certificate = request.certificate.clone();
    let certificate = certificate.unwrap_or_else(|| request.directory.join("server.crt"));
    let key = request.key.clone();
    let key = key.unwrap_or_else(|| certificate.with_extension("key"));
    let path = |path: &Path| -> Result<String, Error> {
        match files::kind(path)? {
            Kind::Absent => Err(Error::Usage {
                message: format!("{}: no such file", shown(path)),
                hint: "create the files with `openagents-certs generate`, or name them with `--cert`, `--key` and `--client-ca`".into(),
            }),
            Kind::Other => Err(Error::Unreadable {
                path: path.to_owned(),
                what: "is a directory or a device, not a file",
            }),
            Kind::File | Kind::SymbolicLink => from_cwd(path, request.cwd.as_deref()),
        }
    };
    Ok(TlsFiles {
        cert_file: path(&certificate)?,
        key_file: path(&key)?,
        ca_file: client_ca(request)?.as_deref().map(path).transpose()?,
    })
}

/// The CA of the clients, if clients need certificates.
fn client_ca(request: &EditRequest) -> Result<Option<PathBuf>, Error> {
    if request.client_ca.is_some() || request.certificate.is_some() {
        return Ok(request.client_ca.clone());
    }
    let client = request.directory.join("client.crt");
    let ca = request.directory.join("ca.crt");
    let exist = files::kind(&client)? != Kind::Absent && files::kind(&ca)? != Kind::Absent;
    Ok(exist.then_some(ca))
}

/// A path for a network that is started in this directory: relative if the file is below it.
fn from_cwd(path: &Path, cwd: Option<&Path>) -> Result<String, Error> {
    let mut path = path.to_owned();
    if let Some(cwd) = cwd {
        path = files::absolute(&path)?;
        if let Ok(below) = path.strip_prefix(files::absolute(cwd)?) {
            path = below.to_owned();
        }
    }
    match path.to_str() {
        Some(text) => Ok(text.strip_prefix("./").unwrap_or(text).to_owned()),
        None => Err(Error::Usage {
            message: format!(
                "{}: a path that is not UTF-8 cannot be written to YAML",
                shown(&path)
            ),
            hint: "rename the file".into(),
        }),
    }
}

/// Replaces the file with one rename, unless it has changed since it was read.
fn replace(path: &Path, before: &[u8], after: &[u8]) -> Result<(), Error> {
    let absolute = files::absolute(path)?;
    let (Some(directory), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "is a directory, not a file",
        });
    };
    let secret = files::is_private(&absolute)?;
    let lock = Lock::acquire(directory)?;
    if files::read(path)?.as_slice() != before {
        return Err(Error::Usage {
            message: format!("{}: changed by another process", shown(path)),
            hint: "run the command again".into(),
        });
    }
    let file = NewFile {
        name,
        content: after,
        secret,
    };
    files::write_together(&lock, &[file], true)
}
