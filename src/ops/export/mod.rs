//! A certificate in the format another program needs.

mod formats;
mod material;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use formats::Naming;

use material::Material;

use crate::authority::{Ask, pem_of};
use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::keys::{self, KeyError, Password, Pkcs12Contents, Protection, write_pkcs12};
use crate::ops::{Report, list};
use crate::pki::certificate::Certificate;
use crate::pki::name::AttributeType;
use crate::store::{Filter, LabelFilter, Status};

/// What to export, and in which format.
#[derive(Debug)]
pub struct Request {
    /// The format.
    pub format: Format,
    /// A name in the PKI directory, a file or a serial number.
    pub name: OsString,
    /// The PKI directory.
    pub directory: PathBuf,
    /// The private key, if not beside the certificate.
    pub key: Option<PathBuf>,
    /// Whether PKCS #12 uses algorithms that old programs support.
    pub legacy: bool,
    /// Whether a JWK includes the private key.
    pub private: bool,
    /// Whether variables hold contents rather than paths.
    pub contents: bool,
    /// The names of Kubernetes objects.
    pub naming: Naming,
}

/// A format.
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
    /// Whether it is not text.
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

    /// Whether it is encrypted with a password.
    pub fn has_password(self) -> bool {
        matches!(self, Format::P12 | Format::Jks)
    }
}

/// An export.
#[derive(Debug)]
pub struct Exported {
    /// The content; wiped on drop.
    pub content: Zeroizing<Vec<u8>>,
    /// Whether it includes a private key.
    pub holds_private_key: bool,
    format: Format,
    name: String,
}

/// Exports a certificate. `passphrase` decrypts its key, `password` encrypts a PKCS #12 file.
///
/// # Errors
/// When there is no such certificate, its key is missing or does not match, or the format cannot hold it.
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
            text(formats::config_map(&material, &anchors, &request.naming)?)
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
            let yaml = formats::kubernetes_secret(&material, &certificate, &key, anchors, naming)?;
            (bytes_of(yaml), true)
        }
        Format::Env => formats::environment(&material, request.contents, passphrase)?,
        Format::DockerSecret => text(formats::docker_secrets(&material)?),
        Format::Jwk => formats::jwk(&material, request.private, passphrase)?,
    };
    Ok(Exported {
        content,
        holds_private_key,
        format: request.format,
        name: material.name,
    })
}

/// The serial numbers of the current certificates with these labels.
///
/// # Errors
/// When the inventory cannot be read.
pub fn labelled(
    directory: &Path,
    labels: &[LabelFilter],
    now: OffsetDateTime,
) -> Result<Vec<OsString>, Error> {
    let filter = Filter {
        labels: labels.to_vec(),
        status: Some(Status::Valid),
        ..Filter::default()
    };
    let mut serials = Vec::new();
    list::inventory(directory)?.visit(&filter, now, &mut |entry| {
        serials.push(entry.serial.to_string().into());
        ControlFlow::Continue(())
    })?;
    Ok(serials)
}

/// The name of the file of one of several exports.
pub fn file_name(name: &OsStr, format: Format) -> String {
    let path = Path::new(name);
    let stem = path.file_stem().unwrap_or(name).to_string_lossy();
    let extension = match format {
        Format::Fullchain | Format::Bundle => "pem",
        Format::P12 | Format::Jks => "p12",
        Format::K8sSecret | Format::K8sConfigmap | Format::DockerSecret => "yaml",
        Format::Env => "env",
        Format::Der => "der",
        Format::Jwk => "json",
    };
    // A name is no path: its dots are part of it, and colons of a serial number are left out.
    let base = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => stem,
        Some(_) | None => name.to_string_lossy(),
    };
    format!("{}.{extension}", base.replace([':', '/'], ""))
}

impl Exported {
    /// Writes it to a file, with mode 0600 when it includes a private key. An existing file is replaced
    /// only when `replace` is set. With `dry_run`, nothing is written.
    ///
    /// # Errors
    /// When the file exists and `replace` is not set, or it cannot be written.
    pub fn write(self, path: &Path, replace: bool, dry_run: bool) -> Result<ExportedFile, Error> {
        let (directory, name) = files::place(path)?;
        if !dry_run {
            let lock = Lock::acquire(directory)?;
            files::write_together(&lock, &[self.file(name)], replace)?;
        }
        Ok(ExportedFile {
            dry_run,
            format: self.format,
            name: self.name,
            path: path.to_owned(),
            size_bytes: self.content.len(),
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

/// A file that was written.
#[derive(Debug, Serialize)]
pub struct ExportedFile {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The format.
    pub format: Format,
    /// The certificate's name.
    pub name: String,
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: usize,
    /// Whether it includes a private key.
    pub holds_private_key: bool,
}

impl fmt::Display for ExportedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            write!(f, "Dry run; nothing was written. This would be: ")?;
        }
        let key = if self.holds_private_key {
            ", includes the private key, mode 0600"
        } else {
            ""
        };
        writeln!(f, "{} ({} bytes{key})", shown(&self.path), self.size_bytes)
    }
}

impl Report for ExportedFile {}

/// A PKCS #12 file: with the key, or for a CA with its anchors only.
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
        Err(KeyError::EmptyPassword) => Err(Error::usage(
            "the password is empty",
            "a PKCS #12 file needs a password of at least one character, for Java at least six",
        )),
        Err(error) => Err(error.into()),
    }
}

/// The name of an anchor in a keystore; no two are the same.
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

/// The bytes of a text, without copying them.
fn bytes_of(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
