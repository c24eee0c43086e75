//! Whatever moment a process is killed at, the same again comes to what one run comes to, byte for byte.
//!
//! The test runs its own program again as the synchronization, and kills that.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::future::pending;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream;
use humanapi_export::{BucketKey, Synchronization};
use humanapi_hyper::HyperTransport;
use humanapi_store::SqliteCursorStore;
use humanapi_testing::client::{Client, TokioRuntime};
use humanapi_testing::core::{Credentials, Hosts, Provisioning};
use humanapi_testing::{DemoApp, RecordChange, Sandbox};
use tempfile::TempDir;

use crate::killed::OneMoment;
use crate::sandbox;

const URL: &str = "HUMANAPI_SYNC_TEST_URL";
const SECRET: &str = "HUMANAPI_SYNC_TEST_SECRET";
const FOLDER: &str = "HUMANAPI_SYNC_TEST_FOLDER";
const USERS: usize = 6;
/// What the sandbox's clock shows.
const NOW: u64 = 1_768_467_600;

#[test]
fn wherever_it_is_killed_the_same_again_comes_to_what_one_run_comes_to() {
    if let Some(url) = std::env::var_os(URL) {
        return synchronize(&url);
    }
    let (scenario, users) = sandbox::scenario(USERS);
    let sandbox = Sandbox::builder()
        .seed(7)
        .scenario(scenario)
        .frozen_at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        .start()
        .expect("loopback has free ports");
    let is_deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1");
    let rounds = if is_deep { 10 } else { 1 };
    let kills = if is_deep { 3 } else { 2 };
    // The first run writes everything, the others what changed since.
    let (mut before, mut whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    manifest_of_one_id(before.path(), &sandbox);
    for round in 0..=rounds {
        super::copy_folder(before.path(), whole.path());
        let begun = Instant::now();
        assert!(run(&sandbox, whole.path()).wait().unwrap().success());
        let takes = begun.elapsed();
        let expected = content(whole.path());
        assert!(expected.len() > 50, "{}", expected.len());
        let folder = TempDir::new().unwrap();
        super::copy_folder(before.path(), folder.path());
        for kill in 0..kills {
            let random = RandomState::new().hash_one(kill) as f64 / u64::MAX as f64;
            let after = takes.mul_f64(random);
            let mut running = run(&sandbox, folder.path());
            std::thread::sleep(after);
            running.kill().unwrap();
            running.wait().unwrap();
            for (path, bytes) in content(folder.path()) {
                let is_list_of_runs = path.ends_with("sync.json");
                assert!(
                    is_list_of_runs || expected.get(&path) == Some(&bytes),
                    "{} is torn after {after:?} in round {round}",
                    path.display()
                );
            }
        }
        assert!(run(&sandbox, folder.path()).wait().unwrap().success());
        let there = content(folder.path());
        let paths = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&there), paths(&expected), "round {round}");
        assert!(there == expected, "round {round}");
        assert!(!folder.path().join("_work").exists());
        before = whole;
        whole = TempDir::new().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        for (number, user) in users.iter().enumerate() {
            let change = match (number + round) % 3 {
                0 => RecordChange::insert("medical/vitals"),
                1 => RecordChange::update("medical/immunizations"),
                _ => RecordChange::insert("activities"),
            };
            sandbox
                .control()
                .change_records(&app.client_id, user, change)
                .unwrap();
        }
    }
}

/// All folders of the test are the same one.
fn manifest_of_one_id(folder: &Path, sandbox: &Sandbox) {
    // Killed before it reads anything, or soon after: what counts is that it has its name.
    let mut running = run(sandbox, folder);
    let manifest = folder.join("_manifest/sync.json");
    let gives_up = Instant::now() + Duration::from_secs(60);
    while !manifest.exists() {
        assert!(Instant::now() < gives_up, "it names no folder");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill().unwrap();
    running.wait().unwrap();
}

/// This test once more, as the synchronization.
fn run(sandbox: &Sandbox, folder: &Path) -> Child {
    let program = std::env::current_exe().expect("a program knows where it is");
    let app = sandbox.app(DemoApp::Connect);
    Command::new(program)
        .args([
            "--exact",
            "sync::killed::wherever_it_is_killed_the_same_again_comes_to_what_one_run_comes_to",
        ])
        .env(URL, sandbox.url())
        .env(
            SECRET,
            format!("{} {}", app.client_id, app.client_secret.as_str()),
        )
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("a program can run itself")
}

fn synchronize(url: &OsString) {
    let text = |name| std::env::var(name).expect("the parent tells it");
    let secret = text(SECRET);
    let (id, secret) = secret.split_once(' ').unwrap();
    let hosts = Hosts::single(url.to_str().unwrap()).unwrap();
    let credentials = Credentials::new(id, secret).unwrap();
    let (_, users) = sandbox::scenario(USERS);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let summary = runtime.unwrap().block_on(async {
        let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
            .hosts(hosts)
            .build_on(OneMoment::new(TokioRuntime::new()));
        let folder = PathBuf::from(text(FOLDER));
        let cursors = SqliteCursorStore::open(folder.join("cursors.sqlite")).await;
        let users = users.into_iter().map(|user| Ok(user.into()));
        let synchronization = Synchronization::new(client, Arc::new(cursors))
            .with_key(BucketKey::new([7; 32]))
            .with_buckets(4);
        synchronization
            .run(stream::iter(users), folder, pending())
            .await
    });
    assert!(summary.unwrap().whole);
}

/// What is in its place: what was written of records, and what tells of it.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for path in crate::files(folder) {
        let name = path.strip_prefix(folder).unwrap().to_owned();
        let text = name.to_str().unwrap();
        if !text.starts_with("_work") && !text.contains("/.lock") && !text.starts_with("cursors.") {
            all.insert(name, fs::read(&path).unwrap());
        }
    }
    all
}
