//! A list read to its end: page after page, or record after record.

use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use humanapi_core::{Endpoint, FlowError, Page};

use super::call::ApiCall;
use crate::error::Error;

impl<T, E> ApiCall<E>
where
    E: Endpoint<Output = Page<T, E>> + Clone,
{
    /// All pages from this one on, one after another. Ends after the first error.
    ///
    /// What shows that the list changed meanwhile stands in each page's `drift`.
    pub fn pages(self) -> impl Stream<Item = Result<Page<T, E>, Error>> {
        stream::try_unfold(Some(self), |call| async move {
            let Some(call) = call else {
                return Ok(None);
            };
            let page = call.clone().run().await?;
            let next = page.next.clone().map(|next| call.map(|_| next));
            Ok(Some((page, next)))
        })
    }

    /// All items from this page on, one after another. Ends after the first error.
    ///
    /// A list that changed while it was read, whose total disagrees with what came, or that holds
    /// something that is no record, ends with an error of the kind
    /// [`Drifted`](crate::ErrorKind::Drifted), after all of its items. [`pages`](Self::pages) gives what
    /// is no record with its bytes.
    pub fn items(self) -> impl Stream<Item = Result<T, Error>> {
        let mut drift = None;
        let of_page = move |page: Result<Page<T, E>, Error>| {
            let (items, last) = match page {
                Ok(page) => {
                    drift = drift.or_else(|| page.drift.first().copied());
                    let drift = drift.filter(|_| page.next.is_none());
                    (page.items, drift.map(|drift| FlowError::from(drift).into()))
                }
                Err(error) => (Vec::new(), Some(error)),
            };
            stream::iter(items.into_iter().map(Ok).chain(last.map(Err)))
        };
        self.pages().map(of_page).flatten()
    }
}
