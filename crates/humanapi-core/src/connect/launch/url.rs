//! The addresses that open Connect: in a web view, and on a phone.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Launch, Mode, WRITES, text};
use crate::base_url::BaseUrl;
use crate::connect::callback::Callback;
use crate::credentials::ClientId;
use crate::hidden::hidden_debug;
use crate::hosts::{Host, Hosts};
use crate::query_string::QueryString;
use crate::secret_buffer::SecretBuffer;

impl Launch<'_> {
    /// The URL that the widget puts into its iframe, and that a web view loads directly.
    #[must_use]
    pub fn iframe_url(&self, hosts: &Hosts) -> LaunchUrl {
        let mut url = launch_url(hosts.base(Host::Connect), "/");
        url.push_text("token", self.token.expose_secret());
        url.push_some_text("pisId", self.invite_session_id.as_deref());
        url.push_some_text("mode", self.mode.as_ref().map(Mode::name));
        if let Some(Mode::Select {
            client_id,
            preseeded_sources,
        }) = &self.mode
        {
            let sources = serde_json::to_vec(preseeded_sources)
                .expect("a list of strings can always be written as JSON");
            url.push_text("clientId", client_id.as_str());
            url.push_text("preseededSources", &BASE64.encode(sources));
        }
        url.push_some_text("preseed", self.preseed.then_some("true"));
        url.push_some_text("config", self.config.as_deref());
        url.push_some_text("segment", self.segment.as_deref());
        url.push_some_text("pinnedProviders", self.pinned_providers.as_deref());
        LaunchUrl(text(url.into_inner()))
    }

    /// The link that opens hosted Connect on a phone and comes back to `callback`, which the vendor
    /// must have put on the application's list.
    #[must_use]
    pub fn hosted_link(
        &self,
        hosts: &Hosts,
        client_id: &ClientId,
        callback: &Callback,
    ) -> LaunchUrl {
        let mut url = launch_url(hosts.base(Host::HostedLink), "/connect");
        url.push_text("clientId", client_id.as_str());
        url.push_text("token", self.token.expose_secret());
        url.push_text("callback", callback.as_str());
        url.push_some_text("mode", self.mode.as_ref().map(Mode::name));
        url.push_some_text("segment", self.segment.as_deref());
        url.push_some_text("pinnedProviders", self.pinned_providers.as_deref());
        LaunchUrl(text(url.into_inner()))
    }
}

/// A URL that holds a token and hides itself. Keep it out of logs, and send
/// `Referrer-Policy: no-referrer` and `Cache-Control: no-store` with a page that carries it.
#[derive(Clone)]
pub struct LaunchUrl(SecretString);

impl LaunchUrl {
    /// The URL in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

hidden_debug!(LaunchUrl);

fn launch_url(base: &BaseUrl, path: &str) -> QueryString<SecretBuffer> {
    let mut address = SecretBuffer::new();
    write!(address, "{base}{path}").expect(WRITES);
    QueryString::after(address)
}
