//! The token broker, in virtual time: herds, outages, refusals, cancelled callers and shared stores.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

mod deadlines;
mod exchanges;
mod spread;
mod stores;
mod users;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::join_all;
use humanapi_client::core::broker::{Acquired, BrokerPolicy, Commit, KeptToken, Lease, Row};
use humanapi_client::core::{
    ApiErrorKind, Body, ClientId, ClientUserId, Credentials, Expiry, FlowError, Generation,
    KnownStatus, Now, Provisioning, RefreshToken, Rejected, Request, Response, RetryPolicy,
    SendFailure, SendFailureKind, TokenKey, TokenKind, UserStatus,
};
use humanapi_client::{
    BrokerEvent, Client, ClientBuilder, ErrorKind, Spawn, StoreError, StoreErrorKind, Task, Timer,
    TokenBroker, TokenBrokerBuilder, TokenSource, TokenStore, TokioRuntime, Transport,
};
use tokio::time::{Instant, sleep};

const DAY: u64 = 86_400;

/// A token service that answers as it is told, after a while, and counts.
#[derive(Clone, Default)]
struct Service(Arc<ServiceState>);

#[derive(Default)]
struct ServiceState {
    requests: AtomicU64,
    /// Who asked, and when.
    asked: Mutex<Vec<(String, Instant)>>,
    plan: Mutex<Plan>,
}

#[derive(Clone, Copy, Default)]
struct Plan {
    delay: Duration,
    mode: Mode,
    lifetime: Option<u64>,
}

#[derive(Clone, Copy, Default)]
enum Mode {
    #[default]
    Issue,
    Down,
    Refuse,
    Throttle(u64),
    Panic,
    /// Refuses sessions, as to a returning user.
    Returning,
}

impl Service {
    fn set(&self, mode: Mode, delay: Duration) {
        let mut plan = self.0.plan.lock().unwrap();
        plan.mode = mode;
        plan.delay = delay;
    }

    fn set_lifetime(&self, seconds: u64) {
        self.0.plan.lock().unwrap().lifetime = Some(seconds);
    }

    fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }
}

fn answer(status: u16, retry_after: Option<u64>, body: String) -> Response {
    let mut builder = http::Response::builder().status(status);
    if let Some(seconds) = retry_after {
        builder = builder.header("retry-after", seconds);
    }
    builder.body(Body::from(body.into_bytes())).unwrap()
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendFailure> {
        let number = self.0.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let plan = *self.0.plan.lock().unwrap();
        let sent: serde_json::Value = serde_json::from_slice(request.body().as_bytes()).unwrap();
        let user = sent["client_user_id"].as_str().unwrap_or_default();
        let asked = (user.to_owned(), Instant::now());
        self.0.asked.lock().unwrap().push(asked);
        sleep(plan.delay).await;
        let asked = |kind: &str| {
            let kind = format!(r#""type":"{kind}""#);
            String::from_utf8_lossy(request.body().as_bytes()).contains(&kind)
        };
        let lifetime = plan.lifetime.unwrap_or(DAY);
        let kind = ["session", "id", "access", "client"]
            .into_iter()
            .find(|kind| asked(kind))
            .unwrap();
        match plan.mode {
            Mode::Down => Err(SendFailure::new(SendFailureKind::NotSent)),
            Mode::Refuse => Ok(answer(
                403,
                None,
                r#"{"errorCode":"ACCESS_TOKEN_GENERATION_NOT_ALLOWED"}"#.to_owned(),
            )),
            Mode::Throttle(seconds) => Ok(answer(
                429,
                Some(seconds),
                r#"{"errorCode":"OVERLOADED"}"#.to_owned(),
            )),
            Mode::Panic => panic!("the transport broke"),
            Mode::Returning if kind == "session" => Ok(answer(
                403,
                None,
                r#"{"errorCode":"OF_NO_MEANING"}"#.to_owned(),
            )),
            Mode::Issue | Mode::Returning => {
                let member = match kind {
                    "session" => "session_token",
                    "id" => "id_token",
                    _ => "access_token",
                };
                let body = format!(
                    r#"{{"{member}":"{kind}-{number}","client_token":"{kind}-{number}","expires_in":{lifetime},
                        "refresh_token":"refresh-{number}","id_refresh_token":"id-refresh-{number}"}}"#
                );
                Ok(answer(200, None, body))
            }
        }
    }
}

fn credentials() -> Credentials {
    Credentials::new("app-1", "hush").unwrap()
}

fn user(id: &str) -> ClientUserId {
    ClientUserId::new(id).unwrap()
}

fn key(id: &str) -> TokenKey {
    TokenKey::access(ClientId::new("app-1").unwrap(), user(id))
}

fn builder(service: &Service) -> TokenBrokerBuilder {
    TokenBroker::builder(credentials(), Provisioning::Connect, service.clone())
}

/// The wall clock, which goes with tokio's: a test that moves time moves both.
fn wall() -> SystemTime {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let now = Instant::now().into_std();
    let origin = *ORIGIN.get_or_init(|| now);
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    began + now.saturating_duration_since(origin) - origin.saturating_duration_since(now)
}

/// Time that the test moves; tasks by tokio, as long as there are any.
#[derive(Clone)]
struct Clock {
    origin: Instant,
    tasks: Arc<AtomicBool>,
    /// By how many seconds this machine's wall clock is ahead of everybody else's.
    ahead: Arc<AtomicI64>,
    /// What is drawn next, where there is randomness.
    random: Option<Arc<AtomicU64>>,
}

