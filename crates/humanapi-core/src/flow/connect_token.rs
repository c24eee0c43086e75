//! The right token to open Connect with.

use crate::auth::{IssueIdToken, IssueSessionToken};
use crate::credentials::Credentials;
use crate::error::{ApiError, BuildError, FlowError, ResponseError};
use crate::flow::{Call, Flow, Input, Step};
use crate::hidden::Personal;
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::RetryPolicy;
use crate::rules::{self, Decision, Purpose};
use crate::token::{ConnectToken, Issued, Leeway, RefreshToken, TokenKind};
use crate::user::{KnownStatus, UserEvent, UserStatus};
use crate::user_id::ClientUserId;

/// Gets the token that opens Connect for a user: a session token or an id token, whichever is right.
///
/// What is known of the user chooses the first request. When the service refuses it because the
/// other kind is right, the other is asked for, once. When both are refused, the error shows both.
///
/// A session token that is still valid is [reused](Self::with_reusable) for a user who has started and
/// connected nothing.
#[derive(Debug)]
pub struct ConnectTokenFlow {
    credentials: Credentials,
    user: ClientUserId,
    email: Option<Personal>,
    hosts: Hosts,
    policy: RetryPolicy,
    status: UserStatus,
    reusable: Option<(ConnectToken, Leeway)>,
    state: State,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of these in a flow, and boxing it would cost each flow an allocation"
)]
enum State {
    Begin,
    Asking {
        call: TokenCall,
        /// The refusal that made this the second request.
        refused: Option<ApiError>,
    },
    Over,
}

#[derive(Debug)]
enum TokenCall {
    Session(Call<IssueSessionToken>),
    Id(Call<IssueIdToken>),
}

/// A token that opens Connect, and what getting it told of the user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectGrant {
    /// The token.
    pub token: ConnectToken,
    /// What is known of the user now.
    pub status: UserStatus,
    /// Whether it is a token from earlier: handed in to be reused, or kept.
    pub reused: bool,
    /// Came along with an id token as `id_refresh_token`. No documented call takes it; Human API advises
    /// to store it. Stays on the server.
    pub id_refresh_token: Option<RefreshToken>,
}

impl ConnectGrant {
    /// A token that was got or kept elsewhere.
    #[must_use]
    pub const fn new(token: ConnectToken, status: UserStatus, reused: bool) -> Self {
        Self {
            token,
            status,
            reused,
            id_refresh_token: None,
        }
    }

    /// Adds the refresh token that came along.
    #[must_use]
    pub fn with_id_refresh_token(mut self, token: Option<RefreshToken>) -> Self {
        self.id_refresh_token = token;
        self
    }
}

impl ConnectTokenFlow {
    /// Nothing is known of the user: a session is asked for first.
    #[must_use]
    pub fn new(
        credentials: Credentials,
        user: impl Into<ClientUserId>,
        hosts: Hosts,
        policy: RetryPolicy,
    ) -> Self {
        Self {
            credentials,
            user: user.into(),
            email: None,
            hosts,
            policy,
            status: UserStatus::Unknown,
            reusable: None,
            state: State::Begin,
        }
    }

    /// Says what is known of the user, which chooses the first request.
    #[must_use]
    pub const fn with_status(mut self, known: KnownStatus) -> Self {
        self.status = known.status();
        self
    }

