//! `wasm`: core must compile where there is no file system, no network and no clock.

use crate::step::{Outcome, Session};
use crate::tools::WASM_LIBRARY;

const TARGET: &str = "wasm32-unknown-unknown";

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step("humanapi-core for wasm32", |session| {
        if WASM_LIBRARY.found(session.programs())?.is_none() {
            return Ok(Outcome::Failed(WASM_LIBRARY.missing()));
        }
        session.run(
            session
                .cargo("build")
                .args(["-p", "humanapi-core", "--target", TARGET]),
        )
    });
    Ok(())
}
