//! The exchanges that the benches of this crate measure: core's own, for each endpoint.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET, USER};
use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::flow::Call;
use humanapi_core::{
    Body, ClientUserId, Credentials, Endpoint, Flow, Hosts, Input, Now, Provisioning, Response,
    RetryPolicy, Step,
};

/// What an application makes once and keeps.
pub(crate) struct Application {
    pub(crate) credentials: Credentials,
    pub(crate) hosts: Hosts,
    pub(crate) now: Now,
}

impl Application {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            credentials: Credentials::new(CLIENT_ID, CLIENT_SECRET)?,
            hosts: Hosts::production(),
            now: Now::new(
                Duration::from_secs(1),
                SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            ),
        })
    }

    pub(crate) fn session(&self) -> anyhow::Result<IssueSessionToken> {
        Ok(IssueSessionToken::new(self.credentials.clone(), user()?))
    }

    pub(crate) fn id(&self) -> anyhow::Result<IssueIdToken> {
        Ok(IssueIdToken::new(self.credentials.clone(), user()?))
    }

    pub(crate) fn access(&self) -> anyhow::Result<IssueAccessToken> {
        Ok(IssueAccessToken::new(
            self.credentials.clone(),
            Provisioning::Connect,
            user()?,
        ))
    }

    pub(crate) fn client(&self) -> IssueClientToken {
        IssueClientToken::new(self.credentials.clone())
    }

    /// Builds one request and reads one answer. The answer's body is dropped, and so wiped, with the response.
    pub(crate) fn exchange<E: Endpoint>(
        &self,
        endpoint: &E,
        response: Response,
    ) -> anyhow::Result<E::Output> {
        drop(black_box(endpoint.request(black_box(&self.hosts))?));
        Ok(endpoint.parse(response, self.now)?)
    }

    /// The same carried by a flow, through a transport that answers at once.
    pub(crate) fn call<E: Endpoint>(
        &self,
        endpoint: E,
        response: Response,
    ) -> anyhow::Result<E::Output> {
        let mut call = Call::new(endpoint, self.hosts.clone(), RetryPolicy::default());
        let mut response = Some(response);
        loop {
            match call.poll(self.now) {
                Step::Send { id, request, .. } => {
                    drop(black_box(request));
                    let response = response.take().context("one request is enough")?;
                    call.handle(Input::Response { id, response }, self.now);
                }
                Step::Done(outcome) => return Ok(outcome?),
                _ => {
                    anyhow::bail!("a token call that is answered at once has nothing to wait for")
                }
            }
        }
    }
}

/// An answer as a transport hands it over: the only owner of its bytes.
pub(crate) fn response(answer: &str) -> Response {
    Response::new(Body::from(bytes_of(answer)))
}

pub(crate) fn bytes_of(answer: &str) -> Vec<u8> {
    black_box(answer).as_bytes().to_vec()
}

fn user() -> anyhow::Result<ClientUserId> {
    Ok(ClientUserId::new(black_box(USER))?)
}
