//! What a persona's life tells of each resource, each record written when it is asked for.

use super::moment::Moment;
use super::moments::Moments;
use super::person::Person;
use super::written::Written;
use super::{activities, genetics, locations, meals, measurements, medical, odd, sleeps};
use crate::persona::Persona;
use crate::records::{Ask, Entry, Head, Records};
use crate::resource::{self, Resource};

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
            // The day that they name is the one on which it ended.
            Resource::Sleeps | Resource::SleepSummaries => sleeps::ended(&self.person, moment),
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
        let index = self.moments.find(&self.person, self.resource, id)?;
        usize::try_from(index).ok()
    }
}

/// When the records of a resource are, the newest first. Each resource is named, so that none is told by accident.
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
        R::BloodGlucose
        | R::BloodOxygen
        | R::BloodPressure
        | R::Bmi
        | R::BodyFat
        | R::HeartRate
        | R::Height
        | R::Weight => measurements::moments(resource, person),
        resource::medical!() => medical::moments(resource, person),
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
        R::BloodGlucose
        | R::BloodOxygen
        | R::BloodPressure
        | R::Bmi
        | R::BodyFat
        | R::HeartRate
        | R::Height
        | R::Weight => measurements::write(resource, person, moment).into(),
        resource::medical!() => medical::write(resource, person, moment).into(),
    }
}
