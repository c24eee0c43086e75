//! The token service: which token an application may have for which user, and the refusals.

use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::app::AppCredentials;
use crate::area::Area;
use crate::assumption::Assumption;
use crate::body::{Fields, TOO_LONG};
use crate::call::Call;
use crate::reply::{Problem, Reply, json};
use crate::request_log::LogDetails;
use crate::state::State;
use crate::token::TokenKind;
use crate::user::UserStatus;
use crate::world::World;

/// Which of the two token endpoints was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenEndpoint {
    Connect,
    Admin,
}

/// A request with every field present and of the right type.
struct TokenRequest {
    client_id: String,
    client_secret: Option<String>,
    client_user_id: String,
    email: Option<String>,
    kind: TokenKind,
}

/// A token and what its response tells besides.
struct Grant {
    token: String,
    refresh: String,
    human_id: String,
}

/// Issues a token, or says why not.
pub(crate) fn exchange(
    endpoint: TokenEndpoint,
    call: &Call<'_>,
    details: &mut LogDetails,
) -> Reply {
    let world = &**call.world;
    let answer = try_exchange(world, endpoint, call.headers(), call.body, details);
    world.exchanges.count(details.token_kind, answer.is_err());
    answer.unwrap_or_else(|problem| {
        let id = &details.request_id;
        let mut reply = Area::Tokens.write(world, &problem, call.incoming, None, id);
        if world.assumptions.is(Assumption::RefusalStatusLine, "200") {
            *reply.status_mut() = StatusCode::OK;
        }
        reply
    })
}

fn try_exchange(
    world: &World,
    endpoint: TokenEndpoint,
    headers: &HeaderMap,
    body: &[u8],
    details: &mut LogDetails,
) -> Result<Reply, Problem> {
    let request = read_request(world, endpoint, headers, body, details)?;
    let (at, app) = world
        .app(&request.client_id)
        .ok_or_else(|| bad_credentials(world, "INVALID_CLIENT_ID", "no such application"))?;
    details.client_id = Some(request.client_id.clone());
    check_secret(world, app, &request)?;
    if request.kind == TokenKind::Client {
        return issue_client_token(world, at, app);
    }
    check_endpoint(world, endpoint, app, request.kind)?;
    let now = world.clock.now();
    let grant = decide(world, &mut world.state(), at, &request, now)?;
    Ok(write_grant(world, endpoint, request.kind, &grant))
}

fn read_request(
    world: &World,
    endpoint: TokenEndpoint,
    headers: &HeaderMap,
    body: &[u8],
    details: &mut LogDetails,
) -> Result<TokenRequest, Problem> {
    let mut fields = Fields::read(headers, body)?;
    let client_id = fields.required("client_id");
    // Empty is no type that there is, and has the code for that.
    let kind = fields.present("type");
    details.token_kind = match (endpoint, kind.as_str()) {
        (TokenEndpoint::Connect, "session") => Some(TokenKind::Session),
        (TokenEndpoint::Connect, "id" | "id_token") => Some(TokenKind::Id),
        (TokenEndpoint::Connect | TokenEndpoint::Admin, "access") => Some(TokenKind::Access),
        (TokenEndpoint::Admin, "client") => Some(TokenKind::Client),
        _ => None,
    };
    let client_user_id = if endpoint == TokenEndpoint::Connect || kind == "access" {
        fields.required("client_user_id")
    } else {
        fields.optional("client_user_id").unwrap_or_default()
    };
    let client_secret = match endpoint {
        TokenEndpoint::Connect => fields.optional("client_secret"),
        TokenEndpoint::Admin => Some(fields.required("client_secret")),
    };
    let email = fields
        .optional("client_user_email")
        .filter(|email| !email.is_empty());
    fields.check_texts("extra_scopes");
    if world
        .longest_user_id()
        .is_some_and(|longest| client_user_id.len() > longest)
    {
        fields.reject("client_user_id", TOO_LONG);
    }
    if email.as_ref().is_some_and(|email| email.len() > EMAIL) {
        fields.reject("client_user_email", TOO_LONG);
    }
    if world.assumptions.is(Assumption::EmailFormat, "checked")
        && email.as_ref().is_some_and(|email| !email.contains('@'))
    {
        fields.reject("client_user_email", "must be an e-mail address");
    }
    fields.finish()?;
    details.client_user_id = Some(client_user_id.clone()).filter(|id| !id.is_empty());
    let kind = details.token_kind.ok_or_else(|| {
        Problem::coded(
            StatusCode::BAD_REQUEST,
            "INVALID_TOKEN_TYPE",
            "no token of this type is issued here",
        )
    })?;
    Ok(TokenRequest {
        client_id,
        client_secret,
        client_user_id,
        email,
        kind,
    })
}

