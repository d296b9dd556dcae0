//! Whose a file is, and who may read it.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Gid, Uid, XattrFlags, fchown, fsetxattr, lgetxattr};
use rustix::io::Errno;

use crate::error::Error;

/// What a file that takes another one's place is to have of it: owner, group, mode, and where there are
/// any the access list and the security label.
#[derive(Debug)]
pub(super) struct Attributes {
    owner: u32,
    group: u32,
    mode: u32,
    extended: Vec<(&'static str, Vec<u8>)>,
}

impl Attributes {
    /// Those of the file at a path, which is no link.
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let metadata = path.symlink_metadata().map_err(|source| Error::Io {
            action: "look at",
            path: path.to_owned(),
            source,
        })?;
        let extended = EXTENDED.into_iter().filter_map(|name| {
            let mut value = vec![0; MAX_VALUE_OCTETS];
            let length = lgetxattr(path, name, &mut value[..]).ok()?;
            value.truncate(length);
            Some((name, value))
        });
        Ok(Attributes {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & MODE_BITS,
            extended: extended.collect(),
        })
    }

    /// Gives them to a new file that is to stand at `place`. The owner comes first, so that nobody reads it in
    /// between who may not afterwards. A group that may do no more than others is kept where that is permitted.
    pub(super) fn give(&self, file: &File, place: &Path) -> Result<(), Error> {
        let failed = |action| {
            move |source| Error::Io {
                action,
                path: place.to_owned(),
                source,
            }
        };
        let has = file.metadata().map_err(failed("look at"))?;
        let (owner, group) = (Uid::from_raw(self.owner), Gid::from_raw(self.group));
        match fchown(file, Some(owner), Some(group)) {
            Err(Errno::PERM) if has.uid() == self.owner && self.is_group_no_matter() => {}
            done => done.map_err(|source| failed("keep its owner and group")(source.into()))?,
        }
        file.set_permissions(Permissions::from_mode(self.mode))
            .map_err(failed("keep its mode"))?;
        for (name, value) in &self.extended {
            // A label that cannot be set is the system's to give.
            let _ = fsetxattr(file, *name, value, XattrFlags::empty());
        }
        Ok(())
    }

    /// Whether the group may do nothing that others may not, so that another one in its place is as good.
    fn is_group_no_matter(&self) -> bool {
        let (group, others) = (self.mode >> 3 & 0o7, self.mode & 0o7);
        group & !others == 0 && self.extended.is_empty()
    }
}

const MODE_BITS: u32 = 0o7777;
const EXTENDED: [&str; 2] = ["system.posix_acl_access", "security.selinux"];
const MAX_VALUE_OCTETS: usize = 4096;
