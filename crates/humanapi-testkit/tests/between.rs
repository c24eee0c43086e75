//! Something between the client and the service answers in its place for ten minutes, while a hundred connected users
//! go on. Afterwards every user is as before: with memory alone, and with each kind of store.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use humanapi_client::{Client, ErrorKind, Spawn, Task, Timer, TokenStore};
use humanapi_core::{
    ClientUserId, Credentials, Generation, Hosts, KnownStatus, Now, Provisioning, RetryPolicy,
    TokenKey, TokenKind, UserStatus,
};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{AppCredentials, Assumption, DemoApp, Fault, IntermediaryBody, Sandbox};
use humanapi_store::{MemoryStore, PostgresStore, RedisStore, SealingKeys, SqliteStore};
use humanapi_testkit::servers::{PostgresServer, RedisServer};
use humanapi_testkit::within;

const USERS: usize = 100;

/// Both clocks begin with the machine's, by which stores judge, and then move by hand.
#[derive(Clone)]
struct HandClock(Arc<Mutex<Now>>);

impl HandClock {
    fn new() -> Self {
        let now = Now::new(Duration::from_secs(1_000), SystemTime::now());
        Self(Arc::new(Mutex::new(now)))
    }
}

impl Timer for HandClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        // What takes time here is real: a store's answer, of which there is no use waiting for ever.
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Spawn for HandClock {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        tokio::spawn(task);
        None
    }
}

struct World {
    sandbox: Sandbox,
    app: AppCredentials,
    clock: HandClock,
    store: Option<Arc<dyn TokenStore>>,
}

impl World {
    /// The seed tells its application from that of another world.
    fn new(seed: u64, store: Option<Arc<dyn TokenStore>>) -> Self {
        let sandbox = Sandbox::builder().seed(seed).start().unwrap();
        Self {
            app: sandbox.app(DemoApp::Connect),
            sandbox,
            clock: HandClock::new(),
            store,
        }
    }

    /// One process of the application.
    fn process(&self) -> Client {
        let credentials =
            Credentials::new(self.app.client_id.as_str(), self.app.client_secret.as_str());
        let client = Client::builder(
            credentials.unwrap(),
            Provisioning::Connect,
            HyperTransport::new(),
        )
        .hosts(Hosts::single(self.sandbox.url()).unwrap())
        .retry(
            RetryPolicy::default()
                .with_max_attempts(2)
                .with_base(Duration::ZERO),
        );
        let client = match &self.store {
            Some(store) => client.store(Arc::clone(store)),
            None => client,
        };
        client.build_on(self.clock.clone())
    }

    fn advance(&self, by: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.after(by);
        self.sandbox.control().advance_clock(by).unwrap();
    }

    async fn connect_everybody(&self, client: &Client) {
        for user in users() {
            client.user(&*user).session_token().await.unwrap();
            let control = self.sandbox.control();
            control
                .connect_source(&self.app.client_id, &user, "strider")
                .unwrap();
            client.user(&*user).data().profile().await.unwrap();
            let grant = connected(client, &user).connect_token().await;
            assert_eq!(grant.unwrap().token.kind(), TokenKind::Id);
        }
    }

    /// The generations of the tokens in the store, two for each user.
    async fn stored(&self) -> Vec<Option<Generation>> {
        let Some(store) = &self.store else {
            return Vec::new();
        };
        let app = humanapi_core::ClientId::new(self.app.client_id.as_str()).unwrap();
        let mut stored = Vec::new();
        for user in users() {
            let user = ClientUserId::new(user).unwrap();
            for key in [
                TokenKey::access(app.clone(), user.clone()),
                TokenKey::connect(app.clone(), user.clone()),
            ] {
                let token = store.load(&key).await.unwrap();
                stored.push(token.map(|token| token.generation()));
            }
        }
        stored
    }
}

fn users() -> impl Iterator<Item = String> {
    (0..USERS).map(|number| format!("patient-{number}"))
}

fn connected(client: &Client, user: &str) -> humanapi_client::User {
    let known = KnownStatus::remembered(UserStatus::Connected);
    client.user(user).with_status(known)
}

/// What a firewall answers in this minute.
type Firewall = fn(usize) -> (u16, IntermediaryBody);

fn page(_: usize) -> (u16, IntermediaryBody) {
    (403, IntermediaryBody::Html)
}

/// Another status each minute, 401 among them, and another body.
fn anything(minute: usize) -> (u16, IntermediaryBody) {
    let statuses = [401, 404, 401, 409, 503, 401, 302, 407, 401, 429];
    let bodies = IntermediaryBody::ALL;
    (statuses[minute], bodies[minute % bodies.len()])
}

