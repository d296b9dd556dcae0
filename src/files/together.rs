//! Files that belong together, such as a private key and its certificate, written so that what stands
//! on disk is never half of the old and half of the new.
//!
//! Two files cannot be renamed at once, but one link can. The new files are staged in a directory of
//! their own; the final names become links through `live`, which is a link to the old files or to
//! the new ones; turning `live` replaces them all at once. Then the links settle into plain files, one
//! rename each. Whatever is killed when, a reader finds the old files or the new ones, and
//! [`super::stage::recover`] finishes or undoes it under the next lock. (Where nothing was there before, a kill between
//! two links leaves some names without the others until then, but never one that does not fit.)
//!
//! ```text
//! server.key ─► .openagents-certs/live/server.key        live ─► old, then new
//! server.crt ─► .openagents-certs/live/server.crt
//! ```

use std::ffi::OsStr;

use super::attributes::Attributes;
use super::stage::{Stage, failed};
use super::{Kind, Lock, kind};
use crate::error::Error;

/// A file that is to stand in a directory.
#[derive(Clone, Copy, Debug)]
pub struct NewFile<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// Its content.
    pub content: &'a [u8],
    /// Whether only its owner may read it: 0600, otherwise 0644 less the umask.
    pub secret: bool,
}

/// Writes files together; durable when it returns. What is there already is replaced only when `replace` is set.
///
/// # Errors
/// When something is there and `replace` is not set, when a link, directory or device has one of
/// the names, or when the disk refuses; then what was there is there still.
pub fn write_together(lock: &Lock, files: &[NewFile<'_>], replace: bool) -> Result<(), Error> {
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    if !replace {
        absent(lock, &names)?;
    }
    let present = replaceable(lock, &names)?;
    write(lock, files, &present, Durability::EachFile)
}

/// Writes files together where nothing has their names: as [`write_together`], but the disk is waited for once.
///
/// # Errors
/// As [`write_together`].
pub fn write_many(lock: &Lock, files: &[NewFile<'_>]) -> Result<(), Error> {
    if files.is_empty() {
        Ok(())
    } else {
        write(lock, files, &[], Durability::Once)
    }
}

/// A file that is to take the place of one that is there.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// Its content.
    pub content: &'a [u8],
    /// The name of the file whose owner and mode it gets: its own, unless nothing stands there yet.
    pub like: &'a OsStr,
}

/// Replaces files, each by one rename, so that a reader of one finds the old or the new; owners and modes
/// are kept. Durable when it returns. None is touched before all are on disk.
///
/// # Errors
/// When one of them is no plain file, its owner cannot be kept, or the disk refuses.
pub fn replace_each(lock: &Lock, files: &[Replacement<'_>]) -> Result<(), Error> {
    let stage = match staged(lock, files)? {
        Some(stage) => stage,
        None => return Ok(()),
    };
    let renamed = files.iter().try_for_each(|file| stage.put(file.name));
    let done = renamed.and_then(|()| lock.sync());
    let removed = stage.remove();
    done.and(removed)
}

/// Replaces files all at once, as [`write_together`] does; owners and modes are kept.
///
/// # Errors
/// As [`replace_each`], but that a file may be new.
pub fn replace_together(lock: &Lock, files: &[Replacement<'_>]) -> Result<(), Error> {
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    let present = replaceable(lock, &names)?;
    let stage = match staged(lock, files)? {
        Some(stage) => stage,
        None => return Ok(()),
    };
    stage.release(&names, &present)
}

/// Stages replacements, durably and with the attributes they are to have; none where there are none.
fn staged<'a>(lock: &'a Lock, files: &[Replacement<'_>]) -> Result<Option<Stage<'a>>, Error> {
    if files.is_empty() {
        return Ok(None);
    }
    let stage = Stage::new(lock, files.len())?;
    let streams = files.iter().map(|file| {
        let like = lock.path().join(file.like);
        if kind(&like)? == Kind::SymbolicLink {
            return Err(Error::SymbolicLink { path: like });
        }
        let attributes = Attributes::of(&like)?;
        let stream = stage.write(&NewFile {
            name: file.name,
            content: file.content,
            secret: true,
        })?;
        attributes.give(&stream, &lock.path().join(file.name))?;
        Ok((file.name, stream))
    });
    // Files that are many are closed as they come.
    let synced = if files.len() > FEW {
        let mut streams = streams;
        streams
            .try_for_each(|stream| stream.map(drop))
            .and_then(|()| lock.sync_file_system())
    } else {
        streams
            .collect::<Result<Vec<_>, Error>>()
            .and_then(|streams| stage.sync(&streams))
    };
    match synced {
        Ok(()) => Ok(Some(stage)),
        Err(error) => {
            // What cannot be removed now is removed under the next lock.
            let _ = stage.remove();
            Err(error)
        }
    }
}

/// Puts one file in the place of another, or where nothing is, by one rename; durable when it returns.
///
/// # Errors
/// When a link, directory or device has its name, or when the disk refuses; then what was there is there still.
pub fn replace(lock: &Lock, file: &NewFile<'_>) -> Result<(), Error> {
    replaceable(lock, &[file.name])?;
    let place = lock.path().join(file.name);
    let stage = Stage::new(lock, 1)?;
    let written = stage.write(file).and_then(|stream| {
        let synced = stream.sync_all();
        synced.map_err(|source| failed("write", &place, source))?;
        stage.put(file.name)?;
        lock.sync()
    });
    // What cannot be removed now is removed under the next lock.
    let removed = stage.remove();
    written.and(removed)
}

/// How files are made durable before they are published.
enum Durability {
    /// Each by itself, at the same time: best for a few.
    EachFile,
    /// With all else the file system holds: best for many.
    Once,
}

fn write(
    lock: &Lock,
    files: &[NewFile<'_>],
    present: &[&OsStr],
    durability: Durability,
) -> Result<(), Error> {
    let stage = Stage::new(lock, files.len())?;
    let staged = match durability {
        Durability::EachFile => files
            .iter()
            .map(|file| Ok((file.name, stage.write(file)?)))
            .collect::<Result<Vec<_>, _>>()
            .and_then(|streams| stage.sync(&streams)),
        Durability::Once => files
            .iter()
            .try_for_each(|file| stage.write(file).map(drop))
            .and_then(|()| lock.sync_file_system()),
    };
    match staged {
        Ok(()) => {
            let names: Vec<_> = files.iter().map(|file| file.name).collect();
            stage.release(&names, present)
        }
        Err(error) => {
            // What cannot be undone now is undone or finished under the next lock.
            let _ = stage.undo();
            Err(error)
        }
    }
}

/// Refuses when something stands at one of these names in a locked directory.
///
/// # Errors
/// When something does.
pub fn absent(lock: &Lock, names: &[&OsStr]) -> Result<(), Error> {
    for name in names {
        let path = lock.path().join(name);
        if kind(&path)? == Kind::File {
            let hint = "replace it with `--force`, or give another name".into();
            return Err(Error::Exists { path, hint });
        }
    }
    replaceable(lock, names).map(|_| ())
}

/// Those of these names at which a plain file stands; anything else there is refused.
fn replaceable<'a>(lock: &Lock, names: &[&'a OsStr]) -> Result<Vec<&'a OsStr>, Error> {
    let mut present = Vec::new();
    for name in names {
        let path = lock.path().join(name);
        match kind(&path)? {
            Kind::Absent => {}
            Kind::File => present.push(*name),
            Kind::SymbolicLink => return Err(Error::SymbolicLink { path }),
            Kind::Other => {
                return Err(Error::Unreadable {
                    path,
                    what: "is not a file, and is not replaced",
                });
            }
        }
    }
    Ok(present)
}

/// So many files are waited for one by one.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::super::stage::{OLD, recover};
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
        assert_eq!(names(directory.path()), ["a.crt"]);
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
            let stage = Stage::new(&lock, files.len()).unwrap();
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
            assert_eq!(self::names(directory.path()), ["a.crt", "a.key"]);
        }
    }

    fn write(directory: &Path, key: &[u8], certificate: &[u8], replace: bool) -> Result<(), Error> {
        let lock = Lock::acquire(directory).unwrap();
        write_together(&lock, &pair(key, certificate), replace)
    }

    fn pair<'a>(key: &'a [u8], certificate: &'a [u8]) -> [NewFile<'a>; 2] {
        let (key_name, certificate_name) = (OsStr::new("a.key"), OsStr::new("a.crt"));
        [
            NewFile {
                name: key_name,
                content: key,
                secret: true,
            },
            NewFile {
                name: certificate_name,
                content: certificate,
                secret: false,
            },
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
