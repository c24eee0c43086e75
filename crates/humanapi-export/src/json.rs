//! JSON as it was sent, and what takes its place where it is none.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// What was sent, if that is JSON. Else a text of JSON that says what was sent, so that whoever reads a file of JSON can read
/// all of it.
pub(crate) fn readable(sent: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(sent) {
        Ok(text) if is_json(sent) => Cow::Borrowed(text),
        _ => Cow::Owned(serde_json::Value::from(String::from_utf8_lossy(sent)).to_string()),
    }
}

/// Whether this is JSON. Each byte of an export is asked about, and nearly all of them are plain.
fn is_json(sent: &[u8]) -> bool {
    plain(sent).is_some() || serde_json::from_slice::<IgnoredAny>(sent).is_ok()
}

/// Nothing that is open: each list and object adds a bit below it, which is set for an object.
const TOP: u64 = 1;

/// Passes one value and nothing else, if it is JSON without what is seldom: escapes by number, exponents, and more than 62
/// lists and objects within each other. Where it is not, somebody else has to say.
fn plain(sent: &[u8]) -> Option<()> {
    let mut open = TOP;
    let mut at = blanks(sent, 0);
    loop {
        match sent.get(at)? {
            b'"' => at = text(sent, at)?,
            bracket @ (b'{' | b'[') => {
                let is_object = *bracket == b'{';
                at = blanks(sent, at + 1);
                if *sent.get(at)? != closing(is_object) {
                    if open.leading_zeros() < 2 {
                        return None;
                    }
                    open = open << 1 | u64::from(is_object);
                    at = first(sent, at, is_object)?;
                    continue;
                }
                at += 1;
            }
            b't' => at = word(sent, at, b"true")?,
            b'f' => at = word(sent, at, b"false")?,
            b'n' => at = word(sent, at, b"null")?,
            _ => at = number(sent, at)?,
        }
        loop {
            at = blanks(sent, at);
            if open == TOP {
                return (at == sent.len()).then_some(());
            }
            let is_object = open & 1 == 1;
            match *sent.get(at)? {
                b',' => {
                    at = first(sent, blanks(sent, at + 1), is_object)?;
                    break;
                }
                byte if byte == closing(is_object) => {
                    at += 1;
                    open >>= 1;
                }
                _ => return None,
            }
        }
    }
}

const fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// Where the next value begins: in an object behind its name.
#[inline]
fn first(sent: &[u8], at: usize, is_object: bool) -> Option<usize> {
    if !is_object {
        return Some(at);
    }
    let colon = blanks(sent, text(sent, at)?);
    (*sent.get(colon)? == b':').then(|| blanks(sent, colon + 1))
}

#[inline]
fn blanks(sent: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = sent.get(at) {
        at += 1;
    }
    at
}

/// Where the text ends that begins here.
#[inline]
fn text(sent: &[u8], at: usize) -> Option<usize> {
    if *sent.get(at)? != b'"' {
        return None;
    }
    let mut at = at + 1;
    loop {
        while let Some(eight) = sent.get(at..)?.first_chunk() {
            let eight = u64::from_le_bytes(*eight);
            let found = zeros(eight ^ QUOTES) | zeros(eight ^ BACKSLASHES) | controls(eight);
            if found != 0 {
                at += found.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match *sent.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match sent.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                _ => return None,
            },
            ..b' ' => return None,
            _ => at += 1,
        }
    }
}

#[inline]
fn number(sent: &[u8], mut at: usize) -> Option<usize> {
    if *sent.get(at)? == b'-' {
        at += 1;
    }
    let whole = at;
    at = digits(sent, at)?;
    if sent[whole] == b'0' && at > whole + 1 {
        return None;
    }
    match sent.get(at) {
        Some(b'.') => digits(sent, at + 1),
        _ => Some(at),
    }
}

/// Passes one digit and more.
#[inline]
fn digits(sent: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while sent.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    (at > from).then_some(at)
}

fn word(sent: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    sent[at..].starts_with(word).then_some(at + word.len())
}

const LOW_BITS: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
const SPACES: u64 = u64::from_le_bytes([b' '; 8]);

/// Marks bytes that are zero by their high bit. Up to the first of them it is right.
const fn zeros(eight: u64) -> u64 {
    eight.wrapping_sub(LOW_BITS) & !eight & HIGH_BITS
}

/// The same of bytes that stand in no text of JSON.
const fn controls(eight: u64) -> u64 {
    eight.wrapping_sub(SPACES) & !eight & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(sent: &[u8]) {
        let is_json = serde_json::from_slice::<IgnoredAny>(sent).is_ok();
        let text = String::from_utf8_lossy(sent);
        assert!(plain(sent).is_none() || is_json, "no JSON: {text}");
    }

    #[test]
    fn what_is_sent_day_by_day_is_plain() {
        let deep = "[".repeat(62) + &"]".repeat(62);
        for sent in [
            r#"{"id":"a1","n":-1.50,"on":true,"off":false,"none":null,"in":{"list":[1,"zwei",{}],"empty":[]}}"#,
            " [ 0 , -0 , 0.0 , \"a\\\"b\\\\\\n\u{fc}\" ] \r\n\t",
            "\"12345678\u{7f}\"",
            &deep,
        ] {
            assert!(plain(sent.as_bytes()).is_some(), "{sent}");
            check(sent.as_bytes());
        }
    }

    #[test]
    fn what_is_no_json_is_not_plain() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        for sent in [
            "",
            " ",
            "{",
            "[",
            "\"",
            "\"a",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "[,]",
            "[1,]",
            "[1 2]",
            "{}{}",
            "[1}",
            "{\"a\":1]",
            "01",
            "-",
            "-a",
            "1.",
            ".5",
            "1.e",
            "+1",
            "tru",
            "truee",
            "nul",
            "NaN",
            "'a'",
            "{a:1}",
            "{1:1}",
            "\"a\nb\"",
            "\"1234567\n\"",
            "\"\u{1f}\"",
            "\"\\x\"",
            "\"\\",
            "\"\\u12\"",
            "1e",
            "[1]]",
            "]",
            &deep[1..],
        ] {
            assert!(plain(sent.as_bytes()).is_none(), "{sent}");
            assert!(!is_json(sent.as_bytes()), "{sent}");
        }
    }

    #[test]
    fn what_is_seldom_is_json_all_the_same() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        for sent in ["\"\\u00fc\"", "1e5", "[1.5E-3]", &deep] {
            assert!(
                plain(sent.as_bytes()).is_none() && is_json(sent.as_bytes()),
                "{sent}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_is_plain_that_is_no_json(sent in r#"[\[\]{}:, "\\untrefalsx0-9.\-e\n\x01ä]{0,24}"#) {
            check(sent.as_bytes());
        }

        #[test]
        fn no_change_of_a_byte_makes_it_plain(at in 0_usize..80, to in any::<u8>()) {
            let sent = br#"{"id":"a1b2c3d4e5f6","n":-10.50,"on":true,"in":{"list":[1,"zwei",{}],"x":[]}}  "#;
            let mut sent = sent.to_vec();
            let at = at % sent.len();
            sent[at] = to;
            check(&sent);
            sent.truncate(at);
            check(&sent);
        }
    }
}
