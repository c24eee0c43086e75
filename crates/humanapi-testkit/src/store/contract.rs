//! The contract of token stores, case by case.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use humanapi_client::TokenStore;
use humanapi_core::broker::{Acquired, Commit, KeptToken, Lease};
use humanapi_core::{
    ClientId, ClientUserId, Expiry, Generation, HumanId, RefreshToken, TokenKey, TokenKind,
};
use tokio::task::JoinSet;

use super::{
    LONG, Place, access, acquire, commit, held, invalidate, keep, key, living, load, purge,
    release, text, token, win, won,
};

/// While a lease runs nobody else gets it, and they learn how long it lasts.
pub async fn a_lease_has_one_holder(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let ttl = Duration::from_secs(20);
    win(&*a, &key, ttl, None).await;
    for store in [&a, &b] {
        let remaining = held(acquire(&**store, &key, LONG, None).await);
        assert!(
            remaining <= ttl && remaining > Duration::ZERO,
            "{remaining:?}"
        );
    }
}

/// A lease that nobody ends makes room for the next one.
pub async fn a_lease_ends_by_itself(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let mut ttl = Duration::from_millis(300);
    let (first, remaining) = loop {
        let begun = Instant::now();
        let first = win(&*a, &key, ttl, None).await;
        match acquire(&*b, &key, ttl, None).await {
            Acquired::Held { remaining } => break (first, remaining),
            // A machine that is so slow gets more time.
            Acquired::Won(lease) if begun.elapsed() >= ttl => release(&*b, &key, lease).await,
            other => panic!("another holds the lease, but: {other:?}"),
        }
        ttl *= 4;
    };
    place.pass(remaining).await;
    // Clocks that tell waiting and clocks of stores need not agree to the millisecond.
    place.pass(Duration::from_millis(2)).await;
    let second = win(&*b, &key, LONG, None).await;
    assert!(second > first);
    let late = living(&place, "late").await;
    assert_eq!(commit(&*a, &key, first, &late).await, Commit::Fenced);
    held(acquire(&*a, &key, ttl, None).await);
    assert_eq!(text(&*a, &key).await, None);
}

/// Whoever sleeps past the end of a lease comes too late, even if nobody took it.
pub async fn a_late_commit_is_fenced(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let lease = win(&*store, &key, Duration::from_millis(50), None).await;
    place.pass(Duration::from_millis(60)).await;
    let late = living(&place, "late").await;
    assert_eq!(commit(&*store, &key, lease, &late).await, Commit::Fenced);
    assert_eq!(text(&*store, &key).await, None);
}

/// The end of a lease is no part of it: one that begins and ends in the same instant never runs.
pub async fn a_lease_of_no_time_ends_at_once(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let never = living(&place, "never").await;
    for _ in 0..50 {
        let lease = win(&*store, &key, Duration::ZERO, None).await;
        assert_eq!(commit(&*store, &key, lease, &never).await, Commit::Fenced);
    }
}

/// A commit whose answer was lost is fenced when it is repeated, and the token is there.
pub async fn a_commit_happens_once(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let lease = win(&*store, &key, LONG, None).await;
    let (first, again) = (living(&place, "first").await, living(&place, "again").await);
    assert_eq!(commit(&*store, &key, lease, &first).await, Commit::Done);
    assert_eq!(commit(&*store, &key, lease, &again).await, Commit::Fenced);
    assert_eq!(text(&*store, &key).await.as_deref(), Some("first"));
}

/// A released lease can be won at once, and leads to no token.
pub async fn a_release_frees_the_key(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let first = win(&*a, &key, LONG, None).await;
    release(&*a, &key, first).await;
    release(&*a, &key, first).await;
    let late = living(&place, "late").await;
    assert_eq!(commit(&*a, &key, first, &late).await, Commit::Fenced);
    assert!(win(&*b, &key, LONG, None).await > first);
}

