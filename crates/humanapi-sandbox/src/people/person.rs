//! A user as one of the personas: whose numbers everything told of them is made from.

use super::calendar::EPOCH;
use super::moment::Moment;
use crate::clock::Millis;
use crate::persona::Persona;
use crate::records::Ask;
use crate::resource::Resource;
use crate::seed::{Numbers, keyed, mix};
use crate::source::{Source, SourceKind};

/// A user as one of the personas.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(super) seed: u64,
    /// What is drawn for this person alone is drawn from here: see [`own_seed`].
    pub(super) own: u64,
    pub(super) human_id: Box<str>,
    pub(super) user_id: Box<str>,
    pub(super) persona: Persona,
    pub(super) sources: Vec<&'static Source>,
    pub(super) now: Millis,
    pub(super) is_demo: bool,
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
            own: own_seed(ask.seed, &subject.human_id),
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
    pub(super) fn numbers(&self, parts: &[&[u8]]) -> Numbers {
        Numbers::new(keyed(self.own, parts))
    }

    /// Numbers for what one record holds.
    pub(super) fn numbers_of(&self, resource: Resource, moment: &Moment) -> Numbers {
        self.numbers(&[
            resource.path().as_bytes(),
            moment.source.word.as_bytes(),
            &(moment.row as u64).to_be_bytes(),
            &moment.round.to_be_bytes(),
        ])
    }

    pub(super) fn id(&self, resource: Resource, moment: &Moment) -> String {
        match resource {
            // The source's, by which records refer to it.
            Resource::Organizations => moment.source.id.to_owned(),
            _ => self.id_of(resource, moment.source, moment.row, moment.round),
        }
    }

    /// An id from which [`place_of`](Self::place_of) reads the place again, so that no list is walked to find a record.
    pub(super) fn id_of(
        &self,
        resource: Resource,
        source: &Source,
        row: usize,
        round: i64,
    ) -> String {
        let place = packed(source, row, round);
        let key = self.key_of_ids(resource);
        let check = keyed(key, &[&place.to_be_bytes()]) >> 32;
        format!("{:016x}{check:08x}", shuffled(key, place))
    }

    /// Which row of which source, and which time it is that the row comes.
    pub(super) fn place_of(
        &self,
        resource: Resource,
        id: &str,
    ) -> Option<(&'static Source, usize, i64)> {
        let number = u64::from_str_radix(id.get(..16)?, 16).ok()?;
        let (source, row, round) = unpacked(unshuffled(self.key_of_ids(resource), number))?;
        // Only the spelling that it is told with.
        (self.id_of(resource, source, row, round) == id).then_some((source, row, round))
    }

    fn key_of_ids(&self, resource: Resource) -> u64 {
        keyed(self.own, &[b"id", resource.path().as_bytes()])
    }

    /// The id of the account at a source, as a list of sources tells it.
    pub(super) fn account_id(&self, source: &Source) -> String {
        self.numbers(&[b"account", source.word.as_bytes()]).hex(24)
    }

    /// Those of its sources that are called one of these.
    pub(super) fn connected(&self, words: &[&str]) -> impl Iterator<Item = &'static Source> {
        self.sources
            .iter()
            .copied()
            .filter(|source| words.contains(&source.word))
    }
}

/// A person's own seed within the sandbox's.
pub(super) fn own_seed(seed: u64, human_id: &str) -> u64 {
    keyed(seed, &[human_id.as_bytes()])
}

/// Whose life is told of a user of whom nothing was said.
///
/// Whoever connected a tracker first is an athlete; of those who connected a clinic, a laboratory or a
/// pharmacy first three in four are chronically ill, and one in four is a child. The demo user is chronically ill.
fn default_persona(human_id: &str, sources: &[&'static Source], is_demo: bool) -> Persona {
    let is_medical = |source: &&Source| source.kind != SourceKind::Wellness;
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

/// Eight bits for the source, sixteen for the row, forty for the round.
fn packed(source: &Source, row: usize, round: i64) -> u64 {
    let place = Source::ALL.iter().position(|known| known == source);
    let place = place.unwrap_or(0) as u64;
    assert!(row < 1 << 16 && (round << 24) >> 24 == round);
    place << 56 | (row as u64 & 0xffff) << 40 | (round.cast_unsigned() & 0xff_ffff_ffff)
}

fn unpacked(place: u64) -> Option<(&'static Source, usize, i64)> {
    let source = Source::ALL.get((place >> 56) as usize)?;
    let row = (place >> 40 & 0xffff) as usize;
    Some((source, row, (place << 24).cast_signed() >> 24))
}

/// The order of shuffling; the other way round it undoes itself.
const TURNS: [u64; 4] = [1, 2, 3, 4];

/// Another number for each number, by a key: the halves change each other in turns.
fn shuffled(key: u64, number: u64) -> u64 {
    let halves = ((number >> 32) as u32, number as u32);
    let (left, right) = TURNS.iter().fold(halves, |(left, right), turn| {
        (right, left ^ half(key, *turn, right))
    });
    u64::from(left) << 32 | u64::from(right)
}

fn unshuffled(key: u64, number: u64) -> u64 {
    let halves = ((number >> 32) as u32, number as u32);
    let (left, right) = TURNS.iter().rev().fold(halves, |(left, right), turn| {
        (right ^ half(key, *turn, left), left)
    });
    u64::from(left) << 32 | u64::from(right)
}

fn half(key: u64, turn: u64, half: u32) -> u32 {
    (mix(key ^ turn << 32 ^ u64::from(half)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_place_to_its_person_alone() {
        let person = |human_id: &str| Person {
            seed: 7,
            own: own_seed(7, human_id),
            human_id: human_id.into(),
            user_id: "u".into(),
            persona: Persona::Athlete,
            sources: Vec::new(),
            now: 0,
            is_demo: false,
        };
        let (one, other) = (person("one"), person("other"));
        let mut seen = std::collections::HashSet::new();
        for source in Source::ALL {
            for (row, round) in [(0, 0), (1, 0), (0, 1), (65_535, 500_000_000_000), (3, -1)] {
                let id = one.id_of(Resource::Weight, source, row, round);
                assert_eq!(id.len(), 24);
                assert_eq!(
                    one.place_of(Resource::Weight, &id),
                    Some((source, row, round))
                );
                assert_eq!(one.place_of(Resource::Height, &id), None);
                assert_eq!(other.place_of(Resource::Weight, &id), None);
                assert_eq!(one.place_of(Resource::Weight, &id.to_uppercase()), None);
                assert!(seen.insert(id));
            }
        }
        for id in ["", "0", "000000000000000000000000", "fffffffffffffffé"] {
            assert_eq!(one.place_of(Resource::Weight, id), None, "{id}");
        }
    }
}
