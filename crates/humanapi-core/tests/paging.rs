//! Lists are read to their proven end, from servers of every habit.
//!
//! A model of a server has a list and a handful of habits, good and bad. A walk over it by calls alone,
//! without the client, brings each record exactly once, or says that it may not have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use humanapi_core::data::{List, ListActivities, Resource, Source};
use humanapi_core::http::HeaderValue;
use humanapi_core::{
    Body, Drift, Endpoint as _, Hosts, ListEnd, Now, Request, Response, ResponseError,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

/// What a server does about the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Total {
    Absent,
    Right,
    OfPage,
    /// Off by so many.
    Wrong(i64),
}

/// Which page a `next` link names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextPage {
    /// The one that begins where this one ends.
    Following,
    /// The one that would follow had the page been as large as asked for.
    ByLimit,
    /// This one.
    Same,
    /// The one before.
    Back,
    /// One that the link names by something else than an offset.
    Unreadable,
}

/// On which pages there is a `next` link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextOn {
    /// On none.
    Never,
    /// Where records follow.
    WhereMore,
    /// On every page with a record.
    WhereAny,
    /// On every page.
    Always,
}

/// How `Link` headers are written.
#[derive(Clone, Copy, Debug)]
struct Writing {
    bare: bool,
    escaped_name: bool,
    commas: bool,
    one_header_each: bool,
    /// Links of other relations stand before.
    others: bool,
    /// Links to the first and the last page, with the service's own slip, stand behind.
    paging: bool,
}

/// What comes beyond the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    Nothing,
    LastPageAgain,
    FirstPageAgain,
}

/// A change of the list before the request of this number.
#[derive(Clone, Copy, Debug)]
struct Change {
    before: usize,
    /// Where, counted round the list.
    at: usize,
    inserts: bool,
}

/// A server with its habits.
#[derive(Clone, Debug)]
struct Server {
    records: Vec<usize>,
    /// The most that it gives on a page.
    cap: usize,
    /// Gives as many as it likes, whatever was asked for.
    ignores_limit: bool,
    ignores_offset: bool,
    total: Total,
    next_on: NextOn,
    next_page: NextPage,
    writing: Writing,
    beyond: Beyond,
    changes: Vec<Change>,
}

fn server() -> impl Strategy<Value = Server> {
    let changes =
        (0..9_usize, 0..64_usize, any::<bool>()).prop_map(|(before, at, inserts)| Change {
            before,
            at,
            inserts,
        });
    let writing = any::<[bool; 6]>().prop_map(
        |[bare, escaped_name, commas, one_header_each, others, paging]| Writing {
            bare,
            escaped_name,
            commas,
            one_header_each,
            others,
            paging,
        },
    );
    (
        (0..26_usize, 1..12_usize),
        (prop::bool::weighted(0.15), prop::bool::weighted(0.1)),
        prop_oneof![
            Just(Total::Absent),
            Just(Total::Right),
            Just(Total::OfPage),
            (-9..9_i64).prop_map(Total::Wrong)
        ],
        prop_oneof![
            Just(NextOn::Never),
            Just(NextOn::WhereMore),
            Just(NextOn::WhereAny),
            Just(NextOn::Always)
        ],
        prop_oneof![
            4 => Just(NextPage::Following),
            2 => Just(NextPage::ByLimit),
            1 => Just(NextPage::Same),
            1 => Just(NextPage::Back),
            1 => Just(NextPage::Unreadable)
        ],
        writing,
        prop_oneof![
            8 => Just(Beyond::Nothing),
            1 => Just(Beyond::LastPageAgain),
            1 => Just(Beyond::FirstPageAgain)
        ],
        prop_oneof![
            2 => Just(Vec::new()),
            1 => prop::collection::vec(changes, 1..4)
        ],
    )
        .prop_map(
            |(
                (records, cap),
                (ignores_limit, ignores_offset),
                total,
                next_on,
                next_page,
                writing,
                beyond,
                changes,
            )| Server {
                records: (0..records).collect(),
                cap,
                ignores_limit,
                ignores_offset,
                total,
                next_on,
                next_page,
                writing,
                beyond,
                changes,
            },
        )
}

impl Server {
    fn page_size(&self, limit: usize) -> usize {
        if self.ignores_limit {
            self.cap
        } else {
            self.cap.min(limit)
        }
    }

    /// Changes the list before this request. Inserted records have numbers from 1000 on.
    fn change(&mut self, request: usize) {
        for (number, change) in self.changes.iter().enumerate() {
            if change.before != request || request == 0 {
                continue;
            }
            if change.inserts {
                let at = change.at % (self.records.len() + 1);
                self.records.insert(at, 1000 + number);
            } else if !self.records.is_empty() {
                let at = change.at % self.records.len();
                self.records.remove(at);
            }
        }
    }

