//! Names of fields, and texts with escapes.

use std::borrow::Cow;
use std::fmt;
use std::str::Chars;

/// A field's name as it stands between its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_escaped: bool,
    /// Whether it is JSON beyond doubt, as a span is.
    pub(crate) is_plain: bool,
}

impl<'a> Name<'a> {
    /// Whether this is the name, however it is escaped.
    pub(crate) fn is(self, name: &str) -> bool {
        *self.unescaped() == *name.as_bytes()
    }

    /// The name's bytes, or those that were written where it is no text.
    pub(crate) fn unescaped(self) -> Cow<'a, [u8]> {
        if !self.is_escaped {
            return Cow::Borrowed(self.bytes);
        }
        match self.read_lossy() {
            Cow::Borrowed(name) => Cow::Borrowed(name.as_bytes()),
            Cow::Owned(name) => Cow::Owned(name.into_bytes()),
        }
    }

    /// The name, or as it was written where it is no text.
    pub(crate) fn read_lossy(self) -> Cow<'a, str> {
        self.read()
            .unwrap_or_else(|| String::from_utf8_lossy(self.bytes))
    }

    /// The name, if it is text.
    fn read(self) -> Option<Cow<'a, str>> {
        let text = std::str::from_utf8(self.bytes).ok()?;
        if self.is_escaped {
            unescape(text).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(text))
        }
    }
}

/// Reads the escapes of what stands between two quotes; half an emoji cannot be read.
pub(crate) fn unescape(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    unescape_into(inner, &mut text)?;
    Some(text)
}

/// Writes what stands between two quotes with its escapes read. It is never longer than they are.
///
/// It is no parser's, because a parser unescapes in a buffer of its own, which nobody wipes where it held a secret.
/// Control characters belong escaped, and some writers leave them as they are.
pub(crate) fn unescape_into(inner: &str, out: &mut impl fmt::Write) -> Option<()> {
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.write_str(plain).ok()?;
        let mut behind = escape.chars();
        let character = match behind.next()? {
            same @ ('"' | '\\' | '/') => same,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => read_units(&mut behind)?,
            _ => return None,
        };
        out.write_char(character).ok()?;
        rest = behind.as_str();
    }
    out.write_str(rest).ok()
}

/// The character of one unit of UTF-16 behind `\u`, or of two.
fn read_units(behind: &mut Chars<'_>) -> Option<char> {
    let first = read_unit(behind)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some(character);
    }
    if behind.next()? != '\\' || behind.next()? != 'u' {
        return None;
    }
    let second = read_unit(behind)?;
    char::decode_utf16([first, second]).next()?.ok()
}

fn read_unit(behind: &mut Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0, |unit, _| {
        let digit = behind.next()?.to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_control_character_stands_for_itself() {
        assert_eq!(unescape("a\tb\\n\u{1}\n").as_deref(), Some("a\tb\n\u{1}\n"));
    }

    proptest! {
        #[test]
        fn escapes_are_read_as_a_parser_reads_them(
            inner in r#"([a-z0-9+é🫀]|\\["\\/bfnrtuxU0]|\\u[0-9a-fA-F]{3,5}|\\u[dD][89abAB][0-9a-f]{2}|\\u[dD][c-fC-F][0-9a-f]{2}){0,8}"#
        ) {
            let parsed = serde_json::from_str(&format!("\"{inner}\"")).ok();
            prop_assert_eq!(unescape(&inner), parsed);
        }
    }
}
