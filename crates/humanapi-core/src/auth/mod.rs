//! The token service: one endpoint for each kind of token.
//!
//! Session, id and (for most applications) access tokens come from `POST /v1/connect/token`; client
//! tokens, and access tokens of applications on the Health Intelligence Platform, from
//! `POST /v1/admin/token`. There is no endpoint to refresh one: to renew a token, ask again.

mod wire;

use std::time::Duration;

use http::{Method, Uri};
use secrecy::SecretString;

use crate::answer::{self, Expected};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{Asked, BuildError, ResponseError};
use crate::hidden::Personal;
use crate::hosts::Hosts;
use crate::json;
use crate::message::{self, Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::{Authorization, Provisioning};
use crate::token::{
    AccessToken, ClientToken, Expiry, IdToken, Issued, RefreshToken, SessionToken, TokenKind,
};
use crate::user_id::{ClientUserId, HumanId};
use wire::{Fields, Text, TokenResponse};

/// Asks for a session token, which opens Connect for a user who has connected nothing yet.
///
/// `POST /v1/connect/token` with `type` `session`. The first one for a user creates the user and
/// tells the [`HumanId`]; later ones tell the same. The service answers 403 (some have met 409) once
/// the user has connected a source.
#[derive(Clone, Debug)]
pub struct IssueSessionToken {
    credentials: Credentials,
    user: ClientUserId,
    email: Option<Personal>,
    extra_scopes: Vec<String>,
}

/// Asks for an id token, which opens Connect for a returning user.
///
/// `POST /v1/connect/token` with `type` `id`.
#[derive(Clone, Debug)]
pub struct IssueIdToken {
    credentials: Credentials,
    user: ClientUserId,
    extra_scopes: Vec<String>,
}

/// Asks for an access token, which reads the user's data.
///
/// `type` `access`, to `POST /v1/connect/token` or, with [`Provisioning::Hip`],
/// `POST /v1/admin/token`.
#[derive(Clone, Debug)]
pub struct IssueAccessToken {
    credentials: Credentials,
    provisioning: Provisioning,
    user: ClientUserId,
    extra_scopes: Vec<String>,
}

/// Asks for a client token, which administers an application on the Health Intelligence Platform.
///
/// `POST /v1/admin/token` with `type` `client`.
#[derive(Clone, Debug)]
pub struct IssueClientToken {
    credentials: Credentials,
}

impl IssueSessionToken {
    /// A session for this user.
    #[must_use]
    pub fn new(credentials: Credentials, user: impl Into<ClientUserId>) -> Self {
        Self {
            credentials,
            user: user.into(),
            email: None,
            extra_scopes: Vec::new(),
        }
    }

    /// Adds the user's e-mail address, which the documents show for a session.
    #[must_use]
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(Personal::new(email));
        self
    }
}

impl IssueIdToken {
    /// An id token for this user.
    #[must_use]
    pub fn new(credentials: Credentials, user: impl Into<ClientUserId>) -> Self {
        Self {
            credentials,
            user: user.into(),
            extra_scopes: Vec::new(),
        }
    }
}

impl IssueAccessToken {
    /// An access token for this user's data.
    #[must_use]
    pub fn new(
        credentials: Credentials,
        provisioning: Provisioning,
        user: impl Into<ClientUserId>,
    ) -> Self {
        Self {
            credentials,
            provisioning,
            user: user.into(),
            extra_scopes: Vec::new(),
        }
    }
}

impl IssueClientToken {
    /// A client token for this application.
    #[must_use]
    pub const fn new(credentials: Credentials) -> Self {
        Self { credentials }
    }
}

macro_rules! extra_scopes {
    ($($endpoint:ident),+) => {$(
        impl $endpoint {
            /// Adds scopes. No vocabulary is published, so they go out as they are; none are sent
            /// when there are none.
            #[must_use]
            pub fn with_extra_scopes(
                mut self,
                scopes: impl IntoIterator<Item = impl Into<String>>,
            ) -> Self {
                self.extra_scopes.extend(scopes.into_iter().map(Into::into));
                self
            }
        }
    )+};
}

extra_scopes!(IssueSessionToken, IssueIdToken, IssueAccessToken);

impl Endpoint for IssueSessionToken {
    type Output = Issued<SessionToken>;

