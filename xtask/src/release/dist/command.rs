//! The command as it is handed out: built, stripped, with its completions.

use anyhow::Context as _;
use cargo_metadata::camino::Utf8Path;

use crate::step::{Outcome, Session};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

pub(super) fn run(session: &mut Session, dist: &Utf8Path) -> anyhow::Result<()> {
    let target = session.workspace()?.metadata.target_directory.clone();
    let name = format!("humanapi{}", std::env::consts::EXE_SUFFIX);
    let binary = dist.join(&name);
    let built = session.step("build the command", |session| {
        let outcome = session.run(
            session
                .cargo("build")
                .args(["-p", "humanapi-cli", "--release", "--all-features"])
                // Symbols are for whoever debugs; the archive is for whoever runs it.
                .env("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
        )?;
        if outcome != Outcome::Ok {
            return Ok(outcome);
        }
        let built = target.join("release").join(&name);
        let size = std::fs::copy(&built, &binary)
            .with_context(|| format!("cannot copy {built} to {binary}"))?;
        Ok(Outcome::Told(format!("{size} bytes, stripped")))
    });
    if !built {
        return Ok(());
    }
    session.step("shell completions", |session| {
        for shell in SHELLS {
            let script = session.read(session.program(&binary).args(["completions", shell]))?;
            let file = dist.join(format!("humanapi.{shell}"));
            std::fs::write(&file, script).with_context(|| format!("cannot write {file}"))?;
        }
        Ok(Outcome::Ok)
    });
    Ok(())
}
