//! The bill of materials: all that is linked into the command.

use cargo_metadata::camino::Utf8Path;

use crate::step::{Outcome, Session};
use crate::tools::CARGO_CYCLONEDX;

/// A name that no file of ours has.
const BILL: &str = "humanapi-bill.cdx";

pub(super) fn run(session: &mut Session, dist: &Utf8Path) {
    session.step_with(&CARGO_CYCLONEDX, "bill of materials", |session| {
        write(session, dist)
    });
}

/// Writes what the command consists of to the folder. The tool writes beside the manifest, so its file is moved.
fn write(session: &Session, dist: &Utf8Path) -> anyhow::Result<Outcome> {
    let workspace = session.workspace()?;
    let package = workspace.member("humanapi-cli")?;
    let outcome = session.run(
        session
            .cargo("cyclonedx")
            .arg("--manifest-path")
            .arg(&package.manifest_path)
            .args(["--format", "json", "--all-features"])
            .args(["--override-filename", BILL]),
    )?;
    let mut moved = 0;
    // One file for each crate of the workspace that the tool came by; only the command's is wanted.
    for member in workspace.members() {
        let Some(beside) = member.manifest_path.parent() else {
            continue;
        };
        let file = beside.join(format!("{BILL}.json"));
        if !file.is_file() {
            continue;
        }
        if member.name == package.name {
            std::fs::copy(&file, dist.join("humanapi.cdx.json"))?;
            moved += 1;
        }
        std::fs::remove_file(&file)?;
    }
    if outcome == Outcome::Ok && moved == 0 {
        return Ok(Outcome::Failed(
            "the tool wrote no file for humanapi-cli".to_owned(),
        ));
    }
    Ok(outcome)
}
