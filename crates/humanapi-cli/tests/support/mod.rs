//! Runs the command as a script would: no terminal, nothing of the caller's environment that it reads.

use std::process::{Command, Output, Stdio};

/// What the command reads of its environment.
pub(crate) const VARIABLES: [&str; 9] = [
    "HUMANAPI_CLIENT_ID",
    "HUMANAPI_CLIENT_SECRET",
    "HUMANAPI_STORE_KEYS",
    "HUMANAPI_STORE_URL",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "HTTPS_PROXY",
    "https_proxy",
];

/// The command with these words.
pub(crate) fn humanapi<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_humanapi"));
    for word in words {
        command.arg(word.as_ref());
    }
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// All of stdout.
    pub(crate) stdout: String,
    /// All of stderr.
    pub(crate) stderr: String,
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Run {
    Run::from(
        command
            .output()
            .expect("the command was built for this test"),
    )
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the command writes UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("the command writes UTF-8"),
        }
    }
}
