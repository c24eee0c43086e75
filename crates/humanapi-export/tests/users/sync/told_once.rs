//! What may come twice is told once, and what did not come once is not told as gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use humanapi_export::Synchronization;
use humanapi_testing::client::{Client, CursorStore, MemoryCursorStore, Transport};
use humanapi_testing::core::data::{Operation, ROUTES};
use humanapi_testing::core::{Body, Provisioning, Request, Response, SendFailure};
use humanapi_testing::{ForTests as _, OfflineSandbox, RecordChange, SandboxTransport};
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::{HOUR, change, now, quiet, run, same};
use crate::sandbox::{lists, people};

/// It has more records than a pass remembers, and the newest come first.
#[tokio::test]
async fn what_changed_lately_in_a_long_list_is_told_once_whatever_the_lag() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let with = || {
        Synchronization::new(quiet(&sandbox), Arc::clone(&cursors)).with_full_every(365 * 24 * HOUR)
    };
    change(&sandbox, &users[2], RecordChange::fill("activities", 1_200));
    change(&sandbox, &users[2], RecordChange::insert("activities"));
    assert!(run(with(), &users, folder.path()).await.unwrap().whole);
    // No time has passed.
    change(&sandbox, &users[2], RecordChange::insert("activities"));
    let second = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!(second.records, 1, "{second:?}");
    sandbox.control().advance_clock(HOUR / 2).unwrap();
    let third = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!(third.records, 0, "{third:?}");
    let longer = run(with().with_lag(HOUR), &users, folder.path()).await;
    assert_eq!(longer.unwrap().records, 0, "what the shorter lag forgot");
    same(folder.path(), &sandbox, &users);
}

/// A network whose service tells all of a list, whatever moment is asked for.
struct Heedless(SandboxTransport);

#[async_trait]
impl Transport for Heedless {
    async fn send(&self, mut request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let asked = request.uri().to_string();
        let (path, query) = asked.split_once('?').unwrap_or((&asked, ""));
        let others = query.split('&');
        let others: Vec<&str> = others
            .filter(|pair| !pair.starts_with("updated_since="))
            .collect();
        *request.uri_mut() = format!("{path}?{}", others.join("&")).parse().unwrap();
        self.0.send(request, timeout).await
    }

    fn keeps_time(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn what_comes_though_it_was_not_asked_for_is_told_once() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let network = Heedless(sandbox.transport());
    let client = Client::builder(sandbox.credentials(), Provisioning::Connect, network)
        .build_on(sandbox.clock());
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let with = || Synchronization::new(client.clone(), Arc::clone(&cursors));
    assert!(run(with(), &users, folder.path()).await.unwrap().whole);
    for _ in 0..2 {
        let again = run(with(), &users, folder.path()).await.unwrap();
        assert_eq!((again.records, again.commit), (0, None), "{again:?}");
        sandbox.control().advance_clock(HOUR).unwrap();
    }
    change(&sandbox, &users[2], RecordChange::insert("activities"));
    let more = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!(more.records, 1, "{more:?}");
    same(folder.path(), &sandbox, &users);
}

/// A network on which a list leaves out its last records, and says as many as it tells.
struct Hiding {
    inner: SandboxTransport,
    path: &'static str,
    records: usize,
    /// So many readings from now on.
    times: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Hiding {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let is_it = request.uri().path() == self.path;
        let answer = self.inner.send(request, timeout).await?;
        if !is_it || self.times.load(Ordering::Relaxed) == 0 {
            return Ok(answer);
        }
        self.times.fetch_sub(1, Ordering::Relaxed);
        let (mut head, body) = answer.into_parts();
        let body = body.into_bytes();
        let records: Vec<&RawValue> = serde_json::from_slice(&body).expect("a list is JSON");
        assert!(records.len() > self.records, "{}", records.len());
        let left = &records[..records.len() - self.records];
        let left = serde_json::to_vec(left).expect("JSON is written");
        let total = HeaderValue::from(records.len() - self.records);
        head.headers.insert("x-total-count", total);
        head.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(head, Body::from(left)))
    }

    fn keeps_time(&self) -> bool {
        true
    }
}

/// A synchronization each time that it is asked for, over a list which hides so many records, as often as is said.
fn hiding(
    sandbox: &OfflineSandbox,
    path: &'static str,
    records: usize,
) -> (impl Fn() -> Synchronization, Arc<AtomicUsize>) {
    let times = Arc::new(AtomicUsize::new(0));
    let network = Hiding {
        inner: sandbox.transport(),
        path,
        records,
        times: Arc::clone(&times),
    };
    let client = Client::builder(sandbox.credentials(), Provisioning::Connect, network)
        .build_on(sandbox.clock());
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let synchronization = move || {
        Synchronization::new(client.clone(), Arc::clone(&cursors)).with_full_every(Duration::ZERO)
    };
    (synchronization, times)
}

