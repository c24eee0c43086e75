//! What an operator does with a store, whatever it is made of; and what its failures say.
//!
//! One piece: the cases of one suite.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use humanapi_store::client::{StoreError, StoreErrorKind, TokenStore as _};
use humanapi_store::core::broker::{Acquired, Commit, KeptToken};
use humanapi_store::core::{ClientId, ClientUserId, Expiry, Generation, TokenKey, TokenKind};
use humanapi_store::{Backend, SealingKeys, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Makes a test of each case. Takes the names of the function that makes a place and of the one that opens a store
/// there with these keys.
macro_rules! operating {
    ($place:ident, $open:ident: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(place) = $place().await else { return };
                let open = async |keys: &SealingKeys| $open(&place, keys).await;
                humanapi_testkit::within(operating::$case(open)).await;
            }
        )*
    };
}
pub(crate) use operating;

pub(crate) fn made(keys: Result<SealingKeys, StoreError>) -> SealingKeys {
    keys.expect("the system has random numbers")
}

/// Keys of which one seals and another is at hand.
pub(crate) fn two_keys() -> SealingKeys {
    let keys = made(SealingKeys::generate("spare"));
    made(keys.with_new_key("first"))
}

pub(crate) fn key(user: impl ToString) -> TokenKey {
    let app = ClientId::new("canary-app").expect("it is not empty");
    let user = ClientUserId::new(user.to_string()).expect("it is not empty");
    TokenKey::access(app, user)
}

fn token(text: &str, lives: Duration) -> KeptToken {
    let ends = Expiry::at(SystemTime::now() + lives);
    KeptToken::new(TokenKind::Access, text, Generation::new(0), ends, lives)
}

/// Time enough on any machine for all that is meant to succeed.
pub(crate) const AMPLE: Duration = Duration::from_secs(60);

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) async fn keep<B: Backend>(
    store: &Store<B>,
    key: &TokenKey,
    text: &str,
    lives: Duration,
) -> Generation {
    let known = store.load(key).await.expect("the store answers");
    let known = known.map(|token| token.generation());
    let acquired = store.acquire(key, HOUR, known).await;
    let Ok(Acquired::Won(lease)) = acquired else {
        panic!("nobody else asks: {acquired:?}");
    };
    let done = store.commit(key, lease, &token(text, lives)).await;
    assert_eq!(done.expect("the store answers"), Commit::Done);
    lease.generation()
}

pub(crate) async fn text<B: Backend>(store: &Store<B>, key: &TokenKey) -> String {
    let token = store.load(key).await.expect("it opens");
    token.expect("it is kept").expose_secret().to_owned()
}

/// The status tells tokens, leases and sealing keys apart.
pub(crate) async fn a_status_counts<B: Backend>(open: impl AsyncFn(&SealingKeys) -> Store<B>) {
    let keys = two_keys();
    let older = open(&keys).await;
    let newer = open(&made(keys.with_new_key("newest"))).await;
    newer.init().await.expect("it sets itself up");
    let status = newer.status().await.expect("the store answers");
    assert_eq!((status.rows, status.tokens_to_rotate()), (0, 0));
    for user in 0..3 {
        keep(&older, &key(user), "token", HOUR).await;
    }
    keep(&newer, &key(3), "token", HOUR).await;
    let leased = older.acquire(&key(4), HOUR, None).await;
    assert!(matches!(leased, Ok(Acquired::Won(_))));
    let status = newer.status().await.expect("the store answers");
    assert_eq!(status.rows, 5);
    assert_eq!((status.live_tokens, status.ended_tokens), (4, 0));
    assert_eq!(status.running_leases, 1);
    assert_eq!(status.tokens_by_key["first"], 3);
    assert_eq!(status.tokens_by_key["newest"], 1);
    assert_eq!(status.newest_key, "newest");
    assert_eq!(status.tokens_to_rotate(), 3);
    assert!(status.schema_version > 0 && status.latency > Duration::ZERO);
}

