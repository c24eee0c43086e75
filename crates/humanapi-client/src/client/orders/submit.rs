//! Placing an order once, and finding out what became of it.

use std::pin::pin;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::{TryStreamExt as _, stream};
use humanapi_core::admin::order::{
    Decision, Effect, Entry, IntentKey, Op, OrderPolicy, Outcome, Report, Subject, Submission,
    SubmissionInput, SubmissionStep, user_of_id,
};
use humanapi_core::admin::{ListUsers, NewOrder, OrderedUser, ReadUser, SubmitOrder, Submitted};
use humanapi_core::{BuildError, ClientUserId, FlowError, HumanId};
use tracing::Instrument as _;

use super::{OrderError, Orders};
use crate::drive::in_time;
use crate::error::Error;
use crate::journal::OrderJournal;
use crate::store::StoreError;
use crate::telemetry::CALL;

/// So many intents are asked for at once.
const AT_ONCE: usize = 100;

impl Orders {
    /// Has an order placed once under this key, whoever else tries and whatever was done about it before.
    ///
    /// The order is written first, then what the service has of the user is read; it is marked as sent, then sent, once. Another worker with the same key waits, or is told.
    /// What was sent before and not heard of again is looked for, and not sent.
    ///
    /// Dropping the future is what a crash is: the next submission or reconciliation of the key finds out what became of it.
    ///
    /// # Errors
    ///
    /// In every case in which the order is not known to be placed: see [`OrderError`].
    pub async fn submit(
        &self,
        intent: &IntentKey,
        order: &NewOrder,
    ) -> Result<HumanId, OrderError> {
        // Whoever waited for the turn has waited for others.
        let (begun, wait) = (self.client.now(), self.policy().wait_for_others());
        let turn = pin!(self.client.inner.turns.take(order.client_user_id()));
        // What one places is there before the next one looks.
        let Some(_turn) = in_time(turn, self.client.timer(), wait).await else {
            return Err(OrderError::InProgress);
        };
        let subject = Subject::of(order);
        let submission = Submission::submit(subject, self.policy().clone(), begun);
        let span = tracing::debug_span!(target: CALL, "humanapi.call", call = "orders.submit");
        let steps = self.steps(intent, submission, Some(order));
        steps.instrument(span).await
    }

    /// Finds out what became of an intent. Sends nothing.
    ///
    /// # Errors
    ///
    /// In every case in which the order is not known to be placed: see [`OrderError`].
    pub async fn reconcile(&self, intent: &IntentKey) -> Result<HumanId, OrderError> {
        self.find_out(intent, self.policy().clone()).await
    }

    async fn find_out(
        &self,
        intent: &IntentKey,
        policy: OrderPolicy,
    ) -> Result<HumanId, OrderError> {
        let span = tracing::debug_span!(target: CALL, "humanapi.call", call = "orders.reconcile");
        let submission = Submission::reconcile(policy, self.client.now());
        let steps = self.steps(intent, submission, None);
        steps.instrument(span).await
    }

    /// Finds out what became of each intent that somebody still has to go on with or to be told of, one after another.
    ///
    /// Do it when a process begins, and from a timer. It ends after an error of the journal.
    /// An intent that another worker is at is told as [`InProgress`](OrderError::InProgress), and not waited for.
    ///
    /// What is settled is marked as handed back just before it is given out, and is not listed again. A process that ends
    /// in that moment finds it by [`reconcile`](Self::reconcile), [`submit`](Self::submit) or [`entry`](Self::entry),
    /// under its key.
    pub fn reconcile_open(
        &self,
    ) -> impl Stream<Item = Result<(IntentKey, Result<HumanId, OrderError>), StoreError>> + Send + '_
    {
        let journal = Arc::clone(self.journal());
        let batches = stream::try_unfold(None::<IntentKey>, move |after| {
            let journal = Arc::clone(&journal);
            async move {
                let open = journal.open(after.as_ref(), AT_ONCE).await?;
                let last = open.last().map(|(intent, _)| intent.clone());
                Ok::<_, StoreError>(
                    last.map(|last| (stream::iter(open.into_iter().map(Ok)), Some(last))),
                )
            }
        });
        let intents = batches.try_flatten();
        intents.and_then(move |(intent, _)| async move {
            let policy = self.policy().clone().with_wait_for_others(Duration::ZERO);
            let found = self.find_out(&intent, policy).await;
            Ok((intent, found))
        })
    }

