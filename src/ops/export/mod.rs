//! A certificate in the form another program takes.

mod compose;
mod environment;
mod jwk;
mod kubernetes;
mod material;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use kubernetes::Naming;

use material::Material;

use crate::authority::{Ask, pem_of};
use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::keys::{self, KeyError, Password, Pkcs12Contents, Protection, write_pkcs12};
use crate::ops::Report;
use crate::pki::certificate::Certificate;
use crate::pki::name::AttributeType;

/// What is to be exported, and in which form.
#[derive(Debug)]
pub struct Request {
    /// The form.
    pub format: Format,
    /// A name in the PKI directory, a file or a serial number.
    pub name: OsString,
    /// The PKI directory.
    pub directory: PathBuf,
    /// The private key, where it is not beside the certificate.
    pub key: Option<PathBuf>,
    /// Whether PKCS #12 is for old programs.
    pub legacy: bool,
    /// Whether a JWK has the private key.
    pub private: bool,
    /// Whether variables hold contents, and not paths.
    pub contents: bool,
    /// What objects of Kubernetes are called.
    pub naming: Naming,
}

/// The form that is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The certificate and those above it, as PEM, as servers want it.
    Fullchain,
    /// PKCS #12 with key, certificate, chain and anchors.
    P12,
    /// PKCS #12 that Java's keytool and KeyStore take: the anchors are trusted entries. A CA's is a truststore.
    Jks,
    /// A Kubernetes Secret of type kubernetes.io/tls.
    K8sSecret,
    /// A Kubernetes ConfigMap with the trust anchors.
    K8sConfigmap,
    /// Lines for a .env file.
    Env,
    /// The secrets of a Docker Compose file.
    DockerSecret,
    /// The certificate alone, as DER.
    Der,
    /// A JSON Web Key with the certificate.
    Jwk,
    /// The trust anchors, as PEM.
    Bundle,
}

impl Format {
    /// Whether it is no text.
    pub fn is_binary(self) -> bool {
        match self {
            Format::P12 | Format::Jks | Format::Der => true,
            Format::Fullchain
            | Format::K8sSecret
            | Format::K8sConfigmap
            | Format::Env
            | Format::DockerSecret
            | Format::Jwk
            | Format::Bundle => false,
        }
    }

    /// Whether it is sealed with a password.
    pub fn has_password(self) -> bool {
        matches!(self, Format::P12 | Format::Jks)
    }
}

/// What was exported.
#[derive(Debug)]
pub struct Exported {
    /// The octets; wiped on drop.
    pub content: Zeroizing<Vec<u8>>,
    /// Whether a private key is in them.
    pub holds_private_key: bool,
    format: Format,
    name: String,
}

/// Makes the export. `passphrase` opens an encrypted key, `password` seals a PKCS #12.
///
/// # Errors
/// When there is no such certificate, its key is missing or another's, or the form cannot hold it.
pub fn run(
    request: &Request,
    passphrase: Ask<'_>,
    password: &dyn Fn() -> Result<Password, Error>,
    now: OffsetDateTime,
) -> Result<Exported, Error> {
    let key = request.key.as_deref();
    let material = Material::find(&request.name, &request.directory, key, now)?;
    let text = |text: String| (Zeroizing::new(text.into_bytes()), false);
    let (content, holds_private_key) = match request.format {
        Format::Fullchain => text(pem_of(material.served())?),
        Format::Bundle => text(pem_of(ders(material.anchors()?))?),
        Format::Der => (
            Zeroizing::new(material.certificate.as_der().to_vec()),
            false,
        ),
        Format::P12 | Format::Jks => keystore(request, &material, passphrase, password)?,
        Format::K8sConfigmap => {
            let anchors = pem_of(ders(material.anchors()?))?;
            text(kubernetes::config_map(
                &material,
                &anchors,
                &request.naming,
            )?)
        }
        Format::K8sSecret => {
            let key = material.key(passphrase)?;
            let key = keys::to_pem(key.pkcs8(), None)?;
            let certificate = pem_of(material.served())?;
            let anchors = material.anchors.as_ref();
            let anchors = anchors
                .map(|(_, anchors)| pem_of(ders(anchors)))
                .transpose()?;
            let (anchors, naming) = (anchors.as_deref(), &request.naming);
            let yaml = kubernetes::secret(&material, &certificate, &key, anchors, naming)?;
            (octets_of(&yaml), true)
        }
        Format::Env => environment::lines(&material, request.contents, passphrase)?,
        Format::DockerSecret => text(compose::secrets(&material)?),
        Format::Jwk => jwk::jwk(&material, request.private, passphrase)?,
    };
    Ok(Exported {
        content,
        holds_private_key,
        format: request.format,
        name: material.name,
    })
}

