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
#[cfg(feature = "token")]
mod prompt;
#[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
mod room;
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
use exit::{Code, Failure};

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| fault(panic).say()));
    match std::panic::catch_unwind(|| args::parse().and_then(run)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => failure.report(),
        // The hook has told it.
        Err(_) => ExitCode::from(Code::Machine as u8),
    }
}

/// A mistake of this program, told by its place: what a panic says may hold anything.
fn fault(panic: &std::panic::PanicHookInfo<'_>) -> Failure {
    let place = panic.location().map_or_else(String::new, |place| {
        format!(" at {}:{}", place.file(), place.line())
    });
    Failure::new(
        Code::Machine,
        format!("this program has a fault{place}"),
        concat!(
            "report it, with what you did, at ",
            env!("CARGO_PKG_REPOSITORY")
        ),
    )
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
    room::check()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::here("cannot start a runtime", &error))?
        .block_on(verb)
}
