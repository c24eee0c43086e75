//! When a person's records come: each moment a function of its number, so that no list need be held.

use super::calendar::HOUR;
use super::moment::Moment;
use super::person::Person;
use crate::clock::{DAY, Millis};
use crate::resource::Resource;
use crate::seed::{Numbers, keyed};
use crate::source::Source;

/// A record is stored at the latest so long after what it tells of is over.
const LATEST: Millis = 10 * DAY;

/// One place within a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) source: &'static Source,
    pub(super) row: usize,
    /// From the round's beginning on.
    pub(super) from: Millis,
    /// It begins at most so much later. It ends before the next lane begins.
    pub(super) span: Millis,
}

/// Records that come round after round: every day, every week.
#[derive(Debug, Clone)]
pub(super) struct Rhythm {
    pub(super) name: &'static str,
    /// When the first round begins.
    pub(super) since: Millis,
    pub(super) every: Millis,
    /// In the order of the day.
    pub(super) lanes: Vec<Lane>,
    /// How long after its beginning one can be stored.
    pub(super) settles: Millis,
    /// Whether a record is written while its day goes on, and again every hour of it.
    pub(super) grows: bool,
}

/// Moments by their place in a list, the newest first.
#[derive(Debug)]
pub(super) enum Moments {
    Rhythm(Window),
    List(Vec<Moment>),
}

/// The moments of a rhythm up to now.
#[derive(Debug)]
pub(super) struct Window {
    rhythm: Rhythm,
    seed: u64,
    human: Box<str>,
    now: Millis,
    /// How many of the oldest are left out.
    skipped: i64,
    /// All with a smaller number are there.
    settled: i64,
    /// Those of the last days that are there already, the newest first. Others of these days come late.
    recent: Vec<Moment>,
}

impl Moments {
    pub(super) fn none() -> Self {
        Self::List(Vec::new())
    }

    pub(super) fn of(rhythm: Rhythm, person: &Person) -> Self {
        Self::Rhythm(Window::new(rhythm, person))
    }

    /// Those of them that are there by now, the newest first.
    pub(super) fn list(mut moments: Vec<Moment>, person: &Person) -> Self {
        moments.retain(|moment| moment.created <= person.now);
        moments.sort_by(|a, b| {
            let place = |moment: &Moment| (moment.at, moment.source.id, moment.row);
            place(b).cmp(&place(a))
        });
        Self::List(moments)
    }

    /// At most so many, the newest.
    pub(super) fn newest(mut self, most: i64) -> Self {
        match &mut self {
            Self::Rhythm(window) => {
                window.skipped = (window.len() - most).clamp(0, window.settled);
            }
            Self::List(moments) => moments.truncate(usize::try_from(most).unwrap_or(0)),
        }
        self
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Rhythm(window) => window.len().unsigned_abs(),
            Self::List(moments) => moments.len() as u64,
        }
    }

    pub(super) fn get(&self, index: u64) -> Option<Moment> {
        match self {
            Self::Rhythm(window) => window.get(i64::try_from(index).ok()?),
            Self::List(moments) => moments.get(usize::try_from(index).ok()?).copied(),
        }
    }

    /// The index of the moment that the record with this id is made from.
    pub(super) fn find(&self, person: &Person, resource: Resource, id: &str) -> Option<u64> {
        let (source, row, round) = match (resource, self) {
            // An organization's id is its source's, by which records refer to it.
            (Resource::Organizations, Self::List(moments)) => {
                let place = moments.iter().position(|moment| moment.source.id == id);
                return place.map(|index| index as u64);
            }
            _ => person.place_of(resource, id)?,
        };
        let is_it =
            |moment: &Moment| moment.source == source && moment.row == row && moment.round == round;
        match self {
            Self::Rhythm(window) => {
                let lanes = &window.rhythm.lanes;
                let lane = lanes
                    .iter()
                    .position(|lane| lane.source == source && lane.row == row)?;
                let number = round
                    .checked_mul(lanes.len() as i64)?
                    .checked_add(lane as i64)?;
                window.index_of(number, is_it)
            }
            Self::List(moments) => moments.iter().position(is_it).map(|index| index as u64),
        }
    }
}

impl Window {
    fn new(rhythm: Rhythm, person: &Person) -> Self {
        let mut window = Self {
            seed: person.seed,
            human: person.human_id.clone(),
            now: person.now,
            skipped: 0,
            settled: 0,
            recent: Vec::new(),
            rhythm,
        };
        let lanes = window.rhythm.lanes.len() as i64;
        if lanes == 0 {
            return window;
        }
        let rounds = |until: Millis| {
            let elapsed = until.saturating_sub(window.rhythm.since);
            elapsed.div_euclid(window.rhythm.every).max(0)
        };
        window.settled = lanes * rounds(window.now - window.rhythm.settles - LATEST);
        let begun = lanes * (rounds(window.now) + 1);
        window.recent = (window.settled..begun)
            .rev()
            .map(|number| window.moment(number))
            .filter(|moment| moment.created <= window.now)
            .collect();
        window
    }

    fn len(&self) -> i64 {
        self.settled - self.skipped + self.recent.len() as i64
    }

