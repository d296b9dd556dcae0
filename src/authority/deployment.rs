//! The files of an authority: where they are, and an [`Issuance`] from them.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::Path;

use time::OffsetDateTime;

use super::inventory::{StorePlace, inventory_name, open_inventory, require_own, store_place};
use super::{Issuance, Signing, rotation};
use crate::config::Config;
use crate::error::{Error, InFile as _};
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys::{self, Password, ReadKey, Signer};
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::{bundle, pem};
use crate::store::{self, Fault, Inventory, Opening, StoreError};

/// Gives the passphrase of the encrypted key in a file; called only when the key is encrypted.
pub type Ask<'a> = &'a dyn Fn(&Path) -> Result<Password, Error>;

/// The authority in a directory, ready to sign: `ca.crt`, for a subordinate `issuer.crt`, `ca.key` and the
/// inventory.
///
/// # Errors
/// When one of them is missing or damaged, they do not belong together, the certificate is not a CA's, or it
/// is not valid `now`.
pub fn open(directory: &Path, passphrase: Ask<'_>, now: OffsetDateTime) -> Result<Issuance, Error> {
    let key_path = directory.join(KEY);
    require(directory)?;
    let signer = read_signer(&key_path, passphrase)?;
    let subordinate = files::kind(&directory.join(ISSUER))? != Kind::Absent;
    let path = directory.join(if subordinate { ISSUER } else { CERTIFICATE });
    let certificates = read_certificates(&path)?;
    let belongs =
        |certificate: &&Certificate| certificate.public_key_info() == signer.public_key_info();
    let Some(certificate) = certificates.iter().find(belongs).cloned() else {
        return Err(Error::KeyMismatch {
            path: key_path,
            certificate: path,
        });
    };
    let mut inventory = open_inventory(directory, Opening::MustExist)?;
    let records = inventory.authorities()?;
    match records
        .iter()
        .find(|record| record.certificate == certificate.as_der())
    {
        Some(record) if record.complete => {}
        // Killed between writing the files and saying so.
        Some(_) => {
            inventory.complete_authority(certificate.as_der())?;
        }
        None => {
            return Err(Error::UnknownAuthority {
                path,
                inventory: inventory_name(directory),
            });
        }
    }
    let issuer = valid_issuer(&path, &certificate, now)?;
    let (served, anchors) = if subordinate {
        (certificates, anchors(directory)?)
    } else {
        (rotation::chain(directory, &certificate, now)?, certificates)
    };
    let signing = Signing::new(&certificate, issuer, signer).with_chain(served, &anchors);
    Ok(Issuance::new(
        certificate,
        signing,
        anchors,
        Some(inventory),
    ))
}

/// The trust anchors in `ca.crt`.
///
/// # Errors
/// When it cannot be read.
pub fn anchors(directory: &Path) -> Result<Vec<Certificate>, Error> {
    read_certificates(&directory.join(CERTIFICATE))
}

/// Writes a key (unencrypted PKCS #8, encrypted with the password if there is one) and its certificates together, and other public files with them, into a locked directory.
///
/// # Errors
/// As [`files::write_together`].
pub fn write(
    lock: &Lock,
    key: (&OsStr, &[u8], Option<&Password>),
    public: &[(&OsStr, &str)],
    replace: bool,
) -> Result<(), Error> {
    let (name, pkcs8, password) = key;
    let key = keys::to_pem(pkcs8, password)?;
    let mut files = vec![NewFile {
        name,
        content: key.as_bytes(),
        secret: true,
    }];
    files.extend(public.iter().map(|(name, text)| NewFile {
        name,
        content: text.as_bytes(),
        secret: false,
    }));
    files::write_together(lock, &files, replace)
}

/// Writes public files together into a locked directory.
///
/// # Errors
/// As [`files::write_together`].
pub fn write_public(lock: &Lock, public: &[(&OsStr, &str)], replace: bool) -> Result<(), Error> {
    let files = public.iter().map(|(name, text)| NewFile {
        name,
        content: text.as_bytes(),
        secret: false,
    });
    files::write_together(lock, &files.collect::<Vec<_>>(), replace)
}

