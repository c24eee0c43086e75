//! The control API: what [`Control`] does, as JSON over HTTP under `/sandbox/`.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::assumption::Assumption;
use crate::changes;
use crate::clock;
use crate::control::{Control, ControlError};
use crate::fault::{Fault, FaultWire};
use crate::guard::Guard;
use crate::reply::{Reply, empty, json, with_body};
use crate::service::{BodyFault, Incoming, Service, allow, turn_away};
use crate::source::Source;

impl Service {
    pub(crate) fn control_api(&self, incoming: &Incoming) -> Reply {
        let head = &incoming.head;
        let host = incoming.host.as_deref().unwrap_or_default();
        if let Err(refusal) = self.guard.check_control(&head.method, &head.headers, host) {
            return turn_away(&refusal);
        }
        let body = match &incoming.body {
            Ok(body) => body,
            Err(fault) => {
                let error = match fault {
                    BodyFault::TooLong => "body-too-long",
                    BodyFault::TooSlow => "body-too-slow",
                };
                return Refused::new(fault.status(), error, fault.message()).write();
            }
        };
        let call = Call {
            control: Control::new(Arc::clone(&self.world)),
            service: self,
            body,
            query: head.uri.query(),
        };
        let below = head.uri.path().strip_prefix("/sandbox").unwrap_or_default();
        let answer = match (below, head.method.as_str()) {
            ("/apps", "GET") => Ok(json(StatusCode::OK, &call.control.apps())),
            ("/sources", "GET") => Ok(json(StatusCode::OK, &Source::ALL)),
            ("/users", "GET") => call.users(),
            ("/clock", "GET") => Ok(call.clock()),
            ("/faults", "GET") => Ok(json(StatusCode::OK, &call.control.faults())),
            ("/requests", "GET") => Ok(json(StatusCode::OK, &call.control.requests())),
            ("/exchanges", "GET") => Ok(json(StatusCode::OK, &call.control.exchanges())),
            ("/assumptions", "GET") => Ok(json(StatusCode::OK, &call.control.assumptions())),
            ("/dashboard", "GET") => Ok(self.dashboard(incoming)),
            ("/events", "GET") => {
                // Each of them holds a connection for as long as it likes.
                match Guard::check_same_site(&head.headers, host) {
                    Ok(()) => call.events(),
                    Err(refusal) => Ok(turn_away(&refusal)),
                }
            }
            ("/sources/connect", "POST") => call.connect(),
            ("/sources/disconnect", "POST") => call.disconnect(),
            ("/users/delete", "POST") => call.delete_user(),
            ("/clock/advance", "POST") => call.advance(),
            ("/faults", "POST") => call.plan_fault(),
            ("/assumptions", "POST") => call.set_assumption(),
            ("/tokens/revoke", "POST") => call.revoke(),
            ("/tokens/kind", "POST") => call.token_kind(),
            ("/faults", "DELETE") => {
                call.control.clear_faults();
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("/requests", "DELETE") => {
                call.control.clear_requests();
                Ok(empty(StatusCode::NO_CONTENT))
            }
            ("/reset", "POST") => {
                call.control.reset();
                Ok(empty(StatusCode::NO_CONTENT))
            }
            (other, method) => Ok(no_such_call(other, method)),
        };
        answer.unwrap_or_else(|refused| refused.write())
    }
}

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

struct Call<'a> {
    control: Control,
    service: &'a Service,
    body: &'a [u8],
    query: Option<&'a str>,
}

type Answer = Result<Reply, Refused>;

