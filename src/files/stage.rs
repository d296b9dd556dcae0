//! The directory in which files are staged before they stand where they belong.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread::ScopedJoinHandle;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;

use super::together::NewFile;
use super::{Kind, Lock, kind};
use crate::error::Error;

/// The staging directory of a locked directory.
pub(super) struct Stage<'a> {
    lock: &'a Lock,
    path: PathBuf,
    /// How many files were staged; unknown when another process staged them.
    staged: Option<usize>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(lock: &'a Lock, staged: usize) -> Result<Self, Error> {
        let stage = Stage {
            lock,
            path: lock.path().join(STAGE),
            staged: Some(staged),
        };
        for directory in [stage.path.clone(), stage.path.join(NEW)] {
            stage_directory(&directory)?;
        }
        Ok(stage)
    }

    /// Publishes what is staged and durable; what was there before is back when that fails.
    pub(super) fn release(self, names: &[&OsStr], present: &[&OsStr]) -> Result<(), Error> {
        let released = self
            .publish(names, present)
            .and_then(|()| self.settle(NEW))
            .and_then(|()| self.lock.sync());
        match released {
            Ok(()) => self.remove(),
            Err(error) => {
                // What cannot be undone now is undone or finished under the next lock.
                let _ = self.undo();
                Err(error)
            }
        }
    }

    pub(super) fn write(&self, file: &NewFile<'_>) -> Result<fs::File, Error> {
        let path = self.path.join(NEW).join(file.name);
        let mode = if file.secret { 0o600 } else { 0o644 };
        let opened = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path);
        let written = opened.and_then(|mut stream| {
            stream.write_all(file.content)?;
            Ok(stream)
        });
        written.map_err(|source| failed("write", &self.lock.path().join(file.name), source))
    }

    /// Puts one staged file in its place, by one rename.
    pub(super) fn put(&self, name: &OsStr) -> Result<(), Error> {
        rename(
            &self.path.join(NEW).join(name),
            &self.lock.path().join(name),
        )
    }

    /// Makes files durable at the same time: a journal that is asked for several at once commits once.
    pub(super) fn sync(&self, files: &[(&OsStr, fs::File)]) -> Result<(), Error> {
        let synced: Vec<_> = std::thread::scope(|scope| {
            let start = |stream| {
                let thread = std::thread::Builder::new();
                thread.spawn_scoped(scope, move || fs::File::sync_all(stream))
            };
            let others = files.iter().skip(1).map(|(_, stream)| stream);
            let others: Vec<_> = others.map(start).collect();
            let first = files.iter().take(1).map(|(_, stream)| stream.sync_all());
            let rest = others.into_iter().zip(&files[1.min(files.len())..]);
            let rest = rest.map(
                |(thread, (_, stream))| match thread.map(ScopedJoinHandle::join) {
                    Ok(Ok(synced)) => synced,
                    // No thread could be had, or it died.
                    Ok(Err(_)) | Err(_) => stream.sync_all(),
                },
            );
            first.chain(rest).collect()
        });
        for ((name, _), synced) in files.iter().zip(synced) {
            synced.map_err(|source| failed("write", &self.lock.path().join(name), source))?;
        }
        Ok(())
    }

    /// Puts links to the new files at their names, by way of the old ones where those are there.
    pub(super) fn publish(&self, names: &[&OsStr], present: &[&OsStr]) -> Result<(), Error> {
        if present.is_empty() {
            link(Path::new(NEW), &self.path.join(LIVE))?;
        } else {
            let old = self.path.join(OLD);
            stage_directory(&old)?;
            for name in present {
                let place = self.lock.path().join(name);
                fs::hard_link(&place, old.join(name))
                    .map_err(|source| failed("keep", &place, source))?;
            }
            link(Path::new(OLD), &self.path.join(LIVE))?;
        }
        for name in names {
            let place = self.lock.path().join(name);
            if present.contains(name) {
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
    pub(super) fn turn(&self, generation: &str) -> Result<(), Error> {
        link(Path::new(generation), &self.path.join(TURN))?;
        rename(&self.path.join(TURN), &self.path.join(LIVE))
    }

    /// Makes the links to a generation plain files.
    pub(super) fn settle(&self, generation: &str) -> Result<(), Error> {
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

    /// Puts back what was there before; but once part of the new files has settled, settles the rest.
    pub(super) fn undo(&self) -> Result<(), Error> {
        let new = self.entries(NEW)?;
        let old = self.entries(OLD)?;
        let live = fs::read_link(self.path.join(LIVE)).unwrap_or_default();
        if live == Path::new(NEW) && self.staged.is_some_and(|staged| new.len() < staged) {
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

    pub(super) fn remove(&self) -> Result<(), Error> {
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

/// Finishes or undoes what a process that died left in a directory.
///
/// # Errors
/// When the disk refuses.
pub(super) fn recover(lock: &Lock) -> Result<(), Error> {
    let stage = Stage {
        lock,
        path: lock.path().join(STAGE),
        staged: None,
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
pub(super) const OLD: &str = "old";
const NEW: &str = "new";
const LINK: &str = "link";
const TURN: &str = "turn";

/// Makes a directory that anybody may go through to a file whose name and mode let them, for the names are
/// links into it for a moment; nobody else may list it.
fn stage_directory(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o711)))
        .map_err(|source| failed("create directory", path, source))
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

pub(super) fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
