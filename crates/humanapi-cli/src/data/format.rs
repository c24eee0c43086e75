//! How health data are printed, and records as JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use humanapi_core::data::Record;

use crate::args::data::PrintArgs;
use crate::print::is_json;

/// How it is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Ndjson,
}

impl Format {
    pub(super) fn of(args: &PrintArgs) -> Self {
        if args.ndjson {
            Self::Ndjson
        } else if is_json(args.json, args.table) {
            Self::Json
        } else {
            Self::Table
        }
    }
}

/// A record as it was sent. What is no JSON is a text of JSON that says what was sent: nothing is left out, and what
/// is printed can be read.
pub(crate) fn json(record: &Record) -> Cow<'_, [u8]> {
    let sent = record.raw();
    match serde_json::from_slice::<serde::de::IgnoredAny>(sent) {
        Ok(_) => Cow::Borrowed(sent),
        Err(_) => {
            let text = serde_json::Value::from(String::from_utf8_lossy(sent));
            Cow::Owned(text.to_string().into_bytes())
        }
    }
}

/// JSON on one line: a break can stand between its parts alone.
pub(super) fn one_line(json: &[u8]) -> Vec<u8> {
    let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
    let bytes = json.iter();
    bytes
        .map(|byte| if is_break(*byte) { b' ' } else { *byte })
        .collect()
}

/// Writes JSON: byte for byte, but on a terminal, where nothing in it may steer.
pub(crate) fn write_json(out: &mut impl Write, json: &[u8]) -> io::Result<()> {
    if !io::stdout().is_terminal() {
        return out.write_all(json);
    }
    out.write_all(for_terminal(json).as_bytes())
}

fn for_terminal(json: &[u8]) -> String {
    let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    String::from_utf8_lossy(json).replace(steers, "\u{fffd}")
}

/// Text that comes in pieces, for a terminal: nothing in it steers, and no letter breaks where two pieces meet.
#[derive(Default)]
pub(crate) struct Plain {
    /// The beginning of a letter whose end is to come.
    begun: Vec<u8>,
}

impl Plain {
    /// What can be shown once this has come.
    pub(crate) fn piece(&mut self, piece: &[u8]) -> String {
        self.begun.extend_from_slice(piece);
        let end = self.begun.len() - unfinished(&self.begun);
        let shown = for_terminal(&self.begun[..end]);
        self.begun.drain(..end);
        shown
    }

    /// What is left when nothing more comes.
    pub(crate) fn end(&mut self) -> String {
        for_terminal(&std::mem::take(&mut self.begun))
    }
}

/// How many bytes at the end begin a letter of UTF-8 that has more.
fn unfinished(text: &[u8]) -> usize {
    for (at, byte) in text.iter().rev().enumerate().take(3) {
        let length = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if length > at + 1 { at + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use humanapi_core::data::Activity;

    use super::*;

    #[track_caller]
    fn check(sent: &[u8], written: &[u8]) {
        let record = Activity::from_json(sent.to_vec()).unwrap();
        assert_eq!(*json(&record), *written);
    }

    #[test]
    fn a_record_is_written_byte_for_byte_and_what_is_no_json_as_text() {
        for sent in [
            &br#"{"steps": 1.10,"half":"\ud83d"}"#[..],
            b"{\n\t\"type\": \"\xff\"}",
            b"{\"huge\":1e999}",
        ] {
            check(sent, sent);
        }
        check(br#"{"steps":NaN}"#, br#""{\"steps\":NaN}""#);
    }

    #[test]
    fn nothing_that_was_sent_steers_the_terminal() {
        let sent = "{\n\t\"a\": \"\u{9b}2J\u{7f}\u{1b}[2J\"}";
        let written = "{\n\t\"a\": \"\u{fffd}2J\u{fffd}\u{fffd}[2J\"}";
        assert_eq!(for_terminal(sent.as_bytes()), written);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line(b"{\r\n\"a\": 1\n}"), b"{  \"a\": 1 }");
    }

    #[test]
    fn no_letter_breaks_where_two_pieces_meet() {
        let sent = "{\"a\": \"é€𝄞\u{1b}[2J\"}".as_bytes();
        for size in 1..sent.len() {
            let mut plain = Plain::default();
            let mut shown: String = sent.chunks(size).map(|piece| plain.piece(piece)).collect();
            shown += &plain.end();
            assert_eq!(shown, "{\"a\": \"é€𝄞\u{fffd}[2J\"}", "{size}");
        }
        let mut plain = Plain::default();
        assert_eq!(plain.piece(b"a\xe2\x82"), "a");
        assert_eq!(plain.end(), "\u{fffd}");
    }
}
