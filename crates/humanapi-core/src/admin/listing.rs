//! Lists on pages: the next page begins behind what came, and an empty one is the last.

use std::fmt;

use crate::endpoint::Endpoint;
use crate::error::ResponseError;

/// A call for one page of a list of the Admin API.
pub trait AdminList: Endpoint<Output = AdminPage<Self::Item, Self>> + Sized {
    /// What the list holds.
    type Item;
}

/// One page of a list of the Admin API.
///
/// The service tells no total and leads to no next page, so a list is over where a page is empty, and nowhere before.
#[non_exhaustive]
pub struct AdminPage<T, L> {
    /// What came.
    pub items: Vec<T>,
    /// The call for the page behind this one; nothing behind an empty one.
    pub next: Option<L>,
}

impl<T, L> fmt::Debug for AdminPage<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminPage")
            .field("items", &self.items.len())
            .field("is_last", &self.next.is_none())
            .finish_non_exhaustive()
    }
}

/// Where a page begins, and the ids that the page before it began and ended with.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) offset: u64,
    before: Option<(String, String)>,
}

impl Place {
    pub(super) const fn at(offset: u64) -> Self {
        Self {
            offset,
            before: None,
        }
    }

    /// The page of these items, which are told apart by `id`, with the call that `next` makes of the place behind it.
    ///
    /// A service that takes no notice of the offset would give the same page for ever: that is an error.
    pub(super) fn page<T, L>(
        &self,
        items: Vec<T>,
        id: fn(&T) -> Option<&str>,
        next: impl FnOnce(Self) -> L,
    ) -> Result<AdminPage<T, L>, ResponseError> {
        let id_of = |item: Option<&T>| item.and_then(id).map(str::to_owned);
        let ends = id_of(items.first()).zip(id_of(items.last()));
        if ends.is_some() && ends == self.before {
            return Err(ResponseError::PageRepeated {
                offset: self.offset,
            });
        }
        let next = (!items.is_empty()).then(|| {
            next(Self {
                offset: self.offset.saturating_add(items.len() as u64),
                before: ends,
            })
        });
        Ok(AdminPage { items, next })
    }
}
