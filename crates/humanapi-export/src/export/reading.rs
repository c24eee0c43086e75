//! One user's records of one kind, and their documents, read until all of them are there.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use humanapi_client::{Client, Error, UserData};
use humanapi_core::data::medical::{Ccd, Report};
use humanapi_core::data::{ListRecords, Operation, Raw, Record, ReportFormat, Route};
use humanapi_core::{ClientUserId, Drift, FlowError, ListEnd};
use jiff::Timestamp;

use super::error::ExportError;
use super::folder::Folder;
use super::manifest::BucketManifest;
use super::part::Ended;
use super::room::{Room, Share};
use super::spool::Spool;
use super::trouble::{NotAsked, Scope, Trouble, of_token};

/// A page or document that did not come for a reason that may pass is asked for so often in all.
pub(super) const TRIES: u32 = 4;
/// A list that changed while it was read is read so often in all.
pub(super) const READINGS: u32 = 4;
/// The largest page that the service gives.
const LARGEST_PAGE: u32 = 500;

/// What reading needs to know, whosever records they are.
pub(super) struct Reading {
    pub(super) client: Client,
    pub(super) since: Option<Timestamp>,
    /// In which form reports are read, where documents are wanted.
    pub(super) documents: Option<ReportFormat>,
    pub(super) ahead: usize,
    /// The memory that lists share.
    pub(super) room: Arc<Room>,
    /// Whether nothing may be in the folder that tells whose it is.
    pub(super) is_deidentified: bool,
    /// Where documents, and what does not fit there, wait.
    pub(super) folder: Option<Folder>,
}

/// The next thing to do.
pub(super) enum Job {
    /// A bucket begins, of which this is known beforehand.
    Begin(Box<BucketManifest>),
    Read(ListJob),
    /// The bucket ends.
    End,
}

/// Reads a user's records of one kind.
pub(super) struct ListJob {
    pub(super) user: ClientUserId,
    pub(super) route: &'static Route,
    pub(super) not_asked: Arc<NotAsked>,
}

/// What came of it.
pub(super) enum Done {
    Begin(Box<BucketManifest>),
    Read(Box<ListRead>),
    End,
}

/// What came of one list.
pub(super) struct ListRead {
    pub(super) user: ClientUserId,
    pub(super) route: &'static Route,
    pub(super) asked_again: u32,
    /// Whether the service was asked, and it was not known beforehand that nothing would come of it.
    pub(super) was_asked: bool,
    pub(super) not_asked: Arc<NotAsked>,
    pub(super) outcome: Result<Listed, Trouble>,
}

/// A list that was read to its end.
pub(super) struct Listed {
    pub(super) read_at: Timestamp,
    pub(super) records: Spool,
    pub(super) drift: Vec<Drift>,
    /// Whether the records that came may lack some that the list had from its beginning.
    pub(super) may_lack: bool,
    pub(super) documents: Vec<Document>,
}

/// One document that a list names.
pub(super) struct Document {
    pub(super) id: String,
    pub(super) outcome: Result<DocumentRead, Trouble>,
}

pub(super) struct DocumentRead {
    pub(super) file: Ended,
    pub(super) content_type: Option<String>,
}

/// What shows that a list moved while it was read, if anything does, so that it is read again. What is no record is no such
/// thing. Whether anything may be missing then is another question, see [`Listed::trouble`].
pub(super) fn moved(drift: &[Drift]) -> Option<Drift> {
    let mut drift = drift.iter().copied();
    drift.find(|drift| !matches!(drift, Drift::NoRecord { .. }))
}

impl Listed {
    /// Why records may be missing though it was read to its end: it moved in its last reading, too, and not in that others
    /// were added alone.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let drift = moved(&self.drift).filter(|_| self.may_lack);
        drift.map(|drift| Trouble::of(FlowError::from(drift).into()))
    }
}

/// How long a token is waited for that did not come at this reading, which is the first or a later one.
pub(super) fn pause(reading: u32) -> Duration {
    Duration::from_secs(4_u64.pow(reading - 1))
}

/// What it is called, such as `activities`.
pub(super) fn name(route: &Route) -> &'static str {
    route.name.strip_prefix("data.").unwrap_or(route.name)
}

/// Whether an export reads what is at a route.
pub(super) fn is_read(route: &Route) -> bool {
    matches!(route.operation, Operation::List | Operation::Single)
}

