//! An exclusive lock on a directory, and the changes made under it.
//!
//! Everything here works on the directory's descriptor and follows no link inside it, so that whoever
//! else may write to the directory cannot redirect a change to another one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, linkat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use time::OffsetDateTime;
use time::macros::format_description;

use super::{Kind, create_directory, io_error, size_limit_is_an_error, stage, unreadable};
use crate::error::Error;

/// An exclusive lock on a directory, held until it is dropped.
///
/// The lock is on a file in the directory that only its owner can open (0600), so no other user can
/// hold it. The file is removed with the lock. The kernel releases the lock of a process that dies,
/// and the next process removes the file.
#[derive(Debug)]
pub struct Lock {
    directory: File,
    path: PathBuf,
    /// The lock file; `None` for a private directory, which is locked itself.
    file: Option<File>,
}

impl Lock {
    /// Creates the directory if it does not exist and waits, for at most a minute, until no other process
    /// holds its lock.
    ///
    /// # Errors
    /// When the directory cannot be created or opened, or another process does not release the lock in time.
    pub fn acquire(path: &Path) -> Result<Self, Error> {
        size_limit_is_an_error();
        create_directory(path)?;
        let directory = File::open(path).map_err(|source| io_error("open", path, source))?;
        Lock::hold(directory, path.to_owned(), PATIENCE)
    }

    /// Locks a directory directly below this one; creates it if it does not exist, and refuses a link.
    ///
    /// # Errors
    /// As [`Lock::acquire`]; and when the name is that of a link or a file.
    pub fn below(&self, name: &str) -> Result<Self, Error> {
        let path = self.path.join(name);
        match mkdirat(&self.directory, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(io_error("create directory", &path, error)),
        }
        if self.kind(name)? == Kind::SymbolicLink {
            return Err(Error::SymbolicLink { path });
        }
        let directory = open_directory(&self.directory, name)
            .map_err(|error| io_error("open", &path, error))?;
        Lock::hold(directory.into(), path, PATIENCE)
    }

    /// A directory that is locked already, and that nobody else can enter.
    pub(super) fn private(directory: File, path: PathBuf) -> Self {
        Lock {
            directory,
            path,
            file: None,
        }
    }

    /// The locked directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's descriptor.
    pub(super) fn directory(&self) -> &File {
        &self.directory
    }

    /// What is at a name in the directory, links not followed.
    pub(super) fn kind(&self, name: impl AsRef<Path>) -> Result<Kind, Error> {
        let name = name.as_ref();
        match statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => Kind::SymbolicLink,
                FileType::RegularFile => Kind::File,
                _ => Kind::Other,
            }),
            Err(Errno::NOENT) => Ok(Kind::Absent),
            Err(error) => Err(io_error("access", &self.path.join(name), error)),
        }
    }

    /// Makes everything durable that was written to the directory's file system.
    pub(super) fn sync_file_system(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.directory)
            .map_err(|error| io_error("sync the file system of", &self.path, error))
    }

    /// Makes the directory's names durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let synced = self.directory.sync_all();
        synced.map_err(|source| io_error("sync", &self.path, source))
    }

    /// Takes the lock of an open directory, and finishes or undoes what a process that died left in it.
    fn hold(directory: File, path: PathBuf, patience: Duration) -> Result<Self, Error> {
        let file = wait(&directory, &path, patience)?;
        let lock = Lock {
            directory,
            path,
            file: Some(file),
        };
        stage::recover(&lock)?;
        Ok(lock)
    }

    /// Whether both names are of the same file.
    fn is_same(&self, one: &str, other: &str) -> bool {
        let stat = |name| statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        stat(one)
            .zip(stat(other))
            .is_some_and(|(one, other)| is_same_file(&one, other.st_dev, other.st_ino))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file goes before the lock does: who waits for it sees that it is gone, and tries again.
        if let Some(file) = &self.file
            && is_at_its_name(&self.directory, file)
        {
            let _ = unlinkat(&self.directory, LOCK_FILE, AtFlags::empty());
        }
    }
}

/// Sets what is called, once per wait, when a lock is held by another process for more than a moment.
pub fn report_waits(report: impl Fn(&str) + Send + Sync + 'static) {
    // The first one stays: a process has one place to report to.
    let _ = REPORT.set(Box::new(report));
}

