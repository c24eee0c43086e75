//! Whether a page is the last of its list, and what shows that the list changed meanwhile.
//!
//! A list that ends early and says nothing loses somebody's health data, so nothing is believed that
//! a page says of its own alone: an end is proven, and what speaks against it is told. The next page
//! begins where the records that came end, whatever offset a link names, because servers compute links
//! from the page size that was asked for and not from the one that they gave.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::data::identity::{CameAgain, Identity, PageBefore, form};
use crate::data::link::{self, NextLink};
use crate::data::page::ListEnd;
use crate::data::record::Record;
use crate::error::{Drift, ResponseError};

/// What was seen of a list on the pages before. Its size does not grow with the list, but holds the page before.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Cursor {
    pages: u64,
    /// The total that was told last.
    total: Option<u64>,
    /// Whether a total was told that is not the number of records on its own page.
    total_is_of_list: bool,
    /// Whether the page before has a link to exactly what follows it.
    is_linked: bool,
    /// The id of the last record, where it has one.
    last_id: Option<Box<[u8]>>,
    /// Its bytes, as a hash.
    last_form: u64,
    /// Whether this call begins with that record once more.
    overlaps: bool,
    /// Whether the page before would have been the last, were its size not that of a usual page.
    #[serde(default)]
    may_be_whole: bool,
    /// Its records.
    #[serde(default, skip_serializing_if = "PageBefore::is_nothing")]
    before: PageBefore,
    /// The first page, the page before, and one between that moves up at powers of two: any circle of
    /// pages meets one of them.
    seen: Seen,
}

/// What three pages of a walk look like.
type Seen = [Option<u64>; 3];

/// What a call asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) offset: u64,
    pub(super) limit: u64,
    /// Whether the next page shall begin with this one's last record.
    pub(super) overlap: bool,
    /// Whether the service gives such a list on pages.
    pub(super) on_pages: bool,
}

/// What a page holds.
#[derive(Clone, Copy)]
pub(super) struct PageContent<'a> {
    pub(super) headers: &'a HeaderMap,
    /// How many places the list has, whether or not each holds a record: offsets count places.
    pub(super) places: u64,
    /// How many records were read.
    pub(super) records: usize,
    /// One of them.
    pub(super) record: &'a dyn Fn(usize) -> &'a Record,
    /// What stands at one of the places, and whether it is a record.
    pub(super) place: &'a dyn Fn(u64) -> (&'a Record, bool),
}

/// What a page means for the walk.
pub(super) struct Judgement {
    /// Whether the first record is the last one of the page before, asked for once more.
    pub(super) drops_first: bool,
    /// Which records were on the page before just as they are, in order.
    pub(super) came_again: Vec<usize>,
    /// Whether the page is the one before once more, so that none of it is new.
    pub(super) drops_all: bool,
    pub(super) then: Then,
    pub(super) total: Option<u64>,
    pub(super) drift: Vec<Drift>,
    /// Whether records may be missing that were in the list from its beginning.
    pub(super) may_lack: bool,
}

/// What follows a page.
pub(super) enum Then {
    Next { offset: u64, cursor: Cursor },
    End(ListEnd),
}

/// So far beyond its total, a list that no link leads through is read no further: a server that takes no
/// notice of the offset and answers anew each time would be read for ever.
const fn far_beyond(total: u64, asked: Asked) -> u64 {
    total
        .saturating_mul(2)
        .saturating_add(asked.limit.saturating_mul(10))
}

impl Cursor {
    pub(super) const fn new() -> Self {
        Self {
            pages: 0,
            total: None,
            total_is_of_list: false,
            is_linked: false,
            last_id: None,
            last_form: 0,
            overlaps: false,
            may_be_whole: false,
            before: PageBefore::Nothing,
            seen: [None; 3],
        }
    }

    /// Whether the call begins with the last record of the page before, which shows whether records moved.
    pub(super) const fn overlaps(&self) -> bool {
        self.overlaps
    }

    /// Where the page begins that comes so many pages behind the one at `next`, if pages go on as from `offset` to
    /// there. That is known where the page was full, and up to the total where it is the list's.
    pub(super) fn guess(&self, offset: u64, next: u64, limit: u64, pages: u64) -> Option<u64> {
        let step = next.checked_sub(offset).filter(|step| *step > 0)?;
        let total = self.total.filter(|_| self.total_is_of_list);
        let is_full = step.saturating_add(u64::from(self.overlaps)) >= limit;
        let guess = step.checked_mul(pages)?.checked_add(next)?;
        match total {
            // The record that two pages share leads no further.
            Some(total) => guess.saturating_add(u64::from(self.overlaps)) < total,
            None => is_full,
        }
        .then_some(guess)
    }

