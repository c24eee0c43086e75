//! What tools of others say about a release.

use cargo_metadata::Package;
use cargo_metadata::camino::Utf8Path;

use crate::release::history;
use crate::step::{Outcome, Session};
use crate::tools::{CARGO_CHECK_EXTERNAL_TYPES, CARGO_MACHETE, CARGO_SEMVER_CHECKS};

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