impl Call<'_> {
    fn users(&self) -> Answer {
        let client_ids = match crate::body::query_value(self.query, "client_id") {
            Some(client_id) => vec![client_id],
            None => self
                .control
                .apps()
                .into_iter()
                .map(|app| app.client_id)
                .collect(),
        };
        let mut users = Vec::new();
        for client_id in client_ids {
            users.extend(self.control.users(&client_id)?);
        }
        Ok(json(StatusCode::OK, &users))
    }

    fn events(&self) -> Answer {
        let watch = self.service.world.changes.watch().ok_or_else(|| {
            Refused::new(
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

    fn connect(&self) -> Answer {
        let wish: SourceWish = self.read()?;
        let user =
            self.control
                .connect_source(&wish.client_id, &wish.client_user_id, &wish.source)?;
        Ok(json(StatusCode::OK, &user))
    }

    fn disconnect(&self) -> Answer {
        let wish: SourceWish = self.read()?;
        let user =
            self.control
                .disconnect_source(&wish.client_id, &wish.client_user_id, &wish.source)?;
        Ok(json(StatusCode::OK, &user))
    }

    fn delete_user(&self) -> Answer {
        let wish: UserWish = self.read()?;
        self.control
            .delete_user(&wish.client_id, &wish.client_user_id)?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn clock(&self) -> Reply {
        json(
            StatusCode::OK,
            &ClockFace {
                now: clock::instant(self.service.world.clock.now()),
                frozen: self.service.world.clock.is_frozen(),
            },
        )
    }

    fn advance(&self) -> Answer {
        let wish: ClockWish = self.read()?;
        self.control
            .advance_clock(Duration::from_secs(wish.seconds))?;
        Ok(self.clock())
    }

    fn plan_fault(&self) -> Answer {
        let wire: FaultWire = self.read()?;
        let fault = Fault::try_from(wire).map_err(ControlError::from)?;
        let reply = json(StatusCode::CREATED, &fault);
        self.control.plan_fault(fault)?;
        Ok(reply)
    }

    fn set_assumption(&self) -> Answer {
        let wish: AssumptionWish = self.read()?;
        self.control.set_assumption(wish.name, &wish.value)?;
        let setting = self
            .control
            .assumptions()
            .into_iter()
            .find(|setting| setting.name == wish.name);
        Ok(json(StatusCode::OK, &setting))
    }

    fn revoke(&self) -> Answer {
        let wish: TokenWish = self.read()?;
        self.control.revoke_token(&wish.token)?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn token_kind(&self) -> Answer {
        let wish: TokenWish = self.read()?;
        let kind = self.control.issued_token_kind(&wish.token);
        Ok(json(StatusCode::OK, &KindAnswer { kind }))
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_slice(self.body).map_err(|error| {
            // The text of a data error may quote the body, and the body may hold a token.
            let message = match error.classify() {
                serde_json::error::Category::Data => {
                    "the body lacks a field, or has one that is unknown or of the wrong type"
                }
                _ => "the body is not valid JSON",
            };
            Refused::new(StatusCode::BAD_REQUEST, "invalid-body", message)
        })
    }
}

/// The calls and their methods, for `404` and `405`.
const CALLS: &[(&str, &str)] = &[
    ("/apps", "GET"),
    ("/assumptions", "GET, POST"),
    ("/clock", "GET"),
    ("/clock/advance", "POST"),
    ("/dashboard", "GET"),
    ("/events", "GET"),
    ("/exchanges", "GET"),
    ("/faults", "GET, POST, DELETE"),
    ("/requests", "GET, DELETE"),
    ("/reset", "POST"),
    ("/sources", "GET"),
    ("/sources/connect", "POST"),
    ("/sources/disconnect", "POST"),
    ("/tokens/kind", "POST"),
    ("/tokens/revoke", "POST"),
    ("/users", "GET"),
    ("/users/delete", "POST"),
];

fn no_such_call(path: &str, method: &str) -> Reply {
    let known = CALLS.iter().find(|(call, _)| *call == path);
    let Some((_, methods)) = known else {
        return Refused::new(
            StatusCode::NOT_FOUND,
            "unknown-call",
            "the control API has no such call",
        )
        .write();
    };
    let mut reply = if method == Method::OPTIONS.as_str() {
        empty(StatusCode::NO_CONTENT)
    } else {
        Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "this call has other methods",
        )
        .write()
    };
    allow(&mut reply, methods);
    reply
}

/// A call that was not done.
struct Refused {
    status: StatusCode,
    error: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            message: message.into(),
        }
    }

    fn write(&self) -> Reply {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'static str,
            message: &'a str,
        }
        json(
            self.status,
            &Body {
                error: self.error,
                message: &self.message,
            },
        )
    }
}

impl From<ControlError> for Refused {
    fn from(error: ControlError) -> Self {
        let (status, name) = match &error {
            ControlError::UnknownApp { .. } => (StatusCode::NOT_FOUND, "unknown-app"),
            ControlError::UnknownUser { .. } => (StatusCode::NOT_FOUND, "unknown-user"),
            ControlError::UnknownSource { .. } => (StatusCode::NOT_FOUND, "unknown-source"),
            ControlError::UnknownToken => (StatusCode::NOT_FOUND, "unknown-token"),
            ControlError::UnknownValue { .. } => (StatusCode::BAD_REQUEST, "unknown-value"),
            ControlError::InvalidFault(problem) => {
                return Self::new(
                    StatusCode::BAD_REQUEST,
                    "invalid-fault",
                    problem.to_string(),
                );
            }
            ControlError::ClockRange => (StatusCode::BAD_REQUEST, "clock-range"),
        };
        Self::new(status, name, error.to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceWish {
    client_id: String,
    client_user_id: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserWish {
    client_id: String,
    client_user_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockWish {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssumptionWish {
    name: Assumption,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenWish {
    token: String,
}

#[derive(Serialize)]
struct ClockFace {
    now: String,
    frozen: bool,
}

#[derive(Serialize)]
struct KindAnswer {
    kind: Option<crate::token::TokenKind>,
}
