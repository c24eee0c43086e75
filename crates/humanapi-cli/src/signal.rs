//! Being told to stop.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Hears Ctrl-C, and on Unix also the request to end, from the moment that it is made.
pub(crate) struct Stop {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
}

impl Stop {
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(windows)]
            interrupt: ctrl_c()?,
        };
        #[cfg(all(unix, feature = "token"))]
        crate::prompt::leave_to_run();
        Ok(stop)
    }

    /// Ends when the command is to stop.
    #[cfg(unix)]
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Ends when the command is to stop.
    #[cfg(windows)]
    pub(crate) async fn asked(&mut self) {
        let _ = self.interrupt.recv().await;
    }
}
