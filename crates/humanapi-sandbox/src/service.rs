//! The whole service without a socket: finds the route of a request, and puts guards, faults and the log around what it does.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode, request::Parts};
use serde_json::Value;

use crate::admin_api::Caller;
use crate::apps_api::{self, App};
use crate::area::Area;
use crate::assumption::Assumption;
use crate::call::Call;
use crate::clock;
use crate::control_api::ControlCall;
use crate::data;
use crate::fault::FaultKind;
use crate::guard::Guard;
use crate::incoming::Incoming;
use crate::openapi;
use crate::reply::{self, Problem, REQUEST_ID, Reply};
use crate::request_log::LogDetails;
use crate::routes::{self, Found, Handler};
use crate::subject::Subject;
use crate::token_service;
use crate::world::World;

const SERVER: HeaderValue = HeaderValue::from_static(concat!(
    "humanapi-sandbox/",
    env!("CARGO_PKG_VERSION"),
    " (for development and tests only)"
));

/// The side of a [`World`] that is turned to callers.
pub(crate) struct Service {
    pub(crate) world: Arc<World>,
    pub(crate) guard: Guard,
}

/// Says nothing of the guard, which holds the control token.
impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

/// What comes of a request.
pub(crate) struct Outcome {
    /// `None`: the connection closes without an answer.
    pub(crate) reply: Option<Reply>,
    /// How long the answer waits.
    pub(crate) delay: Option<Duration>,
    /// The answer breaks off half-way through its body.
    pub(crate) truncated: bool,
}

impl Service {
    pub(crate) fn new(world: Arc<World>, guard: Guard) -> Self {
        Self { world, guard }
    }

    pub(crate) fn handle(&self, incoming: Incoming) -> Outcome {
        let head = &incoming.head;
        let found = routes::find(&head.method, head.uri.path(), head.uri.query());
        if let Err(refusal) = self.guard.check_host(incoming.host.as_deref()) {
            let details = self.details();
            let problem = Problem::from(refusal);
            // Whoever it is for, it is not for this one, and so speaks for no area.
            let reply =
                Area::Control.write(&self.world, &problem, &incoming, None, &details.request_id);
            return self.finish(head, details, reply, None, None);
        }
        if found.area.is_aside() {
            return Outcome {
                reply: Some(self.sign(self.answer(&incoming, &found, &mut LogDetails::default()))),
                delay: None,
                truncated: false,
            };
        }
        let mut details = self.details();
        let hit = self.world.faults.hit(&head.method, head.uri.path());
        let takes_effect = hit.kind.as_ref().is_none_or(FaultKind::takes_effect);
        let answer = takes_effect.then(|| self.answer(&incoming, &found, &mut details));
        let reply = match &hit.kind {
            Some(FaultKind::Status {
                status,
                retry_after,
                error_code,
                takes_effect: _,
            }) => {
                let problem = planned_problem(*status, error_code.as_deref());
                let mut reply = self.refuse(&incoming, &found, &problem, &details);
                if let Some(text) = retry_after
                    && let Ok(value) = HeaderValue::from_str(text)
                {
                    reply.headers_mut().insert(header::RETRY_AFTER, value);
                }
                reply
            }
            Some(FaultKind::Intermediary { status, body, .. }) => {
                body.reply(StatusCode::from_u16(*status).unwrap_or(StatusCode::FORBIDDEN))
            }
            // Nobody sees the answer to what had no effect.
            _ => answer.unwrap_or_else(|| reply::empty(StatusCode::OK)),
        };
        self.finish(head, details, reply, hit.kind, hit.delay)
    }

    /// A note with the next request id.
    fn details(&self) -> LogDetails {
        LogDetails {
            request_id: self.world.next_request_id(),
            ..LogDetails::default()
        }
    }

    /// The answer of a route, or the refusal of its area.
    fn answer(&self, incoming: &Incoming, found: &Found, details: &mut LogDetails) -> Reply {
        match self.run(incoming, found, details) {
            Ok(mut reply) => {
                found.area.dress(&mut reply);
                reply
            }
            Err(problem) => self.refuse(incoming, found, &problem, details),
        }
    }

    fn refuse(
        &self,
        incoming: &Incoming,
        found: &Found,
        problem: &Problem,
        details: &LogDetails,
    ) -> Reply {
        let id = &details.request_id;
        let area = found.area;
        let mut reply = area.write(&self.world, problem, incoming, found.allow, id);
        area.dress(&mut reply);
        reply
    }

