//! The limiter against every order of arrivals, ends and departures.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use humanapi_core::Now;
use humanapi_core::limiter::{Admission, Limiter, LimiterPolicy, Permit, Ticket, Verdict};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

#[derive(Clone, Debug)]
enum Happens {
    Wait(u64),
    Leave(usize),
    Borne(usize),
    Overloaded(usize, Option<u64>),
    Unknown(usize),
    Pass(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0..4_u64).prop_map(Happens::Wait),
        1 => any::<usize>().prop_map(Happens::Leave),
        3 => any::<usize>().prop_map(Happens::Borne),
        1 => (any::<usize>(), prop::option::of(0..20_u64))
            .prop_map(|(at, pause)| Happens::Overloaded(at, pause)),
        1 => any::<usize>().prop_map(Happens::Unknown),
        2 => (0..10_u64).prop_map(Happens::Pass),
    ]
}

struct Run {
    limiter: Limiter,
    now: Now,
    waiting: Vec<(u64, Ticket)>,
    out: Vec<Permit>,
    paused_until: Duration,
    /// How many turns others have had since somebody of this key waits.
    passed_over: BTreeMap<u64, usize>,
}

impl Run {
    fn turns(&mut self) {
        loop {
            let limit = self.limiter.limit();
            match self.limiter.next(self.now) {
                Admission::Granted(ticket, permit) => {
                    assert!(self.out.len() < limit as usize);
                    assert!(self.now.monotonic() >= self.paused_until);
                    let at = self.waiting.iter().position(|(_, waits)| *waits == ticket);
                    let (key, _) = self.waiting.remove(at.unwrap());
                    assert!(
                        self.waiting
                            .iter()
                            .all(|(other, waits)| *other != key || *waits > ticket),
                        "who came first under a key goes first"
                    );
                    self.out.push(permit);
                    self.passed_over.insert(key, 0);
                    for (other, passed) in &mut self.passed_over {
                        let waits = self.waiting.iter().any(|(key, _)| key == other);
                        *passed = if waits && *other != key {
                            *passed + 1
                        } else {
                            0
                        };
                        assert!(*passed <= 3, "each key's turn comes after the others'");
                    }
                }
                Admission::Later(until) => {
                    assert!(!self.waiting.is_empty() && self.out.len() < limit as usize);
                    assert_eq!(until, self.paused_until);
                    assert!(until > self.now.monotonic());
                    return;
                }
                Admission::Nobody => {
                    assert!(self.waiting.is_empty() || self.out.len() >= limit as usize);
                    return;
                }
            }
        }
    }

    fn end(&mut self, at: usize, verdict: Verdict) {
        if !self.out.is_empty() {
            let permit = self.out.remove(at % self.out.len());
            self.limiter.end(permit, verdict, self.now);
        }
    }

    fn step(&mut self, happens: &Happens) {
        match *happens {
            Happens::Wait(key) => {
                let ticket = self.limiter.wait(key);
                self.waiting.push((key, ticket));
            }
            Happens::Leave(at) if !self.waiting.is_empty() => {
                let (key, ticket) = self.waiting.remove(at % self.waiting.len());
                self.limiter.leave(key, ticket);
                if self.waiting.iter().all(|(waits, _)| *waits != key) {
                    self.passed_over.remove(&key);
                }
            }
            Happens::Leave(_) => {}
            Happens::Borne(at) => self.end(at, Verdict::Borne),
            Happens::Unknown(at) => self.end(at, Verdict::Unknown),
            Happens::Overloaded(at, pause) => {
                let before = self.limiter.limit();
                let retry_after = pause.map(Duration::from_secs);
                if let (Some(pause), false) = (retry_after, self.out.is_empty()) {
                    let pause = pause.min(Duration::from_secs(10));
                    self.paused_until = self.paused_until.max(self.now.monotonic() + pause);
                }
                self.end(at, Verdict::Overloaded { retry_after });
                assert!(self.limiter.limit() >= 1 && self.limiter.limit() <= before);
            }
            Happens::Pass(seconds) => self.now = self.now.after(Duration::from_secs(seconds)),
        }
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    })]

    #[test]
    fn never_more_than_the_limit_are_out_and_nobody_waits_for_ever(
        all in prop::collection::vec(happens(), 1..200),
        first in 1..6_u32,
    ) {
        let policy = LimiterPolicy::default()
            .with_first(first)
            .with_most(9)
            .with_longest_pause(Duration::from_secs(10));
        let mut run = Run {
            limiter: Limiter::new(policy),
            now: Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH),
            waiting: Vec::new(),
            out: Vec::new(),
            paused_until: Duration::ZERO,
            passed_over: BTreeMap::new(),
        };
        for happens in &all {
            run.step(happens);
            run.turns();
            prop_assert_eq!(run.limiter.out() as usize, run.out.len());
            prop_assert!(run.limiter.limit() <= 9);
        }
        // Once all is quiet everybody's turn comes.
        for _ in 0..=all.len() {
            run.now = run.now.after(Duration::from_secs(10));
            run.end(0, Verdict::Borne);
            run.turns();
        }
        prop_assert!(run.waiting.is_empty());
    }
}

