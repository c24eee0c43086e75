//! Random histories of operations from several clients, against the pure row.
//!
//! Leases last an hour or no time at all, and tokens end in an hour or ended long ago, so what must happen does not
//! depend on how fast a store is. Fences are numbers of the store's own; each is mapped to the row's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use humanapi_client::TokenStore;
use humanapi_core::broker::{Acquired, Commit, KeptToken, Lease, Row, RowToken};
use humanapi_core::{Generation, TokenKey};
use proptest::prelude::*;

use super::{LONG, Place, commit, invalidate, key, load, purge, release, token};

/// As many as the history has below.
const CLIENTS: usize = 3;
const KEYS: usize = 2;
/// Where the row's clock begins.
const BEGINNING: u64 = 1_000_000;

/// One operation of one client on one key.
#[derive(Clone, Debug)]
struct Operation {
    client: usize,
    key: usize,
    does: Does,
}

#[derive(Clone, Debug)]
enum Does {
    Load,
    Acquire { long: bool, known: Pick },
    Commit { lease: Pick, lives: bool },
    Release { lease: Pick },
    Invalidate { generation: Pick },
    Purge,
}

/// One of the fences that were given out for a key, or one that never was.
#[derive(Clone, Debug)]
enum Pick {
    /// The newest but so many.
    Given(usize),
    Zero,
    Most,
}

/// For any history, the store answers as the row does.
pub async fn random_histories_go_as_the_row_says(place: impl Place) {
    let clients = [place.open().await, place.open().await, place.open().await];
    let ends = place.now().await + 3_600_000;
    let histories = prop::collection::vec(operation(), 1..60);
    crate::histories::run(48, &histories, async |history| {
        run(&clients, ends, &history).await;
    });
}

fn operation() -> impl Strategy<Value = Operation> {
    let pick = || {
        prop_oneof![
            6 => Just(Pick::Given(0)),
            3 => (1_usize..4).prop_map(Pick::Given),
            1 => Just(Pick::Zero),
            1 => Just(Pick::Most),
        ]
    };
    let does = prop_oneof![
        3 => Just(Does::Load),
        6 => (prop::bool::weighted(0.7), pick()).prop_map(|(long, known)| Does::Acquire { long, known }),
        5 => (pick(), prop::bool::weighted(0.8)).prop_map(|(lease, lives)| Does::Commit { lease, lives }),
        2 => pick().prop_map(|lease| Does::Release { lease }),
        2 => pick().prop_map(|generation| Does::Invalidate { generation }),
        1 => Just(Does::Purge),
    ];
    (0..CLIENTS, 0..KEYS, does).prop_map(|(client, key, does)| Operation { client, key, does })
}

/// A key with what the row says of it.
struct Modelled {
    key: TokenKey,
    row: Row<String>,
    /// Fences of the row and of the store, in the order in which they were given out.
    fences: Vec<(u64, u64)>,
    /// From the row's fences to the store's.
    stores: HashMap<u64, u64>,
}

impl Modelled {
    fn new() -> Self {
        Self {
            key: key(),
            row: Row::default(),
            fences: Vec::new(),
            stores: HashMap::new(),
        }
    }

    /// What was picked: the row's number and the store's.
    fn pick(&self, pick: &Pick) -> (u64, u64) {
        match pick {
            Pick::Given(back) => {
                let index = self.fences.len().checked_sub(back + 1);
                index.map_or((0, 0), |index| self.fences[index])
            }
            Pick::Zero => (0, 0),
            Pick::Most => (u64::MAX, u64::MAX),
        }
    }

    fn gave(&mut self, row: Lease, store: Lease) {
        if let Some((_, last)) = self.fences.last() {
            assert!(store.fence() > *last, "fences rise");
        }
        self.fences.push((row.fence(), store.fence()));
        self.stores.insert(row.fence(), store.fence());
    }

    /// The store's token is the row's. What has ended may be gone.
    fn compare(&self, now: u64, row: Option<&RowToken<String>>, store: Option<&KeptToken>) {
        let Some(store) = store else {
            let ended = row.is_none_or(|token| token.expires_at <= now);
            assert!(ended, "the store lost {row:?}");
            return;
        };
        let row = row.unwrap_or_else(|| panic!("the store found {store:?} from nowhere"));
        assert_eq!(row.payload, store.expose_secret());
        assert_eq!(
            self.stores[&row.generation.number()],
            store.generation().number()
        );
    }
}

async fn run(clients: &[Arc<dyn TokenStore>], ends: u64, history: &[Operation]) {
    let mut keys: Vec<Modelled> = (0..KEYS).map(|_| Modelled::new()).collect();
    for (now, operation) in (BEGINNING..).zip(history) {
        let store = &*clients[operation.client];
        step(store, &mut keys[operation.key], &operation.does, now, ends).await;
    }
}

async fn step(store: &dyn TokenStore, key: &mut Modelled, does: &Does, now: u64, ends: u64) {
    match does {
        // The row knows no purge: none may show, but that what has ended can be gone.
        Does::Purge => {
            purge(store).await;
        }
        Does::Load => {
            let found = load(store, &key.key).await;
            key.compare(now, key.row.load().as_ref(), found.as_ref());
        }
        Does::Acquire { long, known } => {
            let (row_knows, store_knows) = key.pick(known);
            // Knowing nothing and knowing number 0 must come to the same.
            let known = |number| (number > 0).then(|| Generation::new(number));
            let ttl = if *long { LONG } else { Duration::ZERO };
            let expected = key.row.acquire(now, ttl, known(row_knows));
            let found = super::acquire(store, &key.key, ttl, known(store_knows)).await;
            match (expected, found) {
                (Acquired::Won(row), Acquired::Won(store)) => key.gave(row, store),
                (Acquired::Held { .. }, Acquired::Held { remaining }) => assert!(remaining <= LONG),
                (Acquired::Newer(row), Acquired::Newer(store)) => {
                    key.compare(now, Some(&row), Some(&store));
                }
                (expected, found) => panic!("{found:?} instead of {expected:?}"),
            }
        }
        Does::Commit { lease, lives } => {
            let (row, lease) = key.pick(lease);
            let (row_ends, ends) = if *lives {
                (now + 3_600_000, ends)
            } else {
                (1, 1)
            };
            let text = format!("token-{now}");
            let expected = key.row.commit(now, Lease::new(row), row_ends, text.clone());
            let found = commit(store, &key.key, Lease::new(lease), &token(&text, ends)).await;
            assert_eq!(found, expected, "the lease {row}");
            if found == Commit::Done {
                let found = load(store, &key.key).await;
                key.compare(now, key.row.load().as_ref(), found.as_ref());
            }
        }
        Does::Release { lease } => {
            let (row, lease) = key.pick(lease);
            key.row.release(Lease::new(row));
            release(store, &key.key, Lease::new(lease)).await;
        }
        Does::Invalidate { generation } => {
            let (row, generation) = key.pick(generation);
            key.row.invalidate(Generation::new(row));
            invalidate(store, &key.key, Generation::new(generation)).await;
        }
    }
}
