//! What the sandbox is about: applications, users, time, faults and the log. Nothing here knows HTTP's messages.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::app::{AppCredentials, DemoApp};
use crate::assumption::{Assumption, Assumptions};
use crate::changes::Changes;
use crate::clock::{self, Clock, Millis};
use crate::edits::Edits;
use crate::exchanges::Exchanges;
use crate::fault::Faults;
use crate::lock;
use crate::orders::{
    self, LedgerEntry, OrderSpec, OrderState, OrderType, Pace, Particulars, TaskKind,
};
use crate::people;
use crate::record_change::Checked;
use crate::records::{Ask, Records};
use crate::request_log::RequestLog;
use crate::resource::Resource;
use crate::scenario::{Person, Scenario};
use crate::seed::{Numbers, keyed};
use crate::state::{Full, State};
use crate::subject::Subject;
use crate::user::{User, UserSnapshot, UserStatus};

/// What a world begins with.
pub(crate) struct Beginning {
    pub(crate) seed: u64,
    pub(crate) callbacks: Vec<String>,
    pub(crate) clock: Clock,
    pub(crate) assumptions: Assumptions,
    pub(crate) log_capacity: usize,
    pub(crate) scenario: Scenario,
}

/// An order that passed, and who placed it.
pub(crate) struct OrderFor<'a> {
    pub(crate) app: usize,
    pub(crate) client_user_id: &'a str,
    pub(crate) told: Particulars,
    pub(crate) order_type: &'static OrderType,
    /// What it lacks whatever is known of the person.
    pub(crate) lacks: Vec<TaskKind>,
    /// When it was placed.
    pub(crate) at: Millis,
    /// The request that placed it; empty where none did.
    pub(crate) request_id: &'a str,
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
    state: Mutex<State>,
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

    /// Puts those in place whom the story begins with, and plans the faults that it has.
    fn begin(&self, state: &mut State) {
        for fault in self.scenario.faults() {
            // Each was checked when it was read, and there are not too many.
            let _ = self.faults.plan(fault.clone());
        }
        for person in self.scenario.people() {
            // They fit: what they take was counted when they were read.
            if self.bring(state, person).is_err() {
                return;
            }
        }
        for (app, order) in self.scenario.orders() {
            if self.begin_order(state, *app, order).is_err() {
                return;
            }
        }
    }

    fn bring(&self, state: &mut State, person: &Person) -> Result<(), Full> {
        let now = self.clock.now();
        let at = state.begin(person.app, &person.client_user_id, false, now)?;
        if let Some(email) = &person.email {
            state.set_email(at, email)?;
        }
        if let Some(user) = state.user_mut(at) {
            user.persona = person.persona;
            if person.status == UserStatus::Connected {
                user.connect_once();
                for source in &person.sources {
                    user.connect(source, now);
                }
            }
        }
        if let Some(user) = state.user(at) {
            // Each was checked when it was read, and there are not too many.
            let changes = person.changes.iter();
            for change in changes.filter_map(|change| change.clone().check().ok()) {
                let _ = self.change_records(user, change);
            }
        }
        if person.status == UserStatus::Deleted {
            self.delete_user(state, at);
        }
        Ok(())
    }

    /// What requests change, as it is by now: what was due has happened.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.settle(self.clock.now());
        state
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

    /// The user of this id as after a session request: made, or started over after a deletion.
    pub(crate) fn begin_user(
        &self,
        state: &mut State,
        app: usize,
        client_user_id: &str,
    ) -> Result<u32, Full> {
        let same_human_id = self.assumptions.is(Assumption::HumanIdAfterDelete, "same");
        state.begin(app, client_user_id, same_human_id, self.clock.now())
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
            self.do_changes(&self.ask(&Subject::of(user)), None);
        }
        Ok(())
    }

    /// Does what is to be done to a user's records, now or after a page of `page_of`.
    pub(crate) fn do_changes(&self, ask: &Ask<'_>, page_of: Option<Resource>) {
        for change in self.edits.due(&ask.subject.human_id, page_of) {
            let now_told = self.records(change.resource, ask);
            self.edits.apply(&change, ask, &*now_told);
        }
    }

    /// Asks for a user's records as they are now.
    pub(crate) fn ask<'a>(&self, subject: &'a Subject) -> Ask<'a> {
        Ask {
            seed: self.seed,
            subject,
            now: self.clock.now(),
        }
    }

    /// A user's records of a resource: what the user's life tells, with all that was changed of it.
    pub(crate) fn records(&self, resource: Resource, ask: &Ask<'_>) -> Box<dyn Records> {
        let told = people::records(resource, ask);
        self.edits.over(&self.assumptions, resource, ask, told)
    }

    /// Places an order, with an entry in the ledger; the user's place. The user is made where there is none.
    pub(crate) fn place_order(&self, state: &mut State, order: OrderFor<'_>) -> Result<u32, Full> {
        let now = order.at;
        let id = order.client_user_id;
        let size = order.told.size() + orders::ORDER + 2 * id.len();
        state.hold(size)?;
        let begun = self.begin_user(state, order.app, id);
        let at = begun.inspect_err(|Full| state.release(size))?;
        state.orders.know(order.app, at, order.told, now);
        let spec = OrderSpec {
            order_type: order.order_type,
            pace: self.pace(),
            lacks: order.lacks,
        };
        let order_id = state.orders.place(at, spec, now);
        let human_id = state.user(at).map(|user| user.human_id.clone());
        let client_id = self.apps.get(order.app).map(|app| app.client_id.clone());
        state.orders.note(LedgerEntry {
            client_id: client_id.unwrap_or_default(),
            client_user_id: id.to_owned(),
            human_id: human_id.unwrap_or_default(),
            order_id,
            order_type: order.order_type.code.to_owned(),
            placed_at: clock::to_system(now),
            request_id: order.request_id.to_owned(),
        });
        Ok(at)
    }

    /// Places an order that is by now in its state.
    pub(crate) fn begin_order(
        &self,
        state: &mut State,
        app: usize,
        order: &orders::Beginning,
    ) -> Result<(), Full> {
        let now = self.clock.now();
        let placed = OrderFor {
            app,
            client_user_id: &order.client_user_id,
            told: order.told(),
            order_type: order.order_type,
            // What an earlier order said of the same person does not change how this one goes.
            lacks: order.lacks.clone(),
            at: order.placed(self.pace(), now),
            request_id: "",
        };
        let at = self.place_order(state, placed)?;
        state.settle(now);
        if order.state == OrderState::Cancelled {
            state.orders.abort_latest(at, now);
        }
        Ok(())
    }

    fn pace(&self) -> Pace {
        match self.assumptions.value(Assumption::OrderPace) {
            "seconds" => Pace::SECONDS,
            _ => Pace::HOURS,
        }
    }

    /// The state of an order as it is written.
    pub(crate) fn spell(&self, state: OrderState) -> String {
        match self.assumptions.value(Assumption::OrderStateCase) {
            "lower" => state.name().to_lowercase(),
            "underscores" => state.name().to_lowercase().replace(' ', "_"),
            _ => state.name().to_owned(),
        }
    }

    /// The moment until which what was made can be read.
    pub(crate) fn readable_until(&self) -> Millis {
        let delay = match self.assumptions.value(Assumption::ReadAfterWrite) {
            "1-second" => 1000,
            "30-seconds" => 30_000,
            "10-minutes" => 600_000,
            _ => 0,
        };
        self.clock.now() - delay
    }

    /// The greatest length of a user's id in bytes, where there is one.
    pub(crate) fn longest_user_id(&self) -> Option<usize> {
        // "none" is no number.
        self.assumptions
            .value(Assumption::UserIdLength)
            .parse()
            .ok()
    }

    /// The id of the next request.
    pub(crate) fn next_request_id(&self) -> String {
        let serial = self.requests.fetch_add(1, Ordering::SeqCst);
        let start = keyed(self.seed, &[b"request", &serial.to_be_bytes()]);
        Numbers::new(start).uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_finds_no_room_takes_none() {
        let world = World::new(Beginning {
            seed: 1,
            callbacks: Vec::new(),
            clock: Clock::frozen(clock::DEFAULT_START),
            assumptions: Assumptions::new(&[]),
            log_capacity: 10,
            scenario: Scenario::default(),
        });
        let order = orders::Beginning::new("u", OrderState::Created);
        // Enough for the order, and not for its user.
        let room = order.told().size() + orders::ORDER + 10;
        let mut state = world.state();
        state.hold(State::HELD - room).unwrap();
        assert!(world.begin_order(&mut state, 0, &order).is_err());
        state.hold(room).unwrap();
    }
}
