//! The Connect page: who may open it, and what it shows.

mod address;
mod answer;
mod change;
mod form;
mod outcome;

use http::StatusCode;

use self::answer::{answer_form, answer_json, write};
use self::change::change;
use self::form::ActionForm;
use self::outcome::{Action, Outcome};
use super::callback;
use super::message::{Message, Status};
use super::problem::plain_page;
use super::screen::{Authority, Hosted, News, Person, Screen};
use crate::assumption::Assumption;
use crate::body::{content_type, query_value};
use crate::call::Call;
use crate::reply::{Problem, Reply};
use crate::request_log::LogDetails;
use crate::source::Source;
use crate::state::State;
use crate::token::{Claim, TokenKind, TokenState};
use crate::user::UserStatus;
use crate::world::World;

/// Shows Connect as the widget opens it, in a frame or a web view.
pub(crate) fn widget(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let query = call.query();
    let token = query_value(query, "token").unwrap_or_default();
    let preseeded = query_value(query, "preseed").is_some_and(|value| value != "false");
    let selects = query_value(query, "mode").as_deref() == Some("select") && !preseeded;
    let authority = Authority {
        token: &token,
        hosted: None,
        messages: messages(call.world),
    };
    if token.is_empty() && selects {
        return Ok(write(&Screen::Looking, &authority, StatusCode::OK, None));
    }
    Ok(sitting_page(call.world, &authority, query, details))
}

/// Shows Connect as an app on a phone opens it, in the system's browser.
pub(crate) fn hosted_link(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let query = call.query();
    let value = |name| query_value(query, name).filter(|text| !text.is_empty());
    Ok(
        match hosted(call.world, value("clientId"), value("callback")) {
            Ok(hosted) => {
                details.client_id = Some(hosted.client_id.clone());
                let token = value("token").unwrap_or_default();
                let authority = Authority {
                    token: &token,
                    hosted: Some(hosted),
                    messages: messages(call.world),
                };
                sitting_page(call.world, &authority, query, details)
            }
            Err(problem) => plain_page(problem),
        },
    )
}

/// What a button of the page does.
///
/// The token in the body is the only authority: no cookie is involved, so another site's page
/// can do nothing here that it could not do with the token anywhere else.
fn press(mut action: Action, call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let (world, headers) = (call.world, call.headers());
    let form = ActionForm::read(headers, call.body)?;
    if let Action::Connect(source) = action
        && form.disconnects
    {
        action = Action::Disconnect(source);
    }
    let hosted = if form.client_id.is_some() || form.callback.is_some() {
        match hosted(world, form.client_id.clone(), form.callback.clone()) {
            Ok(hosted) => Some(hosted),
            Err(problem) => return Ok(plain_page(problem)),
        }
    } else {
        None
    };
    let outcome = if action == Action::Done && form.only_looked {
        Outcome::Told(Message::nothing(Status::Success))
    } else {
        act(world, action, &form, hosted.as_ref(), details)
    };
    let is_form = content_type(headers).as_deref() == Some("application/x-www-form-urlencoded");
    Ok(if is_form {
        let authority = Authority {
            token: form.token.as_deref().unwrap_or_default(),
            hosted,
            messages: messages(world),
        };
        answer_form(action, outcome, &form, &authority)
    } else {
        answer_json(&outcome)
    })
}

/// In which form the page tells what happened.
fn messages(world: &World) -> &'static str {
    world.assumptions.value(Assumption::ConnectMessage)
}

fn act(
    world: &World,
    action: Action,
    form: &ActionForm,
    hosted: Option<&Hosted>,
    details: &mut LogDetails,
) -> Outcome {
    let mut state = world.state();
    let app = hosted.map(|hosted| hosted.app);
    admit(world, &state, form.token.as_deref(), app, details)
        .and_then(|claim| change(&mut state, claim, action, form, world.clock.now()))
        .unwrap_or_else(Outcome::Ended)
}

fn sitting_page(
    world: &World,
    authority: &Authority<'_>,
    query: Option<&str>,
    details: &mut LogDetails,
) -> Reply {
    let told = query_value(query, "told").and_then(|told| News::read(&told));
    let (screen, news) = {
        let state = world.state();
        let app = authority.hosted.as_ref().map(|hosted| hosted.app);
        admit(world, &state, Some(authority.token), app, details)
            .and_then(|claim| {
                let screen = screen(&state, claim, query_value(query, "show").as_deref())?;
                Ok((screen, told.filter(|news| is_true(&state, claim, *news))))
            })
            .unwrap_or_else(|status| (Screen::Refused(status), None))
    };
    let status = match screen {
        Screen::Refused(_) => StatusCode::UNAUTHORIZED,
        _ => StatusCode::OK,
    };
    write(&screen, authority, status, news)
}

