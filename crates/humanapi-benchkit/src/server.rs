//! A server in a process of its own, so that what a bench counts is the client's alone.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

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
use crate::lists::List;

/// A server on loopback that answers over HTTP/1.1.
///
/// It is the same program again, natively even where this one runs under valgrind, and ends with this value or with
/// this process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts one that answers every request with an access token. The program must begin with [`serve_if_asked`].
    ///
    /// # Errors
    ///
    /// When the program cannot be started again.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_as(&Answers::Tokens)
    }

    /// Starts one where every user has a list of so many records, each page of which takes so long. Whoever asks takes pages
    /// of [`PAGE`](crate::lists::PAGE) records.
    ///
    /// # Errors
    ///
    /// When the program cannot be started again.
    pub fn of_lists(records: u32, latency: Duration) -> anyhow::Result<Self> {
        Self::start_as(&Answers::Lists { records, latency })
    }

    fn start_as(answers: &Answers) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(SERVE, answers.told())
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
    if let Some(told) = std::env::var_os(SERVE) {
        let answers = told.to_str().and_then(Answers::of);
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        let served = answers.context("what is to be answered?").and_then(serve);
        std::process::exit(i32::from(served.is_err()));
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug)]
enum Answers {
    Tokens,
    Lists { records: u32, latency: Duration },
}

impl Answers {
    /// As it stands in the environment.
    fn told(self) -> String {
        match self {
            Self::Tokens => "tokens".to_owned(),
            Self::Lists { records, latency } => format!("{records} {}", latency.as_millis()),
        }
    }

    fn of(told: &str) -> Option<Self> {
        if told == "tokens" {
            return Some(Self::Tokens);
        }
        let (records, latency) = told.split_once(' ')?;
        Some(Self::Lists {
            records: records.parse().ok()?,
            latency: Duration::from_millis(latency.parse().ok()?),
        })
    }
}

/// What it answers from.
struct Store {
    /// Nothing where it answers tokens alone.
    list: Option<List>,
    latency: Duration,
}

fn serve(answers: Answers) -> anyhow::Result<()> {
    let store = Arc::new(match answers {
        Answers::Tokens => Store {
            list: None,
            latency: Duration::ZERO,
        },
        Answers::Lists { records, latency } => Store {
            list: Some(List::of(records)),
            latency,
        },
    });
    if let Some(list) = &store.list {
        list.make();
    }
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
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let service = service_fn(|request| answer(&store, request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            });
        }
    })
}

async fn answer(
    store: &Store,
    request: http::Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let offset = offset(request.uri());
    let is_of_token = request.uri().path() == exchange::PATH;
    let _ = request.into_body().collect().await;
    let (body, total) = match &store.list {
        Some(list) if !is_of_token => {
            if !store.latency.is_zero() {
                tokio::time::sleep(store.latency).await;
            }
            (list.page(offset), Some(list.records()))
        }
        _ => (Bytes::from_static(exchange::ACCESS.as_bytes()), None),
    };
    let mut response = Response::new(Full::new(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    if let Some(total) = total {
        let total = HeaderValue::from(total);
        response.headers_mut().insert("x-total-count", total);
    }
    Ok(response)
}

/// Where a page begins, by the query: at 0 if nothing is said.
fn offset(uri: &http::Uri) -> u32 {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .find_map(|pair| pair.strip_prefix("offset="))
        .and_then(|offset| offset.parse().ok())
        .unwrap_or(0)
}

/// Set in the environment of a process that is to be the server, and what it answers.
const SERVE: &str = "HUMANAPI_BENCH_SERVER";
