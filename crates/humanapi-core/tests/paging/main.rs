//! Lists are read to their proven end, from servers of every habit.
//!
//! A model of a server has a list and a handful of habits, good and bad. A walk over it by calls alone,
//! without the client, brings each record exactly once, or says that it may not have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod ahead;
mod cases;
mod server;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use humanapi_core::data::{Activity, ListActivities};
use humanapi_core::{Drift, Endpoint as _, Hosts, ListEnd, Now, Page, Request, ResponseError};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use server::{Beyond, Ever, Kind, NextOn, NextPage, Server, Total};

/// How a walk went.
#[derive(Debug)]
struct Walked {
    /// How often each record came, by its number.
    came: BTreeMap<usize, usize>,
    /// How many came that are no records.
    odd: usize,
    end: Result<ListEnd, Broken>,
    /// What was told, but for how many places hold no record.
    drift: Vec<Drift>,
    /// Whether a page says that records may be missing.
    may_lack: bool,
    /// How many places hold no record, as it was told.
    odd_told: u64,
    requests: usize,
    size: usize,
}

impl Walked {
    /// Of a walk on which nothing was read yet.
    const fn new() -> Self {
        Self {
            came: BTreeMap::new(),
            odd: 0,
            end: Err(Broken::RunsOn),
            drift: Vec::new(),
            may_lack: false,
            odd_told: 0,
            requests: 0,
            size: 0,
        }
    }

    fn take(&mut self, page: &Page<Activity, ListActivities>) {
        for record in &page.items {
            *self.came.entry(number(record.raw())).or_default() += 1;
        }
        self.odd += page.odd.len();
        self.may_lack |= page.may_lack_items;
        for drift in &page.drift {
            match drift {
                Drift::NoRecord { places } => self.odd_told += places,
                other => self.drift.push(*other),
            }
        }
        assert_eq!(page.next.is_some(), page.end.is_none());
        if let Some(end) = page.end {
            self.end = Ok(end);
        }
    }
}

/// Why a walk came to no end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Broken {
    /// The page at this offset came before.
    Repeated { offset: u64, holds_records: bool },
    /// It would go on after so many requests.
    RunsOn,
}

fn repeated(offset: u64) -> Result<ListEnd, Broken> {
    Err(Broken::Repeated {
        offset,
        holds_records: true,
    })
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

/// Walks through a list with at most so many requests.
fn walk(server: &mut Server, call: ListActivities, most: usize) -> Walked {
    let hosts = Hosts::production();
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut walked = Walked::new();
    let mut next = Some(call);
    while let Some(call) = next {
        if walked.requests == most {
            return walked;
        }
        let (limit, offset) = query(&call.request(&hosts).unwrap());
        server.change(walked.requests);
        walked.requests += 1;
        walked.size = server.page_size(limit);
        let answer = server.answer(limit, offset);
        let holds_records = holds_records(answer.body().as_bytes());
        let page = match call.parse(answer, now) {
            Ok(page) => page,
            Err(ResponseError::PageRepeated { offset }) => {
                walked.end = Err(Broken::Repeated {
                    offset,
                    holds_records,
                });
                return walked;
            }
            Err(error) => panic!("{error}"),
        };
        walked.take(&page);
        // Every page could be the last before a restart.
        next = page.next.map(|next| {
            let saved = serde_json::to_string(&next).unwrap();
            serde_json::from_str(&saved).unwrap()
        });
    }
    walked
}

/// Whether a page holds more than odd things.
fn holds_records(page: &[u8]) -> bool {
    let text = std::str::from_utf8(page).unwrap();
    text.starts_with("[{") || text.contains(",{")
}

/// The number of a record.
fn number(json: &[u8]) -> usize {
    let text = std::str::from_utf8(json).unwrap();
    let (_, behind) = text.split_once("\"n\":").unwrap();
    let end = behind.find(|at: char| !at.is_ascii_digit()).unwrap();
    behind[..end].parse().unwrap()
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
        source_file: Some(file!()),
        ..Config::default()
    }
}

