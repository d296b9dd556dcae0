//! Files that belong together, such as a private key and its certificate, written so that a reader never
//! finds half of the old and half of the new.
//!
//! Two files cannot be renamed at once, but one link can. The new files are staged in a directory of
//! their own; the final names become links through `live`, which is a link to the old files or to
//! the new ones; turning `live` replaces them all at once. Then the links become plain files, one
//! rename each. Whenever the process is killed, a reader finds the old files or the new ones, and
//! [`super::stage::recover`] finishes or undoes the change under the next lock. (Where nothing was there before, a kill
//! between two links leaves some names without the others until then, but never one that does not fit.)
//!
//! ```text
//! server.key ─► .openagents-certs/live/server.key        live ─► old, then new
//! server.crt ─► .openagents-certs/live/server.crt
//! ```

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{
    Gid, Mode, OFlags, Uid, XattrFlags, fchown, fremovexattr, fsetxattr, getxattr, openat,
};
use rustix::io::Errno;

use super::stage::Stage;
use super::{Kind, Lock, io_error, unreadable};
use crate::error::Error;

/// A file to write into a directory.
#[derive(Clone, Copy, Debug)]
pub struct NewFile<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// Its content.
    pub content: &'a [u8],
    /// Whether only its owner may read it: 0600, otherwise 0644 less the umask.
    pub secret: bool,
}

impl<'a> NewFile<'a> {
    /// A file that anybody may read.
    pub fn public(name: &'a (impl AsRef<OsStr> + ?Sized), content: &'a [u8]) -> Self {
        NewFile {
            name: name.as_ref(),
            content,
            secret: false,
        }
    }

    /// A file that only its owner may read.
    pub fn secret(name: &'a (impl AsRef<OsStr> + ?Sized), content: &'a [u8]) -> Self {
        NewFile {
            secret: true,
            ..NewFile::public(name, content)
        }
    }
}