/// Refuses a directory without an authority.
///
/// # Errors
/// When there is none, or as [`exists`].
pub fn require(directory: &Path) -> Result<(), Error> {
    if exists(directory)? {
        return Ok(());
    }
    Err(Error::NoAuthority {
        path: directory.to_owned(),
    })
}

/// Whether a directory holds an authority. One that was killed while it was made is none.
///
/// # Errors
/// When one of its files is missing: `ca.crt`, `ca.key` or the inventory.
pub fn exists(directory: &Path) -> Result<bool, Error> {
    let path = |name: &str| directory.join(name);
    let is_there = |name: &str| files::kind(&path(name)).map(|kind| kind != Kind::Absent);
    let missing = |name: &str, beside: &str| Error::Missing {
        path: path(name),
        beside: path(beside),
        hint: RESTORE.into(),
    };
    let has_inventory = match store_place(directory)? {
        StorePlace::File(file) => files::kind(&file)? != Kind::Absent,
        // Asked only when nothing is here: what is on the server is for those who open it.
        StorePlace::Server(url) => {
            if !is_there(CERTIFICATE)? && !is_there(KEY)? {
                refuse_other(directory, &url)?;
                return Ok(false);
            }
            true
        }
    };
    match (is_there(CERTIFICATE)?, is_there(KEY)?, has_inventory) {
        (false, false, false) => Ok(false),
        (false, false, true) if was_complete(directory)? => Err(missing(KEY, INVENTORY)),
        (false, false, true) => Ok(false),
        (true, true, true) => Ok(true),
        (true, true, false) => Err(missing(INVENTORY, CERTIFICATE)),
        (true, false, _) => Err(missing(KEY, CERTIFICATE)),
        (false, true, _) => Err(missing(CERTIFICATE, KEY)),
    }
}