impl Exported {
    /// Writes it to a file, 0600 when a private key is in it; what is there already is replaced only
    /// when `replace` is set. With `dry_run` nothing is written.
    ///
    /// # Errors
    /// When something is there and `replace` is not set, or the disk refuses.
    pub fn write(self, path: &Path, replace: bool, dry_run: bool) -> Result<Written, Error> {
        let (directory, name) = files::place(path)?;
        if !dry_run {
            let lock = Lock::acquire(directory)?;
            files::write_together(&lock, &[self.file(name)], replace)?;
        }
        Ok(Written {
            dry_run,
            format: self.format,
            name: self.name,
            file: path.to_owned(),
            octets: self.content.len(),
            holds_private_key: self.holds_private_key,
        })
    }

    fn file<'a>(&'a self, name: &'a OsStr) -> NewFile<'a> {
        NewFile {
            name,
            content: &self.content,
            secret: self.holds_private_key,
        }
    }
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The form.
    pub format: Format,
    /// What the certificate is called.
    pub name: String,
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub file: PathBuf,
    /// How large it is.
    pub octets: usize,
    /// Whether a private key is in it.
    pub holds_private_key: bool,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            write!(f, "Nothing was written. This would be: ")?;
        }
        let key = if self.holds_private_key {
            ", private key in it, mode 0600"
        } else {
            ""
        };
        writeln!(f, "{} ({} octets{key})", shown(&self.file), self.octets)
    }
}

impl Report for Written {}

/// A PKCS #12 file: with the key, or for a CA its anchors alone.
fn keystore(
    request: &Request,
    material: &Material,
    passphrase: Ask<'_>,
    password: &dyn Fn() -> Result<Password, Error>,
) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
    let key = match material.is_authority() {
        true => None,
        false => Some(material.key(passphrase)?),
    };
    let anchors = match (&material.anchors, material.is_authority()) {
        (Some((_, anchors)), _) => anchors.as_slice(),
        (None, true) => material.anchors()?,
        (None, false) => &[],
    };
    let anchors: Vec<(String, &[u8])> = anchors
        .iter()
        .enumerate()
        .map(|(i, anchor)| (anchor_name(i, anchor), anchor.as_der()))
        .collect();
    let certificates: Vec<&[u8]> = match key {
        Some(_) => material.served().collect(),
        None => Vec::new(),
    };
    let contents = Pkcs12Contents {
        name: &material.name,
        private_key: key.as_ref().map(|key| key.pkcs8()),
        certificates: &certificates,
        anchors: &anchors,
        anchors_are_trusted: request.format == Format::Jks || key.is_none(),
    };
    let protection = match request.legacy {
        true => Protection::Legacy,
        false => Protection::Modern,
    };
    match write_pkcs12(&contents, &password()?, protection) {
        Ok(der) => Ok((der, key.is_some())),
        Err(KeyError::EmptyPassword) => Err(Error::Usage {
            message: "the password is empty".into(),
            hint: "a PKCS #12 file needs a password of at least one character, Java of six".into(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// What an anchor is called in a keystore: no two the same.
fn anchor_name(index: usize, anchor: &Certificate) -> String {
    let names = anchor.subject().values(AttributeType::CommonName);
    let name = names
        .into_iter()
        .next()
        .unwrap_or_else(|| anchor.subject().to_string());
    match index {
        0 => format!("ca: {name}"),
        index => format!("ca {}: {name}", index + 1),
    }
}

fn ders(certificates: &[Certificate]) -> impl Iterator<Item = &[u8]> {
    certificates.iter().map(Certificate::as_der)
}

fn octets_of(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}
