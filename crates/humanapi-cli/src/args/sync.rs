//! What `humanapi data sync` takes.

use std::path::PathBuf;
use std::time::Duration;

use humanapi_export::{Export, Shard};
use jiff::SignedDuration;

use super::how::HowArgs;
use super::kinds::chapter;
use super::service::SetupArgs;
use super::whose::{WhichArgs, WhoseArgs};

/// Whose data, which of them, and where they are kept in step.
#[derive(Debug, clap::Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) whose: WhoseArgs,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Read all of each list within so long a time, such as 36h or 14d, to find what was deleted; 7d if nothing is said, 0
    /// is each time
    #[arg(long, value_name = "TIME", value_parser = interval, help_heading = "What is asked for")]
    pub(crate) full_every: Option<Duration>,
    /// How late a record may come, such as 1h; 10m if nothing is said
    #[arg(long, value_name = "TIME", value_parser = interval, help_heading = "What is asked for")]
    pub(crate) lag: Option<Duration>,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
    /// The folder to keep in step; the same command again goes on there
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: PathBuf,
    /// Put users into so many buckets, 1 to 1000; as many as there are, or 16, if nothing is said
    #[arg(long, value_name = "NUMBER", help_heading = "Output")]
    pub(crate) buckets: Option<u32>,
    /// A file with the key that users are put into buckets by, 64 hexadecimal digits; kept in the folder if nothing is said
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(crate) key_file: Option<PathBuf>,
    /// Where it is kept up to where each list was read: sqlite:PATH, or postgres, whose address comes from
    /// HUMANAPI_STORE_URL; in the folder if nothing is said
    #[arg(long, value_name = "PLACE", help_heading = "Where")]
    pub(crate) cursors: Option<String>,
    /// Take a share of the buckets, such as 1/4, into a folder of its own, while others take the other shares; needs --key-file
    #[arg(long, value_name = "I/N", requires = "key_file", help_heading = "How")]
    pub(crate) shard: Option<Shard>,
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

/// Reads how long: with a unit, up to a year.
fn interval(text: &str) -> Result<Duration, &'static str> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok());
    let time = match (text, days) {
        ("0", _) => Some(SignedDuration::ZERO),
        (_, Some(days)) if (0..=366).contains(&days) => Some(SignedDuration::from_hours(24 * days)),
        _ => text.parse().ok(),
    };
    time.filter(|time: &SignedDuration| *time <= SignedDuration::from_hours(24 * 366))
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or("it is a time up to a year, such as 30m, 36h or 14d")
}

pub(super) const ABOUT: &str = "\
Keep the health data of many users in step in a folder: each run writes what is new, changed or gone.

Each list is read from where it was read up to, many at once and no faster than the service bears. What changed becomes \
new files beside those of before: resource=activities/bucket=0007/commit-000000000012.ndjson; the latest line of each \
record is how it is. Where nothing changed, nothing is written. Whatever ends the command, the same command again goes on.

No list tells what was deleted, so each is read as a whole from time to time, spread over --full-every.

Health data are written because you ask for them, in files that only you can read: mind where they go.";

pub(super) fn help() -> String {
    let kinds = chapter(Export::all_resources());
    format!("{kinds}\n{EXAMPLES}")
}

const EXAMPLES: &str = "\
  humanapi data sync --users users.txt --out in-step
  humanapi data sync --users users.txt --out in-step --buckets 1000 --rate 50 --cursors postgres
  humanapi data sync --users users.txt --out in-step-2 --buckets 64 --key-file key --shard 2/4
  humanapi data sync --user p17 --resources vitals,test_results --out p17 --full-every 24h";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_time_up_to_a_year() {
        let hours = |hours: u64| Ok(Duration::from_secs(hours * 3600));
        assert_eq!(interval("7d"), hours(7 * 24));
        assert_eq!(interval("36h"), hours(36));
        assert_eq!(interval("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(interval("0"), hours(0));
        for text in ["", "7", "-1h", "d", "-1d", "400d", "9999999999999999d"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
