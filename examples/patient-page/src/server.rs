//! Serves the app with limits in time: nobody holds a connection by saying nothing, and the program ends when it is told.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How patient the server is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// For the head of a request, and for the next request on a connection that is kept open.
    pub head: Duration,
    /// For the whole body of a request.
    pub body: Duration,
    /// For a connection as a whole, so that nobody keeps one by never reading an answer.
    pub connection: Duration,
    /// For what is under way when the server stops.
    pub grace: Duration,
    /// So many connections at a time; more wait.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            body: Duration::from_secs(15),
            connection: Duration::from_secs(600),
            grace: Duration::from_secs(2),
            connections: 512,
        }
    }
}

/// The largest body of a request; the routes of Connect take less.
const LARGEST: usize = 128 * 1024;

/// Serves until `stop` is over, and at most for the grace beyond that, whatever connections are open.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let app = app.layer(from_fn(move |request, next| {
        with_whole_body(request, next, limits.body)
    }));
    let (stopping, stopped) = watch::channel(());
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let stopped = stopped.clone();
                    open.spawn(converse(stream, app.clone(), limits, stopped, place));
                }
                // Out of file handles, most likely; trying again at once would spin.
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
            while open.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    drop(stopping);
    let ended = async { while open.join_next().await.is_some() {} };
    // Whatever is still under way after the grace is cut off with its task.
    let _ = timeout(limits.grace, ended).await;
}

/// Serves one connection.
async fn converse(
    stream: TcpStream,
    app: Router,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
) {
    // Without it, small answers may wait for an acknowledgement; failing is harmless.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        // Who has sent all may say so and still reads.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = pin!(connection);
    tokio::select! {
        // An error here is the caller's hanging up, or time that ran out.
        _ = connection.as_mut() => return,
        // Nothing is sent there: its other end goes.
        _ = stopped.changed() => {}
        () = sleep(limits.connection) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.grace, connection).await;
}

/// Reads the body before anything else happens, so that it has one limit in time, whoever reads it.
async fn with_whole_body(
    request: Request,
    next: Next,
    patience: Duration,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let too_large = (
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body is too large, or broke off.",
    );
    let refusal = if body.size_hint().lower() > LARGEST as u64 {
        // It need not be waited for.
        too_large
    } else {
        match timeout(patience, axum::body::to_bytes(body, LARGEST)).await {
            Ok(Ok(body)) => {
                return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
            }
            Ok(Err(_)) => too_large,
            Err(_) => (StatusCode::REQUEST_TIMEOUT, "The body took too long."),
        }
    };
    Ok(([(axum::http::header::CONNECTION, "close")], refusal).into_response())
}