/// Releasing an older lease does not end a newer one, nor does it touch a key that nobody asked for.
pub async fn a_release_by_another_frees_nothing(place: impl Place) {
    let store = place.open().await;
    let unused = key();
    release(&*store, &unused, Lease::new(1)).await;
    let key = key();
    let first = win(&*store, &key, LONG, None).await;
    release(&*store, &key, first).await;
    let second = win(&*store, &key, LONG, None).await;
    release(&*store, &key, first).await;
    held(acquire(&*store, &key, LONG, None).await);
    let token = living(&place, "token").await;
    assert_eq!(commit(&*store, &key, second, &token).await, Commit::Done);
}

/// Whoever does not know the newest token gets it instead of the lease, even while another holds that.
pub async fn a_newer_token_saves_the_lease(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let first = keep(&*a, &key, None, &living(&place, "first").await).await;
    let newer = async |known: Option<Generation>| match acquire(&*b, &key, LONG, known).await {
        Acquired::Newer(token) => token.expose_secret().to_owned(),
        other => panic!("there is a newer token, but: {other:?}"),
    };
    let older = Generation::new(first.number() - 1);
    assert_eq!(newer(None).await, "first");
    assert_eq!(newer(Some(older)).await, "first");
    let lease = win(&*a, &key, LONG, Some(first)).await;
    assert_eq!(newer(None).await, "first");
    held(acquire(&*b, &key, LONG, Some(first)).await);
    let second = living(&place, "second").await;
    assert_eq!(commit(&*a, &key, lease, &second).await, Commit::Done);
    assert_eq!(newer(Some(first)).await, "second");
    win(&*b, &key, LONG, Some(lease.generation())).await;
}

/// A token that has ended is no reason not to get another.
pub async fn an_ended_token_saves_no_lease(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let soon = token("soon", place.now().await + 60);
    keep(&*store, &key, None, &soon).await;
    place.pass(Duration::from_millis(70)).await;
    win(&*store, &key, LONG, None).await;
}

/// A refusal of an older token that comes late does not drop the newer one.
pub async fn a_late_refusal_drops_no_newer_token(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let first = keep(&*a, &key, None, &living(&place, "first").await).await;
    let second = keep(&*a, &key, Some(first), &living(&place, "second").await).await;
    invalidate(&*b, &key, first).await;
    invalidate(&*b, &key, Generation::new(second.number() - 1)).await;
    assert_eq!(text(&*a, &key).await.as_deref(), Some("second"));
    // It ends no lease on a newer one.
    let lease = win(&*a, &key, LONG, Some(second)).await;
    invalidate(&*b, &key, second).await;
    assert_eq!(text(&*a, &key).await, None);
    held(acquire(&*b, &key, LONG, None).await);
    let third = living(&place, "third").await;
    assert_eq!(commit(&*a, &key, lease, &third).await, Commit::Done);
    invalidate(&*b, &super::key(), second).await;
}

/// A token that is refused before it was kept is not kept any more: its commit may have been long on its way.
pub async fn a_refused_token_is_not_kept_later(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let first = keep(&*a, &key, None, &living(&place, "first").await).await;
    let lease = win(&*a, &key, LONG, Some(first)).await;
    invalidate(&*b, &key, lease.generation()).await;
    let late = living(&place, "late").await;
    assert_eq!(commit(&*a, &key, lease, &late).await, Commit::Fenced);
    assert_eq!(text(&*a, &key).await, None);
    let next = win(&*b, &key, LONG, Some(lease.generation())).await;
    invalidate(&*a, &key, lease.generation()).await;
    let token = living(&place, "next").await;
    assert_eq!(commit(&*b, &key, next, &token).await, Commit::Done);
}

/// A user was deleted: neither the token from before comes back nor one that was under way.
pub async fn a_refusal_of_all_ends_what_is_under_way(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let all = Generation::new(u64::MAX);
    invalidate(&*b, &key, all).await;
    let first = keep(&*a, &key, None, &living(&place, "first").await).await;
    let lease = win(&*a, &key, LONG, Some(first)).await;
    invalidate(&*b, &key, all).await;
    assert_eq!(text(&*a, &key).await, None);
    let late = living(&place, "late").await;
    assert_eq!(commit(&*a, &key, lease, &late).await, Commit::Fenced);
    assert_eq!(text(&*b, &key).await, None);
    let next = win(&*b, &key, LONG, None).await;
    assert!(next > lease);
    let token = living(&place, "next").await;
    assert_eq!(commit(&*b, &key, next, &token).await, Commit::Done);
    assert_eq!(text(&*a, &key).await.as_deref(), Some("next"));
}

