//! An authority whose certificate and key come from elsewhere than its directory: what CI jobs have.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::deployment::read_key_in;
use super::{
    Ask, CERTIFICATE, Issuance, Signing, exists, open_inventory, open_inventory_file, valid_issuer,
};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind};
use crate::keys::Signer;
use crate::pki::bundle;
use crate::pki::certificate::{Certificate, Issuer};
use crate::store::{Inventory, Opening};

/// An authority opened without its key: its certificate, what certificates take from it, and the inventory.
pub(super) type Keyless = (Certificate, Issuer, Box<dyn Inventory>);

/// Where the authority is that is to issue.
pub struct AuthorityAt<'a> {
    /// Its directory.
    pub directory: &'a Path,
    /// Its certificate and key, when they are not in the directory.
    pub material: Option<Material>,
    /// Where what it issues is recorded.
    pub recording: Recording,
    /// Gives its key's passphrase.
    pub passphrase: Ask<'a>,
}

/// A certificate and a key on their own.
#[derive(Clone, Debug)]
pub struct Material {
    /// The CA's certificate; behind it, for a subordinate, those above it.
    pub certificate: Source,
    /// Its private key.
    pub key: Source,
}

/// Where PEM comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// An environment variable that holds PEM, or base64 of it.
    Environment(OsString),
    /// Standard input, which may hold both.
    StandardInput,
}

/// Where what is issued is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// In the directory's inventory.
    Directory,
    /// In this inventory.
    File(PathBuf),
    /// Nowhere: it can neither be listed nor revoked.
    Nowhere,
}

impl<'a> AuthorityAt<'a> {
    /// The authority of a directory, which records in its inventory and whose key is not encrypted.
    pub fn directory(directory: &'a Path) -> Self {
        AuthorityAt {
            directory,
            material: None,
            recording: Recording::Directory,
            passphrase: &|path| {
                Err(Error::PassphraseNeeded {
                    path: path.to_owned(),
                })
            },
        }
    }

    /// The authority, ready to sign.
    ///
    /// # Errors
    /// As [`super::open`]; and when the material cannot be read, or there is no inventory and nobody said to
    /// record nothing.
    pub fn open(&self, now: OffsetDateTime) -> Result<Issuance, Error> {
        if let Some(material) = &self.material {
            return self.open_material(material, now);
        }
        let mut authority = super::open(self.directory, self.passphrase, now)?;
        match &self.recording {
            Recording::Directory => {}
            Recording::File(path) => {
                authority.set_inventory(Some(open_inventory_file(path, Opening::MustExist)?));
            }
            Recording::Nowhere => authority.set_inventory(None),
        }
        Ok(authority)
    }

    /// The CA, what certificates take from it, and the inventory, without the CA's key; `None` where the
    /// authority is not in a directory.
    ///
    /// # Errors
    /// As [`AuthorityAt::open`].
    pub fn open_without_key(&self, now: OffsetDateTime) -> Result<Option<Keyless>, Error> {
        if self.material.is_some() || self.recording != Recording::Directory {
            return Ok(None);
        }
        if !exists(self.directory)? {
            return Ok(None);
        }
        let inventory = open_inventory(self.directory, Opening::MustExist)?;
        let certificate = super::certificate_in(self.directory, &*inventory)?;
        let path = self.directory.join(CERTIFICATE);
        let issuer = valid_issuer(&path, &certificate, now)?;
        Ok(Some((certificate, issuer, inventory)))
    }

