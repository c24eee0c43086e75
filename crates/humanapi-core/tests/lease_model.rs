//! Every run of the lease protocol that three processes, a store and a clock can make within bounds.
//!
//! Each process is a production [`SharedExchange`], the store is a production [`Row`]. What a process
//! asks for reaches the store later or never, what the store answers reaches the process later or
//! never, processes crash, the token service fails, and the clock ticks whenever it likes. All
//! interleavings of that are tried, breadth first, so that a failure is told by a shortest run.
//!
//! A state is remembered by 64 bits of it. With ten million states the odds that any two of them
//! are taken for one are below one in a hundred thousand.
//!
//! The explorer is our own, as it is short: `stateright` brings 45 crates, a web server among them,
//! and judges only complete runs where progress has to be judged from every state.
//!
//! One piece: processes, store and clock are one state, and each step is a step of all of it.

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use humanapi_core::broker::{
    Acquired, Commit, Found, Got, Lease, Row, SharedExchange, StoreInput, StoreStep,
};
use humanapi_core::{Generation, Now};

/// One tick of the clock: the first wait of a process that finds the lease held.
const TICK: u64 = 25;
/// When runs begin, in ticks since 1970.
const BEGIN: u64 = 1_000_000;
/// How long a lease lasts, in ticks. Longer than the first wait, so that there is a second one.
const LEASE: u8 = 2;
/// A process believes a lease of another for as long.
const PATIENCE: Duration = Duration::from_millis(LEASE as u64 * TICK);
const PROCESSES: usize = 3;
/// No two clocks agree to the microsecond, so no process takes a number that a lease has. The store's
/// clock shows whole milliseconds.
const APART: u64 = 500;
/// How long a token lives, in milliseconds: longer than any run.
const FOR_EVER: u64 = 1_000_000;
/// The number of a token that ends in the middle of a run, and of an old one that does not.
const SHORT_LIVED: u8 = u8::MAX;
const LONG_LIVED: u8 = 0;

/// A token: what the store knows of it, and the number that the service gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Token {
    generation: Generation,
    number: u8,
    expires_at: u64,
}

/// Whether a process gave this number by its own clock.
const fn is_own(generation: Generation) -> bool {
    generation.number() % 1_000 >= APART
}

/// What is on its way to the store or to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Ask {
    Invalidate(Generation),
    Load,
    Acquire(Option<Generation>),
    Exchange(Generation),
    Commit(Lease, u8),
    Release(Lease),
}

/// What is on its way back from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reply {
    Invalidated,
    Loaded(Option<Token>),
    Won(Lease),
    Held(Duration),
    Newer(Token),
    Committed(Commit),
    Released,
}

