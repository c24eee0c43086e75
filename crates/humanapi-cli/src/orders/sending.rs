//! Sending the orders of a file: as many at once as the service bears, each once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use humanapi_client::{Limited, OrderError, OrderJournal};
use humanapi_core::HumanId;
use humanapi_core::admin::NewOrder;
use humanapi_core::admin::order::{Decision, EntryState, IntentKey};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

use super::admin_api::{AdminApi, journal_failure, off_runtime};
use super::applicant::Applicant;
use super::check::{Checked, already};
use super::counts::Counts;
use super::input::{Input, Place};
use super::outcome::{Became, Ended};
use super::papers::{self, PAPERS, PapersError, Seal};
use super::results::{AHEAD, Results};
use crate::exit::{Code, Failure};
use crate::output;
use crate::output::progress::Progress;
use crate::signal::Stop;
use crate::verbose::Told;

/// So many orders at once, before anything is known of the service.
pub(super) const FIRST: u32 = 4;
/// So often an order is tried that surely never left, and the pause before the second time; each is twice as long.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// So many orders in a row that are not placed say that none will be.
const IN_A_ROW: u32 = 20;
/// So many bytes of papers are in memory at once at most, not counting that they are there once more while they are sent.
const PAPERS_AT_ONCE: u64 = 2 * PAPERS;
const KIB: u64 = 1024;

/// What one run goes by while it sends.
pub(super) struct Sending {
    pub(super) admin: AdminApi,
    pub(super) book: Arc<dyn OrderJournal>,
    pub(super) limited: Limited<Told>,
    /// The host whose limit counts, and how many orders go on at once before it is known.
    pub(super) host: String,
    pub(super) first: u32,
    /// The room that papers have, in KiB.
    pub(super) papers: Semaphore,
    pub(super) sends_absent: bool,
    pub(super) told_every: Option<Duration>,
}

/// One order that ended.
struct Done {
    number: u64,
    ended: Ended,
}

/// An order as results name it.
struct Named {
    place: Place,
    user: String,
    intent: String,
}

impl Named {
    fn of(place: Place, applicant: &Applicant) -> Self {
        Self {
            place,
            user: applicant.order.client_user_id().as_str().to_owned(),
            intent: applicant.intent.as_str().to_owned(),
        }
    }
}

/// Why no further order is begun.
#[derive(Default)]
struct Halt {
    /// What went wrong first, with an order.
    first: Option<Failure>,
    in_a_row: u32,
    /// Why nothing more is begun.
    stopped: Option<Failure>,
}

impl Halt {
    fn note(&mut self, ended: &mut Ended) {
        let is_a_failure = ended.is_a_failure();
        let Some(failure) = ended.failure.take() else {
            self.in_a_row = 0;
            return;
        };
        let is_ours = matches!(
            failure.code(),
            Some(Code::Credentials | Code::StoreLogin | Code::Machine)
        );
        self.in_a_row = match is_a_failure {
            true => self.in_a_row + 1,
            false => 0,
        };
        if is_ours || self.in_a_row >= IN_A_ROW {
            self.stopped.get_or_insert_with(|| failure.clone());
        }
        if self.first.is_none() {
            self.first = Some(failure);
        }
    }

    /// Nothing more is begun where results cannot be written.
    fn written(&mut self, written: Result<(), Failure>) {
        if let Err(failure) = written {
            self.stop(failure);
        }
    }

    /// Nothing more is begun; what is under way comes to its end.
    fn stop(&mut self, failure: Failure) {
        self.stopped.get_or_insert(failure);
    }
}

impl Sending {
    /// The room that papers have.
    pub(super) fn room_for_papers() -> Semaphore {
        Semaphore::new(usize::try_from(PAPERS_AT_ONCE / KIB).unwrap_or(usize::MAX))
    }

