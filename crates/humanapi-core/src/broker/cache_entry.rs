//! The cache's entry for one key: serve, renew, exchange, wait, or the failure that stands.
//!
//! One piece: what a lookup gets is decided over a life, refusals, doubts and pauses at once, none of which anything else
//! may change, and half of the file are tests of one such decision after another.

use std::time::Duration;

use crate::broker::{BrokerPolicy, Fitness, KeptToken, Life};
use crate::error::FlowError;
use crate::now::Now;
use crate::token::Generation;

/// Decides for one key what becomes of each lookup for its token.
///
/// At most one exchange is under way at a time, whoever asks; while a token is good for anything nobody
/// waits; and while the service is down or refuses, one attempt is made for each pause, whose failure
/// answers everyone until the pause ends. What carries the exchange out tells by
/// [`issued`](Self::issued) or [`failed`](Self::failed) how it ended.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use humanapi_core::broker::{CacheDecision, BrokerPolicy, CacheEntry, KeptToken, Lookup};
/// use humanapi_core::{Expiry, Generation, Now, TokenKind};
///
/// let policy = BrokerPolicy::default();
/// let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let day = Duration::from_secs(86_400);
/// let mut entry = CacheEntry::new(1);
///
/// assert_eq!(entry.decide(Lookup::default(), &policy, now), CacheDecision::Exchange);
/// assert_eq!(entry.decide(Lookup::default(), &policy, now), CacheDecision::Wait);
/// let first = Generation::new(1);
/// let token = KeptToken::new(TokenKind::Access, "at-1", first, Expiry::after(now, day), day);
/// entry.issued(&token, &policy);
/// assert_eq!(entry.decide(Lookup::default(), &policy, now), CacheDecision::Serve);
///
/// // The service refused it: one renewal, however many say so.
/// let refused = Lookup::default().with_rejected(first);
/// assert_eq!(entry.decide(refused, &policy, now), CacheDecision::Exchange);
/// assert_eq!(entry.decide(refused, &policy, now), CacheDecision::Wait);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheEntry {
    seed: u64,
    life: Option<Life>,
    exchanging: bool,
    /// The newest generation that the service refused.
    refused: Option<Generation>,
    trouble: Trouble,
}

/// What went wrong lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Trouble {
    /// Exchanges in a row that failed.
    failures: u32,
    /// No exchange before this monotonic reading: until then the failure stands.
    failed_until: Option<Duration>,
    /// Renewals because the service refused the token.
    refusals: Renewals,
    /// Renewals because the token is in doubt.
    doubts: Renewals,
}

/// Renewals for one reason other than a token's age: one for each pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Renewals {
    /// How many there were in a row, each of a young token.
    count: u32,
    /// None before this monotonic reading: until then the token stands.
    stands_until: Option<Duration>,
}

impl Renewals {
    const NONE: Self = Self {
        count: 0,
        stands_until: None,
    };

    /// Whether one begins now. Notes it if so.
    fn begins(&mut self, policy: &BrokerPolicy, seed: u64, now: Now) -> bool {
        let at = now.monotonic();
        if let Some(end) = self.stands_until {
            if at < end {
                return false;
            }
            if at >= end.saturating_add(policy.backoff_cap()) {
                self.count = 0;
            }
        }
        self.count = self.count.saturating_add(1);
        self.stands_until = Some(at.saturating_add(policy.pause(self.count, seed)));
        true
    }
}

/// A lookup for a key's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lookup {
    at_least: Duration,
    rejected: Option<Generation>,
    doubted: Option<Generation>,
}

impl Lookup {
    /// The token must have more than so much life left.
    #[must_use]
    pub const fn with_life(mut self, life: Duration) -> Self {
        self.at_least = life;
        self
    }

    /// The service refused the token of this generation, so a newer one is needed.
    #[must_use]
    pub const fn with_rejected(mut self, generation: Generation) -> Self {
        self.rejected = Some(generation);
        self
    }

