//! What a cursor says after passes, and how long it is.

use std::collections::BTreeSet;

use humanapi_core::data::{ChangeRecords, ROUTES};

use super::*;
use crate::export::reading::is_read;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_768_467_600 + second).unwrap()
}

fn pass(began: i64, watermark: Option<&Watermark>) -> PassRead<'_> {
    PassRead {
        began: at(began),
        since: None,
        watermark,
        is_settled: true,
        is_of_everything: true,
        is_whole: true,
        lag: LAG,
        told: &[],
    }
}

fn lists() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| is_read(route))
}

#[test]
fn each_kind_has_two_bytes_of_its_own() {
    let kinds: BTreeSet<Kind> = lists().map(kind).collect();
    assert_eq!(kinds.len(), lists().count());
}

/// In the usual case: nothing changed within the lag.
#[test]
fn cursors_are_read_as_they_are_written_and_take_a_few_tens_of_bytes_each() {
    let mut cursors = Cursors::default();
    for route in lists() {
        // As one that says when the service answered.
        let since = [&[1][..], &1_768_467_600_000_i64.to_be_bytes()].concat();
        let mark = Watermark::from_bytes(route, &since).unwrap();
        let tells = ChangeRecords::new(route, None).is_some();
        let mut cursor = Cursor::default();
        cursor.read(&pass(0, tells.then_some(&mark)));
        cursor.fingerprint = Some(u64::MAX - 1);
        cursors.set(kind(route), cursor);
    }
    let bytes = cursors.to_bytes();
    let read = Cursors::from_bytes(&bytes);
    assert_eq!(read.to_bytes(), bytes);
    for route in lists() {
        let cursor = read.of(kind(route)).unwrap();
        assert_eq!(cursor.changes_until(), Some(1_768_467_600));
        assert_eq!(cursor.deletions_until(), Some(1_768_467_600));
        assert_eq!(cursor.fingerprint, Some(u64::MAX - 1));
    }
    let each = bytes.len() as f64 / lists().count() as f64;
    assert!(each <= 30.0, "{each:.1}");
    // What is torn is none.
    assert!(Cursors::from_bytes(&bytes[..bytes.len() - 1]).0.is_empty());
}

#[test]
fn a_pass_that_did_not_settle_moves_no_moment() {
    let mut cursor = Cursor::default();
    let unsettled = |began| PassRead {
        is_settled: false,
        is_of_everything: false,
        is_whole: false,
        ..pass(began, None)
    };
    cursor.read(&unsettled(60));
    assert_eq!(
        (cursor.changes_until(), cursor.deletions_until()),
        (None, None)
    );
    cursor.read(&pass(120, None));
    let moment = Some(at(120).as_second());
    assert_eq!(
        (cursor.changes_until(), cursor.deletions_until()),
        (moment, moment)
    );
    cursor.read(&unsettled(180));
    assert_eq!(
        (cursor.changes_until(), cursor.deletions_until()),
        (moment, moment)
    );
}

/// As one that says when the service answered, and remembers so many records.
fn mark(route: &Route, second: i64, remembered: usize) -> Watermark {
    let since = at(second).as_millisecond().to_be_bytes();
    let remembered = vec![7; REMEMBERED * remembered];
    let bytes = [&[1][..], &since, &remembered].concat();
    Watermark::from_bytes(route, &bytes).unwrap()
}

