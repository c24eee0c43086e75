//! Orders that are placed once, whatever fails, crashes and is repeated, over each journal that outlives a process.
//!
//! Every combination of what becomes of the order on its way, of what somebody sees who looks for it, of where the journal
//! fails or the worker crashes, of who comes next and of when. The service counts what would be billed: one at most for
//! each intent, at every moment; and at the end it is known of each how it stands.
//! Over memory all combinations run with `HUMANAPI_DEEP=1` and more than five thousand of them otherwise; over files and
//! servers all of them, or some of each kind.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

mod killed;
mod places;
mod reports;
mod service;
mod told;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use humanapi_client::testing::VirtualRuntime;
use humanapi_client::{MemoryOrderJournal, OrderError, OrderJournal, Timer as _};
use service::{Reading, Sending, Service};
use worker::{Break, Worker};

/// Who submits the intent again, after the worker to which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// The same again.
    Same,
    /// Another one.
    Other,
    /// The same, another one, and the same once more.
    InTurn,
    /// Another one at the same time, and then both at the same time.
    AtOnce,
    /// Nobody, until it is looked what became of it.
    Nobody,
}

/// How much time is between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    None,
    /// Longer than a claim.
    Claim,
    /// So long that what is not there counts as absent.
    Absence,
}

impl Pause {
    const fn time(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Claim => Duration::from_secs(301),
            Self::Absence => Duration::from_secs(1_900),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    sending: Sending,
    reading: Reading,
    breaks: Break,
    repeat: Repeat,
    pause: Pause,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let repeats = [
        Repeat::Same,
        Repeat::Other,
        Repeat::InTurn,
        Repeat::AtOnce,
        Repeat::Nobody,
    ];
    for sending in Sending::ALL {
        for reading in Reading::ALL {
            for breaks in Break::all() {
                for repeat in repeats {
                    for pause in [Pause::None, Pause::Claim, Pause::Absence] {
                        cases.push(Case {
                            sending,
                            reading,
                            breaks,
                            repeat,
                            pause,
                        });
                    }
                }
            }
        }
    }
    cases
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Known,
    Unknown,
}

/// One case, told from its beginning.
struct Story<'a> {
    service: &'a Service,
    user: &'a str,
    case: Case,
}

impl Story<'_> {
    fn billed(&self) -> usize {
        let billed = self.service.billed(self.user);
        assert!(
            billed <= 1,
            "{billed} orders for one intent: {:?}",
            self.case
        );
        billed
    }

    /// Nobody is told what is not so. With another one at it at the same time, what is told may be over.
    fn check(&self, told: &Option<Result<humanapi_core::HumanId, OrderError>>, is_alone: bool) {
        let billed = self.billed();
        match told {
            Some(Ok(_)) => assert_eq!(billed, 1, "told as placed: {:?}", self.case),
            Some(Err(error @ (OrderError::NotPlaced(_) | OrderError::Absent(_)))) if is_alone => {
                assert_eq!(billed, 0, "{error}: {:?}", self.case);
            }
            Some(Err(error)) => assert!(error.may_be_placed() || !is_alone || billed == 0),
            None => {}
        }
    }

    async fn both(&self, one: &Worker, other: &Worker) {
        let (one, other) = futures_util::future::join(one.submit(), other.submit()).await;
        self.check(&one, false);
        self.check(&other, false);
    }

    async fn alone(&self, worker: &Worker) {
        self.check(&worker.submit().await, true);
    }
}

async fn run(
    number: usize,
    case: Case,
    open: &impl Fn(&VirtualRuntime) -> Arc<dyn OrderJournal>,
) -> End {
    let runtime = VirtualRuntime::new();
    let clock = runtime.clone();
    let service = Service::new(case.sending, case.reading, move || clock.now().wall());
    let user = format!("case-{number}");
    let worker = |breaks| Worker::new(&service, open(&runtime), &runtime, breaks, &user);
    let (broken, other, again) = (
        worker(case.breaks),
        worker(Break::Nothing),
        worker(Break::Nothing),
    );
    let story = Story {
        service: &service,
        user: &user,
        case,
    };
    if case.repeat == Repeat::AtOnce {
        story.both(&broken, &other).await;
    } else {
        story.alone(&broken).await;
    }
    let pause = || runtime.advance(case.pause.time());
    pause();
    match case.repeat {
        Repeat::Same => story.alone(&again).await,
        Repeat::Other => story.alone(&other).await,
        Repeat::InTurn => {
            for worker in [&again, &other, &again] {
                story.alone(worker).await;
                pause();
            }
        }
        Repeat::AtOnce => story.both(&again, &other).await,
        Repeat::Nobody => {}
    }
    // Whoever asks later finds out, and only a decision has it sent once more.
    for _ in 0..6 {
        runtime.advance(Pause::Absence.time());
        let told = other.submit().await;
        story.check(&told, true);
        match told.expect("nothing happens to this one") {
            Ok(_) => return End::Known,
            Err(OrderError::Absent(entry)) => other.send_again(&entry).await,
            Err(_) => {}
        }
    }
    End::Unknown
}

fn is_deep() -> bool {
    std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1")
}

/// Runs each `step`th case, and at least 99.9 % of them end with an answer.
async fn all(step: usize, least: usize, open: impl Fn(&VirtualRuntime) -> Arc<dyn OrderJournal>) {
    let step = if is_deep() { 1 } else { step };
    let chosen = cases().into_iter().enumerate();
    // Spread, so that what is left out is of no one kind.
    let chosen =
        chosen.filter(|(number, _)| (number.wrapping_mul(0x9e37_79b1) >> 7).is_multiple_of(step));
    let ends: Vec<End> = futures_util::stream::iter(chosen)
        .map(|(number, case)| run(number, case, &open))
        .buffer_unordered(8)
        .collect()
        .await;
    let unknown = ends.iter().filter(|end| **end == End::Unknown).count();
    assert!(ends.len() >= least, "{} cases", ends.len());
    assert!(unknown * 1_000 <= ends.len(), "{unknown} of {}", ends.len());
}

#[tokio::test]
async fn in_memory_an_intent_is_placed_once() {
    let place = places::memory().await;
    all(3, 5_000, |runtime| place.open(runtime)).await;
}

#[tokio::test]
async fn in_a_file_an_intent_is_placed_once() {
    let place = places::sqlite().await;
    all(37, 500, |runtime| place.open(runtime)).await;
}

#[tokio::test]
async fn in_a_database_an_intent_is_placed_once() {
    let Some(place) = places::postgres("humanapi-testkit: orders in PostgreSQL").await else {
        return;
    };
    all(67, 300, |runtime| place.open(runtime)).await;
}

#[tokio::test]
async fn in_redis_an_intent_is_placed_once() {
    let Some(place) = places::redis("humanapi-testkit: orders in Redis").await else {
        return;
    };
    all(67, 300, |runtime| place.open(runtime)).await;
}

/// These tests notice a journal that forgets.
#[tokio::test]
#[should_panic(expected = "2 orders for one intent")]
async fn a_journal_that_forgets_is_noticed() {
    let case = Case {
        sending: Sending::LostAfter,
        reading: Reading::Fine,
        breaks: Break::Nothing,
        repeat: Repeat::Other,
        pause: Pause::Claim,
    };
    // Each worker has one of its own.
    let open = |runtime: &VirtualRuntime| -> Arc<dyn OrderJournal> {
        Arc::new(MemoryOrderJournal::on(Arc::new(runtime.clone())))
    };
    run(0, case, &open).await;
}
