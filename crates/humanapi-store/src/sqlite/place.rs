//! The path of a store's file, and what lies there.

use std::path::Path;

use humanapi_client::{StoreError, StoreErrorKind};

use super::{SqliteFile, on_thread};

impl SqliteFile {
    /// In words, that others than its owner and group may read or write the file, and the file's name; nothing where
    /// they may not, where there is no file, and where the system has no such permissions.
    ///
    /// Tokens in it are sealed. Whoever may write to it can still take them away or damage them.
    #[must_use]
    pub fn open_to_others(&self) -> Option<String> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;

            let mode = std::fs::metadata(&self.path).ok()?.mode();
            if mode & 0o007 != 0 {
                let path = self.path.display();
                return Some(format!(
                    "the store's file {path} is open to everybody on this machine: `chmod 600` it"
                ));
            }
        }
        None
    }

    /// Tells the log that others may read or write the file.
    pub(super) fn warn(&self) {
        if self.open_to_others().is_some() {
            let path = self.path.display();
            tracing::warn!(target: "humanapi::store", %path, "the store's file is open to everybody on this machine");
        }
    }

    /// Makes sure that the path leads to a file, or to nothing yet, without opening what is there: opening a pipe waits
    /// for somebody at its other end.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        let path = self.path.clone();
        on_thread(move || look(&path)).await
    }

    /// Makes the file, readable by its owner alone.
    pub(super) async fn create(&self) -> Result<(), StoreError> {
        self.look().await?;
        let path = self.path.clone();
        on_thread(move || {
            let mut open = std::fs::File::options();
            open.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
            open.open(&path).map(drop).map_err(|error| {
                misconfigured(format!("the store's file cannot be made: {}", error.kind()))
            })
        })
        .await
    }
}

fn look(path: &Path) -> Result<(), StoreError> {
    let text = path.to_string_lossy();
    if path.as_os_str().is_empty() || text == ":memory:" || is_address(&text) {
        return Err(misconfigured(
            "the store's path is none of a file: SQLite takes an empty one, `:memory:` and `file:…` for something else",
        ));
    }
    match std::fs::metadata(path) {
        Ok(about) if !about.is_file() => Err(misconfigured(
            "the store's path leads to something that is no file, such as a folder, a pipe or a device",
        )),
        // What cannot be looked at cannot be opened either, and that says why.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether SQLite reads this as an address and not as a path.
fn is_address(text: &str) -> bool {
    text.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

fn misconfigured(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, message)
}
