//! Runs of a synchronization against a sandbox whose records change: who compares is not who synchronizes.
//!
//! One piece: each test runs over the same changing sandbox, and compares by the same reading of it.

mod clocks;
pub(crate) mod damaged;
pub(crate) mod halting;
mod interrupted;
#[cfg(unix)]
mod killed;
mod lost_manifests;
mod model;
mod shards;
mod ten_days;
pub(crate) mod told_once;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::{pending, ready};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use humanapi_export::{
    BucketKey, Event, Export, ExportError, Format, SyncSummary, Synchronization,
};
use humanapi_store::SqliteCursorStore;
use humanapi_testing::client::{Client, CursorStore, MemoryCursorStore};
use humanapi_testing::core::Provisioning;
use humanapi_testing::{DemoApp, Fault, ForTests as _, OfflineSandbox, RecordChange};
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::sandbox::{Lines, NEW, Troubled, lists, people, truth};
use clocks::{Dated, Skewed};

const HOUR: Duration = Duration::from_secs(3600);

/// A line of what a run wrote, as its readers take it.
#[derive(Deserialize)]
struct Line<'a> {
    _user: String,
    _resource: String,
    _id: String,
    _change: String,
    _commit: u64,
    // What stands in a list and is no record can be `null`.
    #[serde(borrow, default, deserialize_with = "there")]
    record: Option<&'a RawValue>,
}

fn there<'de, D: serde::Deserializer<'de>>(record: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(record).map(Some)
}

/// A client whose clock is hours behind, over a network on which each so many requests come to nothing, of machines whose
/// clocks differ.
fn client(sandbox: &OfflineSandbox, every: usize) -> Client {
    let network = Dated::new(Troubled::every(every, sandbox), sandbox);
    Client::builder(sandbox.credentials(), Provisioning::Connect, network)
        .build_on(Skewed::new(sandbox.clock()))
}

pub(crate) fn quiet(sandbox: &OfflineSandbox) -> Client {
    client(sandbox, usize::MAX)
}

pub(crate) async fn run(
    synchronization: Synchronization,
    users: &[String],
    folder: &Path,
) -> Result<SyncSummary, ExportError> {
    let users = users.iter().map(|user| Ok(user.as_str().into()));
    synchronization
        .with_buckets(4)
        .run(stream::iter(users), folder, pending())
        .await
}

/// How each record is by what was written: the latest line of each.
fn now(folder: &Path) -> Lines {
    now_without(folder, "")
}

/// The same by all files but one, which is damaged.
fn now_without(folder: &Path, damaged: &str) -> Lines {
    type Latest = BTreeMap<(String, String, String), (u64, Option<String>)>;
    let mut latest = Latest::new();
    for path in crate::files(folder) {
        let name = path
            .strip_prefix(folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if !name.starts_with("resource=") || name == damaged {
            continue;
        }
        assert!(!name.contains("canary"), "nothing of a user is in a path");
        let mut keys = BTreeSet::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let line: Line<'_> = serde_json::from_str(line).expect("each line is JSON");
            assert!(name.contains(&format!("resource={}/", line._resource)));
            assert!(name.ends_with(&format!("commit-{:012}.ndjson", line._commit)));
            let record = line.record.map(|record| record.get().to_owned());
            assert_eq!(line._change == "put", record.is_some());
            let key = (line._resource, line._user, line._id);
            assert!(keys.insert(key.clone()), "once in each file");
            let entry = latest.entry(key).or_insert((0, None));
            if line._commit > entry.0 {
                *entry = (line._commit, record);
            }
        }
    }
    let mut all = Lines::new();
    for ((resource, user, _), (_, record)) in latest {
        if let Some(record) = record {
            all.entry((resource, user)).or_default().push(record);
        }
    }
    all
}

/// What the sandbox has, each record once, in no order.
fn expected(sandbox: &OfflineSandbox, users: &[String]) -> Lines {
    let truth = truth(sandbox, users).into_iter();
    let truth = truth.map(|(key, records)| {
        let records: BTreeSet<String> = records.into_iter().collect();
        (key, records.into_iter().collect())
    });
    truth.collect()
}

