//! A flow that fetches its own tokens.

use std::sync::Arc;

use crate::auth::{IssueAccessToken, IssueClientToken};
use crate::bearer::Bearer;
use crate::credentials::Credentials;
use crate::error::{BuildError, FlowError};
use crate::flow::{Call, Flow, Input, RequestId, Step};
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::RetryPolicy;
use crate::rules::Provisioning;
use crate::token::{Generation, TokenKey, TokenKind};

/// A flow that fetches the tokens it needs by itself, for drivers without a token broker.
///
/// Each need is one exchange with the token service; nothing is kept beyond this flow. An exchange has
/// attempts and an overall deadline of its own, beside those of the flow that it serves.
#[derive(Debug)]
pub struct SelfServed<F> {
    flow: F,
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    policy: RetryPolicy,
    exchange: Option<Exchange>,
    generation: u64,
    /// Ids of both machines overlap, so the driver sees ids of our own.
    out: Option<(RequestId, RequestId)>,
    next_id: RequestId,
}

#[derive(Debug)]
enum Exchange {
    Access(Call<IssueAccessToken>),
    Client(Call<IssueClientToken>),
}

impl<F: Flow> SelfServed<F> {
    /// Serves `flow` with tokens of this application.
    #[must_use]
    pub const fn new(
        flow: F,
        credentials: Credentials,
        provisioning: Provisioning,
        hosts: Hosts,
        policy: RetryPolicy,
    ) -> Self {
        Self {
            flow,
            credentials,
            provisioning,
            hosts,
            policy,
            exchange: None,
            generation: 0,
            out: None,
            next_id: RequestId::FIRST,
        }
    }

    fn begin(&self, key: &TokenKey) -> Result<Exchange, BuildError> {
        let credentials = self.credentials.clone();
        let (hosts, policy) = (self.hosts.clone(), self.policy.clone());
        match (key.kind(), key.user()) {
            (TokenKind::Access, Some(user)) => {
                let endpoint = IssueAccessToken::new(credentials, self.provisioning, user.clone());
                Ok(Exchange::Access(Call::new(endpoint, hosts, policy)))
            }
            (TokenKind::Client, _) => {
                let endpoint = IssueClientToken::new(credentials);
                Ok(Exchange::Client(Call::new(endpoint, hosts, policy)))
            }
            (kind, _) => Err(BuildError::NotABearer(kind)),
        }
    }

    fn renamed<T>(&mut self, step: Step<T>) -> Step<T> {
        let Step::Send {
            id,
            request,
            timeout,
        } = step
        else {
            return step;
        };
        let ours = self.next_id;
        self.next_id = ours.next();
        self.out = Some((ours, id));
        Step::Send {
            id: ours,
            request,
            timeout,
        }
    }

    /// The inner id, if it is our open request that was answered.
    fn answered(&mut self, id: RequestId) -> Option<RequestId> {
        let (_, inner) = self.out.take_if(|(ours, _)| *ours == id)?;
        Some(inner)
    }
}

impl Exchange {
    fn poll(&mut self, now: Now, generation: Generation) -> Step<Result<Bearer, FlowError>> {
        match self {
            Self::Access(call) => call.poll(now).map(|outcome| {
                let issued = outcome?;
                Ok(Bearer::access(&issued.token, generation)?)
            }),
            Self::Client(call) => call.poll(now).map(|outcome| {
                let issued = outcome?;
                Ok(Bearer::client(&issued.token, generation)?)
            }),
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        match self {
            Self::Access(call) => call.handle(input, now),
            Self::Client(call) => call.handle(input, now),
        }
    }
}

impl<F: Flow> Flow for SelfServed<F> {
    type Outcome = F::Outcome;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        loop {
            if let Some(exchange) = &mut self.exchange {
                let step = match exchange
                    .poll(now, Generation::new(self.generation))
                    .outcome()
                {
                    Ok(token) => {
                        self.exchange = None;
                        self.out = None;
                        self.flow.handle(Input::Token(token.map_err(Arc::new)), now);
                        continue;
                    }
                    Err(step) => step,
                };
                return self.renamed(step);
            }
            let step = match self.flow.poll(now) {
                Step::NeedToken { key, rejected } => {
                    let older = rejected.map_or(0, Generation::number);
                    self.generation = self.generation.max(older).saturating_add(1);
                    match self.begin(&key) {
                        Ok(exchange) => self.exchange = Some(exchange),
                        Err(error) => {
                            let error = Arc::new(FlowError::from(error));
                            self.flow.handle(Input::Token(Err(error)), now);
                        }
                    }
                    continue;
                }
                step => step,
            };
            return self.renamed(step);
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        let input = match input {
            Input::Response { id, response } => match self.answered(id) {
                Some(id) => Input::Response { id, response },
                None => return,
            },
            Input::SendFailed { id, failure } => match self.answered(id) {
                Some(id) => Input::SendFailed { id, failure },
                None => return,
            },
            // Nobody outside was asked for one.
            Input::Token(_) => return,
        };
        match &mut self.exchange {
            Some(exchange) => exchange.handle(input, now),
            None => self.flow.handle(input, now),
        }
    }
}
