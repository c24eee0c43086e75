//! A second order for a user who has one, which the service may answer with a success and not place.
//!
//! Nobody is told that an order is placed which the ledger does not have, whichever way the service takes it.

use std::time::Duration;

use futures_util::future::join;
use humanapi_client::{Client, OrderError};
use humanapi_core::admin::NewOrder;
use humanapi_core::admin::order::{Decision, Doubt, EntryState, IntentKey};
use humanapi_core::http::Method;
use humanapi_core::{ClientUserId, HumanId, Provisioning};
use humanapi_sandbox::{Assumption, Fault, OfflineSandbox, Sandbox};

use crate::scene::Scene as _;
use crate::worker;

const USER: &str = "policy-417";

struct World {
    sandbox: OfflineSandbox,
    client: Client,
}

impl World {
    fn open(assumed: &[(Assumption, &str)]) -> Self {
        let mut builder = Sandbox::builder();
        for (assumption, value) in assumed {
            builder = builder.assume(*assumption, value).unwrap();
        }
        let sandbox = builder.build_offline();
        let client = Self::client_of(&sandbox);
        Self { sandbox, client }
    }

    /// Another process, with a journal of its own.
    fn client_of(sandbox: &OfflineSandbox) -> Client {
        let (credentials, way) = (sandbox.credentials(), sandbox.way());
        Client::builder(credentials, Provisioning::Hip, way).build_on(sandbox.time())
    }

    async fn submit(&self, case: &str, kind: Option<&str>) -> Result<HumanId, OrderError> {
        submit(&self.client, case, kind).await
    }

    fn billed(&self) -> usize {
        self.sandbox.billed(USER)
    }

    /// Ends the user's order: another may be placed.
    async fn end(&self) {
        let user = ClientUserId::new(USER).unwrap();
        self.client.orders().abort(user).await.unwrap();
    }
}

async fn submit(client: &Client, case: &str, kind: Option<&str>) -> Result<HumanId, OrderError> {
    let order: NewOrder = worker::order(USER);
    let order = match kind {
        Some(kind) => order.with_order_type(kind).unwrap(),
        None => order,
    };
    let intent = IntentKey::new(case).unwrap();
    client.orders().submit(&intent, &order).await
}

#[track_caller]
fn doubt(told: Result<HumanId, OrderError>) -> Doubt {
    match told {
        Err(OrderError::Unknown {
            entry: Some(entry), ..
        }) => match entry.state {
            EntryState::Unknown(doubt) => doubt,
            state => panic!("{state:?}"),
        },
        told => panic!("{told:?}"),
    }
}