#[track_caller]
pub(crate) fn same(folder: &Path, sandbox: &OfflineSandbox, users: &[String]) {
    let (mut there, truth) = (now(folder), expected(sandbox, users));
    there.values_mut().for_each(|records| records.sort());
    let differs: Vec<_> = truth
        .keys()
        .chain(there.keys())
        .filter(|key| truth.get(*key) != there.get(*key))
        .map(|key| {
            (
                &key.0,
                truth.get(key).map(Vec::len),
                there.get(key).map(Vec::len),
            )
        })
        .collect();
    assert!(
        differs.is_empty(),
        "{} lists differ: {differs:?}",
        differs.len()
    );
}

fn change(sandbox: &OfflineSandbox, user: &str, change: RecordChange) {
    let app = sandbox.app(DemoApp::Connect);
    let changed = sandbox
        .control()
        .change_records(&app.client_id, user, change);
    changed.unwrap();
}

/// The same for each of these users.
fn change_each(sandbox: &OfflineSandbox, users: &[String], to: &RecordChange) {
    for user in users {
        change(sandbox, user, to.clone());
    }
}

#[tokio::test]
async fn a_second_run_of_what_is_unchanged_asks_a_page_a_list_at_most_and_writes_nothing() {
    let (sandbox, mut users) = people(12);
    users.push(NEW.to_owned());
    let (folder, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let cursors: Arc<dyn CursorStore> =
        Arc::new(SqliteCursorStore::open(place.path().join("cursors.sqlite")).await);
    change(&sandbox, &users[2], RecordChange::fill("activities", 1_200));
    let synchronization = || {
        Synchronization::new(quiet(&sandbox), Arc::clone(&cursors)).with_full_every(365 * 24 * HOUR)
    };
    let first = run(synchronization(), &users, folder.path()).await.unwrap();
    assert_eq!(first.commit, Some(1));
    let before = crate::content(folder.path());
    // At once, within the lag, and beyond it.
    for later in [Duration::ZERO, HOUR / 60, HOUR, HOUR] {
        sandbox.control().advance_clock(later).unwrap();
        sandbox.control().clear_requests();
        let again = run(synchronization(), &users, folder.path()).await.unwrap();
        assert!(again.whole && again.commit.is_none(), "{again:?}");
        assert_eq!((again.records, again.deleted, again.files), (0, 0, 0));
        let requests = sandbox.control().requests();
        let mut pages: BTreeMap<(String, String), u32> = BTreeMap::new();
        for request in requests
            .iter()
            .filter(|request| request.path.starts_with("/v1/human"))
        {
            let user = format!("{:?}", request.client_user_id);
            let list = request.path.split('?').next().unwrap_or_default();
            *pages.entry((user, list.to_owned())).or_default() += 1;
        }
        assert!(pages.len() > 12 * 30, "{}", pages.len());
        assert!(pages.values().all(|pages| *pages == 1), "{pages:?}");
        assert!(crate::content(folder.path()) == before);
    }
    same(folder.path(), &sandbox, &users[..12]);
}

/// What is told as missing is told in one order, so that the same is not written in another.
#[tokio::test]
async fn where_the_same_is_missing_nothing_is_written_whichever_kinds_are_asked_for() {
    let (sandbox, users) = people(6);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let with = || Synchronization::new(quiet(&sandbox), Arc::clone(&cursors));
    let broken = ["vitals", "immunizations", "procedures"];
    for kind in broken {
        let path = format!("/v1/human/medical/{kind}");
        crate::broken::breaks(&sandbox, &path);
    }
    assert!(!run(with(), &users, folder.path()).await.unwrap().whole);
    let before = crate::content(folder.path());
    for kind in broken.into_iter().chain(broken) {
        let name = format!("data.{kind}");
        let only = Export::all_resources().filter(|route| route.name == name);
        let again = with().with_resources(only);
        let again = run(again, &users, folder.path()).await.unwrap();
        assert!(!again.whole && again.commit.is_none(), "{again:?}");
        assert!(crate::content(folder.path()) == before, "{kind}");
    }
}

/// One that shares the second of the last, one whose day lies weeks back, one that is gone.
#[tokio::test]
async fn what_shares_a_second_lies_back_or_is_gone_is_told_once_each() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let synchronization =
        || Synchronization::new(quiet(&sandbox), Arc::clone(&cursors)).with_full_every(24 * HOUR);
    let strider = &users[2];
    change(&sandbox, strider, RecordChange::insert("activities"));
    assert!(
        run(synchronization(), &users, folder.path())
            .await
            .unwrap()
            .whole
    );
    // No time has passed.
    change(&sandbox, strider, RecordChange::insert("activities"));
    let weeks_back = br#"{"change": "insert", "resource": "activities", "fields": {"startTime": "2025-12-20T10:00:00.000Z"}}"#;
    change(
        &sandbox,
        strider,
        RecordChange::from_json(weeks_back).unwrap(),
    );
    let second = run(synchronization(), &users, folder.path()).await.unwrap();
    assert_eq!((second.records, second.commit), (2, Some(2)), "{second:?}");
    same(folder.path(), &sandbox, &users);
    let gone = RecordChange::delete("activities").at(1);
    change(&sandbox, strider, gone);
    let third = run(synchronization(), &users, folder.path()).await.unwrap();
    assert_eq!((third.records, third.deleted), (0, 0), "no list tells it");
    sandbox.control().advance_clock(24 * HOUR).unwrap();
    let full = run(synchronization(), &users, folder.path()).await.unwrap();
    assert_eq!(full.deleted, 1, "{full:?}");
    same(folder.path(), &sandbox, &users);
}

