//! One process of a fleet: a client with a broker on the shared store, which does as it is told on its
//! standard input and reports on its standard output.

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use humanapi_client::{BrokerEvent, Client, TokenBroker};
use humanapi_core::broker::BrokerPolicy;
use humanapi_core::{ClientUserId, Credentials, Hosts, Provisioning, TokenKey};
use humanapi_hyper::HyperTransport;
use serde::{Deserialize, Serialize};

use crate::stores;

/// The test that is a member when it has an order.
pub(crate) const TEST: &str = "member::a_member_understands_its_order";
/// The environment variable that holds the order.
pub(crate) const ORDER: &str = "HUMANAPI_FLEET_ORDER";
/// What a member's own lines begin with, after whatever the test harness wrote on the line.
pub(crate) const MARK: &str = "fleet> ";

/// What a member needs to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) store: String,
    pub(crate) keys: String,
    pub(crate) lease: Duration,
    pub(crate) seed: u64,
}

/// What a member is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// So many tasks at once, each reading the profiles of so many users, one after another.
    Read {
        tasks: usize,
        each: usize,
        keys: usize,
    },
    /// So many tasks at once, each reading one profile after another for so long.
    ReadFor {
        time: Duration,
        tasks: usize,
        keys: usize,
    },
    /// Get one user's access token.
    Token { user: String },
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    /// Commits that came too late.
    pub(crate) fenced: u64,
    /// Times the store failed.
    pub(crate) store_failed: u64,
    pub(crate) generations: BTreeSet<u64>,
    /// The first failure's message.
    pub(crate) failure: Option<String>,
    /// The first failure of the store.
    pub(crate) store_failure: Option<String>,
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl $name {
            pub(crate) fn to_text(&self) -> String {
                serde_json::to_string(self).unwrap()
            }

            pub(crate) fn of_text(text: &str) -> Self {
                serde_json::from_str(text).unwrap()
            }
        }
    )+};
}
as_text!(Order, Task, Report);

impl Report {
    pub(crate) fn plus(mut self, more: Self) -> Self {
        self.done += more.done;
        self.failed += more.failed;
        self.fenced += more.fenced;
        self.store_failed += more.store_failed;
        self.generations.extend(more.generations);
        self.failure = self.failure.or(more.failure);
        self.store_failure = self.store_failure.or(more.store_failure);
        self
    }
}

pub(crate) fn user(number: usize) -> String {
    format!("member-user-{number}")
}

#[test]
fn a_member_understands_its_order() {
    match std::env::var(ORDER) {
        Ok(order) => run(&Order::of_text(&order)),
        Err(_) => {
            let order = Order {
                url: "http://127.0.0.1:1".to_owned(),
                client_id: "app".to_owned(),
                client_secret: "hush".to_owned(),
                store: "sqlite:tokens.db".to_owned(),
                keys: "two\nlines".to_owned(),
                lease: Duration::from_millis(1_500),
                seed: 7,
            };
            assert_eq!(Order::of_text(&order.to_text()), order);
            let task = Task::Token { user: user(3) };
            assert_eq!(Task::of_text(&task.to_text()), task);
        }
    }
}

#[expect(clippy::print_stdout, reason = "its parent reads what it prints")]
fn say(line: &str) {
    println!("{MARK}{line}");
}

fn run(order: &Order) {
    crate::block_on(async {
        let member = Member::new(order).await;
        say("ready");
        for line in std::io::stdin().lock().lines() {
            let report = member.carry_out(&Task::of_text(&line.unwrap())).await;
            say(&report.to_text());
        }
    });
}

struct Member {
    client: Client,
    fenced: Arc<AtomicU64>,
    store_failed: Arc<AtomicU64>,
    store_failure: Arc<Mutex<Option<String>>>,
}

impl Member {
    async fn new(order: &Order) -> Self {
        let credentials = Credentials::new(order.client_id.as_str(), order.client_secret.as_str());
        let credentials = credentials.unwrap();
        let hosts = Hosts::single(&order.url).unwrap();
        let transport = HyperTransport::new();
        let (fenced, store_failed) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (late, down) = (Arc::clone(&fenced), Arc::clone(&store_failed));
        let store_failure = Arc::<Mutex<Option<String>>>::default();
        let heard = Arc::clone(&store_failure);
        // Eight processes on a small machine: what is slow here is the machine and not the store.
        let policy = BrokerPolicy::default()
            .with_seed(order.seed)
            .with_lease(order.lease)
            .with_store_patience(stores::PATIENCE);
        let broker = TokenBroker::builder(
            credentials.clone(),
            Provisioning::Connect,
            transport.clone(),
        )
        .hosts(hosts.clone())
        .policy(policy)
        .store(stores::open(&order.store, &order.keys).await)
        .on_event(move |_, event| match event {
            BrokerEvent::Fenced => {
                late.fetch_add(1, Ordering::SeqCst);
            }
            BrokerEvent::StoreFailed(error) => {
                down.fetch_add(1, Ordering::SeqCst);
                *heard.lock().unwrap() =
                    Some(format!("{error:?} {:?}", std::error::Error::source(error)));
            }
            _ => {}
        })
        .build();
        let client = Client::builder(credentials, Provisioning::Connect, transport)
            .hosts(hosts)
            .broker(broker)
            .build();
        Self {
            client,
            fenced,
            store_failed,
            store_failure,
        }
    }

    async fn carry_out(&self, task: &Task) -> Report {
        let (fenced, store_failed) = (
            self.fenced.load(Ordering::SeqCst),
            self.store_failed.load(Ordering::SeqCst),
        );
        let mut report = match task {
            Task::Read { tasks, each, keys } => {
                let all = (0..*tasks).map(|task| self.read(task, *keys, |done| done < *each));
                sum(join_all(all).await)
            }
            Task::ReadFor { time, tasks, keys } => {
                let end = Instant::now() + *time;
                let all = (0..*tasks).map(|task| self.read(task, *keys, |_| Instant::now() < end));
                sum(join_all(all).await)
            }
            Task::Token { user } => self.token(user).await,
        };
        report.fenced = self.fenced.load(Ordering::SeqCst) - fenced;
        report.store_failed = self.store_failed.load(Ordering::SeqCst) - store_failed;
        report.store_failure = self.store_failure.lock().unwrap().take();
        report
    }

    async fn read(&self, task: usize, keys: usize, goes_on: impl Fn(usize) -> bool) -> Report {
        let mut report = Report::default();
        let mut read = 0;
        while goes_on(read) {
            let user = user((task * 7 + read * 31) % keys);
            read += 1;
            match self.client.user(user).data().profile().await {
                Ok(_) => report.done += 1,
                Err(error) => {
                    report.failed += 1;
                    report.failure.get_or_insert_with(|| format!("{error:?}"));
                }
            }
        }
        report
    }

    async fn token(&self, user: &str) -> Report {
        let broker = self.client.broker().unwrap();
        let user = ClientUserId::new(user).unwrap();
        let key = TokenKey::access(broker.client_id().clone(), user);
        let mut report = Report::default();
        match broker.token(&key).await {
            Ok(token) => {
                report.done = 1;
                report.generations.insert(token.generation().number());
            }
            Err(error) => {
                report.failed = 1;
                report.failure = Some(format!("{error:?}"));
            }
        }
        report
    }
}

fn sum(reports: Vec<Report>) -> Report {
    reports.into_iter().fold(Report::default(), Report::plus)
}
