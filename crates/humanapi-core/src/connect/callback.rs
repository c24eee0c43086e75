//! Where hosted Connect may send the user back to.

use thiserror::Error;

use crate::base_url::BaseUrl;
use crate::error::HostError;

/// Where hosted Connect sends the user back to: an https address, one of this machine, or an app's
/// own scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(Box<str>);

impl Callback {
    /// Takes a callback.
    ///
    /// # Errors
    ///
    /// When it has no scheme, is a web address that [`BaseUrl`] refuses (a query and a fragment may follow), or has a
    /// scheme that runs or reads something instead of opening an app.
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
                BaseUrl::parse(without_tail)?;
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
    /// A web address that is none, or that browsers might read in another way.
    #[error("the callback is no web address to come back to: {0}")]
    Address(#[from] HostError),
    /// A scheme that would run or read something.
    #[error("the callback's scheme would not open an app: use https or your app's own scheme")]
    Dangerous,
    /// It is not on the application's list.
    #[error("the callback is not on the list of allowed callbacks")]
    NotAllowed,
}

impl CallbackError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoScheme | Self::Dangerous => {
                "use an https address, or a scheme that your app alone has registered"
            }
            Self::Address(error) => error.remedy(),
            Self::NotAllowed => {
                "use a listed callback exactly as it is listed, or add it to the list after the vendor has"
            }
        }
    }
}

/// The callbacks that the vendor has put on the application's list.
///
/// A callback is allowed if it is on the list letter by letter: a query, another case or a slash
/// more makes it another one. Whoever chooses where the user goes after Connect also chooses who
/// gets to see what was connected.
///
/// ```
/// use humanapi_core::connect::{AllowedCallbacks, CallbackError};
///
/// let allowed = AllowedCallbacks::parse(["https://app.example.test/done", "exampleapp://done"])?;
/// assert_eq!(allowed.find("exampleapp://done")?.as_str(), "exampleapp://done");
/// let other = allowed.find("https://app.example.test/done?next=https://evil.example");
/// assert_eq!(other, Err(CallbackError::NotAllowed));
/// # Ok::<(), CallbackError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedCallbacks(Vec<Callback>);

impl AllowedCallbacks {
    /// Takes the list. The default is an empty one, which allows nothing.
    ///
    /// # Errors
    ///
    /// When one of them is no [`Callback`].
    pub fn parse<T: AsRef<str>>(
        callbacks: impl IntoIterator<Item = T>,
    ) -> Result<Self, CallbackError> {
        let parsed = callbacks
            .into_iter()
            .map(|text| Callback::parse(text.as_ref()));
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// The callback that is exactly this text.
    ///
    /// # Errors
    ///
    /// When none is.
    pub fn find(&self, text: &str) -> Result<&Callback, CallbackError> {
        self.0
            .iter()
            .find(|callback| callback.as_str() == text)
            .ok_or(CallbackError::NotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_open_apps_and_https_pages_only() {
        let check = |text: &str, verdict| {
            assert_eq!(Callback::parse(text).map(|_| ()), verdict, "{text}");
        };
        check("https://app.example.test/done?x=1#y", Ok(()));
        check("http://127.0.0.1:3000/done", Ok(()));
        check("exampleapp://connected", Ok(()));
        check("com.example.app:/connected", Ok(()));
        let address = |error| Err(CallbackError::Address(error));
        check("http://app.example.test", address(HostError::PlainHttp));
        check("https://u@app.example.test", address(HostError::UserInfo));
        check(
            "https://app.example.test:65536/done",
            address(HostError::Port),
        );
        check("http://127.1:3000/done", address(HostError::IpAddress));
        check("https://app.example.test/../done", address(HostError::Path));
        check("https:app.example.test", address(HostError::NotAUrl));
        check(
            "https:\\\\evil.example/done",
            address(HostError::Characters),
        );
        check("JavaScript:alert(1)", Err(CallbackError::Dangerous));
        check("data:text/html,x", Err(CallbackError::Dangerous));
        check("/connected", Err(CallbackError::NoScheme));
        check("a b:c", Err(CallbackError::NoScheme));
        check("app://a\nb", Err(CallbackError::NoScheme));
        check("app:", Err(CallbackError::NoScheme));
    }

    #[test]
    fn a_callback_is_allowed_letter_by_letter() {
        let listed = [
            "https://app.example.test/done",
            "http://127.0.0.1:3000/done",
            "exampleapp://done",
            "com.example.app:/done",
        ];
        let allowed = AllowedCallbacks::parse(listed).unwrap();
        for text in listed {
            assert_eq!(allowed.find(text).map(Callback::as_str), Ok(text));
        }
        for text in [
            "",
            "https://app.example.test/done/",
            "https://app.example.test/done?x=1",
            "https://app.example.test/done#x",
            "https://APP.example.test/done",
            "https://app.example.test:443/done",
            "https://app.example.test",
            "https://app.example.test.evil.example/done",
            " exampleapp://done",
            "exampleapp://done/..",
            "ExampleApp://done",
            "otherapp://done",
        ] {
            assert_eq!(allowed.find(text), Err(CallbackError::NotAllowed), "{text}");
        }
        let none = AllowedCallbacks::default();
        assert_eq!(none.find(listed[0]), Err(CallbackError::NotAllowed));
        let broken = AllowedCallbacks::parse(["exampleapp://done", "javascript:alert(1)"]);
        assert_eq!(broken, Err(CallbackError::Dangerous));
    }
}