    /// Adds the user's e-mail address, which goes out with a session.
    #[must_use]
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(Personal::new(email));
        self
    }

    /// Offers a token from earlier. A session token is handed out again if the user is started and
    /// it leaves more life than `leeway` asks for; an id token likewise for a connected user.
    #[must_use]
    pub fn with_reusable(mut self, token: ConnectToken, leeway: Leeway) -> Self {
        self.reusable = Some((token, leeway));
        self
    }

    fn reuse(&mut self, now: Now) -> Option<ConnectToken> {
        let (token, leeway) = self.reusable.take()?;
        let fits = matches!(
            (self.status, token.kind()),
            (UserStatus::Started, TokenKind::Session) | (UserStatus::Connected, TokenKind::Id)
        );
        (fits && token.expiry().leaves(now, leeway)).then_some(token)
    }

    fn ask(&self, kind: TokenKind) -> TokenCall {
        let credentials = self.credentials.clone();
        let user = self.user.clone();
        let (hosts, policy) = (self.hosts.clone(), self.policy.clone());
        if kind == TokenKind::Id {
            let endpoint = IssueIdToken::new(credentials, user);
            TokenCall::Id(Call::new(endpoint, hosts, policy))
        } else {
            let mut endpoint = IssueSessionToken::new(credentials, user);
            if let Some(email) = &self.email {
                endpoint = endpoint.with_email(email.as_str());
            }
            TokenCall::Session(Call::new(endpoint, hosts, policy))
        }
    }

    fn issued(&mut self, token: ConnectToken, refresh: Option<RefreshToken>) -> ConnectGrant {
        self.state = State::Over;
        self.status = self.status.after(UserEvent::TokenIssued(token.kind()));
        ConnectGrant::new(token, self.status, false).with_id_refresh_token(refresh)
    }

    /// The second request, or how the flow ends.
    fn refused(
        &mut self,
        error: FlowError,
        first: Option<ApiError>,
        asked: &TokenCall,
    ) -> Result<State, FlowError> {
        let answer = match (error, first.as_ref()) {
            (FlowError::Response(ResponseError::Api(answer)), _) => answer,
            // No time was left for the second request, so the first answer is how it ended.
            (
                FlowError::OutOfTime {
                    attempts,
                    last: None,
                },
                Some(first),
            ) => {
                let first = FlowError::from(ResponseError::Api(first.clone()));
                return Err(FlowError::OutOfTime {
                    attempts,
                    last: Some(Box::new(first)),
                });
            }
            (error, _) => return Err(error),
        };
        let Some(refusal) = answer.token_refusal() else {
            return Err(match first {
                Some(first) => FlowError::BothRefused {
                    first,
                    second: answer,
                },
                None => ResponseError::Api(answer).into(),
            });
        };
        self.status = self.status.after(UserEvent::TokenRefused(refusal));
        if let Some(first) = first {
            return Err(FlowError::BothRefused {
                first,
                second: answer,
            });
        }
        match rules::after_refusal(asked.kind(), refusal) {
            Some(kind) => Ok(State::Asking {
                call: self.ask(kind).continuing(asked),
                refused: Some(answer),
            }),
            None => Err(ResponseError::Api(answer).into()),
        }
    }
}

/// A token that may go to a browser, and apart from it the one that may not.
type WithRefresh = (ConnectToken, Option<RefreshToken>);

fn apart<T>(mut issued: Issued<T>) -> WithRefresh
where
    Issued<T>: Into<ConnectToken>,
{
    let refresh = issued.refresh_token.take();
    (issued.into(), refresh)
}

impl TokenCall {
    const fn kind(&self) -> TokenKind {
        match self {
            Self::Session(_) => TokenKind::Session,
            Self::Id(_) => TokenKind::Id,
        }
    }

    fn continuing(self, first: &Self) -> Self {
        match (self, first) {
            (Self::Session(call), Self::Session(first)) => Self::Session(call.continuing(first)),
            (Self::Session(call), Self::Id(first)) => Self::Session(call.continuing(first)),
            (Self::Id(call), Self::Session(first)) => Self::Id(call.continuing(first)),
            (Self::Id(call), Self::Id(first)) => Self::Id(call.continuing(first)),
        }
    }

    fn poll(&mut self, now: Now) -> Step<Result<WithRefresh, FlowError>> {
        match self {
            Self::Session(call) => call.poll(now).map(|outcome| outcome.map(apart)),
            Self::Id(call) => call.poll(now).map(|outcome| outcome.map(apart)),
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        match self {
            Self::Session(call) => call.handle(input, now),
            Self::Id(call) => call.handle(input, now),
        }
    }
}

impl Flow for ConnectTokenFlow {
    type Outcome = Result<ConnectGrant, FlowError>;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        if matches!(self.state, State::Begin) {
            // A token from earlier would need no request that refuses it.
            if let Err(error) = self.user.checked() {
                self.state = State::Over;
                return Step::Done(Err(BuildError::from(error).into()));
            }
            if let Some(token) = self.reuse(now) {
                self.state = State::Over;
                return Step::Done(Ok(ConnectGrant::new(token, self.status, true)));
            }
            let kind = match rules::decide(Purpose::OpenConnect, self.status) {
                Decision::Ask(kind) => kind,
                Decision::Refuse(refusal) => {
                    self.state = State::Over;
                    return Step::Done(Err(refusal.into()));
                }
            };
            self.state = State::Asking {
                call: self.ask(kind),
                refused: None,
            };
        }
        loop {
            let State::Asking { call, .. } = &mut self.state else {
                panic!("a flow is not polled after its end");
            };
            let error = match call.poll(now).outcome() {
                Ok(Ok((token, refresh))) => return Step::Done(Ok(self.issued(token, refresh))),
                Ok(Err(error)) => error,
                Err(step) => return step,
            };
            let State::Asking { call, refused } = std::mem::replace(&mut self.state, State::Over)
            else {
                panic!("a flow is not polled after its end");
            };
            match self.refused(error, refused, &call) {
                Ok(second) => self.state = second,
                Err(error) => return Step::Done(Err(error)),
            }
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        if let State::Asking { call, .. } = &mut self.state {
            call.handle(input, now);
        }
    }
}
