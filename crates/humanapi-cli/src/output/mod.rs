//! What goes to a terminal, and how it looks there.

#[cfg(any(feature = "demo", feature = "token"))]
pub(crate) mod mask;
#[cfg(any(feature = "export", feature = "orders", feature = "store"))]
pub(crate) mod progress;
#[cfg(feature = "token")]
pub(crate) mod secrets;

use std::borrow::Cow;
#[cfg(feature = "token")]
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(any(feature = "demo", feature = "token"))]
use comfy_table::{ContentLineStyle, LineStyle, TableStyle};

/// The styles of the command. A stream that is no terminal, or `NO_COLOR`, takes them away.
pub(crate) mod palette {
    use anstyle::{AnsiColor, Style};

    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
    pub(crate) const TITLE: Style = Style::new().bold();
    #[cfg(any(feature = "data", feature = "demo", feature = "sandbox"))]
    pub(crate) const QUIET: Style = Style::new().dimmed();
    pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
    #[cfg(any(feature = "data", feature = "demo", feature = "store"))]
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
}

/// Tells one line on stderr about something that ends nothing.
#[cfg(any(feature = "data", feature = "store"))]
pub(crate) fn warn(text: &str) {
    beside("warning", palette::WARN, text);
}

/// Whether notes and progress are left out.
#[cfg(feature = "token")]
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on only what goes wrong is told beside the output.
#[cfg(feature = "token")]
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether [`be_quiet`] was called.
#[cfg(any(feature = "data", feature = "store"))]
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Tells one line on stderr about the output, which is as it should be.
#[cfg(feature = "data")]
pub(crate) fn note(text: &str) {
    if !is_quiet() {
        beside("note", palette::TITLE, text);
    }
}

#[cfg(any(feature = "data", feature = "store"))]
fn beside(word: &str, style: anstyle::Style, text: &str) {
    use std::io::Write as _;

    // Where stderr is closed there is nobody to tell.
    let _ = writeln!(
        anstream::stderr(),
        "{style}{word}:{style:#} {}",
        plain(text)
    );
}

/// Text from elsewhere with its control characters replaced, so that nothing in it steers a terminal.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// How tables look.
#[cfg(any(feature = "demo", feature = "token"))]
pub(crate) const fn table_style() -> TableStyle {
    TableStyle::new()
        .top_border(LineStyle::new('╭', '─', '┬', '╮'))
        .header_lines(ContentLineStyle::new('│', '│', '│'))
        .header_separator(LineStyle::new('├', '─', '┼', '┤'))
        .content_lines(ContentLineStyle::new('│', '│', '│'))
        .bottom_border(LineStyle::new('╰', '─', '┴', '╯'))
}

/// A time span in the unit that people would use.
#[cfg(any(feature = "demo", feature = "token"))]
pub(crate) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 if seconds != 3_600 => (seconds / 60, "minute"),
        _ => (seconds / 3_600, "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(all(test, any(feature = "demo", feature = "token")))]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (3_599, "59 minutes"),
            (3_600, "1 hour"),
            (86_400, "24 hours"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn nothing_from_elsewhere_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(plain("Grüße"), "Grüße");
    }
}
