//! What the service cannot narrow to changes is not there to be kept in step with.

use humanapi_client::core::data::medical::{Organization, Report};
use humanapi_client::core::data::{Activity, Changes, GeneticTrait, List, Source};

fn main() {
    let _ = Changes::new(List::<Activity>::new(), None);
    let _ = Changes::new(List::<Source>::new(), None);
    let _ = Changes::new(List::<GeneticTrait>::new(), None);
    let _ = Changes::new(List::<Organization>::new(), None);
    let _ = Changes::new(List::<Report>::new(), None);
}
