//! Where a person was.

use serde_json::json;

use super::calendar::{HOUR, date, decimal};
use super::moment::Moment;
use super::moments::{Lane, Moments, Rhythm};
use super::person::Person;
use crate::clock::{DAY, Millis, instant};
use crate::records::Fields;
use crate::resource::Resource;
use crate::source::STRIDER;

/// A place, in hundred-thousandths of a degree: in the sea, where nobody lives.
struct Place {
    name: &'static str,
    kind: &'static str,
    hour: i64,
    minutes: (i64, i64),
    north: i64,
    east: i64,
}

#[rustfmt::skip] // One row, one line.
const PLACES: &[Place] = &[
    Place { name: "Home", kind: "home", hour: 6, minutes: (30, 90), north: 50_120, east: -25_040 },
    Place { name: "", kind: "", hour: 9, minutes: (120, 240), north: 51_310, east: -23_900 },
    Place { name: "Sample Park", kind: "park", hour: 17, minutes: (20, 60), north: 49_900, east: -26_450 },
];

const SINCE: Millis = date(2025, 3, 3);

pub(super) fn moments(person: &Person) -> Moments {
    let source = person.connected(&[STRIDER]).next();
    let places = PLACES.iter().enumerate();
    let rhythm = Rhythm {
        name: "locations",
        since: SINCE - person.offset(),
        every: 2 * DAY,
        lanes: source
            .into_iter()
            .flat_map(|source| {
                places.clone().map(move |(row, place)| Lane {
                    source,
                    row,
                    from: place.hour * HOUR,
                    span: HOUR,
                })
            })
            .collect(),
        settles: 6 * HOUR,
        grows: false,
    };
    Moments::of(rhythm, person)
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let place = &PLACES[moment.row];
    let mut numbers = person.numbers_of(Resource::Locations, moment);
    let minutes = numbers.within(place.minutes.0, place.minutes.1);
    let mut degrees = |near: i64| decimal(near + numbers.within(-9, 9), 5);
    let mut fields = Fields::new()
        .with("startTime", instant(moment.at))
        .with("endTime", instant(moment.at + minutes * 60_000))
        .with("tzOffset", person.offset_text())
        .with("name", place.name)
        .with(
            "location",
            json!({"lat": degrees(place.north), "lon": degrees(place.east)}),
        );
    if !place.kind.is_empty() {
        fields.set("type", place.kind);
    }
    fields
}
