//! When a kept token is served, renewed, and served no more.

use std::time::{Duration, SystemTime};

use crate::broker::{BrokerPolicy, KeptToken};
use crate::now::Now;
use crate::token::{Expiry, Generation};

/// What decisions need to know of a token, in few bytes: a broker keeps a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    generation: u64,
    /// Milliseconds since 1970, rounded down.
    ends_wall: u64,
    /// Milliseconds of the monotonic clock, rounded down. [`u64::MAX`] for a token from a store, which
    /// knows the wall clock alone.
    ends_monotonic: u64,
    /// How long before its end it is renewed, in milliseconds.
    ahead: u32,
    /// How long it lives in all, in seconds.
    all: u32,
}

/// What a token is good for at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each is served in its own way")]
pub enum Fitness {
    /// Served.
    Fresh,
    /// Served, and renewed behind the caller's back.
    Due,
    /// Not served: too little life is left.
    Spent,
}

impl Life {
    /// The life of a token.
    ///
    /// `seed` is the key's own, so that tokens of many keys issued together are renewed apart.
    #[must_use]
    pub fn of(token: &KeptToken, policy: &BrokerPolicy, seed: u64) -> Self {
        let generation = token.generation().number();
        let ahead = policy.ahead(token.life(), seed ^ generation);
        let since_1970 = token.expiry().wall().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            generation,
            ends_wall: since_1970.map_or(0, millis),
            ends_monotonic: token.expiry().monotonic().map_or(u64::MAX, millis),
            ahead: u32::try_from(ahead.as_millis()).unwrap_or(u32::MAX),
            all: u32::try_from(token.life().as_secs()).unwrap_or(u32::MAX),
        }
    }

    /// Tells the token from the one it replaced.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        Generation::new(self.generation)
    }

    /// When it ends.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        let wall = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_millis(self.ends_wall))
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let monotonic = match self.ends_monotonic {
            u64::MAX => None,
            ends => Some(Duration::from_millis(ends)),
        };
        Expiry::by_both(wall, monotonic)
    }

    /// How long it lives in all, in whole seconds.
    #[must_use]
    pub const fn in_all(&self) -> Duration {
        Duration::from_secs(self.all as u64)
    }

    /// How much life is left by the clock that says less, in milliseconds.
    fn left(&self, now: Now) -> u64 {
        let wall = now
            .wall()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, millis_up);
        let by_wall = self.ends_wall.saturating_sub(wall);
        if self.ends_monotonic == u64::MAX {
            return by_wall;
        }
        by_wall.min(
            self.ends_monotonic
                .saturating_sub(millis_up(now.monotonic())),
        )
    }

    /// What it is good for now, for a caller who needs so much life. A token is never served within
    /// the policy's skew of its end.
    #[must_use]
    pub fn fitness(&self, at_least: Duration, policy: &BrokerPolicy, now: Now) -> Fitness {
        let left = self.left(now);
        let needed = millis(at_least.saturating_add(policy.skew()));
        if left <= needed {
            Fitness::Spent
        } else if left <= u64::from(self.ahead) {
            Fitness::Due
        } else {
            Fitness::Fresh
        }
    }
}

fn millis(duration: Duration) -> u64 {
    // Not `as_millis`: its 128 bits cost more than the rest of the decision.
    duration
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(duration.subsec_millis()))
}

/// Rounded up, so that rounding never lengthens a life.
fn millis_up(duration: Duration) -> u64 {
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    duration
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenKind;

    const DAY: Duration = Duration::from_secs(86_400);

    fn noon() -> Now {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Now::new(Duration::from_secs(1_000), wall)
    }

    fn life(expiry: Expiry, all: Duration, seed: u64) -> Life {
        let token = KeptToken::new(TokenKind::Access, "t", Generation::new(7), expiry, all);
        Life::of(&token, &BrokerPolicy::default(), seed)
    }

    fn fitness(life: Life, now: Now, at_least: u64) -> Fitness {
        life.fitness(Duration::from_secs(at_least), &BrokerPolicy::default(), now)
    }

    #[test]
    fn served_then_renewed_then_over() {
        let life = life(Expiry::after(noon(), DAY), DAY, 1);
        let at =
            |before_end| noon().after(DAY.checked_sub(Duration::from_secs(before_end)).unwrap());
        assert_eq!(fitness(life, noon(), 0), Fitness::Fresh);
        assert_eq!(fitness(life, at(601), 0), Fitness::Fresh);
        assert_eq!(fitness(life, at(299), 0), Fitness::Due);
        assert_eq!(fitness(life, at(6), 0), Fitness::Due);
        assert_eq!(fitness(life, at(5), 0), Fitness::Spent);
        assert_eq!(fitness(life, at(0), 0), Fitness::Spent);
        assert_eq!(
            fitness(life, at(599), 600),
            Fitness::Spent,
            "too little for this caller"
        );
        assert_eq!(fitness(life, noon().after(DAY * 2), 0), Fitness::Spent);
    }

    #[test]
    fn a_short_life_is_renewed_in_its_last_tenths() {
        let minute = Duration::from_secs(60);
        let life = life(Expiry::after(noon(), minute), minute, 1);
        let at = |seconds| noon().after(Duration::from_secs(seconds));
        assert_eq!(fitness(life, at(47), 0), Fitness::Fresh);
        assert_eq!(fitness(life, at(54), 0), Fitness::Due);
        assert_eq!(fitness(life, at(55), 0), Fitness::Spent);
    }

    #[test]
    fn the_clock_that_says_less_decides() {
        let both = life(Expiry::after(noon(), DAY), DAY, 1);
        let slept = Now::new(noon().monotonic(), noon().wall() + DAY);
        let set_back = Now::new(noon().monotonic() + DAY, noon().wall() - DAY);
        assert_eq!(fitness(both, slept, 0), Fitness::Spent);
        assert_eq!(fitness(both, set_back, 0), Fitness::Spent);
        let stored = life(Expiry::at(noon().wall() + DAY), DAY, 1);
        assert_eq!(
            fitness(stored, set_back, 0),
            Fitness::Fresh,
            "it knows wall time only"
        );
    }

    #[test]
    fn what_it_packs_it_gives_back() {
        let expiry = Expiry::after(noon(), DAY);
        assert_eq!(life(expiry, DAY, 1).expiry(), expiry);
        assert_eq!(life(expiry, DAY, 1).in_all(), DAY);
        let stored = Expiry::at(noon().wall());
        assert_eq!(life(stored, DAY, 1).expiry(), stored);
        assert_eq!(life(stored, DAY, 1).generation(), Generation::new(7));
    }

    /// 1,000 keys issued in one second, each asked for all the time.
    #[test]
    fn keys_issued_together_are_renewed_apart() {
        for all in [DAY, Duration::from_secs(3_600)] {
            let mut renewals = [0_u32; 700];
            for key in 0..1_000_u64 {
                let issued = noon().after(Duration::from_millis(key));
                let life = life(
                    Expiry::after(issued, all),
                    all,
                    key.wrapping_mul(0x9e37_79b9),
                );
                let second = (0..700)
                    .find(|second| {
                        let now = noon().after(all - Duration::from_secs(700 - second));
                        fitness(life, now, 0) != Fitness::Fresh
                    })
                    .unwrap();
                renewals[usize::try_from(second).unwrap()] += 1;
            }
            assert_eq!(renewals.iter().sum::<u32>(), 1_000);
            let most = renewals.iter().max().unwrap();
            assert!(*most <= 50, "{most} of 1,000 in one second of {all:?}");
        }
    }
}
