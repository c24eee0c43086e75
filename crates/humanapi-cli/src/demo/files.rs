//! What leaves the app in the end: the user's records as files, and some of them as a picture.

use std::future;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use futures_util::{TryStreamExt as _, stream};
use humanapi_client::Client;
use humanapi_core::ClientUserId;
use humanapi_core::data::{ListRecords, Route};
use humanapi_export::{Canvas, Export, ExportError, Format, Plot, PlotError};

use crate::atomic_file;
use crate::exit::{Code, Failure};

/// The kinds of records that are written.
const KINDS: [&str; 6] = [
    "data.activities",
    "data.heart_rate",
    "data.medications",
    "data.sleeps",
    "data.test_results",
    "data.vitals",
];
/// The one that is drawn.
const DRAWN: &str = "data.heart_rate";
/// The folder of the export and the file of the picture, in the story's folder.
pub(super) const EXPORT: &str = "export";
pub(super) const PICTURE: &str = "heart_rate.svg";

/// What was written.
pub(super) struct Written {
    pub(super) folder: PathBuf,
    pub(super) records: u64,
    pub(super) kinds: usize,
    /// How many values the picture shows, where there are any.
    pub(super) drawn: Option<u64>,
}

/// The folder for what the story writes, with nothing in it: the one that was asked for, or one of its own.
pub(super) fn folder(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let cannot = |error: io::Error| {
        Failure::here("the folder for what the demo writes cannot be made", &error)
    };
    let Some(asked) = asked else {
        let own = tempfile::Builder::new().prefix("humanapi-demo-").tempdir();
        return Ok(own.map_err(cannot)?.keep());
    };
    std::fs::create_dir_all(asked).map_err(cannot)?;
    match std::fs::read_dir(asked).map_err(cannot)?.next() {
        None => Ok(asked.to_owned()),
        Some(_) => Err(Failure::new(
            Code::Usage,
            "the folder of --out has something in it",
            "name one that is empty or not there",
        )),
    }
}

/// Writes what a user shares.
pub(super) async fn write(
    client: &Client,
    user: &'static str,
    folder: PathBuf,
) -> Result<Written, Failure> {
    let failed = |error: ExportError| Failure::here("the demo failed", &error);
    let routes: Vec<&'static Route> = Export::all_resources()
        .filter(|route| KINDS.contains(&route.name))
        .collect();
    let drawn = routes.iter().find(|route| route.name == DRAWN);
    let drawn = drawn.and_then(|route| ListRecords::new(route));
    let kinds = routes.len();
    let users = stream::iter([Ok::<_, io::Error>(ClientUserId::from(user))]);
    let summary = Export::new(client.clone(), Format::Ndjson)
        .with_resources(routes)
        .with_buckets(1)
        .run(users, folder.join(EXPORT), future::pending())
        .await
        .map_err(failed)?;
    if !summary.whole {
        return Err(Failure::here(
            "the demo failed",
            &"not every record could be read",
        ));
    }
    let drawn = match drawn {
        Some(list) => draw(client, user, list, &folder.join(PICTURE)).await?,
        None => None,
    };
    Ok(Written {
        folder,
        records: summary.records,
        kinds,
        drawn,
    })
}

/// Draws what a list holds, and tells how many values there are.
async fn draw(
    client: &Client,
    user: &str,
    list: ListRecords,
    file: &Path,
) -> Result<Option<u64>, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::here("the demo failed", error);
    let mut plot = Plot::new("heart_rate");
    let mut pages = client.user(user).call(list).pages();
    while let Some(page) = pages.try_next().await.map_err(|error| broken(&error))? {
        for record in &page.items {
            plot.note(record);
        }
    }
    let picture = match plot.picture(&[], Canvas::wide()) {
        Ok(picture) => picture,
        // The person may have connected nothing that measures it.
        Err(PlotError::Nothing) => return Ok(None),
        Err(error) => return Err(broken(&error)),
    };
    let written = || {
        let mut kept = atomic_file::beside(file)?;
        kept.write_all(picture.svg().as_bytes())?;
        atomic_file::keep(kept, file)
    };
    written().map_err(|error| broken(&error))?;
    Ok(plot.measured().first().map(|measured| measured.values))
}