    fn answer(&self, limit: usize, offset: usize) -> Response {
        let size = self.page_size(limit);
        let total = self.records.len();
        let mut begin = if self.ignores_offset { 0 } else { offset };
        if begin >= total {
            begin = match self.beyond {
                Beyond::Nothing => total,
                Beyond::LastPageAgain => total.saturating_sub(size),
                Beyond::FirstPageAgain => 0,
            };
        }
        let page = &self.records[begin..total.min(begin + size)];
        let records: Vec<String> = page
            .iter()
            // The second field names another record's id, as references between records do.
            .map(|id| format!(r#"{{"after":"r{}","id":"r{id}"}}"#, id + 1))
            .collect();
        let body = format!("[{}]", records.join(","));
        let mut response = Response::new(Body::from(body.into_bytes()));
        let told = match self.total {
            Total::Absent => None,
            Total::Right => Some(total),
            Total::OfPage => Some(page.len()),
            Total::Wrong(by) => total.checked_add_signed(isize::try_from(by).unwrap()),
        };
        let headers = response.headers_mut();
        if let Some(told) = told {
            headers.insert("x-total-count", HeaderValue::from(told));
        }
        let links = self.links(limit, offset, page.len());
        if self.writing.one_header_each {
            for link in links {
                headers.append("link", HeaderValue::try_from(link).unwrap());
            }
        } else if !links.is_empty() {
            headers.append("link", HeaderValue::try_from(links.join(",")).unwrap());
        }
        response
    }

    fn links(&self, limit: usize, offset: usize, came: usize) -> Vec<String> {
        let link = |query: String, relation: &str| {
            let commas = if self.writing.commas { "a=1,2;3&" } else { "" };
            let title = if self.writing.commas {
                "; title=\"a, b; rel=\\\"next\\\"\""
            } else {
                ""
            };
            // Without its brackets an address ends at the first semicolon.
            if self.writing.bare && !self.writing.commas {
                format!("https://x.test/?&{query}; rel={relation}")
            } else {
                format!("<https://x.test/a?{commas}{query}>{title}; rel=\"{relation}\"")
            }
        };
        let name = if self.writing.escaped_name {
            "off%73et"
        } else {
            "offset"
        };
        let mut links = Vec::new();
        if self.writing.others {
            links.push("<https://x.test/d?offset=7>; rel=\"deprecation\"".to_owned());
            links.push("</style,a.css>; rel=preload; as=\"style\"".to_owned());
        }
        let is_next = match self.next_on {
            NextOn::Never => false,
            NextOn::WhereMore => offset + came < self.records.len(),
            NextOn::WhereAny => came > 0,
            NextOn::Always => true,
        };
        if is_next {
            let query = match self.next_page {
                NextPage::Following => format!("{name}={}", offset + came),
                NextPage::ByLimit => format!("{name}={}", offset + limit),
                NextPage::Same => format!("{name}={offset}"),
                NextPage::Back => format!("{name}={}", offset.saturating_sub(limit)),
                NextPage::Unreadable => "page=2".to_owned(),
            };
            links.push(link(query, "next"));
        }
        if self.writing.paging {
            let last = self.records.len() / limit * limit;
            links.push(link(format!("{name}={last}"), "last"));
            links.push(link(format!("{name}=0"), "first"));
        }
        links
    }
}

/// How a walk went.
#[derive(Debug)]
struct Walked {
    came: BTreeMap<usize, usize>,
    end: Result<ListEnd, u64>,
    drift: Vec<Drift>,
    requests: usize,
    size: usize,
}

fn query(request: &Request) -> (usize, usize) {
    let query = request.uri().query().unwrap();
    let value = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(at, _)| *at == name)
            .map(|(_, value)| value.parse().unwrap())
    };
    (value("limit").unwrap(), value("offset").unwrap_or(0))
}

