//! Lists read to their end over a server that takes its time, all of it virtual.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod busy;
mod server;

use std::collections::BTreeSet;
use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use humanapi_client::{Error, ErrorKind, Items, Pages};
use humanapi_core::Drift;
use humanapi_core::data::{Activity, ListActivities};
use server::{LATENCY, Server, Trouble};
use static_assertions::assert_impl_all;
use tokio::task::yield_now;
use tokio::time::Instant;

assert_impl_all!(Pages<ListActivities>: Send, Unpin);
assert_impl_all!(Items<ListActivities>: Send, Unpin);

/// All records of a list that comes without an error.
async fn read(items: Items<ListActivities>) -> Vec<usize> {
    let id = |activity: Activity| activity.id().unwrap().parse::<usize>().unwrap();
    items.map_ok(id).try_collect().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_record_comes_once_and_in_order_whatever_is_asked_for_ahead() {
    for records in [0, 1, 40, 93] {
        let expected: Vec<usize> = (0..records).collect();
        for limit in [1, 7, 40, 500] {
            for ahead in 0..=8 {
                let server = Server::new(records);
                assert_eq!(read(server.items(limit).read_ahead(ahead)).await, expected);
                let offsets: BTreeSet<usize> = server.asked().into_iter().collect();
                assert_eq!(
                    offsets.len(),
                    server.asked().len(),
                    "no page is asked for twice"
                );
                let server = server.without_total();
                assert_eq!(read(server.items(limit).read_ahead(ahead)).await, expected);
                assert!(server.out().1 <= ahead.max(1));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_are_out_as_were_asked_for_and_no_more_pages_are_held() {
    for ahead in [2, 8] {
        let server = Server::new(1000);
        let mut pages = server.pages(10).read_ahead(ahead);
        for page in 1..40 {
            pages.next().await.unwrap().unwrap();
            // The reader takes long, and nothing more is asked for meanwhile.
            tokio::time::sleep(LATENCY * 20).await;
            assert!(server.asked().len() <= page + ahead);
        }
        assert_eq!(server.out().1, ahead);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_page_is_asked_for_while_the_reader_is_busy_with_this_one() {
    let server = Server::new(100);
    let mut pages = server.pages(10);
    for page in 1..10 {
        pages.next().await.unwrap().unwrap();
        yield_now().await;
        assert_eq!(server.asked().len(), page + 1);
    }
    let server = Server::new(100);
    let mut pages = server.pages(10).read_ahead(0);
    pages.next().await.unwrap().unwrap();
    assert_eq!(server.asked().len(), 1);
}

/// How long it takes to read 2000 records, 20 a page, with work at each page.
async fn takes(ahead: usize, work: Duration) -> Duration {
    let server = Server::new(2000);
    let begin = Instant::now();
    let mut pages = server.pages(20).read_ahead(ahead);
    let mut came = 0;
    while let Some(page) = pages.try_next().await.unwrap() {
        came += page.items.len();
        tokio::time::sleep(work).await;
    }
    assert_eq!(came, 2000);
    begin.elapsed()
}

#[tokio::test(start_paused = true)]
async fn reading_eight_ahead_is_six_times_as_fast_as_page_by_page() {
    let user = Server::new(2000).client().user("patient-17");
    let begin = Instant::now();
    let mut next = Some(ListActivities::new().with_limit(20));
    while let Some(call) = next {
        next = user.call(call).await.unwrap().next;
    }
    let (loops, sequential) = (begin.elapsed(), takes(0, Duration::ZERO).await);
    assert_eq!(loops, sequential, "100 pages of 20 ms");
    let ahead = takes(8, Duration::ZERO).await;
    assert!(ahead * 6 <= sequential, "{ahead:?} {sequential:?}");
}

#[tokio::test(start_paused = true)]
async fn reader_and_server_work_at_the_same_time() {
    let sequential = takes(0, LATENCY).await;
    for ahead in [1, 2, 8] {
        let ahead = takes(ahead, LATENCY).await;
        assert!(ahead.mul_f64(1.6) <= sequential, "{ahead:?} {sequential:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_did_not_come_is_asked_for_again_and_none_is_left_out() {
    for ahead in [0, 1, 3, 8] {
        // Each third attempt fails, in one way or another.
        let server = Server::new(400).with_trouble(|number, _| match number % 6 {
            2 => Some(Trouble::Status(503)),
            5 => Some(Trouble::Lost),
            _ => None,
        });
        let mut items = server.items(10).read_ahead(ahead);
        let (mut came, mut errors) = (Vec::new(), 0);
        while let Some(item) = items.next().await {
            match item {
                Ok(activity) => came.push(activity.id().unwrap().parse::<usize>().unwrap()),
                Err(error) => {
                    assert!(error.is_transient(), "{error:?}");
                    errors += 1;
                }
            }
        }
        assert_eq!(came, (0..400).collect::<Vec<_>>());
        let failed = (0..server.asked().len())
            .filter(|number| number % 3 == 2)
            .count();
        assert!(errors > 15 && errors <= failed, "{errors} {failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_does_not_pass_is_the_last() {
    for ahead in [0, 1, 4] {
        let server = Server::new(100)
            .with_trouble(|_, offset| (offset == 27).then_some(Trouble::Status(403)));
        let mut pages = server.pages(10).read_ahead(ahead);
        for _ in 0..3 {
            pages.next().await.unwrap().unwrap();
        }
        let error = pages.next().await.unwrap().unwrap_err();
        assert!(!error.is_transient(), "{error:?}");
        yield_now().await;
        assert_eq!(server.out().0, 0, "what was asked for ahead is let go");
        let asked = server.asked().len();
        for _ in 0..2 {
            assert!(pages.next().await.is_none());
        }
        assert_eq!(server.asked().len(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_while_pages_are_out_is_told() {
    let mut told = 0;
    for at in 1..9 {
        for records in [99, 101, 57] {
            let server = Server::new(100)
                .with_trouble(move |number, _| (number == at).then_some(Trouble::Records(records)));
            let came: Vec<Result<_, Error>> = server.items(10).read_ahead(8).collect().await;
            let (last, items) = came.split_last().unwrap();
            assert!(items.iter().all(Result::is_ok));
            let kind = last.as_ref().unwrap_err().kind();
            assert!(
                matches!(kind, ErrorKind::Drifted(Drift::TotalChanged { .. })),
                "{kind:?}"
            );
            told += 1;
        }
    }
    assert_eq!(told, 24);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_while_pages_are_out_is_renewed_once() {
    for revoked_at in [1, 4, 9, 17] {
        let server = Server::new(300)
            .with_trouble(move |number, _| (number == revoked_at).then_some(Trouble::Revoke));
        let came = read(server.items(10).read_ahead(8)).await;
        assert_eq!(came, (0..300).collect::<Vec<_>>());
        assert_eq!(server.tokens(), 2, "the first one and one renewal");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_late_does_not_end_the_token_that_was_fetched_meanwhile() {
    for revoked_at in [1, 4, 9, 17] {
        // Of those that are out together some are answered long after the token was renewed: later than the second for which a
        // new token stands whatever is said of it.
        let server = Server::new(300)
            .with_trouble(move |number, _| (number == revoked_at).then_some(Trouble::Revoke))
            .with_latency(|number| {
                if number % 2 == 0 {
                    LATENCY
                } else {
                    LATENCY * 250
                }
            });
        let came = read(server.items(10).read_ahead(8)).await;
        assert_eq!(came, (0..300).collect::<Vec<_>>());
        assert_eq!(server.tokens(), 2, "the first one and one renewal");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_waiting_loses_nothing_and_one_that_leaves_ends_all_requests() {
    let server = Server::new(200);
    let mut items = server.items(10).read_ahead(4);
    let mut came = Vec::new();
    loop {
        // Gives up 19 times of 20.
        let wait = tokio::time::timeout(Duration::from_millis(1), items.next()).await;
        match wait {
            Err(_) => {}
            Ok(Some(item)) => came.push(item.unwrap().id().unwrap().parse::<usize>().unwrap()),
            Ok(None) => break,
        }
    }
    assert_eq!(came, (0..200).collect::<Vec<_>>());
    assert_eq!(
        server.asked().len(),
        23,
        "each shares a record with the one before"
    );

    let server = Server::new(200);
    let mut pages = server.pages(10).read_ahead(4);
    pages.next().await.unwrap().unwrap();
    yield_now().await;
    assert_eq!(server.out().0, 4);
    drop(pages);
    yield_now().await;
    assert_eq!(server.out().0, 0);
}

#[tokio::test(start_paused = true)]
async fn requests_go_out_while_pages_wait_to_be_taken() {
    let server = Server::new(1000);
    let mut pages = server.pages(10).read_ahead(4);
    pages.next().await.unwrap().unwrap();
    tokio::time::sleep(LATENCY * 2).await;
    // All four have come by now, and each that is taken makes room for another.
    for taken in 1..4 {
        let page = poll_once(pages.next());
        assert!(matches!(page, Poll::Ready(Some(Ok(_)))));
        yield_now().await;
        assert_eq!(server.asked().len(), 5 + taken);
    }
}

fn poll_once<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_for_is_told_and_nothing_is_sent() {
    let server = Server::new(10);
    let data = server.client().user("").data();
    let mut pages = server.pages(10).read_ahead(33);
    let mut of_nobody = data.activities().items();
    let mut too_large = server.items(501);
    for _ in 0..2 {
        let (pages, items, large) = (
            pages.next().await,
            of_nobody.next().await,
            too_large.next().await,
        );
        let kinds = [
            pages.map(|page| page.unwrap_err().kind()),
            items.map(|item| item.unwrap_err().kind()),
            large.map(|item| item.unwrap_err().kind()),
        ];
        let is_told = kinds
            .iter()
            .all(|kind| *kind == Some(ErrorKind::InvalidInput));
        assert!(is_told || kinds == [None, None, None], "{kinds:?}");
    }
    assert!(pages.next().await.is_none());
    assert!(server.asked().is_empty());
}
