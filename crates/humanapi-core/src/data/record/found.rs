//! One value of a record, found and not yet read.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::source::Source;
use crate::error::DecodeError;
use crate::json;
use crate::json::name::{Name, unescape};
use crate::json::tokens::{Form, Scanner, Span};

/// Where a value stands, and in which bytes.
#[derive(Clone, Copy)]
pub(crate) struct Found<'r> {
    pub(super) source: &'r Arc<Source>,
    span: Span,
}

/// What a found value can be read as.
pub(crate) trait Read<'r>: Sized {
    /// The value, unless it is none or of another type.
    fn read(found: Found<'r>) -> Option<Self>;

    /// The readable items of a list.
    fn read_list(found: Found<'r>) -> Option<Vec<Self>> {
        let mut items = Vec::new();
        found.each_item(|item| items.extend(Self::read(item)))?;
        Some(items)
    }
}

impl<'r> Found<'r> {
    pub(super) const fn new(source: &'r Arc<Source>, span: Span) -> Self {
        Self { source, span }
    }

    pub(super) fn raw(self) -> &'r [u8] {
        &self.source.bytes()[self.span.range()]
    }

    pub(super) fn scanner(self) -> Scanner<'r> {
        Scanner::within(self.source.bytes(), self.span).noting_what_is_plain()
    }

    pub(super) const fn form(self) -> Form {
        self.span.form
    }

    /// As it was sent, if that is UTF-8.
    pub(super) fn sent(self) -> Option<&'r str> {
        match &**self.source {
            Source::Text(text) => text.get(self.span.range()),
            Source::Mixed(_) => std::str::from_utf8(self.raw()).ok(),
        }
    }

    /// As it was sent, if that is JSON.
    fn checked(self) -> Option<&'r str> {
        let sent = self.sent()?;
        (self.span.is_plain || serde_json::from_str::<IgnoredAny>(sent).is_ok()).then_some(sent)
    }

    /// What stands between the quotes, escapes and all.
    fn between_quotes(self) -> Option<&'r str> {
        self.sent()?.strip_prefix('"')?.strip_suffix('"')
    }

    /// The text of a text without escapes.
    pub(super) fn plain_text(self) -> Option<&'r str> {
        (self.form() == Form::Text)
            .then(|| self.between_quotes())
            .flatten()
    }

    /// The text of a text.
    pub(super) fn text(self) -> Option<Cow<'r, str>> {
        match self.form() {
            Form::Text => self.plain_text().map(Cow::Borrowed),
            Form::Escaped => unescape(self.between_quotes()?).map(Cow::Owned),
            Form::Bare | Form::Object | Form::List => None,
        }
    }

    /// A number or a word.
    pub(super) fn bare(self) -> Option<&'r str> {
        (self.form() == Form::Bare).then(|| self.sent()).flatten()
    }

    /// A number, or text without what surrounds it.
    pub(super) fn scalar(self) -> Option<Cow<'r, str>> {
        match self.form() {
            Form::Bare => self.sent().map(Cow::Borrowed),
            _ => Some(match self.text()? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            }),
        }
    }

    pub(super) fn is_null(self) -> bool {
        self.form() == Form::Bare && self.raw() == b"null"
    }

    pub(super) fn each_item(self, mut each: impl FnMut(Self)) -> Option<()> {
        if self.form() != Form::List {
            return None;
        }
        let scanner = self.scanner();
        let item = |span| each(Self::new(self.source, span));
        scanner.each_item(item).ok()
    }

    pub(super) fn each_value(self, mut each: impl FnMut(Cow<'r, str>, Self)) -> Option<()> {
        if self.form() != Form::Object {
            return None;
        }
        let scanner = self.scanner();
        let value = |name: Name<'r>, span| {
            each(name.read_lossy(), Self::new(self.source, span));
        };
        scanner.each_field(value).ok().map(drop)
    }

    /// The readable values of an object, by name.
    pub(super) fn map<T: Read<'r>>(self) -> Option<Vec<(Cow<'r, str>, T)>> {
        let mut values = Vec::new();
        self.each_value(|name, value| values.extend(T::read(value).map(|value| (name, value))))?;
        Some(values)
    }

    pub(super) fn is_blank_object(self) -> bool {
        let raw = self.raw();
        raw.len() >= 2 && raw[1..raw.len() - 1].trim_ascii().is_empty()
    }
}

impl<'r> Read<'r> for bool {
    fn read(found: Found<'r>) -> Option<Self> {
        match found.scalar()?.as_ref() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

/// Any JSON within a record, as it was sent.
///
/// `Debug` shows the size alone, because it can be health data.
#[derive(Clone, Copy)]
pub struct Json<'r>(pub(super) Found<'r>);

impl<'r> Json<'r> {
    pub(super) const fn new(found: Found<'r>) -> Self {
        Self(found)
    }

    /// The bytes as they came.
    #[must_use]
    pub fn raw(self) -> &'r [u8] {
        self.0.raw()
    }

    /// The bytes as they came, if they are JSON: no value of a record need be, and a record with one that is not is none.
    ///
    /// It costs next to nothing where nothing unusual stands in them, because whoever found the value noted so.
    ///
    /// ```
    /// use humanapi_core::data::Activity;
    ///
    /// let activity = Activity::from_json(r#"{"steps": 3, "distance": NaN}"#)?;
    /// assert_eq!(activity.field("steps").unwrap().checked(), Some("3"));
    /// assert_eq!(activity.field("distance").unwrap().checked(), None);
    /// assert_eq!(activity.json().checked(), None);
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    #[must_use]
    pub fn checked(self) -> Option<&'r str> {
        self.0.checked()
    }

    /// The moment that it tells, as a field of a table would read it.
    pub(crate) fn moment(self) -> Option<Timestamp> {
        Timestamp::read(self.0)
    }

    /// Reads it as a type of your own, or as [`serde_json::Value`].
    ///
    /// # Errors
    ///
    /// When it is of another form.
    pub fn read<T: Deserialize<'r>>(self) -> Result<T, DecodeError> {
        json::decode(self.raw())
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.raw().len())
    }
}

impl<'r> Read<'r> for Json<'r> {
    fn read(found: Found<'r>) -> Option<Self> {
        (!found.is_null()).then_some(Self(found))
    }
}
