//! What is broken of the service: a kind of record, many of them, a user, or all of it. Each holds nobody else up.

use std::sync::Arc;

use humanapi_export::{Export, ExportError, Format, Summary, Synchronization};
use humanapi_testing::client::{Client, CursorStore, MemoryCursorStore};
use humanapi_testing::core::Provisioning;
use humanapi_testing::{Fault, ForTests as _, OfflineSandbox};
use tempfile::TempDir;

use crate::sandbox::{people, truth};
use crate::sync::told_once::{MOVES, Moving};
use crate::{export, exported, run, sync};

/// Everything of everybody below this path.
pub(crate) fn breaks(sandbox: &OfflineSandbox, path: &str) {
    let fault = Fault::status(503).on_path(path).times(1_000_000);
    sandbox.control().plan_fault(fault).unwrap();
}

fn synchronization(sandbox: &OfflineSandbox) -> impl Fn() -> Synchronization {
    let client = sync::quiet(sandbox);
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    move || Synchronization::new(client.clone(), Arc::clone(&cursors))
}

/// Of each kind below the path, nobody's list can be read, and all others are.
#[tokio::test]
async fn a_synchronization_reads_whatever_is_not_broken() {
    const USERS: u64 = 60;
    for (path, kinds) in [("/v1/human/medical/vitals", 1), ("/v1/human/medical", 19)] {
        let (sandbox, users) = people(USERS as usize);
        let folder = TempDir::new().unwrap();
        let with = synchronization(&sandbox);
        breaks(&sandbox, path);
        let first = sync::run(with(), &users, folder.path()).await.unwrap();
        assert!(!first.whole && !first.stopped);
        let broken = first.lists.values().filter(|lists| lists.failed > 0);
        let broken: Vec<u64> = broken.map(|lists| lists.failed).collect();
        assert!(broken.len() >= kinds, "{broken:?}");
        assert!(broken.iter().all(|failed| *failed == USERS), "{broken:?}");
        let failed: u64 = first.failed.values().sum();
        assert_eq!(failed, broken.len() as u64 * USERS);
        sandbox.control().clear_faults();
        let second = sync::run(with(), &users, folder.path()).await.unwrap();
        assert!(second.whole, "{second:?}");
        assert!(
            second.files <= 4 * broken.len() as u64,
            "the others were there"
        );
        sync::same(folder.path(), &sandbox, &users);
    }
}

#[tokio::test]
async fn an_export_reads_whatever_is_not_broken() {
    let (sandbox, users) = people(60);
    let folder = TempDir::new().unwrap();
    breaks(&sandbox, "/v1/human/medical");
    let first = run(export(&sandbox, Format::Envelope), &users, folder.path()).await;
    let first = first.unwrap();
    assert!(!first.whole && !first.stopped && first.failed.values().sum::<u64>() >= 19 * 60);
    let mut expected = truth(&clear(&sandbox), &users);
    let there = exported(folder.path());
    expected.retain(|key, _| there.contains_key(key));
    assert!(there == expected && there.keys().any(|(kind, _)| kind == "activities"));
    let again = run(export(&sandbox, Format::Envelope), &users, folder.path()).await;
    assert!(again.unwrap().whole);
    assert!(exported(folder.path()) == truth(&sandbox, &users));
}

/// Its records are there as they came, and one may be missing.
#[tokio::test]
async fn a_list_that_moves_in_each_reading_is_not_whole_and_is_read_by_the_next_run() {
    let (sandbox, users) = people(1);
    let folder = TempDir::new().unwrap();
    let with = |of_a_reading| of_one_list(&sandbox, Moving::new(&sandbox, of_a_reading));
    let moved = run(with(2), &users, folder.path()).await.unwrap();
    assert!(!moved.whole && moved.records > 0, "{moved:?}");
    assert_eq!(moved.failed.get(Summary::DRIFTED), Some(&1), "{moved:?}");
    assert_eq!((moved.asked_again, moved.drifted), (3, 1), "{moved:?}");
    // Behind the first reading it moves no more.
    let whole = run(with(usize::MAX), &users, folder.path()).await.unwrap();
    assert!(whole.whole && whole.failed.is_empty(), "{whole:?}");
    assert_eq!((whole.written, whole.records), (1, 501), "{whole:?}");
    let again = run(with(usize::MAX), &users, folder.path()).await.unwrap();
    assert!(again.whole && again.skipped == 1, "{again:?}");
}

