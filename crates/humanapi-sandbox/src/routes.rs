//! The route table: every method and path that is answered, whose it is, and what it does.

use std::sync::LazyLock;

use http::Method;
use matchit::Router;

use crate::admin_api::{self, Caller};
use crate::apps_api::{self, App};
use crate::area::Area;
use crate::call::{Call, Parameters};
use crate::control_api::{self, ControlCall};
use crate::data;
use crate::pages;
use crate::reply::{Problem, Reply};
use crate::request_log::LogDetails;
use crate::resource::{Place, Resource};
use crate::subject::Subject;
use crate::token_service::TokenEndpoint;

/// What a route does. Its kind says whose route it is, and so what is checked before it is called.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Issues a token; the credentials are in the body.
    Tokens(TokenEndpoint),
    /// Reads health data of whomever the access token belongs to.
    Data(fn(&Call<'_>, &Subject) -> Result<Reply, Problem>),
    /// Reads records of whomever the access token belongs to.
    Records(Resource, &'static Place),
    /// Reads or changes the users of an application, for its key.
    App(fn(&Call<'_>, &App<'_>) -> Result<Reply, Problem>),
    /// Reads records of all users of an application.
    Batch(Resource),
    /// Tells of orders or places one, for an application's client token.
    Admin(fn(&Call<'_>, &Caller<'_>, &mut LogDetails) -> Result<Reply, Problem>),
    /// The same, where the handler finds out who calls.
    AdminOpen(fn(&Call<'_>, &mut LogDetails) -> Result<Reply, Problem>),
    /// Shows a page of Connect or the Task Manager, or does what a button says; the token is in the query or the body.
    Connect(fn(&Call<'_>, &mut LogDetails) -> Result<Reply, Problem>),
    /// Shows what can be watched.
    Watch(fn(&Call<'_>) -> Reply),
    /// Controls the sandbox, for whoever the guard lets through.
    Control(fn(&ControlCall<'_>) -> Result<Reply, Problem>),
    /// Tells of this very table.
    OpenApi,
}

impl Handler {
    pub(crate) const fn area(self) -> Area {
        match self {
            Self::Tokens(_) => Area::Tokens,
            Self::Data(_) | Self::Records(..) => Area::Data,
            Self::App(_) | Self::Batch(_) => Area::Apps,
            Self::Admin(_) | Self::AdminOpen(_) => Area::Admin,
            Self::Connect(_) => Area::Connect,
            Self::Watch(_) => Area::Watch,
            Self::Control(_) | Self::OpenApi => Area::Control,
        }
    }
}

/// One row of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) pattern: String,
    pub(crate) handler: Handler,
    /// What it is.
    pub(crate) about: &'static str,
}

/// The users of an application, and one of them.
const USERS: &str = "/v1/apps/{client_id}/users";
const USER: &str = "/v1/apps/{client_id}/users/{user}";

/// Connect as the vendor's widget opens it: at the root, with a token or the like in the query.
pub(crate) const WIDGET: &str = "/?";

#[rustfmt::skip] // One row, one line.
pub(crate) fn table() -> Vec<Route> {
    use Handler::{Admin, AdminOpen, Connect, Control, Data, Tokens, Watch};
    let mut table = vec![
        post("/v1/connect/token", Tokens(TokenEndpoint::Connect), "session, id and access tokens"),
        post("/v1/admin/token", Tokens(TokenEndpoint::Admin), "client tokens, and access tokens of applications provisioned for HIP"),
        get("/v1/human", Data(data::summary_of_all), "health data at a glance, for an access token or the literal token `demo`"),
        get("/v1/human/profile", Data(data::profile), "whose data it is"),
        get("/v1/human/sources", Data(data::sources), "what is connected"),
    ];
    table.extend(Resource::all_places().iter().map(|(resource, place)| {
        let path = format!("/v1/human/{}", place.path);
        get(path, Handler::Records(*resource, place), resource.about())
    }));
    table.extend([
        get(USERS, Handler::App(apps_api::users), "the users of an application, for its key as the user name of Basic authorization"),
        post(USERS, Handler::App(apps_api::create_user), "make one, with `externalId`"),
        get(USER, Handler::App(apps_api::user), "one of them, by `humanId` or `externalId`"),
        delete(USER, Handler::App(apps_api::delete_user), "delete one"),
    ]);
    table.extend(Resource::ALL.iter().filter_map(|resource| {
        let path = format!("{USERS}/{}", resource.batch()?);
        Some(get(path, Handler::Batch(*resource), resource.about()))
    }));
    table.extend([
        get("/api/v1/order-types", AdminOpen(admin_api::order_types), "the types of order, for a client token as all below `/api/v1`"),
        get("/api/v1/users", Admin(admin_api::users), "the users that were ordered for, from `offset` on; one by `humanId` or `clientUserId`"),
        post("/api/v1/users", Admin(admin_api::create_user), "make a user, and with that place an order"),
        post("/api/v1/users/actions", Admin(admin_api::act), "`abort` a user's order, or `resync` it"),
        get("/api/v1/users/providers", Admin(admin_api::providers), "who keeps records of a user"),
        get("/api/v1/users/{human_id}", Admin(admin_api::user), "a user with the user's orders"),
        get("/api/v1/subscriptions", Admin(admin_api::subscriptions), "who is told of a user's order, of one address"),
        post("/api/v1/subscriptions", Admin(admin_api::subscribe), "have somebody told"),
        get("/api/v1/subscriptions/{subscription_id}", Admin(admin_api::subscription), "one of them"),
        delete("/api/v1/subscriptions/{subscription_id}", Admin(admin_api::unsubscribe), "tell somebody no more"),
        get("/api/v1/user/reports", Admin(admin_api::reports), "the reports of a user"),
        get("/api/v1/user/reports/{report_id}", Admin(admin_api::report), "one of them: JSON, HTML or PDF"),
        post("/api/v1/resources/consumer-link", Admin(admin_api::consumer_link), "an address at which a user does what an order lacks, for 8 hours"),
        get(WIDGET, Connect(pages::widget), "Connect, as the vendor's widget opens it: with `token`, `pisId` or `mode`"),
        get("/connect", Connect(pages::hosted_link), "the hosted link for phones, with `clientId`, `token` and `callback`"),
        post("/connect/sources/{source}", Connect(pages::connect_or_disconnect), "connect or disconnect a source without signing in"),
        post("/connect/sources/{source}/sign-in", Connect(pages::sign_in), "sign in to a source"),
        post("/connect/sources/{source}/code", Connect(pages::give_code), "give a source its one-time code"),
        post("/connect/requests", Connect(pages::request_provider), "ask for a provider that is not listed"),
        post("/connect/done", Connect(pages::done), "leave Connect"),
        get("/tasks", Connect(pages::tasks), "the Task Manager, as a consumer link opens it: with `clientId`, `rq` and perhaps `callback`"),
        post("/tasks/done", Connect(pages::leave_tasks), "leave the Task Manager"),
        post("/tasks/{task}", Connect(pages::do_task), "do a task of an order"),
        get(pages::LAUNCH_TEXT, Connect(pages::launch_text), "the background that the vendor's widget shows meanwhile"),
        get("/", Watch(pages::dashboard), "a dashboard: what the sandbox holds and was asked, live, with controls; nothing secret in clear"),
        get("/favicon.ico", Watch(pages::icon), "no icon"),
        get("/sandbox/openapi.json", Handler::OpenApi, "this table as an OpenAPI document"),
        get("/sandbox/apps", Control(control_api::apps), "the applications with their secrets"),
        get("/sandbox/sources", Control(control_api::sources), "the sources that can be connected"),
        post("/sandbox/sources/connect", Control(control_api::connect), "connect a user's source"),
        post("/sandbox/sources/disconnect", Control(control_api::disconnect), "disconnect it"),
        get("/sandbox/users", Control(control_api::users), "the users, or those of one application with `client_id`"),
        post("/sandbox/users/delete", Control(control_api::delete_user), "delete a user"),
        post("/sandbox/users/persona", Control(control_api::persona), "say whose life a user's records tell"),
        post("/sandbox/records", Control(control_api::change_records), "change a user's records, now or after a page"),
        get("/sandbox/orders", Control(control_api::orders), "the orders, or those of one application with `client_id`"),
        post("/sandbox/orders/await", Control(control_api::await_order), "move the clock to where a user's order is in a state"),
        post("/sandbox/orders/tasks", Control(control_api::order_tasks), "open a task of a user's order, or do those that are open"),
        get("/sandbox/ledger", Control(control_api::ledger), "what orders would have cost: an entry for each one placed"),
        get("/sandbox/clock", Control(control_api::clock), "what the clock shows"),
        post("/sandbox/clock/advance", Control(control_api::advance), "move it forward"),
        get("/sandbox/faults", Control(control_api::faults), "the faults still to come"),
        post("/sandbox/faults", Control(control_api::plan_fault), "plan one"),
        delete("/sandbox/faults", Control(control_api::clear_faults), "forget them"),
        get("/sandbox/requests", Control(control_api::requests), "the log"),
        delete("/sandbox/requests", Control(control_api::clear_requests), "empty it"),
        get("/sandbox/exchanges", Control(control_api::exchanges), "how many tokens were asked for"),
        get("/sandbox/events", Control(control_api::events), "word of changes, as server-sent events"),
        get("/sandbox/assumptions", Control(control_api::assumptions), "what the documentation leaves open"),
        post("/sandbox/assumptions", Control(control_api::set_assumption), "decide it"),
        post("/sandbox/tokens/kind", Control(control_api::token_kind), "which kind a token is"),
        post("/sandbox/tokens/revoke", Control(control_api::revoke), "end a token before its time"),
        get("/sandbox/dashboard", Control(control_api::dashboard), "the dashboard, as its script loads it"),
        post("/sandbox/reset", Control(control_api::reset), "start over"),
    ]);
    table
}

fn get(pattern: impl Into<String>, handler: Handler, about: &'static str) -> Route {
    route(Method::GET, pattern, handler, about)
}

fn post(pattern: impl Into<String>, handler: Handler, about: &'static str) -> Route {
    route(Method::POST, pattern, handler, about)
}

fn delete(pattern: impl Into<String>, handler: Handler, about: &'static str) -> Route {
    route(Method::DELETE, pattern, handler, about)
}

fn route(
    method: Method,
    pattern: impl Into<String>,
    handler: Handler,
    about: &'static str,
) -> Route {
    Route {
        method,
        pattern: pattern.into(),
        handler,
        about,
    }
}

/// What health data allows, as documented.
const READ_ONLY: &str = "OPTIONS, GET, HEAD";

/// A path of the table, with all that can be done there.
struct Spot {
    area: Area,
    routes: Vec<Route>,
    allow: String,
}

static SPOTS: LazyLock<Router<Spot>> = LazyLock::new(spots);

fn spots() -> Router<Spot> {
    let mut by_pattern: Vec<(String, Vec<Route>)> = Vec::new();
    for route in table() {
        match by_pattern
            .iter_mut()
            .find(|(pattern, _)| *pattern == route.pattern)
        {
            Some((_, routes)) => routes.push(route),
            None => by_pattern.push((route.pattern.clone(), vec![route])),
        }
    }
    let mut router = Router::new();
    for (pattern, routes) in by_pattern {
        let area = routes
            .first()
            .map_or(Area::Nowhere, |route| route.handler.area());
        let spot = Spot {
            area,
            allow: allow(area, &routes),
            routes,
        };
        router
            .insert(pattern, spot)
            .expect("a test inserts the same patterns");
    }
    router
}

/// The text of an `Allow` header.
fn allow(area: Area, routes: &[Route]) -> String {
    if area == Area::Data {
        return READ_ONLY.to_owned();
    }
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if area.has_head() && methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.join(", ")
}

/// What there is for a request.
pub(crate) struct Found {
    pub(crate) area: Area,
    /// `None`: nothing at this path, or nothing by this method.
    pub(crate) handler: Option<Handler>,
    /// Whether there is something at the path, if perhaps by other methods.
    pub(crate) exists: bool,
    /// The methods of the path, or of all paths of the area; `None` where there are none to tell.
    pub(crate) allow: Option<&'static str>,
    /// What the path names.
    pub(crate) parameters: Parameters,
}

/// Looks a request up.
pub(crate) fn find(method: &Method, path: &str, query: Option<&str>) -> Found {
    let area = Area::of_path(path);
    let wanted = if path == "/" && pages::opens_connect(query) {
        WIDGET
    } else if matches!(area, Area::Data | Area::Apps) {
        // Old clients ask for health data with a slash at the end.
        path.strip_suffix('/').unwrap_or(path)
    } else {
        path
    };
    let as_asked = SPOTS.at(wanted).ok();
    // The service takes capitals in a path for what they are not; nothing else of a path has any.
    let in_lower_case = wanted.to_ascii_lowercase();
    let matched = as_asked.or_else(|| {
        let is_data = Area::of_path(&in_lower_case) == Area::Data;
        SPOTS.at(&in_lower_case).ok().filter(|_| is_data)
    });
    let Some(matched) = matched else {
        return Found {
            area,
            handler: None,
            exists: false,
            allow: (area == Area::Data).then_some(READ_ONLY),
            parameters: Parameters::default(),
        };
    };
    let spot: &'static Spot = matched.value;
    let reads = *method == Method::HEAD && spot.area.has_head();
    let method = if reads { &Method::GET } else { method };
    let route = spot.routes.iter().find(|route| route.method == *method);
    Found {
        area: spot.area,
        handler: route.map(|route| route.handler),
        exists: true,
        allow: Some(&spot.allow),
        parameters: Parameters::new(matched.params.iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_are_for_the_same_request_and_a_path_has_one_area() {
        let mut seen = std::collections::HashSet::new();
        for route in table() {
            let row = (route.method.clone(), route.pattern.clone());
            assert!(seen.insert(row), "{} {}", route.method, route.pattern);
            let path = route.pattern.replace(['{', '}'], "");
            let (path, query) = match path.strip_suffix('?') {
                Some(path) => (path.to_owned(), Some("token=x")),
                None => (path, None),
            };
            let found = find(&route.method, &path, query);
            assert_eq!(found.area, route.handler.area(), "{path}");
            assert!(found.handler.is_some(), "{path}");
        }
    }

    /// A row for each route, but one for each resource and one for all batch lists.
    fn rows() -> Vec<String> {
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut last = None;
        for route in table() {
            let pattern = route.pattern.replace(WIDGET, "/?…");
            let group = match route.handler {
                Handler::Records(resource, _) => Some(resource.path()),
                Handler::Batch(_) => Some("batch"),
                _ => None,
            };
            match rows.last_mut().filter(|_| group.is_some() && group == last) {
                Some((places, _)) => places.push_str(&format!(", `{pattern}`")),
                None => {
                    let about = match route.handler {
                        Handler::Batch(_) => "what all users of the application have",
                        _ => route.about,
                    };
                    let place = format!("`{} {pattern}`", route.method);
                    rows.push((place, about.to_owned()));
                }
            }
            last = group;
        }
        let short = |places: String| {
            let mut parts = places.split(", ");
            let first = parts.next().unwrap_or_default().to_owned();
            let path = first
                .trim_matches('`')
                .split_once(' ')
                .map_or("", |(_, path)| path);
            // What stands below the first place, or below users, is told by the rest alone.
            let root = if path.starts_with(USERS) { USERS } else { path };
            parts.fold(first.clone(), |row, place| {
                let path = place.trim_matches('`');
                match path
                    .strip_prefix(root)
                    .filter(|below| below.starts_with('/'))
                {
                    Some(below) => format!("{row}, `…{below}`"),
                    None => format!("{row}, `{path}`"),
                }
            })
        };
        rows.into_iter()
            .map(|(places, about)| format!("| {} | {about} |\n", short(places)))
            .collect()
    }

    #[test]
    fn the_readme_lists_the_table() {
        let expected = format!("| Route | What |\n| --- | --- |\n{}", rows().concat());
        let readme = include_str!("../README.md");
        assert!(
            readme.contains(&expected),
            "the README should have:\n\n{expected}"
        );
    }
}
