//! Everything an authority consists of, in one encrypted file.
//!
//! The file is a tar archive, encrypted with a passphrase in the format of age, so that it can be opened without
//! this program: `age -d FILE | tar x`. It contains a `backup.json` with the digest of each file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::passphrase::Supplier;
use crate::authority::{self, rotation};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys;
use crate::ops::Report;
use crate::ops::acme::state;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Counts, Opening};

/// What to back up, and where to.
#[derive(Debug)]
pub struct Request {
    /// The authority's directory.
    pub directory: PathBuf,
    /// The archive.
    pub file: PathBuf,
    /// Whether an existing file is replaced.
    pub force: bool,
}

/// An archive that was written.
#[derive(Debug, Serialize)]
pub struct Backup {
    /// The archive.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: usize,
    /// The CA's subject.
    pub subject: DistinguishedName,
    /// The serial number of its certificate.
    pub serial: SerialNumber,
    /// SHA-256 over its certificate.
    pub fingerprint_sha256: Fingerprint,
    /// How many certificates the inventory holds, by status.
    pub issued: Counts,
    /// The names of the files in the archive.
    pub files: Vec<String>,
}

/// Writes the archive: 0600, whole or not at all.
///
/// # Errors
/// When there is no authority, its key and certificate do not match, the file exists and is not to be replaced, the
/// passphrase is empty, or something cannot be read or written.
pub fn run(
    request: &Request,
    password: Supplier<'_>,
    now: OffsetDateTime,
) -> Result<Backup, Error> {
    let directory = &request.directory;
    authority::require(directory)?;
    if !request.force && files::exists(&request.file)? {
        return Err(Error::Exists {
            path: request.file.clone(),
            hint: "replace it with `--force`, or choose another name".into(),
        });
    }
    let password = password()?;
    let (contents, certificate, issued) = {
        let lock = Lock::acquire(directory)?;
        contents(&lock, now)?
    };
    let archive = Archive {
        created_at: now.replace_nanosecond(0).unwrap_or(now),
        contents,
    };
    let encrypted =
        keys::encrypt(&archive.pack(&request.file)?, &password).in_file(&request.file)?;
    let (place, name) = files::place(&request.file)?;
    let lock = Lock::acquire(place)?;
    files::write_together(&lock, &[NewFile::secret(name, &encrypted)], request.force)?;
    Ok(Backup {
        path: request.file.clone(),
        size_bytes: encrypted.len(),
        subject: certificate.subject().clone(),
        serial: certificate.serial().clone(),
        fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
        issued,
        files: archive.names(),
    })
}

/// The files of the authority in a locked directory, its certificate, and what it has issued.
fn contents(
    lock: &Lock,
    now: OffsetDateTime,
) -> Result<(Vec<ArchiveFile>, Certificate, Counts), Error> {
    let directory = lock.path();
    let mut inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let certificate = authority::certificate_in(directory, inventory.as_ref())?;
    let key = directory.join(authority::KEY);
    if !authority::is_key_encrypted(&key)? {
        let (read, _) = authority::read_key(&key, &authority::no_passphrase)?;
        if read.public_key_info() != Some(certificate.public_key_info()) {
            let certificate = directory.join(authority::CERTIFICATE);
            return Err(Error::KeyMismatch {
                path: key,
                certificate,
            });
        }
    }
    let mut contents = Vec::new();
    files::refuse_link(&rotation::place(directory))?;
    let below = state::places()
        .into_iter()
        .map(|place| below(directory, place));
    let below = below.collect::<Result<Vec<_>, _>>()?.concat();
    let first = ["", ROTATION].map(str::to_owned);
    for prefix in first.into_iter().chain(below) {
        let place = directory.join(&prefix);
        if files::kind(&place)? != Kind::Other {
            continue;
        }
        for name in files::names(&place, usize::MAX)? {
            let path = place.join(&name);
            let name = format!("{prefix}{}", name.to_string_lossy());
            if is_archived(&name) && files::kind(&path)? == Kind::File {
                let content = files::read(&path)?;
                contents.push(ArchiveFile { name, content });
            }
        }
    }
    contents.push(ArchiveFile {
        name: authority::INVENTORY.into(),
        content: Zeroizing::new(inventory.snapshot()?),
    });
    Ok((contents, certificate, inventory.counts(now)?))
}

/// The directories in one below the authority's, as prefixes of the names in an archive.
fn below(directory: &Path, place: String) -> Result<Vec<String>, Error> {
    files::refuse_link(&directory.join(state::ROOT))?;
    let all = directory.join(&place);
    if files::kind(&all)? != Kind::Other {
        return Ok(Vec::new());
    }
    let names = files::names(&all, usize::MAX)?.into_iter();
    Ok(names
        .map(|name| format!("{place}{}/", name.to_string_lossy()))
        .collect())
}

/// Whether a file belongs to a backup: certificates, keys, CRLs and settings, in the directory and in `rotation/`,
/// and what the ACME client keeps. The inventory is exported and not copied.
pub(super) fn is_archived(name: &str) -> bool {
    let (place, plain) = split(name);
    let is_plain = |name: &str| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let mut kept = state::places().into_iter();
    let is_kept = kept.any(|kept| {
        let one = place.strip_prefix(&kept);
        one.and_then(|one| one.strip_suffix('/'))
            .is_some_and(is_plain)
    });
    let known = [authority::CONFIG, authority::CRL, authority::CRL_DER];
    let is_known = known.contains(&plain)
        || [".crt", ".key"].iter().any(|end| plain.ends_with(end))
        || (is_kept && plain == state::STATE);
    is_plain(plain) && is_known && (place.is_empty() || place == ROTATION || is_kept)
}

/// The directory of a file in an archive, with a slash at its end or empty, and the file's name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |slash| slash + 1))
}

