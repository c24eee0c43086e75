//! The day that a record names is the one on which it is found.

use humanapi_sandbox::{Assumption, Persona};
use serde_json::Value;

use crate::support::{CONNECT, Offline, body};

/// Of each, the newest records, with the field in which it names its day.
const DAYS: [(&str, &str); 4] = [
    ("sleeps", "day"),
    ("sleeps/summaries", "date"),
    ("activities/summaries", "date"),
    ("heart_rate/summaries", "date"),
];

#[track_caller]
fn check(s: &Offline, token: &str) {
    for (resource, field) in DAYS {
        let list = |query: &str| {
            let path = format!("/v1/human/{resource}?{query}");
            let Value::Array(records) = body(&s.read(&path, token)) else {
                panic!("{path} is no list");
            };
            records
        };
        let newest = list("limit=16");
        assert_eq!(newest.len(), 16, "{resource}");
        for record in newest {
            let day = record[field].as_str().unwrap();
            let of_day = list(&format!("start_date={day}&end_date={day}&limit=500"));
            assert!(of_day.contains(&record), "{resource} of {day}: {record}");
            for other in of_day {
                assert_eq!(other[field], day, "{resource}");
            }
        }
    }
}

#[test]
fn a_record_is_of_the_day_that_it_names_wherever_its_user_lives() {
    let s = Offline::new();
    check(&s, "demo");
    for user in ["u1", "u2"] {
        let token = s.access(user, &["pulseband", "strider"]);
        s.persona(user, Persona::Athlete);
        check(&s, &token);
    }
}

#[test]
fn a_record_is_of_the_day_that_it_names_whosever_clock_decides_on_others() {
    let s = Offline::new();
    s.assume(Assumption::DayBoundary, "utc");
    // Who lives there and gets up early does so on the day before, where Greenwich is asked.
    let early = (0..64).map(|user| format!("u{user}")).find(|user| {
        let token = s.access(user, &["pulseband", "strider"]);
        s.persona(user, Persona::Chronic);
        let newest = body(&s.read("/v1/human/sleeps?limit=1", &token));
        newest[0]["tzOffset"] == "+05:30"
    });
    let token = s.granted(CONNECT, "access", &early.unwrap(), "access_token");
    check(&s, &token);
}
