//! The first page: the form for an applicant, and the cases that somebody has to look at.

use humanapi::admin::OrderType;
use maud::{Markup, html};

use crate::application::{Application, Problems};
use crate::case::Unsettled;
use crate::desk::NotOrdered;
use crate::pages::{heading, page};

/// A field of the form: its name on the wire, its label, and what a browser may fill it in with.
struct Field(&'static str, &'static str, Kind);

enum Kind {
    Text,
    Must,
    Day,
    Secret,
    Mail,
}

const PERSON: [Field; 5] = [
    Field("firstName", "First name", Kind::Must),
    Field("lastName", "Last name", Kind::Must),
    Field("dateOfBirth", "Date of birth", Kind::Day),
    Field("ssn", "Social Security number", Kind::Secret),
    Field("clientUserEmail", "E-mail address", Kind::Mail),
];
const HOME: [Field; 4] = [
    Field("street1", "Street and number", Kind::Text),
    Field("city", "City", Kind::Text),
    Field("state", "State", Kind::Text),
    Field("zip", "ZIP code", Kind::Text),
];
const GENDERS: [(&str, &str); 4] = [
    ("", "Not said"),
    ("female", "Female"),
    ("male", "Male"),
    ("other", "Other"),
];

pub(crate) fn form(
    typed: &Application,
    why: Option<&NotOrdered>,
    types: &[OrderType],
    unsettled: &Markup,
) -> Markup {
    let none = Problems::new();
    let problems = match why {
        Some(NotOrdered::Wrong(problems)) => problems,
        _ => &none,
    };
    let entry = |field: &Field| entry(field, typed, problems);
    let choice = |name, label, of: &[_]| choice(name, label, of, typed, problems);
    let mut kinds = vec![("", "The usual")];
    kinds.extend(types.iter().filter_map(|one| {
        let code = one.code.as_deref()?;
        Some((code, one.alias.as_deref().unwrap_or(code)))
    }));
    let title = match why {
        None => "Order medical records",
        Some(NotOrdered::Journal(..)) => "It is not known whether this is ordered",
        Some(_) => "Nothing was ordered",
    };
    page(
        title,
        &html! {
            h1 { (title) }
            @match why {
                Some(why) => (refusal(why)),
                None => p .lead { "One order for each policy: however often this form is sent, the records are ordered once." },
            }
            (unsettled)
            // The browser keeps nothing of it, and does not fill it in again.
            form .card method="post" action="/cases" autocomplete="off" novalidate {
                fieldset {
                    legend { "The case" }
                    (entry(&Field("policy", "Policy number", Kind::Must)))
                    (choice("orderType", "Records", &kinds))
                }
                fieldset {
                    legend { "The applicant" }
                    @for field in &PERSON { (entry(field)) }
                    (choice("gender", "Gender", &GENDERS))
                }
                fieldset {
                    legend { "Where the applicant lives" }
                    @for field in &HOME { (entry(field)) }
                }
                p .hint { "What is missing is asked of the applicant later. The order is billed when the service has it." }
                button .primary type="submit" { "Order records" }
            }
        },
    )
}

/// The cases that somebody has to look at: the first of them, or others.
pub(crate) fn list(unsettled: Result<Unsettled, &'static str>, is_first: bool) -> Markup {
    let Unsettled { cases, more_after } = match unsettled {
        Ok(unsettled) => unsettled,
        Err(remedy) => {
            return html! {
                section .card .note aria-labelledby="open" {
                    h2 #open { "Not settled yet" }
                    p .bad role="alert" {
                        "The journal of orders cannot be read, so nobody can say what is not settled. What to do: " (remedy) "."
                    }
                }
            };
        }
    };
    if cases.is_empty() && is_first {
        return html! {};
    }
    html! {
        section .card .note aria-labelledby="open" {
            h2 #open { "Not settled yet" }
            p { "Somebody has to look at these before anything more is done for them." }
            ul .open {
                @for case in &cases {
                    li { a href=(case.policy.path()) { (case.policy) } " " span .hint { (heading(&case.state)) } }
                }
            }
            @if cases.is_empty() { p { "There are no more of them." } }
            @if !is_first || more_after.is_some() {
                p {
                    @if let Some(last) = more_after { a href={ "/?after=" (last) } { "Show more that are not settled" } " " }
                    @if !is_first { a href="/" { "Begin at the first" } }
                }
            }
        }
    }
}

