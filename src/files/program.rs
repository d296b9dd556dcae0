//! The program that a process runs.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::pki::fingerprint::{Digest, Fingerprint};

/// The program of a process: what it was started from, even if that file has been replaced since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Its path in the process's file system; ends in ` (deleted)` where the file is gone.
    pub path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
    /// Its length, and when it was changed last.
    state: (u64, i64, i64),
}

impl Program {
    /// The program of a process.
    ///
    /// # Errors
    /// When the process has ended, or belongs to somebody whose processes we may not look at.
    pub fn of_process(pid: i32) -> std::io::Result<Self> {
        let link = link(pid);
        let path = std::fs::read_link(&link)?;
        let metadata = std::fs::metadata(&link)?;
        Ok(Program {
            path,
            file: (metadata.dev(), metadata.ino()),
            state: (metadata.len(), metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// SHA-256 of the program that a process runs, if it is still this one.
    ///
    /// # Errors
    /// When it cannot be read, is another one now, or larger than [`MAX_PROGRAM_BYTES`].
    pub fn digest(&self, pid: i32) -> std::io::Result<Fingerprint> {
        let mut file = File::open(link(pid))?;
        let other = || std::io::Error::other("it is another program now");
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != self.file || metadata.len() > MAX_PROGRAM_BYTES {
            return Err(other());
        }
        let mut digest = Digest::sha256();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                length => digest.update(&buffer[..length]),
            }
        }
        let metadata = file.metadata()?;
        let state = (metadata.len(), metadata.ctime(), metadata.ctime_nsec());
        match state == self.state {
            true => Ok(digest.finish()),
            false => Err(other()),
        }
    }
}

fn link(pid: i32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/exe"))
}

/// Programs that are larger have no digest.
pub const MAX_PROGRAM_BYTES: u64 = 2 * 1024 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_program_is_read() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let program = Program::of_process(pid).unwrap();
        assert_eq!(program.path, std::env::current_exe().unwrap());
        let content = std::fs::read(&program.path).unwrap();
        assert_eq!(program.digest(pid).unwrap(), Fingerprint::sha256(&content));
        assert!(Program::of_process(i32::MAX).is_err());
    }
}