    /// Judges a page.
    ///
    /// # Errors
    ///
    /// When it is a page that was seen before: the service does not lead through the list.
    pub(super) fn judge(
        &self,
        asked: Asked,
        content: PageContent<'_>,
    ) -> Result<Judgement, ResponseError> {
        let drops_first = self.overlaps && content.places > 0 && {
            let (first, is_record) = (content.place)(0);
            // One that has changed may have moved too, and then it marks no border any more.
            is_record && self.is_last(first) && form(first) == self.last_form
        };
        let seen = match self.seen_with(asked, content, u64::from(drops_first)) {
            // A list that comes all at once comes once more, whatever offset it is asked for.
            Err(_) if !asked.on_pages || self.may_be_whole => {
                let end = match asked.on_pages {
                    true => ListEnd::Total,
                    false => ListEnd::AllAtOnce,
                };
                let told = total(content.headers);
                let total = told.or(self.total).filter(|_| self.total_is_of_list);
                let counted = asked.offset.saturating_add(u64::from(self.overlaps));
                let drift = total.filter(|total| *total != counted);
                let drift = drift.map(|total| Drift::TotalDisagrees { total, counted });
                let drift = Vec::from_iter(drift);
                return Ok(Judgement {
                    drops_first: false,
                    came_again: Vec::new(),
                    drops_all: true,
                    then: Then::End(end),
                    total: told,
                    may_lack: self.may_lack(&drift, end, false),
                    drift,
                });
            }
            seen => seen?,
        };

        let told = total(content.headers);
        let total = told.or(self.total);
        let total_is_of_list =
            self.total_is_of_list || told.is_some_and(|told| told != content.places);
        let mut drift = Vec::new();
        if let (Some(before), Some(now)) = (self.total, told)
            && before != now
            && total_is_of_list
        {
            drift.push(Drift::TotalChanged { before, now });
        }
        // Where the border stands as it stood, nothing that was before it is behind it.
        let again = match drops_first {
            true => CameAgain::default(),
            false => (self.before).find_again((0..content.records).map(content.record)),
        };
        let has_moved = !drops_first && !self.is_pushed_down(content, &again);
        if self.overlaps && has_moved {
            drift.push(Drift::Moved);
        }
        if again.has_changed || !again.unchanged.is_empty() {
            drift.push(Drift::Repeated);
        }

        let next = link::next(content.headers);
        let leads_on = match next {
            Some(NextLink::At(offset)) => offset > asked.offset,
            Some(NextLink::Somewhere) => true,
            None => false,
        };
        let after = asked.offset.saturating_add(content.places);
        let agrees = total == Some(after);
        let says_more = total_is_of_list && total.is_some_and(|total| total > after);
        // What is just as long as pages are may be one of many from a server that counts no further, or one where a list
        // was cut off, so its size alone proves nothing.
        let is_as_long_as_pages = content.places == asked.limit || is_usual_size(content.places);
        let end = if content.places == 0 {
            if leads_on && !agrees {
                drift.push(Drift::LinkLeadsOn);
            }
            Some(ListEnd::EmptyPage)
        } else if leads_on {
            None
        } else if agrees
            && (total_is_of_list || !is_as_long_as_pages && content.places < asked.limit)
        {
            Some(ListEnd::Total)
        } else if drops_first && content.places == 1 && !says_more {
            // Two or more were asked for, from the last one that came on.
            Some(ListEnd::EmptyPage)
        } else if self.is_linked && next.is_none() && !total_is_of_list {
            Some(ListEnd::NoNextLink)
        } else if !asked.on_pages
            && !is_as_long_as_pages
            && total.is_none_or(|total| total <= after)
        {
            Some(ListEnd::AllAtOnce)
        } else if total_is_of_list && total.is_some_and(|total| after > far_beyond(total, asked)) {
            Some(ListEnd::FarBeyondTotal)
        } else {
            None
        };
        if let Some(end) = end {
            // A call may begin behind the end.
            let begins_behind = self.pages == 0 && content.places == 0;
            if let Some(total) = total
                && total_is_of_list
                && total != after
                && !(begins_behind && total < after)
            {
                drift.push(Drift::TotalDisagrees {
                    total,
                    counted: after,
                });
            }
            return Ok(Judgement {
                drops_first,
                came_again: again.unchanged,
                drops_all: false,
                then: Then::End(end),
                total: told,
                may_lack: self.may_lack(&drift, end, has_moved),
                drift,
            });
        }

        // What is no record cannot be told from another that is none either.
        let (last, is_record) = (content.place)(content.places - 1);
        let last_id = match Identity::of(last) {
            Identity::Id(id) if is_record => Some(id.into()),
            _ => None,
        };
        // A page of one place may come from a server that gives one at a time, so the next one goes
        // beyond it: an overlap would ask for the same offset, over and over where it is answered anew.
        let overlaps = asked.overlap && asked.limit > 1 && content.places > 1 && last_id.is_some();
        let before = match content.records {
            0 => PageBefore::Nothing,
            _ => PageBefore::Page((content.record)(0).clone()),
        };
        Ok(Judgement {
            drops_first,
            came_again: again.unchanged,
            drops_all: false,
            then: Then::Next {
                offset: after - u64::from(overlaps),
                cursor: Self {
                    pages: self.pages.saturating_add(1),
                    total,
                    total_is_of_list,
                    is_linked: next == Some(NextLink::At(after)),
                    last_id,
                    last_form: form(last),
                    overlaps,
                    may_be_whole: agrees && !leads_on && content.places < asked.limit,
                    before,
                    seen,
                },
            },
            total: told,
            may_lack: self.may_lack(&drift, None, has_moved),
            drift,
        })
    }