fn refusal(why: &NotOrdered) -> Markup {
    html! {
        div .card .bad role="alert" {
            @match why {
                NotOrdered::Wrong(problems) => {
                    p { "Look at what is marked, and type the date of birth and the Social Security number again." }
                    // What no field of this form has.
                    @for (field, problem) in problems.iter().filter(|(field, _)| !is_here(field)) {
                        p { code { (field) } ": " (problem) }
                    }
                }
                NotOrdered::Other(policy) => p {
                    "The policy " a href=(policy.path()) { (policy) } " stands for another order: with another name, date of birth, e-mail address or kind. Its case says what became of that. Correct the policy’s number, or look there."
                },
                NotOrdered::Refused(remedy) => p { "Nothing was sent that had an effect. What to do: " (remedy) "." },
                NotOrdered::Journal(policy, remedy) => p {
                    "The journal of orders failed. Nothing was sent for this form; whether another one had it sent before is not known until the journal can be read: then " a href=(policy.path()) { "the case of " (policy) } " says so. What to do: " (remedy) "."
                },
            }
        }
    }
}

fn is_here(field: &str) -> bool {
    let all = PERSON.iter().chain(&HOME).map(|field| field.0);
    all.chain(["policy", "orderType", "gender"])
        .any(|name| name == field)
}

/// One of several, each with its value and its name.
fn choice(
    name: &str,
    label: &str,
    of: &[(&str, &str)],
    typed: &Application,
    problems: &Problems,
) -> Markup {
    let problem = problems.get(name);
    let problem_id = problem.map(|_| format!("{name}-problem"));
    html! {
        div .entry {
            label for=(name) { (label) }
            select id=(name) name=(name) autofocus[is_first(name, problems)]
                aria-describedby=[problem_id.as_deref()] aria-invalid=[problem.map(|_| "true")] {
                @for (value, label) in of {
                    option value=(value) selected[typed.shown(name) == *value] { (label) }
                }
            }
            @if let Some(problem) = problem { p .problem id=[problem_id.as_deref()] { (problem) } }
        }
    }
}

/// Whether it is the first of the fields here that something is wrong with.
fn is_first(name: &str, problems: &Problems) -> bool {
    let first = problems.keys().find(|field| is_here(field));
    first.is_some_and(|first| first == name)
}

fn entry(Field(name, label, kind): &Field, typed: &Application, problems: &Problems) -> Markup {
    let problem = problems.get(*name);
    let (hint_id, problem_id) = (format!("{name}-hint"), format!("{name}-problem"));
    let hint = match kind {
        Kind::Secret => Some("Nine digits. It goes to the service and is kept nowhere here."),
        Kind::Day => Some("It is not shown again."),
        Kind::Must if *name == "policy" => {
            Some("The case is found by it: letters, digits and hyphens.")
        }
        _ => None,
    };
    let described: Vec<&str> = [hint.map(|_| &*hint_id), problem.map(|_| &*problem_id)]
        .into_iter()
        .flatten()
        .collect();
    let described = Some(described.join(" ")).filter(|ids| !ids.is_empty());
    let (form, keys) = match kind {
        Kind::Day => ("date", None),
        Kind::Mail => ("email", None),
        Kind::Secret => ("text", Some("numeric")),
        Kind::Text | Kind::Must => ("text", None),
    };
    html! {
        div .entry {
            label for=(name) { (label) }
            @if let Some(hint) = hint { p .hint id=(hint_id) { (hint) } }
            input id=(name) name=(name) type=(form) value=(typed.shown(name)) maxlength="200" autocomplete="off"
                inputmode=[keys] required[matches!(kind, Kind::Must | Kind::Day)] autofocus[is_first(name, problems)]
                aria-describedby=[described] aria-invalid=[problem.map(|_| "true")];
            @if let Some(problem) = problem { p .problem id=(problem_id) { (problem) } }
        }
    }
}
