//! Who calls the Admin API, whom a call is about, and how the service refuses.

use std::borrow::Cow;

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::app::AppCredentials;
use crate::assumption::Assumption;
use crate::authorization::bearer;
use crate::body::{content_type, query_value};
use crate::call::Call;
use crate::reply::Problem;
use crate::request_log::LogDetails;
use crate::state::State;
use crate::token::{TokenKind, TokenState};
use crate::world::World;

/// What the service says of each refusal, whatever the reason is.
pub(super) const BAD_REQUEST: &str = "Bad Request";
const NOT_FOUND: &str = "Not Found";
const UNAUTHORIZED: &str = "Cannot authenticate you with this token";
const FORBIDDEN: &str = "Forbidden";
pub(super) const KNOWN_OTHERWISE: &str =
    "Unable to match the login of the new user to an existing user found for that user";
pub(super) const OVER: &str = "The order is in a state where it can\u{2019}t be aborted";

/// An application that has proved itself with a client token.
pub(crate) struct Caller<'a> {
    pub(crate) app: usize,
    pub(crate) credentials: &'a AppCredentials,
}

impl<'a> Caller<'a> {
    /// The application of a call.
    pub(crate) fn of(call: &Call<'a>, details: &mut LogDetails) -> Result<Self, Problem> {
        let world: &'a World = call.world;
        let token = bearer(call.headers()).ok_or_else(unauthorized)?;
        let token_state = world.state().judge(&token, world.clock.now());
        let (claim, is_valid) = match token_state {
            TokenState::Valid { claim, .. } => (claim, true),
            TokenState::Expired(claim) | TokenState::Revoked(claim) => (claim, false),
            TokenState::Foreign => return Err(unauthorized()),
        };
        details.token_kind = Some(claim.kind);
        if claim.kind != TokenKind::Client {
            return Err(unauthorized());
        }
        let app = claim.holder as usize;
        let credentials = world.apps.get(app).ok_or_else(unauthorized)?;
        details.client_id = Some(credentials.client_id.clone());
        if !is_valid {
            return Err(unauthorized());
        }
        let writes = ![Method::GET, Method::HEAD].contains(call.method());
        match world.assumptions.value(Assumption::AdminScope) {
            "none" => Err(forbidden()),
            "read" if writes => Err(forbidden()),
            _ => Ok(Self { app, credentials }),
        }
    }
}

fn unauthorized() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, UNAUTHORIZED)
}

fn forbidden() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, FORBIDDEN)
}

pub(super) fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, NOT_FOUND)
}

/// A refusal of something in the query or body of any operation but the one that creates users: which fields are wrong is
/// documented for that one alone.
pub(super) fn bad_request(world: &World, source: &'static str, key: &'static str) -> Problem {
    if world.assumptions.is(Assumption::ValidationEnvelope, "all") {
        let message = format!("\"{key}\" is not as it has to be");
        return Problem::invalid(source, vec![Cow::Borrowed(key)], message);
    }
    Problem::new(StatusCode::BAD_REQUEST, BAD_REQUEST)
}

/// The body of an operation: a JSON object.
pub(super) fn object(call: &Call<'_>) -> Result<Map<String, Value>, Problem> {
    if content_type(call.headers()).as_deref() != Some("application/json") {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "Unsupported Media Type"));
    }
    match serde_json::from_slice(call.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, BAD_REQUEST)),
    }
}

/// A parameter of the query; an empty one is none.
pub(super) fn parameter(call: &Call<'_>, name: &str) -> Option<String> {
    query_value(call.query(), name).filter(|text| !text.is_empty())
}

/// A number of the query, or what is usual where it has none.
pub(super) fn number(call: &Call<'_>, name: &'static str, usual: usize) -> Result<usize, Problem> {
    let Some(text) = parameter(call, name) else {
        return Ok(usual);
    };
    // What the documents call an int32.
    let number = text
        .parse::<i32>()
        .ok()
        .and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| bad_request(call.world, "query", name))
}

/// What a path names, decoded.
pub(super) fn named(call: &Call<'_>) -> Result<String, Problem> {
    let text = percent_decode_str(call.parameters.last()).decode_utf8();
    text.map(Cow::into_owned).map_err(|_| not_found())
}

/// By which ids a user is meant.
#[derive(Default)]
pub(super) struct Meant {
    pub(super) human_id: Option<String>,
    pub(super) client_user_id: Option<String>,
}

impl Meant {
    pub(super) fn in_query(call: &Call<'_>) -> Self {
        Self {
            human_id: parameter(call, "humanId"),
            client_user_id: parameter(call, "clientUserId"),
        }
    }

    pub(super) fn in_body(
        call: &Call<'_>,
        fields: &mut Map<String, Value>,
    ) -> Result<Self, Problem> {
        let mut take = |name| match fields.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(bad_request(call.world, "payload", name)),
        };
        Ok(Self {
            human_id: take("humanId")?,
            client_user_id: take("clientUserId")?,
        })
    }

    /// Refuses both ids, and neither.
    pub(super) fn exactly_one(
        self,
        call: &Call<'_>,
        source: &'static str,
    ) -> Result<Self, Problem> {
        if self.human_id.is_some() == self.client_user_id.is_some() {
            return Err(bad_request(call.world, source, "humanId"));
        }
        Ok(self)
    }

    /// Refuses neither id. Where there are both, the user has both.
    pub(super) fn any(self, call: &Call<'_>, source: &'static str) -> Result<Self, Problem> {
        if self.is_nobody() {
            return Err(bad_request(call.world, source, "humanId"));
        }
        Ok(self)
    }

    /// Whether no id is there.
    pub(super) const fn is_nobody(&self) -> bool {
        self.human_id.is_none() && self.client_user_id.is_none()
    }

    /// The user who was ordered for and has these ids, noted for the log.
    pub(super) fn find(
        &self,
        state: &State,
        call: &Call<'_>,
        caller: &Caller<'_>,
        details: &mut LogDetails,
    ) -> Option<u32> {
        details.client_user_id.clone_from(&self.client_user_id);
        let by_human_id = self.human_id.as_deref().map(|id| state.find_human(id));
        let by_own_id = self
            .client_user_id
            .as_deref()
            .map(|id| state.find(caller.app, id));
        let at = match (by_human_id, by_own_id) {
            (Some(one), Some(other)) => one.filter(|one| Some(*one) == other),
            (one, other) => one.or(other).flatten(),
        };
        let at = at.filter(|at| is_visible(call.world, state, *at))?;
        let user = state.user(at).filter(|user| user.app == caller.app)?;
        details.client_user_id = Some(user.client_user_id.to_string());
        Some(at)
    }
}

/// Whether a user was ordered for, and that can be read already.
fn is_visible(world: &World, state: &State, user: u32) -> bool {
    let applicant = state.orders.applicant(user);
    applicant.is_some_and(|one| one.created <= world.readable_until())
}