/// These routes, each once, in one order whatever the order in which they are named.
pub(super) fn in_order(routes: impl IntoIterator<Item = &'static Route>) -> Vec<&'static Route> {
    let mut routes: Vec<_> = routes.into_iter().collect();
    routes.sort_by_key(|route| route.name);
    routes.dedup_by_key(|route| route.name);
    routes
}

/// An error if one of these routes is none that an export reads.
pub(super) fn all_are_read(routes: &[&'static Route]) -> Result<(), ExportError> {
    match routes.iter().find(|route| !is_read(route)) {
        Some(route) => Err(ExportError::NotExported(route.name)),
        None => Ok(()),
    }
}

/// The time as a client's clock has it: what changes from here on may be missing from what is read.
pub(super) fn now(client: &Client) -> Timestamp {
    let now = Timestamp::try_from(client.now().wall());
    now.unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Reading {
    pub(super) async fn carry_out(
        &self,
        job: Job,
        share: &Arc<Share>,
    ) -> Result<Done, ExportError> {
        Ok(match job {
            Job::Begin(manifest) => Done::Begin(manifest),
            Job::End => Done::End,
            Job::Read(job) => Done::Read(Box::new(self.read(job, share).await?)),
        })
    }

    async fn read(&self, job: ListJob, share: &Arc<Share>) -> Result<ListRead, ExportError> {
        let ListJob {
            user,
            route,
            not_asked,
        } = job;
        let mut asked_again = 0;
        let beforehand = not_asked.find(&user, route);
        let was_asked = beforehand.is_none();
        let outcome = match beforehand {
            Some(trouble) => Err(trouble),
            None => self.list(&user, route, share, &mut asked_again).await?,
        };
        if let Err(trouble) = &outcome {
            not_asked.note_user(&user, trouble);
        }
        share.end();
        Ok(ListRead {
            user,
            route,
            asked_again,
            was_asked,
            not_asked,
            outcome,
        })
    }

    /// Asks for one record of a list, to see whether anything comes of it.
    pub(super) async fn ask(
        &self,
        user: &ClientUserId,
        route: &'static Route,
    ) -> Result<(), Trouble> {
        let user = self.client.user(user);
        let asked = match route.operation {
            Operation::Single => one(&user.data(), route).await.map(drop),
            _ => user.call(call(route).with_limit(1)).await.map(drop),
        };
        asked.map_err(Trouble::of)
    }

    pub(super) async fn list(
        &self,
        user: &ClientUserId,
        route: &'static Route,
        share: &Arc<Share>,
        asked_again: &mut u32,
    ) -> Result<Result<Listed, Trouble>, ExportError> {
        let mut before = None;
        for reading in 1.. {
            let read = match route.operation {
                Operation::Single => self.single(user, route, share).await,
                _ => {
                    let is_again = reading > 1;
                    self.pages(user, route, share, is_again, asked_again).await
                }
            };
            let mut listed = match read {
                Ok(listed) => listed,
                // What is no answer of the service's to this may have been spoilt on its way.
                Err(Stopped::Trouble(trouble))
                    if trouble.is_spoilt(route) && reading < READINGS =>
                {
                    *asked_again += 1;
                    if of_token(trouble.error.flow_error()) {
                        // For the broker the failure stands a while, and longer each time.
                        self.client.sleep(pause(reading)).await;
                    }
                    continue;
                }
                Err(Stopped::Trouble(trouble)) => return Ok(Err(trouble)),
                Err(Stopped::Disk(error)) => return Err(ExportError::Folder(error)),
            };
            // Whatever its total says of it, a list that comes again as it was stands still: there is nothing more to be had.
            let stands_still = !listed.has_gaps && listed.form.is_some() && listed.form == before;
            before = listed.form;
            if moved(&listed.drift).is_some() && !stands_still && reading < READINGS {
                *asked_again += 1;
                continue;
            }
            let ids = std::mem::take(&mut listed.ids);
            let mut documents = Vec::with_capacity(ids.len());
            for id in ids {
                let outcome = self.document(user, route, &id, asked_again).await?;
                documents.push(Document { id, outcome });
            }
            return Ok(Ok(Listed {
                read_at: listed.read_at,
                records: listed.records,
                drift: listed.drift,
                may_lack: listed.may_lack && !stands_still,
                documents,
            }));
        }
        unreachable!("the last reading returns")
    }

    /// Where what is raised of a list waits.
    pub(super) fn spool(&self, share: &Arc<Share>) -> Spool {
        // What was sent is never in a folder that tells of nobody, not even in a file without a name.
        let folder = self.folder.as_ref().filter(|_| !self.is_deidentified);
        Spool::new(share, folder.map(|folder| folder.work().to_owned()))
    }

    async fn pages(
        &self,
        user: &ClientUserId,
        route: &'static Route,
        share: &Arc<Share>,
        is_again: bool,
        asked_again: &mut u32,
    ) -> Result<Raised, Stopped> {
        let mut raised = Raised::begin(now(&self.client), self.spool(share));
        // Most lists are read once, and it would take a good part of what reading them does.
        let mut form = is_again.then(DefaultHasher::new);
        let mut call = call(route).with_limit(LARGEST_PAGE);
        let tells_changes = route.fields.iter().any(|field| field.name == "updatedAt");
        if let Some(since) = self.since.filter(|_| tells_changes) {
            // The service leaves out what changed in that very second.
            let before = since.saturating_sub(jiff::SignedDuration::from_secs(1));
            call = call.with_updated_since(before.unwrap_or(since));
        }
        let has_documents = self.documents.is_some() && self.has_documents(route);
        let mut pages = self
            .client
            .user(user)
            .call(call)
            .pages()
            .read_ahead(self.ahead);
        let mut failed = 0;
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if error.is_transient() && failed + 1 < TRIES => {
                    failed += 1;
                    *asked_again += 1;
                    continue;
                }
                Err(error) => return Err(Trouble::of(error).into()),
            };
            failed = 0;
            raised.may_lack |= page.may_lack_items;
            raised.has_gaps |= page.drift.contains(&Drift::Moved);
            // It was left there, and did not end.
            raised.has_gaps |= page.end == Some(ListEnd::FarBeyondTotal);
            raised.drift.extend(page.drift);
            let mut sent = page.items;
            sent.extend(page.odd);
            sent.sort_by_key(Record::index);
            for record in sent {
                let id = || record.field("id")?.read::<String>().ok();
                if has_documents && let Some(id) = id() {
                    raised.ids.push(id);
                }
                if let Some(form) = &mut form {
                    record.raw().hash(form);
                }
                raised.records.push(record)?;
            }
        }
        raised.form = form.map(|form| form.finish());
        Ok(raised)
    }

    async fn single(
        &self,
        user: &ClientUserId,
        route: &'static Route,
        share: &Arc<Share>,
    ) -> Result<Raised, Stopped> {
        let read_at = now(&self.client);
        let data = self.client.user(user).data();
        let record = one(&data, route).await.map_err(Trouble::of)?;
        let mut records = self.spool(share);
        if let Some(record) = record {
            records.push(record)?;
        }
        Ok(Raised::begin(read_at, records))
    }

    fn has_documents(&self, route: &Route) -> bool {
        self.folder.is_some() && may_have_documents(route)
    }

    async fn document(
        &self,
        user: &ClientUserId,
        route: &'static Route,
        id: &str,
        asked_again: &mut u32,
    ) -> Result<Result<DocumentRead, Trouble>, ExportError> {
        for tries in 1.. {
            match self.download(user, route, id).await {
                Ok(read) => return Ok(Ok(read)),
                Err(Stopped::Disk(error)) => return Err(ExportError::Folder(error)),
                Err(Stopped::Trouble(trouble)) => {
                    if trouble.scope != Scope::Passing || tries >= TRIES {
                        return Ok(Err(trouble));
                    }
                    *asked_again += 1;
                }
            }
        }
        unreachable!("the last try returns")
    }

    /// One document into a file, whole or not at all.
    async fn download(
        &self,
        user: &ClientUserId,
        route: &'static Route,
        id: &str,
    ) -> Result<DocumentRead, Stopped> {
        let folder = self.folder.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let user = self.client.user(user);
        let opened = match name(route) {
            "ccds" => user.call(Raw::<Ccd>::new(id)).open().await,
            _ => {
                let format = self.documents.unwrap_or(ReportFormat::Json);
                user.call(Raw::<Report>::new(id, format)).open().await
            }
        };
        let mut download = opened.map_err(Trouble::of)?;
        let content_type = download.content_type().map(str::to_owned);
        let mut part = folder.begin()?;
        while let Some(piece) = download.next().await {
            // A copy into the system's memory, which is quicker than a thread is asked. Where that memory is full it waits, as
            // a list in a file does: nothing is to be read then that has nowhere to go.
            part.write_all(&piece.map_err(Trouble::of)?)?;
        }
        let file = part.end_async().await?;
        Ok(DocumentRead { file, content_type })
    }
}

/// Whether its records name documents.
pub(super) fn may_have_documents(route: &Route) -> bool {
    matches!(name(route), "ccds" | "reports")
}

fn call(route: &'static Route) -> ListRecords {
    ListRecords::new(route).expect("an export reads lists, and singles by another way")
}

/// What was raised of a list.
struct Raised {
    read_at: Timestamp,
    records: Spool,
    drift: Vec<Drift>,
    /// Whether the records that came may lack some that the list had from its beginning.
    may_lack: bool,
    /// Whether that is so however often it comes as it was: pages did not meet, or not all were read.
    has_gaps: bool,
    /// All records in their order, as a hash, where the list is read again.
    form: Option<u64>,
    /// Whose documents there are.
    ids: Vec<String>,
}

impl Raised {
    const fn begin(read_at: Timestamp, records: Spool) -> Self {
        Self {
            read_at,
            records,
            drift: Vec::new(),
            may_lack: false,
            has_gaps: false,
            form: None,
            ids: Vec::new(),
        }
    }
}

/// Why a list was not read on.
enum Stopped {
    Trouble(Trouble),
    Disk(io::Error),
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<io::ErrorKind> for Stopped {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Disk(kind.into())
    }
}

/// What a user has one of.
async fn one(data: &UserData, route: &Route) -> Result<Option<Record>, Error> {
    Ok(match name(route) {
        "profile" => Some((*data.profile().await?).clone()),
        "medical_profile" => data
            .medical_profile()
            .await?
            .map(|profile| (*profile).clone()),
        _ => Some((*data.summary().await?).clone()),
    })
}
