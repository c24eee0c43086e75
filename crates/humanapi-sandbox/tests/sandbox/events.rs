//! The stream of changes: what it tells, whom, and that nobody can make it grow.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use humanapi_sandbox::{DemoApp, Sandbox};

use crate::support::*;

const PATIENCE: Duration = Duration::from_secs(120);

/// Asks for the stream; the answer's head and what follows.
fn open(sandbox: &Sandbox, headers: &str) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sandbox.addr().port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = if headers.contains("Host:") {
        String::new()
    } else {
        format!("Host: {}\r\n", sandbox.addr())
    };
    write!(
        stream,
        "GET /sandbox/events HTTP/1.1\r\n{host}{headers}\r\n"
    )
    .unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
    }
    (head, stream)
}

/// Reads as far as the next event, and gives its name.
fn next_event(stream: &mut BufReader<TcpStream>) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream ended");
        if let Some(name) = line.strip_prefix("event: ") {
            return name.trim().to_owned();
        }
    }
}

fn ask_for_a_session(sandbox: &Sandbox) {
    let body = serde_json::json!({
        "client_id": sandbox.app(DemoApp::Connect).client_id,
        "client_user_id": "u",
        "type": "session",
    });
    ureq::post(format!("{}{CONNECT}", sandbox.url()))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap();
}

#[test]
fn a_change_is_told_soon_after_it_happened() {
    let sandbox = Sandbox::start().unwrap();
    let (head, mut stream) = open(&sandbox, "");
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for line in [
        "content-type: text/event-stream; charset=utf-8",
        "cache-control: no-store",
        "transfer-encoding: chunked",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(next_event(&mut stream), "change");
    let control = sandbox.control();
    let id = sandbox.app(DemoApp::Connect).client_id;
    let changes: [(&str, &dyn Fn()); 7] = [
        ("a request", &|| ask_for_a_session(&sandbox)),
        ("a source", &|| {
            control.connect_source(&id, "u", "strider").unwrap();
        }),
        ("the clock", &|| {
            control.advance_clock(Duration::from_secs(1)).unwrap();
        }),
        ("a fault", &|| {
            control
                .plan_fault(humanapi_sandbox::Fault::drop_before())
                .unwrap();
        }),
        ("an assumption", &|| {
            control
                .set_assumption(humanapi_sandbox::Assumption::IdResponse, "lean")
                .unwrap();
        }),
        ("a deletion", &|| control.delete_user(&id, "u").unwrap()),
        ("a reset", &|| control.reset()),
    ];
    for (what, change) in changes {
        let start = Instant::now();
        change();
        assert_eq!(next_event(&mut stream), "change", "{what}");
        // Well before the tick that would come anyway.
        assert!(start.elapsed() < Duration::from_secs(8), "{what}");
    }
}

#[test]
fn a_thousand_changes_are_a_few_events() {
    let sandbox = Sandbox::start().unwrap();
    let (_, mut stream) = open(&sandbox, "");
    next_event(&mut stream);
    let start = Instant::now();
    for _ in 0..1000 {
        sandbox.control().clear_faults();
    }
    let lasted = start.elapsed();
    stream
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(600)))
        .unwrap();
    let mut rest = Vec::new();
    // Ends with the timeout.
    let _ = stream.read_to_end(&mut rest);
    let events = String::from_utf8(rest).unwrap().matches("event: ").count();
    let most = 2 + usize::try_from(lasted.as_millis() / 100).unwrap();
    assert!((1..=most).contains(&events), "{events} in {lasted:?}");
}

#[test]
fn other_sites_and_other_machines_cannot_watch() {
    let sandbox = Sandbox::start().unwrap();
    for (headers, status) in [
        ("Host: evil.test\r\n", "421"),
        ("Origin: https://evil.test\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Sec-Fetch-Site: cross-site\r\n", "403"),
        ("Sec-Fetch-Site: same-site\r\n", "403"),
        ("Sec-Fetch-Site: same-origin\r\n", "200"),
        ("", "200"),
    ] {
        assert_eq!(&open(&sandbox, headers).0[9..12], status, "{headers}");
    }
    let s = Offline::new();
    let posted = s.post_json("/sandbox/events", &serde_json::json!({}));
    assert_eq!(posted.status(), 405);
    assert_eq!(header(&posted, "allow"), Some("GET"));

    let wide = Sandbox::builder()
        .bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        .start()
        .unwrap();
    let host = "Host: 127.0.0.1\r\n";
    assert_eq!(&open(&wide, host).0[9..12], "403");
    let token = wide.control_token().unwrap();
    let with_token = format!("{host}X-Sandbox-Token: {token}\r\n");
    assert_eq!(&open(&wide, &with_token).0[9..12], "200");
    // Nor does the page that asks for the token tell it.
    let page = ureq::get(format!("http://127.0.0.1:{}/", wide.addr().port()))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert!(page.contains("Control token") && !page.contains(token));
}

#[test]
fn only_so_many_watch_at_once() {
    let sandbox = Sandbox::start().unwrap();
    let mut watchers: Vec<_> = (0..32).map(|_| open(&sandbox, "")).collect();
    assert!(watchers.iter().all(|(head, _)| head.contains(" 200 ")));
    assert!(open(&sandbox, "").0.contains(" 503 "));
    watchers.pop();
    let start = Instant::now();
    while !open(&sandbox, "").0.contains(" 200 ") {
        assert!(start.elapsed() < PATIENCE, "the place stays taken");
        // Writing to one who has left is what shows that it has left.
        sandbox.control().clear_faults();
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_watch_ends_with_the_sandbox() {
    let sandbox = Sandbox::start().unwrap();
    let (_, mut stream) = open(&sandbox, "");
    next_event(&mut stream);
    drop(sandbox);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    // An orderly end: what the grace for answers under way cuts off lacks it.
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}

#[test]
fn without_a_socket_there_is_the_first_event() {
    let response = Offline::new().get("/sandbox/events", &[]);
    let text = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(text, "retry: 1000\n\nevent: change\ndata: {}\n\n");
}