impl Reply {
    /// Whether it matters when it arrives. Any other that comes late is like a next step that comes
    /// late, and one that is lost is like a question that arrives after its asker gave up; so these
    /// arrive at once.
    fn is_read_by_the_clock(self) -> bool {
        match self {
            Self::Held(_) => true,
            Self::Loaded(Some(token)) | Self::Newer(token) => token.number == SHORT_LIVED,
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Asked(Ask),
    Answered(Reply),
    /// Until this tick.
    Waiting(u8),
    /// With a token, or because the exchange failed.
    Over(Option<Token>),
    Crashed,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Process {
    machine: SharedExchange,
    place: Place,
    /// By how many ticks its wall clock is ahead of the store's.
    ahead: i8,
    /// What it knew or saw refused when it began: it must end with something newer.
    floor: Option<Generation>,
    /// What it reported as refused.
    rejected: Option<Generation>,
    /// Whether no token that another got will do for it.
    picky: bool,
    /// What the store had given out when it dropped all for this process: nothing of that will do.
    dropped: Option<Generation>,
    /// The token that the store gave last.
    stored: Option<Token>,
    /// The token that it had exchanged.
    exchanged: Option<Token>,
    /// The lease that it won.
    lease: Option<Lease>,
}

impl Process {
    /// Before its first step.
    fn new(known: Option<u64>, rejected: Option<u64>) -> Self {
        let known = known.map(Generation::new);
        let rejected = rejected.map(Generation::new);
        Self {
            machine: SharedExchange::new(known, rejected).with_patience(PATIENCE),
            place: Place::Waiting(0),
            ahead: 0,
            floor: known.max(rejected),
            rejected,
            picky: false,
            dropped: None,
            stored: None,
            exchanged: None,
            lease: None,
        }
    }

    /// For a user who begins anew.
    fn anew() -> Self {
        Self {
            machine: SharedExchange::anew(None).with_patience(PATIENCE),
            ..Self::new(None, None)
        }
    }

    const fn with_clock_ahead(mut self, ticks: i8) -> Self {
        self.ahead = ticks;
        self
    }

    const fn picky(mut self) -> Self {
        self.picky = true;
        self
    }

    const fn is_over(&self) -> bool {
        matches!(self.place, Place::Over(_) | Place::Crashed)
    }

    /// Stops where it is. What it remembered is forgotten, so that equal ends are equal states.
    fn end(&mut self, place: Place) {
        *self = Self {
            machine: SharedExchange::alone(None),
            place,
            ahead: self.ahead,
            floor: None,
            rejected: None,
            picky: self.picky,
            dropped: None,
            stored: None,
            exchanged: None,
            lease: None,
        };
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    clock: u8,
    row: Row<u8>,
    processes: [Process; PROCESSES],
    /// Asked by processes that crashed or gave up. Each reaches the store at any time, or never.
    strays: Vec<Ask>,
    /// Exchanges that began, and tokens that came of them.
    exchanges: u8,
    issued: u8,
    faults: u8,
    /// Processes that waited for leases until they went on without one.
    impatient: u8,
    /// The token that the service takes no more.
    revoked: Option<Token>,
    seen: Seen,
}

/// What an observer of the store wrote down, by rules of its own.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Seen {
    /// The lease that runs, and the tick at which it ends.
    lease: Option<(Lease, u8)>,
    newest_lease: Option<Lease>,
    /// No token may be committed that is not newer than this: it was committed, or refused.
    past: Option<Generation>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The store or the service does what this process asked for.
    Apply(usize),
    /// The answer reaches this process.
    Arrive(usize),
    /// This process has waited long enough.
    Wake(usize),
    Stray(usize),
    Tick,
    /// A tick that ends the lease of a process which is still at work: it or the store was too slow.
    LateTick,
    Crash(usize),
    /// This process is told that the store failed. What it asked for has happened, or becomes a stray.
    Lose(usize),
    /// The token service fails.
    Fail(usize),
    /// The service takes this process's token no more.
    Revoke(usize),
    /// This process is told so.
    Refuse(usize),
}

impl Action {
    const fn is_fault(self) -> bool {
        use Action::{Crash, Fail, LateTick, Lose};
        matches!(self, LateTick | Crash(_) | Lose(_) | Fail(_))
    }

    /// Whether it is the doing of a process that runs, or of the store.
    const fn is_work(self) -> bool {
        use Action::{Apply, Arrive, Wake};
        matches!(self, Apply(_) | Arrive(_) | Wake(_))
    }
}

const fn millis(clock: u8) -> u64 {
    (BEGIN + clock as u64) * TICK
}

/// Rounded up: what ends within a tick is over at the next.
fn ticks(duration: Duration) -> u8 {
    let ticks = duration.as_millis().div_ceil(u128::from(TICK));
    u8::try_from(ticks).expect("runs are short")
}

impl World {
    fn new(row: Row<u8>, processes: [Process; PROCESSES]) -> Self {
        let past = row.load().map(|token| token.generation);
        Self {
            clock: 0,
            row,
            processes,
            strays: Vec::new(),
            exchanges: 0,
            issued: 0,
            faults: 0,
            impatient: 0,
            revoked: None,
            seen: Seen {
                lease: None,
                newest_lease: past.map(|generation| Lease::new(generation.number())),
                past,
            },
        }
    }

    fn now(&self, process: usize) -> Now {
        let ahead = i64::from(self.processes[process].ahead) * TICK.cast_signed();
        let apart = Duration::from_micros(APART);
        let wall = Duration::from_millis(millis(self.clock).saturating_add_signed(ahead)) + apart;
        let monotonic = Duration::from_millis(u64::from(self.clock) * TICK);
        Now::new(monotonic, SystemTime::UNIX_EPOCH + wall)
    }

    /// The store does one thing, and the observer checks it.
    fn store(&mut self, ask: Ask) -> Reply {
        let now = millis(self.clock);
        let token = |kept: humanapi_core::broker::RowToken<u8>| Token {
            generation: kept.generation,
            number: kept.payload,
            expires_at: kept.expires_at,
        };
        let seen = &mut self.seen;
        seen.lease.take_if(|(_, ends)| *ends <= self.clock);
        match ask {
            Ask::Load => Reply::Loaded(self.row.load().map(token)),
            Ask::Acquire(known) => {
                let ttl = Duration::from_millis(u64::from(LEASE) * TICK);
                match self.row.acquire(now, ttl, known) {
                    Acquired::Won(lease) => {
                        assert_eq!(seen.lease, None, "one lease at a time");
                        assert!(
                            seen.newest_lease < Some(lease),
                            "{lease:?} was given before"
                        );
                        seen.lease = Some((lease, self.clock + LEASE));
                        seen.newest_lease = Some(lease);
                        Reply::Won(lease)
                    }
                    Acquired::Held { remaining } => {
                        assert!(seen.lease.is_some(), "nobody holds it");
                        Reply::Held(remaining)
                    }
                    Acquired::Newer(newer) => Reply::Newer(token(newer)),
                }
            }
            Ask::Commit(lease, number) => {
                let commit = self.row.commit(now, lease, now + FOR_EVER, number);
                let runs = seen.lease.is_some_and(|(runs, _)| runs == lease);
                let right = if runs { Commit::Done } else { Commit::Fenced };
                assert_eq!(commit, right, "{lease:?} while {:?} runs", seen.lease);
                if commit == Commit::Done {
                    let generation = self.row.load().map(|token| token.generation);
                    assert!(
                        seen.past < generation,
                        "{generation:?} after {:?}",
                        seen.past
                    );
                    seen.past = generation;
                    seen.lease = None;
                }
                Reply::Committed(commit)
            }
            Ask::Release(lease) => {
                self.row.release(lease);
                seen.lease.take_if(|(runs, _)| *runs == lease);
                Reply::Released
            }
            Ask::Invalidate(generation) => {
                self.row.invalidate(generation);
                let left = self.row.load().map(|token| token.generation);
                assert!(left.is_none_or(|left| left > generation), "it was refused");
                (seen.lease).take_if(|(lease, _)| lease.generation() <= generation);
                // A number above all leases' is a process's own, by a clock that is ahead.
                if seen.newest_lease.map(Lease::generation) >= Some(generation) {
                    seen.past = seen.past.max(Some(generation));
                }
                Reply::Invalidated
            }
            Ask::Exchange(_) => panic!("the store is not the token service"),
        }
    }

    /// Hands an answer to a process and lets it take its next step.
    fn hand(&mut self, index: usize, input: StoreInput) {
        let now = self.now(index);
        self.processes[index].machine.handle(input, now);
        self.step(index);
    }

    fn step(&mut self, index: usize) {
        let now = self.now(index);
        let process = &mut self.processes[index];
        let before = process.place;
        process.place = match process.machine.poll(now) {
            StoreStep::Invalidate(generation) => Place::Asked(Ask::Invalidate(generation)),
            StoreStep::Load => Place::Asked(Ask::Load),
            StoreStep::Acquire { known } => Place::Asked(Ask::Acquire(known)),
            StoreStep::WaitUntil(until) => Place::Waiting(ticks(until)),
            StoreStep::Exchange { generation } => {
                assert_eq!(process.exchanged, None, "it has one already");
                self.exchanges += 1;
                let alone = process.lease.is_none() && !process.machine.store_failed();
                self.impatient += u8::from(alone);
                Place::Asked(Ask::Exchange(generation))
            }
            StoreStep::Commit(lease) => {
                let token = process.exchanged.expect("a commit follows an exchange");
                assert!(
                    token.generation >= lease.generation(),
                    "older than the store's"
                );
                Place::Asked(Ask::Commit(lease, token.number))
            }
            StoreStep::Release(lease) => Place::Asked(Ask::Release(lease)),
            StoreStep::Done(got) => {
                let token = match got {
                    Got::Stored => {
                        let stored = process.stored.expect("the store gave one");
                        let after = process.dropped < Some(stored.generation);
                        assert!(after, "{stored:?} is from before {:?}", process.dropped);
                        Some(stored)
                    }
                    Got::Exchanged => Some(process.exchanged.expect("one was exchanged")),
                    Got::Failed => {
                        let last =
                            matches!(before, Place::Asked(Ask::Exchange(_) | Ask::Release(_)));
                        assert!(last, "no exchange failed, but {before:?} did");
                        None
                    }
                };
                if let Some(token) = token {
                    let newer = process.floor < Some(token.generation);
                    assert!(
                        newer,
                        "{got:?} {token:?} though {:?} was known",
                        process.floor
                    );
                }
                if !process.machine.store_failed() {
                    let left = (self.seen.lease).filter(|(lease, _)| process.lease == Some(*lease));
                    assert!(
                        left.is_none_or(|(_, ends)| ends <= self.clock),
                        "it left {left:?}"
                    );
                    // A number of its own says nothing of what others commit.
                    let refused = process.rejected.filter(|refused| !is_own(*refused));
                    let kept = self.row.load().map(|token| token.generation);
                    let gone = refused.is_none() || kept.is_none_or(|kept| refused < Some(kept));
                    assert!(gone, "{refused:?} was refused, and {kept:?} is kept");
                }
                process.end(Place::Over(token));
                return;
            }
        };
    }

    /// A store's answer reaches a process, whose driver keeps the token in it.
    fn arrive(&mut self, index: usize, reply: Reply) {
        let fit_until = millis(self.clock) + TICK;
        let process = &mut self.processes[index];
        let mut found = |token: Token| {
            process.stored = Some(token);
            Found {
                generation: token.generation,
                fit: token.expires_at > fit_until && !process.picky,
            }
        };
        let input = match reply {
            Reply::Invalidated => StoreInput::Invalidated,
            Reply::Loaded(token) => StoreInput::Loaded(token.map(found)),
            Reply::Won(lease) => StoreInput::Acquired(Acquired::Won(lease)),
            Reply::Held(remaining) => StoreInput::Acquired(Acquired::Held { remaining }),
            Reply::Newer(token) => StoreInput::Acquired(Acquired::Newer(found(token))),
            Reply::Committed(commit) => StoreInput::Committed(commit),
            Reply::Released => StoreInput::Released,
        };
        self.hand(index, input);
    }

    /// What was asked for no longer has anyone who waits for it.
    fn leave(&mut self, index: usize) {
        if let Place::Asked(ask) = self.processes[index].place
            && !matches!(ask, Ask::Load | Ask::Exchange(_))
        {
            self.strays.push(ask);
            self.strays.sort_unstable();
        }
        self.processes[index].lease = None;
    }

    fn apply(&mut self, action: Action) {
        self.faults += u8::from(action.is_fault());
        match action {
            Action::Apply(index) => match self.processes[index].place {
                Place::Asked(Ask::Exchange(generation)) => {
                    self.issued += 1;
                    self.processes[index].exchanged = Some(Token {
                        generation,
                        number: self.issued,
                        expires_at: millis(self.clock) + FOR_EVER,
                    });
                    self.hand(index, StoreInput::Exchanged(true));
                }
                Place::Asked(ask) => {
                    if ask == Ask::Invalidate(Generation::new(u64::MAX)) {
                        let newest = self.seen.newest_lease.map(Lease::generation);
                        self.processes[index].dropped = newest.max(self.seen.past);
                    }
                    let reply = self.store(ask);
                    if let Reply::Won(lease) = reply {
                        self.processes[index].lease = Some(lease);
                    }
                    if reply.is_read_by_the_clock() {
                        self.processes[index].place = Place::Answered(reply);
                    } else {
                        self.arrive(index, reply);
                    }
                }
                place => panic!("{place:?}"),
            },
            Action::Arrive(index) => match self.processes[index].place {
                Place::Answered(reply) => self.arrive(index, reply),
                place => panic!("{place:?}"),
            },
            Action::Wake(index) => self.step(index),
            Action::Stray(stray) => {
                let ask = self.strays.remove(stray);
                self.store(ask);
            }
            Action::Tick | Action::LateTick => self.clock += 1,
            Action::Crash(index) => {
                self.leave(index);
                self.processes[index].end(Place::Crashed);
            }
            Action::Lose(index) => {
                self.leave(index);
                self.hand(index, StoreInput::StoreFailed);
            }
            Action::Fail(index) => self.hand(index, StoreInput::Exchanged(false)),
            Action::Revoke(index) => {
                let Place::Over(Some(token)) = self.processes[index].place else {
                    panic!("it has no token");
                };
                self.revoked = Some(token);
            }
            Action::Refuse(index) => {
                let process = &mut self.processes[index];
                let Place::Over(Some(token)) = process.place else {
                    panic!("it has no token");
                };
                let refused = Some(token.generation.number());
                *process = Process {
                    ahead: process.ahead,
                    picky: process.picky,
                    ..Process::new(refused, refused)
                };
            }
        }
    }

    /// Whether the next tick ends a lease whose holder is at work.
    fn is_holder_late(&self) -> bool {
        self.seen.lease.is_some_and(|(lease, ends)| {
            let held = |process: &Process| process.lease == Some(lease);
            ends == self.clock + 1 && self.processes.iter().any(held)
        })
    }

    /// All that can happen, within bounds.
    fn actions(&self, bounds: &Bounds) -> Vec<Action> {
        let may_fail = self.faults < bounds.faults;
        let mut actions = Vec::new();
        for (index, process) in self.processes.iter().enumerate() {
            match process.place {
                Place::Asked(Ask::Exchange(_)) => {
                    actions.push(Action::Apply(index));
                    if may_fail {
                        actions.extend([Action::Crash(index), Action::Fail(index)]);
                    }
                }
                Place::Asked(_) | Place::Answered(_) => {
                    actions.push(match process.place {
                        Place::Asked(_) => Action::Apply(index),
                        _ => Action::Arrive(index),
                    });
                    if may_fail {
                        actions.extend([Action::Crash(index), Action::Lose(index)]);
                    }
                }
                Place::Waiting(until) if until <= self.clock => actions.push(Action::Wake(index)),
                // To crash while waiting is to crash at the next question.
                Place::Waiting(_) | Place::Crashed | Place::Over(None) => {}
                Place::Over(Some(token))
                    if self
                        .revoked
                        .is_some_and(|revoked| revoked.number == token.number) =>
                {
                    actions.push(Action::Refuse(index));
                }
                Place::Over(Some(_)) if self.revoked.is_none() && bounds.revokes => {
                    actions.push(Action::Revoke(index));
                }
                Place::Over(Some(_)) => {}
            }
        }
        // A process that finished takes no part until it is refused.
        let waits = |process: &Process| matches!(process.place, Place::Waiting(_));
        let nobody_works = !actions.iter().any(|action| action.is_work());
        actions.extend((0..self.strays.len()).map(Action::Stray));
        if self.processes.iter().all(Process::is_over) {
            return actions;
        }
        if self.is_holder_late() {
            if may_fail && self.clock < bounds.ticks {
                actions.push(Action::LateTick);
            }
        } else if self.clock < bounds.ticks || (nobody_works && self.processes.iter().any(waits)) {
            actions.push(Action::Tick);
        }
        actions
    }

    /// Whether the holder commits after its lease's end, while nobody has taken it over.
    fn is_late_commit(&self, action: Action) -> bool {
        let Action::Apply(index) = action else {
            return false;
        };
        let Place::Asked(Ask::Commit(lease, _)) = self.processes[index].place else {
            return false;
        };
        (self.seen.lease).is_some_and(|(last, ends)| last == lease && ends <= self.clock)
    }

    /// How many ticks it may take at most until all processes are over, if nothing more goes wrong: the
    /// lease that runs ends, and whoever waits asks again. A stray may take one lease more, and where each
    /// needs a token of its own they come one after the other.
    fn limit(&self, bounds: &Bounds) -> u8 {
        let runs = (self.seen.lease).map_or(0, |(_, ends)| ends.saturating_sub(self.clock));
        let waits = self.processes.iter().map(|process| match process.place {
            Place::Waiting(until) => until.saturating_sub(self.clock),
            Place::Answered(Reply::Held(remaining)) => ticks(remaining),
            _ => 0,
        });
        let strays = (self.strays.iter()).filter(|stray| matches!(stray, Ask::Acquire(_)));
        runs.max(waits.max().unwrap_or(0))
            + LEASE * bounds.exchanges
            + LEASE * u8::try_from(strays.count()).expect("few")
    }

    /// What must hold in every state.
    fn check(&self, bounds: &Bounds) {
        // A process whose own number is refused cannot tell whether what the store keeps came later. It
        // has that dropped, and what replaces that may be numbered before its own.
        let replaced = self
            .revoked
            .map_or(0, |token| 1 + u8::from(is_own(token.generation)));
        let most = bounds.exchanges + self.faults + self.impatient + replaced;
        assert!(self.exchanges <= most, "{} exchanges", self.exchanges);
        let calm = self.faults == 0 && self.revoked.is_none();
        if calm && bounds.exchanges == 1 && self.processes.iter().all(Process::is_over) {
            assert_eq!((self.exchanges, self.impatient), (1, 0));
            for process in &self.processes {
                let Place::Over(Some(token)) = process.place else {
                    panic!("nothing went wrong, but {:?}", process.place);
                };
                let old = bounds.may_keep.map(Generation::new) == Some(token.generation);
                assert!(token.number == 1 || old, "{token:?} is not the others'");
            }
        }
    }

    /// Equal for states that differ only in which process is which.
    fn fingerprint(&mut self) -> u64 {
        (self.processes).sort_by_cached_key(Mix::hash);
        Mix::hash(self)
    }
}

/// A hash of few instructions: the standard one takes half of a search.
struct Mix(u64);

impl Mix {
    fn hash(value: &impl Hash) -> u64 {
        let mut mix = Self(0);
        value.hash(&mut mix);
        mix.0 ^ (mix.0 >> 32)
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product =
            u128::from(self.0 ^ value ^ 0x9e37_79b9_7f4a_7c15) * 0xbf58_476d_1ce4_e5b9_u128;
        self.0 = ((product >> 64) ^ product) as u64;
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// How far a search goes.
struct Bounds {
    /// As many exchanges as there are if nothing goes wrong. Each fault may cost one more.
    exchanges: u8,
    faults: u8,
    /// After so many ticks the clock goes on only while nobody can do anything.
    ticks: u8,
    /// Whether the service takes one token back.
    revokes: bool,
    /// An old token with which a process may end: it reported an older one.
    may_keep: Option<u64>,
}

#[expect(
    clippy::disallowed_types,
    reason = "its order is never asked for, and it is twice as fast"
)]
type Indices = std::collections::HashMap<u64, u32>;

/// All states that were found, and how each was reached.
struct Search {
    start: World,
    bounds: Bounds,
    indices: Indices,
    parents: Vec<(u32, Action)>,
    /// For each state where its entries in `calm` begin.
    offsets: Vec<usize>,
    /// The states that may follow if nothing more goes wrong and nobody dawdles, and whether the clock
    /// ticks on the way.
    calm: Vec<(u32, bool)>,
    /// For each state how many ticks it may take at most until all processes are over.
    limits: Vec<u8>,
    /// Commits that came after the lease had ended while nobody had taken it over.
    late_commits: u64,
}

impl Search {
    fn run(mut start: World, bounds: Bounds) -> Self {
        let indices = Indices::from([(start.fingerprint(), 0)]);
        let mut search = Self {
            start: start.clone(),
            bounds,
            indices,
            parents: vec![(0, Action::Tick)],
            offsets: Vec::new(),
            calm: Vec::new(),
            limits: Vec::new(),
            late_commits: 0,
        };
        let mut layer = vec![start];
        while !layer.is_empty() {
            let mut next = Vec::new();
            for world in layer {
                search.expand(&world, &mut next);
            }
            layer = next;
        }
        search.offsets.push(search.calm.len());
        search
    }

    fn expand(&mut self, world: &World, next: &mut Vec<World>) {
        let here = u32::try_from(self.offsets.len()).expect("states fit in memory");
        self.offsets.push(self.calm.len());
        self.limits.push(world.limit(&self.bounds));
        let actions = world.actions(&self.bounds);
        let nobody_works = !actions.iter().any(|action| action.is_work());
        for action in actions {
            let mut after = world.clone();
            let tried = catch_unwind(AssertUnwindSafe(|| {
                after.apply(action);
                after.check(&self.bounds);
            }));
            if tried.is_err() {
                panic!("{}", self.story(here, Some(action)));
            }
            self.late_commits += u64::from(world.is_late_commit(action));
            let found = u32::try_from(self.parents.len()).expect("states fit in memory");
            let there = *self.indices.entry(after.fingerprint()).or_insert(found);
            if there == found {
                self.parents.push((here, action));
                next.push(after);
            }
            let ticks = matches!(action, Action::Tick);
            let stray = matches!(action, Action::Stray(_));
            if action.is_work() || stray || (ticks && nobody_works) {
                self.calm.push((there, ticks));
            }
        }
        let stuck = self.calm.len() == *self.offsets.last().expect("it was just put there");
        if stuck && !world.processes.iter().all(Process::is_over) {
            panic!("nobody can go on: {}", self.story(here, None));
        }
    }

    /// The shortest way to a state, step by step.
    fn story(&self, mut state: u32, last: Option<Action>) -> String {
        let mut actions: Vec<Action> = last.into_iter().collect();
        while state != 0 {
            let (parent, action) = self.parents[state as usize];
            actions.push(action);
            state = parent;
        }
        let mut world = self.start.clone();
        let mut story = String::from("this went wrong at the end of");
        for action in actions.into_iter().rev() {
            let places = world.processes.each_ref().map(|process| process.place);
            story += &format!("\ntick {} {places:?}\n  {action:?}", world.clock);
            let _ = catch_unwind(AssertUnwindSafe(|| world.apply(action)));
            world.fingerprint();
        }
        story
    }

    /// From each state, whatever the order in which processes go on and strays arrive, all of them come
    /// to an end, and by the limit. Returns the longest that it took, in ticks.
    fn check_progress(&self) -> u8 {
        const UNKNOWN: u8 = u8::MAX;
        const OPEN: u8 = u8::MAX - 1;
        let mut ticks = vec![UNKNOWN; self.parents.len()];
        for root in 0..u32::try_from(self.parents.len()).expect("they were numbered") {
            let mut path = vec![root];
            while let Some(&state) = path.last() {
                let state = state as usize;
                let follow = &self.calm[self.offsets[state]..self.offsets[state + 1]];
                if ticks[state] == UNKNOWN {
                    ticks[state] = OPEN;
                    for &(there, _) in follow {
                        match ticks[there as usize] {
                            UNKNOWN => path.push(there),
                            OPEN => panic!("for ever: {}", self.story(there, None)),
                            _ => {}
                        }
                    }
                    continue;
                }
                path.pop();
                if ticks[state] == OPEN {
                    let longest =
                        |&(there, tick): &(u32, bool)| ticks[there as usize] + u8::from(tick);
                    ticks[state] = follow.iter().map(longest).max().unwrap_or(0);
                    let limit = self.limits[state];
                    if ticks[state] > limit {
                        let story = self.story(u32::try_from(state).expect("it was"), None);
                        panic!("{} ticks instead of {limit}: {story}", ticks[state]);
                    }
                }
            }
        }
        ticks.into_iter().max().expect("there is a first state")
    }
}

/// A generation that the store gave out long ago.
const OLD: u64 = (BEGIN - 100) * TICK * 1_000;

/// A row with a token of the old generation.
fn old_row(number: u8, expires_at: u64) -> Row<u8> {
    let mut row = Row::default();
    let then = OLD / 1_000;
    let ttl = Duration::from_millis(TICK);
    assert_eq!(row.acquire(then, ttl, None), Acquired::Won(Lease::new(OLD)));
    assert_eq!(
        row.commit(then, Lease::new(OLD), expires_at, number),
        Commit::Done
    );
    row
}

/// Searches with so many faults, one more on a long hunt. The clock may run so far while others work
/// that a lease ends, and another after it.
#[track_caller]
fn check(row: Row<u8>, processes: [Process; PROCESSES], mut bounds: Bounds) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner asks for a longer hunt this way"
    )]
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep {
        bounds.faults += 1;
        // A token that is revoked makes runs twice as long: these would fill the memory.
        bounds.ticks = if bounds.revokes { 2 } else { bounds.ticks + 1 };
    }
    let search = Search::run(World::new(row, processes), bounds);
    search.check_progress();
    assert!(search.late_commits > 0, "no holder overslept");
}

