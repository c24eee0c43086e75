//! Health data from a sandbox: each verb in each form, what is told beside them, and mistakes that explain themselves.
//!
//! One piece: the verbs about data, over one sandbox and the same readers of what they print.
#![cfg(feature = "data")]

#[cfg(all(feature = "plot", feature = "report", feature = "sync"))]
mod beside;
#[cfg(feature = "cloud")]
mod cloud;
#[cfg(feature = "deidentify")]
mod deidentified;
#[cfg(feature = "export")]
mod documents;
#[cfg(feature = "export")]
mod export;
#[cfg(feature = "plot")]
mod plot;
#[cfg(feature = "report")]
mod report;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "sync")]
mod sync;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
#[path = "../terminal_support/mod.rs"]
mod terminal_support;
#[cfg(all(target_os = "linux", feature = "export"))]
mod threads;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, SystemTime};

use humanapi_sandbox::{
    AppCredentials, DemoApp, Fault, IntermediaryBody, RecordChange, Sandbox, Scenario,
};
use serde_json::Value;
use support::{Run, humanapi, run};

const SEED: u64 = 20_260_115;

/// A sandbox with a chronically ill user, whose clock stands still.
fn sandbox() -> Sandbox {
    let people = Scenario::from_json(
        br#"{"users": [
            {"client_user_id": "ill", "persona": "chronic",
             "sources": ["sandbox_clinic", "starfleet_pharmacy", "pulseband", "strider"]},
            {"client_user_id": "odd", "persona": "odd", "sources": ["sandbox_clinic", "strider"]},
            {"client_user_id": "none", "persona": "empty", "sources": ["strider"]},
            {"client_user_id": "new", "status": "started"}
        ]}"#,
    )
    .expect("the scenario is right");
    Sandbox::builder()
        .seed(SEED)
        .scenario(people)
        // 2026-01-15T09:00:00Z
        .frozen_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_467_600))
        .start()
        .expect("loopback has free ports")
}

fn words<'a>(sandbox: &'a Sandbox, words: &[&'a str]) -> Vec<&'a str> {
    [&["data"], words, &["--base-url", sandbox.url()]].concat()
}

/// The command against a sandbox, with its credentials in the environment.
fn data(sandbox: &Sandbox, given: &[&str]) -> Command {
    let app = sandbox.app(DemoApp::Connect);
    let mut command = humanapi(words(sandbox, given));
    command.envs(credentials(&app));
    command
}

fn credentials(app: &AppCredentials) -> [(&str, &str); 2] {
    [
        ("HUMANAPI_CLIENT_ID", app.client_id.as_str()),
        ("HUMANAPI_CLIENT_SECRET", app.client_secret.as_str()),
    ]
}

#[track_caller]
fn told(sandbox: &Sandbox, given: &[&str]) -> Run {
    let told = run(&mut data(sandbox, given));
    assert_eq!(told.code, Some(0), "{told:?}");
    told
}

#[track_caller]
fn json(told: &Run) -> Value {
    serde_json::from_str(&told.stdout).expect("JSON")
}

#[track_caller]
fn fails(sandbox: &Sandbox, given: &[&str], code: i32, cause: &str, remedy: &str) {
    let told = run(&mut data(sandbox, given));
    let (error, help) = match given
        .iter()
        .any(|one| matches!(*one, "--json" | "--ndjson"))
    {
        true => {
            let line: Value = serde_json::from_str(&told.stderr).expect("one line of JSON");
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (text("error"), text("help"))
        }
        false => {
            let starts = |word: &str| {
                let mut lines = told.stderr.lines();
                lines
                    .find(|line| line.starts_with(word))
                    .unwrap_or_default()
            };
            assert!((2..=4).contains(&told.stderr.lines().count()), "{told:?}");
            (starts("error: ").to_owned(), starts("help: ").to_owned())
        }
    };
    assert!(error.contains(cause) && help.contains(remedy), "{told:?}");
    assert_eq!((told.code, told.stdout.as_str()), (Some(code), ""));
}

#[test]
fn a_list_is_json_when_piped_and_says_that_there_is_more() {
    let sandbox = sandbox();
    let piped = told(&sandbox, &["list", "test_results", "--user", "ill"]);
    assert_eq!(
        piped.stderr,
        "note: these are 20 of 216 records; --all reads all, --limit NUMBER more\n"
    );
    let records = json(&piped);
    assert_eq!(records.as_array().unwrap().len(), 20);
    assert!(records[0]["components"].is_array(), "as it was sent");

    let lines = told(
        &sandbox,
        &[
            "list",
            "test_results",
            "--user",
            "ill",
            "--ndjson",
            "--limit",
            "3",
        ],
    );
    let lines: Vec<Value> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, records.as_array().unwrap()[..3]);
}

