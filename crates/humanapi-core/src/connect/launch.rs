//! Opening Connect: iframe and web-view URL, hosted link, the widget's data attributes and the
//! options of its `open` call.

use std::fmt::{self, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use thiserror::Error;

use super::callback::{Callback, CallbackError};
use crate::base_url::BaseUrl;
use crate::credentials::ClientId;
use crate::hidden::hidden_debug;
use crate::hosts::{Host, Hosts};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::secret_buffer::SecretBuffer;
use crate::token::{ConnectToken, Leeway, TokenKind};
use crate::user_id::ClientUserId;

/// So much life a token must have left for Connect to be opened with it, unless told otherwise: one
/// minute, with clocks at most 5 s apart. The user still has to see the page and press its button.
pub const LAUNCH_MARGIN: Leeway = Leeway::at_least(Duration::from_secs(60));

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
    sentinel_trap: Option<bool>,
    overlay_opacity: Option<u8>,
    client_id: Option<ClientId>,
    client_user_id: Option<ClientUserId>,
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
    ///
    /// Whether the token lives long enough is not looked at here: see [`check`](Self::check).
    #[must_use]
    pub const fn new(token: &'a ConnectToken) -> Self {
        Self {
            token,
            mode: None,
            preseed: false,
            focus_trap: None,
            sentinel_trap: None,
            overlay_opacity: None,
            client_id: None,
            client_user_id: None,
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

    /// Says whether the widget keeps the keyboard focus inside. A page that is Connect itself has no
    /// need of it and is not told.
    #[must_use]
    pub const fn with_focus_trap(mut self, trap: bool) -> Self {
        self.focus_trap = Some(trap);
        self
    }

    /// Says whether the newest widget keeps the focus inside by elements at either end. A page that
    /// is Connect itself has no need of it and is not told.
    #[must_use]
    pub const fn with_sentinel_trap(mut self, trap: bool) -> Self {
        self.sentinel_trap = Some(trap);
        self
    }

    /// Sets how much the page behind the widget is darkened, in percent; more than 100 means 100.
    /// The widget's own default is 60. Only the `open` call takes it.
    #[must_use]
    pub const fn with_overlay_opacity(mut self, percent: u8) -> Self {
        self.overlay_opacity = Some(if percent > 100 { 100 } else { percent });
        self
    }

    /// Names the application. [`Mode::Select`] and the hosted link do so anyway; in other modes only
    /// the `open` call takes it, and no known widget does anything with it.
    #[must_use]
    pub fn with_client_id(mut self, client_id: ClientId) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// Names the user. Only the `open` call takes it: it is documented, and no known widget does
    /// anything with it.
    #[must_use]
    pub fn with_client_user_id(mut self, user: ClientUserId) -> Self {
        self.client_user_id = Some(user);
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

    /// The token.
    #[must_use]
    pub const fn token(&self) -> &'a ConnectToken {
        self.token
    }

    /// Whether Connect can be opened this way now: the token leaves more life than `margin` asks for
    /// (usually [`LAUNCH_MARGIN`]), and every option that was set can be said in this form.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use humanapi_core::connect::{LAUNCH_MARGIN, Launch, LaunchError, LaunchForm};
    /// use humanapi_core::{ConnectToken, Expiry, Issued, Now, SessionToken};
    ///
    /// let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    /// let expiry = Expiry::after(now, Duration::from_secs(3600));
    /// let token = ConnectToken::from(Issued::new(SessionToken::new("st-1"), expiry));
    /// let launch = Launch::new(&token).with_config("c");
    ///
    /// assert!(launch.check(LaunchForm::OpenCall, now, LAUNCH_MARGIN).is_ok());
    /// let late = launch.check(LaunchForm::OpenCall, now.after(Duration::from_secs(3590)), LAUNCH_MARGIN);
    /// assert!(matches!(late, Err(LaunchError::EndsTooSoon { .. })));
    /// let lost = launch.check(LaunchForm::Button, now, LAUNCH_MARGIN);
    /// assert!(matches!(lost, Err(LaunchError::NotSaid { option: "config", .. })));
    /// ```
    ///
    /// # Errors
    ///
    /// When either is not so. An option is never left out silently.
    pub fn check(&self, form: LaunchForm, now: Now, margin: Leeway) -> Result<(), LaunchError> {
        let expiry = self.token.expiry();
        if !expiry.leaves(now, margin) {
            return Err(LaunchError::EndsTooSoon {
                kind: self.token.kind(),
                left: expiry.time_left(now, Duration::ZERO),
            });
        }
        match self.not_said_by(form) {
            None => Ok(()),
            Some(option) => Err(LaunchError::NotSaid { option, form }),
        }
    }

    /// The first option that was set and that this form has no place for.
    fn not_said_by(&self, form: LaunchForm) -> Option<&'static str> {
        use LaunchForm::{Button, HostedLink, OpenCall, WebView};

        let (selects, preseeds_sources) = match &self.mode {
            Some(Mode::Select {
                preseeded_sources, ..
            }) => (true, !preseeded_sources.is_empty()),
            Some(Mode::Auth) | None => (false, false),
        };
        // How the widget looks is no matter where there is no widget: those are not told.
        let rows: [(&'static str, bool, &[LaunchForm]); 8] = [
            ("clientId", selects, &[OpenCall, WebView, HostedLink]),
            ("preseededSources", preseeds_sources, &[OpenCall, WebView]),
            ("preseed", self.preseed, &[Button, OpenCall, WebView]),
            ("config", self.config.is_some(), &[OpenCall, WebView]),
            (
                "inviteSessionId",
                self.invite_session_id.is_some(),
                &[OpenCall, WebView],
            ),
            (
                "overlayOpacity",
                self.overlay_opacity.is_some(),
                &[OpenCall, WebView, HostedLink],
            ),
            (
                "clientId",
                self.client_id.is_some() && !selects,
                &[OpenCall, HostedLink],
            ),
            ("clientUserId", self.client_user_id.is_some(), &[OpenCall]),
        ];
        rows.into_iter()
            .find(|(_, is_set, forms)| *is_set && !forms.contains(&form))
            .map(|(option, ..)| option)
    }

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
        push(
            "data-hapi-use-sentinel-trap",
            self.sentinel_trap
                .map(|trap| if trap { "true" } else { "false" }),
        );
        let base = hosts.base(Host::Connect);
        if base != Hosts::production().base(Host::Connect) {
            push("data-hapi-base-url", Some(&base.to_string()));
        }
        DataAttributes { pairs }
    }

    /// What `HumanConnect.open` of the vendor's widget is called with, and `open` of `connect.js`.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use humanapi_core::connect::{FunctionName, Launch, PageFunctions};
    /// use humanapi_core::{ConnectToken, Expiry, Hosts, Issued, SessionToken};
    ///
    /// let issued = Issued::new(SessionToken::new("</script>"), Expiry::at(SystemTime::UNIX_EPOCH));
    /// let token = ConnectToken::from(issued);
    /// let mut functions = PageFunctions::default();
    /// functions.on_close = Some(FunctionName::parse("clinic.closed")?);
    /// let options = Launch::new(&token).open_options(&Hosts::production(), &functions);
    /// assert_eq!(
    ///     options.expose_secret(),
    ///     r#"{"token":"\u003c/script\u003e","onClose":clinic.closed}"#,
    /// );
    /// # Ok::<(), humanapi_core::connect::NotAFunctionName>(())
    /// ```
    #[must_use]
    pub fn open_options(&self, hosts: &Hosts, functions: &PageFunctions) -> OpenOptions {
        let base = hosts.base(Host::Connect);
        let base = (base != Hosts::production().base(Host::Connect)).then(|| base.to_string());
        let opacity = self.overlay_opacity.map(as_fraction);
        let (selecting, preseeded_sources) = match &self.mode {
            Some(Mode::Select {
                client_id,
                preseeded_sources,
            }) => (Some(client_id), Some(preseeded_sources.as_slice())),
            Some(Mode::Auth) | None => (None, None),
        };
        let values = OpenValues {
            token: self.token.expose_secret(),
            base_url: base.as_deref(),
            mode: self.mode.as_ref().map(Mode::name),
            preseed: self.preseed,
            client_id: selecting.or(self.client_id.as_ref()).map(ClientId::as_str),
            client_user_id: self.client_user_id.as_ref().map(ClientUserId::as_str),
            preseeded_sources,
            segment: self.segment.as_deref(),
            pinned_providers: self.pinned_providers.as_deref(),
            config: self.config.as_deref(),
            invite_session_id: self.invite_session_id.as_deref(),
            overlay_opacity: opacity.as_deref(),
            enable_focus_trap: self.focus_trap,
            use_sentinel_trap: self.sentinel_trap,
        };
        let mut json = SecretBuffer::new();
        serde_json::to_writer(&mut json, &values)
            .expect("a struct of texts and flags can always be written as JSON");
        let json = text(json);
        let mut script = SecretBuffer::with_capacity(json.expose_secret().len() + 64);
        push_for_script(&mut script, json.expose_secret().trim_end_matches('}'));
        for (option, name) in functions.named() {
            write!(script, ",\"{option}\":{}", name.as_str()).expect(WRITES);
        }
        script.push(b"}");
        OpenOptions(text(script))
    }
}

const WRITES: &str = "a buffer can be written to";

fn launch_url(base: &BaseUrl, path: &str) -> QueryString<SecretBuffer> {
    let mut address = SecretBuffer::new();
    write!(address, "{base}{path}").expect(WRITES);
    QueryString::after(address)
}

fn text(buffer: SecretBuffer) -> SecretString {
    buffer
        .into_text()
        .expect("it was put together of nothing but texts")
}

/// `0.6` for 60.
fn as_fraction(percent: u8) -> String {
    let digits = format!("{}.{:02}", percent / 100, percent % 100);
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// In JSON these stand inside strings alone, and there an escape means the same. Without them no
/// text can end a script element, open a comment in it or break a line of an old engine's script.
fn push_for_script(script: &mut SecretBuffer, json: &str) {
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(script, "\\u{:04x}", u32::from(letter)).expect(WRITES);
            }
            other => script.write_char(other).expect(WRITES),
        }
    }
}

