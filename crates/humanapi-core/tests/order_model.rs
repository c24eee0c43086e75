//! Every history of two workers with one intent, run by the functions that production runs.
//!
//! A world holds the intent's row, two workers, what is on its way to the service, and what the service did. From each
//! world every next one is tried: operations of the journal that fail, that happen without an answer or arrive late,
//! requests whose answers are lost or that arrive long after, refusals, readings that show less than there is, workers that
//! crash at any step and begin anew, workers that sleep, and time.
//!
//! In every world the service did the order at most once, nobody was told what is not so, one claim runs at a time, and
//! nothing is marked as sent or concluded without it.
//! It is bounded: two workers, one fault beside sleep and time, and three seconds, in which claims end and absences are
//! believed; or two faults and the second in which claims end.
//!
//! One piece: the row, the workers and what is on its way are one world, and each step is a step of all of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use humanapi_core::admin::order::{
    Before, Claim, Decision, Doubt, Effect, EntryState, Finding, Op, OrderPolicy, Outcome, Report,
    Row, Subject, Submission, SubmissionInput, SubmissionStep,
};
use humanapi_core::admin::{BirthDate, NewOrder, OrderedUser};
use humanapi_core::{ClientUserId, HumanId, Now};

/// How long a request can be on its way.
const FLIGHT: u64 = 1;
/// How long the service can hide what it has, beyond the second in which it took it.
const HIDING: u64 = 0;
const LAST: u64 = 3;
/// So many things go wrong, beside sleep and time.
const FAULTS: u8 = 1;
const WORKERS: usize = 2;

/// What is broken on purpose, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    Nothing,
    /// A worker sends before the journal has it that it does.
    SendsBeforeWritten,
    /// A worker whose turn it is sends what may have been sent.
    RepeatsAfterUnknown,
    /// A worker that lost its claim sends all the same, and its clock stands still, so that it does not know.
    NoFence,
    /// The clocks of workers stand still, as those of machines that sleep may. Nothing is broken.
    ClocksStandStill,
    /// A worker believes too early that nothing is there.
    BelievesTooEarly,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    broken: Broken,
    now: u64,
    /// Time goes on until then.
    last: u64,
    row: Option<Row>,
    workers: [Worker; WORKERS],
    /// Requests on their way: whose, and since when.
    flying: Vec<(usize, u64)>,
    /// When the service did the order, each time, and for whom.
    done: Vec<(usize, u64)>,
    /// Operations that reach the journal late.
    late: Vec<Op>,
    faults: u8,
    /// What a worker was told that was not so.
    told: Option<&'static str>,
    /// The claim that runs, and until which millisecond, by a count of the model's own.
    claim: Option<(Claim, u64)>,
    /// What was done without it.
    unclaimed: Option<&'static str>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Worker {
    submission: Submission,
    wakes_at: Option<u64>,
    ended: Option<Outcome>,
    /// Whether this life of it sent something that may have had an effect.
    sent: bool,
}

/// Both clocks at this moment of the model.
fn at(since: Duration) -> Now {
    Now::new(since, SystemTime::UNIX_EPOCH + since)
}

fn policy(broken: Broken) -> OrderPolicy {
    let seconds = Duration::from_secs;
    let absent_after = if broken == Broken::BelievesTooEarly {
        0
    } else {
        FLIGHT + HIDING + 1
    };
    OrderPolicy::default()
        .with_claim_ttl(seconds(1))
        .unwrap()
        .with_wait_for_others(seconds(1))
        .with_read_patience(seconds(0))
        .with_absent_after(Some(seconds(absent_after)))
}

fn subject() -> Subject {
    static SUBJECT: LazyLock<Subject> = LazyLock::new(made_subject);
    SUBJECT.clone()
}

fn made_subject() -> Subject {
    let born = BirthDate::parse("1980-04-09", "2026-11-29".parse().unwrap()).unwrap();
    let order = NewOrder::new(ClientUserId::new("case-1").unwrap());
    let order = order.with_name("Testina", "Sandboxer").unwrap();
    Subject::of(&order.with_birth_date(born))
}

fn placed() -> Report {
    Report::Placed(HumanId::new("5c2e"))
}

