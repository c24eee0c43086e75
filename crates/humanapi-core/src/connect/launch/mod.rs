//! Opening Connect: iframe and web-view URL, hosted link, the widget's data attributes and the
//! options of its `open` call.

mod attributes;
mod open_call;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;

pub use attributes::DataAttributes;
pub use open_call::{FunctionName, NotAFunctionName, OpenOptions, PageFunctions};
pub use url::LaunchUrl;

use super::callback::CallbackError;
use crate::credentials::ClientId;
use crate::now::Now;
use crate::secret_buffer::SecretBuffer;
use crate::token::{ConnectToken, Leeway, TokenKind};
use crate::user_id::{ClientUserId, EmptyUserId};

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
    pub fn with_client_user_id(mut self, user: impl Into<ClientUserId>) -> Self {
        self.client_user_id = Some(user.into());
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
        if let Some(user) = &self.client_user_id {
            user.checked()?;
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
}

const WRITES: &str = "a buffer can be written to";

fn text(buffer: SecretBuffer) -> SecretString {
    buffer
        .into_text()
        .expect("it was put together of nothing but texts")
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
    /// The user is named by an empty id.
    #[error(transparent)]
    UserId(#[from] EmptyUserId),
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
            Self::UserId(_) => "name the user by the id that the token was asked for with",
            Self::NotSaid { .. } => "leave the option out, or open Connect by the open call",
            Self::Callback(error) => error.remedy(),
        }
    }
}
