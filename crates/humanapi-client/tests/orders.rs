//! Orders that are placed once, and what else the Admin API gives, over a scripted transport and in virtual time.
//!
//! One piece: each test plays a script of the same service, and reads the same journal.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{
    Client, MemoryOrderJournal, OrderError, OrderJournal, StoreError, StoreErrorKind, Timer as _,
    Transport,
};
use humanapi_core::admin::order::{
    Before, Decision, Doubt, Effect, Entry, EntryState, IntentKey, Op, OrderPolicy, Subject,
};
use humanapi_core::admin::{BirthDate, NewOrder, OrderState};
use humanapi_core::http::Method;
use humanapi_core::{
    ApiErrorKind, ClientUserId, Credentials, HumanId, Provisioning, Request, Response, SendFailure,
    SendFailureKind,
};

const TOKEN: &str = r#"{"client_token":"canary-ct","expires_in":86400}"#;
const USER: &str = r#"[{"humanId":"5c2e","clientUserId":"case-canary","firstName":"Testina","lastName":"Canary",
    "dateOfBirth":"1980-04-09T00:00:00.000Z","createdAt":"2026-01-15T09:00:01.000Z"}]"#;

fn order() -> NewOrder {
    let born = BirthDate::parse("1980-04-09", "2026-01-15".parse().unwrap()).unwrap();
    let order = NewOrder::new(ClientUserId::new("case-canary").unwrap());
    let order = order.with_name("Testina", "Canary").unwrap();
    order.with_birth_date(born)
}

fn intent() -> IntentKey {
    IntentKey::new("intent-canary").unwrap()
}

/// Knows no user until an order was sent, and says what is scripted of all else.
struct Way {
    scripted: ScriptedTransport,
    is_known: Arc<AtomicBool>,
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let query = request.uri().query().unwrap_or_default();
        let looks = request.method() == Method::GET && query.contains("clientUserId=");
        if looks && !self.is_known.load(Ordering::Relaxed) {
            return Ok(Response::new("[]".into()));
        }
        let is_order = request.method() == Method::POST && request.uri().path() == "/api/v1/users";
        self.is_known.fetch_or(is_order, Ordering::Relaxed);
        self.scripted.send(request, timeout).await
    }

    fn keeps_time(&self) -> bool {
        self.scripted.keeps_time()
    }
}

struct Bench {
    client: Client,
    is_known: Arc<AtomicBool>,
    transport: ScriptedTransport,
    runtime: VirtualRuntime,
    journal: Arc<dyn OrderJournal>,
}

impl Bench {
    fn new(answers: impl IntoIterator<Item = Reply>) -> Self {
        let runtime = VirtualRuntime::new();
        let journal = MemoryOrderJournal::on(Arc::new(runtime.clone()));
        Self::with_journal(answers, runtime, Arc::new(journal))
    }

    fn with_journal(
        answers: impl IntoIterator<Item = Reply>,
        runtime: VirtualRuntime,
        journal: Arc<dyn OrderJournal>,
    ) -> Self {
        let answers = std::iter::once(Reply::json(200, TOKEN)).chain(answers);
        let transport = ScriptedTransport::new(answers);
        let credentials = Credentials::new("app-1", "canary-secret").unwrap();
        let is_known = Arc::new(AtomicBool::new(false));
        let way = Way {
            scripted: transport.clone(),
            is_known: Arc::clone(&is_known),
        };
        let client = Client::builder(credentials, Provisioning::Hip, way)
            .order_journal(Arc::clone(&journal))
            .build_on(runtime.clone());
        Self {
            client,
            is_known,
            transport,
            runtime,
            journal,
        }
    }

    /// What is scripted tells of users who are there before any order.
    fn knows_the_user(self) -> Self {
        self.is_known.store(true, Ordering::Relaxed);
        self
    }

    async fn submit(&self) -> Result<HumanId, OrderError> {
        self.client.orders().submit(&intent(), &order()).await
    }

    /// How often an order was sent, and how often users were read, since this was last asked.
    fn sent(&self) -> (usize, usize) {
        let requests = self.transport.requests();
        let of = |method: Method| {
            let is_it = |request: &&Request| {
                request.method() == method && request.uri().path().starts_with("/api/v1/users")
            };
            requests.iter().filter(is_it).count()
        };
        (of(Method::POST), of(Method::GET))
    }
}

