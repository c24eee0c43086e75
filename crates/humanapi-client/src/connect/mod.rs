//! Opening Connect from a page, our launcher for browsers, and asking the service what came of it.
//!
//! A server gets a token for Connect, renders what opens it, hears from a browser that the user has
//! left, and asks the service whether that is so:
//!
#![cfg_attr(feature = "testing", doc = "```")]
#![cfg_attr(not(feature = "testing"), doc = "```text")]
//! use humanapi_client::core::connect::{ConnectOutcome, Launch, NextStep};
//! use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
//! use humanapi_client::{Client, core::{Credentials, Provisioning}};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let transport = ScriptedTransport::new([
//!     Reply::json(200, r#"{"session_token":"st-1","expires_in":3600,"human_id":"7a1d"}"#),
//!     Reply::json(200, r#"{"access_token":"at-1","expires_in":86400}"#),
//! ]);
//! let credentials = Credentials::new("my-app", "hush")?;
//! let client = Client::builder(credentials, Provisioning::Connect, transport)
//!     .build_on(VirtualRuntime::new());
//! let user = client.user("patient-17");
//!
//! let grant = user.connect_token().await?;
//! let button = client.launcher().button(&Launch::new(&grant.token), "Connect your records")?;
//! assert_eq!(
//!     button.expose_secret(),
//!     "<div class=\"hapi__token-container\"><button type=\"button\" \
//!      data-hapi-token=\"st-1\">Connect your records</button></div>",
//! );
//!
//! // Later the page posts what Connect told it:
//! let outcome = ConnectOutcome::from_message(br#"{"type":"hapi-connect-close","status":"SUCCESS",
//!     "sessionResults":{"connectedSources":[{"name":"Sandbox Clinic","id":"65a0"}]}}"#)?;
//! assert_eq!(outcome.next_step(), NextStep::AskForAccessToken);
//! assert!(user.confirm_connection().await?.is_connected());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A server's own token opens nothing:
//!
//! ```compile_fail
//! use humanapi_client::connect::{LaunchHtml, Launcher};
//! use humanapi_client::core::{AccessToken, Issued, connect::{Launch, LaunchError}};
//!
//! fn leak(launcher: &Launcher, token: &Issued<AccessToken>) -> Result<LaunchHtml, LaunchError> {
//!     launcher.button(&Launch::new(token), "Connect")
//! }
//! ```

mod confirm;
mod html;
mod launcher;
mod page;

pub use confirm::{ConfirmConnection, Confirmation, Connection};
pub use launcher::{LaunchHtml, Launcher, Library, Opening};
pub use page::{Nonce, NonceError, PAGE_HEADERS, connect_js_element, content_security_policy};

/// `connect.js`, our launcher for browsers, as it is served: less than 4 KiB when compressed.
///
/// It works with the [button](Launcher::button) and with the [open call](Launcher::open_script), and
/// takes the place of the vendor's widget. What it does, and what its events are called, is told in
/// the README beside it.
pub const CONNECT_JS: &str = include_str!("../../connect-js/connect.js");

/// The hash of [`CONNECT_JS`], for an `integrity` attribute and as an entity tag.
pub const CONNECT_JS_INTEGRITY: &str = "sha256-hD+ErWMwwoNHxTwv5HsYvF9qxSS3Dot5UXOTRHwyLwA=";

/// The media type of [`CONNECT_JS`].
pub const CONNECT_JS_TYPE: &str = "text/javascript; charset=utf-8";

/// The vendor's widget, at its documented address. Its content changes without notice, so no hash
/// can be given.
pub const WIDGET_URL: &str = "https://cdn.humanapi.co/humanapi-connect-client@latest.js";
