//! What `_manifest/export.json` says of an export is so at every moment: as it begins, while it runs, and however it ended.

use std::collections::BTreeSet;
use std::fs;
use std::future::ready;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use humanapi_export::{Event, Export, ExportError, Format, Shard};
use humanapi_testing::{Fault, ForTests as _, OfflineSandbox};
use serde::Deserialize;
use tempfile::TempDir;

use crate::sandbox::{NEW, people};
use crate::sync::copy_folder;
use crate::{content, export, run};

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Told {
    whole: bool,
    whole_buckets: u32,
    #[serde(default)]
    read_again: BTreeSet<u32>,
}

fn told(folder: &Path) -> Told {
    let json = fs::read(folder.join("_manifest/export.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

const WHOLE: Told = Told {
    whole: true,
    whole_buckets: 4,
    read_again: BTreeSet::new(),
};

/// The export with what the service refused asked for again, and what is told whenever anything happens.
fn refused_again(sandbox: &OfflineSandbox, folder: &Path) -> (Export, Arc<Mutex<Vec<Told>>>) {
    let all = Arc::new(Mutex::new(Vec::new()));
    let (tell, folder) = (Arc::clone(&all), folder.to_owned());
    let again = export(sandbox, Format::Ndjson)
        .with_refused_again()
        .with_listener(move |event| {
            // What is passed over is so before anything is read, too.
            if !matches!(event, Event::Planned { .. }) {
                tell.lock().unwrap().push(told(&folder));
            }
        });
    (again, all)
}

#[tokio::test]
async fn before_a_bucket_is_replaced_all_of_it_is_told_as_not_whole() {
    let (sandbox, mut users) = people(8);
    users.push(NEW.to_owned());
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let once = || run(export(&sandbox, Format::Ndjson), &users, folder);
    assert!(once().await.unwrap().whole);
    assert_eq!(told(folder), WHOLE);
    let before = content(folder);

    // To its end.
    let (again, meanwhile) = refused_again(&sandbox, folder);
    assert_eq!(run(again, &users, folder).await.unwrap().written, 1);
    assert_eq!(told(folder), WHOLE);
    let meanwhile = std::mem::take(&mut *meanwhile.lock().unwrap());
    assert!(meanwhile.len() > 10);
    for told in &meanwhile {
        assert!(!told.whole && told.read_again.len() == 1, "{told:?}");
    }

    // Killed at any moment, as a copy of that moment is.
    let copies = TempDir::new().unwrap();
    let (from, to) = (folder.to_owned(), copies.path().to_owned());
    let mut events = 0;
    let killed = refused_again(&sandbox, folder).0.with_listener(move |_| {
        if events < 2 || events % 50 == 0 {
            copy_folder(&from, &to.join(events.to_string()));
        }
        events += 1;
    });
    run(killed, &users, folder).await.unwrap();
    let moments: Vec<_> = fs::read_dir(copies.path()).unwrap().collect();
    assert!(moments.len() > 3, "{moments:?}");
    for moment in moments {
        let copy = moment.unwrap().path();
        assert!(!told(&copy).whole, "{copy:?}");
        let next = run(export(&sandbox, Format::Ndjson), &users, &copy).await;
        assert!(next.unwrap().whole);
        assert_eq!(told(&copy), WHOLE, "{copy:?}");
        assert!(content(&copy) == before, "{copy:?}");
    }

    // Stopped before anything is read.
    let (again, _) = refused_again(&sandbox, folder);
    let ids = users.iter().map(|user| Ok(user.as_str().into()));
    let stopped = again.run(stream::iter(ids), folder, ready(())).await;
    assert!(stopped.unwrap().stopped);
    let stopped = told(folder);
    assert!(!stopped.whole && stopped.read_again.len() == 1);
    assert!(once().await.unwrap().whole);
    assert_eq!(told(folder), WHOLE);
}

#[tokio::test]
async fn a_run_that_failed_is_told_by_what_is_there() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let first = run(export(&sandbox, Format::Ndjson), &users, folder).await;
    assert!(first.unwrap().whole);
    // All of whose buckets are read again; the service refuses the application in the middle of it.
    let others: Vec<String> = users.iter().skip(1).step_by(2).cloned().collect();
    let asks = sandbox.clone();
    let failing = export(&sandbox, Format::Ndjson).with_listener(move |event| {
        if let Event::Written { .. } = event {
            let fault = Fault::status(401).error_code("INVALID_CLIENT_ID_OR_SECRET");
            let fault = fault.on_path("/v1").times(1_000);
            asks.control().plan_fault(fault).unwrap();
        }
    });
    let failed = run(failing, &others, folder).await;
    assert!(
        matches!(failed, Err(ExportError::Application(_))),
        "{failed:?}"
    );
    let of_failed = told(folder);
    assert!(!of_failed.whole, "{of_failed:?}");
    sandbox.control().clear_faults();
    let again = run(export(&sandbox, Format::Ndjson), &others, folder).await;
    let again = again.unwrap();
    assert!(again.whole && again.written > 0, "{again:?}");
    assert_eq!(told(folder), WHOLE);

    // A bucket that cannot be put into its place: who writes ends the run, and the others are told.
    let records = folder.join("resource=profile/bucket=0001/records.ndjson");
    fs::remove_file(&records).unwrap();
    fs::create_dir_all(records.join("taken")).unwrap();
    let failed = run(export(&sandbox, Format::Ndjson), &others, folder).await;
    assert!(matches!(failed, Err(ExportError::Folder(_))), "{failed:?}");
    let of_failed = told(folder);
    assert!(
        !of_failed.whole && of_failed.whole_buckets == 3,
        "{of_failed:?}"
    );
}

/// One that ends says nothing of buckets that another one is about to replace.
#[tokio::test]
async fn a_shard_that_ends_tells_nothing_as_whole_that_another_has_still_to_read() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let shard = |name: &str| {
        let shard: Shard = name.parse().unwrap();
        export(&sandbox, Format::Ndjson).with_shard(shard)
    };
    for name in ["1/2", "2/2"] {
        assert!(run(shard(name), &users, folder).await.unwrap().whole);
    }
    assert_eq!(told(folder), WHOLE);
    // As if it was killed as soon as it had begun.
    let fewer = &users[..2];
    let ids = fewer.iter().map(|user| Ok(user.as_str().into()));
    let begun = shard("1/2").run(stream::iter(ids), folder, ready(())).await;
    assert!(begun.unwrap().stopped);
    let of_first = told(folder);
    assert!(!of_first.whole && !of_first.read_again.is_empty());
    assert!(run(shard("2/2"), fewer, folder).await.unwrap().whole);
    assert_eq!(told(folder).read_again, of_first.read_again);
    assert!(!told(folder).whole);
    assert!(run(shard("1/2"), fewer, folder).await.unwrap().whole);
    assert_eq!(told(folder), WHOLE);
}

/// Buckets whose export nobody knows are of no other one.
#[tokio::test]
async fn a_folder_without_its_manifest_or_its_key_is_left_as_it_is() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let drawn = |format| Export::new(sandbox.client(), format).with_buckets(4);
    let first = run(drawn(Format::Ndjson), &users, folder).await;
    assert!(first.unwrap().whole);
    let key = folder.join("_manifest/key");
    let of_key = fs::read(&key).unwrap();
    for damage in [None, Some(&of_key[..10])] {
        match damage {
            Some(bytes) => fs::write(&key, bytes).unwrap(),
            None => fs::remove_file(&key).unwrap(),
        }
        let before = content(folder);
        let refused = run(drawn(Format::Ndjson), &users, folder).await;
        assert!(matches!(refused, Err(ExportError::Key)), "{refused:?}");
        assert!(content(folder) == before);
    }
    fs::write(&key, of_key).unwrap();
    fs::remove_file(folder.join("_manifest/export.json")).unwrap();
    let before = content(folder);
    for format in [Format::Ndjson, Format::Csv] {
        let refused = run(drawn(format), &users, folder).await;
        assert!(
            matches!(&refused, Err(ExportError::Manifest(path)) if path == "_manifest/export.json"),
            "{refused:?}"
        );
        assert!(content(folder) == before);
    }
    // No other key is drawn in the place of one that is gone as well.
    fs::remove_file(&key).unwrap();
    let before = content(folder);
    let refused = run(drawn(Format::Ndjson), &users, folder).await;
    assert!(
        matches!(refused, Err(ExportError::Manifest(_))),
        "{refused:?}"
    );
    assert!(content(folder) == before);
}

