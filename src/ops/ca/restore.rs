//! An authority out of a backup.
//!
//! Everything is checked in a private directory before anything is put in place. Revocations are never
//! forgotten: what a published CRL of this CA shows is carried over into the restored inventory.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::backup::{Archive, date, is_secret, split};
use super::passphrase::Supplier;
use super::{AuthorityReport, Origin};
use crate::authority::{self, CERTIFICATE, CONFIG, CRL, CRL_DER, INVENTORY, ISSUER, KEY, rotation};
use crate::config::Config;
use crate::error::{Error, FileError, InFile as _, shown};
use crate::files::{self, Lock, NewFile, PrivateDirectory};
use crate::keys::{self, Password, ReadKeyError};
use crate::ops::acme::state;
use crate::ops::{Report, crl};
use crate::path;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::pem;
use crate::store::{self, AuthorityRecord, Counts, Fault, Filter, Opening, StoreError};

/// What to restore, and where to.
#[derive(Debug)]
pub struct Request {
    /// The archive.
    pub file: PathBuf,
    /// Where the authority will be.
    pub directory: PathBuf,
    /// A published CRL whose revocations are not to be forgotten.
    pub crl: Option<PathBuf>,
    /// Whether existing files are replaced; they are kept aside.
    pub force: bool,
    /// Check everything, and write nothing.
    pub dry_run: bool,
}

/// An authority that was restored.
#[derive(Debug, Serialize)]
pub struct Restoration {
    /// The authority.
    #[serde(flatten)]
    pub authority: AuthorityReport,
    /// Whether nothing was written, and this is what would be.
    pub dry_run: bool,
    /// When the backup was written.
    #[serde(with = "time::serde::rfc3339")]
    pub backed_up_at: OffsetDateTime,
    /// How many certificates the inventory holds, by status.
    pub issued: Counts,
    /// How many revocations a published CRL showed and the backup did not.
    pub carried_over: usize,
    /// Where the files are that were there before.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub kept: Option<PathBuf>,
    /// The names of the restored files.
    pub files: Vec<String>,
}

/// Restores an authority into a directory.
///
/// # Errors
/// When the archive cannot be opened, something in it is damaged or does not belong together, the CRL is not of this
/// CA, the directory has files already and `force` is not set, or something cannot be written.
pub fn run(
    request: &Request,
    password: Supplier<'_>,
    now: OffsetDateTime,
) -> Result<Restoration, Error> {
    let (mut archive, password) = open(&request.file, password)?;
    let lock = match request.dry_run {
        true => None,
        false => Some(Lock::acquire(&request.directory)?),
    };
    let occupied = occupied(&request.directory, &archive)?;
    if let Some(path) = occupied
        .clone()
        .filter(|_| !request.force && !request.dry_run)
    {
        let hint = "restore into an empty directory (`-C DIR`), or add `--force`, which keeps the old files aside";
        return Err(Error::Exists {
            path,
            hint: hint.into(),
        });
    }
    let mut checked = check(&archive, request, &password, now)?;
    archive
        .contents
        .retain(|file| !checked.replaced.iter().any(|(name, _)| *name == file.name));
    let replaced = std::mem::take(&mut checked.replaced).into_iter();
    archive
        .contents
        .extend(replaced.map(|(name, content)| super::backup::ArchiveFile {
            name: name.to_owned(),
            content,
        }));
    let warning = put_on_server(&mut archive, request)?;
    let kept = match &lock {
        Some(lock) => put_in_place(lock, &archive, occupied.is_some(), now)?,
        None => None,
    };
    let mut report = AuthorityReport::new(
        &request.directory,
        &checked.certificate,
        Origin::Restored,
        now,
    )?;
    report
        .warnings
        .extend(checked.warnings.into_iter().chain(warning));
    Ok(Restoration {
        authority: report,
        dry_run: request.dry_run,
        backed_up_at: archive.created_at,
        issued: checked.issued,
        carried_over: checked.carried_over,
        kept,
        files: archive.names(),
    })
}

/// What is in an archive, and its passphrase.
fn open(path: &Path, password: Supplier<'_>) -> Result<(Archive, Password), Error> {
    let sealed = files::read_up_to(path, MAX_ARCHIVE_BYTES)?;
    let sealed = sealed.ok_or_else(|| Error::Unreadable {
        path: path.to_owned(),
        what: "is larger than 8 GiB",
    })?;
    let password = password()?;
    let opened = keys::decrypt(&sealed, &password).in_file(path)?;
    drop(sealed);
    Ok((Archive::unpack(&opened, path)?, password))
}

