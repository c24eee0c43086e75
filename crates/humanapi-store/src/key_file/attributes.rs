//! What a new file takes over from the one in whose place it comes: owner, group, mode and access control list.

use std::fs::File;
use std::io;

/// Gives the new file the owner, group, mode and access control list of the old one.
#[cfg(unix)]
pub(super) fn keep(old: &File, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let (about, ours) = (old.metadata()?, new.metadata()?);
    let owner = (about.uid() != ours.uid()).then(|| about.uid());
    let group = (about.gid() != ours.gid()).then(|| about.gid());
    if owner.is_some() || group.is_some() {
        fchown(new, owner, group)?;
    }
    // Before the mode, whose bits for the group are the list's mask: a list that the folder gave to the new file would
    // let others in.
    #[cfg(target_os = "linux")]
    access_list::copy(old, new)?;
    new.set_permissions(about.permissions())
}

/// POSIX access control lists, which Linux keeps as an attribute.
#[cfg(target_os = "linux")]
pub(super) mod access_list {
    use std::fs::File;
    use std::io;

    use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;

    pub(crate) const NAME: &str = "system.posix_acl_access";
    /// The most that Linux takes for the value of an attribute.
    const LONGEST: usize = 64 * 1024;

    pub(super) fn copy(old: &File, new: &File) -> io::Result<()> {
        match read(old)? {
            Some(list) => Ok(fsetxattr(new, NAME, &list, XattrFlags::empty())?),
            None => match fremovexattr(new, NAME) {
                Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The list of a file; nothing where it has none, or the file system has no such thing.
    pub(crate) fn read(file: &File) -> io::Result<Option<Vec<u8>>> {
        let mut list = vec![0; LONGEST];
        match fgetxattr(file, NAME, &mut list[..]) {
            Ok(length) => {
                list.truncate(length);
                Ok(Some(list))
            }
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
pub(super) fn keep(old: &File, new: &File) -> io::Result<()> {
    new.set_permissions(old.metadata()?.permissions())
}
