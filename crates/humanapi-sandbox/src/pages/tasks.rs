//! The Task Manager: where a user does what an order lacks.
//!
//! It is made of forms alone and needs no script. The token of the link, in each form, is the only authority.

mod answers;
mod report;
mod screen;

use http::StatusCode;

use self::answers::{Answers, Wrong};
use self::report::{Ending, Report};
use self::screen::{Link, Screen, Things};
use super::callback::{check, form_source, with};
use super::layout::{CONNECT_STYLE, Layout};
use super::problem::{plain_page, see_other};
use crate::app::AppCredentials;
use crate::body::{Fields, query_value};
use crate::call::Call;
use crate::clock::Millis;
use crate::orders::{Particulars, TaskKind};
use crate::reply::{Problem, Reply};
use crate::request_log::LogDetails;
use crate::state::State;
use crate::token::{TokenKind, TokenState};
use crate::world::World;

/// The longest token of a link that is looked at.
const TOKEN: usize = 4096;

/// Shows the Task Manager, as a consumer link opens it.
pub(crate) fn tasks(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let value = |name| query_value(call.query(), name).filter(|text| !text.is_empty());
    let link = match link(
        call.world,
        value("clientId"),
        value("rq"),
        value("callback"),
    ) {
        Ok((link, _)) => link,
        Err(problem) => return Ok(plain_page(problem)),
    };
    let told = value("told").and_then(|told| find(&told));
    let (screen, status) = {
        let state = call.world.state();
        match admit(call.world, &state, &link, details) {
            Ok(user) => (screen(&state, user, told), StatusCode::OK),
            Err(ending) => (Screen::Ended(ending), status_of(ending)),
        }
    };
    Ok(write(&screen, &link, status))
}

/// Does a task, as far as the form says what it takes.
pub(crate) fn do_task(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let kind = find(call.parameters.get("task")).ok_or_else(Problem::not_found)?;
    let mut fields = Fields::read(call.headers(), call.body)?;
    let link = match link_of(world, &mut fields)? {
        Ok((link, _)) => link,
        Err(problem) => return Ok(plain_page(problem)),
    };
    let now = world.clock.now();
    let mut state = world.state();
    let Ok(user) = admit(world, &state, &link, details) else {
        return Ok(see_other(&link.address(None)));
    };
    let is_open = state
        .orders
        .latest(user)
        .is_some_and(|order| order.open_tasks().any(|task| task.kind == kind));
    if !is_open {
        // Another page of the same person has done it.
        return Ok(see_other(&link.address(None)));
    }
    let unknown = state.orders.applicant(user).map(|one| one.unknown());
    match Answers::read(kind, &unknown.unwrap_or_default(), fields, world.seed, now)? {
        Ok(learnt) => done(world, &mut state, user, kind, learnt, now)?,
        Err(wrong) => {
            let screen = with_problem(&state, user, wrong);
            drop(state);
            return Ok(write(&screen, &link, StatusCode::UNPROCESSABLE_ENTITY));
        }
    }
    Ok(see_other(&link.address(Some(kind))))
}

fn done(
    world: &World,
    state: &mut State,
    user: u32,
    kind: TaskKind,
    learnt: Particulars,
    now: Millis,
) -> Result<(), Problem> {
    let app = state.user(user).map_or(0, |user| user.app);
    state.hold(learnt.size())?;
    state.orders.know(app, user, learnt, now);
    state.orders.resolve(user, kind, now);
    world.changes.tell();
    Ok(())
}

/// Leaves the Task Manager: to the callback with what became of the order, or to a page that says that it is over.
pub(crate) fn leave_tasks(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let world: &World = call.world;
    let mut fields = Fields::read(call.headers(), call.body)?;
    let (link, callback) = match link_of(world, &mut fields)? {
        Ok(link) => link,
        Err(problem) => return Ok(plain_page(problem)),
    };
    fields.finish()?;
    let report = {
        let state = world.state();
        match admit(world, &state, &link, details) {
            Ok(user) => Report::of(world, &state, user),
            Err(ending) => Report::ended(ending),
        }
    };
    Ok(match callback {
        Some(callback) => see_other(&with(&callback, &report.pairs(world))),
        None => write(&Screen::Left, &link, StatusCode::OK),
    })
}

