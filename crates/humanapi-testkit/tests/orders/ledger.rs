//! The same cases at the sandbox, whose ledger tells what would be billed.
//!
//! Every order that arrives there is placed, so that a second one counts.

use std::sync::Arc;
use std::time::Duration;

use humanapi_client::{MemoryOrderJournal, OrderJournal};
use humanapi_core::Credentials;
use humanapi_core::http::Method;
use humanapi_sandbox::{Assumption, DemoApp, Fault, IntermediaryBody, OfflineSandbox, Sandbox};
use humanapi_testing::{ForTests as _, SandboxClock, SandboxTransport};

use crate::scene::{Scene, Trouble};
use crate::worker::Break;
use crate::{Case, Pause, Repeat, all, places, run};

const USERS: &str = "/api/v1/users";

/// What the sandbox makes of the first order that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Fine,
    /// It is answered so late, which may be later than anybody waits.
    Delayed(Duration),
    DroppedBefore,
    DroppedAfter,
    Truncated,
    Garbled,
    /// It is answered with an error of the service, and takes effect or not.
    Status(u16, bool),
    /// Something in between answers, and it takes effect or not.
    Between(u16, IntermediaryBody, bool),
}

impl Sent {
    fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Fine,
            Self::Delayed(Duration::from_secs(1)),
            Self::Delayed(Duration::from_secs(120)),
            Self::DroppedBefore,
            Self::DroppedAfter,
            Self::Truncated,
            Self::Garbled,
        ];
        // What the service refuses did not take effect: it is believed when it says so.
        all.extend(
            [400, 401, 403, 404, 409, 429, 500, 503].map(|status| Self::Status(status, false)),
        );
        all.extend([409, 500, 503].map(|status| Self::Status(status, true)));
        for body in IntermediaryBody::ALL {
            for effect in [false, true] {
                all.extend([200, 403, 502].map(|status| Self::Between(status, body, effect)));
            }
        }
        all
    }

    fn fault(self) -> Option<Fault> {
        let with_effect = |fault: Fault, effect: bool| match effect {
            true => fault.after_effect(),
            false => fault,
        };
        Some(match self {
            Self::Fine => return None,
            Self::Delayed(by) => Fault::delay(by),
            Self::DroppedBefore => Fault::drop_before(),
            Self::DroppedAfter => Fault::drop_after(),
            Self::Truncated => Fault::truncated_body(),
            Self::Garbled => Fault::garbage_body(),
            Self::Status(status, effect) => with_effect(Fault::status(status), effect),
            Self::Between(status, body, effect) => {
                with_effect(Fault::intermediary(status, body), effect)
            }
        })
    }
}

/// What somebody sees who looks which users there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// What was made, after a time that the sandbox has a switch for.
    After(&'static str),
    /// The first three answers fail.
    Fails,
    Garbled,
    Dropped,
}

impl Seen {
    const ALL: [Self; 7] = [
        Self::After("at-once"),
        Self::After("1-second"),
        Self::After("30-seconds"),
        Self::After("10-minutes"),
        Self::Fails,
        Self::Garbled,
        Self::Dropped,
    ];
}

#[derive(Clone, Copy, Debug)]
struct AtTheSandbox(Sent, Seen);

impl Trouble for AtTheSandbox {
    type Scene = OfflineSandbox;

    fn all() -> Vec<Self> {
        let sent = Sent::all().into_iter();
        let each = sent.flat_map(|sent| Seen::ALL.map(|seen| Self(sent, seen)));
        each.collect()
    }

    fn begin(self) -> OfflineSandbox {
        let mut builder = Sandbox::builder()
            .assume(Assumption::SecondOrder, "always")
            .unwrap();
        if let Seen::After(time) = self.1 {
            builder = builder.assume(Assumption::ReadAfterWrite, time).unwrap();
        }
        let sandbox = builder.build_offline();
        let plan = |fault: Fault, method, times| {
            let fault = fault.on_method(method).on_path(USERS).times(times);
            sandbox.control().plan_fault(fault).unwrap();
        };
        if let Some(fault) = self.0.fault() {
            plan(fault, Method::POST, 1);
        }
        let of_reading = match self.1 {
            Seen::After(_) => None,
            Seen::Fails => Some(Fault::status(503)),
            Seen::Garbled => Some(Fault::garbage_body()),
            Seen::Dropped => Some(Fault::drop_after()),
        };
        if let Some(fault) = of_reading {
            // Whoever sends looks once before, which is not the look that is meant.
            plan(Fault::delay(Duration::from_millis(1)), Method::GET, 1);
            plan(fault, Method::GET, 3);
        }
        sandbox
    }
}

impl Scene for OfflineSandbox {
    type Time = SandboxClock;
    type Way = SandboxTransport;

    fn time(&self) -> SandboxClock {
        self.clock()
    }

    fn way(&self) -> SandboxTransport {
        self.transport()
    }

    fn credentials(&self) -> Credentials {
        self.credentials_of(DemoApp::Hip)
    }

    fn advance(&self, by: Duration) {
        self.control().advance_clock(by).unwrap();
    }

    fn billed(&self, user: &str) -> usize {
        let ledger = self.control().ledger();
        let own = ledger.iter().filter(|entry| entry.client_user_id == user);
        own.count()
    }
}

#[tokio::test]
async fn at_the_sandbox_an_intent_in_memory_is_placed_once() {
    let place = places::memory().await;
    all::<AtTheSandbox>([61, 4], 1_900, |time| place.open(time)).await;
}

#[tokio::test]
async fn at_the_sandbox_an_intent_in_a_file_is_placed_once() {
    let place = places::sqlite().await;
    all::<AtTheSandbox>([331, 14], 350, |time| place.open(time)).await;
}

#[tokio::test]
async fn at_the_sandbox_an_intent_in_a_database_is_placed_once() {
    let Some(place) =
        places::postgres("humanapi-testkit: the sandbox's orders in PostgreSQL").await
    else {
        return;
    };
    all::<AtTheSandbox>([997, 24], 110, |time| place.open(time)).await;
}

#[tokio::test]
async fn at_the_sandbox_an_intent_in_redis_is_placed_once() {
    let Some(place) = places::redis("humanapi-testkit: the sandbox's orders in Redis").await else {
        return;
    };
    all::<AtTheSandbox>([997, 24], 110, |time| place.open(time)).await;
}

/// The ledger notices a journal that forgets.
#[tokio::test]
#[should_panic(expected = "2 orders for one intent")]
async fn at_the_sandbox_a_journal_that_forgets_is_noticed() {
    let case = Case {
        trouble: AtTheSandbox(Sent::DroppedAfter, Seen::After("at-once")),
        breaks: Break::Nothing,
        repeat: Repeat::Other,
        pause: Pause::Claim,
    };
    // Each worker has one of its own.
    let open = |time| -> Arc<dyn OrderJournal> { Arc::new(MemoryOrderJournal::on(time)) };
    run(0, case, &open).await;
}
