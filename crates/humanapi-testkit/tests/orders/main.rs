//! Orders that are placed once, whatever fails, crashes and is repeated, over each journal that outlives a process.
//!
//! Every combination of what becomes of the order on its way, of what somebody sees who looks for it, of where the journal
//! fails or the worker crashes, of who comes next and of when. The service counts what would be billed: one at most for
//! each intent, at every moment; and at the end it is known of each how it stands.
//! With `HUMANAPI_DEEP=1` all combinations run over memory and files and more than five thousand of them over servers;
//! otherwise as many over memory, and some of each kind over the rest. All of it is done at a service that is made for
//! this, and in `ledger.rs` at the sandbox.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

mod ledger;
mod places;
mod scene;
mod second;
mod service;
mod told;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use humanapi_client::{MemoryOrderJournal, OrderError, OrderJournal, Timer};
use scene::{Feigned, Scene as _, Trouble};
use service::{Reading, Sending};
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
struct Case<T> {
    trouble: T,
    breaks: Break,
    repeat: Repeat,
    pause: Pause,
}

fn cases<T: Trouble>() -> Vec<Case<T>> {
    let mut cases = Vec::new();
    let repeats = [
        Repeat::Same,
        Repeat::Other,
        Repeat::InTurn,
        Repeat::AtOnce,
        Repeat::Nobody,
    ];
    for trouble in T::all() {
        for breaks in Break::all() {
            for repeat in repeats {
                for pause in [Pause::None, Pause::Claim, Pause::Absence] {
                    cases.push(Case {
                        trouble,
                        breaks,
                        repeat,
                        pause,
                    });
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
struct Story<'a, T: Trouble> {
    scene: &'a T::Scene,
    user: &'a str,
    case: Case<T>,
}

impl<T: Trouble> Story<'_, T> {
    fn billed(&self) -> usize {
        let billed = self.scene.billed(self.user);
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

async fn run<T: Trouble>(
    number: usize,
    case: Case<T>,
    open: &impl Fn(Arc<dyn Timer>) -> Arc<dyn OrderJournal>,
) -> End {
    let scene = case.trouble.begin();
    let user = format!("case-{number}");
    let journal = || open(Arc::new(scene.time()));
    let worker = |breaks| Worker::new(&scene, journal(), breaks, &user);
    let (broken, other, again) = (
        worker(case.breaks),
        worker(Break::Nothing),
        worker(Break::Nothing),
    );
    let story = Story {
        scene: &scene,
        user: &user,
        case,
    };
    if case.repeat == Repeat::AtOnce {
        story.both(&broken, &other).await;
    } else {
        story.alone(&broken).await;
    }
    let pause = || scene.advance(case.pause.time());
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
        scene.advance(Pause::Absence.time());
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

#[expect(
    clippy::print_stdout,
    reason = "how many were run, and how they ended, is the test's report"
)]
/// Runs each so manyth case, another number of them when it goes deep, and at least 99.9 % of them end with an answer.
async fn all<T: Trouble>(
    [often, deep]: [usize; 2],
    least: usize,
    open: impl Fn(Arc<dyn Timer>) -> Arc<dyn OrderJournal>,
) {
    let (step, least) = match is_deep() {
        true => (deep, 5_000),
        false => (often, least),
    };
    let chosen = cases::<T>().into_iter().enumerate();
    // Spread, so that what is left out is of no one kind.
    let chosen =
        chosen.filter(|(number, _)| (number.wrapping_mul(0x9e37_79b1) >> 7).is_multiple_of(step));
    let ends: Vec<End> = futures_util::stream::iter(chosen)
        .map(|(number, case)| run(number, case, &open))
        .buffer_unordered(8)
        .collect()
        .await;
    let unknown = ends.iter().filter(|end| **end == End::Unknown).count();
    println!("{} cases, {unknown} of them unknown", ends.len());
    assert!(ends.len() >= least, "{} cases", ends.len());
    assert!(unknown * 1_000 <= ends.len(), "{unknown} of {}", ends.len());
}

#[tokio::test]
async fn in_memory_an_intent_is_placed_once() {
    let place = places::memory().await;
    all::<Feigned>([3, 1], 5_000, |time| place.open(time)).await;
}

#[tokio::test]
async fn in_a_file_an_intent_is_placed_once() {
    let place = places::sqlite().await;
    all::<Feigned>([37, 1], 500, |time| place.open(time)).await;
}

#[tokio::test]
async fn in_a_database_an_intent_is_placed_once() {
    let Some(place) = places::postgres("humanapi-testkit: orders in PostgreSQL").await else {
        return;
    };
    all::<Feigned>([67, 4], 300, |time| place.open(time)).await;
}

#[tokio::test]
async fn in_redis_an_intent_is_placed_once() {
    let Some(place) = places::redis("humanapi-testkit: orders in Redis").await else {
        return;
    };
    all::<Feigned>([67, 4], 300, |time| place.open(time)).await;
}

/// These tests notice a journal that forgets.
#[tokio::test]
#[should_panic(expected = "2 orders for one intent")]
async fn a_journal_that_forgets_is_noticed() {
    let case = Case {
        trouble: Feigned(Sending::LostAfter, Reading::Fine),
        breaks: Break::Nothing,
        repeat: Repeat::Other,
        pause: Pause::Claim,
    };
    // Each worker has one of its own.
    let open = |time| -> Arc<dyn OrderJournal> { Arc::new(MemoryOrderJournal::on(time)) };
    run(0, case, &open).await;
}
