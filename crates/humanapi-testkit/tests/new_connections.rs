//! Exchanges over new connections, one after another and side by side: none of them is left hanging.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use humanapi_client::TokenBroker;
use humanapi_core::{ClientUserId, Credentials, Hosts, Provisioning, RetryPolicy, TokenKey};
use humanapi_hyper::HyperTransport;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How many exchanges there are, and how long each may take. A machine at work on much else may well be slow;
/// a hunt has it for itself.
fn bounds() -> (u32, Duration) {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep {
        (200_000, Duration::from_secs(1))
    } else {
        (800, Duration::from_secs(30))
    }
}

/// Exchanges side by side.
const CALLERS: u32 = 8;

/// Answers one request with a token, and hangs up.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    // The body is the last of it, and JSON.
    while !request.ends_with(b"}") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let body = r#"{"access_token":"at-1","expires_in":86400}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn exchanges(connections: Arc<AtomicU32>) {
    let (count, limit) = bounds();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::clone(&connections);
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            drop(tokio::spawn(answer(stream)));
        }
    });
    let broker = TokenBroker::builder(
        Credentials::new("app-1", "hush").unwrap(),
        Provisioning::Connect,
        HyperTransport::new(),
    )
    .hosts(Hosts::single(&url).unwrap())
    .retry(RetryPolicy::none())
    .capacity(100)
    .build();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for number in 0..count / CALLERS {
                    let user = ClientUserId::new(format!("u-{caller}-{number}")).unwrap();
                    let key = TokenKey::access(broker.client_id().clone(), user);
                    let token = tokio::time::timeout(limit, broker.token(&key)).await;
                    token.expect("an exchange takes too long").unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    server.abort();
    assert_eq!(
        connections.load(Ordering::SeqCst),
        count,
        "each has one of its own"
    );
}

/// In a thread of its own, because one that spins never comes back.
fn run(runtime: tokio::runtime::Runtime) {
    let connections = Arc::<AtomicU32>::default();
    let made = Arc::clone(&connections);
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime.block_on(exchanges(made));
        done.send(()).unwrap();
    });
    let ended = ended.recv_timeout(Duration::from_secs(1_800));
    assert!(ended.is_ok(), "it ended after {connections:?} connections");
}

#[test]
fn none_of_many_exchanges_over_new_connections_hangs_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    run(runtime.unwrap());
}

#[test]
fn none_of_many_exchanges_over_new_connections_hangs_on_two() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    run(runtime.unwrap());
}