/// Each way in which the service may say that it took an order.
fn answers() -> impl Iterator<Item = [(Assumption, &'static str); 2]> {
    let statuses = ["by-user", "201", "202"].into_iter();
    statuses.flat_map(|status| {
        ["array", "object"].map(|form| {
            [
                (Assumption::CreateStatus, status),
                (Assumption::CreateForm, form),
            ]
        })
    })
}

#[tokio::test]
async fn a_second_order_that_is_not_placed_is_never_told_as_placed() {
    for answer in answers() {
        for second in ["once-over", "never"] {
            for kinds in [
                [Some("full"), Some("aps-only")],
                [Some("full"), Some("full")],
                [None, None],
            ] {
                let more = [(Assumption::SecondOrder, second)];
                let world = World::open(&[&answer[..], &more].concat());
                let first = world.submit("case-1", kinds[0]).await;
                assert!(first.is_ok(), "{answer:?} {first:?}");
                for _ in 0..2 {
                    let told = world.submit("case-2", kinds[1]).await;
                    assert_eq!(doubt(told), Doubt::NoNewOrder, "{answer:?} {kinds:?}");
                    assert_eq!(world.billed(), 1);
                }
            }
        }
    }
}

/// What was not placed is sent once more by a decision alone.
#[tokio::test]
async fn a_second_order_is_placed_once_the_first_is_over_and_somebody_decided_so() {
    let world = World::open(&[]);
    world.submit("case-1", None).await.unwrap();
    doubt(world.submit("case-2", None).await);
    world.end().await;
    world.sandbox.advance(Duration::from_secs(60));
    doubt(world.submit("case-2", None).await);
    assert_eq!(world.billed(), 1);
    let (orders, intent) = (world.client.orders(), IntentKey::new("case-2").unwrap());
    let entry = orders.entry(&intent).await.unwrap().unwrap();
    let again = orders.decide(&intent, &entry, Decision::SendAgain);
    again.await.unwrap();
    world.submit("case-2", None).await.unwrap();
    world.end().await;
    world.submit("case-3", Some("aps-only")).await.unwrap();
    assert_eq!(world.billed(), 3);
}

#[tokio::test]
async fn a_second_order_that_is_placed_is_found_by_what_was_not_there_before() {
    for answer in answers() {
        let more = [(Assumption::SecondOrder, "always")];
        let world = World::open(&[&answer[..], &more].concat());
        for (at, kind) in [None, None, Some("full"), Some("aps-only")]
            .iter()
            .enumerate()
        {
            let told = world.submit(&format!("case-{at}"), *kind).await;
            assert!(told.is_ok(), "{answer:?} {told:?}");
            assert_eq!(world.billed(), at + 1);
        }
        // Where its answer is lost, too.
        let lost = Fault::drop_after().on_method(Method::POST);
        world.sandbox.control().plan_fault(lost).unwrap();
        world.submit("case-lost", None).await.unwrap();
        assert_eq!(world.billed(), 5);
        let lost = Fault::drop_before().on_method(Method::POST);
        world.sandbox.control().plan_fault(lost).unwrap();
        let told = world.submit("case-gone", None).await;
        assert_eq!(doubt(told), Doubt::NoNewOrder);
        assert_eq!(world.billed(), 5);
    }
}

/// In one client too, an order that is still unknown is taken for the next one of the user, unless their types are named and
/// differ, or it is settled before.
#[tokio::test]
async fn an_order_that_is_unknown_is_told_from_the_next_one_by_its_type_or_where_it_is_settled_before()
 {
    for (kinds, is_told) in [
        ([None, None], false),
        ([Some("full"), Some("full")], false),
        ([None, Some("aps-only")], false),
        ([Some("full"), Some("aps-only")], true),
    ] {
        let world = World::open(&[(Assumption::SecondOrder, "always")]);
        world.submit("case-0", None).await.unwrap();
        let lost = || Fault::drop_before().on_method(Method::POST);
        world.sandbox.control().plan_fault(lost()).unwrap();
        let told = world.submit("case-1", kinds[0]).await;
        assert_eq!(doubt(told), Doubt::NoNewOrder, "{kinds:?}");
        world.submit("case-2", kinds[1]).await.unwrap();
        let told = world.submit("case-1", kinds[0]).await;
        if is_told {
            assert_eq!(doubt(told), Doubt::OtherOrderType, "{kinds:?}");
        } else {
            assert!(told.is_ok(), "{kinds:?} {told:?}");
        }
        assert_eq!(world.billed(), 2, "{kinds:?}");

        let world = World::open(&[(Assumption::SecondOrder, "always")]);
        world.submit("case-0", None).await.unwrap();
        world.sandbox.control().plan_fault(lost()).unwrap();
        doubt(world.submit("case-1", kinds[0]).await);
        let (orders, intent) = (world.client.orders(), IntentKey::new("case-1").unwrap());
        let entry = orders.entry(&intent).await.unwrap().unwrap();
        let again = orders.decide(&intent, &entry, Decision::SendAgain);
        again.await.unwrap();
        world.submit("case-1", kinds[0]).await.unwrap();
        world.submit("case-2", kinds[1]).await.unwrap();
        assert_eq!(world.billed(), 3, "{kinds:?}");
    }
}

#[tokio::test]
async fn a_second_order_that_is_shown_late_is_known_later() {
    let late = (Assumption::ReadAfterWrite, "30-seconds");
    let world = World::open(&[(Assumption::SecondOrder, "always"), late]);
    world.submit("case-1", None).await.unwrap();
    world.sandbox.advance(Duration::from_secs(60));
    let told = world.submit("case-2", None).await;
    assert_eq!(doubt(told), Doubt::NoNewOrder);
    world.sandbox.advance(Duration::from_secs(60));
    world.submit("case-2", None).await.unwrap();
    assert_eq!(world.billed(), 2);
}

/// Within one client, orders for one user take turns.
#[tokio::test]
async fn of_two_orders_at_once_one_is_told_as_placed() {
    for answer in answers() {
        for kinds in [[None, None], [Some("full"), Some("aps-only")]] {
            let world = World::open(&answer);
            let one = world.submit("case-1", kinds[0]);
            let (one, other) = join(one, world.submit("case-2", kinds[1])).await;
            let placed = [&one, &other].iter().filter(|told| told.is_ok()).count();
            assert_eq!(
                (placed, world.billed()),
                (1, 1),
                "{answer:?} {one:?} {other:?}"
            );
        }
    }
}

/// Two processes do not: the type tells their orders apart, unless the service says of each that it made the user.
#[tokio::test]
async fn of_two_orders_at_once_from_two_processes_the_type_tells_one() {
    for status in ["by-user", "202"] {
        let world = World::open(&[(Assumption::CreateStatus, status)]);
        let another = World::client_of(&world.sandbox);
        let one = world.submit("case-1", Some("full"));
        let (one, other) = join(one, submit(&another, "case-2", Some("aps-only"))).await;
        let placed = [&one, &other].iter().filter(|told| told.is_ok()).count();
        assert_eq!(
            (placed, world.billed()),
            (1, 1),
            "{status} {one:?} {other:?}"
        );
    }
}
