//! What the forms of the Task Manager bring, judged field by field.

use std::collections::BTreeMap;

use crate::body::Fields;
use crate::clock::Millis;
use crate::orders::{BirthDate, NamedProvider, Particular, Particulars, TaskKind, is_ssn};
use crate::reply::Problem;
use crate::seed::{Numbers, keyed};

/// The longest text that is taken, in characters.
pub(super) const LONGEST: usize = 200;

/// One field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// What a browser may fill it in with.
    pub(super) complete: &'static str,
    /// What is said of it under its label.
    pub(super) hint: &'static str,
}

const fn field(name: &'static str, label: &'static str, complete: &'static str) -> Field {
    Field {
        name,
        label,
        complete,
        hint: "",
    }
}

pub(super) const GENDER: Field = field("gender", "Gender", "sex");
pub(super) const BIRTH_DATE: Field = field("dateOfBirth", "Date of birth", "bday");
pub(super) const GENDERS: [&str; 3] = ["female", "male", "other"];
const STREET: Field = field("street1", "Street and number", "address-line1");
const CITY: Field = field("city", "City", "address-level2");
const STATE: Field = field("state", "State", "address-level1");
const ZIP: Field = field("zip", "ZIP code", "postal-code");
pub(super) const SSN: Field = Field {
    name: "ssn",
    label: "Social Security number",
    complete: "off",
    hint: "Nine digits, made up, such as 900-12-3456. It is checked and let go.",
};
pub(super) const AGREES: Field = field(
    "agrees",
    "I allow those who keep my records to hand them out",
    "off",
);
const SIGNATURE: Field = field(
    "signature",
    "Your full name, in place of a signature",
    "name",
);
const PROVIDER: Field = field("name", "Doctor or practice", "organization");
const ANSWER: Field = field("answer", "Your answer", "off");

/// The fields that a task asks for, where that of the person is not known.
pub(super) fn fields(kind: TaskKind, unknown: &[Particular]) -> Vec<Field> {
    match kind {
        TaskKind::Particulars => {
            let of = |one: &Particular| match one {
                Particular::FirstName => vec![field("firstName", "First name", "given-name")],
                Particular::LastName => vec![field("lastName", "Last name", "family-name")],
                Particular::BirthDate => vec![BIRTH_DATE],
                Particular::Gender => vec![GENDER],
                Particular::Address => vec![STREET, CITY, STATE, ZIP],
                Particular::Ssn => vec![SSN],
            };
            unknown.iter().flat_map(of).collect()
        }
        TaskKind::Authorization => vec![AGREES, SIGNATURE],
        TaskKind::Provider => vec![PROVIDER, CITY, STATE],
        TaskKind::Question => vec![ANSWER],
    }
}

/// A form that was not as it has to be.
pub(super) struct Wrong {
    pub(super) kind: TaskKind,
    /// What is wrong, by field.
    pub(super) problems: BTreeMap<&'static str, &'static str>,
    /// What was typed, but for what is let go.
    pub(super) typed: BTreeMap<&'static str, String>,
}

/// What a form says.
pub(super) struct Answers;

impl Answers {
    /// What is learnt of the person, or what is wrong with the form.
    pub(super) fn read(
        kind: TaskKind,
        unknown: &[Particular],
        mut form: Fields,
        seed: u64,
        now: Millis,
    ) -> Result<Result<Particulars, Wrong>, Problem> {
        let mut typed = BTreeMap::new();
        let mut problems = BTreeMap::new();
        for field in fields(kind, unknown) {
            let text = form.bounded(field.name, LONGEST).unwrap_or_default();
            let text = text.trim().to_owned();
            if let Some(problem) = problem(field, &text, now) {
                problems.insert(field.name, problem);
            }
            typed.insert(field.name, text);
        }
        form.finish()?;
        if !problems.is_empty() {
            typed.remove(SSN.name);
            return Ok(Err(Wrong {
                kind,
                problems,
                typed,
            }));
        }
        let mut take = |name| typed.remove(name);
        let mut learnt = Particulars {
            first_name: take("firstName"),
            last_name: take("lastName"),
            birth_date: take(BIRTH_DATE.name).and_then(|text| BirthDate::read(&text, now)),
            is_authorized: kind == TaskKind::Authorization,
            ..Particulars::default()
        };
        if kind == TaskKind::Particulars {
            learnt.given.extend(unknown);
        }
        if let Some(name) = take(PROVIDER.name) {
            let start = keyed(seed, &[b"provider", name.as_bytes()]);
            learnt.providers.push(NamedProvider {
                id: Numbers::new(start).hex(24),
                name,
                client_id: None,
            });
        }
        Ok(Ok(learnt))
    }
}

fn problem(field: Field, text: &str, now: Millis) -> Option<&'static str> {
    if text.is_empty() {
        return Some(match field {
            AGREES => "Without this, nobody may hand out records.",
            _ => "This is needed.",
        });
    }
    let is_fine = match field {
        SSN => is_ssn(text),
        BIRTH_DATE => BirthDate::read(text, now).is_some_and(|at| at <= now),
        GENDER => GENDERS.contains(&text),
        _ => true,
    };
    (!is_fine).then_some(match field {
        SSN => "This is no Social Security number.",
        BIRTH_DATE => "This is no day in the past.",
        _ => "Choose one of the list.",
    })
}
