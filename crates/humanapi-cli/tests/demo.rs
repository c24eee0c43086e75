//! The demo tells its whole story, on any machine, and gives nothing away.
#![cfg(feature = "demo")]

mod running;
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use humanapi_sandbox::{DemoApp, Sandbox};
use running::Running;
use support::{Run, ended, humanapi, run};

/// What the story must tell, in this order.
const STORY: &[&str] = &[
    "Human API, the whole story",
    "Secrets and tokens are masked, and all health data is",
    "synthetic.",
    " 1  A new user",
    "→ POST /v1/connect/token",
    "\"type\": \"session\"",
    "\"client_secret\": \"…(masked)\"",
    "← 200 OK",
    "\"session_token\": \"st-…(masked)\", \"expires_in\": 3600,",
    "✓ A session token that lives 1 hour. The user is started now.",
    " 2  Connect opens",
    "→ GET /?token=…(masked)&mode=auth",
    " 3  The person connects three sources",
    "\"type\": \"hapi-connect-close\", \"status\": \"SUCCESS\"",
    "✓ Connect reports: Strider, Pulseband and Sandbox Clinic connected.",
    " 4  The app asks before it believes",
    "\"type\": \"access\"",
    "\"access_token\": \"at-…(masked)\", \"expires_in\": 86400",
    "✓ An access token that lives 24 hours. The user is connected now.",
    " 5  The user comes back",
    "\"type\": \"session\"",
    "← 403 Forbidden",
    "\"type\": \"id\"",
    "← 200 OK",
    "\"id_token\": \"id-…(masked)\"",
    "✓ An id token that lives 24 hours.",
    " 6  A server reads the data",
    "→ GET /v1/human/profile",
    "Authorization: Bearer at-…(masked)",
    "→ GET /v1/human\n",
    "→ GET /v1/human/activities",
    "→ GET /v1/human/medical/medications",
    "in all; and",
    " 7  What was read",
    "│ start (UTC)",
    "│ since",
    "│ 2024-04-15 │ ferrous sulfate 325 MG Oral Tablet",
    " 8  The data leave as files",
    "humanapi-demo-",
    "✓ export: ",
    "✓ heart_rate.svg: ",
    "The user's path",
    "New ── session token ─▶ Started ── source connected ─▶ Connected",
    "What to try next",
];

#[track_caller]
fn check(command: &mut Command) -> Run {
    // The folder that the story makes is gone with this one.
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let told = run(command.env("TMPDIR", temporary.path()));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    let mut rest = told.stdout.as_str();
    for line in STORY {
        let at = rest.find(line);
        let at = at.unwrap_or_else(|| panic!("{line:?} is missing in:\n{}", told.stdout));
        rest = &rest[at + line.len()..];
    }
    told
}

#[test]
fn both_adapters_tell_the_whole_story() {
    for (adapter, other) in [("reqwest", "hyper"), ("hyper", "reqwest")] {
        let told = check(&mut humanapi(["demo", "--adapter", adapter]));
        assert!(told.stdout.contains(&format!("SDK over {adapter}.")));
        let proposal = format!("humanapi demo --adapter {other} ");
        assert!(told.stdout.contains(&proposal), "{}", told.stdout);
    }
}

#[test]
fn no_certificates_are_needed() {
    for adapter in ["reqwest", "hyper"] {
        check(
            humanapi(["demo", "--adapter", adapter])
                .env("SSL_CERT_FILE", "/nowhere/certificates")
                .env("SSL_CERT_DIR", "/nowhere")
                .env("HTTPS_PROXY", "http://127.0.0.1:9"),
        );
    }
}

#[test]
fn colours_are_for_terminals() {
    let piped = check(&mut humanapi(["demo"]));
    assert!(!piped.stdout.contains('\u{1b}'));
    let plain = check(humanapi(["demo"]).env("NO_COLOR", "1"));
    assert!(!plain.stdout.contains('\u{1b}'));
    let forced = run(humanapi(["demo"]).env("CLICOLOR_FORCE", "1"));
    assert!(
        forced
            .stdout
            .contains("\u{1b}[1mHuman API, the whole story")
    );
}