async fn every_user_is_as_before(store: Option<Arc<dyn TokenStore>>) {
    while_it_answers(page, World::new(1, store.clone())).await;
    while_it_answers(anything, World::new(2, store)).await;
}

async fn while_it_answers(firewall: Firewall, world: World) {
    let client = world.process();
    world.connect_everybody(&client).await;
    let control = world.sandbox.control();
    let stored = world.stored().await;
    assert!(stored.iter().all(Option::is_some), "all were kept");
    let exchanges = control.exchanges();

    for minute in 0..10 {
        control.clear_faults();
        let (status, body) = firewall(minute);
        let fault = Fault::intermediary(status, body).times(u32::MAX);
        control.plan_fault(fault).unwrap();
        world.advance(Duration::from_secs(60));
        // A process that starts meanwhile knows what the store knows, or nothing.
        let newcomer = world.process();
        for (index, user) in users().enumerate() {
            let client = if index % 10 == minute {
                &newcomer
            } else {
                &client
            };
            let read = client.user(&*user).data().profile().await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Intermediary);
            if index % 5 == minute % 5 {
                let asked = client.confirm_connection(&*user).await;
                assert_eq!(asked.unwrap_err().kind(), ErrorKind::Intermediary);
                let asked = client.user(&*user).session_token().await;
                assert_eq!(asked.unwrap_err().kind(), ErrorKind::Intermediary);
                match connected(client, &user).connect_token().await {
                    Ok(grant) => assert_eq!(grant.token.kind(), TokenKind::Id, "a kept one"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Intermediary),
                }
            }
        }
    }
    control.clear_faults();
    assert_eq!(world.stored().await, stored, "no kept token changed");

    world.advance(Duration::from_secs(60));
    for user in users() {
        client.user(&*user).data().profile().await.unwrap();
        let grant = connected(&client, &user).connect_token().await;
        assert_eq!(grant.unwrap().token.kind(), TokenKind::Id);
    }
    assert_eq!(control.exchanges(), exchanges, "the kept tokens were good");
    for user in users() {
        let asked = client.confirm_connection(&*user).await.unwrap();
        assert!(asked.is_connected());
        // And one of whom nothing is remembered.
        let grant = client.user(&*user).connect_token().await.unwrap();
        assert_eq!(grant.status, UserStatus::Connected);
    }
}

fn keys() -> SealingKeys {
    SealingKeys::generate("first").unwrap()
}

#[tokio::test]
async fn with_memory_alone_every_user_is_as_before() {
    within(every_user_is_as_before(None)).await;
}

#[tokio::test]
async fn with_a_store_in_memory_every_user_is_as_before() {
    let store = MemoryStore::in_memory(keys());
    within(every_user_is_as_before(Some(Arc::new(store)))).await;
}

#[tokio::test]
async fn with_sqlite_every_user_is_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("tokens.db"), keys()).await;
    store.init().await.unwrap();
    within(every_user_is_as_before(Some(Arc::new(store)))).await;
}

#[tokio::test]
async fn with_postgres_every_user_is_as_before() {
    let Some(server) = PostgresServer::shared("humanapi-testkit: between") else {
        return;
    };
    let store = PostgresStore::connect(&server.url(), keys()).await.unwrap();
    store.init().await.unwrap();
    within(every_user_is_as_before(Some(Arc::new(store)))).await;
}

#[tokio::test]
async fn with_redis_every_user_is_as_before() {
    let Some(server) = RedisServer::shared("humanapi-testkit: between") else {
        return;
    };
    let store = RedisStore::connect(&server.database_url(1), keys())
        .await
        .unwrap();
    store.init().await.unwrap();
    within(every_user_is_as_before(Some(Arc::new(store)))).await;
}

/// The service's own refusals are still read as such, in each form that bears its marks.
#[tokio::test]
async fn a_refused_session_leads_to_an_id_token_whatever_its_code_says() {
    let world = World::new(1, None);
    let control = world.sandbox.control();
    let client = world.process();
    client.user("ann").session_token().await.unwrap();
    control
        .connect_source(&world.app.client_id, "ann", "strider")
        .unwrap();
    for form in ["boom", "bare-error", "nested-code"] {
        control.set_assumption(Assumption::ErrorBody, form).unwrap();
        for code in Assumption::SessionRefusalCode.values() {
            let set = control.set_assumption(Assumption::SessionRefusalCode, code);
            set.unwrap();
            let grant = world.process().user("ann").connect_token().await;
            assert_eq!(grant.unwrap().token.kind(), TokenKind::Id, "{form} {code}");
        }
    }
}