fn permits(limiter: &mut Limiter, count: usize, now: Now) -> Vec<Permit> {
    (0..count)
        .map(|_| {
            limiter.wait(1);
            match limiter.next(now) {
                Admission::Granted(_, permit) => permit,
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

#[test]
fn one_overload_is_one_cut_however_many_answers_tell_of_it() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut limiter = Limiter::new(LimiterPolicy::default());
    for permit in permits(&mut limiter, 8, now) {
        limiter.end(permit, Verdict::Overloaded { retry_after: None }, now);
    }
    assert_eq!(limiter.limit(), 4);
}

#[test]
fn the_limit_grows_by_one_a_round_while_it_is_reached() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut limiter = Limiter::new(LimiterPolicy::default().with_first(4).with_most(6));
    // One request at a time never reaches a limit of four.
    for _ in 0..100 {
        for permit in permits(&mut limiter, 1, now) {
            limiter.end(permit, Verdict::Borne, now);
        }
    }
    assert_eq!(limiter.limit(), 4);
    // Kept full, it grows up to what the policy allows.
    let mut out = permits(&mut limiter, 4, now);
    for _ in 0..100 {
        limiter.wait(1);
        limiter.wait(1);
        limiter.end(out.remove(0), Verdict::Borne, now);
        while let Admission::Granted(_, permit) = limiter.next(now) {
            out.push(permit);
        }
    }
    assert_eq!((limiter.limit(), out.len()), (6, 6));
}

/// Ten a second, whenever they are asked for and however fast they end.
#[test]
fn no_more_begin_than_the_rate_allows_and_what_comes_late_makes_good_little() {
    let second = Duration::from_secs(1);
    let policy = LimiterPolicy::default().with_first(50).with_rate(10.0);
    let mut limiter = Limiter::new(policy);
    let start = Now::new(Duration::from_secs(100), SystemTime::UNIX_EPOCH);
    for user in 0..1_000 {
        let _ = limiter.wait(user);
    }
    let mut begun = Vec::new();
    let mut now = start;
    while now.monotonic() < start.monotonic() + 3 * second {
        match limiter.next(now) {
            Admission::Granted(_, permit) => {
                begun.push(now.monotonic());
                limiter.end(permit, Verdict::Borne, now);
            }
            Admission::Later(until) => {
                assert!(until > now.monotonic(), "who waits gets on");
                now = Now::new(until, SystemTime::UNIX_EPOCH);
            }
            Admission::Nobody => panic!("somebody waits"),
        }
    }
    assert!((30..=31).contains(&begun.len()), "{}", begun.len());
    // After a pause of a minute there are not 600 at once.
    let now = now.after(60 * second);
    let late = now.monotonic();
    while let Admission::Granted(_, permit) = limiter.next(now) {
        limiter.end(permit, Verdict::Borne, now);
        begun.push(now.monotonic());
    }
    assert!(begun.iter().filter(|begun| **begun == late).count() <= 2);
    // However small a rate is, it is one.
    for least in [1e-9, 1e-300, f64::MIN_POSITIVE, f64::from_bits(1)] {
        let mut limiter = Limiter::new(LimiterPolicy::default().with_rate(least));
        let _ = (limiter.wait(0), limiter.wait(1));
        assert!(matches!(limiter.next(start), Admission::Granted(..)));
        let Admission::Later(until) = limiter.next(start) else {
            panic!("{least}: nobody waits");
        };
        assert!(until > 1_000_000 * second, "{least}: {until:?}");
    }
    for none in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut limiter = Limiter::new(LimiterPolicy::default().with_rate(none));
        for user in 0..8 {
            let _ = limiter.wait(user);
            assert!(
                matches!(limiter.next(start), Admission::Granted(..)),
                "{none}"
            );
        }
    }
}
