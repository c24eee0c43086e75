//! Traits and genotypes: the same for ever.

use serde_json::json;

use super::calendar::date;
use super::moment::Moment;
use super::moments::Moments;
use super::person::Person;
use crate::clock::Millis;
use crate::records::Fields;
use crate::resource::Resource;
use crate::source::HELIX_HOME;

/// What a trait is, and its possible outcomes, the first being the most likely.
const TRAITS: &[(&str, &[&str])] = &[
    (
        "Lactose tolerance",
        &["Likely tolerant", "Likely intolerant", "Not determined"],
    ),
    (
        "Alcohol flush reaction",
        &["Does not flush", "Flushes slightly", "Flushes strongly"],
    ),
    (
        "Muscle composition",
        &["Common in sprinters", "Common in endurance athletes"],
    ),
    ("Caffeine metabolism", &["Fast", "Slow", "Not determined"]),
    ("Earwax type", &["Wet", "Dry"]),
];

/// A place on the genome by its name in dbSNP, and what is found there.
const GENOTYPES: &[(&str, &[&str])] = &[
    ("rs4988235", &["AA", "AG", "GG"]),
    ("rs671", &["GG", "AG", "AA"]),
    ("rs1815739", &["CC", "CT", "TT"]),
    ("rs762551", &["AA", "AC", "CC"]),
    ("rs17822931", &["CC", "CT", "TT"]),
];

const MEASURED: Millis = date(2022, 5, 4);

pub(super) fn moments(resource: Resource, person: &Person) -> Moments {
    let rows = if resource == Resource::Traits {
        TRAITS.len()
    } else {
        GENOTYPES.len()
    };
    let moment = |source| {
        move |row| Moment {
            source,
            at: MEASURED,
            created: MEASURED,
            updated: MEASURED,
            row,
            round: 0,
        }
    };
    let sources = person.connected(&[HELIX_HOME]);
    Moments::list(
        sources
            .flat_map(|source| (0..rows).map(moment(source)))
            .collect(),
        person,
    )
}

pub(super) fn write(resource: Resource, person: &Person, moment: &Moment) -> Fields {
    let mut numbers = person.numbers_of(resource, moment);
    match resource {
        Resource::Traits => {
            let (description, outcomes) = TRAITS[moment.row];
            Fields::new()
                .with("description", description)
                .with("trait", numbers.pick(outcomes, "Not determined"))
                .with("possibleTraits", json!(outcomes))
        }
        _ => {
            let (location, genotypes) = GENOTYPES[moment.row];
            Fields::new()
                .with("location", location)
                .with("genotype", numbers.pick(genotypes, "--"))
        }
    }
}