fn walk(server: &mut Server, call: ListActivities, most: usize) -> Walked {
    let hosts = Hosts::production();
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut walked = Walked {
        came: BTreeMap::new(),
        end: Err(0),
        drift: Vec::new(),
        requests: 0,
        size: 0,
    };
    let mut next = Some(call);
    while let Some(call) = next {
        let (limit, offset) = query(&call.request(&hosts).unwrap());
        server.change(walked.requests);
        walked.requests += 1;
        walked.size = server.page_size(limit);
        assert!(walked.requests <= most, "it runs on: {walked:?}");
        let page = match call.parse(server.answer(limit, offset), now) {
            Ok(page) => page,
            Err(ResponseError::PageRepeated { offset }) => {
                walked.end = Err(offset);
                return walked;
            }
            Err(error) => panic!("{error}"),
        };
        for record in &page.items {
            let id = record.id().unwrap();
            *walked.came.entry(id[1..].parse().unwrap()).or_default() += 1;
        }
        walked.drift.extend(&page.drift);
        assert_eq!(page.next.is_some(), page.end.is_none());
        if let Some(end) = page.end {
            walked.end = Ok(end);
        }
        next = page.next;
    }
    walked
}

/// So many servers, and a hundred times more where a longer hunt is asked for.
fn servers() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner asks for a longer hunt this way"
    )]
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep { 1_000_000 } else { 24_000 }
}

