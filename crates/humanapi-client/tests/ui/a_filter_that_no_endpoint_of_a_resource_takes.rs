//! A filter that the service does not know for a resource is not there to be called.

use humanapi_client::core::data::medical::{Allergy, TimelineEntry};
use humanapi_client::core::data::{ActivitySummary, ById, List, Location, Meal, OnDay};

fn main() {
    let _ = List::<Location>::new().with_limit(5).with_time_series();
    let day = "2026-01-02".parse().unwrap();
    let _ = List::<Allergy>::new().with_days(day, day);
    let _ = OnDay::<Meal>::new(day);
    let _ = OnDay::<ActivitySummary>::new(day).with_limit(5);
    let _ = ById::<Location>::new("5f0000000000000000000f21").with_time_series();
    let _ = ById::<TimelineEntry>::new("5f0000000000000000002e01");
}
