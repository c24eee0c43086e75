//! The key of a folder, which is kept in it unless the caller keeps it.

use super::error::ExportError;
use super::folder::{Folder, MANIFEST};
use super::key::BucketKey;

/// The key that is kept in the folder, drawn by whoever comes first. `is_new` says whether nothing was put into buckets by one
/// yet: another one would not be that of what is there.
pub(super) fn kept_key(folder: &Folder, is_new: bool) -> Result<BucketKey, ExportError> {
    let path = format!("{MANIFEST}/key");
    let read = || folder.read(&path).map_err(ExportError::of_folder);
    if is_new && read()?.is_none() {
        let key = BucketKey::draw().map_err(ExportError::Folder)?;
        folder
            .write_new(&path, key.expose_secret().as_bytes())
            .map_err(ExportError::of_folder)?;
    }
    let text = read()?.and_then(|text| String::from_utf8(text).ok());
    let key = text.and_then(|text| text.parse().ok());
    key.ok_or(ExportError::Key)
}
