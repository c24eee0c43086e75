//! An application that opens Connect, as an application would: its pages and its server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::connect::{
    CONNECT_JS, CONNECT_JS_TYPE, Library, Nonce, Opening, PAGE_HEADERS, connect_js_element,
    content_security_policy,
};
use humanapi_client::{Client, StreamedResponse, Transport};
use humanapi_core::connect::{FunctionName, Launch, PageFunctions};
use humanapi_core::{
    ConnectToken, Credentials, Hosts, Provisioning, Request, Response, SendFailure,
};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox};
use serde_json::Value;

use crate::site::Site;

/// The application's name for the one user of a case.
const PATIENT: &str = "patient-17";
const LABEL: &str = "Connect your health data";
/// What a page's scripts carry. A real one differs each time.
const NONCE: &str = "mR5c8kqTz0aP1vW3xY7uBg==";
/// Tells the server of whatever happens, and the test.
const TELL: &str = r#"
globalThis.tell = (name) => (detail) => fetch("/told", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ name, detail }),
});
globalThis.told = { connect: tell("connect"), disconnect: tell("disconnect"), close: tell("close") };
"#;
/// Listens to our launcher.
const LISTEN: &str = r#"
for (const name of ["connect", "disconnect", "close", "error"]) {
  document.addEventListener("hapi:" + name, ({ detail }) => tell(name)(detail));
}
"#;
/// The page's own look: enough to tell light from dark.
const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 40rem; padding: 0 1rem; }
button { font: inherit; padding: .6rem 1rem; }
";

/// An application of the sandbox: one page, one user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Clinic {
    /// Where its pages are.
    pub site: Site,
    /// The SDK, as its server uses it.
    pub client: Client,
    /// Its credentials.
    pub app: AppCredentials,
    secrets: Arc<Mutex<Vec<String>>>,
}

/// What a page has told its server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Told {
    /// The event.
    pub name: String,
    /// What came with it.
    pub detail: Value,
}

impl Clinic {
    pub(crate) async fn open(sandbox: &Sandbox, name: &str) -> Self {
        let site = Site::start(name).await;
        site.serve("/style.css", "text/css; charset=utf-8", STYLE);
        site.serve("/connect.js", CONNECT_JS_TYPE, CONNECT_JS);
        let app = sandbox.app(DemoApp::Connect);
        let secrets = Arc::default();
        Self {
            client: client(sandbox, &app, Provisioning::Connect, &secrets),
            site,
            app,
            secrets,
        }
    }

    /// The SDK for another application, whose secrets are kept with those of this one.
    #[must_use]
    pub fn client_of(&self, sandbox: &Sandbox, app: DemoApp, provisioning: Provisioning) -> Client {
        client(sandbox, &sandbox.app(app), provisioning, &self.secrets)
    }