    /// Whether what was noticed at a page says that records may be missing that were in the list from its beginning.
    ///
    /// Those that are added push others down, which hides none. Where pages overlap and the border stands, none slipped over
    /// it, whatever the total says.
    fn may_lack(&self, drift: &[Drift], end: impl Into<Option<ListEnd>>, has_moved: bool) -> bool {
        end.into() == Some(ListEnd::FarBeyondTotal)
            || drift.iter().any(|drift| match *drift {
                Drift::Moved | Drift::LinkLeadsOn => true,
                Drift::TotalDisagrees { total, counted } => total > counted,
                Drift::TotalChanged { before, now } => now < before && !self.overlaps,
                Drift::Repeated => has_moved,
                Drift::NoRecord { .. } => false,
            })
    }

    /// Whether this is the last record of the page before.
    fn is_last(&self, record: &Record) -> bool {
        let id = self.last_id.as_deref();
        id.is_some_and(|id| Identity::of(record) == Identity::Id(id))
    }

    /// Whether records that were added pushed others further down and nothing else happened: the last record of the page
    /// before comes again as it was, and so do all that stand before it.
    fn is_pushed_down(&self, content: PageContent<'_>, again: &CameAgain) -> bool {
        let unchanged = again.unchanged.iter().copied();
        let mut pushed = unchanged
            .zip(0..)
            .take_while(|(index, place)| index == place);
        pushed.any(|(index, _)| self.is_last((content.record)(index)))
    }

    /// Which pages were seen, with this one.
    fn seen_with(
        &self,
        asked: Asked,
        content: PageContent<'_>,
        first: u64,
    ) -> Result<Seen, ResponseError> {
        if content.places <= first {
            return Ok(self.seen);
        }
        let mut hasher = DefaultHasher::new();
        let mut is_plain = true;
        for index in [first, content.places - 1] {
            let (at, is_record) = (content.place)(index);
            Identity::of(at).hash(&mut hasher);
            is_plain &= is_record;
        }
        // One `null` looks like any other, so the records within have to tell.
        if !is_plain && let Some(last) = content.records.checked_sub(1) {
            for index in [usize::try_from(first).unwrap_or(last).min(last), last] {
                Identity::of((content.record)(index)).hash(&mut hasher);
            }
        }
        (content.places - first).hash(&mut hasher);
        let page = Some(hasher.finish());
        if self.seen.contains(&page) {
            return Err(ResponseError::PageRepeated {
                offset: asked.offset,
            });
        }
        let [begin, between, _] = self.seen;
        let between = if self.pages.is_power_of_two() {
            page
        } else {
            between
        };
        Ok([begin.or(page), between, page])
    }
}

/// Whether a page may have been cut off there because pages are as long: what was asked for aside, they hold a round number
/// of records.
const fn is_usual_size(places: u64) -> bool {
    places > 0 && places.is_multiple_of(10)
}

/// How many records match, where the service says so.
fn total(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("x-total-count")?;
    value.to_str().ok()?.trim().parse().ok()
}