#[test]
fn all_pages_are_read_where_all_is_asked_for_and_no_more_than_it_takes_else() {
    let sandbox = sandbox();
    let count = |given: &[&str]| {
        sandbox.control().clear_requests();
        let given = [&["list", "blood_pressure", "--user", "ill"], given].concat();
        let told = told(&sandbox, &given);
        let requests = sandbox.control().requests();
        let pages = requests
            .iter()
            .filter(|asked| asked.path.contains("/readings"));
        let count = json(&told).as_array().unwrap().len();
        (count, pages.count(), told.stderr.is_empty())
    };
    assert_eq!(count(&["--limit", "700"]), (700, 2, false));
    assert_eq!(count(&["--limit", "1"]), (1, 1, false));
    let (all, _, is_silent) = count(&["--all"]);
    assert!(all > 2000 && is_silent, "{all}");
    let january = ["--days", "2026-01-01..2026-01-31", "--limit", "500"];
    let (few, pages, is_silent) = count(&january);
    assert!((10..100).contains(&few) && pages == 1 && is_silent, "{few}");
    let (few, _, _) = count(&[
        "--updated-since",
        "2026-01-10",
        "--source",
        "pulseband",
        "--all",
    ]);
    assert!((5..50).contains(&few), "{few}");
    assert_eq!(count(&["--source", "strider"]).0, 0);
}

#[test]
fn a_table_has_the_fields_that_are_there_or_those_that_are_asked_for() {
    let sandbox = sandbox();
    let list = ["list", "issues", "--user", "ill", "--limit", "2"];
    let table = told(&sandbox, &[&list, &["--table"][..]].concat());
    let head = table.stdout.lines().nth(1).unwrap();
    let head: Vec<&str> = head.split('│').map(str::trim).collect();
    assert_eq!(head, ["", "id", "source", "name", "dateTime", "status", ""]);
    assert_eq!(table.stdout.lines().count(), 6, "{}", table.stdout);

    let chosen = told(
        &sandbox,
        &[&list, &["--fields", "status,mood,name"][..]].concat(),
    );
    let head = chosen.stdout.lines().nth(1).unwrap();
    let head: Vec<&str> = head.split('│').map(str::trim).collect();
    assert_eq!(head, ["", "status", "mood", "name", ""]);
    let missing = "warning: no record has the name 2 of --fields; documented are id, source,";
    assert!(chosen.stderr.starts_with(missing), "{}", chosen.stderr);

    let none = told(&sandbox, &["list", "issues", "--user", "none", "--table"]);
    assert_eq!(none.stdout, "No records of issues.\n");
    let none = told(&sandbox, &["list", "issues", "--user", "none"]);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("[]\n", ""));
    let none = told(&sandbox, &["list", "issues", "--user", "none", "--ndjson"]);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", ""));
}

#[test]
fn one_record_is_read_by_its_id_in_each_form() {
    let sandbox = sandbox();
    let list = told(
        &sandbox,
        &["list", "encounters", "--user", "ill", "--limit", "1"],
    );
    let wanted = &json(&list)[0];
    let id = wanted["id"].as_str().unwrap();
    for form in ["--json", "--ndjson"] {
        let one = told(&sandbox, &["get", "encounters", id, "--user", "ill", form]);
        assert_eq!((&json(&one), one.stdout.lines().count()), (wanted, 1));
    }
    let table = told(
        &sandbox,
        &["get", "encounters", id, "--user", "ill", "--table"],
    );
    for (name, value) in wanted.as_object().unwrap() {
        assert!(table.stdout.contains(&format!("│ {name} ")), "{name}");
        if let Some(text) = value.as_str() {
            assert!(table.stdout.contains(text), "{name}");
        }
    }
}

#[test]
fn what_is_no_record_is_told_and_printed_as_it_was_sent() {
    let sandbox = sandbox();
    let list = told(&sandbox, &["list", "activities", "--user", "odd"]);
    assert_eq!(
        list.stderr,
        "warning: activities: 1 places of a page hold something that is no record; JSON has it as it was sent\n"
    );
    // Half an emoji is no text to every reader, so the lines are told apart by how they begin.
    let lines = list.stdout.trim_matches(['[', ']', '\n']).lines();
    let odd: Vec<&str> = lines.filter(|line| !line.starts_with('{')).collect();
    assert_eq!(odd, ["null,"], "{}", list.stdout);
}

#[test]
fn a_list_that_changes_while_it_is_read_is_told() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let change = RecordChange::delete("activities").at(0).after_pages(1);
    let control = sandbox.control();
    control
        .change_records(&app.client_id, "ill", change)
        .unwrap();
    let all = told(&sandbox, &["list", "activities", "--user", "ill", "--all"]);
    assert!(
        all.stderr
            .starts_with("warning: activities: the list's total changed from "),
        "{}",
        all.stderr
    );
    assert!(
        all.stderr
            .ends_with("; read it again if it has to be complete\n")
    );
    assert!(json(&all).as_array().unwrap().len() > 500);
}