/// The options by the widget's own names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenValues<'a> {
    token: &'a str,
    #[serde(rename = "baseURL", skip_serializing_if = "Option::is_none")]
    base_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    preseed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preseeded_sources: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned_providers: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay_opacity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_focus_trap: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_sentinel_trap: Option<bool>,
}

/// In which form Connect is opened. Each has a place for some options only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LaunchForm {
    /// A button that the widget or `connect.js` finds by its [data attributes](DataAttributes).
    Button,
    /// A call of `HumanConnect.open`, or of `open` of `connect.js`.
    OpenCall,
    /// The URL of the iframe, loaded in a web view.
    WebView,
    /// The hosted link, which comes back by a callback.
    HostedLink,
}

impl fmt::Display for LaunchForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Button => "the button's data attributes",
            Self::OpenCall => "the open call",
            Self::WebView => "the web view's URL",
            Self::HostedLink => "the hosted link",
        })
    }
}

/// Connect cannot be opened so.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchError {
    /// The token ends, or has ended, before a user would get to use it.
    #[error("the {kind} token lives {} s more, too short to open Connect with: ask for a new one", left.as_secs())]
    EndsTooSoon {
        /// A session or an id token.
        kind: TokenKind,
        /// The life that is left.
        left: Duration,
    },
    /// An option was set that the form has no place for.
    #[error("{form} has no place for the option {option}")]
    NotSaid {
        /// The option, by the widget's name for it.
        option: &'static str,
        /// The form.
        form: LaunchForm,
    },
    /// The user cannot be sent back there.
    #[error(transparent)]
    Callback(#[from] CallbackError),
}

