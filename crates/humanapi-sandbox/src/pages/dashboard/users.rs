//! The users on the dashboard, what records they have, and the forms that change them.

use maud::{Markup, html};

use super::table::{Column, SHOWN, cell, marked, scrolled, table};
use crate::records::Ask;
use crate::request_log::clip;
use crate::resource::Resource;
use crate::source::Source;
use crate::state::State;
use crate::subject::Subject;
use crate::user::{UserSnapshot, UserStatus};
use crate::world::World;

/// How long an id may be to be chosen, in bytes.
const CHOSEN: usize = 1024;

/// How many users are shown, and of how many of them the records.
const USERS: usize = 100;
const WITH_RECORDS: usize = 10;

/// What the dashboard shows of the users.
pub(super) struct Users {
    latest: Vec<UserSnapshot>,
    count: usize,
    /// The latest that have connected something.
    connected: Vec<(UserSnapshot, Subject)>,
}

impl Users {
    /// The latest of them.
    pub(super) fn read(world: &World, state: &State) -> Self {
        let count = state.users().len();
        let ats = || (0..count).rev().filter_map(|at| u32::try_from(at).ok());
        let latest: Vec<_> = ats()
            .take(USERS)
            .filter_map(|at| world.snapshot(state, at))
            .collect();
        let connected = ats()
            .take(USERS)
            .filter_map(|at| Some((world.snapshot(state, at)?, Subject::of(state.user(at)?))))
            .filter(|(user, _)| !user.sources.is_empty())
            .take(WITH_RECORDS)
            .collect();
        Self {
            latest,
            count,
            connected,
        }
    }
}

pub(super) fn record_section(world: &World, users: &Users) -> Markup {
    let columns = [
        Column::heads("User", "wide"),
        Column::new("Persona", ""),
        Column::new("Records", "wide first"),
    ];
    let rows = users.connected.iter().map(|(user, subject)| {
        let ask = world.ask(subject);
        let persona = user.persona.map_or("", |persona| persona.name());
        [
            cell(html! { bdi { (clip(&user.client_user_id, SHOWN)) } }),
            cell(html! { (persona) }),
            cell(html! { (record_counts(world, &ask)) }),
        ]
    });
    html! {
        section aria-labelledby="records" {
            (scrolled("records", "Records", html! {
                div #live-records data-live {
                    @if users.connected.is_empty() {
                        p .none { "None yet. Records come with a connected source." }
                    } @else {
                        @if users.connected.len() == WITH_RECORDS {
                            p .none { "Of the latest " (WITH_RECORDS) " users with a source." }
                        }
                        (table(&columns, rows))
                    }
                }
            }))
        }
    }
}

/// `activities 89, weight 12`.
fn record_counts(world: &World, ask: &Ask<'_>) -> String {
    let counts = Resource::ALL.iter().filter_map(|resource| {
        let count = world.records(*resource, ask).len();
        (count > 0).then(|| format!("{} {count}", resource.path()))
    });
    let counts: Vec<_> = counts.collect();
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.join(", ")
}

/// The name of the application of an id.
fn app_name(world: &World, client_id: &str) -> &'static str {
    world
        .app(client_id)
        .map(|(_, app)| app.app.name())
        .unwrap_or_default()
}

pub(super) fn user_section(world: &World, users: &Users) -> Markup {
    let living = || {
        users
            .latest
            .iter()
            .filter(|user| user.status != UserStatus::Deleted)
            // The control API takes an id as it is, so a cut one would be of no use.
            .filter(|user| user.client_user_id.len() <= CHOSEN)
    };
    html! {
        section aria-labelledby="users" {
            (scrolled("users", "Users", html! {
                div #live-users data-live {
                    @if users.latest.is_empty() {
                        p .none { "None yet. A user appears with the first session token." }
                    } @else {
                        @if users.count > users.latest.len() {
                            p .none { "The latest " (users.latest.len()) " of " (users.count) "." }
                        }
                        (user_table(world, &users.latest))
                    }
                }
            }))
            form #user-form .row data-needs-script hidden {
                div {
                    label for="live-user-choice" { "User" }
                    // Named by the application as well, because two may have the same id.
                    select #live-user-choice data-live name="user" required {
                        @for user in living() {
                            option value=(user_value(user)) {
                                (clip(&user.client_user_id, SHOWN)) " · " (app_name(world, &user.client_id))
                            }
                        }
                    }
                }
                div {
                    label for="source" { "Source" }
                    select #source name="source" {
                        @for source in Source::ALL { option value=(source.id) { (source.name) } }
                    }
                }
                div .buttons {
                    button type="submit" data-path="/sandbox/sources/connect" { "Connect source" }
                    button type="submit" data-path="/sandbox/sources/disconnect" { "Disconnect source" }
                    button type="submit" data-path="/sandbox/users/delete" { "Delete user" }
                }
            }
        }
    }
}

fn user_table(world: &World, users: &[UserSnapshot]) -> Markup {
    let columns = [
        Column::heads("User", "wide"),
        Column::new("Status", ""),
        Column::new("Sources", "wide"),
        Column::new("Application", ""),
        Column::new("Human id", "mono id"),
    ];
    table(
        &columns,
        users.iter().map(|user| {
            [
                cell(html! { bdi { (clip(&user.client_user_id, SHOWN)) } }),
                marked(
                    status_class(user.status),
                    html! { (status_text(user.status)) },
                ),
                cell(html! { (source_names(user)) }),
                cell(html! { (app_name(world, &user.client_id)) }),
                cell(html! { (user.human_id) }),
            ]
        }),
    )
}

/// The ids of a user as the control API takes them.
fn user_value(user: &UserSnapshot) -> String {
    serde_json::json!({
        "client_id": user.client_id,
        "client_user_id": user.client_user_id,
    })
    .to_string()
}

fn status_text(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Started => "started",
        UserStatus::Connected => "connected",
        UserStatus::Deleted => "deleted",
    }
}

fn status_class(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Started => "",
        UserStatus::Connected => "good",
        UserStatus::Deleted => "bad",
    }
}

fn source_names(user: &UserSnapshot) -> String {
    let names: Vec<_> = user.sources.iter().map(|source| source.name).collect();
    names.join(", ")
}