/// Writes files together; durable when it returns. Existing files are replaced only if `replace` is set.
///
/// # Errors
/// When a file exists and `replace` is not set, when a link, directory or device has one of
/// the names, or when the disk refuses; then nothing has changed.
pub fn write_together(lock: &Lock, files: &[NewFile<'_>], replace: bool) -> Result<(), Error> {
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    if !replace {
        absent(lock, &names)?;
    }
    let present = replaceable(lock, &names)?;
    staged(lock, files, false, &|_, _| Ok(()))?.release(&names, &present)
}

/// Writes files together where nothing has their names: as [`write_together`], but waits for the disk once.
///
/// # Errors
/// As [`write_together`].
pub fn write_many(lock: &Lock, files: &[NewFile<'_>]) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    staged(lock, files, true, &|_, _| Ok(()))?.release(&names, &[])
}

/// A file to put in the place of an existing one.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// Its content.
    pub content: &'a [u8],
    /// The name of the file whose owner and mode it gets: its own, unless it is new.
    pub like: &'a OsStr,
}

impl<'a> Replacement<'a> {
    /// A file that keeps its own owner and mode.
    pub fn of(name: &'a (impl AsRef<OsStr> + ?Sized), content: &'a [u8]) -> Self {
        let name = name.as_ref();
        Replacement {
            name,
            content,
            like: name,
        }
    }
}

/// Replaces files, each by one rename, so that a reader of one finds the old or the new; owners and modes
/// are kept. Durable when it returns. None is touched before all are on disk.
///
/// # Errors
/// When one of them is not a plain file, its owner cannot be kept, or the disk refuses.
pub fn replace_each(lock: &Lock, files: &[Replacement<'_>]) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let stage = staged_like(lock, files)?;
    put_each(&stage, lock, files.iter().map(|file| file.name))
}

/// Replaces files all at once, as [`write_together`] does; owners and modes are kept.
///
/// # Errors
/// As [`replace_each`], but a file may be new.
pub fn replace_together(lock: &Lock, files: &[Replacement<'_>]) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    let present = replaceable(lock, &names)?;
    staged_like(lock, files)?.release(&names, &present)
}

/// Puts one file in the place of another, or where nothing is, by one rename; durable when it returns.
///
/// # Errors
/// When a link, directory or device has its name, or when the disk refuses; then nothing has changed.
pub fn replace(lock: &Lock, file: &NewFile<'_>) -> Result<(), Error> {
    replaceable(lock, &[file.name])?;
    let stage = staged(lock, &[*file], false, &|_, _| Ok(()))?;
    put_each(&stage, lock, std::iter::once(file.name))
}

/// As [`replace`], without waiting for the disk: after a power failure the old file may be there, but nothing between
/// the two.
///
/// # Errors
/// As [`replace`].
pub fn replace_lazily(lock: &Lock, file: &NewFile<'_>) -> Result<(), Error> {
    replaceable(lock, &[file.name])?;
    let stage = Stage::new(lock, 1)?;
    let written = stage.write(file).map(drop);
    let put = written.and_then(|()| stage.put(file.name));
    // What cannot be removed now is removed under the next lock.
    let removed = stage.remove();
    put.and(removed)
}

/// Stages replacements, with the owners and modes that they get.
fn staged_like<'a>(lock: &'a Lock, files: &[Replacement<'_>]) -> Result<Stage<'a>, Error> {
    let new = files
        .iter()
        .map(|file| NewFile::secret(file.name, file.content));
    let new: Vec<_> = new.collect();
    staged(lock, &new, files.len() > FEW, &|at, stream| {
        Attributes::of(lock, files[at].like)?.give(stream, lock, files[at].name)
    })
}

/// Stages files, each completed by its number; durable when it returns. A few are made durable each by itself, at the
/// same time; many with everything else on the file system, and then each is closed at once.
fn staged<'a>(
    lock: &'a Lock,
    files: &[NewFile<'_>],
    is_many: bool,
    complete: &dyn Fn(usize, &File) -> Result<(), Error>,
) -> Result<Stage<'a>, Error> {
    let stage = Stage::new(lock, files.len())?;
    let mut streams = files.iter().enumerate().map(|(at, file)| {
        let stream = stage.write(file)?;
        complete(at, &stream)?;
        Ok((file.name, stream))
    });
    let synced = if is_many {
        streams
            .try_for_each(|stream| stream.map(drop))
            .and_then(|()| lock.sync_file_system())
    } else {
        streams
            .collect::<Result<Vec<_>, Error>>()
            .and_then(|streams| stage.sync(&streams))
    };
    if let Err(error) = synced {
        // What cannot be removed now is removed under the next lock.
        let _ = stage.remove();
        return Err(error);
    }
    Ok(stage)
}

/// Puts staged files in their places, each by one rename.
fn put_each<'a>(
    stage: &Stage<'_>,
    lock: &Lock,
    mut names: impl Iterator<Item = &'a OsStr>,
) -> Result<(), Error> {
    let renamed = names.try_for_each(|name| stage.put(name));
    let done = renamed.and_then(|()| lock.sync());
    // What cannot be removed now is removed under the next lock.
    let removed = stage.remove();
    done.and(removed)
}

/// Refuses when one of these names is taken in a locked directory.
///
/// # Errors
/// When one is.
pub fn absent(lock: &Lock, names: &[&OsStr]) -> Result<(), Error> {
    for name in names {
        if lock.kind(name)? == Kind::File {
            let path = lock.path().join(name);
            let hint = "replace it with `--force`, or choose another name".into();
            return Err(Error::Exists { path, hint });
        }
    }
    replaceable(lock, names).map(|_| ())
}

/// Those of these names that are plain files; anything else is refused.
fn replaceable<'a>(lock: &Lock, names: &[&'a OsStr]) -> Result<Vec<&'a OsStr>, Error> {
    let mut present = Vec::new();
    for name in names {
        let path = || lock.path().join(name);
        match lock.kind(name)? {
            Kind::Absent => {}
            Kind::File => present.push(*name),
            Kind::SymbolicLink => return Err(Error::SymbolicLink { path: path() }),
            Kind::Other => {
                let what = "is not a regular file, and is not replaced";
                return Err(unreadable(&path(), what));
            }
        }
    }
    Ok(present)
}

/// What a file inherits from the one it replaces: owner, group, mode, and the access list and security
/// label if there are any.
#[derive(Debug)]
struct Attributes {
    owner: u32,
    group: u32,
    mode: u32,
    access_list: Option<Vec<u8>>,
    label: Option<Vec<u8>>,
}

impl Attributes {
    /// Those of a file in a locked directory; a link is not followed.
    fn of(lock: &Lock, name: &OsStr) -> Result<Self, Error> {
        let path = lock.path().join(name);
        let failed = |source: std::io::Error| io_error("access", &path, source);
        // A file that may not be read has attributes all the same.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(lock.directory(), name, flags, Mode::empty());
        let file = File::from(file.map_err(|error| failed(error.into()))?);
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_symlink() {
            return Err(Error::SymbolicLink { path });
        }
        let extended = |name| extended(&file, name).map_err(|error| failed(error.into()));
        Ok(Attributes {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & MODE_BITS,
            access_list: extended(ACCESS_LIST)?,
            label: extended(LABEL)?,
        })
    }

