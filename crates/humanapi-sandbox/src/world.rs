//! What the sandbox is about: applications, users, time, faults and the log. Nothing here knows HTTP's messages.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::{AppCredentials, DemoApp};
use crate::assumption::{Assumption, Assumptions};
use crate::changes::Changes;
use crate::clock::{self, Clock};
use crate::data::records::Ask;
use crate::data::{self, Subject};
use crate::edits::Edits;
use crate::exchanges::Exchanges;
use crate::fault::Faults;
use crate::lock;
use crate::record_change::Checked;
use crate::request_log::RequestLog;
use crate::scenario::Scenario;
use crate::seed::{Numbers, keyed};
use crate::state::{Full, State};
use crate::user::{User, UserSnapshot};

/// What a world begins with.
pub(crate) struct Beginning {
    pub(crate) seed: u64,
    pub(crate) callbacks: Vec<String>,
    pub(crate) clock: Clock,
    pub(crate) assumptions: Assumptions,
    pub(crate) log_capacity: usize,
    pub(crate) scenario: Scenario,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) apps: Vec<AppCredentials>,
    pub(crate) clock: Clock,
    pub(crate) assumptions: Assumptions,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    pub(crate) exchanges: Exchanges,
    pub(crate) changes: Changes,
    pub(crate) edits: Edits,
    pub(crate) state: Mutex<State>,
    requests: AtomicU64,
    scenario: Scenario,
}

/// Says nothing of tokens and secrets, of which every other field holds some.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(crate) fn new(beginning: Beginning) -> Self {
        let Beginning {
            seed,
            callbacks,
            clock,
            assumptions,
            log_capacity,
            scenario,
        } = beginning;
        let apps: Vec<_> = DemoApp::ALL
            .iter()
            .map(|app| scenario.dress(AppCredentials::demo(seed, *app, &callbacks)))
            .collect();
        let world = Self {
            seed,
            state: Mutex::new(State::new(seed, apps.len())),
            apps,
            clock,
            assumptions,
            faults: Faults::default(),
            log: RequestLog::new(log_capacity),
            exchanges: Exchanges::default(),
            changes: Changes::default(),
            edits: Edits::default(),
            requests: AtomicU64::new(0),
            scenario,
        };
        world.begin(&mut lock(&world.state));
        world
    }

    /// Puts those in place whom the story begins with.
    fn begin(&self, state: &mut State) {
        self.scenario.populate(self, state);
        self.scenario.plan(&self.faults);
    }

    /// Back to how everything was at the start.
    pub(crate) fn reset(&self) {
        let mut state = lock(&self.state);
        *state = State::new(self.seed, self.apps.len());
        self.requests.store(0, Ordering::SeqCst);
        self.clock.reset();
        self.assumptions.reset();
        self.faults.clear();
        self.edits.reset();
        self.log.reset();
        self.exchanges.reset();
        self.begin(&mut state);
    }

    pub(crate) fn app(&self, client_id: &str) -> Option<(usize, &AppCredentials)> {
        self.apps
            .iter()
            .enumerate()
            .find(|(_, app)| app.client_id == client_id)
    }

    pub(crate) fn credentials(&self, kind: DemoApp) -> AppCredentials {
        self.apps
            .iter()
            .find(|app| app.app == kind)
            .cloned()
            .unwrap_or_else(|| AppCredentials::demo(self.seed, kind, &[]))
    }

    /// Whether a user stays connected after the last source is gone.
    pub(crate) fn keeps_status(&self) -> bool {
        self.assumptions
            .is(Assumption::LastSource, "stays-connected")
    }

    pub(crate) fn snapshot(&self, state: &State, at: u32) -> Option<UserSnapshot> {
        let user = state.user(at)?;
        Some(UserSnapshot {
            client_id: self.apps.get(user.app)?.client_id.clone(),
            client_user_id: user.client_user_id.to_string(),
            human_id: user.human_id.clone(),
            status: user.status(self.keeps_status()),
            email: user.email.clone(),
            persona: user.persona,
            sources: user.connections.iter().map(|source| **source).collect(),
            created_at: clock::to_system(user.created),
        })
    }

    /// Deletes a user, with all that was changed of their records.
    pub(crate) fn delete_user(&self, state: &mut State, at: u32) {
        if let Some(user) = state.user(at) {
            self.edits.forget(&user.human_id);
        }
        state.delete(at);
    }

    /// Changes a user's records, now or when as many pages were read as the change waits for.
    pub(crate) fn change_records(&self, user: &User, change: Checked) -> Result<(), Full> {
        if self.edits.plan(&user.human_id, change)? {
            let ask = Ask {
                seed: self.seed,
                subject: &Subject::of(user),
                now: self.clock.now(),
            };
            data::do_changes(self, &ask, None);
        }
        Ok(())
    }

    /// The id of the next request.
    pub(crate) fn next_request_id(&self) -> String {
        let serial = self.requests.fetch_add(1, Ordering::SeqCst);
        let start = keyed(self.seed, &[b"request", &serial.to_be_bytes()]);
        Numbers::new(start).uuid()
    }
}
