//! Everything that a browser sends and loads: it goes through a recording proxy.
//!
//! A proxy sees what no script and no browser protocol shows in full: every header of every request
//! of every frame, and every byte of every answer. It also answers what is not on this machine, so
//! that nothing leaves it.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Body = BoxBody<Bytes, hyper::Error>;

/// Where violations of a content policy are reported to: nowhere, but the proxy takes note.
const REPORTS: &str = "http://reports.test/";

/// One request and its answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The address in full.
    pub url: String,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Bytes,
    /// The answer's status; none as long as there is no answer.
    pub status: Option<StatusCode>,
    /// The answer's headers.
    pub answer_headers: HeaderMap,
    /// As much of the answer's body as has come.
    pub answer: Vec<u8>,
}

impl Exchange {
    /// A request header as text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All of it as one text, to search in.
    #[must_use]
    pub fn as_bytes(&self) -> Vec<u8> {
        let mut all = format!("{} {}\n", self.method, self.url).into_bytes();
        for headers in [&self.headers, &self.answer_headers] {
            for (name, value) in headers {
                all.extend_from_slice(name.as_str().as_bytes());
                all.extend_from_slice(b": ");
                all.extend_from_slice(value.as_bytes());
                all.push(b'\n');
            }
        }
        all.extend_from_slice(&self.body);
        all.push(b'\n');
        all.extend_from_slice(&self.answer);
        all
    }
}

/// A recording proxy. It ends with the runtime that it was started on.
#[derive(Clone, Debug)]
pub struct Traffic {
    address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Traffic {
    /// Starts on a free port.
    pub async fn record() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port on loopback");
        let this = Self {
            address: listener.local_addr().expect("it is bound"),
            exchanges: Arc::default(),
        };
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let traffic = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (traffic, client) = (traffic.clone(), client.clone());
                let serve = service_fn(move |request| {
                    let (traffic, client) = (traffic.clone(), client.clone());
                    async move { Ok::<_, Infallible>(traffic.pass(request, &client).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), serve);
                // A browser drops connections as it likes.
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        this
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that has gone by, but reports of violations.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut all = self.all();
        all.retain(|exchange| !exchange.url.starts_with(REPORTS));
        all
    }

    /// What has gone to one origin, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn to(&self, origin: &str) -> Vec<Exchange> {
        let mut all = self.all();
        all.retain(|exchange| exchange.url.starts_with(&format!("{origin}/")));
        all
    }

    /// What the browser has reported as forbidden by a page's content policy.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut all = self.all();
        all.retain(|exchange| exchange.url.starts_with(REPORTS));
        all.iter()
            .map(|report| String::from_utf8_lossy(&report.body).into_owned())
            .collect()
    }

    fn all(&self) -> Vec<Exchange> {
        self.exchanges
            .lock()
            .expect("nobody panics holding it")
            .clone()
    }

    async fn pass(
        &self,
        request: Request<Incoming>,
        client: &Client<HttpConnector, Full<Bytes>>,
    ) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return plain(StatusCode::BAD_REQUEST),
        };
        let index = self.note(Exchange {
            method: head.method.clone(),
            url: head.uri.to_string(),
            headers: head.headers.clone(),
            body: body.clone(),
            status: None,
            answer_headers: HeaderMap::new(),
            answer: Vec::new(),
        });
        if !is_here(&head.uri) {
            let is_report = head.uri.host() == Some("reports.test");
            let status = if is_report {
                StatusCode::NO_CONTENT
            } else {
                StatusCode::BAD_GATEWAY
            };
            self.change(index, |exchange| exchange.status = Some(status));
            return plain(status);
        }
        for hop in ["proxy-connection", "connection", "accept-encoding"] {
            head.headers.remove(hop);
        }
        let Ok(answer) = client
            .request(Request::from_parts(head, Full::new(body)))
            .await
        else {
            return plain(StatusCode::BAD_GATEWAY);
        };
        let (mut head, body) = answer.into_parts();
        self.change(index, |exchange| {
            exchange.status = Some(head.status);
            exchange.answer_headers = head.headers.clone();
        });
        report_violations(&mut head.headers);
        let this = self.clone();
        let body = body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                this.change(index, |exchange| exchange.answer.extend_from_slice(data));
            }
            frame
        });
        Response::from_parts(head, body.boxed())
    }

    fn note(&self, exchange: Exchange) -> usize {
        let mut exchanges = self.exchanges.lock().expect("nobody panics holding it");
        exchanges.push(exchange);
        exchanges.len() - 1
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Exchange)) {
        let mut exchanges = self.exchanges.lock().expect("nobody panics holding it");
        change(&mut exchanges[index]);
    }
}

/// Has the browser report what a page's policy forbids. The policy itself stays as it is.
fn report_violations(headers: &mut HeaderMap) {
    let Some(policy) = headers.get(header::CONTENT_SECURITY_POLICY) else {
        return;
    };
    let policy = policy.to_str().expect("a policy is ASCII");
    let policy = HeaderValue::from_str(&format!("{policy}; report-uri {REPORTS}"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.expect("it is ASCII still"),
    );
}

fn is_here(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http") && matches!(uri.host(), Some("127.0.0.1" | "localhost"))
}

fn plain(status: StatusCode) -> Response<Body> {
    let body = Full::new(Bytes::new()).map_err(|never| match never {});
    let mut response = Response::new(body.boxed());
    *response.status_mut() = status;
    response
}
