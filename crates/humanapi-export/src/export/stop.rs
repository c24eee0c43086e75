//! Being told to stop.

use std::future::Future;
use std::pin::{Pin, pin};

use futures_util::future::{self, Either};

/// What is waited for, unless `stop` ends before it; nothing then. Who is to stop is asked first: answers may come without
/// a pause.
pub(super) async fn unless_stopped<T>(
    stop: Pin<&mut impl Future<Output = ()>>,
    waited_for: impl Future<Output = T>,
) -> Option<T> {
    match future::select(stop, pin!(waited_for)).await {
        Either::Left(((), _)) => None,
        Either::Right((come, _)) => Some(come),
    }
}

/// What is waited for, unless `stop` ends while it is: what is there already is taken all the same.
pub(super) async fn unless_stopped_meanwhile<T>(
    stop: Pin<&mut impl Future<Output = ()>>,
    waited_for: impl Future<Output = T>,
) -> Option<T> {
    match future::select(pin!(waited_for), stop).await {
        Either::Left((come, _)) => Some(come),
        Either::Right(((), _)) => None,
    }
}
