//! The pages, as HTML.

use std::collections::BTreeSet;

use humanapi::axum::{ConnectPage, UserRecord};
use humanapi::data::{Activity, medical::Medication};
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::records::{Records, Shared};
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

pub(crate) fn me(
    person: &Person,
    record: &UserRecord,
    shared: &Shared,
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
    let is_connected = !matches!(shared, Ok(None));
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
                @match shared {
                    Ok(None) => p { "Nothing connected yet. Connect a clinic, a pharmacy or a device, and its records appear here." },
                    Err(_) => p { "Your sources cannot be shown at the moment." },
                    Ok(Some(records)) => (sources(records)),
                }
                p .actions {
                    button .primary type="button" data-connect data-connect-label="Connect your health data" { (button) }
                    button .quiet type="button" data-connect-hosted { "Open on its own page" }
                }
                p .status role="status" data-connect-status {}
            }
            @match shared {
                Ok(None) => {},
                Err(problem) => section .card aria-labelledby="records" {
                    h2 #records { "Latest records" }
                    p .bad role="alert" { "Your records could not be read. What to do: " (problem.remedy()) "." }
                },
                Ok(Some(records)) => {
                    section .card aria-labelledby="activities" {
                        h2 #activities { "Latest activities" }
                        (activity_table(&records.activities))
                    }
                    section .card aria-labelledby="medications" {
                        h2 #medications { "Medications" }
                        (medication_table(&records.medications))
                    }
                },
            }
        },
    )
}

fn sources(records: &Records) -> Markup {
    let trackers =
        (records.activities.iter()).filter_map(|one| one.source().as_deref().map(source_name));
    let clinics = (records.medications.iter())
        .filter_map(|one| Some(one.organization()?.name()?.into_owned()));
    let names: BTreeSet<String> = trackers.chain(clinics).collect();
    html! {
        @if names.is_empty() {
            p { "You have connected Human API, but no source has sent anything." }
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
    let rows = latest.into_iter().take(SHOWN).map(|one| {
        html! {
            td .start role="cell" { (start(one)) }
            td .kind role="cell" { (kind(one)) }
            td .source role="cell" { (one.source().as_deref().map_or_else(|| NOTHING.to_owned(), source_name)) }
            td .number role="cell" data-unit="min" { (number(one.duration().map(f64::from), 60.0, 0)) }
            td .number role="cell" data-unit="km" { (number(one.distance().map(f64::from), 1000.0, 1)) }
            td .number role="cell" data-unit="steps" { (number(one.steps().map(f64::from), 1.0, 0)) }
        }
    });
    let numbers = [("Minutes", true), ("km", true), ("Steps", true)];
    let texts = [
        ("Start (UTC)", false),
        ("Activity", false),
        ("Source", false),
    ];
    table(
        "Latest activities",
        "No activities yet.",
        &[texts, numbers].concat(),
        rows.collect(),
    )
}

/// As the clinic sent them, the newest first.
fn medication_table(medications: &[Medication]) -> Markup {
    let rows = medications.iter().take(SHOWN).map(|one| {
        html! {
            td .start role="cell" { (since(one)) }
            td .kind .long role="cell" { (one.name().as_deref().unwrap_or(NOTHING)) }
            td .source role="cell" { (one.status().as_deref().unwrap_or(NOTHING)) }
            td .how .long role="cell" { (one.instructions().as_deref().unwrap_or(NOTHING)) }
        }
    });
    let heads = ["Since", "Medication", "Status", "How to take it"].map(|head| (head, false));
    table("Medications", "No medications yet.", &heads, rows.collect())
}

/// A table of these rows, with what each column is called and whether it is of numbers.
///
/// A narrow window shows a card for each row. To be laid out so, an element gives up what it is to a screen reader, so
/// the roles are said.
fn table(name: &str, none: &str, heads: &[(&str, bool)], rows: Vec<Markup>) -> Markup {
    html! {
        @if rows.is_empty() { p { (none) } } @else {
            div .wide tabindex="0" role="region" aria-label=(format!("{name}, table")) {
                table role="table" {
                    thead role="rowgroup" { tr role="row" {
                        @for (head, is_number) in heads {
                            th .number[*is_number] scope="col" role="columnheader" { (head) }
                        }
                    } }
                    tbody role="rowgroup" { @for row in rows { tr role="row" { (row) } } }
                }
            }
        }
    }
}

/// The day as it was sent.
fn since(one: &Medication) -> String {
    one.start_date().map_or_else(
        || NOTHING.to_owned(),
        |day| {
            day.text()
                .get(..10)
                .unwrap_or_else(|| day.text())
                .to_owned()
        },
    )
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
