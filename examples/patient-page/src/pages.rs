//! The pages, as HTML.

use std::collections::BTreeSet;

use humanapi_axum::core::data::Activity;
use humanapi_axum::{ConnectPage, Problem, UserRecord};
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
                                span { "Sign in as " b { (person.name) } }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// What was read of a patient's data: nothing if nothing is connected.
pub(crate) type Activities = Result<Option<Vec<Activity>>, Problem>;

pub(crate) fn me(
    person: &Person,
    record: &UserRecord,
    activities: &Activities,
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
    let is_connected = !matches!(activities, Ok(None));
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
                @match activities {
                    Ok(None) => p { "Nothing connected yet. Connect a clinic, a pharmacy or a device, and its records appear here." },
                    Err(_) => p { "Your sources cannot be shown at the moment." },
                    Ok(Some(activities)) => (sources(activities)),
                }
                p .actions {
                    button .primary type="button" data-connect data-connect-label="Connect your health data" { (button) }
                    button .quiet type="button" data-connect-hosted { "Open on its own page" }
                }
                p .status role="status" data-connect-status {}
            }
            @match activities {
                Ok(None) => {},
                Err(problem) => section .card aria-labelledby="activities" {
                    h2 #activities { "Latest activities" }
                    p .bad role="alert" { "Your activities could not be read. What to do: " (problem.remedy()) "." }
                },
                Ok(Some(activities)) => section .card aria-labelledby="activities" {
                    h2 #activities { "Latest activities" }
                    (activity_table(activities))
                },
            }
        },
    )
}

fn sources(activities: &[Activity]) -> Markup {
    let names: BTreeSet<String> = activities
        .iter()
        .filter_map(|one| one.source().as_deref().map(source_name))
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
/// Stands where nothing was recorded.
const NOTHING: &str = "–";

fn activity_table(activities: &[Activity]) -> Markup {
    let mut latest: Vec<&Activity> = activities.iter().collect();
    latest.sort_by_key(|one| std::cmp::Reverse(one.start_time()));
    latest.truncate(SHOWN);
    // A narrow window shows a card for each row. To be laid out so, an element gives up what it is to a
    // screen reader, so the roles are said.
    html! {
        @if latest.is_empty() { p { "No activities yet." } } @else {
            div .wide tabindex="0" role="region" aria-label="Latest activities, table" {
                table role="table" {
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { "Start (UTC)" }
                        th scope="col" role="columnheader" { "Activity" }
                        th scope="col" role="columnheader" { "Source" }
                        th .number scope="col" role="columnheader" { "Minutes" }
                        th .number scope="col" role="columnheader" { "km" }
                        th .number scope="col" role="columnheader" { "Steps" }
                    } }
                    tbody role="rowgroup" { @for one in latest { tr role="row" {
                        td .start role="cell" { (start(one)) }
                        td .kind role="cell" { (kind(one)) }
                        td .source role="cell" { (one.source().as_deref().map_or_else(|| NOTHING.to_owned(), source_name)) }
                        td .number role="cell" data-unit="min" { (number(one.duration().map(f64::from), 60.0, 0)) }
                        td .number role="cell" data-unit="km" { (number(one.distance().map(f64::from), 1000.0, 1)) }
                        td .number role="cell" data-unit="steps" { (number(one.steps().map(f64::from), 1.0, 0)) }
                    } } }
                }
            }
        }
    }
}

fn start(one: &Activity) -> String {
    one.start_time().map_or_else(
        || NOTHING.to_owned(),
        |at| {
            let at = at.to_zoned(TimeZone::UTC);
            at.strftime("%Y-%m-%d %H:%M").to_string()
        },
    )
}

fn kind(one: &Activity) -> String {
    one.kind().as_deref().map_or_else(
        || NOTHING.to_owned(),
        |kind| capitalized(&kind.replace('_', " ")),
    )
}

/// The name that people know: records have `my_tracker` for what Connect calls "My Tracker".
fn source_name(name: &str) -> String {
    let words: Vec<String> = name.split(['_', ' ']).map(capitalized).collect();
    words.join(" ")
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// In a unit of so many of the record's, with the thousands apart. Of what was not measured, records say 0.
fn number(value: Option<f64>, unit: f64, decimals: usize) -> String {
    let Some(value) = value.filter(|value| *value > 0.0) else {
        return NOTHING.to_owned();
    };
    let digits = format!("{:.decimals$}", value / unit);
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut text = String::with_capacity(digits.len() + whole / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (value, unit, decimals, expected) in [
            (None, 1.0, 0, NOTHING),
            (Some(0.0), 1000.0, 1, NOTHING),
            (Some(-3.0), 1.0, 0, NOTHING),
            (Some(f64::NAN), 1.0, 0, NOTHING),
            (Some(999.0), 1.0, 0, "999"),
            (Some(1_000.0), 1.0, 0, "1,000"),
            (Some(123_456.0), 1.0, 0, "123,456"),
            (Some(1_234_567.0), 1.0, 0, "1,234,567"),
            (Some(12_345_678.0), 1000.0, 1, "12,345.7"),
            (Some(90.0), 60.0, 0, "2"),
        ] {
            assert_eq!(number(value, unit, decimals), expected, "{value:?}");
        }
    }

    #[test]
    fn names_are_written_as_people_write_them() {
        for (name, expected) in [
            ("strider", "Strider"),
            ("my_tracker", "My Tracker"),
            ("Lakeside Family Practice", "Lakeside Family Practice"),
            ("école", "École"),
            ("", ""),
        ] {
            assert_eq!(source_name(name), expected);
        }
    }
}
