//! What several verbs are asked for: kinds of records by the command's names, and moments.

use humanapi_core::data::{Operation, ROUTES, Route};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The lists that there are.
pub(crate) fn lists() -> impl Iterator<Item = &'static Route> {
    ROUTES
        .iter()
        .filter(|route| route.operation == Operation::List)
}

/// What the command calls a kind of record.
pub(crate) fn name(route: &Route) -> &'static str {
    route.name.strip_prefix("data.").unwrap_or(route.name)
}

/// The kinds of records at these routes, as a chapter of a help text.
pub(super) fn chapter(routes: impl Iterator<Item = &'static Route>) -> String {
    let mut chapter = "Kinds of records:\n".to_owned();
    let mut line = String::new();
    for name in routes.map(name) {
        if line.len() + name.len() > 90 {
            chapter.push_str(&format!("  {}\n", line.trim_end()));
            line.clear();
        }
        line.push_str(name);
        line.push_str("  ");
    }
    chapter.push_str(&format!("  {}\n", line.trim_end()));
    chapter
}

/// Reads a moment, or a day as its beginning.
pub(super) fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let day = || {
        let day: Date = text.parse().ok()?;
        let begin = day.to_zoned(TimeZone::UTC).ok()?;
        Some(begin.timestamp())
    };
    text.parse()
        .ok()
        .or_else(day)
        .ok_or("it is a moment such as 2026-01-15T09:00:00Z, or a day such as 2026-01-15")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_beginning_in_utc() {
        assert_eq!(instant("2026-01-15"), instant("2026-01-15T00:00:00Z"));
        assert!(instant("2026-01-15").is_ok());
        for text in ["", "yesterday", "2026-13-01", "7"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
