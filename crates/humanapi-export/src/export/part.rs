//! Files that are being written: for their owner alone, hashed as they grow, and gone unless they are put into a place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::disk::{Disk, Syncing};
use crate::keyed::hex;

/// A file that is not whole yet.
#[derive(Debug)]
pub(super) struct Part {
    /// Nothing, once it is ended.
    file: Option<BufWriter<File>>,
    hash: Sha256,
    bytes: u64,
    path: PathBuf,
    disk: Disk,
}

/// A file to which nothing more is written, and that is not in its place yet.
#[derive(Debug)]
pub(super) struct Ended {
    /// Over before what it is of is removed.
    syncing: Syncing,
    part: Part,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Part {
    /// A new one, which is removed when it is dropped, unless it is put into its place.
    pub(super) fn create(path: PathBuf, disk: Disk) -> io::Result<Self> {
        let file = new_file().open(&path)?;
        Ok(Self {
            file: Some(BufWriter::with_capacity(64 * 1024, file)),
            hash: Sha256::new(),
            bytes: 0,
            path,
            disk,
        })
    }

    /// The same, with bytes that go elsewhere.
    #[cfg(test)]
    pub(super) fn with_file(mut self, file: File) -> Self {
        self.file = Some(BufWriter::new(file));
        self
    }

    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.file
            .as_mut()
            .ok_or_else(|| io::ErrorKind::Other.into())
    }

    /// Ends it. It is on its way onto the disk then, and is waited for as it is put into its place.
    pub(super) fn end(mut self) -> io::Result<Ended> {
        let file = self.file.take().ok_or(io::ErrorKind::Other)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Ended {
            syncing: self.disk.sync(file)?,
            bytes: self.bytes,
            sha256: hex(&self.hash.finalize_reset()),
            part: self,
        })
    }
}

impl Ended {
    /// Where it is until it is in its place.
    pub(super) fn path(&self) -> &Path {
        &self.part.path
    }

    /// Waits until it is on the disk.
    pub(super) fn wait(&self) -> io::Result<()> {
        self.syncing.wait()
    }

    /// Leaves it where it was put: there is nothing left to remove.
    pub(super) fn leave(mut self) {
        self.part.path.clear();
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.open()?.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.path != Path::new("") {
            self.file = None;
            // The next run removes what cannot be removed now.
            let _ = fs::remove_file(&self.path);
        }
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
