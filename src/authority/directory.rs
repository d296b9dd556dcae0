//! The files of an authority.

use std::ffi::OsStr;
use std::path::Path;

use crate::config::Config;
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys::{self, Password};
use crate::pki::certificate::Certificate;
use crate::pki::pem;
use crate::store::{self, Inventory, Opening};

/// Certificates, as DER, as PEM, one behind the other.
///
/// # Errors
/// Never for certificates that were read or signed.
pub fn pem_of<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Result<String, Error> {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str(&pem::encode("CERTIFICATE", certificate)?);
    }
    Ok(text)
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
    match (is_there(CERTIFICATE)?, is_there(KEY)?, is_there(INVENTORY)?) {
        (false, false, false) => Ok(false),
        (false, false, true) if was_complete(directory)? => Err(missing(KEY, INVENTORY)),
        (false, false, true) => Ok(false),
        (true, true, true) => Ok(true),
        (true, true, false) => Err(missing(INVENTORY, CERTIFICATE)),
        (true, false, _) => Err(missing(KEY, CERTIFICATE)),
        (false, true, _) => Err(missing(CERTIFICATE, KEY)),
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

/// The inventory of the authority in a directory.
///
/// # Errors
/// When it is missing and is not to be made, damaged, or another process keeps it.
pub fn open_inventory(directory: &Path, opening: Opening) -> Result<Box<dyn Inventory>, Error> {
    open_inventory_file(&directory.join(INVENTORY), opening)
}

/// The inventory in a file.
///
/// # Errors
/// As [`store::open`].
pub fn open_inventory_file(path: &Path, opening: Opening) -> Result<Box<dyn Inventory>, Error> {
    files::size_limit_is_an_error();
    Ok(store::open(path, opening)?)
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
    super::read_certificates(&path)?
        .into_iter()
        .find(is_current)
        .ok_or(Error::UnknownAuthority {
            path,
            inventory: directory.join(INVENTORY),
        })
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

const RESTORE: &str =
    "restore it from a backup; a new CA needs a new directory (`-C DIR`) or `generate --new-ca`";