const BOUNDS: Bounds = Bounds {
    exchanges: 1,
    faults: 1,
    ticks: 3,
    revokes: false,
    may_keep: None,
};

#[test]
fn three_that_know_no_token() {
    let process = || Process::new(None, None);
    let bounds = Bounds {
        faults: 2,
        ticks: 4,
        ..BOUNDS
    };
    check(Row::default(), [process(), process(), process()], bounds);
}

#[test]
fn three_whose_token_is_refused_at_once() {
    let process = || Process::new(Some(OLD), Some(OLD));
    let row = old_row(LONG_LIVED, millis(0) + FOR_EVER);
    let bounds = Bounds {
        faults: 2,
        ..BOUNDS
    };
    check(row, [process(), process(), process()], bounds);
}

#[test]
fn two_whose_token_is_refused_and_one_that_reports_the_token_before() {
    let process = || Process::new(Some(OLD), Some(OLD));
    // By its own clock it is earlier than all of that.
    let late = Process::new(None, Some(OLD - 1)).with_clock_ahead(-120);
    let row = old_row(LONG_LIVED, millis(0) + FOR_EVER);
    let bounds = Bounds {
        may_keep: Some(OLD),
        ..BOUNDS
    };
    check(row, [process(), process(), late], bounds);
}

#[test]
fn two_that_renew_and_one_that_comes_while_the_old_token_ends() {
    let renews = || Process::new(Some(OLD), None);
    let row = old_row(SHORT_LIVED, millis(2));
    let bounds = Bounds {
        may_keep: Some(OLD),
        ..BOUNDS
    };
    check(row, [renews(), renews(), Process::new(None, None)], bounds);
}

