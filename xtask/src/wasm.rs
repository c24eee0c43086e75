//! `wasm`: core must compile where there is no file system, no network and no clock.

use std::path::Path;

use crate::step::{Outcome, Session, Tool};

const TARGET: &str = "wasm32-unknown-unknown";

const STANDARD_LIBRARY: Tool = Tool {
    name: "the standard library for wasm32-unknown-unknown",
    verb: "wasm",
    install: "rustup target add wasm32-unknown-unknown",
};

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step("humanapi-core for wasm32", |session| {
        let libraries = session.read(session.program("rustc").args([
            "--print",
            "target-libdir",
            "--target",
            TARGET,
        ]))?;
        if !Path::new(libraries.trim()).is_dir() {
            return Ok(Outcome::Failed(STANDARD_LIBRARY.missing()));
        }
        session.run(
            session
                .cargo("build")
                .args(["-p", "humanapi-core", "--target", TARGET]),
        )
    });
    Ok(())
}
