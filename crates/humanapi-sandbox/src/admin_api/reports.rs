//! The reports that orders led to, and their content.

use http::StatusCode;
use http::header::HeaderValue;
use serde::Serialize;

use super::caller::{BAD_REQUEST, Caller, Meant, bad_request, named, not_found, parameter};
use crate::assumption::Assumption;
use crate::call::Call;
use crate::clock::{DAY, Millis, instant};
use crate::orders::{Applicant, COMBINED_OF, Order, ReportKind};
use crate::people::{self, Format, OrderedReport};
use crate::reply::{Problem, Reply, json, with_body};
use crate::request_log::LogDetails;
use crate::state::State;
use crate::subject::Subject;
use crate::world::World;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_report_names: Option<[&'static str; 2]>,
    reports: Vec<Report>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    id: String,
    file_extension: &'static str,
    uri: String,
    created_at: String,
    created_by_order_id: Option<String>,
    order_ids: Vec<String>,
    provider_ids: Vec<String>,
    client_provider_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_by: Option<&'static str>,
}

pub(crate) fn reports(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let meant = Meant::in_query(call);
    if meant.is_nobody() {
        return match world.assumptions.value(Assumption::ReportsOfNobody) {
            "empty-list" => Ok(json(StatusCode::OK, &[(); 0])),
            _ => Err(bad_request(world, "query", "humanId")),
        };
    }
    let order_id = parameter(call, "createdByOrderId");
    let state = world.state();
    let at = meant
        .find(&state, call, caller, details)
        .ok_or_else(not_found)?;
    let groups = groups(call, &state, at, order_id.as_deref());
    drop(state);
    Ok(json(StatusCode::OK, &groups))
}

fn groups(call: &Call<'_>, state: &State, at: u32, order_id: Option<&str>) -> Vec<Group> {
    let Some(applicant) = state.orders.applicant(at) else {
        return Vec::new();
    };
    let (until, now) = (call.world.readable_until(), call.world.clock.now());
    let is_readable = |order: &&Order| {
        made(order).is_some_and(|made| made <= until && !is_expired(call.world, made, now))
    };
    let orders: Vec<_> = state.orders.of(at).filter(is_readable).collect();
    let mut groups: Vec<Group> = Vec::new();
    for kind in ReportKind::ALL {
        // There is one of all records together, and it is no single order's.
        let of: Vec<_> = if kind.is_combined() {
            let last = orders.last().filter(|_| order_id.is_none());
            last.into_iter().copied().collect()
        } else {
            let is_asked = |order: &&&Order| order_id.is_none_or(|id| id == order.id);
            orders.iter().filter(is_asked).copied().collect()
        };
        for order in of {
            let Some(report) = told(call, state, applicant, order, kind) else {
                continue;
            };
            match groups.iter_mut().find(|group| group.name == kind.code) {
                Some(group) => group.reports.push(report),
                None => groups.push(Group {
                    name: kind.code,
                    base_report_names: kind.is_combined().then_some(COMBINED_OF),
                    reports: vec![report],
                }),
            }
        }
    }
    groups
}

fn told(
    call: &Call<'_>,
    state: &State,
    applicant: &Applicant,
    order: &Order,
    kind: ReportKind,
) -> Option<Report> {
    let id = state.orders.report_id(order, kind);
    let providers = applicant.told.providers.iter();
    let is_combined = kind.is_combined();
    let of_order = |text: &String| (!is_combined).then(|| text.clone());
    Some(Report {
        uri: format!("http://{}/api/v1/user/reports/{id}", call.host()),
        id,
        file_extension: kind.extension,
        created_at: instant(made(order)?),
        created_by_order_id: of_order(&order.id),
        order_ids: of_order(&order.id).into_iter().collect(),
        provider_ids: providers
            .clone()
            .filter_map(|one| of_order(&one.id))
            .collect(),
        client_provider_ids: providers
            .filter_map(|one| one.client_id.as_ref().and_then(of_order))
            .collect(),
        group_by: is_combined.then_some("user_id"),
    })
}

/// When the reports of an order were made.
fn made(order: &Order) -> Option<Millis> {
    order.retrieved
}

fn is_expired(world: &World, made: Millis, now: Millis) -> bool {
    world.assumptions.is(Assumption::ReportExpiry, "1-day") && made + DAY <= now
}

pub(crate) fn report(
    call: &Call<'_>,
    caller: &Caller<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let id = named(call)?;
    let now = world.clock.now();
    let (subject, kind, made, name) = {
        let state = world.state();
        let (order, kind) = state.orders.report(&id).ok_or_else(not_found)?;
        let at = order.user.ok_or_else(not_found)?;
        let user = state.user(at).filter(|user| user.app == caller.app);
        let user = user.ok_or_else(not_found)?;
        let made = made(order).ok_or_else(not_found)?;
        if made > world.readable_until() || is_expired(world, made, now) {
            return Err(not_found());
        }
        details.client_user_id = Some(user.client_user_id.to_string());
        let told = state.orders.applicant(at).map(|one| &one.told);
        let name = told.and_then(|told| {
            Some(format!(
                "{} {}",
                told.first_name.as_ref()?,
                told.last_name.as_ref()?
            ))
        });
        (Subject::of(user), kind, made, name)
    };
    let format = Format::find(kind.extension)
        .ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, BAD_REQUEST))?;
    let ordered = OrderedReport {
        code: kind.code,
        at: made,
        name: name.as_deref(),
    };
    let content = people::ordered_report(&world.ask(&subject), &ordered, format);
    let content_type = HeaderValue::from_static(format.content_type());
    Ok(with_body(StatusCode::OK, content_type, content))
}