/// What comes later than the lag is found by a pass over everything.
#[tokio::test]
async fn what_is_later_than_the_lag_is_found_by_a_full_pass() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let network = Dated::new(Troubled::every(usize::MAX, &sandbox), &sandbox).ahead(2 * HOUR);
    let client = Client::builder(sandbox.credentials(), Provisioning::Connect, network)
        .build_on(Skewed::new(sandbox.clock()));
    let synchronization =
        |every| Synchronization::new(client.clone(), Arc::clone(&cursors)).with_full_every(every);
    let week = 7 * 24 * HOUR;
    assert!(
        run(synchronization(week), &users, folder.path())
            .await
            .unwrap()
            .whole
    );
    change(&sandbox, &users[2], RecordChange::insert("activities"));
    let missed = run(synchronization(week), &users, folder.path())
        .await
        .unwrap();
    assert_eq!(
        missed.records, 0,
        "the service's clock said two hours later"
    );
    let full = run(synchronization(Duration::ZERO), &users, folder.path())
        .await
        .unwrap();
    assert_eq!(full.records, 1);
    same(folder.path(), &sandbox, &users);
}

#[tokio::test]
async fn a_store_that_is_lost_costs_a_reading_and_no_record_is_written_again() {
    let (sandbox, users) = people(8);
    let folder = TempDir::new().unwrap();
    let with =
        |cursors: &Arc<dyn CursorStore>| Synchronization::new(quiet(&sandbox), Arc::clone(cursors));
    let first: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let second: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    assert!(
        run(with(&first), &users, folder.path())
            .await
            .unwrap()
            .whole
    );
    change(&sandbox, &users[0], RecordChange::delete("medical/vitals"));
    change(&sandbox, &users[4], RecordChange::insert("medical/vitals"));
    let anew = run(with(&second), &users, folder.path()).await.unwrap();
    assert_eq!(
        (anew.records, anew.deleted, anew.commit),
        (1, 1, Some(2)),
        "{anew:?}"
    );
    same(folder.path(), &sandbox, &users);

    // The other way round: cursors that are ahead of the folder count for nothing.
    let copy = TempDir::new().unwrap();
    copy_folder(folder.path(), copy.path());
    change(&sandbox, &users[5], RecordChange::insert("medical/vitals"));
    assert_eq!(
        run(with(&second), &users, folder.path())
            .await
            .unwrap()
            .records,
        1
    );
    sandbox.control().advance_clock(HOUR).unwrap();
    let restored = run(with(&second), &users, copy.path()).await.unwrap();
    assert!(restored.records >= 1, "{restored:?}");
    same(copy.path(), &sandbox, &users);
}

