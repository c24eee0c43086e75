//! Users of the demo applications: what they have connected and which tokens they may have.

use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use crate::clock::{self, Millis};
use crate::persona::Persona;
use crate::seed::{Numbers, keyed};
use crate::source::Source;
use crate::token::{Claim, TokenKind};

/// How far a user has come.
///
/// A user for whom no session was ever started is unknown and has no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum UserStatus {
    /// A session was started, but nothing was ever connected.
    Started,
    /// Has connected a source at some time.
    Connected,
    /// Was deleted and has not started over.
    Deleted,
}

/// One user as the sandbox sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UserSnapshot {
    /// The application that the user belongs to.
    pub client_id: String,
    /// The application's own id for the user, byte for byte as it was sent.
    pub client_user_id: String,
    /// The service's id for the user.
    pub human_id: String,
    /// How far the user has come.
    pub status: UserStatus,
    /// The e-mail address of the last session request that had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whose life the records tell, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persona: Option<Persona>,
    /// The sources that are connected now.
    pub sources: Vec<Source>,
    /// When the user started.
    #[serde(serialize_with = "clock::as_instant")]
    pub created_at: SystemTime,
}

/// A provider that a user asked for because the directory does not have it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestedProvider {
    pub(crate) address: String,
    pub(crate) health_system: String,
    pub(crate) location: Location,
    pub(crate) physician: String,
    pub(crate) website: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Location {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

impl RequestedProvider {
    /// How many bytes it takes, roughly.
    pub(crate) fn size(&self) -> usize {
        let texts = [
            &self.address,
            &self.health_system,
            &self.physician,
            &self.website,
        ];
        size_of::<Self>() + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

#[derive(Debug)]
pub(crate) struct User {
    pub(crate) app: usize,
    pub(crate) client_user_id: Box<str>,
    pub(crate) email: Option<String>,
    pub(crate) human_id: String,
    pub(crate) created: Millis,
    pub(crate) connections: Vec<&'static Source>,
    /// Since when, in the same order.
    pub(crate) connected_since: Vec<Millis>,
    pub(crate) requested: Vec<Arc<RequestedProvider>>,
    pub(crate) persona: Option<Persona>,
    generation: u32,
    deleted: bool,
    ever_connected: bool,
    /// Tokens with a smaller serial are no longer valid, by kind.
    oldest_valid: [u64; TokenKind::COUNT],
}

impl User {
    pub(crate) fn new(seed: u64, app: usize, client_user_id: &str, now: Millis) -> Self {
        let mut user = Self {
            app,
            client_user_id: client_user_id.into(),
            email: None,
            human_id: String::new(),
            created: now,
            connections: Vec::new(),
            connected_since: Vec::new(),
            requested: Vec::new(),
            persona: None,
            generation: 0,
            deleted: false,
            ever_connected: false,
            oldest_valid: [0; TokenKind::COUNT],
        };
        user.name_anew(seed);
        user
    }

    /// `keeps_status`: a user stays connected after the last source is gone.
    pub(crate) fn status(&self, keeps_status: bool) -> UserStatus {
        if self.deleted {
            UserStatus::Deleted
        } else if !self.connections.is_empty() || (self.ever_connected && keeps_status) {
            UserStatus::Connected
        } else {
            UserStatus::Started
        }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted
    }

    pub(crate) fn accepts(&self, claim: Claim) -> bool {
        !self.deleted && claim.serial >= self.oldest_valid[claim.kind as usize]
    }

    /// Makes this token the oldest valid one of its kind.
    pub(crate) fn retire_older(&mut self, claim: Claim) {
        self.oldest_valid[claim.kind as usize] = claim.serial;
    }

    /// As after connecting a source and disconnecting it again.
    pub(crate) fn connect_once(&mut self) {
        self.ever_connected = true;
    }

    /// False when it was connected already.
    pub(crate) fn connect(&mut self, source: &'static Source, now: Millis) -> bool {
        self.connect_once();
        let is_new = !self.connections.contains(&source);
        if is_new {
            self.connections.push(source);
            self.connected_since.push(now);
        }
        is_new
    }

    /// False when it was not connected.
    pub(crate) fn disconnect(&mut self, source: &'static Source) -> bool {
        let place = self
            .connections
            .iter()
            .position(|connected| *connected == source);
        if let Some(place) = place {
            self.connections.remove(place);
            self.connected_since.remove(place);
        }
        place.is_some()
    }

    /// `next_serial`: the serial of the first token that may be valid again.
    pub(crate) fn delete(&mut self, next_serial: u64) {
        self.deleted = true;
        self.ever_connected = false;
        self.email = None;
        self.connections.clear();
        self.connected_since.clear();
        self.requested.clear();
        self.oldest_valid = [next_serial; TokenKind::COUNT];
    }

    pub(crate) fn start_over(&mut self, seed: u64, same_human_id: bool, now: Millis) {
        self.deleted = false;
        self.created = now;
        if !same_human_id {
            self.generation += 1;
            self.name_anew(seed);
        }
    }

    /// The id depends on who the user is and not on when they came, so that users who start at
    /// the same time get the same ids in every run.
    fn name_anew(&mut self, seed: u64) {
        let start = keyed(
            seed,
            &[
                b"human",
                &self.app.to_be_bytes(),
                self.client_user_id.as_bytes(),
                &self.generation.to_be_bytes(),
            ],
        );
        self.human_id = Numbers::new(start).hex(32);
    }
}
