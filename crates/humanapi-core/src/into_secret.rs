//! Texts that become secrets.

use secrecy::SecretString;

/// A text that becomes a secret: a `&str`, a `String`, a reference to one, or a secret already.
///
/// Whatever takes a secret takes `impl IntoSecret`. What is handed over by value is wiped when the secret is dropped; of
/// what is borrowed, the original stays the caller's to wipe.
///
/// ```
/// use humanapi_core::{AccessToken, IntoSecret};
///
/// fn told(secret: impl IntoSecret) -> AccessToken {
///     AccessToken::new(secret)
/// }
///
/// let read = String::from("hush");
/// assert_eq!(told(&read).expose_secret(), told("hush").expose_secret());
/// ```
pub trait IntoSecret {
    /// The secret.
    fn into_secret(self) -> SecretString;
}

macro_rules! into_secret {
    ($($text:ty),+) => {
        $(
            impl IntoSecret for $text {
                fn into_secret(self) -> SecretString {
                    self.into()
                }
            }
        )+
    };
}

into_secret!(&str, String, Box<str>, SecretString);

impl IntoSecret for &String {
    fn into_secret(self) -> SecretString {
        self.as_str().into()
    }
}

impl IntoSecret for &SecretString {
    fn into_secret(self) -> SecretString {
        self.clone()
    }
}
