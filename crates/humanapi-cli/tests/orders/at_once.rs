//! How many orders go on at the same time, as the service sees it: no more than was said.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use humanapi_core::http::Method;
use humanapi_sandbox::{DemoApp, Fault};

use super::{World, at_service, counts, no_canary};
use crate::support::run;

const USERS: &str = "/api/v1/users";

/// The orders that were sent and are not answered yet, and the most that there were.
#[derive(Default)]
struct UnderWay {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl UnderWay {
    fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    /// Counted before whoever sent it can know of the answer, and so before another one can follow.
    fn end(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Stands before a sandbox, passes on what comes either way, and counts the orders under way.
fn counting(sandbox: &str) -> (String, Arc<UnderWay>) {
    let sandbox = sandbox.strip_prefix("http://").expect("it is in clear");
    let sandbox = sandbox.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    let under_way = Arc::new(UnderWay::default());
    let counted = Arc::clone(&under_way);
    // Ends with the process; each connection ends with either side of it.
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("it is open");
            let service = TcpStream::connect(&*sandbox).expect("it listens");
            let (sender, receiver) = (copy(&client), copy(&service));
            let is_open = Arc::new(AtomicBool::new(false));
            let (was_open, there, back) = (
                Arc::clone(&is_open),
                Arc::clone(&counted),
                Arc::clone(&counted),
            );
            thread::spawn(move || {
                pass_on(sender, service, |piece| {
                    if piece.starts_with(b"POST /api/v1/users ") {
                        there.begin();
                        is_open.store(true, Ordering::SeqCst);
                    }
                });
            });
            thread::spawn(move || {
                pass_on(receiver, client, |_| {
                    if was_open.swap(false, Ordering::SeqCst) {
                        back.end();
                    }
                });
            });
        }
    });
    (format!("http://{address}"), under_way)
}

fn copy(stream: &TcpStream) -> TcpStream {
    stream
        .try_clone()
        .expect("a socket has room for another handle")
}

/// Passes on until one side ends, and looks at each piece before.
fn pass_on(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        look(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Whoever is gone already needs not be told.
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn no_more_orders_go_on_at_once_than_was_said() {
    let world = World::open();
    // Long beside what a busy machine takes for an order: fewer would be on their way otherwise than could be.
    let slow = Fault::delay(Duration::from_millis(100));
    let slow = slow.on_method(Method::POST).on_path(USERS).times(1_000);
    let control = world.sandbox.control();
    control.plan_fault(slow).expect("it is a fault");
    let app = world.sandbox.app(DemoApp::Hip);
    for (more, orders, few, many) in [
        (&["--at-once", "2"][..], 30, 2, 2),
        // Few at first, then as many as the service bears, and 16 at most.
        (&[], 150, 5, 16),
    ] {
        let ids: Vec<String> = (0..orders).map(|at| format!("{many}-{at}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let file = world.applicants(&format!("{many}.csv"), &ids);
        let (url, under_way) = counting(world.sandbox.url());
        let store = world.store();
        let words = [
            &["orders", "submit", &file, "--yes"][..],
            &store.each(),
            more,
        ]
        .concat();
        let told = run(&mut at_service(
            &words,
            &url,
            &app.client_id,
            &app.client_secret,
        ));
        no_canary(&told);
        assert_eq!(
            counts(&told),
            format!("orders {orders}, placed {orders}"),
            "{told:?}"
        );
        let most = under_way.most.load(Ordering::SeqCst);
        assert!((few..=many).contains(&most), "{most} at once, {more:?}");
    }
}
