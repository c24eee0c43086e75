//! Aborting a user's order, and having its records retrieved again.

use http::StatusCode;
use serde_json::Value;

use super::caller::{Caller, Meant, OVER, bad_request, not_found, object};
use crate::assumption::Assumption;
use crate::call::Call;
use crate::reply::{Problem, Reply, empty};
use crate::request_log::LogDetails;

pub(crate) fn act(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world = call.world;
    let mut fields = object(call)?;
    let aborts = match fields.remove("action").as_ref().and_then(Value::as_str) {
        Some("abort") => true,
        Some("resync") => false,
        _ => return Err(bad_request(world, "payload", "action")),
    };
    let meant = Meant::in_body(call, &mut fields)?.exactly_one(call, "payload")?;
    let mut state = world.state();
    let at = meant
        .find(&state, call, caller, details)
        .ok_or_else(not_found)?;
    let enabled = world.assumptions.value(Assumption::ActionsEnabled);
    if enabled == "none" || (enabled == "abort" && !aborts) {
        return Err(not_found());
    }
    let now = world.clock.now();
    if aborts {
        if !state.abort(at, now) {
            return Err(Problem::new(StatusCode::CONFLICT, OVER));
        }
    } else if world.assumptions.is(Assumption::Resync, "retrieves-again") {
        state.orders.retrieve_again(at, now);
    }
    drop(state);
    Ok(empty(StatusCode::ACCEPTED))
}
