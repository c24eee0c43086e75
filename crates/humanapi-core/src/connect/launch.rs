//! Opening Connect: iframe and web-view URL, hosted link, and the widget's data attributes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::credentials::ClientId;
use crate::hidden::hidden_debug;
use crate::hosts::{BaseUrl, Host, Hosts};
use crate::query_string::QueryString;
use crate::token::ConnectToken;

/// How Connect is to be opened.
///
/// Takes a [`ConnectToken`], which only session and id tokens become, so a server's token cannot
/// get into a page.
///
/// ```
/// use humanapi_core::connect::Launch;
/// use humanapi_core::{ConnectToken, Expiry, Hosts, Issued, SessionToken};
/// # use std::time::SystemTime;
///
/// let issued = Issued::new(SessionToken::new("st-1"), Expiry::at(SystemTime::UNIX_EPOCH));
/// let token = ConnectToken::from(issued);
/// let url = Launch::new(&token).with_segment("clinic 7").iframe_url(&Hosts::production());
/// assert_eq!(
///     url.expose_secret(),
///     "https://hapi-connect.humanapi.co/?token=st-1&segment=clinic%207",
/// );
/// assert_eq!(format!("{url:?}"), "LaunchUrl(…)");
/// ```
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    token: &'a ConnectToken,
    mode: Option<Mode>,
    preseed: bool,
    focus_trap: Option<bool>,
    config: Option<String>,
    segment: Option<String>,
    pinned_providers: Option<String>,
    invite_session_id: Option<String>,
}

/// What Connect is opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The user connects sources. The widget's own default.
    Auth,
    /// The user merely selects sources.
    Select {
        /// The application.
        client_id: ClientId,
        /// Sources chosen beforehand. What stands in them is not documented, so they go out as they
        /// are.
        preseeded_sources: Vec<String>,
    },
}

impl Mode {
    const fn name(&self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Select { .. } => "select",
        }
    }
}

impl<'a> Launch<'a> {
    /// Opens Connect with this token and no other option.
    #[must_use]
    pub const fn new(token: &'a ConnectToken) -> Self {
        Self {
            token,
            mode: None,
            preseed: false,
            focus_trap: None,
            config: None,
            segment: None,
            pinned_providers: None,
            invite_session_id: None,
        }
    }

    /// Sets the mode. Without one, none is sent and Connect takes it as [`Mode::Auth`].
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Sends the `preseed` flag.
    #[must_use]
    pub const fn with_preseed(mut self) -> Self {
        self.preseed = true;
        self
    }

    /// Says whether the widget keeps the keyboard focus inside. Known to the data attributes alone.
    #[must_use]
    pub const fn with_focus_trap(mut self, trap: bool) -> Self {
        self.focus_trap = Some(trap);
        self
    }

    /// Sets `config`, whose values are not documented.
    #[must_use]
    pub fn with_config(mut self, config: impl Into<String>) -> Self {
        self.config = Some(config.into());
        self
    }

    /// Sets `segment`, whose values are not documented.
    #[must_use]
    pub fn with_segment(mut self, segment: impl Into<String>) -> Self {
        self.segment = Some(segment.into());
        self
    }

    /// Sets `pinnedProviders`, whose values are not documented.
    #[must_use]
    pub fn with_pinned_providers(mut self, providers: impl Into<String>) -> Self {
        self.pinned_providers = Some(providers.into());
        self
    }

    /// Sets the id of the invitation that the user followed, sent as `pisId`.
    #[must_use]
    pub fn with_invite_session_id(mut self, id: impl Into<String>) -> Self {
        self.invite_session_id = Some(id.into());
        self
    }

    /// The URL that the widget puts into its iframe, and that a web view loads directly.
    #[must_use]
    pub fn iframe_url(&self, hosts: &Hosts) -> LaunchUrl {
        let mut url = QueryString::after(format!("{}/", hosts.base(Host::Connect)));
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
        LaunchUrl(SecretString::from(url.into_string()))
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
        let mut url = QueryString::after(format!("{}/connect", hosts.base(Host::HostedLink)));
        url.push_text("clientId", client_id.as_str());
        url.push_text("token", self.token.expose_secret());
        url.push_text("callback", callback.as_str());
        url.push_some_text("mode", self.mode.as_ref().map(Mode::name));
        url.push_some_text("segment", self.segment.as_deref());
        url.push_some_text("pinnedProviders", self.pinned_providers.as_deref());
        LaunchUrl(SecretString::from(url.into_string()))
    }

