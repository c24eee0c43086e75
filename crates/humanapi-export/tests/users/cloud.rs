//! Exports to object stores: the same files as in a folder, whatever moment the store is lost at, and one who writes.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use humanapi_export::{
    CloudError, CloudFolder, Export, ExportError, Format, Shard, Summary, Synchronization,
};
use humanapi_testing::client::{CursorStore, MemoryCursorStore};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::{ForTests as _, OfflineSandbox};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};

use crate::sandbox::people;
use crate::{KEY, content, run};

const FOLDER: &str = "exports/2026";

/// What happens as an object is put or removed, where anything does.
#[async_trait]
trait Meddling: Send + Sync + 'static {
    /// Says whether it is done, and what is told then. Nothing: what the store says.
    async fn change(&self, path: &Path) -> (bool, Result<()>);

    /// Whether the store can still be asked.
    fn is_there(&self) -> bool {
        true
    }
}

/// A store that something meddles with.
struct Meddled<M> {
    store: Arc<InMemory>,
    with: Arc<M>,
}

impl<M> Clone for Meddled<M> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            with: Arc::clone(&self.with),
        }
    }
}

impl<M> fmt::Debug for Meddled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddled")
    }
}

impl<M> fmt::Display for Meddled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddled")
    }
}

/// What a store tells that is gone, and would show if anybody kept it.
fn lost() -> Error {
    Error::Generic {
        store: "test",
        source: "AWSSecretAccessKey=secret-canary".into(),
    }
}

impl<M: Meddling> Meddled<M> {
    async fn change<T>(&self, path: &Path, change: impl Future<Output = Result<T>>) -> Result<T> {
        let (is_done, told) = self.with.change(path).await;
        let done = match is_done {
            true => change.await,
            false => Err(lost()),
        };
        told.and(done)
    }

    fn ask(&self) -> Result<()> {
        match self.with.is_there() {
            true => Ok(()),
            false => Err(lost()),
        }
    }
}

