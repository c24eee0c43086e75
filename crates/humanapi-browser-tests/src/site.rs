//! A small web server: an application's own pages, or somebody else's.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A web server that serves what it was given. It ends with the runtime that it was started on.
#[derive(Clone, Debug)]
pub struct Site {
    origin: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    files: HashMap<String, Response<Bytes>>,
    told: Vec<Bytes>,
}

impl Site {
    /// Starts on a free port. The name is `localhost` or `127.0.0.1`: to a browser, these are two sites.
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port on loopback");
        let port = listener.local_addr().expect("it is bound").port();
        let this = Self {
            origin: format!("http://{name}:{port}"),
            inner: Arc::default(),
        };
        let site = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let site = site.clone();
                let serve = service_fn(move |request| {
                    let site = site.clone();
                    async move { Ok::<_, Infallible>(site.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), serve);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        this
    }

    /// Scheme, name and port.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Serves this at a path from now on.
    pub fn serve(&self, path: &str, kind: &str, body: impl Into<Bytes>) {
        self.serve_with(path, kind, &[], body);
    }

    /// Serves a page with these headers at a path, from now on, and tells its address.
    pub fn page(&self, path: &str, headers: &[(&str, &str)], html: impl Into<Bytes>) -> String {
        self.serve_with(path, "text/html; charset=utf-8", headers, html);
        format!("{}{path}", self.origin)
    }

    /// What pages have posted to `/told`.
    #[must_use]
    pub fn told(&self) -> Vec<Bytes> {
        self.inner
            .lock()
            .expect("nobody panics holding it")
            .told
            .clone()
    }

    fn serve_with(&self, path: &str, kind: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) {
        let mut file = Response::new(body.into());
        for &(name, value) in [(header::CONTENT_TYPE.as_str(), kind)]
            .iter()
            .chain(headers)
        {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a test's header");
            file.headers_mut()
                .append(name, HeaderValue::from_str(value).expect("a test's header"));
        }
        let mut inner = self.inner.lock().expect("nobody panics holding it");
        inner.files.insert(path.to_owned(), file);
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let mut inner = self.inner.lock().expect("nobody panics holding it");
        let status = match (&head.method, head.uri.path()) {
            (&Method::POST, "/told") => {
                inner.told.push(body);
                StatusCode::NO_CONTENT
            }
            (_, "/favicon.ico") => StatusCode::NO_CONTENT,
            (_, path) => match inner.files.get(path) {
                Some(file) => return file.clone().map(Full::new),
                None => StatusCode::NOT_FOUND,
            },
        };
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = status;
        answer
    }
}
