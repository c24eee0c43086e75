//! A user as one of the personas: whose numbers everything told of them is made from.

use super::calendar::EPOCH;
use super::moment::Moment;
use crate::clock::Millis;
use crate::persona::Persona;
use crate::records::Ask;
use crate::resource::Resource;
use crate::seed::{Numbers, keyed};
use crate::source::{Source, SourceKind};

/// A user as one of the personas.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(super) seed: u64,
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
        let own = keyed(self.seed, &[self.human_id.as_bytes()]);
        Numbers::new(keyed(own, parts))
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

    pub(super) fn id_of(
        &self,
        resource: Resource,
        source: &Source,
        row: usize,
        round: i64,
    ) -> String {
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
    pub(super) fn connected(&self, words: &[&str]) -> impl Iterator<Item = &'static Source> {
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
