//! The people whose records the sandbox tells: a few personas, each life a function of the seed, the user and the clock.
//!
//! A list is told by index: where a record stands says when it was, and that what it holds, so that none has to be held.
//! As the clock goes on records are added, some come days after what they tell of, and some are corrected later.

mod activities;
mod at_a_glance;
mod body;
mod calendar;
mod genetics;
mod life;
mod locations;
mod meals;
mod measurements;
mod medical;
mod moments;
mod odd;
mod sleeps;

use serde_json::Value;

use crate::clock::Millis;
use crate::data::Resource;
use crate::data::records::{Ask, Entry, Fields, Head, Records};
use crate::persona::Persona;
use crate::seed::{Numbers, keyed};
use crate::source::Source;
use moments::{Moment, Moments};

pub(crate) use at_a_glance::{profile, sources, summary};
pub(crate) use calendar::EPOCH;
pub(crate) use medical::{Format, document, report};
pub use odd::Oddity;

/// A user as one of the personas.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    seed: u64,
    human_id: Box<str>,
    user_id: Box<str>,
    persona: Persona,
    sources: Vec<&'static Source>,
    now: Millis,
    is_demo: bool,
}

impl Person {
    pub(crate) fn of(ask: &Ask<'_>) -> Self {
        let subject = ask.subject;
        // The demo user's life stands still, so that every example of it stays true.
        let now = if subject.is_demo {
            ask.now.min(EPOCH)
        } else {
            ask.now
        };
        Self {
            seed: ask.seed,
            human_id: subject.human_id.as_str().into(),
            user_id: subject.user_id.as_str().into(),
            persona: subject.persona.unwrap_or_else(|| {
                default_persona(&subject.human_id, &subject.sources, subject.is_demo)
            }),
            sources: subject.sources.clone(),
            now,
            is_demo: subject.is_demo,
        }
    }

    /// Numbers that are this person's, and for these parts the same each time.
    fn numbers(&self, parts: &[&[u8]]) -> Numbers {
        let own = keyed(self.seed, &[self.human_id.as_bytes()]);
        Numbers::new(keyed(own, parts))
    }

    /// Numbers for what one record holds.
    fn numbers_of(&self, resource: Resource, moment: &Moment) -> Numbers {
        self.numbers(&[
            resource.path().as_bytes(),
            moment.source.word.as_bytes(),
            &(moment.row as u64).to_be_bytes(),
            &moment.round.to_be_bytes(),
        ])
    }

    fn id(&self, resource: Resource, moment: &Moment) -> String {
        match resource {
            // The source's, by which records refer to it.
            Resource::Organizations => moment.source.id.to_owned(),
            _ => self.id_of(resource, moment.source, moment.row, moment.round),
        }
    }

    fn id_of(&self, resource: Resource, source: &Source, row: usize, round: i64) -> String {
        self.numbers(&[
            b"id",
            resource.path().as_bytes(),
            source.word.as_bytes(),
            &(row as u64).to_be_bytes(),
            &round.to_be_bytes(),
        ])
        .hex(24)
    }

    /// Those of its sources that are called one of these.
    fn connected(&self, words: &[&str]) -> impl Iterator<Item = &'static Source> {
        self.sources
            .iter()
            .copied()
            .filter(|source| words.contains(&source.word))
    }
}

