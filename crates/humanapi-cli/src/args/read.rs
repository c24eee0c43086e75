//! What the verbs share that read one user's health data: whose, which records, and by which application.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use humanapi_core::data::Route;
use jiff::Timestamp;
use jiff::civil::Date;

use super::kinds::{instant, lists, name};
#[cfg(feature = "store")]
use super::service::StoreArgs;
use super::service::{ServiceArgs, SetupArgs, UserArgs};

/// Which records of a list.
#[derive(Debug, clap::Args)]
pub(crate) struct NarrowArgs {
    /// Only what changed after this moment, such as 2026-01-15T09:00:00Z; a day is its beginning in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant, help_heading = "What is asked for")]
    pub(crate) updated_since: Option<Timestamp>,
    /// Only what comes from this source: a wellness source's name or a medical source's id
    #[arg(long, value_name = "SOURCE", help_heading = "What is asked for")]
    pub(crate) source: Option<String>,
    /// Only records of these days, both included, such as 2026-01-01..2026-01-31
    #[arg(long, value_name = "START..END", value_parser = days, help_heading = "What is asked for")]
    pub(crate) days: Option<(Date, Date)>,
}

/// Whose data, by which application, and from where.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) user: UserArgs,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
    #[cfg(feature = "store")]
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

pub(super) fn resource() -> impl TypedValueParser<Value = &'static Route> {
    PossibleValuesParser::new(lists().map(name)).try_map(|typed| {
        let found = lists().find(|route| name(route) == typed);
        found.ok_or("there is no such kind of record")
    })
}

/// Reads `START..END`.
fn days(text: &str) -> Result<(Date, Date), &'static str> {
    let both = text
        .split_once("..")
        .and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
    match both {
        Some((start, end)) if start <= end => Ok((start, end)),
        Some(_) => Err("the first day is later than the last"),
        None => Err("it is written START..END, such as 2026-01-01..2026-01-31"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_two_with_the_earlier_first() {
        let day = |day| jiff::civil::date(2026, 1, day);
        assert_eq!(days("2026-01-02..2026-01-03"), Ok((day(2), day(3))));
        assert_eq!(days("2026-01-02..2026-01-02"), Ok((day(2), day(2))));
        for text in [
            "2026-01-03..2026-01-02",
            "2026-01-02",
            "..",
            "2026-01-02..",
            "2026-01-02...2026-01-03",
        ] {
            assert!(days(text).is_err(), "{text}");
        }
    }
}
