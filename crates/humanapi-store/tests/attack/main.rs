//! Stores that are attacked: by servers that lie, by files that are none, and by servers that are paused, full or killed.
//!
//! Each input is held to the same: nothing panics, every operation ends within its time, nothing that is shown holds a
//! secret, memory stays bounded, and a caller who wants a token gets one from the token service. CI runs a third of the
//! inputs, `HUMANAPI_DEEP=1` all.

#[path = "../operating/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "what concerns stores that work stands there too"
)]
mod operating;

mod files;
mod lying_postgres;
mod lying_redis;
mod real;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use humanapi_store::client::testing::{Reply, ScriptedTransport};
use humanapi_store::client::{
    BucketCursors, CursorStore, ListsWhole, OrderJournal, StoreError, TokenBroker, TokenStore,
};
use humanapi_store::core::admin::NewOrder;
use humanapi_store::core::admin::order::{Before, Effect, IntentKey, Op, Report, Subject};
use humanapi_store::core::broker::{Acquired, BrokerPolicy, KeptToken, Lease};
use humanapi_store::core::{
    ClientUserId, Credentials, Expiry, Generation, Provisioning, TokenKind,
};
use humanapi_store::{Backend, Store};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Short, so that hundreds of inputs that answer nothing take seconds.
const TIMEOUT: Duration = Duration::from_millis(100);
/// The end of a purge or a rotation, for those who would go on for ever.
const OVERALL: Duration = Duration::from_millis(300);
/// What is not over after so many short pauses hangs. Pauses are counted and no clock is read: on a busy machine they are
/// longer, as all else is.
const PAUSES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(50);

/// Whether this input is one of those that run.
fn runs(index: usize) -> bool {
    std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1") || index.is_multiple_of(3)
}

fn token() -> KeptToken {
    let hour = Duration::from_secs(3_600);
    let ends = Expiry::at(SystemTime::now() + hour);
    KeptToken::new(
        TokenKind::Access,
        "canary-token",
        Generation::new(0),
        ends,
        hour,
    )
}

/// What comes of it, unless it hangs.
async fn in_time<T>(operation: impl Future<Output = T>) -> Option<T> {
    let patience = async {
        for _ in 0..PAUSES {
            tokio::time::sleep(PAUSE).await;
        }
    };
    match select(pin!(operation), pin!(patience)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(((), _)) => None,
    }
}

/// Says nothing of panics in the code of others, which are what a driver makes of a lie and come by the hundred: each is
/// caught, and becomes an error that is looked at. Those in our own code are told as they would be.
fn leave_panics_of_drivers_untold() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Only the files of the workspace are named from where it lies.
            let is_ours = |place: &Location<'_>| Path::new(place.file()).is_relative();
            if panic.location().is_none_or(is_ours) {
                tell(panic);
            }
        }));
    });
}

/// An operation on the attacked store: it may succeed or fail, but it ends, and says nothing it must not.
async fn ends<T>(name: &str, operation: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    match in_time(operation)
        .await
        .unwrap_or_else(|| panic!("{name}: it hangs"))
    {
        Ok(value) => Some(value),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(shown.len() < 500, "{name}: {} bytes are shown", shown.len());
            let is_plain = shown.chars().all(|letter| !letter.is_control());
            assert!(is_plain, "{name}: {shown:?}");
            operating::shows_nothing(&error);
            None
        }
    }
}

/// Does all that can be done with a store, and then asks for a token through a broker that has it.
async fn attack<B: Backend + Debug + 'static>(name: &str, store: Store<B>) {
    let store = Arc::new(store.with_overall_timeout(OVERALL));
    ends(name, store.init()).await;
    ends(name, store.check()).await;
    let key = operating::key("canary-user");
    ends(name, TokenStore::load(&*store, &key)).await;
    let short = Duration::from_millis(50);
    let acquired = ends(name, store.acquire(&key, short, None)).await;
    let lease = match acquired {
        Some(Acquired::Won(lease)) => lease,
        Some(Acquired::Held { remaining }) => {
            assert!(remaining <= short, "{name}: waits for {remaining:?}");
            Lease::new(7)
        }
        Some(Acquired::Newer(_)) | None => Lease::new(7),
    };
    ends(name, store.commit(&key, lease, &token())).await;
    ends(name, store.release(&key, lease)).await;
    ends(name, store.invalidate(&key, Generation::new(8))).await;
    if let Some(status) = ends(name, store.status()).await {
        assert!(status.tokens_to_rotate() < u64::MAX || status.rows > 0);
        let keys = status.tokens_by_key.keys();
        assert!(keys.clone().all(|key| key.len() <= 32), "{name}: {keys:?}");
    }
    attack_journal(name, &store).await;
    ends(name, store.purge_expired()).await;
    ends(name, store.rotate(|_| {})).await;
    let shown = format!("{store:?}");
    assert!(!shown.contains("canary"), "{name}: {shown}");
    served(name, store).await;
}