impl LaunchError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::EndsTooSoon { .. } => {
                "ask for a new connect token and open Connect with that one"
            }
            Self::NotSaid { .. } => "leave the option out, or open Connect by the open call",
            Self::Callback(error) => error.remedy(),
        }
    }
}

/// Functions of the page that the widget calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageFunctions {
    /// Called when the user has left Connect.
    pub on_close: Option<FunctionName>,
    /// Called when a source was connected.
    pub on_connect_source: Option<FunctionName>,
    /// Called when a source was disconnected.
    pub on_disconnect_source: Option<FunctionName>,
    /// Called with what the widget logs.
    pub logger: Option<FunctionName>,
}

impl PageFunctions {
    fn named(&self) -> impl Iterator<Item = (&'static str, &FunctionName)> {
        [
            ("onClose", &self.on_close),
            ("onConnectSource", &self.on_connect_source),
            ("onDisconnectSource", &self.on_disconnect_source),
            ("logger", &self.logger),
        ]
        .into_iter()
        .filter_map(|(option, name)| Some((option, name.as_ref()?)))
    }
}

/// Where a page keeps a function: names with dots between them.
///
/// ```
/// use humanapi_core::connect::FunctionName;
///
/// assert!(FunctionName::parse("clinic.onClosed").is_ok());
/// assert!(FunctionName::parse("alert(1)").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName(Box<str>);

