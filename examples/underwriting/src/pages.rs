//! The pages, as HTML. None of them shows a date of birth or a social security number.

use humanapi::admin::{OrderState, PersonalUrl};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::application::Policy;
use crate::case::{Case, CaseState, Ordered, Seen, Shown, Told};
use crate::desk::NotDecided;

pub(crate) fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Heron Life" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                script src="/follow.js" defer {}
            }
            body {
                header .top {
                    a .brand href="/" { (PreEscaped(include_str!("../assets/icon.svg"))) "Heron Life · underwriting" }
                    form .find method="get" action="/cases" role="search" {
                        label for="find" { "Find a case" }
                        input #find name="policy" required maxlength="40" autocomplete="off" placeholder="Policy number";
                        button type="submit" { "Find" }
                    }
                }
                main { (content) }
                footer { p { "An example. The applicants and their records do not exist." } }
            }
        }
    }
}

pub(crate) fn case(case: &Case) -> Markup {
    page(
        &format!("Policy {}", case.policy),
        &html! {
            h1 { "Policy " (case.policy) }
            (progress(case))
            p #news .unseen role="status" {}
        },
    )
}

/// The part of a case's page that changes.
pub(crate) fn progress(case: &Case) -> Markup {
    let (seen, is_over) = match &case.state {
        CaseState::Ordered(ordered) => (ordered.history.len(), ordered.is_over()),
        _ => (0, true),
    };
    let now = heading(&case.state);
    html! {
        div #progress data-case=(case.policy.path()) data-seen=(seen) data-over[is_over] data-now=(now) {
            section .card aria-labelledby="now" {
                h2 #now tabindex="-1" { (now) }
                @match &case.state {
                    CaseState::NotSent(told) => {
                        p { "Nothing was sent for this policy, so nothing is billed." }
                        p .actions { a .button href={ "/?policy=" (case.policy) } { "Fill in the form again" } }
                        (known(case, told))
                    },
                    CaseState::UnderWay => {
                        p { "The order is on its way, or the program ended while it was. It is not sent a second time." }
                        (look(case))
                    },
                    CaseState::Absent(told) => {
                        p { "The order left this desk once and did not arrive: it was looked for, and is not there. It is not sent again by itself, because the first one could still arrive." }
                        (look(case))
                        (send_again(case, &told.shown))
                        (known(case, told))
                    },
                    CaseState::Unknown(shown, reason) => {
                        p { "The order may be placed, and may be billed. Why nobody can tell: " (reason) "." }
                        p { "Nothing is sent again until somebody has decided. Three things can be done:" }
                        (look(case))
                        (exists(case, shown))
                        (send_again(case, shown))
                    },
                    CaseState::Ordered(ordered) => (states(ordered)),
                }
            }
            @if let CaseState::Ordered(ordered) = &case.state {
                @if ordered.state() == Some(&OrderState::Pended) { (waits(case)) }
                (reports(case, ordered))
            }
        }
    }
}

pub(crate) fn heading(state: &CaseState) -> String {
    match state {
        CaseState::NotSent(_) => "Nothing was ordered".to_owned(),
        CaseState::UnderWay => "The order is under way".to_owned(),
        CaseState::Absent(_) => "The order did not arrive".to_owned(),
        CaseState::Unknown(..) => "It is not known whether this is ordered".to_owned(),
        CaseState::Ordered(ordered) => ordered
            .state()
            .map_or_else(|| "Ordered".to_owned(), state_name),
    }
}

fn state_name(state: &OrderState) -> String {
    match state {
        OrderState::Created => "Ordered".to_owned(),
        OrderState::InProgress => "Records are being collected".to_owned(),
        OrderState::Pended => "Waiting for the applicant".to_owned(),
        OrderState::Completed => "Complete".to_owned(),
        OrderState::Cancelled => "Cancelled".to_owned(),
        other => format!("“{}”", other.as_str()),
    }
}

/// What was seen of an order, the latest last.
fn states(ordered: &Ordered) -> Markup {
    let last = ordered.history.len().saturating_sub(1);
    html! {
        @if let Some(remedy) = ordered.problem {
            p .bad role="alert" { "The order is placed. What the service says of it could not be read. What to do: " (remedy) "." }
        }
        @if !ordered.history.is_empty() {
            ol .states aria-label="Progress" {
                @for (at, seen) in ordered.history.iter().enumerate() {
                    li aria-current=[(at == last).then_some("step")] {
                        span { (state_name(&seen.state)) } " "
                        span .when { (since(at, seen)) " " (moment(seen.at)) }
                    }
                }
            }
        }
        @if !ordered.is_over() {
            p .hint { "This page tells what changes by itself." noscript { " Without JavaScript, load it again." } }
        }
    }
}