/// While all tokens are sealed anew and some are replaced, every read succeeds, and nothing newer is lost.
pub(crate) async fn a_rotation_under_load_fails_no_read<B: Backend + 'static>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    const TOKENS: usize = 500;
    let keys = two_keys();
    let older = open(&keys).await;
    older.init().await.expect("it sets itself up");
    for user in 0..TOKENS {
        keep(&older, &key(user), "before", HOUR).await;
    }
    let rotated = made(keys.with_new_key("newest"));
    let newer = Arc::new(open(&rotated).await);
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for task in 0..3 {
        let (store, over) = (Arc::new(open(&rotated).await), Arc::clone(&over));
        tasks.spawn(async move {
            let mut reads = 0;
            for user in (0..TOKENS).cycle().skip(task * 150) {
                // One of them renews some of the tokens, with the newest key.
                if task == 0 && user % 5 == 0 {
                    keep(&store, &key(user), "after", HOUR).await;
                }
                let text = text(&store, &key(user)).await;
                assert!(["before", "after"].contains(&&*text));
                reads += 1;
                if over.load(Ordering::Relaxed) && reads > TOKENS {
                    break;
                }
            }
            reads
        });
    }
    let mut told = 0;
    let rotation = newer
        .rotate(|_| told += 1)
        .await
        .expect("the store answers");
    over.store(true, Ordering::Relaxed);
    assert!(tasks.join_all().await.iter().sum::<usize>() > TOKENS);
    assert!(told > 0);
    assert_eq!(rotation.unreadable, 0);
    assert!(rotation.resealed > 0, "{rotation:?}");
    let status = newer.status().await.expect("the store answers");
    assert_eq!(status.tokens_to_rotate(), 0, "{status:?}");
    assert_eq!(status.live_tokens, TOKENS as u64);
    // The old keys can go now, those that sealed and the spare one.
    let text_of_keys = rotated.to_text();
    let kept: Vec<&str> = secrecy::ExposeSecret::expose_secret(&text_of_keys)
        .lines()
        .filter(|line| line.starts_with("naming:") || line.starts_with("newest:"))
        .collect();
    let last = open(&made(SealingKeys::parse(&kept.join("\n")))).await;
    for user in 0..TOKENS {
        let expected = if user % 5 == 0 { "after" } else { "before" };
        assert_eq!(text(&last, &key(user)).await, expected);
    }
    let rotation = newer.rotate(|_| {}).await.expect("the store answers");
    assert_eq!((rotation.resealed, rotation.replaced_meanwhile), (0, 0));
}

/// A token that was replaced between reading and writing stays, and so does one that cannot be opened.
pub(crate) async fn a_rotation_overwrites_nothing_newer<B: Backend>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let keys = two_keys();
    let store = open(&keys).await;
    store.init().await.expect("it sets itself up");
    keep(&store, &key("one"), "older", HOUR).await;
    let batch = store.backend().sealed_otherwise("newest", None, 10).await;
    let batch = batch.expect("the store answers");
    let [name] = &batch.names[..] else {
        panic!("there is one token, but: {batch:?}");
    };
    let read = store.backend().load(name).await;
    let read = &read.expect("the store answers").expect("it is there");
    keep(&store, &key("one"), "newer", HOUR).await;
    let swapped = store.backend().reseal(name, read, &read.payload).await;
    assert!(!swapped.expect("the store answers"));
    assert_eq!(text(&store, &key("one")).await, "newer");

    // Somebody with other sealing keys, but the same names, leaves it as it is.
    let shared = keys.to_text();
    let naming = secrecy::ExposeSecret::expose_secret(&shared).lines().next();
    let others = made(SealingKeys::generate("others")).to_text();
    let others = secrecy::ExposeSecret::expose_secret(&others).lines().nth(1);
    let lines = format!("{}\n{}", naming.expect("a line"), others.expect("a line"));
    let stranger = open(&made(SealingKeys::parse(&lines))).await;
    let rotation = stranger.rotate(|_| {}).await.expect("the store answers");
    assert_eq!((rotation.resealed, rotation.unreadable), (0, 1));
    assert_eq!(text(&store, &key("one")).await, "newer");
}

/// Setting up is harmless where it was done, and by many at once.
pub(crate) async fn many_set_up_at_once<B: Backend + 'static>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let keys = two_keys();
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let store = open(&keys).await;
        tasks.spawn(async move { store.init().await });
    }
    for outcome in tasks.join_all().await {
        outcome.expect("it is set up");
    }
    let store = open(&keys).await;
    keep(&store, &key("one"), "token", HOUR).await;
    store.init().await.expect("it is set up");
    store.check().await.expect("it is set up");
    assert_eq!(text(&store, &key("one")).await, "token");
}

/// A process with another naming key would find no row of the others': it is told so.
pub(crate) async fn another_naming_key_is_refused<B: Backend + Debug>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    open(&two_keys()).await.init().await.expect("it is set up");
    let other = open(&two_keys()).await;
    for outcome in [other.init().await, other.check().await] {
        fails(&other, outcome, StoreErrorKind::Misconfigured);
    }
    let loaded = other.load(&key("one")).await;
    fails(&other, loaded, StoreErrorKind::Misconfigured);
}

/// What nobody set up is told apart from what cannot be reached.
pub(crate) async fn a_place_without_tables_says_so<B: Backend + Debug>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let store = open(&two_keys()).await;
    fails(&store, store.check().await, StoreErrorKind::NotSetUp);
    fails(&store, store.status().await, StoreErrorKind::NotSetUp);
    let loaded = store.load(&key("canary-user")).await;
    fails(&store, loaded, StoreErrorKind::NotSetUp);
}

