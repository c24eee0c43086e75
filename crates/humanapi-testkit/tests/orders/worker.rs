//! A worker that submits one intent, and what goes wrong with it and with its journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{Client, OrderError, OrderJournal, StoreError, StoreErrorKind, Transport};
use humanapi_core::admin::order::{Effect, Entry, IntentKey, Op};
use humanapi_core::admin::{BirthDate, NewOrder};
use humanapi_core::http::Method;
use humanapi_core::{ClientUserId, HumanId, Provisioning, Request, Response, SendFailure};
use tokio::sync::Notify;

use super::scene::Scene;

/// What happens to a worker once. Operations of its journal are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Nothing,
    /// The operation fails and did not happen.
    JournalBefore(usize),
    /// The operation happened, and its answer is lost.
    JournalAfter(usize),
    /// The worker ends before the operation.
    CrashBefore(usize),
    /// The worker ends after the operation, before it learns of it.
    CrashAfter(usize),
    /// The worker ends when it is about to send.
    CrashAtSending,
    /// The worker ends when the order has arrived, before it hears of it.
    CrashWhileSending,
    /// The worker ends while it looks what is there before it sends.
    CrashAtLooking,
    /// The worker ends while it looks what is there afterwards.
    CrashAtReading,
}

impl Break {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Nothing,
            Self::CrashAtSending,
            Self::CrashWhileSending,
            Self::CrashAtLooking,
            Self::CrashAtReading,
        ];
        for operation in 0..6 {
            all.extend([
                Self::JournalBefore(operation),
                Self::JournalAfter(operation),
                Self::CrashBefore(operation),
                Self::CrashAfter(operation),
            ]);
        }
        all
    }
}

/// The order of one case.
pub(crate) fn order(user: &str) -> NewOrder {
    let born = BirthDate::parse("1980-04-09", "2026-01-15".parse().unwrap()).unwrap();
    let order = NewOrder::new(ClientUserId::new(user).unwrap());
    let order = order.with_name("Testina", "Canary").unwrap();
    order.with_birth_date(born)
}

/// Ends the process that it stands for: whoever waits on it goes no further.
#[derive(Default)]
struct Crash(Notify);

impl Crash {
    async fn now<T>(&self) -> T {
        self.0.notify_one();
        std::future::pending().await
    }
}

pub(crate) struct Worker {
    client: Client,
    crash: Arc<Crash>,
    intent: IntentKey,
    order: NewOrder,
}

impl Worker {
    pub(crate) fn new(
        scene: &impl Scene,
        journal: Arc<dyn OrderJournal>,
        breaks: Break,
        user: &str,
    ) -> Self {
        let crash = Arc::new(Crash::default());
        let transport = Line {
            way: scene.way(),
            has_sent: AtomicBool::new(false),
            breaks,
            crash: Arc::clone(&crash),
        };
        let journal = Breaking {
            journal,
            breaks,
            operations: AtomicUsize::new(0),
            crash: Arc::clone(&crash),
        };
        let client = Client::builder(scene.credentials(), Provisioning::Hip, transport)
            .order_journal(Arc::new(journal))
            .build_on(scene.time());
        Self {
            client,
            crash,
            intent: IntentKey::new(format!("intent of {user}")).unwrap(),
            order: order(user),
        }
    }

    /// Nothing where it crashed.
    pub(crate) async fn submit(&self) -> Option<Result<HumanId, OrderError>> {
        let orders = self.client.orders();
        tokio::select! {
            biased;
            outcome = orders.submit(&self.intent, &self.order) => Some(outcome),
            () = self.crash.0.notified() => None,
        }
    }

    /// Decides that an order which is known not to be there may be sent once more.
    pub(crate) async fn send_again(&self, entry: &Entry) {
        let decision = humanapi_core::admin::order::Decision::SendAgain;
        let orders = self.client.orders();
        orders.decide(&self.intent, entry, decision).await.unwrap();
    }
}

/// The way to the service.
struct Line<T> {
    way: T,
    has_sent: AtomicBool,
    breaks: Break,
    crash: Arc<Crash>,
}

#[async_trait]
impl<T: Transport> Transport for Line<T> {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let path = request.uri().path_and_query().unwrap().as_str();
        let is_about_users = path.starts_with("/api/v1/users");
        let is_order = is_about_users && request.method() == Method::POST;
        let has_sent = self.has_sent.fetch_or(is_order, Ordering::Relaxed);
        let crashes = match self.breaks {
            Break::CrashAtSending => is_order,
            Break::CrashAtLooking => is_about_users && !is_order && !has_sent,
            Break::CrashAtReading => is_about_users && !is_order && has_sent,
            _ => false,
        };
        if crashes {
            return self.crash.now().await;
        }
        let answer = self.way.send(request, timeout).await;
        if is_order && self.breaks == Break::CrashWhileSending {
            return self.crash.now().await;
        }
        answer
    }

    fn keeps_time(&self) -> bool {
        self.way.keeps_time()
    }
}

struct Breaking {
    journal: Arc<dyn OrderJournal>,
    breaks: Break,
    operations: AtomicUsize,
    crash: Arc<Crash>,
}

#[async_trait]
impl OrderJournal for Breaking {
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        let away = || Err(StoreError::new(StoreErrorKind::Unavailable, "it is away"));
        let at = self.operations.fetch_add(1, Ordering::Relaxed);
        match self.breaks {
            Break::JournalBefore(breaks) if breaks == at => return away(),
            Break::CrashBefore(breaks) if breaks == at => return self.crash.now().await,
            _ => {}
        }
        let effect = self.journal.apply(intent, op).await;
        match self.breaks {
            Break::JournalAfter(breaks) if breaks == at => away(),
            Break::CrashAfter(breaks) if breaks == at => self.crash.now().await,
            _ => effect,
        }
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
