//! Single lists, each with what they are to show.

use std::time::{Duration, SystemTime};

use humanapi_core::data::{List, ListActivities, Resource, Source};
use humanapi_core::http::HeaderValue;
use humanapi_core::{Body, Drift, Endpoint as _, Hosts, ListEnd, Now, Response, ResponseError};

use super::ahead::Ahead;
use super::server::{Beyond, Change, NextOn, NextPage, Server, Total, plain};
use super::{Broken, Walked, query, repeated, walk};

#[track_caller]
fn check(mut server: Server, limit: u32, requests: usize, end: Result<ListEnd, Broken>) -> Walked {
    let call = ListActivities::new().with_limit(limit);
    let walked = walk(&mut server, call, 50);
    assert_eq!(walked.requests, requests, "{walked:?}");
    assert_eq!(walked.end, end, "{walked:?}");
    walked
}

#[track_caller]
fn check_whole(server: Server, limit: u32, requests: usize, end: ListEnd) {
    let records = server.places.len();
    let walked = check(server, limit, requests, Ok(end));
    assert_eq!(walked.came.len(), records);
    assert_eq!(walked.drift, []);
}

#[test]
fn a_page_smaller_than_asked_for_ends_no_list() {
    check_whole(plain(45, 20), 50, 4, ListEnd::EmptyPage);
    check_whole(plain(250, 100), 500, 4, ListEnd::EmptyPage);
    check_whole(plain(0, 20), 50, 1, ListEnd::EmptyPage);
}

/// Each page size that the service takes, over lists that end where a page does and beside it.
#[test]
fn whatever_the_page_size_each_record_comes_exactly_once() {
    let ahead = Ahead {
        at_once: 4,
        // What comes last was asked for first.
        order: vec![3, 2, 1, 0],
        fails: vec![false],
    };
    for size in 1..=500_u32 {
        let most = 2 * size as usize;
        for (records, total, overlap) in [
            (most - 1, Total::Right, true),
            (most, Total::Right, false),
            (most, Total::Absent, false),
            (most + 1, Total::Absent, true),
        ] {
            let mut server = plain(records, 500);
            server.total = total;
            let mut call = ListActivities::new().with_limit(size);
            if !overlap {
                call = call.with_overlap(false);
            }
            let by_one = walk(&mut server.clone(), call.clone(), 10);
            let at_once = ahead.walk(&mut server, call, 10);
            for walked in [by_one, at_once] {
                let context = format!("{records} records, {size} a page, {total:?}, {overlap}");
                assert!(walked.end.is_ok(), "{context}: {:?}", walked.end);
                assert_eq!(walked.drift, [], "{context}");
                assert!(walked.came.keys().copied().eq(0..records), "{context}");
                assert!(walked.came.values().all(|times| *times == 1), "{context}");
            }
        }
    }
}

#[test]
fn links_of_other_relations_end_no_list() {
    let mut server = plain(65, 50);
    server.total = Total::Right;
    server.writing.others = true;
    check_whole(server, 50, 2, ListEnd::Total);
}

#[test]
fn a_total_of_the_page_ends_no_list_while_a_link_leads_on() {
    let mut server = plain(83, 50);
    server.total = Total::OfPage;
    server.next_on = NextOn::WhereMore;
    check_whole(server, 50, 2, ListEnd::NoNextLink);
}

#[test]
fn a_full_page_with_a_total_of_its_own_size_is_followed_by_one_more_request() {
    let mut server = plain(100, 50);
    server.total = Total::OfPage;
    check_whole(server, 50, 4, ListEnd::EmptyPage);
    let mut server = plain(50, 50);
    server.total = Total::Right;
    check_whole(server, 50, 2, ListEnd::Total);
}

