//! The Connect page: a user's sitting under a session or id token, and what they do in it.
//!
//! One piece: the pages of one visit to Connect, in their order.

mod address;
mod answer;
mod form;
mod outcome;

use http::StatusCode;

use self::answer::{answer_form, answer_json, plain_page, write};
use self::form::{ActionForm, CALLBACK, NO_SYSTEM};
use self::outcome::{Action, CODES, Mistake, Outcome};
use super::message::{Event, Message, Status};
use super::screen::{Authority, Hosted, News, Person, Screen};
use crate::app::callback_allowed;
use crate::assumption::Assumption;
use crate::body::{content_type, query_value};
use crate::clock::Millis;
use crate::lock;
use crate::reply::{Problem, Reply};
use crate::request_log::LogDetails;
use crate::routes::Call;
use crate::service::Service;
use crate::source::Source;
use crate::state::{AwaitingCode, Full, State};
use crate::token::{Claim, TokenKind, TokenState};
use crate::user::UserStatus;

impl Service {
    /// The page as the widget opens it, in a frame or a web view.
    pub(super) fn connect_page(&self, query: Option<&str>, details: &mut LogDetails) -> Reply {
        let token = query_value(query, "token").unwrap_or_default();
        let preseeded = query_value(query, "preseed").is_some_and(|value| value != "false");
        let selects = query_value(query, "mode").as_deref() == Some("select") && !preseeded;
        let authority = Authority {
            token: &token,
            hosted: None,
        };
        if token.is_empty() && selects {
            return write(&Screen::Looking, &authority, StatusCode::OK, None);
        }
        self.sitting_page(&authority, query, details)
    }

    /// The page as an app on a phone opens it, in the system's browser.
    pub(super) fn hosted_page(&self, query: Option<&str>, details: &mut LogDetails) -> Reply {
        let value = |name| query_value(query, name).filter(|text| !text.is_empty());
        match self.hosted(value("clientId"), value("callback")) {
            Ok(hosted) => {
                details.client_id = Some(hosted.client_id.clone());
                let token = value("token").unwrap_or_default();
                let authority = Authority {
                    token: &token,
                    hosted: Some(hosted),
                };
                self.sitting_page(&authority, query, details)
            }
            Err(problem) => plain_page(problem),
        }
    }

    /// What a button of the page does.
    ///
    /// The token in the body is the only authority: no cookie is involved, so another site's page
    /// can do nothing here that it could not do with the token anywhere else.
    fn press(
        &self,
        mut action: Action,
        call: &Call<'_>,
        details: &mut LogDetails,
    ) -> Result<Reply, Problem> {
        let headers = &call.incoming.head.headers;
        let form = ActionForm::read(headers, call.body)?;
        if let Action::Connect(source) = action
            && form.disconnects
        {
            action = Action::Disconnect(source);
        }
        let hosted = if form.client_id.is_some() || form.callback.is_some() {
            match self.hosted(form.client_id.clone(), form.callback.clone()) {
                Ok(hosted) => Some(hosted),
                Err(problem) => return Ok(plain_page(problem)),
            }
        } else {
            None
        };
        let outcome = if action == Action::Done && form.only_looked {
            Outcome::Told(Message::nothing(Status::Success))
        } else {
            self.act(action, &form, hosted.as_ref(), details)
        };
        let is_form = content_type(headers).as_deref() == Some("application/x-www-form-urlencoded");
        Ok(if is_form {
            answer_form(action, outcome, &form, hosted)
        } else {
            answer_json(&outcome)
        })
    }

    fn act(
        &self,
        action: Action,
        form: &ActionForm,
        hosted: Option<&Hosted>,
        details: &mut LogDetails,
    ) -> Outcome {
        let mut state = lock(&self.world.state);
        let app = hosted.map(|hosted| hosted.app);
        self.admit(&state, form.token.as_deref(), app, details)
            .and_then(|claim| change(&mut state, claim, action, form, self.world.clock.now()))
            .unwrap_or_else(Outcome::Ended)
    }