    /// How an intent stands in the journal; nothing where there is none.
    ///
    /// # Errors
    ///
    /// When the journal cannot be asked.
    pub async fn entry(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError> {
        self.journal().load(intent).await
    }

    /// Writes what somebody decided who knows more than reading tells, about the entry that this was decided on.
    ///
    /// After [`SendAgain`](Decision::SendAgain), the next [`submit`](Self::submit) sends the order once more.
    /// If the first one arrives after all, it is placed twice: that is the decision.
    ///
    /// # Errors
    ///
    /// When the intent has changed since, the user's id is empty, or the journal failed.
    pub async fn decide(
        &self,
        intent: &IntentKey,
        entry: &Entry,
        decision: Decision,
    ) -> Result<Entry, OrderError> {
        let version = entry.version;
        if let Decision::Exists(human_id) = &decision
            && human_id.checked().is_err()
        {
            return Err(OrderError::NoUser);
        }
        match self
            .journal()
            .apply(intent, Op::Decide { version, decision })
            .await
        {
            Ok(Effect::Stands(entry)) => Ok(entry),
            Ok(Effect::Missing) => Err(OrderError::NoSuchIntent),
            Ok(_) => Err(OrderError::Changed),
            Err(error) => Err(OrderError::Journal(Some(error))),
        }
    }

    async fn steps(
        &self,
        intent: &IntentKey,
        mut submission: Submission,
        order: Option<&NewOrder>,
    ) -> Result<HumanId, OrderError> {
        let (mut last, mut journal_failed) = (None, None);
        loop {
            let input = match submission.step(self.client.now()) {
                SubmissionStep::Apply(op) => {
                    let effect = self.journal().apply(intent, op).await;
                    SubmissionInput::Journal(
                        effect.map_err(|error| journal_failed = Some(error)).ok(),
                    )
                }
                SubmissionStep::Send { within, before } => {
                    let Some(order) = order else {
                        // A reconciliation never says so.
                        return Err(OrderError::InProgress);
                    };
                    let ended = self.send(order, within).await;
                    let report = Report::of(&ended, &Subject::of(order), &before);
                    last = ended.err().map(Error::from);
                    SubmissionInput::Sent(report)
                }
                SubmissionStep::Read {
                    subject,
                    with_orders,
                } => {
                    let users = self.read(&subject, with_orders).await;
                    SubmissionInput::Read(users.map_err(|error| last = Some(error.into())).ok())
                }
                SubmissionStep::Wait(wait) => {
                    self.client.sleep(wait).await;
                    SubmissionInput::Waited
                }
                SubmissionStep::Done(outcome) => return ended(outcome, last, journal_failed),
            };
            submission.handle(input, self.client.now());
        }
    }

    async fn send(&self, order: &NewOrder, within: Duration) -> Result<Submitted, FlowError> {
        let call = self.client.call(SubmitOrder::new(order.clone()));
        let overall = self.client.inner.policy.overall_deadline();
        call.timeout(overall.min(within)).run().await
    }

    /// What users the service gives for the order's own id, all of them: an answer with none of its id is not an empty one.
    /// With the orders of the one who is this order's, where those tell one order from another.
    async fn read(
        &self,
        subject: &Subject,
        with_orders: bool,
    ) -> Result<Vec<OrderedUser>, FlowError> {
        let id = ClientUserId::new(subject.client_user_id()).map_err(BuildError::from)?;
        let of_id = ListUsers::new().with_client_user_id(id);
        let mut users = self.client.call(of_id).run().await?.items;
        let one = user_of_id(&users, subject.client_user_id()).ok().flatten();
        let lacking = one.filter(|user| with_orders && user.orders.is_empty());
        let Some(at) = lacking.and_then(|one| users.iter().position(|user| ptr::eq(user, one)))
        else {
            return Ok(users);
        };
        let details = ReadUser::new(users[at].human_id.clone());
        if let Some(told) = self.client.call(details).run().await? {
            users[at].orders = told.orders;
        }
        Ok(users)
    }

    fn journal(&self) -> &Arc<dyn OrderJournal> {
        &self.client.inner.journal
    }

    fn policy(&self) -> &OrderPolicy {
        &self.client.inner.orders
    }
}

fn ended(
    outcome: Outcome,
    last: Option<Error>,
    journal_failed: Option<StoreError>,
) -> Result<HumanId, OrderError> {
    match outcome {
        Outcome::Exists(human_id) => Ok(human_id),
        // The service refused nothing: the journal is why it was not sent.
        Outcome::NotPlaced if last.is_none() && journal_failed.is_some() => {
            Err(OrderError::Journal(journal_failed))
        }
        Outcome::NotPlaced => Err(OrderError::NotPlaced(last)),
        Outcome::Absent(entry) => Err(OrderError::Absent(Box::new(entry))),
        Outcome::Unknown(entry) => Err(OrderError::Unknown {
            entry: entry.map(Box::new),
            last,
        }),
        Outcome::InProgress => Err(OrderError::InProgress),
        Outcome::OtherOrder => Err(OrderError::OtherOrder),
        Outcome::Missing => Err(OrderError::NoSuchIntent),
        Outcome::NotWritten => Err(OrderError::Journal(journal_failed)),
    }
}