fn users() -> Vec<OrderedUser> {
    static USERS: LazyLock<Vec<OrderedUser>> = LazyLock::new(made_users);
    USERS.clone()
}

fn made_users() -> Vec<OrderedUser> {
    let user = r#"[{"humanId":"5c2e","clientUserId":"case-1","firstName":" testina ","lastName":"Sandboxer",
        "dateOfBirth":"1980-04-09T00:00:00.000Z","createdAt":"1970-01-01T00:00:01.000Z"}]"#;
    serde_json::from_str(user).unwrap()
}

impl World {
    fn new(broken: Broken, faults: u8, last: u64) -> Self {
        let worker = Worker::new(broken, at(Duration::ZERO));
        Self {
            broken,
            now: 0,
            last,
            row: None,
            workers: [worker.clone(), worker],
            flying: Vec::new(),
            done: Vec::new(),
            late: Vec::new(),
            faults,
            told: None,
            claim: None,
            unclaimed: None,
        }
    }

    fn clock(&self) -> Now {
        let stands = matches!(self.broken, Broken::NoFence | Broken::ClocksStandStill);
        at(Duration::from_secs(if stands { 0 } else { self.now }))
    }

    fn journal(&mut self, op: Op) -> Effect {
        let effect = Row::apply(&mut self.row, self.now * 1000, op.clone());
        self.count_claims(&op, &effect);
        effect
    }

    /// Nobody gets a claim while another runs, and nothing is marked or concluded without one.
    fn count_claims(&mut self, op: &Op, effect: &Effect) {
        let now = self.now * 1000;
        let running = self.claim.filter(|(_, ends)| now < *ends);
        let until = |ttl: &Duration| now + ttl.as_millis() as u64;
        let (uses, claim) = match (op, effect) {
            (
                Op::Begin { ttl, .. } | Op::Take { ttl },
                Effect::Send(claim) | Effect::Read(claim, _),
            ) => {
                if running.is_some() {
                    self.unclaimed = Some("two have a claim at once");
                }
                (None, Some((*claim, until(ttl))))
            }
            (Op::Depart { claim, ttl, .. }, Effect::Departed) => {
                (Some(*claim), Some((*claim, until(ttl))))
            }
            (Op::Conclude { claim, .. }, Effect::Stands(_)) => (Some(*claim), None),
            (Op::Settle { .. } | Op::Decide { .. }, Effect::Stands(_)) => (None, None),
            _ => return,
        };
        if uses.is_some() && uses != running.map(|(claim, _)| claim) {
            self.unclaimed = Some("it was marked or concluded without a claim");
        }
        self.claim = claim;
    }

    fn mirrored(&self) -> Self {
        let mut world = self.clone();
        world.workers.reverse();
        for (who, _) in world.flying.iter_mut().chain(&mut world.done) {
            *who = WORKERS - 1 - *who;
        }
        world
    }