#[test]
fn each_record_comes_exactly_once_or_it_is_told() {
    let pairs = RefCell::new(BTreeSet::new());
    let ends = RefCell::new(BTreeMap::<String, u32>::new());
    let limit = prop_oneof![4 => 1..14_u32, 1 => 14..30_u32];
    let any = (server::server(), limit, any::<bool>(), ahead::ahead());
    let outcome = TestRunner::new(config()).run(&any, |(server, limit, overlap, ahead)| {
        let habits = habits(&server, overlap);
        for (first, habit) in habits.iter().enumerate() {
            for (second, other) in habits.iter().enumerate().skip(first + 1) {
                pairs.borrow_mut().insert((first, *habit, second, *other));
            }
        }
        let mut call = ListActivities::new().with_limit(limit);
        if !overlap {
            call = call.with_overlap(false);
        }
        let reads = |server: &mut Server, most| walk(server, call.clone(), most);
        let end = judge(&server, reads, overlap, limit);
        *ends.borrow_mut().entry(end).or_default() += 1;
        let reads = |server: &mut Server, most| ahead.walk(server, call.clone(), most);
        judge(&server, reads, overlap, limit);
        ahead::is_the_same(&server, &call, &ahead);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let expected: usize = HABITS
        .iter()
        .enumerate()
        .map(|(first, habits)| {
            HABITS[first + 1..]
                .iter()
                .map(|more| habits * more)
                .sum::<usize>()
        })
        .sum();
    assert_eq!(pairs.borrow().len(), expected, "each two habits meet");
    assert_eq!(ends.borrow().len(), 6, "each end occurs: {ends:?}");
}

/// How many habits of each kind there are.
const HABITS: [usize; 10] = [2, 2, 4, 4, 5, 4, 2, 2, 4, 2];

/// What a server does, as the number of a habit of each kind.
fn habits(server: &Server, overlap: bool) -> [usize; HABITS.len()] {
    let total = match server.total {
        Total::Absent => 0,
        Total::Right => 1,
        Total::OfPage => 2,
        Total::Wrong(_) => 3,
    };
    let ever = match server.ever {
        Ever::Still => 0,
        Ever::Anew => 1,
        Ever::Rotates => 2,
        Ever::Grows { .. } => 3,
    };
    let is_odd = server.places.iter().any(|place| !place.is_record());
    [
        usize::from(server.ignores_limit),
        usize::from(server.ignores_offset),
        total,
        server.next_on as usize,
        server.next_page as usize,
        server.beyond as usize,
        usize::from(server.changes.is_empty()),
        usize::from(is_odd),
        ever,
        usize::from(overlap),
    ]
}

/// Whether a list may go on without an end that anything could tell.
fn may_run_on(server: &Server, limit: u32) -> bool {
    let limit = limit as usize;
    let size = server.page_size(limit);
    // Its end is always ahead.
    let grows = matches!(server.ever, Ever::Grows { .. });
    let is_endless =
        server.ever == Ever::Anew && (server.ignores_offset || server.beyond != Beyond::Nothing);
    let leads_on = matches!(server.next_on, NextOn::WhereAny | NextOn::Always)
        && !matches!(server.next_page, NextPage::Same | NextPage::Back);
    let all = server.places.len();
    let first_page = all.min(size);
    let has_total = match server.total {
        Total::Absent | Total::OfPage => false,
        Total::Right => all != first_page,
        Total::Wrong(by) => all
            .checked_add_signed(isize::try_from(by).unwrap())
            .is_some_and(|total| total != first_page),
    };
    grows || is_endless && (leads_on || !has_total || !server.changes.is_empty())
}

/// Judges one walk, and names its end.
#[track_caller]
fn judge(
    server: &Server,
    walk: impl FnOnce(&mut Server, usize) -> Walked,
    overlap: bool,
    limit: u32,
) -> String {
    let before = server.places.clone();
    // A circle is found after at most three rounds. What answers anew is left at twice the total and
    // ten pages.
    let mut most = 6 * (before.len() + server.changes.len()) + 12;
    let may_run_on = may_run_on(server, limit);
    if may_run_on {
        most = most.min(40);
    } else if server.ever == Ever::Anew {
        most += 2 * (before.len() + 9) + 10 * limit as usize;
    }
    let mut changed = server.clone();
    let walked = walk(&mut changed, most);
    let context = || format!("{server:?} {limit} {walked:?}");
    let name = match &walked.end {
        Ok(end) => format!("{end:?}"),
        Err(Broken::Repeated { .. }) => "Repeated".to_owned(),
        Err(Broken::RunsOn) => "RunsOn".to_owned(),
    };
    assert_eq!(walked.odd_told, walked.odd as u64, "{}", context());
    if walked.end == Err(Broken::RunsOn) {
        assert!(may_run_on, "{}", context());
        return name;
    }
    if walked.end == Ok(ListEnd::FarBeyondTotal) {
        let is_told = |drift: &Drift| matches!(drift, Drift::TotalDisagrees { .. });
        assert!(walked.drift.iter().any(is_told), "{}", context());
        assert!(walked.may_lack, "{}", context());
    }

    // Without changes and with an honest server nothing is told, and the end is the right one.
    let circles = server.ignores_offset || server.beyond != Beyond::Nothing;
    let applied = server.ever != Ever::Still && walked.requests > 1
        || server
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
        assert_eq!(walked.drift, [], "{}", context());
    }
    // As many inserted records as a page holds look like a page that comes again, and so do pages of
    // nothing but the same odd things.
    if !circles && !applied {
        let is_odd = |broken: &Broken| {
            matches!(
                broken,
                Broken::Repeated {
                    holds_records: false,
                    ..
                }
            )
        };
        assert!(
            walked.end.as_ref().err().is_none_or(is_odd),
            "{}",
            context()
        );
    }
    // What goes round to its beginning is noticed before anything of it is given out again.
    if (server.ignores_offset || server.beyond == Beyond::FirstPageAgain) && !applied {
        assert!(
            walked.came.values().all(|times| *times == 1),
            "{}",
            context()
        );
    }

    if walked.end.is_err() || walked.may_lack {
        return name;
    }
    // A total that counts the page ends a list of one page, unless that is as long as pages are or a link leads on: one more
    // request for each list that fits a page would double all of them. A page that comes again proves as much, so a server
    // that counts the page may not leave the offset out too. A wrong total may agree by chance.
    let is_deceived = walked.end == Ok(ListEnd::Total)
        && match server.total {
            Total::Absent | Total::Right => false,
            Total::OfPage => !walked.size.is_multiple_of(10) || server.ignores_offset,
            Total::Wrong(by) => by != 0,
        };
    // Without overlap only a total tells of records that are deleted, and not if as many are added. A
    // page whose last place holds nothing that has an id cannot be overlapped. A record that moves from behind a border to
    // before it, while another before it is deleted, leaves the border as it was.
    let shows_changes = if overlap {
        let have_ids = before.iter().all(|place| place.kind == Kind::Record);
        let stay_in_order = server.ever != Ever::Rotates || server.changes.is_empty();
        limit > 1 && walked.size > 1 && have_ids && stay_in_order
    } else {
        server.total == Total::Right && server.changes.len() == 1 && server.ever == Ever::Still
    };
    // One that takes no notice of the offset and begins elsewhere each time looks like a list to which records are added.
    let seems_to_grow = server.ignores_offset && applied && !walked.drift.is_empty();
    if is_deceived || seems_to_grow || (applied && !shows_changes) {
        return name;
    }
    for place in &before {
        let stayed = changed.places.contains(place);
        let is_there = walked.came.contains_key(&place.number);
        let is_right = !place.is_record() || is_there || !stayed;
        assert!(is_right, "{place:?} {}", context());
    }
    if !walked.drift.is_empty() {
        return name;
    }
    assert!(
        walked.came.values().all(|times| *times == 1),
        "{}",
        context()
    );
    if !applied {
        let odd = before.iter().filter(|place| !place.is_record()).count();
        assert_eq!(walked.odd, odd, "{}", context());
    }
    name
}
