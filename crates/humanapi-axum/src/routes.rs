//! The routes.

use axum::Json;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::any;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use humanapi_client::connect::{CONNECT_JS, CONNECT_JS_INTEGRITY, CONNECT_JS_TYPE};
use humanapi_core::SecretBuffer;
use humanapi_core::connect::{ConnectEnd, ConnectOutcome, MAX_REPORT_SIZE, NextStep};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::LOG;
use crate::answer::{Next, OutcomeAnswer, TokenAnswer};
use crate::connect::{Connect, KEPT_FOR};
use crate::launch_cookie::LaunchNonce;
use crate::origin::{check_posted, is_visit};
use crate::page::{PAGE_JS, escaped};
use crate::problem::Problem;
use crate::user::AppUser;

impl Connect {
    /// The routes, to be merged into an application or nested in it:
    ///
    /// | Route | |
    /// | --- | --- |
    /// | `POST /connect/token` | the token that opens Connect, for the user who is signed in |
    /// | `POST /connect/outcome` | what connect.js reported; the answer says what the service confirmed |
    /// | `GET /connect/callback` | where hosted Connect comes back to |
    /// | `GET /connect/page.js` | joins buttons, connect.js and these routes |
    /// | `GET /connect.js` | the launcher |
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/connect/token", any(token))
            .route("/connect/outcome", any(outcome))
            .route("/connect/callback", any(callback))
            .route("/connect/page.js", any(page_js))
            .route("/connect.js", any(connect_js))
            .layer(map_response(guarded))
            .with_state(self.clone())
    }
}

/// Headers of every answer, where the route did not say otherwise.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(CACHE_CONTROL, "no-store");
    set(REFERRER_POLICY, "no-referrer");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    response
}

/// Somebody who is signed in posted JSON from a page of ours.
async fn posted(connect: &Connect, request: Request) -> Result<(Parts, AppUser, Bytes), Response> {
    let inner = &connect.inner;
    let (mut parts, body) = request.into_parts();
    if parts.method != Method::POST {
        let allowed = Method::POST;
        return Err(Problem::WrongMethod { allowed }.into_response());
    }
    check_posted(&parts.headers, &inner.origins).map_err(IntoResponse::into_response)?;
    let user = inner.signed_in.user(&mut parts).await?;
    let body = whole(body).await.map_err(IntoResponse::into_response)?;
    Ok((parts, user, body))
}

async fn whole(body: Body) -> Result<Bytes, Problem> {
    // What is announced as too large need not be waited for.
    if body.size_hint().lower() > MAX_REPORT_SIZE as u64 {
        return Err(Problem::TooLarge);
    }
    axum::body::to_bytes(body, MAX_REPORT_SIZE)
        .await
        .map_err(|error| {
            use std::error::Error as _;
            // The reason is that of a body which was read to its limit, and no other.
            let is_limit = error
                .source()
                .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
            if is_limit {
                Problem::TooLarge
            } else {
                Problem::BrokenOff
            }
        })
}

