//! A filter that the service does not know for a resource is not there to be called.

use humanapi_core::data::medical::{Allergy, TimelineEntry};
use humanapi_core::data::{ById, List, Location};

fn main() {
    let _ = List::<Location>::new().with_limit(5).with_time_series();
    let day = "2026-01-02".parse().unwrap();
    let _ = List::<Allergy>::new().with_days(day, day);
    let _ = ById::<TimelineEntry>::new("5f0000000000000000002e01");
}
