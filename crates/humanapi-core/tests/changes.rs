//! Nothing that changes is lost by keeping in step, whatever happens between and during the passes.
//!
//! A model of the service holds records that are added, changed, deleted, and shown later than the moment
//! that they bear, between any two requests. Whoever keeps what the passes tell, by id, ends with what the
//! service holds.
//!
//! One piece: the model of the service and whoever reads it make sense together alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use humanapi_core::data::{Activity, Changes, Deletions, List, PassEnd, Sleep, Watermark};
use humanapi_core::http::HeaderValue;
use humanapi_core::http::header::DATE;
use humanapi_core::{
    Body, BuildError, Endpoint as _, Hosts, Now, Request, Response, ResponseError,
};
use jiff::Timestamp;
use jiff::fmt::strtime;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

/// How long after its moment a record may be shown, and by how much the clock of the answers may be ahead
/// of that of the records, together.
const LAG: Duration = Duration::from_secs(60);

/// When the model begins, in milliseconds.
const BEGIN: i64 = 1_767_323_045_000;

#[derive(Clone, Debug)]
enum Event {
    Insert {
        at: usize,
        late: i64,
    },
    Update {
        at: usize,
        late: i64,
    },
    Delete {
        at: usize,
    },
    /// It is changed, and stands elsewhere from then on.
    Move {
        at: usize,
        to: usize,
    },
}

/// What happens before a request.
#[derive(Clone, Debug)]
struct Moment {
    passed: i64,
    events: Vec<Event>,
    /// Whether the reader is killed, and another one goes on from what was saved.
    killed: bool,
}

#[derive(Clone, Debug)]
struct Record {
    id: usize,
    version: usize,
    updated: i64,
    /// From when on this version is shown. The one before is gone by then.
    shown: i64,
}

#[derive(Clone, Debug)]
struct Service {
    /// In the order of the list, which has nothing to do with changes.
    records: Vec<Record>,
    now: i64,
    next: usize,
    /// By how much the clock of its answers is ahead.
    ahead: i64,
    tells_time: bool,
    tells_total: bool,
    /// Whether its filter leaves out the whole second that it names.
    is_strict: bool,
    cap: usize,
}

impl Service {
    fn live(&mut self, moment: &Moment) {
        self.now += moment.passed;
        for event in &moment.events {
            let count = self.records.len();
            match *event {
                Event::Insert { at, late } => {
                    let record = self.record(self.next, late);
                    self.records.insert(at % (count + 1), record);
                }
                Event::Update { at, late } if count > 0 => {
                    let at = at % count;
                    // A version that is not shown yet is not overtaken by another one.
                    if self.records[at].shown <= self.now {
                        self.records[at] = self.record(self.records[at].id, late);
                    }
                }
                Event::Delete { at } if count > 0 => {
                    self.records.remove(at % count);
                }
                Event::Move { at, to } if count > 0 => {
                    let moved = self.records.remove(at % count);
                    let moved = self.record(moved.id, 0);
                    self.records.insert(to % count, moved);
                }
                Event::Update { .. } | Event::Delete { .. } | Event::Move { .. } => {}
            }
        }
    }

    fn record(&mut self, id: usize, late: i64) -> Record {
        self.next += 1;
        Record {
            id,
            version: self.next,
            updated: self.now,
            shown: self.now + late,
        }
    }

    fn answer(&self, request: &Request) -> Response {
        let query = request.uri().query().unwrap();
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(at, _)| *at == name).map(|(_, value)| value)
        };
        let limit: usize = value("limit").unwrap().parse().unwrap();
        let offset: usize = value("offset").map_or(0, |value| value.parse().unwrap());
        let since = value("updated_since").map(|since| {
            let read = strtime::parse("%Y%m%dT%H%M%SZ", since).unwrap();
            let read = read
                .to_datetime()
                .unwrap()
                .to_zoned(jiff::tz::TimeZone::UTC);
            read.unwrap().timestamp().as_millisecond()
        });
        let takes = |record: &&Record| {
            record.shown <= self.now
                && since.is_none_or(|since| match self.is_strict {
                    true => record.updated / 1_000 > since / 1_000,
                    false => record.updated >= since,
                })
        };
        let shown: Vec<_> = self.records.iter().filter(takes).collect();
        let page: Vec<_> = shown
            .iter()
            .skip(offset)
            .take(limit.min(self.cap))
            .map(|record| {
                format!(
                    r#"{{"id":"r{}","steps":{},"updatedAt":"{}"}}"#,
                    record.id,
                    record.version,
                    Timestamp::from_millisecond(record.updated).unwrap()
                )
            })
            .collect();
        let mut response = Response::new(Body::from(format!("[{}]", page.join(",")).into_bytes()));
        let headers = response.headers_mut();
        if self.tells_total {
            headers.insert("x-total-count", HeaderValue::from(shown.len()));
        }
        if self.tells_time {
            let now = SystemTime::UNIX_EPOCH
                + Duration::from_millis(u64::try_from(self.now + self.ahead).unwrap());
            let date = httpdate::fmt_http_date(now);
            headers.insert(DATE, HeaderValue::try_from(date).unwrap());
        }
        response
    }
}

