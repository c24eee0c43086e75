//! What a person was vaccinated with: a child by the usual schedule, adults by season and by age.

use serde_json::json;

use super::chart;
use super::codes::{CVX, coded};
use crate::clock::{DAY, Millis, instant};
use crate::people::calendar::{HOUR, MONTH, YEAR, date};
use crate::people::moment::Moment;
use crate::people::moments::stored;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;

/// A vaccine by its code of CVX, with the ages in months at which it is due.
struct Vaccine {
    name: &'static str,
    cvx: &'static str,
    months: &'static [i64],
}

#[rustfmt::skip] // One row, one line.
const CHILD: &[Vaccine] = &[
    Vaccine { name: "Hep B, adolescent or pediatric", cvx: "08", months: &[0, 1, 6] },
    Vaccine { name: "rotavirus, pentavalent", cvx: "116", months: &[2, 4, 6] },
    Vaccine { name: "DTaP", cvx: "20", months: &[2, 4, 6, 15, 48] },
    Vaccine { name: "Hib (PRP-T)", cvx: "48", months: &[2, 4, 6, 12] },
    Vaccine { name: "Pneumococcal conjugate PCV 13", cvx: "133", months: &[2, 4, 6, 12] },
    Vaccine { name: "IPV", cvx: "10", months: &[2, 4, 6, 48] },
    Vaccine { name: "MMR", cvx: "03", months: &[12, 48] },
    Vaccine { name: "varicella", cvx: "21", months: &[12, 48] },
    Vaccine { name: "Hep A, ped/adol, 2 dose", cvx: "83", months: &[12, 18] },
    Vaccine { name: "Tdap", cvx: "115", months: &[132] },
    Vaccine { name: "HPV9", cvx: "165", months: &[132, 138] },
];

/// By day.
#[rustfmt::skip]
const ADULT: &[(Persona, &str, &str, &[Millis])] = &[
    (Persona::Chronic, "pneumococcal polysaccharide PPV23", "33", &[date(2012, 10, 8)]),
    (Persona::Chronic, "Tdap", "115", &[date(2013, 2, 4), date(2023, 2, 6)]),
    (Persona::Chronic, "zoster recombinant", "187", &[date(2019, 10, 7), date(2020, 1, 6)]),
    (Persona::Chronic, "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose", "208", &[date(2021, 3, 2), date(2021, 3, 23), date(2021, 11, 9)]),
    (Persona::Athlete, "Tdap", "115", &[date(2020, 4, 13)]),
    (Persona::Athlete, "Hep A, adult", "52", &[date(2022, 3, 7), date(2022, 9, 12)]),
    (Persona::Athlete, "COVID-19, mRNA, LNP-S, PF, 100 mcg/0.5mL dose or 50 mcg/0.25mL dose", "207", &[date(2021, 5, 11), date(2021, 6, 8)]),
];

const FLU: (&str, &str) = (
    "influenza, injectable, quadrivalent, preservative free",
    "150",
);

/// Each autumn since.
fn autumns(person: &Person) -> Vec<Millis> {
    let since = match person.persona {
        Persona::Child => person.life().born + 6 * MONTH,
        Persona::Chronic => date(2011, 1, 1),
        _ => date(2020, 1, 1),
    };
    let first = (since - date(1970, 1, 1)) / YEAR + 1970;
    let days = (first..).map(|year| date(year, 10, 6));
    days.filter(|day| *day >= since)
        .take_while(|day| *day <= person.now)
        .collect()
}

/// One vaccine with the days of its doses up to now.
struct Course {
    name: &'static str,
    cvx: &'static str,
    days: Vec<Millis>,
}

fn courses(person: &Person) -> Vec<Course> {
    let course = |name, cvx, days: Vec<Millis>| Course {
        name,
        cvx,
        days: days
            .into_iter()
            .map(|day| day + 10 * HOUR)
            .filter(|day| *day <= person.now)
            .collect(),
    };
    let mut all = vec![course(FLU.0, FLU.1, autumns(person))];
    if person.persona == Persona::Child {
        let born = person.life().born + 2 * DAY;
        all.extend(CHILD.iter().map(|vaccine| {
            let days = vaccine
                .months
                .iter()
                .map(|months| born + months * MONTH / DAY * DAY);
            course(vaccine.name, vaccine.cvx, days.collect())
        }));
    } else {
        let own = ADULT
            .iter()
            .filter(|(persona, ..)| *persona == person.persona);
        all.extend(own.map(|(_, name, cvx, days)| course(name, cvx, days.to_vec())));
    }
    all
}

/// One record for each vaccine, at the place of its latest dose, and changed with each.
pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let courses = courses(person);
    let sources = chart::clinics(person).chain(chart::pharmacies(person));
    let mut all = Vec::new();
    for source in sources {
        for (row, course) in courses.iter().enumerate() {
            // Pharmacies give what comes each year.
            let is_given = source.kind == crate::source::SourceKind::Medical || row == 0;
            let (Some(first), Some(last), true) =
                (course.days.first(), course.days.last(), is_given)
            else {
                continue;
            };
            let parts: [&[u8]; 3] = [b"dose", source.word.as_bytes(), course.cvx.as_bytes()];
            let (created, corrected) = stored(&mut person.numbers(&parts), *first, person.now);
            all.push(Moment {
                source,
                at: *last,
                created,
                updated: corrected.max(*last),
                row,
                round: 0,
            });
        }
    }
    all
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let course = &courses(person)[moment.row];
    let dates: Vec<String> = course.days.iter().rev().map(|day| instant(*day)).collect();
    Fields::new()
        .with("name", course.name)
        .with("dates", dates)
        .with("patient", json!({"name": ""}))
        .with("codes", json!([coded(CVX, course.cvx, course.name)]))
}

/// What was given, for reports: the name, the code and the days.
pub(super) fn given(person: &Person) -> Vec<(&'static str, &'static str, Vec<Millis>)> {
    let courses = courses(person)
        .into_iter()
        .filter(|course| !course.days.is_empty());
    courses
        .map(|course| (course.name, course.cvx, course.days))
        .collect()
}

/// Whether a code is that of a vaccine against Covid-19.
pub(super) fn is_covid(cvx: &str) -> bool {
    matches!(cvx, "207" | "208")
}

/// What the vaccine of a row is called.
pub(super) fn name(person: &Person, row: usize) -> String {
    courses(person)
        .get(row)
        .map_or_else(|| "n/a".to_owned(), |course| course.name.to_owned())
}
