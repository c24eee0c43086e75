//! A store of cursors that stops answering.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use humanapi_testing::client::{BucketCursors, CursorName, CursorStore, ListsWhole, StoreError};
use tokio::sync::Notify;

/// What a store is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Init,
    Begin,
    Bucket,
    Keep,
    End,
    Whole,
}

/// It answers no more where `ends` says so, and does then not what it was asked for: as one that is silent, or as if the
/// process were killed before it.
pub(crate) struct Halting<F> {
    inner: Arc<dyn CursorStore>,
    ends: F,
    reached: Notify,
}

impl<F: Fn(Asked) -> bool + Send + Sync> Halting<F> {
    pub(crate) fn new(inner: Arc<dyn CursorStore>, ends: F) -> Arc<Self> {
        Arc::new(Self {
            inner,
            ends,
            reached: Notify::new(),
        })
    }

    /// Waits until it does not answer.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    async fn ask(&self, what: Asked) {
        if (self.ends)(what) {
            self.reached.notify_one();
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl<F: Fn(Asked) -> bool + Send + Sync> CursorStore for Halting<F> {
    async fn init(&self) -> Result<(), StoreError> {
        self.ask(Asked::Init).await;
        self.inner.init().await
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        self.ask(Asked::Begin).await;
        self.inner.begin(sync, newest).await
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        self.ask(Asked::Bucket).await;
        self.inner.bucket(sync, bucket).await
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        self.ask(Asked::Keep).await;
        self.inner.keep(sync, bucket, kept, lists).await
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        self.ask(Asked::End).await;
        self.inner.end(sync, run).await
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        self.ask(Asked::Whole).await;
        self.inner.whole(sync).await
    }
}
