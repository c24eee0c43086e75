//! What the widget's `open` is called with.

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::{Launch, Mode, WRITES, text};
use crate::credentials::ClientId;
use crate::hidden::hidden_debug;
use crate::hosts::{Host, Hosts};
use crate::json;
use crate::secret_buffer::SecretBuffer;
use crate::user_id::ClientUserId;

impl Launch<'_> {
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
        let mut options = ObjectLiteral::default();
        options.push_text("token", self.token.expose_secret());
        options.push_some_text("baseURL", base.as_deref());
        options.push_some_text("mode", self.mode.as_ref().map(Mode::name));
        options.push_flag("preseed", self.preseed.then_some(true));
        let client_id = selecting.or(self.client_id.as_ref());
        options.push_some_text("clientId", client_id.map(ClientId::as_str));
        let user = self.client_user_id.as_ref();
        options.push_some_text("clientUserId", user.map(ClientUserId::as_str));
        if let Some(sources) = preseeded_sources {
            options.push_texts("preseededSources", sources);
        }
        options.push_some_text("segment", self.segment.as_deref());
        options.push_some_text("pinnedProviders", self.pinned_providers.as_deref());
        options.push_some_text("config", self.config.as_deref());
        options.push_some_text("inviteSessionId", self.invite_session_id.as_deref());
        options.push_some_text("overlayOpacity", opacity.as_deref());
        options.push_flag("enableFocusTrap", self.focus_trap);
        options.push_flag("useSentinelTrap", self.sentinel_trap);
        for (option, function) in functions.named() {
            options.push_name(option);
            options.script.push(function.as_str().as_bytes());
        }
        options.script.push(b"}");
        OpenOptions(text(options.script))
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

/// `0.6` for 60.
pub(super) fn as_fraction(percent: u8) -> String {
    let digits = format!("{}.{:02}", percent / 100, percent % 100);
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// The options by the widget's own names, as script.
#[derive(Default)]
struct ObjectLiteral {
    script: SecretBuffer,
}

impl ObjectLiteral {
    fn push_name(&mut self, name: &str) {
        let before = if self.script.is_empty() { '{' } else { ',' };
        write!(self.script, "{before}\"{name}\":").expect(WRITES);
    }

    fn push_text(&mut self, name: &str, value: &str) {
        self.push_name(name);
        self.push_string(value);
    }

    fn push_some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.push_text(name, value);
        }
    }

    fn push_flag(&mut self, name: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.push_name(name);
            write!(self.script, "{value}").expect(WRITES);
        }
    }

    fn push_texts(&mut self, name: &str, values: &[String]) {
        self.push_name(name);
        self.script.push(b"[");
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.script.push(b",");
            }
            self.push_string(value);
        }
        self.script.push(b"]");
    }

    /// A string of JSON in which nothing can end a script element, open a comment in it or break a line of an old
    /// engine's script: there, an escape means the same.
    fn push_string(&mut self, value: &str) {
        let mut json = SecretBuffer::new();
        json::push_string(&mut json, value);
        for letter in text(json).expose_secret().chars() {
            match letter {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    write!(self.script, "\\u{:04x}", u32::from(letter)).expect(WRITES);
                }
                other => self.script.write_char(other).expect(WRITES),
            }
        }
    }
}
