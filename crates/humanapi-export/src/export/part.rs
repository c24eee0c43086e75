//! Files that are being written: for their owner alone, hashed as they grow, and gone unless they are put into a place.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::disk::{Disk, Locks, Syncing, Unplaced};
use crate::keyed::hex;

/// A file that is not whole yet. It is removed when it is dropped, and closed before that.
#[derive(Debug)]
pub(super) struct Part {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    unplaced: Unplaced,
    disk: Disk,
}

/// A file to which nothing more is written, on its way onto the disk. It is removed unless it is waited for.
#[derive(Debug)]
pub(super) struct Ended {
    syncing: Syncing,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// A file that is on the disk and not in its place yet. It is removed unless it is left somewhere.
#[derive(Debug)]
pub(super) struct Whole {
    unplaced: Unplaced,
    #[cfg_attr(
        not(feature = "cloud"),
        expect(dead_code, reason = "a disk asks for no length beforehand")
    )]
    pub(super) bytes: u64,
}

impl Part {
    pub(super) fn create(path: PathBuf, locks: Locks, disk: Disk) -> io::Result<Self> {
        let file = new_file().open(&path)?;
        Ok(Self {
            file: BufWriter::with_capacity(64 * 1024, file),
            hash: Sha256::new(),
            bytes: 0,
            unplaced: Unplaced::new(path, locks),
            disk,
        })
    }

    /// The same, with bytes that go elsewhere.
    #[cfg(test)]
    pub(super) fn with_file(mut self, file: File) -> Self {
        self.file = BufWriter::new(file);
        self
    }

    /// Ends it, on a thread that may wait until there is room for one more on its way.
    pub(super) fn end(self) -> io::Result<Ended> {
        let file = self.file.into_inner();
        let file = file.map_err(io::IntoInnerError::into_error)?;
        let syncing = self.disk.sync(file, self.unplaced)?;
        Ok(Ended::new(syncing, self.bytes, self.hash))
    }

    /// The same on a runtime's thread, which may not.
    pub(super) async fn end_async(self) -> io::Result<Ended> {
        let file = self.file.into_inner();
        let file = file.map_err(io::IntoInnerError::into_error)?;
        let syncing = self.disk.sync_async(file, self.unplaced).await?;
        Ok(Ended::new(syncing, self.bytes, self.hash))
    }
}

impl Ended {
    fn new(syncing: Syncing, bytes: u64, hash: Sha256) -> Self {
        Self {
            syncing,
            bytes,
            sha256: hex(&hash.finalize()),
        }
    }

    /// Waits until it is on the disk.
    pub(super) fn wait(self) -> io::Result<Whole> {
        Ok(Whole {
            unplaced: self.syncing.wait()?,
            bytes: self.bytes,
        })
    }
}

impl Whole {
    /// Where it is until it is in its place.
    pub(super) fn path(&self) -> &Path {
        self.unplaced.path()
    }

    /// Leaves it where it was put: there is nothing left to remove.
    pub(super) fn leave(self) {
        self.unplaced.leave();
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options
}

/// For its owner alone: health data are in it.
#[cfg_attr(
    not(unix),
    expect(clippy::needless_pass_by_ref_mut, reason = "modes are Unix's")
)]
pub(super) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// One that its owner alone can look into, wherever it is: ids are in it.
pub(super) fn private_folder() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are Unix's"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder
}
