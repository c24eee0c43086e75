//! A service that is plain enough to be believed: lists of records, and what of them a request asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::pending;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use humanapi_testing::client::Transport;
use humanapi_testing::core::{Body, Request, Response, SendFailure};
use humanapi_testing::{ForTests as _, OfflineSandbox, SandboxTransport};
use serde_json::Value;
use tokio::sync::Notify;

use super::super::interrupted::Key;

/// So many records come on a page, whatever is asked for.
const PAGE: usize = 6;
/// Each has changes but the last, and the first alone has records that can be asked for by their ids.
pub(super) const KINDS: [(&str, &str); 3] = [
    ("vitals", "/v1/human/medical/vitals"),
    ("timeline", "/v1/human/medical/timeline"),
    ("sources", "/v1/human/sources"),
];
/// As the service says that there is nothing at a path.
const GONE: &str = r#"{"statusCode":404,"error":"Not Found","message":"there is nothing"}"#;
/// Machines' clocks are so many seconds ahead at most.
pub(super) const AHEAD: u64 = 480;

#[derive(Clone)]
pub(super) struct Kept {
    pub(super) id: String,
    updated: i64,
    pub(super) sent: String,
}

/// What happens to a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) user: usize,
    pub(super) kind: usize,
    pub(super) what: What,
    /// Which record.
    pub(super) at: usize,
    /// So many seconds later than it says.
    pub(super) late: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Insert,
    Update,
    /// It comes first then.
    Bump,
    Delete,
}

#[derive(Default)]
pub(super) struct World {
    users: Vec<String>,
    lists: BTreeMap<(usize, String), Vec<Kept>>,
    /// Whose each token is.
    tokens: BTreeMap<String, String>,
    changed: u64,
    /// What came later than a pass over changes has to find it, until all is read once more.
    pub(super) late: BTreeSet<Key>,
    pub(super) gone: BTreeSet<Key>,
    /// How many requests of the run came.
    asked: u64,
    /// What happens before which of them.
    pub(super) meanwhile: Vec<(u64, Change)>,
    /// Each so many of them fail.
    pub(super) fails: Option<u64>,
    /// The process is killed at this one.
    pub(super) killed_at: Option<u64>,
}

impl World {
    pub(super) fn begin(&mut self) {
        (self.asked, self.fails, self.killed_at) = (0, None, None);
        self.meanwhile.clear();
    }

    /// All that is there.
    pub(super) fn truth(&self) -> BTreeMap<Key, String> {
        let lists = self.lists.iter().flat_map(|((kind, user), list)| {
            list.iter().map(|kept| {
                let key = (KINDS[*kind].0.to_owned(), user.clone(), kept.id.clone());
                (key, kept.sent.clone())
            })
        });
        lists.collect()
    }

    fn change(&mut self, change: Change, now: SystemTime) {
        let user = self.users[change.user % self.users.len()].clone();
        let kind = change.kind % KINDS.len();
        self.changed += 1;
        let number = self.changed;
        let late = Duration::from_secs(change.late);
        let updated = millis(now - late);
        let list = self.lists.entry((kind, user.clone())).or_default();
        let key = |id: &str| (KINDS[kind].0.to_owned(), user.clone(), id.to_owned());
        let keep = |id: String| {
            let at = jiff::Timestamp::from_millisecond(updated).unwrap();
            let sent = format!(r#"{{"id":"{id}","updatedAt":"{at:.3}","form":{number}}}"#);
            Kept { id, updated, sent }
        };
        let id = match (change.what, list.len()) {
            (What::Delete, 0) => return,
            (What::Delete, count) => {
                let gone = list.remove(change.at % count);
                self.late.remove(&key(&gone.id));
                self.gone.insert(key(&gone.id));
                return;
            }
            (What::Insert, _) | (_, 0) => {
                list.insert(0, keep(format!("r{number}")));
                list[0].id.clone()
            }
            (What::Update, count) => {
                let kept = &mut list[change.at % count];
                *kept = keep(kept.id.clone());
                kept.id.clone()
            }
            (What::Bump, count) => {
                let kept = list.remove(change.at % count);
                list.insert(0, keep(kept.id));
                list[0].id.clone()
            }
        };
        // Clocks that are ahead and what is late are within ten minutes together, or a pass may miss it.
        if change.late + AHEAD >= 600 {
            self.late.insert(key(&id));
        }
    }
}

fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// The service and the network before it.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) sandbox: OfflineSandbox,
    inner: SandboxTransport,
    world: Arc<Mutex<World>>,
    pub(super) killed: Arc<Notify>,
}