/// A row whose fence is moved an hour ahead, and its lease ended, is not purged, and its next fence is higher still.
pub(crate) async fn a_row_ahead_of_the_clock_stays<B: Backend>(
    store: &Store<B>,
    move_ahead: impl AsyncFn(),
) {
    let key = key("one");
    let Ok(Acquired::Won(lease)) = store.acquire(&key, HOUR, None).await else {
        panic!("nobody else asks");
    };
    move_ahead().await;
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert_eq!(store.purge_expired().await.expect("it answers"), 0);
    let Ok(Acquired::Won(next)) = store.acquire(&key, Duration::ZERO, None).await else {
        panic!("the lease ended");
    };
    let ahead = lease.fence() + HOUR.as_micros() as u64;
    assert!(next.fence() > ahead);
    store.release(&key, next).await.expect("it answers");
    assert_eq!(store.purge_expired().await.expect("it answers"), 0);
    let Ok(Acquired::Won(last)) = store.acquire(&key, HOUR, None).await else {
        panic!("it was released");
    };
    assert!(last > next);
}

/// The failure is of this kind, and nothing that can be shown of it or of the store holds a secret.
#[track_caller]
pub(crate) fn fails<T, B: Debug>(
    store: &Store<B>,
    outcome: Result<T, StoreError>,
    kind: StoreErrorKind,
) {
    let Err(error) = outcome else {
        panic!("a failure is expected");
    };
    assert_eq!(error.kind(), kind, "{error}");
    shows_nothing(&error);
    let shown = format!("{store:?} {store:#?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[track_caller]
pub(crate) fn shows_nothing(error: &StoreError) {
    let mut link: Option<&dyn Error> = Some(error);
    while let Some(error) = link {
        let shown = format!("{error} {error:?} {error:#?}");
        assert!(!shown.contains("canary"), "{shown}");
        link = error.source();
    }
}

/// Every operation on this store fails as unavailable, and soon.
pub(crate) async fn is_unavailable<B: Backend + Debug>(store: &Store<B>) {
    let key = key("canary-user");
    let unavailable = StoreErrorKind::Unavailable;
    let begun = Instant::now();
    fails(store, store.load(&key).await, unavailable);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    fails(store, store.acquire(&key, HOUR, None).await, unavailable);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

/// After the server was started again, reading goes on as if nothing had been, and so does all else.
pub(crate) async fn goes_on_after<B: Backend + Debug>(
    store: &Store<B>,
    stop: impl FnOnce(),
    start: impl FnOnce(),
) {
    let kept = key("one");
    keep(store, &kept, "before", HOUR).await;
    // Several connections, where a store has them: all of them end.
    futures_util::future::join_all((0..20).map(|_| text(store, &kept))).await;
    stop();
    is_unavailable(store).await;
    start();
    assert_eq!(text(store, &kept).await, "before");
    keep(store, &kept, "after", HOUR).await;
    assert_eq!(text(store, &kept).await, "after");
}

/// The same when nobody asked while the server was away.
pub(crate) async fn notices_no_restart<B: Backend + Debug>(store: &Store<B>, restart: impl Fn()) {
    let kept = key("two");
    let known = keep(store, &kept, "before", HOUR).await;
    restart();
    assert_eq!(text(store, &kept).await, "before");
    restart();
    let Ok(Acquired::Won(lease)) = store.acquire(&kept, HOUR, Some(known)).await else {
        panic!("nobody else asks");
    };
    restart();
    let done = store.commit(&kept, lease, &token("after", HOUR)).await;
    assert_eq!(done.expect("the store answers"), Commit::Done);
    restart();
    let done = store.invalidate(&kept, lease.generation()).await;
    done.expect("the store answers");
}

/// Takes the lease on a user's token as often as it needs to, and does all that can be done with one.
pub(crate) async fn goes_over_every_statement<B: Backend>(store: &Store<B>, user: u32) {
    goes_over_every_statement_of(store, &key(user)).await;
}

/// The same for a key. It leaves a token there.
pub(crate) async fn goes_over_every_statement_of<B: Backend>(store: &Store<B>, key: &TokenKey) {
    let mut rounds = 0;
    while rounds < 5 {
        let known = store.load(key).await.expect("the store answers");
        let known = known.map(|token| token.generation());
        let acquired = store.acquire(key, AMPLE, known).await;
        match acquired.expect("the store answers") {
            Acquired::Won(lease) => {
                rounds += 1;
                let done = store.commit(key, lease, &token("kept", HOUR)).await;
                assert_eq!(done.expect("the store answers"), Commit::Done);
                if rounds % 2 == 0 {
                    let dropped = store.invalidate(key, lease.generation()).await;
                    dropped.expect("the store answers");
                }
                store.release(key, lease).await.expect("it answers");
                store.purge_expired().await.expect("it answers");
            }
            Acquired::Held { .. } | Acquired::Newer(_) => tokio::task::yield_now().await,
        }
    }
}

/// A server that takes connections and never says a word. Tells its port.
pub(crate) async fn silent_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    port
}

/// A port on which nobody listens.
pub(crate) async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// What went over a server's connections.
#[derive(Default)]
pub(crate) struct Traffic {
    /// Times that it was asked.
    pub(crate) asked: AtomicU64,
    /// Bytes that it answered.
    pub(crate) answered: AtomicU64,
}

/// Stands before a server and counts what it is asked and answers. Tells its port and the counts.
pub(crate) async fn counting(server: u16) -> (u16, Arc<Traffic>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let traffic = Arc::new(Traffic::default());
    let counted = Arc::clone(&traffic);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", server)).await;
                let (from_server, to_server) = server.expect("it runs").into_split();
                let (from_client, to_client) = client.into_split();
                tokio::select! {
                    () = carry(from_client, to_server, |_| {
                        counted.asked.fetch_add(1, Ordering::SeqCst);
                    }) => {}
                    () = carry(from_server, to_client, |bytes| {
                        counted.answered.fetch_add(bytes, Ordering::SeqCst);
                    }) => {}
                }
            });
        }
    });
    (port, traffic)
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: impl Fn(u64)) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        count(read as u64);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}