#[test]
fn a_page_as_long_as_pages_are_is_no_end_by_its_size_alone() {
    for (records, cap) in [(45, 20), (250, 100), (37, 10)] {
        let mut server = plain(records, cap);
        server.total = Total::OfPage;
        let walked = walk(&mut server, ListActivities::new().with_limit(500), 50);
        assert_eq!((walked.came.len(), walked.drift), (records, vec![]));
        assert_eq!(walked.end, Ok(ListEnd::EmptyPage));
    }
    // One that is whole costs one request more, and others cost none.
    for (records, requests) in [(0, 1), (7, 1), (10, 2), (11, 1), (15, 1), (20, 2), (100, 2)] {
        let mut server = plain(records, 500);
        server.total = Total::Right;
        let end = match records {
            0 => ListEnd::EmptyPage,
            _ => ListEnd::Total,
        };
        check_whole(server.clone(), 500, requests, end);
        // The same page once more proves as much.
        server.ignores_offset = true;
        check_whole(server, 500, requests, end);
    }
}

#[test]
fn a_list_cut_off_at_a_usual_size_is_read_on_though_it_should_come_all_at_once() {
    for (records, cap) in [(250, 100), (45, 20)] {
        let cut = |offset: usize, _| numbered(offset.min(records)..(offset + cap).min(records));
        let followed = follow(List::<Source>::new().with_limit(500), None, cut);
        assert_eq!((followed.places, followed.drift), (records, Vec::new()));
        let again = |_, _| numbered(0..cap);
        let followed = follow(List::<Source>::new().with_limit(500), None, again);
        assert_eq!(
            (followed.places, followed.end),
            (cap, Ok(ListEnd::AllAtOnce))
        );
        assert_eq!(followed.requests, 2);
        // Its total knows of more, which nobody can ask for.
        let total = 250;
        let followed = follow(List::<Source>::new().with_limit(500), Some(total), again);
        let counted = cap as u64;
        assert_eq!(followed.drift, [Drift::TotalDisagrees { total, counted }]);
    }
}

#[test]
fn what_the_service_documents_needs_no_request_too_many() {
    let mut server = plain(234, 50);
    server.total = Total::Right;
    server.next_on = NextOn::WhereMore;
    server.writing.paging = true;
    check_whole(server.clone(), 50, 5, ListEnd::Total);
    server.total = Total::Absent;
    check_whole(server, 50, 5, ListEnd::NoNextLink);
    let mut server = plain(12, 50);
    server.total = Total::Right;
    check_whole(server, 50, 1, ListEnd::Total);
}

#[test]
fn a_link_computed_from_the_page_size_asked_for_skips_nothing_and_its_absence_proves_nothing() {
    let mut server = plain(60, 10);
    server.next_on = NextOn::WhereAny;
    server.next_page = NextPage::ByLimit;
    check_whole(server, 50, 9, ListEnd::EmptyPage);
}

#[test]
fn a_total_that_disagrees_is_told_after_all_records() {
    // Where it says that more follows, that is asked for too.
    for (off, total, requests) in [(-9, 36, 4), (3, 48, 5)] {
        let mut server = plain(45, 20);
        server.total = Total::Wrong(off);
        let walked = check(server, 20, requests, Ok(ListEnd::EmptyPage));
        assert_eq!(walked.came.len(), 45);
        let counted = 45;
        assert_eq!(walked.drift, [Drift::TotalDisagrees { total, counted }]);
    }
}

#[test]
fn a_server_that_takes_no_notice_of_the_offset_is_an_error_after_two_requests() {
    let mut server = plain(45, 20);
    server.ignores_offset = true;
    for total in [Total::Absent, Total::Right, Total::OfPage] {
        server.total = total;
        let walked = check(server.clone(), 20, 2, repeated(19));
        assert_eq!(walked.came.len(), 20);
    }
}

#[test]
fn pages_that_go_round_are_an_error() {
    let mut server = plain(45, 5);
    server.beyond = Beyond::FirstPageAgain;
    let call = ListActivities::new().with_limit(5).with_overlap(false);
    let walked = walk(&mut server, call, 50);
    assert_eq!((walked.requests, walked.end), (10, repeated(45)));
    assert_eq!((walked.came.len(), walked.came[&0]), (45, 1));
}

