//! Where the files of an export are once they are whole, in an object store.
//!
//! An object is in its place as a whole or not at all, so there is nothing to rename. What a disk's locks do, a claim does
//! here: an object that names who writes. It is looked at before each change, so whoever wrote it last goes on, and any other
//! ends with an error. No claim is ever removed: one that names a run which has ended stops nobody, and a removal could take
//! that of a run which has just begun.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use object_store::path::Path;
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, Result,
    UpdateVersion, WriteMultipart,
};
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};
use tokio::time::sleep;

use super::super::key::Shard;
use super::super::part::{Whole, private_folder};
use super::{CloudError, CloudFolder};
use crate::keyed::hex;

/// So long is waited before what had no answer is put once more, and each time twice as long.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
/// How the name of a claim begins.
const CLAIM: &str = ".writer-";
/// So many small files are put at once, and with them so many times as much is in memory.
const PUTS_AT_ONCE: usize = 4;
/// So many questions of a few bytes are out at once.
const ASKED_AT_ONCE: usize = 32;
/// So many objects are removed before the claim is looked at again; S3 takes as many in one request.
const REMOVED_AT_ONCE: usize = 1_000;
/// So many names of hosts are looked up at once, each on a thread that waits for it.
const LOOKED_UP_AT_ONCE: usize = 4;
/// How many threads there are: those, and one that works.
pub(crate) const THREADS: usize = 1 + LOOKED_UP_AT_ONCE;
/// What is longer is put in parts.
const SMALL: u64 = 5 * 1024 * 1024;
/// How long a part is, unless there would be too many of them.
const PART: u64 = 8 * 1024 * 1024;
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
        let work = private_folder().tempdir()?;
        // Of two threads, so that what is out is seen to while nobody waits for it.
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(LOOKED_UP_AT_ONCE)
            .thread_name("humanapi-export-cloud")
            .enable_all()
            .build()?;
        // From here on nothing fails: a runtime that is dropped as it is would wait, on a thread which may not.
        Ok(Self {
            folder,
            id: hex(&id),
            shard,
            claims,
            work,
            runtime: Some(runtime),
        })
    }

    /// What tells this run from any other.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn work(&self) -> &path::Path {
        self.work.path()
    }

    /// Says that this run writes from here on, and ends any other that would write the same.
    pub(crate) fn claim(&self) -> io::Result<()> {
        self.wait(async {
            let (own, id) = (self.claim_of(self.shard), PutPayload::from(self.id.clone()));
            self.store().put(&own, id).await?;
            let others = match self.shard {
                // Processes with a shard each share the folder; one that takes all has it for itself.
                Shard::ALL => self.claims().await?,
                _ => {
                    let all = self.store().head(&self.claim_of(Shard::ALL)).await;
                    there(all)?.into_iter().collect()
                }
            };
            for other in others {
                if other.location != own {
                    // One that is another by now is of a run that began later, and has ended this one.
                    let seen = Some(version(&other));
                    self.swap(&other.location, self.id.as_bytes(), seen).await?;
                }
            }
            Ok(())
        })
    }

    /// Sees that nobody has taken the folder over.
    pub(crate) fn look(&self) -> io::Result<()> {
        self.wait(self.is_still_ours())
    }

    /// Puts files into their places, several at once. None is on its way any more when this ends, however it does.
    pub(crate) fn put_all(&self, files: Vec<(Whole, String)>) -> io::Result<()> {
        let (small, large): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(file, _)| file.bytes <= SMALL);
        self.wait(async {
            let stopped = Cell::new(false);
            let puts = small.into_iter().map(async |(file, path)| {
                let content = fs::read(file.path())?;
                self.is_still_ours().await?;
                self.store().put(&self.at(&path), content.into()).await?;
                Ok(())
            });
            let puts = stream::iter(puts).take_while(|_| future::ready(!stopped.get()));
            let mut puts = pin!(puts.buffer_unordered(PUTS_AT_ONCE));
            let mut all: Result<(), Stopped> = Ok(());
            while let Some(put) = puts.next().await {
                stopped.set(stopped.get() || put.is_err());
                all = all.and(put);
            }
            all?;
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
                    // Once all parts but the last are there: from that one's answer on, the object is.
                    upload.wait_for_capacity(0).await?;
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

    /// What a file holds, and which version of it that is; nothing where it is not there.
    pub(crate) fn seen(&self, path: &str) -> io::Result<Option<(Vec<u8>, UpdateVersion)>> {
        self.wait(self.get(&self.at(path)))
    }

    /// Puts a file in the place of the version that was seen, or where none was, and tells which version it is; nothing where
    /// another came in between. The claim is not looked at.
    pub(crate) fn replace(
        &self,
        path: &str,
        content: &[u8],
        seen: Option<UpdateVersion>,
    ) -> io::Result<Option<UpdateVersion>> {
        self.wait(self.swap(&self.at(path), content, seen))
    }

    async fn swap(
        &self,
        path: &Path,
        content: &[u8],
        seen: Option<UpdateVersion>,
    ) -> Result<Option<UpdateVersion>, Stopped> {
        let payload = PutPayload::from(content.to_vec());
        let mut pauses = PAUSES.into_iter();
        loop {
            let mode = seen.clone().map_or(PutMode::Create, PutMode::Update);
            let put = self.store().put_opts(path, payload.clone(), mode.into());
            let put = match put.await {
                // The store knows no such condition.
                Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                    self.store().put(path, payload.clone()).await
                }
                put => put,
            };
            let unanswered = match put {
                Ok(put) => return Ok(Some(put.into())),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => None,
                // It may have come: what is put on a condition, `object_store` does not put again by itself.
                Err(error) if CloudError::of(&error) == CloudError::Unreachable => Some(error),
                Err(error) => return Err(error.into()),
            };
            // Where an answer was lost, it may be this very content that came in between.
            let (there, version) = self.get(path).await?.unzip();
            if there.as_deref() == Some(content) {
                return Ok(version);
            }
            match unanswered {
                Some(error) if version == seen => match pauses.next() {
                    Some(pause) => sleep(pause).await,
                    None => return Err(error.into()),
                },
                _ => return Ok(None),
            }
        }
    }

    /// What files hold; nothing where one is not there.
    pub(crate) fn read_all(&self, paths: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        self.wait(async {
            let read = paths.iter().map(async |path| {
                let there = self.get(&self.at(path)).await?;
                Ok(there.map(|(content, _)| content))
            });
            let read = stream::iter(read).buffered(ASKED_AT_ONCE);
            read.try_collect().await
        })
    }

    /// How long all files are that are below a folder, by their paths.
    pub(crate) fn files(&self, folder: &str) -> io::Result<BTreeMap<String, u64>> {
        let below = self.at(folder);
        self.wait(async {
            let files = self.store().list(Some(&below));
            let path = |file: ObjectMeta| {
                let parts = file.location.prefix_match(&below)?;
                let names: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
                Some((format!("{folder}/{}", names.join("/")), file.size))
            };
            let paths = files.map_ok(path).try_filter_map(future::ok);
            Ok(paths.try_collect().await?)
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

    /// Removes files, where they are there. None is on its way any more when this ends, however it does.
    pub(crate) fn remove_all(&self, paths: &[String]) -> io::Result<()> {
        self.wait(async {
            for some in paths.chunks(REMOVED_AT_ONCE) {
                self.is_still_ours().await?;
                let some: Vec<_> = some.iter().map(|path| Ok(self.at(path))).collect();
                let mut removed = self.store().delete_stream(stream::iter(some).boxed());
                let mut all: Result<(), Stopped> = Ok(());
                while let Some(removed) = removed.next().await {
                    // All of them are waited for, whatever became of one.
                    let removed = there(removed).map(drop);
                    all = all.and(removed);
                }
                all?;
            }
            Ok(())
        })
    }

    async fn is_still_ours(&self) -> Result<(), Stopped> {
        match self.get(&self.claim_of(self.shard)).await? {
            Some((claim, _)) if claim == self.id.as_bytes() => Ok(()),
            _ => Err(Stopped(CloudError::TakenOver.into())),
        }
    }

    /// The claims of all who write, or have written. Which version each of them is, not every store tells in a list.
    async fn claims(&self) -> Result<Vec<ObjectMeta>, Stopped> {
        let objects = self.store().list(Some(&self.at(self.claims)));
        let is_claim = |object: &ObjectMeta| {
            let name = object.location.filename().unwrap_or_default();
            future::ready(name.starts_with(CLAIM))
        };
        let listed: Vec<ObjectMeta> = objects.try_filter(is_claim).try_collect().await?;
        let claims = listed
            .iter()
            .map(async |claim| there(self.store().head(&claim.location).await));
        let claims = stream::iter(claims).buffered(ASKED_AT_ONCE);
        let claims: Vec<Option<ObjectMeta>> = claims.try_collect().await?;
        Ok(claims.into_iter().flatten().collect())
    }

    fn claim_of(&self, shard: Shard) -> Path {
        self.at(&format!("{}/{CLAIM}{}", self.claims, shard.name()))
    }

    async fn get(&self, path: &Path) -> Result<Option<(Vec<u8>, UpdateVersion)>, Stopped> {
        let Some(object) = there(self.store().get(path).await)? else {
            return Ok(None);
        };
        let version = version(&object.meta);
        let content = there(object.bytes().await)?;
        Ok(content.map(|content| (content.into(), version)))
    }

    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.folder.store
    }

    fn at(&self, path: &str) -> Path {
        // What a list told is not to be encoded once more.
        let path = Path::parse(path).unwrap_or_else(|_| Path::from(path));
        self.folder.prefix.parts().chain(path.parts()).collect()
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

fn version(object: &ObjectMeta) -> UpdateVersion {
    UpdateVersion {
        e_tag: object.e_tag.clone(),
        version: object.version.clone(),
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