/// Whosever they are, and however many there were.
#[tokio::test]
async fn buckets_of_which_nothing_tells_the_export_are_of_no_other_shard_either() {
    let (sandbox, users) = people(12);
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let of = |format, buckets, shard: &str| {
        let shard: Shard = shard.parse().unwrap();
        let export = export(&sandbox, format).with_buckets(buckets);
        run(export.with_shard(shard), &users, folder)
    };
    assert!(of(Format::Ndjson, 4, "2/2").await.unwrap().whole);
    fs::remove_file(folder.join("_manifest/export.json")).unwrap();
    let before = content(folder);
    for (format, buckets, shard) in [(Format::Csv, 4, "1/2"), (Format::Ndjson, 1, "1/1")] {
        let refused = of(format, buckets, shard).await;
        assert!(
            matches!(refused, Err(ExportError::Manifest(_))),
            "{refused:?}"
        );
        assert!(content(folder) == before);
    }
}

/// The last one of a bucket, too, whose files nothing else replaces.
#[tokio::test]
async fn of_who_is_in_the_list_no_longer_nothing_stays() {
    let (sandbox, users) = people(6);
    let (folder, fresh) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for (users, folder) in [
        (&users[..], &folder),
        (&users[..1], &folder),
        (&users[..1], &fresh),
    ] {
        let summary = run(export(&sandbox, Format::Ndjson), users, folder.path()).await;
        assert!(summary.unwrap().whole);
    }
    assert!(content(folder.path()) == content(fresh.path()));
}