#[test]
fn what_changes_between_pages_is_told() {
    let at_front = |inserts| Change {
        before: 1,
        at: 0,
        inserts,
    };
    let mut server = plain(45, 20);
    server.total = Total::Right;
    server.changes = vec![at_front(true)];
    let walked = check(server.clone(), 20, 3, Ok(ListEnd::Total));
    let (before, now) = (45, 46);
    assert_eq!(
        walked.drift,
        [Drift::TotalChanged { before, now }, Drift::Repeated]
    );
    assert!(!walked.may_lack);
    server.changes = vec![at_front(false)];
    let walked = check(server.clone(), 20, 3, Ok(ListEnd::Total));
    let (before, now) = (45, 44);
    assert_eq!(
        walked.drift,
        [Drift::TotalChanged { before, now }, Drift::Moved]
    );
    assert!(walked.may_lack);
    // Where pages share nothing, the total alone tells of it.
    let call = ListActivities::new().with_limit(20).with_overlap(false);
    let walked = walk(&mut server.clone(), call, 50);
    assert_eq!(walked.drift, [Drift::TotalChanged { before, now }]);
    assert!(walked.may_lack && !walked.came.contains_key(&20));
    // Behind the border nothing slipped over it.
    server.changes = vec![Change {
        at: 30,
        ..at_front(false)
    }];
    let walked = check(server, 20, 3, Ok(ListEnd::Total));
    assert_eq!(walked.drift, [Drift::TotalChanged { before, now }]);
    assert!(!walked.may_lack, "{walked:?}");
}

#[test]
fn a_deletion_together_with_an_addition_is_told_though_the_total_stays() {
    let mut server = plain(40, 10);
    server.total = Total::Right;
    let change = |at, inserts| Change {
        before: 1,
        at,
        inserts,
    };
    server.changes = vec![change(0, false), change(39, true)];
    let call = ListActivities::new().with_limit(10);
    let silent = walk(&mut server.clone(), call.clone().with_overlap(false), 50);
    assert_eq!(
        (silent.drift, silent.came.contains_key(&10)),
        (vec![], false)
    );
    let told = walk(&mut server, call, 50);
    assert_eq!(told.drift, [Drift::Moved]);
}

#[test]
fn records_that_are_pushed_onto_the_next_page_come_once_and_are_told() {
    let mut server = plain(45, 20);
    let at_front = Change {
        before: 1,
        at: 0,
        inserts: true,
    };
    server.changes = vec![at_front; 5];
    let call = ListActivities::new().with_limit(20);
    for call in [call.clone(), call.with_overlap(false)] {
        let walked = walk(&mut server.clone(), call, 50);
        assert_eq!(walked.drift, [Drift::Repeated]);
        assert!(walked.came.keys().copied().eq(0..45), "{walked:?}");
        assert!(walked.came.values().all(|times| *times == 1), "{walked:?}");
        assert!(!walked.may_lack, "{walked:?}");
    }
    // As many as a page holds part the record at the border from the page that it was on: some come twice, which is told.
    let mut server = plain(45, 10);
    server.changes = vec![at_front; 15];
    let walked = walk(&mut server, ListActivities::new().with_limit(10), 50);
    assert_eq!(walked.drift, [Drift::Moved, Drift::Repeated]);
    assert!(walked.came.keys().copied().take(45).eq(0..45), "{walked:?}");
    assert!(walked.came.values().any(|times| *times > 1), "{walked:?}");
}

