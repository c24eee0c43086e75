//! Exports that keep no folder: a stream of one kind of record, and how good all records are.

#[cfg(feature = "ucum")]
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;

use futures_core::Stream;
use humanapi_core::ClientUserId;
use tokio::sync::mpsc;

use super::carrying_out::carry_out;
use super::error::ExportError;
use super::event::{Event, Summary};
use super::jobs::Jobs;
use super::key::BucketKey;
use super::output::Output;
use super::reading::{Done, ListRead, name};
use super::thread;
use super::users::Buckets;
use super::{BUCKETS, Export};
#[cfg(feature = "ucum")]
use crate::quality::{DataReport, Quality};
#[cfg(feature = "ucum")]
use crate::row::{Row, User};

impl Export {
    /// Writes the records of one resource as a stream, in the order of buckets and of users in them, until all is there or
    /// `stop` ends. Nothing is kept of it: the same export again begins anew.
    ///
    /// # Errors
    ///
    /// When it cannot be gone on with, and when more than one resource is asked for.
    pub async fn write_to<S>(
        mut self,
        users: S,
        writer: impl Write + Send + 'static,
        stop: impl Future<Output = ()>,
    ) -> Result<Summary, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        self.check()?;
        let &[route] = self.routes.as_slice() else {
            return Err(ExportError::Kinds(self.routes.len()));
        };
        let (mut summary, taken) = self
            .read_through(users, stop, move |output, mut done| {
                let mut table = output.begin(route, writer)?;
                while let Some(next) = done.blocking_recv() {
                    if let Done::Read(list) = next
                        && let ListRead { user, outcome, .. } = *list
                        && let Ok(listed) = outcome
                    {
                        table.write(&user, listed.read_at, listed.records)?;
                    }
                }
                table.finish()
            })
            .await?;
        summary.add(name(route), &taken);
        Ok(summary)
    }

    /// Reads all that there is, until `stop` ends, writes nothing, and tells how good it is.
    ///
    /// # Errors
    ///
    /// When it cannot be gone on with.
    #[cfg(feature = "ucum")]
    pub async fn report<S>(
        mut self,
        users: S,
        stop: impl Future<Output = ()>,
    ) -> Result<(Summary, DataReport), ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        self.check()?;
        let of = self.routes.iter();
        let mut of: BTreeMap<_, _> = of
            .map(|route| (route.name, Quality::new(name(route), route.fields)))
            .collect();
        let read = self.read_through(users, stop, move |_, mut done| {
            // Whose it is says nothing of how good it is.
            let nobody = User::new("");
            while let Some(next) = done.blocking_recv() {
                let Done::Read(list) = next else { continue };
                let ListRead { route, outcome, .. } = *list;
                let (Ok(listed), Some(quality)) = (outcome, of.get_mut(route.name)) else {
                    continue;
                };
                quality.note_drifted(u64::from(!listed.drift.is_empty()));
                let records = listed.records.into_records(route.fields);
                for record in records.map_err(ExportError::Folder)? {
                    let record = record.map_err(ExportError::Folder)?;
                    quality.note(&Row::new(&nobody, listed.read_at, &record));
                }
            }
            Ok(of)
        });
        let (summary, of) = read.await?;
        let report = DataReport::new(summary.users, of.values());
        Ok((summary, report))
    }

    /// Reads all lists in the order of buckets and of users in them, and hands them to `take`, on a thread that may wait.
    async fn read_through<S, T: Send + 'static>(
        mut self,
        users: S,
        stop: impl Future<Output = ()>,
        take: impl FnOnce(&Output, mpsc::Receiver<Done>) -> Result<T, ExportError> + Send + 'static,
    ) -> Result<(Summary, T), ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        let own_key = self.key.take().or_else(|| self.output.bucket_key());
        let key = match own_key {
            Some(key) => key,
            None => BucketKey::draw().map_err(ExportError::Folder)?,
        };
        let buckets = self.buckets.unwrap_or(BUCKETS);
        let mut stop = pin!(stop);
        let set_apart = Buckets::of(users, &key, buckets, self.shard, None, stop.as_mut());
        let buckets = set_apart.await?;
        let (send, done) = mpsc::channel(2);
        let reading = Arc::new(self.reading(None));
        let output = Arc::new(self.output);
        let of_taker = Arc::clone(&output);
        let taker = thread::begin(move || take(&of_taker, done))?;
        let mut summary = Summary::default();
        let Some(buckets) = buckets else {
            drop(send);
            let taken = taker.end().await.and_then(|taken| taken);
            summary.stopped = true;
            return Ok((summary, taken.map_err(ExportError::in_temporary)?));
        };
        let jobs = Jobs::new(&self.routes, &output, &buckets, None, false);
        let events = &mut *self.on_event;
        let mut on_written = |_: &mut Summary, _: &mut dyn FnMut(Event)| {};
        let read = carry_out(
            jobs,
            reading,
            self.at_once,
            send,
            stop,
            &mut summary,
            events,
            &mut on_written,
        );
        let read = read.await;
        // There is no folder but that for temporary files.
        let taken = taker.end().await.and_then(|taken| taken);
        let taken = taken.map_err(ExportError::in_temporary)?;
        read.map_err(ExportError::in_temporary)?;
        Ok((summary, taken))
    }
}
