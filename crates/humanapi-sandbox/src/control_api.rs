//! The control API: what [`Control`] does, as JSON over HTTP under `/sandbox/`.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::area::Area;
use crate::assumption::Assumption;
use crate::body::query_value;
use crate::call::Call;
use crate::changes;
use crate::clock;
use crate::control::{Control, ControlError};
use crate::fault::{Fault, FaultWire};
use crate::guard::Guard;
use crate::orders::{OrderState, TaskKind};
use crate::pages;
use crate::persona::UnknownPersona;
use crate::record_change::{RecordChange, RecordChangeWire};
use crate::reply::{Problem, Reply, empty, json, with_body};
use crate::source::Source;
use crate::token::TokenKind;

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// One call of the control API, let through by the guard.
pub(crate) struct ControlCall<'a> {
    control: Control,
    call: &'a Call<'a>,
}

type ControlResult = Result<Reply, Problem>;

impl<'a> ControlCall<'a> {
    pub(crate) fn new(call: &'a Call<'a>) -> Self {
        Self {
            control: Control::new(Arc::clone(call.world)),
            call,
        }
    }

    /// The application that the query names, or all.
    fn client_ids(&self) -> Vec<String> {
        match query_value(self.call.query(), "client_id") {
            Some(client_id) => vec![client_id],
            None => {
                let apps = self.control.apps().into_iter();
                apps.map(|app| app.client_id).collect()
            }
        }
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(self.call.body).map_err(|error| {
            // The text of a data error may quote the body, and the body may hold a token.
            let message = match error.classify() {
                serde_json::error::Category::Data => {
                    "the body lacks a field, or has one that is unknown or of the wrong type"
                }
                _ => "the body is not valid JSON",
            };
            Problem::coded(StatusCode::BAD_REQUEST, "invalid-body", message)
        })
    }
}

/// How often the sandbox has started over: the log's sequence begins anew then.
const EPOCH: HeaderName = HeaderName::from_static("x-sandbox-epoch");

fn ok<T: Serialize>(value: &T) -> ControlResult {
    Ok(json(StatusCode::OK, value))
}