/// Fences of a key rise, are never less than the clock in microseconds, and a purge starts none of them again.
pub async fn fences_rise_and_follow_the_clock(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let key = key();
    let mut last = Lease::new(0);
    for turn in 0..60 {
        let store = if turn % 2 == 0 { &a } else { &b };
        let before = place.now().await;
        let lease = win(&**store, &key, LONG, None).await;
        assert!(lease > last, "{lease:?} after {last:?}, turn {turn}");
        assert!(
            lease.fence() >= (before - 1) * 1_000,
            "{lease:?} at {before} ms"
        );
        assert!(lease.fence() < 1 << 53);
        last = lease;
        release(&**store, &key, lease).await;
        if turn % 3 == 0 {
            purge(&**store).await;
        }
        if turn % 20 == 19 {
            place.pass(Duration::from_millis(3)).await;
            purge(&**store).await;
        }
    }
}

/// Whatever generation a token comes with, it is kept under that of its lease.
pub async fn a_token_takes_the_generation_of_its_lease(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let lease = win(&*store, &key, LONG, None).await;
    let token = living(&place, "token").await;
    let token = token.with_generation(Generation::new(u64::MAX));
    assert_eq!(commit(&*store, &key, lease, &token).await, Commit::Done);
    let kept = load(&*store, &key).await.expect("it was kept");
    assert_eq!(kept.generation(), lease.generation());
}

/// What has ended goes; tokens that live and leases that run stay.
pub async fn a_purge_keeps_what_lives(place: impl Place) {
    let store = place.open().await;
    let (ends, lives, runs) = (key(), key(), key());
    let soon = token("ends", place.now().await + 60);
    keep(&*store, &ends, None, &soon).await;
    keep(&*store, &lives, None, &living(&place, "lives").await).await;
    let running = token("running", place.now().await + 60);
    let known = keep(&*store, &runs, None, &running).await;
    let lease = win(&*store, &runs, LONG, Some(known)).await;
    let abandoned = key();
    win(&*store, &abandoned, Duration::from_millis(20), None).await;
    place.pass(Duration::from_millis(80)).await;
    let purged = purge(&*store).await;
    assert!(purged <= 2, "{purged} rows went");
    assert_eq!(purge(&*store).await, 0);
    assert_eq!(text(&*store, &ends).await, None);
    assert_eq!(text(&*store, &lives).await.as_deref(), Some("lives"));
    held(acquire(&*store, &runs, LONG, None).await);
    let token = living(&place, "token").await;
    assert_eq!(commit(&*store, &runs, lease, &token).await, Commit::Done);
}

/// Kind, text, end, life and all that came along, in any alphabet and length.
pub async fn all_of_a_token_comes_back(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    let ends = place.now().await + 3_600_000;
    let long = "\u{10ffff}\"\\\n\0".repeat(3_000);
    for (index, text) in ["t", "", "\u{0}\"{}\\", &long].into_iter().enumerate() {
        for kind in TokenKind::ALL {
            let key = key();
            let came_along = index % 2 == 1;
            let life = Duration::from_millis(86_399_999);
            let expiry = token("", ends).expiry();
            let kept = KeptToken::new(kind, text, Generation::new(0), expiry, life)
                .with_human_id(came_along.then(|| HumanId::new("mensch-\u{e9}")))
                .with_refresh_token(came_along.then(|| RefreshToken::new("refresh-\u{e9}")));
            keep(&*a, &key, None, &kept).await;
            let found = load(&*b, &key).await.expect("it was kept");
            assert_eq!(found.kind(), kind);
            assert!(found.expose_secret() == text, "{} bytes", text.len());
            assert_eq!(found.expiry(), expiry);
            assert_eq!(found.life(), life);
            assert_eq!(found.human_id(), kept.human_id());
            let refresh =
                |token: &KeptToken| Some(token.refresh_token()?.expose_secret().to_owned());
            assert_eq!(refresh(&found), refresh(&kept));
        }
    }
}

