//! One operation that needs a token.

use std::sync::Arc;

use crate::bearer::Bearer;
use crate::endpoint::Endpoint;
use crate::error::{FlowError, ResponseError};
use crate::flow::{Call, Flow, Input, Step};
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::{Replay, RetryPolicy};
use crate::rules::{self, Decision};
use crate::token::{Generation, Rejected, TokenKey};
use crate::user::KnownStatus;

/// One operation that needs a token: asks for it, calls, and when the service answers 401 asks once
/// for a newer token and calls once more.
///
/// A call that the service answered with 401 was not carried out, so it is repeated whatever it does.
/// The data API's own 401 was never seen with a body, so one without the service's marks renews the token
/// as well; but as [something in between](crate::IntermediaryError) may have sent it, only a call that is
/// [safe](Replay::Safe) to repeat goes out again, and the token that it names is
/// [perhaps](Rejected::perhaps) still good.
#[derive(Debug)]
pub struct Authorized<E: Endpoint> {
    call: Call<E>,
    key: TokenKey,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits for a token. `refusal` is the 401 that made a newer one necessary.
    NeedsToken {
        refusal: Option<(Rejected, FlowError)>,
        /// Whether the driver was told, so that a token is an answer.
        asked: bool,
    },
    /// The call is under way.
    Calling { renewed: bool },
    /// It is over, and the error waits to be taken.
    Over(Option<FlowError>),
}

impl<E: Endpoint> Authorized<E> {
    /// An operation that is authorized by the token of `key`.
    #[must_use]
    pub fn new(endpoint: E, key: TokenKey, hosts: Hosts, policy: RetryPolicy) -> Self {
        Self {
            call: Call::new(endpoint, hosts, policy),
            key,
            state: State::NeedsToken {
                refusal: None,
                asked: false,
            },
        }
    }

    /// Refuses at once, without asking the service, where the rules say that there is no token of the key's purpose for
    /// such a user. Only a status that the application asserts does so.
    #[must_use]
    pub fn with_status(mut self, known: KnownStatus) -> Self {
        if known.is_certain()
            && let Decision::Refuse(refusal) = rules::decide(self.key.purpose(), known.status())
        {
            self.state = State::Over(Some(refusal.into()));
        }
        self
    }

    /// The operation.
    #[must_use]
    pub const fn endpoint(&self) -> &E {
        self.call.endpoint()
    }

    fn take_token(&mut self, token: Result<Bearer, Arc<FlowError>>, now: Now) {
        let State::NeedsToken {
            refusal,
            asked: true,
        } = &mut self.state
        else {
            return;
        };
        let refusal = refusal.take();
        self.state = match (token, refusal) {
            (Err(error), refusal) => {
                let error = FlowError::Token(error);
                State::Over(Some(if now.monotonic() < self.call.deadline(now) {
                    error
                } else {
                    let last = refusal.map_or(error, |(_, refusal)| refusal);
                    self.call.out_of_time(Some(last))
                }))
            }
            // No newer token is to be had, so the service's refusal stands.
            (Ok(bearer), Some((rejected, error)))
                if bearer.generation() <= rejected.generation() =>
            {
                State::Over(Some(error))
            }
            (Ok(bearer), refusal) => {
                self.call.authorize(bearer);
                let renewed = refusal.is_some();
                if let Some((_, answer)) = refusal {
                    self.call.reopen(answer);
                }
                State::Calling { renewed }
            }
        };
    }
}

/// The token that this answer refused, if a newer one and another attempt may follow.
fn rejected(error: &FlowError, token: Generation, replay: Replay) -> Option<Rejected> {
    match error {
        FlowError::Response(error) if !error.is_unauthorized() => None,
        FlowError::Response(ResponseError::Api(_)) => Some(Rejected::by_the_service(token)),
        FlowError::Response(_) if replay == Replay::Safe => Some(Rejected::perhaps(token)),
        _ => None,
    }
}

impl<E: Endpoint> Flow for Authorized<E> {
    type Outcome = Result<E::Output, FlowError>;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        loop {
            match &mut self.state {
                State::NeedsToken { refusal, asked } => {
                    let deadline = self.call.deadline(now);
                    if now.monotonic() >= deadline {
                        let last = refusal.take().map(|(_, error)| error);
                        self.state = State::Over(Some(self.call.out_of_time(last)));
                        continue;
                    }
                    *asked = true;
                    return Step::NeedToken {
                        key: self.key.clone(),
                        rejected: refusal.as_ref().map(|(rejected, _)| *rejected),
                        timeout: deadline.saturating_sub(now.monotonic()),
                    };
                }
                State::Calling { renewed } => {
                    let error = match self.call.poll(now) {
                        Step::Done(Err(error)) if !*renewed => error,
                        step => return step,
                    };
                    let replay = self.call.endpoint().replay();
                    let refused = (self.call.authorization())
                        .and_then(|bearer| rejected(&error, bearer.generation(), replay));
                    let Some(refused) = refused else {
                        return Step::Done(Err(error));
                    };
                    self.state = State::NeedsToken {
                        refusal: Some((refused, error)),
                        asked: false,
                    };
                }
                State::Over(error) => {
                    let error = error.take().expect("a flow is not polled after its end");
                    return Step::Done(Err(error));
                }
            }
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::Token(token) => self.take_token(token, now),
            Input::Response { .. } | Input::SendFailed { .. } => self.call.handle(input, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::credentials::ClientId;
    use crate::data::ReadProfile;
    use crate::rules::{Purpose, Refusal};
    use crate::user::{ClientUserId, UserStatus};

    #[test]
    fn the_rule_is_that_of_the_keys_own_purpose() {
        let client_id = ClientId::new("app").unwrap();
        let user = ClientUserId::new("p-17").unwrap();
        let access = TokenKey::access(client_id.clone(), user);
        for status in UserStatus::ALL {
            let refused = |key: &TokenKey| -> Option<Refusal> {
                let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
                let (hosts, policy) = (Hosts::production(), RetryPolicy::default());
                let mut flow = Authorized::new(ReadProfile::new(), key.clone(), hosts, policy)
                    .with_status(KnownStatus::asserted(status));
                match flow.poll(now) {
                    Step::Done(Err(FlowError::Refused(refusal))) => Some(refusal),
                    Step::NeedToken { .. } => None,
                    other => panic!("{other:?}"),
                }
            };
            let rule = |purpose| match rules::decide(purpose, status) {
                Decision::Refuse(refusal) => Some(refusal),
                _ => None,
            };
            assert_eq!(refused(&access), rule(Purpose::ReadData), "{status:?}");
            let client = TokenKey::client(client_id.clone());
            assert_eq!(refused(&client), rule(Purpose::Administer), "{status:?}");
            assert_eq!(refused(&client), None, "no user is asked for");
        }
    }
}
