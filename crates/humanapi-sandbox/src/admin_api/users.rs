//! The users that were ordered for, with their orders, and where their records come from.

use http::StatusCode;
use serde::Serialize;

use super::caller::{Caller, Meant, named, not_found, number};
use crate::assumption::Assumption;
use crate::call::Call;
use crate::clock::instant;
use crate::orders::Order;
use crate::reply::{Problem, Reply, json};
use crate::request_log::LogDetails;
use crate::seed::{Numbers, keyed};
use crate::state::State;
use crate::user::UserStatus;
use crate::world::World;

/// A user as the service tells of one, in either of its two forms.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToldUser {
    human_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_id: Option<String>,
    client_user_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_of_birth: Option<String>,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    suggested_sources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consumer_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<ToldOrder>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldOrder {
    order_id: String,
    order_type: &'static str,
    order_type_alias: &'static str,
    order_status: String,
    reports_available: bool,
    data_available: bool,
}

/// A user with a status and without orders.
pub(super) fn told_user(call: &Call<'_>, state: &State, at: u32) -> Option<ToldUser> {
    let world: &World = call.world;
    let (user, applicant) = (state.user(at)?, state.orders.applicant(at)?);
    let told = &applicant.told;
    let moved = state.orders.of(at).map(|order| order.since).max();
    let updated = moved.unwrap_or_default().max(applicant.updated);
    let is_connected = user.status(world.keeps_status()) == UserStatus::Connected;
    let invites = told.invites && world.assumptions.is(Assumption::InviteLink, "pis-id");
    let has_id = !world.assumptions.is(Assumption::UserExtras, "none");
    Some(ToldUser {
        human_id: user.human_id.clone(),
        client_user_id: has_id.then(|| user.client_user_id.to_string()),
        client_user_email: told.email.clone().unwrap_or_default(),
        first_name: told.first_name.clone(),
        last_name: told.last_name.clone(),
        date_of_birth: told.birth_date.map(instant),
        created_at: instant(applicant.created),
        updated_at: instant(updated),
        status: Some(
            match world.assumptions.value(Assumption::OrderedUserStatus) {
                "always-invited" => "Invited",
                _ if is_connected => "Connected",
                _ => "Invited",
            },
        ),
        suggested_sources: told.suggested_sources.clone(),
        invite_link: invites.then(|| {
            let start = keyed(world.seed, &[b"invitation", user.human_id.as_bytes()]);
            format!(
                "http://{}/?pisId={}",
                call.host(),
                Numbers::new(start).uuid()
            )
        }),
        consumer_link: None,
        orders: None,
    })
}

fn told_order(world: &World, order: &Order) -> ToldOrder {
    let is_there = order.retrieved.is_some();
    ToldOrder {
        order_id: order.id.clone(),
        order_type: order.order_type.code,
        order_type_alias: order.order_type.alias,
        order_status: world.spell(order.state),
        reports_available: is_there,
        data_available: is_there,
    }
}

pub(crate) fn users(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let offset = number(call, "offset", 0)?;
    let meant = Meant::in_query(call);
    let size = match world.assumptions.value(Assumption::UsersPage) {
        "20" => 20,
        "100" => 100,
        _ => 50,
    };
    let state = world.state();
    let found: Vec<u32> = if !meant.is_nobody() {
        let one = meant.find(&state, call, caller, details);
        if one.is_none() && world.assumptions.is(Assumption::NoSuchUsers, "404") {
            return Err(not_found());
        }
        one.into_iter().skip(offset).collect()
    } else {
        let all = state.orders.users(caller.app);
        let until = world.readable_until();
        // The oldest stand first, so those that cannot be read yet stand at the end.
        let readable = all.partition_point(|at| {
            state
                .orders
                .applicant(*at)
                .is_some_and(|one| one.created <= until)
        });
        let all = all.get(..readable).unwrap_or_default().iter().copied();
        if world.assumptions.is(Assumption::UsersOrder, "newest-first") {
            all.rev().skip(offset).take(size).collect()
        } else {
            all.skip(offset).take(size).collect()
        }
    };
    let told: Vec<_> = (found.into_iter())
        .filter_map(|at| told_user(call, &state, at))
        .collect();
    drop(state);
    Ok(json(StatusCode::OK, &told))
}

pub(crate) fn user(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let meant = Meant {
        human_id: Some(named(call)?),
        client_user_id: None,
    };
    let state = world.state();
    let at = meant
        .find(&state, call, caller, details)
        .ok_or_else(not_found)?;
    let mut told = told_user(call, &state, at).ok_or_else(not_found)?;
    if world.assumptions.is(Assumption::UserDetails, "orders") {
        let until = world.readable_until();
        let readable = state.orders.of(at).filter(|order| order.placed <= until);
        told.orders = Some(readable.map(|order| told_order(world, order)).collect());
        told.status = None;
        told.invite_link = None;
    }
    drop(state);
    Ok(json(StatusCode::OK, &told))
}

#[derive(Serialize)]
struct ToldProvider<'a> {
    id: &'a str,
    name: &'a str,
}

pub(crate) fn providers(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let meant = Meant::in_query(call).exactly_one(call, "query")?;
    let state = call.world.state();
    let at = meant
        .find(&state, call, caller, details)
        .ok_or_else(not_found)?;
    let named = state
        .orders
        .applicant(at)
        .map_or(&[][..], |one| &one.told.providers);
    let connected = state.user(at).map_or(&[][..], |user| &user.connections);
    let named = named.iter().map(|one| ToldProvider {
        id: &one.id,
        name: &one.name,
    });
    let connected = connected.iter().map(|source| ToldProvider {
        id: source.id,
        name: source.name,
    });
    let reply = json(StatusCode::OK, &named.chain(connected).collect::<Vec<_>>());
    drop(state);
    Ok(reply)
}
