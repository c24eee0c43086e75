//! The health-data API: what a user's access token reads.

use http::Method;

use crate::answer::{self, Expected};
use crate::body::Body;
use crate::error::{Asked, BuildError, ResponseError};
use crate::hosts::{Host, Hosts};
use crate::message::{self, Request, Response};

mod activities;
pub mod application;
mod by_id;
mod change_records;
mod changes;
mod cursor;
mod deletions;
mod food;
mod genetics;
mod identity;
mod latest;
mod link;
mod list;
mod locations;
mod measurements;
pub mod medical;
mod on_day;
mod page;
mod pages;
mod paging;
mod profile;
mod query;
mod raw;
mod raw_list;
mod read_ahead;
mod record;
mod records;
mod routes;
mod single;
mod sleeps;
mod sources;
mod summary;
mod told;
mod wellness;

pub use activities::{Activity, ActivitySummary, ListActivities, TimeSeries};
pub use by_id::{ById, HasId};
pub use change_records::{ChangeRecords, ChangeRecordsPage};
pub use changes::{Changes, ChangesPage, PassEnd, Watermark};
pub use deletions::Deletions;
pub use food::{Meal, MealAmount};
pub use genetics::{GeneticTrait, Genotype, ListGenotypes};
pub use latest::{HasLatest, Latest};
pub use list::{AllAtOnce, HasChanges, HasDays, HasTimeSeries, List, Resource};
pub use locations::{Coordinates, Location};
pub use measurements::{
    BloodGlucose, BloodOxygen, BloodPressure, Bmi, BodyFat, HeartRate, HeartRateSummary,
    HeartRateZone, Height, Weight,
};
pub use on_day::{Daily, DailyForm, DailyList, OnDay};
pub use page::{ListEnd, Page};
pub use pages::UncheckedPage;
pub use profile::{Profile, ReadProfile, TimeZoneName};
pub use raw::{HasDocument, Raw};
pub use raw_list::RawList;
pub use read_ahead::{Ask, FetchPage, Paged, ReadAhead};
pub use record::{
    Comparator, Date, Field, FieldKind, Json, Number, Quantity, Record, Table, TextOr, Value,
};
pub use records::{ListRecords, ReadRecord};
pub use routes::{Operation, ROUTES, Route};
pub use single::{Single, Singleton};
pub use sleeps::{Sleep, SleepSummary};
pub use sources::{HistorySync, Resync, Source, SyncStatus};
pub use summary::{HealthSummary, ReadHealthSummary};

pub use crate::report_format::ReportFormat;

fn get(hosts: &Hosts, path_and_query: &str) -> Result<Request, BuildError> {
    let uri = hosts.base(Host::Data).join(path_and_query)?;
    Ok(message::build(Method::GET, uri, None))
}

/// The answer if it is a success that can hold one record.
fn object(response: Response) -> Result<Response, ResponseError> {
    accept(Asked::WithToken, Expected::Object, response)
}

/// The answer if it is a success that can hold a list of records.
fn list(response: Response) -> Result<Response, ResponseError> {
    accept(Asked::WithToken, Expected::List, response)
}

/// The answer if it is a success that can hold what was asked for.
fn accept(asked: Asked, expected: Expected, response: Response) -> Result<Response, ResponseError> {
    answer::accept(asked, expected, &response)?;
    // A record's bytes begin with the record.
    Ok(response.map(Body::without_byte_order_mark))
}
