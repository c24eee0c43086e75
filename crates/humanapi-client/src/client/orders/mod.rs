//! Orders for records, their reports, and who is told of them.

mod order_error;
mod submit;
mod turns;
mod watch;

use std::pin::Pin;

use futures_core::Stream;
use futures_util::{TryStreamExt as _, stream};
use humanapi_core::admin::order::users_of_id;
use humanapi_core::admin::{
    ActOnUser, AdminList, CreateSubscription, DeleteSubscription, ListOrderTypes, ListReports,
    ListSubscriptions, ListUserProviders, ListUsers, MakeConsumerLink, NewSubscription, ReadReport,
    ReadSubscription, ReadUser, UserRef,
};
use humanapi_core::{ClientUserId, HumanId};

pub use order_error::OrderError;
pub(super) use turns::Turns;
pub use watch::{OrdersChange, WatchOrders};

use super::Client;
use super::call::ApiCall;
use crate::error::Error;

/// Orders for records on the Health Intelligence Platform, their reports, and who is told of them.
///
/// # What is promised of an order, and what is not
///
/// [`submit`](Self::submit) writes each order into the client's [journal](crate::OrderJournal) before it sends it, under a key
/// of the caller's own, and **never sends one intent twice by itself**: not after a lost answer, not after a crash, not from
/// two processes at once. `Ok` says that the service has the order, as far as reading can tell, and nothing else says so.
///
/// * The service may answer an order for a user who has one with a success and place none. So what it has of the user is read
///   before an order is sent, and of a user who was there, an order has to be there afterwards that was not.
/// * Where an answer is lost, what is there is read. An order counts as placed if a user of the order's id, name and date of
///   birth is there who was made about when it was sent, and who is told to have an order of its type where it asks for one.
///   Where that cannot be told, the answer is [`Unknown`](OrderError::Unknown), and the caller [decides](Self::decide).
/// * **Two intents for one user can be taken for one another** where two processes place them at about the same time, or where
///   one is still [`Unknown`](OrderError::Unknown) when the next is placed, in one client too: if one's answer is lost, or does
///   not say that it made the user, and the other one's order is what is read within about twenty-five minutes, it is told as
///   placed though it may not be. With
///   [`absent_after`](humanapi_core::admin::order::OrderPolicy::with_absent_after) at `None` that time has no end. Order types
///   tell the two apart where they differ and both orders name one; the application's default type cannot be compared. Within
///   one client, orders for one user take turns, each until its submission ends. So settle an order for a user before you place
///   the next, or name their types.
/// * The promise is as durable as the journal. Without [one of your own](crate::ClientBuilder::order_journal) it is in memory
///   and ends with the process.
/// * It is about intents: one order under two keys is placed twice, and so is one that something else sends.
/// * It cannot see an order that is cancelled or merged on the service's side, nor one whose request a network keeps for
///   longer than [`absent_after`](humanapi_core::admin::order::OrderPolicy::with_absent_after); the latter is told as not
///   there, and is still not sent again before a decision.
///
/// ```no_run
/// use humanapi_client::core::ClientUserId;
/// use humanapi_client::core::admin::order::IntentKey;
/// use humanapi_client::core::admin::{BirthDate, NewOrder};
/// use humanapi_client::{Client, OrderError};
///
/// # async fn order(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let born = BirthDate::parse("1980-04-09", "2026-11-29".parse()?)?;
/// let order = NewOrder::new(ClientUserId::new("policy-000417")?)
///     .with_email("applicant-417@example.test")?
///     .with_name("Testina", "Sandboxer")?
///     .with_birth_date(born);
/// match client.orders().submit(&IntentKey::new("case-417/records")?, &order).await {
///     Ok(human_id) => println!("placed"),
///     Err(OrderError::Unknown { .. }) => println!("look, and decide"),
///     Err(error) => println!("{error}; {}", error.remedy()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Orders {
    client: Client,
}

/// All of a list, over all its pages.
pub type AllItems<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

impl Client {
    /// Orders for records on the Health Intelligence Platform.
    #[must_use]
    pub fn orders(&self) -> Orders {
        Orders {
            client: self.clone(),
        }
    }
}

impl Orders {
    /// The types of order that the application may place.
    pub fn order_types(&self) -> ApiCall<ListOrderTypes> {
        self.client.call(ListOrderTypes::new())
    }

    /// The application's users, page by page or [all](ApiCall::all).
    pub fn users(&self) -> ApiCall<ListUsers> {
        self.client.call(ListUsers::new())
    }

