//! A list that is read ahead is the list that is read page by page.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use humanapi_core::data::{Activity, FetchPage, ListActivities, ReadAhead, UncheckedPage};
use humanapi_core::{
    Endpoint as _, FlowError, Hosts, ListEnd, Now, ResponseError, SendFailure, SendFailureKind,
};
use proptest::prelude::*;

use super::server::{Ever, NextOn, Server, Total, plain};
use super::{Broken, Walked, holds_records, query, walk};

/// How a list is read ahead.
#[derive(Clone, Debug)]
pub(crate) struct Ahead {
    pub(crate) at_once: usize,
    /// Which of the requests that are out is answered next, counted round.
    pub(crate) order: Vec<usize>,
    /// Which attempts, counted round, bring no answer.
    pub(crate) fails: Vec<bool>,
}

pub(crate) fn ahead() -> impl Strategy<Value = Ahead> {
    let order = prop::collection::vec(0..8_usize, 1..7);
    let fails = prop::collection::vec(prop::bool::weighted(0.2), 5);
    (1..9_usize, order, fails).prop_map(|(at_once, order, mut fails)| {
        // Some attempt succeeds.
        fails.push(false);
        Ahead {
            at_once,
            order,
            fails,
        }
    })
}

/// A request that is out.
struct Out {
    call: FetchPage<ListActivities>,
    came: Option<Result<UncheckedPage<Activity>, FlowError>>,
    holds_records: bool,
}

impl Ahead {
    /// Reads at most so many pages. Requests are answered in any order, and some fail.
    pub(crate) fn walk(&self, server: &mut Server, call: ListActivities, most: usize) -> Walked {
        let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
        let mut walked = Walked::new();
        let mut list = ReadAhead::new(call, self.at_once);
        let mut out: VecDeque<Out> = VecDeque::new();
        let (mut pages, mut attempts) = (0, 0);
        while pages < most {
            while let Some(ask) = list.ask() {
                let new = Out {
                    call: ask.call,
                    came: None,
                    holds_records: false,
                };
                if ask.is_first {
                    out.push_front(new);
                } else {
                    out.push_back(new);
                }
            }
            assert_eq!(list.out(), out.len());
            assert!(out.len() <= self.at_once, "bounded");
            let waiting: Vec<usize> = (0..out.len())
                .filter(|at| out[*at].came.is_none())
                .collect();
            if !waiting.is_empty() {
                let at = waiting[self.order[attempts % self.order.len()] % waiting.len()];
                let fails = self.fails[attempts % self.fails.len()];
                attempts += 1;
                out[at].came = Some(if fails {
                    Err(SendFailure::new(SendFailureKind::Lost).into())
                } else {
                    let (limit, offset) =
                        query(&out[at].call.request(&Hosts::production()).unwrap());
                    server.change(walked.requests);
                    walked.requests += 1;
                    walked.size = server.page_size(limit);
                    let answer = server.answer(limit, offset);
                    out[at].holds_records = holds_records(answer.body().as_bytes());
                    Ok(out[at].call.parse(answer, now).unwrap())
                });
            }
            if out.front().is_none_or(|first| first.came.is_none()) {
                continue;
            }
            let Some(first) = out.pop_front() else {
                continue;
            };
            let Some(came) = first.came else { continue };
            let page = match list.handle(came).unwrap() {
                Ok(page) => page,
                Err(FlowError::Response(ResponseError::PageRepeated { offset })) => {
                    assert!(list.is_over() && list.out() == 0);
                    walked.end = Err(Broken::Repeated {
                        offset,
                        holds_records: first.holds_records,
                    });
                    return walked;
                }
                Err(FlowError::Send(_)) => continue,
                Err(error) => panic!("{error}"),
            };
            pages += 1;
            if list.out() == 0 {
                out.clear();
            }
            walked.take(&page);
            if list.is_over() {
                assert!(list.ask().is_none());
                return walked;
            }
        }
        walked
    }
}

/// Where nothing changes meanwhile, every page is the same, and so is what is told.
#[track_caller]
pub(crate) fn is_the_same(server: &Server, call: &ListActivities, ahead: &Ahead) {
    if server.ever != Ever::Still || !server.changes.is_empty() {
        return;
    }
    let one_by_one = walk(&mut server.clone(), call.clone(), 200);
    let at_once = ahead.walk(&mut server.clone(), call.clone(), 200);
    let told = |walked: &Walked| {
        format!(
            "{:?} {} {:?} {:?} {}",
            walked.came, walked.odd, walked.end, walked.drift, walked.odd_told
        )
    };
    assert_eq!(told(&one_by_one), told(&at_once), "{server:?} {ahead:?}");
}

/// How many requests a list takes, with so many at once and answered in their order.
#[track_caller]
fn check(mut server: Server, at_once: usize, requests: usize, end: ListEnd) {
    let records = server.places.len();
    let ahead = Ahead {
        at_once,
        order: vec![0],
        fails: vec![false],
    };
    let call = ListActivities::new().with_limit(10);
    let walked = ahead.walk(&mut server, call, 200);
    assert_eq!((walked.end, walked.drift), (Ok(end), vec![]));
    assert_eq!((walked.came.len(), walked.requests), (records, requests));
}

#[test]
fn nothing_is_asked_for_beyond_a_total() {
    // The page at 81 holds what is left of 91, and the record that it would share with another leads no further.
    for (records, requests) in [(95, 11), (91, 10)] {
        let mut server = plain(records, 10);
        server.total = Total::Right;
        for at_once in 1..9 {
            check(server.clone(), at_once, requests, ListEnd::Total);
        }
    }
}

#[test]
fn a_page_too_small_stops_guesses_where_no_total_tells_how_far_they_may_go() {
    // 10 of 10 for one page, and so is each page behind it.
    check(plain(95, 10), 1, 12, ListEnd::EmptyPage);
    // A server that gives fewer than asked for: without a total each page is waited for.
    check(plain(24, 4), 8, 9, ListEnd::EmptyPage);
    let mut server = plain(24, 4);
    server.total = Total::Right;
    check(server, 8, 8, ListEnd::Total);
}

#[test]
fn a_list_without_a_total_costs_no_more_requests_behind_its_end_than_are_out_at_once() {
    let mut server = plain(90, 10);
    server.next_on = NextOn::WhereMore;
    check(server.clone(), 1, 10, ListEnd::NoNextLink);
    let ahead = Ahead {
        at_once: 4,
        // What is behind the end comes first.
        order: vec![3],
        fails: vec![false],
    };
    let call = ListActivities::new().with_limit(10);
    let walked = ahead.walk(&mut server, call, 200);
    assert_eq!(walked.end, Ok(ListEnd::NoNextLink));
    assert!((11..=13).contains(&walked.requests), "{}", walked.requests);
}