/// Who keeps in step.
#[derive(Default)]
struct Copy {
    records: BTreeMap<String, i64>,
    told: BTreeMap<String, usize>,
    watermark: Option<Watermark>,
}

/// Written down and read again, as after a restart.
fn saved<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

impl Copy {
    fn pass(
        &mut self,
        service: &mut Service,
        moments: &mut dyn Iterator<Item = Moment>,
        everything: bool,
    ) -> Option<PassEnd> {
        let hosts = Hosts::production();
        let since = self.watermark.clone().filter(|_| !everything);
        let mut call = Changes::new(List::<Activity>::new().with_limit(4), since).with_lag(LAG);
        let mut deletions = Deletions::among(self.records.keys().cloned());
        for request in 0.. {
            assert!(request < 2_000, "it runs on");
            if let Some(moment) = moments.next() {
                service.live(&moment);
                if moment.killed {
                    // Whoever goes on met nothing of what was read before.
                    call = saved(&call);
                    deletions = Deletions::among(self.records.keys().cloned());
                }
            }
            let request = call.request(&hosts).unwrap();
            let wall =
                SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(service.now).unwrap());
            let now = Now::new(Duration::ZERO, wall);
            let page = match call.parse(service.answer(&request), now) {
                // It moved so often that it looks like a list that goes round. The next pass begins where
                // this one did.
                Err(ResponseError::PageRepeated { .. }) => return None,
                page => page.unwrap(),
            };
            deletions.met(&page);
            for record in &page.records {
                let id = record.id().unwrap().into_owned();
                *self.told.entry(id.clone()).or_default() += 1;
                let version = record.steps().unwrap().as_str().parse().unwrap();
                self.records.insert(id, version);
            }
            assert_eq!(page.next.is_some(), page.end.is_none());
            if let Some(end) = page.end {
                self.watermark = Some(saved(&end.watermark));
                for gone in deletions.found(&end).unwrap_or_default() {
                    self.records.remove(&gone);
                }
                return Some(end);
            }
            call = page.next.unwrap();
        }
        unreachable!("a pass ends or panics")
    }
}

fn event() -> impl Strategy<Value = Event> {
    let late = || prop_oneof![3 => Just(0), 1 => 0..45_000_i64];
    prop_oneof![
        (any::<usize>(), late()).prop_map(|(at, late)| Event::Insert { at, late }),
        (any::<usize>(), late()).prop_map(|(at, late)| Event::Update { at, late }),
        any::<usize>().prop_map(|at| Event::Delete { at }),
        any::<[usize; 2]>().prop_map(|[at, to]| Event::Move { at, to }),
    ]
}

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let passed = prop_oneof![0..1_500_i64, 0..90_000_i64];
    let events = prop_oneof![
        2 => Just(Vec::new()),
        3 => prop::collection::vec(event(), 1..4)
    ];
    let moment =
        (passed, events, prop::bool::weighted(0.3)).prop_map(|(passed, events, killed)| Moment {
            passed,
            events,
            killed,
        });
    prop::collection::vec(moment, 0..30)
}

fn service() -> impl Strategy<Value = Service> {
    (
        0..12_usize,
        0..15_000_i64,
        prop::bool::weighted(0.8),
        any::<[bool; 2]>(),
        2..6_usize,
    )
        .prop_map(
            |(records, ahead, tells_time, [tells_total, is_strict], cap)| Service {
                records: (0..records)
                    .map(|id| Record {
                        id,
                        version: id,
                        updated: BEGIN - 9_000 * i64::try_from(id).unwrap_or_default(),
                        shown: BEGIN,
                    })
                    .collect(),
                now: BEGIN,
                next: 1_000,
                ahead,
                tells_time,
                tells_total,
                is_strict,
                cap,
            },
        )
}

