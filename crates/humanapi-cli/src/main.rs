//! The `humanapi` command: a demo, the sandbox and tokens from a terminal.

#[cfg(any(feature = "demo", feature = "token"))]
mod adapter;
mod args;
#[cfg(feature = "token")]
mod credentials;
#[cfg(feature = "demo")]
mod demo;
mod exit;
mod output;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(any(feature = "demo", feature = "sandbox"))]
mod signal;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "token")]
mod token;

use std::process::ExitCode;

use args::Verb;
use exit::Failure;

fn main() -> ExitCode {
    match args::parse().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        #[cfg(feature = "demo")]
        Verb::Demo(args) => block_on(demo::run(&args)),
        #[cfg(feature = "sandbox")]
        Verb::Sandbox(args) => block_on(sandbox::run(&args)),
        #[cfg(feature = "token")]
        Verb::Token(args) => block_on(token::run(args.kind)),
        #[cfg(feature = "store")]
        Verb::Store(verb) => block_on(store::run(verb)),
        Verb::Completions(args) => args::complete(&args),
    }
}

/// Runs a verb on this thread.
#[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
fn block_on(verb: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::here("cannot start a runtime", &error))?
        .block_on(verb)
}
