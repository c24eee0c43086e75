//! What of a record could not be read, and where.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::de::IgnoredAny;

use super::Record;
use super::date::Date;
use super::field::FieldKind;
use super::found::{Found, Read};
use super::number::Number;
use super::quantity::Quantity;
use crate::error::DecodeError;
use crate::json::tokens::Form;

impl Record {
    /// What could not be read, by JSON path from the record on:
    ///
    /// * a field of another type than documented, which reads as `None`, or an item of one, which is
    ///   left out;
    /// * a field that was sent twice, of which the last one counts;
    /// * the record itself, as `.`, where something in it is not JSON.
    ///
    /// What is missing, `null`, or empty where the service means "nothing" is not odd.
    /// Reads every field of the record, and holds no value.
    ///
    /// ```
    /// use humanapi_core::data::Activity;
    ///
    /// let activity = Activity::from_json(r#"{"steps": [], "distance": 2.5}"#)?;
    /// assert!(activity.steps().is_none());
    /// assert_eq!(activity.odd()[0].path, "steps");
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    #[must_use]
    pub fn odd(&self) -> Vec<DecodeError> {
        let mut odd = Vec::new();
        self.note_odd("", &mut odd);
        if serde_json::from_slice::<IgnoredAny>(self.raw()).is_err()
            || std::str::from_utf8(self.raw()).is_err()
        {
            odd.push(DecodeError::new(".", DecodeError::NOT_JSON));
        }
        odd
    }

    fn note_odd(&self, path: &str, odd: &mut Vec<DecodeError>) {
        if !self.place().is_record {
            odd.push(DecodeError::new(path, DecodeError::OTHER_TYPE));
            return;
        }
        let table = self.sheet.table;
        let mut counts = vec![0_usize; table.len()];
        for entry in self.entries() {
            counts[usize::from(entry.field)] += 1;
        }
        let mut met = vec![0; table.len()];
        for entry in self.entries() {
            let at = usize::from(entry.field);
            let path = join(path, table[at].name);
            met[at] += 1;
            if met[at] == counts[at] {
                self.at(entry.span()).note_odd(&table[at].kind, &path, odd);
            } else if met[at] == 1 {
                odd.push(DecodeError::new(path, DecodeError::DOUBLED));
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

impl<'r> Found<'r> {
    /// Whether it says "nothing" in the service's way.
    pub(super) fn is_nothing(self, kind: &FieldKind) -> bool {
        match self.form() {
            Form::Bare => self.is_null(),
            Form::Text => self.raw()[1..].trim_ascii() == b"\"" && !matches!(kind, FieldKind::Json),
            Form::Object | Form::List => {
                matches!(kind, FieldKind::Object(_) | FieldKind::TextOr(_))
                    && self.is_blank_object()
            }
            Form::Escaped => false,
        }
    }

    /// Notes what of it cannot be read as this kind.
    pub(super) fn note_odd(self, kind: &FieldKind, path: &str, odd: &mut Vec<DecodeError>) {
        if self.is_nothing(kind) {
            return;
        }
        let before = odd.len();
        let reads = match kind {
            FieldKind::Text => self.reads_as::<Cow<'_, str>>(),
            FieldKind::Number => self.reads_as::<Number<'_>>(),
            FieldKind::Integer => self.reads_as::<i64>(),
            FieldKind::Bool => self.reads_as::<bool>(),
            FieldKind::Timestamp => self.reads_as::<Timestamp>(),
            FieldKind::Date => self.reads_as::<Date<'_>>(),
            FieldKind::Offset => self.reads_as::<Offset>(),
            FieldKind::Quantity => self.reads_as::<Quantity<'_>>(),
            FieldKind::Json => self.is_json(),
            FieldKind::Object(table) => {
                let record = self.record(table);
                if let Some(record) = &record {
                    record.note_odd(path, odd);
                }
                record.is_some()
            }
            FieldKind::TextOr(table) => match self.form() {
                Form::Text | Form::Escaped => self.text().is_some(),
                _ => {
                    self.note_odd(&FieldKind::Object(table), path, odd);
                    return;
                }
            },
            FieldKind::List(of) => {
                let mut index = 0_usize;
                let each = |item: Self| {
                    let path = format!("{path}[{index}]");
                    item.note_odd_item(of, &path, odd);
                    index += 1;
                };
                self.each_item(each).is_some()
            }
            FieldKind::Map(of) => {
                // A name within a map is data.
                let path = format!("{path}.…");
                let each = |_, value: Self| value.note_odd_item(of, &path, odd);
                self.each_value(each).is_some()
            }
        };
        if !reads {
            odd.truncate(before);
            odd.push(DecodeError::new(path, self.what_is_wrong(kind)));
        }
    }

    /// In a list or a map, `null` is one less than was sent.
    fn note_odd_item(self, kind: &FieldKind, path: &str, odd: &mut Vec<DecodeError>) {
        if self.is_null() {
            odd.push(DecodeError::new(path, DecodeError::OTHER_TYPE));
        } else {
            self.note_odd(kind, path, odd);
        }
    }

    fn reads_as<T: Read<'r>>(self) -> bool {
        T::read(self).is_some()
    }

    fn is_json(self) -> bool {
        self.sent()
            .is_some_and(|sent| serde_json::from_str::<IgnoredAny>(sent).is_ok())
    }

    fn what_is_wrong(self, kind: &FieldKind) -> &'static str {
        if !self.is_json() {
            return DecodeError::NOT_JSON;
        }
        match (kind, self.form()) {
            (_, Form::Text | Form::Escaped) if self.text().is_none() => DecodeError::NOT_TEXT,
            (FieldKind::Number, Form::Bare) if !matches!(self.raw(), b"true" | b"false") => {
                DecodeError::TOO_LARGE
            }
            _ => DecodeError::OTHER_TYPE,
        }
    }
}
