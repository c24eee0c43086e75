//! The conformance suite of token stores: what the contract of [`TokenStore`] says, case by case, and random
//! histories against the pure row.
//!
//! [`store_conformance!`](crate::store_conformance) makes one test of each case. A case gets a [`Place`] of its own.

pub mod contract;
pub mod histories;
pub mod sealing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::TokenStore;
use humanapi_core::broker::{Acquired, Commit, KeptToken, Lease};
use humanapi_core::{ClientId, ClientUserId, Expiry, Generation, TokenKey, TokenKind};

/// Where tokens are kept, empty and set up, and shared by nobody but one case.
#[async_trait]
pub trait Place: Send + Sync + 'static {
    /// Another client of this place, with connections of its own.
    ///
    /// It seals with the first of two sealing keys and has both.
    async fn open(&self) -> Arc<dyn TokenStore>;

    /// The id of the sealing key that all clients have and none writes with.
    fn other_key(&self) -> &str;

    /// Lets time pass, by the clock of the store.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// What the clock of the store shows: milliseconds since 1970-01-01 UTC.
    async fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.expect("it is past 1970").as_millis() as u64
    }

    /// All tokens as they lie there, for whoever holds the store.
    async fn tokens(&self) -> Vec<RawToken>;

    /// Puts this in place of the token in the row of that name.
    async fn put(&self, token: &RawToken);

    /// Every byte that lies there.
    async fn dump(&self) -> Vec<u8>;
}

/// A token as it lies in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a place fills in all of it")]
pub struct RawToken {
    /// The name of its row.
    pub row: Vec<u8>,
    /// Its generation.
    pub generation: u64,
    /// When it ends: milliseconds since 1970-01-01 UTC.
    pub expires_at: u64,
    /// The id of the key that sealed it.
    pub key_id: String,
    /// Its sealed bytes.
    pub sealed: Vec<u8>,
}

/// Makes a test of every case, for the [`Place`] that a function makes.
///
/// Takes the name of an `async fn() -> Option<impl Place>`; nothing means that a program is missing, which that
/// function has [told](crate::skip). The crate needs tokio with its macros and its threads.
#[macro_export]
macro_rules! store_conformance {
    ($make:ident) => {
        $crate::store_conformance!(@cases contract $make
            a_lease_has_one_holder
            a_lease_ends_by_itself
            a_late_commit_is_fenced
            a_lease_of_no_time_ends_at_once
            a_commit_happens_once
            a_release_frees_the_key
            a_release_by_another_frees_nothing
            a_newer_token_saves_the_lease
            an_ended_token_saves_no_lease
            a_late_refusal_drops_no_newer_token
            a_refused_token_is_not_kept_later
            a_refusal_of_all_ends_what_is_under_way
            fences_rise_and_follow_the_clock
            a_token_takes_the_generation_of_its_lease
            a_purge_keeps_what_lives
            all_of_a_token_comes_back
            keys_do_not_run_together
            absurd_numbers_do_no_harm
            clients_see_one_another
            one_of_many_wins
            exchanges_side_by_side_rise
            operations_broken_off_do_no_harm
        );
        $crate::store_conformance!(@cases histories $make
            random_histories_go_as_the_row_says
        );
        $crate::store_conformance!(@cases sealing $make
            a_token_opens_in_its_own_row_alone
            an_older_token_does_not_pass_for_a_newer_one
            a_token_does_not_outlive_its_end
            a_bent_token_does_not_open
            a_key_that_did_not_seal_does_not_open
            an_unknown_key_is_told_apart
            a_changed_token_can_be_replaced
            a_dump_says_nothing
        );
    };
    (@cases $module:ident $make:ident $($case:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(place) = $make().await else { return };
                $crate::within($crate::store::$module::$case(place)).await;
            }
        )*
    };
}

/// A lease that does not end while a test runs.
const LONG: Duration = Duration::from_secs(3_600);

/// A key that no other case uses.
fn key() -> TokenKey {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let user = format!("canary-user-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    access("canary-app", &user)
}

fn access(app: &str, user: &str) -> TokenKey {
    let app = ClientId::new(app).expect("it is not empty");
    let user = ClientUserId::new(user).expect("it is not empty");
    TokenKey::access(app, user)
}

/// An access token that ends at this millisecond.
fn token(text: &str, ends: u64) -> KeptToken {
    let ends = Expiry::at(SystemTime::UNIX_EPOCH + Duration::from_millis(ends));
    let unused = Generation::new(99);
    KeptToken::new(TokenKind::Access, text, unused, ends, LONG)
}

/// An access token that does not end while a test runs.
async fn living(place: &impl Place, text: &str) -> KeptToken {
    token(text, place.now().await + 3_600_000)
}

async fn acquire(
    store: &dyn TokenStore,
    key: &TokenKey,
    ttl: Duration,
    known: Option<Generation>,
) -> Acquired<KeptToken> {
    let outcome = store.acquire(key, ttl, known).await;
    outcome.expect("the store answers")
}

#[track_caller]
fn won(outcome: Acquired<KeptToken>) -> Lease {
    match outcome {
        Acquired::Won(lease) => lease,
        other => panic!("the lease is free, but: {other:?}"),
    }
}

#[track_caller]
fn held(outcome: Acquired<KeptToken>) -> Duration {
    match outcome {
        Acquired::Held { remaining } => remaining,
        other => panic!("another holds the lease, but: {other:?}"),
    }
}

/// Wins the lease of a key whose token, if there is one, is `known`.
async fn win(
    store: &dyn TokenStore,
    key: &TokenKey,
    ttl: Duration,
    known: Option<Generation>,
) -> Lease {
    won(acquire(store, key, ttl, known).await)
}

async fn commit(store: &dyn TokenStore, key: &TokenKey, lease: Lease, token: &KeptToken) -> Commit {
    let outcome = store.commit(key, lease, token).await;
    outcome.expect("the store answers")
}

/// Keeps a token, as an exchange does.
async fn keep(
    store: &dyn TokenStore,
    key: &TokenKey,
    known: Option<Generation>,
    token: &KeptToken,
) -> Generation {
    let lease = win(store, key, LONG, known).await;
    assert_eq!(commit(store, key, lease, token).await, Commit::Done);
    lease.generation()
}

async fn load(store: &dyn TokenStore, key: &TokenKey) -> Option<KeptToken> {
    store.load(key).await.expect("the store answers")
}

/// The text of the token that is kept.
async fn text(store: &dyn TokenStore, key: &TokenKey) -> Option<String> {
    let token = load(store, key).await?;
    Some(token.expose_secret().to_owned())
}

async fn purge(store: &dyn TokenStore) -> u64 {
    store.purge_expired().await.expect("the store answers")
}

async fn release(store: &dyn TokenStore, key: &TokenKey, lease: Lease) {
    let outcome = store.release(key, lease).await;
    outcome.expect("the store answers");
}

async fn invalidate(store: &dyn TokenStore, key: &TokenKey, generation: Generation) {
    let outcome = store.invalidate(key, generation).await;
    outcome.expect("the store answers");
}