impl Service {
    pub(super) fn new(sandbox: &OfflineSandbox, users: &[String]) -> Self {
        let world = World {
            users: users.to_vec(),
            ..World::default()
        };
        Self {
            sandbox: sandbox.clone(),
            inner: sandbox.transport(),
            world: Arc::new(Mutex::new(world)),
            killed: Arc::default(),
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(super) fn change(&self, change: Change) {
        let now = self.sandbox.control().now();
        self.world().change(change, now);
    }

    async fn token(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let (head, body) = request.into_parts();
        let body = body.into_bytes();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let request = Request::from_parts(head, Body::from(body));
        let (head, body) = self.inner.send(request, timeout).await?.into_parts();
        let body = body.into_bytes();
        let told: Value = serde_json::from_slice(&body).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (token, user) = (text(&told["access_token"]), text(&asked["client_user_id"]));
        self.world().tokens.insert(token, user);
        Ok(Response::from_parts(head, Body::from(body)))
    }

    fn answer(&self, request: &Request) -> Response {
        let mut world = self.world();
        let ahead = Duration::from_secs(world.asked * 37 % AHEAD);
        let now = self.sandbox.control().now() + ahead;
        let token = request.headers()[AUTHORIZATION].to_str().unwrap();
        let token = token.strip_prefix("Bearer ").unwrap();
        let user = world.tokens[token].clone();
        let path = request.uri().path();
        let (kind, (_, base)) = KINDS
            .iter()
            .enumerate()
            .find(|(_, (_, base))| path.starts_with(base))
            .unwrap();
        let list = world.lists.entry((kind, user)).or_default();
        let mut answer = match path[base.len()..].strip_prefix('/') {
            Some(id) => match list.iter().find(|kept| kept.id == id) {
                Some(kept) => json(StatusCode::OK, kept.sent.clone()),
                None => json(StatusCode::NOT_FOUND, GONE.to_owned()),
            },
            None => page(list, request.uri().query().unwrap_or_default(), kind),
        };
        let date = HeaderValue::from_str(&httpdate::fmt_http_date(now)).unwrap();
        answer.headers_mut().insert(DATE, date);
        answer
    }
}

fn page(list: &[Kept], query: &str, kind: usize) -> Response {
    let asked = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
    };
    let since = asked("updated_since").map(|since| {
        let since = jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%z", since.replace('Z', "+0000"));
        since.unwrap().to_timestamp().unwrap().as_millisecond()
    });
    let found = list
        .iter()
        .filter(|kept| since.is_none_or(|since| kept.updated > since));
    let found: Vec<&str> = found.map(|kept| kept.sent.as_str()).collect();
    let number = |name| asked(name).map_or(0, |text| text.parse().unwrap());
    let offset: usize = number("offset");
    let size = if kind == 2 { usize::MAX } else { PAGE };
    let on_page: Vec<&str> = found.iter().skip(offset).take(size).copied().collect();
    let mut answer = json(StatusCode::OK, format!("[{}]", on_page.join(",")));
    let total = HeaderValue::from(found.len());
    answer.headers_mut().insert("x-total-count", total);
    answer
}

fn json(status: StatusCode, text: String) -> Response {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let is_json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, is_json);
    answer
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        if !request.uri().path().starts_with("/v1/human") {
            return self.token(request, timeout).await;
        }
        let (is_killed, fails) = {
            let mut world = self.world();
            world.asked += 1;
            let asked = world.asked;
            let now = self.sandbox.control().now();
            let (meanwhile, later) = std::mem::take(&mut world.meanwhile)
                .into_iter()
                .partition(|(at, _)| *at <= asked);
            world.meanwhile = later;
            let meanwhile: Vec<(u64, Change)> = meanwhile;
            for (_, change) in meanwhile {
                world.change(change, now);
            }
            let fails = world.fails.is_some_and(|every| asked.is_multiple_of(every));
            (world.killed_at.is_some_and(|at| asked >= at), fails)
        };
        if is_killed {
            self.killed.notify_one();
            return pending().await;
        }
        if fails {
            return Ok(json(StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()));
        }
        Ok(self.answer(&request))
    }

    fn keeps_time(&self) -> bool {
        true
    }
}
