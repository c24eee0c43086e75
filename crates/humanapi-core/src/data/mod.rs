//! The health-data API: what a user's access token reads.

use http::Method;

use crate::endpoint::{self, Request, Response};
use crate::error::{ApiError, Asked, BuildError, ResponseError};
use crate::hosts::{Host, Hosts};

mod activities;
mod paging;
mod profile;
mod query;
mod record;
mod summary;

pub use activities::{Activity, ListActivities, TimeSeries};
pub use profile::{Profile, ReadProfile, TimeZoneName};
pub use record::Record;
pub use summary::{
    ActivitySummary, BloodPressure, HealthSummary, Measurement, ReadHealthSummary, SleepSummary,
};

fn get(hosts: &Hosts, path_and_query: &str) -> Result<Request, BuildError> {
    let uri = hosts
        .base(Host::Data)
        .join(path_and_query)
        .map_err(|_| BuildError::Path)?;
    Ok(endpoint::build(Method::GET, uri, None))
}

fn success(response: Response) -> Result<Response, ResponseError> {
    if response.status().is_success() {
        return Ok(response);
    }
    Err(ApiError::read(Asked::WithToken, &response).into())
}
