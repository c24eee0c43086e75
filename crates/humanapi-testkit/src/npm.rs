//! Packages of npm that tests need: fetched once, kept under the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// One installation at a time within this process; between processes, a rename decides.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A file of a package in exactly this version, such as `name@1.2.3`. None if it is not here and npm cannot fetch it.
///
/// No script of a package runs. The folder is `CARGO_TARGET_TMPDIR` of the test. Waits for npm, so call it where that may be.
///
/// # Panics
///
/// When the package is named without its version, or the folder takes no file.
pub fn npm_file(folder: &Path, package: &str, path: &str) -> Option<PathBuf> {
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, _) = package
        .rsplit_once('@')
        .expect("a package is named with its version");
    let home = folder.join("npm").join(package);
    let file = home.join("node_modules").join(name).join(path);
    if file.is_file() {
        return Some(file);
    }
    let fresh = tempfile::tempdir_in(folder).expect("the target folder takes one more");
    std::fs::write(fresh.path().join("package.json"), "{\"private\":true}").expect("as the folder");
    let installed = Command::new("npm")
        .args([
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-save",
            package,
        ])
        .current_dir(fresh.path())
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success());
    if !installed {
        return None;
    }
    // A name may have a scope before it.
    std::fs::create_dir_all(home.parent().unwrap_or(folder)).expect("as the folder");
    // Where another process was first, it has put the same there.
    if std::fs::rename(fresh.path(), &home).is_ok() {
        let _ = fresh.keep();
    }
    file.is_file().then_some(file)
}
