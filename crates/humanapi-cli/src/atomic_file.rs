//! Files that are whole or not there: written beside the place that they take.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// Begins a file beside the one that it is to become. Only its owner can read it.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    if path.file_name().is_none() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    NamedTempFile::new_in(folder)
}

/// Puts it in its place, once all of it is on the disk.
pub(crate) fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