/// Puts the inventory of a backup where it belongs, when that is no file. Gives a warning.
fn put_on_server(archive: &mut Archive, request: &Request) -> Result<Option<String>, Error> {
    let Some(url) = server_of(archive, request)? else {
        return Ok(None);
    };
    let warning = match request.dry_run {
        true => None,
        false => fill_server(&url, archive)?,
    };
    archive.contents.retain(|file| file.name != INVENTORY);
    Ok(warning)
}

/// The URL of the database for the inventory, when the environment or the settings in the backup name one.
fn server_of(archive: &Archive, request: &Request) -> Result<Option<String>, Error> {
    let named = std::env::var(authority::STORE_VARIABLE).ok();
    if let Some(url) = named.filter(|url| !url.is_empty()) {
        return Ok(Some(url));
    }
    let path = request.directory.join(CONFIG);
    let config = Config::read(&path, archive.get(CONFIG))?;
    Ok(config.store_url().map(str::to_owned))
}

/// Puts the inventory of a backup into a database, unless that has the inventory of this CA already: it is newer.
fn fill_server(url: &str, archive: &Archive) -> Result<Option<String>, Error> {
    let private = PrivateDirectory::new(&crate::ops::mint::in_memory())?;
    let content = archive.get(INVENTORY).unwrap_or_default();
    files::write_together(
        private.lock(),
        &[NewFile::secret(INVENTORY, content)],
        false,
    )?;
    let file = private.path().join(INVENTORY);
    let from = authority::open_inventory_file(&file, Opening::MustExist)?;
    let mut to = authority::open_inventory_on(url, Opening::Create)?;
    let own = from.authorities()?;
    let there = to.authorities()?;
    let mut complete = there.iter().filter(|there| there.complete).peekable();
    if complete.peek().is_none() {
        store::copy(&*from, &mut *to, &mut |_| {})?;
        return Ok(None);
    }
    let is_own = |there: &AuthorityRecord| {
        let mut own = own.iter();
        own.any(|own| own.certificate == there.certificate)
    };
    let store = store::server_name(url)?;
    if complete.any(is_own) {
        return Ok(Some(format!(
            "{store} has the inventory of this CA already, which was kept; that of the backup was not used"
        )));
    }
    Err(Error::Store(StoreError::Server {
        store,
        fault: Fault::OtherAuthority,
        what: "the schema holds the inventory of another CA".into(),
    }))
}