#[test]
fn the_page_about_a_user_tells_what_there_is_since_when_and_from_where() {
    let sandbox = sandbox();
    let page = told(&sandbox, &["show", "--user", "ill", "--table"]);
    let wanted = include_str!("show-chronic.txt");
    assert_eq!((page.stdout.as_str(), page.stderr.as_str()), (wanted, ""));

    let none = told(&sandbox, &["show", "--user", "none", "--table"]);
    assert!(
        none.stdout.contains("│ sources │       1 │"),
        "{}",
        none.stdout
    );
    assert!(
        none.stdout.contains("Nothing of: activities, "),
        "{}",
        none.stdout
    );
}

#[test]
fn the_page_as_json_counts_each_kind() {
    let sandbox = sandbox();
    let page = told(&sandbox, &["show", "--user", "ill"]);
    let kinds = json(&page);
    let kinds = kinds.as_array().unwrap();
    assert_eq!((kinds.len(), page.stderr.as_str()), (35, ""));
    let issues = kinds.iter().find(|kind| kind["kind"] == "issues").unwrap();
    assert_eq!(
        issues.to_string(),
        r#"{"from":"2008-05-12","kind":"issues","read":10,"records":10,"sources":["65a0f3c2d4b1e09876540001"],"to":"2023-02-06","whole":true}"#
    );
    let lines = told(&sandbox, &["show", "--user", "ill", "--ndjson"]);
    let lines = lines.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(&lines, kinds);
}

#[test]
fn a_list_that_is_longer_than_the_page_reads_is_counted_and_marked() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let many = RecordChange::fill("weight", 1_000_000);
    sandbox
        .control()
        .change_records(&app.client_id, "none", many)
        .unwrap();
    let page = told(&sandbox, &["show", "--user", "none", "--table"]);
    assert!(page.stdout.contains(" 1000000* │"), "{}", page.stdout);
    assert!(
        page.stdout.contains("*  The first 10000 were read"),
        "{}",
        page.stdout
    );
    let asked = sandbox.control().requests();
    let pages = asked
        .iter()
        .filter(|asked| asked.path.contains("/weight/readings"));
    assert_eq!(
        pages.count(),
        21,
        "each shares a record with the one before"
    );
}

#[test]
fn what_is_refused_of_one_kind_does_not_keep_the_page_from_the_others() {
    let sandbox = sandbox();
    let refusal = || Fault::status(403).on_path("/v1/human/medical/vitals");
    sandbox.control().plan_fault(refusal().times(1)).unwrap();
    let page = told(&sandbox, &["show", "--user", "ill"]);
    assert!(
        page.stderr.starts_with("warning: vitals: "),
        "{}",
        page.stderr
    );
    assert_eq!(page.stderr.lines().count(), 1);
    assert_eq!(json(&page).as_array().unwrap().len(), 34);
}

#[test]
fn what_cannot_be_read_of_one_kind_does_not_keep_the_page_from_the_others() {
    let between = |status| Fault::intermediary(status, IntermediaryBody::Html);
    let faults = [
        (between(404), 6, "something in between"),
        (Fault::status(500), 6, "status 500"),
        (Fault::drop_before(), 5, "connection"),
    ];
    for (fault, code, cause) in faults {
        let sandbox = sandbox();
        let fault = fault.on_path("/v1/human/medical/vitals").times(100);
        sandbox.control().plan_fault(fault).unwrap();
        let page = run(&mut data(&sandbox, &["show", "--user", "ill"]));
        let [warning, error, help] = page.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{page:?}")
        };
        assert!(
            warning.starts_with("warning: vitals: ") && warning.contains(cause),
            "{page:?}"
        );
        assert!(
            error.starts_with("error: 1 of 35 kinds of records could not be read"),
            "{page:?}"
        );
        assert!(help.starts_with("help: "), "{page:?}");
        assert_eq!(page.code, Some(code), "{page:?}");
        assert_eq!(json(&page).as_array().unwrap().len(), 34);
    }
}

