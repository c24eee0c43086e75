//! `data export`: to a folder, as a stream, stopped and gone on with.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, ended, humanapi, run};
use crate::{data, fails, json, sandbox, told};

fn users(folder: &Path) -> String {
    let path = folder.join("users.txt");
    fs::write(&path, "ill\nodd\n\nnone\nill\n").unwrap();
    path.to_str().unwrap().to_owned()
}

fn manifest(folder: &Path) -> Value {
    let manifest = fs::read(folder.join("_manifest/export.json")).unwrap();
    serde_json::from_slice(&manifest).unwrap()
}

#[test]
fn an_export_is_told_as_json_when_piped_and_the_same_command_has_nothing_left_to_do() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let (users, out) = (users(place.path()), place.path().join("out"));
    let out = out.to_str().unwrap();
    let words = ["export", "--users", &users, "--out", out];
    let first = json(&told(&sandbox, &words));
    assert_eq!(
        (&first["users"], &first["whole"]),
        (&3.into(), &true.into())
    );
    assert!(
        first["resources"]["test_results"]["records"].as_u64() > Some(200),
        "{first}"
    );
    assert_eq!(manifest(Path::new(out))["whole"], true);
    let again = json(&told(&sandbox, &words));
    assert_eq!(
        (&again["records"], &again["buckets_skipped"]),
        (&0.into(), &16.into())
    );
    fails(
        &sandbox,
        &["export", "--users", &users, "--out", out, "--format", "csv"],
        2,
        "an export with a format other than is asked for",
        "take another folder",
    );
}

#[test]
fn one_kind_of_record_goes_to_standard_output_and_nothing_else_does() {
    let sandbox = sandbox();
    let words = [
        "export",
        "--user",
        "ill",
        "--user",
        "odd",
        "--resources",
        "activities",
    ];
    let stream = told(&sandbox, &words);
    let lines = stream.stdout.lines().count();
    let all = told(
        &sandbox,
        &["list", "activities", "--user", "ill", "--all", "--ndjson"],
    );
    assert!(lines > all.stdout.lines().count(), "{lines}");
    assert!(stream.stdout.contains(all.stdout.lines().next().unwrap()));
    assert!(stream.stderr.contains("2 users"), "{}", stream.stderr);
    fails(
        &sandbox,
        &["export", "--user", "ill"],
        2,
        "standard output takes one kind of record",
        "--resources",
    );
}

#[test]
fn who_is_refused_is_told_by_the_reason_and_by_no_name() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let out = place.path().join("out");
    let out = out.to_str().unwrap();
    let words = [
        "export", "--user", "none", "--user", "new", "--out", out, "-v",
    ];
    let told = told(&sandbox, &words);
    assert_eq!(
        json(&told)["refused"]["nothing_connected"],
        38,
        "{}",
        told.stdout
    );
    assert!(told.stderr.contains("--retry-refused"), "{}", told.stderr);
    // A path and a table name users no more than a log does.
    assert!(!told.stderr.contains("\"new\"") && !told.stdout.contains("\"new\""));
}

