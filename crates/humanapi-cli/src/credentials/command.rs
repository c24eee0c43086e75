//! A secret that a program of the person's own prints, such as a password manager.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::given::{PATIENCE, in_time, unreadable};
use crate::exit::{Code, Failure};
use crate::setting::Secret;

/// Runs a command and takes what it prints. It may ask its user: standard input and error are the terminal's.
pub(super) fn output(secret: Secret, words: &[String]) -> Result<Zeroizing<String>, Failure> {
    const NAME: &str = "the command that the profile names";
    let gives_up = Instant::now() + PATIENCE;
    let Some((program, words)) = words.split_first() else {
        return Err(failed(secret, "no command is named"));
    };
    let mut child = Command::new(program)
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .map_err(|error| unreadable(secret, NAME, &error))?;
    let stdout = (child.0.stdout.take()).ok_or_else(|| failed(secret, "it has no output"))?;
    let given = in_time(secret, || Ok(stdout), NAME)?;
    let status = child
        .end(gives_up)
        .map_err(|error| unreadable(secret, NAME, &error))?;
    match status {
        Some(status) if status.success() => Ok(given),
        Some(status) => Err(failed(
            secret,
            &match status.code() {
                Some(code) => format!("it ended with code {code}"),
                None => "a signal ended it".to_owned(),
            },
        )),
        None => Err(failed(secret, "it closed its output and does not end")),
    }
}

fn failed(secret: Secret, why: &str) -> Failure {
    Failure::new(
        Code::Credentials,
        format!(
            "the command that the profile names gave no {}: {why}",
            secret.name()
        ),
        "run it yourself and see what it says; `humanapi config show` tells which one it is",
    )
}

/// A command under way; it ends with its reader, however that ends.
struct Running(Child);

impl Running {
    /// Waits for its end, but not for ever.
    fn end(&mut self, gives_up: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            match self.0.try_wait()? {
                None if Instant::now() < gives_up => thread::sleep(Duration::from_millis(5)),
                ended => return Ok(ended),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
