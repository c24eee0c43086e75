//! Finding where the values of a JSON text stand, without reading them.
//!
//! Only what tells one field and one item from the next is looked at, and whether a value is JSON beyond
//! doubt is noted on the way. Whether it is right is asked when it is read, so that no value spoils what
//! stands around it. Every byte is looked at a bounded number of times, and nothing recurses, however deep
//! the text is.

use super::name::Name;
use super::tokens::{Fault, Form, More, Scanner, Span};

impl<'a> Scanner<'a> {
    /// Goes through the fields of an object, and says where it ends.
    pub(crate) fn each_field(self, mut found: impl FnMut(Name<'a>, Span)) -> Result<usize, Fault> {
        let start = self.begins(b'{')?;
        let mut next = self.first(start, b'}')?;
        loop {
            let at = match next {
                More::At(at) => at,
                More::No(end) => return Ok(end),
            };
            let (name, end) = self.name(at)?;
            let span = self.value_of(end)?;
            found(name, span);
            next = self.further(span.range().end, b'}')?;
        }
    }

    /// Goes through the items of a list.
    pub(crate) fn each_item(self, mut found: impl FnMut(Span)) -> Result<(), Fault> {
        let start = self.begins(b'[')?;
        let mut next = self.first(start, b']')?;
        while let More::At(start) = next {
            let span = self.value(start)?;
            found(span);
            next = self.further(span.range().end, b']')?;
        }
        Ok(())
    }

    pub(crate) fn nothing_behind(self, end: usize) -> Result<(), Fault> {
        match self.byte(self.skip_blanks(end)) {
            Ok(_) => Err(Fault::NotJson),
            Err(_) => Ok(()),
        }
    }

    /// Passes a colon and the value behind it.
    #[inline(always)]
    pub(crate) fn value_of(self, name_end: usize) -> Result<Span, Fault> {
        let start = self.behind_colon(name_end)?;
        self.value(start)
    }

    /// What the value that begins here is, and where it ends.
    #[inline(always)]
    pub(crate) fn value(self, start: usize) -> Result<Span, Fault> {
        match self.byte(start)? {
            b'"' => self.text(start),
            b'{' => self.brackets(start, Form::Object),
            b'[' => self.brackets(start, Form::List),
            _ => self.bare(start),
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// The one value that a text is, and whether it is JSON beyond doubt.
    fn plain(sent: &[u8]) -> bool {
        let scanner = Scanner::new(sent).noting_what_is_plain();
        let start = scanner.skip_blanks(0);
        let Ok(span) = scanner.value(start) else {
            return false;
        };
        span.is_plain && scanner.nothing_behind(span.range().end).is_ok()
    }

    fn is_json(sent: &[u8]) -> bool {
        serde_json::from_slice::<IgnoredAny>(sent).is_ok()
    }

    #[track_caller]
    fn check(sent: &[u8]) {
        let text = String::from_utf8_lossy(sent);
        assert!(!plain(sent) || is_json(sent), "no JSON: {text}");
    }

    #[test]
    fn what_is_sent_day_by_day_is_plain() {
        let deep = "[".repeat(62) + &"]".repeat(62);
        for sent in [
            r#"{"id":"a1","n":-1.50,"on":true,"off":false,"none":null,"in":{"list":[1,"zwei",{}],"empty":[]}}"#,
            " [ 0 , -0 , 0.0 , \"a\\\"b\\\\\\n\u{fc}\" ] \r\n\t",
            "\"12345678\u{7f}\"",
            "12",
            "null",
            &deep,
        ] {
            assert!(plain(sent.as_bytes()), "{sent}");
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
            "-01",
            "-",
            "-a",
            "1.",
            "-.5",
            ".5",
            "1.e",
            "1.5.5",
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
            "{\"a\u{1}\":1}",
            "{\"\\q\":1}",
            "\"\\x\"",
            "\"\\",
            "\"\\u12\"",
            "1e",
            "[1]]",
            "]",
            &deep[1..],
        ] {
            assert!(!plain(sent.as_bytes()), "{sent}");
            assert!(!is_json(sent.as_bytes()), "{sent}");
        }
    }

    #[test]
    fn a_text_is_passed_whatever_its_length_and_wherever_something_special_is() {
        for length in 0..140 {
            for behind in [0, 1, 9, 40] {
                let behind = ",".repeat(behind);
                let passed = |inner: &str| {
                    let text = format!("\"{inner}\"");
                    let sent = format!("{text}{behind}");
                    let span = Scanner::new(sent.as_bytes())
                        .noting_what_is_plain()
                        .value(0)
                        .unwrap();
                    assert_eq!(span.range(), 0..text.len(), "{sent}");
                    (span.form, span.is_plain)
                };
                let letters = "ä".repeat(length / 2) + &"b".repeat(length % 2);
                assert_eq!(passed(&letters), (Form::Text, true));
                for (special, form, is_plain) in [
                    ("\\\"", Form::Escaped, true),
                    ("\\x", Form::Escaped, false),
                    ("\u{1f}", Form::Text, false),
                ] {
                    for at in [0, length / 3, length] {
                        let inner =
                            format!("{}{special}{}", "a".repeat(at), "b".repeat(length - at));
                        assert_eq!(passed(&inner), (form, is_plain), "{inner}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_seldom_is_left_in_doubt() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        for sent in ["\"\\u00fc\"", "1e5", "[1.5E-3]", "{\"\\u00fc\":1}", &deep] {
            assert!(
                !plain(sent.as_bytes()) && is_json(sent.as_bytes()),
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
