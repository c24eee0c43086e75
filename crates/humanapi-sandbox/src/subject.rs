//! Whose data is read.

use crate::clock::Millis;
use crate::persona::Persona;
use crate::seed::{Numbers, keyed};
use crate::source::Source;
use crate::user::User;

/// Whose data is read.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) human_id: String,
    pub(crate) user_id: String,
    pub(crate) email: Option<String>,
    pub(crate) created: Millis,
    /// What is connected now.
    pub(crate) sources: Vec<&'static Source>,
    /// Since when, in the same order.
    pub(crate) since: Vec<Millis>,
    pub(crate) is_demo: bool,
    /// Whose life the records tell, where that was said.
    pub(crate) persona: Option<Persona>,
}

impl Subject {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            user_id: user_id(&user.human_id),
            human_id: user.human_id.clone(),
            email: user.email.clone(),
            created: user.created,
            sources: user.connections.clone(),
            since: user.connected_since.clone(),
            is_demo: false,
            persona: user.persona,
        }
    }

    /// When a source was connected, which it is.
    pub(crate) fn connected_since(&self, source: &Source) -> Millis {
        let mut since = self.sources.iter().zip(&self.since);
        let of_source = since.find(|(connected, _)| **connected == source);
        of_source.map_or(self.created, |(_, since)| *since)
    }
}

/// The deprecated second id of a user, which depends on the first alone.
pub(crate) fn user_id(human_id: &str) -> String {
    Numbers::new(keyed(0, &[b"user id", human_id.as_bytes()])).hex(24)
}
