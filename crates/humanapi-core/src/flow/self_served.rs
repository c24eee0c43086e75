//! A flow that fetches its own tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::error::{BuildError, FlowError};
use crate::flow::{Flow, Input, RequestId, Step, TokenExchange};
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::RetryPolicy;
use crate::rules::Provisioning;
use crate::token::{Generation, TokenKey};
use crate::user::KnownStatus;

/// A flow that fetches the tokens it needs by itself, for drivers without a token broker.
///
/// Each need is one exchange with the token service; nothing is kept beyond this flow. An exchange has
/// attempts and waits of its own, and ends with the time of the flow that it serves at the latest.
#[derive(Debug)]
pub struct SelfServed<F> {
    flow: F,
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    policy: RetryPolicy,
    exchange: Option<TokenExchange>,
    generation: u64,
    /// Ids of both machines overlap, so the driver sees ids of our own.
    out: Option<(RequestId, RequestId)>,
    next_id: RequestId,
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

    fn begin(&self, key: &TokenKey, timeout: Duration) -> Result<TokenExchange, BuildError> {
        let (deadline, seed) = (self.policy.overall_deadline(), self.policy.seed());
        let policy = (self.policy.clone())
            .with_overall_deadline(deadline.min(timeout))
            .with_seed(seed.wrapping_add(self.generation));
        TokenExchange::new(
            key,
            KnownStatus::default(),
            None,
            self.credentials.clone(),
            self.provisioning,
            self.hosts.clone(),
            policy,
        )
    }

    fn renamed<T>(&mut self, step: Step<T>) -> Step<T> {
        let mut step = step;
        match &mut step {
            Step::Send { id, .. } | Step::Open { id, .. } => {
                let ours = self.next_id;
                self.next_id = ours.next();
                self.out = Some((ours, *id));
                *id = ours;
            }
            Step::Read { id, .. } => {
                if let Some((ours, _)) = self.out {
                    *id = ours;
                }
            }
            Step::NeedToken { .. } | Step::WaitUntil(_) | Step::Done(_) => {}
        }
        step
    }

    /// The inner id, if it is our last request that this is about. Whether it is still open, its machine knows.
    fn inner(&self, id: RequestId) -> Option<RequestId> {
        let (_, inner) = self.out.filter(|(ours, _)| *ours == id)?;
        Some(inner)
    }
}

impl<F: Flow> Flow for SelfServed<F> {
    type Outcome = F::Outcome;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        loop {
            if let Some(exchange) = &mut self.exchange {
                let step = match exchange.poll(now).outcome() {
                    Ok(token) => {
                        self.exchange = None;
                        self.out = None;
                        let generation = Generation::new(self.generation);
                        let bearer = token
                            .and_then(|token| Ok(token.with_generation(generation).bearer()?));
                        self.flow
                            .handle(Input::Token(bearer.map_err(Arc::new)), now);
                        continue;
                    }
                    Err(step) => step,
                };
                return self.renamed(step);
            }
            let step = match self.flow.poll(now) {
                Step::NeedToken {
                    key,
                    rejected,
                    timeout,
                } => {
                    // The request is over, and its id may be one of the exchange's too.
                    self.out = None;
                    let older = rejected.map_or(0, |rejected| rejected.generation().number());
                    self.generation = self.generation.max(older).saturating_add(1);
                    match self.begin(&key, timeout) {
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
        let mut input = input;
        match &mut input {
            Input::Response { id, .. }
            | Input::Head { id, .. }
            | Input::Body { id, .. }
            | Input::SendFailed { id, .. } => match self.inner(*id) {
                Some(inner) => *id = inner,
                None => return,
            },
            // Nobody outside was asked for one.
            Input::Token(_) => return,
        }
        match &mut self.exchange {
            Some(exchange) => exchange.handle(input, now),
            None => self.flow.handle(input, now),
        }
    }
}
