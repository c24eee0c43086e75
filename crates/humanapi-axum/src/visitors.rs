//! What is going on with users right now: launches that may come back, and what was asked lately.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use humanapi_core::ClientUserId;
use lru::LruCache;
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex as AsyncMutex;

use crate::answer::Confirmed;
use crate::launch_cookie::LaunchNonce;

/// So many users are remembered at a time. Whoever was away longest is forgotten first: a launch of
/// theirs then comes back to a neutral page, and the service is asked once more than necessary.
const MOST_USERS: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is more than none");
/// So many launches of one user may be under way at a time, the newest ones.
pub(crate) const MOST_LAUNCHES: usize = 8;
/// The service is asked so often about one user within [`WINDOW`], however often a browser reports.
const MOST_QUESTIONS: usize = 6;
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// The users who are going in and out. Times are readings of the monotonic clock.
pub(crate) struct Visitors {
    table: Mutex<LruCache<ClientUserId, Visitor>>,
}

#[derive(Default)]
struct Visitor {
    launches: VecDeque<Pending>,
    questions: VecDeque<Duration>,
    confirmation: Arc<ConfirmationCell>,
}

struct Pending {
    nonce: LaunchNonce,
    ends: Duration,
}

/// The last confirmation and when it came. Whoever holds the lock is asking.
pub(crate) type ConfirmationCell = AsyncMutex<Option<(Duration, Confirmed)>>;

impl Visitors {
    pub(crate) fn new() -> Self {
        Self {
            table: Mutex::new(LruCache::new(MOST_USERS)),
        }
    }

    /// Expects one return with this nonce before `ends`.
    pub(crate) fn expect(&self, user: &ClientUserId, nonce: LaunchNonce, ends: Duration) {
        let mut table = self.lock();
        let launches = &mut visitor(&mut table, user).launches;
        if launches.len() == MOST_LAUNCHES {
            launches.pop_front();
        }
        launches.push_back(Pending { nonce, ends });
    }

    /// Those of the nonces with which this user may still come back.
    pub(crate) fn expected(
        &self,
        user: &ClientUserId,
        carried: Vec<LaunchNonce>,
        now: Duration,
    ) -> Vec<LaunchNonce> {
        let mut table = self.lock();
        let Some(visitor) = table.get_mut(user) else {
            return Vec::new();
        };
        visitor.launches.retain(|launch| launch.ends > now);
        let is_expected = |nonce: &LaunchNonce| find(&visitor.launches, nonce).is_some();
        carried.into_iter().filter(is_expected).collect()
    }

    /// Uses up the nonce. It was good if it was expected, had not ended and had not been used.
    pub(crate) fn redeem(&self, user: &ClientUserId, nonce: &LaunchNonce, now: Duration) -> bool {
        let mut table = self.lock();
        let Some(visitor) = table.get_mut(user) else {
            return false;
        };
        visitor.launches.retain(|launch| launch.ends > now);
        match find(&visitor.launches, nonce) {
            Some(at) => visitor.launches.remove(at).is_some(),
            None => false,
        }
    }

    /// Counts a question about this user, or says how long none may be asked.
    pub(crate) fn ask(&self, user: &ClientUserId, now: Duration) -> Result<(), Duration> {
        let mut table = self.lock();
        let questions = &mut visitor(&mut table, user).questions;
        questions.retain(|asked| asked.saturating_add(WINDOW) > now);
        match questions.front() {
            Some(first) if questions.len() >= MOST_QUESTIONS => {
                Err(first.saturating_add(WINDOW).saturating_sub(now))
            }
            _ => {
                questions.push_back(now);
                Ok(())
            }
        }
    }

    /// Where the last confirmation of this user stands.
    pub(crate) fn confirmation(&self, user: &ClientUserId) -> Arc<ConfirmationCell> {
        Arc::clone(&visitor(&mut self.lock(), user).confirmation)
    }

    /// Forgets the last confirmation: something has changed since.
    pub(crate) fn outdate(&self, user: &ClientUserId) {
        if let Some(visitor) = self.lock().get_mut(user) {
            visitor.confirmation = Arc::default();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<ClientUserId, Visitor>> {
        // Nothing that panics happens under the lock, and each step leaves the table whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn visitor<'a>(
    table: &'a mut LruCache<ClientUserId, Visitor>,
    user: &ClientUserId,
) -> &'a mut Visitor {
    table.get_or_insert_mut_ref(user, Visitor::default)
}

/// Looks at all of them in the same time, whichever it is.
fn find(launches: &VecDeque<Pending>, nonce: &LaunchNonce) -> Option<usize> {
    let mut found = None;
    for (at, launch) in launches.iter().enumerate() {
        if bool::from(launch.nonce.as_bytes().ct_eq(nonce.as_bytes())) {
            found = Some(at);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> ClientUserId {
        ClientUserId::new(id).unwrap()
    }

    fn nonce() -> LaunchNonce {
        LaunchNonce::draw().unwrap()
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_launch_comes_back_once_in_time_and_to_its_own_user() {
        let visitors = Visitors::new();
        let (ann, ben) = (user("ann"), user("ben"));
        let (first, second) = (nonce(), nonce());
        visitors.expect(&ann, first.clone(), at(100));
        visitors.expect(&ann, second.clone(), at(100));
        assert!(!visitors.redeem(&ben, &first, at(1)), "another user's");
        assert!(!visitors.redeem(&ann, &nonce(), at(1)), "nobody's");
        assert!(visitors.redeem(&ann, &first, at(1)));
        assert!(!visitors.redeem(&ann, &first, at(1)), "used");
        assert_eq!(
            visitors
                .expected(&ann, vec![first, second.clone()], at(99))
                .len(),
            1
        );
        assert!(!visitors.redeem(&ann, &second, at(100)), "ended");
    }

    #[test]
    fn launches_and_users_are_bounded() {
        let visitors = Visitors::new();
        let ann = user("ann");
        let nonces: Vec<_> = (0..=MOST_LAUNCHES).map(|_| nonce()).collect();
        for nonce in &nonces {
            visitors.expect(&ann, nonce.clone(), at(100));
        }
        assert!(
            !visitors.redeem(&ann, &nonces[0], at(1)),
            "the oldest had to go"
        );
        assert!(visitors.redeem(&ann, &nonces[MOST_LAUNCHES], at(1)));
        assert!(visitors.redeem(&ann, &nonces[2], at(1)), "and no other");
        for number in 0..MOST_USERS.get() {
            visitors.expect(&user(&number.to_string()), nonce(), at(100));
        }
        assert!(
            !visitors.redeem(&ann, &nonces[1], at(1)),
            "the user was forgotten"
        );
        assert_eq!(visitors.lock().len(), MOST_USERS.get());
    }

    #[test]
    fn questions_are_counted_within_a_minute_and_per_user() {
        let visitors = Visitors::new();
        let ann = user("ann");
        for second in 0..6 {
            assert_eq!(visitors.ask(&ann, at(second)), Ok(()));
        }
        assert_eq!(visitors.ask(&ann, at(10)), Err(at(50)));
        assert_eq!(visitors.ask(&user("ben"), at(10)), Ok(()));
        assert_eq!(visitors.ask(&ann, at(60)), Ok(()));
        assert_eq!(visitors.ask(&ann, at(60)), Err(at(1)));
    }
}
