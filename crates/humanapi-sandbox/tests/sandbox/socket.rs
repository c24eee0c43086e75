//! The running server: real connections, parallel callers, and connections that break.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use humanapi_sandbox::{DemoApp, Fault, IntermediaryBody, Sandbox};
use serde_json::Value;

/// Sends bytes and reads until the other side closes.
fn exchange(sandbox: &Sandbox, bytes: &str) -> String {
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset is one of the ways in which a connection ends.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn session_request(sandbox: &Sandbox, user: &str) -> String {
    let app = sandbox.app(DemoApp::Connect);
    let body = format!(
        r#"{{"client_id":"{}","client_user_id":"{user}","type":"session"}}"#,
        app.client_id
    );
    format!(
        "POST /v1/connect/token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        sandbox.addr(),
        body.len()
    )
}

fn get(sandbox: &Sandbox, path: &str, host: &str) -> String {
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\nConnection: close\r\n\r\n"
    );
    exchange(sandbox, &text)
}

#[test]
fn two_hundred_parallel_sessions_of_one_new_user_are_one_human() {
    let sandbox = Sandbox::start().unwrap();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..200)
            .map(|_| {
                scope.spawn(|| {
                    let answer = exchange(&sandbox, &session_request(&sandbox, "new"));
                    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
                    let body: Value = serde_json::from_str(body).unwrap();
                    body["human_id"].as_str().unwrap().to_owned()
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 200);
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(sandbox.control().exchanges().session, 200);
    let app = sandbox.app(DemoApp::Connect);
    assert_eq!(sandbox.control().users(&app.client_id).unwrap().len(), 1);
}

#[test]
fn an_ordinary_client_is_answered_and_finds_absolute_links() {
    let sandbox = Sandbox::start().unwrap();
    let url = format!("{}/v1/human/activities?limit=100", sandbox.url());
    let mut response = ureq::get(&url)
        .header("authorization", "Bearer demo")
        .call()
        .unwrap();
    let link = response.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.starts_with(&format!(
        "<{}/v1/human/activities?limit=100&offset=100>",
        sandbox.url()
    )));
    let text = response.body_mut().read_to_string().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&text)
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        100
    );
}

#[test]
fn every_answer_bears_the_time_of_the_sandboxs_clock() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_467_600);
    let sandbox = Sandbox::builder().frozen_at(start).start().unwrap();
    let host = sandbox.addr().to_string();
    let dates = |answer: &str| -> Vec<String> {
        let lines = answer.lines().map(str::to_lowercase);
        lines.filter(|line| line.starts_with("date:")).collect()
    };
    for (ahead, expected) in [
        (0, "date: thu, 15 jan 2026 09:00:00 gmt"),
        (36 * 3_600, "date: fri, 16 jan 2026 21:00:00 gmt"),
    ] {
        let ahead = Duration::from_secs(ahead);
        sandbox.control().advance_clock(ahead).unwrap();
        let answers = [
            get(&sandbox, "/v1/human/activities?limit=1", &host),
            // Not there, no method for it, for another host.
            get(&sandbox, "/v1/human/nothing", &host),
            get(&sandbox, "/v1/connect/token", &host),
            get(&sandbox, "/v1/human", "elsewhere.example.test"),
            get(&sandbox, "/connect", &host),
            get(&sandbox, "/sandbox/clock", &host),
            get(&sandbox, "/sandbox/openapi.json", &host),
            exchange(&sandbox, &session_request(&sandbox, "u")),
        ];
        for answer in answers {
            assert_eq!(dates(&answer), [expected], "{answer}");
        }
        for fault in [
            Fault::status(503),
            Fault::intermediary(403, IntermediaryBody::Html),
            Fault::garbage_body(),
            Fault::delay(Duration::from_millis(1)),
        ] {
            sandbox.control().plan_fault(fault).unwrap();
            let answer = get(&sandbox, "/v1/human", &host);
            assert_eq!(dates(&answer), [expected], "{answer}");
        }
    }
    // What no route sees has the machine's time neither.
    assert_eq!(dates(&exchange(&sandbox, "no HTTP\r\n\r\n")), [""; 0]);
}

#[test]
fn head_has_the_length_of_get_and_no_body() {
    let sandbox = Sandbox::start().unwrap();
    let host = sandbox.addr().to_string();
    let got = get(&sandbox, "/v1/human", &host);
    let head = exchange(
        &sandbox,
        &format!(
            "HEAD /v1/human HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\nConnection: close\r\n\r\n"
        ),
    );
    let length = |text: &str| {
        let lower = text.to_lowercase();
        lower
            .lines()
            .find(|line| line.starts_with("content-length"))
            .map(str::to_owned)
    };
    assert!(length(&got).is_some());
    assert_eq!(length(&head), length(&got));
    assert!(head.ends_with("\r\n\r\n"));
}

#[test]
fn a_dropped_connection_brings_no_byte() {
    let sandbox = Sandbox::start().unwrap();
    let control = sandbox.control();
    let app = sandbox.app(DemoApp::Connect);
    control.plan_fault(Fault::drop_before()).unwrap();
    assert_eq!(exchange(&sandbox, &session_request(&sandbox, "u")), "");
    assert!(control.users(&app.client_id).unwrap().is_empty());
    control.plan_fault(Fault::drop_after()).unwrap();
    assert_eq!(exchange(&sandbox, &session_request(&sandbox, "u")), "");
    assert_eq!(control.users(&app.client_id).unwrap().len(), 1);
}

