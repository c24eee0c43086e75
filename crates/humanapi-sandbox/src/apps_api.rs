//! The application level: an application's users, and the records of all of them in one list.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::app::AppCredentials;
use crate::authorization::basic_user;
use crate::body::{Fields, TOO_LONG};
use crate::call::Call;
use crate::clock::instant;
use crate::data;
use crate::reply::{Problem, Reply, empty, json};
use crate::resource::Resource;
use crate::state::State;
use crate::subject::Subject;
use crate::user::User;
use crate::world::World;

/// An application that has proved itself with its key.
pub(crate) struct App<'a> {
    at: usize,
    credentials: &'a AppCredentials,
}

/// A user as an application sees them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    human_id: &'a str,
    external_id: &'a str,
    app_id: &'a str,
    created_at: String,
    updated_at: String,
}

impl<'a> App<'a> {
    /// The application of a call, which is the one that the path names.
    pub(crate) fn of(call: &Call<'a>) -> Result<Self, Problem> {
        let world: &'a World = call.world;
        let apps = &world.apps;
        let key = basic_user(call.headers());
        let (at, credentials) = apps
            .iter()
            .enumerate()
            .find(|(_, app)| key.as_deref() == Some(app.app_key.as_str()))
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "the application's key is missing or not valid",
                )
            })?;
        if credentials.client_id != call.parameters.get("client_id") {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "the key belongs to another application",
            ));
        }
        Ok(Self { at, credentials })
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.credentials.client_id
    }

    fn tell<'u>(&'u self, user: &'u User) -> Told<'u> {
        let created = instant(user.created);
        Told {
            human_id: &user.human_id,
            external_id: &user.client_user_id,
            app_id: &self.credentials.client_id,
            updated_at: created.clone(),
            created_at: created,
        }
    }

    fn users<'s>(&self, state: &'s State) -> impl Iterator<Item = &'s User> {
        let at = self.at;
        let all = state.users().iter();
        all.filter(move |user| user.app == at && !user.is_deleted())
    }

    /// The user whom a path names, by the service's id or the application's own.
    fn find(&self, state: &State, name: &str) -> Result<u32, Problem> {
        let name = percent_decode_str(name)
            .decode_utf8()
            .map_err(|_| Problem::not_found())?;
        let lives = |at: &u32| {
            let user = state.user(*at);
            user.is_some_and(|user| user.app == self.at && !user.is_deleted())
        };
        let by_own = state.find(self.at, &name).filter(lives);
        by_own
            .or_else(|| state.find_human(&name).filter(lives))
            .ok_or_else(Problem::not_found)
    }
}

pub(crate) fn users(call: &Call<'_>, app: &App<'_>) -> Result<Reply, Problem> {
    let state = call.world.state();
    let users: Vec<_> = app.users(&state).map(|user| app.tell(user)).collect();
    Ok(json(StatusCode::OK, &users))
}

pub(crate) fn user(call: &Call<'_>, app: &App<'_>) -> Result<Reply, Problem> {
    let state = call.world.state();
    let at = app.find(&state, call.parameters.get("user"))?;
    let user = state.user(at).ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &app.tell(user)))
}

/// Makes a user; whoever is there already is told again.
pub(crate) fn create_user(call: &Call<'_>, app: &App<'_>) -> Result<Reply, Problem> {
    let world = call.world;
    let mut fields = Fields::read(call.headers(), call.body)?;
    let external_id = fields.required("externalId");
    if world
        .longest_user_id()
        .is_some_and(|longest| external_id.len() > longest)
    {
        fields.reject("externalId", TOO_LONG);
    }
    fields.finish()?;
    let mut state = world.state();
    let at = world.begin_user(&mut state, app.at, &external_id)?;
    let user = state.user(at).ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::CREATED, &app.tell(user)))
}

pub(crate) fn delete_user(call: &Call<'_>, app: &App<'_>) -> Result<Reply, Problem> {
    let world = call.world;
    let mut state = world.state();
    let at = app.find(&state, call.parameters.get("user"))?;
    world.delete_user(&mut state, at);
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The records of all users.
pub(crate) fn batch(call: &Call<'_>, app: &App<'_>, resource: Resource) -> Result<Reply, Problem> {
    let subjects: Vec<_> = {
        let state = call.world.state();
        app.users(&state).map(Subject::of).collect()
    };
    data::batch(resource, call, &subjects)
}
