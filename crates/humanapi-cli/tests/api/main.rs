//! Any call: authorized as its path needs, its answer as it came, and nothing sent elsewhere.
#![cfg(all(unix, feature = "data"))]

mod pages;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox, Scenario};
use serde_json::Value;
use support::{Run, ended, humanapi, run};

fn sandbox() -> Sandbox {
    let people = Scenario::from_json(
        br#"{"users": [{"client_user_id": "ill", "persona": "chronic",
            "sources": ["sandbox_clinic", "pulseband", "strider"]}]}"#,
    )
    .expect("the scenario is right");
    let sandbox = Sandbox::builder().seed(5).scenario(people).start();
    sandbox.expect("loopback has free ports")
}

fn with(words: &[&str], url: &str, app: &AppCredentials) -> Command {
    let mut command = humanapi([&["api"], words].concat());
    command
        .env("HUMANAPI_BASE_URL", url)
        .env("HUMANAPI_CLIENT_ID", &app.client_id)
        .env("HUMANAPI_CLIENT_SECRET", &app.client_secret);
    command
}

fn api(sandbox: &Sandbox, words: &[&str]) -> Run {
    let app = sandbox.app(DemoApp::Connect);
    run(&mut with(words, sandbox.url(), &app))
}

#[track_caller]
fn told(sandbox: &Sandbox, words: &[&str]) -> String {
    let told = api(sandbox, words);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    told.stdout
}

/// A server that reads one request for each of these answers, and hands the requests out.
fn serve(answers: Vec<Vec<u8>>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (give, take) = channel();
    thread::spawn(move || {
        for answer in answers {
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            // Whoever asked may have gone.
            let _ = answer_one(stream, &answer, &give);
        }
    });
    (url, take)
}

fn answer_one(mut stream: TcpStream, answer: &[u8], give: &Sender<String>) -> std::io::Result<()> {
    let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let _ = give.send(text);
                break;
            }
        }
        match stream.read(&mut bytes)? {
            0 => break,
            read => request.extend_from_slice(&bytes[..read]),
        }
    }
    stream.write_all(answer)
}

fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn an_answer_is_printed_as_it_came_and_its_head_where_it_is_asked_for() {
    let sandbox = sandbox();
    let profile = told(&sandbox, &["get", "/v1/human/profile", "--user", "ill"]);
    assert!(serde_json::from_str::<Value>(&profile).is_ok(), "{profile}");
    for adapter in ["reqwest", "hyper"] {
        let words = [
            "GET",
            "/v1/human/profile",
            "--user",
            "ill",
            "--include",
            "--adapter",
            adapter,
        ];
        let whole = told(&sandbox, &words);
        let (head, body) = whole.split_once("\n\n").expect("a line between");
        assert!(head.starts_with("HTTP/1.1 200 OK\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(body, profile);
    }
    let head = told(
        &sandbox,
        &["HEAD", "/v1/human/profile", "--user", "ill", "--include"],
    );
    assert!(
        head.starts_with("HTTP/1.1 200 OK\n") && head.ends_with("\n\n"),
        "{head}"
    );
    // The whole address of a host that is asked is as good.
    let address = format!("{}/v1/human/profile", sandbox.url());
    assert_eq!(told(&sandbox, &["GET", &address, "--user", "ill"]), profile);
}

#[test]
fn parameters_go_into_the_query_and_are_escaped() {
    let sandbox = sandbox();
    let words = [
        "GET",
        "/v1/human/activities?limit=2",
        "--user",
        "ill",
        "--query",
        "source=a&b c",
    ];
    assert_eq!(told(&sandbox, &words), "[]");
    let requests = sandbox.control().requests();
    let last = format!("{:?}", requests.last().expect("it was asked"));
    assert!(last.contains("limit=2&source=a%26b%20c"), "{last}");
}

#[test]
fn all_pages_of_a_list_are_one_array_whatever_its_path() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let folder = tempfile::tempdir().expect("there is room");
    for (path, kind) in [
        ("/v1/human/medical/test_results", "test_results"),
        ("/v1/human/sources", "sources"),
    ] {
        let mut list = humanapi(["data", "list", kind, "--user", "ill", "--all"]);
        let list = run(list
            .env("HUMANAPI_BASE_URL", sandbox.url())
            .env("HUMANAPI_CLIENT_ID", &app.client_id)
            .env("HUMANAPI_CLIENT_SECRET", &app.client_secret));
        assert_eq!(list.code, Some(0), "{list:?}");
        let words = ["GET", path, "--user", "ill", "--paginate"];
        assert_eq!(told(&sandbox, &words), list.stdout);
        let file = folder.path().join(kind);
        let file = file.to_str().expect("it has a plain name");
        let small = ["--query", "limit=40", "--output", file];
        assert_eq!(told(&sandbox, &[&words[..], &small].concat()), "");
        let written = std::fs::read_to_string(file).expect("it is there");
        assert_eq!(written, list.stdout);
    }
    let count = |query: &str| {
        let path = format!("/v1/human/medical/test_results{query}");
        let all = told(&sandbox, &["GET", &path, "--user", "ill", "--paginate"]);
        let all: Vec<Value> = serde_json::from_str(&all).expect("an array");
        all.len()
    };
    assert_eq!(count("?offset=200"), count("") - 200);
    let none = [
        "GET",
        "/v1/human/activities?source=none",
        "--user",
        "ill",
        "--paginate",
    ];
    assert_eq!(told(&sandbox, &none), "[]\n");
}

#[test]
fn nothing_is_sent_where_it_does_not_belong() {
    let sandbox = sandbox();
    for words in [
        &["GET", "/v1/human/profile"][..],
        &["GET", "/v1/humans", "--user", "ill"],
        &["GET", "/", "--user", "ill"],
        &["GET", "v1/human", "--user", "ill"],
        &["GET", "//evil.example/v1/human", "--user", "ill"],
        &["GET", "https://evil.example/v1/human", "--user", "ill"],
        &["GET", "http://127.0.0.1:1/v1/human", "--user", "ill"],
        &["GET", "/v1/human/../../api/v1/users", "--user", "ill"],
        &["GET", "/v1/human/%2e%2e/x", "--user", "ill"],
        &["GET", "/v1/human/a b", "--user", "ill"],
        &["GET", "/v1/human/x#y", "--user", "ill"],
        &["GET", "/v1/human/x\r\nX-Evil: 1", "--user", "ill"],
        &["POST", "/v1/connect/token", "--field", "type=session"],
        &["POST", "/v1/admin/token"],
        &["GET", "/v1/appsx/users"],
        &["GET", "/v1/apps/x/users", "--user", "ill"],
        &["GET", "/v1/apps/x/users", "--app-key=hush"],
        &["GET", "/api/v1/users", "--user", "ill"],
        &[
            "GET",
            "/v1/human/profile",
            "--user",
            "ill",
            "--field",
            "a=b",
        ],
        &["GET", "/v1/human/profile", "--user", ""],
        &["BREW", "/v1/human/profile", "--user", "ill"],
        &["GET", "/api/v1/users?offset=x", "--paginate"],
        &[
            "POST",
            "/v1/human/activities",
            "--user",
            "ill",
            "--paginate",
        ],
        &[
            "GET",
            "/v1/human/activities?limit=x",
            "--user",
            "ill",
            "--paginate",
        ],
        &[
            "GET",
            "/v1/human/activities?limit=501",
            "--user",
            "ill",
            "--paginate",
        ],
        &["POST", "/api/v1/users", "--field", "a=1", "--field", "a=2"],
        &["POST", "/api/v1/users", "--input", "/nowhere/body.json"],
    ] {
        let told = api(&sandbox, words);
        assert_eq!(
            (told.code, told.stdout.as_str()),
            (Some(2), ""),
            "{words:?} {told:?}"
        );
        assert_eq!(told.stderr.lines().count(), 2, "{told:?}");
    }
    assert_eq!(sandbox.control().requests().len(), 0);
}

#[test]
fn the_admin_api_is_asked_with_a_client_token_and_a_body_as_it_stands() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Hip);
    let body = "{\"a\": 1.10,\n \"b\": [12345678901234567890123]}";
    let ok = || answer("202 Accepted", "", "");
    let (admin, requests) = serve(vec![ok(), ok()]);
    let mut command = with(
        &[
            "POST",
            "/api/v1/users/actions",
            "--input",
            "-",
            "--admin-url",
            &admin,
        ],
        sandbox.url(),
        &app,
    );
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built for this test");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    stdin.write_all(body.as_bytes()).expect("it is read");
    drop(stdin);
    let told = ended(child);
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    let request = requests.recv().expect("it was asked");
    assert!(
        request.starts_with("POST /api/v1/users/actions HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.to_lowercase().contains("authorization: bearer "),
        "{request}"
    );
    assert!(request.ends_with(body), "{request}");
    let words = [
        "POST",
        "/api/v1/users/actions",
        "--field",
        "clientUserId=p17",
        "--field",
        "count:=2",
        "--admin-url",
        &admin,
    ];
    assert_eq!(run(&mut with(&words, sandbox.url(), &app)).code, Some(0));
    let request = requests.recv().expect("it was asked");
    assert!(
        request.ends_with(r#"{"clientUserId":"p17","count":2}"#),
        "{request}"
    );
}

#[test]
fn no_redirect_is_followed() {
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let trap = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    trap.set_nonblocking(true).expect("it is ours");
    let place = format!(
        "Location: http://{}/\r\n",
        trap.local_addr().expect("it is bound")
    );
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let (data, _requests) = serve(vec![answer(status, &place, "")]);
        let words = [
            "GET",
            "/v1/human/profile",
            "--user",
            "ill",
            "--data-url",
            &data,
        ];
        let told = run(&mut with(&words, sandbox.url(), &app));
        assert_eq!(
            (told.code, told.stdout.as_str()),
            (Some(6), ""),
            "{status}: {told:?}"
        );
    }
    assert!(trap.accept().is_err(), "somebody followed");
}