    /// Sends all that is still to be sent, so many at once as the service bears. Gives how they ended and why no more were
    /// begun.
    pub(super) async fn all(
        &self,
        input: &mut Input,
        checked: Checked,
        results: &mut Option<Results>,
    ) -> Result<(Counts, Halted), Failure> {
        let stop =
            Stop::listen().map_err(|error| Failure::here("cannot listen for Ctrl-C", &error))?;
        let counts = RefCell::new(Counts::of(checked.orders));
        // What came of it is printed when it is over.
        let progress = Progress::begin("orders", checked.orders, self.told_every, true);
        let sending = self.each(input, checked, results, stop, |change| {
            let mut counts = counts.borrow_mut();
            change(&mut counts);
            progress.set_done(counts.done());
            progress.say(|| counts.wrong());
        });
        let halted = progress.beside(sending, || counts.borrow().clone()).await;
        progress.end();
        Ok((counts.into_inner(), halted))
    }

    /// Sends each, and has counted what becomes of it.
    async fn each(
        &self,
        input: &mut Input,
        mut checked: Checked,
        results: &mut Option<Results>,
        mut stop: Stop,
        count: impl Fn(&dyn Fn(&mut Counts)),
    ) -> Halted {
        let mut going = FuturesUnordered::new();
        let mut halt = Halt::default();
        let (mut number, mut oldest, mut is_over, mut asked) = (0_u64, 0_u64, false, false);
        let mut under_way = BTreeMap::new();
        loop {
            while !is_over && halt.stopped.is_none() && going.len() < self.room() {
                if number - oldest >= AHEAD {
                    break;
                }
                let (place, read) = match input.next() {
                    Ok(Some(next)) => next,
                    Ok(None) => {
                        is_over = true;
                        if !checked.intents.is_empty() {
                            halt.stop(changed(&"its end"));
                        }
                        break;
                    }
                    Err(failure) => {
                        halt.stop(failure);
                        break;
                    }
                };
                // What was checked and confirmed is sent, and nothing that came into the file since.
                let checked = read.ok().and_then(|applicant| {
                    let papers = checked.intents.take(&applicant)?;
                    Some((applicant, papers))
                });
                let Some((applicant, papers)) = checked else {
                    halt.stop(changed(&place));
                    break;
                };
                count(&Counts::begun);
                under_way.insert(number, Named::of(place, &applicant));
                going.push(self.one(number, applicant, papers));
                number += 1;
            }
            if going.is_empty() {
                break;
            }
            tokio::select! {
                Some(done) = going.next() => {
                    let mut done: Done = done;
                    let named = under_way.remove(&done.number);
                    oldest = under_way.first_key_value().map_or(number, |(first, _)| *first);
                    let became = done.ended.became;
                    count(&|counts| counts.ended(became));
                    if let Some(named) = named {
                        halt.written(note(results, done.number, &named, &done.ended));
                    }
                    halt.note(&mut done.ended);
                }
                () = stop.asked() => {
                    if asked {
                        // As after a crash: the journal knows what was sent.
                        break;
                    }
                    asked = true;
                    is_over = true;
                    output::note("no more orders are begun; once more ends it at once");
                }
            }
        }
        // What was dropped in the middle may have been sent.
        for (number, named) in under_way {
            count(&|counts| counts.ended(Became::Unknown));
            halt.written(note(results, number, &named, &broken_off()));
        }
        Halted {
            first: halt.first,
            stopped: halt.stopped,
            was_asked: asked,
        }
    }

    /// So many orders may be going on now.
    fn room(&self) -> usize {
        let limit = self.limited.limit(&self.host).unwrap_or(self.first);
        usize::try_from(limit).unwrap_or(1).max(1)
    }

    async fn one(&self, number: u64, applicant: Applicant, papers: Seal) -> Done {
        let ended = self.placed(applicant, papers).await;
        Done { number, ended }
    }

