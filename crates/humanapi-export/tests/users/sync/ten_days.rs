//! Many users over days on which records come, change and go: nothing is lost on any of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use humanapi_export::Synchronization;
use humanapi_store::SqliteCursorStore;
use humanapi_testing::client::{CursorStore, Timer as _};
use humanapi_testing::{ForTests as _, OfflineSandbox, RecordChange};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{HOUR, change, client, expected, now, run, same};
use crate::sandbox::{lists, people};

/// What clinics tell of everybody, and devices of some.
const CHANGED: [&str; 4] = [
    "medical/vitals",
    "medical/immunizations",
    "activities",
    "medical/issues",
];

/// Some users have a record more, others one that changed, others one less.
fn a_day_passes(sandbox: &OfflineSandbox, users: &[String], day: usize) {
    for (number, user) in users.iter().enumerate() {
        let resource = CHANGED[(number + day) % CHANGED.len()];
        match (number + 3 * day) % 10 {
            0 => change(sandbox, user, RecordChange::insert(resource)),
            1 => change(sandbox, user, RecordChange::update(resource).at(1)),
            2 => change(sandbox, user, RecordChange::delete(resource)),
            // After the list was read, so that it is late for who goes by the time of the answer.
            3 => change(sandbox, user, RecordChange::insert(resource).after_pages(1)),
            _ => {}
        }
    }
}

/// Whatever changed before a run began is there after it: each day, so that no later pass over all of a list mends what was
/// lost of it. What was deleted may be there still, and what changed meanwhile may not be yet. It says what that is.
#[track_caller]
fn has_what_changed(
    folder: &Path,
    sandbox: &OfflineSandbox,
    users: &[&String],
    begun: Timestamp,
) -> BTreeSet<String> {
    let written = now(folder);
    let (mut changed, mut lost) = (BTreeSet::new(), Vec::new());
    for user in users {
        for resource in CHANGED {
            let resource = resource.trim_start_matches("medical/");
            let there = written.get(&(resource.to_owned(), (*user).clone()));
            for record in lists(sandbox, user, resource) {
                let told: serde_json::Value = serde_json::from_str(&record).unwrap();
                let at = told["updatedAt"].as_str().and_then(|at| at.parse().ok());
                if at.is_none_or(|at: Timestamp| at >= begun) {
                    continue;
                }
                if !there.is_some_and(|there| there.contains(&record)) {
                    lost.push((resource, told["updatedAt"].clone()));
                }
                changed.insert(format!("{user} {}", told["updatedAt"]));
            }
        }
    }
    assert!(
        lost.is_empty(),
        "{} were lost by {begun}: {lost:?}",
        lost.len()
    );
    changed
}

#[tokio::test]
async fn ten_days_of_many_users_are_complete_whatever_happens_to_every_tenth_request() {
    let is_deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1");
    let (sandbox, users) = people(if is_deep { 200 } else { 30 });
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> =
        Arc::new(SqliteCursorStore::open(folder.path().join("cursors.sqlite")).await);
    let out = folder.path().join("in-step");
    // A list of three pages, which moves while it is read.
    change(&sandbox, &users[2], RecordChange::fill("activities", 1_200));
    let (mut records, mut deleted, mut changed) = (0, 0, BTreeSet::new());
    for day in 0..10 {
        let run_of_day = Synchronization::new(client(&sandbox, 10), Arc::clone(&cursors))
            .with_full_every(3 * 24 * HOUR);
        let begun = Timestamp::try_from(sandbox.clock().now().wall()).unwrap();
        let summary = run(run_of_day, &users, &out).await.unwrap();
        assert!(summary.whole && summary.failed.is_empty(), "{summary:?}");
        assert!(summary.asked_again > 0, "there were faults");
        records += summary.records;
        deleted += summary.deleted;
        // But for whose list moves as soon as who compares reads it.
        let still: Vec<_> = users.iter().filter(|user| **user != users[2]).collect();
        changed.extend(has_what_changed(&out, &sandbox, &still, begun));
        a_day_passes(&sandbox, &users, day);
        change(
            &sandbox,
            &users[2],
            RecordChange::insert("activities").after_pages(1),
        );
        change(
            &sandbox,
            &users[2],
            RecordChange::delete("activities").at(700).after_pages(2),
        );
        sandbox.control().advance_clock(24 * HOUR).unwrap();
    }
    assert!(deleted > 0, "what was deleted is told in passing");
    assert!(changed.len() > users.len(), "{}", changed.len());
    // Twice: in the first of them, records come behind its back once more.
    for _ in 0..2 {
        let last = Synchronization::new(client(&sandbox, 10), Arc::clone(&cursors))
            .with_full_every(Duration::ZERO);
        assert!(run(last, &users, &out).await.unwrap().whole);
    }
    same(&out, &sandbox, &users);
    let all: u64 = expected(&sandbox, &users)
        .values()
        .map(|list| list.len() as u64)
        .sum();
    assert!(records >= all, "{records} records were written of {all}");
}
