//! What the desk asks the SDK for, and how it orders once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use humanapi::admin::order::{Decision, Entry, EntryState};
use humanapi::admin::{ConsumerLink, NewOrder, OrderType, ReadReport};
use humanapi::client::{Client, Download, OrderError, OrderJournal as _};
use humanapi::prelude::*;
use humanapi::{HumanId, StoreError};

use crate::application::{Policy, Problems};
use crate::case::{Case, CaseState, Ordered, Report, Shown, Told, Unsettled};
use crate::following::Following;
use crate::journal::DeskJournal;

/// Orders records, each once. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    client: Client,
    journal: Arc<DeskJournal>,
    following: Arc<Following>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// Why nothing was ordered.
pub(crate) enum NotOrdered {
    /// These fields are not as they have to be.
    Wrong(Problems),
    /// This policy stands for another order, whatever became of that.
    Other(Policy),
    /// Nothing was placed, and this is what to do.
    Refused(&'static str),
    /// The journal failed. Nothing was sent now, and whether this was ordered before is not known.
    Journal(Policy, &'static str),
}

/// Why nothing was decided.
pub(crate) enum NotDecided {
    /// Nobody said that they have looked.
    NotLooked,
    /// The case is another one than the one that was seen.
    Changed,
    /// Somebody looks what became of it just now.
    Busy,
    /// The service has no such user, or one of another policy.
    NoSuchUser,
    /// The service or the journal did not answer.
    Failed(&'static str),
}

/// So many cases are listed on a page.
const LISTED: usize = 50;
/// So many entries are read at once.
const AT_ONCE: usize = 100;
/// How long a page waits for news.
const NEWS: Duration = Duration::from_secs(25);

impl Desk {
    /// A desk that orders by this client, whose journal this is.
    #[must_use]
    pub fn new(client: Client, journal: Arc<DeskJournal>) -> Self {
        Self {
            client,
            journal,
            following: Arc::default(),
        }
    }

    /// Has what earlier runs left open looked for, until it is known. Do it when the program begins, and from a timer.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub async fn reconcile(&self) -> Result<(), StoreError> {
        let orders = self.client.orders();
        let mut open = std::pin::pin!(orders.reconcile_open());
        // What came of each is in the journal: the case's page reads it, and the list of what is not settled.
        while open.try_next().await?.is_some() {}
        Ok(())
    }

    /// Orders once for a policy, whoever asks and however often.
    pub(crate) async fn place(
        &self,
        policy: Policy,
        order: NewOrder,
    ) -> Result<Policy, NotOrdered> {
        let (orders, intent) = (self.client.orders(), policy.intent());
        // On a task of its own: a browser that hangs up, as it does with the first click of two, breaks nothing off.
        let placed = tokio::spawn(async move { orders.submit(&intent, &order).await }).await;
        if let Ok(Err(OrderError::NotPlaced(_))) = placed {
            // The page that comes next says so. Whoever has hung up is not told, and finds it listed.
            self.tell_not_sent(&policy).await;
        }
        match placed {
            Ok(Err(OrderError::OtherOrder)) => Err(NotOrdered::Other(policy)),
            Ok(Err(OrderError::NotPlaced(error))) => Err(match error {
                Some(error) => match refused(&error) {
                    Some(problems) => NotOrdered::Wrong(problems),
                    None => NotOrdered::Refused(error.remedy()),
                },
                None => NotOrdered::Refused("order again"),
            }),
            Ok(Err(error @ OrderError::Journal(_))) => {
                Err(NotOrdered::Journal(policy, error.remedy()))
            }
            // Whatever else there is to say, the case says it: that it is there, or that nobody knows.
            _ => Ok(policy),
        }
    }

    /// Takes off the list what somebody is told now: that nothing was sent.
    async fn tell_not_sent(&self, policy: &Policy) {
        let intent = policy.intent();
        if let Ok(Some(entry)) = self.journal.load(&intent).await
            && entry.state == EntryState::Written
        {
            // Where that cannot be written, it stays on the list.
            let _ = self.journal.tell(&intent, entry.version).await;
        }
    }

    /// Takes a case off the list of which somebody says that they know: that nothing was sent, or that it did not arrive.
    pub(crate) async fn known(&self, policy: &Policy, shown: &Shown) -> Result<(), NotDecided> {
        let entry = self.as_shown(policy, shown).await?;
        match self.journal.tell(&policy.intent(), entry.version).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.overtaken(policy, shown).await),
            Err(error) => Err(NotDecided::Failed(error.remedy())),
        }
    }

    /// Looks what became of a policy's order. Sends nothing; what came of it is in the journal.
    pub(crate) async fn look(&self, policy: &Policy) {
        let (orders, intent) = (self.client.orders(), policy.intent());
        // A task that panics leaves the case as it was.
        drop(tokio::spawn(async move { orders.reconcile(&intent).await }).await);
    }

