//! Where the files of an export are once they are whole, in an object store.
//!
//! An object is in its place as a whole or not at all, so there is nothing to rename. What a disk's locks do, a claim does
//! here: an object that names who writes. It is looked at before each put, so whoever wrote it last goes on, and any other
//! ends with an error. A claim that a killed process left stops nobody.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, Result, UpdateVersion,
    WriteMultipart,
};
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use super::super::error::ExportError;
use super::super::key::Shard;
use super::super::part::{Whole, private_folder};
use super::{CloudError, CloudFolder};
use crate::keyed::hex;

/// How the name of a claim begins.
const CLAIM: &str = ".writer-";
/// So many small files are put at once, and with them so many times as much is in memory.
const PUTS_AT_ONCE: usize = 4;
/// So many questions of a few bytes are out at once.
const ASKED_AT_ONCE: usize = 32;
/// What is longer is put in parts.
const SMALL: u64 = 5 * 1024 * 1024;
/// How long a part is, unless there would be too many of them.
const PART: u64 = 8 * 1024 * 1024;
/// So often another process may be faster with a file that all of them write.
const MOST_SWAPS: u32 = 1_000;
/// So many parts may a file have; of all stores, S3 and Google Cloud Storage allow the fewest.
const MOST_PARTS: u64 = 10_000;

/// A folder in an object store. Everything here waits for the store, and so is called from threads that may wait.
pub(crate) struct Cloud {
    folder: CloudFolder,
    /// Tells this run from any other.
    id: String,
    /// Which claim is this run's, once it has one,
    shard: Shard,
    /// and the folder of all claims.
    claims: &'static str,
    /// Files until they are put. Removed with it.
    work: TempDir,
    /// The caller's may be busy or gone while threads that it does not know of still put files. Nothing, once it is dropped.
    runtime: Option<Runtime>,
}

impl Cloud {
    pub(crate) fn new(folder: CloudFolder, shard: Shard, claims: &'static str) -> io::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        // Of two threads, so that what is out is seen to while nobody waits for it.
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("humanapi-export-cloud")
            .enable_all()
            .build()?;
        Ok(Self {
            folder,
            id: hex(&id),
            shard,
            claims,
            work: private_folder().tempdir()?,
            runtime: Some(runtime),
        })
    }

    pub(crate) fn work(&self) -> &path::Path {
        self.work.path()
    }

    /// Says that this run writes from here on, and ends any other that would write the same.
    pub(crate) fn claim(&self) -> io::Result<()> {
        self.wait(async {
            let id = PutPayload::from(self.id.clone());
            self.store().put(&self.at(&self.own_claim()), id).await?;
            let others = match self.shard {
                // Processes with a shard each share the folder; one that takes all has it for itself.
                Shard::ALL => self.claims().await?,
                _ => vec![self.claim_of(Shard::ALL)],
            };
            for other in others {
                if other != self.own_claim() {
                    self.delete(&self.at(&other)).await?;
                }
            }
            Ok(())
        })
    }

