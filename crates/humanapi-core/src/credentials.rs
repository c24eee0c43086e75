//! What proves to the token service which application is asking.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::into_secret::IntoSecret;
use crate::json;
use crate::secret_buffer::SecretBuffer;

/// An application's id, as the developer portal shows it. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Takes an id.
    ///
    /// # Errors
    ///
    /// When it is empty or has white space around it.
    pub fn new(id: impl AsRef<str>) -> Result<Self, CredentialsError> {
        let id = id.as_ref();
        check("client id", id)?;
        Ok(Self(id.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An application's id and secret.
///
/// Cheap to clone. The secret is wiped when the last clone is dropped, never shown by `Debug`, and
/// never serialized. It belongs on a server: no type of this crate carries it to a browser.
///
/// ```
/// use humanapi_core::Credentials;
///
/// let credentials = Credentials::new("my-app", "hush")?;
/// assert!(!format!("{credentials:?}").contains("hush"));
/// # Ok::<(), humanapi_core::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    inner: Arc<Inner>,
}

struct Inner {
    client_id: ClientId,
    client_secret: SecretString,
    /// Each token request's body begins with the same bytes, so they are written once.
    json_prefix: SecretBuffer,
}

impl Credentials {
    /// Takes an application's id and secret.
    ///
    /// # Errors
    ///
    /// When either is empty or has white space around it: a line break read along with a secret
    /// from a file is the usual reason for a refused one.
    pub fn new(
        client_id: impl AsRef<str>,
        client_secret: impl IntoSecret,
    ) -> Result<Self, CredentialsError> {
        let client_id = ClientId::new(client_id)?;
        let client_secret = client_secret.into_secret();
        check("client secret", client_secret.expose_secret())?;
        let json_prefix = json_prefix(client_id.as_str(), client_secret.expose_secret());
        Ok(Self {
            inner: Arc::new(Inner {
                client_id,
                client_secret,
                json_prefix,
            }),
        })
    }

    /// The application's id.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.inner.client_id
    }

    /// The secret in clear. Keep it out of logs, pages and messages.
    #[must_use]
    pub fn expose_client_secret(&self) -> &str {
        self.inner.client_secret.expose_secret()
    }

    /// `{"client_id":…,"client_secret":…`, without the closing brace.
    pub(crate) fn json_prefix(&self) -> &[u8] {
        self.inner.json_prefix.as_bytes()
    }
}

fn json_prefix(client_id: &str, client_secret: &str) -> SecretBuffer {
    let mut prefix = SecretBuffer::with_capacity(client_id.len() + client_secret.len() + 40);
    prefix.push(b"{\"client_id\":");
    json::push_string(&mut prefix, client_id);
    prefix.push(b",\"client_secret\":");
    json::push_string(&mut prefix, client_secret);
    prefix
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.inner.client_id.as_str())
            .finish_non_exhaustive()
    }
}

/// An id or a secret that cannot be one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// It is empty.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// It begins or ends with white space, such as a file's last line break.
    #[error("the {0} has white space around it")]
    WhiteSpaceAround(&'static str),
    /// It holds a character that none of its kind has.
    #[error("the {0} holds a colon or a control character")]
    OddCharacter(&'static str),
}

impl CredentialsError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Empty(_) | Self::OddCharacter(_) => "copy it from the developer portal",
            Self::WhiteSpaceAround(_) => "trim it where it is read",
        }
    }
}

pub(crate) fn check(what: &'static str, text: &str) -> Result<(), CredentialsError> {
    if text.is_empty() {
        return Err(CredentialsError::Empty(what));
    }
    if text.trim() != text {
        return Err(CredentialsError::WhiteSpaceAround(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_secret() {
        let credentials = Credentials::new("app-1", "canary-secret").unwrap();
        assert_eq!(
            format!("{credentials:?}"),
            "Credentials { client_id: \"app-1\", .. }"
        );
    }

    #[test]
    fn the_prefix_escapes() {
        let secret = "\"\\\u{1}é";
        let credentials = Credentials::new("a\"b", secret).unwrap();
        assert_eq!(
            std::str::from_utf8(credentials.json_prefix()).unwrap(),
            "{\"client_id\":\"a\\\"b\",\"client_secret\":\"\\\"\\\\\\u0001é\""
        );
    }

    #[test]
    fn empty_and_padded_values_are_refused() {
        let check = |id: &str, secret: &str| Credentials::new(id, secret).map(|_| ()).unwrap_err();
        assert_eq!(check("", "s"), CredentialsError::Empty("client id"));
        assert_eq!(check("a", ""), CredentialsError::Empty("client secret"));
        assert_eq!(
            check("a", "s\n"),
            CredentialsError::WhiteSpaceAround("client secret")
        );
    }
}