#[test]
fn it_knows_whether_what_was_told_lately_was_forgotten() {
    let route = lists().find(|route| route.name == "data.activities");
    let route = route.unwrap();
    let may_repeat = |of_everything, before: usize, told: &[Timestamp], remembered| {
        let mut cursor = Cursor::default();
        cursor.read(&pass(-900, Some(&mark(route, -900, before))));
        let mark = mark(route, 0, remembered);
        cursor.read(&PassRead {
            is_of_everything: of_everything,
            told,
            ..pass(0, Some(&mark))
        });
        cursor.may_repeat(LAG)
    };
    let newest_first: Vec<Timestamp> = (0..1_200).map(|number| at(-60 - 300 * number)).collect();
    assert!(
        may_repeat(true, 0, &newest_first, 0),
        "two of them, and none is remembered"
    );
    assert!(!may_repeat(true, 0, &newest_first, 2));
    assert!(
        !may_repeat(true, 0, &newest_first[2..], 0),
        "none of them comes again"
    );
    assert!(
        !may_repeat(true, 0, &newest_first[..900], 2),
        "there was room for all"
    );
    assert!(
        !may_repeat(true, 500, &newest_first[..900], 2),
        "from none before"
    );
    assert!(may_repeat(false, 500, &newest_first[..900], 2));
    assert!(!may_repeat(false, 5, &newest_first[..900], 2));

    // What comes between the old lag and the new one was not remembered.
    let mut cursor = Cursor::default();
    cursor.read(&pass(0, Some(&mark(route, 0, 0))));
    let read = |cursor: &Cursor| {
        let mut bytes = Vec::new();
        cursor.write(&mut bytes);
        Cursor::take(&mut &bytes[..]).unwrap()
    };
    let kept = read(&cursor);
    assert!(!kept.may_repeat(LAG) && !kept.may_repeat(LAG / 2) && kept.may_repeat(2 * LAG));
    let days = Duration::from_secs(24 * 60 * 60);
    cursor.read(&PassRead {
        lag: days,
        ..pass(0, Some(&mark(route, 0, 0)))
    });
    assert!(read(&cursor).may_repeat(days), "it may have been longer");
}

#[test]
fn a_clock_that_was_years_ahead_keeps_no_list_from_being_read_whole() {
    let day = SignedDuration::from_hours(24);
    let mut ahead = Cursor::default();
    ahead.read(&pass(10 * 365 * day.as_secs(), None));
    assert!(ahead.is_due(at(0), 7 * day, [0; 16], 0));
    // A little back is no time at all.
    ahead.read(&pass(60, None));
    assert!(!ahead.is_due(at(0), 7 * day, [0; 16], 0));
}

/// What was told behind the later moment was forgotten, and comes again.
#[test]
fn what_a_slower_clock_brings_again_is_in_doubt() {
    let route = lists().find(|route| route.name == "data.activities");
    let route = route.unwrap();
    let mut cursor = Cursor::default();
    cursor.read(&pass(0, Some(&mark(route, 400, 0))));
    for (second, went_back) in [(400, false), (100, true), (100, false), (500, false)] {
        let since = cursor.watermark(route).unwrap().moment();
        cursor.read(&PassRead {
            since,
            is_of_everything: false,
            ..pass(60, Some(&mark(route, second, 0)))
        });
        assert_eq!(cursor.may_repeat(LAG), went_back, "{second}");
    }
}

#[test]
fn what_is_in_doubt_stays_so_until_a_pass_settles() {
    let route = lists().find(|route| route.name == "data.activities");
    let mark = mark(route.unwrap(), 0, 0);
    let mut cursor = Cursor::default();
    cursor.read(&pass(0, Some(&mark)));
    cursor.doubt();
    for is_settled in [false, true] {
        cursor.read(&PassRead {
            is_settled,
            is_of_everything: false,
            ..pass(60, Some(&mark))
        });
        assert_eq!(cursor.may_repeat(LAG), !is_settled);
    }
}

#[test]
fn full_passes_are_spread_over_an_interval_of_any_length_and_none_comes_later() {
    for hours in [1, 12, 36, 8 * 24] {
        let every = SignedDuration::from_hours(hours);
        let mut first = Cursor::default();
        assert!(first.is_due(at(0), every, [0; 16], 0));
        first.read(&pass(0, None));
        let due = |cursor: &Cursor, user: u16, eighths: i64| {
            let mut name = [0; 16];
            name[..2].copy_from_slice(&user.to_be_bytes());
            cursor.is_due(at(eighths * every.as_secs() / 8), every, name, 0)
        };
        let users: Vec<u16> = (0..800).map(|user| user * 81).collect();
        let mut before = 0;
        for eighth in 1..=8 {
            let now = users.iter().filter(|user| due(&first, **user, eighth));
            let now = now.count();
            let more = now - before;
            before = now;
            if eighth > 1 {
                assert!((80..150).contains(&more), "{hours} h, {eighth}: {more}");
            }
        }
        assert_eq!(before, users.len(), "{hours} hours");
        let mut second = first;
        second.read(&pass(0, None));
        assert!(!due(&second, 0, 7) && due(&second, 0, 8), "{hours} hours");
    }
    // None at all is a share of the longest one.
    let mut read = Cursor::default();
    read.read(&pass(0, None));
    assert!(!read.is_due(at(1), SignedDuration::MAX, [255; 16], 0));
    assert!(read.is_due(at(0), SignedDuration::ZERO, [255; 16], 0));
}
