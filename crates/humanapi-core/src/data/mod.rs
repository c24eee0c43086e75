//! The health-data API: what a user's access token reads.

use http::Method;

use crate::answer::{self, Expected};
use crate::body::Body;
use crate::endpoint::{self, Request, Response};
use crate::error::{Asked, BuildError, ResponseError};
use crate::hosts::{Host, Hosts};

mod activities;
mod list;
mod paging;
mod profile;
mod query;
mod record;
mod summary;

pub use activities::{Activity, ListActivities, TimeSeries};
pub use list::{HasDays, HasTimeSeries, List, Resource};
pub use profile::{Profile, ReadProfile, TimeZoneName};
pub use record::{Comparator, Date, Field, FieldKind, Json, Number, Quantity, Record, Table};
pub use summary::{
    ActivitySummary, BloodPressure, HealthSummary, Measurement, ReadHealthSummary, SleepSummary,
};

fn get(hosts: &Hosts, path_and_query: &str) -> Result<Request, BuildError> {
    let uri = hosts.base(Host::Data).join(path_and_query)?;
    Ok(endpoint::build(Method::GET, uri, None))
}

/// The answer if it is a success that can hold one record.
fn object(response: Response) -> Result<Response, ResponseError> {
    accept(Expected::Object, response)
}

/// The answer if it is a success that can hold a list of records.
fn list(response: Response) -> Result<Response, ResponseError> {
    accept(Expected::List, response)
}

fn accept(expected: Expected, response: Response) -> Result<Response, ResponseError> {
    answer::accept(Asked::WithToken, expected, &response)?;
    // A record's bytes begin with the record.
    Ok(response.map(Body::without_byte_order_mark))
}
