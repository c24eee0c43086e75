//! The client without async, over the transport that it comes with: what it shows and logs, and what its stack logs.

use std::time::Duration;

use humanapi::blocking::Client;
use humanapi_core::http::Method;
use humanapi_core::{Host, RawCall, RetryPolicy, StreamedCall};
use humanapi_sandbox::{DemoApp, Sandbox};

use crate::{EMAIL, Watch, echo_server, faults, log, logged};

/// A client of the demo application, and of another secret where one is given.
fn client_of(watch: &Watch, sandbox: &Sandbox, base: &str, secret: Option<&str>) -> Client {
    let app = sandbox.app(DemoApp::Connect);
    let secret = secret.unwrap_or(&app.client_secret);
    watch.canary(secret);
    let policy = RetryPolicy::default()
        .with_max_attempts(2)
        .with_base(Duration::from_millis(1))
        .with_attempt_timeout(Duration::from_millis(400))
        .with_overall_deadline(Duration::from_secs(10));
    let client = Client::new(&app.client_id, secret).unwrap();
    let client = client.base_url(base).unwrap().retry(policy);
    watch.show(format!("{client:?}"));
    client
}

/// A list that is read while it arrives.
fn as_it_arrives() -> StreamedCall {
    RawCall::new(Method::GET, Host::Data, "/v1/human/activities").streamed()
}

/// Reads what there is of a user, and knows its tokens and health data from then on.
fn success(watch: &Watch, sandbox: &Sandbox) {
    let client = client_of(watch, sandbox, sandbox.url(), None);
    let user = client.user("patient-17");
    let call = user.connect_token().email(EMAIL);
    watch.show(format!("{user:?} {call:?}"));
    let grant = call.send().unwrap();
    watch.canary(grant.token.expose_secret());
    let app = sandbox.app(DemoApp::Connect);
    let control = sandbox.control();
    control
        .connect_source(&app.client_id, "patient-17", "strider")
        .unwrap();
    let returning = user.connect_token().send().unwrap();
    watch.canary(returning.token.expose_secret());
    let access = user.access_token().send().unwrap();
    watch.canary(access.token.expose_secret());
    let profile = user.data().profile().send().unwrap();
    watch.canary(profile.email().unwrap());
    let confirmed = user.confirm_connection().send().unwrap();
    watch.show(format!(
        "{grant:?} {returning:?} {access:?} {profile:?} {:?} {confirmed:?}",
        *profile
    ));
    let mut count = 0;
    for activity in user.data().activities().limit(20).items().take(40) {
        let activity = activity.unwrap();
        watch.canary(activity.id().unwrap());
        watch.show(format!("{activity:?} {:?}", *activity));
        count += 1;
    }
    assert!(count > 20, "more than one page");
    let opened = user.call(as_it_arrives()).open().unwrap();
    watch.show(format!("{opened:?}"));
    watch.show_error(&opened.bytes(8).expect_err("it is longer"));
}

/// Tries everything against a service in trouble; all of it may fail.
fn try_all(watch: &Watch, client: &Client) -> usize {
    let user = client.user("patient-17");
    let raw = RawCall::new(Method::POST, Host::Admin, "/nowhere?secret=x");
    let outcomes = [
        user.connect_token().email(EMAIL).send().map(drop),
        user.confirm_connection().send().map(drop),
        user.session_token().send().map(drop),
        user.id_token().send().map(drop),
        user.access_token().send().map(drop),
        client.client_token().send().map(drop),
        user.data().profile().send().map(drop),
        user.call(as_it_arrives()).open().map(drop),
        client.call(raw).send().map(drop),
    ];
    let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    errors.map(|error| watch.show_error(error)).count()
}

#[test]
fn nothing_secret_is_shown_without_async() {
    log();
    let watch = Watch::default();
    let sandbox = Sandbox::start().unwrap();
    success(&watch, &sandbox);
    let client = client_of(&watch, &sandbox, sandbox.url(), None);
    for fault in faults() {
        for path in ["/v1/connect/token", "/v1/human"] {
            sandbox.control().clear_faults();
            let fault = fault.clone().on_path(path).times(1_000);
            sandbox.control().plan_fault(fault).unwrap();
            assert!(try_all(&watch, &client) > 0);
        }
    }
    sandbox.control().clear_faults();
    let wrong = Some("canary-wrong-secret");
    let client = client_of(&watch, &sandbox, sandbox.url(), wrong);
    assert_eq!(try_all(&watch, &client), 9);
    // None that leads on: at trace, ureq logs where, as the book says.
    for (status, head) in [(400, ""), (403, "retry-after: ")] {
        let client = client_of(&watch, &sandbox, &echo_server(status, head), None);
        assert_eq!(try_all(&watch, &client), 9);
    }
    assert!(logged("humanapi.call{call="), "logs are on");
    watch.search("ureq");
}
