//! Finding where the values of a JSON text stand, without reading them.
//!
//! Only what tells one field and one item from the next is looked at. Whether a value is right is
//! asked when it is read, so that no value spoils what stands around it. Every byte is looked at a
//! bounded number of times, and nothing recurses, however deep the text is.

use std::borrow::Cow;
use std::fmt;
use std::str::Chars;

/// Where one value stands, and what it looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) form: Form,
}

/// What a value is, as far as its borders tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text that stands as it reads.
    Text,
    /// Text with escapes.
    Escaped,
    /// An object.
    Object,
    /// A list.
    List,
    /// A number, `true`, `false`, `null`, or what should be one of them.
    Bare,
}

/// Why borders cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text ends within a value.
    EndsEarly,
    /// What stands there is not JSON.
    NotJson,
    /// It is JSON, but not what is wanted.
    OtherType,
}

/// So many bytes can be told apart by a span.
pub(crate) const LONGEST: usize = u32::MAX as usize;

impl Span {
    pub(crate) const fn new(start: usize, end: usize, form: Form) -> Self {
        // A text is never longer than `LONGEST`.
        Self {
            start: start as u32,
            end: end as u32,
            form,
        }
    }

    pub(crate) const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Reads borders off a text. Where something stands is told by its first byte and the byte behind it.
pub(crate) struct Scanner<'a> {
    pub(crate) bytes: &'a [u8],
    start: usize,
    /// The brackets that are open within one value.
    open: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// A scanner of a text of at most [`LONGEST`] bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() <= LONGEST);
        Self {
            bytes,
            start: 0,
            open: Vec::new(),
        }
    }

    /// Begins at the value of this span, and sees nothing behind it.
    pub(crate) fn within(bytes: &'a [u8], span: Span) -> Self {
        let range = span.range();
        Self {
            bytes: &bytes[..range.end],
            start: range.start,
            open: Vec::new(),
        }
    }

    /// Goes through the fields of an object, and says where it ends.
    pub(crate) fn each_field(
        &mut self,
        mut found: impl FnMut(Name<'a>, Span),
    ) -> Result<usize, Fault> {
        let start = self.begins(b'{')?;
        let mut next = self.first(start, b'}')?;
        loop {
            let at = match next {
                More::At(at) => at,
                More::No(end) => return Ok(end),
            };
            let (name, end) = self.name(at)?;
            let (span, end) = self.value_of(end)?;
            found(name, span);
            next = self.further(end, b'}')?;
        }
    }

    /// Goes through the items of a list.
    pub(crate) fn each_item(&mut self, mut found: impl FnMut(Span)) -> Result<(), Fault> {
        let start = self.begins(b'[')?;
        let mut next = self.first(start, b']')?;
        while let More::At(start) = next {
            let (form, end) = self.value(start)?;
            found(Span::new(start, end, form));
            next = self.further(end, b']')?;
        }
        Ok(())
    }

    /// Where the whole begins, if it begins as it should.
    pub(crate) fn begins(&self, wanted: u8) -> Result<usize, Fault> {
        let start = self.skip_blanks(self.start);
        match self.byte(start)? {
            byte if byte == wanted => Ok(start),
            b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Err(Fault::OtherType),
            _ => Err(Fault::NotJson),
        }
    }

    pub(crate) fn nothing_behind(&self, end: usize) -> Result<(), Fault> {
        match self.byte(self.skip_blanks(end)) {
            Ok(_) => Err(Fault::NotJson),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn name(&self, start: usize) -> Result<(Name<'a>, usize), Fault> {
        if self.byte(start)? != b'"' {
            return Err(Fault::NotJson);
        }
        let (form, end) = self.text(start)?;
        let name = Name {
            bytes: &self.bytes[start + 1..end - 1],
            is_escaped: form == Form::Escaped,
        };
        Ok((name, end))
    }

    /// Passes a colon and the value behind it.
    #[inline]
    pub(crate) fn value_of(&mut self, name_end: usize) -> Result<(Span, usize), Fault> {
        let colon = self.skip_blanks(name_end);
        if self.byte(colon)? != b':' {
            return Err(Fault::NotJson);
        }
        let start = self.skip_blanks(colon + 1);
        let (form, end) = self.value(start)?;
        Ok((Span::new(start, end, form), end))
    }

    /// What the value that begins here is, and where it ends.
    #[inline]
    pub(crate) fn value(&mut self, start: usize) -> Result<(Form, usize), Fault> {
        match self.byte(start)? {
            b'"' => self.text(start),
            b'{' => Ok((Form::Object, self.brackets(start)?)),
            b'[' => Ok((Form::List, self.brackets(start)?)),
            _ => {
                let rest = &self.bytes[start..];
                let ends = rest.iter().position(|byte| ENDS_A_WORD[*byte as usize]);
                match ends.unwrap_or(rest.len()) {
                    0 => Err(Fault::NotJson),
                    length => Ok((Form::Bare, start + length)),
                }
            }
        }
    }

    /// Passes a text, from its first quote to its last.
    #[inline]
    fn text(&self, start: usize) -> Result<(Form, usize), Fault> {
        let mut form = Form::Text;
        let mut at = start + 1;
        loop {
            at = self.quote_or_escape(at).ok_or(Fault::EndsEarly)?;
            if self.bytes[at] == b'"' {
                return Ok((form, at + 1));
            }
            form = Form::Escaped;
            at += 2;
        }
    }

    /// Where the next quote or backslash is. Looks at eight bytes at a time.
    #[inline]
    fn quote_or_escape(&self, mut at: usize) -> Option<usize> {
        let mut rest = self.bytes.get(at..)?;
        while let Some((eight, behind)) = rest.split_first_chunk() {
            let eight = u64::from_le_bytes(*eight);
            let found = zero_bytes(eight ^ QUOTES) | zero_bytes(eight ^ BACKSLASHES);
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize / 8);
            }
            at += 8;
            rest = behind;
        }
        let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        found.map(|found| at + found)
    }

    /// Passes an object or a list, whose brackets must match.
    fn brackets(&mut self, start: usize) -> Result<usize, Fault> {
        self.open.clear();
        let mut at = start;
        loop {
            match self.byte(at)? {
                b'"' => {
                    (_, at) = self.text(at)?;
                    continue;
                }
                b'{' => self.open.push(b'}'),
                b'[' => self.open.push(b']'),
                byte @ (b'}' | b']') => {
                    if self.open.pop() != Some(byte) {
                        return Err(Fault::NotJson);
                    }
                    if self.open.is_empty() {
                        return Ok(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Behind an opening bracket: the first thing within, or the closing one.
    #[inline]
    pub(crate) fn first(&self, opening: usize, closing: u8) -> Result<More, Fault> {
        let at = self.skip_blanks(opening + 1);
        Ok(if self.byte(at)? == closing {
            More::No(at + 1)
        } else {
            More::At(at)
        })
    }

    /// Behind one thing: the next, or the closing bracket.
    #[inline]
    pub(crate) fn further(&self, end: usize, closing: u8) -> Result<More, Fault> {
        let at = self.skip_blanks(end);
        match self.byte(at)? {
            b',' => Ok(More::At(self.skip_blanks(at + 1))),
            byte if byte == closing => Ok(More::No(at + 1)),
            _ => Err(Fault::NotJson),
        }
    }

    #[inline]
    fn skip_blanks(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(at) {
            at += 1;
        }
        at
    }

    #[inline]
    pub(crate) fn byte(&self, at: usize) -> Result<u8, Fault> {
        self.bytes.get(at).copied().ok_or(Fault::EndsEarly)
    }
}

/// Goes through the fields of one object up to where it is no JSON: each by its name, and with whether its
/// value is a text that is not empty. No value is read.
pub(crate) fn each_own_field(bytes: &[u8], mut found: impl FnMut(&str, bool)) {
    // Where borders cannot be told, whoever reads the values says what is wrong.
    let _ = Scanner::new(bytes).each_field(|name, span| {
        let is_text = matches!(span.form, Form::Text | Form::Escaped);
        found(&name.read_lossy(), is_text && span.range().len() > 2);
    });
}

/// Whether there is something more between two brackets, and where it begins or the whole ends.
pub(crate) enum More {
    At(usize),
    No(usize),
}

const LOW_BITS: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);

/// Marks bytes that are zero by their high bit. Up to the first of them it is right.
const fn zero_bytes(eight: u64) -> u64 {
    eight.wrapping_sub(LOW_BITS) & !eight & HIGH_BITS
}

/// A field's name as it stands between its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    bytes: &'a [u8],
    is_escaped: bool,
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

/// What no number and no word can hold.
const ENDS_A_WORD: [bool; 256] = {
    let mut ends = [false; 256];
    let bytes = b" \t\r\n,:{}[]\"";
    let mut at = 0;
    while at < bytes.len() {
        ends[bytes[at] as usize] = true;
        at += 1;
    }
    ends
};

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
