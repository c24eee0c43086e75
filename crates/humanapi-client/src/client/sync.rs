//! Keeping in step: the pages of what changed since a watermark.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::FutureExt as _;
use humanapi_core::FlowError;
use humanapi_core::data::{Changes, ChangesPage, HasChanges, List, Watermark};

use super::call::ApiCall;
use crate::driven::Driven;
use crate::error::Error;

impl<R: HasChanges + 'static> ApiCall<List<R>> {
    /// What changed since a watermark, or everything where there is none: each change at least once, and none lost.
    ///
    /// A pass in another way, such as with a [lag](Changes::with_lag) of its own or read on after a restart, is
    /// `user.call(changes).stream()`.
    ///
    /// ```no_run
    /// use futures_util::TryStreamExt as _;
    /// use humanapi_client::core::data::Watermark;
    /// # use humanapi_client::{Error, User};
    /// # fn keep<T>(_: T) {}
    ///
    /// # async fn sync(user: User, since: Option<Watermark>) -> Result<(), Error> {
    /// let mut pages = user.data().test_results().sync(since);
    /// while let Some(page) = pages.try_next().await? {
    ///     // In one transaction: the records, each by its id, and from where to go on.
    ///     keep((page.records, page.next, page.end));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn sync(self, since: Option<Watermark>) -> ChangesPages<R> {
        self.map(|list| Changes::new(list, since)).stream()
    }
}

impl<R: HasChanges + 'static> ApiCall<Changes<R>> {
    /// All pages of the pass from this one on, one after another.
    pub fn stream(self) -> ChangesPages<R> {
        let (call, next) = self.split();
        ChangesPages {
            call,
            next: Ok(Some(next)),
            out: None,
        }
    }
}

/// The pages of what changed, one after another. The last one's [`end`](ChangesPage::end) brings the watermark of the next
/// pass.
///
/// Pages are not asked for ahead: where each begins depends on whether the list moved before it.
///
/// # Errors
///
/// A page that did not come for a reason that [may pass](Error::is_transient) is told as an error, and asked for again
/// when the stream is polled next. The stream ends for good after the last page, and after an error that does not pass by
/// itself. Whoever breaks off goes on from the last page's [`next`](ChangesPage::next), or from the watermark that the
/// pass began with.
#[must_use = "streams do nothing unless polled"]
pub struct ChangesPages<R: HasChanges> {
    call: ApiCall<()>,
    /// What is asked for next; nothing once the pass is over.
    next: Result<Option<Changes<R>>, Option<FlowError>>,
    /// The page that was asked for, by a task of its own: its time does not hang on a reader that left off waiting.
    out: Option<Driven<Result<ChangesPage<R>, FlowError>>>,
}

impl<R: HasChanges + 'static> Stream for ChangesPages<R> {
    type Item = Result<ChangesPage<R>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = match &mut this.next {
            Ok(Some(next)) => next,
            Ok(None) => return Poll::Ready(None),
            Err(error) => return Poll::Ready(error.take().map(|error| Err(error.into()))),
        };
        let call = &this.call;
        let out = this.out.get_or_insert_with(|| {
            Driven::new(call.clone().with(next.clone()).run(), call.runtime())
        });
        let came = ready!(out.poll_unpin(cx));
        this.out = None;
        Poll::Ready(Some(match came.unwrap_or_else(|ended| Err(ended.into())) {
            Ok(page) => {
                this.next = Ok(page.next.clone());
                Ok(page)
            }
            Err(error) => {
                let error = Error::from(error);
                if !error.is_transient() {
                    this.next = Ok(None);
                }
                Err(error)
            }
        }))
    }
}

// Nothing in it is pinned in its place.
impl<R: HasChanges> Unpin for ChangesPages<R> {}

impl<R: HasChanges> fmt::Debug for ChangesPages<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangesPages")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
