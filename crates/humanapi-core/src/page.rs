//! One page of a list, the call for the next, and how the list's end was proven.

use crate::data::Record;
use crate::error::Drift;

/// One page of a list.
///
/// `next` is the call that reads on, so that a library author can page without this crate's client.
/// It carries what was seen of the list so far: call it, and not one made anew with another offset,
/// so that a list that changes or a service that contradicts itself is noticed.
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
    /// What proves that no page follows; nothing while there is a `next`.
    pub end: Option<ListEnd>,
    /// What was noticed at this page, most often nothing. The items are to be had all the same.
    pub drift: Vec<Drift>,
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
            end: None,
            drift: Vec::new(),
        }
    }
}

/// What proves that a list ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListEnd {
    /// The service was asked for what follows, and nothing does.
    EmptyPage,
    /// As many came as the service's total says, and no link leads on.
    ///
    /// A service that gives fewer records a page than it is asked for, counts only those, and names no
    /// next page, cannot be told from one whose list has ended.
    Total,
    /// The links led from page to page, and this page has none that leads on.
    NoNextLink,
    /// The service gives such a list all at once, and neither a total nor a link says otherwise.
    AllAtOnce,
    /// Far more came than the service's total says, and no link leads on. A
    /// [`Drift`](crate::Drift::TotalDisagrees) says so as well: there may be more.
    FarBeyondTotal,
}
