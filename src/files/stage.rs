//! The directory in which files are staged before they are moved to where they belong.
//!
//! It is opened once, belongs to the user of this process, and is used through its descriptor: in a
//! directory that another user may write to, renaming it or putting a link in its place changes nothing elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::thread::ScopedJoinHandle;

use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, fchmod, fstat, linkat, mkdirat, openat, readlinkat, renameat,
    symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::lock::open_directory;
use super::together::NewFile;
use super::{Kind, Lock, io_error, unreadable};
use crate::error::Error;

/// The staging directory of a locked directory.
pub(super) struct Stage<'a> {
    lock: &'a Lock,
    root: OwnedFd,
    new: Option<OwnedFd>,
    old: Option<OwnedFd>,
    /// How many files were staged; unknown when another process staged them.
    staged: Option<usize>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(lock: &'a Lock, staged: usize) -> Result<Self, Error> {
        let path = lock.path().join(STAGE);
        let root = create(lock.directory(), STAGE, &path)?;
        let new = create(&root, NEW, &path.join(NEW))?;
        Ok(Stage {
            lock,
            root,
            new: Some(new),
            old: None,
            staged: Some(staged),
        })
    }

    /// What a process that died left; `None` if there is nothing.
    fn abandoned(lock: &'a Lock) -> Result<Option<Self>, Error> {
        let path = lock.path().join(STAGE);
        match lock.kind(STAGE)? {
            Kind::Absent => return Ok(None),
            Kind::SymbolicLink => return Err(Error::SymbolicLink { path }),
            Kind::File => {
                let what = "is a file, not the directory in which new pairs are staged";
                return Err(unreadable(&path, what));
            }
            Kind::Other => {}
        }
        let root = open(lock.directory(), STAGE, &path)?;
        let root = root.ok_or_else(|| io_error("open", &path, Errno::NOENT))?;
        Ok(Some(Stage {
            new: open(&root, NEW, &path.join(NEW))?,
            old: open(&root, OLD, &path.join(OLD))?,
            lock,
            root,
            staged: None,
        }))
    }

    /// Publishes what is staged and durable; if that fails, what was there before is restored.
    pub(super) fn release(mut self, names: &[&OsStr], present: &[&OsStr]) -> Result<(), Error> {
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

    pub(super) fn write(&self, file: &NewFile<'_>) -> Result<File, Error> {
        let mode = Mode::from_raw_mode(if file.secret { 0o600 } else { 0o644 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(self.generation(NEW)?, file.name, flags, mode);
        let written = opened.map_err(Into::into).and_then(|descriptor| {
            let mut stream = File::from(descriptor);
            stream.write_all(file.content)?;
            Ok(stream)
        });
        written.map_err(|source: std::io::Error| self.failed("write", file.name, source))
    }

    /// Puts one staged file in its place, by one rename.
    pub(super) fn put(&self, name: &OsStr) -> Result<(), Error> {
        self.settle_one(NEW, name)
    }

    /// Makes files durable at the same time: a journal that is asked for several at once commits once.
    pub(super) fn sync(&self, files: &[(&OsStr, File)]) -> Result<(), Error> {
        let synced: Vec<_> = std::thread::scope(|scope| {
            let start = |stream| {
                let thread = std::thread::Builder::new();
                thread.spawn_scoped(scope, move || File::sync_all(stream))
            };
            let others = files.iter().skip(1).map(|(_, stream)| stream);
            let others: Vec<_> = others.map(start).collect();
            let first = files.iter().take(1).map(|(_, stream)| stream.sync_all());
            let rest = others.into_iter().zip(&files[1.min(files.len())..]);
            let rest = rest.map(
                |(thread, (_, stream))| match thread.map(ScopedJoinHandle::join) {
                    Ok(Ok(synced)) => synced,
                    // No thread was available, or it died.
                    Ok(Err(_)) | Err(_) => stream.sync_all(),
                },
            );
            first.chain(rest).collect()
        });
        for ((name, _), synced) in files.iter().zip(synced) {
            synced.map_err(|source| self.failed("write", name, source))?;
        }
        Ok(())
    }

    /// Puts links to the new files at their names, by way of the old files if there are any.
    pub(super) fn publish(&mut self, names: &[&OsStr], present: &[&OsStr]) -> Result<(), Error> {
        let live = if present.is_empty() { NEW } else { OLD };
        if !present.is_empty() {
            let path = self.lock.path().join(STAGE).join(OLD);
            let old = create(&self.root, OLD, &path)?;
            for name in present {
                linkat(self.lock.directory(), *name, &old, *name, AtFlags::empty())
                    .map_err(|error| self.failed("keep", name, error))?;
            }
            self.old = Some(old);
        }
        self.link(live, LIVE)?;
        for name in names {
            let (target, directory) = (through_live(name), self.lock.directory());
            let published = if present.contains(name) {
                symlinkat(&target, &self.root, LINK)
                    .and_then(|()| renameat(&self.root, LINK, directory, *name))
            } else {
                symlinkat(&target, directory, *name)
            };
            published.map_err(|error| self.failed("replace", name, error))?;
        }
        if present.is_empty() {
            Ok(())
        } else {
            self.turn(NEW)
        }
    }

    /// Makes the links show one generation or the other, all at once.
    pub(super) fn turn(&self, generation: &str) -> Result<(), Error> {
        self.link(generation, TURN)?;
        renameat(&self.root, TURN, &self.root, LIVE)
            .map_err(|error| self.failed("replace", STAGE.as_ref(), error))
    }

    /// Makes the links to a generation plain files.
    fn settle(&self, generation: &str) -> Result<(), Error> {
        for name in self.entries(generation)? {
            if self.holds(&name) {
                self.settle_one(generation, &name)?;
            }
        }
        Ok(())
    }

    fn settle_one(&self, generation: &str, name: &OsStr) -> Result<(), Error> {
        let staged = self.generation(generation)?;
        renameat(staged, name, self.lock.directory(), name)
            .map_err(|error| self.failed("replace", name, error))
    }

    /// Restores what was there before; but once part of the new files has settled, settles the rest.
    pub(super) fn undo(&self) -> Result<(), Error> {
        let new = self.entries(NEW)?;
        let old = self.entries(OLD)?;
        let is_new = self.is_live(NEW);
        if is_new && self.staged.is_some_and(|staged| new.len() < staged) {
            self.settle(NEW)?;
        } else if !old.is_empty() {
            if is_new {
                self.turn(OLD)?;
            }
            self.settle(OLD)?;
        }
        for name in new.iter().filter(|name| self.holds(name)) {
            unlinkat(self.lock.directory(), name, AtFlags::empty())
                .map_err(|error| self.failed("remove", name, error))?;
        }
        self.remove()
    }

    /// Removes the staging directory and what is in it.
    pub(super) fn remove(&self) -> Result<(), Error> {
        for generation in [NEW, OLD] {
            for name in self.entries(generation)? {
                self.gone(self.generation(generation)?, &name, AtFlags::empty())?;
            }
            self.gone(&self.root, generation.as_ref(), AtFlags::REMOVEDIR)?;
        }
        for name in [LIVE, LINK, TURN] {
            self.gone(&self.root, name.as_ref(), AtFlags::empty())?;
        }
        self.gone(self.lock.directory(), STAGE.as_ref(), AtFlags::REMOVEDIR)
    }

    /// Removes a name that may be gone already.
    fn gone(&self, from: impl AsFd, name: &OsStr, flags: AtFlags) -> Result<(), Error> {
        match unlinkat(from, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => {
                let path = self.lock.path().join(STAGE).join(name);
                Err(io_error("remove", &path, error))
            }
        }
    }

    /// Whether a name in the locked directory is a link into this stage.
    fn holds(&self, name: &OsStr) -> bool {
        let target = readlinkat(self.lock.directory(), name, Vec::new());
        target.is_ok_and(|target| target.as_bytes() == through_live(name).as_os_str().as_bytes())
    }

    /// Whether the links show this generation.
    fn is_live(&self, generation: &str) -> bool {
        let target = readlinkat(&self.root, LIVE, Vec::new());
        target.is_ok_and(|target| target.as_bytes() == generation.as_bytes())
    }

    /// The names in a generation; none if it does not exist.
    fn entries(&self, generation: &str) -> Result<Vec<OsString>, Error> {
        let Ok(directory) = self.generation(generation) else {
            return Ok(Vec::new());
        };
        let failed = |error| self.failed("list", STAGE.as_ref(), error);
        let mut names = Vec::new();
        for entry in Dir::read_from(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        Ok(names)
    }

    fn generation(&self, name: &str) -> Result<&OwnedFd, Error> {
        let generation = if name == NEW { &self.new } else { &self.old };
        let absent = || self.failed("open", STAGE.as_ref(), Errno::NOENT);
        generation.as_ref().ok_or_else(absent)
    }

    fn link(&self, target: &str, name: &str) -> Result<(), Error> {
        symlinkat(target, &self.root, name)
            .map_err(|error| self.failed("link", STAGE.as_ref(), error))
    }

    fn failed(
        &self,
        action: &'static str,
        name: &OsStr,
        source: impl Into<std::io::Error>,
    ) -> Error {
        io_error(action, &self.lock.path().join(name), source)
    }
}

/// Finishes or undoes what a process that died left in a directory.
///
/// # Errors
/// When the disk refuses, or what is there belongs to another user.
pub(super) fn recover(lock: &Lock) -> Result<(), Error> {
    let Some(stage) = Stage::abandoned(lock)? else {
        return Ok(());
    };
    let is_whole = stage.old.is_some() || stage.entries(NEW)?.iter().all(|name| stage.holds(name));
    if stage.is_live(NEW) && is_whole {
        stage.settle(NEW)?;
        stage.remove()?;
    } else {
        stage.undo()?;
    }
    lock.sync()
}

/// Creates a directory that anybody may pass through to a file whose name and mode allow it, for the
/// final names are links into it for a moment; nobody else may list it.
fn create(below: impl AsFd, name: &str, path: &Path) -> Result<OwnedFd, Error> {
    let failed = |error: Errno| io_error("create directory", path, error);
    mkdirat(below.as_fd(), name, Mode::from_raw_mode(0o700)).map_err(failed)?;
    let directory = open(below, name, path)?.ok_or_else(|| failed(Errno::NOENT))?;
    fchmod(&directory, Mode::from_raw_mode(0o711)).map_err(failed)?;
    Ok(directory)
}

/// Opens a directory that belongs to the user of this process; `None` if it does not exist.
fn open(below: impl AsFd, name: &str, path: &Path) -> Result<Option<OwnedFd>, Error> {
    let directory = match open_directory(below, name) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(io_error("open", path, error)),
    };
    let stat = fstat(&directory).map_err(|error| io_error("access", path, error))?;
    if stat.st_uid == rustix::process::geteuid().as_raw() {
        return Ok(Some(directory));
    }
    Err(Error::ForeignDirectory {
        path: path.to_owned(),
        owner: stat.st_uid,
    })
}

fn through_live(name: &OsStr) -> PathBuf {
    Path::new(STAGE).join(LIVE).join(name)
}

pub(super) const STAGE: &str = ".openagents-certs";
const LIVE: &str = "live";
pub(super) const OLD: &str = "old";
const NEW: &str = "new";
const LINK: &str = "link";
const TURN: &str = "turn";
