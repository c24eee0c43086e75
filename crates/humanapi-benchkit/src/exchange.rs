//! One token exchange as it goes over the wire, and the usual way to write it by hand: the peer of every comparison.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request};
use serde::{Deserialize, Serialize};

/// The application that asks.
pub const CLIENT_ID: &str = "8d3f2a60c1b7e94f5a06";
/// Its secret.
pub const CLIENT_SECRET: &str = "b5d0a7c2e94f4f1c8a6e3d7b9c0f12a4e6d8b7c5";
/// The user that it asks for.
pub const USER: &str = "patient-17";
/// The path of the token service.
pub const PATH: &str = "/v1/connect/token";
/// What the SDK calls itself; the usual way sends a header of the same length.
pub const AGENT: &str = "humanapi-rust/0.1.0";

/// The documented answer to a request for an access token.
pub const ACCESS: &str = concat!(
    r#"{"access_token":"fYx0n3vQe1RmZ8tKc5LdWj7hUa2oSbPiG4kN6wXqT9M","expires_in":86400,"token_type":"Bearer","#,
    r#""refresh_token":"atrt-q3Jr8ZcV1mXk5Ls0Tn7Wb2Yd9Gf4Ha6Ue-PoIuRtEwQ"}"#
);
/// The documented answer to a request for a session token.
pub const SESSION: &str = r#"{"session_token":"fYx0n3vQe1RmZ8tKc5LdWj7hUa2oSbPiG4kN6wXqT9M","expires_in":3600,"human_id":"7a1d0c55e2f34b8f9d3b6c0e4f2a1b90"}"#;
/// An answer to a request for an id token.
pub const ID: &str = concat!(
    r#"{"id_token":"fYx0n3vQe1RmZ8tKc5LdWj7hUa2oSbPiG4kN6wXqT9M","id_token_expires_in":86400,"expires_in":86400,"#,
    r#""id_refresh_token":"q3Jr8ZcV1mXk5Ls0Tn7Wb2Yd9Gf4Ha6Ue-PoIuRtEwQ","human_id":"7a1d0c55e2f34b8f9d3b6c0e4f2a1b90"}"#
);
/// An answer to a request for a client token.
pub const CLIENT: &str =
    r#"{"client_token":"AT.fYx0n3vQe1RmZ8tKc5LdWj7hUa2oSbPiG4kN6wXqT9M","expires_in":86400}"#;

/// The body of a token request.
#[derive(Debug, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "it is made by hand")]
pub struct TokenRequest<'a> {
    /// The application.
    pub client_id: &'a str,
    /// Its secret.
    pub client_secret: &'a str,
    /// The user.
    pub client_user_id: &'a str,
    /// The kind of token.
    #[serde(rename = "type")]
    pub kind: &'a str,
}

impl TokenRequest<'static> {
    /// The request for an access token.
    #[must_use]
    pub const fn access() -> Self {
        Self {
            client_id: CLIENT_ID,
            client_secret: CLIENT_SECRET,
            client_user_id: USER,
            kind: "access",
        }
    }
}

/// The body of its answer.
#[derive(Debug, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "it is made by hand")]
pub struct TokenAnswer {
    /// The token.
    pub access_token: String,
    /// How many seconds it lives.
    pub expires_in: u64,
    /// `Bearer`.
    pub token_type: String,
    /// What comes with it.
    pub refresh_token: String,
}

/// Builds the request the usual way.
///
/// # Errors
///
/// When the address is none.
pub fn usual_request(url: &str) -> anyhow::Result<Request<Bytes>> {
    let body = serde_json::to_vec(&TokenRequest::access())?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .body(Bytes::from(body))?;
    Ok(request)
}

/// Reads the answer the usual way.
///
/// # Errors
///
/// When it is something else.
pub fn usual_answer(body: &[u8]) -> anyhow::Result<TokenAnswer> {
    Ok(serde_json::from_slice(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_way_reads_the_documented_answer() {
        let answer = usual_answer(ACCESS.as_bytes()).unwrap();
        assert_eq!(answer.expires_in, 86_400);
        let request = usual_request("http://127.0.0.1:1/v1/connect/token").unwrap();
        assert_eq!(request.uri().path(), PATH);
        assert_eq!(request.headers().len(), 3);
    }
}
