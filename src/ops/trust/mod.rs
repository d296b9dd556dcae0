//! Making the machine, its browsers and its runtimes trust a CA, and proving that they do.

pub mod check;
pub mod environment;
mod place;
mod runtime;
mod step;
pub mod store;
mod system;

use std::path::{Path, PathBuf};

use crate::authority::{self, CERTIFICATE};
use crate::error::Error;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::AttributeType;

/// The trust anchors, and their file.
#[derive(Debug)]
pub struct Anchors {
    /// The file.
    pub path: PathBuf,
    /// The certificates in it.
    pub certificates: Vec<Certificate>,
}

impl Anchors {
    /// Reads those of a file, or else of the PKI directory.
    ///
    /// # Errors
    /// When there are none, or one is not a CA.
    pub fn read(file: Option<&Path>, directory: &Path) -> Result<Self, Error> {
        let in_directory = || directory.join(CERTIFICATE);
        let path = file.map_or_else(in_directory, Path::to_owned);
        if file.is_none() && matches!(crate::files::kind(&path)?, crate::files::Kind::Absent) {
            return Err(Error::NoAuthority {
                path: directory.to_owned(),
            });
        }
        let certificates = authority::read_certificates(&path)?;
        if certificates
            .iter()
            .any(|anchor| !anchor.is_ca().unwrap_or(false))
        {
            return Err(Error::NotAnAuthority { path });
        }
        Ok(Anchors { path, certificates })
    }
}

/// A name for an anchor in a store: always the same, and unique.
pub(super) fn nickname(anchor: &Certificate) -> String {
    let names = anchor.subject().values(AttributeType::CommonName);
    let name = names.into_iter().next().unwrap_or_default();
    let name: String = name.chars().take(MAX_NAME).collect();
    format!("{} ({})", Escaped(&name), short_fingerprint(anchor))
}

/// The first eight bytes of the SHA-256 fingerprint, in hex.
pub(super) fn short_fingerprint(anchor: &Certificate) -> String {
    let fingerprint = Fingerprint::sha256(anchor.as_der());
    let bytes = fingerprint.as_bytes().iter().take(SHORT_BYTES);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

const SHORT_BYTES: usize = 8;
const MAX_NAME: usize = 64;
/// The password of every Java trust store, which protects nothing: the certificates are public.
const STORE_PASSWORD: &str = "changeit";
