//! A list read to its end: page after page, or record after record, with pages asked for ahead.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::Stream;
use futures_util::{FutureExt as _, StreamExt as _};
use humanapi_core::data::{Paged, ReadAhead};
use humanapi_core::{BuildError, Drift, FlowError, Page};

use super::call::ApiCall;
use crate::driven::Driven;
use crate::error::Error;

/// So many pages are asked for ahead at most.
const MOST_AHEAD: usize = 32;

impl<E: Paged + Send + 'static> ApiCall<E>
where
    E::Unchecked: Send,
{
    /// All pages from this one on, one after another.
    pub fn pages(self) -> Pages<E> {
        let (call, list) = self.split();
        Pages {
            call,
            list: Ok(ReadAhead::new(list, 1)),
            ahead: 1,
            out: VecDeque::new(),
        }
    }

    /// All records from this page on, one after another.
    pub fn items(self) -> Items<E> {
        Items {
            pages: self.pages(),
            items: Vec::new().into_iter(),
            drift: None,
        }
    }
}

/// The pages of a list, one after another, and the next one asked for while its reader is busy with this one.
///
/// What shows that the list changed meanwhile stands in each page's [`drift`](Page::drift), and what proves its end in the
/// last one's [`end`](Page::end).
///
/// # Errors
///
/// A page that did not come for a reason that [may pass](crate::Error::is_transient) is told as an error, and asked for again
/// when the stream is polled next: no page is left out, and none comes twice. By then it was tried as often as the retry
/// policy allows, and each such page has the whole of the policy's time again.
///
/// The stream ends for good after the last page, and after an error that does not pass by itself: a refusal, an answer that
/// cannot be read, a page that came before.
///
/// Dropping a future that waits for the next page loses nothing, and dropping the stream ends all its requests, once the
/// runtime goes on.
#[must_use = "streams do nothing unless polled"]
pub struct Pages<E: Paged> {
    /// Each page's call, without its endpoint.
    call: ApiCall<()>,
    list: Result<ReadAhead<E>, Option<FlowError>>,
    ahead: usize,
    /// Each page that was asked for, in their order.
    out: VecDeque<Driven<Result<E::Unchecked, FlowError>>>,
}

impl<E: Paged> Pages<E> {
    /// Asks for so many pages at once, 32 at most. It is 1 otherwise; with 0, no page is asked for before its reader waits
    /// for it.
    ///
    /// Where the next pages begin is known once the first has come, if that was full or the service told a total. They are
    /// asked for together, handed out in their order, and read as if they had been asked for one after another, so that
    /// the list's end and its changes are told just as well. As many pages are held in memory. A list that goes on otherwise
    /// than expected costs the requests that were out, and so does the end of a list without a total.
    ///
    /// Pages come by tasks of the client's [runtime](crate::Runtime), so a reader may take as long as it likes with each, and
    /// make other calls meanwhile. On a runtime that runs no tasks nothing is asked for ahead.
    ///
    /// One more lets the service work while its reader does. More let many requests wait at once: they count against
    /// whatever limit the service has.
    pub fn read_ahead(mut self, pages: usize) -> Self {
        if pages > MOST_AHEAD {
            let (name, rule) = ("read_ahead", "at most 32 pages");
            self.list = Err(Some(BuildError::OutOfRange { name, rule }.into()));
        }
        if let Ok(list) = &mut self.list {
            list.set_at_once(pages);
        }
        self.ahead = pages;
        self
    }

    fn is_over(&self) -> bool {
        match &self.list {
            Ok(list) => list.is_over(),
            Err(error) => error.is_none(),
        }
    }
}

