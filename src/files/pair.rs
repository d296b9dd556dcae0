//! A private key and its certificate, written so that what stands on disk is never half of each.
//!
//! Two files cannot be renamed at once, but one link can. The new pair is staged in a directory of
//! its own; the two final names become links through `live`, which is a link to the old pair or to
//! the new one; turning `live` replaces both at once. Then the links settle into plain files, one
//! rename each. Whatever is killed when, a reader finds the old pair or the new one, and
//! [`recover`] finishes or undoes it under the next lock.
//!
//! ```text
//! server.key ─► .openagents-certs/live/server.key        live ─► old, then new
//! server.crt ─► .openagents-certs/live/server.crt
//! ```

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;

use super::{Kind, Lock, kind};
use crate::error::Error;

/// A private key and its certificate, as they are to stand in a directory.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The key's file name.
    pub key_name: &'a OsStr,
    /// The key's content.
    pub key: &'a [u8],
    /// The certificate's file name.
    pub certificate_name: &'a OsStr,
    /// The certificate's content.
    pub certificate: &'a [u8],
}

/// Writes a pair, key 0600 and certificate 0644 less the umask; durable when it returns.
///
/// A pair, or one half of it, that is there already is replaced only when `replace` is set.
///
/// # Errors
/// When something is there and `replace` is not set, when a link, directory or device has one of
/// the names, or when the disk refuses; then what was there is there still.
pub fn write_pair(lock: &Lock, pair: &Pair<'_>, replace: bool) -> Result<(), Error> {
    let names = [pair.key_name, pair.certificate_name];
    let mut present = Vec::new();
    for name in names {
        let path = lock.path().join(name);
        match kind(&path)? {
            Kind::Absent => {}
            Kind::File if replace => present.push(name),
            Kind::File => {
                return Err(Error::Exists {
                    path,
                    hint: "replace it with `--force`, or give another name".into(),
                });
            }
            Kind::SymbolicLink => return Err(Error::SymbolicLink { path }),
            Kind::Other => {
                return Err(Error::Unreadable {
                    path,
                    what: "is not a file, and is not replaced",
                });
            }
        }
    }
    let stage = Stage::new(lock)?;
    let written = stage
        .write(pair.key_name, pair.key, 0o600)
        .and_then(|()| stage.write(pair.certificate_name, pair.certificate, 0o644))
        .and_then(|()| stage.publish(names, &present))
        .and_then(|()| stage.settle(NEW))
        .and_then(|()| lock.sync());
    match written {
        Ok(()) => stage.remove(),
        Err(error) => {
            // What cannot be undone now is undone or finished under the next lock.
            let _ = stage.undo();
            Err(error)
        }
    }
}

/// Finishes or undoes what a process that died left in a directory.
///
/// # Errors
/// When the disk refuses.
pub(super) fn recover(lock: &Lock) -> Result<(), Error> {
    let stage = Stage {
        lock,
        path: lock.path().join(STAGE),
    };
    match kind(&stage.path)? {
        Kind::Absent => return Ok(()),
        Kind::SymbolicLink => return Err(Error::SymbolicLink { path: stage.path }),
        Kind::File => {
            return Err(Error::Unreadable {
                path: stage.path,
                what: "is a file, not the directory new pairs are staged in",
            });
        }
        Kind::Other => {}
    }
    let replacing = kind(&stage.path.join(OLD))? != Kind::Absent;
    let live = fs::read_link(stage.path.join(LIVE)).unwrap_or_default();
    if live == Path::new(NEW)
        && (replacing || stage.entries(NEW)?.iter().all(|name| stage.holds(name)))
    {
        stage.settle(NEW)?;
        stage.remove()?;
    } else {
        stage.undo()?;
    }
    lock.sync()
}

const STAGE: &str = ".openagents-certs";
const LIVE: &str = "live";
const OLD: &str = "old";
const NEW: &str = "new";
const LINK: &str = "link";
const TURN: &str = "turn";

/// The staging directory of a locked directory.
struct Stage<'a> {
    lock: &'a Lock,
    path: PathBuf,
}

impl<'a> Stage<'a> {
    fn new(lock: &'a Lock) -> Result<Self, Error> {
        let stage = Stage {
            lock,
            path: lock.path().join(STAGE),
        };
        for directory in [stage.path.clone(), stage.path.join(NEW)] {
            let made = fs::DirBuilder::new().mode(0o700).create(&directory);
            made.map_err(|source| failed("create directory", &directory, source))?;
        }
        Ok(stage)
    }