#[test]
fn a_record_that_comes_again_in_another_form_is_given_again_and_told() {
    let pages = |offset: usize, _| {
        let record = |number: usize| match (number, offset) {
            (8, 9) => r#"{"id":"r8","steps":1}"#.to_owned(),
            (number, _) => format!(r#"{{"id":"r{number}"}}"#),
        };
        // Before the second request two were added.
        let from = offset.saturating_sub(2);
        let records: Vec<_> = (from..20.min(from + 10)).map(record).collect();
        format!("[{}]", records.join(","))
    };
    let followed = follow(ListActivities::new().with_limit(10), None, pages);
    // The seventh and the ninth were there as they are, and the eighth was not.
    assert_eq!(followed.places, 21);
    assert_eq!(followed.drift, [Drift::Moved, Drift::Repeated]);
}

#[test]
fn overlapping_pages_tell_of_a_record_that_is_gone_without_a_total() {
    let mut server = plain(45, 20);
    server.changes = vec![Change {
        before: 1,
        at: 0,
        inserts: false,
    }];
    let call = ListActivities::new().with_limit(20);
    let silent = walk(&mut server.clone(), call.clone().with_overlap(false), 50);
    assert_eq!((silent.came.len(), silent.drift), (44, vec![]));
    let told = walk(&mut server, call.clone(), 50);
    assert_eq!(told.drift, [Drift::Moved]);
    let whole = walk(&mut plain(45, 20), call, 50);
    assert_eq!((whole.came.len(), whole.drift), (45, vec![]));
}

#[test]
fn a_call_that_begins_behind_the_end_is_no_contradiction() {
    let mut server = plain(45, 20);
    server.total = Total::Right;
    let call = ListActivities::new().with_limit(20).with_offset(60);
    let walked = walk(&mut server.clone(), call, 50);
    assert_eq!(
        (walked.end.clone(), walked.drift),
        (Ok(ListEnd::EmptyPage), vec![])
    );
    let call = ListActivities::new().with_limit(20).with_offset(30);
    let walked = walk(&mut server, call, 50);
    assert_eq!(
        (walked.end.clone(), walked.drift),
        (Ok(ListEnd::Total), vec![])
    );
    assert_eq!(walked.came.len(), 15);
}

#[test]
fn a_list_that_comes_all_at_once_is_asked_for_once_unless_something_says_otherwise() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut server = plain(61, 61);
    server.ignores_limit = true;
    server.ignores_offset = true;
    let call = List::<Source>::new();
    let page = call.parse(server.answer(50, 0), now).unwrap();
    assert_eq!((page.items.len(), page.end), (61, Some(ListEnd::AllAtOnce)));
    let mut server = plain(60, 50);
    server.total = Total::Right;
    let page = call.parse(server.answer(50, 0), now).unwrap();
    assert_eq!(page.next.map(|next| next.offset()), Some(49));
}

#[test]
fn a_walk_is_begun_anew_by_another_offset() {
    let mut server = plain(45, 20);
    server.ignores_offset = true;
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let call = ListActivities::new().with_limit(20);
    let next = call.parse(server.answer(20, 0), now).unwrap().next.unwrap();
    assert_eq!(next.offset(), 19);
    assert!(next.parse(server.answer(20, 19), now).is_err());
    let anew = next.with_offset(19);
    assert!(anew.parse(server.answer(20, 19), now).is_ok());
}

/// What came of a list that is answered by its offset and by how many requests came before.
struct Followed {
    places: usize,
    drift: Vec<Drift>,
    end: Result<ListEnd, u64>,
    requests: usize,
}

fn follow<R: Resource>(
    call: List<R>,
    total: Option<u64>,
    mut answer: impl FnMut(usize, usize) -> String,
) -> Followed {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut followed = Followed {
        places: 0,
        drift: Vec::new(),
        end: Err(0),
        requests: 0,
    };
    let mut next = Some(call);
    while let Some(call) = next {
        let (_, offset) = query(&call.request(&Hosts::production()).unwrap());
        let body = answer(offset, followed.requests);
        let mut response = Response::new(Body::from(body));
        if let Some(total) = total {
            let headers = response.headers_mut();
            headers.insert("x-total-count", HeaderValue::from(total));
        }
        followed.requests += 1;
        assert!(followed.requests < 100, "it runs on");
        match call.parse(response, now) {
            Ok(page) => {
                followed.places += page.items.len() + page.odd.len();
                followed.drift.extend(&page.drift);
                followed.end = page.end.ok_or(0);
                next = page.next;
            }
            Err(ResponseError::PageRepeated { offset }) => {
                followed.end = Err(offset);
                next = None;
            }
            Err(error) => panic!("{error}"),
        }
    }
    followed
}

