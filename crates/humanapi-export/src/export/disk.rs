//! Files on their way onto the disk: several at once, and no more of them open than a process may have.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::mpsc;

use super::thread::gone;

/// So many are waited for at once: the system writes down together what is asked for together.
pub(super) const AT_ONCE: usize = 4;
/// So many more wait for their turn. Whoever ends another one waits until there is room.
const WAITING: usize = 32;

/// So many are open at most of those that are ended.
#[cfg(test)]
pub(super) const MOST_OPEN: usize = WAITING + AT_ONCE;

/// Puts files onto the disk while others are written.
///
/// Each is synced by the very descriptor that it was written by. What the system could not write meanwhile it tells there; of
/// a file that is opened again it may have forgotten it.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    send: mpsc::Sender<ToSync>,
    under_way: Arc<UnderWay>,
}

/// A file that is on its way. Where nobody waits for it any more it is removed once it is there.
#[derive(Debug)]
pub(super) struct Syncing(Receiver<(io::Result<()>, Unplaced)>);

/// Where a file is until it is put into its place. It is removed from there when this is dropped.
#[derive(Debug)]
pub(super) struct Unplaced {
    path: PathBuf,
    /// While it is there the folder is this process's: another might have a file of that name.
    _locks: Locks,
}

/// What takes a folder for this process.
pub(super) type Locks = Arc<[File]>;

#[derive(Debug)]
struct ToSync {
    file: File,
    unplaced: Unplaced,
    tell: SyncSender<(io::Result<()>, Unplaced)>,
    /// Last, so that what it counts is over when it is.
    counted: Counted,
}

/// How many files are on their way.
#[derive(Debug, Default)]
struct UnderWay {
    files: Mutex<usize>,
    fewer: Condvar,
}

/// One of them.
#[derive(Debug)]
struct Counted(Arc<UnderWay>);

impl Disk {
    /// Its threads end with the last one that can ask them.
    pub(super) fn new() -> io::Result<Self> {
        Self::with(File::sync_all)
    }

    /// The same by other means.
    pub(super) fn with(
        sync: impl Fn(&File) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (send, files) = mpsc::channel(WAITING);
        let files = Arc::new((Mutex::new(files), sync));
        for _ in 0..AT_ONCE {
            let files = Arc::clone(&files);
            let thread = thread::Builder::new().name("humanapi-disk".to_owned());
            thread.spawn(move || sync_all(&files.0, &files.1))?;
        }
        Ok(Self {
            send,
            under_way: Arc::default(),
        })
    }

    /// Puts what was written to a file onto the disk, and closes it. It waits for room, so it is for threads that may wait.
    pub(super) fn sync(&self, file: File, unplaced: Unplaced) -> io::Result<Syncing> {
        let (next, syncing) = self.next(file, unplaced);
        let sent = self.send.blocking_send(next);
        sent.map_err(|_| gone())?;
        Ok(syncing)
    }

    /// The same where others run on this thread while there is no room.
    pub(super) async fn sync_async(&self, file: File, unplaced: Unplaced) -> io::Result<Syncing> {
        let (next, syncing) = self.next(file, unplaced);
        let sent = self.send.send(next).await;
        sent.map_err(|_| gone())?;
        Ok(syncing)
    }

    fn next(&self, file: File, unplaced: Unplaced) -> (ToSync, Syncing) {
        let (tell, told) = sync_channel(1);
        let next = ToSync {
            file,
            unplaced,
            tell,
            counted: Counted::new(&self.under_way),
        };
        (next, Syncing(told))
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        *self.under_way.files()
    }

    /// Waits until no file is on its way any more.
    pub(super) fn settle(&self) {
        let files = self.under_way.files();
        let settled = self.under_way.fewer.wait_while(files, |files| *files > 0);
        drop(settled.unwrap_or_else(PoisonError::into_inner));
    }
}

fn sync_all(files: &Mutex<mpsc::Receiver<ToSync>>, sync: &impl Fn(&File) -> io::Result<()>) {
    let next = || {
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        files.blocking_recv()
    };
    while let Some(next) = next() {
        let synced = sync(&next.file);
        // Before it is told: some systems neither rename nor remove what is open.
        drop(next.file);
        // Who waited may have gone: then it comes back, and is removed.
        let _ = next.tell.send((synced, next.unplaced));
        drop(next.counted);
    }
}

impl Syncing {
    /// Waits until it is on the disk, and tells where it is.
    pub(super) fn wait(self) -> io::Result<Unplaced> {
        let (synced, unplaced) = self.0.recv().map_err(|_| gone())?;
        synced.map(|()| unplaced)
    }
}

impl Unplaced {
    /// The place of a file that the caller makes there.
    pub(super) const fn new(path: PathBuf, locks: Locks) -> Self {
        Self {
            path,
            _locks: locks,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it where it was put: there is nothing left to remove.
    pub(super) fn leave(mut self) {
        self.path.clear();
    }
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        if self.path != Path::new("") {
            // The next run removes what cannot be removed now.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl UnderWay {
    fn files(&self) -> MutexGuard<'_, usize> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn new(under_way: &Arc<UnderWay>) -> Self {
        *under_way.files() += 1;
        Self(Arc::clone(under_way))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *self.0.files() -= 1;
        self.0.fewer.notify_all();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use super::super::folder::Folder;
    use super::super::key::Shard;
    use super::*;

    fn folder(root: &Path) -> Folder {
        Folder::open(root, Shard::ALL).expect("nobody has it")
    }

    /// A pipe has no disk, and its descriptor tells so; the file of that name has one.
    #[test]
    fn what_the_descriptor_tells_that_was_written_by_is_told() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = folder(root.path());
        let (_read, write) = io::pipe().unwrap();
        let mut good = folder.begin().unwrap();
        good.write_all(b"good").unwrap();
        let mut bad = folder.begin_on(OwnedFd::from(write).into()).unwrap();
        bad.write_all(b"bad").unwrap();
        let files = [good, bad].map(|part| part.end().unwrap());
        let files = files.into_iter().zip(["good".to_owned(), "bad".to_owned()]);
        let kept = folder.keep_all(files.collect());
        assert!(kept.is_err(), "it is on no disk");
        for name in ["good", "bad"] {
            assert!(!root.path().join(name).exists(), "all of them or none");
        }
        assert_eq!(fs::read_dir(folder.work()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_more_files_are_open_than_a_process_may_have() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = folder(root.path());
        let open = || {
            let all = fs::read_dir("/proc/self/fd").unwrap();
            let paths = all.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
            let own = paths.filter(|path| path.starts_with(folder.work()));
            own.count()
        };
        let (mut ended, mut most) = (Vec::new(), 0);
        for number in 0..300 {
            let mut part = folder.begin().unwrap();
            part.write_all(&[7; 20_000]).unwrap();
            ended.push((part.end().unwrap(), format!("{number}")));
            most = most.max(open());
        }
        assert!(most <= MOST_OPEN, "{most}");
        folder.keep_all(ended).unwrap();
        assert_eq!(open(), 0);
        assert_eq!(fs::read(root.path().join("299")).unwrap(), [7; 20_000]);
    }
}
