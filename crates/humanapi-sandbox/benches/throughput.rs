//! Times the sandbox: how soon it answers after its start, and how many token exchanges it answers in a second.
//!
//! The load generator runs in the same process on one thread of its own and speaks to plain sockets, so that it takes
//! as little as it can of the cores that it shares with the sandbox.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use humanapi_sandbox::{DemoApp, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn main() -> anyhow::Result<()> {
    let mut starts = (0..STARTS)
        .map(|_| start())
        .collect::<anyhow::Result<Vec<_>>>()?;
    starts.sort();
    let mut speeds = (0..ROUNDS)
        .map(|_| exchanges())
        .collect::<anyhow::Result<Vec<_>>>()?;
    speeds.sort_by(f64::total_cmp);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "from start to first answer: {:.1} ms, median of {STARTS}",
        starts[STARTS / 2].as_secs_f64() * 1_000.0
    )?;
    writeln!(
        out,
        "token exchanges, {CONNECTIONS} connections: {:.0}/s, median of {ROUNDS}",
        speeds[ROUNDS / 2]
    )?;
    Ok(())
}

/// How long it takes until a new sandbox has answered.
fn start() -> anyhow::Result<Duration> {
    let clock = Instant::now();
    let sandbox = Sandbox::start()?;
    block_on(async {
        let mut stream = TcpStream::connect(sandbox.addr()).await?;
        exchange(&mut stream, &request(&sandbox), &mut Vec::new()).await
    })?;
    Ok(clock.elapsed())
}

/// How many exchanges a second a sandbox answers.
fn exchanges() -> anyhow::Result<f64> {
    let sandbox = Sandbox::start()?;
    let request = Arc::new(request(&sandbox));
    block_on(async {
        load(&sandbox, &request, CALLS / 10).await?;
        let clock = Instant::now();
        load(&sandbox, &request, CALLS).await?;
        Ok(f64::from(CALLS) / clock.elapsed().as_secs_f64())
    })
}

async fn load(sandbox: &Sandbox, request: &Arc<Vec<u8>>, calls: u32) -> anyhow::Result<()> {
    let begun = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (begun, request, address) =
                (Arc::clone(&begun), Arc::clone(request), sandbox.addr());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let mut answer = Vec::with_capacity(4096);
                while begun.fetch_add(1, Ordering::Relaxed) < calls {
                    exchange(&mut stream, &request, &mut answer).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Sends one request and reads the whole answer.
async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    answer: &mut Vec<u8>,
) -> anyhow::Result<()> {
    stream.write_all(request).await?;
    answer.clear();
    loop {
        let read = stream.read_buf(answer).await?;
        ensure!(read > 0, "the connection closed");
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&answer[..end])?;
        ensure!(head.starts_with("HTTP/1.1 200"), "refused: {head}");
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .context("the answer tells no length")?
            .parse()?;
        if answer.len() >= end + 4 + length {
            return Ok(());
        }
    }
}

/// One request for a session token, as bytes.
fn request(sandbox: &Sandbox) -> Vec<u8> {
    let app = sandbox.app(DemoApp::Connect);
    let body = format!(
        r#"{{"client_id":"{}","client_secret":"{}","client_user_id":"patient-17","type":"session"}}"#,
        app.client_id, app.client_secret
    );
    let head = format!(
        "POST /v1/connect/token HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        sandbox.addr(),
        body.len()
    );
    (head + &body).into_bytes()
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

const STARTS: usize = 21;
const ROUNDS: usize = 5;
const CALLS: u32 = 100_000;
const CONNECTIONS: u32 = 64;
