//! Writing a path or an address with a query behind it.

use std::fmt::{Display, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but letters, digits and `-._~` is escaped in a value or a segment.
pub(crate) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An address that grows by one parameter at a time. One that takes a token grows in a
/// [`SecretBuffer`](crate::SecretBuffer).
pub(crate) struct QueryString<T = String> {
    text: T,
    separator: char,
}

impl<T: Write> QueryString<T> {
    /// Begins with what stands before the question mark.
    pub(crate) fn after(address: T) -> Self {
        Self {
            text: address,
            separator: '?',
        }
    }

    /// Adds a parameter whose value needs no escapes.
    pub(crate) fn push(&mut self, name: &str, value: impl Display) {
        write!(self.text, "{}{name}={value}", self.separator).expect("a buffer can be written to");
        self.separator = '&';
    }

    /// Adds such a parameter, if there is a value.
    pub(crate) fn push_some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// Adds a parameter of any text, escaped.
    pub(crate) fn push_text(&mut self, name: &str, value: &str) {
        self.push(name, utf8_percent_encode(value, ESCAPED));
    }

    /// Adds such a parameter, if there is a value.
    pub(crate) fn push_some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.push_text(name, value);
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.text
    }
}
