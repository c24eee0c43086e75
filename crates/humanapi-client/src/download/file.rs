//! A download that becomes a file, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use tokio::runtime::Handle;

use super::Download;
use crate::error::Error;

/// Why a download did not become a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The body did not come whole.
    #[error(transparent)]
    Download(#[from] Error),
    /// The file could not be written.
    #[error("the file could not be written")]
    File(#[from] io::Error),
}

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
    /// When the body does not come whole, or the file cannot be written.
    pub async fn save(mut self, path: impl Into<PathBuf>) -> Result<u64, SaveError> {
        let path = path.into();
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
        off_thread(move || file.keep()).await?;
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
    kept: bool,
}

impl Temporary {
    /// A new file in the folder of `target`, and so on its disk.
    fn beside(target: &Path) -> io::Result<Self> {
        if target.file_name().is_none() {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
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
                        kept: false,
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

    /// Puts it in its place.
    fn keep(mut self) -> io::Result<()> {
        self.open()?.sync_all()?;
        // An open file cannot be renamed everywhere.
        self.file = None;
        fs::rename(&self.path, &self.target)?;
        self.kept = true;
        // The new name is an entry of the folder, which is on the disk only then.
        #[cfg(unix)]
        File::open(match self.target.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        })?
        .sync_all()?;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            self.file = None;
            // It has no reader and an unguessable name; that it stays is all that could go wrong.
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::debug!(error = %error.kind(), "a part of a download is left behind");
            }
        }
    }
}