fn check_secret(
    world: &World,
    app: &AppCredentials,
    request: &TokenRequest,
) -> Result<(), Problem> {
    let needed = request.kind == TokenKind::Access
        || world.assumptions.is(Assumption::ClientSecret, "required");
    match &request.client_secret {
        Some(secret) if *secret == app.client_secret => Ok(()),
        None if !needed => Ok(()),
        _ => Err(bad_credentials(
            world,
            "INVALID_CLIENT_ID_OR_SECRET",
            "the client id and the client secret do not belong together",
        )),
    }
}

fn bad_credentials(world: &World, code: &'static str, message: &'static str) -> Problem {
    let status = match world.assumptions.value(Assumption::BadCredentialsStatus) {
        "400" => StatusCode::BAD_REQUEST,
        "403" => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    Problem::coded(status, code, message)
}

fn issue_client_token(world: &World, at: usize, app: &AppCredentials) -> Result<Reply, Problem> {
    if !app.admin_api {
        return Err(Problem::coded(
            StatusCode::FORBIDDEN,
            "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
            "the Admin API is off for this application",
        ));
    }
    let now = world.clock.now();
    let holder = u32::try_from(at).unwrap_or(u32::MAX);
    let mut state = world.state();
    let minted = state.issue(TokenKind::Client, holder, false, now);
    let client_token = state.mint.jwt(&minted.text, &app.client_id, now);
    drop(state);
    Ok(json(
        StatusCode::OK,
        &ClientResponse {
            expires_in: lifetime(world, TokenKind::Client),
            client_token: &client_token,
        },
    ))
}

/// Applies the rules: purpose by user state.
fn decide(
    world: &World,
    state: &mut State,
    app: usize,
    request: &TokenRequest,
    now: i64,
) -> Result<Grant, Problem> {
    let keeps = world.keeps_status();
    let known = state.find(app, &request.client_user_id);
    let status = known
        .and_then(|at| state.user(at))
        .map(|user| user.status(keeps));
    let holder = match (request.kind, status, known) {
        (TokenKind::Session, Some(UserStatus::Connected), _) => {
            return Err(session_refusal(world));
        }
        (TokenKind::Session, _, _) => {
            let at = world.begin_user(state, app, &request.client_user_id)?;
            if let Some(email) = &request.email {
                state.set_email(at, email)?;
            }
            at
        }
        (_, Some(UserStatus::Connected), Some(at)) => at,
        (TokenKind::Id, ..) => return Err(id_refusal(world)),
        (_, None, _)
            if world
                .assumptions
                .is(Assumption::UnknownUserAccess, "unknown-user") =>
        {
            return Err(unknown_user(StatusCode::NOT_FOUND));
        }
        _ => {
            return Err(Problem::coded(
                StatusCode::FORBIDDEN,
                "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
                "no access token for this user: nothing is connected",
            ));
        }
    };
    let revoke = world.assumptions.is(Assumption::Reissue, "revoke-older");
    let minted = state.issue(request.kind, holder, revoke, now);
    Ok(Grant {
        refresh: state.mint.refresh(minted.claim.serial),
        token: minted.text,
        human_id: state
            .user(holder)
            .map(|user| user.human_id.clone())
            .unwrap_or_default(),
    })
}

fn session_refusal(world: &World) -> Problem {
    let status = match world.assumptions.value(Assumption::SessionRefusalStatus) {
        "409" => StatusCode::CONFLICT,
        _ => StatusCode::FORBIDDEN,
    };
    let message = "this user has connected before and needs an id token";
    match world.assumptions.value(Assumption::SessionRefusalCode) {
        "absent" => Problem::new(status, message),
        "made-up" => Problem::coded(status, "SESSION_TOKEN_GENERATION_NOT_ALLOWED", message),
        documented => Problem::coded(status, documented, message),
    }
}

fn id_refusal(world: &World) -> Problem {
    unknown_user(match world.assumptions.value(Assumption::IdRefusalStatus) {
        "403" => StatusCode::FORBIDDEN,
        _ => StatusCode::NOT_FOUND,
    })
}

fn lifetime(world: &World, kind: TokenKind) -> Option<u32> {
    world
        .assumptions
        .is(Assumption::Lifetimes, "present")
        .then(|| kind.lifetime())
}

fn write_grant(world: &World, endpoint: TokenEndpoint, kind: TokenKind, grant: &Grant) -> Reply {
    let lifetime = lifetime(world, kind);
    let lean = world.assumptions.is(Assumption::IdResponse, "lean");
    let refresh = world
        .assumptions
        .is(Assumption::RefreshTokens, "present")
        .then_some(&grant.refresh);
    match kind {
        TokenKind::Session => json(
            StatusCode::OK,
            &SessionResponse {
                expires_in: lifetime,
                human_id: &grant.human_id,
                session_token: &grant.token,
            },
        ),
        TokenKind::Id => json(
            StatusCode::OK,
            &IdResponse {
                id_token: &grant.token,
                id_token_expires_in: lifetime,
                expires_in: lifetime.filter(|_| !lean),
                id_refresh_token: refresh.map(|text| format!("sbx-idr-{text}")),
                human_id: (!lean).then_some(&grant.human_id),
            },
        ),
        // No other kind is granted for a user.
        TokenKind::Access | TokenKind::Client | TokenKind::Tasks => json(
            StatusCode::OK,
            &AccessResponse {
                access_token: &grant.token,
                expires_in: lifetime,
                token_type: "Bearer",
                refresh_token: refresh.map(|text| match endpoint {
                    TokenEndpoint::Connect => format!("atrt-{text}"),
                    TokenEndpoint::Admin => text.clone(),
                }),
            },
        ),
    }
}

/// Applications of one kind get their access tokens at the desk of that kind.
fn check_endpoint(
    world: &World,
    endpoint: TokenEndpoint,
    app: &AppCredentials,
    kind: TokenKind,
) -> Result<(), Problem> {
    if kind != TokenKind::Access {
        return Ok(());
    }
    let (wrong, assumption, message) = match endpoint {
        TokenEndpoint::Connect => (
            app.hip,
            Assumption::HipAccessAtConnect,
            "this application gets its access tokens from the admin token service",
        ),
        TokenEndpoint::Admin => (
            !app.hip,
            Assumption::ConnectAccessAtAdmin,
            "this application gets its access tokens from the Connect token service",
        ),
    };
    if wrong && world.assumptions.is(assumption, "refuse") {
        return Err(Problem::coded(
            StatusCode::FORBIDDEN,
            "NOT_AUTHORIZED",
            message,
        ));
    }
    Ok(())
}

/// The longest e-mail address that is kept, in bytes; a mailbox name and a host name need less.
const EMAIL: usize = 512;

fn unknown_user(status: StatusCode) -> Problem {
    Problem::coded(
        status,
        "UNKNOWN_CLIENT_USER_ID",
        "this application has no such user who has connected",
    )
}

#[derive(Serialize)]
struct SessionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u32>,
    human_id: &'a str,
    session_token: &'a str,
}

#[derive(Serialize)]
struct IdResponse<'a> {
    id_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_expires_in: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_id: Option<&'a String>,
}

#[derive(Serialize)]
struct AccessResponse<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u32>,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

#[derive(Serialize)]
struct ClientResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u32>,
    client_token: &'a str,
}
