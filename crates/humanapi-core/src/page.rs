//! One page of a list, and the call for the next.

use crate::data::Record;

/// One page of a list.
///
/// `next` is the call that reads on, so that a library author can page without this crate's client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T, Call> {
    /// The items, in the order in which the service sent them.
    pub items: Vec<T>,
    /// What stood between the items and is none, such as `null`, with its bytes and its place.
    pub odd: Vec<Record>,
    /// The call for the next page, unless this was the last.
    pub next: Option<Call>,
    /// How many items there are on all pages, where the service said so.
    pub total: Option<u64>,
}

impl<T, Call> Page<T, Call> {
    /// A page, for drivers and tests of one's own.
    #[must_use]
    pub const fn new(items: Vec<T>, next: Option<Call>, total: Option<u64>) -> Self {
        Self {
            items,
            odd: Vec::new(),
            next,
            total,
        }
    }
}
