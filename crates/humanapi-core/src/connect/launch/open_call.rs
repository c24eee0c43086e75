//! What the widget's `open` is called with.

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use thiserror::Error;

use super::{Launch, Mode, WRITES, text};
use crate::credentials::ClientId;
use crate::hidden::hidden_debug;
use crate::hosts::{Host, Hosts};
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