/// A backup whose parts belong together.
struct Contents {
    certificate: Certificate,
    issued: Counts,
    carried_over: usize,
    /// Files whose content is not that of the backup: the inventory, and a CRL that is newer.
    replaced: Vec<(&'static str, Zeroizing<Vec<u8>>)>,
    warnings: Vec<String>,
}

#[expect(clippy::too_many_lines, reason = "one check after the other")]
fn check(
    archive: &Archive,
    request: &Request,
    password: &Password,
    now: OffsetDateTime,
) -> Result<Contents, Error> {
    let damaged = |what: String| Error::Backup {
        path: request.file.clone(),
        what,
    };
    let private = PrivateDirectory::new(&crate::ops::mint::in_memory())?;
    let place = private.path();
    let missing = [CERTIFICATE, KEY, INVENTORY]
        .into_iter()
        .find(|name| archive.get(name).is_none());
    if let Some(name) = missing {
        return Err(damaged(format!("does not contain {name}")));
    }
    let top: Vec<NewFile<'_>> = archive
        .contents
        .iter()
        .filter(|file| !file.name.contains('/') && !file.name.ends_with(".key"))
        .map(|file| NewFile::secret(&file.name, &file.content))
        .collect();
    files::write_together(private.lock(), &top, false)?;
    let mut inventory = authority::open_inventory_file(&place.join(INVENTORY), Opening::MustExist)?;
    let certificate = authority::certificate_in(place, inventory.as_ref())?;
    inventory.visit(&Filter::default(), now, &mut |_| {
        std::ops::ControlFlow::Continue(())
    })?;
    let mut warnings = Vec::new();
    let given = |_: &Path| Ok(password.again());
    let key = archive.get(KEY).unwrap_or_default();
    match authority::read_key_in(Path::new(KEY), key, &given) {
        Ok((key, _)) if key.public_key_info() == Some(certificate.public_key_info()) => {}
        Ok(_) => return Err(damaged(format!("its {KEY} does not match its certificate"))),
        // It has a passphrase of its own.
        Err(Error::File {
            source:
                FileError::ReadKey(
                    ReadKeyError::Encryption(_)
                    | ReadKeyError::DecryptedToNoKey { .. }
                    | ReadKeyError::LegacyPassword,
                ),
            ..
        }) => {
            warnings.push(format!(
                "{KEY} is encrypted with another passphrase, and was not compared with the certificate"
            ));
        }
        Err(error) => return Err(error),
    }
    authority::read_config(place)?;
    let authorities = inventory.authorities()?.into_iter();
    let authorities: Vec<_> = authorities
        .filter_map(|record| Certificate::from_der(record.certificate).ok())
        .collect();
    let authorities: Vec<&Certificate> = authorities.iter().collect();
    let published = CurrentLists::gather(request, place, &authorities)?;
    let mut carried_over = 0;
    for list in &published.lists {
        carried_over +=
            crl::carry_over_lists(vec![list.clone()], &authorities, inventory.as_mut())?;
    }
    if carried_over > 0 {
        let revocations = match carried_over {
            1 => "1 revocation".into(),
            _ => format!("{carried_over} revocations"),
        };
        warnings.push(format!(
            "{revocations} in a published CRL were missing from the backup and have been added to the inventory"
        ));
    }
    warnings.push(format!("certificates issued after {} are not in the inventory: record them with `openagents-certs ca adopt FILE…`", date(archive.created_at)));
    let issued = inventory.counts(now)?;
    let mut replaced = vec![(INVENTORY, Zeroizing::new(inventory.snapshot()?))];
    if let Some((pem, der)) = published.newest(&certificate)? {
        replaced.push((CRL, Zeroizing::new(pem.into_bytes())));
        replaced.push((CRL_DER, Zeroizing::new(der)));
    }
    Ok(Contents {
        certificate,
        issued,
        carried_over,
        replaced,
        warnings,
    })
}

/// The CRLs of this CA that are known: in the backup, in the directory, and the one that was given.
struct CurrentLists {
    lists: Vec<RevocationList>,
    /// The content of each file, PEM, with the lists in it.
    files: Vec<Vec<RevocationList>>,
}

impl CurrentLists {
    fn gather(
        request: &Request,
        place: &Path,
        authorities: &[&Certificate],
    ) -> Result<Self, Error> {
        let is_ours = |list: &RevocationList| {
            let mut authorities = authorities.iter();
            authorities.any(|authority| path::is_list_signed_by(list, authority))
        };
        let mut files = Vec::new();
        for place in [place, &request.directory] {
            for name in [CRL, CRL_DER] {
                let path = place.join(name);
                if files::exists(&path)?
                    && let Ok(lists) = crl::read_lists(&path)
                {
                    files.push(lists);
                }
            }
        }
        if let Some(path) = &request.crl {
            let lists = crl::read_lists(path)?;
            if !lists.iter().any(is_ours) {
                return Err(Error::ForeignRevocationList { path: path.clone() });
            }
            files.push(lists);
        }
        for lists in &mut files {
            lists.retain(is_ours);
        }
        let lists = files.iter().flatten().cloned().collect();
        Ok(CurrentLists { lists, files })
    }

