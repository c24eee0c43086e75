//! Words from elsewhere, as a picture can show them.

use std::borrow::Cow;

/// A name in at most so many letters, without what steers a page, a terminal or the direction of writing.
pub(super) fn shown(name: &str, most: usize) -> String {
    let mut shown = String::new();
    for word in name.split_whitespace() {
        let letters: String = word.chars().filter(|letter| !steers(*letter)).collect();
        if letters.is_empty() {
            continue;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&letters);
    }
    if shown.chars().count() > most {
        shown = shown.chars().take(most.saturating_sub(1)).collect();
        shown.truncate(shown.trim_end().len());
        shown.push('…');
    }
    shown
}

/// Letters that nobody sees. XML has no place for some of them, and others turn around what stands behind them.
const fn steers(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
    )
}

/// A text as kuva draws it: between two dollars it reads a formula.
pub(super) fn as_drawn(text: &str) -> Cow<'_, str> {
    match text.contains('$') {
        true => Cow::Owned(text.replace('$', "\\$")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_steers_nothing() {
        assert_eq!(shown(" a\u{1b}[2J\n b\u{202e}c\t", 99), "a[2J bc");
        assert_eq!(shown("\u{feff}\u{ffff}", 99), "");
        assert_eq!(shown("Grüße 漢字", 99), "Grüße 漢字");
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown("glucose", 7), "glucose");
        assert_eq!(shown("glucose", 6), "gluco…");
        assert_eq!(shown("blood glucose", 7), "blood…");
    }
}