impl Clock {
    fn new(tasks: bool) -> Self {
        Self {
            origin: Instant::now(),
            tasks: Arc::new(AtomicBool::new(tasks)),
            ahead: Arc::default(),
            random: None,
        }
    }

    /// One of a process that draws numbers of its own.
    fn drawing(first: u64) -> Self {
        Self {
            random: Some(Arc::new(AtomicU64::new(first))),
            ..Self::new(true)
        }
    }
}

impl Timer for Clock {
    fn now(&self) -> Now {
        let ahead = self.ahead.load(Ordering::SeqCst);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let wall = if ahead < 0 { wall() - by } else { wall() + by };
        Now::new(self.origin.elapsed(), wall)
    }

    fn random(&self) -> Option<u64> {
        let random = self.random.as_ref()?;
        Some(random.fetch_add(1, Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        Box::pin(sleep(duration))
    }
}

impl Spawn for Clock {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        if !self.tasks.load(Ordering::SeqCst) {
            return Some(task);
        }
        // Detached: it runs to its end by itself.
        drop(tokio::spawn(task));
        None
    }
}

fn broker(service: &Service) -> TokenBroker {
    builder(service)
        .retry(RetryPolicy::none())
        .build_on(Clock::new(true))
}

fn on_no_tasks(service: &Service) -> TokenBroker {
    builder(service)
        .retry(RetryPolicy::none())
        .build_on(Clock::new(false))
}

const HERD: usize = 10_000;

async fn herd(broker: &TokenBroker) -> Vec<Result<KeptToken, Arc<FlowError>>> {
    let callers = (0..HERD).map(|_| {
        let broker = broker.clone();
        tokio::spawn(async move { broker.token(&key("u")).await })
    });
    let outcomes = join_all(callers).await;
    outcomes.into_iter().map(Result::unwrap).collect()
}

/// A store of this process, on its own clock, which can be switched off.
#[derive(Default)]
struct Shelf {
    rows: Mutex<BTreeMap<TokenKey, Row<KeptToken>>>,
    state: AtomicUsize,
    asked: AtomicUsize,
}

const UP: usize = 0;
const DOWN: usize = 1;
const HANGS: usize = 2;
/// It answers after 4 s.
const SLOW: usize = 3;

impl Shelf {
    fn set(&self, state: usize) {
        self.state.store(state, Ordering::SeqCst);
    }

    /// What is kept for a key, as its text.
    fn text(&self, key: &TokenKey) -> Option<String> {
        let rows = self.rows.lock().unwrap();
        let token = rows.get(key)?.load()?;
        Some(token.payload.expose_secret().to_owned())
    }

    async fn row<T>(
        &self,
        key: &TokenKey,
        change: impl FnOnce(&mut Row<KeptToken>, u64) -> T + Send,
    ) -> Result<T, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.state.load(Ordering::SeqCst) {
            UP => {}
            DOWN => return Err(StoreError::new(StoreErrorKind::Unavailable, "it is down")),
            SLOW => sleep(Duration::from_secs(4)).await,
            _ => std::future::pending().await,
        }
        let now = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = u64::try_from(now.as_millis()).unwrap();
        let mut rows = self.rows.lock().unwrap();
        Ok(change(rows.entry(key.clone()).or_default(), now))
    }
}

#[async_trait]
impl TokenStore for Shelf {
    async fn load(&self, key: &TokenKey) -> Result<Option<KeptToken>, StoreError> {
        let row = self.row(key, |row, _| row.load()).await?;
        Ok(row.map(|token| token.payload.with_generation(token.generation)))
    }

    async fn acquire(
        &self,
        key: &TokenKey,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<KeptToken>, StoreError> {
        let acquired = self
            .row(key, |row, now| row.acquire(now, ttl, known))
            .await?;
        Ok(match acquired {
            Acquired::Won(lease) => Acquired::Won(lease),
            Acquired::Held { remaining } => Acquired::Held { remaining },
            Acquired::Newer(token) => {
                Acquired::Newer(token.payload.with_generation(token.generation))
            }
        })
    }

    async fn commit(
        &self,
        key: &TokenKey,
        lease: Lease,
        token: &KeptToken,
    ) -> Result<Commit, StoreError> {
        let ends = token
            .expiry()
            .wall()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let ends = u64::try_from(ends.as_millis()).unwrap();
        // Of the end, a store keeps what the wall clock said.
        let expiry = Expiry::at(token.expiry().wall());
        let (kind, secret) = (token.kind(), token.expose_secret());
        let token = KeptToken::new(kind, secret, lease.generation(), expiry, token.life())
            .with_human_id(token.human_id().cloned())
            .with_refresh_token(token.refresh_token().cloned());
        self.row(key, move |row, now| row.commit(now, lease, ends, token))
            .await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.row(key, |row, _| row.release(lease)).await
    }

    async fn invalidate(&self, key: &TokenKey, generation: Generation) -> Result<(), StoreError> {
        self.row(key, |row, _| row.invalidate(generation)).await
    }

    async fn purge_expired(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn sharing(service: &Service, shelf: &Arc<Shelf>) -> TokenBroker {
    builder(service)
        .retry(RetryPolicy::none())
        .store(shelf.clone())
        .build_on(Clock::new(true))
}

fn connect_key(id: &str) -> TokenKey {
    TokenKey::connect(ClientId::new("app-1").unwrap(), user(id))
}

async fn connect(broker: &TokenBroker, status: UserStatus) -> (String, bool) {
    let known = KnownStatus::asserted(status);
    let grant = broker.connect_token(&user("u"), known, None).await.unwrap();
    (grant.token.expose_secret().to_owned(), grant.reused)
}
