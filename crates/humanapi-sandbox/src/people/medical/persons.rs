//! Who a person is, as organizations wrote it down, and these organizations.

use serde_json::{Value, json};

use super::codes::{LOINC, SNOMED, coded};
use super::{chart, conditions};
use crate::clock::{DAY, Millis, instant};
use crate::people::calendar::date;
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;

const CDC: &str = "RACE&ETHNICITY-CDC";

/// A race and an ethnicity by the codes of the Centers for Disease Control.
#[rustfmt::skip] // One row, one line.
const RACES: &[(&str, &str)] = &[("Asian", "2028-9"), ("Black or African American", "2054-5"), ("White", "2106-3")];
#[rustfmt::skip]
const ETHNICITIES: &[(&str, &str)] = &[("Not Hispanic or Latino", "2186-5"), ("Hispanic or Latino", "2135-2")];

pub(super) fn moments(resource: Resource, person: &Person) -> Vec<Moment> {
    let since = match person.persona {
        Persona::Child => person.life().born,
        Persona::Chronic => date(2011, 2, 7),
        _ => date(2020, 4, 6),
    };
    // Once every clinic has seen the person.
    let row = |source| conditions::row(person, resource, source, 0, since + 60 * DAY);
    match resource {
        // A person has one profile, by the clinic that was connected first.
        Resource::MedicalProfile => chart::clinics(person).take(1).map(row).collect(),
        Resource::Organizations => chart::organizations(person).map(row).collect(),
        // The documents say of the demo user that there are none.
        Resource::Demographics if person.is_demo => Vec::new(),
        _ => chart::clinics(person).map(row).collect(),
    }
}

pub(super) fn write(resource: Resource, person: &Person, moment: &Moment) -> Fields {
    match resource {
        Resource::Organizations => Fields::new()
            .with("id", moment.source.id)
            .with("name", moment.source.name)
            .with("imageUrl", format!("{}.png", moment.source.word))
            .with(
                "href",
                format!("/medical/organizations/{}", moment.source.id),
            ),
        Resource::MedicalProfile => profile(person, moment),
        Resource::SocialHistory => social_history(person, moment),
        _ => demographics(person).with(
            "provider",
            json!({
                "organization": moment.source.name,
                "phone": chart::phone(moment.source),
                "address": chart::address(moment.source),
            }),
        ),
    }
}

fn gender_codes(is_female: bool) -> Value {
    let (code, name) = if is_female {
        ("F", "Female")
    } else {
        ("M", "Male")
    };
    json!([{
        "name": name,
        "code": code,
        "codeSystem": "2.16.840.1.113883.5.1",
        "codeSystemName": "AdministrativeGender",
    }])
}

/// The same in each record that says who somebody is.
fn demographics(person: &Person) -> Fields {
    let life = person.life();
    let mut numbers = person.numbers(&[b"demographics"]);
    let (race, race_code) = numbers.pick(RACES, ("White", "2106-3"));
    let (ethnicity, ethnicity_code) =
        numbers.pick(ETHNICITIES, ("Not Hispanic or Latino", "2186-5"));
    let (marital, marital_code) = match person.persona {
        Persona::Chronic => ("married", "M"),
        _ => ("single", "S"),
    };
    let born = instant(life.born);
    let dob = format!("{}/{}/{}", &born[5..7], &born[8..10], &born[..4]);
    let mut name = json!({"given": [life.given, life.middle], "family": life.family});
    if person.persona == Persona::Chronic {
        name["prefix"] = if life.is_female { "Ms." } else { "Mr." }.into();
    }
    Fields::new()
        .with(
            "address",
            json!({
                "street": [format!("{} Example Street", life.house)],
                "city": "Testville",
                "state": "CA",
                "zip": "00000",
                "country": "US",
            }),
        )
        .with("dob", dob)
        .with("dobDateTime", born)
        .with("gender", life.gender())
        .with("genderCodes", gender_codes(life.is_female))
        .with("language", numbers.pick(&["eng", "Eng", "ENG"], "eng"))
        .with("languageCodes", json!([{"name": "English", "code": "eng"}]))
        .with("name", name)
        .with("maritalStatus", marital)
        .with(
            "maritalStatusCodes",
            json!([{"name": marital, "code": marital_code, "codeSystem": "2.16.840.1.113883.5.2"}]),
        )
        .with("race", race)
        .with(
            "raceCodes",
            json!([{"name": race, "code": race_code, "codeSystemName": CDC}]),
        )
        .with("ethnicity", ethnicity)
        .with(
            "ethnicityCodes",
            json!([{"name": ethnicity, "code": ethnicity_code, "codeSystemName": CDC}]),
        )
}

/// Whether somebody smokes, with the code of SNOMED CT.
fn smoking(person: &Person) -> (&'static str, &'static str) {
    match person.persona {
        Persona::Chronic => ("Former smoker", "8517006"),
        _ => ("Never smoker", "266919005"),
    }
}

fn profile(person: &Person, moment: &Moment) -> Fields {
    let (status, code) = smoking(person);
    let demographics: serde_json::Map<String, Value> = demographics(person)
        .iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let drinks = if person.persona == Persona::Chronic {
        "yes"
    } else {
        "no"
    };
    Fields::new()
        .with("source", moment.source.id)
        .with(
            "alcohol",
            json!({"use": drinks, "codes": [coded(LOINC, "74013-4", "Alcoholic drinks per day")]}),
        )
        .with(
            "smoking",
            json!({"status": status, "codes": [coded(SNOMED, code, status)]}),
        )
        .with("demographics", demographics)
}

/// Each answer under its question.
fn social_history(person: &Person, moment: &Moment) -> Fields {
    let (status, code) = smoking(person);
    let at: Millis = moment.at;
    let mut entries = vec![json!({
        "dateTime": instant(at),
        "name": status,
        "codes": [
            {"name": "Smoking Status", "code": code, "codeSystemName": "SNOMED-CT"},
            coded(LOINC, "72166-2", "Tobacco smoking status"),
        ],
    })];
    if person.persona == Persona::Chronic {
        entries.push(json!({
            "dateTime": instant(at),
            "name": "Two glasses of wine a week",
            "codes": [coded(LOINC, "74013-4", "Alcoholic drinks per day")],
        }));
    }
    Fields::new().with("entries", entries)
}
