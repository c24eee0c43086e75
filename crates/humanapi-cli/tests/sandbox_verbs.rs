//! What is done to a sandbox that runs, from outside.
#![cfg(feature = "sandbox")]

mod running;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use humanapi_sandbox::{DemoApp, OrderState, Persona, Sandbox, UserStatus};
use running::Running;
use serde_json::{Value, json};
use support::{Run, humanapi, run};

/// Runs a verb on this sandbox.
#[track_caller]
fn on(sandbox: &Sandbox, words: &[&str]) -> Run {
    run(humanapi([&["sandbox"], words].concat()).env("HUMANAPI_SANDBOX_URL", sandbox.url()))
}

/// The JSON that a verb prints to a program.
#[track_caller]
fn told(run: &Run) -> Value {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    serde_json::from_str(&run.stdout).expect("one line of JSON")
}

/// A refusal: its code, and a part of what is told.
#[track_caller]
fn refused(run: &Run, code: i32, part: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!((2..=3).contains(&lines.len()), "{}", run.stderr);
    assert!(
        lines[0].starts_with("error: ") && lines[lines.len() - 1].starts_with("help: "),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains(part),
        "{part} is missing in {}",
        run.stderr
    );
}

#[test]
fn a_user_is_connected_in_one_call() {
    let sandbox = Sandbox::start().expect("a free port");
    let words = [
        "connect",
        "--user",
        "p17",
        "--source",
        "Strider",
        "--persona",
        "athlete",
    ];
    let user = told(&on(&sandbox, &words));
    assert_eq!(user["status"], "connected");
    let seen = sandbox
        .control()
        .user("p17")
        .snapshot()
        .expect("it was made");
    assert_eq!(seen.status, UserStatus::Connected);
    assert_eq!(seen.persona, Some(Persona::Athlete));
    let hip = [
        "connect",
        "--user",
        "p18",
        "--source",
        "pulseband",
        "--app",
        "hip",
    ];
    told(&on(&sandbox, &hip));
    let seen = sandbox.control().user("p18").app(DemoApp::Hip).snapshot();
    assert!(seen.is_some());
    // For people it is a sentence.
    let words = [
        "connect",
        "--user",
        "p17",
        "--source",
        "pulseband",
        "--table",
    ];
    let shown = on(&sandbox, &words);
    assert_eq!(shown.stdout, "p17 is connected with Strider, Pulseband.\n");
    let unknown = on(
        &sandbox,
        &["connect", "--user", "p19", "--source", "nowhere"],
    );
    refused(&unknown, 4, "no source is called \"nowhere\"");
    assert_eq!(sandbox.control().user("p19").snapshot(), None);
    let nobody = on(
        &sandbox,
        &["connect", "--user", "p", "--source", "x", "--persona", "y"],
    );
    refused(&nobody, 2, "athlete, chronic");
}

#[test]
fn the_clock_is_moved_and_all_is_reset() {
    let sandbox = Sandbox::builder().frozen_at(std::time::UNIX_EPOCH).start();
    let sandbox = sandbox.expect("a free port");
    let clock = told(&on(&sandbox, &["advance", "1d 2h"]));
    assert_eq!(clock["now"], "1970-01-02T02:00:00.000Z");
    refused(&on(&sandbox, &["advance", "soon"]), 2, "such as 500ms");
    refused(&on(&sandbox, &["advance", "1500ms"]), 2, "whole seconds");
    refused(&on(&sandbox, &["advance", "90000000h"]), 4, "9999");
    told(&on(&sandbox, &["reset"]));
    assert_eq!(sandbox.control().now(), std::time::UNIX_EPOCH);
}

#[test]
fn faults_are_planned_listed_and_forgotten() {
    let sandbox = Sandbox::start().expect("a free port");
    let words = [
        "fault",
        "status",
        "--status",
        "503",
        "--retry-after",
        "2",
        "--path",
        "/v1/human",
        "--times",
        "3",
    ];
    assert_eq!(told(&on(&sandbox, &words))["status"], 503);
    told(&on(&sandbox, &["fault", "delay", "--delay", "1500ms"]));
    let faults = sandbox.control().faults();
    assert_eq!((faults.len(), faults[0].times_left()), (2, 3));
    let listed = on(&sandbox, &["fault", "--table"]);
    assert_eq!(
        listed.stdout,
        "status 503, Retry-After 2, /v1/human…, 3×\ndelay 1500 ms, 1×\n"
    );
    assert_eq!(
        told(&on(&sandbox, &["fault"])).as_array().map(Vec::len),
        Some(2)
    );
    told(&on(&sandbox, &["fault", "--clear"]));
    assert!(sandbox.control().faults().is_empty());
    refused(&on(&sandbox, &["fault", "status"]), 4, "needs a status");
    refused(&on(&sandbox, &["fault", "--status", "503"]), 2, "<KIND>");
}