/// Its entries cannot be asked for by their ids.
#[tokio::test]
async fn what_the_timeline_hides_once_is_not_told_as_gone() {
    let (sandbox, users) = people(1);
    let folder = TempDir::new().unwrap();
    let (with, times) = hiding(&sandbox, "/v1/human/medical/timeline", 1);
    assert!(run(with(), &users, folder.path()).await.unwrap().whole);
    times.store(1, Ordering::Relaxed);
    let hidden = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!((hidden.records, hidden.deleted), (0, 0), "{hidden:?}");
    assert_eq!(times.load(Ordering::Relaxed), 0, "it was hidden");
    same(folder.path(), &sandbox, &users);
    change(
        &sandbox,
        &users[0],
        RecordChange::delete("medical/timeline"),
    );
    let gone = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!(gone.deleted, 1, "{gone:?}");
    same(folder.path(), &sandbox, &users);
}

#[tokio::test]
async fn where_much_is_missing_some_of_it_is_asked_for() {
    let (sandbox, users) = people(1);
    let folder = TempDir::new().unwrap();
    let resource = "medical/immunizations";
    change(&sandbox, &users[0], RecordChange::fill(resource, 60));
    let (with, times) = hiding(&sandbox, "/v1/human/medical/immunizations", 30);
    assert!(run(with(), &users, folder.path()).await.unwrap().whole);
    // Also where all is read once more.
    times.store(2, Ordering::Relaxed);
    let hidden = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!((hidden.records, hidden.deleted), (0, 0), "{hidden:?}");
    assert_eq!(times.load(Ordering::Relaxed), 0, "they were hidden twice");
    assert_eq!(lists(&sandbox, &users[0], "immunizations").len(), 60);
    for _ in 0..30 {
        change(&sandbox, &users[0], RecordChange::delete(resource));
    }
    let gone = run(with(), &users, folder.path()).await.unwrap();
    assert_eq!(gone.deleted, 30, "{gone:?}");
    same(folder.path(), &sandbox, &users);
}

/// A network on which one list is another at each request.
pub(crate) struct Moving {
    inner: SandboxTransport,
    asked: AtomicUsize,
    list: Box<dyn Fn(usize) -> Vec<String> + Send + Sync>,
    /// What the total says beside how many there are.
    beside: isize,
}

impl Moving {
    /// A list of two pages that moves behind its first one, whenever it is read, which is so many requests: its first
    /// record changes, and is the last but one.
    pub(crate) fn new(sandbox: &OfflineSandbox, of_a_reading: usize) -> Self {
        let list = move |asked: usize| moving(!asked.is_multiple_of(of_a_reading));
        Self::by(sandbox, list, 0)
    }

    pub(crate) fn by(
        sandbox: &OfflineSandbox,
        list: impl Fn(usize) -> Vec<String> + Send + Sync + 'static,
        beside: isize,
    ) -> Self {
        Self {
            inner: sandbox.transport(),
            asked: AtomicUsize::new(0),
            list: Box::new(list),
            beside,
        }
    }
}

pub(crate) const MOVES: &str = "/v1/human/medical/vitals";

/// In their order, before the list moved or behind it.
fn moving(has_moved: bool) -> Vec<String> {
    let record = |number: usize, minute: usize| {
        format!(r#"{{"id":"r{number}","updatedAt":"2026-01-01T00:{minute:02}:00.000Z"}}"#)
    };
    match has_moved {
        false => (0..=500).map(|number| record(number, 0)).collect(),
        true => {
            let mut records: Vec<String> = (1..=500).map(|number| record(number, 0)).collect();
            records.insert(499, record(0, 1));
            records
        }
    }
}

#[async_trait]
impl Transport for Moving {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        if request.uri().path() != MOVES {
            return self.inner.send(request, timeout).await;
        }
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let records = (self.list)(asked);
        let mut query = request.uri().query().unwrap_or_default().split('&');
        let offset = query.find_map(|pair| pair.strip_prefix("offset=")?.parse().ok());
        let offset = offset.unwrap_or(0_usize).min(records.len());
        let page: Vec<&str> = records[offset..]
            .iter()
            .take(500)
            .map(String::as_str)
            .collect();
        let answer = Response::new(Body::from(format!("[{}]", page.join(","))));
        let (mut head, body) = answer.into_parts();
        let is_json = HeaderValue::from_static("application/json");
        head.headers.insert(CONTENT_TYPE, is_json);
        let total = records.len().saturating_add_signed(self.beside);
        head.headers
            .insert("x-total-count", HeaderValue::from(total));
        Ok(Response::from_parts(head, body))
    }

    fn keeps_time(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_record_that_changes_as_its_list_moves_is_told_as_one() {
    let (sandbox, users) = people(1);
    let folder = TempDir::new().unwrap();
    // Each reading asks for both pages twice, and finds the list moved.
    let network = Moving::new(&sandbox, 4);
    let client = Client::builder(sandbox.credentials(), Provisioning::Connect, network)
        .build_on(sandbox.clock());
    let vitals = ROUTES
        .iter()
        .filter(|route| route.operation == Operation::List && route.path == MOVES);
    let run_of_it =
        Synchronization::new(client, Arc::new(MemoryCursorStore::new())).with_resources(vitals);
    let summary = run(run_of_it, &users, folder.path()).await.unwrap();
    assert!(summary.whole && summary.records == 501, "{summary:?}");
    assert!(summary.drifted > 0, "it moved in the last reading, too");
    let there = now(folder.path());
    let (mut there, mut moved) = (there.into_values().next().unwrap(), moving(true));
    there.sort();
    moved.sort();
    assert!(there == moved);
}