#[async_trait]
impl<M: Meddling> ObjectStore for Meddled<M> {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.store.put_opts(path, payload, options);
        self.change(path, put).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let begun = self.store.put_multipart_opts(path, options);
        self.change(path, begun).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.ask()?;
        self.store.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let deleted = paths.then(move |path| {
            let store = store.clone();
            async move {
                let path = path?;
                store.change(&path, store.store.delete(&path)).await?;
                Ok(path)
            }
        });
        deleted.boxed()
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.ask() {
            Ok(()) => self.store.list(below),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Result<ListResult> {
        self.ask()?;
        self.store.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// From a certain change on, whoever has it has it no more: as if the process had been killed then.
struct Lost {
    changes: AtomicUsize,
    at: usize,
    /// Whether that very change is still done, and only its answer lost.
    is_done: bool,
}

#[async_trait]
impl Meddling for Lost {
    async fn change(&self, _: &Path) -> (bool, Result<()>) {
        let number = self.changes.fetch_add(1, Ordering::Relaxed);
        match number < self.at {
            true => (true, Ok(())),
            false => (number == self.at && self.is_done, Err(lost())),
        }
    }

    fn is_there(&self) -> bool {
        self.changes.load(Ordering::Relaxed) <= self.at
    }
}

/// One put is as slow as is said, and tells when it began.
struct Slow {
    path: &'static str,
    began: Semaphore,
    goes_on: Semaphore,
    /// How many changes came after it went on.
    after: AtomicUsize,
    /// Told as nobody has the store any more.
    left: Arc<Semaphore>,
}

impl Slow {
    fn at(path: &'static str) -> Self {
        Self {
            path,
            began: Semaphore::new(0),
            goes_on: Semaphore::new(0),
            after: AtomicUsize::new(0),
            left: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.left.add_permits(1);
    }
}

#[async_trait]
impl Meddling for Slow {
    async fn change(&self, path: &Path) -> (bool, Result<()>) {
        if self.goes_on.available_permits() > 0 {
            self.after.fetch_add(1, Ordering::Relaxed);
        } else if path.as_ref().ends_with(self.path) {
            self.began.add_permits(1);
            let _permit = self.goes_on.acquire().await;
        }
        (true, Ok(()))
    }
}

fn export(sandbox: &OfflineSandbox, format: Format) -> Export {
    let kinds = ["data.activities", "data.ccds", "data.profile"];
    let routes = Export::all_resources().filter(move |route| kinds.contains(&route.name));
    Export::new(sandbox.client(), format)
        .with_key(KEY)
        .with_buckets(2)
        .with_resources(routes)
        .with_documents(ReportFormat::Json)
}

async fn run_in(
    export: Export,
    users: &[String],
    store: Arc<dyn ObjectStore>,
) -> Result<Summary, ExportError> {
    let users = users.iter().map(|user| Ok(user.as_str().into()));
    let folder = CloudFolder::new(store, FOLDER).unwrap();
    export
        .run_in_cloud(stream::iter(users), folder, pending())
        .await
}

/// What is in a store, but for the time at which it was written.
async fn there(store: &InMemory) -> BTreeMap<String, Vec<u8>> {
    let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    let mut all = BTreeMap::new();
    for object in objects {
        let path = object.location.as_ref().strip_prefix(FOLDER).unwrap();
        if path == "/_manifest/export.json" || path.starts_with("/_manifest/.writer-") {
            continue;
        }
        let content = store.get(&object.location).await.unwrap();
        let content = content.bytes().await.unwrap();
        all.insert(path[1..].to_owned(), content.into());
    }
    all
}

async fn paths(store: &InMemory) -> Vec<String> {
    let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    let paths = objects
        .iter()
        .map(|object| object.location.as_ref().to_owned());
    paths.collect()
}

#[tokio::test]
async fn a_store_gets_what_a_folder_gets_and_nothing_of_a_user_is_in_a_path() {
    let (sandbox, users) = people(6);
    let folder = TempDir::new().unwrap();
    let first = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    let first = first.unwrap();
    assert!(first.whole && first.documents > 0, "{first:?}");
    let expected = content(folder.path());

    let store = Arc::new(InMemory::new());
    let summary = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
    assert_eq!(summary.unwrap(), first);
    let paths = paths(&store).await;
    assert!(paths.iter().all(|path| !path.contains("canary")));
    assert!(!paths.iter().any(|path| path.contains(".writer-")));
    assert!(paths.contains(&format!("{FOLDER}/_manifest/export.json")));
    let there = there(&store).await;
    let there = there
        .into_iter()
        .map(|(path, content)| (path.into(), content));
    assert!(there.collect::<BTreeMap<_, _>>() == expected);

    let disk = TempDir::new().unwrap();
    let store = LocalFileSystem::new_with_prefix(disk.path()).unwrap();
    run_in(export(&sandbox, Format::Ndjson), &users, Arc::new(store))
        .await
        .unwrap();
    assert!(content(&disk.path().join(FOLDER)) == expected);
}

/// At each change that a run makes to the store: as if it was killed before it, and as if it was killed after it.
#[tokio::test]
async fn wherever_the_store_is_lost_the_same_export_again_comes_to_what_one_run_comes_to() {
    // Of the others each has many documents, each of which is a change.
    let (sandbox, users) = people(6);
    let users = [&users[..1], &users[3..4]].concat();
    let store = Arc::new(InMemory::new());
    run_in(export(&sandbox, Format::Ndjson), &users, store.clone())
        .await
        .unwrap();
    let expected = there(&store).await;
    let is_document = |path: &&String| path.starts_with("documents=");
    assert!(expected.keys().any(|path| is_document(&path)));
    assert!((9..30).contains(&expected.len()), "{}", expected.len());
    for at in 0.. {
        let mut ended = 0;
        for is_done in [false, true] {
            let store = Arc::new(InMemory::new());
            let meddled = Meddled {
                store: Arc::clone(&store),
                with: Arc::new(Lost {
                    changes: AtomicUsize::new(0),
                    at,
                    is_done,
                }),
            };
            let lost = run_in(
                export(&sandbox, Format::Ndjson),
                &users,
                Arc::new(meddled.clone()),
            );
            match lost.await {
                Err(ExportError::Cloud(error)) => assert_eq!(error, CloudError::Failed),
                other => {
                    assert!(other.unwrap().whole);
                    assert!(meddled.with.changes.load(Ordering::Relaxed) <= at);
                    ended += 1;
                }
            }
            let left = there(&store).await;
            for (path, content) in &left {
                let is_as_expected = expected.get(path) == Some(content);
                assert!(is_as_expected, "{path} is torn at {at}");
                if path.starts_with("_manifest/bucket-") {
                    let manifest: serde_json::Value = serde_json::from_slice(content).unwrap();
                    let mut files = manifest["files"].as_array().unwrap().iter();
                    assert!(
                        files.all(|file| left.contains_key(file["path"].as_str().unwrap())),
                        "{path} tells of what is not there at {at}"
                    );
                }
            }
            let again = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
            let again = again.unwrap();
            assert!(again.whole, "{again:?}");
            assert!(there(&store).await == expected, "{at}");
            let paths = paths(&store).await;
            assert!(!paths.iter().any(|path| path.contains(".writer-")));
        }
        if ended > 0 {
            assert_eq!(ended, 2);
            assert!(at > 16, "{at} changes are too few");
            return;
        }
    }
}

#[tokio::test]
async fn the_same_export_again_reads_nothing_that_is_whole_and_keeps_the_key_that_it_drew() {
    let (sandbox, users) = people(12);
    let store = Arc::new(InMemory::new());
    let resources = || {
        let of = Export::all_resources().filter(|route| route.name == "data.activities");
        Export::new(sandbox.client(), Format::Ndjson).with_resources(of)
    };
    let first = run_in(resources(), &users, store.clone()).await.unwrap();
    assert_eq!((first.whole, first.written, first.skipped), (true, 16, 0));
    let before = there(&store).await;
    assert!(before.contains_key("_manifest/key"));
    sandbox.control().clear_requests();
    let again = run_in(resources(), &users, store.clone()).await.unwrap();
    assert_eq!((again.whole, again.written, again.skipped), (true, 0, 16));
    assert_eq!(sandbox.control().requests().len(), 0);
    assert!(there(&store).await == before);

    let (gone, _) = before
        .iter()
        .find(|(path, _)| path.starts_with("resource="))
        .unwrap();
    let gone = Path::from(format!("{FOLDER}/{gone}"));
    store.delete(&gone).await.unwrap();
    let mended = run_in(resources(), &users, store.clone()).await.unwrap();
    assert_eq!((mended.whole, mended.written), (true, 1));
    assert!(there(&store).await == before);
}

/// The one that began last goes on; what began before it ends before it puts anything more.
#[tokio::test]
async fn of_two_that_write_the_same_one_goes_on_and_the_other_is_told() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let slow = Arc::new(Slow::at("bucket=0000/records.ndjson"));
        let meddled = Meddled {
            store: Arc::clone(&store),
            with: Arc::clone(&slow),
        };
        let first = spawn_local({
            let (export, users) = (export(&sandbox, Format::Ndjson), users.clone());
            async move { run_in(export, &users, Arc::new(meddled)).await }
        });
        let _began = slow.began.acquire().await.unwrap();
        let second = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
        assert!(second.unwrap().whole);
        let expected = there(&store).await;

        slow.goes_on.add_permits(100);
        let first = first.await.unwrap();
        let told = matches!(first, Err(ExportError::Cloud(CloudError::TakenOver)));
        assert!(told, "{first:?}");
        assert_eq!(slow.after.load(Ordering::Relaxed), 0);
        assert!(there(&store).await == expected);
    };
    LocalSet::new().run_until(test).await;
}

/// Nobody waits for it any more, and its last put may still be on its way.
#[tokio::test]
async fn an_export_that_is_dropped_in_the_middle_is_gone_on_with() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let slow = Arc::new(Slow::at("bucket=0001/records.ndjson"));
        let meddled = Meddled {
            store: Arc::clone(&store),
            with: Arc::clone(&slow),
        };
        let first = spawn_local({
            let (export, users) = (export(&sandbox, Format::Ndjson), users.clone());
            async move { run_in(export, &users, Arc::new(meddled)).await }
        });
        slow.began.acquire().await.unwrap().forget();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let second = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
        let second = second.unwrap();
        assert!(second.whole && second.skipped == 1, "{second:?}");
        let expected = there(&store).await;

        let left = Arc::clone(&slow.left);
        slow.goes_on.add_permits(100);
        drop(slow);
        // Its threads end by themselves.
        left.acquire().await.unwrap().forget();
        assert!(there(&store).await == expected);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn what_is_another_export_is_refused_and_takes_nothing_over() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let slow = Arc::new(Slow::at("_manifest/bucket-0001.json"));
        let meddled = Meddled {
            store: Arc::clone(&store),
            with: Arc::clone(&slow),
        };
        let running = spawn_local({
            let (export, users) = (export(&sandbox, Format::Ndjson), users.clone());
            async move { run_in(export, &users, Arc::new(meddled)).await }
        });
        slow.began.acquire().await.unwrap().forget();
        let other_key = humanapi_export::BucketKey::new([8; 32]);
        for (other, what) in [
            (export(&sandbox, Format::Csv), "a format"),
            (
                export(&sandbox, Format::Ndjson).with_key(other_key),
                "a key",
            ),
        ] {
            let refused = run_in(other, &users, store.clone()).await;
            assert!(matches!(refused, Err(ExportError::Other(other)) if other == what));
        }
        slow.goes_on.add_permits(100);
        assert!(running.await.unwrap().unwrap().whole);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn shards_share_a_folder_and_one_that_takes_all_ends_them() {
    let test = async {
        let (sandbox, users) = people(6);
        let store = Arc::new(InMemory::new());
        let shard = |text: &str| {
            let shard: Shard = text.parse().unwrap();
            export(&sandbox, Format::Ndjson).with_shard(shard)
        };
        let slow = Arc::new(Slow::at("bucket=0000/records.ndjson"));
        let meddled = Meddled {
            store: Arc::clone(&store),
            with: Arc::clone(&slow),
        };
        let first = spawn_local({
            let (export, users) = (shard("1/2"), users.clone());
            async move { run_in(export, &users, Arc::new(meddled)).await }
        });
        slow.began.acquire().await.unwrap().forget();
        let second = run_in(shard("2/2"), &users, store.clone()).await.unwrap();
        assert!(second.whole && second.written == 1, "{second:?}");
        let all = run_in(export(&sandbox, Format::Ndjson), &users, store.clone()).await;
        let all = all.unwrap();
        assert_eq!((all.whole, all.skipped, all.written), (true, 1, 1));
        slow.goes_on.add_permits(100);
        let first = first.await.unwrap();
        let told = matches!(first, Err(ExportError::Cloud(CloudError::TakenOver)));
        assert!(told, "{first:?}");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn an_error_holds_nothing_of_what_the_store_said() {
    let (sandbox, users) = people(2);
    let meddled = Meddled {
        store: Arc::new(InMemory::new()),
        with: Arc::new(Lost {
            changes: AtomicUsize::new(0),
            at: 0,
            is_done: false,
        }),
    };
    let failed = run_in(export(&sandbox, Format::Ndjson), &users, Arc::new(meddled)).await;
    let failed = failed.unwrap_err();
    let mut said = format!("{failed:?} {failed} {}", failed.remedy());
    let mut next = std::error::Error::source(&failed);
    while let Some(source) = next {
        said += &source.to_string();
        next = source.source();
    }
    assert!(!said.contains("canary"), "{said}");
}

/// Of an address that is taken for a path, a folder of that name would be made.
#[tokio::test]
async fn whatever_takes_a_folder_of_this_machine_refuses_an_address() {
    let (sandbox, users) = people(2);
    let address = std::path::Path::new("s3://example-bucket/exported");
    let refused = run(export(&sandbox, Format::Ndjson), &users, address).await;
    assert!(matches!(refused, Err(ExportError::Address)));
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let synchronization = Synchronization::new(sandbox.client(), cursors);
    let refused = crate::sync::run(synchronization, &users, address).await;
    assert!(matches!(refused, Err(ExportError::Address)));
    assert!(!std::path::Path::new("s3:").exists());
}
