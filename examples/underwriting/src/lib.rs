//! An underwriter's desk: a form for an applicant, the order's progress, and its reports.
//!
//! What it does to order once is in [`Desk`]. The rest is pages.

mod application;
mod case;
mod desk;
mod following;
mod form;
mod journal;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Form, Path, Query, RawQuery, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HOST, HeaderName, HeaderValue, LOCATION, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use humanapi::admin::TaskReport;
use humanapi::connect::Callback;
use maud::Markup;
use serde::Deserialize;

use application::{Application, Policy};
use case::{Case, Shown};
pub use desk::Desk;
use desk::{NotDecided, NotOrdered};
pub use journal::DeskJournal;

#[derive(Clone)]
struct App {
    desk: Desk,
    /// What browsers see in front of paths.
    origin: Arc<str>,
}

/// The whole app, at this origin. It has no sign-in of its own: put it where underwriters alone can reach it.
pub fn app(desk: Desk, origin: &str) -> Router {
    let app = App {
        desk,
        origin: origin.into(),
    };
    Router::new()
        .route("/", get(first_page))
        .route("/cases", post(place).get(find))
        .route("/cases/{policy}", get(case))
        .route("/cases/{policy}/progress", get(progress))
        .route("/cases/{policy}/look", post(look))
        .route("/cases/{policy}/decide", post(decide))
        .route("/cases/{policy}/known", post(known_to_somebody))
        .route("/cases/{policy}/tasks", post(tasks))
        .route("/cases/{policy}/reports/{report}", get(report))
        .route("/back", get(back))
        .route("/style.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route(
            "/follow.js",
            get(|| file("text/javascript; charset=utf-8", FOLLOW)),
        )
        .route("/icon.svg", get(|| file("image/svg+xml", ICON)))
        .fallback(|| async { nowhere() })
        .with_state(app.clone())
        .layer(from_fn_with_state(app, only_our_own))
        .layer(map_response(guard))
}

const STYLE: &str = include_str!("../assets/style.css");
const FOLLOW: &str = include_str!("../assets/follow.js");
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
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    set(CACHE_CONTROL, "no-store");
    set(REFERRER_POLICY, "no-referrer");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// Keeps out pages of others: those that reach this app under a name of their own, and those that post its forms. Each
/// such form could cost money.
async fn only_our_own(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = app.origin.split_once("://").map(|(_, host)| host);
    let posted_here = match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == "same-origin",
        None => text(ORIGIN).is_none_or(|origin| origin == &*app.origin),
    };
    if text(HOST) == host && (request.method() == Method::GET || posted_here) {
        return next.run(request).await;
    }
    let title = "Not from here";
    let page = pages::message(
        title,
        "This form is not ours. Open the desk by its own address, and try again.",
    );
    (StatusCode::FORBIDDEN, page).into_response()
}

fn nowhere() -> Response {
    let text = "There is nothing at this address.";
    (StatusCode::NOT_FOUND, pages::message("Not found", text)).into_response()
}

/// Leads on by GET, so that loading the next page again posts nothing.
fn see(path: &str) -> Response {
    let to = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    policy: String,
}

/// What the first page may be asked for: a form with a policy's number, and the part of a list behind another.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    policy: String,
    #[serde(default)]
    after: String,
}

async fn first_page(State(app): State<App>, Query(asked): Query<Asked>) -> Markup {
    let typed = Application::of_policy(asked.policy);
    let after = Policy::parse(&asked.after);
    let is_first = after.is_none();
    let (types, unsettled) = tokio::join!(app.desk.order_types(), app.desk.unsettled(after));
    form::form(&typed, None, &types, &form::list(unsettled, is_first))
}

async fn find(Query(named): Query<Named>) -> Response {
    match Policy::parse(&named.policy) {
        Some(policy) => see(&policy.path()),
        None => nowhere(),
    }
}