#[test]
fn two_of_a_kind_and_one_that_needs_another_token() {
    let process = || Process::new(None, None);
    let bounds = Bounds {
        exchanges: 2,
        ..BOUNDS
    };
    check(
        Row::default(),
        [process(), process(), process().picky()],
        bounds,
    );
}

/// They were without the store for a while, and numbered their tokens by their own clocks.
#[test]
fn processes_whose_clocks_differ_from_the_stores() {
    let own = |ahead: u64| Some((BEGIN + ahead) * TICK * 1_000 + APART);
    let refused = Process::new(own(20), own(20)).with_clock_ahead(20);
    let renews = Process::new(own(40), None).with_clock_ahead(40);
    let behind = Process::new(None, None).with_clock_ahead(-40);
    // Until the store's clock has reached their numbers, each that is ahead needs a token of its own.
    let bounds = Bounds {
        exchanges: 3,
        ..BOUNDS
    };
    check(Row::default(), [refused, renews, behind], bounds);
}

/// One of them knows that the user was deleted: whatever the others had under way by then is of no use to it.
#[test]
fn two_of_a_kind_and_one_that_begins_anew() {
    let process = || Process::new(None, None);
    let row = old_row(LONG_LIVED, millis(0) + FOR_EVER);
    let bounds = Bounds {
        exchanges: 2,
        ..BOUNDS
    };
    check(
        row,
        [process(), Process::new(Some(OLD), None), Process::anew()],
        bounds,
    );
}

/// The service takes back the token that one of them ended with, be it stored by then or not.
#[test]
fn three_of_which_one_ends_with_a_token_that_is_revoked() {
    let process = || Process::new(None, None);
    let bounds = Bounds {
        revokes: true,
        ..BOUNDS
    };
    check(Row::default(), [process(), process(), process()], bounds);
}