fn done() -> ControlResult {
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(crate) fn apps(call: &ControlCall<'_>) -> ControlResult {
    ok(&call.control.apps())
}

pub(crate) fn sources(_: &ControlCall<'_>) -> ControlResult {
    ok(&Source::ALL)
}

pub(crate) fn users(call: &ControlCall<'_>) -> ControlResult {
    let mut users = Vec::new();
    for client_id in call.client_ids() {
        users.extend(call.control.users(&client_id)?);
    }
    ok(&users)
}

pub(crate) fn events(call: &ControlCall<'_>) -> ControlResult {
    // Each of them holds a connection for as long as it likes.
    Guard::check_same_site(call.call.headers(), call.call.host())?;
    let watch = call.call.world.changes.watch().ok_or_else(|| {
        Problem::coded(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-watchers",
            "too many watch already; try again when one has left",
        )
    })?;
    let mut reply = with_body(StatusCode::OK, EVENTS, changes::FIRST);
    reply
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply.extensions_mut().insert(watch);
    Ok(reply)
}

pub(crate) fn dashboard(call: &ControlCall<'_>) -> ControlResult {
    let mut page = pages::dashboard(call.call);
    // It is the same page, so it is kept as private.
    Area::Watch.dress(&mut page);
    Ok(page)
}

pub(crate) fn connect(call: &ControlCall<'_>) -> ControlResult {
    let body: ConnectBody = call.read()?;
    if body.start {
        Control::source(&body.source)?;
        call.control
            .start_user(&body.client_id, &body.client_user_id)?;
    }
    ok(&call
        .control
        .connect_source(&body.client_id, &body.client_user_id, &body.source)?)
}

pub(crate) fn disconnect(call: &ControlCall<'_>) -> ControlResult {
    let body: SourceBody = call.read()?;
    ok(&call
        .control
        .disconnect_source(&body.client_id, &body.client_user_id, &body.source)?)
}

pub(crate) fn delete_user(call: &ControlCall<'_>) -> ControlResult {
    let body: UserBody = call.read()?;
    call.control
        .delete_user(&body.client_id, &body.client_user_id)?;
    done()
}

pub(crate) fn persona(call: &ControlCall<'_>) -> ControlResult {
    let body: PersonaBody = call.read()?;
    let persona = body
        .persona
        .parse()
        .map_err(|UnknownPersona { name }| ControlError::UnknownPersona { name })?;
    ok(&call
        .control
        .set_persona(&body.client_id, &body.client_user_id, persona)?)
}

pub(crate) fn change_records(call: &ControlCall<'_>) -> ControlResult {
    let body: RecordBody = call.read()?;
    let change = RecordChange::try_from(body.change).map_err(ControlError::from)?;
    call.control
        .change_records(&body.client_id, &body.client_user_id, change)?;
    done()
}

pub(crate) fn orders(call: &ControlCall<'_>) -> ControlResult {
    let mut orders = Vec::new();
    for client_id in call.client_ids() {
        orders.extend(call.control.orders(&client_id)?);
    }
    ok(&orders)
}

pub(crate) fn await_order(call: &ControlCall<'_>) -> ControlResult {
    let body: AwaitBody = call.read()?;
    let order = call
        .control
        .order_of(&body.client_id, body.client_user_id)?;
    ok(&order.wait_for(body.state)?)
}

pub(crate) fn order_tasks(call: &ControlCall<'_>) -> ControlResult {
    let body: TasksBody = call.read()?;
    let order = call
        .control
        .order_of(&body.client_id, body.client_user_id)?;
    ok(&match body.open {
        Some(kind) => order.open_task(kind)?,
        None => order.do_tasks()?,
    })
}

pub(crate) fn ledger(call: &ControlCall<'_>) -> ControlResult {
    ok(&call.control.ledger())
}

pub(crate) fn clock(call: &ControlCall<'_>) -> ControlResult {
    let clock = &call.call.world.clock;
    ok(&ClockFace {
        now: clock::instant(clock.now()),
        frozen: clock.is_frozen(),
    })
}

pub(crate) fn advance(call: &ControlCall<'_>) -> ControlResult {
    let body: ClockBody = call.read()?;
    call.control
        .advance_clock(Duration::from_secs(body.seconds))?;
    clock(call)
}

pub(crate) fn faults(call: &ControlCall<'_>) -> ControlResult {
    ok(&call.control.faults())
}

pub(crate) fn plan_fault(call: &ControlCall<'_>) -> ControlResult {
    let wire: FaultWire = call.read()?;
    let fault = Fault::try_from(wire).map_err(ControlError::from)?;
    let reply = json(StatusCode::CREATED, &fault);
    call.control.plan_fault(fault)?;
    Ok(reply)
}

pub(crate) fn clear_faults(call: &ControlCall<'_>) -> ControlResult {
    call.control.clear_faults();
    done()
}

pub(crate) fn requests(call: &ControlCall<'_>) -> ControlResult {
    let (epoch, requests) = call.control.requests_with_epoch();
    let mut reply = json(StatusCode::OK, &requests);
    reply.headers_mut().insert(EPOCH, epoch.into());
    Ok(reply)
}

pub(crate) fn clear_requests(call: &ControlCall<'_>) -> ControlResult {
    call.control.clear_requests();
    done()
}

pub(crate) fn exchanges(call: &ControlCall<'_>) -> ControlResult {
    ok(&call.control.exchanges())
}

pub(crate) fn assumptions(call: &ControlCall<'_>) -> ControlResult {
    ok(&call.control.assumptions())
}

pub(crate) fn set_assumption(call: &ControlCall<'_>) -> ControlResult {
    let body: AssumptionBody = call.read()?;
    call.control.set_assumption(body.name, &body.value)?;
    let settings = call.control.assumptions();
    ok(&settings.iter().find(|setting| setting.name == body.name))
}

pub(crate) fn token_kind(call: &ControlCall<'_>) -> ControlResult {
    let body: TokenBody = call.read()?;
    ok(&KindAnswer {
        kind: call.control.issued_token_kind(&body.token),
    })
}

pub(crate) fn revoke(call: &ControlCall<'_>) -> ControlResult {
    let body: TokenBody = call.read()?;
    call.control.revoke_token(&body.token)?;
    done()
}

pub(crate) fn reset(call: &ControlCall<'_>) -> ControlResult {
    call.control.reset();
    done()
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let (status, name) = match &error {
            ControlError::UnknownApp { .. } => (StatusCode::NOT_FOUND, "unknown-app"),
            ControlError::UnknownUser { .. } => (StatusCode::NOT_FOUND, "unknown-user"),
            ControlError::UnknownSource { .. } => (StatusCode::NOT_FOUND, "unknown-source"),
            ControlError::UnknownToken => (StatusCode::NOT_FOUND, "unknown-token"),
            ControlError::UnknownValue { .. } => (StatusCode::BAD_REQUEST, "unknown-value"),
            ControlError::UnknownPersona { .. } => (StatusCode::BAD_REQUEST, "unknown-persona"),
            ControlError::InvalidRecordChange(_) => (StatusCode::BAD_REQUEST, "invalid-change"),
            ControlError::TooManyRecordChanges => {
                (StatusCode::INSUFFICIENT_STORAGE, "too-many-changes")
            }
            ControlError::InvalidFault(problem) => {
                let message = problem.to_string();
                return Self::coded(StatusCode::BAD_REQUEST, "invalid-fault", message);
            }
            ControlError::EmptyUserId => (StatusCode::BAD_REQUEST, "empty-user-id"),
            ControlError::NothingOrdered { .. } => (StatusCode::NOT_FOUND, "nothing-ordered"),
            ControlError::OrderNotThere { .. } => (StatusCode::CONFLICT, "order-not-there"),
            ControlError::TooManyUsers => (StatusCode::INSUFFICIENT_STORAGE, "too-many-users"),
            ControlError::ClockRange => (StatusCode::BAD_REQUEST, "clock-range"),
        };
        Self::coded(status, name, error.to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceBody {
    client_id: String,
    client_user_id: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectBody {
    client_id: String,
    client_user_id: String,
    source: String,
    /// Makes the user first, where there is none.
    #[serde(default)]
    start: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    client_id: String,
    client_user_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonaBody {
    client_id: String,
    client_user_id: String,
    persona: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitBody {
    client_id: String,
    client_user_id: String,
    state: OrderState,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TasksBody {
    client_id: String,
    client_user_id: String,
    /// The task to open; without one, all open ones are done.
    #[serde(default)]
    open: Option<TaskKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordBody {
    client_id: String,
    client_user_id: String,
    change: RecordChangeWire,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssumptionBody {
    name: Assumption,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    token: String,
}

#[derive(Serialize)]
struct ClockFace {
    now: String,
    frozen: bool,
}

#[derive(Serialize)]
struct KindAnswer {
    kind: Option<TokenKind>,
}