    /// The attributes of an element that the vendor's widget turns into a button. The element stands
    /// inside one of class `hapi__token-container`.
    #[must_use]
    pub fn data_attributes(&self, hosts: &Hosts) -> DataAttributes {
        let mut pairs = vec![(
            "data-hapi-token",
            SecretString::from(self.token.expose_secret()),
        )];
        let mut push = |name, value: Option<&str>| {
            pairs.extend(value.map(|value| (name, SecretString::from(value))));
        };
        push("data-hapi-mode", self.mode.as_ref().map(Mode::name));
        push("data-hapi-preseed", self.preseed.then_some("true"));
        push("data-hapi-segment", self.segment.as_deref());
        push(
            "data-hapi-pinned-providers",
            self.pinned_providers.as_deref(),
        );
        push(
            "data-hapi-focus-trap",
            self.focus_trap
                .map(|trap| if trap { "true" } else { "false" }),
        );
        let base = hosts.base(Host::Connect);
        if base != Hosts::production().base(Host::Connect) {
            push("data-hapi-base-url", Some(&base.to_string()));
        }
        DataAttributes { pairs }
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

/// Attributes of an HTML element, one of which holds a token.
#[derive(Clone)]
pub struct DataAttributes {
    pairs: Vec<(&'static str, SecretString)>,
}

impl DataAttributes {
    /// Names and values in clear, not escaped: escape the values for HTML.
    pub fn expose_secret(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (*name, value.expose_secret()))
    }
}

impl fmt::Debug for DataAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.pairs.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// Where hosted Connect sends the user back to: an https address, one of this machine, or an app's
/// own scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(Box<str>);

impl Callback {
    /// Takes a callback.
    ///
    /// # Errors
    ///
    /// When it has no scheme, is plain http to another machine, or has a scheme that runs or reads
    /// something instead of opening an app.
    pub fn parse(text: &str) -> Result<Self, CallbackError> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(CallbackError::NoScheme);
        };
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_scheme || !is_plain || rest.is_empty() {
            return Err(CallbackError::NoScheme);
        }
        match scheme.as_str() {
            "https" | "http" => {
                let without_tail = text.split(['?', '#']).next().unwrap_or_default();
                BaseUrl::parse(without_tail).map_err(|_| CallbackError::NotHttps)?;
            }
            "javascript" | "data" | "vbscript" | "file" | "blob" | "about" | "view-source"
            | "filesystem" | "ws" | "wss" | "ftp" | "intent" => {
                return Err(CallbackError::Dangerous);
            }
            _ => {}
        }
        Ok(Self(text.into()))
    }

    /// The callback as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A callback that hosted Connect must not be sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// It is no URL with a scheme.
    #[error("the callback is no URL: write https://… or your app's own scheme")]
    NoScheme,
    /// A web address that is not https.
    #[error("the callback must be https, or http on this machine, without user information")]
    NotHttps,
    /// A scheme that would run or read something.
    #[error("the callback's scheme would not open an app: use https or your app's own scheme")]
    Dangerous,
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::token::{Expiry, IdToken, Issued};

    fn token() -> ConnectToken {
        Issued::new(IdToken::new("id+1/="), Expiry::at(SystemTime::UNIX_EPOCH)).into()
    }

    #[test]
    fn parameters_stand_in_the_widgets_order() {
        let token = token();
        let launch = Launch::new(&token)
            .with_pinned_providers("p")
            .with_segment("s")
            .with_config("c")
            .with_preseed()
            .with_invite_session_id("i")
            .with_mode(Mode::Select {
                client_id: ClientId::new("app").unwrap(),
                preseeded_sources: vec![],
            });
        assert_eq!(
            launch.iframe_url(&Hosts::production()).expose_secret(),
            "https://hapi-connect.humanapi.co/?token=id%2B1%2F%3D&pisId=i&mode=select&clientId=app&preseededSources=W10%3D&preseed=true&config=c&segment=s&pinnedProviders=p"
        );
    }

    #[test]
    fn a_hosted_link_names_application_and_callback() {
        let token = token();
        let callback = Callback::parse("exampleapp://connected?a=b").unwrap();
        let link = Launch::new(&token).with_mode(Mode::Auth).hosted_link(
            &Hosts::production(),
            &ClientId::new("app").unwrap(),
            &callback,
        );
        assert_eq!(
            link.expose_secret(),
            "https://hapi-link.humanapi.co/connect?clientId=app&token=id%2B1%2F%3D&callback=exampleapp%3A%2F%2Fconnected%3Fa%3Db&mode=auth"
        );
    }

    #[test]
    fn attributes_point_the_widget_at_another_host() {
        let token = token();
        let launch = Launch::new(&token).with_focus_trap(true);
        let on = |hosts: &Hosts| {
            launch
                .data_attributes(hosts)
                .expose_secret()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            on(&Hosts::production()),
            ["data-hapi-token=id+1/=", "data-hapi-focus-trap=true"]
        );
        assert_eq!(
            on(&Hosts::single("http://127.0.0.1:9").unwrap())[2],
            "data-hapi-base-url=http://127.0.0.1:9"
        );
    }

    #[test]
    fn whatever_holds_the_token_hides_it() {
        let token = token();
        let launch = Launch::new(&token);
        let hosts = Hosts::production();
        let shown = format!(
            "{launch:?} {:?} {:?}",
            launch.iframe_url(&hosts),
            launch.data_attributes(&hosts)
        );
        assert!(!shown.contains("id+1"), "{shown}");
    }

    #[test]
    fn callbacks_open_apps_and_https_pages_only() {
        let check = |text: &str, verdict| {
            assert_eq!(Callback::parse(text).map(|_| ()), verdict, "{text}");
        };
        check("https://app.example.test/done?x=1#y", Ok(()));
        check("http://127.0.0.1:3000/done", Ok(()));
        check("exampleapp://connected", Ok(()));
        check("com.example.app:/connected", Ok(()));
        check("http://app.example.test", Err(CallbackError::NotHttps));
        check("https://u@app.example.test", Err(CallbackError::NotHttps));
        check("JavaScript:alert(1)", Err(CallbackError::Dangerous));
        check("data:text/html,x", Err(CallbackError::Dangerous));
        check("/connected", Err(CallbackError::NoScheme));
        check("a b:c", Err(CallbackError::NoScheme));
        check("app://a\nb", Err(CallbackError::NoScheme));
        check("app:", Err(CallbackError::NoScheme));
    }
}
