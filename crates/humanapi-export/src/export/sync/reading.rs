//! One user's list, read from where it was read up to, and what of it is new, changed or gone.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use humanapi_client::{CursorName, Error, ErrorKind};
use humanapi_core::data::{ChangeRecords, Operation, PassEnd, ROUTES, ReadRecord, Record, Route};
use humanapi_core::{ApiErrorKind, ClientUserId, Drift};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::RwLock;

use super::super::error::ExportError;
use super::super::reading::{READINGS, Reading, TRIES, moved, now, pause};
use super::super::room::Share;
use super::super::thread::gone;
use super::super::trouble::{NotAsked, Scope, Trouble, of_token};
use super::cursor::{BOUNDARY, Cursor, PassRead, Unread, kind};
use super::gathered::{Changes, Gathered, How};
use super::known::Known;
use super::line::can_be_asked_for;

/// So many records that a full pass did not meet are asked for one by one; if there are more, all is read once more, and so
/// many of them are asked for.
const MOST_ASKED: usize = 20;

/// What reading needs to know, whosever list it is.
pub(super) struct SyncReading {
    pub(super) reading: Arc<Reading>,
    pub(super) lag: Duration,
    pub(super) full_every: SignedDuration,
    /// What waits for the disk reads with it, and whoever writes waits for all of that.
    pub(super) at_work: Arc<RwLock<()>>,
}

/// Reads one list.
pub(super) struct SyncJob {
    pub(super) user: ClientUserId,
    pub(super) name: CursorName,
    pub(super) route: &'static Route,
    pub(super) cursor: Cursor,
    pub(super) known: Arc<Known>,
    pub(super) not_asked: Arc<NotAsked>,
}

/// What came of it.
pub(super) struct ListSynced {
    pub(super) user: ClientUserId,
    pub(super) route: &'static Route,
    pub(super) asked_again: u32,
    /// Whether the service was asked, and it was not known beforehand that nothing would come of it.
    pub(super) was_asked: bool,
    pub(super) outcome: Result<Synced, Trouble>,
    /// As it is now, or was before if nothing came of it.
    pub(super) cursor: Cursor,
}

/// A list as it was read.
pub(super) struct Synced {
    pub(super) read_at: Timestamp,
    pub(super) changes: Changes,
    pub(super) deleted: Vec<String>,
    pub(super) drift: Vec<Drift>,
    /// Files of the folder that it had to be compared with and that are damaged: what is new of it is here,
    pub(super) damaged: BTreeSet<String>,
    /// and what is gone may not be, though it was read as a whole.
    pub(super) may_lack_deletions: bool,
}

/// What was raised of a list, over one reading or several.
struct Raised {
    read_at: Timestamp,
    gathered: Gathered,
    drift: Vec<Drift>,
    /// How a pass over changes ended; nothing where the list does not tell changes.
    end: Option<PassEnd>,
    /// When each record had changed that the pass told and remembers.
    told: Vec<Timestamp>,
    /// Whether all that changed came.
    is_settled: bool,
    /// Whether what did not come is not there.
    proves: bool,
}

impl SyncReading {
    /// Waits until nothing is at work any more in the folder. What is at work stays so where nobody waits for it.
    pub(super) async fn end(&self) {
        drop(self.at_work.write().await);
    }