    /// The same world, changed.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut world = self.clone();
        change(&mut world);
        world
    }

    fn fault(&self, change: impl FnOnce(&mut Self)) -> Option<Self> {
        (self.faults > 0).then(|| {
            self.with(|world| {
                world.faults -= 1;
                change(world);
            })
        })
    }

    fn handle(&mut self, who: usize, input: SubmissionInput) {
        let (clock, now) = (self.clock(), self.now);
        let worker = &mut self.workers[who];
        worker.submission.handle(input, clock);
        worker.wakes_at = None;
        match worker.submission.step(clock) {
            SubmissionStep::Wait(wait) => {
                worker.wakes_at =
                    Some((Duration::from_secs(now) + wait).as_millis().div_ceil(1000) as u64);
            }
            SubmissionStep::Done(outcome) => {
                worker.ended = Some(outcome.clone());
                self.told = self.told.or_else(|| self.is_wrong_to_tell(who, &outcome));
            }
            _ => {}
        }
    }

    fn crash(&mut self, broken: Broken, who: usize) {
        let clock = self.clock();
        self.workers[who] = Worker::new(broken, clock);
    }

    /// Whether the reader may see the order, and whether it may not.
    fn seen(&self) -> Vec<Vec<OrderedUser>> {
        let at = self.done.iter().map(|(_, at)| *at).min();
        let nothing = Vec::new();
        match at {
            None => vec![nothing],
            Some(at) if self.now <= at + HIDING => vec![nothing, users()],
            Some(_) => vec![users()],
        }
    }

    fn next(&self, broken: Broken) -> Vec<Self> {
        let mut next = Vec::new();
        let may_pass = self
            .flying
            .iter()
            .all(|(_, since)| self.now < since + FLIGHT);
        if self.now < self.last && may_pass {
            next.push(self.with(|world| {
                world.now += 1;
                world.claim = world.claim.filter(|(_, ends)| world.now * 1000 < *ends);
            }));
        }
        for index in 0..self.flying.len() {
            next.push(self.with(|world| {
                let (who, _) = world.flying.remove(index);
                world.done.push((who, world.now));
            }));
            next.push(self.with(|world| {
                world.flying.remove(index);
            }));
        }
        for index in 0..self.late.len() {
            next.push(self.with(|world| {
                let op = world.late.remove(index);
                world.journal(op);
            }));
        }
        for who in 0..WORKERS {
            if self.workers[who].ended.is_none() {
                self.steps(broken, who, &mut next);
            }
        }
        next
    }

    fn steps(&self, broken: Broken, who: usize, next: &mut Vec<Self>) {
        // A copy is asked, and so each change begins with the step that it is an answer to.
        let world = self.with(|world| {
            let clock = world.clock();
            let _ = world.workers[who].submission.step(clock);
        });
        world.steps_from(broken, who, next);
    }

    fn steps_from(&self, broken: Broken, who: usize, next: &mut Vec<Self>) {
        match self.workers[who].submission.clone().step(self.clock()) {
            SubmissionStep::Apply(op) => self.applies(broken, who, &op, next),
            SubmissionStep::Send { .. } => {
                next.push(self.with(|world| {
                    world.done.push((who, world.now));
                    world.workers[who].sent = true;
                    world.handle(who, SubmissionInput::Sent(placed()));
                }));
                let unknown = || SubmissionInput::Sent(Report::Unknown(Doubt::NoAnswer));
                next.extend(
                    self.fault(|world| world.handle(who, SubmissionInput::Sent(Report::NoEffect))),
                );
                next.extend(self.fault(|world| {
                    world.flying.push((who, world.now));
                    world.workers[who].sent = true;
                    world.handle(who, unknown());
                }));
                next.extend(self.fault(|world| {
                    world.flying.push((who, world.now));
                    world.crash(broken, who);
                }));
                next.extend(self.fault(|world| world.crash(broken, who)));
            }
            SubmissionStep::Read { .. } => {
                for users in self.seen() {
                    next.push(
                        self.with(|world| world.handle(who, SubmissionInput::Read(Some(users)))),
                    );
                }
                next.extend(self.fault(|world| world.handle(who, SubmissionInput::Read(None))));
                next.extend(self.fault(|world| world.crash(broken, who)));
            }
            SubmissionStep::Wait(_) => {
                if self.workers[who].wakes_at.is_none_or(|at| at <= self.now) {
                    next.push(self.with(|world| world.handle(who, SubmissionInput::Waited)));
                }
            }
            SubmissionStep::Done(_) => unreachable!("it has ended"),
        }
    }

    fn applies(&self, broken: Broken, who: usize, op: &Op, next: &mut Vec<Self>) {
        let answer = |world: &mut Self, effect| world.handle(who, SubmissionInput::Journal(effect));
        next.push(self.with(|world| {
            let effect = match (broken, op) {
                (Broken::SendsBeforeWritten, Op::Depart { .. }) => Effect::Departed,
                _ => world.journal(op.clone()),
            };
            let effect = match (broken, op, effect) {
                (Broken::RepeatsAfterUnknown, Op::Begin { .. }, Effect::Read(claim, _)) => {
                    Effect::Send(claim)
                }
                (Broken::RepeatsAfterUnknown | Broken::NoFence, Op::Depart { .. }, _) => {
                    Effect::Departed
                }
                (_, _, effect) => effect,
            };
            answer(world, Some(effect));
        }));
        next.extend(self.fault(|world| answer(world, None)));
        next.extend(self.fault(|world| {
            world.journal(op.clone());
            answer(world, None);
        }));
        next.extend(self.fault(|world| {
            world.late.push(op.clone());
            answer(world, None);
        }));
        next.extend(self.fault(|world| {
            world.journal(op.clone());
            world.crash(broken, who);
        }));
        next.extend(self.fault(|world| {
            world.late.push(op.clone());
            world.crash(broken, who);
        }));
    }

    /// What is wrong with this world.
    fn wrong(&self) -> Option<String> {
        if self.done.len() > 1 {
            return Some("the order was done twice".to_owned());
        }
        self.told.or(self.unclaimed).map(str::to_owned)
    }

    /// What is wrong with telling a worker this now.
    fn is_wrong_to_tell(&self, who: usize, outcome: &Outcome) -> Option<&'static str> {
        let is_own = |(whose, _): &(usize, u64)| *whose == who;
        let may_leave_late = matches!(self.broken, Broken::ClocksStandStill | Broken::NoFence);
        match outcome {
            Outcome::Exists(_) if self.done.is_empty() => Some("Exists, and it does not"),
            Outcome::NotPlaced
                if self.workers[who].sent || self.flying.iter().chain(&self.done).any(is_own) =>
            {
                Some("NotPlaced, and it is placed or on its way")
            }
            // Of what another life of it sent, it does not speak.
            Outcome::NotWritten if self.workers[who].sent => Some("NotWritten, and it is sent"),
            Outcome::Absent(_)
                if !(may_leave_late || self.done.is_empty() && self.flying.is_empty()) =>
            {
                Some("Absent, and it is not")
            }
            Outcome::OtherOrder | Outcome::Missing => Some("of another order, or of none"),
            _ => None,
        }
    }

    /// What somebody finds who looks long after.
    fn looked_at_later(&self) -> Option<String> {
        let mut world = self.clone();
        world.now += 1000;
        for op in std::mem::take(&mut world.late) {
            world.journal(op);
        }
        world.now += 1000;
        world.broken = Broken::Nothing;
        world.workers[0] = Worker {
            submission: Submission::reconcile(policy(Broken::Nothing), world.clock()),
            wakes_at: None,
            ended: None,
            sent: false,
        };
        for _ in 0..100 {
            let clock = world.clock();
            let input = match world.workers[0].submission.step(clock) {
                SubmissionStep::Apply(op) => SubmissionInput::Journal(Some(world.journal(op))),
                SubmissionStep::Read { .. } => {
                    let found = if world.done.is_empty() {
                        Vec::new()
                    } else {
                        users()
                    };
                    SubmissionInput::Read(Some(found))
                }
                SubmissionStep::Wait(_) => {
                    world.now += 1;
                    SubmissionInput::Waited
                }
                SubmissionStep::Send { .. } => return Some("a reconciliation sends".to_owned()),
                SubmissionStep::Done(outcome) => {
                    let is_right = match outcome {
                        Outcome::Exists(_) => !world.done.is_empty(),
                        Outcome::Absent(_) | Outcome::NotPlaced | Outcome::Missing => {
                            world.done.is_empty()
                        }
                        _ => false,
                    };
                    return (!is_right).then(|| format!("later it is found as {outcome:?}"));
                }
            };
            world.handle(0, input);
        }
        Some("a reconciliation does not end".to_owned())
    }
}

