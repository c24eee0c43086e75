//! Keeping out of `Debug` what must not be shown.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_core::{Serialize, Serializer};

/// Gives types a `Debug` that shows their name alone.
macro_rules! hidden_debug {
    ($($name:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
pub(crate) use hidden_debug;

/// Text about a person, such as an e-mail address. Wiped when it is dropped.
#[derive(Clone)]
pub(crate) struct Personal(SecretString);

impl Personal {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Writes the text in clear: a field of this type makes a type one that goes over the wire and nowhere else.
impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
