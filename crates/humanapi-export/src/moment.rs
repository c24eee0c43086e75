//! A date on the line of time.

use humanapi_core::data::Date;
use jiff::Timestamp;
use jiff::tz::Offset;

/// The moment that a date tells, and of a whole day its beginning in UTC. A month or a year is none.
pub(crate) fn of(date: &Date<'_>) -> Option<Timestamp> {
    date.moment().or_else(|| {
        let day = date.date()?;
        Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    })
}