impl Worker {
    fn new(broken: Broken, now: Now) -> Self {
        Self {
            submission: Submission::submit(subject(), policy(broken), now),
            wakes_at: None,
            ended: None,
            sent: false,
        }
    }
}

struct Explored {
    worlds: usize,
    ends: usize,
    /// In how many ends somebody was told that the order is not there.
    absences: usize,
    wrong: Option<String>,
}

/// Tries every history. Stops at the first that is wrong.
fn explore(broken: Broken, faults: u8, last: u64) -> Explored {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![World::new(broken, faults, last)];
    let (mut ends, mut absences) = (0, 0);
    while let Some(world) = open.pop() {
        // Two workers who have changed places make the same world.
        let hashes = [hasher.hash_one(&world), hasher.hash_one(world.mirrored())];
        if !seen.insert(hashes[0].min(hashes[1])) {
            continue;
        }
        let is_over = world.workers.iter().all(|worker| worker.ended.is_some());
        let is_at_rest = is_over && world.flying.is_empty();
        ends += usize::from(is_at_rest);
        let is_absent = |worker: &Worker| matches!(&worker.ended, Some(Outcome::Absent(_)));
        absences += usize::from(is_at_rest && world.workers.iter().any(is_absent));
        let wrong = world
            .wrong()
            .or_else(|| is_at_rest.then(|| world.looked_at_later()).flatten())
            .or_else(|| {
                // Without a fault, there is one order and everybody knows of it.
                let knows = |worker: &Worker| {
                    matches!(
                        &worker.ended,
                        Some(Outcome::Exists(_) | Outcome::InProgress)
                    )
                };
                let is_known = world.workers.iter().all(knows) && world.done.len() == 1;
                // A claim has not ended by then, however long a worker slept.
                let is_slow = world.now > 0 || broken != Broken::Nothing;
                (is_at_rest && faults == world.faults && !is_slow && !is_known)
                    .then(|| "a history without a fault does not end well".to_owned())
            });
        if wrong.is_some() {
            let worlds = seen.len();
            return Explored {
                worlds,
                ends,
                absences,
                wrong,
            };
        }
        open.extend(world.next(broken));
    }
    Explored {
        worlds: seen.len(),
        ends,
        absences,
        wrong: None,
    }
}