    fn run(
        &self,
        incoming: &Incoming,
        found: &Found,
        details: &mut LogDetails,
    ) -> Result<Reply, Problem> {
        let head = &incoming.head;
        let host = incoming.host.as_deref().unwrap_or_default();
        if found.area == Area::Control {
            self.guard
                .check_control(&head.method, &head.headers, host)?;
        }
        if let Some(allow) = found.allow
            && head.method == Method::OPTIONS
            && found.area.tells_options()
        {
            return Ok(told_options(allow));
        }
        let Some(handler) = found.handler else {
            let problem = self.nothing_found(incoming, found, details);
            if found.area == Area::Data
                && problem.status == StatusCode::NOT_FOUND
                && self
                    .world
                    .assumptions
                    .is(Assumption::UnknownPaths, "empty-list")
            {
                return Ok(reply::json(StatusCode::OK, &[(); 0]));
            }
            return Err(problem);
        };
        let body = incoming.body.as_ref().map_err(|fault| fault.problem())?;
        let call = Call {
            world: &self.world,
            guard: &self.guard,
            incoming,
            body,
            parameters: &found.parameters,
        };
        match handler {
            Handler::Tokens(endpoint) => Ok(token_service::exchange(endpoint, &call, details)),
            Handler::Data(read) => self.read(&call, details, read),
            Handler::Records(resource, place) => self.read(&call, details, |call, subject| {
                data::read(resource, place, call, subject)
            }),
            Handler::App(act) => {
                let app = app_of(&call, details)?;
                let reply = act(&call, &app)?;
                Ok(data::tag(reply, &head.headers, &self.world.assumptions))
            }
            Handler::Batch(resource) => {
                let app = app_of(&call, details)?;
                let reply = apps_api::batch(&call, &app, resource)?;
                Ok(data::tag(reply, &head.headers, &self.world.assumptions))
            }
            Handler::Admin(act) => {
                let caller = Caller::of(&call, details)?;
                act(&call, &caller, details)
            }
            Handler::AdminOpen(act) | Handler::Connect(act) => act(&call, details),
            Handler::Watch(show) => Ok(show(&call)),
            Handler::Control(control) => control(&ControlCall::new(&call)),
            Handler::OpenApi => Ok(reply::json(StatusCode::OK, told_table())),
        }
    }

    /// Health data of whomever the access token belongs to.
    fn read(
        &self,
        call: &Call<'_>,
        details: &mut LogDetails,
        read: impl FnOnce(&Call<'_>, &Subject) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let assumptions = &self.world.assumptions;
        let head = &call.incoming.head;
        if head.method == Method::HEAD && assumptions.is(Assumption::Head, "405") {
            return Err(other_methods());
        }
        let subject = data::subject(call.world, call.incoming, details)?;
        let reply = data::tag(read(call, &subject)?, &head.headers, assumptions);
        Ok(data::compress(reply, &head.headers, assumptions))
    }

    /// Why there is no route: nothing is at the path, or nothing by the method.
    fn nothing_found(
        &self,
        incoming: &Incoming,
        found: &Found,
        details: &mut LogDetails,
    ) -> Problem {
        let reads = [Method::GET, Method::HEAD].contains(&incoming.head.method);
        if found.exists || (found.area == Area::Data && !reads) {
            return other_methods();
        }
        if found.area == Area::Data
            && let Err(problem) = data::subject(&self.world, incoming, details)
        {
            return problem;
        }
        Problem::not_found()
    }

    /// Puts the headers on, logs, and lets a planned fault spoil the answer.
    fn finish(
        &self,
        head: &Parts,
        details: LogDetails,
        mut reply: Reply,
        fault: Option<FaultKind>,
        delay: Option<Duration>,
    ) -> Outcome {
        let in_header = matches!(
            self.world.assumptions.value(Assumption::RequestId),
            "both" | "header"
        );
        let is_ours = !matches!(fault, Some(FaultKind::Intermediary { .. }));
        if is_ours
            && in_header
            && let Ok(id) = HeaderValue::from_str(&details.request_id)
        {
            reply.headers_mut().insert(REQUEST_ID, id);
        }
        let dropped = matches!(fault, Some(FaultKind::DropBefore | FaultKind::DropAfter));
        let truncated = matches!(fault, Some(FaultKind::TruncatedBody));
        if matches!(fault, Some(FaultKind::GarbageBody)) {
            *reply.body_mut() = Bytes::from_static(GARBAGE);
            reply.headers_mut().remove(header::ETAG);
        }
        if reply::is_bare(reply.status()) {
            reply.body_mut().clear();
            reply.headers_mut().remove(header::CONTENT_TYPE);
        }
        let status = (!dropped).then(|| reply.status().as_u16());
        let name = match (&fault, delay) {
            (Some(kind), _) => Some(kind.name()),
            (None, Some(by)) => Some(FaultKind::Delay(by).name()),
            (None, None) => None,
        };
        self.world.log.push(
            self.world.clock.now(),
            &head.method,
            &head.uri,
            status,
            details,
            name,
        );
        self.world.changes.tell();
        Outcome {
            reply: (!dropped).then(|| self.sign(reply)),
            delay,
            truncated,
        }
    }

    /// Says on every answer what this is, and what its clock shows, which need not be the machine's.
    fn sign(&self, mut reply: Reply) -> Reply {
        let date = clock::http_date(self.world.clock.now());
        reply.headers_mut().insert(header::SERVER, SERVER);
        reply.headers_mut().insert(header::DATE, date);
        reply
    }
}

/// The application whose key came with a call.
fn app_of<'a>(call: &Call<'a>, details: &mut LogDetails) -> Result<App<'a>, Problem> {
    let app = App::of(call)?;
    details.client_id = Some(app.client_id().to_owned());
    Ok(app)
}

/// The table of routes as an OpenAPI document.
fn told_table() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(&routes::table()));
    &DOCUMENT
}

fn other_methods() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path has other methods",
    )
}

/// Bytes that are neither JSON nor UTF-8.
const GARBAGE: &[u8] = b"\xff\xfe{\"garbage\": \x00 <html>";

fn told_options(allow: &str) -> Reply {
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        reply.headers_mut().insert(header::ALLOW, allow);
    }
    reply
}

fn planned_problem(status: u16, error_code: Option<&str>) -> Problem {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Problem {
        code: error_code.map(|code| Cow::Owned(code.to_owned())),
        ..Problem::new(status, "a planned fault")
    }
}
