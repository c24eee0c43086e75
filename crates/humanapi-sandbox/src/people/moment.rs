//! One record's place in time.

use crate::clock::Millis;
use crate::source::Source;

/// One record's place in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) source: &'static Source,
    /// When what it tells of began.
    pub(super) at: Millis,
    pub(super) created: Millis,
    pub(super) updated: Millis,
    /// Which row of a table of content it is made from.
    pub(super) row: usize,
    /// Which time it is that this row comes.
    pub(super) round: i64,
}
