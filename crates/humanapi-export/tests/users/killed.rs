//! Whatever moment a process is killed at, the same export again comes to what one run comes to, byte for byte.
//!
//! The test runs its own program again as the export, and kills that.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::future::pending;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream;
use humanapi_export::{BucketKey, Export, Format};
use humanapi_hyper::HyperTransport;
use humanapi_testing::client::{Client, Spawn, Task, Timer, TokioRuntime};
use humanapi_testing::core::data::ReportFormat;
use humanapi_testing::core::{Credentials, Hosts, Now, Provisioning};
use humanapi_testing::{DemoApp, Sandbox};
use tempfile::TempDir;

use crate::{documents, is_begun, sandbox};

const URL: &str = "HUMANAPI_EXPORT_TEST_URL";
const SECRET: &str = "HUMANAPI_EXPORT_TEST_SECRET";
const FORMAT: &str = "HUMANAPI_EXPORT_TEST_FORMAT";
const FOLDER: &str = "HUMANAPI_EXPORT_TEST_FOLDER";
const USERS: usize = 6;
/// Documents are the same whatever records become.
const WITH_DOCUMENTS: Format = Format::Envelope;

/// Time in which it is always the same day, so that two runs write the same.
#[derive(Clone)]
pub(crate) struct OneMoment(TokioRuntime);

impl OneMoment {
    pub(crate) const fn new(runtime: TokioRuntime) -> Self {
        Self(runtime)
    }
}

impl Timer for OneMoment {
    fn now(&self) -> Now {
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_467_600);
        Now::new(self.0.now().monotonic(), day)
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        self.0.sleep(duration)
    }
}

impl Spawn for OneMoment {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        self.0.spawn(task)
    }
}

#[test]
fn wherever_it_is_killed_the_same_export_again_comes_to_what_one_run_comes_to() {
    if let Some(url) = std::env::var_os(URL) {
        return export(&url);
    }
    let (scenario, _) = sandbox::scenario(USERS);
    let sandbox = Sandbox::builder()
        .seed(7)
        .scenario(scenario)
        .frozen_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_467_600))
        .start()
        .expect("loopback has free ports");
    let is_deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|deep| deep == "1");
    for format in Format::ALL {
        let whole = TempDir::new().unwrap();
        let begun = Instant::now();
        assert!(
            run(&sandbox, *format, whole.path())
                .wait()
                .unwrap()
                .success()
        );
        let takes = begun.elapsed();
        let expected = content(whole.path());
        assert!(expected.len() > 100, "{}", expected.len());
        if format == &WITH_DOCUMENTS {
            let documents = documents::there(whole.path()).whole.len();
            assert!(documents > 5, "{documents}");
        }
        let kills = if is_deep { 30 } else { 4 };
        let folder = TempDir::new().unwrap();
        for kill in 0..kills {
            if kill % 3 == 0 {
                fs::remove_dir_all(folder.path()).unwrap();
            }
            let after = takes.mul_f64(RandomState::new().hash_one(kill) as f64 / u64::MAX as f64);
            let mut running = run(&sandbox, *format, folder.path());
            std::thread::sleep(after);
            running.kill().unwrap();
            running.wait().unwrap();
            for (path, bytes) in content(folder.path()) {
                assert!(
                    expected.get(&path) == Some(&bytes) || is_begun(&path, &bytes),
                    "{format}: {} is torn after {after:?}",
                    path.display()
                );
            }
        }
        assert!(
            run(&sandbox, *format, folder.path())
                .wait()
                .unwrap()
                .success()
        );
        let there = content(folder.path());
        let paths = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&there), paths(&expected), "{format}");
        assert!(there == expected, "{format}");
        assert!(!folder.path().join("_work").exists());
        let manifest = fs::read_to_string(folder.path().join("_manifest/export.json")).unwrap();
        assert!(manifest.contains("\"whole\": true"), "{manifest}");
    }
}

/// This test once more, as the export.
fn run(sandbox: &Sandbox, format: Format, folder: &Path) -> Child {
    let program = std::env::current_exe().expect("a program knows where it is");
    let app = sandbox.app(DemoApp::Connect);
    Command::new(program)
        .args([
            "--exact",
            "killed::wherever_it_is_killed_the_same_export_again_comes_to_what_one_run_comes_to",
        ])
        .env(URL, sandbox.url())
        .env(
            SECRET,
            format!("{} {}", app.client_id, app.client_secret.as_str()),
        )
        .env(FORMAT, format.name())
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("a program can run itself")
}

fn export(url: &OsString) {
    let text = |name| std::env::var(name).expect("the parent tells it");
    let secret = text(SECRET);
    let (id, secret) = secret.split_once(' ').unwrap();
    let hosts = Hosts::single(url.to_str().unwrap()).unwrap();
    let credentials = Credentials::new(id, secret).unwrap();
    let format: Format = text(FORMAT).parse().unwrap();
    let (_, users) = sandbox::scenario(USERS);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let summary = runtime.unwrap().block_on(async {
        let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
            .hosts(hosts)
            .build_on(OneMoment::new(TokioRuntime::new()));
        let users = users.into_iter().map(|user| Ok(user.into()));
        let export = Export::new(client, format)
            .with_key(BucketKey::new([7; 32]))
            .with_buckets(4);
        let export = match format {
            WITH_DOCUMENTS => export.with_documents(ReportFormat::Json),
            _ => export,
        };
        export
            .run(stream::iter(users), text(FOLDER), pending())
            .await
    });
    assert!(summary.unwrap().whole);
}

/// What is in its place: files of records and the manifests of buckets.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(inner) = left.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            let is_told = !name.starts_with("_work")
                && !name.starts_with("_manifest/export.json")
                && !name.to_str().unwrap().contains("/.lock");
            if path.is_dir() {
                left.push(path);
            } else if is_told {
                all.insert(name, fs::read(path).unwrap());
            }
        }
    }
    all
}
