//! The look at every order of a file before the first is sent.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use humanapi_client::OrderJournal;
use humanapi_core::HumanId;
use humanapi_core::admin::NewOrder;
use humanapi_core::admin::order::{Entry, EntryState, IntentKey, Subject};

use super::admin_api::{journal_failure, off_runtime};
use super::applicant::{Applicant, Wrong};
use super::input::{Input, MOST, Place};
use super::papers::{self, PAPERS, Seal};
use crate::exit::{Code, Failure};
use crate::output;

/// So many mistakes are told; the rest are counted.
const TOLD: u64 = 20;

/// What a file holds.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) orders: u64,
    /// What the journal has as placed.
    pub(super) placed: u64,
    /// What was sent before, and is not known to be placed: it is looked for, and sent again only where somebody decided so
    /// and it is not there.
    pub(super) open: u64,
    /// What was sent before and is known not to be there.
    pub(super) absent: u64,
    /// What nobody could tell from another if an answer were lost.
    pub(super) untold: u64,
    pub(super) intents: Intents,
}

impl Checked {
    /// What may be sent at most.
    pub(super) const fn billable(&self, sends_absent: bool) -> u64 {
        let held_back = if sends_absent {
            0
        } else {
            self.open + self.absent
        };
        self.orders - self.placed - held_back
    }

    /// Whether fewer may be sent than that: some are looked for first.
    pub(super) const fn may_be_fewer(&self, sends_absent: bool) -> bool {
        sends_absent && self.open > 0
    }
}

/// The intents of a file, each as so many bits that no two are taken for one: the keys themselves may be long, and many.
/// With each, a mark of all that was read of its order, and one of its papers.
#[derive(Default)]
pub(super) struct Intents {
    hashers: (RandomState, RandomState),
    seen: HashMap<(u64, u64), (u64, Seal)>,
}

impl Intents {
    fn mark(&self, intent: &IntentKey) -> (u64, u64) {
        (
            self.hashers.0.hash_one(intent),
            self.hashers.1.hash_one(intent),
        )
    }

    fn has(&self, applicant: &Applicant) -> bool {
        self.seen.contains_key(&self.mark(&applicant.intent))
    }

    fn insert(&mut self, applicant: &Applicant, papers: Seal) {
        let mark = self.mark(&applicant.intent);
        self.seen.insert(mark, (applicant.mark, papers));
    }

    /// Takes it out, if it is there with the same order. Gives what tells whether its papers are the same.
    pub(super) fn take(&mut self, applicant: &Applicant) -> Option<Seal> {
        let mark = self.mark(&applicant.intent);
        let (order, papers) = self.seen.remove(&mark)?;
        (order == applicant.mark).then_some(papers)
    }

    /// Whether all were taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// Looks at every order. All that is wrong is told before anything is sent.
pub(super) async fn check(
    input: &mut Input,
    journal: Option<&dyn OrderJournal>,
) -> Result<Checked, Failure> {
    let mut checked = Checked::default();
    let mut mistakes = 0;
    let mut wrong = |place: Place, wrong: &Wrong| {
        mistakes += 1;
        if mistakes <= TOLD {
            output::warn(&format!("{place}: {wrong}"));
        }
    };
    while let Some((place, read)) = input.next()? {
        checked.orders += 1;
        if checked.orders > MOST {
            return Err(Failure::new(
                Code::Usage,
                "the file holds more than a million orders",
                "make several files of it",
            ));
        }
        let looked = match read {
            Ok(applicant) => look(&applicant, &mut checked, journal).await?,
            Err(error) => Err(error),
        };
        if let Err(error) = looked {
            wrong(place, &error);
        }
    }
    if mistakes > 0 {
        let orders = checked.orders;
        return Err(Failure::new(
            Code::Usage,
            format!("{mistakes} of {orders} orders cannot be placed; nothing was sent"),
            "correct what is told above, then run the same again",
        ));
    }
    if checked.orders == 0 {
        return Err(Failure::new(
            Code::Usage,
            "the file holds no orders",
            "put one on each line below the names",
        ));
    }
    Ok(checked)
}

/// The user whom an earlier run placed the order for, and told so: nothing of it is sent any more.
pub(super) fn already<'a>(entry: &'a Entry, order: &NewOrder) -> Option<&'a HumanId> {
    match &entry.state {
        EntryState::Exists(human_id)
            if entry.handed_back && entry.subject == Subject::of(order) =>
        {
            Some(human_id)
        }
        _ => None,
    }
}

async fn look(
    applicant: &Applicant,
    checked: &mut Checked,
    journal: Option<&dyn OrderJournal>,
) -> Result<Result<(), Wrong>, Failure> {
    if checked.intents.has(applicant) {
        return Ok(Err(Wrong::new(
            "an order before it has the same intent: take it out, or give it an intent of its own",
        )));
    }
    let entry = match journal {
        Some(journal) => journal.load(&applicant.intent).await,
        None => Ok(None),
    };
    let entry = entry.map_err(|error| journal_failure(&error))?;
    let is_over = (entry.as_ref()).is_some_and(|entry| already(entry, &applicant.order).is_some());
    let seal = if is_over || applicant.papers.is_empty() {
        Seal::default()
    } else {
        let files = applicant.papers.clone();
        match off_runtime(move || papers::read_papers(&files, PAPERS)).await? {
            Ok((_, seal)) => seal,
            Err(error) => return Ok(Err(error.into())),
        }
    };
    checked.intents.insert(applicant, seal);
    checked.untold += u64::from(!applicant.can_be_told);
    let Some(entry) = entry else {
        return Ok(Ok(()));
    };
    if entry.subject != Subject::of(&applicant.order) {
        return Ok(Err(Wrong::new(
            "its intent was written for an order with another user, name, date of birth, e-mail address or type: \
             give it an intent of its own if it is to be placed beside that one",
        )));
    }
    match entry.state {
        EntryState::Written => {}
        EntryState::Exists(_) => checked.placed += 1,
        EntryState::Absent => checked.absent += 1,
        EntryState::Sent | EntryState::Unknown(_) => checked.open += 1,
    }
    Ok(Ok(()))
}
