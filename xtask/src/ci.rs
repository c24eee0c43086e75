//! `ci`: everything, in order, to the end even if something fails on the way.

use clap::Args;

use crate::step::{Outcome, Session};
use crate::{audit, codegen, docs, features, fmt, lint, package, public_api, test, tidy, wasm};

/// What to leave out.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Leave the tests out, because they have run already
    #[arg(long)]
    pub(crate) skip_tests: bool,
}

pub(crate) fn run(session: &mut Session, options: &Options) {
    session.verb("fmt", |session| {
        fmt::run(session, &fmt::Options { check: true })
    });
    session.verb("lint", |session| {
        lint::run(session, &lint::Options::default())
    });
    if options.skip_tests {
        session.verb("test", |session| {
            session.step("tests", |_| Ok(Outcome::Skipped("--skip-tests".to_owned())));
            Ok(())
        });
    } else {
        let strict = test::Options {
            require_all: true,
            ..test::Options::default()
        };
        session.verb("test", |session| test::run(session, &strict));
    }
    session.verb("docs", |session| {
        docs::run(session, docs::Options::default())
    });
    session.verb("public-api", |session| {
        public_api::run(session, public_api::Options::default())
    });
    session.verb("codegen", |session| {
        codegen::run(session, &codegen::Options { check: true })
    });
    session.verb("tidy", tidy::run);
    session.verb("wasm", wasm::run);
    session.verb("features", |session| {
        features::run(session, features::Options { common: true })
    });
    session.verb("package", package::run);
    // Advisories come from a database that changes by itself, so they say nothing about a change: they are looked at
    // by a schedule.
    session.verb("audit", |session| {
        audit::rules(session);
        Ok(())
    });
}