#[test]
fn two_workers_with_one_intent_place_one_order_whatever_goes_wrong() {
    let explored = explore(Broken::Nothing, FAULTS, LAST);
    assert_eq!(explored.wrong, None);
    assert!(explored.worlds > 100_000, "{}", explored.worlds);
    assert!(explored.ends > 10_000, "{}", explored.ends);
    assert!(explored.absences > 100, "{}", explored.absences);
}

#[test]
fn nor_is_anybody_told_what_is_not_so_where_two_things_go_wrong() {
    let explored = explore(Broken::Nothing, 2, 1);
    assert_eq!(explored.wrong, None);
    assert!(explored.worlds > 100_000, "{}", explored.worlds);
}

#[test]
fn nor_do_they_place_two_where_a_worker_sleeps_and_does_not_know() {
    assert_eq!(explore(Broken::ClocksStandStill, FAULTS, 2).wrong, None);
}

#[track_caller]
fn check_noticed(broken: Broken, wrong: &str) {
    let found = explore(broken, FAULTS, LAST).wrong;
    let found = found.expect("the model notices nothing");
    assert!(found.contains(wrong), "{broken:?}: {found}");
}

#[test]
fn the_model_notices_an_order_that_is_sent_before_that_is_written() {
    check_noticed(Broken::SendsBeforeWritten, "done twice");
}

#[test]
fn the_model_notices_an_order_that_is_repeated_after_an_unknown_outcome() {
    check_noticed(Broken::RepeatsAfterUnknown, "done twice");
}

#[test]
fn the_model_notices_a_worker_that_sends_without_its_claim() {
    check_noticed(Broken::NoFence, "done twice");
}

#[test]
fn the_model_notices_an_absence_that_is_believed_too_early() {
    check_noticed(Broken::BelievesTooEarly, "Absent");
}

fn begin(row: &mut Option<Row>, now: u64) -> Effect {
    let ttl = Duration::from_secs(3);
    Row::apply(
        row,
        now,
        Op::Begin {
            ttl,
            subject: subject(),
        },
    )
}

/// A row whose order was marked as sent at 1,000 and not heard of again.
fn interrupted() -> (Option<Row>, Claim) {
    let mut row = None;
    let Effect::Send(claim) = begin(&mut row, 0) else {
        panic!()
    };
    let ttl = Duration::from_secs(3);
    let before = Before::Nobody;
    let departed = Row::apply(&mut row, 1_000, Op::Depart { claim, ttl, before });
    assert_eq!(departed, Effect::Departed);
    (row, claim)
}

#[test]
fn a_worker_knows_how_long_it_may_send() {
    let (mut submission, began) = about_to_send();
    let within = Duration::from_millis(600);
    assert_eq!(
        submission.step(began.after(Duration::from_millis(400))),
        send(within)
    );
    let settle = submission.step(began.after(Duration::from_secs(1)));
    assert!(matches!(settle, SubmissionStep::Apply(Op::Settle { .. })));
}

