//! The conformance suite of order journals: what the contract of [`OrderJournal`] says, case by case, random histories
//! against the pure row, and, for those that seal, what somebody can do who holds the place.
//!
//! [`journal_conformance!`](crate::journal_conformance) and [`sealed_journal_conformance!`](crate::sealed_journal_conformance)
//! make one test of each case. A case gets a [`JournalPlace`] of its own.

pub mod contract;
pub mod histories;
pub mod sealing;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::OrderJournal;
use humanapi_core::admin::order::{Before, Claim, Effect, Entry, IntentKey, Op, Report, Subject};
use humanapi_core::admin::{BirthDate, NewOrder};
use humanapi_core::{ClientUserId, HumanId};

/// Where a journal lies, empty and set up, and shared by nobody but one case.
#[async_trait]
pub trait JournalPlace: Send + Sync + 'static {
    /// Another client of this place, with connections of its own.
    async fn open(&self) -> Arc<dyn OrderJournal>;

    /// Lets time pass, by the clock of the journal.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// A place whose rows are sealed.
#[async_trait]
pub trait SealedPlace: JournalPlace {
    /// The id of a sealing key that all clients have and none writes with.
    fn other_key(&self) -> &str;

    /// All rows as they lie there, for whoever holds the place.
    async fn rows(&self) -> Vec<RawOrder>;

    /// Puts this in place of the row of that name.
    async fn put(&self, row: &RawOrder);

    /// Takes the row of this name away.
    async fn drop_row(&self, row: &[u8]);

    /// Every byte that lies there.
    async fn dump(&self) -> Vec<u8>;
}

/// A row as it lies in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a place fills in all of it")]
pub struct RawOrder {
    /// Its name.
    pub row: Vec<u8>,
    /// How often it was changed.
    pub version: u64,
    /// Whether somebody has to go on with it.
    pub is_open: bool,
    /// The id of the key that sealed it.
    pub key_id: String,
    /// Its sealed bytes.
    pub sealed: Vec<u8>,
}

/// Makes a test of every case of any journal, for the [`JournalPlace`] that a function makes.
///
/// Takes the name of an `async fn() -> Option<impl JournalPlace>`; nothing means that a program is missing, which that
/// function has [told](crate::skip). The crate needs tokio with its macros and its threads.
#[macro_export]
macro_rules! journal_conformance {
    ($make:ident) => {
        $crate::journal_conformance!(@cases contract $make
            one_of_many_may_send
            a_departure_happens_once
            a_claim_ends_by_itself
            what_was_sent_is_read_and_never_sent
            journals_see_one_another
            what_is_certain_counts_whenever_it_comes
            another_order_under_the_key_is_told
            what_is_open_is_listed_once_each
            intents_do_not_run_together
            absurd_numbers_do_no_harm
            operations_broken_off_do_no_harm
        );
        $crate::journal_conformance!(@cases histories $make
            random_histories_go_as_the_row_says
        );
    };
    (@cases $module:ident $make:ident $($case:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(place) = $make().await else { return };
                $crate::within($crate::journal::$module::$case(place)).await;
            }
        )*
    };
}

/// Makes a test of every case of a journal that seals, for the [`SealedPlace`] that a function makes.
#[macro_export]
macro_rules! sealed_journal_conformance {
    ($make:ident) => {
        $crate::journal_conformance!($make);
        $crate::journal_conformance!(@cases sealing $make
            an_order_opens_in_its_own_row_alone
            an_older_order_does_not_pass_for_a_newer_one
            a_row_that_went_is_no_new_intent
            a_bent_order_is_an_error_and_not_absent
            an_unknown_key_is_an_error_and_not_absent
            a_dump_says_nothing_of_orders
        );
    };
}

/// A claim that does not end while a test runs.
const LONG: Duration = Duration::from_secs(3_600);

/// Each case has a place of its own, so intents need only differ within one.
fn intent(name: &str) -> IntentKey {
    IntentKey::new(format!("canary-intent-{name}")).expect("it is one")
}

/// Whom an order is for that this names.
fn subject(name: &str) -> Subject {
    let today = "2026-01-15".parse().expect("it is a date");
    let born = BirthDate::parse("1980-04-09", today).expect("it is one");
    let id = ClientUserId::new(format!("canary-user-{name}")).expect("it is not empty");
    let order = NewOrder::new(id).with_name("Testina", "Canary");
    Subject::of(&order.expect("it is a name").with_birth_date(born))
}

async fn apply(journal: &dyn OrderJournal, intent: &IntentKey, op: Op) -> Effect {
    let effect = journal.apply(intent, op).await;
    effect.expect("the journal answers")
}

async fn begin(journal: &dyn OrderJournal, intent: &IntentKey, ttl: Duration) -> Effect {
    let subject = subject("one");
    apply(journal, intent, Op::Begin { ttl, subject }).await
}

async fn depart(
    journal: &dyn OrderJournal,
    intent: &IntentKey,
    claim: Claim,
    ttl: Duration,
) -> Effect {
    let before = Before::Nobody;
    apply(journal, intent, Op::Depart { claim, ttl, before }).await
}

async fn settle(
    journal: &dyn OrderJournal,
    intent: &IntentKey,
    claim: Claim,
    report: Report,
) -> Effect {
    apply(journal, intent, Op::Settle { claim, report }).await
}

async fn load(journal: &dyn OrderJournal, intent: &IntentKey) -> Option<Entry> {
    let entry = journal.load(intent).await;
    entry.expect("the journal answers")
}

/// The claim of whoever may send.
#[track_caller]
fn may_send(effect: Effect) -> Claim {
    match effect {
        Effect::Send(claim) => claim,
        other => panic!("nobody is at it, but: {other:?}"),
    }
}

/// Marks an intent as sent, as whoever sends does.
async fn sent(journal: &dyn OrderJournal, intent: &IntentKey, ttl: Duration) -> Claim {
    let claim = may_send(begin(journal, intent, LONG).await);
    assert_eq!(depart(journal, intent, claim, ttl).await, Effect::Departed);
    claim
}

fn placed() -> Report {
    Report::Placed(HumanId::new("canary-human"))
}
