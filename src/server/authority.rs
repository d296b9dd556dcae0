//! The authority that the server issues with, opened again when its files change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use crate::authority::{self, AuthorityAt, Signing, rotation};
use crate::error::Error;
use crate::files::{self, Stamp};
use crate::ops::passphrase::Password;
use crate::pki::certificate::Certificate;

/// Gives the passphrase of the CA's key; it may be asked again, by any thread.
pub type Passphrase = Arc<dyn Fn(&Path) -> Result<Password, Error> + Send + Sync>;

/// An authority with its key. It stays as it is; after a rotation there is another one.
pub(in crate::server) struct Authority {
    /// The CA's certificate.
    pub(in crate::server) certificate: Certificate,
    /// What signs.
    pub(in crate::server) signing: Signing,
    /// What relying parties trust; two during a rotation.
    pub(in crate::server) anchors: Vec<Certificate>,
    /// The other root of a rotation, which signs revocation lists and OCSP responses for what it issued.
    pub(in crate::server) beside: Option<(Certificate, Signing)>,
    /// Roots that were rotated out, which sign OCSP responses for what they issued.
    pub(in crate::server) retired: Vec<(Certificate, Signing)>,
    /// `ca.crt`, as it is distributed.
    pub(in crate::server) anchors_pem: String,
    /// Gives the passphrase of the CA's key.
    pub(in crate::server) passphrase: Passphrase,
}

impl Authority {
    /// The authority in a directory.
    ///
    /// # Errors
    /// As [`AuthorityAt::open`].
    pub(super) fn open(
        directory: &Path,
        passphrase: &Passphrase,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let ask = |path: &Path| passphrase(path);
        let from = AuthorityAt {
            passphrase: &ask,
            ..AuthorityAt::directory(directory)
        };
        let parts = from.open_all(now)?.into_parts();
        Ok(Authority {
            retired: rotation::retired(directory, &authority::once(&ask), now),
            anchors_pem: authority::pem_of(parts.anchors.iter().map(Certificate::as_der))?,
            certificate: parts.certificate,
            signing: parts.signing,
            anchors: parts.anchors,
            beside: parts.beside,
            passphrase: Arc::clone(passphrase),
        })
    }
}

/// The files of a directory that the server depends on, as they were when it read them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<Option<Stamp>>);

impl Stamps {
    /// The files of the authority as they are now.
    pub(super) fn of_authority(directory: &Path) -> Self {
        let rotation = rotation::place(directory);
        let own = [authority::CERTIFICATE, authority::KEY, authority::ISSUER];
        let own = own.map(|name| directory.join(name));
        let rotating = [
            "next.crt",
            "next.key",
            "previous.crt",
            "previous.key",
            "cross.crt",
        ];
        let rotating = rotating.map(|name| rotation.join(name));
        Stamps::of(own.into_iter().chain(rotating))
    }

    /// These files as they are now.
    pub(super) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Stamps(paths.into_iter().map(|path| files::stamp(&path)).collect())
    }
}
