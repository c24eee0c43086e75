//! Where a call stands in a list: what it asks for, and what was seen on the pages before.

use std::fmt;

use http::HeaderMap;

use crate::data::page::{ListEnd, Page};
use crate::data::paging::{Asked, Cursor, PageContent, Then};
use crate::data::query::Query;
use crate::data::record::{self, Field, Record, Records, Sealed, Table};
use crate::error::{BuildError, Drift, ResponseError};
use crate::message::Response;

/// What a call of any list asks for, and what was seen on the pages before.
#[derive(Clone)]
pub(super) struct Pages {
    query: Query,
    cursor: Cursor,
}

impl Pages {
    /// The beginning of a list, without filters.
    pub(super) const fn new() -> Self {
        Self {
            query: Query::new(),
            cursor: Cursor::new(),
        }
    }

    pub(super) const fn parts(&self) -> (&Query, &Cursor) {
        (&self.query, &self.cursor)
    }

    pub(super) const fn from_parts(query: Query, cursor: Cursor) -> Self {
        Self { query, cursor }
    }

    /// What it asks for.
    pub(super) const fn query(&self) -> &Query {
        &self.query
    }

    /// Asks for something else: that is another list, of which nothing was seen.
    pub(super) fn ask(&mut self, change: impl FnOnce(&mut Query)) {
        change(&mut self.query);
        self.cursor = Cursor::new();
    }

    /// The path with the query behind it.
    pub(super) fn write(&self, path: &str) -> Result<String, BuildError> {
        self.query.write(path)
    }

    /// Reads an answer that may hold a list, and says with which call it goes on.
    pub(super) fn page<T: Table, C>(
        &self,
        on_pages: bool,
        response: Response,
        next: impl FnOnce(Self) -> C,
    ) -> Result<Page<T, C>, ResponseError> {
        self.check(on_pages, UncheckedPage::read(response)?, next)
    }

    /// Holds a page against those before it, and says with which call it goes on.
    pub(super) fn check<T: Sealed, C>(
        &self,
        on_pages: bool,
        page: UncheckedPage<T>,
        next: impl FnOnce(Self) -> C,
    ) -> Result<Page<T, C>, ResponseError> {
        let UncheckedPage { headers, records } = page;
        let places = records.places();
        let (mut items, odd) = (records.items, records.odd);
        let asked = Asked {
            offset: self.query.offset,
            limit: u64::from(self.query.limit),
            overlap: self.query.overlap,
            on_pages,
        };
        let judgement = self.cursor.judge(
            asked,
            PageContent {
                headers: &headers,
                places,
                records: items.len(),
                record: &|index| items[index].record(),
                place: &|place| {
                    let is_it = |odd: &&Record| odd.index() as u64 == place;
                    match odd.iter().find(is_it) {
                        Some(odd) => (odd, false),
                        None => {
                            let before = odd.iter().filter(|odd| (odd.index() as u64) < place);
                            (items[place as usize - before.count()].record(), true)
                        }
                    }
                },
            },
        )?;
        if judgement.drops_all {
            return Ok(Page {
                items: Vec::new(),
                odd: Vec::new(),
                next: None,
                total: judgement.total,
                end: match judgement.then {
                    Then::End(end) => Some(end),
                    Then::Next { .. } => None,
                },
                drift: judgement.drift,
                may_lack_items: judgement.may_lack,
            });
        }
        if judgement.drops_first {
            items.remove(0);
        }
        if !judgement.came_again.is_empty() {
            let mut came_again = judgement.came_again.into_iter().peekable();
            let mut index = 0;
            items.retain(|_| {
                let is_new = came_again.next_if_eq(&index).is_none();
                index += 1;
                is_new
            });
        }
        let (next, end) = match judgement.then {
            Then::Next { offset, cursor } => {
                let mut query = self.query.clone();
                query.offset = offset;
                (Some(next(Self { query, cursor })), None)
            }
            Then::End(end) => (None, Some(end)),
        };
        let mut drift = judgement.drift;
        drift.extend(no_records(&odd));
        Ok(Page {
            items,
            odd,
            next,
            total: judgement.total,
            end,
            drift,
            may_lack_items: judgement.may_lack,
        })
    }
}

impl Pages {
    /// Where the page stands that comes so many pages behind this one, where that can be guessed from this one and the
    /// one `before` it. Of the pages before its own nothing is known.
    pub(super) fn ahead(&self, before: &Self, pages: u64) -> Option<Self> {
        let (from, to) = (before.query.offset, self.query.offset);
        let offset = (self.cursor).guess(from, to, u64::from(self.query.limit), pages)?;
        let mut ahead = self.clone();
        ahead.ask(|query| query.offset = offset);
        Some(ahead)
    }
}

/// A page of records that was read, and not yet held against the pages before it.
pub struct UncheckedPage<T> {
    headers: HeaderMap,
    records: Records<T>,
}

impl<T: Table> UncheckedPage<T> {
    /// Reads an answer that may hold a list.
    pub(super) fn read(response: Response) -> Result<Self, ResponseError> {
        Self::read_by(T::FIELDS, response)
    }
}

impl<T: Sealed> UncheckedPage<T> {
    /// The same, by this table.
    pub(super) fn read_by(
        table: &'static [Field],
        response: Response,
    ) -> Result<Self, ResponseError> {
        let (head, body) = response.into_parts();
        Ok(Self {
            headers: head.headers,
            records: record::read_list_by(table, body)?,
        })
    }
}

