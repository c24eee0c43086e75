//! The tokens themselves, which nothing shows.

use secrecy::{ExposeSecret as _, SecretString};

use crate::hidden::hidden_debug;
use crate::into_secret::IntoSecret;

macro_rules! secret_token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `Debug` hides it, it is wiped when dropped, and it cannot be serialized.
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Takes a token that the service issued, for instance from a store.
            #[must_use]
            pub fn new(token: impl IntoSecret) -> Self {
                Self(token.into_secret())
            }

            /// The token in clear. Keep it out of logs and messages.
            #[must_use]
            pub fn expose_secret(&self) -> &str {
                self.0.expose_secret()
            }
        }

        hidden_debug!($name);
    };
}

secret_token! {
    /// Opens Connect for a user who has connected nothing yet. May go to a browser.
    SessionToken
}
secret_token! {
    /// Opens Connect for a returning user. May go to a browser.
    IdToken
}
secret_token! {
    /// Reads one user's health data. Stays on the server.
    AccessToken
}
secret_token! {
    /// Administers an application on the Health Intelligence Platform. Stays on the server.
    ClientToken
}
secret_token! {
    /// Comes with id and access tokens. No documented call uses it today: to renew, ask again.
    /// Stays on the server.
    RefreshToken
}
