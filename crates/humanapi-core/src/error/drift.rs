//! A list that changes while it is read, or a service that contradicts itself about it.

use thiserror::Error;

/// What shows that a list changed while it was read, that the service contradicts itself about it, or
/// that something in it is no record.
///
/// Some records may be missing from what was read, or be in it twice, in one form and another: read the list anew where
/// that matters. Whether any may be missing that was there from the beginning is told by
/// [`Page::may_lack_items`](crate::Page::may_lack_items).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Drift {
    /// The total is another than on the page before: records were added or deleted meanwhile.
    #[error("the list's total changed from {before} to {now} while it was read")]
    TotalChanged {
        /// What the page before said.
        before: u64,
        /// What this page says.
        now: u64,
    },
    /// The list has ended, and its total says otherwise.
    #[error("the list ended after {counted} records, and its total says {total}")]
    TotalDisagrees {
        /// The last total that the service told.
        total: u64,
        /// How many came, counted from the list's beginning.
        counted: u64,
    },
    /// A record of the page before came again: records were added before it meanwhile. One that is just as it was is left
    /// out; in another form it is given again. Where as many were added at once as a page holds, those of the page before
    /// are not looked for further: they come twice, and that is [`Moved`](Self::Moved).
    #[error("a record came again on the next page: the list changed while it was read")]
    Repeated,
    /// Another record stands where the last one of the page before stood, or the same one with other
    /// content, which may stand elsewhere for it; unless it and all before it on this page were on the page before as they
    /// are: then records were added, and that is [`Repeated`](Self::Repeated) alone. Told by pages that overlap, see
    /// [`List::with_overlap`](crate::data::List::with_overlap).
    #[error("the records have moved while the list was read, and some may be missing")]
    Moved,
    /// A page is empty, and yet a link leads on from it.
    #[error("the list ended with an empty page from which a link leads on")]
    LinkLeadsOn,
    /// Something on a page is no record: it is in the page's [`odd`](crate::Page::odd), with its bytes.
    #[error("{places} places of a page hold something that is no record")]
    NoRecord {
        /// How many.
        places: u64,
    },
}