/// So many services, and more where a longer hunt is asked for.
fn services() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner asks for a longer hunt this way"
    )]
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep { 200_000 } else { 4_000 }
}

proptest! {
    #![proptest_config(Config {
        cases: services(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..Config::default()
    })]

    #[test]
    fn nothing_that_changes_is_lost(mut service in service(), moments in moments()) {
        let mut copy = Copy::default();
        let mut moments = moments.into_iter().peekable();
        while moments.peek().is_some() {
            copy.pass(&mut service, &mut moments, false);
        }
        // Once nothing happens any more, and what was late is there, one pass is enough.
        service.now += 45_000;
        let end = copy.pass(&mut service, &mut std::iter::empty(), false).unwrap();
        prop_assert!(end.is_settled);
        for record in &service.records {
            let kept = copy.records.get(&format!("r{}", record.id)).copied();
            prop_assert_eq!(kept, i64::try_from(record.version).ok(), "{:?}", record);
        }

        // What was deleted is known after everything was read.
        let end = copy.pass(&mut service, &mut std::iter::empty(), true).unwrap();
        prop_assert!(end.is_settled && end.is_of_everything);
        prop_assert_eq!(copy.records.len(), service.records.len());
    }

    #[test]
    fn nobody_is_taken_for_deleted_wherever_a_pass_is_killed(
        mut service in service(),
        deleted in prop::collection::vec(any::<usize>(), 0..4),
        kills in prop::collection::vec(any::<bool>(), 0..8),
    ) {
        let mut copy = Copy::default();
        copy.pass(&mut service, &mut std::iter::empty(), true).unwrap();
        for at in deleted {
            if !service.records.is_empty() {
                let at = at % service.records.len();
                service.records.remove(at);
            }
        }
        let mut moments = kills.into_iter().map(|killed| Moment { passed: 700, events: Vec::new(), killed });
        copy.pass(&mut service, &mut moments, true).unwrap();
        for record in &service.records {
            prop_assert!(copy.records.contains_key(&format!("r{}", record.id)), "{:?}", record);
        }
        // Who then reads all of it without a break knows of all that are gone.
        copy.pass(&mut service, &mut std::iter::empty(), true).unwrap();
        prop_assert_eq!(copy.records.len(), service.records.len());
    }

    #[test]
    fn without_a_change_each_record_is_told_once(
        mut service in service(),
        passes in 1..4_usize,
        killed: bool,
    ) {
        let still = Moment { passed: 700, events: Vec::new(), killed };
        let mut copy = Copy::default();
        for _ in 0..passes {
            let mut moments = std::iter::repeat_with(|| still.clone()).take(20);
            let end = copy.pass(&mut service, &mut moments, false).unwrap();
            prop_assert!(end.is_settled);
        }
        prop_assert_eq!(copy.told.len(), service.records.len());
        prop_assert!(copy.told.values().all(|told| *told == 1), "{:?}", copy.told);
    }
}

/// Each page size that the service takes, over lists that end where a page does and behind it.
#[test]
fn whatever_the_page_size_each_record_is_told_exactly_once() {
    let record = |id: usize| Record {
        id,
        version: id,
        updated: BEGIN - 86_400_000,
        shown: BEGIN,
    };
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    for size in 1..=500 {
        for records in [2 * size as usize, 2 * size as usize + 1] {
            let service = Service {
                records: (0..records).map(record).collect(),
                now: BEGIN,
                next: records,
                ahead: 0,
                tells_time: true,
                tells_total: true,
                is_strict: false,
                cap: 500,
            };
            let mut told = Vec::new();
            let mut next = Some(Changes::new(List::<Activity>::new().with_limit(size), None));
            while let Some(call) = next {
                // Every page could be the last before a restart.
                let call: Changes<Activity> = saved(&call);
                let request = call.request(&Hosts::production()).unwrap();
                let page = call.parse(service.answer(&request), now).unwrap();
                assert!(!page.begins_again && page.number < 9, "{size} a page");
                told.extend(
                    page.records
                        .iter()
                        .map(|record| record.id().unwrap().into_owned()),
                );
                assert!(
                    page.end
                        .is_none_or(|end| end.is_settled && end.is_of_everything)
                );
                next = page.next;
            }
            let expected = (0..records).map(|id| format!("r{id}"));
            assert!(
                told.into_iter().eq(expected),
                "{records} records, {size} a page"
            );
        }
    }
}

