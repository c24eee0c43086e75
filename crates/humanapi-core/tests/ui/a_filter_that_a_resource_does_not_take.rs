//! A filter that the service does not know for a resource is not there to be called.

use humanapi_core::data::{List, Resource};

enum Allergies {}

impl Resource for Allergies {
    const NAME: &'static str = "data.allergies";
    const PATH: &'static str = "/v1/human/medical/allergies";
    type Record = humanapi_core::data::Profile;
}

fn main() {
    let _ = List::<Allergies>::new().with_limit(5).with_time_series();
}
