//! What is exported: a certificate, its chain, its key and the anchors.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::authority::{self, Ask, CERTIFICATE};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Target};
use crate::keys::ReadKey;
use crate::ops::issue::file_names;
use crate::ops::{list, show};
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::serial::SerialPrefix;

/// A certificate and what belongs to it.
#[derive(Debug)]
pub(super) struct Material {
    /// Its name.
    pub(super) name: String,
    /// Its file, if it has one.
    pub(super) path: Option<PathBuf>,
    /// The certificate.
    pub(super) certificate: Certificate,
    /// The certificates between it and an anchor, nearest first.
    pub(super) chain: Vec<Certificate>,
    /// The anchors, and their file.
    pub(super) anchors: Option<(PathBuf, Vec<Certificate>)>,
    /// The file of its key, if it has one.
    key: Option<PathBuf>,
}

impl Material {
    /// The material with a name: in the PKI directory, else a file, else a serial number, else a recorded name.
    pub(super) fn find(
        name: &OsStr,
        directory: &Path,
        key: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let (in_directory, _) = file_names(name);
        let candidates = [
            directory.join(in_directory),
            directory.join(name),
            name.into(),
        ];
        if let Some(path) = candidates.iter().find(|path| is_file(path)) {
            return Material::read(path, directory, key);
        }
        let text = name.to_str().unwrap_or_default();
        if let Ok(prefix) = text.parse::<SerialPrefix>() {
            return Material::issued(&prefix, directory, key, now);
        }
        if authority::exists(directory)? {
            let current = list::inventory(directory)?.find_current(text, now)?;
            if let [entry] = &current[..]
                && let Ok(prefix) = entry.serial.to_string().parse()
            {
                return Material::issued(&prefix, directory, key, now);
            }
        }
        Err(Error::usage(
            format!(
                "{}: not a certificate in {}, a file, a serial number or a name",
                shown(name),
                shown(directory)
            ),
            "list the certificates with `openagents-certs list`",
        ))
    }

    fn read(path: &Path, directory: &Path, key: Option<&Path>) -> Result<Self, Error> {
        let bundle = Bundle::read(&files::read(path)?).in_file(path)?;
        let mut certificates = bundle.certificates.into_iter();
        let certificate = certificates
            .next()
            .unwrap_or_else(|| unreachable!("a bundle that was read has a certificate"));
        let beside = path.with_extension("key");
        let found = if bundle.private_keys > 0 {
            Some(path.to_owned())
        } else {
            Some(beside).filter(|path| is_file(path))
        };
        Ok(Material {
            name: stem(path),
            chain: certificates
                .filter(|above| !above.is_self_issued())
                .collect(),
            anchors: anchors(path, directory)?,
            path: Some(path.to_owned()),
            key: key.map(Path::to_owned).or(found),
            certificate,
        })
    }

    /// From the inventory: the file it was written to, if that still contains it.
    fn issued(
        prefix: &SerialPrefix,
        directory: &Path,
        key: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let shown = show::run(directory, prefix.to_string().as_ref(), now)?;
        let bundle = Bundle::read(shown.pem.as_bytes());
        let certificate = bundle.in_file(authority::inventory_name(directory))?;
        let certificate = certificate.certificates.into_iter().next();
        let certificate =
            certificate.unwrap_or_else(|| unreachable!("an entry holds a certificate"));
        if let Some(path) = shown.listed.certificate.filter(|path| is_file(path)) {
            let material = Material::read(&path, directory, key)?;
            if material.certificate == certificate {
                return Ok(material);
            }
        }
        Ok(Material {
            name: shown.listed.serial.to_string().replace(':', ""),
            path: None,
            certificate,
            chain: Vec::new(),
            anchors: anchors(&directory.join(CERTIFICATE), directory)?,
            key: key.map(Path::to_owned),
        })
    }

    /// Whether it is a CA, whose key is never exported.
    pub(super) fn is_authority(&self) -> bool {
        self.certificate.is_ca().unwrap_or(false)
    }

    /// The certificate and those above it, the anchor excluded.
    pub(super) fn served(&self) -> impl Iterator<Item = &[u8]> {
        let all = std::iter::once(&self.certificate).chain(&self.chain);
        all.map(Certificate::as_der)
    }

    /// The anchors; for a root that has none beside it, itself.
    pub(super) fn anchors(&self) -> Result<&[Certificate], Error> {
        match &self.anchors {
            Some((_, anchors)) => Ok(anchors),
            None if self.is_authority() && self.certificate.is_self_issued() => {
                Ok(std::slice::from_ref(&self.certificate))
            }
            None => Err(Error::usage(
                format!("{}: no ca.crt was found for it", shown(&self.name)),
                "name the PKI directory with `-C DIR`, or put the ca.crt beside the file",
            )),
        }
    }

    /// The file of the key.
    pub(super) fn key_path(&self) -> Result<&Path, Error> {
        if self.is_authority() {
            return Err(Error::usage(
                format!("{}: the key of a CA is never exported", shown(&self.name)),
                "export a certificate that it issued; to distribute trust in the CA, use `export bundle`, `jks` or `k8s-configmap`",
            ));
        }
        self.key.as_deref().ok_or_else(|| {
            Error::usage(
                format!("{}: no private key beside it", shown(&self.name)),
                "name it with `--key FILE`",
            )
        })
    }

    /// The key, which must match the certificate.
    pub(super) fn key(&self, passphrase: Ask<'_>) -> Result<ReadKey, Error> {
        let path = self.key_path()?;
        let (key, _) = authority::read_key(path, passphrase)?;
        if key.public_key_info() != Some(self.certificate.public_key_info()) {
            return Err(Error::KeyMismatch {
                path: path.to_owned(),
                certificate: self
                    .path
                    .clone()
                    .unwrap_or_else(|| self.name.clone().into()),
            });
        }
        Ok(key)
    }
}

/// The anchors beside a file, else those of the PKI directory.
fn anchors(path: &Path, directory: &Path) -> Result<Option<(PathBuf, Vec<Certificate>)>, Error> {
    let places = [
        path.with_file_name(CERTIFICATE),
        directory.join(CERTIFICATE),
    ];
    let Some(path) = places.into_iter().find(|path| is_file(path)) else {
        return Ok(None);
    };
    let anchors = authority::read_certificates(&path)?;
    Ok(Some((path, anchors)))
}

fn is_file(path: &Path) -> bool {
    matches!(files::target(path), Ok(Target::File(_)))
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}