    /// Gives them to a new file, which nobody but its owner may read until all that restricts it is in place.
    /// A group that has no more rights than others is kept where that is permitted.
    fn give(&self, file: &File, lock: &Lock, name: &OsStr) -> Result<(), Error> {
        let failed = |action, source| io_error(action, &lock.path().join(name), source);
        let has = file.metadata().map_err(|source| failed("access", source))?;
        let (owner, group) = (Uid::from_raw(self.owner), Gid::from_raw(self.group));
        match fchown(file, Some(owner), Some(group)) {
            Err(Errno::PERM) if has.uid() == self.owner && self.is_group_irrelevant() => {}
            done => done.map_err(|error| failed("keep the owner and group of", error.into()))?,
        }
        let listed = match &self.access_list {
            Some(list) => fsetxattr(file, ACCESS_LIST, list, XattrFlags::empty()),
            // A directory may have given it a list, which the mode would bring into effect.
            None => match fremovexattr(file, ACCESS_LIST) {
                Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
                removed => removed,
            },
        };
        listed.map_err(|error| failed("keep the access list of", error.into()))?;
        file.set_permissions(Permissions::from_mode(self.mode))
            .map_err(|source| failed("keep the mode of", source))?;
        if let Some(label) = &self.label {
            // A label that cannot be set is the system's to give.
            let _ = fsetxattr(file, LABEL, label, XattrFlags::empty());
        }
        Ok(())
    }

    /// Whether the group may do nothing that others may not, so that another group serves as well.
    fn is_group_irrelevant(&self) -> bool {
        let (group, others) = (self.mode >> 3 & 0o7, self.mode & 0o7);
        group & !others == 0 && self.access_list.is_none() && self.label.is_none()
    }
}