#[test]
fn a_refusal_is_told_as_elsewhere_and_shown_where_it_is_asked_for() {
    let sandbox = sandbox();
    let words = ["GET", "/v1/human/activities/none", "--user", "ill"];
    let told = api(&sandbox, &words);
    assert_eq!((told.code, told.stdout.as_str()), (Some(4), ""), "{told:?}");
    let names = (told.stderr.lines()).filter_map(|line| Some(line.split_once(": ")?.0));
    let names: Vec<&str> = names.collect();
    assert_eq!(names, ["error", "help", "request id"], "{told:?}");
    let told = api(&sandbox, &[&words[..], &["--include"]].concat());
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stdout.starts_with("HTTP/1.1 404 Not Found\n"),
        "{told:?}"
    );
    assert!(told.stdout.contains("\"statusCode\":404"), "{told:?}");
}

#[test]
fn a_large_answer_becomes_a_file_whole_or_not_at_all() {
    const SIZE: usize = 24 * 1024 * 1024;
    let sandbox = sandbox();
    let app = sandbox.app(DemoApp::Connect);
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("answer");
    let name = file.to_str().expect("it has a plain name");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: {SIZE}\r\n\r\n"
    );
    let whole = [head.as_bytes(), &vec![b'x'; SIZE]].concat();
    let cut = whole[..head.len() + SIZE / 2].to_vec();
    let (data, _requests) = serve(vec![cut, whole.clone(), whole]);
    let words = [
        "GET",
        "/v1/human/medical/reports/1/raw",
        "--user",
        "ill",
        "--data-url",
        &data,
    ];
    let to_file = [&words[..], &["--output", name]].concat();
    let told = run(&mut with(&to_file, sandbox.url(), &app));
    assert_eq!(told.code, Some(5), "{told:?}");
    assert_eq!(std::fs::read_dir(&folder).expect("it is ours").count(), 0);
    let told = run(&mut with(&to_file, sandbox.url(), &app));
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    assert_eq!(
        std::fs::metadata(&file).expect("it is there").len(),
        SIZE as u64
    );
    let told = run(&mut with(&words, sandbox.url(), &app));
    assert_eq!((told.code, told.stdout.len()), (Some(0), SIZE));
}
