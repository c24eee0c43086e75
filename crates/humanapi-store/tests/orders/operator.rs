//! What an operator does with a place that keeps a journal: nothing that an order would be forgotten by.

use humanapi_store::client::{OrderJournal as _, StoreErrorKind};
use humanapi_store::core::admin::order::{Effect, Op};
use humanapi_store::{Backend, SealingKeys, Store};

use super::{intent, op, two_keys, write};

/// Makes a test of each case. Takes the names of the function that makes a place and of the one that opens a store
/// there with these keys.
macro_rules! operator {
    ($place:ident, $open:ident) => {
        $crate::operator::operator!(@cases $place $open
            a_rotation_seals_orders_anew_and_a_purge_leaves_them
            a_status_counts_orders
            an_order_that_nobody_can_open_stops_no_rotation
        );
    };
    (@cases $place:ident $open:ident $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(place) = $place().await else { return };
                let open = async |keys: &SealingKeys| $open(&place, keys).await;
                humanapi_testkit::within($crate::operator::$case(open)).await;
            }
        )*
    };
}
pub(crate) use operator;

const ORDERS: usize = 7;

/// After a rotation the older key can be taken away, and whatever goes, each order is as it was.
pub(crate) async fn a_rotation_seals_orders_anew_and_a_purge_leaves_them<B: Backend>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let keys = two_keys();
    let older = open(&keys).await;
    for order in 0..ORDERS {
        write(&older, order).await;
    }
    let both = keys.with_new_key("newest").unwrap();
    let newer = open(&both).await;
    assert_eq!(
        newer.status().await.unwrap().orders_to_rotate(),
        ORDERS as u64
    );
    assert_eq!(
        humanapi_store::client::TokenStore::purge_expired(&newer)
            .await
            .unwrap(),
        0
    );
    let rotation = newer.rotate(|_| {}).await.unwrap();
    assert_eq!(rotation.resealed, ORDERS as u64, "{rotation:?}");
    assert_eq!(newer.status().await.unwrap().orders_to_rotate(), 0);
    assert_eq!(newer.rotate(|_| {}).await.unwrap().resealed, 0);

    // The file of keys, with the older ones taken out.
    let text = both.to_text();
    let text = secrecy::ExposeSecret::expose_secret(&text).to_owned();
    let left = text.lines().filter(|line| {
        ["naming:", "newest:"]
            .iter()
            .any(|kept| line.starts_with(kept))
    });
    let left: Vec<&str> = left.collect();
    assert_eq!(left.len(), 2);
    let alone = open(&SealingKeys::parse(&left.join("\n")).unwrap()).await;
    for order in 0..ORDERS {
        let effect = alone.apply(&intent(order), op()).await.unwrap();
        assert!(matches!(effect, Effect::Held { .. }), "{effect:?}");
    }
    // Who had the older key alone is told so, and of no new intent.
    let error = older.load(&intent(0)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::UnknownSealingKey);
}

/// The status tells orders that somebody has to go on with from those of which somebody was told.
pub(crate) async fn a_status_counts_orders<B: Backend>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let store = open(&two_keys()).await;
    for order in 0..3 {
        write(&store, order).await;
    }
    let version = store.load(&intent(1)).await.unwrap().unwrap().version;
    store
        .apply(&intent(1), Op::HandBack { version })
        .await
        .unwrap();
    let status = store.status().await.unwrap();
    assert_eq!((status.orders, status.open_orders), (3, 2));
    assert_eq!(status.orders_by_key.get("first"), Some(&3));
    assert_eq!((status.rows, status.tokens_to_rotate()), (0, 0));
    assert_eq!(store.open(None, 10).await.unwrap().len(), 2);
}

/// A row of a key that is not at hand is counted, left as it is, and keeps nobody else from being sealed anew.
pub(crate) async fn an_order_that_nobody_can_open_stops_no_rotation<B: Backend>(
    open: impl AsyncFn(&SealingKeys) -> Store<B>,
) {
    let keys = two_keys();
    let lost = open(&keys.clone().with_new_key("lost").unwrap()).await;
    write(&lost, "lost").await;
    let store = open(&keys).await;
    write(&store, "kept").await;
    let newer = open(&keys.with_new_key("newest").unwrap()).await;
    let rotation = newer.rotate(|_| {}).await.unwrap();
    assert_eq!(
        (rotation.resealed, rotation.unreadable),
        (1, 1),
        "{rotation:?}"
    );
    assert_eq!(newer.status().await.unwrap().orders_to_rotate(), 1);
    assert!(lost.load(&intent("lost")).await.unwrap().is_some());
}
