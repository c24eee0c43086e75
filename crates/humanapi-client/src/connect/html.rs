//! Text within a page: escaped for HTML, and as a literal of JavaScript.

use std::fmt::{self, Write as _};

/// Escapes text for an attribute in quotes of either kind, and for between elements.
pub(super) fn push_escaped(html: &mut impl fmt::Write, text: &str) {
    for letter in text.chars() {
        let written = match letter {
            '&' => html.write_str("&amp;"),
            '<' => html.write_str("&lt;"),
            '>' => html.write_str("&gt;"),
            '"' => html.write_str("&quot;"),
            '\'' => html.write_str("&#39;"),
            other => html.write_char(other),
        };
        written.expect("a buffer can be written to");
    }
}

/// A text as a literal of JavaScript, safe within a script element.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            if letter.is_ascii_alphanumeric() || " -._~:/?#[]@!$()*+,;=%".contains(letter) {
                f.write_char(letter)?;
            } else {
                write!(f, "\\u{{{:x}}}", u32::from(letter))?;
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_place_in_html() {
        for byte in 0..=255_u8 {
            let letter = char::from(byte);
            let mut html = String::new();
            push_escaped(&mut html, &letter.to_string());
            let stays = !"&<>\"'".contains(letter);
            assert_eq!(html == letter.to_string(), stays, "{letter:?}");
            assert!(stays || html.starts_with('&') && html.ends_with(';'));
        }
    }

    #[test]
    fn no_text_leaves_its_place_in_a_script() {
        let odd = "</script><!--\"'`${x}\\\n\r\u{2028}\u{2029}&é";
        let quoted = Quoted(odd).to_string();
        let inside = &quoted[1..quoted.len() - 1];
        for banned in [
            '<', '>', '"', '\'', '`', '\n', '\r', '&', '\u{2028}', '\u{2029}',
        ] {
            assert!(!inside.contains(banned), "{banned:?} in {quoted}");
        }
        assert!(quoted.is_ascii(), "{quoted}");
        assert_eq!(
            Quoted("/js/connect.js?v=1").to_string(),
            "\"/js/connect.js?v=1\""
        );
        assert_eq!(Quoted("a\"b").to_string(), "\"a\\u{22}b\"");
    }
}