#[tokio::test]
async fn what_fails_or_is_refused_is_told_and_the_next_run_reads_it() {
    let (sandbox, mut users) = people(3);
    users.push(NEW.to_owned());
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let synchronization = || Synchronization::new(quiet(&sandbox), Arc::clone(&cursors));
    let fault = Fault::status(503)
        .on_path("/v1/human/medical/vitals")
        .times(100_000);
    sandbox.control().plan_fault(fault).unwrap();
    let first = run(synchronization(), &users, folder.path()).await.unwrap();
    let lists = Export::all_resources().count() as u64;
    assert_eq!(first.failed.values().sum::<u64>(), 3, "{first:?}");
    assert_eq!(first.refused.values().sum::<u64>(), lists);
    assert!(!first.whole);
    let of_vitals = &first.lists["vitals"];
    assert_eq!(
        (of_vitals.users, of_vitals.failed, of_vitals.refused),
        (4, 3, 1)
    );
    assert_eq!(of_vitals.changes_until, None, "never read");
    assert!(first.lists["activities"].changes_until.is_some());
    let told = |text: &str| {
        let manifest = folder.path().join("_manifest");
        let files = crate::files(&manifest).into_iter();
        files
            .filter(|path| fs::read_to_string(path).unwrap().contains(text))
            .count()
    };
    assert_eq!((told(NEW), told("nothing_connected")), (1, 1));
    sandbox.control().clear_faults();
    let app = sandbox.app(DemoApp::Connect);
    sandbox
        .control()
        .connect_source(&app.client_id, NEW, "strider")
        .unwrap();
    // For the broker the refusal stands a while.
    sandbox.control().advance_clock(HOUR).unwrap();
    let again = run(synchronization(), &users, folder.path()).await.unwrap();
    assert!(again.whole && again.refused.is_empty(), "{again:?}");
    assert_eq!(told(NEW), 0);
    same(folder.path(), &sandbox, &users);
}

/// Wherever it is stopped, the same again comes to what one run comes to.
#[tokio::test]
async fn a_run_that_is_stopped_is_gone_on_with() {
    let (sandbox, users) = people(12);
    let whole = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let with = |cursors: &Arc<dyn CursorStore>| {
        Synchronization::new(quiet(&sandbox), Arc::clone(cursors)).with_key(BucketKey::new([7; 32]))
    };
    assert!(
        run(with(&cursors), &users, whole.path())
            .await
            .unwrap()
            .whole
    );
    let is_told = |path: &Path| !path.ends_with("sync.json");
    let content = |folder: &Path| {
        let mut content = crate::content(folder);
        content.retain(|path, _| is_told(path));
        content
    };
    let expected = content(whole.path());
    for lists in [0, 1, 60, 130, 200, 300] {
        let folder = TempDir::new().unwrap();
        let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let mut stop = Some(stop);
        let mut read = 0;
        let interrupted = with(&cursors).with_buckets(4).with_listener(move |event| {
            if let Event::Read { .. } = event {
                read += 1;
            }
            if read >= lists
                && let Some(stop) = stop.take()
            {
                stop.send(()).unwrap();
            }
        });
        let ids = users.iter().map(|user| Ok(user.as_str().into()));
        let stopped = async {
            let _ = stopped.await;
        };
        let summary = interrupted
            .run(stream::iter(ids), folder.path(), stopped)
            .await
            .unwrap();
        assert!(summary.stopped && !summary.whole, "{lists}");
        assert!(
            !folder.path().join("_work").exists(),
            "nothing torn is left"
        );
        for (path, bytes) in content(folder.path()) {
            assert!(expected.get(&path) == Some(&bytes), "{path:?}");
        }
        let rest = run(with(&cursors), &users, folder.path()).await.unwrap();
        assert!(rest.whole && rest.commit == Some(1));
        assert!(content(folder.path()) == expected, "after {lists} lists");
    }
}

