//! Passing what JSON consists of: texts, names, numbers, words, and what stands between them.

use super::name::Name;

/// Where one value stands, and what it looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) form: Form,
    /// Whether it is JSON beyond doubt, if the text is UTF-8. What is seldom is left in doubt: escapes by number,
    /// exponents, and more than 62 lists and objects within each other.
    pub(crate) is_plain: bool,
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
    pub(crate) const fn new(start: usize, end: usize, form: Form, is_plain: bool) -> Self {
        // A text is never longer than `LONGEST`.
        Self {
            start: start as u32,
            end: end as u32,
            form,
            is_plain,
        }
    }

    pub(crate) const fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Reads borders off a text. Where something stands is told by its first byte and the byte behind it.
///
/// What is nearly all that a page consists of, names and texts, is passed within its caller's own loop: a page of records takes
/// a fifteenth fewer instructions so.
#[derive(Clone, Copy)]
pub(crate) struct Scanner<'a> {
    pub(crate) bytes: &'a [u8],
    start: usize,
    controls: Controls,
}

/// Whether control characters stand in a text, as they do between values where somebody wrote them one below the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Controls {
    /// Nobody asks whether values are plain, and none is said to be.
    NotAsked,
    /// There are none.
    None,
    /// There are some: each text is looked through for them.
    Some,
}

impl<'a> Scanner<'a> {
    /// A scanner of a text of at most [`LONGEST`] bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        assert!(bytes.len() <= LONGEST);
        Self {
            bytes,
            start: 0,
            controls: Controls::NotAsked,
        }
    }

    /// Begins at the value of this span, and sees nothing behind it.
    pub(crate) fn within(bytes: &'a [u8], span: Span) -> Self {
        let range = span.range();
        Self {
            bytes: &bytes[..range.end],
            start: range.start,
            controls: Controls::NotAsked,
        }
    }

    /// The same, and notes of each value whether it is plain.
    pub(crate) fn noting_what_is_plain(mut self) -> Self {
        // All of them at once, which a processor compares many at a time.
        let has_some = has_controls(&self.bytes[self.start..]);
        self.controls = match has_some {
            true => Controls::Some,
            false => Controls::None,
        };
        self
    }

    /// Where the whole begins, if it begins as it should.
    pub(crate) fn begins(self, wanted: u8) -> Result<usize, Fault> {
        let start = self.skip_blanks(self.start);
        match self.byte(start)? {
            byte if byte == wanted => Ok(start),
            b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Err(Fault::OtherType),
            _ => Err(Fault::NotJson),
        }
    }

    pub(crate) fn name(self, start: usize) -> Result<(Name<'a>, usize), Fault> {
        if self.byte(start)? != b'"' {
            return Err(Fault::NotJson);
        }
        let span = self.text(start)?;
        let end = span.range().end;
        let name = Name {
            bytes: &self.bytes[start + 1..end - 1],
            is_escaped: span.form == Form::Escaped,
            is_plain: span.is_plain,
        };
        Ok((name, end))
    }

    #[inline]
    pub(super) fn behind_colon(self, name_end: usize) -> Result<usize, Fault> {
        let colon = self.skip_blanks(name_end);
        if self.byte(colon)? != b':' {
            return Err(Fault::NotJson);
        }
        Ok(self.skip_blanks(colon + 1))
    }

    /// Passes a text, from its first quote to its last.
    #[inline(always)]
    pub(super) fn text(self, start: usize) -> Result<Span, Fault> {
        let (mut form, mut is_usual) = (Form::Text, true);
        let mut at = start + 1;
        loop {
            at = self.quote_or_escape(at).ok_or(Fault::EndsEarly)?;
            if self.bytes[at] == b'"' {
                let is_plain = is_usual
                    && match self.controls {
                        Controls::NotAsked => false,
                        Controls::None => true,
                        Controls::Some => !has_controls(&self.bytes[start..at]),
                    };
                return Ok(Span::new(start, at + 1, form, is_plain));
            }
            form = Form::Escaped;
            let escaped = self.bytes.get(at + 1);
            is_usual &= escaped.is_some_and(|byte| b"\"\\/bfnrt".contains(byte));
            at += 2;
        }
    }

    /// Where the next quote or backslash is. Looks at eight bytes at a time.
    #[inline(always)]
    fn quote_or_escape(self, mut at: usize) -> Option<usize> {
        let mut rest = self.bytes.get(at..)?;
        while let Some((eight, behind)) = rest.split_first_chunk() {
            let found = quotes_and_backslashes(u64::from_le_bytes(*eight));
            if found != 0 {
                return Some(at + found.trailing_zeros() as usize / 8);
            }
            at += 8;
            rest = behind;
        }
        let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        found.map(|found| at + found)
    }

    /// Passes a number or a word, and whatever stands in the place of one.
    pub(super) fn bare(self, start: usize) -> Result<Span, Fault> {
        let whole = start + usize::from(self.bytes[start] == b'-');
        let mut at = self.digits(whole);
        let mut is_plain = at == whole + 1 || at > whole && self.bytes[whole] != b'0';
        if self.bytes.get(at) == Some(&b'.') {
            let fraction = at + 1;
            at = self.digits(fraction);
            is_plain &= at > fraction;
        }
        let ends_word = |byte: &u8| ENDS_A_WORD[*byte as usize];
        if at == start || !self.bytes.get(at).is_none_or(ends_word) {
            let rest = &self.bytes[at..];
            at += rest.iter().position(ends_word).unwrap_or(rest.len());
            let word = &self.bytes[start..at];
            is_plain = matches!(word, b"true" | b"false" | b"null");
            if word.is_empty() {
                return Err(Fault::NotJson);
            }
        }
        Ok(Span::new(start, at, Form::Bare, is_plain))
    }

    #[inline]
    fn digits(self, mut at: usize) -> usize {
        while self.bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    }

    /// Behind an opening bracket: the first thing within, or the closing one.
    #[inline]
    pub(crate) fn first(self, opening: usize, closing: u8) -> Result<More, Fault> {
        let at = self.skip_blanks(opening + 1);
        Ok(if self.byte(at)? == closing {
            More::No(at + 1)
        } else {
            More::At(at)
        })
    }

    /// Behind one thing: the next, or the closing bracket.
    #[inline]
    pub(crate) fn further(self, end: usize, closing: u8) -> Result<More, Fault> {
        let at = self.skip_blanks(end);
        match self.byte(at)? {
            b',' => Ok(More::At(self.skip_blanks(at + 1))),
            byte if byte == closing => Ok(More::No(at + 1)),
            _ => Err(Fault::NotJson),
        }
    }

    #[inline]
    pub(super) fn skip_blanks(self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(at) {
            at += 1;
        }
        at
    }

    #[inline]
    pub(crate) fn byte(self, at: usize) -> Result<u8, Fault> {
        self.bytes.get(at).copied().ok_or(Fault::EndsEarly)
    }
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

/// Marks quotes and backslashes by their high bit. Up to the first of them it is right.
const fn quotes_and_backslashes(eight: u64) -> u64 {
    let quotes = (eight ^ QUOTES).wrapping_sub(LOW_BITS);
    let backslashes = (eight ^ BACKSLASHES).wrapping_sub(LOW_BITS);
    // What is no ASCII is none of them.
    (quotes | backslashes) & !eight & HIGH_BITS
}

fn has_controls(bytes: &[u8]) -> bool {
    // Without a stop at the first one, many are compared at a time.
    let chunk = |chunk: &[u8]| chunk.iter().fold(false, |any, byte| any | (*byte < b' '));
    bytes.chunks(256).any(chunk)
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
