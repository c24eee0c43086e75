//! `data sync`: runs that go on from each other, what is told of them, and mistakes that explain themselves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use humanapi_sandbox::{DemoApp, RecordChange, Sandbox, Scenario};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, ended, run};
use crate::{data, fails, json, told};

/// One whose clock runs, as the time runs that its answers bear.
fn sandbox() -> Sandbox {
    let people = Scenario::from_json(
        br#"{"users": [
            {"client_user_id": "ill-canary", "persona": "chronic", "sources": ["sandbox_clinic", "strider"]},
            {"client_user_id": "young-canary", "persona": "child", "sources": ["sandbox_clinic"]},
            {"client_user_id": "new-canary", "status": "started"}
        ]}"#,
    )
    .expect("the scenario is right");
    let sandbox = Sandbox::builder().seed(7).scenario(people).start();
    sandbox.expect("loopback has free ports")
}

fn users(folder: &Path) -> String {
    let path = folder.join("users.txt");
    fs::write(&path, "ill-canary\nyoung-canary\nill-canary\n").unwrap();
    path.to_str().unwrap().to_owned()
}

fn change(sandbox: &Sandbox, change: RecordChange) {
    let app = sandbox.app(DemoApp::Connect);
    let changed = sandbox
        .control()
        .change_records(&app.client_id, "ill-canary", change);
    changed.unwrap();
}

fn lines(folder: &Path, commit: u64) -> Vec<Value> {
    let name = format!("commit-{commit:012}.ndjson");
    let mut all = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.to_str().unwrap().contains("canary"));
            if path.is_dir() {
                left.push(path);
            } else if path.ends_with(&name) {
                let text = fs::read_to_string(path).unwrap();
                all.extend(
                    text.lines()
                        .map(|line| serde_json::from_str::<Value>(line).unwrap()),
                );
            }
        }
    }
    all
}

#[test]
fn an_object_store_is_refused_and_no_folder_of_its_name_is_made() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let mut command = data(
        &sandbox,
        &[
            "sync",
            "--user",
            "ill",
            "--out",
            "s3://example-bucket/in-step",
        ],
    );
    let refused = run(command.current_dir(place.path()));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = "this takes a folder of this machine";
    assert!(refused.stderr.contains(said), "{refused:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    assert_eq!(sandbox.control().requests().len(), 0);
}

#[test]
fn a_run_writes_what_changed_and_where_nothing_did_nothing() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let (users, out) = (users(place.path()), place.path().join("out"));
    let folder = out.to_str().unwrap();
    let kinds = "vitals,immunizations,medications,organizations,profile";
    let words = [
        "sync",
        "--users",
        &users,
        "--out",
        folder,
        "--resources",
        kinds,
    ];
    let first = told(&sandbox, &words);
    assert!(!first.stderr.contains("canary") && !first.stdout.contains("canary"));
    let first = json(&first);
    assert_eq!(
        (&first["whole"], &first["users"], &first["commit"]),
        (&true.into(), &2.into(), &1.into())
    );
    assert_eq!(
        lines(&out, 1).len() as u64,
        first["records"].as_u64().unwrap()
    );
    assert!(
        first["resources"]["vitals"]["changes_until"].is_string(),
        "{first}"
    );

    let again = json(&told(&sandbox, &words));
    assert_eq!(
        (&again["records"], &again["commit"], &again["files"]),
        (&0.into(), &Value::Null, &0.into())
    );

    change(&sandbox, RecordChange::insert("medical/vitals"));
    change(&sandbox, RecordChange::delete("medical/medications"));
    let full: Vec<&str> = words.into_iter().chain(["--full-every", "0"]).collect();
    let third = json(&told(&sandbox, &full));
    assert_eq!(
        (&third["records"], &third["deleted"]),
        (&1.into(), &1.into()),
        "{third}"
    );
    let commit = third["commit"].as_u64().unwrap();
    let mut changes: Vec<String> = lines(&out, commit)
        .iter()
        .map(|line| {
            format!(
                "{} {}",
                line["_resource"].as_str().unwrap(),
                line["_change"].as_str().unwrap()
            )
        })
        .collect();
    changes.sort();
    assert_eq!(changes, ["medications delete", "vitals put"]);

    fails(
        &sandbox,
        &["export", "--users", &users, "--out", folder],
        2,
        "the folder holds a synchronization",
        "take another folder",
    );
}

#[test]
fn who_is_refused_is_told_by_no_name_and_a_dry_run_asks_nothing() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let out = place.path().join("out");
    let folder = out.to_str().unwrap();
    let words = [
        "sync",
        "--user",
        "new-canary",
        "--out",
        folder,
        "--resources",
        "vitals,sleeps",
    ];
    let dry: Vec<&str> = words.into_iter().chain(["--dry-run"]).collect();
    let dry = told(&sandbox, &dry);
    assert!(
        dry.stdout
            .starts_with("1 users, as they stand in the list\n2 kinds"),
        "{}",
        dry.stdout
    );
    assert!(sandbox.control().requests().is_empty() && !out.exists());
    let refused = told(&sandbox, &words);
    assert_eq!(json(&refused)["refused"]["nothing_connected"], 2);
    assert!(
        refused.stderr.contains("_manifest/missing"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("canary") && !refused.stdout.contains("canary"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_cleanly_and_the_same_command_goes_on() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let (users, out) = (users(place.path()), place.path().join("out"));
    let folder = out.to_str().unwrap();
    // So slow that it is not over before it is stopped.
    let words = ["sync", "--users", &users, "--out", folder, "--rate", "30"];
    let mut command = data(&sandbox, &words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let gives_up = Instant::now() + Duration::from_secs(60);
    while sandbox.control().requests().len() < 10 {
        assert!(Instant::now() < gives_up, "it asks nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let Run { code, stderr, .. } = ended(child);
    assert_eq!(code, Some(130), "{stderr}");
    assert!(
        stderr.contains("the same command again goes on"),
        "{stderr}"
    );
    assert!(!out.join("_work").exists());
    let rest = json(&told(&sandbox, &words[..5]));
    assert_eq!((&rest["whole"], &rest["commit"]), (&true.into(), &1.into()));
}

#[test]
fn what_cannot_be_is_refused_before_a_run_sends_anything() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let out = place.path().join("out");
    let folder = out.to_str().unwrap();
    let refused: [(&[&str], &str); 7] = [
        (
            &["--cursors", "redis://secret@host"],
            "no place for cursors",
        ),
        (&["--full-every", "7"], "such as 30m"),
        (&["--lag=-1h"], "such as 30m"),
        (&["--resources", "moods"], "no such kind of record"),
        (&["--buckets", "0"], "1 to 1000 buckets"),
        (&["--shard", "1/2"], "--key-file"),
        (&["--shard", "3/2"], "it is no shard"),
    ];
    for (given, said) in refused {
        let words = [&["sync", "--user", "ill-canary", "--out", folder], given].concat();
        let told = run(&mut data(&sandbox, &words));
        assert_eq!(told.code, Some(2), "{words:?} {told:?}");
        assert!(
            told.stderr.contains(said) && !told.stderr.contains("secret"),
            "{words:?} {}",
            told.stderr
        );
    }
    assert!(sandbox.control().requests().is_empty());
}
