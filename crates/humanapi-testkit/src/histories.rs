//! Random histories of operations, one after the other, and the smallest that goes wrong.

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestError, TestRunner};

/// Runs so many histories, and on a long hunt sixteen times as many.
///
/// # Panics
///
/// With the smallest history that goes wrong.
pub(crate) fn run<S: Strategy<Value: Debug>>(
    cases: u32,
    histories: &S,
    history: impl AsyncFn(S::Value),
) {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    let config = Config {
        cases: if deep { 16 * cases } else { cases },
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    // The runner waits for each, in a thread that others need not wait for.
    tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Handle::current();
        let outcome = TestRunner::new(config).run(histories, |operations| {
            runtime.block_on(history(operations));
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, history)) => panic!("{reason}\n{history:#?}"),
            Err(TestError::Abort(reason)) => panic!("{reason}"),
        }
    });
}
