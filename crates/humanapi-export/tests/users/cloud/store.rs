//! Stores that something meddles with: one that is lost at a certain change, and one of which one step is slow.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};
use tokio::sync::Semaphore;

/// What happens as an object is put or removed, where anything does.
#[async_trait]
pub(super) trait Meddling: Send + Sync + 'static {
    /// Says whether it is done, and what is told then. Nothing: what the store says.
    async fn change(&self, path: &Path) -> (bool, Result<()>);

    /// Comes before objects are listed.
    async fn list(&self) {}

    /// Whether the store can still be asked.
    fn is_there(&self) -> bool {
        true
    }
}

/// A store that something meddles with.
pub(super) struct Meddled<M> {
    pub(super) store: Arc<InMemory>,
    pub(super) with: Arc<M>,
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
        let (store, below) = (self.clone(), below.cloned());
        let listed = async move {
            store.with.list().await;
            let there = store.ask();
            there.map(|()| store.store.list(below.as_ref()))
        };
        // As Google Cloud Storage, which tells in no list which version an object is.
        let without_version = |object: ObjectMeta| ObjectMeta {
            e_tag: None,
            version: None,
            ..object
        };
        let listed = stream::once(listed).try_flatten();
        listed.map_ok(without_version).boxed()
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
pub(super) struct Lost {
    changes: AtomicUsize,
    at: usize,
    /// Whether that very change is still done, and only its answer lost.
    is_done: bool,
}

impl Lost {
    pub(super) const fn at(at: usize, is_done: bool) -> Self {
        Self {
            changes: AtomicUsize::new(0),
            at,
            is_done,
        }
    }

    /// How many changes there were.
    pub(super) fn changes(&self) -> usize {
        self.changes.load(Ordering::Relaxed)
    }
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
        self.changes() <= self.at
    }
}

/// Of each three puts of a manifest, the first is done and its answer lost, and the second is lost itself.
pub(super) struct Unanswered {
    puts: AtomicUsize,
}

impl Unanswered {
    pub(super) const fn new() -> Self {
        Self {
            puts: AtomicUsize::new(0),
        }
    }

    pub(super) fn puts(&self) -> usize {
        self.puts.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Meddling for Unanswered {
    async fn change(&self, path: &Path) -> (bool, Result<()>) {
        let is_manifest = path.as_ref().contains("/_manifest/") && path.extension() == Some("json");
        let number = match is_manifest {
            true => self.puts.fetch_add(1, Ordering::Relaxed) % 3,
            false => 2,
        };
        let no_answer = Error::Generic {
            store: "test",
            source: HttpError::new(HttpErrorKind::Timeout, fmt::Error).into(),
        };
        match number {
            2 => (true, Ok(())),
            number => (number == 0, Err(no_answer)),
        }
    }
}

type IsSlow = dyn Fn(usize, &str) -> bool + Send + Sync;

/// One change or list is as slow as is said, and tells when it began.
pub(super) struct Slow {
    is_slow: Box<IsSlow>,
    /// How many there were until it began.
    before: AtomicUsize,
    pub(super) began: Semaphore,
    pub(super) goes_on: Semaphore,
    /// How many changes came after it went on.
    pub(super) after: AtomicUsize,
    /// Told as nobody has the store any more.
    pub(super) left: Arc<Semaphore>,
}

impl Slow {
    /// Where an object of such a name is changed.
    pub(super) fn at(path: &'static str) -> Self {
        Self::when(move |_, changed| changed.ends_with(path))
    }

    /// Wherever this says so, by how many came before and the object's path; a list has none.
    pub(super) fn when(is_slow: impl Fn(usize, &str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_slow: Box::new(is_slow),
            before: AtomicUsize::new(0),
            began: Semaphore::new(0),
            goes_on: Semaphore::new(0),
            after: AtomicUsize::new(0),
            left: Arc::new(Semaphore::new(0)),
        }
    }

    pub(super) fn go_on(&self) {
        self.goes_on.add_permits(1_000);
    }

    async fn step(&self, path: &str) {
        let number = self.before.fetch_add(1, Ordering::Relaxed);
        if (self.is_slow)(number, path) {
            self.began.add_permits(1);
            let _permit = self.goes_on.acquire().await;
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
        match self.goes_on.available_permits() > 0 {
            true => drop(self.after.fetch_add(1, Ordering::Relaxed)),
            false => self.step(path.as_ref()).await,
        }
        (true, Ok(()))
    }

    async fn list(&self) {
        if self.goes_on.available_permits() == 0 {
            self.step("").await;
        }
    }
}
