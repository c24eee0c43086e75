//! A server of one list.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{Client, Items, Pages, Transport};
use humanapi_core::data::ListActivities;
use humanapi_core::http::header::AUTHORIZATION;
use humanapi_core::http::{HeaderValue, Response as HttpResponse};
use humanapi_core::{
    Body, Credentials, Provisioning, Request, Response, RetryPolicy, SendFailure, SendFailureKind,
};

/// How long an answer takes, its head and its body each a half.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// A server of one list, whose answers take a while.
#[derive(Clone)]
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
}

struct State {
    records: usize,
    tells_total: bool,
    /// Which requests for a page, counted from 0, meet with what.
    trouble: Box<dyn Fn(usize, usize) -> Option<Trouble> + Send>,
    /// How long the answer to each of them takes.
    latency: fn(usize) -> Duration,
    /// The number of the newest token, and the lowest that is taken.
    token: usize,
    lowest: usize,
    /// The offset of each page that was asked for.
    asked: Vec<usize>,
    out: usize,
    most_out: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    Status(u16),
    Lost,
    /// The list has so many records from now on.
    Records(usize),
    /// Tokens up to the newest are refused from now on.
    Revoke,
}

/// Counts a request for as long as somebody waits for it.
struct Out(Arc<Mutex<State>>);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.lock().unwrap().out -= 1;
    }
}

impl Server {
    pub(crate) fn new(records: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                records,
                tells_total: true,
                trouble: Box::new(|_, _| None),
                latency: |_| LATENCY,
                token: 0,
                lowest: 0,
                asked: Vec::new(),
                out: 0,
                most_out: 0,
            })),
        }
    }

    /// Decides by a request's number and offset what it meets with.
    pub(crate) fn with_trouble(
        self,
        trouble: impl Fn(usize, usize) -> Option<Trouble> + Send + 'static,
    ) -> Self {
        self.state.lock().unwrap().trouble = Box::new(trouble);
        self
    }

    /// Decides by a request's number how long its answer takes.
    pub(crate) fn with_latency(self, latency: fn(usize) -> Duration) -> Self {
        self.state.lock().unwrap().latency = latency;
        self
    }

    pub(crate) fn without_total(self) -> Self {
        self.state.lock().unwrap().tells_total = false;
        self
    }

    pub(crate) fn client(&self) -> Client {
        client(self.clone())
    }

    pub(crate) fn items(&self, limit: u32) -> Items<ListActivities> {
        let data = self.client().user("patient-17").data();
        data.activities()
            .limit(limit)
            .retry(RetryPolicy::none())
            .items()
    }

    pub(crate) fn pages(&self, limit: u32) -> Pages<ListActivities> {
        let data = self.client().user("patient-17").data();
        data.activities()
            .limit(limit)
            .retry(RetryPolicy::none())
            .pages()
    }

    pub(crate) fn asked(&self) -> Vec<usize> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(crate) fn out(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.out, state.most_out)
    }

    pub(crate) fn tokens(&self) -> usize {
        self.state.lock().unwrap().token
    }
}

pub(crate) fn client(transport: impl Transport + 'static) -> Client {
    let credentials = Credentials::new("app-1", "hush").unwrap();
    Client::new(credentials, Provisioning::Connect, transport)
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendFailure> {
        if request.uri().path().ends_with("/token") {
            let mut state = self.state.lock().unwrap();
            state.token += 1;
            let body = format!(
                r#"{{"access_token":"at-{}","expires_in":86400}}"#,
                state.token
            );
            return Ok(Response::new(Body::from(body)));
        }
        let value = |name: &str| {
            let pairs = request.uri().query().unwrap().split('&');
            let mut values = pairs.filter_map(|pair| pair.split_once('='));
            values
                .find(|(at, _)| *at == name)
                .map(|(_, value)| value.parse::<usize>().unwrap())
        };
        let (limit, offset) = (value("limit").unwrap(), value("offset").unwrap_or(0));
        let token: usize = request.headers()[AUTHORIZATION].to_str().unwrap()["Bearer at-".len()..]
            .parse()
            .unwrap();
        let (answer, latency) = {
            let mut state = self.state.lock().unwrap();
            let number = state.asked.len();
            state.asked.push(offset);
            state.out += 1;
            state.most_out = state.most_out.max(state.out);
            match (state.trouble)(number, offset) {
                Some(Trouble::Revoke) => state.lowest = state.token + 1,
                Some(Trouble::Records(records)) => state.records = records,
                _ => {}
            }
            let answer = match (state.trouble)(number, offset) {
                _ if token < state.lowest => Ok(status(401)),
                Some(Trouble::Status(code)) => Ok(status(code)),
                Some(Trouble::Lost) => Err(SendFailure::new(SendFailureKind::Lost)),
                _ => Ok(state.page(limit, offset)),
            };
            (answer, (state.latency)(number))
        };
        let _out = Out(Arc::clone(&self.state));
        tokio::time::sleep(latency / 2).await;
        tokio::time::sleep(latency / 2).await;
        answer
    }
}

fn status(code: u16) -> Response {
    let body = format!(r#"{{"statusCode":{code},"error":"E","message":"no"}}"#);
    HttpResponse::builder()
        .status(code)
        .body(Body::from(body))
        .unwrap()
}

impl State {
    fn page(&self, limit: usize, offset: usize) -> Response {
        let end = self.records.min(offset + limit);
        let records: Vec<_> = (offset.min(end)..end)
            .map(|number| format!(r#"{{"id":"{number}"}}"#))
            .collect();
        let mut response = Response::new(Body::from(format!("[{}]", records.join(","))));
        if self.tells_total {
            let total = HeaderValue::from(self.records);
            response.headers_mut().insert("x-total-count", total);
        }
        response
    }
}
