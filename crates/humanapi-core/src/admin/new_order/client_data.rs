//! What an application gives along and gets back with notifications.

use serde::Serialize;

use super::rules::FieldError;
use crate::hidden::hidden_debug;
use crate::secret_buffer::SecretBuffer;

/// A value that an application gives along: nothing within which there are others.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(clippy::exhaustive_enums, reason = "the service takes these three")]
pub enum ClientDataValue {
    /// Text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// Yes or no.
    Flag(bool),
}

hidden_debug!(ClientDataValue);

macro_rules! from {
    ($($type:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$type> for ClientDataValue {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from! {
    &str => Text, String => Text, bool => Flag,
    i32 => Number, u32 => Number, i64 => Number, u64 => Number, serde_json::Number => Number,
}

/// What an application gives along, under names.
#[derive(Clone, Default)]
pub(super) struct ClientData(Vec<(String, ClientDataValue)>);

/// So many characters may it have in all.
const MOST: usize = 2048;

impl ClientData {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value, or takes it in the place of one of the same name.
    pub(super) fn set(&mut self, name: &str, value: ClientDataValue) -> Result<(), FieldError> {
        let refused = |rule| Err(FieldError::new("clientData", rule));
        if name.is_empty() {
            return refused("values under names that are not empty");
        }
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
        let mut written = SecretBuffer::new();
        if serde_json::to_writer(&mut written, self).is_err() {
            return refused("something that can be written as JSON");
        }
        let text = std::str::from_utf8(written.as_bytes()).unwrap_or_default();
        // How the service counts is not documented: so, as JavaScript does, it is never fewer.
        if text.encode_utf16().count() > MOST {
            return refused("at most 2,048 characters in all, written as JSON");
        }
        Ok(())
    }
}

impl Serialize for ClientData {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_2048_characters_and_not_for_one_more() {
        // `{"a":""}` are eight.
        let fits = |length: usize| {
            ClientData::default()
                .set("a", "x".repeat(length).into())
                .is_ok()
        };
        assert!(fits(2040) && !fits(2041));
        let wide = |length: usize| {
            ClientData::default()
                .set("a", "🫀".repeat(length).into())
                .is_ok()
        };
        assert!(wide(1020) && !wide(1021));
    }

    #[test]
    fn a_name_stands_once() {
        let mut data = ClientData::default();
        data.set("caseNo", 416.into()).unwrap();
        data.set("rush", true.into()).unwrap();
        data.set("caseNo", 417.into()).unwrap();
        assert_eq!(
            serde_json::to_string(&data).unwrap(),
            r#"{"caseNo":417,"rush":true}"#
        );
        assert!(data.set("", 1.into()).is_err());
    }
}
