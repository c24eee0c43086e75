//! Whether this process has what a run needs, asked before anything is begun.
//!
//! HTTP stacks, runtimes and databases open files, start threads and take memory deep inside, where a
//! refusal is a panic or worse. So the same is done here first, where it is an error.

pub(crate) mod threads;

use std::io;
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::exit::{Code, Failure, system_text};

/// Each takes two handles: twice as many as the hungriest verb was seen to open at once.
const PIPES: usize = 20;
/// More than the hungriest verb takes beyond what the process has from the start and what it takes for threads.
const MEMORY: usize = 128 * MIB;
/// What an allocator may keep apart for each thread: addresses, which is all that a limit is about, with little behind them.
const APART: usize = 64 * MIB;
const MIB: usize = 1024 * 1024;

/// Takes what a run with so many threads needs, and gives it back.
pub(crate) fn check(threads: usize) -> Result<(), Failure> {
    // First, for threads take some of it: without it the system tells that there may be no more of them.
    if are_addresses_limited() {
        addresses(MEMORY + threads * APART)?;
    }
    let pipes: io::Result<Vec<_>> = (0..PIPES).map(|_| io::pipe()).collect();
    let pipes = pipes.map_err(|error| lacking("open files", "ulimit -n", &error))?;
    drop(pipes);
    // They live until all of them are there: each ends when the other side of the channel is dropped.
    let (held, go_on) = mpsc::channel::<()>();
    let go_on = Mutex::new(go_on);
    thread::scope(|scope| {
        let started = (0..threads).try_for_each(|_| {
            let wait = || {
                let _ = go_on.lock().map(|go_on| go_on.recv());
            };
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        });
        drop(held);
        started.map_err(|error| lacking("threads", "ulimit -u", &error))
    })
}

/// Whether a limit says how many addresses this process may have. Where none does there is nothing to ask, and a small
/// machine might refuse what is never used.
fn are_addresses_limited() -> bool {
    #[cfg(all(unix, not(target_os = "openbsd")))]
    return rustix::process::getrlimit(rustix::process::Resource::As)
        .current
        .is_some();
    #[cfg(not(all(unix, not(target_os = "openbsd"))))]
    return false;
}

/// In pieces, for a small machine gives no more at once than it has, and far more in all.
fn addresses(bytes: usize) -> Result<(), Failure> {
    let pieces: Result<Vec<_>, _> = (0..bytes / APART)
        .map(|_| {
            let mut piece = Vec::<u8>::new();
            piece.try_reserve_exact(APART).map(|()| piece)
        })
        .collect();
    pieces.map(drop).map_err(|_| {
        let error = io::Error::from(io::ErrorKind::OutOfMemory);
        lacking("memory", "ulimit -v", &error)
    })
}

fn lacking(what: &str, limit: &str, error: &io::Error) -> Failure {
    Failure::new(
        Code::Machine,
        format!(
            "this process may not have enough {what}: {}",
            system_text(error)
        ),
        format!("raise its limit (`{limit}` tells it), or end what uses them up"),
    )
}
