//! The folder of an export: files that are whole or not there, whatever ends the program.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "cloud")]
use super::cloud::{Cloud, CloudFolder};
use super::disk::{Disk, Locks};
use super::error::ExportError;
use super::key::Shard;
use super::names::{make_folder, remove_folder, rename_all, sync_parent};
use super::part::{Ended, Part, private};
use super::thread;

/// What says what is whole.
pub(super) const MANIFEST: &str = "_manifest";
/// Where files are until they are whole.
const WORK: &str = "_work";
/// Held while one process makes another one of a file that all of them write.
const SWAP_LOCK: &str = ".lock-swap";
/// So often may another process be faster with a file that all of them write: each of a thousand shards may end at once.
const MOST_SWAPS: u32 = 1_000;

/// The folder of an export, which one process writes to.
///
/// What is written waits on this machine's disk until it is whole; where it belongs then may take a while to answer, so
/// everything but [`begin`](Self::begin) is called from threads that may wait: from those of [`wait`](Self::wait), where a
/// runtime's thread asks. What a file is given goes to the system's memory, for which nobody waits before it is full.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    place: Place,
    /// Files that are being written, on the same disk where the place is one.
    work: PathBuf,
    parts: Arc<AtomicU64>,
    disk: Disk,
    /// What takes it for this process, however that ends. In an object store nothing does.
    locks: Locks,
}

