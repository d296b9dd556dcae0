//! Unix sockets at a path.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::{absolute, io_error};
use crate::error::{Error, WorkloadError};

/// A socket that listens at a path. Its file is removed on drop, unless it is another's by then.
#[derive(Debug)]
pub struct ListeningSocket {
    path: PathBuf,
    inode: u64,
    listener: UnixListener,
}

impl ListeningSocket {
    /// Listens at a path, for every user. A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// When something else is there, a process listens at it, or it cannot be created.
    pub fn bind(path: &Path) -> Result<Self, Error> {
        let path = absolute(path)?;
        remove_stale(&path)?;
        let listener = UnixListener::bind(&path).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => in_use(&path),
            _ => io_error("listen at", &path, error),
        })?;
        let everyone = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&path, everyone)
            .map_err(|error| io_error("set the permissions of", &path, error))?;
        listener
            .set_nonblocking(true)
            .map_err(|error| io_error("listen at", &path, error))?;
        let metadata = std::fs::symlink_metadata(&path);
        let metadata = metadata.map_err(|error| io_error("access", &path, error))?;
        Ok(ListeningSocket {
            inode: metadata.ino(),
            path,
            listener,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle of it.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn listener(&self) -> Result<UnixListener, Error> {
        let listener = self.listener.try_clone();
        listener.map_err(|error| io_error("listen at", &self.path, error))
    }
}

impl Drop for ListeningSocket {
    fn drop(&mut self) {
        let metadata = std::fs::symlink_metadata(&self.path);
        if metadata.is_ok_and(|metadata| metadata.ino() == self.inode) {
            // Nothing depends on it: one that stays is replaced by the next server.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn remove_stale(path: &Path) -> Result<(), Error> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("access", path, error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(WorkloadError::SocketPath {
            path: path.to_owned(),
            what: "is not a socket",
        }
        .into());
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(in_use(path)),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|error| io_error("remove", path, error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // Its queue is full, or it belongs to somebody else: it may be in use.
        Err(_) => Err(in_use(path)),
    }
}

fn in_use(path: &Path) -> Error {
    Error::Workload(WorkloadError::SocketPath {
        path: path.to_owned(),
        what: "a process listens at this socket",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("w.sock");
        let first = ListeningSocket::bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        let error = ListeningSocket::bind(&path).unwrap_err().to_string();
        assert!(
            error.contains("a process listens at this socket"),
            "{error}"
        );
        drop(first);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "stale");
        drop(ListeningSocket::bind(&path).unwrap());
        std::fs::write(&path, "text").unwrap();
        let error = ListeningSocket::bind(&path).unwrap_err().to_string();
        assert!(error.contains("is not a socket"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn the_socket_of_another_server_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("w.sock");
        let first = ListeningSocket::bind(&path).unwrap();
        std::fs::rename(&path, directory.path().join("old")).unwrap();
        let second = ListeningSocket::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