#[test]
fn a_dry_run_asks_the_service_nothing_and_writes_nothing() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let out = place.path().join("out");
    let words = [
        "export",
        "--user",
        "ill",
        "--out",
        out.to_str().unwrap(),
        "--dry-run",
    ];
    let told = told(&sandbox, &words);
    assert!(
        told.stdout
            .starts_with("1 users, as they stand in the list\n38 kinds"),
        "{}",
        told.stdout
    );
    assert_eq!(sandbox.control().requests().len(), 0);
    assert!(!out.exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_cleanly_and_the_same_command_goes_on() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let (users, out) = (users(place.path()), place.path().join("out"));
    // So slow that it is not over before it is stopped.
    let words = [
        "export",
        "--users",
        &users,
        "--out",
        out.to_str().unwrap(),
        "--rate",
        "30",
        "--progress-every",
        "300ms",
    ];
    let mut command = data(&sandbox, &words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| serde_json::from_str::<Value>(&line.unwrap()).ok());
    let far = &line.expect("it tells how far it is")["progress"];
    // All users' lists in all, once the list of users is read.
    assert_eq!(
        (&far["unit"], &far["total"]),
        (&"lists".into(), &114.into())
    );
    assert!(far["counts"]["requests"].as_u64() > Some(0), "{far}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let stderr: String = lines.map(|line| line.unwrap() + "\n").collect();
    let Run { code, .. } = ended(child);
    assert_eq!(code, Some(130), "{stderr}");
    assert!(
        stderr.contains("the same command again goes on"),
        "{stderr}"
    );
    assert!(!out.join("_work").exists());
    assert_eq!(manifest(&out)["whole"], false);
    let words = ["export", "--users", &users, "--out", out.to_str().unwrap()];
    let rest = json(&told(&sandbox, &words));
    assert_eq!((&rest["whole"], &rest["users"]), (&true.into(), &3.into()));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent() {
    let sandbox = sandbox();
    let words = |given: &[&'static str]| -> Vec<&'static str> {
        [
            &["export", "--user", "none", "--resources", "weight"],
            given,
        ]
        .concat()
    };
    let refused = [
        (words(&["--rate", "0"]), "a number of requests"),
        #[cfg(feature = "store")]
        (words(&["--shared-rate", "20"]), "--store"),
        (words(&["--shard", "5/4", "--key-file", "/dev/null"]), "2/4"),
        (words(&["--shard", "1/4"]), "--key-file"),
        (words(&["--format", "xlsx"]), "ndjson"),
        (words(&["--documents", "json"]), "--out"),
        (words(&["--buckets", "0"]), "1..=1000"),
        (words(&["--buckets", "1001"]), "1..=1000"),
        (words(&["--buckets", "+01001"]), ": it is not in 1..=1000"),
        (vec!["export", "--resources", "weight"], "--user"),
        (
            vec!["export", "--users", "/nonexistent", "--resources", "weight"],
            "cannot be read",
        ),
    ];
    for (words, said) in refused {
        let told = run(&mut data(&sandbox, &words));
        assert_eq!(told.code, Some(2), "{words:?} {told:?}");
        assert!(told.stderr.contains(said), "{words:?} {}", told.stderr);
    }
    assert_eq!(sandbox.control().requests().len(), 0);
}

/// What is wrong is told in the same words, whether anything would have been asked for or not.
#[test]
fn a_dry_run_says_what_a_run_says() {
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let torn = place.path().join("torn.txt");
    fs::write(&torn, b"ill\n\xff\n").unwrap();
    let torn = torn.to_str().unwrap();
    let mut wrong: Vec<Vec<&str>> = vec![
        vec!["--users", torn],
        vec!["--user", "ill", "--user", ""],
        vec!["--users", "/nonexistent"],
        vec!["--user", "ill", "--key-file", "/dev/null"],
    ];
    if cfg!(feature = "values") {
        wrong.push(vec!["--user", "ill", "--values"]);
    }
    for given in wrong {
        let words = [&["export", "--resources", "weight"], given.as_slice()].concat();
        let ran = run(&mut data(&sandbox, &words));
        let dry = run(&mut data(
            &sandbox,
            &[words.as_slice(), &["--dry-run"]].concat(),
        ));
        assert_ne!(ran.code, Some(0), "{given:?}");
        assert_eq!(
            (dry.code, &dry.stderr),
            (ran.code, &ran.stderr),
            "{given:?}"
        );
    }
    assert_eq!(sandbox.control().requests().len(), 0);
}

#[test]
fn the_columns_of_an_export_are_told_before_there_is_one_and_without_credentials() {
    let schema = |words: &[&str]| {
        let told = humanapi([&["data", "schema"], words].concat())
            .output()
            .unwrap();
        assert!(told.status.success(), "{told:?}");
        told.stdout
    };
    let kinds = String::from_utf8(schema(&[])).unwrap();
    assert_eq!(kinds.lines().count(), 38);
    assert!(kinds.lines().any(|kind| kind == "test_results"));
    let columns: Value = serde_json::from_slice(&schema(&["test_results"])).unwrap();
    let columns = columns.as_array().unwrap();
    let find = |name: &str| {
        columns
            .iter()
            .find(|column| column["name"] == name)
            .unwrap()
    };
    assert_eq!(columns[0]["name"], "_user");
    assert_eq!(find("resultDateTime_moment")["kind"], "moment");
    assert_eq!(find("components")["items"][0]["name"], "name");
    assert_eq!(columns[columns.len() - 1]["name"], "_record");
    #[cfg(feature = "parquet")]
    {
        // Byte for byte what an export without a record writes.
        let words = [
            "export",
            "--user",
            "none",
            "--resources",
            "genetic_traits",
            "--format",
            "arrow",
        ];
        let nothing = data(&sandbox(), &words).output().unwrap();
        assert!(nothing.status.success(), "{nothing:?}");
        assert_eq!(
            schema(&["genetic_traits", "--format", "arrow"]),
            nothing.stdout
        );
        let kinds = humanapi(["data", "schema", "--format", "arrow"])
            .output()
            .unwrap();
        assert_eq!(kinds.status.code(), Some(2));
    }
}

#[cfg(feature = "store")]
#[test]
fn processes_that_share_a_rate_ask_no_more_together_than_one_would() {
    let export = ["export", "--resources", "activities"].map(str::to_owned);
    share_a_rate([(); 3].map(|()| export.to_vec()));
}

#[cfg(feature = "sync")]
#[test]
fn shares_of_a_synchronization_that_share_a_rate_ask_no_more_together_than_one_would() {
    let place = TempDir::new().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    fs::write(place.path().join("key"), "7".repeat(64)).unwrap();
    share_a_rate(["1/2", "2/2"].map(|shard| {
        let out = at(&shard.replace('/', "-of-"));
        let words = ["sync", "--resources", "activities,vitals,sleeps"];
        let share = ["--key-file", &at("key"), "--shard", shard, "--out", &out];
        words.into_iter().chain(share).map(str::to_owned).collect()
    }));
}

/// Begins these commands at once, for the same users and at the same rate.
#[cfg(feature = "store")]
#[track_caller]
fn share_a_rate<const N: usize>(commands: [Vec<String>; N]) {
    const RATE: f64 = 3.0;
    let (sandbox, place) = (sandbox(), TempDir::new().unwrap());
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (store, keys) = (format!("sqlite:{}", at("store.db")), at("keys"));
    let words = [
        "store",
        "init",
        "--store",
        &store,
        "--new-keys",
        "--store-keys",
        &keys,
    ];
    assert_eq!(run(&mut humanapi(words)).code, Some(0));
    let of_all = [
        "--user",
        "ill",
        "--user",
        "odd",
        "--store",
        &store,
        "--store-keys",
        &keys,
        "--shared-rate",
        "3",
    ];
    let begun = Instant::now();
    let processes = commands.map(|words| {
        let words = words.iter().map(String::as_str).chain(of_all);
        let mut process = data(&sandbox, &words.collect::<Vec<_>>());
        process.stdout(Stdio::piped()).stderr(Stdio::piped());
        process.spawn().unwrap()
    });
    for process in processes {
        let told = ended(process);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
    }
    let asked = sandbox.control().requests().len();
    assert!(asked >= 8, "{asked}");
    // No less than this, however busy the machine is.
    let least = Duration::from_secs_f64((asked - 1) as f64 / RATE);
    assert!(
        begun.elapsed() >= least,
        "{asked} requests in {:?}",
        begun.elapsed()
    );
}
