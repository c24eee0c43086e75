//! `medical/timeline`: an index over other records.

use super::{Link, OrganizationRef, medical};

medical! {
    /// One record of another kind, by when it was. Its own id is not that record's.
    pub struct TimelineEntry {
        /// Which kind of record, as its path names it.
        kind: Text = "type",
        /// When it was.
        date_time: Date = "dateTime",
        /// The record's address below `/v1/human`.
        href: Text = "href",
        /// Who wrote it.
        author: Text = "author" [absent "n/a"],
        /// What it is.
        name: Text = "name" [absent "n/a"],
        /// The department.
        department: Text = "department" [absent "n/a"],
    }
}
