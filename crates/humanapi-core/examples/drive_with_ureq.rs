//! A blocking driver of one's own, with ureq: `cargo run -p humanapi-core --example drive_with_ureq`.
#![expect(clippy::disallowed_methods, reason = "drivers do")]
#![expect(clippy::disallowed_types, reason = "drivers do")]

use std::time::{Duration, Instant, SystemTime};

use humanapi_core::SendFailureKind::{CutShort, Lost, NotSent, TimedOut};
use humanapi_core::flow::{ConnectTokenFlow, Flow, Input, Step};
use humanapi_core::{ClientUserId, Credentials, Hosts, Now, Request, RetryPolicy};
use humanapi_core::{Response, SendFailure};
use humanapi_sandbox::{DemoApp, Sandbox};

fn drive<F: Flow>(mut flow: F) -> F::Outcome {
    let origin = Instant::now();
    let now = || Now::new(origin.elapsed(), SystemTime::now());
    loop {
        match flow.poll(now()) {
            #[rustfmt::skip]
            Step::Send { id, request, timeout } | Step::Open { id, request, timeout, .. } => flow.handle(Input::sent(id, send(request, timeout)), now()),
            Step::WaitUntil(moment) => std::thread::sleep(moment.saturating_sub(now().monotonic())),
            Step::NeedToken { .. } | Step::Read { .. } => unreachable!("not to open Connect"),
            Step::Done(outcome) => return outcome,
        }
    }
}

fn send(request: Request, timeout: Duration) -> Result<Response, SendFailure> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false) // an error status is an answer
        .max_redirects(0) // a token never goes elsewhere
        .timeout_global(Some(timeout))
        .build()
        .into();
    // ureq's own texts may hold the address, so they stay here.
    let request = request.map(|body| body.into_bytes().to_vec());
    let response = agent.run(request).map_err(|error| match error {
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => SendFailure::new(NotSent),
        ureq::Error::Timeout(_) => SendFailure::new(TimedOut),
        _ => SendFailure::new(Lost),
    })?;
    let (head, mut body) = response.into_parts();
    let body = body.read_to_vec().map_err(|_| SendFailure::new(CutShort))?;
    Ok(Response::from_parts(head, body.into()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let app = sandbox.app(DemoApp::Connect);
    let credentials = Credentials::new(app.client_id, app.client_secret)?;
    let (user, hosts) = (ClientUserId::new("p-17")?, Hosts::single(sandbox.url())?);
    let policy = RetryPolicy::default();
    let grant = drive(ConnectTokenFlow::new(credentials, user, hosts, policy))?;
    assert_eq!(grant.token.kind().name(), "session");
    Ok(())
}
