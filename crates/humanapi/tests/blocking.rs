//! The blocking client keeps its time.
#![cfg(all(feature = "blocking", feature = "data"))]

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use humanapi::blocking::Client;

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