    /// How a policy's case stands; nothing where nothing was ordered for it, and what to do where nobody can read it.
    pub(crate) async fn case(&self, policy: Policy) -> Result<Option<Case>, &'static str> {
        let entry = self.client.orders().entry(&policy.intent()).await;
        let Some(entry) = entry.map_err(|error| error.remedy())? else {
            return Ok(None);
        };
        let state = match state_of(&entry) {
            Ok(state) => state,
            Err(human_id) => CaseState::Ordered(self.ordered(&policy, human_id).await),
        };
        Ok(Some(Case { policy, state }))
    }

    /// What the service says of an order that is there.
    async fn ordered(&self, policy: &Policy, human_id: HumanId) -> Ordered {
        let orders = self.client.orders();
        let seen = self.following.look(policy, &self.client, &human_id).await;
        let (history, mut problem) = seen;
        let reports = match orders.reports(human_id).await {
            Ok(groups) => groups.iter().flat_map(Report::of_group).collect(),
            Err(error) => {
                problem = problem.or_else(|| Some(error.remedy()));
                Vec::new()
            }
        };
        Ordered {
            history,
            reports,
            problem,
        }
    }

    /// Waits until more of an order's states were seen than so many, or some time has passed.
    pub(crate) async fn wait_for_more(&self, policy: &Policy, seen: usize) {
        // Whether there is news or not, the page is told how it stands.
        let _ = tokio::time::timeout(NEWS, self.following.more(policy, seen)).await;
    }

    /// The cases that somebody has to look at, those behind this one; what to do where the journal cannot be read.
    pub(crate) async fn unsettled(&self, after: Option<Policy>) -> Result<Unsettled, &'static str> {
        let (mut found, mut last) = (Unsettled::default(), after.map(|policy| policy.intent()));
        loop {
            let open = self.journal.listed(last.as_ref(), AT_ONCE).await;
            let open = open.map_err(|error| error.remedy())?;
            let Some((intent, _)) = open.last() else {
                return Ok(found);
            };
            last = Some(intent.clone());
            for (intent, entry) in &open {
                let (Some(policy), Ok(state)) = (Policy::of(intent), state_of(entry)) else {
                    continue;
                };
                if found.cases.len() == LISTED {
                    found.more_after = found.cases.last().map(|case| case.policy.clone());
                    return Ok(found);
                }
                found.cases.push(Case { policy, state });
            }
        }
    }

    /// What kinds of order there are; none where nobody can tell, and the order is then of the usual kind.
    pub(crate) async fn order_types(&self) -> Vec<OrderType> {
        self.client.orders().order_types().await.unwrap_or_default()
    }

    pub(crate) async fn consumer_link(
        &self,
        policy: &Policy,
    ) -> Result<ConsumerLink, &'static str> {
        let link = self.client.orders().consumer_link(policy.user()).await;
        link.map_err(|error| error.remedy())
    }

    pub(crate) async fn download(&self, report: &Report) -> Result<Download, &'static str> {
        let read = ReadReport::new(&*report.id).with_format(report.format);
        let opened = self.client.orders().read_report(read).open().await;
        opened.map_err(|error| error.remedy())
    }

    /// Has the next submission send the order once more.
    pub(crate) async fn send_again(
        &self,
        policy: &Policy,
        shown: &Shown,
    ) -> Result<(), NotDecided> {
        self.decide(policy, shown, Decision::SendAgain).await
    }

    /// Settles that the order is there, for a user whom the service knows by this policy's number.
    pub(crate) async fn exists(
        &self,
        policy: &Policy,
        shown: &Shown,
        human_id: &str,
    ) -> Result<(), NotDecided> {
        let human_id = HumanId::new(human_id);
        let is_user = self.client.orders().is_user(&human_id, policy.user()).await;
        if !is_user.map_err(|error| NotDecided::Failed(error.remedy()))? {
            return Err(NotDecided::NoSuchUser);
        }
        self.decide(policy, shown, Decision::Exists(human_id)).await
    }

    /// A decision is about what was shown.
    async fn decide(
        &self,
        policy: &Policy,
        shown: &Shown,
        decision: Decision,
    ) -> Result<(), NotDecided> {
        let entry = self.as_shown(policy, shown).await?;
        let orders = self.client.orders();
        match orders.decide(&policy.intent(), &entry, decision).await {
            Ok(_) => Ok(()),
            Err(error @ OrderError::Journal(_)) => Err(NotDecided::Failed(error.remedy())),
            Err(_) => Err(self.overtaken(policy, shown).await),
        }
    }

    /// The entry as it is now, if there is nothing else to know of it than what was shown.
    async fn as_shown(&self, policy: &Policy, shown: &Shown) -> Result<Entry, NotDecided> {
        let entry = self.journal.load(&policy.intent()).await;
        let entry = entry.map_err(|error| NotDecided::Failed(error.remedy()))?;
        let entry = entry.filter(|entry| Shown::of(entry) == *shown);
        entry.ok_or(NotDecided::Changed)
    }

    /// Why a decision was not taken that was about what there is to know: somebody looks, or did so just now.
    async fn overtaken(&self, policy: &Policy, shown: &Shown) -> NotDecided {
        let entry = self.as_shown(policy, shown).await;
        entry.err().unwrap_or(NotDecided::Busy)
    }
}

/// How an order stands that is not known to be there, or the user's id where it is.
fn state_of(entry: &Entry) -> Result<CaseState, HumanId> {
    let shown = Shown::of(entry);
    let told = |shown| Told {
        shown,
        is_listed: !entry.handed_back,
    };
    Ok(match &entry.state {
        EntryState::Written => CaseState::NotSent(told(shown)),
        EntryState::Sent => CaseState::UnderWay,
        EntryState::Absent => CaseState::Absent(told(shown)),
        EntryState::Unknown(doubt) => CaseState::Unknown(shown, doubt.reason()),
        EntryState::Exists(human_id) => return Err(human_id.clone()),
    })
}

/// The fields that the service itself found wrong. Its words are not shown: they may repeat a value.
fn refused(error: &Error) -> Option<Problems> {
    let keys = &error.api_error()?.validation()?.keys;
    let told = |key: &String| (key.clone(), "The service does not take this.".to_owned());
    Some(keys.iter().map(told).collect()).filter(|problems: &Problems| !problems.is_empty())
}