impl FunctionName {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// When it is anything but names of ASCII letters, digits, `_` and `$` with dots between them.
    pub fn parse(text: &str) -> Result<Self, NotAFunctionName> {
        let is_name = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || "_$".contains(first))
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte))
        };
        if text.split('.').all(is_name) {
            Ok(Self(text.into()))
        } else {
            Err(NotAFunctionName)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// No name of a function.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a function is named by letters, digits, _ and $, with dots between names: clinic.closed")]
#[non_exhaustive]
pub struct NotAFunctionName;

/// The argument of an `open` call, as script. Holds a token and hides itself.
///
/// It is safe within a script element: `<`, `>`, `&` and the two line separators of Unicode are
/// escaped.
#[derive(Clone)]
pub struct OpenOptions(SecretString);

impl OpenOptions {
    /// The object literal in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

hidden_debug!(OpenOptions);

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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::Value;

    use super::*;
    use crate::token::{Expiry, IdToken, Issued, SessionToken};

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

    fn start() -> Now {
        Now::new(Duration::from_secs(7), SystemTime::UNIX_EPOCH)
    }

    #[track_caller]
    fn check_time(life: u64, elapsed: u64, margin: Leeway, verdict: Result<(), u64>) {
        let expiry = Expiry::after(start(), Duration::from_secs(life));
        let token = ConnectToken::from(Issued::new(SessionToken::new("st"), expiry));
        let now = start().after(Duration::from_secs(elapsed));
        let got = Launch::new(&token).check(LaunchForm::Button, now, margin);
        let left = got.map_err(|error| match error {
            LaunchError::EndsTooSoon { kind, left } => {
                assert_eq!(kind, TokenKind::Session);
                assert!(error.remedy().contains("new connect token"));
                left.as_secs()
            }
            other => panic!("{other}"),
        });
        assert_eq!(left, verdict);
    }

    #[test]
    fn a_token_that_ends_within_the_margin_opens_nothing() {
        check_time(3_600, 0, LAUNCH_MARGIN, Ok(()));
        check_time(3_600, 3_534, LAUNCH_MARGIN, Ok(()));
        check_time(3_600, 3_535, LAUNCH_MARGIN, Err(65));
        check_time(3_600, 3_600, LAUNCH_MARGIN, Err(0));
        check_time(3_600, 9_999, LAUNCH_MARGIN, Err(0));
        let none = Leeway::at_least(Duration::ZERO).with_skew(Duration::ZERO);
        check_time(3_600, 3_599, none, Ok(()));
        check_time(3_600, 3_600, none, Err(0));
        check_time(3_600, 0, Leeway::at_least(Duration::MAX), Err(3_600));
    }

    #[test]
    fn a_clock_set_back_brings_no_token_back() {
        let expiry = Expiry::after(start(), Duration::from_secs(3_600));
        let token = ConnectToken::from(Issued::new(SessionToken::new("st"), expiry));
        let set_back = Now::new(Duration::from_secs(9_999), SystemTime::UNIX_EPOCH);
        let got = Launch::new(&token).check(LaunchForm::WebView, set_back, LAUNCH_MARGIN);
        assert!(
            matches!(got, Err(LaunchError::EndsTooSoon { .. })),
            "{got:?}"
        );
    }

    /// In which forms each option can be said, one letter for each: b, o, w, h.
    #[track_caller]
    fn check_forms(launch: &Launch<'_>, option: &str, forms: &str) {
        let all = [
            (LaunchForm::Button, 'b'),
            (LaunchForm::OpenCall, 'o'),
            (LaunchForm::WebView, 'w'),
            (LaunchForm::HostedLink, 'h'),
        ];
        for (form, letter) in all {
            let expected = if forms.contains(letter) {
                Ok(())
            } else {
                let option_name = option;
                match launch.not_said_by(form) {
                    Some(option) if option == option_name => {
                        Err(LaunchError::NotSaid { option, form })
                    }
                    other => panic!("{option_name} in {form}: {other:?}"),
                }
            };
            let margin = Leeway::at_least(Duration::ZERO);
            assert_eq!(launch.check(form, start(), margin), expected, "{option}");
        }
    }

    #[test]
    fn no_option_is_left_out_silently() {
        let expiry = Expiry::after(start(), Duration::from_secs(60));
        let token = ConnectToken::from(Issued::new(SessionToken::new("st"), expiry));
        let launch = || Launch::new(&token);
        let app = || ClientId::new("app").unwrap();
        let select = |sources: &[&str]| Mode::Select {
            client_id: app(),
            preseeded_sources: sources.iter().map(|&one| one.to_owned()).collect(),
        };
        check_forms(&launch(), "", "bowh");
        check_forms(&launch().with_mode(Mode::Auth), "mode", "bowh");
        check_forms(&launch().with_segment("s"), "segment", "bowh");
        check_forms(
            &launch().with_pinned_providers("p"),
            "pinnedProviders",
            "bowh",
        );
        check_forms(&launch().with_focus_trap(true), "enableFocusTrap", "bowh");
        check_forms(
            &launch().with_sentinel_trap(true),
            "useSentinelTrap",
            "bowh",
        );
        check_forms(&launch().with_preseed(), "preseed", "bow");
        check_forms(&launch().with_config("c"), "config", "ow");
        check_forms(
            &launch().with_invite_session_id("i"),
            "inviteSessionId",
            "ow",
        );
        check_forms(&launch().with_overlay_opacity(30), "overlayOpacity", "owh");
        check_forms(&launch().with_client_id(app()), "clientId", "oh");
        let user = ClientUserId::new("u").unwrap();
        check_forms(&launch().with_client_user_id(user), "clientUserId", "o");
        check_forms(&launch().with_mode(select(&[])), "clientId", "owh");
        let preseeded = launch().with_mode(select(&["a"]));
        assert_eq!(
            preseeded.not_said_by(LaunchForm::HostedLink),
            Some("preseededSources")
        );
        assert_eq!(preseeded.not_said_by(LaunchForm::WebView), None);
    }

    #[test]
    fn an_open_call_says_every_option_by_the_widgets_name() {
        let token = token();
        let named = |name| Some(FunctionName::parse(name).unwrap());
        let functions = PageFunctions {
            on_close: named("a.closed"),
            on_connect_source: named("a.$in"),
            on_disconnect_source: named("_out"),
            logger: named("console.log"),
        };
        let launch = Launch::new(&token)
            .with_mode(Mode::Select {
                client_id: ClientId::new("app").unwrap(),
                preseeded_sources: vec!["one".to_owned()],
            })
            .with_preseed()
            .with_focus_trap(false)
            .with_sentinel_trap(true)
            .with_overlay_opacity(45)
            .with_client_user_id(ClientUserId::new("u-1").unwrap())
            .with_config("c")
            .with_segment("s")
            .with_pinned_providers("p")
            .with_invite_session_id("i");
        let hosts = Hosts::single("http://127.0.0.1:9").unwrap();
        let options = launch.open_options(&hosts, &functions);
        let (json, tail) = options.expose_secret().split_once(",\"onClose\"").unwrap();
        assert_eq!(
            tail,
            r#":a.closed,"onConnectSource":a.$in,"onDisconnectSource":_out,"logger":console.log}"#
        );
        let said: Value = serde_json::from_str(&format!("{json}}}")).unwrap();
        assert_eq!(
            said,
            serde_json::json!({
                "token": "id+1/=", "baseURL": "http://127.0.0.1:9", "mode": "select",
                "preseed": true, "clientId": "app", "clientUserId": "u-1",
                "preseededSources": ["one"], "segment": "s", "pinnedProviders": "p",
                "config": "c", "inviteSessionId": "i", "overlayOpacity": "0.45",
                "enableFocusTrap": false, "useSentinelTrap": true,
            })
        );
    }

    #[test]
    fn no_option_ends_the_script_that_it_stands_in() {
        let issued = Issued::new(
            SessionToken::new("</script><!--<script>&\u{2028}\u{2029}\"\\'"),
            Expiry::at(SystemTime::UNIX_EPOCH),
        );
        let token = ConnectToken::from(issued);
        let launch = Launch::new(&token).with_segment("]]></ScRiPt >\n");
        let options = launch.open_options(&Hosts::production(), &PageFunctions::default());
        let text = options.expose_secret();
        for banned in ['<', '>', '&', '\u{2028}', '\u{2029}', '\n'] {
            assert!(!text.contains(banned), "{banned:?} in {text}");
        }
        let said: Value = serde_json::from_str(text).unwrap();
        assert_eq!(said["token"], token.expose_secret());
        assert_eq!(said["segment"], "]]></ScRiPt >\n");
    }

    #[test]
    fn opacity_is_a_fraction() {
        let fractions = [0, 5, 10, 60, 65, 100].map(as_fraction);
        assert_eq!(fractions, ["0", "0.05", "0.1", "0.6", "0.65", "1"]);
        let token = token();
        let most = Launch::new(&token).with_overlay_opacity(200);
        assert_eq!(most.overlay_opacity, Some(100));
    }

    #[test]
    fn a_function_is_named_and_never_written_out() {
        for name in ["f", "a.b.c", "$", "_x1", "window.app.on$Closed"] {
            assert!(FunctionName::parse(name).is_ok(), "{name}");
        }
        for other in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "1a",
            "a b",
            "a()",
            "a;b",
            "a[0]",
            "a\n",
            "caf\u{e9}",
            "</script>",
        ] {
            assert_eq!(
                FunctionName::parse(other),
                Err(NotAFunctionName),
                "{other:?}"
            );
        }
    }

    #[test]
    fn an_open_call_hides_its_token() {
        let token = token();
        let launch = Launch::new(&token);
        let options = launch.open_options(&Hosts::production(), &PageFunctions::default());
        assert_eq!(format!("{options:?}"), "OpenOptions(…)");
    }
}