    async fn placed(&self, applicant: Applicant, checked: Seal) -> Ended {
        let Applicant {
            intent,
            order,
            papers,
            ..
        } = applicant;
        let known = match self.book.load(&intent).await {
            Ok(known) => known,
            // An earlier run may have sent it.
            Err(error) => return Ended::failed(Became::Unknown, journal_failure(&error)),
        };
        if let Some(human_id) = known.as_ref().and_then(|entry| already(entry, &order)) {
            return Ended::there(Became::Already, human_id.clone());
        }
        let (order, _room) = match self.with_papers(order, papers, checked).await {
            Ok(ready) => ready,
            Err(failure) => {
                let became = match known.map(|entry| entry.state) {
                    None | Some(EntryState::Written) => Became::NotPlaced,
                    Some(EntryState::Absent) => Became::Absent,
                    Some(_) => Became::Unknown,
                };
                return Ended::failed(became, failure);
            }
        };
        let mut outcome = self.submitted(&intent, &order).await;
        if let (Err(OrderError::Absent(entry)), true) = (&outcome, self.sends_absent) {
            let orders = self.admin.orders();
            outcome = match orders.decide(&intent, entry, Decision::SendAgain).await {
                Ok(_) => self.submitted(&intent, &order).await,
                Err(error) => Err(error),
            };
        }
        Ended::of(&self.admin, outcome)
    }

    /// The order with its papers, which are those that were checked, and the room that they take: the next order with papers
    /// waits for it.
    async fn with_papers(
        &self,
        mut order: NewOrder,
        files: Vec<PathBuf>,
        checked: Seal,
    ) -> Result<(NewOrder, Option<SemaphorePermit<'_>>), Failure> {
        if files.is_empty() {
            return Ok((order, None));
        }
        let looked_at = files.clone();
        let bytes = off_runtime(move || papers::size_of(&looked_at)).await?;
        let bytes = bytes.map_err(of_papers)?;
        if bytes > PAPERS {
            return Err(papers_changed());
        }
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        let room = self.papers.acquire_many(kib).await;
        // No further than there is room.
        let read = off_runtime(move || papers::read_papers(&files, bytes)).await?;
        let (read, seal) = read.map_err(of_papers)?;
        if seal != checked {
            return Err(papers_changed());
        }
        for paper in read {
            order = order.with_attachment(paper);
        }
        Ok((order, room.ok()))
    }

    /// Submits it, and again where it surely never left and the reason may pass.
    async fn submitted(&self, intent: &IntentKey, order: &NewOrder) -> Result<HumanId, OrderError> {
        let orders = self.admin.orders();
        let (mut tried, mut pause) = (1, PAUSE);
        loop {
            let outcome = orders.submit(intent, order).await;
            let may_pass = match &outcome {
                Err(OrderError::NotPlaced(Some(error))) => error.is_transient(),
                _ => false,
            };
            if !may_pass || tried >= TRIES {
                return outcome;
            }
            sleep(pause).await;
            (tried, pause) = (tried + 1, pause * 2);
        }
    }
}

/// Why a run ended as it did.
pub(super) struct Halted {
    pub(super) first: Option<Failure>,
    pub(super) stopped: Option<Failure>,
    pub(super) was_asked: bool,
}

/// What is told of an order that was dropped in the middle.
fn broken_off() -> Ended {
    let failure = Failure::new(
        Code::Undecided,
        "the run was ended at once while it was under way",
        "run the same again later, which looks for it",
    );
    Ended::failed(Became::Unknown, failure)
}

/// Writes how an order ended, where that is asked for.
fn note(
    results: &mut Option<Results>,
    number: u64,
    named: &Named,
    ended: &Ended,
) -> Result<(), Failure> {
    let names = (named.user.as_str(), named.intent.as_str());
    match results {
        Some(results) => results.note(number, named.place, names, ended),
        None => Ok(()),
    }
}

/// Why papers do not go along that could be read when they were checked.
fn of_papers(error: PapersError) -> Failure {
    match error {
        PapersError::Unreadable(wrong) => Failure::new(
            Code::Machine,
            wrong.to_string(),
            "the file was there when the orders were checked: put it back, then run the same again",
        ),
        PapersError::Unfit(_) => papers_changed(),
    }
}

fn papers_changed() -> Failure {
    Failure::new(
        Code::Machine,
        "`attachments`: a file changed since it was checked, and nothing is sent that was not checked",
        "run the same again when nobody writes to it: what was placed is not sent again",
    )
}

fn changed(place: &dyn Display) -> Failure {
    Failure::new(
        Code::Usage,
        format!(
            "the file changed while it was read, at {place}: nothing is sent that was not checked"
        ),
        "run the same again when nobody writes to it: what was placed is not sent again",
    )
}
