//! Trust anchors, and the places they are looked for in.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::authority;
use crate::error::{Error, shown};
use crate::files::{self, Target};
use crate::pki::certificate::Certificate;
use crate::pki::name::DistinguishedName;

/// Where trust anchors come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorSource {
    /// The file given with `--ca`; no other source is tried then.
    Given(PathBuf),
    /// The `ca.crt` beside the file.
    Beside(PathBuf),
    /// The `ca.crt` of the PKI directory.
    Directory(PathBuf),
    /// The system's trust store.
    System,
}

/// Trust anchors of one source.
#[derive(Debug)]
pub struct Anchors {
    /// Where they come from.
    pub source: AnchorSource,
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// Their places by subject, where there are many.
    by_subject: HashMap<DistinguishedName, Vec<usize>>,
}

impl AnchorSource {
    /// The file, unless it is the system's trust store.
    pub fn path(&self) -> Option<&Path> {
        match self {
            AnchorSource::Given(path)
            | AnchorSource::Beside(path)
            | AnchorSource::Directory(path) => Some(path),
            AnchorSource::System => None,
        }
    }

    /// Whether the anchors were named, rather than found.
    pub fn is_given(&self) -> bool {
        matches!(self, AnchorSource::Given(_))
    }

    /// Its name in JSON.
    fn name(&self) -> &'static str {
        match self {
            AnchorSource::Given(_) => "given",
            AnchorSource::Beside(_) => "beside",
            AnchorSource::Directory(_) => "directory",
            AnchorSource::System => "system",
        }
    }
}

impl Anchors {
    /// Reads the anchors of a file.
    ///
    /// # Errors
    /// When it cannot be read, or holds no certificate.
    pub fn read(source: AnchorSource) -> Result<Self, Error> {
        let certificates = match source.path() {
            Some(path) => authority::read_certificates(path)?,
            None => return Ok(Anchors::of_system()),
        };
        Ok(Anchors::new(source, certificates))
    }

    /// The `ca.crt` of a directory, if it has one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn in_directory(
        directory: &Path,
        source: impl FnOnce(PathBuf) -> AnchorSource,
    ) -> Result<Option<Self>, Error> {
        let path = directory.join(authority::CERTIFICATE);
        match files::target(&path) {
            Ok(Target::File(_)) => Anchors::read(source(path)).map(Some),
            Ok(Target::Directory(_) | Target::Special) | Err(_) => Ok(None),
        }
    }

    /// The system's trust store, as far as it can be read. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace it.
    pub fn of_system() -> Self {
        let found = rustls_native_certs::load_native_certs().certs;
        let certificates = found
            .iter()
            .filter_map(|der| Certificate::from_der(der.to_vec()).ok());
        Anchors::new(AnchorSource::System, certificates.collect())
    }

    fn new(source: AnchorSource, certificates: Vec<Certificate>) -> Self {
        let mut by_subject: HashMap<DistinguishedName, Vec<usize>> = HashMap::new();
        if certificates.len() > FEW_ANCHORS {
            for (i, anchor) in certificates.iter().enumerate() {
                let namesakes = by_subject.entry(anchor.subject().clone()).or_default();
                namesakes.push(i);
            }
        }
        Anchors {
            source,
            certificates,
            by_subject,
        }
    }

    /// The anchors that may be above these certificates: all of a few; of many, those named as their issuers
    /// and those that are among them.
    pub fn of_interest<'a>(
        &self,
        chain: impl IntoIterator<Item = &'a Certificate>,
    ) -> Cow<'_, [Certificate]> {
        if self.by_subject.is_empty() {
            return Cow::Borrowed(&self.certificates);
        }
        let names = chain
            .into_iter()
            .flat_map(|certificate| [certificate.issuer(), certificate.subject()]);
        let mut chosen: Vec<usize> = names
            .filter_map(|name| self.by_subject.get(name))
            .flat_map(|namesakes| namesakes.iter().take(FEW_ANCHORS).copied())
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        let chosen = chosen.into_iter().map(|i| self.certificates[i].clone());
        Cow::Owned(chosen.collect())
    }
}

impl fmt::Display for AnchorSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => f.write_str(&shown(path)),
            None => f.write_str("the system's trust store"),
        }
    }
}

impl Serialize for AnchorSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            source: &'static str,
            #[serde(serialize_with = "super::paths::as_text")]
            path: Option<PathBuf>,
        }
        Fields {
            source: self.name(),
            path: self.path().map(Path::to_owned),
        }
        .serialize(serializer)
    }
}

/// This many anchors are tried without looking at their names.
const FEW_ANCHORS: usize = 16;