    fn write(&self, name: &OsStr, content: &[u8], mode: u32) -> Result<(), Error> {
        let path = self.path.join(NEW).join(name);
        let opened = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path);
        let written = opened.and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        written.map_err(|source| failed("write", &self.lock.path().join(name), source))
    }

    /// Puts links to the new pair at its names, by way of the old one where that is there.
    fn publish(&self, names: [&OsStr; 2], present: &[&OsStr]) -> Result<(), Error> {
        if present.is_empty() {
            link(Path::new(NEW), &self.path.join(LIVE))?;
        } else {
            let old = self.path.join(OLD);
            fs::create_dir(&old).map_err(|source| failed("create directory", &old, source))?;
            for name in present {
                let place = self.lock.path().join(name);
                fs::hard_link(&place, old.join(name))
                    .map_err(|source| failed("keep", &place, source))?;
            }
            link(Path::new(OLD), &self.path.join(LIVE))?;
        }
        for name in names {
            let place = self.lock.path().join(name);
            if present.contains(&name) {
                link(&through_live(name), &self.path.join(LINK))?;
                rename(&self.path.join(LINK), &place)?;
            } else {
                link(&through_live(name), &place)?;
            }
        }
        if present.is_empty() {
            Ok(())
        } else {
            self.turn(NEW)
        }
    }

    /// Makes the links show one generation or the other, all at once.
    fn turn(&self, generation: &str) -> Result<(), Error> {
        link(Path::new(generation), &self.path.join(TURN))?;
        rename(&self.path.join(TURN), &self.path.join(LIVE))
    }

    /// Makes the links to a generation plain files.
    fn settle(&self, generation: &str) -> Result<(), Error> {
        for name in self.entries(generation)? {
            if self.holds(&name) {
                rename(
                    &self.path.join(generation).join(&name),
                    &self.lock.path().join(&name),
                )?;
            }
        }
        Ok(())
    }

    /// Puts back what was there before; but once part of the new pair has settled, settles the rest.
    fn undo(&self) -> Result<(), Error> {
        let new = self.entries(NEW)?;
        let old = self.entries(OLD)?;
        let live = fs::read_link(self.path.join(LIVE)).unwrap_or_default();
        if live == Path::new(NEW) && new.len() < 2 {
            self.settle(NEW)?;
        } else if !old.is_empty() {
            if live == Path::new(NEW) {
                self.turn(OLD)?;
            }
            self.settle(OLD)?;
        }
        for name in new.iter().filter(|name| self.holds(name)) {
            let place = self.lock.path().join(name);
            fs::remove_file(&place).map_err(|source| failed("remove", &place, source))?;
        }
        self.remove()
    }

    fn remove(&self) -> Result<(), Error> {
        for generation in [NEW, OLD] {
            let path = self.path.join(generation);
            for name in self.entries(generation)? {
                remove(&path.join(name), fs::remove_file)?;
            }
            remove(&path, fs::remove_dir)?;
        }
        for name in [LIVE, LINK, TURN] {
            remove(&self.path.join(name), fs::remove_file)?;
        }
        remove(&self.path, fs::remove_dir)
    }

    /// Whether a name of the directory is a link into this stage.
    fn holds(&self, name: &OsStr) -> bool {
        fs::read_link(self.lock.path().join(name)).is_ok_and(|target| target == through_live(name))
    }

    /// The names in a generation; none where it is not there.
    fn entries(&self, generation: &str) -> Result<Vec<OsString>, Error> {
        let path = self.path.join(generation);
        let listing = |source: Errno| failed("list", &path, source.into());
        let directory = match openat(
            CWD,
            &path,
            OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(source) => return Err(listing(source)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(directory).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

fn through_live(name: &OsStr) -> PathBuf {
    Path::new(STAGE).join(LIVE).join(name)
}

/// Removes a file or an empty directory, which may be gone already.
fn remove(path: &Path, by: fn(PathBuf) -> std::io::Result<()>) -> Result<(), Error> {
    match by(path.to_owned()) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(failed("remove", path, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn link(target: &Path, at: &Path) -> Result<(), Error> {
    symlink(target, at).map_err(|source| failed("link", at, source))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| failed("replace", to, source))
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
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
            let stage = Stage::new(&lock).unwrap();
            let names = [OsStr::new("a.key"), OsStr::new("a.crt")];
            names
                .iter()
                .for_each(|name| stage.write(name, b"new", 0o600).unwrap());
            stage.publish(names, &names).unwrap();
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
        let (key_name, certificate_name) = (OsStr::new("a.key"), OsStr::new("a.crt"));
        write_pair(
            &lock,
            &Pair {
                key_name,
                key,
                certificate_name,
                certificate,
            },
            replace,
        )
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