/// Any user id has a row of its own, and so has each purpose.
pub async fn keys_do_not_run_together(place: impl Place) {
    let store = place.open().await;
    let huge = "x".repeat(1 << 20);
    let app = ClientId::new("ab").expect("it is not empty");
    let user = ClientUserId::new("c").expect("it is not empty");
    let keys = [
        access("ab", "c"),
        access("a", "bc"),
        TokenKey::connect(app.clone(), user),
        TokenKey::client(app),
        access("ab", "caf\u{e9}"),
        access("ab", "cafe\u{301}"),
        access("ab", "C"),
        access("ab", " c"),
        access("ab", "c\0"),
        access("ab", "'; DROP TABLE users; --"),
        access("ab", "{c}"),
        access("ab", &huge),
        access("ab", &huge[1..]),
    ];
    for (index, key) in keys.iter().enumerate() {
        keep(
            &*store,
            key,
            None,
            &living(&place, &format!("t{index}")).await,
        )
        .await;
    }
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(text(&*store, key).await, Some(format!("t{index}")));
    }
}

/// Numbers at the end of their range neither panic nor wrap.
pub async fn absurd_numbers_do_no_harm(place: impl Place) {
    let store = place.open().await;
    let key = key();
    let most = Generation::new(u64::MAX);
    let lease = win(&*store, &key, Duration::MAX, Some(most)).await;
    // Nobody is told to wait for longer than the lease that was asked for, whatever the row says.
    assert_eq!(held(acquire(&*store, &key, LONG, None).await), LONG);
    for fence in [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        let wrong = Lease::new(fence);
        let token = living(&place, "wrong").await;
        assert_eq!(commit(&*store, &key, wrong, &token).await, Commit::Fenced);
        release(&*store, &key, wrong).await;
    }
    held(acquire(&*store, &key, LONG, None).await);
    // The year 9999, and one before the clock began.
    let far = token("far", 253_402_300_799_000);
    assert_eq!(commit(&*store, &key, lease, &far).await, Commit::Done);
    assert_eq!(
        load(&*store, &key).await.expect("kept").expiry(),
        far.expiry()
    );
    win(&*store, &key, Duration::ZERO, Some(most)).await;
    invalidate(&*store, &key, Generation::new(0)).await;
    assert_eq!(text(&*store, &key).await.as_deref(), Some("far"));
    invalidate(&*store, &key, most).await;
    assert_eq!(text(&*store, &key).await, None);

    let early = Expiry::at(std::time::SystemTime::UNIX_EPOCH - LONG);
    let early = KeptToken::new(TokenKind::Access, "early", most, early, Duration::MAX);
    keep(&*store, &key, None, &early).await;
    win(&*store, &key, LONG, None).await;
}

/// What one client does, another sees with its next question.
pub async fn clients_see_one_another(place: impl Place) {
    let clients = [place.open().await, place.open().await, place.open().await];
    let key = key();
    let mut known = None;
    for turn in 0..12 {
        let (one, next) = (&clients[turn % 3], &clients[(turn + 1) % 3]);
        let lease = win(&**one, &key, LONG, known).await;
        held(acquire(&**next, &key, LONG, known).await);
        let token = living(&place, &turn.to_string()).await;
        assert_eq!(commit(&**one, &key, lease, &token).await, Commit::Done);
        assert_eq!(text(&**next, &key).await, Some(turn.to_string()));
        known = Some(lease.generation());
        if turn % 4 == 3 {
            invalidate(&**next, &key, lease.generation()).await;
            assert_eq!(text(&**one, &key).await, None);
        }
    }
}

