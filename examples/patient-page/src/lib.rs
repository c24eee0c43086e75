//! A small patient page: sign in, connect sources, see what they sent, come back later.
//!
//! Its integration of Connect is in [`connect`](mod@connect), but for the lines that name it here and in the program.

pub mod connect;
mod pages;
mod records;
pub mod server;
mod session;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use humanapi::axum::Connect;
use serde::Deserialize;

pub use session::{Person, Sessions};

#[derive(Clone)]
struct App {
    connect: Connect,
    sessions: Sessions,
}

/// The whole app.
pub fn app(connect: Connect, sessions: Sessions) -> Router {
    Router::new()
        .route("/", get(first_page))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/me", get(me))
        .route("/style.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route("/icon.svg", get(|| file("image/svg+xml", ICON)))
        .merge(connect.router())
        .with_state(App { connect, sessions })
        .fallback(|| async {
            let text = "There is nothing at this address.";
            (StatusCode::NOT_FOUND, pages::message("Not found", text))
        })
        .layer(map_response(guard))
}

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, no-cache")],
        text,
    )
}

/// Headers of every page that brought none of its own.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    set(CACHE_CONTROL, "no-store");
    set(REFERRER_POLICY, "no-referrer");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

async fn first_page(State(app): State<App>, headers: HeaderMap) -> Response {
    if app.sessions.person(&headers).is_some() {
        return Redirect::to("/me").into_response();
    }
    match app.sessions.form(&headers) {
        Some((token, cookie)) => {
            (cookie, pages::sign_in(app.sessions.people(), &token)).into_response()
        }
        None => broken(),
    }
}

#[derive(Deserialize)]
struct SignIn {
    person: String,
    form: String,
}

async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(posted): Form<SignIn>,
) -> Response {
    if let Err(refusal) = app.sessions.check_form(&headers, &posted.form) {
        return refusal.into_response();
    }
    match app.sessions.begin(&headers, &posted.person) {
        Some(cookie) => (cookie, Redirect::to("/me")).into_response(),
        None => Redirect::to("/").into_response(),
    }
}

#[derive(Deserialize)]
struct SignOut {
    form: String,
}

async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    Form(posted): Form<SignOut>,
) -> Response {
    if let Err(refusal) = app.sessions.check_form(&headers, &posted.form) {
        return refusal.into_response();
    }
    (app.sessions.end(&headers), Redirect::to("/")).into_response()
}

async fn me(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(person) = app.sessions.person(&headers) else {
        return Redirect::to("/").into_response();
    };
    let shared = connect::shared(&app.connect, &person.id).await;
    // After that, because reading may have shown that the patient started over.
    let (Ok(record), Ok(page)) = (app.connect.record(&person.id).await, app.connect.page(""))
    else {
        return broken();
    };
    let Some((token, cookie)) = app.sessions.form(&headers) else {
        return broken();
    };
    let html = pages::me(&person, &record, &shared, &page, &token);
    (page.headers, cookie, html).into_response()
}

fn broken() -> Response {
    let text = "Something went wrong on this server. Try again in a moment.";
    (
        StatusCode::SERVICE_UNAVAILABLE,
        pages::message("Not now", text),
    )
        .into_response()
}