fn config() -> Config {
    Config {
        cases: servers(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_record_comes_exactly_once_or_it_is_told(
        server in server(),
        limit in 1..14_u32,
        overlap: bool,
    ) {
        let mut call = ListActivities::new().with_limit(limit);
        if overlap {
            call = call.with_overlap();
        }
        judge(server, call, overlap, limit);
    }
}

#[track_caller]
fn judge(server: Server, call: ListActivities, overlap: bool, limit: u32) {
    let before = server.records.clone();
    // A circle is found after at most three rounds, and a server that gives one record a page is asked
    // twice for each where pages overlap.
    let most = 6 * (before.len() + server.changes.len()) + 12;
    let mut changed = server.clone();
    let walked = walk(&mut changed, call, most);
    let context = format!("{server:?} {limit} {walked:?}");

    // Without changes and with an honest server nothing is told, and the end is the right one.
    let circles = server.ignores_offset || server.beyond != Beyond::Nothing;
    let applied = server
        .changes
        .iter()
        .any(|change| (1..walked.requests).contains(&change.before));
    let is_honest = !circles
        && !applied
        && !matches!(server.total, Total::Wrong(by) if by != 0)
        && (server.next_on != NextOn::Always
            || server.total == Total::Right
            || matches!(server.next_page, NextPage::Same | NextPage::Back));
    if is_honest {
        assert_eq!(walked.drift, [], "{context}");
    }
    // As many inserted records as a page holds look like a page that comes again.
    if !circles && !applied {
        assert!(walked.end.is_ok(), "{context}");
    }

    if walked.end.is_err() || !walked.drift.is_empty() {
        return;
    }
    // A total that is not the list's, agrees with what came and has no link beside it that leads on is
    // a proof, because one more request for each list that fits a page would double all of them.
    let is_deceived = walked.end == Ok(ListEnd::Total) && !matches!(server.total, Total::Right);
    // Without overlap only a total tells of records that are deleted, and not if as many are added.
    let shows_changes = if overlap {
        limit > 1 && walked.size > 1
    } else {
        server.total == Total::Right && server.changes.len() == 1
    };
    if is_deceived || (applied && !shows_changes) {
        return;
    }
    for id in before {
        let stayed = changed.records.contains(&id);
        let times = walked.came.get(&id).copied().unwrap_or_default();
        assert!(times == 1 || !stayed && times == 0, "{id} {context}");
    }
    assert!(walked.came.values().all(|times| *times == 1), "{context}");
}

fn plain(records: usize, cap: usize) -> Server {
    Server {
        records: (0..records).collect(),
        cap,
        ignores_limit: false,
        ignores_offset: false,
        total: Total::Absent,
        next_on: NextOn::Never,
        next_page: NextPage::Following,
        writing: Writing {
            bare: false,
            escaped_name: false,
            commas: false,
            one_header_each: false,
            others: false,
            paging: false,
        },
        beyond: Beyond::Nothing,
        changes: Vec::new(),
    }
}

#[track_caller]
fn check(mut server: Server, limit: u32, requests: usize, end: Result<ListEnd, u64>) -> Walked {
    let call = ListActivities::new().with_limit(limit);
    let walked = walk(&mut server, call, 50);
    assert_eq!((walked.requests, walked.end), (requests, end), "{walked:?}");
    walked
}

#[track_caller]
fn check_whole(server: Server, limit: u32, requests: usize, end: ListEnd) {
    let records = server.records.len();
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
    check_whole(server, 50, 3, ListEnd::EmptyPage);
    let mut server = plain(50, 50);
    server.total = Total::Right;
    check_whole(server, 50, 2, ListEnd::EmptyPage);
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
    check_whole(server, 50, 7, ListEnd::EmptyPage);
}

#[test]
fn a_total_that_disagrees_is_told_after_all_records() {
    for (off, total) in [(-9, 36), (3, 48)] {
        let mut server = plain(45, 20);
        server.total = Total::Wrong(off);
        let walked = check(server, 20, 4, Ok(ListEnd::EmptyPage));
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
        let walked = check(server.clone(), 20, 2, Err(20));
        assert_eq!(walked.came.len(), 20);
    }
}

#[test]
fn pages_that_go_round_are_an_error() {
    let mut server = plain(45, 5);
    server.beyond = Beyond::FirstPageAgain;
    let walked = check(server, 5, 11, Err(50));
    assert_eq!(walked.came.len(), 45);
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
    server.changes = vec![at_front(false)];
    let walked = check(server, 20, 3, Ok(ListEnd::Total));
    let (before, now) = (45, 44);
    assert_eq!(walked.drift, [Drift::TotalChanged { before, now }]);
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
    let silent = walk(&mut server.clone(), call.clone(), 50);
    assert_eq!((silent.came.len(), silent.drift), (44, vec![]));
    let told = walk(&mut server, call.clone().with_overlap(), 50);
    assert_eq!(told.drift, [Drift::Moved]);
    let whole = walk(&mut plain(45, 20), call.with_overlap(), 50);
    assert_eq!((whole.came.len(), whole.drift), (45, vec![]));
}

#[test]
fn a_call_that_begins_behind_the_end_is_no_contradiction() {
    let mut server = plain(45, 20);
    server.total = Total::Right;
    let call = ListActivities::new().with_limit(20).with_offset(60);
    let walked = walk(&mut server.clone(), call, 50);
    assert_eq!((walked.end, walked.drift), (Ok(ListEnd::EmptyPage), vec![]));
    let call = ListActivities::new().with_limit(20).with_offset(30);
    let walked = walk(&mut server, call, 50);
    assert_eq!((walked.end, walked.drift), (Ok(ListEnd::Total), vec![]));
    assert_eq!(walked.came.len(), 15);
}

#[test]
fn a_list_that_comes_all_at_once_is_asked_for_once_unless_something_says_otherwise() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut server = plain(60, 60);
    server.ignores_limit = true;
    server.ignores_offset = true;
    let call = List::<Source>::new();
    let page = call.parse(server.answer(50, 0), now).unwrap();
    assert_eq!((page.items.len(), page.end), (60, Some(ListEnd::AllAtOnce)));
    let mut server = plain(60, 50);
    server.total = Total::Right;
    let page = call.parse(server.answer(50, 0), now).unwrap();
    assert_eq!(page.next.map(|next| next.offset()), Some(50));
}

#[test]
fn a_walk_is_begun_anew_by_another_offset() {
    let mut server = plain(45, 20);
    server.ignores_offset = true;
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let call = ListActivities::new().with_limit(20);
    let next = call.parse(server.answer(20, 0), now).unwrap().next.unwrap();
    assert_eq!(next.offset(), 20);
    assert!(next.parse(server.answer(20, 20), now).is_err());
    let anew = next.with_offset(20);
    assert!(anew.parse(server.answer(20, 20), now).is_ok());
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
fn records(numbers: std::ops::Range<usize>) -> String {
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
    let anew = |_, request| records(request * 50..request * 50 + 50);
    let followed = follow(ListActivities::new(), Some(120), anew);
    assert_eq!(followed.end, Ok(ListEnd::FarBeyondTotal));
    assert_eq!(followed.requests, 15);
    let total = 120;
    let told = Drift::TotalDisagrees {
        total,
        counted: 750,
    };
    assert!(followed.drift.contains(&told), "{:?}", followed.drift);
}

#[test]
fn a_list_that_should_come_all_at_once_is_not_cut_off_at_a_page() {
    let cut = |offset: usize, _| records(offset.min(70)..(offset + 50).min(70));
    let followed = follow(List::<Source>::new(), None, cut);
    assert_eq!(
        (followed.places, followed.end),
        (70, Ok(ListEnd::AllAtOnce))
    );
    // As long as a page by chance, and again whatever it is asked for.
    let again = |_, _| records(0..50);
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
    let call = ListActivities::new().with_limit(3).with_overlap();
    let followed = follow(call, None, page);
    assert_eq!((followed.places, followed.end), (5, Ok(ListEnd::EmptyPage)));
    assert_eq!(followed.drift, [Drift::NoRecord { places: 1 }]);
}

#[test]
fn another_filter_makes_it_another_list() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let page = || Response::new(Body::from(records(0..50)));
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
