//! Keeping in step: what changed since the last time, told at least once and never lost.
//!
//! A pass reads the records that changed after a watermark, and its end brings the watermark of the next
//! one. Three things can lose a change, and each is met:
//!
//! * **Clocks.** A watermark is a reading of the service's clock, never of ours: the `Date` of the answer
//!   that the pass began with, or, where there is none, the latest change that it held. A record that
//!   changes while the pass runs is younger than that, so the next pass reads it.
//! * **Late arrivals.** A record may appear some time after the moment that it bears. Each pass reads again
//!   what changed in the [lag](Changes::with_lag) before its watermark, and leaves out what it told then.
//! * **Lists that move.** Pages overlap by one record, as those of every list, so that a record which may have slipped
//!   between two pages is noticed. The pass then begins again.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::data::list::{HasChanges, List};
use crate::data::page::Page;
use crate::data::paging::Cursor;
use crate::data::query::Query;
use crate::data::record::Record;
use crate::data::told::{Told, updated};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, Drift, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// How late a record may arrive unless a caller says otherwise.
const LAG: Duration = Duration::from_secs(10 * 60);
/// The shortest lag: the service's clock is read when an answer is there, and not when it looked.
const SHORTEST_LAG: Duration = Duration::from_secs(60);
/// The service's filters count whole seconds, and may or may not include the second that they name.
const BOUNDARY: Duration = Duration::from_secs(1);
/// So often a pass begins again because its list moved.
const MOST_RESTARTS: u8 = 3;

/// Reads one page of what changed since a [`Watermark`]: a pass over one list, resumable at each page.
///
/// Every change is told at least once: a record comes again, in its newest form, where the list moved and
/// was read anew, or where more changed at once than is remembered. Take each as "this is how the record
/// is now", by its id.
///
/// What was **deleted** no list tells. Read everything now and then, by a pass without a watermark, and
/// give what you know to [`Deletions`](crate::data::Deletions).
///
/// ```
/// use humanapi_core::data::{Activity, Changes, List, Watermark};
/// use humanapi_core::http::Response;
/// use humanapi_core::{Body, Endpoint as _, Hosts, Now};
/// # use std::time::{Duration, SystemTime};
/// # let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
///
/// // The first pass has no watermark, and reads everything.
/// let pass = Changes::new(List::<Activity>::new(), None);
/// let request = pass.request(&Hosts::production())?;
/// # assert_eq!(request.uri().query(), Some("limit=500"));
/// // Send it, then:
/// let answer = Response::builder()
///     .header("date", "Fri, 02 Jan 2026 03:04:05 GMT")
///     .header("x-total-count", "1")
///     .body(Body::from(r#"[{"id":"a","updatedAt":"2026-01-01T00:00:00.000Z"}]"#))?;
/// let page = pass.parse(answer, now)?;
/// assert_eq!(page.records.len(), 1);
///
/// // At the end: keep the watermark together with what was read.
/// let saved = serde_json::to_string(&page.end.unwrap().watermark)?;
///
/// let watermark: Watermark = serde_json::from_str(&saved)?;
/// let pass = Changes::new(List::<Activity>::new(), Some(watermark));
/// let request = pass.request(&Hosts::production())?;
/// assert_eq!(request.uri().query(), Some("limit=500&updated_since=20260102T025404Z"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Changes<R: HasChanges> {
    list: List<R>,
    /// Where the pass began from.
    from: Watermark,
    lag: Duration,
    /// The service's time as the pass began, once its first page has come.
    begun: Begun,
    told: Told,
    restarts: u8,
    /// How many pages came before.
    pages: u64,
    /// Whether nothing was noticed on them.
    is_quiet: bool,
    /// Whether the list was narrowed by the moment that is the watermark's to say.
    has_own_moment: bool,
    /// Whether something may have been missed that no restart mended.
    unsettled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Begun {
    NotYet,
    /// At a moment that the service did not tell.
    Sometime,
    At(Timestamp),
}

impl<R: HasChanges> Changes<R> {
    /// A pass over a list: over all of it without a watermark, else over what changed since.
    ///
    /// A source or days that the list is narrowed to have to be those of the watermark's pass, and the moment that
    /// records changed after is the watermark's to say; else the call fails before anything is sent.
    /// Pages hold 500 records where the list asks for the usual 50.
    ///
    /// Records that do not tell when they changed, such as sources and genetic traits, have no changes to read: their lists
    /// are read whole.
    #[must_use]
    pub fn new(list: List<R>, since: Option<Watermark>) -> Self {
        let (query, _) = list.parts();
        let has_own_moment = query.updated_since.is_some();
        let from = since.unwrap_or_else(|| Watermark {
            version: VERSION,
            of: R::NAME.to_owned(),
            narrowing: query.narrowing(),
            since: None,
            told: Told::default(),
        });
        let mut query = query.clone();
        if query.limit == Query::DEFAULT_LIMIT {
            query.limit = Query::MAX_LIMIT;
        }
        (query.offset, query.overlap) = (0, true);
        Self {
            list: List::from_parts(query, Cursor::new()),
            told: from.told.clone(),
            from,
            lag: LAG,
            begun: Begun::NotYet,
            restarts: 0,
            pages: 0,
            is_quiet: true,
            has_own_moment,
            unsettled: false,
        }
        .filtered()
    }

