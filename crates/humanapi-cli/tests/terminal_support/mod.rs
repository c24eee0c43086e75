//! Runs the command at a terminal of its own, as a person does.

use std::ffi::OsStr;
use std::io::Read as _;
use std::process::Child;

use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support;

/// Begins the command with these words and variables, and nothing else of the caller's environment that it reads.
pub(crate) fn begin(
    words: impl IntoIterator<Item = impl AsRef<OsStr>>,
    set: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
) -> (Pty, Child) {
    let (pty, pts) = open().expect("the system has terminals to give");
    assert!(echoes(&pty), "a terminal begins with an echo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_humanapi")).args(words);
    for variable in support::VARIABLES {
        command = command.env_remove(variable);
    }
    let child = command
        .envs([support::NO_PROFILES])
        .env("TERM", "xterm")
        .envs(set)
        .spawn(pts)
        .expect("the command was built for this test");
    (pty, child)
}

/// Hands over what is still said, piece by piece, until the last program at the terminal has ended.
pub(crate) fn rest(mut pty: &Pty, mut take: impl FnMut(&[u8])) {
    let mut bytes = [0; 4096];
    // The end is an error.
    while let Ok(read @ 1..) = pty.read(&mut bytes) {
        take(&bytes[..read]);
    }
}

/// Whether the terminal shows what is typed.
pub(crate) fn echoes(pty: &Pty) -> bool {
    let modes = tcgetattr(pty).expect("it is a terminal").local_modes;
    modes.contains(LocalModes::ECHO | LocalModes::ISIG | LocalModes::ICANON)
}