async fn token(State(connect): State<Connect>, request: Request) -> Response {
    // The body says nothing that is of use: who asks is known.
    let (parts, user, _) = match posted(&connect, request).await {
        Ok(posted) => posted,
        Err(refusal) => return refusal,
    };
    give_token(&connect, &parts.headers, &user)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn give_token(
    connect: &Connect,
    headers: &HeaderMap,
    user: &AppUser,
) -> Result<Response, Problem> {
    let inner = &connect.inner;
    let (grant, human_id_changed) = connect.grant(user).await?;
    let (options, link) = connect.launch(user, &grant)?;
    let now = inner.client.now();
    let expiry = grant.token.expiry();
    let left = expiry.time_left(now, std::time::Duration::ZERO);

    let nonce = LaunchNonce::draw()?;
    let carried = inner.cookie.read(headers);
    let mut nonces = inner.visitors.expected(user.id(), carried, now.monotonic());
    let ends = now.monotonic().saturating_add(left);
    inner.visitors.expect(user.id(), nonce.clone(), ends);
    nonces.push(nonce);

    let options: &RawValue =
        serde_json::from_str(options.expose_secret()).map_err(|_| Problem::Internal)?;
    let answer = TokenAnswer {
        token: grant.token.expose_secret(),
        kind: grant.token.kind().name(),
        expires_in: left.as_secs(),
        expires_at: rfc3339(expiry.wall()),
        options,
        hosted_link: link.as_ref().map(|link| link.expose_secret()),
        human_id_changed,
    };
    // The token is in it, so it is not written into a buffer that leaves copies behind.
    let mut json = SecretBuffer::new();
    serde_json::to_writer(&mut json, &answer).map_err(|_| Problem::Internal)?;
    let json = humanapi_core::Body::from(json).into_bytes();
    let headers = [(CONTENT_TYPE, "application/json")];
    let mut response = (headers, json).into_response();
    set_cookie(&mut response, inner.cookie.write(&nonces, left.as_secs()));
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn rfc3339(time: std::time::SystemTime) -> String {
    let since = time
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

async fn outcome(State(connect): State<Connect>, request: Request) -> Response {
    let (_, user, body) = match posted(&connect, request).await {
        Ok(posted) => posted,
        Err(refusal) => return refusal,
    };
    let Ok(outcome) = ConnectOutcome::from_message(&body) else {
        return Problem::Unreadable.into_response();
    };
    match follow(&connect, &user, &outcome).await {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Does what a report suggests. It is a hint, so all that it can bring about is a question.
async fn follow(
    connect: &Connect,
    user: &AppUser,
    outcome: &ConnectOutcome,
) -> Result<OutcomeAnswer, Problem> {
    let token_is_spent = matches!(
        outcome.end,
        Some(ConnectEnd::TokenExpired | ConnectEnd::TokenInvalid)
    );
    let next = match outcome.next_step() {
        NextStep::AskForAccessToken => {
            let said = connect.confirm(user.id()).await?;
            if token_is_spent && connect.count_question(user.id()).is_ok() {
                connect.forget_tokens(user.id()).await;
            }
            let tells_change = outcome.user_event().is_some();
            return Ok(OutcomeAnswer::confirmed(&said, tells_change, KEPT_FOR));
        }
        NextStep::RenewLaunchToken => {
            // What is kept would be handed out again. Forgetting costs an exchange, so it is counted.
            connect.count_question(user.id())?;
            connect.forget_tokens(user.id()).await;
            Next::RenewToken
        }
        NextStep::PassLaunchToken => Next::PassToken,
        NextStep::KeepListening => Next::KeepListening,
        _ => Next::Nothing,
    };
    let record = connect.record(user.id()).await?;
    Ok(OutcomeAnswer::remembered(&record, next))
}

async fn callback(State(connect): State<Connect>, request: Request) -> Response {
    let inner = &connect.inner;
    let (mut parts, _) = request.into_parts();
    if parts.method != Method::GET {
        let allowed = Method::GET;
        return Problem::WrongMethod { allowed }.into_response();
    }
    let carried = inner.cookie.read(&parts.headers);
    if carried.is_empty() || !is_visit(&parts.headers) {
        return neutral(inner.return_to.as_deref());
    }
    let Ok(user) = inner.signed_in.user(&mut parts).await else {
        return neutral(inner.return_to.as_deref());
    };
    let now = inner.client.now().monotonic();
    // The oldest first: a user who opened several tabs comes back once from each.
    let used = carried
        .iter()
        .position(|nonce| inner.visitors.redeem(user.id(), nonce, now));
    let Some(used) = used else {
        return neutral(inner.return_to.as_deref());
    };
    let query = parts.uri.query().unwrap_or_default();
    // Whoever comes back without a readable report may have connected something all the same.
    let outcome = ConnectOutcome::from_callback(&format!("?{query}")).unwrap_or_default();
    if let Err(problem) = follow(&connect, &user, &outcome).await {
        tracing::warn!(target: LOG, error = %problem, "a return from hosted Connect was not confirmed");
    }
    let mut response = match &inner.return_to {
        Some(path) => Redirect::to(path).into_response(),
        None => neutral(None),
    };
    let left = &carried[used + 1..];
    let seconds = if left.is_empty() { 0 } else { 24 * 3600 };
    set_cookie(&mut response, inner.cookie.write(left, seconds));
    response
}

/// Says nothing about anybody: the same for all who come back, with or without reason.
fn neutral(return_to: Option<&str>) -> Response {
    let link = return_to.map_or_else(String::new, |path| {
        format!("<p><a href=\"{}\">Continue</a></p>", escaped(path))
    });
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Back from Connect</title></head>\
         <body><main><h1>You are back</h1><p>You can go on where you left off.</p>{link}</main></body></html>"
    ))
    .into_response()
}

async fn connect_js(request: Request) -> Response {
    script(&request, CONNECT_JS, CONNECT_JS_TYPE, CONNECT_JS_INTEGRITY)
}

async fn page_js(request: Request) -> Response {
    // It changes with the crate alone.
    let tag = concat!("page-", env!("CARGO_PKG_VERSION"));
    script(&request, PAGE_JS, CONNECT_JS_TYPE, tag)
}

/// A script that browsers keep but ask about each time: a page with a newer `integrity` must never meet
/// an older script. Nobody on the way may rewrite it.
fn script(request: &Request, text: &'static str, kind: &'static str, tag: &str) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allowed = Method::GET;
        return Problem::WrongMethod { allowed }.into_response();
    }
    let tag = format!("\"{tag}\"");
    let has_it = request
        .headers()
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| {
            let known = known.trim();
            known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
        });
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, no-cache, no-transform"),
        (ETAG, &tag),
    ];
    if has_it {
        (StatusCode::NOT_MODIFIED, headers, Body::empty()).into_response()
    } else {
        (headers, text).into_response()
    }
}
