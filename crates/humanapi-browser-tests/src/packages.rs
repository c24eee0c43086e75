//! Packages of npm that pages under test load: fetched once, kept under the target folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::Mutex;

/// The vendor's widget.
pub const WIDGET: &str = "humanapi-connect-client@2.4.1";
/// Checks a page for what keeps people out.
pub const AXE: &str = "axe-core@4.14.1";

/// One installation at a time within this process; between processes, a rename decides.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// A file of a package in exactly this version. None if it is not here and npm cannot fetch it.
///
/// No script of a package runs.
pub async fn file(folder: &Path, package: &str, path: &str) -> Option<PathBuf> {
    let _one_at_a_time = INSTALLING.lock().await;
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
        .kill_on_drop(true)
        .output()
        .await
        .is_ok_and(|output| output.status.success());
    if !installed {
        return None;
    }
    std::fs::create_dir_all(folder.join("npm")).expect("as the folder");
    // Where another process was first, it has put the same there.
    if std::fs::rename(fresh.path(), &home).is_ok() {
        let _ = fresh.keep();
    }
    file.is_file().then_some(file)
}
