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
fn people_are_told_how_to_use_it() {
    let mut running = start(&[]);
    let mut told = String::new();
    while !told.ends_with("Ctrl-C stops it.\n") {
        told += &running.lines.next().unwrap().unwrap();
        told.push('\n');
    }
    for part in [
        "Human API sandbox on http://127.0.0.1:",
        "the secrets too, so they are shown in clear",
        "client secret  sbx-secret-",
        "Hosts::single(\"http://127.0.0.1:",
        "export HUMANAPI_CLIENT_ID=5a9db0c5",
        "curl -s http://127.0.0.1:",
        "the dashboard",
    ] {
        assert!(told.contains(part), "{part:?} is missing in:\n{told}");
    }
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
             help: choose another --port, or leave it out to take a free one\n"
        )
    );
    running.stop("-INT");
}
