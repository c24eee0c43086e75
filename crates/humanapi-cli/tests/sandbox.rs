//! The sandbox runs until it is told to stop, and says how to reach it.
#![cfg(all(unix, feature = "sandbox"))]

mod running;
mod support;

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{ChildStdout, Command, Stdio};

use running::Running;
use support::{humanapi, run};

/// A sandbox under way.
struct Serving {
    running: Running,
    lines: Lines<BufReader<ChildStdout>>,
}

fn start(words: &[&str]) -> Serving {
    let mut child = humanapi([&["sandbox"], words].concat())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command was built for this test");
    let stdout = child.stdout.take().expect("stdout is piped");
    Serving {
        running: Running(child),
        lines: BufReader::new(stdout).lines(),
    }
}

impl Serving {
    /// Sends a signal to this very process, and gives its exit code and what it still says.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill")
            .args([signal, &self.running.0.id().to_string()])
            .status();
        assert!(sent.expect("kill is part of every Unix").success());
        let rest: Vec<String> = self.lines.map_while(Result::ok).collect();
        let ended = self.running.0.wait().expect("it is our own child");
        (ended.code(), rest.join("\n"))
    }
}

#[test]
fn one_line_of_json_tells_scripts_all() {
    let mut running = start(&["--json", "--seed", "7"]);
    let line = running.lines.next().unwrap().unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["seed"], 7);
    let apps = told["apps"].as_array().unwrap();
    assert_eq!(apps.len(), 3);
    assert_eq!(apps[0]["app"], "connect");
    assert_eq!(apps[0]["client_id"].as_str().unwrap().len(), 40);
    assert!(apps[0]["client_secret"].is_string());

    let address = told["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(stream);

    assert_eq!(running.stop("-INT"), (Some(0), String::new()));
}

#[test]
fn people_are_told_how_to_use_it_as_the_readme_shows() {
    let mut running = start(&[]);
    let mut told = String::new();
    while !told.ends_with("Ctrl-C stops it.\n") {
        told += &running.lines.next().unwrap().unwrap();
        told.push('\n');
    }
    let url = told
        .split_whitespace()
        .find(|word| word.starts_with("http://"));
    let url = url.expect("it says where it is").to_owned();
    let shown = include_str!("../README.md").split_once("$ humanapi sandbox --port 8080\n");
    let (shown, _) = (shown.and_then(|(_, rest)| rest.split_once("```")))
        .expect("the README shows what it says");
    assert_eq!(
        told.trim_start().replace(&url, "http://127.0.0.1:8080"),
        shown
    );
    assert!(!told.contains('\u{1b}'));
    assert_eq!(running.stop("-TERM"), (Some(0), "\nStopped.".to_owned()));
}

#[test]
fn a_port_that_is_taken_is_told_in_two_lines() {
    let mut running = start(&["--json"]);
    let line = running.lines.next().unwrap().unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let port = told["url"].as_str().unwrap().rsplit(':').next().unwrap();
    let second = run(&mut humanapi(["sandbox", "--port", port]));
    assert_eq!(second.code, Some(70));
    assert_eq!(second.stdout, "");
    assert_eq!(
        second.stderr,
        format!(
            "error: cannot listen on 127.0.0.1:{port}: address already in use\n\
             help: choose another --port or --bind, or leave them out to take a free port\n"
        )
    );
    running.stop("-INT");
}

const STORY: &str = r#"{
    "apps": {"connect": {"client_id": "my-app", "client_secret": "made-up"}},
    "users": [{"client_user_id": "p17", "sources": ["strider"]}],
    "faults": [{"kind": "status", "status": 503, "path": "/v1/human"}]
}"#;

/// Asks a sandbox, and gives the whole answer.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{request}").expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("it answers in UTF-8");
    answer
}