/// Keeps files of a locked directory under a second, dated name, such as `ca-20261120T080500Z.key`.
///
/// # Errors
/// When that name is taken, or the system refuses.
pub fn keep(lock: &Lock, names: &[&str], now: OffsetDateTime) -> Result<(), Error> {
    let date = timestamp(now);
    for name in names {
        let dated = match name.rsplit_once('.') {
            Some((base, extension)) => format!("{base}-{date}.{extension}"),
            None => format!("{name}-{date}"),
        };
        let directory = &lock.directory;
        linkat(directory, *name, directory, &dated, AtFlags::empty())
            .map_err(|error| io_error("keep the old file as", &lock.path.join(&dated), error))?;
    }
    lock.sync()
}

/// Keeps every file of a locked directory, but those whose names start with a dot, under its name in another one.
///
/// # Errors
/// When a name is taken there by another file, or the system refuses.
pub fn link_all(lock: &Lock, into: &Lock) -> Result<(), Error> {
    for name in super::names(&lock.path, usize::MAX)? {
        if name.as_encoded_bytes().starts_with(b".") || lock.kind(&name)? != Kind::File {
            continue;
        }
        let linked = linkat(
            &lock.directory,
            &name,
            &into.directory,
            &name,
            AtFlags::empty(),
        );
        linked.map_err(|error| io_error("keep the old file as", &into.path.join(&name), error))?;
    }
    into.sync()
}

/// Gives a file of a locked directory another name that is not taken; does nothing if the file is gone.
///
/// # Errors
/// When the name is taken, or the system refuses.
pub fn move_aside(lock: &Lock, name: &str, aside: &str) -> Result<(), Error> {
    if lock.kind(name)? == Kind::Absent {
        return Ok(());
    }
    let directory = &lock.directory;
    match linkat(directory, name, directory, aside, AtFlags::empty()) {
        // A process was killed between the two names.
        Err(Errno::EXIST) if lock.is_same(name, aside) => {}
        linked => linked.map_err(|error| io_error("move to", &lock.path.join(aside), error))?,
    }
    remove(lock, &[name])
}

/// Moves a name of a locked directory into a directory below it.
///
/// # Errors
/// When the name is taken there, or the system refuses.
pub fn move_into(lock: &Lock, name: &str, below: &Lock) -> Result<(), Error> {
    let moved = renameat(&lock.directory, name, &below.directory, name);
    moved.map_err(|error| io_error("move to", &below.path.join(name), error))?;
    below.sync()?;
    lock.sync()
}

/// Removes files of a locked directory; those that are gone already are skipped.
///
/// # Errors
/// When the system refuses.
pub fn remove(lock: &Lock, names: &[&str]) -> Result<(), Error> {
    for name in names {
        match unlinkat(&lock.directory, *name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(io_error("remove", &lock.path.join(name), error)),
        }
    }
    lock.sync()
}

/// A moment as part of a file name, such as `20261120T080500Z`.
pub fn timestamp(now: OffsetDateTime) -> String {
    let stamp = format_description!("[year][month][day]T[hour][minute][second]Z");
    now.format(stamp)
        .unwrap_or_else(|_| now.unix_timestamp().to_string())
}

/// Opens a directory below another; a link is not followed.
pub(super) fn open_directory(
    below: impl std::os::fd::AsFd,
    name: &str,
) -> Result<std::os::fd::OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(below, name, flags, Mode::empty())
}

/// The outcome of one attempt at the lock.
enum Attempt {
    Held(File),
    /// Another process holds it; its process ID, as far as it is known.
    Busy(Option<u32>),
    /// The file was removed by the process that held it.
    Stale,
}