/// A worker whose order is marked as sent, and when it asked for that.
fn about_to_send() -> (Submission, Now) {
    let began = Now::new(
        Duration::from_secs(5),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000),
    );
    let mut submission = Submission::submit(subject(), policy(Broken::Nothing), began);
    let mut row = None;
    for _ in 0..3 {
        let input = match submission.step(began) {
            SubmissionStep::Apply(op) => {
                SubmissionInput::Journal(Some(Row::apply(&mut row, 0, op)))
            }
            SubmissionStep::Read { .. } => SubmissionInput::Read(Some(Vec::new())),
            step => panic!("{step:?}"),
        };
        submission.handle(input, began);
    }
    (submission, began)
}

fn send(within: Duration) -> SubmissionStep {
    let before = Before::Nobody;
    SubmissionStep::Send { within, before }
}

#[test]
fn a_claim_is_over_by_the_clock_that_tells_of_more_time() {
    let second = Duration::from_secs(1);
    let (submission, began) = about_to_send();
    let (monotonic, wall) = (began.monotonic(), began.wall());
    // The machine was suspended; the wall clock was set back; both went on.
    for (now, within) in [
        (Now::new(monotonic, wall + second), None),
        (Now::new(monotonic + second, wall - second * 60), None),
        (Now::new(monotonic, wall - second * 60), Some(second)),
        (
            Now::new(monotonic + second / 4, wall + second / 2),
            Some(second / 2),
        ),
        (
            Now::new(monotonic + second / 2, wall + second / 4),
            Some(second / 2),
        ),
    ] {
        let step = submission.clone().step(now);
        match within {
            Some(within) => assert_eq!(step, send(within), "{now:?}"),
            None => assert!(
                matches!(step, SubmissionStep::Apply(Op::Settle { .. })),
                "{now:?}: {step:?}"
            ),
        }
    }
}

#[test]
fn an_absence_is_not_told_where_another_may_have_gone_on_since() {
    let (row, _) = interrupted();
    let mut entry = row.unwrap().entry(9_000);
    entry.state = EntryState::Absent;
    let mut submission = Submission::reconcile(policy(Broken::Nothing), at(Duration::ZERO));
    for effect in [Some(Effect::Stands(entry.clone())), None] {
        submission.handle(SubmissionInput::Journal(effect), at(Duration::ZERO));
    }
    let told = Outcome::Unknown(Some(entry));
    assert_eq!(
        submission.step(at(Duration::ZERO)),
        SubmissionStep::Done(told)
    );
}

#[test]
fn nothing_is_absent_while_it_may_still_leave() {
    let (mut row, claim) = interrupted();
    let report = Report::Unknown(Doubt::NoAnswer);
    Row::apply(&mut row, 1_001, Op::Settle { claim, report });
    let policy = OrderPolicy::default().with_absent_after(Some(Duration::ZERO));
    let found = |at| Finding::of(&[], &row.as_ref().unwrap().entry(at), &policy);
    assert_eq!(found(3_999), Finding::Undecided(Doubt::NotThereYet));
    assert_eq!(found(4_000), Finding::Absent);
}

#[test]
fn a_decision_that_names_nobody_settles_nothing() {
    let (mut row, claim) = interrupted();
    let report = Report::Unknown(Doubt::NoAnswer);
    Row::apply(&mut row, 1_001, Op::Settle { claim, report });
    let seen = row.as_ref().unwrap().entry(9_000);
    let mut decide = |human_id: &str| {
        let (version, decision) = (seen.version, Decision::Exists(HumanId::new(human_id)));
        Row::apply(&mut row, 9_000, Op::Decide { version, decision })
    };
    assert_eq!(decide(""), Effect::Fenced);
    let Effect::Stands(entry) = decide("5c2e") else {
        panic!("nobody went on with it")
    };
    assert_eq!(entry.state, EntryState::Exists(HumanId::new("5c2e")));
}

#[test]
fn a_claim_of_no_length_is_refused() {
    for ttl in [Duration::ZERO, Duration::from_micros(999)] {
        assert!(OrderPolicy::default().with_claim_ttl(ttl).is_err());
    }
}

