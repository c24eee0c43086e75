//! The whole service without a socket: routing, guards, faults and the log around the handlers.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode, request::Parts};
use serde::Serialize;

use crate::assumption::Assumption;
use crate::fault::FaultKind;
use crate::guard::{Guard, TurnedAway};
use crate::reply::{self, Problem, REQUEST_ID, Reply};
use crate::request_log::Note;
use crate::token_service::Desk;
use crate::world::World;

/// The longest body that is read.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

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

/// Why there is no body to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It was longer than [`BODY_LIMIT`].
    TooLong,
    /// It did not arrive in time.
    TooSlow,
}

impl BodyFault {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::TooLong => "the body is longer than 1 MiB",
            Self::TooSlow => "the body took too long to arrive",
        }
    }
}

/// A request on its way in.
pub(crate) struct Incoming {
    pub(crate) head: Parts,
    pub(crate) body: Result<Bytes, BodyFault>,
    /// The host it is for, if it says so.
    pub(crate) host: Option<String>,
}

impl Incoming {
    pub(crate) fn new(request: Request<()>, body: Result<Bytes, BodyFault>) -> Self {
        let (head, ()) = request.into_parts();
        let host = match head.uri.authority() {
            Some(authority) => Some(authority.as_str().to_owned()),
            None => {
                let mut hosts = head.headers.get_all(header::HOST).iter();
                let first = hosts.next().and_then(|host| host.to_str().ok());
                // Two hosts are as good as none.
                first.filter(|_| hosts.next().is_none()).map(str::to_owned)
            }
        };
        Self { head, body, host }
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

    pub(crate) fn handle(self: &Arc<Self>, incoming: Incoming) -> Outcome {
        if let Err(refusal) = self.guard.check_host(incoming.host.as_deref()) {
            let reply = turn_away(&refusal);
            return self.finish(&incoming.head, self.note(), reply, None, None);
        }
        let path = incoming.head.uri.path();
        let aside = if is_control(path) {
            Some(self.control_api(&incoming))
        } else {
            self.watching(&incoming)
        };
        if let Some(reply) = aside {
            // Reading the log must not fill it, a fault must not lock out the one who planned it,
            // and the request ids of a story must not depend on whether somebody watches it.
            return Outcome {
                reply: Some(sign(reply)),
                delay: None,
                truncated: false,
            };
        }
        let mut note = self.note();
        let hit = self.world.faults.hit(&incoming.head.method, path);
        let reply = match &hit.kind {
            Some(FaultKind::DropBefore) => reply::empty(StatusCode::OK),
            Some(FaultKind::Status {
                status,
                retry_after,
                error_code,
            }) => self.planned_refusal(*status, retry_after, error_code, &note),
            Some(FaultKind::Intermediary { status, body }) => {
                body.reply(StatusCode::from_u16(*status).unwrap_or(StatusCode::FORBIDDEN))
            }
            _ => self.route(&incoming, &mut note),
        };
        self.finish(&incoming.head, note, reply, hit.kind, hit.delay)
    }

    /// A note with the next request id.
    fn note(&self) -> Note {
        Note {
            request_id: self.world.next_request_id(),
            ..Note::default()
        }
    }

    fn route(&self, incoming: &Incoming, note: &mut Note) -> Reply {
        let head = &incoming.head;
        let path = head.uri.path();
        let desk = match path {
            "/v1/connect/token" => Some(Desk::Connect),
            "/v1/admin/token" => Some(Desk::Admin),
            _ => None,
        };
        let body = incoming.body.as_deref().map_err(|fault| *fault);
        match (desk, body) {
            (Some(_), _) if head.method != Method::POST => {
                let problem =
                    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "tokens are had by POST");
                let mut reply = problem.write(&self.world.assumptions, false, &note.request_id);
                allow(&mut reply, "POST");
                reply
            }
            (_, Err(fault)) => Problem::new(fault.status(), fault.message()).write(
                &self.world.assumptions,
                false,
                &note.request_id,
            ),
            (Some(desk), Ok(body)) => self.exchange(desk, &head.headers, body, note),
            (None, Ok(_)) if is_data(path) => self.data_api(incoming, note),
            (None, Ok(body)) => self.page(incoming, body, note).unwrap_or_else(|| {
                Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path").write(
                    &self.world.assumptions,
                    true,
                    &note.request_id,
                )
            }),
        }
    }

    fn planned_refusal(
        &self,
        status: u16,
        retry_after: &Option<String>,
        error_code: &Option<String>,
        note: &Note,
    ) -> Reply {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Problem {
            code: error_code.clone().map(Cow::Owned),
            ..Problem::new(status, "a planned fault")
        };
        let mut reply = problem.write(&self.world.assumptions, false, &note.request_id);
        if let Some(text) = retry_after
            && let Ok(value) = HeaderValue::from_str(text)
        {
            reply.headers_mut().insert(header::RETRY_AFTER, value);
        }
        reply
    }

    /// Puts the headers on, logs, and lets a planned fault spoil the answer.
    fn finish(
        &self,
        head: &Parts,
        note: Note,
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
            && let Ok(id) = HeaderValue::from_str(&note.request_id)
        {
            reply.headers_mut().insert(REQUEST_ID, id);
        }
        let dropped = matches!(fault, Some(FaultKind::DropBefore | FaultKind::DropAfter));
        let truncated = matches!(fault, Some(FaultKind::TruncatedBody));
        if matches!(fault, Some(FaultKind::GarbageBody)) {
            *reply.body_mut() = Bytes::from_static(GARBAGE);
            reply.headers_mut().remove(header::ETAG);
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
            note,
            name,
        );
        self.world.changes.tell();
        Outcome {
            reply: (!dropped).then(|| sign(reply)),
            delay,
            truncated,
        }
    }
}

/// Bytes that are neither JSON nor UTF-8.
const GARBAGE: &[u8] = b"\xff\xfe{\"garbage\": \x00 <html>";

/// Says on every answer what this is.
fn sign(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::SERVER, SERVER);
    reply
}

pub(crate) fn allow(reply: &mut Reply, methods: &'static str) {
    reply
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(methods));
}

pub(crate) fn turn_away(refusal: &TurnedAway) -> Reply {
    #[derive(Serialize)]
    struct Body {
        error: &'static str,
        message: &'static str,
    }
    reply::json(
        refusal.status,
        &Body {
            error: refusal.error,
            message: refusal.message,
        },
    )
}

fn is_control(path: &str) -> bool {
    path == "/sandbox" || path.starts_with("/sandbox/")
}

fn is_data(path: &str) -> bool {
    path == "/v1/human" || path.starts_with("/v1/human/")
}