/// The content of a backup.
pub(super) struct Archive {
    /// When it was written.
    pub(super) created_at: OffsetDateTime,
    /// The files.
    pub(super) contents: Vec<ArchiveFile>,
}

/// A file in a backup.
pub(super) struct ArchiveFile {
    /// Its path below the authority's directory.
    pub(super) name: String,
    /// Its content.
    pub(super) content: Zeroizing<Vec<u8>>,
}

impl Archive {
    pub(super) fn names(&self) -> Vec<String> {
        self.contents.iter().map(|file| file.name.clone()).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let file = self.contents.iter().find(|file| file.name == name)?;
        Some(&file.content)
    }

    /// The tar archive.
    fn pack(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        let failed = |source: std::io::Error| Error::Io {
            action: "write",
            path: path.to_owned(),
            source,
        };
        let files = self.contents.iter().map(|file| FileDigest {
            name: file.name.clone(),
            size_bytes: file.content.len(),
            sha256: Fingerprint::sha256(&file.content).to_string(),
        });
        let list = List {
            version: FORMAT,
            created_at: self.created_at,
            files: files.collect(),
        };
        let list = serde_json::to_vec_pretty(&list).map_err(|error| failed(error.into()))?;
        // Large enough not to grow, so that no copy of a key stays in memory.
        let room = self
            .contents
            .iter()
            .map(|file| file.content.len() + 3 * BLOCK);
        let room = room.sum::<usize>() + list.len() + 8 * BLOCK;
        let mut builder = tar::Builder::new(Zeroing(Zeroizing::new(Vec::with_capacity(room))));
        let files = self.contents.iter();
        let files = files.map(|file| (file.name.as_str(), file.content.as_slice()));
        for (name, content) in std::iter::once((LIST, list.as_slice())).chain(files) {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(if is_secret(name) { 0o600 } else { 0o644 });
            header.set_mtime(u64::try_from(self.created_at.unix_timestamp()).unwrap_or(0));
            builder
                .append_data(&mut header, name, content)
                .map_err(failed)?;
        }
        Ok(builder.into_inner().map_err(failed)?.0)
    }

    /// Reads a tar archive, and checks every digest.
    pub(super) fn unpack(tar: &[u8], path: &Path) -> Result<Self, Error> {
        let damaged = |what: String| Error::Backup {
            path: path.to_owned(),
            what,
        };
        let io = |error: std::io::Error| damaged(error.to_string());
        let mut archive = tar::Archive::new(tar);
        let mut contents = Vec::new();
        let mut list = None;
        for entry in archive.entries().map_err(io)? {
            let mut entry = entry.map_err(io)?;
            let name = entry.path().map_err(io)?.to_string_lossy().into_owned();
            if !entry.header().entry_type().is_file() {
                return Err(damaged(format!("contains {name}, which is not a file")));
            }
            let size = usize::try_from(entry.size())
                .unwrap_or(usize::MAX)
                .min(tar.len());
            let mut content = Zeroizing::new(Vec::with_capacity(size + 1));
            std::io::Read::read_to_end(&mut entry, &mut content).map_err(io)?;
            match name.as_str() {
                LIST => list = Some(content),
                name if is_archived(name) || name == authority::INVENTORY => {
                    contents.push(ArchiveFile {
                        name: name.to_owned(),
                        content,
                    });
                }
                name => return Err(damaged(format!("contains an unexpected file, {name}"))),
            }
        }
        let list = list.ok_or_else(|| damaged(format!("does not contain {LIST}")))?;
        let list: List = serde_json::from_slice(&list)
            .map_err(|error| damaged(format!("{LIST} cannot be read: {error}")))?;
        if list.version != FORMAT {
            let version = list.version;
            return Err(damaged(format!(
                "has version {version}, and this program reads {FORMAT}"
            )));
        }
        let is_listed = |listed: &FileDigest, file: &ArchiveFile| {
            listed.name == file.name
                && listed.sha256 == Fingerprint::sha256(&file.content).to_string()
        };
        let is_same = list.files.len() == contents.len()
            && list
                .files
                .iter()
                .zip(&contents)
                .all(|(listed, file)| is_listed(listed, file));
        if !is_same {
            return Err(damaged(format!(
                "its files are not those that {LIST} lists"
            )));
        }
        Ok(Archive {
            created_at: list.created_at,
            contents,
        })
    }
}

/// Whether only its owner may read a file of a backup.
pub(super) fn is_secret(name: &str) -> bool {
    name.ends_with(".key") || name == authority::INVENTORY || name.ends_with(state::STATE)
}

/// What `backup.json` says.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    files: Vec<FileDigest>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileDigest {
    name: String,
    size_bytes: usize,
    sha256: String,
}

/// A buffer that is wiped on drop, as something to write to.
struct Zeroing(Zeroizing<Vec<u8>>);

impl std::io::Write for Zeroing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Backup of {}", self.subject)?;
        writeln!(
            f,
            "  file      {} ({} bytes)",
            shown(&self.path),
            self.size_bytes
        )?;
        writeln!(
            f,
            "  contents  {} files; certificates: {}",
            self.files.len(),
            self.issued
        )?;
        writeln!(
            f,
            "  SHA-256   {} (CA certificate)",
            self.fingerprint_sha256
        )?;
        writeln!(
            f,
            "Keep the passphrase elsewhere: the backup cannot be opened without it."
        )
    }
}

impl Report for Backup {}

/// When a backup was written, for people.
pub(super) fn date(created_at: OffsetDateTime) -> String {
    rfc3339(created_at)
}

const LIST: &str = "backup.json";
const FORMAT: u32 = 1;
const BLOCK: usize = 512;
pub(super) const ROTATION: &str = "rotation/";