/// Whose life is told of a user of whom nothing was said.
///
/// Whoever connected a tracker first is an athlete; of those who connected a clinic, a laboratory or a
/// pharmacy first three in four are chronically ill, and one in four is a child. The demo user is chronically ill.
fn default_persona(human_id: &str, sources: &[&'static Source], is_demo: bool) -> Persona {
    let is_medical = |source: &&Source| source.kind != crate::source::SourceKind::Wellness;
    if is_demo {
        Persona::Chronic
    } else if !sources.first().is_some_and(is_medical) {
        Persona::Athlete
    } else if keyed(0, &[b"persona", human_id.as_bytes()]).is_multiple_of(4) {
        Persona::Child
    } else {
        Persona::Chronic
    }
}

/// What a user has of a resource.
pub(crate) fn records(resource: Resource, ask: &Ask<'_>) -> Box<dyn Records> {
    let person = Person::of(ask);
    match person.persona {
        Persona::Empty => Box::new(Vec::new()),
        Persona::Odd => Box::new(odd::records(resource, &person)),
        _ => Box::new(Told::of(resource, person)),
    }
}

/// The records of one resource, each written when it is asked for.
#[derive(Debug)]
struct Told {
    resource: Resource,
    person: Person,
    moments: Moments,
}

impl Told {
    fn of(resource: Resource, person: Person) -> Self {
        let moments = moments_of(resource, &person);
        Self {
            resource,
            person,
            moments,
        }
    }

    /// At an index below the length, which is all that is asked for.
    fn moment(&self, index: usize) -> Moment {
        self.moments
            .get(index as u64)
            .expect("an index is below the length of its list")
    }

    fn entry(&self, moment: &Moment) -> Entry {
        let id = self.person.id(self.resource, moment);
        let written = write(self.resource, &self.person, moment);
        let mut entry = Entry::new(id, self.head_of(moment), written.fields);
        entry.series = written.series;
        entry
    }

    fn head_of(&self, moment: &Moment) -> Head {
        let is_medical = self.resource.path().starts_with("medical/");
        let at = match self.resource {
            Resource::SleepSummaries => sleeps::ended(&self.person, moment),
            _ => moment.at,
        };
        Head {
            source: moment.source,
            created: moment.created,
            updated: moment.updated,
            local: (!is_medical).then(|| at + self.person.offset()),
        }
    }
}

impl Records for Told {
    fn len(&self) -> usize {
        usize::try_from(self.moments.len()).unwrap_or(usize::MAX)
    }

    fn head(&self, index: usize) -> Head {
        self.head_of(&self.moment(index))
    }

    fn at(&self, index: usize) -> Entry {
        self.entry(&self.moment(index))
    }

    fn find(&self, id: &str) -> Option<usize> {
        (0..self.len()).find(|index| self.person.id(self.resource, &self.moment(*index)) == id)
    }
}

/// What a record holds besides what all records have.
#[derive(Debug)]
struct Written {
    fields: Fields,
    series: Option<Value>,
}

impl From<Fields> for Written {
    fn from(fields: Fields) -> Self {
        Self {
            fields,
            series: None,
        }
    }
}

/// When the records of a resource are, the newest first.
fn moments_of(resource: Resource, person: &Person) -> Moments {
    use Resource as R;
    match resource {
        R::Activities => activities::moments(person),
        R::ActivitySummaries => activities::days(person),
        R::Sleeps => sleeps::moments(person),
        R::SleepSummaries => sleeps::days(person),
        R::HeartRateSummaries => measurements::heart_rate_days(person),
        R::Locations => locations::moments(person),
        R::Meals => meals::moments(person),
        R::Traits | R::Genotypes => genetics::moments(resource, person),
        _ if resource.path().starts_with("medical/") => medical::moments(resource, person),
        _ => measurements::moments(resource, person),
    }
}

fn write(resource: Resource, person: &Person, moment: &Moment) -> Written {
    use Resource as R;
    match resource {
        R::Activities => activities::write(person, moment),
        R::ActivitySummaries => activities::write_day(person, moment),
        R::Sleeps => sleeps::write(person, moment),
        R::SleepSummaries => sleeps::write_day(person, moment).into(),
        R::HeartRateSummaries => measurements::write_heart_rate_day(person, moment).into(),
        R::Locations => locations::write(person, moment).into(),
        R::Meals => meals::write(person, moment).into(),
        R::Traits | R::Genotypes => genetics::write(resource, person, moment).into(),
        _ if resource.path().starts_with("medical/") => {
            medical::write(resource, person, moment).into()
        }
        _ => measurements::write(resource, person, moment).into(),
    }
}
