//! What a list is narrowed to, on the call itself.

use humanapi_core::data::application::{Batch, BatchResource};
use humanapi_core::data::{
    ById, Daily, DailyList, HasDays, HasId, HasTimeSeries, List, OnDay, Resource,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::call::ApiCall;

/// What the service knows for every list, whatever endpoint reads it.
macro_rules! list_filters {
    ($(impl<R: $bound:ident> $endpoint:ident<R>;)+) => {$(
        impl<R: $bound> ApiCall<$endpoint<R>> {
            /// Sets the size of a page, from 1 to 500.
            pub fn limit(self, limit: u32) -> Self {
                self.map(|list| list.with_limit(limit))
            }

            /// Begins at the record of this index.
            pub fn offset(self, offset: u64) -> Self {
                self.map(|list| list.with_offset(offset))
            }

            /// Sets whether each page begins with the last record of the page before, by which a record that is deleted
            /// meanwhile is noticed: see [`List::with_overlap`].
            pub fn overlap(self, overlap: bool) -> Self {
                self.map(|list| list.with_overlap(overlap))
            }

            /// Only records that were stored after this moment. Sent in whole seconds.
            pub fn created_since(self, moment: Timestamp) -> Self {
                self.map(|list| list.with_created_since(moment))
            }

            /// Only records that were stored before this moment. Sent in whole seconds.
            pub fn created_before(self, moment: Timestamp) -> Self {
                self.map(|list| list.with_created_before(moment))
            }

            /// Only records that were changed after this moment: the one to keep in step by. Sent in whole
            /// seconds.
            pub fn updated_since(self, moment: Timestamp) -> Self {
                self.map(|list| list.with_updated_since(moment))
            }

            /// Only records that were changed before this moment. Sent in whole seconds.
            pub fn updated_before(self, moment: Timestamp) -> Self {
                self.map(|list| list.with_updated_before(moment))
            }

        }
    )+};
}

list_filters! {
    impl<R: Resource> List<R>;
    impl<R: DailyList> OnDay<R>;
    impl<R: BatchResource> Batch<R>;
}

/// Which source the records come from.
macro_rules! source_filter {
    ($(impl<R: $bound:ident> $endpoint:ident<R>;)+) => {$(
        impl<R: $bound> ApiCall<$endpoint<R>> {
            /// Only records of this source: a wellness source's name or a medical source's id.
            pub fn source(self, source: impl Into<String>) -> Self {
                self.map(|list| list.with_source(source))
            }
        }
    )+};
}

source_filter! {
    impl<R: Resource> List<R>;
    impl<R: Daily> OnDay<R>;
    impl<R: BatchResource> Batch<R>;
}

impl<R: HasDays> ApiCall<List<R>> {
    /// Only records of these days, both included.
    pub fn days(self, start: Date, end: Date) -> Self {
        self.map(|list| list.with_days(start, end))
    }
}

impl<R: HasTimeSeries> ApiCall<List<R>> {
    /// Asks for the recorded series as well.
    pub fn time_series(self) -> Self {
        self.map(List::with_time_series)
    }
}

impl<R: HasId + HasTimeSeries> ApiCall<ById<R>> {
    /// Asks for the recorded series as well.
    pub fn time_series(self) -> Self {
        self.map(ById::with_time_series)
    }
}
