//! Prints `docs/token-rules.md` as the rule table renders it, for `cargo xtask codegen`.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(humanapi_core::rules::render().as_bytes())
}
