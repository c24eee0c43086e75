//! The pages that people see: the Connect page, the hosted link, the Task Manager and the dashboard.

mod callback;
mod connect;
mod dashboard;
mod layout;
mod message;
mod problem;
mod screen;
mod tasks;

use http::StatusCode;
use http::header::HeaderValue;

use crate::body::query_value;
use crate::call::Call;
use crate::reply::{self, Problem, Reply};
use crate::request_log::LogDetails;

pub(crate) use connect::{
    connect_or_disconnect, done, give_code, hosted_link, request_provider, sign_in, widget,
};
pub(crate) use dashboard::dashboard;
pub(crate) use problem::problem_page;
pub(crate) use tasks::{do_task, leave_tasks, tasks};

/// The background that the vendor's widget asks for while Connect loads.
pub(crate) const LAUNCH_TEXT: &str = "/images/data-source-type-icons/launch-connect-text.svg";

pub(crate) fn icon(_: &Call<'_>) -> Reply {
    reply::empty(StatusCode::NO_CONTENT)
}

/// A path of `/` means Connect when the query has what the widget or an invitation puts there.
pub(crate) fn opens_connect(query: Option<&str>) -> bool {
    ["token", "pisId", "mode"]
        .iter()
        .any(|name| query_value(query, name).is_some())
}

pub(crate) fn launch_text(_: &Call<'_>, _: &mut LogDetails) -> Result<Reply, Problem> {
    let drawing = concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="24">"#,
        r##"<text x="0" y="18" font-family="sans-serif" font-size="16" fill="#777">"##,
        "Opening Connect…</text></svg>\n"
    );
    Ok(reply::with_body(
        StatusCode::OK,
        HeaderValue::from_static("image/svg+xml; charset=utf-8"),
        drawing,
    ))
}