/// Refuses a server's inventory that is of an authority.
fn refuse_other(directory: &Path, url: &str) -> Result<(), Error> {
    match store::open_server(url, Opening::MustExist) {
        Ok(inventory) => require_own(directory, url, &inventory.authorities()?),
        Err(StoreError::Server {
            fault: Fault::NoInventory,
            ..
        }) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// What the `certs.toml` in a directory says; the built-in profiles when there is none.
///
/// # Errors
/// When it cannot be read, or says what cannot be.
pub fn read_config(directory: &Path) -> Result<Config, Error> {
    let path = directory.join(CONFIG);
    let content = match files::kind(&path)? {
        Kind::Absent => None,
        Kind::File | Kind::SymbolicLink | Kind::Other => Some(files::read(&path)?),
    };
    Ok(Config::read(&path, content.as_deref().map(Vec::as_slice))?)
}

/// Whether the inventory knows of an authority whose files were all written once.
fn was_complete(directory: &Path) -> Result<bool, Error> {
    let inventory = open_inventory(directory, Opening::MustExist)?;
    Ok(inventory
        .authorities()?
        .iter()
        .any(|record| record.complete))
}

/// The certificate of the authority in a directory, whose key is not needed.
///
/// # Errors
/// When there is none, or its files cannot be read or are another's.
pub fn certificate_in(directory: &Path, inventory: &dyn Inventory) -> Result<Certificate, Error> {
    let subordinate = files::kind(&directory.join(ISSUER))? != Kind::Absent;
    let path = directory.join(if subordinate { ISSUER } else { CERTIFICATE });
    let records = inventory.authorities()?;
    let current = records.iter().rev().find(|record| record.complete);
    let is_current = |certificate: &Certificate| {
        current.is_some_and(|record| record.certificate == certificate.as_der())
    };
    read_certificates(&path)?
        .into_iter()
        .find(is_current)
        .ok_or_else(|| Error::UnknownAuthority {
            path,
            inventory: inventory_name(directory),
        })
}

/// What a CA's certificate in a file gives to those it issues.
///
/// # Errors
/// When it is malformed.
pub(super) fn issuer(path: &Path, certificate: &Certificate) -> Result<Issuer, Error> {
    Issuer::of(certificate).in_file(path)
}

/// What a certificate in a file gives to those it issues, when any may be issued under it.
///
/// # Errors
/// When it is malformed, no CA's, or not valid `now`.
pub fn valid_issuer(
    path: &Path,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Result<Issuer, Error> {
    let issuer = issuer(path, certificate)?;
    let path = || path.to_owned();
    let (not_before, not_after) = (issuer.validity.not_before(), issuer.validity.not_after());
    if !issuer.is_ca {
        return Err(Error::NotAnAuthority { path: path() });
    }
    if now > not_after {
        return Err(Error::AuthorityExpired {
            path: path(),
            not_after,
        });
    }
    if now < not_before {
        return Err(Error::AuthorityNotYetValid {
            path: path(),
            not_before,
            now,
        });
    }
    Ok(issuer)
}

/// The certificates in a file.
///
/// # Errors
/// When there is none, or one is broken.
pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    bundle::certificates(&files::read(path)?).in_file(path)
}

pub(super) fn read_signer(path: &Path, password: Ask<'_>) -> Result<Signer, Error> {
    let (key, _) = read_key(path, password)?;
    Signer::from_pkcs8(key.pkcs8()).in_file(path)
}

/// Asks at most once, and gives the same passphrase for every file: of keys that are encrypted alike.
pub fn once(ask: Ask<'_>) -> impl Fn(&Path) -> Result<Password, Error> {
    let given: RefCell<Option<Password>> = RefCell::new(None);
    move |path| {
        let known = given.borrow().as_ref().map(Password::again);
        if let Some(known) = known {
            return Ok(known);
        }
        let password = ask(path)?;
        *given.borrow_mut() = Some(password.again());
        Ok(password)
    }
}

/// The private key in a file, whatever form it has, with the password that was asked for when it is encrypted.
///
/// # Errors
/// When there is none, it is damaged, or the password is wrong.
pub fn read_key(path: &Path, password: Ask<'_>) -> Result<(ReadKey, Option<Password>), Error> {
    read_key_in(path, &files::read(path)?, password)
}

/// What to ask where there is nobody to ask: a key that is encrypted is not read.
///
/// # Errors
/// Always.
pub fn no_passphrase(path: &Path) -> Result<Password, Error> {
    Err(Error::PassphraseNeeded {
        path: path.to_owned(),
    })
}

/// Whether the private key in a file needs a passphrase.
///
/// # Errors
/// When the file cannot be read, or contains no private key.
pub fn is_key_encrypted(path: &Path) -> Result<bool, Error> {
    let blocks = pem::blocks(&files::read(path)?).in_file(path)?;
    let key = blocks.iter().find(|block| block.is_private_key());
    key.map(needs_password).ok_or_else(|| Error::NoKey {
        path: path.to_owned(),
    })
}

fn needs_password(block: &pem::Block) -> bool {
    block.label == "ENCRYPTED PRIVATE KEY" || block.is_encrypted()
}

/// The private key in the content of a file.
///
/// # Errors
/// As [`read_key`].
pub fn read_key_in(
    path: &Path,
    bytes: &[u8],
    password: Ask<'_>,
) -> Result<(ReadKey, Option<Password>), Error> {
    let blocks = pem::blocks(bytes).in_file(path)?;
    let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
        return Err(Error::NoKey {
            path: path.to_owned(),
        });
    };
    let password = if needs_password(block) {
        Some(password(path)?)
    } else {
        None
    };
    let key = keys::read_pem_key(block, password.as_ref());
    Ok((key.in_file(path)?, password))
}

/// The file of the trust anchors to hand out.
pub const CERTIFICATE: &str = "ca.crt";
/// The file of the authority's private key.
pub const KEY: &str = "ca.key";
/// The file of the authority's settings and profiles.
pub const CONFIG: &str = "certs.toml";
/// The file of what was issued and revoked.
pub const INVENTORY: &str = "inventory.db";
/// The file of the current revocation lists, as PEM: the authority's own first.
pub const CRL: &str = "crl.pem";
/// The file of the authority's own revocation list as DER, which is what is fetched over HTTP (RFC 5280 §4.2.1.13).
pub const CRL_DER: &str = "crl.der";
/// In a subordinate authority, the file of its certificate and those above it, anchor excluded.
pub const ISSUER: &str = "issuer.crt";
/// The file of the certificate that `serve` presents, and renews by itself.
pub const SERVE: &str = "serve.crt";

const RESTORE: &str =
    "restore it from a backup; a new CA needs a new directory (`-C DIR`) or `generate --new-ca`";