    /// A call with the token of this generation was refused, perhaps not by the service: a newer one is
    /// wanted, and this one is kept until there is one.
    #[must_use]
    pub const fn with_doubted(mut self, generation: Generation) -> Self {
        self.doubted = Some(generation);
        self
    }

    /// How much life the token must have left.
    #[must_use]
    pub const fn life(&self) -> Duration {
        self.at_least
    }

    /// The generation that the service refused.
    #[must_use]
    pub const fn rejection(&self) -> Option<Generation> {
        self.rejected
    }
}

/// What becomes of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a broker carries each of them out")]
pub enum CacheDecision {
    /// The token that is kept.
    Serve,
    /// The token that is kept; and an exchange begins, which nobody waits for.
    ServeAndRenew,
    /// An exchange begins, and the caller waits for it.
    Exchange,
    /// An exchange is under way, and the caller waits for it.
    Wait,
    /// The last exchange's failure, which stands until its pause ends.
    Failed,
}

impl CacheEntry {
    /// Knows nothing yet. `seed` is the key's own: it spreads pauses and renewals.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            life: None,
            exchanging: false,
            refused: None,
            trouble: Trouble {
                failures: 0,
                failed_until: None,
                refusals: Renewals::NONE,
                doubts: Renewals::NONE,
            },
        }
    }

    /// Says which token is kept now, if any: tokens lie elsewhere, and may go for want of room. One that
    /// was refused counts for none.
    pub fn holds(&mut self, life: Option<Life>) {
        self.life = life.filter(|life| {
            self.refused
                .is_none_or(|refused| life.generation() > refused)
        });
    }

    /// Decides, and notes the exchange that it begins.
    pub fn decide(&mut self, lookup: Lookup, policy: &BrokerPolicy, now: Now) -> CacheDecision {
        if let Some(rejected) = lookup.rejected {
            self.reject(rejected, policy, now);
        }
        let fitness = self.life.map_or(Fitness::Spent, |life| {
            life.fitness(lookup.at_least, policy, now)
        });
        let paused = self
            .trouble
            .failed_until
            .is_some_and(|end| now.monotonic() < end);
        if fitness != Fitness::Spent && self.is_doubted(lookup) {
            if self.exchanging {
                return CacheDecision::Wait;
            }
            if !paused && self.trouble.doubts.begins(policy, self.seed, now) {
                self.exchanging = true;
                return CacheDecision::Exchange;
            }
        }
        match fitness {
            Fitness::Fresh => CacheDecision::Serve,
            Fitness::Due if self.exchanging || paused => CacheDecision::Serve,
            Fitness::Due => {
                self.exchanging = true;
                CacheDecision::ServeAndRenew
            }
            Fitness::Spent if self.exchanging => CacheDecision::Wait,
            Fitness::Spent if paused => CacheDecision::Failed,
            Fitness::Spent => {
                self.exchanging = true;
                CacheDecision::Exchange
            }
        }
    }

    /// The service refused a token. One that is not the newest known is old news. The newest is given
    /// up, so that the next lookup renews it; but if renewals were refused time and again, only once
    /// for each pause, and until then it stands.
    fn reject(&mut self, generation: Generation, policy: &BrokerPolicy, now: Now) {
        if self.life.is_none_or(|life| life.generation() > generation) {
            // What comes of an exchange that is under way must still be newer than this.
            self.refused = self.refused.max(Some(generation));
            return;
        }
        if self.trouble.refusals.begins(policy, self.seed, now) {
            self.refused = self.refused.max(Some(generation));
            self.life = None;
        }
    }

    /// Whether the token that is kept is the one of which the lookup is in doubt.
    fn is_doubted(&self, lookup: Lookup) -> bool {
        (lookup.doubted.zip(self.life)).is_some_and(|(doubted, life)| life.generation() <= doubted)
    }

    /// The newest generation that is known or was refused: a token from a store must be newer.
    #[must_use]
    pub fn known(&self) -> Option<Generation> {
        self.refused.max(self.life.map(|life| life.generation()))
    }

    /// The exchange brought a token.
    pub fn issued(&mut self, token: &KeptToken, policy: &BrokerPolicy) {
        self.exchanging = false;
        self.trouble.failures = 0;
        self.trouble.failed_until = None;
        let life = Life::of(token, policy, self.seed);
        if self.known().is_none_or(|known| life.generation() > known) {
            self.life = Some(life);
        }
    }

    /// The exchange failed. Whoever asks before the pause ends gets this failure.
    pub fn failed(&mut self, failure: &FlowError, policy: &BrokerPolicy, now: Now) {
        self.exchanging = false;
        self.trouble.failures = self.trouble.failures.saturating_add(1);
        let pause = if failure.is_rule() {
            policy.refusal_pause(self.trouble.failures, self.seed)
        } else {
            let asked = (failure.retry_after()).map_or(Duration::ZERO, |asked| asked.wait(now));
            // On top of what the service asks for: it asks all whom it turns away for the same.
            policy
                .pause(self.trouble.failures, self.seed)
                .saturating_add(BrokerPolicy::asked_pause(asked))
        };
        self.trouble.failed_until = Some(now.monotonic().saturating_add(pause));
    }

    /// A refusal stands no longer: something showed that it is out of date. The next lookup begins an exchange.
    pub const fn pardon(&mut self) {
        self.trouble.failures = 0;
        self.trouble.failed_until = None;
    }

    /// Whatever was known is wrong now, failures too, and what an exchange that is under way brings: the
    /// next lookup begins anew.
    pub fn forget(&mut self) {
        self.refused = self.known();
        self.life = None;
        self.exchanging = false;
        self.trouble = Trouble::default();
    }

    /// How many exchanges failed since one succeeded: the next is to be a single attempt if any did.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.trouble.failures
    }

    /// Whether there is nothing to remember but the token, so that the machine may be dropped.
    #[must_use]
    pub fn is_calm(&self, policy: &BrokerPolicy, now: Now) -> bool {
        let over = |end: Option<Duration>, after: Duration| {
            end.is_none_or(|end| now.monotonic() >= end.saturating_add(after))
        };
        !self.exchanging
            && over(self.trouble.failed_until, policy.backoff_cap())
            && over(self.trouble.refusals.stands_until, policy.backoff_cap())
            && over(self.trouble.doubts.stands_until, policy.backoff_cap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{BuildError, SendFailure, SendFailureKind};
    use crate::token::{Expiry, TokenKind};
    use CacheDecision::{Exchange, Failed, Serve, ServeAndRenew, Wait};
    use std::time::SystemTime;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A machine, its policy and a clock.
    struct Rig {
        entry: CacheEntry,
        policy: BrokerPolicy,
        now: Now,
    }

    impl Rig {
        fn new() -> Self {
            let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            Self {
                entry: CacheEntry::new(3),
                policy: BrokerPolicy::default(),
                now: Now::new(Duration::from_secs(5), wall),
            }
        }

        fn with_token(generation: u64) -> Self {
            let mut rig = Self::new();
            rig.check(Lookup::default(), Exchange);
            rig.issue(generation);
            rig
        }

        fn check(&mut self, lookup: Lookup, expected: CacheDecision) {
            let got = self.entry.decide(lookup, &self.policy, self.now);
            assert_eq!(got, expected, "{:?}", self.entry);
        }

        fn issue(&mut self, generation: u64) {
            let expiry = Expiry::after(self.now, DAY);
            let number = Generation::new(generation);
            let token = KeptToken::new(TokenKind::Access, "t", number, expiry, DAY);
            self.entry.issued(&token, &self.policy);
        }

        fn fail(&mut self, failure: &FlowError) {
            self.entry.failed(failure, &self.policy, self.now);
        }

        fn wait(&mut self, duration: Duration) {
            self.now = self.now.after(duration);
        }
    }

    fn down() -> FlowError {
        SendFailure::new(SendFailureKind::NotSent).into()
    }

    fn refused(generation: u64) -> Lookup {
        Lookup::default().with_rejected(Generation::new(generation))
    }

    #[test]
    fn nobody_waits_while_a_token_is_good_for_anything() {
        let mut rig = Rig::with_token(1);
        rig.wait(DAY - Duration::from_secs(200));
        rig.check(Lookup::default(), ServeAndRenew);
        rig.check(Lookup::default(), Serve);
        rig.fail(&down());
        rig.check(Lookup::default(), Serve);
        rig.wait(Duration::from_secs(2));
        rig.check(Lookup::default(), ServeAndRenew);
        rig.issue(2);
        rig.check(Lookup::default(), Serve);
        assert_eq!(rig.entry.known(), Some(Generation::new(2)));
    }

    #[test]
    fn a_burst_of_refusals_renews_once_and_a_late_one_not_at_all() {
        let mut rig = Rig::with_token(7);
        rig.check(refused(7), Exchange);
        for _ in 0..999 {
            rig.check(refused(7), Wait);
        }
        rig.check(Lookup::default(), Wait);
        rig.issue(8);
        rig.check(refused(7), Serve);
        rig.check(refused(6), Serve);
    }

    #[test]
    fn a_token_in_doubt_is_kept_until_there_is_a_newer_one() {
        let doubt = |generation| Lookup::default().with_doubted(Generation::new(generation));
        let mut rig = Rig::with_token(7);
        rig.check(doubt(6), Serve);
        rig.check(doubt(7), Exchange);
        rig.check(doubt(7), Wait);
        rig.check(Lookup::default(), Serve);
        rig.fail(&down());
        // No newer one is to be had: everybody gets the one that there is.
        rig.check(doubt(7), Serve);
        rig.check(Lookup::default(), Serve);
        assert_eq!(rig.entry.known(), Some(Generation::new(7)));
        rig.wait(Duration::from_secs(120));
        rig.check(doubt(7), Exchange);
        rig.issue(8);
        rig.check(doubt(7), Serve);
        // Doubt of each new one renews once for each pause, as refusals do.
        rig.check(doubt(8), Serve);
        rig.wait(Duration::from_secs(120));
        rig.check(doubt(8), Exchange);
        // The service's own word is another thing.
        rig.check(refused(8), Wait);
        rig.check(Lookup::default(), Wait);
    }

    #[test]
    fn a_refused_token_does_not_come_back() {
        let mut rig = Rig::with_token(7);
        rig.check(refused(7), Exchange);
        rig.issue(7);
        rig.check(Lookup::default(), Exchange);
    }

    #[test]
    fn a_refusal_of_what_is_under_way_is_remembered() {
        let mut rig = Rig::new();
        rig.check(refused(4), Exchange);
        rig.issue(4);
        rig.check(Lookup::default(), Exchange);
        rig.issue(5);
        rig.check(Lookup::default(), Serve);
    }

    #[test]
    fn a_failure_stands_until_its_pause_ends_and_pauses_grow() {
        let mut rig = Rig::new();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            rig.check(Lookup::default(), Exchange);
            rig.fail(&down());
            let failed = rig.now.monotonic();
            while rig
                .entry
                .clone()
                .decide(Lookup::default(), &rig.policy, rig.now)
                == Failed
            {
                rig.wait(Duration::from_millis(50));
            }
            pauses.push(rig.now.monotonic().saturating_sub(failed).as_secs_f64());
        }
        for (step, pause) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
            .iter()
            .zip(&pauses)
        {
            assert!((step / 2.0..=step + 0.05).contains(pause), "{pauses:?}");
        }
        rig.check(Lookup::default(), Exchange);
        rig.issue(1);
        assert_eq!(rig.entry.failures(), 0);
    }

    #[test]
    fn the_service_may_ask_for_a_longer_pause_but_not_for_ever() {
        let asks = |seconds: &str| {
            let answer = http::Response::builder()
                .status(429)
                .header("retry-after", seconds);
            let answer = answer.body(crate::Body::from("{}")).unwrap();
            let endpoint = crate::auth::IssueClientToken::new(
                crate::Credentials::new("app", "secret").unwrap(),
            );
            let now = Rig::new().now;
            FlowError::from(crate::Endpoint::parse(&endpoint, answer, now).unwrap_err())
        };
        let failed_for = |failure: &FlowError| {
            let mut rig = Rig::new();
            rig.check(Lookup::default(), Exchange);
            rig.fail(failure);
            let end = rig.entry.trouble.failed_until.unwrap();
            end.saturating_sub(rig.now.monotonic()).as_secs()
        };
        assert!((90..=91).contains(&failed_for(&asks("90"))));
        assert!((600..=601).contains(&failed_for(&asks("99999999999"))));
    }

    #[test]
    fn a_rule_is_the_answer_for_a_short_while_or_until_it_is_forgotten() {
        let rule = FlowError::from(BuildError::NotABearer(TokenKind::Id));
        let mut rig = Rig::new();
        rig.check(Lookup::default(), Exchange);
        rig.fail(&rule);
        rig.wait(Duration::from_millis(7_499));
        rig.check(Lookup::default(), Failed);
        rig.wait(Duration::from_millis(2_501));
        rig.check(Lookup::default(), Exchange);
        rig.fail(&rule);
        rig.check(Lookup::default(), Failed);
        rig.entry.forget();
        rig.check(Lookup::default(), Exchange);
    }

    #[test]
    fn a_caller_who_needs_more_life_gets_another_token() {
        let mut rig = Rig::with_token(1);
        rig.wait(DAY - Duration::from_secs(900));
        rig.check(Lookup::default(), Serve);
        rig.check(
            Lookup::default().with_life(Duration::from_secs(1_000)),
            Exchange,
        );
        rig.check(Lookup::default(), Serve);
    }

    /// Two processes whose store is down and whose tokens revoke each other.
    #[test]
    fn tokens_that_are_refused_time_and_again_are_renewed_once_a_pause() {
        let mut rig = Rig::with_token(1);
        let mut exchanges = 0_u64;
        let begin = rig.now;
        while rig.now.monotonic().saturating_sub(begin.monotonic()) < Duration::from_secs(600) {
            let generation = rig.entry.known().unwrap().number();
            match rig.entry.decide(refused(generation), &rig.policy, rig.now) {
                Exchange => {
                    exchanges += 1;
                    rig.issue(generation + 1);
                }
                Serve => {}
                other => panic!("{other:?}"),
            }
            rig.wait(Duration::from_millis(100));
        }
        assert!((12..=25).contains(&exchanges), "{exchanges}");
        rig.wait(Duration::from_secs(180));
        let last = rig.entry.known().unwrap().number();
        rig.check(refused(last), Exchange);
        assert_eq!(
            rig.entry.trouble.refusals.count, 1,
            "a quiet time ends the row"
        );
    }

    #[test]
    fn forgetting_keeps_nothing_but_what_was_refused() {
        let mut rig = Rig::with_token(3);
        rig.entry.forget();
        rig.check(Lookup::default(), Exchange);
        rig.issue(3);
        rig.check(Lookup::default(), Exchange);
        rig.issue(4);
        rig.check(Lookup::default(), Serve);
    }

    #[test]
    fn calm_means_that_nothing_but_the_token_matters() {
        let mut rig = Rig::new();
        assert!(rig.entry.is_calm(&rig.policy, rig.now));
        rig.check(Lookup::default(), Exchange);
        assert!(!rig.entry.is_calm(&rig.policy, rig.now));
        rig.issue(1);
        assert!(rig.entry.is_calm(&rig.policy, rig.now));
        rig.check(refused(1), Exchange);
        rig.issue(2);
        assert!(!rig.entry.is_calm(&rig.policy, rig.now));
        rig.wait(Duration::from_secs(120));
        assert!(rig.entry.is_calm(&rig.policy, rig.now));
    }
}