fn find(name: &str) -> Option<TaskKind> {
    TaskKind::ALL.into_iter().find(|kind| kind.name() == name)
}

type Checked = Result<(Link, Option<String>), &'static str>;

fn link_of(world: &World, fields: &mut Fields) -> Result<Checked, Problem> {
    let mut text = |name, longest| {
        fields
            .bounded(name, longest)
            .filter(|text| !text.is_empty())
    };
    let (client_id, rq) = (text("clientId", TOKEN), text("rq", TOKEN));
    let callback = text("callback", super::callback::LONGEST);
    Ok(link(world, client_id, rq, callback))
}

fn link(
    world: &World,
    client_id: Option<String>,
    rq: Option<String>,
    callback: Option<String>,
) -> Checked {
    let client_id = client_id.ok_or("This link lacks its clientId.")?;
    let known: Option<(usize, &AppCredentials)> = world.app(&client_id);
    let (app, known) = known.ok_or("This link names an application that does not exist.")?;
    if let Some(callback) = &callback {
        check(known, callback)?;
    }
    let link = Link {
        app,
        client_id,
        rq: rq.unwrap_or_default(),
        callback: callback.clone(),
    };
    Ok((link, callback))
}

/// Whose tasks a link opens.
fn admit(
    world: &World,
    state: &State,
    link: &Link,
    details: &mut LogDetails,
) -> Result<u32, Ending> {
    details.client_id = Some(link.client_id.clone());
    let (claim, is_valid) = match state.judge(&link.rq, world.clock.now()) {
        TokenState::Valid { claim, .. } => (claim, true),
        TokenState::Expired(claim) | TokenState::Revoked(claim) => (claim, false),
        TokenState::Foreign => return Err(Ending::Forbidden),
    };
    details.token_kind = Some(claim.kind);
    let user = state.user(claim.holder).ok_or(Ending::Forbidden)?;
    if claim.kind != TokenKind::Tasks || user.app != link.app {
        return Err(Ending::Forbidden);
    }
    details.client_user_id = Some(user.client_user_id.to_string());
    if !is_valid {
        return Err(Ending::Forbidden);
    }
    let order = state
        .orders
        .latest(claim.holder)
        .ok_or(Ending::TaskListError)?;
    if order.tasks.is_empty() {
        let lacks = state.orders.unseen(claim.holder);
        return Err(if lacks.is_empty() {
            Ending::NoTasks
        } else {
            Ending::NotYet
        });
    }
    Ok(claim.holder)
}

const fn status_of(ending: Ending) -> StatusCode {
    match ending {
        Ending::Forbidden => StatusCode::UNAUTHORIZED,
        Ending::TaskListError => StatusCode::NOT_FOUND,
        Ending::NoTasks | Ending::NotYet => StatusCode::OK,
    }
}

fn screen(state: &State, user: u32, told: Option<TaskKind>) -> Screen {
    let things = Things::of(state, user);
    // It is told only as far as it is true.
    let told = told.filter(|kind| things.done.contains(kind));
    Screen::Things {
        things,
        told,
        wrong: None,
    }
}

fn with_problem(state: &State, user: u32, wrong: Wrong) -> Screen {
    Screen::Things {
        things: Things::of(state, user),
        told: None,
        wrong: Some(wrong),
    }
}

fn write(screen: &Screen, link: &Link, status: StatusCode) -> Reply {
    let target = link.callback.as_deref().and_then(form_source);
    Layout {
        title: &screen.title(),
        style: &CONNECT_STYLE,
        script: None,
        forms: format!(
            "'self'{}",
            target.map(|to| format!(" {to}")).unwrap_or_default()
        ),
        framed: false,
    }
    .reply(status, &screen.markup(link))
}