#[test]
fn a_truncated_answer_promises_more_than_it_brings() {
    let sandbox = Sandbox::start().unwrap();
    let host = sandbox.addr().to_string();
    sandbox
        .control()
        .plan_fault(Fault::truncated_body())
        .unwrap();
    let answer = get(&sandbox, "/v1/human", &host);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let promised: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(body.len(), promised / 2);
    let error = {
        sandbox
            .control()
            .plan_fault(Fault::truncated_body())
            .unwrap();
        let url = format!("{}/v1/human?access_token=demo", sandbox.url());
        ureq::get(&url).call().unwrap().body_mut().read_to_string()
    };
    assert!(error.is_err());
}

#[test]
fn a_delayed_answer_is_late_and_a_stopping_sandbox_does_not_wait_for_it() {
    let sandbox = Sandbox::start().unwrap();
    let host = sandbox.addr().to_string();
    let by = Duration::from_millis(60);
    sandbox.control().plan_fault(Fault::delay(by)).unwrap();
    let start = Instant::now();
    assert!(get(&sandbox, "/v1/human", &host).starts_with("HTTP/1.1 200"));
    assert!(start.elapsed() >= by);

    sandbox
        .control()
        .plan_fault(Fault::delay(Duration::from_secs(60)))
        .unwrap();
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    write!(stream, "GET /v1/human HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    while !sandbox.control().faults().is_empty() {
        std::thread::yield_now();
    }
    let start = Instant::now();
    drop(sandbox);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_long_body_is_refused_and_a_foreign_host_too() {
    let sandbox = Sandbox::start().unwrap();
    let post = |path: &str, length: usize| {
        ureq::post(format!("{}{path}", sandbox.url()))
            .header("content-type", "application/json")
            .config()
            .http_status_as_error(false)
            .build()
            .send(vec![b' '; length])
            .unwrap()
            .status()
            .as_u16()
    };
    let tokens = "/v1/connect/token";
    assert_eq!(post(tokens, 1024 * 1024), 400);
    assert_eq!(post(tokens, 1024 * 1024 + 1), 413);
    assert_eq!(post(tokens, 5 * 1024 * 1024), 413);
    // An order can bring papers along; without a token it is refused for that alone.
    let orders = "/api/v1/users";
    assert_eq!(post(orders, 32 * 1024 * 1024), 401);
    assert_eq!(post(orders, 32 * 1024 * 1024 + 1), 413);
    assert!(get(&sandbox, "/v1/human", "evil.test").starts_with("HTTP/1.1 421"));
    assert!(get(&sandbox, "/v1/human", "localhost:1").starts_with("HTTP/1.1 200"));
}

#[test]
fn dropping_a_sandbox_frees_its_port_even_with_an_open_connection() {
    let sandbox = Sandbox::start().unwrap();
    let addr = sandbox.addr();
    let mut idle = TcpStream::connect(addr).unwrap();
    write!(idle, "GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    drop(sandbox);
    let again = Sandbox::builder().port(addr.port()).start().unwrap();
    assert_eq!(again.addr(), addr);
    let taken = Sandbox::builder().port(addr.port()).start();
    assert!(taken.is_err());
}

#[test]
fn beyond_loopback_control_needs_its_token() {
    let local = Sandbox::start().unwrap();
    assert_eq!(local.control_token(), None);
    let sandbox = Sandbox::builder()
        .bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        .start()
        .unwrap();
    let token = sandbox.control_token().unwrap();
    assert!(!format!("{sandbox:?}").contains(token));
    let call = |headers: &str| {
        let text = format!(
            "POST /sandbox/reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: 0\r\nConnection: close\r\n{headers}\r\n"
        );
        let answer = exchange_at(sandbox.addr().port(), &text);
        answer.get(9..12).unwrap().to_owned()
    };
    assert_eq!(call(""), "403");
    assert_eq!(call("X-Sandbox-Token: wrong\r\n"), "403");
    assert_eq!(call(&format!("X-Sandbox-Token: {token}\r\n")), "204");
}

fn exchange_at(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_sandbox_starts_quickly_inside_another_runtime_too() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let sandbox = Sandbox::start().unwrap();
        let host = sandbox.addr().to_string();
        assert!(get(&sandbox, "/v1/human", &host).starts_with("HTTP/1.1 200"));
        // Generous, for a machine that is busy; on an idle one it is a few milliseconds.
        assert!(start.elapsed() < Duration::from_secs(2));
        drop(sandbox);
    });
}

#[test]
fn a_sandbox_and_its_control_may_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Sandbox>();
    crosses::<humanapi_sandbox::Control>();
    crosses::<humanapi_sandbox::OfflineSandbox>();
    crosses::<humanapi_sandbox::StartError>();
}

#[test]
fn a_log_of_long_requests_stays_small() {
    let sandbox = Sandbox::start().unwrap();
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    let host = sandbox.addr();
    let path = format!("/{}", "p".repeat(60_000));
    let method = "M".repeat(60_000);
    for (method, path) in [("GET", path.as_str()), (method.as_str(), "/short")] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for _ in 0..200 {
            stream.write_all(request.as_bytes()).unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"}") {
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
        }
    }
    let log = sandbox.control().requests();
    assert_eq!(log.len(), 400);
    let bytes: usize = log
        .iter()
        .map(|entry| entry.path.len() + entry.method.len())
        .sum();
    assert!(bytes < 400 * 1200, "{bytes}");
}

#[test]
fn who_has_said_all_is_answered_all_the_same() {
    let sandbox = Sandbox::start().unwrap();
    for request in [
        format!("GET /v1/human HTTP/1.1\r\nHost: {}\r\n\r\n", sandbox.addr()),
        session_request(&sandbox, "u").replace("Connection: close\r\n", ""),
    ] {
        for _ in 0..50 {
            let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 "), "{answer:?}");
        }
    }
}
