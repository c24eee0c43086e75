//! What is said to be whole until when, and what fails without holding others up.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use humanapi_export::{Export, ExportError, Synchronization};
use humanapi_testing::client::{CursorStore, MemoryCursorStore};
use humanapi_testing::core::data::{Operation, ROUTES, Route};
use humanapi_testing::{Fault, OfflineSandbox};
use tempfile::TempDir;

use super::{HOUR, quiet, run, same};
use crate::sandbox::{NEW, people};

fn synchronization(sandbox: &OfflineSandbox) -> impl Fn() -> Synchronization {
    let client = quiet(sandbox);
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    move || Synchronization::new(client.clone(), Arc::clone(&cursors))
}

fn vitals() -> impl Iterator<Item = &'static Route> {
    ROUTES
        .iter()
        .filter(|route| route.operation == Operation::List && route.name == "data.vitals")
}

/// Everything of everybody below this path.
fn breaks(sandbox: &OfflineSandbox, path: &str) {
    let fault = Fault::status(503).on_path(path).times(100_000);
    sandbox.control().plan_fault(fault).unwrap();
}

/// How many manifests tell of whom the service refuses.
fn tells_of_new(folder: &Path) -> usize {
    let files = crate::files(&folder.join("_manifest")).into_iter();
    let told = files.filter(|path| fs::read_to_string(path).unwrap().contains(NEW));
    told.count()
}

#[tokio::test]
async fn a_run_of_one_user_and_kind_says_nothing_of_the_others() {
    let (sandbox, mut users) = people(12);
    users.push(NEW.to_owned());
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    let first = run(with(), &users, folder).await.unwrap();
    let of_first = &first.lists["vitals"];
    assert_eq!((of_first.users, of_first.refused), (13, 1));
    assert_eq!(tells_of_new(folder), 1);

    let day = 24 * HOUR;
    sandbox.control().advance_clock(day).unwrap();
    let only_vitals = || with().with_resources(vitals());
    let one = run(only_vitals(), &users[..1], folder).await.unwrap();
    let kinds = first.lists.keys().filter(|kind| *kind != "vitals");
    for kind in kinds {
        assert_eq!(one.lists.get(kind), first.lists.get(kind), "{kind}");
    }
    let of_one = &one.lists["vitals"];
    assert_eq!((of_one.users, of_one.refused), (13, 1));
    let (before, now) = (
        of_first.changes_until.unwrap(),
        of_one.changes_until.unwrap(),
    );
    // Machines' clocks are minutes apart.
    assert!((0..=600).contains(&(now - before)), "{}", now - before);
    assert_eq!(tells_of_new(folder), 1, "it was not asked for");

    breaks(&sandbox, "/v1/human/medical/vitals");
    run(only_vitals(), &users[..1], folder).await.unwrap();
    sandbox.control().clear_faults();
    let other = run(only_vitals(), &users[1..2], folder).await.unwrap();
    assert!(other.whole, "all that was asked for");
    assert_eq!(other.lists["vitals"].failed, 1, "it was not read since");
    let all = run(with(), &users[..12], folder).await.unwrap();
    assert_eq!(all.lists["vitals"].failed, 0);
    let moved = all.lists["vitals"].changes_until.unwrap() - before;
    assert!(moved > 23 * 3600, "{moved}");
}

#[tokio::test]
async fn a_kind_that_is_broken_keeps_no_other_from_being_read() {
    let (sandbox, users) = people(100);
    let folder = TempDir::new().unwrap();
    let with = synchronization(&sandbox);
    breaks(&sandbox, "/v1/human/medical/vitals");
    let first = run(with(), &users, folder.path()).await.unwrap();
    assert!(!first.whole && !first.stopped);
    let failed: u64 = first.failed.values().sum();
    assert_eq!((failed, first.lists["vitals"].failed), (100, 100));
    sandbox.control().clear_faults();
    let second = run(with(), &users, folder.path()).await.unwrap();
    assert!(second.whole, "{second:?}");
    assert!(second.files <= 4, "the others were there: {second:?}");
    same(folder.path(), &sandbox, &users);
}

#[tokio::test]
async fn one_user_who_cannot_be_read_ends_no_run_and_a_service_that_is_broken_does() {
    let (sandbox, users) = people(30);
    let folder = TempDir::new().unwrap();
    let with = synchronization(&sandbox);
    breaks(&sandbox, "/v1/human");
    let one = run(with(), &users[..1], folder.path()).await.unwrap();
    let failed: u64 = one.failed.values().sum();
    assert_eq!(failed, Export::all_resources().count() as u64);
    let all = run(with(), &users, folder.path()).await;
    assert!(matches!(all, Err(ExportError::GaveUp { .. })), "{all:?}");
}