    /// Takes the claim back, where it is still this run's.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.wait(async {
            match self.is_ours().await? {
                true => self.delete(&self.at(&self.own_claim())).await,
                false => Ok(()),
            }
        })
    }

    /// Puts files into their places, several at once.
    pub(crate) fn put_all(&self, files: Vec<(Whole, String)>) -> io::Result<()> {
        let (small, large): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(file, _)| file.bytes <= SMALL);
        self.wait(async {
            let puts = small.into_iter().map(async |(file, path)| {
                let content = fs::read(file.path())?;
                self.is_still_ours().await?;
                let put = self.store().put(&self.at(&path), content.into()).await;
                put.map(drop).map_err(Stopped::from)
            });
            let puts = stream::iter(puts).buffer_unordered(PUTS_AT_ONCE);
            puts.try_collect::<()>().await?;
            for (file, path) in large {
                self.put_in_parts(&file, &self.at(&path)).await?;
            }
            Ok(())
        })
    }

    /// Two parts are out at once, while the next is read.
    async fn put_in_parts(&self, file: &Whole, path: &Path) -> Result<(), Stopped> {
        let mut from = File::open(file.path())?;
        let part = PART.max(file.bytes.div_ceil(MOST_PARTS));
        let part = usize::try_from(part).map_err(io::Error::other)?;
        let upload = self.store().put_multipart(path).await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, part);
        let mut piece = vec![0; 256 * 1024];
        let put = async {
            loop {
                let read = from.read(&mut piece)?;
                if read == 0 {
                    // The object is there from the next answer on.
                    return self.is_still_ours().await;
                }
                upload.wait_for_capacity(2).await?;
                upload.write(&piece[..read]);
            }
        };
        match put.await {
            Ok(()) => upload.finish().await.map(drop).map_err(Stopped::from),
            Err(stopped) => {
                // What cannot be taken back now, the store's own rule for such parts removes.
                let _ = upload.abort().await;
                Err(stopped)
            }
        }
    }

    /// Puts a file, unless there is one already.
    pub(crate) fn put_new(&self, path: &str, content: &[u8]) -> io::Result<()> {
        self.wait(async {
            let (path, content) = (self.at(path), PutPayload::from(content.to_vec()));
            let put = self
                .store()
                .put_opts(&path, content, PutMode::Create.into());
            match put.await {
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
                Err(error) => Err(error.into()),
                Ok(_) => Ok(()),
            }
        })
    }

    /// Makes another one of a file, of what it holds now, and again where another process was faster.
    pub(crate) fn swap(
        &self,
        path: &str,
        mut next: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, ExportError>,
    ) -> Result<(), ExportError> {
        for _ in 0..MOST_SWAPS {
            let now = self.wait(self.get_version(path));
            let (content, mode) = match now.map_err(ExportError::of_folder)? {
                Some((content, version)) => (Some(content), PutMode::Update(version)),
                None => (None, PutMode::Create),
            };
            let Some(next) = next(content)? else {
                return Ok(());
            };
            let put = self.wait(self.put_if(&self.at(path), next.into(), mode));
            if put.map_err(ExportError::of_folder)? {
                return Ok(());
            }
        }
        Err(CloudError::Failed.into())
    }

    async fn get_version(&self, path: &str) -> Result<Option<(Vec<u8>, UpdateVersion)>, Stopped> {
        let Some(object) = there(self.store().get(&self.at(path)).await)? else {
            return Ok(None);
        };
        let version = UpdateVersion {
            e_tag: object.meta.e_tag.clone(),
            version: object.meta.version.clone(),
        };
        let content = there(object.bytes().await)?;
        Ok(content.map(|content| (content.into(), version)))
    }

    /// Puts a file where it is as it was, and says whether it was.
    async fn put_if(
        &self,
        path: &Path,
        content: PutPayload,
        mode: PutMode,
    ) -> Result<bool, Stopped> {
        self.is_still_ours().await?;
        let put = self.store().put_opts(path, content.clone(), mode.into());
        match put.await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            // Many words tell that a store knows no such condition. What else went wrong goes wrong once more.
            Err(_) => {
                self.store().put(path, content).await?;
                Ok(true)
            }
        }
    }

    /// What files hold; nothing where one is not there.
    pub(crate) fn read_all(&self, paths: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        self.wait(async {
            let read = paths.iter().map(|path| self.get(path));
            let read = stream::iter(read).buffered(ASKED_AT_ONCE);
            read.try_collect().await
        })
    }

    /// How long files are; nothing where one is not there.
    pub(crate) fn lengths(&self, paths: &[String]) -> io::Result<Vec<Option<u64>>> {
        self.wait(async {
            let lengths = paths.iter().map(async |path| {
                let head = self.store().head(&self.at(path)).await;
                Ok(there(head)?.map(|head| head.size))
            });
            let lengths = stream::iter(lengths).buffered(ASKED_AT_ONCE);
            lengths.try_collect().await
        })
    }

    /// Removes a file, or all that is below a folder.
    pub(crate) fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        self.wait(async {
            self.is_still_ours().await?;
            self.delete(&path).await?;
            let below = self.store().list(Some(&path));
            let below = below.map_ok(|object| object.location).boxed();
            let mut removed = self.store().delete_stream(below);
            while let Some(removed) = removed.next().await {
                there(removed)?;
            }
            Ok(())
        })
    }

    /// Whether nobody has taken the folder over.
    async fn is_ours(&self) -> Result<bool, Stopped> {
        let claim = self.get(&self.own_claim()).await?;
        Ok(claim.as_deref() == Some(self.id.as_bytes()))
    }

    async fn is_still_ours(&self) -> Result<(), Stopped> {
        match self.is_ours().await? {
            true => Ok(()),
            false => Err(Stopped(CloudError::TakenOver.into())),
        }
    }

    /// The claims of all who write, or were killed while they did.
    async fn claims(&self) -> Result<Vec<String>, Stopped> {
        let mut objects = self.store().list(Some(&self.at(self.claims)));
        let mut claims = Vec::new();
        while let Some(object) = objects.next().await {
            let object = object?;
            let name = object.location.filename().unwrap_or_default();
            if name.starts_with(CLAIM) {
                claims.push(format!("{}/{name}", self.claims));
            }
        }
        Ok(claims)
    }

    fn own_claim(&self) -> String {
        self.claim_of(self.shard)
    }

    fn claim_of(&self, shard: Shard) -> String {
        format!("{}/{CLAIM}{}", self.claims, shard.name())
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Stopped> {
        match there(self.store().get(&self.at(path)).await)? {
            Some(object) => match there(object.bytes().await)? {
                Some(content) => Ok(Some(content.into())),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    async fn delete(&self, path: &Path) -> Result<(), Stopped> {
        there(self.store().delete(path).await)?;
        Ok(())
    }

    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.folder.store
    }

    fn at(&self, path: &str) -> Path {
        let (prefix, path) = (&self.folder.prefix, Path::from(path));
        prefix.parts().chain(path.parts()).collect()
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Stopped>>) -> io::Result<T> {
        let runtime = self.runtime.as_ref().ok_or(io::ErrorKind::Other)?;
        runtime.block_on(work).map_err(|stopped| stopped.0)
    }
}

/// What is there, if it is.
fn there<T>(answer: Result<T>) -> Result<Option<T>, Stopped> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Why work was not done.
struct Stopped(io::Error);

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self(CloudError::of(&error).into())
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Who drops it may be a runtime's thread, which may not wait.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use object_store::memory::InMemory;

    use super::super::super::folder::Folder;
    use super::*;

    /// All of it is put in parts, of which there is one more than fills the last but one.
    #[test]
    fn a_long_file_is_put_in_parts_and_comes_as_a_whole() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let cloud = CloudFolder::new(Arc::clone(&store), "exported").unwrap();
        let folder = Folder::in_cloud(cloud.clone(), Shard::ALL).unwrap();
        folder.claim().unwrap();
        let content: Vec<u8> = (0..PART * 2 + 1).map(|at| (at % 251) as u8).collect();
        let mut part = folder.begin().unwrap();
        part.write_all(&content).unwrap();
        folder.keep(part, "resource=a/records.csv").unwrap();
        let there = folder.read("resource=a/records.csv").unwrap();
        assert!(there.as_deref() == Some(content.as_slice()));

        // Who has lost the folder puts nothing into it, however long that took.
        let mut part = folder.begin().unwrap();
        part.write_all(&content[1..]).unwrap();
        let other = Folder::in_cloud(cloud, Shard::ALL).unwrap();
        other.claim().unwrap();
        let refused = folder.keep(part, "resource=a/records.csv").unwrap_err();
        let refused = refused.downcast::<CloudError>().unwrap();
        assert_eq!(refused, CloudError::TakenOver);
        let there = folder.read("resource=a/records.csv").unwrap();
        assert!(there.as_deref() == Some(content.as_slice()));
        other.close().unwrap();
    }

    /// What one makes of a file is not made of what it was before another one did, which is asked for once more then.
    #[test]
    fn who_makes_another_one_of_a_file_makes_it_of_what_it_is() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let [one, other] = ["1/2", "2/2"].map(|shard| {
            let cloud = CloudFolder::new(Arc::clone(&store), "exported").unwrap();
            let folder = Folder::in_cloud(cloud, shard.parse().unwrap()).unwrap();
            folder.claim().unwrap();
            folder
        });
        let add = |content: Option<Vec<u8>>, more: u8| {
            let mut content = content.unwrap_or_default();
            content.push(more);
            Ok(Some(content))
        };
        // Where there is none yet, and where there is one.
        for expected in ["21", "2121"] {
            let mut asked = 0;
            let first = one.swap("file", |content| {
                asked += 1;
                if asked == 1 {
                    other.swap("file", |content| add(content, b'2')).unwrap();
                }
                add(content, b'1')
            });
            first.unwrap();
            assert_eq!(asked, 2);
            let there = one.read("file").unwrap();
            assert_eq!(there.as_deref(), Some(expected.as_bytes()));
        }
        for folder in [one, other] {
            folder.close().unwrap();
        }
    }
}