    /// Runs what waits for the disk where it keeps nobody else from running.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, ExportError> {
        let at_work = Arc::clone(&self.at_work).read_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(at_work);
            done
        });
        let done = done.await.map_err(|_| gone());
        done.and_then(|done| done).map_err(ExportError::Folder)
    }

    pub(super) async fn carry_out(
        &self,
        job: SyncJob,
        share: Arc<Share>,
    ) -> Result<ListSynced, ExportError> {
        let SyncJob {
            user,
            name,
            route,
            mut cursor,
            known,
            not_asked,
        } = job;
        let mut asked_again = 0;
        let beforehand = not_asked.find(&user, route);
        let was_asked = beforehand.is_none();
        let outcome = match beforehand {
            Some(trouble) => Err(trouble),
            None => {
                let list = List {
                    user: &user,
                    name,
                    route,
                    known,
                    share: Arc::clone(&share),
                };
                self.list(&list, &mut cursor, &mut asked_again).await?
            }
        };
        if let Err(trouble) = &outcome {
            cursor.unread = Some(match trouble.scope {
                Scope::Refused | Scope::User => Unread::Refused,
                Scope::Passing | Scope::Application => Unread::Failed,
            });
            not_asked.note_user(&user, trouble);
        }
        share.end();
        Ok(ListSynced {
            user,
            route,
            asked_again,
            was_asked,
            outcome,
            cursor,
        })
    }

    async fn list(
        &self,
        list: &List<'_>,
        cursor: &mut Cursor,
        asked_again: &mut u32,
    ) -> Result<Result<Synced, Trouble>, ExportError> {
        let route = list.route;
        let tells_changes = ChangeRecords::new(route, None).is_some();
        let began = now(&self.reading.client);
        let is_due = cursor.is_due(began, self.full_every, list.name, kind(route));
        // Without a moment a pass reads everything, too.
        let since = cursor.watermark(route);
        let since = since.filter(|since| !is_due && since.moment().is_some());
        let is_whole = since.is_none();
        // What changed before that was not asked for: the pass before had no reason to remember it.
        let began_since = since.as_ref().and_then(|since| since.moment());
        let asked_since = began_since.map(|since| {
            let back = SignedDuration::try_from(self.lag.saturating_add(BOUNDARY));
            let since = back.ok().and_then(|back| since.checked_sub(back).ok());
            since.unwrap_or(Timestamp::MIN)
        });
        let raised = match tells_changes {
            true => {
                let pass = ChangeRecords::new(route, since).expect("the list tells changes");
                let pass = pass.with_lag(self.lag);
                let remembers = match is_whole {
                    true => Some(Timestamp::MIN),
                    false => asked_since.filter(|_| !cursor.may_repeat(self.lag)),
                };
                self.pass(list, pass, remembers, asked_again).await?
            }
            false => self.all(list, asked_again).await?,
        };
        let raised = match raised {
            Ok(raised) => raised,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let before = cursor.fingerprint;
        let (empty, known) = (self.reading.spool(&list.share), Arc::clone(&list.known));
        let user = list.user.as_str().to_owned();
        let Raised {
            read_at,
            gathered,
            drift,
            end,
            told,
            is_settled,
            mut proves,
        } = raised;
        let settled = self.blocking(move || {
            let how = match is_whole {
                // Where a file is damaged, it is compared, be it as it was: what the file told is told once more.
                true if before.is_none() || known.are_whole()? => How::Whole(before),
                true => How::Whole(None),
                false => How::Changes,
            };
            gathered.settle(&how, empty, || known.of(&user))
        });
        let settled = settled.await?;
        let is_known = settled.damaged.is_empty();
        let mut deleted = settled.missing;
        if !proves {
            deleted.clear();
        }
        if !deleted.is_empty() {
            proves &= self.confirm(list, &mut deleted, asked_again).await?;
        }
        let changed = !settled.changes.ids.is_empty();
        cursor.fingerprint = match is_whole {
            // What is known and may be there or not is asked about again.
            true => settled.fingerprint.filter(|_| proves && is_known),
            false => cursor.fingerprint.filter(|_| !changed),
        };
        let watermark = end.as_ref().map(|end| &end.watermark);
        cursor.read(&PassRead {
            began: read_at,
            since: began_since,
            watermark,
            is_settled,
            is_of_everything: is_whole,
            is_whole: is_whole && proves && is_known,
            lag: self.lag,
            told: &told,
        });
        // A pass over changes tells of no deletion, be what was written damaged or not.
        let may_lack_deletions = is_whole && !is_known;
        if may_lack_deletions {
            // It is read as a whole again and again, until what is gone of it can be told.
            cursor.unread = Some(Unread::Failed);
        }
        Ok(Ok(Synced {
            read_at,
            changes: settled.changes,
            deleted,
            drift,
            damaged: settled.damaged,
            may_lack_deletions,
        }))
    }

    /// A list whose records do not tell when they changed, and what a user has one of.
    async fn all(
        &self,
        list: &List<'_>,
        asked_again: &mut u32,
    ) -> Result<Result<Raised, Trouble>, ExportError> {
        let share = &list.share;
        let listed = self.reading.list(list.user, list.route, share, asked_again);
        let listed = match listed.await? {
            Ok(listed) => listed,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let mut gathered = Gathered::new(list.route, self.reading.spool(&list.share), false);
        let is_settled = !listed.may_lack;
        let (fields, read_at, drift) = (list.route.fields, listed.read_at, listed.drift);
        let records = listed.records;
        let gathered = self.blocking(move || {
            for record in records.into_records(fields)? {
                gathered.push(record?, true)?;
            }
            Ok(gathered)
        });
        Ok(Ok(Raised {
            read_at,
            gathered: gathered.await?,
            is_settled,
            proves: is_settled,
            drift,
            end: None,
            told: Vec::new(),
        }))
    }

    /// A pass over what changed, or over everything; again from its beginning if something was wrong with it. From the
    /// moment `remembers` on, it leaves out what was told.
    async fn pass(
        &self,
        list: &List<'_>,
        pass: ChangeRecords,
        remembers: Option<Timestamp>,
        asked_again: &mut u32,
    ) -> Result<Result<Raised, Trouble>, ExportError> {
        for reading in 1.. {
            let read = self
                .pages(list, pass.clone(), remembers, asked_again)
                .await?;
            match read {
                Err(trouble) if trouble.is_spoilt(list.route) && reading < READINGS => {
                    if of_token(trouble.error.flow_error()) {
                        // For the broker the failure stands a while, and longer each time.
                        self.reading.client.sleep(pause(reading)).await;
                    }
                }
                Ok(raised) if moved(&raised.drift).is_some() && reading < READINGS => {}
                read => return Ok(read),
            }
            *asked_again += 1;
        }
        unreachable!("the last reading returns")
    }

    async fn pages(
        &self,
        list: &List<'_>,
        pass: ChangeRecords,
        remembers: Option<Timestamp>,
        asked_again: &mut u32,
    ) -> Result<Result<Raised, Trouble>, ExportError> {
        let client = &self.reading.client;
        let read_at = now(client);
        // From the beginning on a pass leaves nothing out.
        let leaves_out = remembers != Some(Timestamp::MIN);
        let mut gathered = Gathered::new(list.route, self.reading.spool(&list.share), leaves_out);
        let (mut drift, mut told) = (Vec::new(), Vec::new());
        let mut next = pass;
        let mut failed = 0;
        loop {
            let page = match client.user(list.user).call(next.clone()).await {
                Ok(page) => page,
                Err(error) if error.is_transient() && failed + 1 < TRIES => {
                    failed += 1;
                    *asked_again += 1;
                    continue;
                }
                Err(error) => return Ok(Err(Trouble::of(error))),
            };
            failed = 0;
            drift.extend(page.drift);
            let of_odd = page.odd.into_iter().map(|odd| (odd, false));
            let records = page.records.into_iter().map(|record| {
                let at = remembered(&record, list.route);
                told.extend(at);
                let is_remembered = remembers.is_some_and(|from| at.is_some_and(|at| at >= from));
                (record, is_remembered)
            });
            let mut sent: Vec<(Record, bool)> = records.chain(of_odd).collect();
            sent.sort_by_key(|(record, _)| record.index());
            if page.begins_again {
                // What comes of this page may be newer than what came before it.
                gathered.moved();
            }
            for (record, remembered) in sent {
                let pushed = gathered.push(record, remembered);
                pushed.map_err(ExportError::Folder)?;
            }
            match (page.next, page.end) {
                (Some(after), _) => next = after,
                (None, end) => {
                    let is_settled = end.as_ref().is_some_and(|end| end.is_settled);
                    let whole = is_settled && end.as_ref().is_some_and(|end| end.is_of_everything);
                    return Ok(Ok(Raised {
                        read_at,
                        gathered,
                        told,
                        is_settled,
                        proves: whole && moved(&drift).is_none(),
                        drift,
                        end,
                    }));
                }
            }
        }
    }

    /// Takes out of what did not come what is there all the same, and says whether nothing was: a list that moves can hide
    /// a record that nobody deleted. Where there is much of it, or none of it can be asked for, the list is read once more.
    async fn confirm(
        &self,
        list: &List<'_>,
        missing: &mut Vec<String>,
        asked_again: &mut u32,
    ) -> Result<bool, ExportError> {
        let before = missing.len();
        let mut by_id = ROUTES.iter();
        let by_id =
            by_id.find(|route| route.operation == Operation::ById && route.name == list.route.name);
        // What was called after what it holds, or stood beside another of its id, has none to be asked for.
        let cannot_be_asked_for = by_id.is_none() || missing.iter().any(|id| !can_be_asked_for(id));
        if before > MOST_ASKED || cannot_be_asked_for {
            let pass = ChangeRecords::new(list.route, None);
            let raised = match pass {
                Some(pass) => {
                    let remembers = Some(Timestamp::MIN);
                    self.pass(list, pass, remembers, asked_again).await?
                }
                None => self.all(list, asked_again).await?,
            };
            match raised {
                Ok(raised) if raised.proves => missing.retain(|id| !raised.gathered.has(id)),
                _ => missing.clear(),
            }
        }
        let Some(by_id) = by_id else {
            return Ok(missing.len() == before);
        };
        if missing.len() > MOST_ASKED {
            // Some, from the first to the last: where one of them is there, the list hides what it has.
            let step = missing.len().div_ceil(MOST_ASKED);
            let ids = missing.iter().filter(|id| can_be_asked_for(id));
            for id in ids.step_by(step) {
                if !self.is_gone(list, by_id, id, asked_again).await {
                    missing.clear();
                    return Ok(false);
                }
            }
            return Ok(missing.len() == before);
        }
        let mut gone = Vec::new();
        for id in missing.drain(..) {
            if !can_be_asked_for(&id) || self.is_gone(list, by_id, &id, asked_again).await {
                gone.push(id);
            }
        }
        *missing = gone;
        Ok(missing.len() == before)
    }

    async fn is_gone(
        &self,
        list: &List<'_>,
        by_id: &'static Route,
        id: &str,
        asked_again: &mut u32,
    ) -> bool {
        for tries in 1.. {
            let Some(call) = ReadRecord::new(by_id, id) else {
                return true;
            };
            match self.reading.client.user(list.user).call(call).await {
                Ok(_) => return false,
                Err(error) if error.is_transient() && tries < TRIES => *asked_again += 1,
                Err(error) => return tells_gone(&error),
            }
        }
        unreachable!("the last try returns")
    }
}

/// Whose list of what.
struct List<'j> {
    user: &'j ClientUserId,
    name: CursorName,
    route: &'static Route,
    known: Arc<Known>,
    share: Arc<Share>,
}

fn tells_gone(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Api(ApiErrorKind::NotFound) | ErrorKind::InvalidInput
    )
}

/// When a record had changed, if a pass can tell that it told the record before: by its id, and by that moment.
fn remembered(record: &Record, route: &Route) -> Option<Timestamp> {
    let has_ids = route.fields.iter().any(|field| field.name == "id");
    let has_id = has_ids && record.field("id")?.raw() != b"null";
    let updated = record.field("updatedAt")?;
    // What is no text tells no moment to it.
    let is_told = has_id && updated.raw().starts_with(b"\"");
    let dates = updated.dates();
    dates.first()?.moment().filter(|_| is_told)
}

#[cfg(test)]
mod tests;