/// Of many that ask at once for a key that nobody asked for yet, one gets the lease.
pub async fn one_of_many_wins(place: impl Place) {
    let clients = [place.open().await, place.open().await, place.open().await];
    for _ in 0..5 {
        let key = key();
        let mut tasks = JoinSet::new();
        for turn in 0..48 {
            let (store, key) = (Arc::clone(&clients[turn % 3]), key.clone());
            tasks.spawn(async move {
                match acquire(&*store, &key, LONG, None).await {
                    Acquired::Won(_) => 1,
                    Acquired::Held { .. } => 0,
                    Acquired::Newer(token) => panic!("nobody kept one: {token:?}"),
                }
            });
        }
        assert_eq!(tasks.join_all().await.iter().sum::<usize>(), 1);
    }
}

/// Tasks that renew one key side by side: what is read never goes back, and each generation comes once.
pub async fn exchanges_side_by_side_rise(place: impl Place) {
    let clients = [place.open().await, place.open().await, place.open().await];
    let key = key();
    let ends = place.now().await + 3_600_000;
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let (store, key) = (Arc::clone(&clients[task % 3]), key.clone());
        tasks.spawn(exchange_again_and_again(store, key, ends));
    }
    let kept = tasks.join_all().await;
    let all: Vec<Generation> = kept.into_iter().flatten().collect();
    let once: BTreeSet<Generation> = all.iter().copied().collect();
    assert_eq!(all.len(), once.len(), "a generation came twice");
    let last = load(&*clients[0], &key).await.expect("one is kept");
    assert_eq!(once.last(), Some(&last.generation()));
}

async fn exchange_again_and_again(
    store: Arc<dyn TokenStore>,
    key: TokenKey,
    ends: u64,
) -> Vec<Generation> {
    let mut known = None;
    let mut kept = Vec::new();
    for _ in 0..40 {
        match acquire(&*store, &key, LONG, known).await {
            Acquired::Won(lease) => {
                assert!(Some(lease.generation()) > known);
                let token = token(&lease.fence().to_string(), ends);
                assert_eq!(commit(&*store, &key, lease, &token).await, Commit::Done);
                kept.push(lease.generation());
                known = Some(lease.generation());
            }
            Acquired::Newer(token) => {
                assert!(Some(token.generation()) > known, "it went back");
                // A token is whole: its text says its generation.
                assert_eq!(
                    token.expose_secret(),
                    token.generation().number().to_string()
                );
                known = Some(token.generation());
            }
            Acquired::Held { .. } => tokio::task::yield_now().await,
        }
        if let Some(token) = load(&*store, &key).await {
            assert!(Some(token.generation()) >= known, "it went back");
        }
    }
    kept
}

/// An operation whose answer nobody waited for may have happened; in either case all goes on.
pub async fn operations_broken_off_do_no_harm(place: impl Place) {
    let (a, b) = (place.open().await, place.open().await);
    // Connections are open from now on, so that what is broken off is the operation.
    assert_eq!(text(&*a, &key()).await, None);
    for turn in 0..24_u32 {
        let key = key();
        let ttl = Duration::from_millis(40);
        let patience = Duration::from_micros(u64::from(turn) * 40);
        let _ = tokio::time::timeout(patience, a.acquire(&key, ttl, None)).await;
        match acquire(&*b, &key, ttl, None).await {
            Acquired::Won(lease) => release(&*b, &key, lease).await,
            Acquired::Held { remaining } => assert!(remaining <= ttl),
            Acquired::Newer(token) => panic!("nobody kept one: {token:?}"),
        }
        // What was broken off may still arrive now, and then holds the lease for its time.
        place.pass(ttl * 2).await;
        let lease = match acquire(&*b, &key, LONG, None).await {
            Acquired::Held { remaining } => {
                place.pass(remaining + Duration::from_millis(2)).await;
                win(&*b, &key, LONG, None).await
            }
            other => won(other),
        };
        let token = living(&place, "token").await;
        let _ = tokio::time::timeout(patience, b.commit(&key, lease, &token)).await;
        let again = commit(&*a, &key, lease, &token).await;
        assert!(matches!(again, Commit::Done | Commit::Fenced));
        assert_eq!(
            text(&*a, &key).await.as_deref(),
            Some("token"),
            "turn {turn}"
        );
    }
}
