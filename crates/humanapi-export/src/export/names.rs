//! Names in folders of this machine: given, taken, and put onto the disk.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use super::part::Whole;

/// Gives files their names, in this order.
///
/// Each wait for the disk takes as long whatever there is to do, so all names are given before one of them is waited for.
pub(super) fn rename_all(root: &Path, files: Vec<(Whole, String)>) -> io::Result<()> {
    let mut folders = BTreeSet::new();
    for (file, path) in files {
        let target = root.join(path);
        if let Some(folder) = target.parent() {
            make_folders(folder, &mut folders)?;
        }
        fs::rename(file.path(), &target)?;
        file.leave();
        folders.extend(folder_of(&target));
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Makes a folder, and those that it is in, where they are missing.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    let mut folders = BTreeSet::new();
    make_folders(path, &mut folders)?;
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// The same, and tells in which folders names were given.
fn make_folders(path: &Path, folders: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| *parent != Path::new("")) {
        make_folders(parent, folders)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // By another process, meanwhile.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => folders.extend(folder_of(path)),
    }
    Ok(())
}

pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The folder that something is in.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(match folder == Path::new("") {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    })
}

/// Puts the name of a file onto the disk, which is an entry of its folder.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    folder_of(path).map_or(Ok(()), |folder| sync_folder(&folder))
}

/// Puts the names in a folder onto the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
