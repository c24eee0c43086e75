//! One operation that needs a token.

use std::sync::Arc;

use crate::bearer::Bearer;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, FlowError, ResponseError};
use crate::flow::call::wrong_authorization;
use crate::flow::{Call, Flow, Input, Step};
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::{Replay, RetryPolicy};
use crate::rules::{self, Decision};
use crate::token::{Generation, Rejected, TokenKey};
use crate::user::KnownStatus;
use crate::user_id::ClientUserId;

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
    ///
    /// Where that is not what [authorizes](Endpoint::authorization) the operation, it ends with
    /// [`BuildError::WrongAuthorization`](crate::BuildError::WrongAuthorization), before a token is asked for; and so it
    /// does with a token that is not for the key's purpose, before that is sent. An operation whose request cannot be built
    /// ends before a token is asked for, too.
    #[must_use]
    pub fn new(endpoint: E, key: TokenKey, hosts: Hosts, policy: RetryPolicy) -> Self {
        let call = Call::with_token_for(Some(key.purpose()), endpoint, hosts, policy);
        let user = key.user().map_or(Ok(""), ClientUserId::checked);
        let state = if call.is_refused() {
            // The call has the reason.
            State::Calling { renewed: true }
        } else if let Err(error) = user {
            State::Over(Some(BuildError::from(error).into()))
        } else {
            State::NeedsToken {
                refusal: None,
                asked: false,
            }
        };
        Self { call, key, state }
    }

    /// Refuses at once, without asking the service, where the rules say that there is no token of the key's purpose for
    /// such a user. Only a status that the application asserts does so.
    #[must_use]
    pub fn with_status(mut self, known: KnownStatus) -> Self {
        if known.is_certain()
            && !self.call.is_refused()
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
            (Ok(bearer), _) if bearer.purpose() != self.key.purpose() => {
                let given = Some(bearer.purpose());
                State::Over(Some(
                    wrong_authorization(self.call.endpoint(), given).into(),
                ))
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
            input => self.call.handle(input, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::Method;

    use super::*;
    use crate::credentials::ClientId;
    use crate::hosts::Host;
    use crate::raw_call::RawCall;
    use crate::rules::{Authorization, Purpose};
    use crate::token::{AccessToken, ClientToken};
    use crate::user::UserStatus;

    fn client_id() -> ClientId {
        ClientId::new("app").unwrap()
    }

    fn access() -> TokenKey {
        TokenKey::access(client_id(), ClientUserId::new("p-17").unwrap())
    }

    fn now() -> Now {
        Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH)
    }

    /// What a call that is authorized by `authorization` does with the token of `key`.
    fn with_key(authorization: Authorization, key: TokenKey) -> Authorized<RawCall> {
        let call = RawCall::new(Method::GET, Host::Data, "/v1/x").with_authorization(authorization);
        Authorized::new(call, key, Hosts::production(), RetryPolicy::default())
    }

    #[track_caller]
    fn is_refused<T: std::fmt::Debug>(step: Step<Result<T, FlowError>>) {
        let Step::Done(Err(FlowError::Build(error @ BuildError::WrongAuthorization { .. }))) = step
        else {
            panic!("{step:?}");
        };
        assert!(error.remedy().contains("client"), "{}", error.remedy());
    }

    #[test]
    fn a_key_that_does_not_fit_what_authorizes_the_call_is_refused_before_a_token_is_asked_for() {
        let connect = TokenKey::connect(client_id(), ClientUserId::new("p-17").unwrap());
        let all = [
            Authorization::InRequest,
            Authorization::AccessToken,
            Authorization::ClientToken,
        ];
        for authorization in all {
            for key in [access(), TokenKey::client(client_id()), connect.clone()] {
                let fits = authorization.purpose() == Some(key.purpose());
                // A status of a user that a rule refuses does not hide the programmer's mistake.
                for status in [UserStatus::Unknown, UserStatus::New] {
                    let known = KnownStatus::asserted(status);
                    let mut flow = with_key(authorization, key.clone()).with_status(known);
                    match flow.poll(now()) {
                        step if !fits => is_refused(step),
                        Step::Done(Err(FlowError::Refused(_))) | Step::NeedToken { .. } => {}
                        step => panic!("{step:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_request_that_cannot_be_built_asks_for_no_token() {
        let call = RawCall::new(Method::GET, Host::Data, "no path");
        let mut flow = Authorized::new(call, access(), Hosts::production(), RetryPolicy::default());
        match flow.poll(now()) {
            Step::Done(Err(FlowError::Build(BuildError::Path))) => {}
            step => panic!("{step:?}"),
        }
    }

    #[test]
    fn a_call_without_a_token_refuses_whatever_needs_one() {
        for (authorization, fits) in [
            (Authorization::InRequest, true),
            (Authorization::AccessToken, false),
            (Authorization::ClientToken, false),
        ] {
            let call =
                RawCall::new(Method::GET, Host::Data, "/v1/x").with_authorization(authorization);
            let mut call = Call::new(call, Hosts::production(), RetryPolicy::default());
            match call.poll(now()) {
                Step::Send { request, .. } if fits => {
                    assert!(!request.headers().contains_key(http::header::AUTHORIZATION));
                }
                step => is_refused(step),
            }
        }
    }

    /// Its token came after an hour in which the machine was suspended: the monotonic clock stood still.
    #[test]
    fn what_must_not_be_repeated_does_not_leave_late_by_either_clock() {
        let bearer = Bearer::access(&AccessToken::new("at-1"), Generation::new(1)).unwrap();
        let hour = Duration::from_secs(3_600);
        for (replay, waited, leaves) in [
            (Replay::OnlyIfNotSent, Duration::ZERO, true),
            (Replay::OnlyIfNotSent, hour, false),
            (Replay::Safe, hour, true),
        ] {
            let call = RawCall::new(Method::POST, Host::Data, "/v1/x")
                .with_authorization(Authorization::AccessToken)
                .with_replay(replay);
            let hosts = Hosts::production();
            let mut flow = Authorized::new(call, access(), hosts, RetryPolicy::default());
            assert!(matches!(flow.poll(now()), Step::NeedToken { .. }));
            let woken = Now::new(now().monotonic(), now().wall() + waited);
            flow.handle(Input::Token(Ok(bearer.clone())), woken);
            match flow.poll(woken) {
                Step::Send { .. } if leaves => {}
                Step::Done(Err(FlowError::OutOfTime { attempts: 0, .. })) if !leaves => {}
                step => panic!("{replay:?} after {waited:?}: {step:?}"),
            }
        }
    }

    #[test]
    fn a_token_of_the_wrong_kind_is_never_sent() {
        let generation = Generation::new(1);
        let of_user = Bearer::access(&AccessToken::new("at-1"), generation).unwrap();
        let of_application = Bearer::client(&ClientToken::new("ct-1"), generation).unwrap();
        let client = TokenKey::client(client_id());
        for (authorization, key, wrong, right) in [
            (
                Authorization::AccessToken,
                access(),
                &of_application,
                &of_user,
            ),
            (
                Authorization::ClientToken,
                client,
                &of_user,
                &of_application,
            ),
        ] {
            for (bearer, is_right) in [(wrong, false), (right, true)] {
                let mut flow = with_key(authorization, key.clone());
                assert!(matches!(flow.poll(now()), Step::NeedToken { .. }));
                flow.handle(Input::Token(Ok(bearer.clone())), now());
                match flow.poll(now()) {
                    Step::Send { .. } if is_right => {}
                    step => is_refused(step),
                }
            }
        }
    }

    #[test]
    fn the_rule_is_that_of_the_keys_own_purpose() {
        for status in UserStatus::ALL {
            let refused = |key: TokenKey| {
                let authorization = match key.purpose() {
                    Purpose::Administer => Authorization::ClientToken,
                    _ => Authorization::AccessToken,
                };
                let mut flow =
                    with_key(authorization, key).with_status(KnownStatus::asserted(status));
                match flow.poll(now()) {
                    Step::Done(Err(FlowError::Refused(refusal))) => Some(refusal),
                    Step::NeedToken { .. } => None,
                    other => panic!("{other:?}"),
                }
            };
            let rule = |purpose| match rules::decide(purpose, status) {
                Decision::Refuse(refusal) => Some(refusal),
                _ => None,
            };
            assert_eq!(refused(access()), rule(Purpose::ReadData), "{status:?}");
            let client = TokenKey::client(client_id());
            assert_eq!(
                refused(client.clone()),
                rule(Purpose::Administer),
                "{status:?}"
            );
            assert_eq!(refused(client), None, "no user is asked for");
        }
    }
}
