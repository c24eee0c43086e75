//! `GET /v1/human/locations`: where the user was.

use crate::data::record::records;
use crate::data::wellness::wellness;

wellness! {
    /// One stay at a place.
    pub struct Location {
        /// When it began.
        start_time: Timestamp = "startTime",
        /// When it ended.
        end_time: Timestamp = "endTime",
        /// When it was; documented in place of the two others, and seen in no answer.
        timestamp: Timestamp = "timestamp",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
        /// The place by name.
        name: Text = "name",
        /// The kind of place; documented, and seen in no answer.
        kind: Text = "type",
        /// Where it is.
        location: Coordinates = "location",
    }
}

records! {
    /// A point on the Earth, by WGS 84.
    pub struct Coordinates {
        /// Degrees north.
        lat: Number = "lat" [unit "deg"],
        /// Degrees east.
        lon: Number = "lon" [unit "deg"],
    }
}
