//! Whether this process has what a run needs, asked before anything is begun.
//!
//! HTTP stacks, runtimes and databases open files, start threads and take memory deep inside, where a
//! refusal is a panic or worse. So the same is done here first, where it is an error.

use std::io;
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::exit::{Code, Failure, system_text};

/// Each takes two handles: twice as many as the hungriest verb was seen to open at once.
const PIPES: usize = 20;
/// More threads than a verb was seen to start at once.
const THREADS: usize = 6;
/// More than the hungriest verb takes beyond what the process has from the start, and what an allocator may keep apart for
/// each thread: 64 MiB of addresses, which is all that a limit is about, with little behind them.
const MEMORY: usize = 128 * MIB + THREADS * APART;
const APART: usize = 64 * MIB;
const MIB: usize = 1024 * 1024;

/// Takes what a run needs and gives it back.
pub(crate) fn check() -> Result<(), Failure> {
    let pipes: io::Result<Vec<_>> = (0..PIPES).map(|_| io::pipe()).collect();
    let pipes = pipes.map_err(|error| lacking("open files", "ulimit -n", &error))?;
    drop(pipes);
    // They live until all of them are there: each ends when the other side of the channel is dropped.
    let (held, go_on) = mpsc::channel::<()>();
    let go_on = Mutex::new(go_on);
    thread::scope(|scope| {
        let started = (0..THREADS).try_for_each(|_| {
            let wait = || {
                let _ = go_on.lock().map(|go_on| go_on.recv());
            };
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        });
        drop(held);
        started.map_err(|error| lacking("threads", "ulimit -u", &error))
    })?;
    // Last, because each thread that was there keeps some of it for the next.
    // In pieces, for a small machine gives no more at once than it has, and far more in all.
    let pieces: Result<Vec<_>, _> = (0..MEMORY / APART)
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
