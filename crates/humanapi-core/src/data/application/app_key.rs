//! The key by which an application reads what all its users recorded.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::credentials::{CredentialsError, check};
use crate::hidden::hidden_debug;
use crate::into_secret::IntoSecret;
use crate::raw_call::RawCall;

/// An application's key for the calls about all its users, as the developer portal shows it.
///
/// It opens the health data of all of them, so it stays on the server. Cheap to clone: the header is
/// written once and shared, marked sensitive, and wiped when the last owner lets go of it. `Debug` hides
/// it, and it cannot be serialized.
///
/// ```
/// use humanapi_core::data::application::AppKey;
///
/// let key = AppKey::new("hush")?;
/// assert_eq!(format!("{key:?}"), "AppKey(…)");
/// # Ok::<(), humanapi_core::CredentialsError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AppKey {
    authorization: HeaderValue,
}

impl AppKey {
    /// Takes a key.
    ///
    /// # Errors
    ///
    /// When it is empty, has white space around it, or holds a colon or a control character, which no
    /// name in this kind of header can.
    pub fn new(key: impl IntoSecret) -> Result<Self, CredentialsError> {
        const WHAT: &str = "app key";
        let key = key.into_secret();
        let key = key.expose_secret();
        check(WHAT, key)?;
        if key.contains(|letter: char| letter == ':' || letter.is_control()) {
            return Err(CredentialsError::OddCharacter(WHAT));
        }
        // The name is the key, and the password is empty.
        let mut pair = Zeroizing::new(Vec::with_capacity(key.len() + 1));
        pair.extend_from_slice(key.as_bytes());
        pair.push(b':');
        const SCHEME: &str = "Basic ";
        let length = SCHEME.len() + base64::encoded_len(pair.len(), true).unwrap_or_default();
        let mut value = Zeroizing::new(String::with_capacity(length));
        value.push_str(SCHEME);
        BASE64_STANDARD.encode_string(&*pair, &mut value);
        let value = Zeroizing::new(std::mem::take(&mut *value).into_bytes());
        let mut authorization = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
            .expect("base64 has nothing that a header cannot hold");
        authorization.set_sensitive(true);
        Ok(Self { authorization })
    }

    /// The header's value, marked sensitive.
    pub(in crate::data) const fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }
}

impl RawCall {
    /// Has the application's key authorize it, as calls about all users of an application need.
    ///
    /// ```
    /// use humanapi_core::data::application::AppKey;
    /// use humanapi_core::http::Method;
    /// use humanapi_core::{Authorization, Endpoint as _, Host, RawCall};
    ///
    /// let call = RawCall::new(Method::GET, Host::Data, "/v1/apps/my-app/users");
    /// let call = call.with_app_key(&AppKey::new("hush")?);
    /// assert_eq!(call.authorization(), Authorization::InRequest);
    /// # Ok::<(), humanapi_core::CredentialsError>(())
    /// ```
    #[must_use]
    pub fn with_app_key(self, key: &AppKey) -> Self {
        self.keyed(key.authorization.clone())
    }
}

hidden_debug!(AppKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_written_once_and_hidden() {
        let key = AppKey::new("canary").unwrap();
        assert_eq!(key.authorization(), "Basic Y2FuYXJ5Og==");
        assert!(key.authorization().is_sensitive());
        let shown = format!("{key:?} {:?}", key.authorization());
        assert!(
            !shown.contains("canary") && !shown.contains("Y2Fu"),
            "{shown}"
        );
    }

    #[test]
    fn a_key_that_no_header_can_hold_is_refused() {
        for key in ["", " a", "a\n", "a:b", "a\tb", "a\r\nb"] {
            let error = AppKey::new(key).unwrap_err();
            assert!(!error.remedy().is_empty());
            assert!(!format!("{error:?} {error}").contains("a:b"));
        }
    }
}