/// What the desk knows of the time that a state is of: one that it did not see coming may be older.
fn since(place: usize, seen: &Seen) -> &'static str {
    match (place, &seen.state) {
        (0, state) if *state != OrderState::Created => "so already when it was first seen,",
        _ => "seen",
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn waits(case: &Case) -> Markup {
    html! {
        section .card aria-labelledby="tasks" {
            h2 #tasks { "What is missing" }
            p { "Those who keep the records need something of the applicant, such as an authorization." }
            form method="post" action={ (case.policy.path()) "/tasks" } {
                button .primary type="submit" { "Make a link for the applicant" }
            }
        }
    }
}

fn reports(case: &Case, ordered: &Ordered) -> Markup {
    html! {
        section .card aria-labelledby="reports" {
            h2 #reports { "Reports" }
            @if ordered.reports.is_empty() {
                p { @if ordered.is_over() { "There are none." } @else { "They are here once records were found." } }
            } @else {
                ul .reports {
                    @for report in &ordered.reports {
                        li {
                            a href={ (case.policy.path()) "/reports/" (segment(&report.id)) } download {
                                (report.name) " (" (report.format.name().to_uppercase()) ")"
                            }
                            @if let Some(made) = report.made { " " span .when { "made " (moment(made)) } }
                        }
                    }
                }
            }
        }
    }
}

/// An id as one part of a path.
fn segment(id: &str) -> String {
    let mut path = String::new();
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

fn look(case: &Case) -> Markup {
    html! {
        form .actions method="post" action={ (case.policy.path()) "/look" } {
            button .primary type="submit" { "Look again" }
            span .hint { "Asks the service and sends nothing." }
        }
    }
}

/// The hidden fields of a decision, and without which it is none.
fn decision(shown: &Shown, what: &str, looked: &str) -> Markup {
    html! {
        input type="hidden" name="shown" value=(shown.as_str());
        input type="hidden" name="what" value=(what);
        p .check {
            input type="checkbox" id={ "looked-" (what) } name="looked" value="yes" required;
            label for={ "looked-" (what) } { (looked) }
        }
    }
}

/// What takes a case off the list that needs no other decision.
fn known(case: &Case, told: &Told) -> Markup {
    html! {
        @if told.is_listed {
            form .decision method="post" action={ (case.policy.path()) "/known" } aria-labelledby="known" {
                h3 #known { "Leave it as it is" }
                p { "It stays on the list of what is not settled until somebody has acted. Nothing is sent by this." }
                input type="hidden" name="shown" value=(told.shown.as_str());
                button type="submit" { "Take it off the list" }
            }
        }
    }
}

fn exists(case: &Case, shown: &Shown) -> Markup {
    html! {
        form .decision method="post" action={ (case.policy.path()) "/decide" } aria-labelledby="found" {
            h3 #found { "It is there" }
            div .entry {
                label for="human_id" { "The user’s id in the vendor’s portal" }
                input #human_id name="human_id" required maxlength="200" autocomplete="off";
            }
            (decision(shown, "exists", "I have seen this order in the vendor’s portal"))
            button type="submit" { "Settle it as ordered" }
        }
    }
}

fn send_again(case: &Case, shown: &Shown) -> Markup {
    html! {
        form .decision method="post" action={ (case.policy.path()) "/decide" } aria-labelledby="again" {
            h3 #again { "It is not there" }
            p { "If the first order arrives after all, two are billed." }
            (decision(shown, "send-again", "I have looked in the vendor’s portal, and there is no such order"))
            button type="submit" { "Allow it to be sent once more" }
        }
    }
}

/// The page that carries a link which opens the tasks of one person. No browser keeps it, and it names no referrer.
pub(crate) fn link(policy: &Policy, url: &PersonalUrl) -> Markup {
    page(
        "A link for the applicant",
        &html! {
            h1 { "A link for the applicant" }
            section .card aria-labelledby="link" {
                h2 #link { "Policy " (policy) }
                p { "Whoever has this link can do what the order lacks, for 8 hours. Hand it to the applicant alone." }
                p .link { a href=(url.expose_secret()) rel="noreferrer" { "Open the Task Manager" } }
                p .hint { "To send it, copy the link’s address. Loading this page again makes another one." }
            }
            p { a href=(policy.path()) { "Back to the case" } }
        },
    )
}

pub(crate) fn message(title: &str, text: &str) -> Markup {
    page(
        title,
        &html! {
            h1 { (title) }
            p .lead { (text) }
            p { a href="/" { "Go to the first page" } }
        },
    )
}

/// The same, about one case.
fn about(policy: &Policy, title: &str, text: &str) -> Markup {
    page(
        title,
        &html! {
            h1 { (title) }
            p .lead { (text) }
            p { a href=(policy.path()) { "Back to " (policy) } }
        },
    )
}

pub(crate) fn no_case() -> Markup {
    message(
        "No such case",
        "Nothing was ordered for this policy at this desk.",
    )
}

pub(crate) fn no_journal(remedy: &str) -> Markup {
    message(
        "Not now",
        &format!(
            "The journal of orders cannot be read, so nobody can say how this case stands. What to do: {remedy}."
        ),
    )
}

pub(crate) fn no_link(policy: &Policy, remedy: &str) -> Markup {
    about(
        policy,
        "There is no link",
        &format!("The service gave none. What to do: {remedy}."),
    )
}

pub(crate) fn no_report(policy: &Policy, remedy: &str) -> Markup {
    about(
        policy,
        "The report cannot be read",
        &format!("The service did not give it. What to do: {remedy}."),
    )
}

pub(crate) fn not_decided(policy: &Policy, why: &NotDecided) -> Markup {
    let text = match why {
        NotDecided::NotLooked => "Look in the vendor’s portal first, and say so by the box above the button.".to_owned(),
        NotDecided::Changed => "The case has changed since you saw it. Look at it again.".to_owned(),
        NotDecided::Busy => "The desk looks for this order just now. Wait a minute, look how the case stands, and decide then.".to_owned(),
        NotDecided::NoSuchUser => "The service has no user of this id with this policy’s number. Check the id in the vendor’s portal.".to_owned(),
        NotDecided::Failed(remedy) => format!("It could not be checked or written. What to do: {remedy}."),
    };
    about(policy, "Nothing was decided", &text)
}

pub(crate) fn came_back() -> Markup {
    message(
        "Back from the Task Manager",
        "It does not say for which policy. Find the case by its number: it says how it stands.",
    )
}
