//! What stands beside the data, whatever goes wrong: nothing of whose they are, and nothing of what they tell.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use humanapi_sandbox::{DemoApp, Fault, RecordChange, Sandbox, Scenario};
use serde_json::Value;
use tempfile::TempDir;

use crate::data;
use crate::support::run;

const USERS: [&str; 2] = ["ill-canary", "odd-canary"];
/// A value, a unit and a field that no other record has.
const TOLD: [&str; 3] = ["4711.0815", "canary unit", "canaryField"];

/// Kinds of which something goes wrong.
const ASKED_FOR: [&str; 5] = ["vitals", "ccds", "weight", "immunizations", "medications"];

fn sandbox() -> Sandbox {
    let people = Scenario::from_json(
        br#"{"users": [
            {"client_user_id": "ill-canary", "persona": "chronic",
             "sources": ["sandbox_clinic", "starfleet_pharmacy", "pulseband", "strider"]},
            {"client_user_id": "odd-canary", "persona": "odd", "sources": ["sandbox_clinic", "strider"]}
        ]}"#,
    );
    let sandbox = Sandbox::builder().seed(7).scenario(people.unwrap()).start();
    let sandbox = sandbox.unwrap();
    for resource in ["medical/vitals", "weight", "medical/test_results"] {
        let change = format!(
            r#"{{"change": "update", "resource": "{resource}", "fields":
                {{"value": 4711.0815, "unit": "canary unit", "canaryField": "canary unit"}}}}"#
        );
        let change = RecordChange::from_json(change.as_bytes()).unwrap();
        changed(&sandbox, change);
    }
    sandbox
}

fn changed(sandbox: &Sandbox, change: RecordChange) {
    let app = sandbox.app(DemoApp::Connect);
    let changed = sandbox
        .control()
        .change_records(&app.client_id, USERS[0], change);
    changed.unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.flat_map(|entry| match entry.path().is_dir() {
        true => files(&entry.path()),
        false => vec![entry.path()],
    });
    files.collect()
}

/// Texts of records that no message has by itself, such as ids and names.
fn texts(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let is_own = text.contains(|letter: char| letter == ' ' || letter.is_ascii_digit());
            if text.len() >= 12 && is_own {
                all.insert(text.clone());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, all)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, all)),
        _ => {}
    }
}

/// All that is said by these commands, each of which ends with this code, and what is nobody's to read beside the data.
struct Said {
    beside: String,
    canaries: BTreeSet<String>,
}

impl Said {
    /// What a command says, which ends with this code.
    #[track_caller]
    fn by(&mut self, sandbox: &Sandbox, words: &[&str], code: i32) {
        let ended = self.by_any(sandbox, words);
        assert_eq!(ended, Some(code), "{words:?}");
    }

    /// What a command says, however it ends.
    #[track_caller]
    fn by_any(&mut self, sandbox: &Sandbox, words: &[&str]) -> Option<i32> {
        let told = run(&mut data(sandbox, &[words, &["-vv"]].concat()));
        // A picture and a report are what was asked for.
        let stdout = match words[0] {
            "plot" | "report" => "",
            _ => &told.stdout,
        };
        for text in [&told.stderr, stdout] {
            for canary in &self.canaries {
                assert!(!text.contains(canary), "{words:?}: {canary}: {text}");
            }
        }
        self.beside += &told.stderr;
        told.code
    }

    #[track_caller]
    fn paths(&self, folder: &Path) {
        for path in files(folder) {
            let path = path.strip_prefix(folder).unwrap().to_str().unwrap();
            for canary in &self.canaries {
                assert!(!path.contains(canary), "{canary}: {path}");
            }
        }
    }
}