    /// The users of this id of the application's own.
    pub fn find(&self, user: impl Into<ClientUserId>) -> ApiCall<ListUsers> {
        self.client.call(ListUsers::new().with_client_user_id(user))
    }

    /// One user with the user's orders, and where they stand; nothing where there is no such user.
    pub fn status(&self, user: impl Into<HumanId>) -> ApiCall<ReadUser> {
        self.client.call(ReadUser::new(user))
    }

    /// Whether the service has this user under this id of the application's own: only such a one may a decision name that an
    /// order [exists](humanapi_core::admin::order::Decision::Exists). Where several users have the id, each of them is one.
    ///
    /// # Errors
    ///
    /// When the service cannot be asked.
    pub async fn is_user(
        &self,
        human_id: impl Into<HumanId>,
        own: impl Into<ClientUserId>,
    ) -> Result<bool, Error> {
        let (human_id, own) = (human_id.into(), own.into());
        if human_id.checked().is_err() {
            return Ok(false);
        }
        let found = self.find(own.clone()).await?.items;
        if users_of_id(&found, own.as_str()).any(|user| user.human_id == human_id) {
            return Ok(true);
        }
        // Where the service did not look for the id, it still tells whose the other one is.
        let user = self.status(human_id).await?;
        Ok(user.is_some_and(|user| user.client_user_id == Some(own)))
    }

    /// Ends the user's order. A [conflict](humanapi_core::ApiErrorKind::Conflict) says that it is over already.
    pub fn abort(&self, user: impl Into<UserRef>) -> ApiCall<ActOnUser> {
        self.client.call(ActOnUser::abort(user))
    }

    /// Has the user's records retrieved again.
    pub fn resync(&self, user: impl Into<UserRef>) -> ApiCall<ActOnUser> {
        self.client.call(ActOnUser::resync(user))
    }

    /// Who keeps records of the user.
    pub fn providers(&self, user: impl Into<UserRef>) -> ApiCall<ListUserProviders> {
        self.client.call(ListUserProviders::new(user))
    }

    /// Which reports there are of the user.
    pub fn reports(&self, user: impl Into<UserRef>) -> ApiCall<ListReports> {
        self.client.call(ListReports::new(user))
    }

    /// One report: put into a file by `download_to_file`, written to a writer by `download_to`, or read as it arrives by
    /// [`open`](ApiCall::open). Give it the [format](ReadReport::with_format) that the list
    /// told, by [`read_report`](Self::read_report), and what begins otherwise, such as a sign-in page, is an error.
    pub fn report(&self, id: impl Into<String>) -> ApiCall<ReadReport> {
        self.read_report(ReadReport::new(id))
    }

    /// One report, as this says.
    pub fn read_report(&self, report: ReadReport) -> ApiCall<ReadReport> {
        self.client.call(report)
    }

    /// An address at which the user does what an order lacks, for 8 hours. `Debug` does not show it.
    pub fn consumer_link(&self, user: impl Into<UserRef>) -> ApiCall<MakeConsumerLink> {
        self.client.call(MakeConsumerLink::new(user))
    }

    /// Who is told of a user's order: the subscriptions of one address.
    pub fn subscriptions(
        &self,
        user: impl Into<ClientUserId>,
        email: impl Into<String>,
    ) -> ApiCall<ListSubscriptions> {
        self.client.call(ListSubscriptions::new(user, email))
    }

    /// Has somebody told of a user's order.
    pub fn subscribe(&self, subscription: NewSubscription) -> ApiCall<CreateSubscription> {
        self.client.call(CreateSubscription::new(subscription))
    }

    /// One subscription; nothing where there is none of this id.
    pub fn subscription(&self, id: impl Into<String>) -> ApiCall<ReadSubscription> {
        self.client.call(ReadSubscription::new(id))
    }

    /// Ends one subscription.
    pub fn unsubscribe(&self, id: impl Into<String>) -> ApiCall<DeleteSubscription> {
        self.client.call(DeleteSubscription::new(id))
    }
}

impl<L> ApiCall<L>
where
    L: AdminList + Send + 'static,
    L::Item: Send + 'static,
{
    /// All of the list from this page on, one after another, until a page is empty. It ends after an error.
    pub fn all(self) -> AllItems<L::Item> {
        let (call, first) = self.split();
        let pages = stream::try_unfold(Some(first), move |next| {
            let call = call.clone();
            async move {
                let Some(next) = next else {
                    return Ok::<_, Error>(None);
                };
                let page = call.with(next).await?;
                Ok(Some((
                    stream::iter(page.items.into_iter().map(Ok)),
                    page.next,
                )))
            }
        });
        Box::pin(pages.try_flatten())
    }
}