/// Tries until the lock is held.
fn wait(directory: &File, path: &Path, patience: Duration) -> Result<File, Error> {
    let (started, mut pause, mut is_reported) = (Instant::now(), MIN_PAUSE, false);
    loop {
        let holder = match attempt(directory, path)? {
            Attempt::Held(file) => return Ok(file),
            Attempt::Stale => continue,
            Attempt::Busy(holder) => holder,
        };
        let waited = started.elapsed();
        if waited >= patience {
            return Err(Error::Locked {
                path: path.join(LOCK_FILE),
                holder,
                waited: patience,
            });
        }
        if waited >= A_MOMENT && !is_reported {
            is_reported = true;
            if let Some(report) = REPORT.get() {
                let who = holder.map_or_else(String::new, |pid| format!(" (process {pid})"));
                let path = crate::error::shown(path);
                report(&format!(
                    "{path}: waiting for another command{who} to finish"
                ));
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

fn attempt(directory: &File, path: &Path) -> Result<Attempt, Error> {
    let place = path.join(LOCK_FILE);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = match openat(directory, LOCK_FILE, flags, Mode::from_raw_mode(0o600)) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::LOOP) => return Err(Error::SymbolicLink { path: place }),
        // Another user's, who is at work in this directory.
        Err(Errno::ACCESS | Errno::PERM)
            if statat(directory, LOCK_FILE, AtFlags::SYMLINK_NOFOLLOW).is_ok() =>
        {
            return Ok(Attempt::Busy(None));
        }
        Err(error) => return Err(io_error("lock", path, error)),
    };
    let failed = |source| io_error("lock", path, source);
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(unreadable(
            &place,
            "is not a regular file, and cannot be locked",
        ));
    }
    match file.try_lock() {
        Ok(()) if !is_at_its_name(directory, &file) => Ok(Attempt::Stale),
        Ok(()) => {
            // Nothing is written to a file that somebody else may have linked here.
            if metadata.uid() == rustix::process::geteuid().as_raw() && metadata.nlink() == 1 {
                let noted = file.set_len(0);
                // Without the number, whoever waits is not told which process it is.
                let _ = noted.and_then(|()| write!(file, "{}", std::process::id()));
            }
            Ok(Attempt::Held(file))
        }
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut digits = String::new();
            let read = (&mut file).take(MAX_DIGITS).read_to_string(&mut digits);
            Ok(Attempt::Busy(read.ok().and_then(|_| digits.parse().ok())))
        }
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether a lock file is still the one in the directory.
fn is_at_its_name(directory: &File, file: &File) -> bool {
    let found = statat(directory, LOCK_FILE, AtFlags::SYMLINK_NOFOLLOW);
    let own = file.metadata();
    matches!((found, own), (Ok(found), Ok(own)) if is_same_file(&found, own.dev(), own.ino()))
}

fn is_same_file(stat: &Stat, device: u64, inode: u64) -> bool {
    stat.st_dev == device && stat.st_ino == inode
}

type Listener = Box<dyn Fn(&str) + Send + Sync>;
static REPORT: OnceLock<Listener> = OnceLock::new();

const LOCK_FILE: &str = ".openagents-certs.lock";
/// As long as the inventory is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const A_MOMENT: Duration = Duration::from_secs(1);
const MIN_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(20);
const MAX_DIGITS: u64 = 10; // of 2³²

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_lock_file_is_its_owners_alone_and_goes_with_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(LOCK_FILE);
        let lock = Lock::acquire(directory.path()).unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(lock);
        assert!(!file.exists());
    }

    #[test]
    fn a_lock_on_the_directory_itself_blocks_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let other = File::open(directory.path()).unwrap();
        other.lock().unwrap();
        Lock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn a_lock_that_is_not_released_is_an_error_that_names_its_holder() {
        let directory = tempfile::tempdir().unwrap();
        let _held = Lock::acquire(directory.path()).unwrap();
        let opened = File::open(directory.path()).unwrap();
        let error = Lock::hold(opened, directory.path().to_owned(), Duration::ZERO).unwrap_err();
        let own = std::process::id();
        assert!(matches!(error, Error::Locked { holder: Some(pid), .. } if pid == own));
    }

    #[test]
    fn a_lock_file_that_a_killed_process_left_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(LOCK_FILE);
        std::fs::write(&file, "4711").unwrap();
        drop(Lock::acquire(directory.path()).unwrap());
        assert!(!file.exists());
    }

    #[test]
    fn a_link_planted_as_the_lock_file_is_not_followed_and_a_hard_link_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let (elsewhere, certs) = (directory.path().join("x"), directory.path().join("certs"));
        std::fs::create_dir(&certs).unwrap();
        std::fs::write(&elsewhere, "kept").unwrap();
        symlink(&elsewhere, certs.join(LOCK_FILE)).unwrap();
        let refused = Lock::acquire(&certs).unwrap_err();
        assert!(matches!(refused, Error::SymbolicLink { .. }));
        std::fs::remove_file(certs.join(LOCK_FILE)).unwrap();
        std::fs::hard_link(&elsewhere, certs.join(LOCK_FILE)).unwrap();
        drop(Lock::acquire(&certs).unwrap());
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"kept");
    }

    #[test]
    fn a_link_planted_as_a_directory_below_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), directory.path().join("rotation")).unwrap();
        let lock = Lock::acquire(directory.path()).unwrap();
        let refused = lock.below("rotation").unwrap_err();
        assert!(matches!(refused, Error::SymbolicLink { .. }));
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_threads_hold_the_lock_one_after_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let counter = directory.path().join("counter");
        std::fs::write(&counter, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _lock = Lock::acquire(directory.path()).unwrap();
                        let count: u32 =
                            std::fs::read_to_string(&counter).unwrap().parse().unwrap();
                        std::fs::write(&counter, (count + 1).to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&counter).unwrap(), "160");
    }
}
