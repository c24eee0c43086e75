//! Programs that run side by side: as many at once as there are processors, because most tests wait more than they work.

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::programs::capture;

/// One program that is to run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) command: Command,
}

/// One program that ran.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) succeeded: bool,
    /// Both streams, in the order in which they were written, or why it could not be started.
    pub(crate) output: String,
    pub(crate) took: Duration,
}

/// Runs all of them in their order, so many at once, and tells of each when it ends.
pub(crate) fn run(
    jobs: impl IntoIterator<Item = Job>,
    at_once: usize,
    mut on_end: impl FnMut(&Ended),
) -> Vec<Ended> {
    let waiting: Mutex<VecDeque<Job>> = Mutex::new(jobs.into_iter().collect());
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            let (waiting, tell) = (&waiting, tell.clone());
            scope.spawn(move || {
                loop {
                    let mut left = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    let Some(job) = left.pop_front() else { break };
                    drop(left);
                    // Who is told lives as long as this scope.
                    let _ = tell.send(carry_out(job));
                }
            });
        }
        drop(tell);
        told.iter().inspect(|ended| on_end(ended)).collect()
    })
}

/// As many as there are processors.
pub(crate) fn at_once() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn carry_out(job: Job) -> Ended {
    let Job { name, mut command } = job;
    command.stdin(Stdio::null());
    let started = Instant::now();
    let (succeeded, output) = capture(command)
        .context("cannot be started")
        .unwrap_or_else(|error| (false, format!("{error:#}")));
    Ended {
        name,
        succeeded,
        output,
        took: started.elapsed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job {
            name: name.to_owned(),
            command,
        }
    }

    #[test]
    fn who_fails_is_told_when_it_ends_and_not_when_all_have() {
        let folder = std::env::temp_dir().join(format!("xtask-pool-{}", std::process::id()));
        let told = folder.display();
        // The second ends only after somebody was told of the first, and gives up where nobody is.
        let wait =
            format!("for i in $(seq 600); do test -e {told} && exit 0; sleep 0.1; done; exit 7");
        let jobs = [
            shell("fails", "echo why; exit 3"),
            shell("waits", &wait),
            shell("third", "true"),
        ];
        let ended = run(jobs, 2, |ended| {
            if !ended.succeeded {
                std::fs::write(&folder, "").unwrap();
            }
        });
        let _ = std::fs::remove_file(&folder);
        let of = |name: &str| ended.iter().find(|ended| ended.name == name).unwrap();
        assert!(!of("fails").succeeded && of("fails").output == "why\n");
        assert!(of("waits").succeeded && of("third").succeeded);
    }

    #[test]
    fn a_program_that_is_missing_has_failed() {
        let job = Job {
            name: "missing".to_owned(),
            command: Command::new("no-such-program-here"),
        };
        let ended = run([job], 1, |_| {});
        assert!(!ended[0].succeeded && ended[0].output.contains("cannot be started"));
    }

    #[test]
    fn no_more_run_at_once_than_may() {
        let folder = std::env::temp_dir().join(format!("xtask-pool-one-{}", std::process::id()));
        let one = format!("mkdir {0} && sleep 0.05 && rmdir {0}", folder.display());
        let ended = run((0..4).map(|_| shell("alone", &one)), 1, |_| {});
        assert!(ended.iter().all(|ended| ended.succeeded), "{ended:?}");
    }
}