    fn name(&self) -> &'static str {
        "auth.session"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let fields = Fields {
            user: Some(self.user.checked()?),
            email: self.email.as_ref().map(Personal::as_str),
            extra_scopes: &self.extra_scopes,
        };
        Ok(post(
            hosts.connect_token(),
            &self.credentials,
            TokenKind::Session,
            fields,
        ))
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        read(Asked::Session, TokenKind::Session, &response, |answer| {
            let lifetime = answer.expires_in;
            let token = SessionToken::new(secret(answer.session_token)?);
            Some(issued(token, lifetime, TokenKind::Session, sent_at).told(answer.human_id, None))
        })
    }
}

impl Endpoint for IssueIdToken {
    type Output = Issued<IdToken>;

    fn name(&self) -> &'static str {
        "auth.id"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let fields = Fields {
            user: Some(self.user.checked()?),
            extra_scopes: &self.extra_scopes,
            ..Fields::default()
        };
        Ok(post(
            hosts.connect_token(),
            &self.credentials,
            TokenKind::Id,
            fields,
        ))
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        read(Asked::Id, TokenKind::Id, &response, |answer| {
            let lifetime = answer.id_token_expires_in.or(answer.expires_in);
            let token = IdToken::new(secret(answer.id_token)?);
            let refresh = answer.id_refresh_token.or(answer.refresh_token);
            Some(issued(token, lifetime, TokenKind::Id, sent_at).told(answer.human_id, refresh))
        })
    }
}

impl Endpoint for IssueAccessToken {
    type Output = Issued<AccessToken>;

    fn name(&self) -> &'static str {
        "auth.access"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let fields = Fields {
            user: Some(self.user.checked()?),
            extra_scopes: &self.extra_scopes,
            ..Fields::default()
        };
        let uri = match self.provisioning {
            Provisioning::Connect => hosts.connect_token(),
            Provisioning::Hip => hosts.admin_token(),
        };
        Ok(post(uri, &self.credentials, TokenKind::Access, fields))
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        let asked = Asked::Access(self.provisioning);
        read(asked, TokenKind::Access, &response, |answer| {
            let lifetime = answer.expires_in;
            let token = AccessToken::new(secret(answer.access_token)?);
            Some(
                issued(token, lifetime, TokenKind::Access, sent_at)
                    .told(answer.human_id, answer.refresh_token),
            )
        })
    }
}

impl Endpoint for IssueClientToken {
    type Output = Issued<ClientToken>;

    fn name(&self) -> &'static str {
        "auth.client"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        Ok(post(
            hosts.admin_token(),
            &self.credentials,
            TokenKind::Client,
            Fields::default(),
        ))
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        read(Asked::Client, TokenKind::Client, &response, |answer| {
            let lifetime = answer.expires_in;
            let token = ClientToken::new(secret(answer.client_token)?);
            Some(issued(token, lifetime, TokenKind::Client, sent_at))
        })
    }
}

fn post(uri: Uri, credentials: &Credentials, kind: TokenKind, fields: Fields<'_>) -> Request {
    let body = wire::write(credentials, kind, fields);
    message::build(Method::POST, uri, Some(body))
}

/// Reads an answer: a refusal by its status or, feared in the wild, by its body alone.
fn read<T>(
    asked: Asked,
    kind: TokenKind,
    response: &Response,
    take: impl FnOnce(TokenResponse<'_>) -> Option<T>,
) -> Result<T, ResponseError> {
    answer::accept(asked, Expected::Token, response)?;
    let text = json::without_byte_order_mark(response.body().as_bytes());
    take(TokenResponse::read(text)?).ok_or_else(|| {
        answer::refusal_in_a_success(asked, response).unwrap_or_else(|| {
            ResponseError::MissingToken {
                kind,
                request_id: message::request_id(response),
            }
        })
    })
}

fn issued<T>(token: T, lifetime: Option<Duration>, kind: TokenKind, sent_at: Now) -> Issued<T> {
    let lifetime = lifetime.unwrap_or_else(|| kind.default_lifetime());
    Issued::new(token, Expiry::after(sent_at, lifetime))
}

impl<T> Issued<T> {
    fn told(mut self, human_id: Option<Text<'_>>, refresh: Option<Text<'_>>) -> Self {
        let human_id = human_id.as_ref().map(Text::as_str);
        self.human_id = human_id.filter(|id| !id.is_empty()).map(HumanId::new);
        self.refresh_token = secret(refresh).map(RefreshToken::new);
        self
    }
}

/// An empty token is none.
fn secret(text: Option<Text<'_>>) -> Option<SecretString> {
    let text = text.filter(|text| !text.as_str().is_empty())?;
    Some(text.into_secret())
}