    /// What every server of a case sends by: it takes note of what must stay there.
    #[must_use]
    pub fn transport(&self) -> impl Transport + 'static {
        watched(&self.secrets)
    }

    /// The SDK for the one user.
    #[must_use]
    pub fn patient(&self) -> humanapi_client::User {
        self.client.user(PATIENT)
    }

    /// The user, as the sandbox knows them.
    #[must_use]
    pub fn patient_at(&self, sandbox: &Sandbox) -> humanapi_sandbox::UserSnapshot {
        let user = sandbox.control().find_user(&self.app.client_id, PATIENT);
        user.ok().flatten().expect("the user has begun")
    }

    /// A token for Connect, of whichever kind the user gets now.
    pub async fn token(&self) -> ConnectToken {
        let grant = self.patient().connect_token().await;
        grant.expect("the service issues a token").token
    }

    /// Client secrets, and every token that must stay on the server, as they were issued.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.secrets
            .lock()
            .expect("nobody panics holding it")
            .clone()
    }

    /// What pages have told this server.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        let told = self.site.told();
        let told = told.iter().map(|body| {
            let mut told: Value = serde_json::from_slice(body).expect("pages tell JSON");
            Told {
                name: told["name"].as_str().expect("a name").to_owned(),
                detail: told["detail"].take(),
            }
        });
        told.collect()
    }

    /// What pages have told this server, once it is so much.
    pub async fn told_so_much(&self, count: usize) -> Vec<Told> {
        for _ in 0..500 {
            if self.told().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let told = self.told();
        assert_eq!(told.len(), count, "{told:#?}");
        told
    }

    /// A page whose button opens Connect by our launcher, under the policy that the SDK suggests.
    #[must_use]
    pub fn launcher_page(&self, token: &ConnectToken) -> String {
        let nonce = nonce();
        let button = self.client.launcher().button(&Launch::new(token), LABEL);
        let script = connect_js_element("/connect.js", Some(&nonce));
        let head = format!("{script}<script nonce=\"{NONCE}\">{TELL}{LISTEN}</script>");
        let button = button.expect("the token is fresh");
        self.page(&self.policy(), &head, button.expose_secret())
    }

    /// The same page with more in it, and without a policy that would keep that out.
    #[must_use]
    pub fn unguarded_page(&self, token: &ConnectToken, more: &str) -> String {
        let button = self.client.launcher().button(&Launch::new(token), LABEL);
        let button = button.expect("the token is fresh");
        let head = format!(
            "{}<script>{TELL}{LISTEN}</script>",
            connect_js_element("/connect.js", None)
        );
        let content = format!("{}{more}", button.expose_secret());
        self.page("default-src * 'unsafe-inline'", &head, &content)
    }

    /// A page whose script opens Connect by `open` of our launcher.
    #[must_use]
    pub fn launcher_call_page(&self, token: &ConnectToken) -> String {
        let library = Library::ConnectJs { src: "/connect.js" };
        let head = format!("<script nonce=\"{NONCE}\">{TELL}</script>");
        self.page(&self.policy(), &head, &self.call(token, library))
    }

    /// A page whose button opens Connect by the vendor's widget.
    #[must_use]
    pub fn widget_page(&self, token: &ConnectToken, widget: &[u8]) -> String {
        self.site
            .serve("/widget.js", "text/javascript", widget.to_vec());
        let button = self.client.launcher().button(&Launch::new(token), LABEL);
        let listen = "for (const name of [\"connect\", \"disconnect\", \"close\", \"error\"])\
             HumanConnect.on(name, tell(name));";
        let head = format!(
            "<script src=\"/widget.js\" nonce=\"{NONCE}\"></script>\
             <script nonce=\"{NONCE}\">{TELL}{listen}</script>"
        );
        let button = button.expect("the token is fresh");
        self.page(&self.policy_for_the_widget(), &head, button.expose_secret())
    }

    /// A page whose script opens Connect by `HumanConnect.open` of the vendor's widget.
    #[must_use]
    pub fn widget_call_page(&self, token: &ConnectToken, widget: &[u8]) -> String {
        self.site
            .serve("/widget.js", "text/javascript", widget.to_vec());
        let head = format!(
            "<script src=\"/widget.js\" nonce=\"{NONCE}\"></script>\
             <script nonce=\"{NONCE}\">{TELL}</script>"
        );
        self.page(
            &self.policy_for_the_widget(),
            &head,
            &self.call(token, Library::Widget),
        )
    }

    fn call(&self, token: &ConnectToken, library: Library<'_>) -> String {
        let function = |name| FunctionName::parse(name).ok();
        let mut functions = PageFunctions::default();
        functions.on_connect_source = function("told.connect");
        functions.on_disconnect_source = function("told.disconnect");
        functions.on_close = function("told.close");
        let script = self.client.launcher().open_script(
            &Launch::new(token),
            library,
            Opening::OnClickOf { id: "connect" },
            &functions,
            &nonce(),
        );
        let script = script.expect("the token is fresh");
        // The widget complains of a page without a container, though `open` needs none.
        format!(
            "<div class=\"hapi__token-container\"><button type=\"button\" id=\"connect\">{LABEL}</button></div>{}",
            script.expose_secret()
        )
    }

    /// The policy that the SDK suggests.
    fn policy(&self) -> String {
        content_security_policy(self.client.hosts(), &nonce())
    }

    /// The looser one that the documentation gives for the vendor's widget, word for word, with this
    /// page's nonce and this Connect.
    fn policy_for_the_widget(&self) -> String {
        let chapter = include_str!("../../../docs/security-model.md");
        let block = chapter.split("```text\ndefault-src").nth(1);
        let policy = block.and_then(|rest| rest.split("```").next());
        let policy = policy.expect("the chapter has the policy");
        let base = |hosts: &Hosts| {
            let connect = hosts.base(humanapi_core::Host::Connect).to_string();
            connect.trim_end_matches('/').to_owned()
        };
        format!("default-src{}", policy.trim_end())
            .replace('\n', " ")
            .replace('…', NONCE)
            .replace(&base(&Hosts::production()), &base(self.client.hosts()))
    }

    fn page(&self, policy: &str, head: &str, content: &str) -> String {
        let mut headers = PAGE_HEADERS.to_vec();
        headers.push(("content-security-policy", policy));
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Lakeview Clinic</title><link rel=\"stylesheet\" href=\"/style.css\">{head}</head>\
             <body><main><h1>Lakeview Clinic</h1><p>Share your records with us before your visit.</p>\
             {content}</main></body></html>"
        );
        self.site.page("/", &headers, html)
    }
}

fn nonce() -> Nonce {
    Nonce::parse(NONCE).expect("a nonce")
}

fn client(
    sandbox: &Sandbox,
    app: &AppCredentials,
    provisioning: Provisioning,
    secrets: &Arc<Mutex<Vec<String>>>,
) -> Client {
    let kept = &mut *secrets.lock().expect("nobody panics holding it");
    kept.push(app.client_secret.clone());
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
    let transport = watched(secrets);
    Client::builder(
        credentials.expect("an id and a secret"),
        provisioning,
        transport,
    )
    .hosts(Hosts::single(sandbox.url()).expect("an address on this machine"))
    .build()
}

fn watched(secrets: &Arc<Mutex<Vec<String>>>) -> Watched {
    Watched {
        inner: HyperTransport::new(),
        secrets: secrets.clone(),
    }
}

/// Takes note of every token that must stay on the server.
struct Watched {
    inner: HyperTransport,
    secrets: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Transport for Watched {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let response = self.inner.send(request, timeout).await?;
        let answer: Value = serde_json::from_slice(response.body().as_bytes()).unwrap_or_default();
        let kinds = [
            "access_token",
            "client_token",
            "refresh_token",
            "id_refresh_token",
        ];
        let tokens = kinds.into_iter().filter_map(|kind| answer[kind].as_str());
        let mut secrets = self.secrets.lock().expect("nobody panics holding it");
        secrets.extend(tokens.map(str::to_owned));
        drop(secrets);
        Ok(response)
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.inner.open(request, timeout).await
    }
}