#[test]
fn what_was_asked_is_shown_and_followed_until_the_sandbox_has_gone() {
    let sandbox = Sandbox::start().expect("a free port");
    let app = sandbox.app(DemoApp::Connect);
    let ask = |user: &str| {
        let words = [
            "token",
            "session",
            "--user",
            user,
            "--base-url",
            sandbox.url(),
        ];
        let asked = run(humanapi(words)
            .env("HUMANAPI_CLIENT_ID", &app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", &app.client_secret));
        assert_eq!(asked.code, Some(0), "{asked:?}");
    };
    ask("p17");
    let logged = told(&on(&sandbox, &["logs"]));
    assert_eq!(logged["client_user_id"], "p17");
    let shown = on(&sandbox, &["logs", "--table"]).stdout;
    assert!(
        shown.contains("200  POST   /v1/connect/token  p17  session"),
        "{shown}"
    );

    let mut child = humanapi(["sandbox", "logs", "--follow", "--url", sandbox.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built for this test");
    let stdout = child.stdout.take().expect("it is piped");
    let mut stderr = child.stderr.take().expect("it is piped");
    let mut child = Running(child);
    let mut lines = BufReader::new(stdout).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line comes").expect("it is text");
        serde_json::from_str(&line).expect("it is JSON")
    };
    assert_eq!(next()["client_user_id"], "p17");
    ask("p18");
    assert_eq!(next()["client_user_id"], "p18");
    // After a reset the log begins anew, and so does what is shown.
    sandbox.control().reset();
    ask("p19");
    assert_eq!(next()["client_user_id"], "p19");
    drop(sandbox);
    assert_eq!(child.0.wait().expect("it is our own").code(), Some(5));
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("it is text");
    assert!(said.contains("has gone"), "{said}");
}

#[test]
fn who_is_no_sandbox_or_wants_a_token_is_told() {
    // Nobody listens there any more.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let url = format!("http://127.0.0.1:{port}");
    let gone = run(&mut humanapi(["sandbox", "reset", "--url", &url]));
    refused(&gone, 5, "start one with `humanapi sandbox --port 8080`");
    refused(
        &run(&mut humanapi(["sandbox", "reset", "--url", "here"])),
        2,
        "--url",
    );

    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}", other.local_addr().expect("it is bound"));
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("somebody comes");
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).expect("it asks");
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        stream.write_all(answer).expect("it listens");
    });
    let other = run(&mut humanapi(["sandbox", "open", "--url", &url]));
    refused(&other, 6, "is no sandbox");
    answering.join().expect("it answered");

    let sandbox = Sandbox::builder()
        .bind(Ipv4Addr::UNSPECIFIED.into())
        .start();
    let sandbox = sandbox.expect("a free port");
    refused(&on(&sandbox, &["reset"]), 4, "HUMANAPI_SANDBOX_TOKEN");
    let token = sandbox
        .control_token()
        .expect("it listens beyond this machine");
    let let_in =
        run(humanapi(["sandbox", "reset", "--url", sandbox.url()])
            .env("HUMANAPI_SANDBOX_TOKEN", token));
    told(&let_in);
}

/// Elsewhere the system decides which browser it is.
#[cfg(target_os = "linux")]
#[test]
fn the_dashboard_opens_in_the_browser_where_there_is_one() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, Instant};

    let sandbox = Sandbox::start().expect("a free port");
    let opened = told(&on(&sandbox, &["open"]));
    assert_eq!(opened["opened"], false);
    assert_eq!(opened["url"], format!("{}/", sandbox.url()));

    let folder = tempfile::tempdir().expect("a folder");
    let (browser, seen) = (folder.path().join("browser"), folder.path().join("seen"));
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > {}\n", seen.display());
    std::fs::write(&browser, script).expect("the folder is ours");
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755))
        .expect("the file is ours");
    let opened =
        run(humanapi(["sandbox", "open", "--url", sandbox.url()]).env("BROWSER", &browser));
    assert_eq!(told(&opened)["opened"], true);
    // The browser goes on by itself when the command has ended.
    let gives_up = Instant::now() + Duration::from_secs(60);
    let wanted = format!("{}/", sandbox.url());
    while std::fs::read_to_string(&seen).ok().as_ref() != Some(&wanted) {
        assert!(Instant::now() < gives_up, "it was not opened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn an_order_is_brought_to_a_state_its_tasks_are_done_and_what_it_costs_is_told() {
    let sandbox = Sandbox::start().expect("a free port");
    let nothing = on(&sandbox, &["order", "policy-7"]);
    refused(&nothing, 6, "nothing was ordered for this user");
    let order = sandbox.control().order("policy-7");
    order.placed(OrderState::InProgress).expect("there is room");
    let words = ["order", "policy-7", "--open-task", "question"];
    assert_eq!(told(&on(&sandbox, &words))["state"], "pended");
    let words = ["order", "policy-7", "--table"];
    let line = on(&sandbox, &words).stdout;
    assert_eq!(line.trim(), "policy-7: pended, waits for question");
    let stuck = on(&sandbox, &["order", "policy-7", "--until", "completed"]);
    refused(&stuck, 4, "time alone does not bring it to Completed");
    let words = ["order", "policy-7", "--do-tasks", "--until", "completed"];
    assert_eq!(told(&on(&sandbox, &words))["state"], "completed");
    let listed = told(&on(&sandbox, &["order"]));
    assert_eq!(listed[0]["client_user_id"], "policy-7");
    assert_eq!(
        told(&on(&sandbox, &["order", "--app", "connect"])),
        json!([])
    );
    let ledger = told(&on(&sandbox, &["ledger"]));
    assert_eq!(ledger[0]["order_id"], listed[0]["order_id"]);
    let sum = on(&sandbox, &["ledger", "--table"]).stdout;
    assert!(sum.contains("Would have been billed: 1."), "{sum}");
    let words = ["fault", "status", "--status", "500", "--after-effect"];
    assert_eq!(told(&on(&sandbox, &words))["takes_effect"], true);
}