    /// The file with the highest number of a CA, as PEM, and that CA's list as DER.
    fn newest(&self, authority: &Certificate) -> Result<Option<(String, Vec<u8>)>, Error> {
        let own = |lists: &&Vec<RevocationList>| {
            let mut own = lists
                .iter()
                .filter(|list| list.issuer() == authority.subject());
            own.find(|list| path::is_list_signed_by(list, authority))
                .cloned()
        };
        let newest = self
            .files
            .iter()
            .filter_map(|lists| Some((lists, own(&lists)?)));
        let newest = newest.max_by_key(|(lists, own)| (own.number().unwrap_or(0), lists.len()));
        let Some((lists, own)) = newest else {
            return Ok(None);
        };
        let mut text = String::new();
        for list in lists {
            text.push_str(&pem::encode("X509 CRL", list.as_der())?);
        }
        Ok(Some((text, own.as_der().to_vec())))
    }
}

/// A file in a directory that belongs to an authority, or has the name of one in a backup. A CRL alone does not
/// count: it only tells what may not be forgotten.
fn occupied(directory: &Path, archive: &Archive) -> Result<Option<PathBuf>, Error> {
    let archived = archive.contents.iter();
    let archived = archived.filter_map(|file| file.name.split('/').next());
    let names = AUTHORITY_FILES.into_iter().chain([rotation::DIRECTORY]);
    for name in names.chain(archived) {
        let path = directory.join(name);
        if ![CRL, CRL_DER].contains(&name) && files::exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Writes the files: those of a rotation and of the ACME client first, then all others at once, which makes it an authority. What was
/// there is kept in a directory of its own.
fn put_in_place(
    lock: &Lock,
    archive: &Archive,
    is_occupied: bool,
    now: OffsetDateTime,
) -> Result<Option<PathBuf>, Error> {
    let mut places: BTreeMap<&str, Vec<NewFile<'_>>> = BTreeMap::new();
    for file in &archive.contents {
        let (place, name) = split(&file.name);
        let file = match is_secret(&file.name) {
            true => NewFile::secret(name, &file.content),
            false => NewFile::public(name, &file.content),
        };
        places.entry(place).or_default().push(file);
    }
    let top = places.remove("").unwrap_or_default();
    let has_accounts = places.keys().any(|place| place.starts_with(state::ROOT));
    let kept = match is_occupied {
        true => Some(keep(lock, has_accounts, now)?),
        false => None,
    };
    if is_occupied {
        // The log belongs to the inventory that is replaced, and would be applied to the new one.
        let stale: Vec<&str> = AUTHORITY_FILES
            .into_iter()
            .filter(|name| archive.get(name).is_none())
            .collect();
        files::remove(lock, &stale)?;
    }
    for (place, files) in places {
        files::write_together(&Lock::acquire(&lock.path().join(place))?, &files, true)?;
    }
    // Nothing is lost: what is replaced is kept, or is a CRL that was taken into account.
    files::write_together(lock, &top, true)?;
    Ok(kept)
}

/// Keeps everything in a locked directory under second names, and moves the files of a rotation away, and those of
/// the ACME client if they are replaced.
fn keep(lock: &Lock, has_accounts: bool, now: OffsetDateTime) -> Result<PathBuf, Error> {
    let aside = lock.below(&unused_name(lock, now)?)?;
    files::link_all(lock, &aside)?;
    for name in [rotation::DIRECTORY, state::ROOT] {
        let goes = name == rotation::DIRECTORY || has_accounts;
        if goes && files::exists(&lock.path().join(name))? {
            files::move_into(lock, name, &aside)?;
        }
    }
    Ok(aside.path().to_owned())
}

/// A name that no earlier restore used, even one that was killed within the same second.
fn unused_name(lock: &Lock, now: OffsetDateTime) -> Result<String, Error> {
    let first = format!("before-restore-{}", files::timestamp(now));
    let mut name = first.clone();
    let mut number = 2;
    while files::exists(&lock.path().join(&name))? {
        name = format!("{first}-{number}");
        number += 1;
    }
    Ok(name)
}

impl fmt::Display for Restoration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Nothing was written; the backup is complete")?;
        }
        self.authority.fmt(f)?;
        writeln!(f, "  backup of    {}", date(self.backed_up_at))?;
        writeln!(f, "  issued       {}", self.issued)?;
        match &self.kept {
            Some(kept) => writeln!(f, "The files that were there before are in {}", shown(kept)),
            None => Ok(()),
        }
    }
}

impl Report for Restoration {
    fn warnings(&self) -> Vec<String> {
        self.authority.warnings.clone()
    }
}

/// The files of an authority, of which none may be left from another one.
const AUTHORITY_FILES: [&str; 9] = [
    CERTIFICATE,
    KEY,
    ISSUER,
    INVENTORY,
    "inventory.db-wal",
    "inventory.db-shm",
    CONFIG,
    CRL,
    CRL_DER,
];
const MAX_ARCHIVE_BYTES: usize = 8 << 30;
