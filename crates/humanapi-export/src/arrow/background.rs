//! Batches that are written in the background, while the next rows are gathered.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use arrow_array::RecordBatch;

use super::batches::Batches;
use crate::error::WriteError;

/// So many batches wait while one is written: each is as much memory as a gathered one.
const WAITING: usize = 1;

/// Writes batches on a thread of its own. A file that ends with its first batch begins none.
pub(crate) struct InBackground<B> {
    /// Until a thread has it.
    batches: Option<B>,
    thread: Option<Thread>,
}

/// What the thread does next. Where nothing comes any more and the end was not asked for, the file is given up.
enum Next {
    Write(RecordBatch),
    Finish(Option<RecordBatch>),
}

struct Thread {
    send: Option<SyncSender<Next>>,
    ended: Option<JoinHandle<Result<(), WriteError>>>,
}

impl<B> InBackground<B> {
    pub(super) const fn new(batches: B) -> Self {
        Self {
            batches: Some(batches),
            thread: None,
        }
    }

    fn tell(&mut self, next: Next) -> Result<(), WriteError> {
        match &mut self.thread {
            Some(thread) => thread.tell(next),
            // Its beginning failed, or it has ended.
            None => Err(WriteError::Io(std::io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl<B: Batches + 'static> Batches for InBackground<B> {
    fn write(&mut self, batch: RecordBatch) -> Result<(), WriteError> {
        if let Some(batches) = self.batches.take() {
            self.thread = Some(Thread::begin(batches)?);
        }
        self.tell(Next::Write(batch))
    }

    fn finish(&mut self, last: Option<RecordBatch>) -> Result<(), WriteError> {
        if let Some(mut batches) = self.batches.take() {
            return batches.finish(last);
        }
        self.tell(Next::Finish(last))?;
        self.thread.take().map_or(Ok(()), |mut thread| thread.end())
    }
}

impl Thread {
    fn begin<B: Batches + 'static>(batches: B) -> Result<Self, WriteError> {
        let (send, next) = sync_channel(WAITING);
        let thread = Builder::new().name("humanapi-encode".to_owned());
        let ended = thread.spawn(move || write_all(batches, &next))?;
        Ok(Self {
            send: Some(send),
            ended: Some(ended),
        })
    }

    fn tell(&mut self, next: Next) -> Result<(), WriteError> {
        let sent = self.send.as_ref().map(|send| send.send(next));
        match sent {
            Some(Ok(())) => Ok(()),
            // It has ended before it was told to, and says why, once.
            _ => {
                self.end()?;
                Err(WriteError::Io(std::io::ErrorKind::BrokenPipe.into()))
            }
        }
    }

    /// Waits until it has written what it was told to.
    fn end(&mut self) -> Result<(), WriteError> {
        self.send = None;
        match self.ended.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => resume_unwind(panic),
            None => Ok(()),
        }
    }
}

/// Nobody writes to the file any more once this is gone.
impl Drop for Thread {
    fn drop(&mut self) {
        self.send = None;
        if let Some(ended) = self.ended.take() {
            // Whoever gives a file up does not ask what became of it.
            let _ = ended.join();
        }
    }
}

fn write_all(mut batches: impl Batches, next: &Receiver<Next>) -> Result<(), WriteError> {
    for next in next {
        match next {
            Next::Write(batch) => batches.write(batch)?,
            Next::Finish(last) => return batches.finish(last),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::thread::{self, ThreadId};

    use arrow_array::RecordBatchOptions;
    use arrow_schema::Schema;

    use super::*;

    /// What was told, of how many rows, on which thread.
    type Told = (&'static str, usize, ThreadId);

    /// Notes what it is told, and fails at the batch of so many rows.
    struct Noted {
        told: Arc<Mutex<Vec<Told>>>,
        fails_at: usize,
    }

    impl Noted {
        fn note(&self, what: &'static str, rows: usize) -> Result<(), WriteError> {
            let here = thread::current().id();
            self.told.lock().unwrap().push((what, rows, here));
            match rows == self.fails_at {
                true => Err(WriteError::Io(io::ErrorKind::StorageFull.into())),
                false => Ok(()),
            }
        }
    }

    impl Batches for Noted {
        fn write(&mut self, batch: RecordBatch) -> Result<(), WriteError> {
            self.note("write", batch.num_rows())
        }

        fn finish(&mut self, last: Option<RecordBatch>) -> Result<(), WriteError> {
            self.note("finish", last.map_or(0, |last| last.num_rows()))
        }
    }

    impl Drop for Noted {
        fn drop(&mut self) {
            let _ = self.note("gone", usize::MAX);
        }
    }

    fn batch(rows: usize) -> RecordBatch {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap()
    }

    /// Writes batches of one row, two rows and so on, then ends the file or gives it up. Tells what came of it, what was
    /// told, and by how many other threads.
    fn written(
        batches: usize,
        fails_at: usize,
        ends: bool,
    ) -> (Result<(), WriteError>, Vec<(&'static str, usize)>, usize) {
        let told = Arc::default();
        let mut writing = InBackground::new(Noted {
            told: Arc::clone(&told),
            fails_at,
        });
        let mut outcome = (1..=batches).try_for_each(|rows| writing.write(batch(rows)));
        if ends && outcome.is_ok() {
            outcome = writing.finish(Some(batch(100)));
        }
        drop(writing);
        let told = std::mem::take(&mut *told.lock().unwrap());
        let mut others: Vec<_> = told.iter().map(|(_, _, thread)| *thread).collect();
        others.retain(|thread| *thread != thread::current().id());
        others.dedup();
        let told = told.into_iter().map(|(what, rows, _)| (what, rows));
        (outcome, told.collect(), others.len())
    }

    const GONE: (&str, usize) = ("gone", usize::MAX);

    #[test]
    fn batches_are_written_in_their_order_by_one_thread() {
        let (outcome, told, others) = written(3, 0, true);
        outcome.unwrap();
        let wanted = [
            ("write", 1),
            ("write", 2),
            ("write", 3),
            ("finish", 100),
            GONE,
        ];
        assert_eq!((told.as_slice(), others), (wanted.as_slice(), 1));
    }

    #[test]
    fn a_file_of_one_batch_begins_no_thread() {
        let (outcome, told, others) = written(0, 0, true);
        outcome.unwrap();
        assert_eq!(
            (told.as_slice(), others),
            ([("finish", 100), GONE].as_slice(), 0)
        );
    }

    #[test]
    fn a_file_that_is_given_up_is_not_ended_and_nobody_writes_to_it_any_more() {
        let (outcome, told, _) = written(3, 0, false);
        outcome.unwrap();
        // What was sent is written all the same, as nobody can tell how far the thread has come.
        assert_eq!(told, [("write", 1), ("write", 2), ("write", 3), GONE]);
    }

    #[test]
    fn whatever_could_not_be_written_is_told_before_the_file_is_said_to_be_whole() {
        for fails_at in [1, 2, 5, 100] {
            let (outcome, told, _) = written(5, fails_at, true);
            let Err(WriteError::Io(error)) = outcome else {
                panic!("{fails_at}: {outcome:?}");
            };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            let finished = told.iter().any(|(what, _)| *what == "finish");
            assert_eq!(finished, fails_at == 100, "{told:?}");
            assert_eq!(told.last(), Some(&GONE));
        }
    }
}
