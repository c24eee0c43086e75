//! The floor: a fixed request over a kept connection, and the answer read the usual way.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{AGENT, PATH, usual_answer, usual_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Connections that wait for the next call.
type Idle = Arc<Mutex<Vec<(TcpStream, Vec<u8>)>>>;

#[derive(Clone)]
pub struct Socket {
    address: Arc<str>,
    request: Arc<[u8]>,
    idle: Idle,
}

impl Caller for Socket {
    fn new(url: &str) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("plain http alone")?;
        let body = usual_request(url)?.into_body();
        let mut request = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\ncontent-type: application/json\r\nuser-agent: {AGENT}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        Ok(Self {
            address: address.into(),
            request: request.into(),
            idle: Idle::default(),
        })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let (mut stream, mut answer) = match kept {
            Some(kept) => kept,
            None => {
                let stream = TcpStream::connect(&*self.address).await?;
                stream.set_nodelay(true)?;
                (stream, Vec::with_capacity(4096))
            }
        };
        stream.write_all(&self.request).await?;
        answer.clear();
        let body = loop {
            ensure!(stream.read_buf(&mut answer).await? > 0, "it hung up");
            if let Some(body) = whole(&answer)? {
                break body;
            }
        };
        black_box(usual_answer(&answer[body..])?);
        idle().push((stream, answer));
        Ok(())
    }
}

/// Where the body begins, once all of it is there.
fn whole(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    ensure!(head.starts_with("HTTP/1.1 200"), "refused");
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .context("the answer tells no length")?
        .parse()?;
    let begin = end + 4;
    Ok((answer.len() >= begin + length).then_some(begin))
}
