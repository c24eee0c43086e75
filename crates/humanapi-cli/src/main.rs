//! The `humanapi` command: a demo, the sandbox, tokens and health data from a terminal.

#[cfg(any(feature = "demo", feature = "token"))]
mod adapter;
#[cfg(feature = "data")]
mod api;
mod args;
#[cfg(feature = "token")]
mod atomic_file;
#[cfg(any(feature = "sandbox", feature = "token"))]
mod bounded;
#[cfg(any(feature = "demo", feature = "sandbox"))]
mod browser;
#[cfg(feature = "token")]
mod config;
#[cfg(feature = "token")]
mod credentials;
#[cfg(feature = "data")]
mod data;
#[cfg(feature = "demo")]
mod demo;
mod exit;
mod fault;
#[cfg(feature = "orders")]
mod orders;
mod output;
#[cfg(any(feature = "sandbox", feature = "token"))]
mod print;
#[cfg(feature = "token")]
mod profiles;
#[cfg(feature = "token")]
mod prompt;
mod reference;
#[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
mod room;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "token")]
mod service;
#[cfg(feature = "token")]
mod setting;
#[cfg(feature = "token")]
mod settings;
#[cfg(any(
    feature = "demo",
    feature = "export",
    feature = "orders",
    feature = "sandbox"
))]
mod signal;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "token")]
mod token;
#[cfg(feature = "token")]
mod verbose;

use std::process::ExitCode;

use args::Verb;
use exit::Failure;
#[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
use room::threads;

fn main() -> ExitCode {
    fault::watch();
    match std::panic::catch_unwind(|| args::parse().and_then(run)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => failure.report(),
        Err(_) => fault::report(),
    }
}

fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        #[cfg(feature = "demo")]
        Verb::Demo(args) => {
            fault::tell_at_once();
            block_on(threads::SANDBOX, demo::run(&args))
        }
        #[cfg(feature = "sandbox")]
        Verb::Sandbox(args) => {
            if args.verb.is_none() {
                fault::tell_at_once();
            }
            block_on(threads::SANDBOX, sandbox::run(&args))
        }
        #[cfg(feature = "token")]
        Verb::Token(args) => block_on(threads::ONE_BY_ONE, token::run(args.kind)),
        #[cfg(feature = "data")]
        Verb::Data(verb) => block_on(data::threads(&verb), data::run(verb)),
        #[cfg(feature = "store")]
        Verb::Store(verb) => block_on(threads::ONE_BY_ONE, store::run(verb)),
        #[cfg(feature = "data")]
        Verb::Api(args) => block_on(threads::ONE_BY_ONE, api::run(&args)),
        #[cfg(feature = "orders")]
        Verb::Orders(verb) => block_on(threads::ORDERS, orders::run(verb)),
        #[cfg(feature = "orders")]
        Verb::Providers(args) => block_on(threads::ORDERS, orders::providers(&args)),
        #[cfg(feature = "orders")]
        Verb::Reports(verb) => block_on(threads::ORDERS, orders::reports(verb)),
        #[cfg(feature = "orders")]
        Verb::ConsumerLink(args) => block_on(threads::ORDERS, orders::consumer_link(&args)),
        #[cfg(feature = "orders")]
        Verb::Subscriptions(verb) => block_on(threads::ORDERS, orders::subscriptions(verb)),
        #[cfg(feature = "orders")]
        Verb::Admin(verb) => block_on(threads::ORDERS, orders::admin(verb)),
        #[cfg(feature = "token")]
        Verb::Config(verb) => config::run(verb),
        Verb::Completions(args) => args::complete(&args),
        Verb::Man(args) => reference::man(args::command(), args.folder.as_deref()),
        Verb::Reference => reference::markdown(args::command()),
    }
}

/// Runs a verb that has so many threads on this thread.
#[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
fn block_on(
    threads: usize,
    verb: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    room::check(threads)?;
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(threads::BLOCKING)
        .enable_all()
        .build()
        .map_err(|error| Failure::here("cannot start a runtime", &error))?
        .block_on(verb)
}
