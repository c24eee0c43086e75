//! Making a user, and with that placing an order.

use http::StatusCode;

use super::caller::{Caller, KNOWN_OTHERWISE, object};
use super::consumer_link;
use super::form::NewOrder;
use super::users::told_user;
use crate::assumption::Assumption;
use crate::call::Call;
use crate::incoming::BODY_LIMIT;
use crate::reply::{Problem, Reply, json};
use crate::request_log::LogDetails;
use crate::state::State;
use crate::world::{OrderFor, World};

pub(crate) fn create_user(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let now = world.clock.now();
    if parts(call.body) > BODY_LIMIT {
        let problem = "the body has more than a million parts";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, problem));
    }
    let fields = object(call).map_err(|problem| match problem.status {
        StatusCode::BAD_REQUEST => {
            Problem::invalid("payload", Vec::new(), "\"value\" must be of type object")
        }
        _ => problem,
    })?;
    let order = NewOrder::read(fields, world, now)?;
    details.client_user_id = Some(order.client_user_id.clone());
    let mut state = world.state();
    let known = state
        .find(caller.app, &order.client_user_id)
        .filter(|at| state.orders.applicant(*at).is_some());
    check_login(
        world,
        &state,
        caller.app,
        known,
        order.told.email.as_deref(),
    )?;
    let places = match known {
        None => true,
        Some(at) => match world.assumptions.value(Assumption::SecondOrder) {
            "always" => true,
            "never" => false,
            _ => !state.orders.is_busy(at),
        },
    };
    let at = match known.filter(|_| !places) {
        Some(at) => at,
        None => {
            let order = OrderFor {
                app: caller.app,
                client_user_id: &order.client_user_id,
                told: order.told,
                order_type: order.order_type,
                lacks: Vec::new(),
                at: now,
                request_id: &details.request_id,
            };
            world.place_order(&mut state, order)?
        }
    };
    let extras = world.assumptions.value(Assumption::UserExtras);
    let link = (state.orders.waits(at) && extras == "id-and-link")
        .then(|| consumer_link::write(&mut state, call, caller, at, now));
    let mut told = told_user(call, &state, at);
    if let Some(told) = &mut told {
        told.consumer_link = link;
    }
    drop(state);
    let status = match (world.assumptions.value(Assumption::CreateStatus), known) {
        ("201", _) | ("by-user", None) => StatusCode::CREATED,
        _ => StatusCode::ACCEPTED,
    };
    Ok(match world.assumptions.value(Assumption::CreateForm) {
        "object" => json(status, &told),
        _ => json(status, &told.as_slice()),
    })
}

/// How many values JSON has at most, a text however long it is being one.
///
/// Papers make an order long and have none of these signs; values without them would take many times the room of their text.
fn parts(json: &[u8]) -> usize {
    let signs = json.iter();
    signs
        .filter(|sign| matches!(sign, b',' | b':' | b'[' | b'{'))
        .count()
}

/// An id has one address for mail, and an address one id.
fn check_login(
    world: &World,
    state: &State,
    app: usize,
    known: Option<u32>,
    email: Option<&str>,
) -> Result<(), Problem> {
    let Some(email) = email else {
        return Ok(());
    };
    let own = known
        .and_then(|at| state.orders.applicant(at))
        .and_then(|one| one.told.email.as_ref());
    let is_other = own.is_some_and(|own| !own.eq_ignore_ascii_case(email));
    let is_taken = world.assumptions.is(Assumption::KnownEmail, "conflict")
        && state
            .orders
            .with_email(app, email)
            .is_some_and(|at| Some(at) != known);
    if is_other || is_taken {
        return Err(Problem::new(StatusCode::CONFLICT, KNOWN_OTHERWISE));
    }
    Ok(())
}
