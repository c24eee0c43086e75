//! A server in a process of its own, so that what a bench counts is the client's alone.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::exchange;

/// A server on loopback that answers every request with an access token over HTTP/1.1.
///
/// It is the same program again, natively even where this one runs under valgrind, and ends with this value or with
/// this process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts one. The program must begin with [`serve_if_asked`].
    ///
    /// # Errors
    ///
    /// When the program cannot be started again.
    pub fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(SERVE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let output = child.stdout.take().context("its output is piped")?;
        BufReader::new(output).read_line(&mut url)?;
        anyhow::ensure!(url.ends_with('\n'), "the server did not start");
        url.truncate(url.trim_end().len());
        Ok(Self { child, url })
    }

    /// Where it is reached, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Becomes the server, if this process was started as one, and then never returns.
pub fn serve_if_asked() {
    if std::env::var_os(SERVE).is_some() {
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        let served = serve();
        std::process::exit(i32::from(served.is_err()));
    }
}

fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(
            std::io::stdout(),
            "http://127.0.0.1:{}",
            listener.local_addr()?.port()
        )?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                let _ = connection.await;
            });
        }
    })
}

async fn answer(
    request: http::Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    let body = Bytes::from_static(exchange::ACCESS.as_bytes());
    let mut response = Response::new(Full::new(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// Set in the environment of a process that is to be the server.
const SERVE: &str = "HUMANAPI_BENCH_SERVER";