    /// Sets how long after its `updatedAt` a record may still appear, or the clocks of the service's
    /// machines may differ; 10 minutes if it is not said, and a minute at least. The same time is read twice by each pass.
    #[must_use]
    pub fn with_lag(mut self, lag: Duration) -> Self {
        self.lag = lag.max(SHORTEST_LAG);
        self.filtered()
    }

    /// Whether the pass reads everything, and not only what changed.
    #[must_use]
    pub const fn reads_everything(&self) -> bool {
        self.from.since.is_none()
    }

    fn filtered(mut self) -> Self {
        if let Some(since) = self.from.since {
            let since = self.seen_until(since);
            self.list = self.list.with_updated_since(since);
        }
        self
    }

    /// What changed up to this moment has been told by a pass that began at `moment`, and is not told again.
    fn seen_until(&self, moment: Timestamp) -> Timestamp {
        let back = self.lag.saturating_add(BOUNDARY);
        moment
            .checked_sub(back)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .max(Timestamp::UNIX_EPOCH)
    }

    /// Whether a record may have been missed at this page.
    fn may_have_missed(&self, page: &Page<R::Record, List<R>>) -> bool {
        let (_, cursor) = self.list.parts();
        if page.may_lack_items || cursor.overlaps() || self.list.offset() == 0 {
            return page.may_lack_items;
        }
        // Records without ids, or one a page: only the total shows that the list moved, and one that grew may hide that
        // others were deleted.
        let is_changed = |drift: &Drift| matches!(drift, Drift::TotalChanged { .. });
        page.drift.iter().any(is_changed) || page.total.is_none() && !page.items.is_empty()
    }

    fn begun_again(mut self) -> Self {
        self.restarts += 1;
        self.is_quiet = false;
        self.begun = Begun::NotYet;
        self.list = self.list.with_offset(0);
        self
    }

    /// The watermark of the next pass.
    fn watermark(&self) -> Watermark {
        let since = match self.begun {
            _ if self.unsettled => self.from.since,
            Begun::At(moment) => Some(moment),
            Begun::NotYet | Begun::Sometime => self.from.since,
        };
        // A pass over everything tells all that it meets, so that what it does not tell is gone.
        let told = since.map_or_else(Told::default, |since| {
            let mut told = self.told.clone();
            told.forget_before(self.seen_until(since));
            told
        });
        Watermark {
            since,
            told,
            ..self.from.clone()
        }
    }
}

impl<R: HasChanges> Endpoint for Changes<R> {
    type Output = ChangesPage<R>;

    fn name(&self) -> &'static str {
        R::NAME
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let (query, _) = self.list.parts();
        if self.has_own_moment {
            return Err(BuildError::OutOfRange {
                name: "updated_since",
                rule: "left to the watermark",
            });
        }
        if self.from.of != R::NAME || self.from.narrowing != query.narrowing() {
            return Err(BuildError::ForeignWatermark { list: R::NAME });
        }
        self.list.request(hosts)
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        let date = date(response.headers());
        let page = match self.list.parse(response, sent_at) {
            // So many records were added that the page before comes once more.
            Err(ResponseError::PageRepeated { .. }) if self.restarts < MOST_RESTARTS => {
                return Ok(ChangesPage {
                    number: self.pages,
                    records: Vec::new(),
                    odd: Vec::new(),
                    drift: vec![Drift::Repeated],
                    begins_again: true,
                    next: Some(
                        Self {
                            pages: self.pages + 1,
                            ..self.clone()
                        }
                        .begun_again(),
                    ),
                    end: None,
                });
            }
            page => page?,
        };
        let mut pass = self.clone();
        if pass.begun == Begun::NotYet {
            pass.begun = match date.or_else(|| self.latest(&page, sent_at)) {
                Some(moment) => Begun::At(moment),
                None => Begun::Sometime,
            };
        }
        let may_have_missed = self.may_have_missed(&page);
        pass.is_quiet &= page.drift.is_empty();
        pass.pages += 1;
        let mut records = page.items;
        records.retain(|record| pass.told.is_new(record));