    fn open_material(&self, material: &Material, now: OffsetDateTime) -> Result<Issuance, Error> {
        let (path, content) = material.certificate.read()?;
        let mut certificates = bundle::certificates(&content).in_file(&path)?;
        let (key_path, key_content) = if material.key == material.certificate {
            (path.clone(), content)
        } else {
            material.key.read()?
        };
        let (key, _) = read_key_in(&key_path, &key_content, self.passphrase)?;
        let certificate = certificates[0].clone();
        let issuer = valid_issuer(&path, &certificate, now)?;
        if key.public_key_info() != Some(issuer.public_key_info.as_slice()) {
            return Err(Error::KeyMismatch {
                path: key_path,
                certificate: path,
            });
        }
        let signer = Signer::from_pkcs8(key.pkcs8()).in_file(key_path)?;
        let mut anchors: Vec<_> = certificates
            .extract_if(.., |c| c.is_self_issued())
            .collect();
        if anchors.is_empty() && files::kind(&self.directory.join(CERTIFICATE))? == Kind::File {
            anchors = super::anchors(self.directory)?;
        }
        let signing = Signing::new(&certificate, issuer, signer).with_chain(certificates, &anchors);
        Ok(Issuance::new(
            certificate,
            signing,
            anchors,
            self.inventory()?,
        ))
    }

    /// The authority, and during a rotation the other root: all that sign revocation lists.
    ///
    /// # Errors
    /// As [`AuthorityAt::open`].
    pub fn open_all(&self, now: OffsetDateTime) -> Result<Issuance, Error> {
        let ask = super::once(self.passphrase);
        let from = AuthorityAt {
            directory: self.directory,
            material: self.material.clone(),
            recording: self.recording.clone(),
            passphrase: &ask,
        };
        let mut authority = from.open(now)?;
        if self.material.is_none() {
            let own = authority.certificate();
            let beside = super::rotation::beside(self.directory, own, &ask)?;
            authority.set_beside(beside);
        }
        Ok(authority)
    }

    /// The file of the inventory, as messages name it.
    pub fn inventory_path(&self) -> PathBuf {
        match &self.recording {
            Recording::File(path) => path.clone(),
            Recording::Directory | Recording::Nowhere => super::inventory_name(self.directory),
        }
    }

    /// The inventory that is asked for; one that is not there is not made.
    fn inventory(&self) -> Result<Option<Box<dyn Inventory>>, Error> {
        if self.recording == Recording::Directory && !exists(self.directory)? {
            return Err(Error::usage(
                format!(
                    "{}: there is no inventory to record in",
                    shown(self.directory)
                ),
                "name one with `--inventory FILE`, or ask for none with `--inventory none`",
            ));
        }
        let inventory = match &self.recording {
            Recording::Nowhere => return Ok(None),
            Recording::File(path) => open_inventory_file(path, Opening::MustExist)?,
            Recording::Directory => open_inventory(self.directory, Opening::MustExist)?,
        };
        Ok(Some(inventory))
    }
}

impl Source {
    /// What `FILE`, `env:NAME` or `-` names.
    pub fn named(text: &std::ffi::OsStr) -> Self {
        match text.to_str() {
            Some("-") => Source::StandardInput,
            Some(text) if text.starts_with("env:") => Source::Environment(text[4..].into()),
            Some(_) | None => Source::File(text.into()),
        }
    }

    /// The content, and what it is called in messages.
    fn read(&self) -> Result<(PathBuf, Zeroizing<Vec<u8>>), Error> {
        match self {
            Source::File(path) => Ok((path.clone(), files::read(path)?)),
            Source::StandardInput => Ok(("-".into(), files::read_stdin()?)),
            Source::Environment(name) => {
                let shown = PathBuf::from(format!("env:{}", name.to_string_lossy()));
                let value = std::env::var(name).map(Zeroizing::new).map_err(|source| {
                    Error::usage(
                        format!("{}: {source}", crate::error::shown(&shown)),
                        "set the variable to PEM, or to base64 of PEM",
                    )
                })?;
                let text = value.trim();
                let decoded = Base64::decode_vec(text).ok().map(Zeroizing::new);
                Ok((
                    shown,
                    decoded.unwrap_or_else(|| Zeroizing::new(text.as_bytes().to_vec())),
                ))
            }
        }
    }
}