    fn sitting_page(
        &self,
        authority: &Authority<'_>,
        query: Option<&str>,
        details: &mut LogDetails,
    ) -> Reply {
        let told = query_value(query, "told").and_then(|told| News::read(&told));
        let (screen, news) = {
            let state = lock(&self.world.state);
            let app = authority.hosted.as_ref().map(|hosted| hosted.app);
            self.admit(&state, Some(authority.token), app, details)
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
        &self,
        state: &State,
        token: Option<&str>,
        app: Option<usize>,
        details: &mut LogDetails,
    ) -> Result<Claim, Status> {
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or(Status::MissingSessionToken)?;
        let (claim, expired) = match state.judge(token, self.world.clock.now()) {
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
        details.client_id = self
            .world
            .apps
            .get(user.app)
            .map(|app| app.client_id.clone());
        let ended = claim.kind == TokenKind::Session
            && self
                .world
                .assumptions
                .is(Assumption::SessionAfterConnect, "ended")
            && user.status(self.world.keeps_status()) == UserStatus::Connected;
        if ended || app.is_some_and(|app| app != user.app) {
            return Err(Status::SessionTokenInvalid);
        }
        if expired {
            return Err(Status::SessionTokenExpired);
        }
        Ok(claim)
    }

    fn hosted(
        &self,
        client_id: Option<String>,
        callback: Option<String>,
    ) -> Result<Hosted, &'static str> {
        let client_id = client_id.ok_or("This link lacks its clientId.")?;
        let callback = callback.ok_or("This link lacks its callback.")?;
        let (app, known) = self
            .world
            .app(&client_id)
            .ok_or("This link names an application that does not exist.")?;
        if callback.len() > CALLBACK {
            return Err("This link leads back to an address that is too long.");
        }
        if !callback_allowed(&known.callbacks, &callback) {
            return Err("This link leads back to an address that its application has not listed.");
        }
        Ok(Hosted {
            app,
            client_id,
            callback,
        })
    }
}

pub(crate) fn connect_or_disconnect(
    call: &Call<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let action = Action::Connect(source_of(call)?);
    call.service.press(action, call, details)
}

pub(crate) fn sign_in(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let action = Action::SignIn(source_of(call)?);
    call.service.press(action, call, details)
}

pub(crate) fn give_code(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let action = Action::Code(source_of(call)?);
    call.service.press(action, call, details)
}

pub(crate) fn request_provider(
    call: &Call<'_>,
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    call.service.press(Action::Request, call, details)
}

pub(crate) fn done(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    call.service.press(Action::Done, call, details)
}

/// The source that the path names.
fn source_of(call: &Call<'_>) -> Result<&'static Source, Problem> {
    Source::find(call.parameter).ok_or_else(Problem::not_found)
}

/// Does what was asked for, for a user whose token was found good.
fn change(
    state: &mut State,
    claim: Claim,
    action: Action,
    form: &ActionForm,
    now: Millis,
) -> Result<Outcome, Status> {
    let gone = Status::SessionTokenInvalid;
    let told = match action {
        Action::SignIn(source) => {
            let right =
                form.username == Source::DEMO_USERNAME && form.password == Source::DEMO_PASSWORD;
            if !right {
                return Ok(Outcome::Mistake(Mistake::WrongSignIn));
            }
            if source.one_time_code {
                state.sitting_mut(claim, now).awaiting_code = Some(AwaitingCode {
                    source,
                    wrong_codes: 0,
                });
                return Ok(Outcome::NeedsCode);
            }
            connect(state, claim, source, now)?
        }
        Action::Code(source) => {
            let user = state.user(claim.holder).ok_or(gone)?;
            // Pressed twice, or in another tab: what was asked for has been done.
            if user.connections.contains(&source) {
                return Ok(Outcome::Told(message(state, claim, CONNECTED)?));
            }
            let sitting = state.sitting_mut(claim, now);
            let Some(awaiting) = &mut sitting.awaiting_code else {
                return Ok(Outcome::Mistake(Mistake::SignInAgain));
            };
            if awaiting.source != source {
                return Ok(Outcome::Mistake(Mistake::SignInAgain));
            }
            if form.code != Source::DEMO_CODE {
                awaiting.wrong_codes += 1;
                if awaiting.wrong_codes < CODES {
                    return Ok(Outcome::Mistake(Mistake::WrongCode));
                }
                sitting.awaiting_code = None;
                return Ok(Outcome::Mistake(Mistake::SignInAgain));
            }
            connect(state, claim, source, now)?
        }
        Action::Connect(source) => connect(state, claim, source, now)?,
        Action::Disconnect(source) => {
            let user = state.user_mut(claim.holder).ok_or(gone)?;
            if user.disconnect(source) {
                state.sitting_mut(claim, now).note_disconnected(source);
            }
            (Event::Disconnect, Status::DisconnectedSource)
        }
        Action::Request => {
            let wish = &form.provider;
            if wish.physician.is_empty() && wish.health_system == NO_SYSTEM {
                return Ok(Outcome::Mistake(Mistake::NothingRequested));
            }
            if state.request(claim, wish, now) == Err(Full) {
                return Ok(Outcome::Mistake(Mistake::Full));
            }
            (Event::Close, Status::Success)
        }
        Action::Done => (Event::Close, Status::Success),
    };
    Ok(Outcome::Told(message(state, claim, told)?))
}

const CONNECTED: (Event, Status) = (Event::Connect, Status::ConnectedSource);

fn connect(
    state: &mut State,
    claim: Claim,
    source: &'static Source,
    now: Millis,
) -> Result<(Event, Status), Status> {
    let user = state
        .user_mut(claim.holder)
        .ok_or(Status::SessionTokenInvalid)?;
    let is_new = user.connect(source, now);
    let sitting = state.sitting_mut(claim, now);
    if is_new {
        sitting.note_connected(source);
    }
    sitting.awaiting_code = sitting
        .awaiting_code
        .filter(|awaiting| awaiting.source != source);
    Ok(CONNECTED)
}

fn message(
    state: &State,
    claim: Claim,
    (event, status): (Event, Status),
) -> Result<Message, Status> {
    let user = state
        .user(claim.holder)
        .ok_or(Status::SessionTokenInvalid)?;
    Ok(Message::new(event, status, user, state.sitting(claim)))
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
