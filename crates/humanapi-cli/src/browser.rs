//! The browser of whoever sits at this machine.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long it may take to find one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a page in the browser, and says whether there is one.
///
/// The address is shown on a command line, so it must hold no secret.
pub(crate) fn open(url: &str) -> bool {
    if !has_display() {
        return false;
    }
    let (tell, told) = mpsc::sync_channel(1);
    let url = url.to_owned();
    // What opens it may stay as long as the browser does.
    let begun = thread::Builder::new().spawn(move || {
        // Nobody listens any more when it comes too late.
        let _ = tell.send(opener::open_browser(url).is_ok());
    });
    match begun {
        Ok(_) => told.recv_timeout(PATIENCE) != Ok(false),
        Err(_) => false,
    }
}

/// Without a display, what opens pages would take over the terminal.
#[cfg(all(unix, not(target_os = "macos")))]
fn has_display() -> bool {
    ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
const fn has_display() -> bool {
    true
}