    fn get(&self, index: i64) -> Option<Moment> {
        if index < 0 || index >= self.len() {
            return None;
        }
        let recent = self.recent.len() as i64;
        match usize::try_from(index)
            .ok()
            .and_then(|at| self.recent.get(at))
        {
            Some(moment) => Some(*moment),
            None => Some(self.moment(self.settled - 1 - (index - recent))),
        }
    }

    /// The index of the moment with this number, if it is there yet and not left out.
    fn index_of(&self, number: i64, is_it: impl Fn(&Moment) -> bool) -> Option<u64> {
        if number >= self.settled {
            let index = self.recent.iter().position(is_it)?;
            return Some(index as u64);
        }
        let index = self.recent.len() as i64 + (self.settled - 1 - number);
        (number >= self.skipped).then_some(index.unsigned_abs())
    }

    /// The moment with this number, the oldest having 0.
    fn moment(&self, number: i64) -> Moment {
        let lanes = self.rhythm.lanes.len() as i64;
        let round = number.div_euclid(lanes);
        let lane = self.rhythm.lanes[number.rem_euclid(lanes) as usize];
        self.rhythm
            .moment(self.seed, &self.human, self.now, round, lane)
    }
}

impl Rhythm {
    /// What one lane has in one round.
    pub(super) fn moment(
        &self,
        seed: u64,
        human: &str,
        now: Millis,
        round: i64,
        lane: Lane,
    ) -> Moment {
        let mut numbers = Numbers::new(keyed(
            seed,
            &[
                b"moment",
                self.name.as_bytes(),
                human.as_bytes(),
                lane.source.word.as_bytes(),
                &round.to_be_bytes(),
                &(lane.row as u64).to_be_bytes(),
            ],
        ));
        let begins = self.since + round * self.every + lane.from;
        let at = begins + numbers.within(0, lane.span / 1000) * 1000;
        let (created, updated) = if self.grows {
            // From the morning on, at each full hour, until the day is over.
            let created = at + 6 * HOUR;
            let latest = (now - at).div_euclid(HOUR).clamp(6, 25) * HOUR;
            (created, at + latest)
        } else {
            stored(&mut numbers, at + self.settles, now)
        };
        Moment {
            source: lane.source,
            at,
            created,
            updated,
            row: lane.row,
            round,
        }
    }
}

/// When something that can be stored from one moment on was stored, and when it was last changed.
///
/// One in sixteen comes days late, and one in ten is corrected some time after.
pub(super) fn stored(numbers: &mut Numbers, from: Millis, now: Millis) -> (Millis, Millis) {
    let late = match numbers.within(0, 15) {
        0 => numbers.within(DAY / 1000, (LATEST - DAY) / 1000),
        _ => numbers.within(60, 3600),
    };
    let created = from + late * 1000;
    let correction = match numbers.within(0, 9) {
        0 => created + numbers.within(3600, 20 * DAY / 1000) * 1000,
        _ => created,
    };
    (
        created,
        if correction <= now {
            correction
        } else {
            created
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::person::own_seed;
    use crate::persona::Persona;

    fn person(now: Millis) -> Person {
        Person {
            seed: 7,
            own: own_seed(7, "somebody"),
            human_id: "somebody".into(),
            user_id: "u".into(),
            persona: Persona::Athlete,
            sources: vec![&Source::ALL[0], &Source::ALL[1]],
            now,
            is_demo: false,
        }
    }

    fn rhythm(person: &Person) -> Rhythm {
        let lanes = person.sources.iter().zip(0..).map(|(source, row)| Lane {
            source,
            row,
            from: row as Millis * HOUR,
            span: HOUR,
        });
        Rhythm {
            name: "test",
            since: 0,
            every: DAY,
            lanes: lanes.collect(),
            settles: HOUR,
            grows: false,
        }
    }

    #[test]
    fn each_of_a_rhythm_is_found_where_it_stands() {
        let person = person(60 * DAY);
        for most in [i64::MAX, 70] {
            let moments = Moments::of(rhythm(&person), &person).newest(most);
            assert!(moments.len() > 60);
            for index in 0..moments.len() {
                let id = person.id(Resource::Weight, &moments.get(index).unwrap());
                assert_eq!(moments.find(&person, Resource::Weight, &id), Some(index));
            }
            // The oldest one is there only where nothing is left out, and tomorrow's is not yet.
            let oldest = person.id_of(Resource::Weight, person.sources[0], 0, 0);
            let found = moments.find(&person, Resource::Weight, &oldest);
            assert_eq!(found.is_some(), most == i64::MAX);
            for (row, round) in [(0, 61), (0, -1), (2, 3)] {
                let id = person.id_of(Resource::Weight, person.sources[0], row, round);
                assert_eq!(moments.find(&person, Resource::Weight, &id), None);
            }
        }
    }

    #[test]
    fn one_of_two_billion_is_found_without_a_walk() {
        // Whoever walked along the list would not be back before the test is given up.
        let person = person(1_000_000_000 * DAY);
        let moments = Moments::of(rhythm(&person), &person);
        assert!(moments.len() > 1_900_000_000);
        for index in (0..moments.len()).step_by(7_777_777) {
            let id = person.id(Resource::Weight, &moments.get(index).unwrap());
            assert_eq!(moments.find(&person, Resource::Weight, &id), Some(index));
        }
    }
}