#[test]
fn nothing_of_the_journal_shows_a_user() {
    let canary = || HumanId::new("canary");
    let (row, claim) = interrupted();
    let outcome = || Outcome::Exists(canary());
    let (report, finding) = (Report::Placed(canary()), Finding::Exists(canary()));
    let decision = Decision::Exists(canary());
    let mut submission = Submission::reconcile(policy(Broken::Nothing), at(Duration::ZERO));
    let mut entry = row.unwrap().entry(0);
    entry.state = EntryState::Exists(canary());
    let input = SubmissionInput::Journal(Some(Effect::Stands(entry)));
    submission.handle(input.clone(), at(Duration::ZERO));
    let ops = [
        Op::Settle {
            claim,
            report: report.clone(),
        },
        Op::Conclude {
            claim,
            finding: finding.clone(),
        },
        Op::Decide {
            version: 1,
            decision: decision.clone(),
        },
    ];
    let step = SubmissionStep::Done(outcome());
    let sent = SubmissionInput::Sent(report.clone());
    let shown = format!(
        "{report:?} {finding:?} {decision:?} {ops:?} {step:?} {input:?} {sent:?} {submission:?} {:?}",
        outcome()
    );
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn one_key_stands_for_one_order() {
    let (mut row, _) = interrupted();
    let other = NewOrder::new(ClientUserId::new("case-2").unwrap());
    let ttl = Duration::from_secs(3);
    let op = Op::Begin {
        ttl,
        subject: Subject::of(&other),
    };
    assert_eq!(Row::apply(&mut row, 90_000, op), Effect::OtherOrder);
}

#[test]
fn an_answer_that_comes_late_counts_if_it_is_certain() {
    let (mut row, claim) = interrupted();
    let Effect::Read(reader, _) = begin(&mut row, 10_000) else {
        panic!()
    };
    let settle = |report| Op::Settle { claim, report };
    let late = Row::apply(&mut row, 10_001, settle(Report::Unknown(Doubt::NoAnswer)));
    assert_eq!(late, Effect::Fenced);
    assert!(matches!(
        Row::apply(&mut row, 10_002, settle(placed())),
        Effect::Stands(_)
    ));
    let finding = Finding::Absent;
    let op = Op::Conclude {
        claim: reader,
        finding,
    };
    assert_eq!(Row::apply(&mut row, 10_003, op), Effect::Fenced);
}

#[test]
fn only_a_decision_about_what_was_seen_has_an_order_sent_again() {
    let (mut row, _) = interrupted();
    let Effect::Read(claim, _) = begin(&mut row, 10_000) else {
        panic!()
    };
    let finding = Finding::Undecided(Doubt::OtherPerson);
    let Effect::Stands(entry) = Row::apply(&mut row, 10_001, Op::Conclude { claim, finding })
    else {
        panic!()
    };
    let again = |version| Op::Decide {
        version,
        decision: Decision::SendAgain,
    };
    assert_eq!(
        Row::apply(&mut row, 10_002, again(entry.version + 1)),
        Effect::Fenced
    );
    // Whoever reads meanwhile has the word.
    let Effect::Read(..) = begin(&mut row, 10_003) else {
        panic!()
    };
    assert_eq!(
        Row::apply(&mut row, 10_004, again(entry.version)),
        Effect::Fenced
    );
    let version = row.as_ref().unwrap().entry(20_000).version;
    assert_eq!(Row::apply(&mut row, 10_005, again(version)), Effect::Fenced);
    assert!(matches!(
        Row::apply(&mut row, 20_000, again(version)),
        Effect::Stands(_)
    ));
    assert!(matches!(begin(&mut row, 20_001), Effect::Send(_)));
}

#[test]
fn a_row_is_kept_as_bytes_and_hides_itself() {
    let (row, _) = interrupted();
    let row = row.unwrap();
    assert_eq!(Row::from_bytes(row.to_bytes().as_bytes()).unwrap(), row);
    assert!(Row::from_bytes(b"{}").is_err() && Row::from_bytes(b"").is_err());
    let shown = format!("{row:?} {:?}", row.entry(0));
    assert!(
        !shown.contains("case-1") && !shown.contains("Testina"),
        "{shown}"
    );
}
