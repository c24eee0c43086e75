//! Short ways to ask an offline sandbox.

use bytes::Bytes;
use http::{Method, Request, Response};
use humanapi_sandbox::{
    AppCredentials, Assumption, DemoApp, Dropped, OfflineSandbox, Persona, Sandbox,
};
use serde_json::{Value, json};

pub(crate) const CONNECT: &str = "/v1/connect/token";
pub(crate) const ADMIN: &str = "/v1/admin/token";

pub(crate) struct Offline {
    pub(crate) sandbox: OfflineSandbox,
    pub(crate) app: AppCredentials,
}

impl Offline {
    pub(crate) fn new() -> Self {
        Self::of(DemoApp::Connect)
    }

    pub(crate) fn of(app: DemoApp) -> Self {
        let sandbox = Sandbox::builder().build_offline();
        let app = sandbox.app(app);
        Self { sandbox, app }
    }

    pub(crate) fn try_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        self.sandbox.answer(request)
    }

    pub(crate) fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.try_send(request).unwrap()
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        self.send(request(Method::GET, path, headers, ""))
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Response<Bytes> {
        let headers = [("content-type", "application/json")];
        self.send(request(Method::POST, path, &headers, body.to_string()))
    }

    /// Asks for a token with the right credentials.
    pub(crate) fn token(&self, path: &str, kind: &str, user: &str) -> Response<Bytes> {
        self.post_json(path, &self.wish(kind, user))
    }

    pub(crate) fn wish(&self, kind: &str, user: &str) -> Value {
        json!({
            "client_id": self.app.client_id,
            "client_secret": self.app.client_secret,
            "client_user_id": user,
            "type": kind,
        })
    }

    /// One field of a granted token response.
    pub(crate) fn granted(&self, path: &str, kind: &str, user: &str, field: &str) -> String {
        let response = self.token(path, kind, user);
        assert_eq!(response.status(), 200, "{:?}", response.body());
        body(&response)[field].as_str().unwrap().to_owned()
    }

    pub(crate) fn session(&self, user: &str) -> String {
        self.granted(CONNECT, "session", user, "session_token")
    }

    pub(crate) fn connect(&self, user: &str, source: &str) {
        self.sandbox
            .control()
            .connect_source(&self.app.client_id, user, source)
            .unwrap();
    }

    pub(crate) fn disconnect(&self, user: &str, source: &str) {
        self.sandbox
            .control()
            .disconnect_source(&self.app.client_id, user, source)
            .unwrap();
    }

    pub(crate) fn persona(&self, user: &str, persona: Persona) {
        self.sandbox
            .control()
            .set_persona(&self.app.client_id, user, persona)
            .unwrap();
    }

    pub(crate) fn assume(&self, assumption: Assumption, value: &str) {
        self.sandbox
            .control()
            .set_assumption(assumption, value)
            .unwrap();
    }

    /// Changes a user's records over the control API.
    pub(crate) fn try_change(&self, user: &str, change: &Value) -> Response<Bytes> {
        let wish = json!({
            "client_id": self.app.client_id,
            "client_user_id": user,
            "change": change,
        });
        self.post_json("/sandbox/records", &wish)
    }

    pub(crate) fn change(&self, user: &str, change: Value) {
        let answer = self.try_change(user, &change);
        assert_eq!(answer.status(), 204, "{:?}", answer.body());
    }

    /// A connected user's access token.
    pub(crate) fn access(&self, user: &str, sources: &[&str]) -> String {
        self.session(user);
        for source in sources {
            self.connect(user, source);
        }
        self.granted(CONNECT, "access", user, "access_token")
    }

    pub(crate) fn read(&self, path: &str, token: &str) -> Response<Bytes> {
        self.get(path, &[("authorization", &format!("Bearer {token}"))])
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

pub(crate) fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body())
        .unwrap_or_else(|_| panic!("no JSON: {:?}", response.body()))
}

pub(crate) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Checks a refusal: its status, its code, and that it is a whole envelope.
pub(crate) fn refused(response: &Response<Bytes>, status: u16, code: &str) {
    let body = body(response);
    assert_eq!(response.status(), status, "{body}");
    assert_eq!(
        body["errorCode"].as_str().unwrap_or_default(),
        code,
        "{body}"
    );
    assert_eq!(body["statusCode"], status);
    assert!(body["error"].is_string() && body["message"].is_string());
    assert_eq!(
        body["x-humanapi-request-id"].as_str(),
        header(response, "x-humanapi-request-id")
    );
}