fn of_one_list(sandbox: &OfflineSandbox, network: Moving) -> Export {
    let client = Client::builder(sandbox.credentials(), Provisioning::Connect, network)
        .build_on(sandbox.clock());
    let vitals = Export::all_resources().filter(|route| route.path == MOVES);
    Export::new(client, Format::Ndjson)
        .with_resources(vitals)
        .with_buckets(1)
}

#[tokio::test]
async fn a_list_to_which_records_are_added_in_each_reading_is_whole() {
    let (sandbox, users) = people(1);
    let folder = TempDir::new().unwrap();
    let grows = |asked: usize| {
        let all = (0..501 + asked).rev();
        all.map(|number| format!(r#"{{"id":"r{number}"}}"#))
            .collect()
    };
    let export = of_one_list(&sandbox, Moving::by(&sandbox, grows, 0));
    let grown = run(export, &users, folder.path()).await.unwrap();
    assert!(grown.whole && grown.failed.is_empty(), "{grown:?}");
    assert_eq!((grown.asked_again, grown.drifted), (3, 1), "{grown:?}");
    // As many as there were at the first request of the last reading.
    assert_eq!(grown.records, 501 + 6, "{grown:?}");
}

/// What it does not tell can be had no other time, so that the same export has nothing left to do.
#[tokio::test]
async fn a_list_that_stands_still_is_whole_whatever_its_total_says() {
    let (sandbox, users) = people(1);
    let still = |records: usize| {
        move |_| {
            let all = 0..records;
            all.map(|number| format!(r#"{{"id":"r{number}"}}"#))
                .collect()
        }
    };
    for beside in [7, 1_000] {
        let folder = TempDir::new().unwrap();
        let export = of_one_list(&sandbox, Moving::by(&sandbox, still(501), beside));
        let read = run(export, &users, folder.path()).await.unwrap();
        assert!(read.whole && read.failed.is_empty(), "{read:?}");
        let counts = (read.records, read.asked_again, read.drifted);
        assert_eq!(counts, (501, 2, 1), "{read:?}");
    }
    // It was left far beyond its total and did not end there.
    let folder = TempDir::new().unwrap();
    let export = of_one_list(&sandbox, Moving::by(&sandbox, still(6_000), -5_990));
    let left = run(export, &users, folder.path()).await.unwrap();
    assert!(!left.whole && left.records < 6_000, "{left:?}");
    assert_eq!(left.failed.get(Summary::DRIFTED), Some(&1), "{left:?}");
}

fn clear(sandbox: &OfflineSandbox) -> OfflineSandbox {
    sandbox.control().clear_faults();
    sandbox.clone()
}

#[tokio::test]
async fn one_user_who_cannot_be_read_ends_no_run_and_a_service_that_is_broken_does() {
    let (sandbox, users) = people(30);
    let folder = TempDir::new().unwrap();
    let with = synchronization(&sandbox);
    breaks(&sandbox, "/v1/human");
    let one = sync::run(with(), &users[..1], folder.path()).await.unwrap();
    let failed: u64 = one.failed.values().sum();
    assert_eq!(failed, Export::all_resources().count() as u64);
    sandbox.control().clear_requests();
    let all = sync::run(with(), &users, folder.path()).await;
    assert!(matches!(all, Err(ExportError::GaveUp { .. })), "{all:?}");
    let folder = TempDir::new().unwrap();
    let all = run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    assert!(matches!(all, Err(ExportError::GaveUp { .. })), "{all:?}");
    // It is not asked for much once nothing comes of it: some lists, and one of each kind.
    let asked: std::collections::BTreeSet<_> = sandbox
        .control()
        .requests()
        .into_iter()
        .map(|request| (request.client_user_id, request.path))
        .collect();
    assert!(asked.len() < 2 * (20 + 16 + 38) + 60, "{}", asked.len());
}
