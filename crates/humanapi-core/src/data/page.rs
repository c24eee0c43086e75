//! One page of a list, the call for the next, and how the list's end was proven.

use super::record::Record;
use crate::error::Drift;

/// One page of a list.
///
/// `next` is the call that reads on, so that a library author can page without this crate's client.
/// It carries what was seen of the list so far: call it, and not one made anew with another offset,
/// so that a list that changes or a service that contradicts itself is noticed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T, Call> {
    /// The items, in the order in which the service sent them, without those that were on the page before just as they are.
    pub items: Vec<T>,
    /// What stood between the items and is none, such as `null`, with its bytes and its place.
    pub odd: Vec<Record>,
    /// The call for the next page, unless this was the last. It keeps this page's bytes in memory, to tell which records
    /// come again; saved by `serde`, it holds hashes of them.
    pub next: Option<Call>,
    /// How many items there are on all pages, where the service said so.
    pub total: Option<u64>,
    /// What proves that no page follows; nothing while there is a `next`.
    pub end: Option<ListEnd>,
    /// What was noticed at this page, most often nothing. The items are to be had all the same.
    pub drift: Vec<Drift>,
    /// Whether what was noticed says that items may be missing which were in the list from its beginning: it moved up, it
    /// ended before its total or with a link that leads on, or it was left far beyond its total.
    ///
    /// Where others were added and nothing else happened, none is missing: that is drift, and this is `false`.
    pub may_lack_items: bool,
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
            may_lack_items: false,
        }
    }
}

/// What proves that a list ends.
///
/// Some lists have no end that could be proven: one that has more records at each request, and that of a
/// server which has no total, takes no notice of the offset and answers anew each time. Nothing tells
/// them from a long list, so they are read for as long as the caller asks for pages: bound the number
/// of pages or records where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListEnd {
    /// The service was asked for what follows, and nothing does: the page is empty, or holds nothing but the last record of
    /// the page before, which it was to begin with.
    EmptyPage,
    /// As many came as the service's total says, and no link leads on.
    ///
    /// A first page whose total is its own size is asked beyond where it is as long as pages are, which is the size that was
    /// asked for or a multiple of ten: the total may count the page alone. What follows, nothing, or the same page once more
    /// tells. What this proof cannot tell, because nothing but one more request for every list would:
    ///
    /// * A service that gives fewer records a page than it is asked for, and no round number of them, counts only those,
    ///   and names no next page, looks like one whose list has ended. So does one that gives a round number, counts only
    ///   those, names no next page and takes no notice of the offset.
    /// * A total that is too small, and by chance just what came at the end of a page, is believed.
    Total,
    /// The links led from page to page, and this page has none that leads on.
    ///
    /// That records were deleted meanwhile, which moves those behind them over the border of two pages, shows where pages
    /// overlap, see [`with_overlap`](crate::data::List::with_overlap).
    NoNextLink,
    /// The service gives such a list all at once, and neither a total nor a link nor its size says otherwise. One that is as
    /// long as pages are was asked for once more.
    AllAtOnce,
    /// Far more came than the service's total says, and no link leads on. A
    /// [`Drift`](crate::Drift::TotalDisagrees) says so as well: there may be more.
    FarBeyondTotal,
}
