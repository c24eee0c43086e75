//! Rendering what opens Connect, for its place in a page.

use std::fmt;

use humanapi_core::connect::{
    AllowedCallbacks, LAUNCH_MARGIN, Launch, LaunchError, LaunchForm, LaunchUrl, PageFunctions,
};
use humanapi_core::{Leeway, SecretBuffer};
use secrecy::{ExposeSecret as _, SecretString};

use super::html::{Quoted, push_escaped};
use super::page::Nonce;
use crate::client::Client;

/// Renders what opens Connect: a button, a script, a web view's address or a link for phones.
///
/// It takes hosts, application and clock from its [`Client`]. Each rendering refuses a
/// [`Launch`] whose token ends within the margin, so that no user opens Connect to be told that the
/// session has expired, and one with an option that the form has no place for.
///
/// Pages with any of these send [`PAGE_HEADERS`](super::PAGE_HEADERS).
#[derive(Clone, Debug)]
#[must_use]
pub struct Launcher {
    client: Client,
    callbacks: AllowedCallbacks,
    margin: Leeway,
}

impl Client {
    /// Renders what opens Connect.
    pub fn launcher(&self) -> Launcher {
        Launcher {
            client: self.clone(),
            callbacks: AllowedCallbacks::default(),
            margin: LAUNCH_MARGIN,
        }
    }
}

/// Whose `open` a script calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Library<'a> {
    /// The vendor's widget, loaded by the page before this script.
    Widget,
    /// `connect.js`, which this script imports.
    ConnectJs {
        /// Its address.
        src: &'a str,
    },
}

/// When a script opens Connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opening<'a> {
    /// As soon as it runs.
    AtOnce,
    /// When this element is pressed. The script stands behind it.
    OnClickOf {
        /// The element's `id`.
        id: &'a str,
    },
}

impl Launcher {
    /// Sets the callbacks that the vendor has put on the application's list. Without it, hosted
    /// links have nowhere to come back to and are refused.
    pub fn with_callbacks(mut self, callbacks: AllowedCallbacks) -> Self {
        self.callbacks = callbacks;
        self
    }

    /// Sets how much life a token must have left. Without it, [`LAUNCH_MARGIN`].
    pub const fn with_margin(mut self, margin: Leeway) -> Self {
        self.margin = margin;
        self
    }

    /// The button that the vendor's widget and `connect.js` look for, in its container.
    ///
    /// # Errors
    ///
    /// When the token ends too soon, or an option cannot be said in data attributes.
    pub fn button(&self, launch: &Launch<'_>, label: &str) -> Result<LaunchHtml, LaunchError> {
        self.check(launch, LaunchForm::Button)?;
        let attributes = launch.data_attributes(self.client.hosts());
        let mut html = Html::new();
        html.push("<div class=\"hapi__token-container\"><button type=\"button\"");
        for (name, value) in attributes.expose_secret() {
            html.push(" ");
            html.push(name);
            html.push("=\"");
            html.push_escaped(value);
            html.push("\"");
        }
        html.push(">");
        html.push_escaped(label);
        html.push("</button></div>");
        Ok(html.finish())
    }

