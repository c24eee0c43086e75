//! What tools of others say about a release.

use cargo_metadata::Package;
use cargo_metadata::camino::Utf8Path;

use crate::release::history;
use crate::step::{Outcome, Session};
use crate::tools::{
    CARGO_CHECK_EXTERNAL_TYPES, CARGO_CYCLONEDX, CARGO_MACHETE, CARGO_SEMVER_CHECKS,
};

pub(super) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step_with(&CARGO_MACHETE, "unused dependencies", |session| {
        // Not benches/peers: that is no part of the workspace and is never published.
        session.run(
            session
                .cargo("machete")
                .args(["crates", "examples", "xtask"]),
        )
    });
    let tags = history::tags(session)?;
    for library in libraries(session)? {
        let title = format!("API of {} since its release", library.name);
        match history::newest(&tags, &library.name) {
            None => {
                session.step(&title, |_| {
                    Ok(Outcome::Skipped("no release yet".to_owned()))
                });
            }
            Some(last) => session.step_with(&CARGO_SEMVER_CHECKS, &title, |session| {
                let tag = history::tag(&library.name, &last);
                session.run(session.cargo("semver-checks").args([
                    "-p",
                    &library.name,
                    "--baseline-rev",
                    &tag,
                ]))
            }),
        }
        let title = format!("types that {} shows", library.name);
        session.step_with(&CARGO_CHECK_EXTERNAL_TYPES, &title, |session| {
            external_types(session, &library.manifest_path)
        });
    }
    session.step_with(&CARGO_CYCLONEDX, "bill of materials", bill);
    Ok(())
}

/// Fails for a type of another crate in the public API, unless the manifest allows it.
fn external_types(session: &Session, manifest: &Utf8Path) -> anyhow::Result<Outcome> {
    let target = &session.workspace()?.metadata.target_directory;
    session.run(
        session
            .cargo("check-external-types")
            .args(["--all-features", "--manifest-path"])
            .arg(manifest)
            // It reads rustdoc's JSON, which the pinned toolchain writes only if it is told to act like a nightly one.
            .env("RUSTC_BOOTSTRAP", "1")
            // Build scripts that look for a nightly compiler find one now, so nothing here is of use to others.
            .env("CARGO_TARGET_DIR", target.join("external-types")),
    )
}

/// The published crates that others link.
fn libraries(session: &Session) -> anyhow::Result<Vec<Package>> {
    Ok(session
        .workspace()?
        .published()
        .into_iter()
        .filter(|package| package.targets.iter().any(|target| target.is_lib()))
        .cloned()
        .collect())
}

/// Writes what the command consists of to `target/dist`. The tool writes beside the manifest, so its file is moved.
fn bill(session: &Session) -> anyhow::Result<Outcome> {
    let workspace = session.workspace()?;
    let folder = workspace.metadata.target_directory.join("dist");
    std::fs::create_dir_all(&folder)?;
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
            std::fs::copy(&file, folder.join("humanapi.cdx.json"))?;
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

/// A name that no file of ours has.
const BILL: &str = "humanapi-bill.cdx";
