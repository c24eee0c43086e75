//! A proxy that tunnels to one place whatever it is asked for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::raw::read_request;

/// A proxy on loopback that notes what it was asked.
pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Tunnels everything to `target`.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        Self::start(Ok(target)).await
    }

    /// Answers every `CONNECT` with this status line.
    pub(crate) async fn refusing(status: &'static str) -> Self {
        Self::start(Err(status)).await
    }

    async fn start(outcome: Result<SocketAddr, &'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback is there");
        let address = listener.local_addr().expect("a listener has an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, outcome, Arc::clone(&log)));
            }
        };
        Self {
            address,
            asked,
            task: tokio::spawn(accept),
        }
    }

    /// The proxy's address as a setting holds it, with a user and a password, where `%2D` is a hyphen.
    pub(crate) fn setting(&self) -> String {
        format!("http://canary-user:canary%2Dpassword@{}", self.address)
    }

    /// What it was asked so far, from the request line to the empty line.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no holder panics").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tunnel(
    mut stream: TcpStream,
    outcome: Result<SocketAddr, &'static str>,
    log: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let asked = read_request(&mut stream).await?;
    let asked = String::from_utf8(asked).ok()?;
    log.lock().expect("no holder panics").push(asked);
    match outcome {
        Ok(target) => {
            let mut target = TcpStream::connect(target).await.ok()?;
            stream
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await
                .ok()?;
            copy_bidirectional(&mut stream, &mut target).await.ok()?;
        }
        Err(status) => {
            let answer = format!(
                "HTTP/1.1 {status}\r\nx-echo: canary of the proxy\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
    Some(())
}

/// What [`Proxy::setting`]'s user and password look like in a `Proxy-Authorization` header.
pub(crate) const LOGIN: &str = "Basic Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXBhc3N3b3Jk";