/// Does all that can be done with a store of cursors.
async fn attack_cursors(name: &str, store: impl CursorStore + Debug) {
    let sync = [7; 16];
    ends(name, store.init()).await;
    ends(name, store.begin(sync, 7)).await;
    if let Some(bucket) = ends(name, store.bucket(sync, 3)).await {
        assert!(bucket.users.len() < 5_000, "{name}");
    }
    let kept = BucketCursors {
        users: (0..3).map(|user| ([user; 16], vec![7; 900])).collect(),
        ..BucketCursors::default()
    };
    let lists = vec![ListsWhole::default()];
    ends(name, store.keep(sync, 3, kept, lists)).await;
    ends(name, store.whole(sync)).await;
    ends(name, store.end(sync, 8)).await;
    let shown = format!("{store:?}");
    assert!(!shown.contains("canary"), "{name}: {shown}");
}

/// Does all that can be done with a journal of orders in it, with whatever claim it gives.
async fn attack_journal<B: Backend>(name: &str, store: &Store<B>) {
    let intent = IntentKey::new("canary-intent").expect("it is one");
    let order = NewOrder::new(ClientUserId::new("canary-user").expect("it is not empty"));
    let (ttl, subject) = (Duration::from_millis(50), Subject::of(&order));
    ends(name, OrderJournal::load(store, &intent)).await;
    let begun = ends(name, store.apply(&intent, Op::Begin { ttl, subject })).await;
    let claim = match begun {
        Some(Effect::Send(claim) | Effect::Read(claim, _)) => Some(claim),
        _ => None,
    };
    if let Some(claim) = claim {
        let before = Before::Nobody;
        ends(
            name,
            store.apply(&intent, Op::Depart { claim, ttl, before }),
        )
        .await;
        let report = Report::NoEffect;
        ends(name, store.apply(&intent, Op::Settle { claim, report })).await;
    }
    ends(name, store.apply(&intent, Op::HandBack { version: 1 })).await;
    if let Some(open) = ends(name, OrderJournal::open(store, None, 300)).await {
        assert!(open.len() <= 300, "{name}: {} open orders", open.len());
    }
}

/// Whoever wants a token gets one, with this store or without.
async fn served(name: &str, store: Arc<dyn TokenStore>) {
    let issued = r#"{"access_token":"at-issued","expires_in":86400}"#;
    let transport = ScriptedTransport::new([Reply::json(200, issued)]);
    let credentials = Credentials::new("canary-app", "canary-secret").expect("they are some");
    let broker = TokenBroker::builder(credentials, Provisioning::Connect, transport)
        .policy(BrokerPolicy::default().with_lease(Duration::from_millis(300)))
        .store(store)
        .build();
    let key = operating::key("canary-other");
    let served = in_time(async { broker.token(&key).await }).await;
    let served = served.unwrap_or_else(|| panic!("{name}: nobody is served"));
    let served = served.unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = served.expose_secret();
    // A file that was left whole enough still gives the token that lies in it.
    assert!(["at-issued", "kept"].contains(&text), "{name}: {text}");
}

/// How often a server lied to each operation. One that is never lied to is not attacked.
#[derive(Clone, Default)]
struct Lies(Arc<Mutex<BTreeMap<String, usize>>>);

impl Lies {
    fn count(&self, operation: &str) {
        let mut counted = self.0.lock().expect("nobody panics");
        *counted.entry(operation.to_owned()).or_default() += 1;
    }

    /// Makes sure that there were lies to each of these.
    fn went_to(&self, operations: &[&str]) {
        let counted = self.0.lock().expect("nobody panics");
        for operation in operations {
            assert!(counted.contains_key(*operation), "{operation}: {counted:?}");
        }
    }
}

/// What a lying server sends in place of an answer.
#[derive(Clone)]
enum Lie {
    /// These bytes, and then it waits.
    Says(Vec<u8>),
    /// These bytes, and then it hangs up.
    Ends(Vec<u8>),
    /// These bytes, again and again, as fast as they are taken.
    Endless(Vec<u8>),
    /// These bytes, and then the others again and again.
    Then(Vec<u8>, Vec<u8>),
    /// These bytes, one after the other with a pause.
    Slowly(Vec<u8>),
    /// What this makes of a number, which is another each time.
    Numbered(fn(u64) -> Vec<u8>),
}

