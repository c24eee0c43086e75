//! A sandbox that runs elsewhere, asked through its control API.

use std::time::Duration;

use futures_util::StreamExt as _;
use humanapi_client::{BodyStream, Transport as _};
use humanapi_core::http::header::{CONTENT_TYPE, HeaderValue};
use humanapi_core::http::{Method, StatusCode};
use humanapi_core::{BaseUrl, Body, Report, Request, Response, SendFailure, SendFailureKind};
use humanapi_hyper::HyperTransport;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::args::sandbox::App;
use crate::exit::{Code, Failure};
use crate::output;

/// The variable that holds what a sandbox beyond this machine wants to be shown.
const TOKEN: &str = "HUMANAPI_SANDBOX_TOKEN";

/// How long a sandbox may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox that runs.
pub(crate) struct Running {
    base: BaseUrl,
    token: Option<HeaderValue>,
    transport: HyperTransport,
}

#[derive(Deserialize)]
struct AppWire {
    app: String,
    client_id: String,
}

/// One field as text that steers no terminal.
pub(crate) fn text(from: &Value, name: &str) -> String {
    match from.get(name) {
        Some(Value::String(text)) => output::plain(text).into_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

impl Running {
    pub(crate) fn at(url: &str) -> Result<Self, Failure> {
        let base = BaseUrl::parse(url).map_err(|error| {
            Failure::new(Code::Usage, format!("--url: {error}"), error.remedy())
        })?;
        let token = std::env::var_os(TOKEN).filter(|token| !token.is_empty());
        let token = token
            .map(|token| {
                let token = token.into_string().ok();
                let token = token.and_then(|token| HeaderValue::from_str(&token).ok());
                token.ok_or_else(|| {
                    Failure::new(
                        Code::Usage,
                        format!("{TOKEN} is no control token"),
                        "copy it from what `humanapi sandbox` printed, or unset it",
                    )
                })
            })
            .transpose()?;
        Ok(Self {
            base,
            token,
            transport: HyperTransport::new(),
        })
    }

    /// Where it is reached, as it may be shown.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.base.origin(), self.base.path())
    }

    /// The id of one of its applications.
    pub(crate) async fn client_id(&self, app: App) -> Result<String, Failure> {
        let apps: Vec<AppWire> = self.get("/sandbox/apps").await?;
        let app = apps.into_iter().find(|known| known.app == app.name());
        let app = app.ok_or_else(|| {
            Failure::new(
                Code::Service,
                "the sandbox has no such application",
                "start a sandbox of this command's version",
            )
        })?;
        Ok(app.client_id)
    }

    /// Asks for something, and reads the answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.send(Method::GET, path, None).await?;
        self.read(answer.body())
    }

    /// Has something done, and reads the answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        wish: &Value,
    ) -> Result<T, Failure> {
        let answer = self.send(Method::POST, path, Some(wish)).await?;
        self.read(answer.body())
    }

    /// Has something done that has no answer.
    pub(crate) async fn tell(
        &self,
        method: Method,
        path: &str,
        wish: &Value,
    ) -> Result<(), Failure> {
        self.send(method, path, Some(wish)).await.map(drop)
    }

    /// The log of requests, and what tells the sandbox's lives apart: each reset begins a new one.
    pub(crate) async fn requests<T: DeserializeOwned>(
        &self,
    ) -> Result<(Option<HeaderValue>, T), Failure> {
        let answer = self.send(Method::GET, "/sandbox/requests", None).await?;
        let epoch = answer.headers().get("x-sandbox-epoch").cloned();
        Ok((epoch, self.read(answer.body())?))
    }

    /// Follows what changes: each piece of the stream says that something did.
    pub(crate) async fn follow(&self) -> Result<Changes, Failure> {
        let request = self.request(Method::GET, "/sandbox/events", None)?;
        let answer = self.transport.open(request, PATIENCE).await;
        let answer = answer.map_err(|failure| self.unreached(&failure))?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(answer.status(), &Body::from("")));
        }
        Ok(Changes {
            body: answer.into_body(),
        })
    }

    /// It is gone, or was never there.
    pub(crate) fn gone(&self) -> Failure {
        Failure::new(
            Code::Unreachable,
            format!("the sandbox at {} has gone", self.shown()),
            START,
        )
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        wish: Option<&Value>,
    ) -> Result<Response, Failure> {
        let request = self.request(method, path, wish)?;
        let answer = self.transport.send(request, PATIENCE).await;
        let answer = answer.map_err(|failure| self.unreached(&failure))?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(self.refused(answer.status(), answer.body()))
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        wish: Option<&Value>,
    ) -> Result<Request, Failure> {
        let uri = self.base.join(path).map_err(|error| {
            Failure::new(Code::Usage, format!("--url: {error}"), "leave its path out")
        })?;
        let body = wish.map_or_else(|| Body::from(""), |wish| Body::from(wish.to_string()));
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if wish.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = &self.token {
            headers.insert("x-sandbox-token", token.clone());
        }
        Ok(request)
    }

    fn read<T: DeserializeOwned>(&self, body: &Body) -> Result<T, Failure> {
        serde_json::from_slice(body.as_bytes()).map_err(|_| self.no_sandbox())
    }

    /// A refusal in the sandbox's own words, which repeat no secret.
    fn refused(&self, status: StatusCode, body: &Body) -> Failure {
        let told: Option<Value> = serde_json::from_slice(body.as_bytes()).ok();
        let told = told.as_ref().and_then(|told| told.get("message")?.as_str());
        let Some(told) = told else {
            return self.no_sandbox();
        };
        let remedy = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "set HUMANAPI_SANDBOX_TOKEN to the control token that `humanapi sandbox` printed"
            }
            _ => "`humanapi sandbox VERB --help` shows what there is",
        };
        Failure::new(Code::Refused, output::plain(told), remedy)
    }

    fn no_sandbox(&self) -> Failure {
        Failure::new(
            Code::Service,
            format!("what answers at {} is no sandbox", self.shown()),
            START,
        )
    }

    fn unreached(&self, failure: &SendFailure) -> Failure {
        let shown = self.shown();
        let cause = match failure.kind() {
            SendFailureKind::NotSent => format!("no sandbox runs at {shown}"),
            SendFailureKind::TimedOut => format!("{shown} gave no answer in time"),
            _ => format!("the connection to {shown} broke"),
        };
        Failure::new(Code::Unreachable, cause, START).with_report(&Report::new(failure, START))
    }
}

const START: &str = "start one with `humanapi sandbox --port 8080`, or name another with --url or HUMANAPI_SANDBOX_URL";

/// What changes at a sandbox.
pub(crate) struct Changes {
    body: BodyStream,
}

impl Changes {
    /// Waits until something has changed; nothing once the sandbox is gone.
    pub(crate) async fn next(&mut self) -> Option<()> {
        self.body.next().await?.ok().map(drop)
    }
}
