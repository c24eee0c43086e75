//! Panics: a mistake of this program or of one below it, told once and by its place alone, because what a
//! panic says may hold anything.

use std::panic::{Location, PanicHookInfo};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{Code, Failure};

/// Where the first panic was that nobody has told yet.
static KEPT: Mutex<Option<String>> = Mutex::new(None);

/// Whether a panic is told when it happens.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// From now on a panic is kept instead of printed. Whoever catches it makes an error of it, as a store does of
/// its driver's, and that is told; one that nobody catches ends the run, and [`report`] tells it.
pub(crate) fn watch() {
    std::panic::set_hook(Box::new(hook));
}

/// For a run that serves others: a task that panics there ends alone, and nobody else would tell it.
#[cfg(any(feature = "demo", feature = "sandbox"))]
pub(crate) fn tell_at_once() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

fn hook(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, at);
    if AT_ONCE.load(Ordering::Relaxed) {
        failure(&place).say();
    } else if let Ok(mut kept) = KEPT.lock() {
        kept.get_or_insert(place);
    }
}

fn at(place: &Location<'_>) -> String {
    format!(" at {}:{}", place.file(), place.line())
}

/// Tells the panic that ended the run, unless that was done when it happened.
pub(crate) fn report() -> ExitCode {
    if !AT_ONCE.load(Ordering::Relaxed) {
        let kept = KEPT.lock().ok().and_then(|mut kept| kept.take());
        failure(&kept.unwrap_or_default()).say();
    }
    ExitCode::from(Code::Machine as u8)
}

fn failure(place: &str) -> Failure {
    Failure::new(
        Code::Machine,
        format!("this program has a fault{place}"),
        concat!(
            "report it, with what you did, at ",
            env!("CARGO_PKG_REPOSITORY")
        ),
    )
}