#[test]
fn a_terminal_of_80_columns_is_wide_enough() {
    for line in check(&mut humanapi(["demo"])).stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn no_secret_and_no_token_is_told() {
    let twin = Sandbox::builder().seed(7).start().unwrap();
    let secret = twin.app(DemoApp::Connect).client_secret;
    let told = check(&mut humanapi(["demo", "--seed", "7"]));
    assert!(!told.stdout.contains(&secret));
    // What the sandbox issues begins like this.
    for start in ["sbx-", "atrt-"] {
        assert!(!told.stdout.contains(start), "{}", told.stdout);
    }
}

#[test]
fn another_seed_tells_of_other_data() {
    let table = |seed: &str| {
        let told = check(&mut humanapi(["demo", "--seed", seed]));
        let read = told.stdout.split(" 7  ").nth(1)?;
        read.split(" 8  ").next().map(str::to_owned)
    };
    assert_eq!(table("1"), table("1"));
    assert_ne!(table("1"), table("2"));
}

#[test]
fn the_story_ends_with_an_export_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("story");
    let words = ["demo", "--out", out.to_str().unwrap()];
    let told = run(&mut humanapi(words)).stdout;
    assert!(told.contains(out.to_str().unwrap()), "{told}");

    let records = fs::read_dir(out.join("export"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("bucket=0000/records.ndjson"))
        .filter_map(|file| fs::read_to_string(file).ok())
        .map(|file| file.lines().count())
        .collect::<Vec<_>>();
    let said = format!(
        "✓ export: {} records of {} kinds",
        records.iter().sum::<usize>(),
        records.len()
    );
    assert!(records.len() == 6 && told.contains(&said), "{said}: {told}");
    let picture = fs::read_to_string(out.join("heart_rate.svg")).unwrap();
    assert!(picture.contains("<title>Heart rate</title>") && picture.ends_with("</svg>"));
    assert!(picture.contains(">pulseband</text>"), "{picture}");
    assert!(!picture.contains("patient-17"));

    // What somebody has there is theirs.
    let again = run(&mut humanapi(words));
    assert_eq!((again.code, again.stdout.as_str()), (Some(2), ""));
    assert!(
        again
            .stderr
            .contains("the folder of --out has something in it"),
        "{again:?}"
    );
}

#[test]
fn a_reader_may_stop_early() {
    let mut child = humanapi(["demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let told = ended(child);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let told = check(&mut humanapi(["demo"]));
    let printed: Vec<String> = told.stdout.lines().map(constant).collect();
    let readme = include_str!("../README.md");
    let shown = readme.split("```text\n$ humanapi demo\n").nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    for line in shown.lines().filter(|line| *line != "[…]") {
        let line = constant(line);
        assert!(printed.contains(&line), "{line:?} is not printed");
    }
}

/// A line without what differs from run to run: ports, times, instants.
fn constant(line: &str) -> String {
    let mut text = line.trim_end().to_owned();
    for (start, end) in [("http://127.0.0.1:", '.'), (" in ", 's'), ("At\": \"", '"')] {
        if let Some(at) = text.find(start) {
            let from = at + start.len();
            if text[from..].starts_with(|first: char| first.is_ascii_digit()) {
                let to = text[from..].find(end).map_or(text.len(), |to| from + to);
                text.replace_range(from..to, "…");
            }
        }
    }
    text
}

#[test]
fn a_person_may_click_through_connect() {
    let child = humanapi(["demo", "--browser"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Running(child.unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut told = String::new();
    let start = loop {
        let line = lines.next().unwrap().unwrap();
        told += &line;
        if let Some(at) = line.trim().strip_prefix("http://") {
            break at.trim_end_matches('/').to_owned();
        }
    };

    let connect = location(&get(&start, "/"));
    let (host, link) = connect
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let link = format!("/{link}");
    assert!(link.starts_with("/connect?clientId="), "{link}");
    let value = |name: &str| {
        let at = link.split(&format!("{name}=")).nth(1).unwrap();
        at.split('&').next().unwrap().to_owned()
    };
    let who = format!(
        "token={}&clientId={}&callback={}",
        value("token"),
        value("clientId"),
        value("callback")
    );
    assert!(get(host, &link).contains("Connect your health data"));

    // Leaving with nothing connected is told by the service, and asked for again.
    let back = location(&post(host, "/connect/done", &who));
    assert!(get(&start, &path_of(&back)).contains("goes on in the terminal"));
    loop {
        let line = lines.next().unwrap().unwrap();
        told += &line;
        if line.contains("Open the page once more") {
            break;
        }
    }
    assert!(told.contains("! The service says that nothing was connected."));

    let source = "/connect/sources/65a0f3c2d4b1e09876540005";
    post(host, source, &format!("{who}&action=connect"));
    let back = location(&post(host, "/connect/done", &who));
    get(&start, &path_of(&back));
    for line in lines {
        told += &line.unwrap();
        told.push('\n');
    }
    assert!(
        told.contains("✓ Connect reports: Strider connected."),
        "{told}"
    );
    assert!(told.contains("No medications: clinics and pharmacies"));
    assert!(told.contains("What to try next"), "{told}");
    assert!(!told.contains("sbx-"), "{told}");
    assert!(child.0.wait().unwrap().success());
}

#[test]
fn pages_of_other_names_get_nothing() {
    let child = humanapi(["demo", "--browser"])
        .stdout(Stdio::piped())
        .spawn();
    let mut child = Running(child.unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let start = lines
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| line.trim().strip_prefix("http://").map(str::to_owned))
        .unwrap();
    let start = start.trim_end_matches('/');
    let answer = exchange(
        start,
        "GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

fn get(host: &str, path: &str) -> String {
    exchange(
        host,
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    )
}

fn post(host: &str, path: &str, form: &str) -> String {
    exchange(
        host,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    )
}

fn exchange(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("the demo listens");
    stream
        .write_all(request.as_bytes())
        .expect("the demo reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the demo answers in UTF-8");
    answer
}

fn location(answer: &str) -> String {
    answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap_or_else(|| panic!("no redirect: {answer}"))
        .to_owned()
}

fn path_of(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    rest[rest.find('/').unwrap_or(0)..].to_owned()
}
