//! Work that waits for what others do, on threads of its own.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use super::error::ExportError;

/// Work on a thread of its own.
pub(super) struct Working<T>(oneshot::Receiver<T>);

/// Begins work that waits until others have done theirs. It takes none of the runtime's threads for what blocks: these are as
/// few as a program says, and who is waited for may need one.
pub(super) fn begin<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Working<T>, ExportError> {
    let (send, done) = oneshot::channel();
    let thread = thread::Builder::new().name("humanapi-export".to_owned());
    let begun = thread.spawn(move || {
        let done = work();
        // Who waits may have gone.
        let _ = send.send(done);
    });
    begun.map_err(ExportError::Folder)?;
    Ok(Working(done))
}

impl<T> Working<T> {
    /// What came of it, once it is over: nothing of it is in use then.
    pub(super) async fn end(self) -> Result<T, ExportError> {
        let ended = self.0.await;
        ended.map_err(|_| ExportError::Folder(gone()))
    }
}

/// A thread panicked. What it said is not repeated, as it can hold what was read.
pub(super) fn gone() -> io::Error {
    io::Error::other("a thread of the export panicked")
}