    /// A script that opens Connect by a call, with every option that there is.
    ///
    #[cfg_attr(feature = "testing", doc = "```")]
    #[cfg_attr(not(feature = "testing"), doc = "```text")]
    /// # use humanapi_client::connect::{Library, Nonce, Opening};
    /// # use humanapi_client::core::connect::{Launch, PageFunctions};
    /// # use humanapi_client::core::{ConnectToken, Credentials, Expiry, Issued, Provisioning, SessionToken};
    /// # use humanapi_client::testing::{ScriptedTransport, VirtualRuntime};
    /// # use humanapi_client::{Client, Timer as _};
    /// # use std::time::Duration;
    /// # let runtime = VirtualRuntime::new();
    /// # let expiry = Expiry::after(runtime.now(), Duration::from_secs(3600));
    /// # let token = ConnectToken::from(Issued::new(SessionToken::new("st-1"), expiry));
    /// # let credentials = Credentials::new("my-app", "hush")?;
    /// # let client = Client::builder(credentials, Provisioning::Connect, ScriptedTransport::new([]))
    /// #     .build_on(runtime);
    /// let nonce = Nonce::parse("mR5c8kqTz0aP1vW3xY7uBg==")?;
    /// let script = client.launcher().open_script(
    ///     &Launch::new(&token).with_config("c"),
    ///     Library::ConnectJs { src: "/connect.js" },
    ///     Opening::OnClickOf { id: "connect" },
    ///     &PageFunctions::default(),
    ///     &nonce,
    /// )?;
    /// assert!(script.expose_secret().starts_with("<script type=\"module\" nonce=\"mR5c"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the token ends too soon.
    pub fn open_script(
        &self,
        launch: &Launch<'_>,
        library: Library<'_>,
        opening: Opening<'_>,
        functions: &PageFunctions,
        nonce: &Nonce,
    ) -> Result<LaunchHtml, LaunchError> {
        self.check(launch, LaunchForm::OpenCall)?;
        let options = launch.open_options(self.client.hosts(), functions);
        let before = match library {
            Library::Widget => String::new(),
            Library::ConnectJs { src } => format!("import {{ open }} from {};", Quoted(src)),
        };
        let (kind, function) = match library {
            Library::Widget => ("", "HumanConnect.open"),
            Library::ConnectJs { .. } => (" type=\"module\"", "open"),
        };
        let when = match opening {
            Opening::AtOnce => None,
            Opening::OnClickOf { id } => Some(format!(
                "document.getElementById({}).addEventListener(\"click\",()=>",
                Quoted(id)
            )),
        };
        let mut html = Html::new();
        for part in ["<script", kind, " nonce=\"", nonce.as_str(), "\">", &before] {
            html.push(part);
        }
        html.push(when.as_deref().unwrap_or_default());
        for part in [function, "(", options.expose_secret(), ")"] {
            html.push(part);
        }
        html.push(if when.is_some() { ");" } else { ";" });
        html.push("</script>");
        Ok(html.finish())
    }

    /// The address that an app's web view loads.
    ///
    /// # Errors
    ///
    /// When the token ends too soon, or an option cannot be said in the address.
    pub fn web_view_url(&self, launch: &Launch<'_>) -> Result<LaunchUrl, LaunchError> {
        self.check(launch, LaunchForm::WebView)?;
        Ok(launch.iframe_url(self.client.hosts()))
    }

    /// The link that opens hosted Connect on a phone and comes back to `callback`, which must be
    /// among the [allowed ones](Self::with_callbacks), letter by letter.
    ///
    /// # Errors
    ///
    /// When the token ends too soon, the callback is not listed, or an option cannot be said in the
    /// link.
    pub fn hosted_link(
        &self,
        launch: &Launch<'_>,
        callback: &str,
    ) -> Result<LaunchUrl, LaunchError> {
        self.check(launch, LaunchForm::HostedLink)?;
        let callback = self.callbacks.find(callback)?;
        let client = &self.client;
        Ok(launch.hosted_link(client.hosts(), client.client_id(), callback))
    }

    fn check(&self, launch: &Launch<'_>, form: LaunchForm) -> Result<(), LaunchError> {
        launch.check(form, self.client.now(), self.margin)
    }
}

/// A piece of a page that holds a token and hides itself. Keep it out of logs and caches, and send
/// [`PAGE_HEADERS`](super::PAGE_HEADERS) with the page.
#[derive(Clone)]
pub struct LaunchHtml(SecretString);

impl LaunchHtml {
    /// The HTML in clear, ready to be put between elements.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for LaunchHtml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LaunchHtml(…)")
    }
}

/// HTML in the making.
struct Html(SecretBuffer);

impl Html {
    const fn new() -> Self {
        Self(SecretBuffer::new())
    }

    fn push(&mut self, html: &str) {
        self.0.push(html.as_bytes());
    }

    fn push_escaped(&mut self, text: &str) {
        push_escaped(&mut self.0, text);
    }

    fn finish(self) -> LaunchHtml {
        let text = self.0.into_text();
        LaunchHtml(text.expect("it was put together of nothing but texts"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        let mut html = Html::new();
        html.push("canary");
        assert_eq!(format!("{:?}", html.finish()), "LaunchHtml(…)");
    }
}