#[test]
fn it_offers_what_its_library_offers() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("story.json");
    std::fs::write(&story, STORY).unwrap();
    let mut running = start(&[
        "--json",
        "--bind",
        "0.0.0.0",
        "--allow-host",
        "sandbox.example.test",
        "--app-origin",
        "http://127.0.0.1:3000/",
        "--callback",
        "myapp://back",
        "--assume",
        "id-response=lean",
        "--frozen-at",
        "2026-01-15T09:00:00Z",
        "--state",
        story.to_str().unwrap(),
    ]);
    let line = running.lines.next().unwrap().unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let token = told["control_token"].as_str().unwrap();
    let app = &told["apps"][0];
    assert_eq!(
        (&app["client_id"], &app["client_secret"]),
        (&"my-app".into(), &"made-up".into())
    );
    let callbacks = app["callbacks"].as_array().unwrap();
    for callback in ["http://127.0.0.1:3000/*", "myapp://back"] {
        assert!(callbacks.contains(&callback.into()), "{callbacks:?}");
    }
    let address = told["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    // All of 127.0.0.0/8 is this machine, and only a sandbox for all addresses listens there.
    #[cfg(target_os = "linux")]
    TcpStream::connect(address.replace("127.0.0.1", "127.0.0.2")).expect("it listens everywhere");
    let get = |path: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: sandbox.example.test\r\nConnection: close\r\n\
             Authorization: Bearer demo\r\nX-Sandbox-Token: {token}\r\n\r\n"
        );
        ask(address, &request)
    };
    assert!(get("/sandbox/users").contains(r#""client_user_id":"p17""#));
    assert!(get("/sandbox/users").contains(r#""status":"connected""#));
    assert!(get("/sandbox/clock").contains(r#"{"now":"2026-01-15T09:00:00.000Z","frozen":true}"#));
    assert!(get("/sandbox/assumptions").contains(r#""name":"id-response","value":"lean""#));
    assert!(get("/v1/human").starts_with("HTTP/1.1 503"));
    assert!(get("/v1/human").starts_with("HTTP/1.1 200"));
    let body = r#"{"client_id":"my-app","client_user_id":"new","type":"session"}"#;
    let request = format!(
        "POST /v1/connect/token HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let session = ask(address, &request);
    let (_, rest) = session.split_once(r#""session_token":""#).unwrap();
    let (session, _) = rest.split_once('"').unwrap();
    let hosted = |callback: &str| {
        get(&format!(
            "/connect?clientId=my-app&token={session}&callback={callback}"
        ))
    };
    assert!(hosted("http://127.0.0.1:3000/any/page").starts_with("HTTP/1.1 200"));
    assert!(hosted("http://127.0.0.1:3001/any/page").starts_with("HTTP/1.1 400"));
    assert!(
        ask(
            address,
            "GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"
        )
        .starts_with("HTTP/1.1 421")
    );
    running.stop("-INT");
}

#[test]
fn what_cannot_begin_is_told_in_two_lines() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("story.json");
    std::fs::write(
        &story,
        r#"{"users":[{"client_user_id":"u","sources":["nowhere"]}]}"#,
    )
    .unwrap();
    let path = story.to_str().unwrap();
    let missing = folder.path().join("none.json");
    for (words, part) in [
        (
            ["--state", path],
            "users[0].sources[0]: no source is called \"nowhere\"",
        ),
        (
            ["--state", missing.to_str().unwrap()],
            "none.json: no such file or directory",
        ),
        (["--assume", "id-response"], "it is written NAME=VALUE"),
        (
            ["--assume", "id-response=fat"],
            "id-response can be full or lean",
        ),
        (
            ["--assume", "no-such=1"],
            "no assumption is named \"no-such\"",
        ),
        (
            ["--app-origin", "http://127.0.0.1:3000/back"],
            "it is an origin",
        ),
        (["--frozen-at", "yesterday"], "--frozen-at"),
        (["--bind", "somewhere"], "--bind"),
        (
            ["--app-origin", "http://127.0.0.1:65536"],
            "a port that is no number from 1 to 65535",
        ),
        (
            ["--callback", "javascript:alert(1)"],
            "would not open an app",
        ),
        (["--allow-host", "http://sandbox.test"], "a name alone"),
    ] {
        let refused = run(&mut humanapi([&["sandbox"], &words[..]].concat()));
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(2), ""),
            "{words:?}"
        );
        assert_eq!(refused.stderr.lines().count(), 2, "{}", refused.stderr);
        assert!(
            refused.stderr.contains(part),
            "{part} is missing in {}",
            refused.stderr
        );
    }
}
