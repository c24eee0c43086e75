//! Who is told by e-mail how a user's order goes on.

use http::StatusCode;
use serde_json::{Map, Value};

use super::caller::{
    Caller, KNOWN_OTHERWISE, Meant, bad_request, named, not_found, number, object, parameter,
};
use crate::assumption::Assumption;
use crate::call::Call;
use crate::orders::Subscription;
use crate::reply::{Problem, Reply, empty, json};
use crate::request_log::LogDetails;
use crate::state::State;

/// The only role that there is.
const ROLE: &str = "producer";

pub(crate) fn subscriptions(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world = call.world;
    let needed = |name| parameter(call, name).ok_or_else(|| bad_request(world, "query", name));
    let client_user_id = needed("clientUserId")?;
    let email = needed("subscriberEmail")?;
    if needed("role")? != ROLE {
        return Err(bad_request(world, "query", "role"));
    }
    if world
        .assumptions
        .is(Assumption::SubscriptionQuery, "refused")
    {
        for name in ["query", "sort"] {
            if parameter(call, name).is_some() {
                return Err(bad_request(world, "query", name));
            }
        }
    }
    let (offset, limit) = (number(call, "offset", 0)?, number(call, "limit", 50)?);
    let meant = Meant {
        client_user_id: Some(client_user_id),
        human_id: None,
    };
    let state = world.state();
    let Some(at) = meant.find(&state, call, caller, details) else {
        return match world.assumptions.value(Assumption::NoSuchUsers) {
            "404" => Err(not_found()),
            _ => Ok(json(StatusCode::OK, &[(); 0])),
        };
    };
    let found = state.orders.subscriptions(at, &email);
    let page: Vec<_> = found.skip(offset).take(limit).cloned().collect();
    drop(state);
    Ok(json(StatusCode::OK, &page))
}

pub(crate) fn subscribe(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world = call.world;
    let mut fields = object(call)?;
    let needed = |fields: &mut Map<String, Value>, name| match fields.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(bad_request(world, "payload", name)),
    };
    let optional = |fields: &mut Map<String, Value>, name| match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad_request(world, "payload", name)),
    };
    let client_user_id = needed(&mut fields, "clientUserId")?;
    let subscriber_email = needed(&mut fields, "subscriberEmail")?;
    if needed(&mut fields, "role")? != ROLE {
        return Err(bad_request(world, "payload", "role"));
    }
    let first = optional(&mut fields, "subscriberFirstName")?;
    let last = optional(&mut fields, "subscriberLastName")?;
    let office = optional(&mut fields, "subscriberOffice")?;
    let meant = Meant {
        client_user_id: Some(client_user_id.clone()),
        human_id: None,
    };
    let mut state = world.state();
    let at = meant
        .find(&state, call, caller, details)
        .ok_or_else(not_found)?;
    if state
        .orders
        .subscriptions(at, &subscriber_email)
        .next()
        .is_some()
    {
        return Err(Problem::new(StatusCode::CONFLICT, KNOWN_OTHERWISE));
    }
    let subscription = Subscription {
        id: state.orders.next_subscription(),
        user: at,
        client_user_id,
        subscriber_email,
        role: ROLE,
        subscriber_first_name: first,
        subscriber_last_name: last,
        subscriber_office: office,
        created_at: world.clock.now(),
    };
    state.subscribe(subscription.clone())?;
    drop(state);
    Ok(json(StatusCode::CREATED, &[subscription]))
}

pub(crate) fn subscription(
    call: &Call<'_>,
    caller: &Caller<'_>,
    _: &mut LogDetails,
) -> Result<Reply, Problem> {
    let state = call.world.state();
    let found = find(&state, caller, &named(call)?)?;
    let reply = json(StatusCode::OK, found);
    drop(state);
    Ok(reply)
}

pub(crate) fn unsubscribe(
    call: &Call<'_>,
    caller: &Caller<'_>,
    _: &mut LogDetails,
) -> Result<Reply, Problem> {
    let id = named(call)?;
    let mut state = call.world.state();
    find(&state, caller, &id)?;
    state.unsubscribe(&id);
    drop(state);
    Ok(empty(StatusCode::OK))
}

/// One of the application's own.
fn find<'s>(state: &'s State, caller: &Caller<'_>, id: &str) -> Result<&'s Subscription, Problem> {
    let found = state.orders.subscription(id);
    let is_own = |one: &&Subscription| {
        state
            .user(one.user)
            .is_some_and(|user| user.app == caller.app)
    };
    found.filter(is_own).ok_or_else(not_found)
}
