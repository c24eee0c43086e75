//! The types of order that an application may place.

use http::StatusCode;

use super::caller::Caller;
use crate::assumption::Assumption;
use crate::call::Call;
use crate::orders::OrderType;
use crate::reply::{Problem, Reply, json};
use crate::request_log::LogDetails;

pub(crate) fn order_types(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let world = call.world;
    // That it needs a token is not documented for this operation alone.
    if world.assumptions.is(Assumption::OrderTypesToken, "needed") {
        Caller::of(call, details)?;
    }
    Ok(json(StatusCode::OK, &OrderType::all()))
}