fn answered(body: &str, date: Option<&str>) -> Response {
    let mut response = Response::new(Body::from(body.to_owned().into_bytes()));
    if let Some(date) = date {
        response
            .headers_mut()
            .insert(DATE, HeaderValue::try_from(date).unwrap());
    }
    response
}

fn end_of(changes: Changes<Activity>, date: Option<&str>, body: &str) -> PassEnd {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(BEGIN).unwrap());
    let now = Now::new(Duration::ZERO, wall);
    let mut answer = answered(body, date);
    answer
        .headers_mut()
        .insert("x-total-count", HeaderValue::from_static("1"));
    changes.parse(answer, now).unwrap().end.unwrap()
}

const ONE: &str = r#"[{"id":"a","updatedAt":"2026-01-02T03:00:00.000Z"}]"#;

#[test]
fn the_services_own_clock_is_the_watermark() {
    let list = List::<Activity>::new;
    let end = end_of(
        Changes::new(list(), None),
        Some("Fri, 02 Jan 2026 03:04:05 GMT"),
        ONE,
    );
    let moment = end.watermark.moment().unwrap();
    assert_eq!(moment.to_string(), "2026-01-02T03:04:05Z");

    // Where it tells no time, the latest change on the first page is known to have been.
    let end = end_of(Changes::new(list(), None), None, ONE);
    let moment = end.watermark.moment().unwrap();
    assert_eq!(moment.to_string(), "2026-01-02T03:00:00Z");
}

#[test]
fn an_empty_page_that_its_total_contradicts_settles_nothing() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut call = Changes::new(List::<Activity>::new(), None);
    for attempt in 0..4 {
        let mut answer = answered("[]", Some("Fri, 02 Jan 2026 03:04:05 GMT"));
        answer
            .headers_mut()
            .insert("x-total-count", HeaderValue::from_static("234"));
        let page = call.parse(answer, now).unwrap();
        assert_eq!((page.number, page.begins_again), (attempt, attempt < 3));
        if let Some(end) = page.end {
            assert!(!end.is_settled && end.watermark.moment().is_none());
            assert_eq!(Deletions::among(["a"]).found(&end), None);
            return;
        }
        call = page.next.unwrap();
    }
    panic!("it goes on");
}