impl<E: Paged + Send + 'static> Pages<E>
where
    E::Unchecked: Send,
{
    /// Has whatever may be asked for now asked for, each page by a task of its own: neither its time nor its turn among other
    /// requests hangs on a reader that is busy.
    ///
    /// Where there are no tasks, a page would get no further while its reader is busy, and its time would run all the same.
    /// So one is asked for once its reader waits for it.
    fn ask(&mut self) {
        let Ok(list) = &mut self.list else { return };
        while let Some(ask) = list.ask() {
            let fetch = self.call.clone().with(ask.call).run();
            let fetch = Driven::new(fetch, self.call.runtime());
            if !fetch.goes_on() {
                list.set_at_once(1);
                self.ahead = 0;
            }
            if ask.is_first {
                self.out.push_front(fetch);
            } else {
                self.out.push_back(fetch);
            }
        }
    }
}

impl<E: Paged + Send + 'static> Stream for Pages<E>
where
    E::Unchecked: Send,
{
    type Item = Result<Page<E::Item, E>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.ask();
        let list = match &mut this.list {
            Ok(list) if !list.is_over() => list,
            Ok(_) => return Poll::Ready(None),
            Err(error) => return Poll::Ready(error.take().map(|error| Err(error.into()))),
        };
        let first = this.out.front_mut();
        let first = first.expect("of a list that is not over, a page was asked for just now");
        let came = ready!(first.poll_unpin(cx));
        this.out.pop_front();
        let page = list.handle(came.unwrap_or_else(|ended| Err(ended.into())));
        if list.out() == 0 {
            // The list goes on otherwise, or is over.
            this.out.clear();
        }
        if this.ahead > 0 && matches!(page, Some(Ok(_))) {
            this.ask();
        }
        Poll::Ready(page.map(|page| page.map_err(Error::from)))
    }
}

// Nothing in it is pinned in its place.
impl<E: Paged> Unpin for Pages<E> {}

impl<E: Paged> fmt::Debug for Pages<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("list", &self.list)
            .finish_non_exhaustive()
    }
}

/// The records of a list, one after another, over all its pages.
///
/// A list that changed while it was read, whose total disagrees with what came, or that holds something that is no record,
/// ends with an error of the kind [`Drifted`](crate::ErrorKind::Drifted), after all of its records. [`Pages`] give what is
/// no record with its bytes, and tell what proved the list's end: an end that is proven by its
/// [total](humanapi_core::ListEnd::Total) is that of a service which counts the whole list. One that gives fewer records a
/// page than it is asked for, and no round number of them, counts only those and names no next page cannot be told from it,
/// and its list then ends after one page without an error.
///
/// # Errors
///
/// As [`Pages`]: the stream goes on after an error that may pass, and ends after any other, and no record is left out or comes
/// twice by that. Records that come on two pages because others were added before them come once, unless as many were added
/// at once as a page holds; one that was changed meanwhile may come again, as it is now. That a list that moved may lack
/// records is told by its last error.
#[must_use = "streams do nothing unless polled"]
pub struct Items<E: Paged> {
    pages: Pages<E>,
    items: vec::IntoIter<E::Item>,
    /// What was told first on the pages so far.
    drift: Option<Drift>,
}

impl<E: Paged> Items<E> {
    /// Asks for so many pages at once: see [`Pages::read_ahead`].
    pub fn read_ahead(mut self, pages: usize) -> Self {
        self.pages = self.pages.read_ahead(pages);
        self
    }
}

impl<E: Paged + Send + 'static> Stream for Items<E>
where
    E::Unchecked: Send,
{
    type Item = Result<E::Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(item) = this.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(this.pages.poll_next_unpin(cx)) {
                Some(Ok(page)) => {
                    this.drift = this.drift.or_else(|| page.drift.first().copied());
                    this.items = page.items.into_iter();
                }
                Some(Err(error)) => {
                    if this.pages.is_over() {
                        // What is told of a list's changes is told of a list that was read to its end.
                        this.drift = None;
                    }
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    let drift = this.drift.take();
                    return Poll::Ready(drift.map(|drift| Err(FlowError::from(drift).into())));
                }
            }
        }
    }
}

impl<E: Paged> Unpin for Items<E> {}

impl<E: Paged> fmt::Debug for Items<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}
