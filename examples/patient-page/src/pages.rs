//! The pages, as HTML.

use std::collections::BTreeSet;

use humanapi_axum::core::data::{Activity, Record};
use humanapi_axum::{ConnectPage, UserRecord};
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::session::Person;

fn page(title: &str, scripts: &str, top: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Fern Street Clinic" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                (PreEscaped(scripts))
            }
            body {
                header .top {
                    a .brand href="/" { (PreEscaped(include_str!("../assets/icon.svg"))) "Fern Street Clinic" }
                    (top)
                }
                main { (content) }
                footer { p { "An example. The people and their records do not exist." } }
            }
        }
    }
}

/// The hidden field without which no form is taken.
fn form_token(token: &str) -> Markup {
    html! { input type="hidden" name="form" value=(token); }
}

pub(crate) fn sign_in(people: &[Person], token: &str) -> Markup {
    page(
        "Sign in",
        "",
        &html! {},
        &html! {
            h1 { "Who are you today?" }
            p .lead { "Sign in as one of these people to see how a patient connects health data and comes back later." }
            ul .people {
                @for person in people {
                    li {
                        form method="post" action="/sign-in" {
                            (form_token(token))
                            input type="hidden" name="person" value=(person.id);
                            button .person type="submit" {
                                span .face aria-hidden="true" { (person.name.chars().next().unwrap_or('?')) }
                                span { "Sign in as " (person.name) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// What was read of a patient's data.
pub(crate) enum Health {
    /// Nothing is connected.
    Nothing,
    /// What came.
    Read(Vec<Record<Activity>>),
    /// It could not be read; what to do next.
    Failed(&'static str),
}

pub(crate) fn me(
    person: &Person,
    record: &UserRecord,
    health: &Health,
    connect: &ConnectPage,
    token: &str,
) -> Markup {
    let top = html! {
        form .who method="post" action="/sign-out" {
            (form_token(token))
            span { (person.name) }
            button .quiet type="submit" { "Sign out" }
        }
    };
    let is_connected = !matches!(health, Health::Nothing);
    let button = if is_connected {
        "Manage your sources"
    } else {
        "Connect your health data"
    };
    page(
        "Your health",
        &connect.scripts,
        &top,
        &html! {
            h1 { @if is_connected { "Welcome back, " } @else { "Welcome, " } (person.name) }
            @if record.former_human_id.is_some() {
                p .note role="note" { "You started over: records that were shared before are not shown any more." }
            }
            section .card aria-labelledby="sources" {
                h2 #sources { "Your sources" }
                @match health {
                    Health::Nothing => p { "Nothing connected yet. Connect a clinic, a pharmacy or a device, and its records appear here." },
                    Health::Failed(_) => p { "Your sources cannot be shown at the moment." },
                    Health::Read(activities) => (sources(activities)),
                }
                p .actions {
                    button .primary type="button" data-connect data-connect-label="Connect your health data" { (button) }
                    button .quiet type="button" data-connect-hosted { "Open on its own page" }
                }
                p .status role="status" data-connect-status {}
            }
            @match health {
                Health::Nothing => {},
                Health::Failed(remedy) => section .card aria-labelledby="activities" {
                    h2 #activities { "Latest activities" }
                    p .bad role="alert" { "Your activities could not be read. What to do: " (remedy) "." }
                },
                Health::Read(activities) => section .card aria-labelledby="activities" {
                    h2 #activities { "Latest activities" }
                    (activity_table(activities))
                },
            }
        },
    )
}

fn sources(activities: &[Record<Activity>]) -> Markup {
    let names: BTreeSet<&str> = activities
        .iter()
        .filter_map(|one| one.source.as_deref())
        .collect();
    html! {
        @if names.is_empty() {
            p { "You have connected Human API, but no source has sent an activity." }
        } @else {
            ul .sources aria-label="Sources" { @for name in names { li { (name) } } }
        }
    }
}

/// So many are shown.
const SHOWN: usize = 8;

fn activity_table(activities: &[Record<Activity>]) -> Markup {
    let mut latest: Vec<&Activity> = activities.iter().map(|one| &**one).collect();
    latest.sort_by_key(|one| std::cmp::Reverse(one.start_time));
    latest.truncate(SHOWN);
    html! {
        @if latest.is_empty() { p { "No activities yet." } } @else {
            div .wide tabindex="0" role="region" aria-label="Latest activities, table" {
                table {
                    thead { tr {
                        th scope="col" { "Start (UTC)" } th scope="col" { "Activity" } th scope="col" { "Source" }
                        th .number scope="col" { "Minutes" } th .number scope="col" { "km" } th .number scope="col" { "Steps" }
                    } }
                    tbody { @for one in latest { tr {
                        td { (one.start_time.map_or_else(|| "–".to_owned(), |at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string())) }
                        td { (one.kind.as_deref().unwrap_or("–").replace('_', " ")) }
                        td { (one.source.as_deref().unwrap_or("–")) }
                        td .number { (number(one.duration.map(|seconds| seconds / 60.0), 0)) }
                        td .number { (number(one.distance.map(|metres| metres / 1000.0), 1)) }
                        td .number { (number(one.steps, 0)) }
                    } } }
                }
            }
        }
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

pub(crate) fn message(title: &str, text: &str) -> Markup {
    page(
        title,
        "",
        &html! {},
        &html! {
            h1 { (title) }
            p .lead { (text) }
            p { a href="/" { "Go to the first page" } }
        },
    )
}