#[test]
fn who_read_a_part_of_the_pass_knows_of_no_deletion() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let answer = |ids: [&str; 2]| {
        let [first, second] = ids.map(|id| format!(r#"{{"id":"{id}"}}"#));
        let mut answer = answered(&format!("[{first},{second}]"), None);
        answer
            .headers_mut()
            .insert("x-total-count", HeaderValue::from_static("3"));
        answer
    };
    let call = Changes::new(List::<Activity>::new().with_limit(2), None);
    let first = call.parse(answer(["a", "b"]), now).unwrap();
    let last = first
        .next
        .clone()
        .unwrap()
        .parse(answer(["b", "c"]), now)
        .unwrap();
    let end = last.end.clone().unwrap();

    let mut whole = Deletions::among(["a", "b", "c", "d"]);
    whole.met(&first);
    whole.met(&last);
    assert_eq!(whole.found(&end).unwrap(), ["d"]);
    let mut resumed = Deletions::among(["a", "b", "c", "d"]);
    resumed.met(&last);
    assert_eq!(resumed.found(&end), None);
    let mut broken_off = Deletions::among(["a", "b", "c", "d"]);
    broken_off.met(&first);
    assert_eq!(broken_off.found(&end), None);
}

#[test]
fn a_moment_of_the_callers_own_is_refused() {
    let list = List::<Activity>::new().with_updated_since(Timestamp::UNIX_EPOCH);
    let call = Changes::new(list, None);
    let refused = call.request(&Hosts::production()).map(drop);
    assert!(matches!(
        refused,
        Err(BuildError::OutOfRange {
            name: "updated_since",
            ..
        })
    ));
}

#[test]
fn a_moment_in_the_future_is_no_watermark() {
    let now = Now::new(
        Duration::ZERO,
        SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(BEGIN).unwrap()),
    );
    let mut answer = answered(r#"[{"id":"a","updatedAt":"2099-01-01T00:00:00Z"}]"#, None);
    answer
        .headers_mut()
        .insert("x-total-count", HeaderValue::from_static("1"));
    let page = Changes::new(List::<Activity>::new(), None)
        .parse(answer, now)
        .unwrap();
    let moment = page.end.unwrap().watermark.moment().unwrap();
    assert_eq!(moment.as_millisecond(), BEGIN);
}

#[test]
fn a_record_at_the_border_of_two_pages_that_changed_marks_it_no_more() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let call = Changes::new(List::<Activity>::new().with_limit(3), None);
    let first = call.parse(answered(r#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#, None), now);
    // Behind it stand d and e. Then a is deleted, and c is changed so that it stands behind d.
    let second = first.unwrap().next.unwrap();
    let page = second.parse(answered(r#"[{"id":"c","steps":1},{"id":"e"}]"#, None), now);
    assert!(page.unwrap().begins_again, "d would be missing");
}

#[test]
fn a_record_that_changes_back_is_told() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut watermark = None;
    for steps in ["1", "2", "1"] {
        let body = format!(r#"[{{"id":"a","steps":{steps},"updatedAt":"2026-01-02T03:00:00Z"}}]"#);
        let mut answer = answered(&body, Some("Fri, 02 Jan 2026 03:04:05 GMT"));
        answer
            .headers_mut()
            .insert("x-total-count", HeaderValue::from_static("1"));
        let call = Changes::new(List::<Activity>::new(), watermark.take());
        let page = call.parse(answer, now).unwrap();
        assert_eq!(page.records.len(), 1, "{steps}");
        watermark = Some(saved(&page.end.unwrap().watermark));
    }
}

#[test]
fn a_watermark_of_another_list_is_refused_before_anything_is_sent() {
    let hosts = Hosts::production();
    let watermark = end_of(Changes::new(List::new(), None), None, ONE).watermark;
    let foreign = |list| Err(BuildError::ForeignWatermark { list });

    let sleeps = Changes::new(List::<Sleep>::new(), Some(watermark.clone()));
    assert_eq!(sleeps.request(&hosts).map(drop), foreign("data.sleeps"));
    let narrowed = List::<Activity>::new().with_source("strider");
    let narrowed = Changes::new(narrowed, Some(watermark.clone()));
    assert_eq!(
        narrowed.request(&hosts).map(drop),
        foreign("data.activities")
    );
    // How many come on a page is no matter.
    let same = List::<Activity>::new().with_limit(7);
    assert!(Changes::new(same, Some(watermark)).request(&hosts).is_ok());
}

#[test]
fn what_is_saved_shows_no_id_and_no_record() {
    let end = end_of(Changes::new(List::new(), None), None, ONE);
    let text = serde_json::to_string(&end.watermark).unwrap();
    assert!(!text.contains(r#""a""#), "{text}");
    let unknown = text.replace(r#""version":1"#, r#""version":2"#);
    let error = serde_json::from_str::<Watermark>(&unknown).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[test]
fn a_list_that_never_rests_leaves_the_watermark_where_it_was() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let mut call = Changes::new(List::<Activity>::new().with_limit(2), None);
    let mut restarts = 0;
    for number in (0..).step_by(2) {
        // Every page begins with another record than the last one of the page before.
        let body = format!(r#"[{{"id":"r{number}"}},{{"id":"r{}"}}]"#, number + 1);
        let body = if number < 40 { body.as_str() } else { "[]" };
        let page = call.parse(answered(body, Some("Fri, 02 Jan 2026 03:04:05 GMT")), now);
        let page = page.unwrap();
        restarts += usize::from(page.begins_again);
        if let Some(end) = page.end {
            assert!(!end.is_settled && end.watermark.moment().is_none());
            break;
        }
        call = page.next.unwrap();
    }
    assert_eq!(restarts, 3);
}

#[test]
fn a_list_without_ids_begins_again_when_its_total_changes() {
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let total = |body: &str, total: &'static str| {
        let mut answer = answered(body, None);
        answer
            .headers_mut()
            .insert("x-total-count", HeaderValue::from_static(total));
        answer
    };
    let call = Changes::new(List::<Activity>::new().with_limit(2), None);
    let page = call
        .parse(total(r#"[{"steps":1},{"steps":2}]"#, "5"), now)
        .unwrap();
    let page = page
        .next
        .unwrap()
        .parse(total(r#"[{"steps":4},{"steps":5}]"#, "4"), now)
        .unwrap();
    assert!(page.begins_again);
    let request = page.next.unwrap().request(&Hosts::production()).unwrap();
    assert_eq!(request.uri().query(), Some("limit=2"));
}
