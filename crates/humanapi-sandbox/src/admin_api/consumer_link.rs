//! The address at which a user does what an order lacks.

use http::StatusCode;
use serde::Serialize;

use super::caller::{Caller, Meant, not_found, object};
use crate::call::Call;
use crate::clock::Millis;
use crate::reply::{Problem, Reply, json};
use crate::request_log::LogDetails;
use crate::state::State;
use crate::token::TokenKind;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConsumerLink<'a> {
    consumer_link: String,
    client_id: &'a str,
}

pub(crate) fn consumer_link(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world = call.world;
    let mut fields = object(call)?;
    let meant = Meant::in_body(call, &mut fields)?.any(call, "payload")?;
    let mut state = world.state();
    let at = meant
        .find(&state, call, caller, details)
        .ok_or_else(not_found)?;
    let link = write(&mut state, call, caller, at, world.clock.now());
    drop(state);
    Ok(json(
        StatusCode::OK,
        &ConsumerLink {
            consumer_link: link,
            client_id: &caller.credentials.client_id,
        },
    ))
}

/// A link that opens the Task Manager for eight hours.
pub(super) fn write(
    state: &mut State,
    call: &Call<'_>,
    caller: &Caller<'_>,
    user: u32,
    now: Millis,
) -> String {
    let token = state.issue(TokenKind::Tasks, user, false, now).text;
    let (host, client_id) = (call.host(), &caller.credentials.client_id);
    format!("http://{host}/tasks?clientId={client_id}&rq={token}")
}
