//! How a user's orders go on.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use humanapi_core::admin::{OrderState, OrderedUser};
use humanapi_core::{HumanId, Now};

use super::Orders;
use crate::error::Error;

/// How a user's orders go on: see [`Orders::watch`].
pub type WatchOrders = Pin<Box<dyn Stream<Item = Result<OrdersChange, Error>> + Send>>;

/// That a user's orders are not as they were: see [`Orders::watch`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OrdersChange {
    /// The user, with all orders as they are now.
    pub user: OrderedUser,
    /// When the service was asked for it, by the clock of [`Client::now`](crate::Client::now). What another call of the same
    /// client asked for later is no older, whichever answer came first.
    pub asked_at: Now,
}

/// The first pause, and the one after each change.
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The states of a user's orders, by their ids.
type States = Vec<(Option<String>, Option<OrderState>)>;

enum Next {
    /// Ask after this pause.
    Ask {
        pause: Duration,
        seen: Option<States>,
    },
    /// It is over.
    Over,
}

impl Orders {
    /// How a user's orders go on: the user each time an order's state has changed, and when that was asked for, beginning
    /// with how it is now, until all orders are completed or cancelled.
    ///
    /// The service is asked after 30 seconds, then after twice as long each time, up to 15 minutes, and after 30 seconds
    /// again once something has changed. A user who is not there, or has no order, is waited for; give up by dropping
    /// the stream. Notifications are sooner and cost nothing, where the application can receive them.
    ///
    /// # Errors
    ///
    /// A failure that [may pass](Error::is_transient) is told, and the stream goes on after its pause. It ends after any
    /// other.
    pub fn watch(&self, user: impl Into<HumanId>) -> WatchOrders {
        let (orders, user) = (self.clone(), user.into());
        let first = Next::Ask {
            pause: Duration::ZERO,
            seen: None,
        };
        Box::pin(stream::unfold(first, move |next| {
            let (orders, user) = (orders.clone(), user.clone());
            async move { orders.next_change(user, next).await }
        }))
    }

    async fn next_change(
        &self,
        user: HumanId,
        next: Next,
    ) -> Option<(Result<OrdersChange, Error>, Next)> {
        let Next::Ask { mut pause, seen } = next else {
            return None;
        };
        let timer = Arc::clone(self.client.timer());
        loop {
            if !pause.is_zero() {
                timer.sleep(pause).await;
            }
            let longer = pause.saturating_mul(2).clamp(SHORTEST, LONGEST);
            let asked_at = self.client.now();
            match self.status(user.clone()).await {
                Ok(Some(user)) if seen.as_ref() != Some(&states(&user)) => {
                    let next = if is_over(&user) {
                        Next::Over
                    } else {
                        Next::Ask {
                            pause: SHORTEST,
                            seen: Some(states(&user)),
                        }
                    };
                    return Some((Ok(OrdersChange { user, asked_at }), next));
                }
                Ok(_) => pause = longer,
                Err(error) if error.is_transient() => {
                    let pause = longer;
                    return Some((Err(error), Next::Ask { pause, seen }));
                }
                Err(error) => return Some((Err(error), Next::Over)),
            }
        }
    }
}

fn states(user: &OrderedUser) -> States {
    let of =
        |order: &humanapi_core::admin::PlacedOrder| (order.order_id.clone(), order.state.clone());
    user.orders.iter().map(of).collect()
}

fn is_over(user: &OrderedUser) -> bool {
    let is_terminal = |order: &humanapi_core::admin::PlacedOrder| {
        order.state.as_ref().is_some_and(OrderState::is_terminal)
    };
    !user.orders.is_empty() && user.orders.iter().all(is_terminal)
}