impl Debug for Lie {
    /// By how it begins: some are megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (how, bytes) = match self {
            Self::Says(bytes) => ("says", bytes.as_slice()),
            Self::Ends(bytes) => ("ends", bytes.as_slice()),
            Self::Endless(bytes) => ("endless", bytes.as_slice()),
            Self::Then(bytes, _) => ("then", bytes.as_slice()),
            Self::Slowly(bytes) => ("slowly", bytes.as_slice()),
            Self::Numbered(_) => ("numbered", &[][..]),
        };
        let begins = bytes[..bytes.len().min(30)].escape_ascii();
        write!(f, "{how} {begins} ({} bytes)", bytes.len())
    }
}

impl Lie {
    /// Tells it; whether the connection is over then.
    async fn tell(&self, stream: &mut TcpStream) -> bool {
        let told = match self {
            Self::Says(bytes) => stream.write_all(bytes).await,
            Self::Ends(bytes) => {
                let _ = stream.write_all(bytes).await;
                return true;
            }
            Self::Endless(bytes) => endless(stream, &[], bytes).await,
            Self::Then(first, bytes) => endless(stream, first, bytes).await,
            Self::Numbered(bytes) => {
                static NEXT: AtomicU64 = AtomicU64::new(1);
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                stream.write_all(&bytes(number)).await
            }
            Self::Slowly(bytes) => {
                for byte in bytes {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return true;
                    }
                    tokio::time::sleep(Duration::from_millis(40)).await;
                }
                Ok(())
            }
        };
        told.is_err()
    }
}

async fn endless(stream: &mut TcpStream, first: &[u8], bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(first).await?;
    let many = bytes.repeat((64 * 1024 / bytes.len()).max(1));
    loop {
        stream.write_all(&many).await?;
    }
}

/// A listener on loopback whose connections this serves, in a runtime of its own: a lying server is another process.
fn serve<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> (u16, Serving)
where
    F: Future<Output = ()> + Send + 'static,
{
    leave_panics_of_drivers_untold();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("there is room for a thread");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.set_nonblocking(true).expect("it can be");
    let port = listener.local_addr().expect("it is bound").port();
    runtime.spawn(async move {
        let listener = TcpListener::from_std(listener).expect("there is a runtime");
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    (port, Serving(Some(runtime)))
}

struct Serving(Option<tokio::runtime::Runtime>);

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// More than a dozen stores at once hold of what they are sent, and far less than what they are sent.
const MOST_MEMORY: u64 = 320 * 1024 * 1024;

/// Counts what this process has on its heap.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Where an attack would show that too much is kept.
#[derive(Clone, Copy)]
enum Memory {
    /// What was asked of Rust's allocator and is in use. What the system's allocator keeps for each thread after that
    /// depends on when which thread ran, and is no store's doing.
    Heap,
    /// All that the process has in memory: SQLite has an allocator of its own, and the driver of PostgreSQL asks for as
    /// much as a message announces, which costs nothing until it comes.
    Process,
}

impl Memory {
    /// The most from now on is counted anew. Where the system cannot, there is nothing to measure.
    fn forget_peak(self) -> bool {
        match self {
            Self::Heap => {
                HEAP.reset_peak_usage();
                true
            }
            Self::Process => operating::forget_peak_memory(),
        }
    }

    /// In bytes.
    fn peak(self) -> u64 {
        match self {
            Self::Heap => HEAP.peak_usage() as u64,
            Self::Process => operating::peak_memory(),
        }
    }
}

/// Runs attacks, a few at a time because most of them wait, and looks at what is left of this process afterwards.
async fn all<A>(
    kind: &str,
    memory: Memory,
    attacks: Vec<(String, A)>,
    run: impl AsyncFn(String, A),
) {
    // One kind after the other: memory is that of the whole process.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = TURN.lock().await;
    let measured = memory.forget_peak();
    let before = memory.peak();
    let chosen = attacks
        .into_iter()
        .enumerate()
        .filter(|(index, _)| runs(*index));
    let run = &run;
    let ran = futures_util::stream::iter(chosen)
        .map(|(_, (name, input))| async move { run(format!("{kind}, {name}"), input).await })
        .buffer_unordered(12)
        .count()
        .await;
    assert!(ran > 0);
    let grown = memory.peak().saturating_sub(before);
    if !measured {
        humanapi_testkit::skip(
            "humanapi-store: memory under attack",
            "/proc/self/clear_refs",
        );
        return;
    }
    assert!(
        grown < MOST_MEMORY,
        "{kind}: {grown} bytes more, {ran} inputs"
    );
}