/// Reading a token takes one question.
pub(crate) async fn a_hit_is_one_round_trip<B: Backend>(store: &Store<B>, traffic: &Traffic) {
    keep(store, &key("one"), "token", HOUR).await;
    text(store, &key("one")).await;
    for _ in 0..5 {
        // What was begun before, such as putting a connection back, is over then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = traffic.asked.load(Ordering::SeqCst);
        text(store, &key("one")).await;
        assert_eq!(traffic.asked.load(Ordering::SeqCst) - before, 1);
    }
}

/// What of a row somebody else may make enormous.
pub(crate) const OF_A_ROW: [&str; 2] = ["sealed", "key"];

/// Far more than a store takes of one row.
pub(crate) const GIANT: usize = 20 * 1024 * 1024;

/// A row that somebody else made [enormous](GIANT) is refused, and is in nobody's way. `newer` has another newest key, and
/// `grow` changes the only row.
pub(crate) async fn a_giant_row_is_refused<B: Backend + Debug>(
    older: &Store<B>,
    newer: &Store<B>,
    grow: impl AsyncFnOnce(),
) {
    let tampered = StoreErrorKind::Tampered;
    let giant = key("giant");
    keep(older, &giant, "giant", HOUR).await;
    grow().await;
    fails(older, older.load(&giant).await, tampered);
    let acquired = older.acquire(&giant, HOUR, None).await;
    fails(older, acquired, tampered);
    let other = key("other");
    keep(older, &other, "other", HOUR).await;
    let rotation = newer.rotate(|_| {}).await.expect("others can be rotated");
    assert_eq!((rotation.resealed, rotation.unreadable), (1, 1));
    let status = newer.status().await.expect("the store answers");
    assert_eq!((status.rows, status.live_tokens), (2, 2));
    assert_eq!(text(newer, &other).await, "other");
    for key in [&giant, &other] {
        let all = Generation::new(u64::MAX);
        older.invalidate(key, all).await.expect("it can be dropped");
    }
}

/// A token as large as a store keeps comes back, and a larger one is refused before it is sent anywhere.
pub(crate) async fn a_token_of_a_mebibyte_is_the_largest<B: Backend + Debug>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let keys = two_keys();
    let store = open(&keys).await;
    store.init().await.expect("it sets itself up");
    let large = "t".repeat(1024 * 1024 - 300);
    keep(&store, &key("large"), &large, HOUR).await;
    assert!(text(&store, &key("large")).await == large);
    let newer = open(&made(keys.with_new_key("newest"))).await;
    let rotation = newer.rotate(|_| {}).await.expect("the store answers");
    assert_eq!(rotation.resealed, 1);
    assert!(text(&newer, &key("large")).await == large);
    let Ok(Acquired::Won(lease)) = store.acquire(&key("one"), HOUR, None).await else {
        panic!("nobody else asks");
    };
    let larger = token(&format!("{large}canary{}", "t".repeat(300)), HOUR);
    let refused = store.commit(&key("one"), lease, &larger).await;
    fails(&store, refused, StoreErrorKind::Misconfigured);
}

/// Lets the system forget how much memory this process ever had; whether it did.
pub(crate) fn forget_peak_memory() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most memory that this process had since that was [forgotten](forget_peak_memory), in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    let kilobytes: u64 = kilobytes.expect("the system tells");
    kilobytes * 1_024
}