/// An extended attribute of a file that was opened as a path; `None` if it has none.
fn extended(file: &File, name: &str) -> Result<Option<Vec<u8>>, Errno> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut value = vec![0; MAX_VALUE_BYTES];
    match getxattr(path, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Up to this many files are made durable one by one.
const FEW: usize = 8;
const MODE_BITS: u32 = 0o7777;
const ACCESS_LIST: &str = "system.posix_acl_access";
const LABEL: &str = "security.selinux";
const MAX_VALUE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use super::super::stage::{OLD, STAGE, recover};
    use super::*;

    #[test]
    fn a_new_pair_is_two_plain_files_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), b"key", b"certificate", false).unwrap();
        assert_eq!(names(directory.path()), ["a.crt", "a.key"]);
        assert!(!directory.path().join("a.key").is_symlink());
        assert_eq!(fs::read(directory.path().join("a.key")).unwrap(), b"key");
    }

    #[test]
    fn a_pair_is_replaced_only_when_that_was_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), b"key", b"certificate", false).unwrap();
        assert!(matches!(
            write(directory.path(), b"k2", b"c2", false),
            Err(Error::Exists { .. })
        ));
        write(directory.path(), b"k2", b"c2", true).unwrap();
        assert_eq!(fs::read(directory.path().join("a.crt")).unwrap(), b"c2");
        assert_eq!(names(directory.path()), ["a.crt", "a.key"]);
    }

    #[test]
    fn a_single_file_is_replaced_by_a_rename_and_what_died_before_it_is_cleared_away() {
        let directory = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(directory.path()).unwrap();
        for content in [b"old", b"new"] {
            let [_, file] = pair(b"", content);
            replace(&lock, &file).unwrap();
            assert_eq!(fs::read(directory.path().join("a.crt")).unwrap(), content);
        }
        let [_, file] = pair(b"", b"later");
        Stage::new(&lock, 1).unwrap().write(&file).unwrap();
        recover(&lock).unwrap();
        assert_eq!(fs::read(directory.path().join("a.crt")).unwrap(), b"new");
        drop(lock);
        assert_eq!(names(directory.path()), ["a.crt"]);
        let lock = Lock::acquire(directory.path()).unwrap();
        fs::remove_file(directory.path().join("a.crt")).unwrap();
        symlink("elsewhere", directory.path().join("a.crt")).unwrap();
        assert!(matches!(
            replace(&lock, &file),
            Err(Error::SymbolicLink { .. })
        ));
    }

    #[test]
    fn a_link_is_not_written_through_even_with_force() {
        let directory = tempfile::tempdir().unwrap();
        symlink("elsewhere", directory.path().join("a.key")).unwrap();
        assert!(matches!(
            write(directory.path(), b"k", b"c", true),
            Err(Error::SymbolicLink { .. })
        ));
    }

    #[test]
    fn what_died_before_the_turn_is_undone_and_after_it_finished() {
        for (turned, expected) in [(false, "old"), (true, "new")] {
            let directory = tempfile::tempdir().unwrap();
            write(directory.path(), b"old", b"old", false).unwrap();
            let lock = Lock::acquire(directory.path()).unwrap();
            let files = pair(b"new", b"new");
            let mut stage = Stage::new(&lock, files.len()).unwrap();
            files
                .iter()
                .for_each(|file| drop(stage.write(file).unwrap()));
            let names = files.map(|file| file.name);
            stage.publish(&names, &names).unwrap();
            if !turned {
                stage.turn(OLD).unwrap();
            }
            recover(&lock).unwrap();
            assert_eq!(
                fs::read(directory.path().join("a.key")).unwrap(),
                expected.as_bytes()
            );
            assert_eq!(
                fs::read(directory.path().join("a.crt")).unwrap(),
                expected.as_bytes()
            );
            drop(lock);
            assert_eq!(self::names(directory.path()), ["a.crt", "a.key"]);
        }
    }

    #[test]
    fn a_stage_that_is_swapped_for_a_link_leads_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(elsewhere.path().join("new")).unwrap();
        let victim = elsewhere.path().join("new/a.crt");
        fs::write(&victim, "victim").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let modes = || (mode(elsewhere.path()), mode(&elsewhere.path().join("new")));
        let before = modes();
        let lock = Lock::acquire(directory.path()).unwrap();
        let stage = Stage::new(&lock, 1).unwrap();
        let (own, aside) = (directory.path().join(STAGE), directory.path().join("aside"));
        fs::rename(&own, &aside).unwrap();
        symlink(elsewhere.path(), &own).unwrap();
        let [_, file] = pair(b"", b"new");
        drop(stage.write(&file).unwrap());
        assert!(stage.remove().is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"victim");
        assert_eq!(modes(), before);
        assert!(matches!(recover(&lock), Err(Error::SymbolicLink { .. })));
    }

    #[test]
    fn a_stage_that_another_user_planted_is_refused_and_left_alone() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let new = directory.path().join(STAGE).join("new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("a.key"), "planted").unwrap();
        for path in [directory.path(), &directory.path().join(STAGE), &new] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let refused = Lock::acquire(directory.path()).unwrap_err();
        assert!(matches!(
            refused,
            Error::ForeignDirectory { owner: NOBODY, .. }
        ));
        assert_eq!(fs::read(new.join("a.key")).unwrap(), b"planted");
    }

    #[test]
    fn a_key_is_never_readable_beyond_its_access_list() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), b"key", b"certificate", false).unwrap();
        let key = directory.path().join("a.key");
        let list = access_list();
        let set = rustix::fs::setxattr(&key, ACCESS_LIST, &list, rustix::fs::XattrFlags::empty());
        if set.is_err() {
            return; // The file system has no access lists.
        }
        let mode = fs::metadata(&key).unwrap().permissions().mode();
        let lock = Lock::acquire(directory.path()).unwrap();
        replace_together(&lock, &[Replacement::of("a.key", b"k2")]).unwrap();
        let mut kept = vec![0; 256];
        let length = rustix::fs::getxattr(&key, ACCESS_LIST, &mut kept[..]).unwrap();
        assert_eq!(
            (&kept[..length], fs::read(&key).unwrap()),
            (&list[..], b"k2".to_vec())
        );
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode(), mode);
        // A list the new file inherits from its directory is not brought into effect.
        rustix::fs::removexattr(&key, ACCESS_LIST).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let default = "system.posix_acl_default";
        rustix::fs::setxattr(
            directory.path(),
            default,
            &list,
            rustix::fs::XattrFlags::empty(),
        )
        .unwrap();
        replace_each(&lock, &[Replacement::of("a.key", b"k3")]).unwrap();
        assert!(rustix::fs::getxattr(&key, ACCESS_LIST, &mut kept[..]).is_err());
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o640
        );
    }

    /// `u::rw-,u:nobody:r--,g::---,m::r--,o::---`, as the kernel stores it (acl(5)).
    fn access_list() -> Vec<u8> {
        let mut list = 2_u32.to_le_bytes().to_vec();
        let undefined = u32::MAX;
        for (tag, permissions, id) in [
            (0x01_u16, 6_u16, undefined),
            (0x02, 4, NOBODY),
            (0x04, 0, undefined),
            (0x10, 4, undefined),
            (0x20, 0, undefined),
        ] {
            list.extend(tag.to_le_bytes());
            list.extend(permissions.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        list
    }

    const ACCESS_LIST: &str = "system.posix_acl_access";
    const NOBODY: u32 = 65534;

    fn write(directory: &Path, key: &[u8], certificate: &[u8], replace: bool) -> Result<(), Error> {
        let lock = Lock::acquire(directory).unwrap();
        write_together(&lock, &pair(key, certificate), replace)
    }

    fn pair<'a>(key: &'a [u8], certificate: &'a [u8]) -> [NewFile<'a>; 2] {
        [
            NewFile::secret("a.key", key),
            NewFile::public("a.crt", certificate),
        ]
    }

    fn names(directory: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    }
}