impl<T> fmt::Debug for UncheckedPage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UncheckedPage")
            .field("places", &self.records.places())
            .finish_non_exhaustive()
    }
}

/// Two calls are equal if they ask for the same.
impl PartialEq for Pages {
    fn eq(&self, other: &Self) -> bool {
        self.query == other.query
    }
}

impl Eq for Pages {}

/// Reads an answer that holds all there is: a list, or one record in place of a list of one. An empty
/// object is how the service says that there is none.
pub(super) fn all_at_once<T: Table, C>(response: Response) -> Result<Page<T, C>, ResponseError> {
    let body = response.into_body();
    let is_object = body.as_bytes().trim_ascii_start().starts_with(b"{");
    let (items, odd) = if is_object {
        let record = T::from_json(body)?;
        let is_empty = record.fields().is_empty();
        (Vec::from_iter((!is_empty).then_some(record)), Vec::new())
    } else {
        let records = record::read_list::<T>(body)?;
        (records.items, records.odd)
    };
    let drift = Vec::from_iter(no_records(&odd));
    Ok(Page {
        odd,
        end: Some(ListEnd::AllAtOnce),
        drift,
        ..Page::new(items, None, None)
    })
}

fn no_records(odd: &[Record]) -> Option<Drift> {
    let places = odd.len() as u64;
    (places > 0).then_some(Drift::NoRecord { places })
}

/// Gives an endpoint with a `pages` the setters that the service documents for every list.
macro_rules! list_filters {
    ([$($resource:ident: $bound:ident)?] $endpoint:ty) => {
        impl<$($resource: $bound)?> $endpoint {
            /// Sets the size of a page, from 1 to 500.
            #[must_use]
            pub fn with_limit(mut self, limit: u32) -> Self {
                self.pages.ask(|query| query.limit = limit);
                self
            }

            /// Begins at the record of this index, and forgets what was seen of the list before.
            #[must_use]
            pub fn with_offset(mut self, offset: u64) -> Self {
                self.pages.ask(|query| query.offset = offset);
                self
            }

            /// Sets whether each page begins with the last record of the page before, as it does if nothing is said.
            ///
            /// The record is taken out again. One that is deleted while the list is read moves all behind it up, and one of
            /// them past the border between two pages. A total shows that, and where the service tells none, or adds another
            /// record at the same time, only this does: see [`Drift::Moved`](crate::Drift::Moved). It needs pages of two
            /// records or more, and records with an id.
            #[must_use]
            pub fn with_overlap(mut self, overlap: bool) -> Self {
                self.pages.ask(|query| query.overlap = overlap);
                self
            }

            /// The index of the record that the call begins at.
            ///
            /// In a page's [`next`](crate::Page::next) that is the last record of that page, see
            /// [`with_overlap`](Self::with_overlap). A call that is made anew from this offset knows nothing of the
            /// page, and gives this record again.
            #[must_use]
            pub const fn offset(&self) -> u64 {
                self.pages.query().offset
            }

            /// Only records that were stored after this moment. Sent in whole seconds.
            #[must_use]
            pub fn with_created_since(mut self, moment: jiff::Timestamp) -> Self {
                self.pages.ask(|query| query.created_since = Some(moment));
                self
            }

            /// Only records that were stored before this moment. Sent in whole seconds.
            #[must_use]
            pub fn with_created_before(mut self, moment: jiff::Timestamp) -> Self {
                self.pages.ask(|query| query.created_before = Some(moment));
                self
            }

            /// Only records that were changed after this moment: the one to keep in step by. Sent in
            /// whole seconds.
            #[must_use]
            pub fn with_updated_since(mut self, moment: jiff::Timestamp) -> Self {
                self.pages.ask(|query| query.updated_since = Some(moment));
                self
            }

            /// Only records that were changed before this moment. Sent in whole seconds.
            #[must_use]
            pub fn with_updated_before(mut self, moment: jiff::Timestamp) -> Self {
                self.pages.ask(|query| query.updated_before = Some(moment));
                self
            }
        }
    };
}
pub(super) use list_filters;

/// Gives an endpoint with a `pages` the setter of the source.
macro_rules! source_filter {
    ([$($resource:ident: $bound:ident)?] $endpoint:ty) => {
        impl<$($resource: $bound)?> $endpoint {
            /// Only records of this source: a wellness source's name or a medical source's id.
            #[must_use]
            pub fn with_source(mut self, source: impl Into<String>) -> Self {
                let source = Some(source.into());
                self.pages.ask(|query| query.source = source);
                self
            }
        }
    };
}
pub(super) use source_filter;

/// Gives an endpoint of a resource, with a `pages`, what a derive would ask of the resource too.
macro_rules! list_traits {
    ($endpoint:ident<R: $bound:ident>, $name:ident) => {
        /// Two calls are equal if they ask for the same.
        impl<R> PartialEq for $endpoint<R> {
            fn eq(&self, other: &Self) -> bool {
                self.key() == other.key()
            }
        }

        impl<R> Eq for $endpoint<R> {}

        impl<R: $bound> std::fmt::Debug for $endpoint<R> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // The source is left out: it can tell where somebody is treated.
                f.debug_struct(stringify!($endpoint))
                    .field("of", &R::$name)
                    .field("limit", &self.pages.query().limit)
                    .field("offset", &self.pages.query().offset)
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(super) use list_traits;