async fn place(State(app): State<App>, Form(application): Form<Application>) -> Response {
    let placed = match application.read() {
        Ok((policy, order)) => app.desk.place(policy, order).await,
        Err(problems) => Err(NotOrdered::Wrong(problems)),
    };
    let why = match placed {
        Ok(policy) => return see(&policy.path()),
        Err(why) => why,
    };
    let status = match &why {
        NotOrdered::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
        NotOrdered::Other(_) => StatusCode::CONFLICT,
        NotOrdered::Refused(_) => StatusCode::BAD_GATEWAY,
        NotOrdered::Journal(..) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let (types, unsettled) = tokio::join!(app.desk.order_types(), app.desk.unsettled(None));
    let list = form::list(unsettled, true);
    let page = form::form(&application, Some(&why), &types, &list);
    (status, page).into_response()
}

/// The case that a path names, or the page that is shown in its place.
async fn known(app: &App, policy: &str) -> Result<Case, Response> {
    let policy = Policy::parse(policy).ok_or_else(nowhere)?;
    match app.desk.case(policy).await {
        Ok(Some(case)) => Ok(case),
        Ok(None) => Err((StatusCode::NOT_FOUND, pages::no_case()).into_response()),
        Err(remedy) => {
            Err((StatusCode::SERVICE_UNAVAILABLE, pages::no_journal(remedy)).into_response())
        }
    }
}

async fn case(State(app): State<App>, Path(policy): Path<String>) -> Response {
    match known(&app, &policy).await {
        Ok(case) => pages::case(&case).into_response(),
        Err(page) => page,
    }
}

#[derive(Deserialize)]
struct Seen {
    #[serde(default)]
    seen: usize,
}

/// What the page shows of a case's progress, once that is more than the page has seen or some time has passed.
async fn progress(
    State(app): State<App>,
    Path(policy): Path<String>,
    Query(Seen { seen }): Query<Seen>,
) -> Response {
    if let Some(policy) = Policy::parse(&policy) {
        app.desk.wait_for_more(&policy, seen).await;
    }
    match known(&app, &policy).await {
        Ok(case) => pages::progress(&case).into_response(),
        Err(page) => page,
    }
}

async fn look(State(app): State<App>, Path(policy): Path<String>) -> Response {
    let Some(policy) = Policy::parse(&policy) else {
        return nowhere();
    };
    app.desk.look(&policy).await;
    see(&policy.path())
}

#[derive(Deserialize)]
struct Decided {
    shown: Shown,
    what: String,
    #[serde(default)]
    human_id: String,
    #[serde(default)]
    looked: String,
}

async fn decide(
    State(app): State<App>,
    Path(policy): Path<String>,
    Form(decided): Form<Decided>,
) -> Response {
    let Some(policy) = Policy::parse(&policy) else {
        return nowhere();
    };
    let again = decided.what == "send-again";
    let outcome = if decided.looked != "yes" {
        Err(NotDecided::NotLooked)
    } else if again {
        app.desk.send_again(&policy, &decided.shown).await
    } else {
        app.desk
            .exists(&policy, &decided.shown, decided.human_id.trim())
            .await
    };
    match outcome {
        Ok(()) if again => see(&format!("/?policy={policy}")),
        Ok(()) => see(&policy.path()),
        Err(why) => {
            let page = pages::not_decided(&policy, &why);
            (StatusCode::CONFLICT, page).into_response()
        }
    }
}

#[derive(Deserialize)]
struct Known {
    shown: Shown,
}

/// Takes a case off the list: somebody knows that there is no order.
async fn known_to_somebody(
    State(app): State<App>,
    Path(policy): Path<String>,
    Form(Known { shown }): Form<Known>,
) -> Response {
    let Some(policy) = Policy::parse(&policy) else {
        return nowhere();
    };
    match app.desk.known(&policy, &shown).await {
        Ok(()) => see(&policy.path()),
        Err(why) => {
            let page = pages::not_decided(&policy, &why);
            (StatusCode::CONFLICT, page).into_response()
        }
    }
}

/// Makes a link by which the applicant does what the order lacks. The page that has it is not kept by anybody.
async fn tasks(State(app): State<App>, Path(policy): Path<String>) -> Response {
    let case = match known(&app, &policy).await {
        Ok(case) => case,
        Err(page) => return page,
    };
    let link = match app.desk.consumer_link(&case.policy).await {
        Ok(link) => link,
        Err(remedy) => {
            let page = pages::no_link(&case.policy, remedy);
            return (StatusCode::BAD_GATEWAY, page).into_response();
        }
    };
    // Led back to, if the vendor has this address on its list for the application.
    let back = Callback::parse(&format!("{}/back", app.origin));
    let url = match &back {
        Ok(back) => link.url_with_callback(back),
        Err(_) => link.url,
    };
    pages::link(&case.policy, &url).into_response()
}

/// Where the Task Manager leads back to. What it tells decides nothing: the case says what is so.
async fn back(RawQuery(query): RawQuery) -> Response {
    let told = TaskReport::from_callback(&query.unwrap_or_default()).ok();
    let id = told.and_then(|told| told.order?.client_user_id);
    match id.as_deref().and_then(Policy::parse) {
        Some(policy) => see(&policy.path()),
        None => pages::came_back().into_response(),
    }
}

/// A report, as it arrives and never held as a whole. A body that is cut short breaks off here too.
async fn report(
    State(app): State<App>,
    Path((policy, report)): Path<(String, String)>,
) -> Response {
    let case = match known(&app, &policy).await {
        Ok(case) => case,
        Err(page) => return page,
    };
    let Some(report) = case.reports().find(|known| known.id == report) else {
        return nowhere();
    };
    let download = match app.desk.download(report).await {
        Ok(download) => download,
        Err(remedy) => {
            let page = pages::no_report(&case.policy, remedy);
            return (StatusCode::BAD_GATEWAY, page).into_response();
        }
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(report.content_type()),
    );
    // To be saved, and never run as a page of this app.
    let name = format!(
        "attachment; filename=\"{}\"",
        report.file_name(&case.policy)
    );
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    if let Some(length) = download.length() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    (headers, Body::from_stream(download)).into_response()
}
