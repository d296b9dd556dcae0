//! The owner of a file, and who may read it.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::fs::{fchown, fremovexattr, fsetxattr, getxattr, openat};
use rustix::io::Errno;

use super::{Lock, io_error};
use crate::error::Error;

/// What a file inherits from the one it replaces: owner, group, mode, and the access list and security
/// label if there are any.
#[derive(Debug)]
pub(super) struct Attributes {
    owner: u32,
    group: u32,
    mode: u32,
    access_list: Option<Vec<u8>>,
    label: Option<Vec<u8>>,
}

impl Attributes {
    /// Those of a file in a locked directory; a link is not followed.
    pub(super) fn of(lock: &Lock, name: &std::ffi::OsStr) -> Result<Self, Error> {
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
    pub(super) fn give(
        &self,
        file: &File,
        lock: &Lock,
        name: &std::ffi::OsStr,
    ) -> Result<(), Error> {
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

const MODE_BITS: u32 = 0o7777;
const ACCESS_LIST: &str = "system.posix_acl_access";
const LABEL: &str = "security.selinux";
const MAX_VALUE_BYTES: usize = 4096;
