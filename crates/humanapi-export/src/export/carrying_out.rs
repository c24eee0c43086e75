//! Reading so many lists at once, and handing on what came of them in its order.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::error::ExportError;
use super::event::{Event, Summary};
use super::failures::Failures;
use super::jobs::{Jobs, Planned};
use super::reading::{Done, Job, ListRead, Reading, name};
use super::stop::unless_stopped;
use super::trouble::{Scope, Trouble};

/// Notes what was written meanwhile.
pub(super) type OnWritten<'a> = dyn FnMut(&mut Summary, &mut dyn FnMut(Event)) + 'a;

/// Reads what is to be read, so many at once, and hands it on in its order, until all is done or `stop` ends.
#[expect(clippy::too_many_arguments, reason = "it is what two exports share")]
pub(super) async fn carry_out(
    jobs: Jobs<'_>,
    reading: Arc<Reading>,
    at_once: usize,
    send: mpsc::Sender<Done>,
    stop: impl Future<Output = ()>,
    summary: &mut Summary,
    events: &mut dyn FnMut(Event),
    on_written: &mut OnWritten<'_>,
) -> Result<(), ExportError> {
    let mut stop = pin!(stop);
    let buckets = jobs.buckets();
    summary.users = buckets.users();
    events(Event::Planned {
        users: summary.users,
        lists: summary.users * jobs.routes().len() as u64,
    });
    let mut failures = Failures::new(Arc::clone(&reading), buckets, jobs.routes(), at_once);
    let room = Arc::clone(&reading.room);
    let jobs = stream::unfold((jobs.peekable(), room), async |(mut jobs, room)| {
        let share = room.begin().await;
        let mut together = vec![jobs.next()?];
        // Where a bucket begins and ends takes no list's place. No more than one begins or is passed over here: who is to
        // stop is asked between them.
        while together.last().is_some_and(goes_on)
            && let Some(next) = jobs.next_if(|next| !is_list(next))
        {
            together.push(next);
        }
        Some(((together, share), (jobs, room)))
    });
    let done = jobs.map(|(jobs, share)| {
        let reading = Arc::clone(&reading);
        async move {
            let mut done = Vec::with_capacity(jobs.len());
            for job in jobs {
                // What came before an error is handed on all the same: it may be what ends a bucket.
                done.push(match job {
                    Ok(Planned::Job(job)) => reading.carry_out(job, &share).await.map(Planned::Job),
                    Ok(Planned::Skip { bucket, lists }) => Ok(Planned::Skip { bucket, lists }),
                    Err(error) => Err(error),
                });
            }
            done
        }
    });
    let mut done = pin!(done.buffered(at_once));
    loop {
        let Some(next) = unless_stopped(stop.as_mut(), done.next()).await else {
            summary.stopped = true;
            return Ok(());
        };
        let Some(together) = next else {
            summary.whole = summary.failed.is_empty();
            return Ok(());
        };
        for next in together {
            let next = match next? {
                Planned::Skip { bucket, lists } => {
                    summary.skipped += 1;
                    events(Event::Skipped { bucket, lists });
                    continue;
                }
                Planned::Job(next) => next,
            };
            if let Done::Read(list) = &next {
                tell(list, summary, events);
                if list.was_asked {
                    let trouble = list.outcome.as_ref().err();
                    let noted = failures.note(&list.user, list.route, trouble, &list.not_asked);
                    let Some(noted) = unless_stopped(stop.as_mut(), noted).await else {
                        summary.stopped = true;
                        return Ok(());
                    };
                    noted?;
                }
            }
            if send.send(next).await.is_err() {
                // Who writes has failed, and tells why.
                return Ok(());
            }
            on_written(summary, events);
        }
    }
}

/// Whether this waits for the service.
fn is_list(planned: &Result<Planned<Job>, ExportError>) -> bool {
    matches!(planned, Ok(Planned::Job(Job::Read(_))))
}

/// Whether no bucket has begun or been passed over with it.
fn goes_on(planned: &Result<Planned<Job>, ExportError>) -> bool {
    matches!(planned, Ok(Planned::Job(Job::Read(_) | Job::End)))
}

/// Counts and tells what came of one list.
fn tell(list: &ListRead, summary: &mut Summary, events: &mut dyn FnMut(Event)) {
    let resource = name(list.route);
    if list.asked_again > 0 {
        summary.asked_again += u64::from(list.asked_again);
        let times = list.asked_again;
        events(Event::AskedAgain { resource, times });
    }
    let (refused, failed) = (&mut summary.refused, &mut summary.failed);
    let mut missing =
        |trouble: &Trouble, is_document| missing(trouble, resource, is_document, refused, failed);
    match &list.outcome {
        Err(trouble) => events(missing(trouble, false)),
        Ok(listed) => {
            if let Some(trouble) = listed.trouble() {
                events(missing(&trouble, false));
            }
            for document in &listed.documents {
                if let Err(trouble) = &document.outcome {
                    events(missing(trouble, true));
                }
            }
            let read = listed.documents.iter().filter(|one| one.outcome.is_ok());
            summary.documents += read.count() as u64;
            summary.drifted += u64::from(!listed.drift.is_empty());
            for drift in &listed.drift {
                events(Event::Drifted {
                    resource,
                    drift: *drift,
                });
            }
            let (records, bytes) = (listed.records.count(), listed.records.bytes());
            summary.records += records;
            summary.bytes += bytes;
            events(Event::Read {
                resource,
                records,
                bytes,
            });
        }
    }
}

/// Counts and tells what is not there, or may not be.
pub(super) fn missing(
    trouble: &Trouble,
    resource: &'static str,
    is_document: bool,
    refused: &mut BTreeMap<&'static str, u64>,
    failed: &mut BTreeMap<&'static str, u64>,
) -> Event {
    let reason = trouble.reason();
    match trouble.scope {
        Scope::Refused | Scope::User => {
            *refused.entry(reason).or_default() += 1;
            Event::Refused {
                resource,
                is_document,
                reason,
            }
        }
        Scope::Passing | Scope::Application => {
            *failed.entry(reason).or_default() += 1;
            Event::Failed {
                resource,
                is_document,
                reason,
            }
        }
    }
}
