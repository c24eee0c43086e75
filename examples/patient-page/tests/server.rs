//! The server over real connections: its limits in time, and its end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use patient_page::server::{Limits, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Long enough for whatever this waits for, and for nothing else.
const SOON: Duration = Duration::from_millis(200);

struct World {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl World {
    async fn new(limits: impl FnOnce(&mut Limits)) -> Self {
        let mut given = Limits::default();
        limits(&mut given);
        let app = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/echo", post(|body: String| async { body }))
            .route("/never", get(std::future::pending::<&str>));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, app, given, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            server,
        }
    }

    async fn connect(&self, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }
}

/// All that comes until the connection ends.
async fn all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";

#[tokio::test]
async fn who_says_nothing_loses_the_connection() {
    let world = World::new(|limits| limits.head = SOON).await;
    assert_eq!(all(world.connect("").await).await, "");
    let half = world.connect("GET / HTTP/1.1\r\nHost: x\r\nX-Half: ").await;
    assert!(!all(half).await.contains("here"));
    let idle = all(world.connect(GET).await).await;
    assert!(idle.contains("200 OK") && idle.ends_with("here"), "{idle}");
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_refused() {
    let world = World::new(|limits| limits.body = SOON).await;
    let answer = all(world.connect(&format!("{POST}bo")).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    // A byte now and then is no better: the whole body has the limit.
    let mut slow = world
        .connect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        .await;
    let (mut answers, mut sends) = slow.split();
    let trickle = async {
        while sends.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SOON / 10).await;
        }
    };
    let mut bytes = Vec::new();
    let answer = async {
        let _ = answers.read_to_end(&mut bytes).await;
    };
    tokio::select! {
        () = trickle => {}
        () = answer => {}
    }
    let whole = all(world.connect(&format!("{POST}body")).await);
    let answered = tokio::time::timeout(SOON, whole).await;
    assert!(
        answered.is_err(),
        "the connection is kept for the next request"
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::new(|_| {}).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n";
    let answer = all(world.connect(head).await).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn who_has_sent_all_and_says_so_is_answered() {
    let world = World::new(|_| {}).await;
    for (sent, expected) in [(GET.to_owned(), "here"), (format!("{POST}body"), "body")] {
        let mut stream = world.connect(&sent).await;
        stream.shutdown().await.unwrap();
        let answer = all(stream).await;
        assert!(
            answer.contains("200 OK") && answer.ends_with(expected),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn no_connection_is_kept_for_ever() {
    let world = World::new(|limits| {
        limits.connection = SOON;
        limits.grace = SOON;
    })
    .await;
    assert_eq!(
        all(world
            .connect("GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
            .await)
        .await,
        ""
    );
}

#[tokio::test]
async fn it_ends_whatever_connections_are_open() {
    let world = World::new(|limits| limits.grace = SOON).await;
    let open = [
        world.connect("").await,
        world.connect("GET / HTTP").await,
        world.connect(&format!("{POST}bo")).await,
        world
            .connect("GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
            .await,
        world.connect(&GET.repeat(1_000)).await,
    ];
    world.stop.send(()).unwrap();
    world.server.await.unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
    drop(open);
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait() {
    let world = World::new(|limits| {
        limits.connections = 2;
        limits.head = SOON;
    })
    .await;
    let silent = [world.connect("").await, world.connect("").await];
    let answer = all(world.connect(GET).await).await;
    assert!(answer.ends_with("here"), "{answer}");
    drop(silent);
}
