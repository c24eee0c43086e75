//! The blocking client keeps its time.
#![cfg(all(feature = "blocking", feature = "data"))]

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use humanapi::blocking::Client;
use humanapi_sandbox::{DemoApp, Sandbox};

/// A service that takes connections and never answers. It ends once it is told to, and says whether that came in time.
fn silent() -> (String, mpsc::Sender<()>, thread::JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!(
        "http://{}",
        listener.local_addr().expect("it has an address")
    );
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            held.push(stream);
        }
    });
    // Far below the thirty seconds that an attempt may take, far above what a slow machine needs.
    let watch = thread::spawn(move || ended.recv_timeout(Duration::from_secs(20)).is_ok());
    (url, end, watch)
}

#[test]
fn it_is_asked_whether_a_user_has_connected() {
    let sandbox = Sandbox::start().unwrap();
    let app = sandbox.app(DemoApp::Connect);
    let client = Client::new(&app.client_id, &app.client_secret).unwrap();
    let client = client.base_url(sandbox.url()).unwrap();
    let user = client.user("patient-17");
    user.session_token()
        .email("p17@example.test")
        .send()
        .unwrap();
    assert!(!user.confirm_connection().send().unwrap().is_connected());
    let control = sandbox.control();
    control
        .connect_source(&app.client_id, "patient-17", "strider")
        .unwrap();
    let confirmed = user.confirm_connection().human_id("of-somebody").send();
    assert!(confirmed.unwrap().is_connected());
    user.data().profile().send().unwrap();
}

#[cfg(feature = "testing")]
#[test]
fn it_is_tested_on_the_sandboxs_clock_without_a_network() {
    use humanapi::testing::{ForTests as _, Sandbox};

    let sandbox = Sandbox::builder().build_offline();
    sandbox
        .control()
        .user("patient-17")
        .connected_with("strider")
        .unwrap();
    let app = sandbox.app(DemoApp::Connect);
    let client = Client::new(&app.client_id, &app.client_secret).unwrap();
    let client = client
        .transport(sandbox.transport())
        .runtime(sandbox.clock());
    let read = || client.user("patient-17").data().profile().send().unwrap();
    read();
    sandbox
        .clock()
        .advance(Duration::from_secs(2 * 86_400))
        .unwrap();
    read();
    assert_eq!(
        sandbox.control().exchanges().total(),
        2,
        "the token had ended"
    );
}

#[test]
fn a_call_does_not_wait_for_a_token_longer_than_it_may() {
    let (url, end, watch) = silent();
    let client = Client::new("my-app", "hush")
        .unwrap()
        .base_url(&url)
        .unwrap();
    let user = client.user("patient-17");
    let failed = user
        .data()
        .profile()
        .timeout(Duration::from_millis(300))
        .send();
    assert!(failed.is_err());
    let failed = user
        .connect_token()
        .timeout(Duration::from_millis(300))
        .send();
    assert!(failed.is_err());
    // Nobody may be there any more to be told.
    let _ = end.send(());
    assert!(watch.join().unwrap(), "the calls took longer than they may");
}
