//! Plain HTTP and no library: `cargo run -p humanapi-core --example drive_with_tcp_stream`.
#![expect(clippy::disallowed_methods, reason = "drivers do")]
#![expect(clippy::disallowed_types, reason = "drivers do")]

use std::io::{Error, ErrorKind::InvalidData, Read as _, Write as _};
use std::time::{Duration, Instant, SystemTime};

use humanapi_core::flow::{ConnectTokenFlow, Flow, Input, Step};
use humanapi_core::{ClientUserId, Credentials, Hosts, Now, Request, Response, RetryPolicy};
use humanapi_core::{SendFailure, SendFailureKind::Lost, http};
use humanapi_sandbox::{DemoApp, Sandbox};

fn drive<F: Flow>(mut flow: F) -> F::Outcome {
    let origin = Instant::now();
    let now = || Now::new(origin.elapsed(), SystemTime::now());
    loop {
        match flow.poll(now()) {
            #[rustfmt::skip]
            Step::Send { id, request, timeout } | Step::Open { id, request, timeout, .. } => {
                let sent = send(&request, timeout);
                let outcome = sent.map_err(|error| SendFailure::new(Lost).with_source(error));
                flow.handle(Input::sent(id, outcome), now());
            }
            Step::WaitUntil(moment) => std::thread::sleep(moment.saturating_sub(now().monotonic())),
            Step::NeedToken { .. } | Step::Read { .. } => unreachable!("not to open Connect"),
            Step::Done(outcome) => return outcome,
        }
    }
}

fn send(request: &Request, timeout: Duration) -> Result<Response, Error> {
    let (uri, body) = (request.uri(), request.body());
    let host = uri.authority().ok_or(InvalidData)?.as_str();
    let (method, path) = (request.method(), uri.path());
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\n");
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().map_err(Error::other)?);
    }
    let mut stream = std::net::TcpStream::connect(host)?;
    stream.set_read_timeout(Some(timeout))?;
    write!(stream, "{head}content-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(InvalidData)?;
    let response = http::Response::builder().status(head.get(9..12).unwrap_or_default());
    let response = response.body(body.as_bytes().to_vec().into());
    response.map_err(Error::other)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sandbox, user) = (Sandbox::start()?, ClientUserId::new("p-17")?);
    let app = sandbox.app(DemoApp::Connect);
    let credentials = Credentials::new(app.client_id, app.client_secret)?;
    let (hosts, policy) = (Hosts::single(sandbox.url())?, RetryPolicy::default());
    let grant = drive(ConnectTokenFlow::new(credentials, user, hosts, policy))?;
    assert_eq!(grant.token.kind().name(), "session");
    Ok(())
}