#[test]
fn nothing_of_users_and_records_is_told_beside_the_data_whatever_goes_wrong() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (out, step, other) = (path("out"), path("step"), path("other.sqlite"));
    let of = ["--user", USERS[0], "--user", USERS[1]];
    let with = |words: &[&'static str], more: &[&'static str]| [words, &of, more].concat();
    let mut canaries: BTreeSet<String> =
        USERS.iter().chain(&TOLD).map(ToString::to_string).collect();
    let export = [&["export", "--out", &out, "--documents", "json"][..], &of].concat();
    assert_eq!(run(&mut data(&sandbox, &export)).code, Some(0));
    for file in files(&place.path().join("out")) {
        let is_of = |kind| file.to_string_lossy().contains(kind);
        if file.ends_with("records.ndjson") && ASKED_FOR.into_iter().any(is_of) {
            // What is behind the first ones is like them.
            for line in fs::read_to_string(file).unwrap().lines().take(20) {
                // Half a letter is no JSON for everybody.
                if let Ok(record) = serde_json::from_str(line) {
                    texts(&record, &mut canaries);
                }
            }
        }
    }
    assert!(canaries.len() > 200, "{}", canaries.len());
    let mut said = Said {
        beside: String::new(),
        canaries,
    };
    said.paths(&place.path().join("out"));

    // A synchronization: as it should be, with what is gone, damaged, broken and torn.
    let sync = [&["sync", "--out", &step][..], &of].concat();
    said.by(&sandbox, &sync, 0);
    changed(&sandbox, RecordChange::delete("medical/immunizations"));
    let full = [&sync[..], &["--full-every", "0"]].concat();
    said.by(&sandbox, &full, 0);
    assert!(
        said.beside.contains("immunizations"),
        "it tells what it sends"
    );
    said.paths(&place.path().join("step"));
    let written = files(&place.path().join("step"));
    let vitals = written
        .iter()
        .find(|path| path.to_string_lossy().contains("resource=vitals"));
    let (vitals, whole) = (vitals.unwrap(), fs::read(vitals.unwrap()).unwrap());
    let cursors = format!("sqlite:{other}");
    let anew = [&sync[..], &["--cursors", &cursors]].concat();
    let text = String::from_utf8(whole.clone()).unwrap();
    let of_its_length = text.replacen("\"_id\"", "\"xid\"", 1);
    for damage in [&whole[..whole.len() / 2], of_its_length.as_bytes()] {
        fs::write(vitals, damage).unwrap();
        said.by(&sandbox, &anew, 70);
    }
    fs::write(vitals, whole).unwrap();
    let manifest = place.path().join("step/_manifest/sync.json");
    let whole = fs::read(&manifest).unwrap();
    fs::write(&manifest, r#"{"version": "ill-canary"}"#).unwrap();
    said.by(&sandbox, &sync, 2);
    fs::write(&manifest, whole).unwrap();

    // What passes is asked for again, and what does not is told.
    for (fault, times) in [
        (Fault::truncated_body(), 1),
        (Fault::garbage_body(), 1),
        (Fault::status(500), 1),
        (Fault::status(400).error_code("CANARY"), 1_000),
    ] {
        let kinds = ["--resources", "vitals,ccds,weight"];
        let fresh = path("fresh");
        let export = ["export", "--out", &fresh, "--documents", "json"];
        for words in [
            [&full[..], &kinds].concat(),
            [&export[..], &of, &kinds].concat(),
            with(&["report"], &kinds),
            vec!["plot", "vitals", "--user", USERS[0]],
        ] {
            for path in ["/v1/human/medical/vitals", "/v1/human/medical/ccds"] {
                let fault = fault.clone().on_path(path).times(times);
                sandbox.control().plan_fault(fault).unwrap();
            }
            let code = said.by_any(&sandbox, &words);
            // What is refused is told and ends no run; who reads one list for somebody who waits asks once.
            assert!(words[0] == "plot" || code == Some(0), "{words:?} {code:?}");
            sandbox.control().clear_faults();
        }
        said.paths(&place.path().join("fresh"));
        fs::remove_dir_all(&fresh).unwrap();
    }
    // A report and pictures that cannot be.
    let records = files(&place.path().join("out"));
    let records = records
        .iter()
        .find(|path| path.to_string_lossy().contains("resource=vitals"));
    fs::write(
        records.unwrap(),
        r#"{"id": "ill-canary", "value": 4711.0815"#,
    )
    .unwrap();
    said.by(&sandbox, &["report", &out], 2);
    let odd = [
        "--resources",
        "vitals",
        "--max-odd",
        "0",
        "--min-recent",
        "1",
    ];
    said.by(&sandbox, &with(&["report"], &odd), 9);
    for more in [
        &["--measure", "no such measure"][..],
        &["--measure", "Body height", "--measure", "Heart rate"],
        &["--measured"],
        &["--out", "/nonexistent/a.svg"],
    ] {
        let plot = [&["plot", "vitals", "--user", USERS[0]][..], more].concat();
        said.by_any(&sandbox, &plot);
    }
}
