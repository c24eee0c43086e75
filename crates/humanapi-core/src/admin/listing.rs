//! Lists on pages: the next page begins behind what came, and an empty one is the last.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::admin::fields::Model;
use crate::admin::wire;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::message::Response;
use crate::query_string::QueryString;

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

/// Where a page begins, and what the page before it was.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) offset: u64,
    before: Option<Mark>,
}

/// What tells one page from another.
#[derive(Clone, PartialEq, Eq)]
struct Mark {
    /// The ids that it began and ended with, where its items have any.
    ends: Option<(String, String)>,
    /// A hash of its bytes, which tells pages apart whose items have no ids.
    body: u64,
}

impl Mark {
    fn is_of_same_page(&self, other: &Self) -> bool {
        self.body == other.body || (self.ends.is_some() && self.ends == other.ends)
    }
}

/// A number of a query. The service documents 32 bits with a sign, and refuses what is more.
pub(super) fn number(name: &'static str, value: u64) -> Result<i32, BuildError> {
    let rule = "at most 2147483647";
    i32::try_from(value).map_err(|_| BuildError::OutOfRange { name, rule })
}

impl Place {
    pub(super) const fn at(offset: u64) -> Self {
        Self {
            offset,
            before: None,
        }
    }

    /// Says where the page begins.
    pub(super) fn push_to(&self, query: &mut QueryString) -> Result<(), BuildError> {
        query.push("offset", number("offset", self.offset)?);
        Ok(())
    }

    /// What came. A 404 tells that there is nothing where the list begins. Behind a page that came it is an error: the list went
    /// away meanwhile, and what was read of it is not all.
    pub(super) fn items<T: Model>(&self, response: &Response) -> Result<Vec<T>, ResponseError> {
        match self.before {
            None => wire::all_found(response),
            Some(_) => wire::all(response),
        }
    }

    /// The page of these items, which came in this answer and are told apart by `id`, with the call that `next` makes of the place behind it.
    ///
    /// A service that takes no notice of the offset would give the same page for ever: that is an error.
    pub(super) fn page<T, L>(
        &self,
        response: &Response,
        items: Vec<T>,
        id: fn(&T) -> Option<&str>,
        next: impl FnOnce(Self) -> L,
    ) -> Result<AdminPage<T, L>, ResponseError> {
        let id_of = |item: Option<&T>| item.and_then(id).map(str::to_owned);
        let mut hasher = DefaultHasher::new();
        response.body().as_bytes().hash(&mut hasher);
        let mark = Mark {
            ends: id_of(items.first()).zip(id_of(items.last())),
            body: hasher.finish(),
        };
        let is_again = |before: &Mark| mark.is_of_same_page(before);
        if !items.is_empty() && self.before.as_ref().is_some_and(is_again) {
            return Err(ResponseError::PageRepeated {
                offset: self.offset,
            });
        }
        let next = (!items.is_empty()).then(|| {
            next(Self {
                offset: self.offset.saturating_add(items.len() as u64),
                before: Some(mark),
            })
        });
        Ok(AdminPage { items, next })
    }
}