        if may_have_missed && pass.restarts < MOST_RESTARTS {
            return Ok(ChangesPage {
                number: self.pages,
                records,
                odd: page.odd,
                drift: page.drift,
                begins_again: true,
                next: Some(pass.begun_again()),
                end: None,
            });
        }
        pass.unsettled |= may_have_missed;
        let end = page.end.map(|_| PassEnd {
            watermark: pass.watermark(),
            is_settled: !pass.unsettled,
            is_of_everything: pass.reads_everything(),
            is_quiet: pass.is_quiet,
            pages: pass.pages,
        });
        Ok(ChangesPage {
            number: self.pages,
            records,
            odd: page.odd,
            drift: page.drift,
            begins_again: false,
            next: page.next.map(|list| Self { list, ..pass }),
            end,
        })
    }
}

impl<R: HasChanges> Changes<R> {
    /// The latest change on the first page, which is no later than the service's clock as it was read. A
    /// pass that began from a later moment stays there. One in the future by our own clock too is a slip.
    fn latest(&self, page: &Page<R::Record, List<R>>, sent_at: Now) -> Option<Timestamp> {
        let now = of_clock(sent_at.wall())?;
        let changes = page.items.iter().filter_map(|record| updated(record));
        let latest = changes.chain(self.from.since).max();
        latest.map(|latest| latest.min(now))
    }
}

/// One page of what changed.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChangesPage<R: HasChanges> {
    /// Which page of the pass it is, counted from 0 and over all its attempts.
    pub number: u64,
    /// The records that are new or have changed, as they are now.
    pub records: Vec<R::Record>,
    /// What stood between the records and is none, with its bytes and its place.
    pub odd: Vec<Record>,
    /// What was noticed at this page. The records are to be had all the same.
    pub drift: Vec<Drift>,
    /// Whether the list moved, so that the pass begins again with the next page.
    pub begins_again: bool,
    /// The call that reads on, unless the pass is over. Save it together with the records to go on after a
    /// restart.
    pub next: Option<Changes<R>>,
    /// How the pass ended; nothing while there is a `next`.
    pub end: Option<PassEnd>,
}

/// How a pass over what changed ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PassEnd {
    /// Where the next pass begins. Save it together with the records.
    pub watermark: Watermark,
    /// Whether all that changed was told. If the list moved at each of several attempts, it may not have
    /// been; the watermark then stays where it was, and the next pass reads the same time again.
    pub is_settled: bool,
    /// Whether everything was read, and not only what changed.
    pub is_of_everything: bool,
    /// Whether nothing was noticed on its pages.
    pub(super) is_quiet: bool,
    /// How many pages it had, over all its attempts.
    pub(super) pages: u64,
}

/// How a watermark is written now.
pub(super) const VERSION: u8 = 1;

/// Up to where a list has been read: a moment by the service's clock, and what is known of those that
/// changed shortly before it.
///
/// Save it by `serde`, together with the records that came before it. It holds no record and no id; of
/// the records it remembers hashes alone. Its size is bounded.
#[derive(Clone, Serialize, Deserialize)]
pub struct Watermark {
    #[serde(deserialize_with = "this_version")]
    pub(super) version: u8,
    pub(super) of: String,
    pub(super) narrowing: Query,
    pub(super) since: Option<Timestamp>,
    pub(super) told: Told,
}

impl Watermark {
    /// Everything that changed before this moment by the service's clock has been told, but for what the
    /// service itself gave later than the pass's [lag](Changes::with_lag). Nothing if it never told the time.
    #[must_use]
    pub const fn moment(&self) -> Option<Timestamp> {
        self.since
    }
}

impl fmt::Debug for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watermark")
            .field("of", &self.of)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

fn this_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(serde::de::Error::custom(format_args!(
            "a watermark of version {other}, and this release reads version {VERSION}: read everything anew"
        ))),
    }
}

/// The service's clock as it answered, in whole seconds.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    of_clock(date)
}

/// A reading of a clock, in whole seconds.
fn of_clock(reading: SystemTime) -> Option<Timestamp> {
    let since = reading.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok()
}

// By hand, because a derive would ask the same of the resource.
impl<R: HasChanges> Clone for Changes<R> {
    fn clone(&self) -> Self {
        Self {
            list: self.list.clone(),
            from: self.from.clone(),
            lag: self.lag,
            begun: self.begun,
            told: self.told.clone(),
            restarts: self.restarts,
            pages: self.pages,
            is_quiet: self.is_quiet,
            has_own_moment: self.has_own_moment,
            unsettled: self.unsettled,
        }
    }
}

impl<R: HasChanges> fmt::Debug for Changes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("list", &self.list)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
