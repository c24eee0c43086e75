//! Holds each part of a token call in core to a number of instructions: each request, each answer, both together, and
//! one call carried by a flow.

mod exchange;

use std::hint::black_box;
use std::process::ExitCode;

use exchange::{Application, response};
use humanapi_benchkit::exchange::{ACCESS, CLIENT, ID, SESSION};
use humanapi_benchkit::skip_without;
use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::{Endpoint, Response};

fn main() -> ExitCode {
    // The runner starts this program again for each count, without a path to look for programs in.
    let counted = std::env::args().nth(1).as_deref() == Some("--gungraun-run");
    if !counted
        && let Some(skipped) =
            skip_without("check_core_token_calls", &["valgrind", "gungraun-runner"])
    {
        return skipped;
    }
    counts::run();
    ExitCode::SUCCESS
}

/// What is there before the count begins.
struct Ready<E> {
    application: Application,
    make: Make<E>,
    endpoint: E,
    response: Response,
}

type Make<E> = fn(&Application) -> anyhow::Result<E>;

impl<E: Endpoint> Ready<E> {
    fn new(make: Make<E>, answer: &str) -> Self {
        let prepared = || {
            let application = Application::new()?;
            let ready = Self {
                make,
                endpoint: make(&application)?,
                response: response(answer),
                application,
            };
            // One call that is not counted: what is made once in a process is made in the first, and memory that was
            // used before is there again for the next.
            let first = make(&ready.application)?;
            black_box(ready.application.call(first, response(answer))?);
            anyhow::Ok(ready)
        };
        prepared().expect("an exchange as documented")
    }
}

fn access() -> Ready<IssueAccessToken> {
    Ready::new(Application::access, ACCESS)
}

fn session() -> Ready<IssueSessionToken> {
    Ready::new(Application::session, SESSION)
}

fn id() -> Ready<IssueIdToken> {
    Ready::new(Application::id, ID)
}

fn client() -> Ready<IssueClientToken> {
    Ready::new(|application| Ok(application.client()), CLIENT)
}

/// What a bench hands back is dropped after the count.
#[expect(
    unused_qualifications,
    unreachable_pub,
    reason = "the macros write it so"
)]
mod counts {
    use gungraun::{
        Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group,
    };

    use super::*;

    fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
        let mut config = LibraryBenchmarkConfig::default();
        config.tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions)]));
        config
    }

    // Builds the request, and wipes it.
    #[library_benchmark]
    #[bench::access(args = (access()), config = at_most(2_000))]
    #[bench::session(args = (session()), config = at_most(2_000))]
    #[bench::id(args = (id()), config = at_most(2_000))]
    #[bench::client(args = (client()), config = at_most(1_800))]
    fn request<E: Endpoint>(ready: Ready<E>) -> Ready<E> {
        let hosts = black_box(&ready.application.hosts);
        drop(black_box(ready.endpoint.request(hosts)));
        ready
    }

    // Reads the answer, and wipes it and the token.
    #[library_benchmark]
    #[bench::access(args = (access()), config = at_most(3_300))]
    #[bench::session(args = (session()), config = at_most(2_900))]
    #[bench::id(args = (id()), config = at_most(4_000))]
    #[bench::client(args = (client()), config = at_most(2_200))]
    fn parse<E: Endpoint>(ready: Ready<E>) -> (Application, E) {
        let response = black_box(ready.response);
        drop(black_box(
            ready.endpoint.parse(response, ready.application.now),
        ));
        (ready.application, ready.endpoint)
    }

    // Makes the endpoint, builds its request and reads the answer.
    #[library_benchmark(config = at_most(6_300))]
    #[bench::access(access())]
    #[bench::session(session())]
    #[bench::id(id())]
    #[bench::client(client())]
    fn exchange<E: Endpoint>(ready: Ready<E>) -> (Application, E) {
        let made = (ready.make)(&ready.application);
        let outcome = made.map(|endpoint| ready.application.exchange(&endpoint, ready.response));
        drop(black_box(outcome));
        (ready.application, ready.endpoint)
    }

    // The same carried by a flow, through a transport that answers at once. That a flow may also hand its answer over
    // as it arrives costs every call some 70 instructions.
    #[library_benchmark(config = at_most(6_300))]
    #[bench::access(access())]
    fn call<E: Endpoint>(ready: Ready<E>) -> (Application, E) {
        let made = (ready.make)(&ready.application);
        let outcome = made.map(|endpoint| ready.application.call(endpoint, ready.response));
        drop(black_box(outcome));
        (ready.application, ready.endpoint)
    }

    library_benchmark_group!(name = parts, benchmarks = [request, parse, exchange, call]);
    gungraun::main!(library_benchmark_groups = parts);

    pub(crate) fn run() {
        main();
    }
}
