//! Files on their way onto the disk: several at once, and no more of them open than a process may have.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::thread::gone;

/// So many are waited for at once: the system writes down together what is asked for together.
const AT_ONCE: usize = 4;
/// So many more wait for their turn. Whoever ends another one waits until there is room.
const WAITING: usize = 32;

/// Puts files onto the disk while others are written.
///
/// Each is synced by the very descriptor that it was written by. What the system could not write meanwhile it tells there; of
/// a file that is opened again it may have forgotten it.
#[derive(Clone, Debug)]
pub(super) struct Disk(SyncSender<ToSync>);

type ToSync = (File, SyncSender<io::Result<()>>);

/// A file that is on its way. It is waited for when this is dropped, so that nothing is at work in its folder then.
#[derive(Debug)]
pub(super) struct Syncing(Receiver<io::Result<()>>);

impl Disk {
    /// Its threads end with the last one that can ask them.
    pub(super) fn new() -> io::Result<Self> {
        let (send, files) = sync_channel(WAITING);
        let files = Arc::new(Mutex::new(files));
        for _ in 0..AT_ONCE {
            let files = Arc::clone(&files);
            let thread = thread::Builder::new().name("humanapi-disk".to_owned());
            thread.spawn(move || sync_all(&files))?;
        }
        Ok(Self(send))
    }

    /// Puts what was written to a file onto the disk, and closes it.
    pub(super) fn sync(&self, file: File) -> io::Result<Syncing> {
        let (tell, told) = sync_channel(1);
        let sent = self.0.send((file, tell));
        sent.map_err(|_| gone())?;
        Ok(Syncing(told))
    }
}

fn sync_all(files: &Mutex<Receiver<ToSync>>) {
    let next = || {
        let files = files.lock().unwrap_or_else(PoisonError::into_inner);
        files.recv()
    };
    while let Ok((file, tell)) = next() {
        let synced = file.sync_all();
        // Before it is told: some systems neither rename nor remove what is open.
        drop(file);
        // Who waits may have gone.
        let _ = tell.send(synced);
    }
}

impl Syncing {
    /// Waits until it is on the disk. It is asked once.
    pub(super) fn wait(&self) -> io::Result<()> {
        self.0.recv().map_err(|_| gone())?
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        // Where it was waited for, there is nothing left to come.
        let _ = self.0.recv();
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
        assert!(most <= WAITING + AT_ONCE, "{most}");
        folder.keep_all(ended).unwrap();
        assert_eq!(open(), 0);
        assert_eq!(fs::read(root.path().join("299")).unwrap(), [7; 20_000]);
    }
}
