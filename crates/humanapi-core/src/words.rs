//! The words for what an application keeps: how they are written, read back and refused.
//!
//! They stand apart from the types that they name, because the rules know nothing of serialization.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_core::de::{Deserialize, Deserializer, Error as _};
use serde_core::ser::{Serialize, Serializer};
use thiserror::Error;

#[cfg(any(feature = "admin", feature = "data"))]
use crate::report_format::ReportFormat;
use crate::rules::{Provisioning, Purpose};
use crate::token::TokenKind;
use crate::user::{TokenRefusal, UserStatus};
use crate::user_id::{ClientUserId, HumanId};

/// A text is none of the words for something.
///
/// It names the words that there are, and not the text, which can be anything.
///
/// ```
/// use humanapi_core::UserStatus;
///
/// assert_eq!("started".parse(), Ok(UserStatus::Started));
/// let error = "Started".parse::<UserStatus>().unwrap_err();
/// assert_eq!(error.to_string(), "no word for a user's status: it is unknown, new, started, connected or deleted");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no word for {what}: it is {}", Listed(words))]
pub struct UnknownWord {
    what: &'static str,
    words: &'static [&'static str],
}

impl UnknownWord {
    /// The words that there are.
    #[must_use]
    pub const fn words(&self) -> &'static [&'static str] {
        self.words
    }
}

struct Listed<'a>(&'a [&'static str]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            match index {
                0 => {}
                last if last + 1 == self.0.len() => f.write_str(" or ")?,
                _ => f.write_str(", ")?,
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// `Display`, `FromStr` and serde by the words of `name`, which never change.
macro_rules! words {
    ($($type:ident: $what:literal,)+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                const WORDS: [&str; $type::ALL.len()] = {
                    let mut words = [""; $type::ALL.len()];
                    let mut index = 0;
                    while index < words.len() {
                        words[index] = $type::ALL[index].name();
                        index += 1;
                    }
                    words
                };
                let known = Self::ALL.into_iter().find(|known| known.name() == word);
                known.ok_or(UnknownWord { what: $what, words: &WORDS })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = Cow::<str>::deserialize(deserializer)?;
                word.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

words! {
    UserStatus: "a user's status",
    TokenRefusal: "why a token was refused",
    TokenKind: "a kind of token",
    Purpose: "what a token is for",
    Provisioning: "how an application was set up",
}

#[cfg(any(feature = "admin", feature = "data"))]
words! {
    ReportFormat: "the form of a report",
}

impl Serialize for ClientUserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClientUserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for HumanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HumanId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    /// Words that databases hold already: to change one is to lose what they hold.
    #[track_caller]
    fn check<T>(all: &[T], words: &str)
    where
        T: Copy + Debug + PartialEq + fmt::Display + FromStr<Err = UnknownWord>,
        T: Serialize + for<'de> Deserialize<'de>,
    {
        let written: Vec<String> = all.iter().map(T::to_string).collect();
        assert_eq!(written.join(" "), words);
        for (one, word) in all.iter().zip(&written) {
            assert_eq!(word.parse(), Ok(*one));
            let json = serde_json::to_string(one).unwrap();
            assert_eq!(json, format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *one);
        }
        for other in ["", "Connected", "connected ", "p-17", "\u{0}"] {
            let error = other.parse::<T>().unwrap_err();
            assert_eq!(error.words(), written);
            let json = serde_json::to_string(other).unwrap();
            let read = serde_json::from_str::<T>(&json).unwrap_err();
            assert!(read.to_string().starts_with(&error.to_string()), "{read}");
            assert!(!error.to_string().contains("p-17"));
        }
    }

    #[test]
    fn each_word_is_read_back_and_no_other_is() {
        let statuses = "unknown new started connected deleted";
        check(&UserStatus::ALL, statuses);
        let refusals = "already_connected unknown_user nothing_connected";
        check(&TokenRefusal::ALL, refusals);
        check(&TokenKind::ALL, "session id access client");
        check(&Purpose::ALL, "open_connect read_data administer");
        check(&Provisioning::ALL, "connect hip");
        #[cfg(any(feature = "admin", feature = "data"))]
        check(&ReportFormat::ALL, "json html pdf");
    }

    #[test]
    fn an_id_is_kept_as_its_text() {
        let user = ClientUserId::from("caf\u{e9} \"17\"");
        let json = serde_json::to_string(&user).unwrap();
        assert_eq!(json, r#""café \"17\"""#);
        assert_eq!(serde_json::from_str::<ClientUserId>(&json).unwrap(), user);
        assert!(serde_json::from_str::<ClientUserId>("\"\"").is_err());
        let human = HumanId::from("7a1d");
        let json = serde_json::to_string(&human).unwrap();
        assert_eq!(serde_json::from_str::<HumanId>(&json).unwrap(), human);
    }
}