#[test]
fn where_nothing_gets_through_the_rest_is_not_tried() {
    let sandbox = sandbox();
    let fault = Fault::intermediary(403, IntermediaryBody::Html);
    let fault = fault.on_path("/v1/human/medical").times(1000);
    sandbox.control().plan_fault(fault).unwrap();
    let page = run(&mut data(&sandbox, &["show", "--user", "ill"]));
    assert_eq!(page.code, Some(6));
    assert!(
        page.stderr
            .contains("18 of 35 kinds of records could not be read"),
        "{page:?}"
    );
    assert_eq!(json(&page).as_array().unwrap().len(), 17);
    let asked = sandbox.control().requests();
    let kinds: BTreeSet<_> = asked
        .iter()
        .filter_map(|asked| asked.path.split('?').next())
        .collect();
    // Those that were being asked for when the first six had failed, and no others.
    assert!(kinds.len() <= 1 + 17 + 12, "{kinds:?}");
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let sandbox = sandbox();
    let list = |kind, more: &[&str], cause: &str, remedy: &str| {
        let given = [&["list", kind, "--user", "ill"], more].concat();
        fails(&sandbox, &given, 2, cause, remedy);
    };
    let none = "'<RESOURCE>' cannot have this value";
    list("activitis", &[], none, "did you mean activities?");
    list("canary-secret", &[], none, "it can be sources, activities,");
    list(
        "test_results",
        &["--days", "2026-01-01..2026-01-31"],
        "--days cannot be used here: the service does not narrow test_results to days",
        "--updated-since narrows every list",
    );
    list(
        "sleeps",
        &["--days", "2026-01-01"],
        "it is written START..END",
        "",
    );
    list(
        "sleeps",
        &["--days", "2026-01-02..2026-01-01"],
        "is later than the last",
        "",
    );
    list(
        "sleeps",
        &["--updated-since", "soon"],
        "it is a moment such as",
        "",
    );
    list(
        "sleeps",
        &["--limit", "0"],
        "'--limit <NUMBER>' cannot have this value",
        "",
    );
    list(
        "sleeps",
        &["--limit", "1", "--all"],
        "cannot be used with",
        "",
    );
    list("sleeps", &["--json", "--ndjson"], "cannot be used with", "");
    list(
        "sleeps",
        &["--json", "--fields", "id"],
        "cannot be used with",
        "",
    );
    list(
        "sleeps",
        &["--client-secret", "x"],
        "no option for the client secret",
        "",
    );
    let get = ["get", "reports", "5f01", "--user", "ill"];
    let cause = "the service gives no single record of reports";
    fails(&sandbox, &get, 2, cause, "use `humanapi data list reports`");
    fails(
        &sandbox,
        &["show", "--user", ""],
        2,
        "the user id is empty",
        "",
    );
    assert!(sandbox.control().requests().is_empty());
}

#[test]
fn refusals_are_told_with_the_way_out_and_a_code() {
    let sandbox = sandbox();
    let gone = [
        "get",
        "activities",
        "5f00000000000000000000ff",
        "--user",
        "ill",
    ];
    fails(&sandbox, &gone, 4, "status 404", "check the id");
    for verb in [
        &["list", "issues"][..],
        &["show"],
        &["get", "issues", "5f01"],
    ] {
        let of = |user| [verb, &["--user", user]].concat();
        fails(
            &sandbox,
            &of("new"),
            4,
            "status 403",
            "let the user open Connect",
        );
        fails(
            &sandbox,
            &of("nobody"),
            4,
            "UNKNOWN_CLIENT_USER_ID",
            "check the user id",
        );
    }
    let fault = Fault::status(503).on_path("/v1/human").times(1000);
    sandbox.control().plan_fault(fault).unwrap();
    fails(&sandbox, &["list", "issues", "--user", "ill"], 6, "503", "");
    fails(&sandbox, &["show", "--user", "ill"], 6, "503", "");
    let mut wrong = data(&sandbox, &["show", "--user", "ill"]);
    assert_eq!(
        run(wrong.env("HUMANAPI_CLIENT_SECRET", "wrong")).code,
        Some(3)
    );
}

#[test]
fn nothing_of_the_users_health_stands_beside_the_output() {
    let sandbox = sandbox();
    let mut beside = String::new();
    for given in [
        &["list", "issues", "--user", "ill", "--limit", "1"][..],
        &[
            "list", "issues", "--user", "ill", "--fields", "none", "--limit", "1",
        ],
        &["show", "--user", "odd"],
        &["get", "issues", "5f01", "--user", "ill"],
    ] {
        for adapter in ["reqwest", "hyper"] {
            let given = [given, &["--adapter", adapter][..]].concat();
            beside += &run(&mut data(&sandbox, &given)).stderr;
        }
    }
    let list = told(
        &sandbox,
        &["list", "issues", "--user", "ill", "--limit", "1"],
    );
    let issue = &json(&list)[0];
    for canary in [
        "ill",
        "5f01",
        "odd",
        issue["name"].as_str().unwrap(),
        issue["id"].as_str().unwrap(),
    ] {
        assert!(
            !beside.split([' ', '\n', '/']).any(|word| word == canary),
            "{canary}: {beside}"
        );
    }
}