/// Records of these numbers.
fn numbered(numbers: std::ops::Range<usize>) -> String {
    let records = numbers.map(|number| format!(r#"{{"id":"r{number}"}}"#));
    format!("[{}]", records.collect::<Vec<_>>().join(","))
}

#[test]
fn places_that_hold_no_record_run_no_list_on_for_ever() {
    for body in ["[null]", "[7,7]", r#"[{"id":"r1"},null]"#] {
        let followed = follow(ListActivities::new(), None, |_, _| body.to_owned());
        assert!(followed.end.is_err(), "{body}");
        assert_eq!(followed.requests, 2, "{body}");
    }
}

#[test]
fn a_server_that_answers_anew_each_time_is_left_far_beyond_its_total() {
    let anew = |_, request| numbered(request * 50..request * 50 + 50);
    let followed = follow(ListActivities::new(), Some(120), anew);
    assert_eq!(followed.end, Ok(ListEnd::FarBeyondTotal));
    assert_eq!(followed.requests, 16);
    let total = 120;
    let told = Drift::TotalDisagrees {
        total,
        counted: 785,
    };
    assert!(followed.drift.contains(&told), "{:?}", followed.drift);
}

#[test]
fn a_list_that_should_come_all_at_once_is_not_cut_off_at_a_page() {
    let cut = |offset: usize, _| numbered(offset.min(70)..(offset + 50).min(70));
    let followed = follow(List::<Source>::new(), None, cut);
    assert_eq!(
        (followed.places, followed.end),
        (70, Ok(ListEnd::AllAtOnce))
    );
    // As long as a page by chance, and again whatever it is asked for.
    let again = |_, _| numbered(0..50);
    let followed = follow(List::<Source>::new(), None, again);
    assert_eq!(
        (followed.places, followed.end),
        (50, Ok(ListEnd::AllAtOnce))
    );
    assert_eq!((followed.requests, followed.drift), (2, Vec::new()));
}

#[test]
fn an_overlap_begins_with_a_record_or_not_at_all() {
    let places = [
        r#"{"id":"a"}"#,
        r#"{"id":"b"}"#,
        "null",
        r#"{"id":"c"}"#,
        r#"{"id":"d"}"#,
    ];
    let page = |offset: usize, _| {
        let end = places.len().min(offset + 3);
        format!("[{}]", places[offset.min(end)..end].join(","))
    };
    let call = ListActivities::new().with_limit(3);
    let followed = follow(call, None, page);
    assert_eq!((followed.places, followed.end), (5, Ok(ListEnd::EmptyPage)));
    assert_eq!(followed.drift, [Drift::NoRecord { places: 1 }]);
}

#[test]
fn another_filter_makes_it_another_list() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let page = || Response::new(Body::from(numbered(0..50)));
    let next = ListActivities::new().parse(page(), now).unwrap().next;
    let next = next.unwrap();
    assert!(next.parse(page(), now).is_err(), "it is the same page");
    let moment = "2026-01-02T03:04:05Z".parse().unwrap();
    let day = "2026-01-02".parse().unwrap();
    for other in [
        next.clone().with_source("strider"),
        next.clone().with_updated_since(moment),
        next.clone().with_created_before(moment),
        next.clone().with_days(day, day),
        next.clone().with_limit(60),
    ] {
        assert!(other.parse(page(), now).is_ok(), "{other:?}");
    }
}
