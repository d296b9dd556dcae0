//! Where the inventory of a directory's authority is: in a file beside it, or in a schema of a database server that
//! several machines share.

use std::path::{Path, PathBuf};

use super::actor::process_actor;
use super::deployment::{CERTIFICATE, INVENTORY, ISSUER, KEY, read_certificates, read_config};
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::pki::certificate::Certificate;
use crate::store::{self, AuthorityRecord, Fault, Inventory, Opening, StoreError};

/// Where an inventory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// In a file.
    File(PathBuf),
    /// In the database with this URL.
    Server(String),
}

/// Where the inventory of a directory is, or would be. The environment counts more than `certs.toml`, but not in a
/// directory whose inventory is that of a client, without an authority.
///
/// # Errors
/// When `certs.toml` cannot be read.
pub fn store_place(directory: &Path) -> Result<StorePlace, Error> {
    let file = directory.join(INVENTORY);
    let named = std::env::var(STORE_VARIABLE).ok();
    if let Some(url) = named.filter(|url| !url.is_empty()) {
        let is_client = !is_there(&directory.join(KEY))?
            && is_there(&file)?
            && open_inventory_file(&file, Opening::MustExist)?
                .authorities()?
                .is_empty();
        return Ok(match is_client {
            true => StorePlace::File(file),
            false => StorePlace::Server(url),
        });
    }
    let config = read_config(directory)?;
    Ok(match config.store_url() {
        Some(url) => StorePlace::Server(url.to_owned()),
        None => StorePlace::File(file),
    })
}

/// The inventory of the authority in a directory.
///
/// # Errors
/// When it is missing and is not to be made, damaged, kept by another process, on a server that cannot be used, or of
/// an authority that is not in the directory.
pub fn open_inventory(directory: &Path, opening: Opening) -> Result<Box<dyn Inventory>, Error> {
    open_inventory_at(&store_place(directory)?, directory, opening)
}

/// The inventory of the authority in a directory, whose place is known.
///
/// # Errors
/// As [`open_inventory`].
pub fn open_inventory_at(
    place: &StorePlace,
    directory: &Path,
    opening: Opening,
) -> Result<Box<dyn Inventory>, Error> {
    match place {
        StorePlace::File(file) => open_inventory_file(file, opening),
        StorePlace::Server(url) => {
            let inventory = open_inventory_on(url, opening)?;
            require_own(directory, url, &inventory.authorities()?)?;
            Ok(inventory)
        }
    }
}

/// The inventory in a file.
///
/// # Errors
/// As [`store::open`].
pub fn open_inventory_file(path: &Path, opening: Opening) -> Result<Box<dyn Inventory>, Error> {
    files::size_limit_is_an_error();
    let mut inventory = store::open(path, opening)?;
    inventory.act_as(Some(process_actor()));
    Ok(inventory)
}

/// The inventory in the database with this URL, of whichever authority.
///
/// # Errors
/// As [`store::open_server`].
pub fn open_inventory_on(url: &str, opening: Opening) -> Result<Box<dyn Inventory>, Error> {
    let mut inventory = store::open_server(url, opening)?;
    inventory.act_as(Some(process_actor()));
    Ok(inventory)
}

/// The inventory of a directory that need not have an authority: without one it is a file, which is made.
///
/// # Errors
/// As [`open_inventory`].
pub fn open_client_inventory(directory: &Path) -> Result<Box<dyn Inventory>, Error> {
    if is_there(&directory.join(KEY))? {
        return open_inventory(directory, Opening::Create);
    }
    open_inventory_file(&directory.join(INVENTORY), Opening::Create)
}

/// The inventory of a directory, as messages name it.
pub fn inventory_name(directory: &Path) -> PathBuf {
    match store_place(directory) {
        Ok(StorePlace::Server(url)) => {
            store::server_name(&url).map_or_else(|_| INVENTORY.into(), PathBuf::from)
        }
        Ok(StorePlace::File(file)) => file,
        Err(_) => directory.join(INVENTORY),
    }
}

/// Whether a directory looks like one of an authority that has an inventory.
///
/// # Errors
/// When it cannot be looked at.
pub fn has_inventory(directory: &Path) -> Result<bool, Error> {
    match store_place(directory)? {
        StorePlace::File(file) => Ok(files::kind(&file)? == Kind::File),
        StorePlace::Server(_) => is_there(&directory.join(CERTIFICATE)),
    }
}

/// Refuses a server's inventory when it is of an authority that is not in the directory.
pub(super) fn require_own(
    directory: &Path,
    url: &str,
    records: &[AuthorityRecord],
) -> Result<(), Error> {
    let Some(recorded) = records.iter().rev().find(|record| record.complete) else {
        return Ok(());
    };
    for name in [ISSUER, CERTIFICATE] {
        let path = directory.join(name);
        let is_recorded = |certificate: &Certificate| {
            let mut records = records.iter();
            records.any(|record| record.certificate == certificate.as_der())
        };
        if is_there(&path)? && read_certificates(&path)?.iter().any(is_recorded) {
            return Ok(());
        }
    }
    let other = Certificate::from_der(recorded.certificate.clone());
    let other = other.map_or_else(
        |_| "another CA".into(),
        |ca| format!("the CA {}", ca.subject()),
    );
    Err(Error::Store(StoreError::Server {
        store: store::server_name(url)?,
        fault: Fault::OtherAuthority,
        what: format!(
            "the schema holds the inventory of {other}, which is not in {}",
            shown(directory)
        ),
    }))
}

fn is_there(path: &Path) -> Result<bool, Error> {
    Ok(files::kind(path)? != Kind::Absent)
}

/// The variable that names the database of the inventory.
pub const STORE_VARIABLE: &str = "OPENAGENTS_CERTS_STORE";