/// Which version of a file was seen. On a disk there is none: its locks keep out all others, if shards are of one number.
#[derive(Clone, Debug, Default)]
pub(super) struct Version(#[cfg(feature = "cloud")] Option<object_store::UpdateVersion>);

/// Where files are once they are whole.
#[derive(Clone, Debug)]
enum Place {
    Disk(PathBuf),
    #[cfg(feature = "cloud")]
    Cloud(Arc<Cloud>),
}

impl Folder {
    /// Takes the folder for this process, and makes it where it is missing. What an earlier run left unfinished is removed.
    pub(super) fn open(root: &Path, shard: Shard) -> Result<Self, ExportError> {
        if root.to_str().is_some_and(is_address) {
            return Err(ExportError::Address);
        }
        let manifest = root.join(MANIFEST);
        make_folder(&manifest).map_err(ExportError::Folder)?;
        // Processes with a shard each share the folder; one that takes all has it for itself.
        let all = lock_file(&manifest.join(".lock")).map_err(ExportError::Folder)?;
        match shard {
            Shard::ALL => taken(all.try_lock())?,
            _ => taken(all.try_lock_shared())?,
        }
        let own = manifest.join(format!(".lock-{}", shard.name()));
        let own = lock_file(&own).map_err(ExportError::Folder)?;
        taken(own.try_lock())?;
        let work = root.join(WORK).join(shard.name());
        // What a shard of before left, no shard may ever come to again.
        let left = match shard {
            Shard::ALL => &root.join(WORK),
            _ => &work,
        };
        let emptied = remove_folder(left).and_then(|()| make_folder(&work));
        emptied.map_err(ExportError::Folder)?;
        Ok(Self {
            place: Place::Disk(root.to_owned()),
            work,
            parts: Arc::default(),
            disk: Disk::new().map_err(ExportError::Folder)?,
            locks: Arc::new([all, own]),
        })
    }

    /// The same on a runtime's thread, which may not wait.
    pub(super) async fn open_async(root: &Path, shard: Shard) -> Result<Self, ExportError> {
        let root = root.to_owned();
        thread::begin(move || Self::open(&root, shard))?
            .end()
            .await?
    }

    /// A folder in an object store, of which nothing is claimed yet.
    #[cfg(feature = "cloud")]
    pub(super) fn in_cloud(folder: CloudFolder, shard: Shard) -> Result<Self, ExportError> {
        let cloud = Cloud::new(folder, shard, MANIFEST).map_err(ExportError::Temporary)?;
        Ok(Self {
            work: cloud.work().to_owned(),
            place: Place::Cloud(Arc::new(cloud)),
            parts: Arc::default(),
            disk: Disk::new().map_err(ExportError::Folder)?,
            locks: Arc::new([]),
        })
    }

    /// Does what may take a while to answer on a thread that may wait.
    pub(super) async fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ExportError> + Send + 'static,
    ) -> Result<T, ExportError> {
        let folder = self.clone();
        thread::begin(move || work(&folder))?.end().await?
    }

    /// Waits until nothing is at work in it of what nobody waits for any more.
    pub(super) async fn settle(&self) -> Result<(), ExportError> {
        self.wait(|folder| {
            folder.disk.settle();
            Ok(())
        })
        .await
    }

    /// Says that this process writes from here on, once it is certain that it may. A disk's locks say so from the first.
    pub(super) fn claim(&self) -> io::Result<()> {
        match &self.place {
            Place::Disk(_) => Ok(()),
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => cloud.claim(),
        }
    }

    /// Sees that this process is still the one that writes: it is looked at before each change.
    pub(super) fn look(&self) -> io::Result<()> {
        match &self.place {
            Place::Disk(_) => Ok(()),
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => cloud.look(),
        }
    }

    /// What tells one writing of a file from any other, of this run as well, where several may write at the same time; nothing
    /// where none may.
    pub(super) fn mark(&self) -> Option<String> {
        match &self.place {
            Place::Disk(_) => None,
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => {
                let number = self.parts.fetch_add(1, Ordering::Relaxed);
                Some(format!("{}-{number}", cloud.id()))
            }
        }
    }

    /// Whether this run wrote what is so marked.
    pub(super) fn is_own(&self, mark: Option<&str>) -> bool {
        match &self.place {
            Place::Disk(_) => mark.is_none(),
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => mark.is_some_and(|mark| mark.starts_with(cloud.id())),
        }
    }

    /// Removes what a run needs on this machine while it runs.
    pub(super) fn close(&self) -> io::Result<()> {
        remove_folder(&self.work)?;
        let root = match &self.place {
            Place::Disk(root) => root,
            #[cfg(feature = "cloud")]
            Place::Cloud(_) => return Ok(()),
        };
        // Others may be at work in it.
        match fs::remove_dir(root.join(WORK)).map_err(|error| (error.kind(), error)) {
            Ok(()) | Err((io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound, _)) => Ok(()),
            Err((_, error)) => Err(error),
        }
    }

    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    /// A new file that is removed when it is dropped, unless it is kept.
    pub(super) fn begin(&self) -> io::Result<Part> {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        let path = self.work.join(format!("{number}.part"));
        Part::create(path, Arc::clone(&self.locks), self.disk.clone())
    }

    /// The same, with a disk of which a test knows what it does.
    #[cfg(test)]
    pub(super) fn on(mut self, disk: Disk) -> Self {
        self.disk = disk;
        self
    }

    /// One whose bytes go elsewhere.
    #[cfg(test)]
    pub(super) fn begin_on(&self, file: File) -> io::Result<Part> {
        Ok(self.begin()?.with_file(file))
    }

    /// Writes a whole file.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let mut part = self.begin()?;
        part.write_all(content)?;
        self.keep(part, path)
    }

    /// Makes another one of a whole file, of what it holds now: no other process does so meanwhile, or what makes it is asked
    /// again. Tells which version it is; nothing where the file is to stay as it is.
    pub(super) fn swap(
        &self,
        path: &str,
        mut next: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, ExportError>,
    ) -> Result<Option<Version>, ExportError> {
        let _lock = self.lock_swaps().map_err(ExportError::Folder)?;
        for _ in 0..MOST_SWAPS {
            let (now, seen) = self.seen(path).map_err(ExportError::of_folder)?;
            let Some(next) = next(now)? else {
                return Ok(None);
            };
            let replaced = self.replace(path, &next, seen);
            if let Some(version) = replaced.map_err(ExportError::of_folder)? {
                return Ok(Some(version));
            }
        }
        Err(ExportError::Changed)
    }

    /// On a disk, it is let go with the file.
    fn lock_swaps(&self) -> io::Result<Option<File>> {
        let root = match &self.place {
            Place::Disk(root) => root,
            #[cfg(feature = "cloud")]
            Place::Cloud(_) => return Ok(None),
        };
        let lock = lock_file(&root.join(MANIFEST).join(SWAP_LOCK))?;
        lock.lock()?;
        Ok(Some(lock))
    }

    /// What a file holds, if it is there, and which version of it that is.
    fn seen(&self, path: &str) -> io::Result<(Option<Vec<u8>>, Version)> {
        #[cfg(feature = "cloud")]
        if let Place::Cloud(cloud) = &self.place {
            let (content, version) = cloud.seen(path)?.unzip();
            return Ok((content, Version(version)));
        }
        Ok((self.read(path)?, Version::default()))
    }

    /// Writes a whole file in the place of the version that was seen, or where none was, and tells which version it is;
    /// nothing where another came in between. Whether this run may still write is for the caller to look at.
    pub(super) fn replace(
        &self,
        path: &str,
        content: &[u8],
        seen: Version,
    ) -> io::Result<Option<Version>> {
        #[cfg(feature = "cloud")]
        if let Place::Cloud(cloud) = &self.place {
            let version = cloud.replace(path, content, seen.0)?;
            return Ok(version.map(|version| Version(Some(version))));
        }
        self.write(path, content)?;
        Ok(Some(seen))
    }

    /// Writes a whole file, unless there is one already.
    pub(super) fn write_new(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let root = match &self.place {
            Place::Disk(root) => root,
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => return cloud.put_new(path, content),
        };
        let mut part = self.begin()?;
        part.write_all(content)?;
        let whole = part.end()?.wait()?;
        let target = root.join(path);
        // Unlike a rename, a link takes nobody's place.
        match fs::hard_link(whole.path(), &target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => sync_parent(&target),
        }
    }

    /// Puts a file into its place, where it stays even after a crash.
    pub(super) fn keep(&self, part: Part, path: &str) -> io::Result<()> {
        self.keep_all(vec![(part.end()?, path.to_owned())])
    }

    /// Puts files into their places, where they stay even after a crash. None is there before all of it is.
    pub(super) fn keep_all(&self, files: Vec<(Ended, String)>) -> io::Result<()> {
        let files = files.into_iter();
        let files = files.map(|(file, path)| Ok((file.wait()?, path)));
        let files = files.collect::<io::Result<_>>()?;
        match &self.place {
            Place::Disk(root) => rename_all(root, files),
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => cloud.put_all(files),
        }
    }

    /// What a file holds; nothing where it is not there.
    pub(super) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let content = self.read_all(&[path.to_owned()])?;
        Ok(content.into_iter().next().flatten())
    }

    /// What files hold, each in its turn; nothing where one is not there.
    pub(super) fn read_all(&self, paths: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let root = match &self.place {
            Place::Disk(root) => root,
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => return cloud.read_all(paths),
        };
        let read = paths.iter().map(|path| match fs::read(root.join(path)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        read.collect()
    }

    /// Where it is on this machine.
    pub(super) fn path(&self, path: &str) -> io::Result<PathBuf> {
        Ok(self.root()?.join(path))
    }

    /// The names of what is in a folder on this machine; none where it is not there.
    pub(super) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(path)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let names: io::Result<Vec<Option<String>>> = names.collect();
        Ok(names?.into_iter().flatten().collect())
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, path: &str) -> io::Result<bool> {
        let length = self.lengths(&[path.to_owned()])?;
        Ok(length.into_iter().flatten().next().is_some())
    }

    /// How long files are, each in its turn; nothing where one is not there.
    pub(super) fn lengths(&self, paths: &[String]) -> io::Result<Vec<Option<u64>>> {
        let root = match &self.place {
            Place::Disk(root) => root,
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => return cloud.lengths(paths),
        };
        let lengths = paths
            .iter()
            .map(|path| match fs::metadata(root.join(path)) {
                Ok(file) => Ok(file.is_file().then_some(file.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            });
        lengths.collect()
    }

    /// How long the files in a folder are, by their paths; none where it is not there.
    pub(super) fn files(&self, folder: &str) -> io::Result<BTreeMap<String, u64>> {
        #[cfg(feature = "cloud")]
        if let Place::Cloud(cloud) = &self.place {
            return cloud.files(folder);
        }
        let names = self.list(folder)?.into_iter();
        let paths: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
        let lengths = self.lengths(&paths)?;
        let files = paths.into_iter().zip(lengths);
        Ok(files
            .filter_map(|(path, length)| Some((path, length?)))
            .collect())
    }

    /// Removes files, where they are there.
    pub(super) fn remove_all(&self, paths: &[String]) -> io::Result<()> {
        match &self.place {
            Place::Disk(_) => paths.iter().try_for_each(|path| self.remove(path)),
            #[cfg(feature = "cloud")]
            Place::Cloud(cloud) => cloud.remove_all(paths),
        }
    }

    /// Removes a file on this machine, or a folder with all that is in it, if it is there.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path)?;
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Err(_) => Ok(()),
            Ok(()) => sync_parent(&path),
        }
    }

    /// The folder on this machine, which a synchronization needs: it reads again what it wrote.
    #[cfg_attr(
        not(feature = "cloud"),
        expect(clippy::unnecessary_wraps, reason = "there are other places")
    )]
    fn root(&self) -> io::Result<&Path> {
        match &self.place {
            Place::Disk(root) => Ok(root),
            #[cfg(feature = "cloud")]
            Place::Cloud(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Whether a text is an address such as `s3://bucket/folder`, of which a folder of that very name would be made.
fn is_address(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.chars().all(|char| char.is_ascii_alphanumeric()))
}

fn taken(locked: Result<(), fs::TryLockError>) -> Result<(), ExportError> {
    locked.map_err(|error| match error {
        fs::TryLockError::WouldBlock => ExportError::InUse,
        fs::TryLockError::Error(error) => ExportError::Folder(error),
    })
}

fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_takes_all_removes_what_killed_shards_left() {
        let root = tempfile::TempDir::new().unwrap();
        let work = root.path().join(WORK);
        fs::create_dir_all(work.join("2-of-2")).unwrap();
        drop(Folder::open(root.path(), "1/2".parse().unwrap()).unwrap());
        assert!(work.join("2-of-2").exists());
        let all = Folder::open(root.path(), Shard::ALL).unwrap();
        all.close().unwrap();
        assert!(!work.exists());
    }

    /// What cannot be asked for may be there, and would be read again for nothing.
    #[cfg(unix)]
    #[test]
    fn a_file_of_which_the_system_cannot_tell_is_not_taken_for_gone() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = Folder::open(root.path(), Shard::ALL).unwrap();
        folder.write("file", b"1").unwrap();
        let lengths = |paths: [&str; 2]| folder.lengths(&paths.map(str::to_owned));
        assert_eq!(lengths(["file", "gone"]).unwrap(), [Some(1), None]);
        // No system has names that are so long.
        assert!(lengths(["file", &"long".repeat(1_000)]).is_err());
    }

    /// What one makes of a file is not made of what it was before another one did.
    #[test]
    fn who_makes_another_one_of_a_file_makes_it_of_what_it_is() {
        let root = tempfile::TempDir::new().unwrap();
        let [one, other] = ["1/2", "2/2"].map(|shard| {
            let shard = shard.parse().unwrap();
            Folder::open(root.path(), shard).unwrap()
        });
        let add = |content: Option<Vec<u8>>, more: u8| {
            let mut content = content.unwrap_or_default();
            content.push(more);
            Ok(Some(content))
        };
        thread::scope(|scope| {
            let first = one.swap("file", |content| {
                scope.spawn(|| other.swap("file", |content| add(content, b'2')).unwrap());
                // The other one would be through by now.
                thread::sleep(Duration::from_millis(100));
                add(content, b'1')
            });
            first.unwrap();
        });
        assert_eq!(one.read("file").unwrap().as_deref(), Some(&b"12"[..]));
        one.swap("file", |_| Ok(None)).unwrap();
        assert_eq!(other.read("file").unwrap().as_deref(), Some(&b"12"[..]));
    }
}