/// Whether a token opens Connect, and for a hosted link, for that application.
fn admit(
    world: &World,
    state: &State,
    token: Option<&str>,
    app: Option<usize>,
    details: &mut LogDetails,
) -> Result<Claim, Status> {
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or(Status::MissingSessionToken)?;
    let (claim, expired) = match state.judge(token, world.clock.now()) {
        TokenState::Valid { claim, .. } => (claim, false),
        TokenState::Expired(claim) => (claim, true),
        TokenState::Revoked(_) | TokenState::Foreign => {
            return Err(Status::SessionTokenInvalid);
        }
    };
    details.token_kind = Some(claim.kind);
    if !matches!(claim.kind, TokenKind::Session | TokenKind::Id) {
        return Err(Status::SessionTokenInvalid);
    }
    let user = state
        .user(claim.holder)
        .ok_or(Status::SessionTokenInvalid)?;
    details.client_user_id = Some(user.client_user_id.to_string());
    details.client_id = world.apps.get(user.app).map(|app| app.client_id.clone());
    let ended = claim.kind == TokenKind::Session
        && world
            .assumptions
            .is(Assumption::SessionAfterConnect, "ended")
        && user.status(world.keeps_status()) == UserStatus::Connected;
    if ended || app.is_some_and(|app| app != user.app) {
        return Err(Status::SessionTokenInvalid);
    }
    if expired {
        return Err(Status::SessionTokenExpired);
    }
    Ok(claim)
}

fn hosted(
    world: &World,
    client_id: Option<String>,
    callback: Option<String>,
) -> Result<Hosted, &'static str> {
    let client_id = client_id.ok_or("This link lacks its clientId.")?;
    let callback = callback.ok_or("This link lacks its callback.")?;
    let (app, known) = world
        .app(&client_id)
        .ok_or("This link names an application that does not exist.")?;
    callback::check(known, &callback)?;
    Ok(Hosted {
        app,
        client_id,
        callback,
    })
}

pub(crate) fn connect_or_disconnect(
    call: &Call<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let action = Action::Connect(source_of(call)?);
    press(action, call, details)
}

pub(crate) fn sign_in(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let action = Action::SignIn(source_of(call)?);
    press(action, call, details)
}

pub(crate) fn give_code(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let action = Action::Code(source_of(call)?);
    press(action, call, details)
}

pub(crate) fn request_provider(
    call: &Call<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    press(Action::Request, call, details)
}

pub(crate) fn done(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    press(Action::Done, call, details)
}

/// The source that the path names.
fn source_of(call: &Call<'_>) -> Result<&'static Source, Problem> {
    Source::find(call.parameters.get("source")).ok_or_else(Problem::not_found)
}

/// The screen that an address asks for, as far as it is still true.
fn screen(state: &State, claim: Claim, show: Option<&str>) -> Result<Screen, Status> {
    let user = state
        .user(claim.holder)
        .ok_or(Status::SessionTokenInvalid)?;
    if show == Some("request") {
        return Ok(Screen::Request { problem: None });
    }
    let wanted = show
        .and_then(Source::find)
        .filter(|source| !user.connections.contains(source));
    Ok(match wanted {
        Some(source) => {
            let awaiting = state.sitting(claim).awaiting_code;
            if awaiting.is_some_and(|awaiting| awaiting.source == source) {
                Screen::Code {
                    source,
                    problem: None,
                }
            } else {
                Screen::SignIn {
                    source,
                    username: String::new(),
                    problem: None,
                }
            }
        }
        None => Screen::Directory(Person::new(claim.kind, user)),
    })
}

/// Whether what an address tells still holds.
fn is_true(state: &State, claim: Claim, news: News) -> bool {
    let connected = |source| {
        let user = state.user(claim.holder);
        user.is_some_and(|user| user.connections.contains(&source))
    };
    match news {
        News::Connected(source) => connected(source),
        News::Disconnected(source) => !connected(source),
        News::Requested => !state.sitting(claim).requested.is_empty(),
    }
}