fn lost() -> Reply {
    Reply::failure(SendFailureKind::TimedOut)
}

#[track_caller]
fn check_hidden(error: &OrderError) {
    let mut shown = format!("{error} {error:?} {}", error.remedy());
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        shown.push_str(&format!("{inner} {inner:?}"));
        source = inner.source();
    }
    assert!(!shown.to_lowercase().contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_second_submission_of_an_intent_sends_nothing_and_says_the_same() {
    let bench = Bench::new([Reply::json(201, USER)]);
    assert_eq!(bench.submit().await.unwrap().as_str(), "5c2e");
    assert_eq!(bench.submit().await.unwrap().as_str(), "5c2e");
    assert_eq!(bench.sent(), (1, 0));
    let entry = bench
        .client
        .orders()
        .entry(&intent())
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(entry.state, EntryState::Exists(_)) && entry.handed_back);
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_looked_for_and_not_repeated() {
    for answer in [
        lost(),
        Reply::json(
            503,
            r#"{"code":503,"error":"Service Unavailable","message":"canary"}"#,
        ),
        Reply::json(502, "<html>"),
        Reply::json(201, "[{\"canary\""),
        Reply::json(409, r#"{"code":409,"error":"Conflict","message":"canary"}"#),
    ] {
        // It is shown a while after it was taken.
        let bench = Bench::new([answer, Reply::json(200, "[]"), Reply::json(200, USER)]);
        assert_eq!(bench.submit().await.unwrap().as_str(), "5c2e");
        assert_eq!(bench.sent(), (1, 2));
    }
}

#[tokio::test]
async fn what_reading_cannot_tell_is_unknown_and_stays_unsent() {
    let other_person = USER.replace("Testina", "Another");
    let before = USER.replace("2026-01-15", "2025-01-15");
    let later = USER.replace("2026-01-15", "2026-01-16");
    let timeless = USER.replace("createdAt", "made");
    let timed_oddly = USER.replace("2026-01-15T", "yesterday ");
    let stranger = USER.replace("case-canary", "another-canary");
    let without_id = USER
        .replace("clientUserId", "id")
        .replace("Testina", "Another");
    let nameless = r#"[{"humanId":"5c2e","clientUserId":"case-canary"}]"#;
    let merged = |users: &[&str]| {
        let users: Vec<_> = (users.iter())
            .map(|users| users.trim_start_matches('[').trim_end_matches(']'))
            .collect();
        format!("[{}]", users.join(","))
    };
    // Users of other ids show that the service did not look for the id, and so nothing is known of one without.
    let filter_ignored = merged(&[&stranger, &USER.replace("clientUserId", "id")]);
    let two = merged(&[USER, USER]);
    for (users, doubt) in [
        (other_person.as_str(), Doubt::OtherPerson),
        (before.as_str(), Doubt::WasThereBefore),
        (later.as_str(), Doubt::MadeLater),
        (timeless.as_str(), Doubt::NoMomentToCompare),
        (timed_oddly.as_str(), Doubt::NoMomentToCompare),
        (stranger.as_str(), Doubt::OtherUsers),
        (filter_ignored.as_str(), Doubt::OtherUsers),
        (without_id.as_str(), Doubt::OtherPerson),
        (nameless, Doubt::NothingToCompare),
        (two.as_str(), Doubt::Several),
    ] {
        let bench = Bench::new([lost(), Reply::json(200, users), Reply::json(200, users)]);
        for attempt in 0..2 {
            let error = bench.submit().await.unwrap_err();
            check_hidden(&error);
            assert!(error.may_be_placed());
            let OrderError::Unknown { entry, .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!(entry.unwrap().state, EntryState::Unknown(doubt));
            assert_eq!(bench.sent(), (usize::from(attempt == 0), 1));
            // However long after: what came is no empty answer.
            bench.runtime.advance(Duration::from_secs(2 * 3600));
        }
    }
}

#[tokio::test]
async fn a_user_that_comes_without_an_id_is_told_by_name_and_birth() {
    let without_id = USER.replace("clientUserId", "id");
    let bench = Bench::new([lost(), Reply::json(200, &without_id)]);
    assert_eq!(bench.submit().await.unwrap().as_str(), "5c2e");
}

#[tokio::test]
async fn an_order_is_not_taken_for_one_that_came_before_it_was_sent() {
    let bench = Bench::new([lost(), Reply::json(200, &USER.replace("-15T", "-16T"))]);
    let (ttl, subject) = (Duration::from_secs(300), Subject::of(&order()));
    let begin = Op::Begin { ttl, subject };
    bench.journal.apply(&intent(), begin).await.unwrap();
    // It was written days before it was sent.
    bench.runtime.advance(Duration::from_secs(3 * 86_400));
    let error = bench.submit().await.unwrap_err();
    let OrderError::Unknown { entry, .. } = error else {
        panic!("{error:?}")
    };
    let doubt = EntryState::Unknown(Doubt::WasThereBefore);
    assert_eq!(entry.unwrap().state, doubt);
}

#[tokio::test]
async fn an_order_of_another_type_is_not_taken_for_this_one() {
    for (orders, doubt) in [
        (r#"[{"orderType":"full"}]"#, None),
        (r#"[{"orderType":"aps-only"}]"#, Some(Doubt::OtherOrderType)),
        (
            r#"[{"orderType":"aps-only"},{"orderId":"o-2"}]"#,
            Some(Doubt::NoTypeToCompare),
        ),
        ("[]", Some(Doubt::NoTypeToCompare)),
    ] {
        let details = Reply::json(200, &format!(r#"{{"humanId":"5c2e","orders":{orders}}}"#));
        let bench = Bench::new([lost(), Reply::json(200, USER), details]);
        let order = order().with_order_type("full").unwrap();
        let found = bench.client.orders().submit(&intent(), &order).await;
        let told = match found {
            Ok(_) => None,
            Err(OrderError::Unknown {
                entry: Some(entry), ..
            }) => Some(entry.state),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(told, doubt.map(EntryState::Unknown), "{orders}");
        assert_eq!(bench.sent(), (1, 2));
    }
}

#[tokio::test]
async fn an_order_that_is_not_there_is_sent_again_by_a_decision_alone() {
    let nothing = || Reply::json(200, "[]");
    let mut answers = vec![lost()];
    answers.extend((0..5).map(|_| nothing()));
    let bench = Bench::new(answers);
    let error = bench.submit().await.unwrap_err();
    let OrderError::Unknown {
        entry: Some(entry), ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(entry.state, EntryState::Unknown(Doubt::NotThereYet));
    assert_eq!(bench.sent(), (1, 5));

    bench.runtime.advance(Duration::from_secs(3600));
    bench.transport.then(nothing());
    let orders = bench.client.orders();
    let error = orders.reconcile(&intent()).await.unwrap_err();
    let OrderError::Absent(entry) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(bench.submit().await, Err(OrderError::Absent(_))));
    assert_eq!(bench.sent(), (0, 1));

    let again = Decision::SendAgain;
    orders
        .decide(&intent(), &entry, again.clone())
        .await
        .unwrap();
    let twice = orders.decide(&intent(), &entry, again).await;
    assert!(matches!(twice, Err(OrderError::Changed)));
    bench.transport.then(nothing());
    bench.transport.then(Reply::json(201, USER));
    assert!(bench.submit().await.is_ok());
    assert_eq!(bench.sent(), (1, 1));
}

#[tokio::test]
async fn a_refusal_of_the_services_own_has_placed_nothing_and_may_be_corrected() {
    let refusal = r#"{"statusCode":400,"error":"Bad Request","message":"canary",
        "validation":{"source":"payload","keys":["lastName"]},"x-humanapi-request-id":"b1c6"}"#;
    let nobody = Reply::json(200, "[]");
    let bench = Bench::new([Reply::json(400, refusal), nobody, Reply::json(201, USER)]);
    let error = bench.submit().await.unwrap_err();
    check_hidden(&error);
    assert!(!error.may_be_placed());
    let OrderError::NotPlaced(Some(cause)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        cause.api_error().unwrap().kind(),
        ApiErrorKind::InvalidRequest
    );
    assert!(cause.to_string().contains("`lastName`"));
    assert!(bench.submit().await.is_ok());
    assert_eq!(bench.sent(), (2, 1));
}

/// The user with these orders.
fn with(orders: &str) -> Reply {
    let user = format!(r#"{{"humanId":"5c2e","orders":[{orders}]}}"#);
    Reply::json(200, &user)
}

const FIRST: &str = r#"{"orderId":"o-1"}"#;
const BOTH: &str = r#"{"orderId":"o-1"},{"orderId":"o-2"}"#;

/// The service may answer an order for a user who has one with a success and place none.
#[tokio::test]
async fn an_order_for_a_user_who_has_one_is_placed_where_a_new_one_is_there() {
    for status in [201, 202] {
        let user = || Reply::json(200, USER);
        let answers = [user(), with(FIRST), Reply::json(status, USER)];
        // It is shown a while after it was taken.
        let answers = answers
            .into_iter()
            .chain([user(), with(FIRST), user(), with(BOTH)]);
        let bench = Bench::new(answers).knows_the_user();
        assert_eq!(bench.submit().await.unwrap().as_str(), "5c2e");
        assert_eq!(bench.sent(), (1, 6));

        let mut answers = vec![user(), with(FIRST), Reply::json(status, USER)];
        answers.extend((0..5).flat_map(|_| [user(), with(FIRST)]));
        let bench = Bench::new(answers).knows_the_user();
        let error = bench.submit().await.unwrap_err();
        check_hidden(&error);
        let OrderError::Unknown {
            entry: Some(entry), ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(entry.state, EntryState::Unknown(Doubt::NoNewOrder));
        assert_eq!(bench.sent(), (1, 12));
    }
}

/// Strangers beside the user show that the service did not look for the id; the user is still the one of the id.
#[tokio::test]
async fn whose_orders_are_read_is_told_by_the_orders_own_id() {
    let stranger = r#"{"humanId":"1","clientUserId":"b"}"#;
    let among_others = || Reply::json(200, &USER.replacen('[', &format!("[{stranger},"), 1));
    let before = [among_others(), with(FIRST), Reply::json(201, USER)];
    let after = [among_others(), with(BOTH)];
    let bench = Bench::new(before.into_iter().chain(after)).knows_the_user();
    assert_eq!(bench.submit().await.unwrap().as_str(), "5c2e");
    let asked = bench.transport.requests();
    let paths = asked.iter().map(|request| request.uri().path());
    let details: Vec<_> = paths.filter(|path| path.ends_with("/5c2e")).collect();
    assert_eq!((details.len(), asked.len()), (2, 6), "{details:?}");

    // Of a stranger alone nothing is read.
    let alone = format!("[{stranger}]");
    let bench = Bench::new([Reply::json(200, &alone), Reply::json(201, USER)]).knows_the_user();
    bench.transport.then(Reply::json(200, USER));
    assert!(bench.submit().await.is_ok());
    assert_eq!(bench.sent(), (1, 2));
}

#[tokio::test]
async fn an_order_is_not_sent_where_what_is_there_before_cannot_be_read() {
    let refused = Reply::json(
        403,
        r#"{"code":403,"error":"Forbidden","message":"canary"}"#,
    );
    let answers = [refused, Reply::json(200, "[]"), Reply::json(201, USER)];
    let bench = Bench::new(answers).knows_the_user();
    let error = bench.submit().await.unwrap_err();
    check_hidden(&error);
    assert!(matches!(error, OrderError::NotPlaced(Some(_))), "{error:?}");
    assert_eq!(bench.sent(), (0, 1));
    // Nobody waits for its claim.
    assert!(bench.submit().await.is_ok());
    assert_eq!(bench.sent(), (1, 1));
}

#[tokio::test]
async fn a_decision_that_an_order_exists_names_a_user() {
    let bench = Bench::new([]);
    crash(&bench).await;
    bench.runtime.advance(Duration::from_secs(301));
    let orders = bench.client.orders();
    let entry = orders.entry(&intent()).await.unwrap().unwrap();
    let nobody = Decision::Exists(HumanId::new(""));
    let decided = orders.decide(&intent(), &entry, nobody).await;
    assert!(matches!(decided, Err(OrderError::NoUser)));
    assert!(OrderError::NoUser.may_be_placed(), "it was sent");
    let stands = orders.entry(&intent()).await.unwrap().unwrap();
    assert_eq!(stands.state, EntryState::Sent);
}

#[tokio::test]
async fn a_key_is_not_taken_for_another_order() {
    let bench = Bench::new([Reply::json(201, USER)]);
    bench.submit().await.unwrap();
    let other = NewOrder::new(ClientUserId::new("case-2").unwrap());
    let refused = bench.client.orders().submit(&intent(), &other).await;
    assert!(matches!(refused, Err(OrderError::OtherOrder)));
    let unknown = IntentKey::new("another").unwrap();
    let missing = bench.client.orders().reconcile(&unknown).await;
    assert!(matches!(missing, Err(OrderError::NoSuchIntent)));
    assert_eq!(bench.sent(), (1, 0));
}

/// Where it is not certain who the user is, somebody who knows may still say so.
#[tokio::test]
async fn each_user_of_an_id_is_one_and_nobody_else() {
    let of = |id: &str, own: &str| format!(r#"{{"humanId":"{id}"{own}}}"#);
    let (own, other) = (r#","clientUserId":"case-canary""#, r#","clientUserId":"b""#);
    let two = format!("[{},{}]", of("1", own), of("2", own));
    let unnamed = format!("[{}]", of("1", ""));
    let strangers = format!("[{},{}]", of("1", other), of("2", ""));
    for (users, details, expected) in [
        (&two, None, true),
        (&unnamed, None, true),
        (&strangers, Some(of("2", own)), true),
        (&strangers, Some(of("2", other)), false),
        (&strangers, Some(of("2", "")), false),
    ] {
        let answers = [Some(users.clone()), details];
        let answers = answers.iter().flatten().map(|body| Reply::json(200, body));
        let bench = Bench::new(answers).knows_the_user();
        let id = if *users == unnamed { "1" } else { "2" };
        let told = bench.client.orders().is_user(id, "case-canary").await;
        assert_eq!(told.unwrap(), expected, "{users}");
    }
    let gone = r#"{"code":404,"error":"Not Found","message":"Not Found"}"#;
    let bench = Bench::new([Reply::json(200, &two), Reply::json(404, gone)]).knows_the_user();
    let orders = bench.client.orders();
    assert!(!orders.is_user("3", "case-canary").await.unwrap());
    assert!(!orders.is_user("", "case-canary").await.unwrap());
    assert_eq!(bench.sent(), (0, 2));
}

/// Has the order marked as sent by a worker that is not heard of again.
async fn crash(bench: &Bench) {
    bench.is_known.store(true, Ordering::Relaxed);
    let ttl = Duration::from_secs(300);
    let subject = Subject::of(&order());
    let begun = bench
        .journal
        .apply(&intent(), Op::Begin { ttl, subject })
        .await
        .unwrap();
    let Effect::Send(claim) = begun else {
        panic!("{begun:?}")
    };
    let before = Before::Nobody;
    bench
        .journal
        .apply(&intent(), Op::Depart { claim, ttl, before })
        .await
        .unwrap();
}

#[tokio::test]
async fn after_a_crash_nobody_sends_and_what_is_there_is_found() {
    let bench = Bench::new([Reply::json(200, USER)]);
    crash(&bench).await;
    // Its claim runs: somebody may be at it.
    assert!(matches!(bench.submit().await, Err(OrderError::InProgress)));
    let orders = bench.client.orders();
    let (before, all) = (bench.runtime.now(), orders.reconcile_open());
    let found: Vec<_> = all.try_collect().await.unwrap();
    assert!(matches!(&found[..], [(_, Err(OrderError::InProgress))]));
    assert_eq!(bench.runtime.now(), before, "no intent is waited for");
    bench.runtime.advance(Duration::from_secs(300));
    let found: Vec<_> = orders.reconcile_open().try_collect().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.as_ref().unwrap().as_str(), "5c2e");
    assert_eq!(orders.reconcile_open().count().await, 0, "it was told");
    assert_eq!(bench.sent(), (0, 1));
}

/// Fails at one operation, before or after it happened.
struct Failing {
    journal: MemoryOrderJournal,
    calls: AtomicUsize,
    fails_at: usize,
    happens: bool,
}

#[async_trait]
impl OrderJournal for Failing {
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        let fails = self.calls.fetch_add(1, Ordering::Relaxed) == self.fails_at;
        if fails && !self.happens {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "it is away"));
        }
        let effect = self.journal.apply(intent, op).await?;
        if fails {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "it is away"));
        }
        Ok(effect)
    }

    async fn load(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError> {
        self.journal.load(intent).await
    }

    async fn open(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        self.journal.open(after, limit).await
    }
}

/// Takes 15 seconds to mark an order as sent, and keeps when it was told what came of it.
struct Slow {
    journal: MemoryOrderJournal,
    runtime: VirtualRuntime,
    settled_at: Mutex<Option<Duration>>,
}

#[async_trait]
impl OrderJournal for Slow {
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        let (departs, settles) = (
            matches!(op, Op::Depart { .. }),
            matches!(op, Op::Settle { .. }),
        );
        let effect = self.journal.apply(intent, op).await;
        if departs {
            self.runtime.advance(Duration::from_secs(15));
        }
        if settles {
            *self.settled_at.lock().unwrap() = Some(self.runtime.now().monotonic());
        }
        effect
    }

    async fn load(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError> {
        self.journal.load(intent).await
    }

    async fn open(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        self.journal.open(after, limit).await
    }
}

#[tokio::test]
async fn sending_is_over_when_the_claim_is_however_slow_the_journal() {
    let runtime = VirtualRuntime::new();
    let begun = runtime.now().monotonic();
    let journal = Arc::new(Slow {
        journal: MemoryOrderJournal::on(Arc::new(runtime.clone())),
        runtime: runtime.clone(),
        settled_at: Mutex::default(),
    });
    let ttl = Duration::from_secs(20);
    let answers = [
        Reply::json(200, TOKEN),
        Reply::json(200, "[]"),
        Reply::hang(),
        Reply::json(200, USER),
    ];
    let credentials = Credentials::new("app-1", "canary-secret").unwrap();
    let transport = ScriptedTransport::new(answers);
    let client = Client::builder(credentials, Provisioning::Hip, transport)
        .order_journal(Arc::clone(&journal) as Arc<dyn OrderJournal>)
        .order_policy(OrderPolicy::default().with_claim_ttl(ttl).unwrap())
        .build_on(runtime);
    let found = client.orders().submit(&intent(), &order()).await;
    assert!(found.is_ok(), "{found:?}");
    let settled_at = journal.settled_at.lock().unwrap().unwrap();
    assert_eq!(settled_at - begun, ttl);
}

/// Never answers.
struct Stuck;

#[async_trait]
impl OrderJournal for Stuck {
    async fn apply(&self, _: &IntentKey, _: Op) -> Result<Effect, StoreError> {
        pending().await
    }

    async fn load(&self, _: &IntentKey) -> Result<Option<Entry>, StoreError> {
        pending().await
    }

    async fn open(
        &self,
        _: Option<&IntentKey>,
        _: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        pending().await
    }
}

#[tokio::test]
async fn a_turn_is_waited_for_no_longer_than_for_others() {
    let runtime = VirtualRuntime::new();
    let begun = runtime.now();
    let bench = Bench::with_journal([], runtime, Arc::new(Stuck));
    let mut first = Box::pin(bench.submit());
    assert!((&mut first).now_or_never().is_none(), "it has the turn");
    let orders = bench.client.orders();
    let (other, order) = (IntentKey::new("another").unwrap(), order());
    let second = orders.submit(&other, &order).now_or_never();
    assert!(matches!(second, Some(Err(OrderError::InProgress))));
    let waited = bench.runtime.now().since(begun);
    assert_eq!(waited, OrderPolicy::default().wait_for_others());
    // A turn that is not waited for any more is nobody's.
    drop(first);
    assert!(orders.submit(&other, &order).now_or_never().is_none());
}

fn failing(answers: impl IntoIterator<Item = Reply>, fails_at: usize, happens: bool) -> Bench {
    let runtime = VirtualRuntime::new();
    let journal = Failing {
        journal: MemoryOrderJournal::on(Arc::new(runtime.clone())),
        calls: AtomicUsize::new(0),
        fails_at,
        happens,
    };
    Bench::with_journal(answers, runtime, Arc::new(journal))
}

#[tokio::test]
async fn what_may_be_placed_is_told_so_whatever_the_journal_fails_at() {
    // In reach of a first sending and of a second one.
    let user = USER.replace("09:00:01", "09:04:00");
    for fails_at in 0..6 {
        for happens in [false, true] {
            let found = (0..3).map(|_| Reply::json(200, &user));
            let bench = failing(std::iter::once(lost()).chain(found), fails_at, happens);
            let first = bench.submit().await;
            let sent = bench.sent().0;
            if let Err(error) = &first {
                check_hidden(error);
                assert!(error.may_be_placed() || sent == 0, "{fails_at} {error:?}");
                let is_unknown = matches!(error, OrderError::Unknown { .. });
                assert_eq!(is_unknown, sent == 1, "{fails_at} {happens} {error:?}");
            }
            bench.runtime.advance(Duration::from_secs(301));
            assert!(bench.submit().await.is_ok(), "{fails_at} {happens}");
            assert_eq!(sent + bench.sent().0, 1, "{fails_at} {happens}");
        }
    }
}

#[tokio::test]
async fn a_journal_that_fails_at_once_tells_nothing_of_what_was_sent_before() {
    for reconciles in [false, true] {
        let bench = failing([], 2, false);
        crash(&bench).await;
        bench.runtime.advance(Duration::from_secs(301));
        let error = if reconciles {
            bench.client.orders().reconcile(&intent()).await
        } else {
            bench.submit().await
        };
        let error = error.unwrap_err();
        assert!(matches!(error, OrderError::Journal(Some(_))), "{error:?}");
        assert!(error.may_be_placed(), "{error:?}");
        assert!(error.to_string().contains("not known"), "{error}");
    }
}

#[tokio::test]
async fn a_journal_that_fails_at_any_operation_has_no_order_sent_twice() {
    for fails_at in 0..4 {
        for happens in [false, true] {
            let bench = failing([Reply::json(201, USER)], fails_at, happens);
            let first = bench.submit().await;
            bench.runtime.advance(Duration::from_secs(301));
            if let Err(error) = &first {
                check_hidden(error);
                assert!(
                    matches!(error, OrderError::Journal(Some(_))),
                    "{fails_at} {happens} {error:?}"
                );
                assert_eq!(bench.sent(), (0, 0), "{fails_at} {happens}");
            }
            assert!(bench.submit().await.is_ok(), "{fails_at} {happens}");
            let sent = bench.sent().0;
            assert_eq!(sent, 1, "{fails_at} {happens}");
        }
    }
}

#[tokio::test]
async fn a_watch_tells_each_change_and_when_it_asked_and_ends_with_the_orders() {
    let user = |state: &str| {
        let body = format!(
            r#"{{"humanId":"5c2e","orders":[{{"orderId":"o-1","orderStatus":"{state}"}}]}}"#
        );
        Reply::json(200, &body)
    };
    let none = Reply::json(
        404,
        r#"{"code":404,"error":"Not Found","message":"Not Found"}"#,
    );
    let bench = Bench::new([
        none,
        user("Created"),
        user("created"),
        user("In Progress"),
        user("Completed"),
    ]);
    let begun = bench.client.now();
    let watch = bench.client.orders().watch(HumanId::new("5c2e"));
    let states: Vec<_> = watch
        .map_ok(|change| {
            let state = change.user.orders[0].state.clone().unwrap();
            (state, change.asked_at.since(begun).as_secs())
        })
        .try_collect()
        .await
        .unwrap();
    let expected = [
        (OrderState::Created, 30),
        (OrderState::InProgress, 120),
        (OrderState::Completed, 150),
    ];
    assert_eq!(states, expected);
    assert_eq!(bench.sent(), (0, 5));

    let gone = Reply::json(403, r#"{"code":403,"error":"Forbidden","message":"no"}"#);
    let bench = Bench::new([user("Pended"), gone]);
    let watch: Vec<_> = bench
        .client
        .orders()
        .watch(HumanId::new("5c2e"))
        .collect()
        .await;
    assert_eq!(watch.len(), 2);
    assert!(watch[0].is_ok() && watch[1].is_err());
}

#[tokio::test]
async fn a_list_is_read_until_a_page_is_empty() {
    let bench = Bench::new([
        Reply::json(200, r#"[{"humanId":"1"},{"humanId":"2"}]"#),
        Reply::json(200, r#"[{"humanId":"3"}]"#),
        Reply::json(200, "[]"),
    ]);
    let users: Vec<_> = bench
        .client
        .orders()
        .users()
        .all()
        .try_collect()
        .await
        .unwrap();
    let ids: Vec<_> = users.iter().map(|user| user.human_id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_report_is_read_as_it_arrives_and_a_link_hides_itself() {
    let link = r#"{"consumerLink":"https://todo.example.test/?rq=canary"}"#;
    let bench = Bench::new([Reply::json(200, r#"{"report":1}"#), Reply::json(200, link)]);
    let orders = bench.client.orders();
    let report = orders.report("rep-1").open().await.unwrap();
    assert_eq!(report.bytes(1024).await.unwrap(), r#"{"report":1}"#);
    let link = orders.consumer_link(HumanId::new("5c2e")).await.unwrap();
    assert!(!format!("{link:?}").contains("canary"));
    assert!(link.url.expose_secret().contains("canary"));
}
