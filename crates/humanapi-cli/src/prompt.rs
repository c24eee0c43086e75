//! Asks at the terminal for what must not be shown there.

use std::io;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks for one line without echo. A signal that ends the program gives the terminal its echo back first.
#[cfg(unix)]
pub(crate) fn hidden(question: &str) -> io::Result<String> {
    let terminal = Terminal::watched()?;
    let answer = rpassword::prompt_password(question);
    if matches!(&answer, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
        // Ctrl-C was read as a letter; it is to end the program as it does elsewhere.
        terminal.end(signal_hook::consts::SIGINT);
    }
    answer
}

/// Asks for one line without echo.
#[cfg(not(unix))]
pub(crate) fn hidden(question: &str) -> io::Result<String> {
    rpassword::prompt_password(question)
}

/// Whether a run answers the request to stop.
#[cfg(unix)]
static LEFT_TO_RUN: AtomicBool = AtomicBool::new(false);

/// From now on a run answers Ctrl-C and the request to end, whatever was asked before it.
#[cfg(all(
    unix,
    any(
        feature = "demo",
        feature = "export",
        feature = "orders",
        feature = "sandbox"
    )
))]
pub(crate) fn leave_to_run() {
    LEFT_TO_RUN.store(true, Ordering::SeqCst);
}

#[cfg(unix)]
fn is_left_to_run(signal: i32) -> bool {
    use signal_hook::consts::{SIGINT, SIGTERM};

    matches!(signal, SIGINT | SIGTERM) && LEFT_TO_RUN.load(Ordering::SeqCst)
}

/// The terminal, and how it was before the question.
#[cfg(unix)]
struct Terminal {
    file: std::fs::File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Terminal {
    /// From now on a signal that ends the program finds the terminal as it is now. It does so for as long
    /// as the program runs: a signal that was once listened to is ignored when nobody listens. One that a run answers, to
    /// come to its end in order, is left to the run.
    fn watched() -> io::Result<std::sync::Arc<Self>> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

        let file = std::fs::File::open("/dev/tty")?;
        let before = rustix::termios::tcgetattr(&file)?;
        let terminal = std::sync::Arc::new(Self { file, before });
        let mut ending = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
        let watched = std::sync::Arc::clone(&terminal);
        std::thread::Builder::new().spawn(move || {
            for signal in ending.forever() {
                if !is_left_to_run(signal) {
                    watched.end(signal);
                }
            }
        })?;
        Ok(terminal)
    }

    /// Gives the terminal back, then lets the signal end the program, so that whoever waits for it sees why.
    fn end(&self, signal: i32) {
        use rustix::termios::{OptionalActions, tcsetattr};
        use std::io::Write as _;

        // Where one of these fails, the terminal is gone, and the end is still the right thing.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
        let _ = writeln!(io::stderr());
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}
