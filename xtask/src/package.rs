//! `package`: everything that is to be published can be packaged.

use crate::step::Session;

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    let names: Vec<String> = session
        .workspace()?
        .published()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    // All in one call: crates that are not published yet stand in for each other.
    session.step("publishable crates", |session| {
        let mut cmd = session
            .cargo("package")
            .args(["--allow-dirty", "--no-verify"]);
        for name in &names {
            cmd = cmd.args(["-p", name]);
        }
        session.run(cmd)
    });
    Ok(())
}