#[tokio::test]
async fn a_folder_is_of_an_export_or_of_a_synchronization() {
    let (sandbox, users) = people(2);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let synchronization = || Synchronization::new(quiet(&sandbox), Arc::clone(&cursors));
    let ids = || stream::iter(users.iter().map(|user| Ok(user.as_str().into())));
    let export = || Export::new(sandbox.client(), Format::Ndjson);
    assert!(
        export()
            .run(ids(), folder.path(), pending())
            .await
            .unwrap()
            .whole
    );
    let refused = run(synchronization(), &users, folder.path()).await;
    assert!(
        matches!(refused, Err(ExportError::OtherKind("an export"))),
        "{refused:?}"
    );
    let folder = TempDir::new().unwrap();
    assert!(
        run(synchronization(), &users, folder.path())
            .await
            .unwrap()
            .whole
    );
    let refused = export().run(ids(), folder.path(), ready(())).await;
    assert!(
        matches!(refused, Err(ExportError::OtherKind("a synchronization"))),
        "{refused:?}"
    );
    let other = synchronization()
        .with_buckets(5)
        .run(ids(), folder.path(), pending())
        .await;
    assert!(
        matches!(other, Err(ExportError::Other("a number of buckets"))),
        "{other:?}"
    );
    let other = synchronization().with_key(BucketKey::new([8; 32]));
    let other = run(other, &users, folder.path()).await;
    assert!(
        matches!(other, Err(ExportError::Other("a key"))),
        "{other:?}"
    );
}

#[tokio::test]
async fn the_recipes_of_the_page_find_the_latest_of_each_record() {
    const NAME: &str = "the_recipes_of_the_page_find_the_latest_of_each_record";
    let Some(python) = crate::readers::python() else {
        humanapi_testkit::skip(NAME, "a Python with duckdb, pandas and pyarrow");
        return;
    };
    let (sandbox, users) = people(2);
    let place = TempDir::new().unwrap();
    let folder = place.path().join("in-step");
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    for change_of_run in [
        RecordChange::insert("medical/vitals"),
        RecordChange::update("medical/vitals").at(1),
        RecordChange::delete("medical/vitals"),
        RecordChange::update("medical/vitals"),
    ] {
        let synchronization = Synchronization::new(quiet(&sandbox), Arc::clone(&cursors))
            .with_full_every(Duration::ZERO);
        assert!(run(synchronization, &users, &folder).await.unwrap().whole);
        change(&sandbox, &users[0], change_of_run);
    }
    let last = Synchronization::new(quiet(&sandbox), cursors);
    assert!(run(last, &users, &folder).await.unwrap().whole);
    let mut expected = Vec::new();
    for user in &users {
        for record in lists(&sandbox, user, "vitals") {
            let record: serde_json::Value = serde_json::from_str(&record).unwrap();
            expected.push(format!("{user} {}", record["id"].as_str().unwrap()));
        }
    }
    expected.sort();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = std::process::Command::new(python)
        .arg(manifest.join("tests/users/sync/recipes.py"))
        .arg(manifest.join("../../docs/keeping-in-step.md"))
        .args([folder.as_os_str(), "vitals".as_ref()])
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let told = String::from_utf8(read.stdout).unwrap();
    for reader in ["duckdb", "pandas"] {
        let lines = told
            .lines()
            .filter_map(|line| line.strip_prefix(reader)?.strip_prefix(' '));
        let found: Vec<&str> = lines.collect();
        assert_eq!(found, expected, "{reader}");
    }
}

/// No event, summary or path tells who it is or what they have.
#[tokio::test]
async fn what_is_told_names_nobody() {
    let (sandbox, users) = people(6);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let told = Arc::new(Mutex::new(String::new()));
    let listener = Arc::clone(&told);
    let synchronization = Synchronization::new(client(&sandbox, 5), cursors)
        .with_listener(move |event| listener.lock().unwrap().push_str(&format!("{event:?}\n")));
    let shown = format!("{synchronization:?}");
    let summary = run(synchronization, &users, folder.path()).await.unwrap();
    let told = format!("{shown}\n{summary:?}\n{}", told.lock().unwrap());
    assert!(!told.contains("canary"), "{told}");
    let vitals = lists(&sandbox, &users[0], "vitals");
    let id = serde_json::from_str::<serde_json::Value>(&vitals[0]).unwrap()["id"].clone();
    assert!(!told.contains(id.as_str().unwrap()));
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => fs::copy(entry.path(), target).map(drop).unwrap(),
        }
    }
}
