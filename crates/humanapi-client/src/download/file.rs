//! A download that becomes a file, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use tokio::runtime::Handle;

use super::Download;
use crate::error::Error;
use crate::telemetry::DOWNLOAD;

/// Why a download did not become a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The body did not come whole.
    #[error(transparent)]
    Download(#[from] Error),
    /// The file could not be written, and `path` holds what it held before.
    #[error("the file could not be written")]
    File(#[from] io::Error),
    /// A writer of the caller's failed. What it had taken until then is no whole document.
    #[error("the writer did not take the body")]
    Writer(#[source] io::Error),
    /// All of it is in `path`, and the disk did not confirm that it stays there after a crash.
    #[error("the file is in place, but the disk did not confirm its name")]
    InPlace {
        /// How many bytes the file has.
        bytes: u64,
        /// What the system said.
        source: io::Error,
    },
}

impl SaveError {
    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Download(error) => error.remedy(),
            Self::File(_) => "free the disk or choose another path, then download it again",
            Self::Writer(_) => "mend what the writer writes to, then download it again",
            Self::InPlace { .. } => "read it, or save it again",
        }
    }
}

/// Puts a folder's entries onto the disk.
type Confirm = fn(&Folder) -> io::Result<()>;

impl Download {
    /// Reads it to its end into a file, whole or not at all, and says how many bytes that are.
    ///
    /// It is written beside `path` under a name that nobody can guess, readable by its owner alone, put onto the disk and
    /// then renamed, so that `path` holds what it held before or all of it, even after a crash. After an error no part of it
    /// is left behind, nor where the future is dropped: only in the last step, when all of it has come, can `path` hold the
    /// whole document all the same. All of it happens off the runtime's threads; it needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the body does not come whole, or the file cannot be written; with [`SaveError::InPlace`] when it is whole and in
    /// its place, and nobody can tell whether the disk has its name.
    pub async fn save(self, path: impl Into<PathBuf>) -> Result<u64, SaveError> {
        self.save_and(path.into(), Folder::sync).await
    }

    async fn save_and(mut self, path: PathBuf, confirm: Confirm) -> Result<u64, SaveError> {
        let mut file = off_thread(move || Temporary::beside(&path)).await?;
        let mut written = 0;
        while let Some(piece) = self.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    off_thread(move || {
                        drop(file);
                        Ok(())
                    })
                    .await?;
                    return Err(error.into());
                }
            };
            written += piece.len() as u64;
            file = off_thread(move || {
                file.open()?.write_all(&piece)?;
                Ok(file)
            })
            .await?;
        }
        let confirmed = off_thread(move || Ok(confirm(&file.keep()?))).await?;
        confirmed.map_err(|source| SaveError::InPlace {
            bytes: written,
            source,
        })?;
        Ok(written)
    }
}

/// Runs what waits for a disk. A future that is dropped meanwhile drops what comes of it.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    runtime
        .spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// A file that is removed when it is dropped, unless it is kept.
struct Temporary {
    /// Nothing, once it is closed.
    file: Option<File>,
    path: PathBuf,
    target: PathBuf,
    /// Nothing, once it was renamed.
    folder: Option<Folder>,
}

/// The folder of a file: a new name is an entry of it, which is on the disk once that is.
struct Folder(#[cfg(unix)] File);

impl Folder {
    fn of(target: &Path) -> io::Result<Self> {
        let folder = match target.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        #[cfg(unix)]
        return File::open(folder).map(Self);
        #[cfg(not(unix))]
        return fs::metadata(folder).map(|_| Self());
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.0.sync_all()?;
        Ok(())
    }
}

impl Temporary {
    /// A new file in the folder of `target`, and so on its disk.
    fn beside(target: &Path) -> io::Result<Self> {
        if target.file_name().is_none() {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let folder = Folder::of(target)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // A name that is taken is drawn again. The last draw's error is told.
        let mut left = 8;
        loop {
            // The keys of a hash are random numbers of the system. The name does not grow with the target's, which may be
            // as long as a name can be.
            let drawn = RandomState::new().hash_one(());
            let path = target.with_file_name(format!(".{drawn:016x}.part"));
            left -= 1;
            match options.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && left > 0 => {}
                file => {
                    return Ok(Self {
                        file: Some(file?),
                        path,
                        target: target.to_owned(),
                        folder: Some(folder),
                    });
                }
            }
        }
    }

    fn open(&mut self) -> io::Result<&mut File> {
        self.file
            .as_mut()
            .ok_or_else(|| io::ErrorKind::Other.into())
    }

    /// Puts it in its place, and gives the folder that has to confirm it.
    fn keep(mut self) -> io::Result<Folder> {
        self.open()?.sync_all()?;
        // An open file cannot be renamed everywhere.
        self.file = None;
        fs::rename(&self.path, &self.target)?;
        self.folder
            .take()
            .ok_or_else(|| io::ErrorKind::Other.into())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.folder.is_some() {
            self.file = None;
            // It has no reader and an unguessable name; that it stays is all that could go wrong.
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!(target: DOWNLOAD, error = %error.kind(), "a part of a download is left behind");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use humanapi_core::{Response, Streamed};

    use super::*;
    use crate::runtime::TokioRuntime;

    #[tokio::test]
    async fn a_file_that_the_disk_does_not_confirm_is_there_and_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ccd.xml");
        let answer = Streamed::new(Response::new("whole".into()));
        let timer = Arc::new(TokioRuntime::new());
        let body = Download::new(answer, None, Duration::ZERO, timer);
        let fails: Confirm = |_| Err(io::ErrorKind::StorageFull.into());
        let error = body.save_and(path.clone(), fails).await.unwrap_err();
        assert!(
            matches!(&error, SaveError::InPlace { bytes: 5, source } if source.kind() == io::ErrorKind::StorageFull),
            "{error:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
